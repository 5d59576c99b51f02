//! How long decisions stay what they are, for faces that keep them between questions.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::Policy;
use crate::sets::PlaceSet;

/// The named places that a device is in. With the [`crate::Subject`] and whether the notice comes
/// first it is all that a decision rests on of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Whereabouts(PlaceSet);

/// Named hours and lessons begin and end with a minute.
const MINUTE_S: i64 = 60;

impl Policy {
    /// Where a device is.
    pub fn whereabouts(&self, from: Option<IpAddr>) -> Whereabouts {
        Whereabouts(from.map_or(PlaceSet::default(), |from| self.places_of(from)))
    }

    /// The first moment after `now` at which time alone may change a decision of this policy: until
    /// then the same question of the same asker is decided alike. `now` itself where nothing can be
    /// said.
    pub fn steady_until(&self, now: Timestamp) -> Timestamp {
        let bounds = self.rules.iter().flat_map(|rule| [rule.from, rule.until]);
        let first = bounds.flatten().filter(|bound| *bound > now).min();
        let first = first.unwrap_or(Timestamp::MAX);
        let lessons = || self.timetable.values().flat_map(|spans| spans.iter());
        if self.hours.spans.is_empty() && lessons().next().is_none() {
            return first;
        }
        if !self.hours.turn_with_minutes(now) || !lessons().all(|span| span.turns_with_minutes()) {
            return now;
        }
        let minute = now.as_second().div_euclid(MINUTE_S) + 1;
        let next = minute.checked_mul(MINUTE_S);
        let next = next.and_then(|second| Timestamp::from_second(second).ok());
        first.min(next.unwrap_or(Timestamp::MAX))
    }
}
