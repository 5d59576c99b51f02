//! How things are written on pages: times, people, actions, in the school's words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A moment as people read it: `Mon 2 November 2026, 09:05`.
pub(crate) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%a %-d %B %Y, %H:%M")
        .to_string()
}

/// A day as people read it: `2 November 2026`.
pub(crate) fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%-d %B %Y").to_string()
}
