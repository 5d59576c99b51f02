//! What happens when the disk is full: tested with a disk that is.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use pharos_activity::{Event, Query, Store};
use pharos_school::{Face, Unknown, Who};

use crate::disk::{Disk, Log, RealDisk};
use crate::{Config, Embedded};

/// The real disk until it is full; then writes fail, half done.
struct FullDisk {
    full: Arc<AtomicBool>,
    /// Whether the spool is on the full disk as well.
    spool_too: bool,
}

struct FullLog(Box<dyn Log>, Arc<AtomicBool>);

impl Disk for FullDisk {
    fn append(&self, path: &Path) -> io::Result<Box<dyn Log>> {
        let log = RealDisk.append(path)?;
        let spared = path.ends_with("spool.log") && !self.spool_too;
        Ok(if spared {
            log
        } else {
            Box::new(FullLog(log, Arc::clone(&self.full)))
        })
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.full.load(SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        RealDisk.put(path, bytes)
    }
}

impl Log for FullLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.1.load(SeqCst) {
            self.0.write(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.cut(length)
    }
}

fn event(second: i64) -> Event {
    Event {
        at: jiff::Timestamp::from_second(1_790_000_000 + second).unwrap(),
        who: Who::Unknown {
            why: Unknown::NoSignIn,
            device: None,
        },
        group: None,
        address: [10, 0, 0, 1].into(),
        face: Face::Dns,
        host: format!("h{second}").into(),
        path: None,
        action: "block",
        rule: "strictest".into(),
        categories: Vec::new().into(),
        policy_version: 1,
        catalogue_version: 1,
        search: None,
        sealed: None,
        bytes_up: 0,
        bytes_down: 0,
    }
}

fn wait(mut until: impl FnMut() -> bool) {
    while !until() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

async fn numbers(store: &dyn Store) -> Vec<i64> {
    let found = store
        .search(&Query {
            limit: 10_000,
            ..Query::default()
        })
        .await
        .unwrap();
    found
        .events
        .iter()
        .rev()
        .map(|s| s.event.host[1..].parse().unwrap())
        .collect()
}

const QUEUE: usize = 32;

fn config() -> Config {
    Config {
        queue: QUEUE,
        ..Config::default()
    }
}

/// A full disk: recording goes on, the spool takes what the queue cannot, status says so; with
/// space again everything is written by itself, once and in order.
#[tokio::test]
async fn a_full_disk_spools_and_recovers_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let disk = Arc::new(FullDisk {
        full: Arc::clone(&full),
        spool_too: false,
    });
    let opened = Embedded::open_on(folder.path(), config(), disk).unwrap();
    opened.sink.record(event(0));
    opened.store.flush().await.unwrap();
    full.store(true, SeqCst);
    for second in 1..2000 {
        if second == 2 {
            // From here the writer takes nothing from the queue.
            wait(|| opened.store.status().problem.is_some());
        }
        opened.sink.record(event(second));
        // The spooler keeps up; this is about the disk, not about a burst.
        wait(|| opened.store.engine_waits_for_at_most(4));
    }
    let status = opened.store.status();
    assert!(
        status
            .problem
            .as_deref()
            .is_some_and(|p| p.contains("free disk space")),
        "{status:?}"
    );
    assert!(status.spooled > 1000 && status.dropped == 0, "{status:?}");
    assert!(
        opened.store.flush().await.is_err(),
        "nothing may be acknowledged now"
    );
    full.store(false, SeqCst);
    wait(|| opened.store.status().written == 2000);
    wait(|| opened.store.status().problem.is_none());
    opened.store.flush().await.unwrap();
    assert_eq!(numbers(&*opened.store).await, (0..2000).collect::<Vec<_>>());
    drop((opened.sink, opened.store));
    let again = Embedded::open(folder.path(), config()).unwrap();
    assert_eq!(numbers(&*again.store).await, (0..2000).collect::<Vec<_>>());
}

/// A full disk that takes no spool either: what is lost is counted exactly, and never silent.
#[tokio::test]
async fn what_cannot_be_kept_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(true));
    let disk = Arc::new(FullDisk {
        full: Arc::clone(&full),
        spool_too: true,
    });
    let opened = Embedded::open_on(folder.path(), config(), disk).unwrap();
    for second in 0..5000 {
        if second == 1 {
            wait(|| opened.store.status().problem.is_some());
        }
        opened.sink.record(event(second));
    }
    wait(|| opened.store.status().dropped > 0);
    full.store(false, SeqCst);
    wait(|| opened.store.flush_now());
    let status = opened.store.status();
    assert_eq!(status.recorded, 5000);
    assert_eq!(status.written + status.dropped, 5000, "{status:?}");
    assert_eq!(status.events, status.written);
    assert!(
        status
            .problem
            .as_deref()
            .is_some_and(|p| p.contains("were lost")),
        "{status:?}"
    );
    // With space again new events are kept.
    opened.sink.record(event(9999));
    opened.store.flush().await.unwrap();
    assert_eq!(numbers(&*opened.store).await.last(), Some(&9999));
}

