//! What the faces told of the check's own users while a run lasts: counted, and kept out of activity,
//! so that figures, quotas and searches are of people alone. The counts stand with the run: they show
//! that the real faces were asked and decided.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use pharos_activity::Event;

use super::users::{is_check_address, is_test_user};
use crate::App;

/// What comes in so long after a run is still the run's own.
const AFTER: SignedDuration = SignedDuration::from_secs(15);

/// Counts by face.
pub(super) type Counts = BTreeMap<String, u64>;

#[derive(Debug, Default)]
enum State {
    #[default]
    Off,
    Counting(Counts),
    Ending(Timestamp),
}

/// The counts of the run that is under way.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<State>);

impl Tally {
    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run begins.
    pub(super) fn open(&self) {
        *self.locked() = State::Counting(Counts::new());
    }

    /// The run is over, also where it was cut off: what was counted.
    pub(super) fn close(&self, now: Timestamp) -> Counts {
        let ended = State::Ending(now + AFTER);
        match std::mem::replace(&mut *self.locked(), ended) {
            State::Counting(counts) => counts,
            State::Off | State::Ending(_) => Counts::new(),
        }
    }

    /// Whether the event is the run's own; then it is counted here.
    fn takes(&self, event: &Event, now: Timestamp) -> bool {
        match &mut *self.locked() {
            State::Off => false,
            State::Ending(until) => now < *until,
            State::Counting(counts) => {
                *counts.entry(event.face.name().to_owned()).or_default() += 1;
                true
            }
        }
    }
}

impl App {
    /// Whether an event is of a run of the self-check that is under way: then it is counted with the run
    /// and belongs in no activity. At any other time what comes from the check's devices is kept like
    /// everything else.
    pub fn folds_check_event(&self, event: &Event) -> bool {
        let own = is_check_address(event.address) || event.who.person().is_some_and(is_test_user);
        own && self.inner().check_tally.takes(event, self.now())
    }
}
