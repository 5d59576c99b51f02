//! The notice of monitoring before first use on the networks for own devices (MON-09).
//!
//! Whoever accepts it gives a name and becomes a visitor on the roll for a limited time: what they
//! do is then logged, searched and alerted of under that name like anybody's, with the honest note
//! that they gave it themselves. Accepting is an act in the ledger.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_directory::{LOCAL_PREFIX, Mac};
use pharos_filter::{Evidence, Parts, Snapshot};
use pharos_ledger::Detail;
use pharos_policy::Member;
use pharos_records::RollKind;
use pharos_school::{Confidence, IdentitySource, Person, PersonId, Role, Standing, Unknown, Who};
use serde::{Deserialize, Serialize};

use super::gaps::range_of;
use crate::clock::new_uuid;
use crate::{App, Error};

/// What visitors' ids in the roll begin with.
const VISITOR: &str = "visitor:";
/// The shortest and longest name, in characters.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=80;
/// Acceptances from one address within [`WINDOW`]: several guests can share a loaned laptop.
const FROM_ONE_ADDRESS: usize = 12;
/// Acceptances in all within [`WINDOW`]: an open evening, and no more.
const IN_ALL: usize = 3_000;
/// The time over which acceptances are counted.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);
/// How long after its notice ran out a visitor stays on the roll, so that what was done can still
/// be looked up by name on the pages of people.
const VISITOR_KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Accepted notices, by device and by time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Visitors {
    by_device: BTreeMap<Mac, Accepted>,
    accepted: Vec<(IpAddr, Timestamp)>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Accepted {
    person: PersonId,
    since: Timestamp,
    until: Timestamp,
}

impl Visitors {
    /// The evidence that a device brings to its next address.
    pub(super) fn of(&self, mac: Mac, now: Timestamp) -> Option<Evidence> {
        let accepted = self.by_device.get(&mac)?;
        let evidence = evidence(*accepted);
        evidence.holds(now).then_some(evidence)
    }

    /// Forgets what ran out.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.by_device.retain(|_, accepted| now < accepted.until);
        self.accepted
            .retain(|(_, at)| now.duration_since(*at).abs() < WINDOW);
    }

    /// Counts one more from an address, unless there are too many.
    fn count(&mut self, from: IpAddr, now: Timestamp) -> bool {
        self.forget(now);
        let from_here = self
            .accepted
            .iter()
            .filter(|(address, _)| *address == from)
            .count();
        if self.accepted.len() >= IN_ALL || from_here >= FROM_ONE_ADDRESS {
            return false;
        }
        self.accepted.push((from, now));
        true
    }
}

fn evidence(accepted: Accepted) -> Evidence {
    Evidence {
        person: Some(accepted.person),
        device: None,
        source: IdentitySource::VisitorNotice,
        confidence: Confidence::Likely,
        since: accepted.since,
        until: accepted.until,
    }
}

/// How the notice stands for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeState {
    /// It must be accepted before any page loads.
    Asked,
    /// Somebody is named at the device.
    Named,
    /// The device is not on a network where the notice comes first.
    NotHere,
}

impl App {
    /// Where the notice comes first.
    pub(super) fn notice_ranges(&self) -> Vec<IpNet> {
        let pack = &self.school().pack;
        if !pack.flag_of("mon.personal_devices", true) {
            return Vec::new();
        }
        let places = pack.settings.list("mon.notice_places");
        places
            .iter()
            .filter_map(|place| pack.filter.places.get(place))
            .flat_map(|place| place.ranges.iter().filter_map(|range| range_of(range)))
            .collect()
    }

    /// How the notice stands for whoever asks from an address.
    pub fn notice_state(&self, from: IpAddr) -> NoticeState {
        if !self.filter().addresses().asks_for_notice(from) {
            return NoticeState::NotHere;
        }
        match self.filter().identify(from, self.now()) {
            Who::Unknown {
                why: Unknown::NoticeNotAccepted | Unknown::NotOnRoll,
                ..
            } => NoticeState::Asked,
            _ => NoticeState::Named,
        }
    }

    /// Hours for which an accepted notice holds.
    pub fn notice_hours(&self) -> i64 {
        self.school().pack.number_of("mon.notice_hours", 12)
    }

