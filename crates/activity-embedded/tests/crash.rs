//! kill -9 at any point: nothing acknowledged is lost, nothing is doubled, start-up says what it did.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    clippy::print_stdout,
    reason = "a test"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{all, calm, event, every, open, pupil, runtime};
use pharos_activity::Store;
use pharos_activity_embedded::{Config, Recovered};

fn hosts(folder: &Path, config: Config) -> (Vec<String>, Recovered) {
    let opened = open(folder, config);
    let found = runtime().block_on(all(&*opened.store, every()));
    let hosts = found
        .iter()
        .rev()
        .map(|s| s.event.host.to_string())
        .collect();
    (hosts, opened.recovered)
}

fn record(folder: &Path, hosts: std::ops::Range<i64>, seal: bool) {
    let opened = open(folder, calm());
    for index in hosts {
        opened
            .sink
            .record(event(index, pupil(1, "a"), &format!("h{index}")));
    }
    runtime().block_on(async {
        if seal {
            opened.store.seal().await.unwrap();
        } else {
            opened.store.flush().await.unwrap();
        }
    });
}

fn names(range: std::ops::Range<i64>) -> Vec<String> {
    range.map(|index| format!("h{index}")).collect()
}

/// A head cut at any byte gives every event that is whole, and says how much was torn.
#[test]
fn a_head_cut_at_any_byte_gives_every_whole_event() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 0..3, false);
    let head = folder.path().join("head/000000000001.log");
    let whole = fs::read(&head).unwrap();
    let mut seen = BTreeSet::new();
    for cut in 0..whole.len() {
        fs::write(&head, &whole[..cut]).unwrap();
        let (found, recovered) = hosts(folder.path(), calm());
        assert_eq!(found, names(0..found.len() as i64), "cut at {cut}");
        let kept = fs::metadata(&head).unwrap().len();
        assert_eq!(recovered.torn_bytes, cut as u64 - kept, "cut at {cut}");
        seen.insert(found.len());
    }
    assert_eq!(seen, BTreeSet::from([0, 1, 2]));
    // And it goes on from there.
    record(folder.path(), 2..5, false);
    assert_eq!(hosts(folder.path(), calm()).0, names(0..5));
}

/// A flipped byte in the middle costs the event it is in, not those behind it.
#[test]
fn a_damaged_event_does_not_hide_those_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 0..10, false);
    let head = folder.path().join("head/000000000001.log");
    let mut bytes = fs::read(&head).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&head, bytes).unwrap();
    let (found, recovered) = hosts(folder.path(), calm());
    assert_eq!(found.len(), 9);
    assert!(
        recovered.unreadable_bytes > 0 && recovered.problems[0].contains("check the disk"),
        "{recovered:?}"
    );
}

/// Killed between the new list of segments and the removal of the head: the head does not count.
#[test]
fn a_head_that_was_sealed_already_is_not_counted_twice() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 0..5, false);
    let head = folder.path().join("head/000000000001.log");
    let kept = fs::read(&head).unwrap();
    record(folder.path(), 5..8, true);
    assert!(!head.exists());
    fs::write(&head, kept).unwrap();
    let (found, recovered) = hosts(folder.path(), calm());
    assert_eq!(found, names(0..8));
    assert_eq!((recovered.leftovers_removed, head.exists()), (1, false));
}

/// Killed after the segment was renamed and before the list names it: the head counts, the
/// segment goes and is written again. The same for half-written files.
#[test]
fn a_segment_that_is_not_listed_yet_is_not_counted_twice() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 0..5, false);
    let before = copied(folder.path());
    record(folder.path(), 5..5, true);
    let segment = fs::read(folder.path().join("segments/000000000001-1.parquet")).unwrap();
    restore(folder.path(), &before);
    fs::write(
        folder.path().join("segments/000000000001-1.parquet"),
        &segment,
    )
    .unwrap();
    fs::write(
        folder.path().join("segments/000000000001-1.parquet.tmp"),
        &segment[..100],
    )
    .unwrap();
    fs::write(folder.path().join("manifest.tmp"), "half").unwrap();
    let (found, recovered) = hosts(folder.path(), calm());
    assert_eq!(found, names(0..5));
    assert_eq!(recovered.leftovers_removed, 3);
    record(folder.path(), 5..6, true);
    assert_eq!(hosts(folder.path(), calm()).0, names(0..6));
}

