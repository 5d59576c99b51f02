//! The writer thread: queue to head, synced together at most every [`Config::sync_every`].
//!
//! It is never woken for an event: it looks at the queue every few milliseconds, so that recording
//! costs no system call. A disk that fails holds it back; the queue then fills, the spool after
//! it, and both are counted. When the disk works again it goes on by itself.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use pharos_activity::{StoreError, Stored};
use tokio::sync::oneshot;

use crate::disk::Log;
use crate::engine::{Engine, Head};
use crate::frame;

/// How often an idle writer looks at the queue.
const TICK: Duration = Duration::from_millis(10);
/// How long it waits after a failure.
const RETRY: Duration = Duration::from_millis(200);
/// A head with fewer events is not sealed for its age alone: a clock that jumps to and fro must
/// not make a segment of every few events.
const LEAST: usize = 1024;
/// Most events written in one go.
const BATCH: usize = 4096;

/// What the writer may be asked for.
pub(crate) enum Control {
    /// Write and sync all that was recorded before.
    Flush(oneshot::Sender<Result<(), StoreError>>),
    /// As flush, then begin a new head, so that the present one is sealed.
    Rotate(oneshot::Sender<Result<(), StoreError>>),
}

pub(crate) struct Writer {
    pub(crate) engine: Arc<Engine>,
    pub(crate) queue: Receiver<Box<Stored>>,
    pub(crate) control: Receiver<Control>,
    /// Tells the sealer that a head waits.
    pub(crate) sealer: Sender<()>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Numbers found in heads at start that may be in the spool as well.
    pub(crate) seen: HashSet<u64>,
    pub(crate) log: HeadLog,
}

/// How a round of the writer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// There may be more to do at once.
    More,
    /// Nothing waits.
    Idle,
    /// Events wait until the sealer, which is at work, has caught up.
    Held,
}

/// The head file being written.
pub(crate) struct HeadLog {
    log: Box<dyn Log>,
    /// Bytes of whole frames.
    length: u64,
    /// A failed write may have left part of a frame behind.
    cut: bool,
    dirty: bool,
    synced: Instant,
    /// Events taken from the queue and not yet written.
    pending: Vec<Stored>,
    bytes: Vec<u8>,
}

impl HeadLog {
    pub(crate) fn open(engine: &Engine, path: &Path, length: u64) -> io::Result<Self> {
        let mut log = engine.disk.append(path)?;
        log.cut(length)?;
        let now = Instant::now();
        Ok(Self {
            log,
            length,
            cut: false,
            dirty: false,
            synced: now,
            pending: Vec::new(),
            bytes: Vec::new(),
        })
    }

    fn write(&mut self, engine: &Engine, head: &Head) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.cut {
            self.log.cut(self.length)?;
            self.cut = false;
        }
        self.bytes.clear();
        if self.length == 0 {
            self.bytes.extend_from_slice(frame::MAGIC);
        }
        for stored in &self.pending {
            frame::push(&mut self.bytes, stored);
        }
        if let Err(error) = self.log.write(&self.bytes) {
            self.cut = true;
            return Err(error);
        }
        self.length += self.bytes.len() as u64;
        self.dirty = true;
        engine
            .counters
            .written
            .fetch_add(self.pending.len() as u64, Relaxed);
        head.grew(&self.pending, self.length);
        self.pending.clear();
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.dirty {
            self.log.sync()?;
            self.dirty = false;
            self.synced = Instant::now();
        }
        Ok(())
    }
}

impl Writer {
    /// Runs until told to stop, then writes what is left.
    pub(crate) fn run(mut self) {
        loop {
            let stopping = self.stop.load(Relaxed);
            let result = self.turn();
            self.note(&result);
            match self.control.try_recv() {
                Ok(control) => self.answer(control),
                Err(_) if stopping => break,
                Err(_) => match result {
                    Ok(Round::More) => {}
                    Ok(Round::Idle | Round::Held) => thread::park_timeout(TICK),
                    Err(_) => thread::park_timeout(RETRY),
                },
            }
        }
        if let Err(error) = self.settle() {
            let lost = self.log.pending.len();
            tracing::error!(lost, %error, "activity events could not be written at shutdown");
        }
    }

