//! Named hours and the school calendar, as written (`school.hours`, FIL-11).

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

/// Named hours: one or more stretches of the week.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HoursSpec {
    /// The stretches; the hours are on while any of them is.
    pub spans: Vec<SpanSpec>,
}

/// One stretch of wall-clock time on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SpanSpec {
    /// The days it begins on.
    pub days: Vec<Day>,
    /// First minute, on the school's wall clock.
    pub from: Time,
    /// End, not included. Not later than `from` means that it runs past midnight into the next
    /// day; equal to `from` means a full day.
    pub to: Time,
    /// For whom it counts.
    #[serde(default)]
    pub who: Boarding,
    /// On which days of the year it counts. A stretch past midnight counts by the day it began.
    #[serde(default)]
    pub on: SchoolDays,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the days of the week need no words")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    /// Monday to Sunday.
    pub const ALL: [Day; 7] = [
        Day::Mon,
        Day::Tue,
        Day::Wed,
        Day::Thu,
        Day::Fri,
        Day::Sat,
        Day::Sun,
    ];
    /// Monday to Friday.
    pub const WEEKDAYS: [Day; 5] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri];
}

/// Boarders, day pupils or everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boarding {
    /// Everybody, staff too.
    #[default]
    Everyone,
    /// People with a boarding house.
    Boarders,
    /// Everybody without one.
    Day,
}

/// Which days of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchoolDays {
    /// Days inside a term that are no holiday. Every day, where no terms are written.
    #[default]
    Term,
    /// All other days.
    Holiday,
    /// Every day.
    Always,
}

/// Terms and holidays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CalendarSpec {
    /// Terms. None written: term all year, less the holidays.
    pub terms: Vec<DatesSpec>,
    /// Half terms, bank holidays, training days.
    pub holidays: Vec<DatesSpec>,
}

/// A run of dates, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DatesSpec {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}
