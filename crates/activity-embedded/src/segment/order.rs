//! The events that go into a segment, in its order, without holding them: each is looked up again
//! where it stands when its turn comes.

use std::collections::HashSet;
use std::hash::BuildHasher;

use jiff::Timestamp;
use pharos_school::PersonId;
use rapidhash::fast::RandomState;

use crate::codec::Row;

/// Where an event stands, and what it is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    person: Option<PersonId>,
    at_ms: i64,
    number: u64,
    place: usize,
}

/// Events by their places.
pub(crate) struct Rows<'a, F: Fn(usize) -> Option<Row<'a>>> {
    row_at: F,
    keys: Vec<Key>,
    /// Hashes of the different hosts.
    hosts: HashSet<u64, RandomState>,
    hasher: RandomState,
}

/// What is known of them together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Together {
    pub(crate) oldest: Timestamp,
    pub(crate) newest: Timestamp,
    /// The greatest running number.
    pub(crate) last: u64,
    /// How many different people, once sorted.
    pub(crate) people: usize,
    /// How many different hosts.
    pub(crate) hosts: usize,
}

impl<'a, F: Fn(usize) -> Option<Row<'a>>> Rows<'a, F> {
    /// None yet; `row_at` gives the event at a place.
    pub(crate) fn new(row_at: F) -> Self {
        Self {
            row_at,
            keys: Vec::new(),
            hosts: HashSet::default(),
            hasher: RandomState::default(),
        }
    }

    /// One more: the event at this place.
    pub(crate) fn add(&mut self, place: usize, row: &Row<'_>) {
        self.keys.push(Key {
            person: row.identity.person(),
            at_ms: row.at_ms,
            number: row.number,
            place,
        });
        self.hosts.insert(self.hasher.hash_one(row.host));
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// `None` where there are no events.
    pub(crate) fn facts(&self) -> Option<Together> {
        let times = || self.keys.iter().map(|key| key.at_ms);
        let time = |ms| Timestamp::from_millisecond(ms).ok();
        Some(Together {
            oldest: time(times().min()?)?,
            newest: time(times().max()?)?,
            last: self.keys.iter().map(|key| key.number).max()?,
            people: self.keys.chunk_by(|a, b| a.person == b.person).count(),
            hosts: self.hosts.len(),
        })
    }

    /// By person, then time, as a segment is sorted; nobody known comes first.
    pub(crate) fn sort(&mut self) {
        self.keys.sort_unstable();
    }

    /// All of them in order, so many at once.
    pub(crate) fn batches(&self, size: usize) -> impl Iterator<Item = Vec<Row<'a>>> {
        self.keys.chunks(size.max(1)).map(|keys| {
            let rows = keys.iter().filter_map(|key| (self.row_at)(key.place));
            rows.collect()
        })
    }
}