/// A lost or damaged list of segments is made anew from the segments, and said so.
#[test]
fn a_lost_list_of_segments_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 0..5, true);
    record(folder.path(), 5..9, true);
    record(folder.path(), 9..12, false);
    for damage in [None, Some("nonsense"), Some("")] {
        match damage {
            None => fs::remove_file(folder.path().join("manifest")).unwrap(),
            Some(text) => fs::write(folder.path().join("manifest"), text).unwrap(),
        }
        let (found, recovered) = hosts(folder.path(), calm());
        assert_eq!(found, names(0..12));
        assert_eq!(recovered.problems.len(), 1, "{recovered:?}");
    }
}

/// A segment that vanished is missed and named.
#[test]
fn a_vanished_segment_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), 0..5, true);
    fs::remove_file(folder.path().join("segments/000000000001-1.parquet")).unwrap();
    let opened = open(folder.path(), calm());
    assert!(
        opened.recovered.problems[0].contains("5 events is missing"),
        "{:?}",
        opened.recovered
    );
    let found = runtime().block_on(opened.store.search(&every())).unwrap();
    assert_eq!((found.events.len(), found.missing.len()), (0, 1));
}

type Copied = Vec<(std::path::PathBuf, Vec<u8>)>;

fn copied(folder: &Path) -> Copied {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(copied(&path));
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    files
}

fn restore(folder: &Path, files: &Copied) {
    for place in ["head", "segments", "."] {
        for entry in fs::read_dir(folder.join(place)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::remove_file(path).unwrap();
            }
        }
    }
    for (path, bytes) in files {
        fs::write(path, bytes).unwrap();
    }
}

const CHILD: &str = "PHAROS_TEST_KILLED_CHILD";

fn busy() -> Config {
    Config {
        seal_events: 150,
        queue: 64,
        sync_every: Duration::from_millis(5),
        seal_span: Duration::from_secs(1 << 30),
        ..Config::default()
    }
}

/// Not a test by itself: the process that the next one kills. It says how many events are
/// acknowledged after every flush.
#[test]
fn child_that_is_killed() {
    let Ok(folder) = std::env::var(CHILD) else {
        return;
    };
    let opened = open(Path::new(&folder), busy());
    let known = runtime().block_on(all(&*opened.store, every())).len() as i64;
    for round in 0.. {
        for index in 0..40 {
            let number = known + round * 40 + index;
            opened
                .sink
                .record(event(number, pupil(1, "a"), &format!("h{number}")));
        }
        runtime().block_on(opened.store.flush()).unwrap();
        println!("acknowledged {}", known + (round + 1) * 40);
    }
}

/// MON-01 under kill -9, over and over on one folder, with heads being sealed all the time: every
/// acknowledged event is there once, and none twice.
#[test]
fn kill_9_loses_nothing_acknowledged_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acknowledged = 0;
        let mut lines = 0;
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while out.read_line(&mut line).unwrap() > 0 {
            if let Some(count) = line.split("acknowledged ").nth(1) {
                acknowledged = count.trim().parse().unwrap();
                lines += 1;
                if lines == 3 + round * 3 {
                    child.kill().unwrap();
                }
            }
            line.clear();
        }
        let end = child.wait().unwrap();
        assert_eq!(
            end.signal(),
            Some(9),
            "the child must be killed, not fail by itself: {end}"
        );
        let (found, recovered) = hosts(folder.path(), busy());
        let once: BTreeSet<&String> = found.iter().collect();
        assert_eq!(
            once.len(),
            found.len(),
            "an event is doubled after {recovered:?}"
        );
        assert!(
            found.len() as i64 >= acknowledged,
            "{} of {acknowledged} after {recovered:?}",
            found.len()
        );
        assert_eq!(found, names(0..found.len() as i64));
        assert_eq!(recovered.problems, Vec::<String>::new());
    }
}
