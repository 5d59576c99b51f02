//! The periods that audits of attempts are about: one follows the other without a gap, so that no
//! attempt falls between two audits.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use pharos_policy::spec::{CalendarSpec, DatesSpec};

/// A holiday within a term that is at least so long parts it into halves; shorter ones are days off.
const HALF_TERM_DAYS: i32 = 5;
/// No period is looked for further away than so many days.
const DAYS_MAX: i32 = 1_200;

/// How often (`mon.attempt_audit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditInterval {
    /// From Monday to Sunday.
    Weekly,
    /// Month by month.
    Monthly,
    /// From the beginning of a half term to the beginning of the next, holidays included.
    HalfTermly,
    /// From the beginning of a term to the beginning of the next.
    Termly,
    /// From September to August.
    Yearly,
}

impl AuditInterval {
    /// The interval with this name in a pack; `None` for `off`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "weekly" => Self::Weekly,
            "monthly" => Self::Monthly,
            "half-termly" => Self::HalfTermly,
            "termly" => Self::Termly,
            "yearly" => Self::Yearly,
            _ => return None,
        })
    }

    /// Whether a period begins on this day. Where the school wrote down no terms for the time, half
    /// terms are two months and terms four.
    fn begins(self, calendar: &CalendarSpec, day: Date) -> bool {
        let first_of = |months: &[i8]| day.day() == 1 && months.contains(&day.month());
        let usual = match self {
            Self::Weekly => return day.weekday() == Weekday::Monday,
            Self::Monthly => return day.day() == 1,
            Self::Yearly => return first_of(&[9]),
            Self::Termly => first_of(&[1, 5, 9]),
            Self::HalfTermly => first_of(&[1, 3, 5, 7, 9, 11]),
        };
        let terms = &calendar.terms;
        let written = terms.iter().map(|term| term.from).min().zip(
            terms
                .iter()
                .map(|term| term.to.saturating_add(1.day()))
                .max(),
        );
        let Some((first, after)) =
            written.filter(|(first, after)| (*first..=*after).contains(&day))
        else {
            return usual;
        };
        day == first
            || day == after
            || terms.iter().any(|term| term.from == day)
            || (self == Self::HalfTermly
                && calendar
                    .holidays
                    .iter()
                    .any(|off| off.to.saturating_add(1.day()) == day && parts_a_term(terms, off)))
    }

    /// The period that a day is in.
    pub fn period_of(self, calendar: &CalendarSpec, day: Date) -> AuditPeriod {
        let back = (0..DAYS_MAX).map(|days| day.saturating_sub(days.days()));
        let on = (1..DAYS_MAX).map(|days| day.saturating_add(days.days()));
        let begins = |one: &Date| self.begins(calendar, *one);
        AuditPeriod {
            from: back.clone().find(begins).unwrap_or(day),
            to: on
                .clone()
                .find(begins)
                .unwrap_or(day)
                .saturating_sub(1.day()),
        }
    }
}

fn parts_a_term(terms: &[DatesSpec], off: &DatesSpec) -> bool {
    let days = (off.to - off.from).get_days() + 1;
    days >= HALF_TERM_DAYS
        && terms
            .iter()
            .any(|term| term.from < off.from && off.to < term.to)
}

/// A period, both days included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditPeriod {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl AuditPeriod {
    /// Its first moment and the first one after it, at the school.
    pub(crate) fn bounds(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let start = |day: Date, at_the_edge| {
            zone.to_timestamp(day.to_datetime(jiff::civil::Time::midnight()))
                .unwrap_or(at_the_edge)
        };
        (
            start(self.from, Timestamp::MIN),
            start(self.to.saturating_add(1.day()), Timestamp::MAX),
        )
    }
}

impl fmt::Display for AuditPeriod {
    /// By its first day, as in an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.from.fmt(f)
    }
}

impl FromStr for AuditPeriod {
    type Err = jiff::Error;

    /// Any day; the period of that day alone.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = text.parse()?;
        Ok(Self { from: day, to: day })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn dates(from: &str, to: &str) -> DatesSpec {
        DatesSpec {
            from: day(from),
            to: day(to),
        }
    }

    fn calendar() -> CalendarSpec {
        CalendarSpec {
            terms: vec![
                dates("2026-09-03", "2026-12-11"),
                dates("2027-01-06", "2027-03-25"),
            ],
            holidays: vec![
                dates("2026-10-17", "2026-11-01"),
                dates("2026-11-20", "2026-11-20"),
                dates("2027-02-13", "2027-02-21"),
            ],
        }
    }

    fn period(interval: AuditInterval, calendar: &CalendarSpec, on: &str) -> (String, String) {
        let period = interval.period_of(calendar, day(on));
        (period.from.to_string(), period.to.to_string())
    }

    /// MON-11: half terms and terms are the school's own, with the holidays after them; a day off parts
    /// nothing; beyond the terms that are written down it goes on by months.
    #[test]
    fn mon_11_periods_follow_the_schools_own_terms() {
        use AuditInterval::{HalfTermly, Monthly, Termly, Weekly, Yearly};
        let calendar = calendar();
        for (interval, on, from, to) in [
            (HalfTermly, "2026-09-03", "2026-09-03", "2026-11-01"),
            (HalfTermly, "2026-11-10", "2026-11-02", "2027-01-05"),
            (HalfTermly, "2027-01-05", "2026-11-02", "2027-01-05"),
            (HalfTermly, "2027-02-22", "2027-02-22", "2027-03-25"),
            (HalfTermly, "2027-04-02", "2027-03-26", "2027-04-30"),
            (HalfTermly, "2027-07-02", "2027-07-01", "2027-08-31"),
            (Termly, "2026-11-10", "2026-09-03", "2027-01-05"),
            (Yearly, "2026-11-10", "2026-09-01", "2027-08-31"),
            (Monthly, "2026-11-10", "2026-11-01", "2026-11-30"),
            (Weekly, "2026-11-10", "2026-11-09", "2026-11-15"),
        ] {
            let got = period(interval, &calendar, on);
            assert_eq!(got, (from.into(), to.into()), "{interval:?} {on}");
        }
        let none = CalendarSpec::default();
        let got = period(HalfTermly, &none, "2026-11-10");
        assert_eq!(got, ("2026-11-01".into(), "2026-12-31".into()));
    }

    /// MON-11: no day is in two periods or in none.
    #[test]
    fn mon_11_no_day_is_left_out() {
        let calendar = calendar();
        for name in ["weekly", "monthly", "half-termly", "termly", "yearly"] {
            let interval = AuditInterval::named(name).unwrap();
            let mut on = day("2026-06-15");
            while on < day("2028-02-01") {
                let here = interval.period_of(&calendar, on);
                assert!(here.from <= on && on <= here.to, "{name} {on}: {here:?}");
                let next = interval.period_of(&calendar, here.to.saturating_add(1.day()));
                assert_eq!(next.from, here.to.saturating_add(1.day()), "{name} {on}");
                on = next.from;
            }
        }
        assert_eq!(AuditInterval::named("off"), None);
    }
}
