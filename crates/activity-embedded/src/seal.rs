//! Heads become segments.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use pharos_activity::Stored;

use crate::codec::Shared;
use crate::disk;
use crate::engine::{Engine, Head};
use crate::manifest::Entry;
use crate::rollup::Rollup;
use crate::segment::{self, SegmentError};

/// The sealer thread: seals heads oldest first and tries again when it fails.
pub(crate) fn run(engine: &Arc<Engine>, wake: &Receiver<()>, stop: &AtomicBool) {
    loop {
        match wake.recv_timeout(Duration::from_millis(500)) {
            Err(RecvTimeoutError::Disconnected) => return,
            _ if stop.load(Relaxed) => return,
            _ => seal_waiting(engine),
        }
    }
}

/// Seals every head that is not being written any more; notes the first failure.
pub(crate) fn seal_waiting(engine: &Engine) {
    while let Some(head) = waiting(engine) {
        let result = seal(engine, &head);
        let problem = result.err().map(|error| {
            format!("an activity segment cannot be written ({error}); events stay in their head file: free disk space")
        });
        let mut problems = engine.problems();
        if problems.sealing != problem {
            if let Some(problem) = &problem {
                tracing::error!("{problem}");
            }
            problems.sealing.clone_from(&problem);
        }
        if problem.is_some() {
            return;
        }
    }
}

fn waiting(engine: &Engine) -> Option<Arc<Head>> {
    match &engine.state().heads[..] {
        [oldest, _, ..] => Some(Arc::clone(oldest)),
        _ => None,
    }
}

fn seal(engine: &Engine, head: &Head) -> Result<(), SegmentError> {
    let _turn = engine.commit();
    if engine
        .state()
        .heads
        .first()
        .is_none_or(|first| first.number != head.number)
    {
        return Ok(());
    }
    let mut manifest = engine.state().manifest.clone();
    {
        let bytes = head.bytes()?;
        let (mut events, mut shared) = (Vec::new(), Shared::default());
        head.each(&bytes, &mut shared, |_, stored| events.push(stored));
        drop(bytes);
        let mut rows: Vec<&Stored> = events.iter().collect();
        if let Some(entry) = put(engine, head.number, 1, &mut rows)? {
            manifest.last = manifest.last.max(entry.last);
            manifest.entries.push(entry);
        }
    }
    manifest.sealed = head.number;
    engine.put_manifest(&manifest)?;
    {
        let mut state = engine.change();
        state.manifest = manifest;
        state.heads.retain(|other| other.number != head.number);
    }
    // From here the segment counts; a head file that stays behind is removed at the next start.
    if let Err(error) = disk::remove(&head.path) {
        tracing::warn!(%error, "a sealed head file could not be removed; the next start tries again");
    }
    Ok(())
}

/// Writes segment and roll-up; `None` where there are no events.
pub(crate) fn put(
    engine: &Engine,
    head: u64,
    generation: u32,
    rows: &mut [&Stored],
) -> Result<Option<Entry>, SegmentError> {
    let times = || rows.iter().map(|stored| stored.event.at);
    let (Some(oldest), Some(newest)) = (times().min(), times().max()) else {
        return Ok(None);
    };
    let last = rows
        .iter()
        .map(|stored| stored.number)
        .max()
        .unwrap_or_default();
    let mut entry = Entry {
        head,
        generation,
        rows: rows.len() as u64,
        bytes: 0,
        oldest,
        newest,
        last,
    };
    let rollup = rollup(rows.iter().copied());
    engine
        .disk
        .put(&engine.rollup_path(&entry), rollup.to_text().as_bytes())?;
    entry.bytes = segment::write(&engine.segment_path(&entry), rows, engine.config.row_group)?;
    Ok(Some(entry))
}

/// The hourly counts of these events.
pub(crate) fn rollup<'a>(events: impl Iterator<Item = &'a Stored>) -> Rollup {
    let (mut rollup, mut shared) = (Rollup::default(), Shared::default());
    for stored in events {
        rollup.add(&stored.event, &mut |action| shared.text(action));
    }
    rollup
}
