//! The engine from outside: open, search, close.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_activity::{
    Counted, Deleted, Found, Query, Retention, Shown, Sink, Span, Status, Store, StoreError,
    Stored, Summary, Visitor,
};
use tokio::sync::{Semaphore, oneshot};

use crate::disk::{Disk, RealDisk, private_folder};
use crate::engine::Engine;
use crate::record::Recorder;
use crate::spool::{self, Spool};
use crate::writer::{Control, HeadLog, Writer};
use crate::{Config, recover, retain, seal, search, visit};

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the activity folder {0} is in use by another Pharos; stop that one first")]
    InUse(PathBuf),
    /// The folder or a file in it cannot be used.
    #[error(
        "the activity folder {folder} cannot be used: {source}; check that it exists, is on a working disk and belongs to the account that Pharos runs as"
    )]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What start-up found and put right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Events found in head files, not yet sealed.
    pub head_events: u64,
    /// Events found in the spool and nowhere else.
    pub spool_events: u64,
    /// Bytes of half-written events cut from the ends of head files: at most the last second
    /// before a crash.
    pub torn_bytes: u64,
    /// Bytes inside head files that could not be read. Not from a crash: a failing disk.
    pub unreadable_bytes: u64,
    /// Unfinished or replaced files removed.
    pub leftovers_removed: u64,
    /// What a person should look at, in words.
    pub problems: Vec<String>,
}

/// An open store.
pub struct Opened {
    /// The store, for searching; closing it (or dropping it) writes what is queued.
    pub store: Arc<Embedded>,
    /// Where the faces hand events in.
    pub sink: Arc<dyn Sink>,
    /// What start-up found and put right.
    pub recovered: Recovered,
}

/// The embedded activity store.
pub struct Embedded {
    engine: Arc<Engine>,
    control: Sender<Control>,
    stop_spooler: SyncSender<Option<Box<Stored>>>,
    wake_sealer: Sender<()>,
    stop: Arc<AtomicBool>,
    threads: Mutex<Option<Threads>>,
    searches: Arc<Semaphore>,
    writer: thread::Thread,
    _lock: File,
}

struct Threads {
    spooler: JoinHandle<()>,
    writer: JoinHandle<()>,
    sealer: JoinHandle<()>,
}

impl Embedded {
    /// Opens the store in this folder, making it if needed; recovers from a crash first.
    ///
    /// # Errors
    /// Where the folder cannot be used or another process uses it.
    pub fn open(folder: &Path, config: Config) -> Result<Opened, OpenError> {
        Self::open_on(folder, config, Arc::new(RealDisk))
    }

