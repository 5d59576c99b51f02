//! Where events go when the queue is full: a bounded file, read back when the writer has caught
//! up. Written by a thread of its own, never by the one that records.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pharos_activity::Stored;

use crate::codec::Shared;
use crate::disk::{Disk, Log};
use crate::engine::Engine;
use crate::frame;

pub(crate) struct Spool {
    path: PathBuf,
    most: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    log: Box<dyn Log>,
    length: u64,
    waiting: u64,
    /// A failed write may have left part of a frame behind.
    cut: bool,
}

impl Spool {
    /// Opens the spool with what an earlier run left in it: so many bytes and events.
    pub(crate) fn open(
        disk: &dyn Disk,
        path: &Path,
        most: u64,
        length: u64,
        waiting: u64,
    ) -> io::Result<Self> {
        let mut log = disk.append(path)?;
        log.cut(length)?;
        let inner = Inner {
            log,
            length,
            waiting,
            cut: false,
        };
        Ok(Self {
            path: path.to_owned(),
            most,
            inner: Mutex::new(inner),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events wait in the file.
    pub(crate) fn waiting(&self) -> u64 {
        self.inner().waiting
    }

    /// Appends one event; `false` where it does not fit or cannot be written.
    fn push(&self, stored: &Stored) -> bool {
        let mut bytes = Vec::with_capacity(512);
        frame::push(&mut bytes, stored);
        let mut inner = self.inner();
        if inner.length + bytes.len() as u64 > self.most {
            return false;
        }
        if inner.cut {
            let length = inner.length;
            if inner.log.cut(length).is_err() {
                return false;
            }
            inner.cut = false;
        }
        if inner.log.write(&bytes).is_err() {
            inner.cut = true;
            return false;
        }
        inner.length += bytes.len() as u64;
        inner.waiting += 1;
        true
    }

    /// Hands what waits to `take`, without those in `seen`, and empties the file once `take` has
    /// made them last. `seen` grows with what was taken before a failure, so that a later try
    /// does not take it twice.
    pub(crate) fn drain(
        &self,
        seen: &mut HashSet<u64>,
        mut take: impl FnMut(Vec<Stored>) -> io::Result<()>,
    ) -> io::Result<bool> {
        const CHUNK: usize = 4096;
        let mut inner = self.inner();
        if inner.length == 0 {
            return Ok(false);
        }
        let bytes = fs::read(&self.path)?;
        let mut events = frame::read(&bytes, 0, &mut Shared::default()).events;
        drop(bytes);
        events.retain(|stored| !seen.contains(&stored.number));
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(CHUNK));
            let numbers: Vec<u64> = events.iter().map(|stored| stored.number).collect();
            take(std::mem::replace(&mut events, rest))?;
            seen.extend(numbers);
        }
        take(Vec::new())?;
        inner.log.cut(0)?;
        inner.length = 0;
        inner.waiting = 0;
        inner.cut = false;
        seen.clear();
        Ok(true)
    }
}

/// The spooler thread: takes what the queue could not and puts it into the file, until it is handed
/// `None`.
pub(crate) fn run(engine: &Engine, overflow: &Receiver<Option<Box<Stored>>>) {
    while let Ok(Some(stored)) = overflow.recv() {
        let Stored { number, event } = *stored;
        let event = crate::keep(event);
        let stored = Stored { number, event };
        let counter = if engine.spool.push(&stored) {
            &engine.counters.spooled
        } else {
            &engine.counters.dropped
        };
        counter.fetch_add(1, Relaxed);
        engine.counters.overflowing.fetch_sub(1, Relaxed);
    }
}
