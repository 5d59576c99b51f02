//! Showing what was asked for to a visitor, several row groups at once.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pharos_activity::{Shown, Span, Visit, Visitor, WORKERS_MAX};
use pharos_school::Face;

use crate::engine::Engine;
use crate::manifest::Entry;
use crate::segment::Open;

/// Shows the span, the newest segments first.
pub(crate) fn visit(engine: &Engine, span: &Span, visitor: &dyn Visitor) -> Shown {
    let (heads, mut entries) = {
        let state = engine.state();
        (state.heads.clone(), state.manifest.entries.clone())
    };
    entries.retain(|entry| entry.oldest < span.to && entry.newest >= span.from);
    entries.sort_unstable_by_key(|entry| Reverse(entry.newest));
    let mut visits = 0;
    let mut missing = Vec::new();
    for head in &heads {
        let bytes = head.bytes().unwrap_or_else(|error| {
            // A log that has just been sealed is in none of the segments looked at here.
            missing.push(format!(
                "{} events in log {} ({error})",
                head.facts().events,
                head.number
            ));
            Vec::new()
        });
        let mut asked = Vec::new();
        head.each(&bytes, |_, row| {
            let at = row.at();
            let own = [Face::Check, Face::Explain].map(Face::name);
            if row.sealed.is_none() && at >= span.from && at < span.to && !own.contains(&row.face) {
                asked.push(Visit {
                    at,
                    person: row.identity.person(),
                    address: row.address,
                    host: row.host,
                    path: row.path,
                });
            }
        });
        visits += asked.len() as u64;
        let mut shown = asked.into_iter();
        visitor.see(0, &mut shown);
    }
    let mut shown = Shown {
        visits,
        missing,
        ..Shown::default()
    };
    let work = chosen(
        engine,
        &entries,
        span.most.saturating_sub(visits),
        &mut shown,
    );
    let (next, count, problems) = (
        AtomicUsize::new(0),
        AtomicU64::new(0),
        Mutex::new(Vec::new()),
    );
    let workers = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(WORKERS_MAX);
    let (from, to) = (span.from.as_millisecond(), span.to.as_millisecond());
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (work, next, count, problems) = (&work, &next, &count, &problems);
            scope.spawn(move || {
                while let Some((segment, group, name)) =
                    work.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let read = segment.visits(*group, &mut |batch| {
                        let mut seen = 0;
                        let mut visits = batch.iter(from, to).inspect(|_| seen += 1);
                        visitor.see(worker, &mut visits);
                        drop(visits);
                        count.fetch_add(seen, Ordering::Relaxed);
                    });
                    if let Err(error) = read {
                        let mut problems = problems.lock().unwrap_or_else(PoisonError::into_inner);
                        problems.push(format!("events in {name} ({error})"));
                    }
                }
            });
        }
    });
    shown.visits += count.into_inner();
    shown.missing.extend(
        problems
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner),
    );
    shown
}

/// The row groups to show: whole segments until there are enough.
fn chosen(
    engine: &Engine,
    entries: &[Entry],
    most: u64,
    shown: &mut Shown,
) -> Vec<(std::sync::Arc<Open>, usize, String)> {
    let (mut work, mut rows) = (Vec::new(), 0);
    for entry in entries {
        if rows >= most {
            shown.cut = true;
            break;
        }
        rows += entry.rows;
        match Open::at(&engine.segment_path(entry)) {
            Ok(segment) => {
                let segment = std::sync::Arc::new(segment);
                let groups = 0..segment.groups();
                work.extend(
                    groups.map(|group| (std::sync::Arc::clone(&segment), group, entry.file())),
                );
            }
            Err(error) => shown.missing.push(format!(
                "{} events in {} ({error})",
                entry.rows,
                entry.file()
            )),
        }
    }
    work
}
