//! People who act for one campus of the school, or one school of a trust, on a server that several share:
//! who they are, and what is theirs to see and to change (ROLE-02, REQ-02).
//!
//! The access table keeps them to it: see `pharos_access::Within`. Here stands whom and what that is, worked
//! out with every snapshot, and the looking at single rows.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use pharos_access::{Actor, Target, Within, act};
use pharos_filter::{Roster, Snapshot};
use pharos_pack::Campus;
use pharos_policy::spec::{EmergencySpec, ExceptionSpec, LessonSpec, PersonalSpec};
use pharos_records::{Override, OverrideKind};
use pharos_school::{ClassId, Person, PersonId, Role};

use crate::checks::{CheckResults, Result_ as CheckResult};
use crate::groups::MemberSpec;
use crate::{App, Error};

/// What somebody is told of, as far as it decides who that is.
#[derive(Debug)]
pub(crate) struct Matter {
    /// Whom it is about, and whoever else is kept out of it: they are never told.
    pub kept_out: BTreeSet<PersonId>,
    /// Everybody with a part in it: whoever is kept to a campus hears where all of them are of it.
    pub parts: Vec<PersonId>,
    /// Who answers for the whole school in it, in this order.
    pub instead: &'static [Role],
}

/// What everybody is kept to who is kept to something, by sign-in name.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    by_username: HashMap<String, Arc<Within>>,
}

impl Kept {
    /// Works out who is of which campus, by the groups of the policy in a snapshot.
    pub(crate) fn of(campuses: &[Campus], snapshot: &Snapshot) -> Self {
        if campuses.iter().all(|campus| campus.delegates.is_empty()) {
            return Self::default();
        }
        let mut by_username: HashMap<String, Within> = HashMap::new();
        for campus in campuses
            .iter()
            .filter(|campus| !campus.delegates.is_empty())
        {
            let people = people_of(campus, snapshot);
            for user in &campus.delegates {
                let within = by_username.entry(user.clone()).or_default();
                within.campuses.insert(campus.name.clone());
                within.groups.extend(campus.groups.iter().cloned());
                within.places.extend(campus.places.iter().cloned());
                within.people.extend(people.iter().copied());
            }
        }
        Self {
            by_username: by_username
                .into_iter()
                .map(|(user, within)| (user, Arc::new(within)))
                .collect(),
        }
    }
}

impl App {
    /// The person as an actor, kept to what they act for.
    pub fn actor_of(&self, person: &Person) -> Actor {
        let actor = Actor::person(person);
        match self.within_of(person) {
            Some(within) => actor.kept_to(within),
            None => actor,
        }
    }

    /// What a person is kept to; `None`: the whole school. Before a snapshot is in force, whoever the
    /// pack keeps to a campus is kept to nobody.
    fn within_of(&self, person: &Person) -> Option<Arc<Within>> {
        let school = self.school();
        let user = person.username.to_lowercase();
        let named = |campus: &Campus| campus.delegates.contains(&user);
        if !school.pack.campuses.iter().any(named) {
            return None;
        }
        let kept = self.inner().kept.load();
        Some(kept.by_username.get(&user).cloned().unwrap_or_default())
    }

    /// Whether somebody is told of a matter about these people: whoever is kept to a campus, where all of
    /// them are of it.
    pub(crate) fn hears_of(&self, person: &Person, about: &[PersonId]) -> bool {
        self.within_of(person).is_none_or(|within| {
            !about.is_empty() && about.iter().all(|about| within.people.contains(about))
        })
    }

    /// Of those who would be told of a matter, whoever hears of it. Where that is nobody, because each of them
    /// is kept out of it or to a campus that it is not of, those hear who answer for the whole school: the
    /// first of [`Matter::instead`] that somebody holds, never whoever is kept out (MON-03, CLK-02).
    ///
    /// # Errors
    /// When the roll cannot be read.
    pub(crate) async fn hearers(
        &self,
        holders: Vec<Person>,
        matter: &Matter,
    ) -> Result<Vec<Person>, Error> {
        let hears = |person: &Person| {
            !matter.kept_out.contains(&person.id) && self.hears_of(person, &matter.parts)
        };
        let is_held = !holders.is_empty();
        let hear: Vec<Person> = holders.into_iter().filter(hears).collect();
        if !hear.is_empty() || !is_held {
            return Ok(hear);
        }
        for role in matter.instead {
            let mut answer = self.holders(&[*role]).await?;
            answer.retain(hears);
            if !answer.is_empty() {
                return Ok(answer);
            }
        }
        Ok(Vec::new())
    }

