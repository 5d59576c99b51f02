//! What the threads and the searches share.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;
use pharos_activity::{Status, Stored};

use crate::Config;
use crate::codec::Row;
use crate::disk::Disk;
use crate::frame;
use crate::manifest::{Entry, Manifest};
use crate::spool::Spool;

/// Counts since start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) recorded: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) spooled: AtomicU64,
    pub(crate) dropped: AtomicU64,
    /// Handed to the spooler and not yet in the spool file.
    pub(crate) overflowing: AtomicU64,
}

/// A head: events in a log in the order they came, until sealed. They are read back from the log,
/// which the system holds in its cache; nothing of them is kept in memory here.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    /// Places of frames that stand in an earlier head or earlier in this one as well.
    hidden: HashSet<usize>,
    facts: Mutex<Facts>,
}

/// What is known of a head without reading it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// Events to be seen.
    pub(crate) events: usize,
    /// Bytes of whole frames, the file's first bytes included.
    pub(crate) length: u64,
    /// The time of the event that came first.
    pub(crate) first: Option<Timestamp>,
    /// The time of the event that came last.
    pub(crate) last: Option<Timestamp>,
    /// The earliest time of all.
    pub(crate) oldest: Option<Timestamp>,
}

impl Facts {
    /// Takes one more event into account.
    pub(crate) fn add(&mut self, at: Timestamp) {
        self.events += 1;
        self.first.get_or_insert(at);
        self.last = Some(at);
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
    }
}

impl Head {
    pub(crate) fn new(number: u64, path: PathBuf) -> Self {
        Self::found(number, path, HashSet::new(), Facts::default())
    }

    /// A head that an earlier run left.
    pub(crate) fn found(number: u64, path: PathBuf, hidden: HashSet<usize>, facts: Facts) -> Self {
        Self {
            number,
            path,
            hidden,
            facts: Mutex::new(facts),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        *self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These events are in the log now, which is so long.
    pub(crate) fn grew(&self, events: &[Stored], length: u64) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        for stored in events {
            facts.add(stored.event.at);
        }
        facts.length = length;
    }

    /// The whole frames written so far.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let length = self.facts().length;
        let mut bytes = Vec::new();
        if length > 0 {
            bytes.reserve_exact(usize::try_from(length).unwrap_or_default());
            File::open(&self.path)?
                .take(length)
                .read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// Each event to be seen of [`Self::bytes`], with the place of its frame.
    pub(crate) fn each<'a>(&self, bytes: &'a [u8], mut take: impl FnMut(usize, Row<'a>)) {
        frame::each(bytes, frame::first(bytes), |place, row| {
            if !self.hidden.contains(&place) {
                take(place, row);
            }
        });
    }
}

/// What there is to search: changed as one, so that no event is seen twice or missed while it
/// moves from a head to a segment.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Oldest first; the last one is being written.
    pub(crate) heads: Vec<Arc<Head>>,
    pub(crate) manifest: Manifest,
}

/// Things that are wrong now.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) writing: Option<String>,
    pub(crate) sealing: Option<String>,
    pub(crate) files: Vec<String>,
}

pub(crate) struct Engine {
    pub(crate) folder: PathBuf,
    pub(crate) config: Config,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) counters: Counters,
    pub(crate) spool: Spool,
    state: RwLock<State>,
    problems: Mutex<Problems>,
    /// Sealing and retention take turns.
    commit: Mutex<()>,
}

impl Engine {
    pub(crate) fn new(
        folder: PathBuf,
        config: Config,
        disk: Arc<dyn Disk>,
        spool: Spool,
        state: State,
        files: Vec<String>,
    ) -> Self {
        Self {
            folder,
            config,
            disk,
            counters: Counters::default(),
            spool,
            state: RwLock::new(state),
            problems: Mutex::new(Problems {
                files,
                ..Problems::default()
            }),
            commit: Mutex::new(()),
        }
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn problems(&self) -> MutexGuard<'_, Problems> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn commit(&self) -> MutexGuard<'_, ()> {
        self.commit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn head_path(&self, number: u64) -> PathBuf {
        self.folder.join("head").join(format!("{number:012}.log"))
    }

    pub(crate) fn segment_path(&self, entry: &Entry) -> PathBuf {
        self.folder.join("segments").join(entry.file())
    }

    pub(crate) fn rollup_path(&self, entry: &Entry) -> PathBuf {
        self.folder.join("segments").join(entry.rollup_file())
    }

    /// Writes the inventory and only then lets it be seen.
    pub(crate) fn put_manifest(&self, manifest: &Manifest) -> std::io::Result<()> {
        self.disk
            .put(&self.folder.join("manifest"), manifest.to_text().as_bytes())
    }

    pub(crate) fn status(&self) -> Status {
        let (events, bytes, segments) = {
            let state = self.state();
            let heads: u64 = state
                .heads
                .iter()
                .map(|head| head.facts().events as u64)
                .sum();
            let entries = &state.manifest.entries;
            let rows: u64 = entries.iter().map(|entry| entry.rows).sum();
            (
                heads + rows,
                entries.iter().map(|entry| entry.bytes).sum(),
                entries.len() as u64,
            )
        };
        let dropped = self.counters.dropped.load(Relaxed);
        let problem = {
            let problems = self.problems();
            let lost = (dropped > 0).then(|| {
                format!("{dropped} events were lost because queue and spool were full; free disk space or raise the spool's size")
            });
            let parts: Vec<String> = [&problems.writing, &problems.sealing, &lost]
                .into_iter()
                .flatten()
                .cloned()
                .chain(problems.files.iter().cloned())
                .collect();
            (!parts.is_empty()).then(|| parts.join("; "))
        };
        Status {
            recorded: self.counters.recorded.load(Relaxed),
            written: self.counters.written.load(Relaxed),
            spooled: self.counters.spooled.load(Relaxed),
            dropped,
            waiting: self.spool.waiting(),
            events,
            bytes,
            segments,
            problem,
        }
    }
}
