//! Which named hours are on: wall-clock time in the school's zone, by the calendar (FIL-11).
//!
//! Spans are compared with the wall clock, so that on the two nights a year when the clocks change
//! a lesson still begins at the time on the wall. An hour that is shown twice counts both times.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use crate::sets::HoursSet;
use crate::spec::{Boarding, CalendarSpec, DatesSpec, Day, SchoolDays};

/// All named hours, in numbers.
#[derive(Debug)]
pub(crate) struct Hours {
    zone: TimeZone,
    /// The offsets from [`OFFSETS_FROM`] to [`OFFSETS_TO`], each with its beginning: working one
    /// out from the zone's rules takes longer than all the rest of a decision.
    offsets: Vec<(Timestamp, Offset)>,
    pub(crate) terms: Vec<DatesSpec>,
    pub(crate) holidays: Vec<DatesSpec>,
    pub(crate) spans: Vec<Span>,
}

/// One stretch, with the number of the hours it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) hours: usize,
    pub(crate) days: [bool; 7],
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) who: Boarding,
    pub(crate) on: SchoolDays,
}

/// The hours that are on: for somebody whose boarding is known both are the same.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Active {
    /// On for this person, or for anybody where nobody is known.
    pub(crate) any: HoursSet,
    /// On for this person, or for everybody where nobody is known.
    pub(crate) all: HoursSet,
}

impl Hours {
    pub(crate) fn new(zone: TimeZone, calendar: &CalendarSpec, spans: Vec<Span>) -> Self {
        let CalendarSpec { terms, holidays } = calendar.clone();
        let offsets = offsets(&zone);
        Self {
            zone,
            offsets,
            terms,
            holidays,
            spans,
        }
    }

    /// The hours that are on now. `boarder` is `None` where nobody is known.
    pub(crate) fn active(&self, now: Timestamp, boarder: Option<bool>) -> Active {
        if self.spans.is_empty() {
            return Active::default();
        }
        let moment = Moment::new(self, self.wall_clock(now));
        match boarder {
            Some(boarder) => {
                let on = self.on_for(&moment, boarder);
                Active { any: on, all: on }
            }
            None => {
                let (boarders, others) = (self.on_for(&moment, true), self.on_for(&moment, false));
                Active {
                    any: boarders.or(others),
                    all: boarders.and(others),
                }
            }
        }
    }

    /// Whether any of somebody's own stretches is on now.
    pub(crate) fn any_on(&self, spans: &[Span], now: Timestamp) -> bool {
        if spans.is_empty() {
            return false;
        }
        let moment = Moment::new(self, self.wall_clock(now));
        spans.iter().any(|span| span.holds(&moment))
    }

    fn on_for(&self, moment: &Moment, boarder: bool) -> HoursSet {
        let mut on = HoursSet::default();
        for span in &self.spans {
            let theirs = match span.who {
                Boarding::Everyone => true,
                Boarding::Boarders => boarder,
                Boarding::Day => !boarder,
            };
            if theirs && span.holds(moment) {
                on.insert(span.hours);
            }
        }
        on
    }

    fn wall_clock(&self, now: Timestamp) -> DateTime {
        let until = self.offsets.partition_point(|(begins, _)| *begins <= now);
        match self.offsets[..until].last() {
            Some((_, offset)) if now < OFFSETS_TO => offset.to_datetime(now),
            _ => self.zone.to_datetime(now),
        }
    }

    /// Whether the offset of the school's clock at a moment is one of those kept.
    pub(crate) fn knows_offsets_at(now: Timestamp) -> bool {
        (OFFSETS_FROM..OFFSETS_TO).contains(&now)
    }

    /// Whether its hours begin and end with a whole minute of any clock, as long as the offsets are those
    /// kept.
    pub(crate) fn turn_with_minutes(&self) -> bool {
        let whole = |second: i64| second % 60 == 0;
        self.spans.iter().all(Span::turns_with_minutes)
            && self.offsets.iter().all(|(begins, offset)| {
                whole(begins.as_second()) && whole(i64::from(offset.seconds()))
            })
    }

