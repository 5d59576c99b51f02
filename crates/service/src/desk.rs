//! The block desk in memory: what a block page's reference stands for, for a day at most.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use pharos_activity::{BlockDesk, Blocked, Reference};

/// How many blocks are kept; beyond that the oldest go, and their pages say that they are too old.
const BLOCKS_MAX: usize = 50_000;

/// How long a block page can be used.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Blocks by reference, bounded in number and age.
#[derive(Debug, Default)]
pub struct Desk {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    blocks: HashMap<Reference, Blocked>,
    order: VecDeque<Reference>,
}

impl Desk {
    /// The block behind a reference, while it is kept.
    pub fn find(&self, reference: Reference, now: Timestamp) -> Option<Blocked> {
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.blocks
            .get(&reference)
            .filter(|blocked| now.duration_since(blocked.at) < KEPT)
            .cloned()
    }
}

impl BlockDesk for Desk {
    fn open(&self, blocked: Blocked) -> Reference {
        // Without random bits the reference could be guessed; the time alone keeps pages working.
        let bits = getrandom::u64()
            .unwrap_or_else(|_| u64::try_from(blocked.at.as_nanosecond()).unwrap_or_default());
        let reference = Reference::from_random(bits);
        let mut kept = self
            .kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.order.len() >= BLOCKS_MAX
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.blocks.remove(&oldest);
        }
        kept.order.push_back(reference);
        kept.blocks.insert(reference, blocked);
        reference
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pharos_school::{Face, Unknown, Who};

    use super::*;

    fn blocked(at: Timestamp) -> Blocked {
        Blocked {
            at,
            who: Who::Unknown {
                why: Unknown::NoSignIn,
                device: None,
            },
            group: None,
            address: [127, 0, 0, 1].into(),
            face: Face::Https,
            host: Some("games.example".into()),
            path: None,
            action: "block",
            rule: Arc::from("games"),
            categories: Arc::from([Arc::from("gaming")]),
            why: "Games are blocked in lessons.".into(),
            may_ask: true,
            policy_version: 1,
            catalogue_version: 1,
        }
    }

    #[test]
    fn a_block_is_found_by_its_reference_for_a_day_and_no_longer() {
        let desk = Desk::default();
        let at: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let reference = desk.open(blocked(at));
        assert!(
            desk.find(reference, at + SignedDuration::from_hours(23))
                .is_some()
        );
        assert!(
            desk.find(reference, at + SignedDuration::from_hours(24))
                .is_none()
        );
        assert!(desk.find(Reference::from_random(1), at).is_none());
    }

    #[test]
    fn the_desk_keeps_a_bounded_number_and_drops_the_oldest() {
        let desk = Desk::default();
        let at: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let first = desk.open(blocked(at));
        for _ in 0..BLOCKS_MAX {
            desk.open(blocked(at));
        }
        assert!(desk.find(first, at).is_none());
        assert_eq!(desk.kept.lock().unwrap().blocks.len(), BLOCKS_MAX);
    }
}
