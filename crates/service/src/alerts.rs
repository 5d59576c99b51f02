//! Alerts: from events to the right person's inbox, chased until somebody has them (MON-03, MON-04,
//! MON-13, CLK-02).

mod sightings;
mod telling;

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use pharos_access::{Actor, Target, Watched, act};
use pharos_activity::Event;
use pharos_casework::{Harm, broken_up};
use pharos_monitor::{
    Alert as Noticed, AlertBody as Said, AlertCommand, AlertEntry, AlertState as Life, Limits,
    RuleSet, Seen, SeenAction, Severity, Subject, WatchHit, WatchLists, notices, raise, route,
};
use pharos_policy::Member;
use pharos_records::{Alert, AlertChange, AlertFile, AlertFilter, AlertState, NewAlert, Raised};
use pharos_scan::WatchList;
use pharos_school::{AlertId, EntryId, Person, PersonId, Role};
use serde::{Deserialize, Serialize};

use crate::cases::{hand_of, new_entry, refusal};
use crate::checks::{is_check_address, is_test_user};
use crate::clock::new_uuid;
use crate::network::{ATTEMPT, may_be_way_round, method_of};
use crate::overrides::json;
use crate::{App, Error, SignedIn};
use sightings::{Sighting, Sightings, Words};

/// The stored form's version.
const VERSION: u16 = 1;

/// The kind of an entry that only sets when the alert is chased next.
const CHASE_SET: &str = "chase-set";

/// Whether an entry of this kind only sets a clock. Older ones are called otherwise.
fn sets_clock(kind: &str) -> bool {
    kind == CHASE_SET || kind == "chase-ended"
}

/// Whether an alert of this stored rank was ever critical: ranks only grow, and severity outweighs
/// all the rest of them.
fn is_critical(rank: i64) -> bool {
    rank >= i64::from(Severity::Critical.base_rank()) / 5
}

/// What an alert's stored body holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertBody {
    v: u16,
    /// What was noticed.
    pub noticed: Noticed,
    /// The words searched for or asked, where that is what was noticed.
    pub search: Option<String>,
    /// The tool of generative AI that was asked, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_of: Option<String>,
}

impl AlertBody {
    /// Reads a stored body.
    ///
    /// # Errors
    /// When it is damaged or of a newer version.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|error| Error::unavailable("a stored alert", &error))
    }

    /// Why am I seeing this: plain sentences.
    pub fn why(&self) -> &[String] {
        &self.noticed.why
    }

    /// The device's label, where one is known.
    pub fn device(&self) -> Option<String> {
        self.noticed.who.device().map(ToString::to_string)
    }

    /// The hosts behind it; none for a sealed hit.
    pub fn hosts(&self) -> Vec<String> {
        let hosts: BTreeSet<String> = self
            .noticed
            .evidence
            .iter()
            .filter_map(|evidence| evidence.host.clone())
            .collect();
        hosts.into_iter().collect()
    }

    /// The hosts in a form that cannot be clicked (BRE-10).
    pub fn shown_hosts(&self) -> Vec<String> {
        self.hosts().iter().map(|host| broken_up(host)).collect()
    }
}

/// The rules with what they remember, and the watch phrases.
pub struct Watch {
    watch: Mutex<pharos_monitor::Watch>,
    sightings: Mutex<Sightings>,
    phrases: Phrases,
    /// The categories that rules name.
    categories: HashSet<String>,
}

impl Watch {
    /// The shipped rules and phrases.
    ///
    /// # Errors
    /// When they do not read: a fault of this build, shown by its tests.
    pub fn new() -> Result<Self, Error> {
        let rules = RuleSet::shipped();
        let categories = rules.categories().map(str::to_owned).collect();
        let watch = pharos_monitor::Watch::new(rules, Limits::default())
            .map_err(|_| Error::invalid("The shipped watch rules are not usable."))?;
        let list = WatchList::built_in()
            .map_err(|_| Error::invalid("The shipped watch phrases are not usable."))?;
        Ok(Self {
            watch: Mutex::new(watch),
            sightings: Mutex::default(),
            phrases: Phrases(list),
            categories,
        })
    }

