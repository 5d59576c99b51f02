//! Searching heads and segments as one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_activity::{Counted, Cursor, Found, MAX_LIMIT, Query, StoreError, Stored, Summary};

use crate::codec::{Row, Shared};
use crate::engine::{Engine, Head};
use crate::frame;
use crate::manifest::Entry;
use crate::rollup::{Counting, Rollup};
use crate::segment::{Narrow, Open, Place, SegmentError};

/// A match: time and number first, so that the order is the order shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    at: i64,
    number: u64,
    part: usize,
    place: Place,
}

/// What is there to search, as of one moment.
struct Parts {
    heads: Vec<Arc<Head>>,
    /// Newest first.
    entries: Vec<Entry>,
}

fn parts(engine: &Engine) -> Parts {
    let state = engine.state();
    let mut entries = state.manifest.entries.clone();
    entries.sort_unstable_by_key(|entry| Reverse(entry.newest));
    Parts {
        heads: state.heads.clone(),
        entries,
    }
}

/// Keeps the newest hits, one more than asked for, to know whether there are more.
struct Newest {
    hits: BinaryHeap<Reverse<Hit>>,
    most: usize,
}

impl Newest {
    fn new(limit: usize) -> Self {
        Self {
            hits: BinaryHeap::new(),
            most: limit + 1,
        }
    }

    fn offer(&mut self, hit: Hit) {
        if self.hits.len() < self.most {
            self.hits.push(Reverse(hit));
        } else if let Some(mut oldest) = self.hits.peek_mut()
            && hit > oldest.0
        {
            *oldest = Reverse(hit);
        }
    }

    /// Whether nothing at or before this time can get in any more.
    fn closed_to(&self, newest: Timestamp) -> bool {
        self.hits.len() == self.most
            && self
                .hits
                .peek()
                .is_some_and(|oldest| oldest.0.at > newest.as_millisecond())
    }
}

/// A segment went away under the search because retention replaced it; search again.
struct Moved;

/// Finds events, newest first.
pub(crate) fn search(engine: &Engine, query: &Query) -> Result<Found, StoreError> {
    if query.limit == 0 || query.limit > MAX_LIMIT {
        return Err(StoreError::BadQuery(format!(
            "the limit must be 1 to {MAX_LIMIT}, not {}",
            query.limit
        )));
    }
    loop {
        if let Ok(found) = search_once(engine, query) {
            return Ok(found);
        }
    }
}

fn search_once(engine: &Engine, query: &Query) -> Result<Found, Moved> {
    let parts = parts(engine);
    let narrow = Narrow::new(query, query.after);
    let mut newest = Newest::new(query.limit);
    let mut missing = Vec::new();
    let mut open = Vec::new();
    let (mut logs, mut shared) = (Vec::new(), Shared::default());
    for (index, head) in parts.heads.iter().enumerate() {
        let part = parts.entries.len() + index;
        let bytes = read_log(engine, head, &mut missing)?;
        head.each(&bytes, |place, row| {
            if may_match(query, &row)
                && let Some(stored) = row.stored(&mut shared)
                && wanted(query, &stored)
            {
                newest.offer(Hit {
                    at: row.at_ms,
                    number: row.number,
                    part,
                    place: Place {
                        group: 0,
                        row: place,
                    },
                });
            }
        });
        logs.push((part, bytes));
    }
    for (part, entry) in parts.entries.iter().enumerate() {
        if newest.closed_to(entry.newest) {
            break;
        }
        if !overlaps(&narrow, entry) {
            continue;
        }
        let segment = scan(engine, entry, &narrow, &mut missing, |at, number, place| {
            newest.offer(Hit {
                at,
                number,
                part,
                place,
            });
        })?;
        open.extend(segment.map(|segment| (part, segment)));
    }
    let mut hits: Vec<Hit> = newest.hits.into_iter().map(|hit| hit.0).collect();
    hits.sort_unstable_by(|a, b| b.cmp(a));
    let more = hits.len() > query.limit;
    hits.truncate(query.limit);
    let events = fetch(&logs, &open, &hits, &mut missing);
    let next = if more {
        hits.last().and_then(cursor)
    } else {
        None
    };
    Ok(Found {
        events,
        next,
        missing,
    })
}

fn cursor(hit: &Hit) -> Option<Cursor> {
    Some(Cursor {
        at: Timestamp::from_millisecond(hit.at).ok()?,
        number: hit.number,
    })
}

/// Whether an event in a log is worth making whole to look closer: most are of others, or of
/// another time.
fn may_match(query: &Query, row: &Row<'_>) -> bool {
    let at = row.at();
    query
        .person
        .is_none_or(|person| row.identity.person() == Some(person))
        && query.from.is_none_or(|from| at >= from)
        && query.to.is_none_or(|to| at < to)
}

fn wanted(query: &Query, stored: &Stored) -> bool {
    query.after.is_none_or(|place| stored.cursor() < place) && query.matches(&stored.event)
}

fn overlaps(narrow: &Narrow, entry: &Entry) -> bool {
    narrow.overlaps(entry.oldest.as_millisecond(), entry.newest.as_millisecond())
}