    /// What people call the campuses that somebody is kept to; empty for the whole school.
    pub fn campus_titles(&self, actor: &Actor) -> Vec<String> {
        let Some(within) = actor.within() else {
            return Vec::new();
        };
        let school = self.school();
        let own = |campus: &&Campus| within.campuses.contains(&campus.name);
        let own = school.pack.campuses.iter().filter(own);
        some_part(own.map(|campus| campus.title.clone()).collect())
    }

    /// Where a block at short notice holds: what people called the campuses when it was made, as was noted
    /// then; empty for everyone, everywhere.
    ///
    /// # Errors
    /// When the change cannot be read.
    pub fn blocked_at(&self, stored: &Override) -> Result<Vec<String>, Error> {
        let body: EmergencySpec = serde_json::from_slice(&stored.body)
            .map_err(|error| Error::unavailable("a stored override", &error))?;
        if body.groups.is_empty() && body.places.is_empty() {
            return Ok(Vec::new());
        }
        // Earlier ones did not note it.
        Ok(some_part(body.campuses))
    }

    /// Whether every pupil of a class is of what the actor is kept to.
    pub(crate) fn reaches_class(&self, actor: &Actor, class: ClassId) -> bool {
        if actor.within().is_none() {
            return true;
        }
        let Ok(snapshot) = self.filter().snapshot() else {
            return false;
        };
        all_reached(actor, snapshot.roster(), class)
    }

    /// Whether a change at short notice is of what the actor is kept to, whole: its people, groups, places
    /// and classes.
    ///
    /// # Errors
    /// When the change cannot be read.
    pub(crate) fn reaches_override(&self, actor: &Actor, stored: &Override) -> Result<bool, Error> {
        let Some(within) = actor.within() else {
            return Ok(true);
        };
        let unreadable = |error: serde_json::Error| Error::unavailable("a stored override", &error);
        let people = |people: &[PersonId]| people.iter().all(|one| actor.reaches(*one));
        let groups = |groups: &[String]| groups.iter().all(|group| within.groups.contains(group));
        Ok(match stored.kind {
            OverrideKind::EmergencyBlock => {
                let body: EmergencySpec =
                    serde_json::from_slice(&stored.body).map_err(unreadable)?;
                !(body.groups.is_empty() && body.places.is_empty())
                    && groups(&body.groups)
                    && body
                        .places
                        .iter()
                        .all(|place| within.places.contains(place))
            }
            OverrideKind::Restriction => {
                let body: PersonalSpec =
                    serde_json::from_slice(&stored.body).map_err(unreadable)?;
                people(&body.people)
            }
            OverrideKind::Exception if crate::snapshot::is_uninspected(&stored.body) => false,
            OverrideKind::Exception => {
                let body: ExceptionSpec =
                    serde_json::from_slice(&stored.body).map_err(unreadable)?;
                let for_everyone =
                    body.people.is_empty() && body.groups.is_empty() && body.classes.is_empty();
                !for_everyone
                    && people(&body.people)
                    && groups(&body.groups)
                    && body
                        .classes
                        .iter()
                        .all(|class| self.reaches_class(actor, *class))
            }
            OverrideKind::Membership => {
                let body: MemberSpec = serde_json::from_slice(&stored.body).map_err(unreadable)?;
                actor.reaches(body.person)
            }
            OverrideKind::LessonList => {
                let body: LessonSpec = serde_json::from_slice(&stored.body).map_err(unreadable)?;
                people(&body.people)
                    && body
                        .classes
                        .iter()
                        .all(|class| self.reaches_class(actor, *class))
            }
        })
    }

    /// Whom an opening may be for: groups of the actor's own campus, where they are kept to one.
    pub(crate) fn own_groups_only(&self, actor: &Actor, groups: &[String]) -> Result<(), Error> {
        let Some(within) = actor.within() else {
            return Ok(());
        };
        match groups.iter().find(|group| !within.groups.contains(*group)) {
            Some(group) => Err(Error::field(
                "groups",
                format!(
                    "You act for one campus, and {group} is not of it. Ask those who act for the whole school."
                ),
            )),
            None => Ok(()),
        }
    }
}

