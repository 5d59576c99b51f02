//! One event for what is one act.
//!
//! A browser looks a name up three times before it opens it once (A, AAAA, HTTPS), and again a moment
//! later. Kept one by one they would say three visits, count three attempts, and cost three times the
//! room. So of look-ups of the same name, by the same device and person, with the same verdict, the
//! first of each second is an event. Searches and sealed hits are always kept each.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use jiff::Timestamp;
use pharos_school::PersonId;
use rapidhash::fast::RandomState;

/// Look-ups remembered, as a power of two: those of one second of a busy school several times over.
/// One that is pushed out is simply kept again.
const SLOTS: usize = 1 << 15;
/// The bits of a slot that hold the second; the others hold the look-up's mark.
const SECOND: u64 = (1 << 20) - 1;

/// What makes two look-ups one act.
#[derive(Debug, Hash)]
pub(crate) struct Act<'a> {
    pub(crate) from: IpAddr,
    pub(crate) person: Option<PersonId>,
    pub(crate) host: &'a str,
    pub(crate) action: &'static str,
    pub(crate) rule: &'a str,
    /// Versions of policy and catalogue.
    pub(crate) versions: (u64, u64),
}

/// The acts of the last second.
pub(crate) struct Acts {
    marks: RandomState,
    slots: Box<[AtomicU64]>,
}

impl Default for Acts {
    fn default() -> Self {
        Self {
            marks: RandomState::default(),
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Acts {
    /// Whether the same was seen in this second. Two different look-ups pass for the same once in
    /// 2^59 pairs; the marks are keyed anew at each start, so that nobody can aim for it.
    pub(crate) fn is_repeated(&self, act: &Act<'_>, at: Timestamp) -> bool {
        let mark = self.marks.hash_one(act);
        let second = at.as_second().cast_unsigned() & SECOND;
        let wanted = (mark & !SECOND) | second;
        // The lowest bits choose the slot, the highest stand in it.
        let Some(slot) = self.slots.get(mark as usize % SLOTS) else {
            return false;
        };
        // Only a first look-up is written down, so that the others take no line from other cores.
        if slot.load(Relaxed) == wanted {
            return true;
        }
        slot.store(wanted, Relaxed);
        false
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn act() -> Act<'static> {
        Act {
            from: [10, 1, 2, 3].into(),
            person: None,
            host: "first.example",
            action: "block",
            rule: "category:games",
            versions: (1, 1),
        }
    }

    /// MON-01: the three look-ups of one visit are one event; another second, device, name, person
    /// or verdict is another.
    #[test]
    fn mon_01_the_look_ups_of_one_visit_are_one_event() {
        let at: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let acts = Acts::default();
        assert!(!acts.is_repeated(&act(), at));
        assert!(acts.is_repeated(&act(), at));
        assert!(acts.is_repeated(&act(), at + SignedDuration::from_millis(900)));
        let others = [
            Act {
                from: [10, 9, 8, 7].into(),
                ..act()
            },
            Act {
                person: Some(PersonId::from_uuid(uuid::Uuid::from_u128(7))),
                ..act()
            },
            Act {
                host: "second.example",
                ..act()
            },
            Act {
                action: "allow",
                ..act()
            },
            Act {
                rule: "list:own",
                ..act()
            },
            Act {
                versions: (1, 2),
                ..act()
            },
        ];
        for other in &others {
            assert!(!acts.is_repeated(other, at), "{other:?}");
        }
        assert!(!acts.is_repeated(&act(), at + SignedDuration::from_secs(1)));
    }
}