/// Scans one segment; a damaged one is named in `missing`.
fn scan(
    engine: &Engine,
    entry: &Entry,
    narrow: &Narrow,
    missing: &mut Vec<String>,
    each: impl FnMut(i64, u64, Place),
) -> Result<Option<Open>, Moved> {
    let opened = Open::at(&engine.segment_path(entry));
    let result = opened.and_then(|segment| segment.matching(narrow, each).map(|()| segment));
    match result {
        Ok(segment) => Ok(Some(segment)),
        Err(SegmentError::Io(error))
            if error.kind() == std::io::ErrorKind::NotFound && !counts(engine, entry) =>
        {
            Err(Moved)
        }
        Err(error) => {
            missing.push(format!(
                "{} events in {} ({error})",
                entry.rows,
                entry.file()
            ));
            Ok(None)
        }
    }
}

fn counts(engine: &Engine, entry: &Entry) -> bool {
    engine.state().manifest.entries.contains(entry)
}

/// The log of a head; one that cannot be read is named in `missing`.
fn read_log(
    engine: &Engine,
    head: &Arc<Head>,
    missing: &mut Vec<String>,
) -> Result<Vec<u8>, Moved> {
    match head.bytes() {
        Ok(bytes) => Ok(bytes),
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound
                && !engine
                    .state()
                    .heads
                    .iter()
                    .any(|other| Arc::ptr_eq(other, head)) =>
        {
            Err(Moved)
        }
        Err(error) => {
            missing.push(format!(
                "{} events in log {} ({error})",
                head.facts().events,
                head.number
            ));
            Ok(Vec::new())
        }
    }
}

/// The whole events of the hits, in the hits' order.
fn fetch(
    logs: &[(usize, Vec<u8>)],
    open: &[(usize, Open)],
    hits: &[Hit],
    missing: &mut Vec<String>,
) -> Vec<Stored> {
    let mut shared = Shared::default();
    let mut events = Vec::with_capacity(hits.len());
    for (part, segment) in open {
        let places: Vec<Place> = hits
            .iter()
            .filter(|hit| hit.part == *part)
            .map(|hit| hit.place)
            .collect();
        match segment.fetch(places, &mut shared) {
            Ok(rows) => events.extend(rows),
            Err(error) => missing.push(format!("events in a segment ({error})")),
        }
    }
    for (part, bytes) in logs {
        events.extend(
            hits.iter()
                .filter(|hit| hit.part == *part)
                .filter_map(|hit| frame::at(bytes, hit.place.row)?.stored(&mut shared)),
        );
    }
    events.sort_unstable_by_key(|stored| Reverse(stored.cursor()));
    events
}

/// Counts events without fetching them.
pub(crate) fn count(engine: &Engine, query: &Query) -> Counted {
    loop {
        if let Ok(counted) = count_once(engine, query) {
            return counted;
        }
    }
}

fn count_once(engine: &Engine, query: &Query) -> Result<Counted, Moved> {
    let parts = parts(engine);
    let narrow = Narrow::new(query, None);
    let (mut events, mut oldest, mut newest) = (0, i64::MAX, i64::MIN);
    let mut missing = Vec::new();
    let mut add = |at: i64| {
        events += 1;
        oldest = oldest.min(at);
        newest = newest.max(at);
    };
    let mut shared = Shared::default();
    for head in &parts.heads {
        let bytes = read_log(engine, head, &mut missing)?;
        head.each(&bytes, |_, row| {
            let matches = |stored: Stored| query.matches(&stored.event);
            if may_match(query, &row) && row.stored(&mut shared).is_some_and(matches) {
                add(row.at_ms);
            }
        });
    }
    for entry in parts
        .entries
        .iter()
        .filter(|entry| overlaps(&narrow, entry))
    {
        scan(engine, entry, &narrow, &mut missing, |at, _, _| add(at))?;
    }
    let time = |ms: i64| {
        if events == 0 {
            None
        } else {
            Timestamp::from_millisecond(ms).ok()
        }
    };
    Ok(Counted {
        events,
        oldest: time(oldest),
        newest: time(newest),
        missing,
    })
}

/// Hourly counts from the roll-ups beside the segments, and from the heads.
pub(crate) fn summary(engine: &Engine, from: Timestamp, to: Timestamp) -> Summary {
    loop {
        if let Ok(summary) = summary_once(engine, from, to) {
            return summary;
        }
    }
}

fn summary_once(engine: &Engine, from: Timestamp, to: Timestamp) -> Result<Summary, Moved> {
    let parts = parts(engine);
    let mut sum = Rollup::default();
    let mut missing = Vec::new();
    for head in &parts.heads {
        let bytes = read_log(engine, head, &mut missing)?;
        let mut own = Counting::default();
        head.each(&bytes, |_, row| own.add(&row));
        sum.merge(&own.done(), from, to);
    }
    for entry in parts.entries.iter().filter(|entry| entry.oldest < to) {
        let text = std::fs::read_to_string(engine.rollup_path(entry)).ok();
        match text
            .as_deref()
            .and_then(Rollup::parse)
            .map_or_else(|| count_anew(engine, entry), Ok)
        {
            Ok(rollup) => sum.merge(&rollup, from, to),
            Err(error) => missing.push(format!(
                "{} events in {} ({error})",
                entry.rows,
                entry.file()
            )),
        }
    }
    Ok(Summary {
        tallies: sum.into_tallies(),
        missing,
    })
}

/// The roll-up of a segment whose file is missing or damaged.
fn count_anew(engine: &Engine, entry: &Entry) -> Result<Rollup, SegmentError> {
    let mut counting = Counting::default();
    Open::at(&engine.segment_path(entry))?.each_group(&mut Shared::default(), |events| {
        for stored in &events {
            counting.add(&Row::of(stored));
        }
    })?;
    Ok(counting.done())
}