    fn names(&self, categories: &[Arc<str>]) -> bool {
        categories
            .iter()
            .any(|category| self.categories.contains(&**category))
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, pharos_monitor::Watch> {
        self.watch
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Watch {
    fn sightings(&self) -> std::sync::MutexGuard<'_, Sightings> {
        self.sightings
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The watch phrases as the rules ask them.
struct Phrases(WatchList);

impl WatchLists for Phrases {
    fn find(&self, text: &str) -> Vec<WatchHit> {
        self.0
            .find(text)
            .into_iter()
            .map(|found| WatchHit {
                list: found.theme.to_string(),
                list_version: self.0.version(),
                theme: theme(&found.theme),
                severity: match found.severity {
                    pharos_scan::Severity::Urgent => Severity::Critical,
                    pharos_scan::Severity::Concern => Severity::High,
                    pharos_scan::Severity::Notice => Severity::Low,
                },
                words: found.phrase.to_string(),
            })
            .collect()
    }
}

/// The harm type that a phrase list's theme stands for (L-1).
fn theme(name: &str) -> Harm {
    match name {
        "self-harm" | "suicide" | "eating-disorder" | "eating-disorders" => Harm::SelfHarmMaterial,
        "extremism" | "terrorism" => Harm::ExtremistMaterial,
        "hate" | "racism" | "misogyny" => Harm::HatredMaterial,
        "grooming" | "abuse" => Harm::Grooming,
        "bullying" => Harm::Cyberbullying,
        "gambling" => Harm::Gambling,
        "weapons" | "violence" | "pornography" => Harm::SexualOrViolentMaterial,
        "bypass" | "avoidance" => Harm::MisuseOfSystems,
        _ => Harm::WrongForAge,
    }
}

impl App {
    /// Whether the watch rules could make anything of an event, or the cap on mail counts it. On every
    /// event: it costs little, and most are passed over here.
    pub fn is_worth_watching(&self, event: &Event) -> bool {
        self.counts_as_mail(event) || self.is_for_the_rules(event)
    }

    fn is_for_the_rules(&self, event: &Event) -> bool {
        event.sealed.is_some()
            || event.search.is_some()
            || may_be_way_round(event)
            || (matches!(event.action, "block" | "warn")
                && (self.inner().watch.names(&event.categories) || method_of(event).is_some()))
    }

    /// Shows one event to the watch rules and raises what they notice. Self-check users are passed
    /// over.
    ///
    /// # Errors
    /// When an alert cannot be saved; the event itself is kept elsewhere.
    pub async fn notice(&self, event: &Event) -> Result<(), Error> {
        if event.who.person().is_some_and(is_test_user)
            || is_check_address(event.address)
            || !self.is_worth_watching(event)
        {
            return Ok(());
        }
        if self.counts_as_mail(event) {
            self.count_mail(event).await?;
        }
        if !self.is_for_the_rules(event) {
            return Ok(());
        }
        // The roll in memory is enough to judge by: no look into the records for each event.
        let member = self
            .filter()
            .snapshot()
            .ok()
            .and_then(|snapshot| snapshot.member(&event.who).cloned());
        let asked_of = self.tool_asked(event).map(|tool| tool.to_string());
        let seen = seen(event, member.as_deref(), asked_of);
        let due = {
            let watch = &self.inner().watch;
            let raised = watch.locked().see(&seen, &watch.phrases);
            let now = self.now();
            raised
                .into_iter()
                .filter_map(|raised| watch.sightings().take(raised, Words::of(&seen), now))
                .collect::<Vec<_>>()
        };
        for sighting in due {
            self.raise_alert(sighting).await?;
        }
        Ok(())
    }

    /// Writes the repetitions that were held back. Called by the jobs every few seconds.
    ///
    /// # Errors
    /// When an alert cannot be saved.
    pub(crate) async fn write_sightings(&self) -> Result<(), Error> {
        let due = self.inner().watch.sightings().due(self.now());
        for sighting in due {
            self.raise_alert(sighting).await?;
        }
        Ok(())
    }

    async fn raise_alert(&self, sighting: Sighting) -> Result<(), Error> {
        let Sighting { noticed, words } = sighting;
        let person = match noticed.person() {
            Some(person) => self.known_person(person).await?,
            None => None,
        };
        let system = Actor::system("monitor");
        let permit = self.may::<act::RaiseAlert>(&system, Target::School).await?;
        let now = self.now();
        let id = AlertId::from_uuid(new_uuid());
        let about = person.as_ref().map(Watched::of);
        let ladder = route(&noticed.roles, &self.recipients());
        let tell_at = self.tell_at(noticed.severity, now);
        let chase_at = ladder
            .rungs
            .get(1)
            .map(|rung| tell_at + jiff::SignedDuration::from_mins(i64::from(rung.after_minutes)));
        let first: Vec<Role> = ladder
            .rungs
            .first()
            .map(|rung| rung.to.clone())
            .unwrap_or_default();
        let mut to = self.told(&first, about).await?;
        for person in self.on_call(id, about, noticed.severity, now).await? {
            if !to.iter().any(|told| told.id == person.id) {
                to.push(person);
            }
        }
        let words = (noticed.rule == "search-term").then_some(words).flatten();
        let (search, asked_of) = match words {
            Some(words) => (Some(words.text), words.asked_of),
            None => (None, None),
        };
        let new = NewAlert {
            id,
            rule: noticed.rule.clone(),
            rule_version: noticed.rule_version.to_string(),
            rank: i64::from(noticed.rank).clamp(0, 499) / 5,
            about,
            assigned: BTreeSet::new(),
            key: noticed.key.clone(),
            chase_at,
            body: json(&AlertBody {
                v: VERSION,
                noticed,
                search,
                asked_of,
            })?,
        };
        let notices = self.notices_to(&to, "alert", &format!("/alerts/{id}"), tell_at)?;
        let raised = self
            .records()
            .raise_alert(&permit, &new, &notices, now)
            .await?;
        match raised {
            Raised::Again(id) if is_critical(new.rank) => self.tell_of_worse(id, &to, now).await,
            _ => Ok(()),
        }
    }

    /// An alert that was told of as something lesser, or that was to wait for the morning, has become
    /// critical: it is told of now, once, and chased from now on.
    async fn tell_of_worse(&self, id: AlertId, to: &[Person], now: Timestamp) -> Result<(), Error> {
        let system = Actor::system("monitor");
        let facts = self
            .records()
            .alert_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let read = self
            .may::<act::ReadAlert>(&system, Target::Alert(&facts))
            .await?;
        let file = self
            .records()
            .alert(&read, now)
            .await?
            .ok_or(Error::NotFound)?;
        let ack = jiff::SignedDuration::from_mins(i64::from(self.school().ack_minutes));
        let waits = file.alert.chase_at.is_some_and(|at| at > now + ack);
        if !waits {
            return Ok(());
        }
        let permit = self
            .may::<act::HandleAlert>(&system, Target::Alert(&facts))
            .await?;
        let notices = self.notices_to(to, "alert-worse", &format!("/alerts/{id}"), now)?;
        let change = AlertChange {
            chase_at: Some(Some(now + ack)),
            ..AlertChange::default()
        };
        let note = json(&serde_json::json!({ "v": 1 }))?;
        self.records()
            .append_alert(&permit, CHASE_SET, &note, &change, &notices, now)
            .await?;
        Ok(())
    }

    /// The alerts that somebody may know of: the highest rank first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn alerts(&self, actor: &Actor, closed: bool) -> Result<Vec<Alert>, Error> {
        let permit = self.may::<act::ListAlerts>(actor, Target::School).await?;
        let states = if closed {
            BTreeSet::from([AlertState::Closed])
        } else {
            BTreeSet::from([AlertState::Open, AlertState::Acknowledged])
        };
        Ok(self
            .records()
            .alerts(
                &permit,
                &AlertFilter {
                    states,
                    limit: 500,
                    ..AlertFilter::default()
                },
            )
            .await?)
    }

    /// Opens an alert; the reading is noted.
    ///
    /// # Errors
    /// [`Error::NotFound`] both when it is not there and when they may not know of it.
    pub async fn alert(&self, actor: &Actor, id: AlertId) -> Result<AlertFile, Error> {
        let facts = self
            .records()
            .alert_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::ReadAlert>(actor, Target::Alert(&facts))
            .await
            .map_err(|error| match error {
                Error::Denied(_) => Error::NotFound,
                other => other,
            })?;
        self.records()
            .alert(&permit, self.now())
            .await?
            .ok_or(Error::NotFound)
    }

    /// What was done about an alert, oldest first.
    ///
    /// # Errors
    /// When an entry is damaged.
    pub fn alert_entries(&self, file: &AlertFile) -> Result<Vec<AlertEntry>, Error> {
        file.entries
            .iter()
            .filter(|entry| !sets_clock(&entry.kind))
            .map(|entry| {
                serde_json::from_slice(&entry.body)
                    .map_err(|error| Error::unavailable("a stored alert entry", &error))
            })
            .collect()
    }

    /// Does something about an alert: acknowledge, ask a colleague, note, close with explanation and
    /// outcome (MON-04).
    ///
    /// # Errors
    /// [`Error::Refused`] with the rule's reason and what to do instead.
    pub async fn act_on_alert(
        &self,
        me: &SignedIn,
        id: AlertId,
        command: AlertCommand,
    ) -> Result<(), Error> {
        let file = self.alert(&me.actor, id).await?;
        let facts = self
            .records()
            .alert_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::HandleAlert>(&me.actor, Target::Alert(&facts))
            .await?;
        let life = self.life(&file)?;
        let now = self.now();
        let colleague = match &command {
            AlertCommand::Assign { to, .. } => {
                self.known_person(*to).await?.filter(Person::is_staff)
            }
            _ => None,
        };
        if matches!(command, AlertCommand::Assign { .. }) && colleague.is_none() {
            return Err(Error::field("to", "Choose a member of staff."));
        }
        let entry = pharos_monitor::act(
            &life,
            command,
            &hand_of(me),
            &self.recipients(),
            now,
            new_entry(),
        )
        .map_err(refusal)?;
        let change = change_of(&entry, &facts.assigned);
        let notices = match colleague {
            Some(colleague) => self.notices_to(
                &[colleague],
                "alert-passed-on",
                &format!("/alerts/{id}"),
                now,
            )?,
            None => Vec::new(),
        };
        self.records()
            .append_alert(
                &permit,
                kind_of(&entry.body),
                &json(&entry)?,
                &change,
                &notices,
                now,
            )
            .await?;
        if change.state == Some(AlertState::Closed) {
            self.inner().watch.locked().settled(&life.alert.key);
        }
        Ok(())
    }

    /// Sends the notices whose time has come to the next people, until somebody acknowledges
    /// (CLK-02). Gives how many alerts were chased.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn chase_alerts(&self) -> Result<usize, Error> {
        self.write_sightings().await?;
        let system = Actor::system("jobs");
        let now = self.now();
        let permit = self.may::<act::Housekeep>(&system, Target::School).await?;
        let due = self.records().alerts_to_chase(&permit, now).await?;
        for alert in &due {
            self.chase_alert(&system, alert, now).await?;
        }
        Ok(due.len())
    }

    async fn chase_alert(
        &self,
        system: &Actor,
        alert: &Alert,
        now: Timestamp,
    ) -> Result<(), Error> {
        let facts = alert.facts();
        let read = self
            .may::<act::ReadAlert>(system, Target::Alert(&facts))
            .await?;
        let file = self
            .records()
            .alert(&read, now)
            .await?
            .ok_or(Error::NotFound)?;
        let mut life = self.life(&file)?;
        // Nobody is late for what they are told in the morning.
        let critical = is_critical(alert.rank);
        let severity = if critical {
            Severity::Critical
        } else {
            life.alert.severity
        };
        life.raised_at = self.tell_at(severity, life.raised_at);
        let settings = self.recipients();
        let permit = self
            .may::<act::HandleAlert>(system, Target::Alert(&facts))
            .await?;
        let ladder = route(&life.alert.roles, &settings);
        let later = ladder
            .rungs
            .iter()
            .map(|rung| {
                life.raised_at + jiff::SignedDuration::from_mins(i64::from(rung.after_minutes))
            })
            .find(|at| *at > now);
        let rungs: Vec<_> = notices(&life, &settings, now)
            .into_iter()
            .filter(|due| due.rung > 0)
            .collect();
        for (number, due) in rungs.iter().enumerate() {
            let command = AlertCommand::Notify {
                to: due.to,
                rung: due.rung,
            };
            let entry = pharos_monitor::act(
                &life,
                command,
                &pharos_casework::Hand::pharos(),
                &settings,
                now,
                new_entry(),
            )
            .map_err(refusal)?;
            let to = self.told(&[due.to], alert.about).await?;
            let mail = self.notices_to(
                &to,
                &format!("alert-chase-{}", due.rung),
                &format!("/alerts/{}", alert.id),
                self.tell_at(severity, now),
            )?;
            let last = number + 1 == rungs.len();
            let change = AlertChange {
                chased: true,
                chase_at: last.then_some(later),
                ..AlertChange::default()
            };
            self.records()
                .append_alert(&permit, "chased", &json(&entry)?, &change, &mail, now)
                .await?;
            life.entries += 1;
        }
        if rungs.is_empty() {
            let change = AlertChange {
                chase_at: Some(later),
                ..AlertChange::default()
            };
            let note = json(&serde_json::json!({ "v": 1 }))?;
            // Nothing is owed now: only the clock is set to the next rung.
            self.records()
                .append_alert(&permit, CHASE_SET, &note, &change, &[], now)
                .await?;
        }
        Ok(())
    }

    /// An alert's life from its stored form. Entries that only set the clock are passed over.
    fn life(&self, file: &AlertFile) -> Result<Life, Error> {
        let body = AlertBody::read(&file.alert.body)?;
        let first = raise(
            file.alert.id,
            EntryId::from_uuid(file.alert.id.as_uuid()),
            body.noticed,
            file.alert.at,
        );
        let mut entries = vec![first];
        for stored in file
            .entries
            .iter()
            .filter(|stored| !sets_clock(&stored.kind))
        {
            let mut entry: AlertEntry = serde_json::from_slice(&stored.body)
                .map_err(|error| Error::unavailable("a stored alert entry", &error))?;
            entry.seq = u32::try_from(entries.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1);
            entries.push(entry);
        }
        let mut life = Life::replay(&entries)
            .map_err(|broken| Error::unavailable("reading an alert", &broken))?;
        life.case = life.case.or(file.alert.case);
        Ok(life)
    }
}

fn seen(event: &Event, member: Option<&Member>, asked_of: Option<String>) -> Seen {
    Seen {
        at: event.at,
        who: event.who.clone(),
        subject: member.map_or_else(Subject::default, |member| Subject {
            roles: member.roles.iter().copied().collect(),
            year: member.year,
            vulnerable: false,
        }),
        device_address: event.address.to_string(),
        host: event.host.to_string(),
        categories: event.categories.to_vec(),
        action: match event.action {
            "block" => SeenAction::Blocked,
            "warn" => SeenAction::Warned,
            _ => SeenAction::LetThrough,
        },
        sealed: event.sealed.clone(),
        search: event.search.as_deref().map(str::to_owned),
        asked_of,
        method: method_of(event),
        is_outside_attempt: &*event.rule == ATTEMPT,
    }
}

fn change_of(entry: &AlertEntry, assigned: &BTreeSet<PersonId>) -> AlertChange {
    match &entry.body {
        Said::Acknowledged => AlertChange {
            state: Some(AlertState::Acknowledged),
            chase_at: Some(None),
            ..AlertChange::default()
        },
        Said::Closed { .. } => AlertChange {
            state: Some(AlertState::Closed),
            chase_at: Some(None),
            ..AlertChange::default()
        },
        Said::Assigned { to, .. } => {
            let assigned = assigned.iter().copied().chain([*to]).collect();
            AlertChange {
                state: Some(AlertState::Acknowledged),
                assigned: Some(assigned),
                chase_at: Some(None),
                ..AlertChange::default()
            }
        }
        _ => AlertChange::default(),
    }
}

fn kind_of(body: &Said) -> &'static str {
    match body {
        Said::Raised { .. } => "raised",
        Said::Again { .. } => "again",
        Said::Notified { .. } => "chased",
        Said::Acknowledged => "acknowledged",
        Said::Assigned { .. } => "passed-on",
        Said::Noted { .. } => "noted",
        Said::Opened { .. } => "opened",
        Said::Closed { .. } => "closed",
    }
}
