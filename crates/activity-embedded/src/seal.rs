//! Heads become segments.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::codec::Row;
use crate::disk;
use crate::engine::{Engine, Head};
use crate::frame;
use crate::manifest::Entry;
use crate::segment::{self, Rows, SegmentError};

/// How far the sealer steps back, in the system's nice steps: of two busy threads it then gets a
/// quarter of the processor.
const STEPS_BACK: i32 = 5;

/// The sealer thread: seals heads oldest first and tries again when it fails.
///
/// It steps back from the processor: a filter that answers comes first. Not so far that heads
/// could pile up while the machine is busy, as sealing costs far less than what is sealed did.
pub(crate) fn run(engine: &Arc<Engine>, wake: &Receiver<()>, stop: &AtomicBool) {
    // On Linux this is the thread's own. Where it is refused the work is done all the same.
    let _ = rustix::process::nice(STEPS_BACK);
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
        let mut rows = Rows::new(|place| frame::again(&bytes, place));
        head.each(&bytes, |place, row| rows.add(place, &row));
        if let Some(entry) = put(engine, head.number, 1, rows)? {
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
pub(crate) fn put<'a, F>(
    engine: &Engine,
    head: u64,
    generation: u32,
    rows: Rows<'a, F>,
) -> Result<Option<Entry>, SegmentError>
where
    F: Fn(usize) -> Option<Row<'a>>,
{
    let Some(facts) = rows.facts() else {
        return Ok(None);
    };
    let mut entry = Entry {
        head,
        generation,
        rows: rows.len() as u64,
        bytes: 0,
        oldest: facts.oldest,
        newest: facts.newest,
        last: facts.last,
    };
    let path = engine.segment_path(&entry);
    let written = segment::write(&path, rows, engine.config.row_group)?;
    entry.bytes = written.bytes;
    engine.disk.put(
        &engine.rollup_path(&entry),
        written.rollup.to_text().as_bytes(),
    )?;
    Ok(Some(entry))
}
