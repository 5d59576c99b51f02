//! One request's event, handed in when its last byte has gone (MON-01).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pharos_activity::{Event, Sink};

/// Counts the bytes of one request and records its event when the last holder lets go, whether
/// the answer ended, broke off or was never read.
pub(crate) struct Tally {
    up: AtomicU64,
    down: AtomicU64,
    event: Mutex<Option<Event>>,
    /// What was asked of a tool of generative AI, as far as it may be kept.
    said: Mutex<Option<Box<str>>>,
    sink: Arc<dyn Sink>,
}

impl Tally {
    pub(crate) fn new(event: Event, sink: &Arc<dyn Sink>) -> Arc<Self> {
        Arc::new(Self {
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            event: Mutex::new(Some(event)),
            said: Mutex::default(),
            sink: Arc::clone(sink),
        })
    }

    pub(crate) fn up(&self, bytes: usize) {
        self.up.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The request did not go through after all: the event says so, and why.
    pub(crate) fn end_as(&self, action: &'static str, rule: &str) {
        let mut event = self.event.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = event.as_mut() {
            event.action = action;
            event.rule = rule.into();
        }
    }

    /// The request did not go through after all: this is its event, with the bytes counted so far.
    pub(crate) fn become_event(&self, event: Event) {
        let mut held = self.event.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            *held = Some(event);
        }
    }

    /// What the request asks of a tool: kept with its event, whatever becomes of it.
    pub(crate) fn says(&self, prompt: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        *said = Some(prompt.into());
    }

    /// Adds what was done with the answer to the event's rule.
    pub(crate) fn adds(&self, what: &str) {
        let mut event = self.event.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event) = event.as_mut() {
            event.rule = format!("{} ({what})", event.rule).into();
        }
    }

    /// Bytes sent up so far.
    pub(crate) fn sent(&self) -> u64 {
        self.up.load(Ordering::Relaxed)
    }

    /// Bytes moved in both directions so far.
    pub(crate) fn moved(&self) -> u64 {
        self.sent() + self.down.load(Ordering::Relaxed)
    }

    pub(crate) fn down(&self, bytes: usize) {
        self.down.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let event = self
            .event
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut event) = event {
            event.bytes_up = self.up.load(Ordering::Relaxed);
            event.bytes_down = self.down.load(Ordering::Relaxed);
            let said = self.said.get_mut().unwrap_or_else(PoisonError::into_inner);
            if event.sealed.is_none() && event.search.is_none() {
                event.search = said.take();
            }
            self.sink.record(event);
        }
    }
}
