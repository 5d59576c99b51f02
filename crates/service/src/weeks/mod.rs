//! The week's report: what happened, with whom, how serious, what next, in plain words; and who
//! reviewed it (MON-10).
//!
//! What pupils tried is counted once, when the week is over, and kept without names, so that it is
//! still there when the activity itself is gone. What became of alerts and requests is read anew each
//! time. Names are shown to those who may watch the pupil, and each one shown leaves a look-up.

mod blocked;
mod made;
mod page;
mod reviewed;

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use pharos_policy::spec::CalendarSpec;

pub(crate) use blocked::Pupil;
pub use blocked::{Blocked, CategoryLine, SEALED_CATEGORY, UNLISTED};
pub use page::{AlertLine, AlertSeen, CheckLine, RequestLine, StandsOut, WeekReport};
pub use reviewed::{WeekLine, WeekRead};

/// A week from Monday to Sunday, by its Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(Date);

impl Week {
    /// The week that a day is in.
    pub fn of(day: Date) -> Self {
        Self(day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days()))
    }

    /// Its first day.
    pub const fn monday(self) -> Date {
        self.0
    }

    /// Its last day.
    pub fn sunday(self) -> Date {
        self.0.saturating_add(6.days())
    }

    /// The week before it.
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(7.days()))
    }

    /// The week after it.
    pub fn after(self) -> Self {
        Self(self.0.saturating_add(7.days()))
    }

    /// Its first moment and the first one of the week after, at the school.
    pub(crate) fn bounds(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let start = |day: Date, at_the_edge| {
            zone.to_timestamp(day.to_datetime(jiff::civil::Time::midnight()))
                .unwrap_or(at_the_edge)
        };
        (
            start(self.0, Timestamp::MIN),
            start(self.after().0, Timestamp::MAX),
        )
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Week {
    type Err = jiff::Error;

    /// Any day of the week.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::of)
    }
}

/// Whether a day is one of the school's: Monday to Friday, in a term where terms are written down,
/// and in no holiday.
pub(crate) fn is_school_day(calendar: &CalendarSpec, day: Date) -> bool {
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let in_term = calendar.terms.is_empty()
        || calendar
            .terms
            .iter()
            .any(|term| term.from <= day && day <= term.to);
    let off = calendar
        .holidays
        .iter()
        .any(|holiday| holiday.from <= day && day <= holiday.to);
    !weekend && in_term && !off
}

#[cfg(test)]
mod tests {
    use pharos_policy::spec::DatesSpec;

    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    /// MON-10: a week goes from Monday to Sunday, on the wall clock of the school, the night when the
    /// clocks change included.
    #[test]
    fn mon_10_a_week_goes_from_monday_to_sunday() {
        let week: Week = "2026-10-25".parse().unwrap();
        assert_eq!(
            (week.monday(), week.sunday()),
            (day("2026-10-19"), day("2026-10-25"))
        );
        assert_eq!(Week::of(day("2026-10-19")), week);
        assert_eq!(week.before().after(), week);
        let (from, to) = week.bounds(&TimeZone::get("Europe/London").unwrap());
        assert_eq!(
            (from.to_string(), to.to_string()),
            (
                "2026-10-18T23:00:00Z".to_owned(),
                "2026-10-26T00:00:00Z".to_owned()
            )
        );
    }

    #[test]
    fn mon_10_weekends_and_holidays_are_no_school_days() {
        let dates = |from, to| DatesSpec {
            from: day(from),
            to: day(to),
        };
        let calendar = CalendarSpec {
            terms: vec![dates("2026-09-03", "2026-12-11")],
            holidays: vec![dates("2026-10-17", "2026-11-01")],
        };
        for (on, is) in [
            ("2026-09-02", false),
            ("2026-09-03", true),
            ("2026-09-05", false),
            ("2026-10-19", false),
            ("2026-11-02", true),
            ("2026-12-14", false),
        ] {
            assert_eq!(is_school_day(&calendar, day(on)), is, "{on}");
        }
        assert!(is_school_day(&CalendarSpec::default(), day("2026-12-14")));
    }
}
