//! The gap list: devices that go round the filter or were not seen for long, networks that went
//! quiet; each stays until it passes again or somebody explains it (FIL-15, FIL-16).

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Target, act};
use pharos_directory::Mac;
use pharos_directory::presence::{Gap, GapTimes};
use pharos_school::{PersonId, Role};
use serde::{Deserialize, Serialize};

use crate::{App, Error, SignedIn};

/// So much later than its last passing, a device that is on the network counts as going round.
const GRACE: SignedDuration = SignedDuration::from_mins(60);
/// A gap is explained by a sentence of so many characters at least, and at most.
const WHY_CHARS: std::ops::RangeInclusive<usize> = 5..=300;
/// The most explanations kept.
const EXPLAINED_MAX: usize = 2_000;
/// What the names of explanations begin with in the stored settings.
const PREFIX: &str = "gap.";

/// One line of the gap list.
#[derive(Debug, Clone)]
pub struct GapLine {
    /// The device and what is odd about it.
    pub gap: Gap,
    /// Why that is all right, if somebody said so after it last passed.
    pub explained: Option<Explained>,
}

/// Why a gap is all right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    v: u16,
    /// In the words of whoever explained it.
    pub why: String,
    /// By whom.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
}

/// A network from which something passed the filter before, and nothing does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietPlace {
    /// The place of the pack.
    pub place: String,
    /// Its range.
    pub range: IpNet,
    /// When something of it last passed.
    pub last: Timestamp,
}

impl App {
    /// The gap list, worst first.
    ///
    /// # Errors
    /// [`Error::Denied`]; when explanations cannot be read.
    pub(super) async fn gap_lines(&self) -> Result<Vec<GapLine>, Error> {
        let explained = self.explanations().await?;
        Ok(self
            .gaps_now()
            .into_iter()
            .map(|gap| {
                let explained = explained
                    .get(&gap.mac)
                    .filter(|explained| gap.passed.is_none_or(|passed| passed < explained.at))
                    .cloned();
                GapLine { gap, explained }
            })
            .collect())
    }

    /// Networks of the pack that passed the filter within the last two weeks and not since the
    /// beginning of the last whole school day.
    pub(super) fn quiet_places(&self) -> Vec<QuietPlace> {
        let since = self.last_school_day(self.now());
        let all = self.inner().network.passing.all();
        let school = self.school();
        let mut quiet = Vec::new();
        for (place, spec) in &school.pack.filter.places {
            for range in &spec.ranges {
                let Some(range) = range_of(range) else {
                    continue;
                };
                let last = all
                    .iter()
                    .filter(|(address, _)| range.contains(address))
                    .map(|(_, at)| *at)
                    .max();
                if let Some(last) = last.filter(|last| *last < since) {
                    quiet.push(QuietPlace {
                        place: place.clone(),
                        range,
                        last,
                    });
                }
            }
        }
        quiet
    }

    /// Says why a gap is all right: it stays on the list as explained, and raises no alarm, until
    /// the device passes the filter again.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] for a sentence that says nothing; [`Error::NotFound`]
    /// where there is no such gap.
    pub async fn explain_gap(&self, me: &SignedIn, mac: &str, why: &str) -> Result<(), Error> {
        let permit = self
            .may::<act::ChangeSettings>(&me.actor, Target::School)
            .await?;
        let why: String = why.split_whitespace().collect::<Vec<_>>().join(" ");
        if !WHY_CHARS.contains(&why.chars().count()) {
            return Err(Error::field(
                "why",
                "Say in a sentence why this device does not pass the filter, and what was done.",
            ));
        }
        let mac: Mac = mac.parse().map_err(|_| Error::NotFound)?;
        if !self.gaps_now().iter().any(|gap| gap.mac == mac) {
            return Err(Error::NotFound);
        }
        if self.explanations().await?.len() >= EXPLAINED_MAX {
            return Err(Error::Refused(
                "Too many gaps are explained already. Mend some of them first.".to_owned(),
            ));
        }
        let explained = Explained {
            v: super::VERSION,
            why,
            by: me.person.id,
            at: self.now(),
        };
        let text = serde_json::to_string(&explained)
            .map_err(|error| Error::unavailable("writing an explanation", &error))?;
        self.records()
            .set_setting(&permit, &format!("{PREFIX}{mac}"), Some(&text), self.now())
            .await?;
        Ok(())
    }

    /// Tells the technical team, once a day, where devices go round the filter without an
    /// explanation or a network went quiet. Gives how many of both there are.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn alarm_gaps(&self) -> Result<usize, Error> {
        let open = self
            .gap_lines()
            .await?
            .into_iter()
            .filter(|line| line.explained.is_none())
            .count();
        let quiet = self.quiet_places().len();
        if open + quiet == 0 {
            return Ok(0);
        }
        let to = self.holders(&[Role::Technical]).await?;
        let today = self.today();
        let notices =
            self.notices_to(&to, "network-gap", &format!("/network/{today}"), self.now())?;
        self.queue_notices(&notices).await?;
        Ok(open + quiet)
    }

    fn gaps_now(&self) -> Vec<Gap> {
        let now = self.now();
        let network = &self.inner().network;
        let mut state = network.state();
        state
            .presence
            .note_passings(|address| network.passing.last(address));
        let seen_since = self.last_school_day(now);
        state.presence.gaps(GapTimes {
            grace: GRACE,
            seen_since,
            there_since: seen_since,
        })
    }

    async fn explanations(&self) -> Result<BTreeMap<Mac, Explained>, Error> {
        Ok(self
            .records()
            .settings()
            .await?
            .iter()
            .filter_map(|row| {
                let mac = row.name.strip_prefix(PREFIX)?.parse().ok()?;
                Some((mac, serde_json::from_str(&row.value).ok()?))
            })
            .collect())
    }

    /// The beginning of the last whole school day before now: who was not seen since was not seen
    /// although the school worked.
    fn last_school_day(&self, now: Timestamp) -> Timestamp {
        let school = self.school();
        let mut date = now.to_zoned(school.zone.clone()).date();
        let is_school = |date: Date| {
            !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
                && !school.calendar.closed.contains(&date)
        };
        for _ in 0..60 {
            let Ok(before) = date.yesterday() else { break };
            date = before;
            if is_school(date) {
                break;
            }
        }
        date.to_zoned(school.zone.clone())
            .map(|start| start.timestamp())
            .unwrap_or(now - SignedDuration::from_hours(24))
    }
}

/// A range as the pack writes it.
pub(super) fn range_of(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}