impl Embedded {
    /// Whether nothing waits any more.
    fn flush_now(&self) -> bool {
        let status = self.status();
        status.waiting == 0 && status.recorded == status.written + status.dropped
    }
}

/// A crash with events in the spool, some of them already taken over: each is there once.
#[tokio::test]
async fn the_spool_survives_a_crash_without_doubling() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(true));
    let disk = Arc::new(FullDisk {
        full: Arc::clone(&full),
        spool_too: false,
    });
    let opened = Embedded::open_on(folder.path(), config(), disk).unwrap();
    for second in 0..500 {
        if second == 1 {
            wait(|| opened.store.status().problem.is_some());
        }
        opened.sink.record(event(second));
        wait(|| opened.store.engine_waits_for_at_most(4));
    }
    wait(|| opened.store.engine_waits_for_at_most(0));
    let status = opened.store.status();
    assert!(status.spooled > 300 && status.dropped == 0, "{status:?}");
    let spool = std::fs::read(folder.path().join("spool.log")).unwrap();
    full.store(false, SeqCst);
    wait(|| opened.store.status().written == 500);
    opened.store.close();
    drop((opened.sink, opened.store));
    // As if the crash came after the head was synced and before the spool was emptied.
    std::fs::write(folder.path().join("spool.log"), spool).unwrap();
    let again = Embedded::open(folder.path(), config()).unwrap();
    assert_eq!(again.recovered.spool_events, 0);
    again.store.flush().await.unwrap();
    assert_eq!(numbers(&*again.store).await, (0..500).collect::<Vec<_>>());
    assert_eq!(again.store.status().waiting, 0);
}

impl Embedded {
    /// Whether the overflow channel is nearly empty.
    fn engine_waits_for_at_most(&self, most: u64) -> bool {
        self.overflowing() <= most
    }
}

/// A disk that is full while a segment is sealed: the events stay in their head, are found all
/// the time, and are sealed once when there is space again.
#[tokio::test]
async fn sealing_on_a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let disk = Arc::new(FullDisk {
        full: Arc::clone(&full),
        spool_too: false,
    });
    let opened = Embedded::open_on(folder.path(), config(), disk).unwrap();
    for second in 0..20 {
        opened.sink.record(event(second));
    }
    opened.store.flush().await.unwrap();
    full.store(true, SeqCst);
    assert!(opened.store.seal().await.is_err());
    assert!(
        opened
            .store
            .status()
            .problem
            .is_some_and(|p| p.contains("segment cannot be written"))
    );
    assert_eq!(numbers(&*opened.store).await, (0..20).collect::<Vec<_>>());
    full.store(false, SeqCst);
    wait(|| opened.store.status().segments == 1);
    wait(|| opened.store.status().problem.is_none());
    assert_eq!(numbers(&*opened.store).await, (0..20).collect::<Vec<_>>());
}