/// How one campus stands, for those who act for the whole school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampusLine {
    /// What people call it.
    pub title: String,
    /// How many people are of it.
    pub people: usize,
    /// Its places on the network.
    pub places: Vec<String>,
    /// Sign-in names of those who act for it alone.
    pub delegates: Vec<String>,
    /// Requests of its people that wait.
    pub waiting: usize,
    /// Changes at short notice that are in force there alone.
    pub changes: usize,
    /// The last self-check in its places: when it ended, probes and how many did not hold; `None` where
    /// none was made there.
    pub check: Option<(Timestamp, usize, usize)>,
}

impl App {
    /// How each campus stands; empty where the pack has none.
    ///
    /// # Errors
    /// [`Error::Denied`] for whoever is kept to one; when the records cannot be read.
    pub async fn campuses(&self, actor: &Actor) -> Result<Vec<CampusLine>, Error> {
        self.may::<act::ProposePolicy>(actor, Target::School)
            .await?;
        let school = self.school();
        let requests = self.requests(actor, true).await?;
        let changes = self.overrides(actor).await?;
        let last = self.checks(actor).await?.into_iter().next();
        let tried = match &last {
            Some(run) => Some((run.run.to, CheckResults::read(run)?)),
            None => None,
        };
        let snapshot = self.filter().snapshot().ok();
        let mut lines = Vec::new();
        for campus in &school.pack.campuses {
            // As one who acts for this campus alone would see it.
            let within = Within {
                campuses: BTreeSet::from([campus.name.clone()]),
                people: snapshot
                    .as_ref()
                    .map(|snapshot| people_of(campus, snapshot))
                    .unwrap_or_default(),
                groups: campus.groups.iter().cloned().collect(),
                places: campus.places.iter().cloned().collect(),
            };
            let people = within.people.len();
            let waiting = requests
                .iter()
                .filter(|(request, _)| request.by.is_some_and(|by| within.people.contains(&by)))
                .count();
            let there = actor.clone().kept_to(Arc::new(within));
            let now = self.now();
            let holds = |change: &&Override| {
                change.ended_at.is_none()
                    && change.from <= now
                    && change.until.is_none_or(|until| until > now)
            };
            let mut in_force = 0;
            for change in changes.iter().filter(holds) {
                in_force += usize::from(self.reaches_override(&there, change)?);
            }
            let check = tried.as_ref().and_then(|(at, results)| {
                let here = results.outcomes().filter(|outcome| {
                    let place = outcome.place.unwrap_or_default();
                    campus.places.iter().any(|own| own == place)
                });
                let (all, failed) = here.fold((0, 0), |(all, failed), outcome| {
                    (
                        all + 1,
                        failed + usize::from(outcome.result == CheckResult::Failed),
                    )
                });
                (all > 0).then_some((*at, all, failed))
            });
            lines.push(CampusLine {
                title: campus.title.clone(),
                people,
                places: campus.places.clone(),
                delegates: campus.delegates.clone(),
                waiting,
                changes: in_force,
                check,
            });
        }
        Ok(lines)
    }
}

/// What people call some campuses: never nothing, which would read as everywhere.
fn some_part(titles: Vec<String>) -> Vec<String> {
    match titles.is_empty() {
        true => vec!["a part of the school".to_owned()],
        false => titles,
    }
}

/// Who is of a campus.
fn people_of(campus: &Campus, snapshot: &Snapshot) -> BTreeSet<PersonId> {
    let is_of = |person: &PersonId| {
        let who = crate::explain::stated(Some(*person));
        let groups = snapshot.subject_groups(&who, None);
        groups
            .iter()
            .any(|group| campus.groups.iter().any(|own| **own == **group))
    };
    let members = snapshot.roster().iter().map(|member| member.person);
    members.filter(is_of).collect()
}

/// Whether every pupil of a class is reached; a class without pupils is not.
fn all_reached(actor: &Actor, roster: &Roster, class: ClassId) -> bool {
    let mut members = roster
        .iter()
        .filter(|member| member.is(Role::Pupil) && member.classes.contains(&class))
        .peekable();
    members.peek().is_some() && members.all(|member| actor.reaches(member.person))
}
