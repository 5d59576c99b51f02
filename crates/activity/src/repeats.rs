//! One event for what is one act.
//!
//! A browser looks a name up three times before it opens it once (A, AAAA, HTTPS), and again a moment
//! later. Kept one by one they would say three visits, count three attempts, and cost three times the
//! room. So of look-ups of the same name, by the same device and person, with the same verdict, the
//! first of each second is an event. Requests through the proxy, searches and sealed hits are always
//! kept each.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use pharos_school::Face;

use crate::{Event, Sink};

/// Look-ups remembered, as a power of two: those of one second of a busy school several times over.
/// One that is pushed out is simply kept again.
const SLOTS: usize = 1 << 15;
/// The bits of a slot that hold the second; the others hold the look-up's mark.
const SECOND: u64 = (1 << 20) - 1;

/// Passes events on, each act once.
pub struct EachActOnce {
    to: Arc<dyn Sink>,
    marks: RandomState,
    slots: Box<[AtomicU64]>,
}

impl EachActOnce {
    /// In front of a sink.
    pub fn new(to: Arc<dyn Sink>) -> Self {
        Self {
            to,
            marks: RandomState::new(),
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Whether the same was recorded in this second. Two different look-ups pass for the same once
    /// in 2^59 pairs; the marks are keyed anew at each start, so that nobody can aim for it.
    fn is_repeated(&self, event: &Event) -> bool {
        let mut hasher = self.marks.build_hasher();
        event.address.hash(&mut hasher);
        event.host.hash(&mut hasher);
        event.action.hash(&mut hasher);
        event.rule.hash(&mut hasher);
        event.who.person().hash(&mut hasher);
        event.policy_version.hash(&mut hasher);
        event.catalogue_version.hash(&mut hasher);
        let mark = hasher.finish();
        let second = event.at.as_second().cast_unsigned() & SECOND;
        let wanted = (mark & !SECOND) | second;
        // The lowest bits choose the slot, the highest stand in it.
        let Some(slot) = self.slots.get(mark as usize % SLOTS) else {
            return false;
        };
        slot.swap(wanted, Relaxed) == wanted
    }
}

impl Sink for EachActOnce {
    fn record(&self, event: Event) {
        let single = event.face != Face::Dns || event.sealed.is_some() || event.search.is_some();
        if single || !self.is_repeated(&event) {
            self.to.record(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use jiff::SignedDuration;

    use super::*;
    use crate::testing::event;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Event>>);

    impl Sink for Kept {
        fn record(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }
    }

    fn kept(events: &[Event]) -> usize {
        let kept = Arc::new(Kept::default());
        let once = EachActOnce::new(Arc::clone(&kept) as Arc<dyn Sink>);
        for event in events {
            once.record(event.clone());
        }
        let kept = kept.0.lock().unwrap();
        kept.len()
    }

    fn look_up() -> Event {
        Event {
            face: Face::Dns,
            ..event(0)
        }
    }

    /// MON-01: the three look-ups of one visit are one event; another second, device, name, person
    /// or verdict is another.
    #[test]
    fn mon_01_the_look_ups_of_one_visit_are_one_event() {
        let first = look_up();
        assert_eq!(kept(&[first.clone(), first.clone(), first.clone()]), 1);
        let mut later = first.clone();
        later.at += SignedDuration::from_secs(1);
        let mut device = first.clone();
        device.address = [10, 9, 8, 7].into();
        let mut name = first.clone();
        name.host = "another.example".into();
        let mut verdict = first.clone();
        verdict.action = "narrow";
        assert_eq!(kept(&[first, later, device, name, verdict]), 5);
    }

    /// MON-01, MON-14: every request, every search and every sealed hit is kept.
    #[test]
    fn mon_01_requests_searches_and_sealed_hits_are_kept_each() {
        let mut request = look_up();
        request.face = Face::Https;
        let mut search = look_up();
        search.search = Some("shells".into());
        let mut sealed = look_up();
        sealed.sealed = Some("a list".into());
        for event in [request, search, sealed] {
            assert_eq!(kept(&[event.clone(), event.clone(), event]), 3);
        }
    }
}
