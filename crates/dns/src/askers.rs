//! Who asked lately, by address: found out once and kept as long as nothing about it changes.
//!
//! A table of fixed size, one place to an address. Who fills it on purpose only takes places from
//! others, who are then found out again.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_filter::{AddressMap, Likeness, Snapshot};
use pharos_school::Who;
use rapidhash::fast::RandomState;

/// Addresses remembered, a power of two.
const PLACES: usize = 2_048;

/// Somebody who asks, as one snapshot sees them.
pub(crate) struct Asker {
    /// Checked against the roll.
    pub(crate) who: Who,
    pub(crate) from: IpAddr,
    /// The group that stands for them in events.
    pub(crate) group: Option<Arc<str>>,
    /// What decides for them.
    pub(crate) likeness: Likeness,
    /// Their part of an act's mark.
    pub(crate) mark: u64,
}

impl Asker {
    /// `marks` makes the marks of acts.
    pub(crate) fn new(who: Who, from: IpAddr, snapshot: &Snapshot, marks: &RandomState) -> Self {
        let who = snapshot.check_roll(who);
        let subject = snapshot.subject(&who, Some(from));
        Self {
            group: subject.group().cloned(),
            likeness: snapshot.likeness_of(subject, &who, Some(from)),
            mark: marks.hash_one((from, who.person())),
            who,
            from,
        }
    }
}

/// An asker with what it was found out by.
struct Place {
    asker: Rc<Asker>,
    /// What [`AddressMap::changes`] said.
    changes: u64,
    since: Timestamp,
    until: Timestamp,
    /// Which of the snapshots that a worker decided by it belongs to, counted.
    of: u64,
}

/// The table. What belongs to an earlier snapshot is not found any more.
pub(crate) struct Askers {
    places: Box<[Option<Place>]>,
    /// Which snapshot all belongs to from now on.
    of: u64,
    random: RandomState,
}

impl Default for Askers {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| None).collect(),
            of: 0,
            random: RandomState::default(),
        }
    }
}

impl Askers {
    /// Who is behind an address now.
    pub(crate) fn find(
        &mut self,
        from: IpAddr,
        now: Timestamp,
        (addresses, snapshot, marks): (&AddressMap, &Snapshot, &RandomState),
    ) -> Rc<Asker> {
        let number = self.random.hash_one(from) as usize % PLACES;
        let changes = addresses.changes();
        let place = self.places.get_mut(number);
        if let Some(Some(known)) = &place
            && known.asker.from == from
            && known.of == self.of
            && known.changes == changes
            && (known.since..known.until).contains(&now)
        {
            return Rc::clone(&known.asker);
        }
        let (who, until) = addresses.identify_for(from, now);
        let asker = Rc::new(Asker::new(who, from, snapshot, marks));
        if let Some(place) = place {
            *place = Some(Place {
                asker: Rc::clone(&asker),
                changes,
                since: now,
                until,
                of: self.of,
            });
        }
        asker
    }

    /// Finds nobody of those that are there any more: another snapshot is in force.
    pub(crate) fn begin_anew(&mut self) {
        self.of += 1;
    }
}