    /// Somebody who is not known gives a name and accepts the notice of monitoring. From now on
    /// the device is theirs until the time is over.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a name or the acceptance; [`Error::Refused`] where no notice is
    /// asked for; [`Error::Throttled`] after too many from one device.
    pub async fn accept_notice(
        &self,
        name: &str,
        accepted: bool,
        from: IpAddr,
    ) -> Result<Person, Error> {
        let from = from.to_canonical();
        if self.notice_state(from) == NoticeState::NotHere {
            return Err(Error::Refused(
                "There is no notice to accept on this network. Sign in instead.".to_owned(),
            ));
        }
        let name = clean(name);
        let mut problems = Vec::new();
        if !NAME_CHARS.contains(&name.chars().count()) || !name.chars().any(char::is_alphabetic) {
            problems.push(crate::Problem::field(
                "name",
                "Write your first and last name.",
            ));
        }
        if !accepted {
            problems.push(crate::Problem::field(
                "accept",
                "Tick the box to accept the notice, or leave this network.",
            ));
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let now = self.now();
        if !self.inner().network.state().visitors.count(from, now) {
            return Err(Error::Throttled { wait_s: 3600 });
        }
        let person = visitor(&name, now);
        let system = Actor::system("visitors' notice");
        let permit = self.may::<act::ImportRoll>(&system, Target::School).await?;
        let roll = pharos_records::Roll {
            kind: RollKind::Changes,
            people: vec![person.clone()],
            classes: Vec::new(),
            classes_gone: Vec::new(),
            on: self.today(),
        };
        self.records().apply_roll(&permit, &roll, now).await?;
        let hours = self.notice_hours();
        let detail = Detail::new()
            .text("notice", "accepted")
            .text("visitor", &person.id.to_string())
            .number("hours", hours);
        self.records()
            .note(&permit, Some(person.id), &detail, now)
            .await?;
        self.join_roster(&person).await?;
        let until = now
            .checked_add(SignedDuration::from_hours(hours))
            .unwrap_or(Timestamp::MAX);
        let accepted = Accepted {
            person: person.id,
            since: now,
            until,
        };
        {
            let mut state = self.inner().network.state();
            if let Some(mac) = state.presence.device_at(from) {
                state.visitors.by_device.insert(mac, accepted);
            }
        }
        self.filter().addresses().learn(from, evidence(accepted));
        Ok(person)
    }

    /// Takes visitors whose notice ran out a week ago off the roll. What they did stays in the
    /// records for as long as anybody's. Gives how many went.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn retire_visitors(&self) -> Result<usize, Error> {
        let now = self.now();
        let kept = SignedDuration::from_hours(self.notice_hours()) + VISITOR_KEPT;
        let today = self.today();
        let prefix = format!("{LOCAL_PREFIX}{VISITOR}");
        let gone: Vec<Person> = self
            .records()
            .roll()
            .await?
            .into_iter()
            .filter(|person| person.is_active() && person.source_id.starts_with(&prefix))
            .filter(|person| {
                let since = person.source_id.get(prefix.len()..).and_then(|seconds| {
                    let seconds = seconds.split(':').next()?.parse().ok()?;
                    Timestamp::from_second(seconds).ok()
                });
                since.is_none_or(|since| now.duration_since(since) >= kept)
            })
            .map(|mut person| {
                person.standing = Standing::Left(today);
                person
            })
            .collect();
        if gone.is_empty() {
            return Ok(0);
        }
        let system = Actor::system("visitors' notice");
        let permit = self.may::<act::ImportRoll>(&system, Target::School).await?;
        let count = gone.len();
        let roll = pharos_records::Roll {
            kind: RollKind::Changes,
            people: gone,
            classes: Vec::new(),
            classes_gone: Vec::new(),
            on: today,
        };
        self.records().apply_roll(&permit, &roll, now).await?;
        self.rebuild().await?;
        Ok(count)
    }

    /// Puts one more person into the roster in force, without compiling the policy anew.
    async fn join_roster(&self, person: &Person) -> Result<(), Error> {
        let _turn = self.inner().building.lock().await;
        let snapshot = self.filter().snapshot().map_err(|_| {
            Error::Refused("The filter has nothing in force yet. Wait a moment.".to_owned())
        })?;
        let mut roster = (**snapshot.roster()).clone();
        roster.add(Member::of(person, std::iter::empty()));
        let parts = Parts {
            roster: Arc::new(roster),
            ..snapshot.parts()
        };
        self.filter().install(Snapshot::new(parts));
        Ok(())
    }
}

/// A visitor for the roll. The id in the school's own system carries when it was made.
fn visitor(name: &str, now: Timestamp) -> Person {
    let id = new_uuid();
    let short: String = id.simple().to_string().chars().rev().take(10).collect();
    let (given, family) = name.rsplit_once(' ').unwrap_or(("", name));
    Person {
        id: PersonId::from_uuid(id),
        source_id: format!("{LOCAL_PREFIX}{VISITOR}{}:{short}", now.as_second()),
        username: format!("visitor-{short}"),
        given_name: given.to_owned(),
        family_name: family.to_owned(),
        email: None,
        roles: [Role::Visitor].into(),
        year: None,
        house: None,
        classes: Default::default(),
        guardians: Default::default(),
        standing: Standing::Active,
    }
}

/// A name with its white space tidied and no control characters.
fn clean(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}
