//! School days, as far as clocks need them (CLK-03).

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// When the school works. Immediate clocks never ask: they run day and night.
pub trait Calendar {
    /// The end of the school day that `at` falls in, or of the next one when school is out.
    fn end_of_school_day(&self, at: Timestamp) -> Timestamp;
    /// The end of the day that lies `days` school days after `at`.
    fn after_school_days(&self, at: Timestamp, days: u16) -> Timestamp;
    /// The date at the school.
    fn date(&self, at: Timestamp) -> Date;
    /// The end of that date at the school.
    fn end_of(&self, date: Date) -> Timestamp;
}

/// Monday to Friday except the days given.
#[derive(Debug, Clone)]
pub struct WeekCalendar {
    /// The school's time zone.
    pub zone: TimeZone,
    /// When the school day ends.
    pub day_ends: Time,
    /// Holidays and other days without school.
    pub closed: BTreeSet<Date>,
}

/// How far ahead a school day is looked for; a calendar closed for longer counts plain days.
const LOOK_AHEAD_DAYS: u16 = 400;

impl WeekCalendar {
    /// A calendar with no holidays; the school day ends at 17:00, the time by which a lead is
    /// still expected to be reached.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            day_ends: time(17, 0, 0, 0),
            closed: BTreeSet::new(),
        }
    }

    fn is_school_day(&self, date: Date) -> bool {
        !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
            && !self.closed.contains(&date)
    }

    fn at(&self, date: Date, time: Time) -> Timestamp {
        // A time that a clock change skips or repeats is resolved by the zone's rules; only a date
        // at the very end of the calendar can fail.
        self.zone
            .to_timestamp(date.to_datetime(time))
            .unwrap_or(Timestamp::MAX)
    }

    fn next_school_day(&self, from: Date) -> Date {
        let mut date = from;
        for _ in 0..LOOK_AHEAD_DAYS {
            if self.is_school_day(date) {
                return date;
            }
            date = date.saturating_add(1.day());
        }
        from
    }
}

impl Calendar for WeekCalendar {
    fn end_of_school_day(&self, at: Timestamp) -> Timestamp {
        let now = self.zone.to_datetime(at);
        let from = if now.time() >= self.day_ends {
            now.date().saturating_add(1.day())
        } else {
            now.date()
        };
        self.at(self.next_school_day(from), self.day_ends)
    }

    fn after_school_days(&self, at: Timestamp, days: u16) -> Timestamp {
        let mut date = self.date(at);
        for _ in 0..days {
            date = self.next_school_day(date.saturating_add(1.day()));
        }
        self.at(date, self.day_ends)
    }

    fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    fn end_of(&self, date: Date) -> Timestamp {
        self.at(date, time(23, 59, 59, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_report_on_friday_evening_is_due_on_monday() {
        let calendar = WeekCalendar::new(TimeZone::UTC);
        assert_eq!(
            calendar.end_of_school_day(at("2026-11-20T10:00:00Z")),
            at("2026-11-20T17:00:00Z")
        );
        assert_eq!(
            calendar.end_of_school_day(at("2026-11-20T18:00:00Z")),
            at("2026-11-23T17:00:00Z")
        );
        assert_eq!(
            calendar.after_school_days(at("2026-11-20T10:00:00Z"), 1),
            at("2026-11-23T17:00:00Z")
        );
    }

    #[test]
    fn holidays_are_not_school_days() {
        let mut calendar = WeekCalendar::new(TimeZone::UTC);
        calendar.closed.insert("2026-11-23".parse().unwrap());
        assert_eq!(
            calendar.after_school_days(at("2026-11-20T10:00:00Z"), 1),
            at("2026-11-24T17:00:00Z")
        );
    }
}