    pub(crate) fn open_on(
        folder: &Path,
        config: Config,
        disk: Arc<dyn Disk>,
    ) -> Result<Opened, OpenError> {
        let failed = |source| OpenError::Io {
            folder: folder.to_owned(),
            source,
        };
        let lock = prepare(folder)?;
        let start = recover::start(folder).map_err(failed)?;
        let spool_path = folder.join("spool.log");
        let spool = Spool::open(
            &*disk,
            &spool_path,
            config.spool_bytes,
            start.spool_length,
            start.spool_events,
        )
        .map_err(failed)?;
        let searches = Arc::new(Semaphore::new(config.searches.max(1)));
        let (queue, queued) = sync_channel(config.queue.max(1));
        let (overflow, overflowed) = sync_channel(config.queue.div_ceil(4).max(1));
        let problems = start.recovered.problems.clone();
        let engine = Engine::new(
            folder.to_owned(),
            config,
            disk,
            spool,
            start.state,
            problems,
        );
        let engine = Arc::new(engine);
        let head = engine.state().heads.last().cloned();
        let path = head.map_or_else(|| engine.head_path(1), |head| head.path.clone());
        let log = HeadLog::open(&engine, &path, start.head_length).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stop_spooler = overflow.clone();
        let (control, controls) = mpsc::channel();
        let (wake_sealer, sealer_woken) = mpsc::channel();
        let writer = Writer {
            engine: Arc::clone(&engine),
            queue: queued,
            control: controls,
            sealer: wake_sealer.clone(),
            stop: Arc::clone(&stop),
            seen: start.seen,
            log,
        };
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new()
                .name(name.into())
                .spawn(work)
                .map_err(failed)
        };
        let for_spooler = Arc::clone(&engine);
        let (for_sealer, sealer_stop) = (Arc::clone(&engine), Arc::clone(&stop));
        let threads = Threads {
            spooler: spawn(
                "activity-spool",
                Box::new(move || spool::run(&for_spooler, &overflowed)),
            )?,
            sealer: spawn(
                "activity-seal",
                Box::new(move || seal::run(&for_sealer, &sealer_woken, &sealer_stop)),
            )?,
            writer: spawn("activity-write", Box::new(move || writer.run()))?,
        };
        let sink: Arc<dyn Sink> = Arc::new(Recorder {
            engine: Arc::clone(&engine),
            queue,
            overflow,
            next: AtomicU64::new(start.next),
        });
        let store = Self {
            engine,
            control,
            stop_spooler,
            wake_sealer,
            stop,
            writer: threads.writer.thread().clone(),
            threads: Mutex::new(Some(threads)),
            searches,
            _lock: lock,
        };
        Ok(Opened {
            store: Arc::new(store),
            sink,
            recovered: start.recovered,
        })
    }

    /// Writes what is queued and stops the threads. Events recorded afterwards are counted as
    /// dropped.
    pub fn close(&self) {
        let threads = self
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(threads) = threads else { return };
        // Threads that are gone already need no word.
        let _ = self.stop_spooler.send(None);
        let mut failed = threads.spooler.join().is_err();
        self.stop.store(true, Relaxed);
        let _ = self.wake_sealer.send(());
        self.writer.unpark();
        failed |= threads.writer.join().is_err();
        failed |= threads.sealer.join().is_err();
        if failed {
            tracing::error!("a thread of the activity store failed; the last events may be lost");
        }
    }

    /// Seals everything recorded so far into segments.
    ///
    /// # Errors
    /// Where the disk fails; nothing is lost then.
    pub async fn seal(&self) -> Result<(), StoreError> {
        self.ask(Control::Rotate).await?;
        let engine = Arc::clone(&self.engine);
        self.work(move || {
            seal::seal_waiting(&engine);
            match engine.problems().sealing.clone() {
                Some(problem) => Err(StoreError::Io {
                    what: "seal its head".into(),
                    source: io::Error::other(problem),
                }),
                None => Ok(()),
            }
        })
        .await?
    }

    #[cfg(test)]
    pub(crate) fn overflowing(&self) -> u64 {
        self.engine.counters.overflowing.load(Relaxed)
    }

    async fn ask(
        &self,
        what: fn(oneshot::Sender<Result<(), StoreError>>) -> Control,
    ) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.control
            .send(what(reply))
            .map_err(|_| StoreError::Closed)?;
        self.writer.unpark();
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs work that reads files, a few at a time, off the async threads.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.searches)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        task.await.map_err(|error| StoreError::Damaged {
            what: format!("a segment: the reader failed ({error})"),
        })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

/// How often the lock is tried, and how long is waited between.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// Makes the folders and takes the lock.
fn prepare(folder: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Io {
        folder: folder.to_owned(),
        source,
    };
    for place in [
        folder.to_owned(),
        folder.join("head"),
        folder.join("segments"),
    ] {
        private_folder(&place).map_err(failed)?;
    }
    let lock = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join("lock"))
        .map_err(failed)?;
    // A server that is just closing, or a process being forked, may hold it a moment longer.
    let mut tries = 0;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(fs::TryLockError::WouldBlock) if tries < LOCK_TRIES => thread::sleep(LOCK_PAUSE),
            Err(fs::TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        tries += 1;
    }
}

#[async_trait]
impl Store for Embedded {
    async fn search(&self, query: &Query) -> Result<Found, StoreError> {
        let (engine, query) = (Arc::clone(&self.engine), query.clone());
        self.work(move || search::search(&engine, &query)).await?
    }

    async fn count(&self, query: &Query) -> Result<Counted, StoreError> {
        let (engine, query) = (Arc::clone(&self.engine), query.clone());
        self.work(move || search::count(&engine, &query)).await
    }

    async fn summary(&self, from: Timestamp, to: Timestamp) -> Result<Summary, StoreError> {
        let engine = Arc::clone(&self.engine);
        self.work(move || search::summary(&engine, from, to)).await
    }

    async fn visit(&self, span: &Span, visitor: Arc<dyn Visitor>) -> Result<Shown, StoreError> {
        let (engine, span) = (Arc::clone(&self.engine), *span);
        self.work(move || visit::visit(&engine, &span, &*visitor))
            .await
    }

    async fn retain(&self, retention: &Retention) -> Result<Deleted, StoreError> {
        self.flush().await?;
        let old_in_head = {
            let state = self.engine.state();
            let old = |head: &Arc<crate::engine::Head>| {
                head.facts()
                    .oldest
                    .is_some_and(|oldest| oldest < retention.before)
            };
            state.heads.iter().any(old)
        };
        if old_in_head {
            self.seal().await?;
        }
        let (engine, retention) = (Arc::clone(&self.engine), retention.clone());
        self.work(move || retain::retain(&engine, &retention))
            .await?
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.ask(Control::Flush).await
    }

    fn status(&self) -> Status {
        self.engine.status()
    }
}
