//! The events that go into a segment, in its order, without holding them: each is looked up again
//! where it stands when its turn comes.

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
    hosts: Different,
    hasher: RandomState,
}

/// Counts how many different things there were, from their hashes, within some hundredths: each sets
/// one of many bits, and how many stay unset tells how many there were ("linear counting").
struct Different(Box<[u64]>);

impl Different {
    /// Eight for each event of a full head.
    const BITS: usize = 1 << 20;
    /// Spreads a hash to its highest bits: those of a quick hash are not all as good.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

    fn new() -> Self {
        Self(vec![0; Self::BITS / 64].into())
    }

    fn add(&mut self, hash: u64) {
        let spread = (hash ^ hash >> 32).wrapping_mul(Self::SPREAD);
        let bit = (spread >> 44) as usize % Self::BITS;
        if let Some(word) = self.0.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    fn count(&self) -> usize {
        let set: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let bits = Self::BITS as f64;
        let unset = (bits - f64::from(set)).max(1.0);
        (bits * (bits / unset).ln()).round() as usize
    }
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
    /// How many different hosts, about.
    pub(crate) hosts: usize,
}

impl<'a, F: Fn(usize) -> Option<Row<'a>>> Rows<'a, F> {
    /// None yet; `row_at` gives the event at a place.
    pub(crate) fn new(row_at: F) -> Self {
        Self {
            row_at,
            keys: Vec::new(),
            hosts: Different::new(),
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
        self.hosts.add(self.hasher.hash_one(row.host));
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
            hosts: self.hosts.count(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// MON-01: how many different hosts there are is known well enough for what is made of it, none and
    /// far more than a head holds included.
    #[test]
    fn mon_01_different_hosts_are_counted_nearly() {
        for many in [0, 1, 1_000, 131_072, 300_000] {
            let (mut different, hasher) = (Different::new(), RandomState::default());
            for _ in 0..3 {
                let hosts = (0..many).map(|host| format!("www.site{host}.example"));
                hosts.for_each(|host| different.add(hasher.hash_one(host.as_str())));
            }
            let (count, many) = (different.count() as f64, f64::from(many));
            assert!(
                (count - many).abs() <= 1.0 + many / 50.0,
                "{count} for {many}"
            );
        }
    }
}
