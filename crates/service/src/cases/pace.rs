//! Reports from people who are not signed in, many at once. Every one of them is kept. Beyond the
//! bounds they are marked, and those who need to know are told of them together, so that nobody can
//! bury a child's report under a thousand notices, or stop the notices of others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// What counts together.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// Reports of one address in [`WINDOW`] that are told one by one.
const OF_ONE_ADDRESS: u32 = 5;
/// Reports of all addresses in [`WINDOW`] that are told one by one.
const OF_ALL: u32 = 40;
/// Addresses counted apart; those beyond it count for all together only.
const ADDRESSES_MAX: usize = 4_096;
/// Reports told together wait this long for others, in seconds; with danger at once less.
const GATHERED_S: i64 = 15 * 60;
const GATHERED_IN_DANGER_S: i64 = 5 * 60;

/// How the title of a report begins that came with many others.
pub(crate) const ONE_OF_MANY: &str = "One of many at once – ";

/// How many came lately.
#[derive(Default)]
pub(crate) struct ReportPace(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: Count,
    by_address: HashMap<IpAddr, Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    reports: u32,
    since: Timestamp,
}

impl Count {
    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.since) >= WINDOW
    }

    /// Counts one more; says whether it is within the bound.
    fn one_more(&mut self, most: u32, now: Timestamp) -> bool {
        if self.reports == 0 || self.is_over(now) {
            *self = Self {
                reports: 0,
                since: now,
            };
        }
        self.reports = self.reports.saturating_add(1);
        self.reports <= most
    }
}

impl ReportPace {
    /// Counts a report; says whether it is one of many. What one address sends beyond its bound
    /// takes nothing from the bound of all.
    pub(super) fn is_one_of_many(&self, from: IpAddr, now: Timestamp) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.by_address.len() >= ADDRESSES_MAX {
            counts.by_address.retain(|_, count| !count.is_over(now));
        }
        let room = counts.by_address.len() < ADDRESSES_MAX;
        let within = if room || counts.by_address.contains_key(&from) {
            let count = counts.by_address.entry(from).or_default();
            count.one_more(OF_ONE_ADDRESS, now)
        } else {
            true
        };
        !(within && counts.all.one_more(OF_ALL, now))
    }
}

/// When those who need to know are told of a report that is one of many: at the end of a stretch of
/// time that is the same for all that come in it.
pub(super) fn told_together_at(danger: bool, now: Timestamp) -> Timestamp {
    let stretch = if danger {
        GATHERED_IN_DANGER_S
    } else {
        GATHERED_S
    };
    let end = (now.as_second().div_euclid(stretch) + 1) * stretch;
    Timestamp::from_second(end).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-11-10T10:00:00Z".parse().unwrap()
    }

    /// CON-03: many reports of one address are told together, and hold up those of no other.
    #[test]
    fn con_03_one_address_holds_up_no_other() {
        let pace = ReportPace::default();
        let one = IpAddr::from([198, 51, 100, 7]);
        for n in 0..200 {
            assert_eq!(
                pace.is_one_of_many(one, start()),
                n >= OF_ONE_ADDRESS,
                "{n}"
            );
        }
        assert!(!pace.is_one_of_many([198, 51, 100, 8].into(), start()));
        assert!(!pace.is_one_of_many(one, start() + WINDOW));
    }

    /// CON-03: so are those of many addresses, within bounded memory.
    #[test]
    fn con_03_many_addresses_are_bounded_together() {
        let pace = ReportPace::default();
        for n in 0..10_000_u32 {
            let many = pace.is_one_of_many(IpAddr::from(n.to_be_bytes()), start());
            assert_eq!(many, n >= OF_ALL, "{n}");
        }
        assert_eq!(pace.0.lock().unwrap().by_address.len(), ADDRESSES_MAX);
        assert!(!pace.is_one_of_many([198, 51, 100, 8].into(), start() + WINDOW));
    }

    /// CON-03: reports in one stretch are told at its end; with danger the stretch is short.
    #[test]
    fn con_03_told_at_the_end_of_a_stretch() {
        let at = |minutes: i64| start() + SignedDuration::from_mins(minutes);
        assert_eq!(told_together_at(false, at(1)), at(15));
        assert_eq!(told_together_at(false, at(14)), at(15));
        assert_eq!(told_together_at(false, at(15)), at(30));
        assert_eq!(told_together_at(true, at(1)), at(5));
    }
}
