//! The gap list: devices that go round the filter or were not seen for long, networks that went
//! quiet; each stays until it passes again or somebody explains it (FIL-15, FIL-16).

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Target, act};
use pharos_directory::presence::gaps::sort;
use pharos_directory::presence::{Gap, GapDevice, GapKind, GapTimes};
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

/// A network of the pack from which nothing passes the filter: it went quiet, or nothing ever did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietPlace {
    /// The place of the pack.
    pub place: String,
    /// Its range.
    pub range: IpNet,
    /// When something of it last passed; `None` for never, as far as is remembered.
    pub last: Option<Timestamp>,
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
            .await?
            .into_iter()
            .map(|gap| {
                let explained = explained
                    .get(&gap.device)
                    .filter(|explained| gap.passed.is_none_or(|passed| passed < explained.at))
                    .cloned();
                GapLine { gap, explained }
            })
            .collect())
    }

    /// Networks of the pack that did not pass the filter since the beginning of the last whole school
    /// day. Of a place in which some range passes, ranges in which nothing ever did are passed over:
    /// they may be spare. Nothing is told while nothing at all has passed: then the server is new.
    pub(super) fn quiet_places(&self) -> Vec<QuietPlace> {
        let since = self.last_school_day(self.now());
        let all = self.inner().network.passing.all();
        let school = self.school();
        let mut quiet = Vec::new();
        let known_for = all.iter().map(|(_, at)| *at).min();
        if known_for.is_none_or(|first| first >= since) {
            return quiet;
        }
        for (place, spec) in &school.pack.filter.places {
            let of_place = quiet.len();
            let mut passes = false;
            for range in &spec.ranges {
                let Some(range) = range_of(range) else {
                    continue;
                };
                let last = all
                    .iter()
                    .filter(|(address, _)| range.contains(address))
                    .map(|(_, at)| *at)
                    .max();
                if last.is_some_and(|last| last >= since) {
                    passes = true;
                } else if !range.addr().is_loopback() {
                    quiet.push(QuietPlace {
                        place: place.clone(),
                        range,
                        last,
                    });
                }
            }
            if passes {
                let mut at = 0;
                quiet.retain(|line| {
                    at += 1;
                    at <= of_place || line.last.is_some()
                });
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
    pub async fn explain_gap(&self, me: &SignedIn, device: &str, why: &str) -> Result<(), Error> {
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
        let device: GapDevice = device.parse().map_err(|_| Error::NotFound)?;
        if !self
            .gaps_now()
            .await?
            .iter()
            .any(|gap| gap.device == device)
        {
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
            .set_setting(
                &permit,
                &format!("{PREFIX}{device}"),
                Some(&text),
                self.now(),
            )
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

    async fn gaps_now(&self) -> Result<Vec<Gap>, Error> {
        let now = self.now();
        let seen_since = self.last_school_day(now);
        let roaming = self.stored_devices().await?.into_iter();
        let unseen = roaming.filter_map(|(device, _)| {
            // A new one may be on its way to its owner.
            let since = device.seen.unwrap_or(device.at);
            (since < seen_since).then(|| Gap {
                kind: GapKind::NotSeen,
                device: GapDevice::Roaming(device.id.into()),
                label: device.label.into(),
                is_registered: true,
                addresses: Vec::new(),
                there: None,
                passed: device.seen,
            })
        });
        let network = &self.inner().network;
        let mut gaps = {
            let mut state = network.state();
            state
                .presence
                .note_passings(|address| network.passing.last(address));
            state.presence.gaps(GapTimes {
                grace: GRACE,
                seen_since,
                there_since: seen_since,
            })
        };
        gaps.extend(unseen);
        sort(&mut gaps);
        Ok(gaps)
    }

    async fn explanations(&self) -> Result<BTreeMap<GapDevice, Explained>, Error> {
        Ok(self
            .records()
            .settings()
            .await?
            .iter()
            .filter_map(|row| {
                let device = row.name.strip_prefix(PREFIX)?.parse().ok()?;
                Some((device, serde_json::from_str(&row.value).ok()?))
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
