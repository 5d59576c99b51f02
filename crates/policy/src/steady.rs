//! How long decisions stay what they are, for faces that keep them between questions.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::Policy;
use crate::hours::{Hours, Span};
use crate::sets::PlaceSet;

/// The named places that a device is in. With the [`crate::Subject`] and whether the notice comes
/// first it is all that a decision rests on of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Whereabouts(PlaceSet);

/// Named hours and lessons begin and end with a minute.
const MINUTE_S: i64 = 60;

/// What of a policy begins and ends with time, found out once when it is compiled.
#[derive(Debug, Default)]
pub(crate) struct Steady {
    /// Where rules begin and end, each moment once, in order.
    bounds: Box<[Timestamp]>,
    turns: Turns,
}

/// When named hours and lessons begin and end.
#[derive(Debug, Default, Clone, Copy)]
enum Turns {
    /// There are none.
    #[default]
    Never,
    /// With a whole minute of the school's clock.
    WithMinutes,
    /// At any moment.
    Anytime,
}

impl Steady {
    pub(crate) fn of(policy: &Policy) -> Self {
        let bounds = policy.rules.iter().flat_map(|rule| [rule.from, rule.until]);
        let bounds: BTreeSet<Timestamp> = bounds.flatten().collect();
        let mut lessons = policy.timetable.values().flat_map(|spans| spans.iter());
        let turns = if policy.hours.spans.is_empty()
            && policy.timetable.values().all(|one| one.is_empty())
        {
            Turns::Never
        } else if policy.hours.turn_with_minutes() && lessons.all(Span::turns_with_minutes) {
            Turns::WithMinutes
        } else {
            Turns::Anytime
        };
        Self {
            bounds: bounds.into_iter().collect(),
            turns,
        }
    }
}

impl Policy {
    /// Where a device is.
    pub fn whereabouts(&self, from: Option<IpAddr>) -> Whereabouts {
        Whereabouts(from.map_or(PlaceSet::default(), |from| self.places_of(from)))
    }

    /// The first moment after `now` at which time alone may change a decision of this policy: until
    /// then the same question of the same asker is decided alike. `now` itself where nothing can be
    /// said.
    pub fn steady_until(&self, now: Timestamp) -> Timestamp {
        let Steady { bounds, turns } = &self.steady;
        let next = bounds.partition_point(|bound| *bound <= now);
        let first = bounds.get(next).copied().unwrap_or(Timestamp::MAX);
        match turns {
            Turns::Never => return first,
            Turns::WithMinutes if Hours::knows_offsets_at(now) => {}
            Turns::WithMinutes | Turns::Anytime => return now,
        }
        let minute = now.as_second().div_euclid(MINUTE_S) + 1;
        let next = minute.checked_mul(MINUTE_S);
        let next = next.and_then(|second| Timestamp::from_second(second).ok());
        first.min(next.unwrap_or(Timestamp::MAX))
    }
}
