//! One event for what is one act.
//!
//! A browser looks a name up three times before it opens it once (A, AAAA, HTTPS), and again a moment
//! later. Kept one by one they would say three visits, count three attempts, and cost three times the
//! room. So of look-ups of the same name, by the same device and person, with the same verdict, the
//! first of each second is an event. Searches and sealed hits are always kept each.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use jiff::Timestamp;
use rapidhash::fast::RandomState;

/// Look-ups remembered, as a power of two: those of one second of a busy school several times over.
/// One that is pushed out is simply kept again.
const SLOTS: usize = 1 << 16;
/// The bits of a slot that hold the second; the others hold the look-up's mark.
const SECOND: u64 = (1 << 20) - 1;

/// What makes two look-ups one act: the marks of who asks, of the host, and of what was done by which
/// rule and versions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    pub(crate) asker: u64,
    pub(crate) host: u64,
    pub(crate) ruling: u64,
}

impl Act {
    /// The three as one. Each is keyed, so that nobody can aim for another's.
    fn mark(self) -> u64 {
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            product as u64 ^ (product >> 64) as u64
        };
        // No factor is nought but by chance.
        fold(fold(self.asker | 1, self.host ^ HOST), self.ruling ^ RULING)
    }
}

/// Keep apart what is hashed alike.
const HOST: u64 = 0x9e37_79b9_7f4a_7c15;
const RULING: u64 = 0xc2b2_ae3d_27d4_eb4f;

/// The acts of the last second.
pub(crate) struct Acts {
    /// Makes the marks that acts are told apart by.
    pub(crate) marks: RandomState,
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
    pub(crate) fn is_repeated(&self, act: Act, at: Timestamp) -> bool {
        let mark = act.mark();
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
    use std::hash::BuildHasher;

    use jiff::SignedDuration;

    use super::*;

    /// MON-01: the three look-ups of one visit are one event; another second, asker, name or verdict
    /// is another.
    #[test]
    fn mon_01_the_look_ups_of_one_visit_are_one_event() {
        let at: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let acts = Acts::default();
        let act = Act {
            asker: acts.marks.hash_one("asker"),
            host: acts.marks.hash_one("first.example"),
            ruling: acts.marks.hash_one("block"),
        };
        assert!(!acts.is_repeated(act, at));
        assert!(acts.is_repeated(act, at));
        assert!(acts.is_repeated(act, at + SignedDuration::from_millis(900)));
        let other = acts.marks.hash_one("other");
        for other in [
            Act {
                asker: other,
                ..act
            },
            Act { host: other, ..act },
            Act {
                ruling: other,
                ..act
            },
            // The same three in other places.
            Act {
                asker: act.host,
                host: act.asker,
                ..act
            },
            Act {
                host: act.ruling,
                ruling: act.host,
                ..act
            },
        ] {
            assert!(!acts.is_repeated(other, at), "{other:?}");
        }
        assert!(!acts.is_repeated(act, at + SignedDuration::from_secs(1)));
    }
}