    fn note(&self, result: &io::Result<Round>) {
        let problem = result.as_ref().err().map(|error| {
            format!("activity events cannot be written ({error}); they wait in memory and spool: free disk space")
        });
        let mut problems = self.engine.problems();
        if problems.writing != problem {
            match &problem {
                Some(problem) => tracing::error!("{problem}"),
                None => tracing::info!("activity events are written again"),
            }
            problems.writing = problem;
        }
    }

    fn turn(&mut self) -> io::Result<Round> {
        let head = self.head()?;
        // At shutdown the sealer has gone, and what is queued matters more than the size of a head.
        let full_up = head.facts().events >= self.engine.config.seal_events && self.heads_pile_up();
        if full_up && !self.stop.load(Relaxed) {
            self.log.sync()?;
            return match &self.engine.problems().sealing {
                None => Ok(Round::Held),
                Some(problem) => Err(io::Error::other(problem.clone())),
            };
        }
        self.log.write(&self.engine, &head)?;
        let mut full = false;
        while !full && let Ok(stored) = self.queue.try_recv() {
            let Stored { number, event } = *stored;
            let event = crate::keep(event);
            self.log.pending.push(Stored { number, event });
            full = self.log.pending.len() >= BATCH;
        }
        self.log.write(&self.engine, &head)?;
        let drained = !full && self.drain_spool(&head)?;
        if self.log.dirty && self.log.synced.elapsed() >= self.engine.config.sync_every {
            self.log.sync()?;
        }
        if self.is_full(&head) && self.may_rotate() {
            self.rotate(&head)?;
        }
        Ok(if full || drained {
            Round::More
        } else {
            Round::Idle
        })
    }

    fn head(&self) -> io::Result<Arc<Head>> {
        let state = self.engine.state();
        state
            .heads
            .last()
            .cloned()
            .ok_or_else(|| io::Error::other("no head is open"))
    }

    fn drain_spool(&mut self, head: &Head) -> io::Result<bool> {
        let (engine, log) = (&self.engine, &mut self.log);
        engine.spool.drain(&mut self.seen, |events| {
            if events.is_empty() {
                return log.sync();
            }
            log.pending = events;
            let written = log.write(engine, head);
            if written.is_err() {
                // They are still in the spool.
                log.pending.clear();
            }
            written
        })
    }

    fn is_full(&self, head: &Head) -> bool {
        let facts = head.facts();
        let span = match (facts.first, facts.last) {
            (Some(first), Some(last)) => last.duration_since(first),
            _ => return false,
        };
        facts.events >= self.engine.config.seal_events
            || (facts.events >= LEAST && span.unsigned_abs() >= self.engine.config.seal_span)
    }

    fn heads_pile_up(&self) -> bool {
        self.engine.state().heads.len() > self.engine.config.waiting_heads
    }

    /// Not while heads pile up, and not while the spool is half taken over.
    fn may_rotate(&self) -> bool {
        !self.heads_pile_up() && self.seen.is_empty()
    }

    fn rotate(&mut self, head: &Head) -> io::Result<()> {
        self.log.sync()?;
        let number = head.number + 1;
        let path = self.engine.head_path(number);
        self.log = HeadLog::open(&self.engine, &path, 0)?;
        self.engine
            .change()
            .heads
            .push(Arc::new(Head::new(number, path)));
        // A sealer that is gone means shutdown; the head is sealed after the next start.
        let _ = self.sealer.send(());
        Ok(())
    }

    /// Writes and syncs all there is.
    fn settle(&mut self) -> io::Result<()> {
        loop {
            let round = self.turn()?;
            let overflowing = self.engine.counters.overflowing.load(Relaxed) > 0;
            match round {
                Round::More => {}
                Round::Idle if !overflowing => return self.log.sync(),
                Round::Idle | Round::Held => thread::park_timeout(Duration::from_millis(1)),
            }
        }
    }

    fn answer(&mut self, control: Control) {
        let result = self.settle();
        let failed = |error| StoreError::Io {
            what: "write its head".into(),
            source: error,
        };
        // Whoever asked may have gone away; that is their right.
        let _ = match control {
            Control::Flush(reply) => reply.send(result.map_err(failed)),
            Control::Rotate(reply) => {
                let rotated = result.and_then(|()| {
                    let head = self.head()?;
                    if head.facts().events == 0 {
                        Ok(())
                    } else {
                        self.rotate(&head)
                    }
                });
                reply.send(rotated.map_err(failed))
            }
        };
    }
}