    fn is_term(&self, date: Date) -> bool {
        let within = |dates: &DatesSpec| dates.from <= date && date <= dates.to;
        (self.terms.is_empty() || self.terms.iter().any(within))
            && !self.holidays.iter().any(within)
    }
}

impl Span {
    /// Whether it begins and ends with a whole minute.
    pub(crate) fn turns_with_minutes(&self) -> bool {
        [self.from, self.to]
            .iter()
            .all(|time| time.second() == 0 && time.subsec_nanosecond() == 0)
    }

    fn holds(&self, moment: &Moment) -> bool {
        let today = self.begins_on(&moment.today);
        if self.from < self.to {
            return today && self.from <= moment.time && moment.time < self.to;
        }
        (today && self.from <= moment.time)
            || (moment.time < self.to && self.begins_on(&moment.yesterday))
    }

    fn begins_on(&self, day: &DayFacts) -> bool {
        self.days[day.weekday]
            && match self.on {
                SchoolDays::Always => true,
                SchoolDays::Term => day.term,
                SchoolDays::Holiday => !day.term,
            }
    }
}

struct Moment {
    time: Time,
    today: DayFacts,
    yesterday: DayFacts,
}

struct DayFacts {
    weekday: usize,
    term: bool,
}

impl Moment {
    fn new(hours: &Hours, at: DateTime) -> Self {
        let today = at.date();
        // The first date that can be written has no yesterday; it stands in for itself.
        let yesterday = today.yesterday().unwrap_or(today);
        let facts = |date: Date| DayFacts {
            weekday: usize::from(date.weekday().to_monday_zero_offset().unsigned_abs()) % 7,
            term: hours.is_term(date),
        };
        Self {
            time: at.time(),
            today: facts(today),
            yesterday: facts(yesterday),
        }
    }
}

/// 1 January 2020; before it the zone's rules are worked out each time.
const OFFSETS_FROM: Timestamp = Timestamp::constant(1_577_836_800, 0);
/// 1 January 2080; from it on too.
const OFFSETS_TO: Timestamp = Timestamp::constant(3_471_292_800, 0);

fn offsets(zone: &TimeZone) -> Vec<(Timestamp, Offset)> {
    let first = (OFFSETS_FROM, zone.to_offset(OFFSETS_FROM));
    let changes = zone
        .following(OFFSETS_FROM)
        .take_while(|change| change.timestamp() < OFFSETS_TO);
    let changes = changes.map(|change| (change.timestamp(), change.offset()));
    std::iter::once(first)
        .chain(changes)
        .take(OFFSETS_MAX)
        .collect()
}

/// More changes than any zone has in those years.
const OFFSETS_MAX: usize = 1_000;

/// The days as a table by weekday, Monday first.
pub(crate) fn by_weekday(days: &[Day]) -> [bool; 7] {
    Day::ALL.map(|day| days.contains(&day))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::tz::TimeZoneDatabase;

    use super::*;

    /// FIL-11: the offsets kept give the same wall clock as the zone's rules, every hour around
    /// every change and outside the years kept.
    #[test]
    fn fil_11_the_wall_clock_is_the_zones() {
        for name in [
            "Europe/London",
            "UTC",
            "Australia/Lord_Howe",
            "Africa/Casablanca",
        ] {
            let zone = TimeZoneDatabase::bundled().get(name).unwrap();
            let hours = Hours::new(zone.clone(), &CalendarSpec::default(), Vec::new());
            let mut moments: Vec<Timestamp> =
                hours.offsets.iter().map(|(begins, _)| *begins).collect();
            moments.extend(
                [
                    "1990-07-01T00:00:00Z",
                    "2079-12-31T23:00:00Z",
                    "2090-07-01T00:00:00Z",
                ]
                .map(|text| text.parse::<Timestamp>().unwrap()),
            );
            for moment in moments {
                for half_hours in -3..=3 {
                    let now = moment + SignedDuration::from_mins(30 * half_hours);
                    assert_eq!(hours.wall_clock(now), zone.to_datetime(now), "{name} {now}");
                }
            }
        }
    }
}
