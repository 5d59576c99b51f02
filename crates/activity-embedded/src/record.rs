//! The hot end: one event in, no waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError};

use pharos_activity::{Event, Sink, Stored};

use crate::engine::Engine;

/// Puts events into the bounded queue; when it is full, to the spooler; when that is full too, it
/// counts them as dropped. It takes no lock, makes no system call but the wake-up of an idle
/// spooler, and never waits.
pub(crate) struct Recorder {
    pub(crate) engine: Arc<Engine>,
    /// Of boxes: a queue has room for all that it may ever hold, and this is a thirtieth of it.
    pub(crate) queue: SyncSender<Box<Stored>>,
    pub(crate) overflow: SyncSender<Option<Box<Stored>>>,
    pub(crate) next: AtomicU64,
}

impl Sink for Recorder {
    fn record(&self, event: Event) {
        let counters = &self.engine.counters;
        counters.recorded.fetch_add(1, Relaxed);
        let number = self.next.fetch_add(1, Relaxed);
        let stored = match self.queue.try_send(Box::new(Stored { number, event })) {
            Ok(()) => return,
            Err(TrySendError::Full(stored) | TrySendError::Disconnected(stored)) => stored,
        };
        counters.overflowing.fetch_add(1, Relaxed);
        if self.overflow.try_send(Some(stored)).is_err() {
            counters.overflowing.fetch_sub(1, Relaxed);
            counters.dropped.fetch_add(1, Relaxed);
        }
    }
}
