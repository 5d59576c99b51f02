//! Retention: what is past its time goes, with proof (PRIV-03).

use std::collections::HashSet;

use jiff::Timestamp;
use pharos_activity::{Deleted, Retention, StoreError, Stored};
use pharos_school::PersonId;

use crate::codec::{Row, Shared};
use crate::disk;
use crate::engine::Engine;
use crate::manifest::Entry;
use crate::seal;
use crate::segment::{Open, Rows, SegmentError};

/// Deletes events of sealed segments. Heads that reach back before the time were sealed first.
pub(crate) fn retain(engine: &Engine, retention: &Retention) -> Result<Deleted, StoreError> {
    let _turn = engine.commit();
    let hold: HashSet<PersonId> = retention.hold.iter().copied().collect();
    let mut deleted = Deleted::default();
    let entries = engine.state().manifest.entries.clone();
    for entry in entries
        .iter()
        .filter(|entry| entry.oldest < retention.before)
    {
        retain_in(engine, entry, retention.before, &hold, &mut deleted).map_err(|error| {
            StoreError::Io {
                what: format!("delete old events from {}", entry.file()),
                source: error.into_io(),
            }
        })?;
    }
    Ok(deleted)
}

fn retain_in(
    engine: &Engine,
    entry: &Entry,
    before: Timestamp,
    hold: &HashSet<PersonId>,
    deleted: &mut Deleted,
) -> Result<(), SegmentError> {
    let mut kept: Vec<Stored> = Vec::new();
    let mut here = Deleted::default();
    if hold.is_empty() && entry.newest < before {
        here.events = entry.rows;
        here.oldest = Some(entry.oldest);
        here.newest = Some(entry.newest);
    } else {
        let segment = Open::at(&engine.segment_path(entry))?;
        segment.each_group(&mut Shared::default(), |events| {
            for stored in events {
                let held = stored
                    .event
                    .who
                    .person()
                    .is_some_and(|person| hold.contains(&person));
                if stored.event.at < before && !held {
                    note(&mut here, stored.event.at);
                } else {
                    here.held += u64::from(stored.event.at < before);
                    kept.push(stored);
                }
            }
        })?;
    }
    deleted.held += here.held;
    if here.events == 0 {
        return Ok(());
    }
    let mut rows = Rows::new(|place| kept.get(place).map(Row::of));
    for (place, stored) in kept.iter().enumerate() {
        rows.add(place, &Row::of(stored));
    }
    let fresh = seal::put(engine, entry.head, entry.generation + 1, rows)?;
    let mut manifest = engine.state().manifest.clone();
    manifest.entries.retain(|other| other != entry);
    if fresh.is_some() {
        deleted.files_rewritten += 1;
    } else {
        deleted.files_removed += 1;
    }
    manifest.entries.extend(fresh);
    manifest.entries.sort_by_key(|entry| entry.head);
    engine.put_manifest(&manifest)?;
    engine.change().manifest = manifest;
    deleted.events += here.events;
    deleted.oldest = [deleted.oldest, here.oldest].into_iter().flatten().min();
    deleted.newest = deleted.newest.max(here.newest);
    // The manifest no longer names them; start-up removes what cannot be removed now.
    disk::remove(&engine.segment_path(entry))?;
    disk::remove(&engine.rollup_path(entry))?;
    Ok(())
}

fn note(deleted: &mut Deleted, at: Timestamp) {
    deleted.events += 1;
    deleted.oldest = Some(deleted.oldest.map_or(at, |oldest| oldest.min(at)));
    deleted.newest = Some(deleted.newest.map_or(at, |newest| newest.max(at)));
}
