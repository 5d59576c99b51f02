//! Exception groups: who may have what others may not, by named request, reason, approver, expiry
//! and recurring review (REQ-06).

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_activity::Query;
use pharos_ledger::Detail;
use pharos_policy::Action;
use pharos_records::{NewOverride, Override, OverrideKind};
use pharos_school::{Person, PersonId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::new_uuid;
use crate::overrides::{json, reason, reference_of};
use crate::{App, Error};

/// The longest membership before it must be asked for again, in days.
const MEMBER_DAYS_MAX: u32 = 366;
/// How often a membership is looked at again, in days.
const REVIEW_DAYS: i64 = 90;

/// A membership as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberSpec {
    pub(crate) reference: String,
    pub(crate) group: String,
    pub(crate) person: PersonId,
    pub(crate) username: String,
    /// Who asked for it.
    pub(crate) asked_by: PersonId,
}

/// A member to be added.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The exception group.
    pub group: String,
    /// Who becomes a member.
    pub person: PersonId,
    /// Who asked for it: the member, or a colleague.
    pub asked_by: PersonId,
    /// Why.
    pub why: String,
    /// For how many days.
    pub days: u32,
}

/// A member of an exception group, for its review.
#[derive(Debug, Clone)]
pub struct Member {
    /// The membership; `None` for one that the pack names.
    pub id: Option<Uuid>,
    /// Who.
    pub person: Person,
    /// Who asked.
    pub asked_by: Option<PersonId>,
    /// Who approved.
    pub approved_by: Option<PersonId>,
    /// Why.
    pub why: String,
    /// Until when.
    pub until: Option<Timestamp>,
    /// When it is looked at again.
    pub review_at: Option<Timestamp>,
    /// When they last used what the group opens, within a year; `None`: not once.
    pub last_use: Option<Timestamp>,
}

/// An exception group with its members.
#[derive(Debug, Clone)]
pub struct ExceptionGroup {
    /// Its name.
    pub name: String,
    /// What it opens: categories and sites.
    pub opens: Vec<String>,
    /// Everybody in it.
    pub members: Vec<Member>,
}

/// The member that a membership is about.
pub(crate) fn member_of(stored: &Override) -> Option<PersonId> {
    serde_json::from_slice::<MemberSpec>(&stored.body)
        .ok()
        .map(|spec| spec.person)
}

impl App {
    /// Makes somebody a member of an exception group. The approver is never the member.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] for no reason, no such group, no end.
    pub async fn add_member(&self, actor: &Actor, new: &NewMember) -> Result<String, Error> {
        let permit = self.may::<act::AddException>(actor, Target::School).await?;
        self.must_vet(actor, &permit, Some(new.person)).await?;
        if !self.exception_group_names().contains(&new.group) {
            return Err(Error::field(
                "group",
                "Choose an exception group from the list.",
            ));
        }
        if new.days == 0 || new.days > MEMBER_DAYS_MAX {
            return Err(Error::field(
                "days",
                format!("Say for how many days: at least 1, at most {MEMBER_DAYS_MAX}."),
            ));
        }
        let person = self
            .known_person(new.person)
            .await?
            .ok_or(Error::NotFound)?;
        let why = reason(&new.why)?;
        let (now, id) = (self.now(), new_uuid());
        let until = now + SignedDuration::from_hours(24 * i64::from(new.days));
        let spec = MemberSpec {
            reference: reference_of(id),
            group: new.group.clone(),
            person: person.id,
            username: person.username.clone(),
            asked_by: new.asked_by,
        };
        let review = now + SignedDuration::from_hours(24 * REVIEW_DAYS);
        let stored = NewOverride {
            id,
            kind: OverrideKind::Membership,
            body: json(&spec)?,
            from: now,
            until: Some(until),
            review_at: Some(review.min(until)),
            why,
            request: None,
        };
        let mut to = vec![person];
        to.extend(
            self.known_person(new.asked_by)
                .await?
                .filter(|one| one.id != new.person),
        );
        let notices = self.notices_to(&to, "membership", &format!("/groups/{id}"), now)?;
        self.records()
            .add_membership(&permit, spec.person, &stored, &notices, now)
            .await?;
        self.rebuild().await?;
        Ok(reference_of(id))
    }

    /// The groups that some rule excepts or opens for: those whose membership is a privilege.
    pub fn exception_group_names(&self) -> Vec<String> {
        let school = self.school();
        let spec = &school.pack.filter;
        let mut names: Vec<String> = spec
            .groups
            .keys()
            .filter(|name| !self.opened_by(name).is_empty())
            .cloned()
            .collect();
        names.sort();
        names
    }

    /// Categories and sites that a group has and others do not.
    fn opened_by(&self, group: &str) -> Vec<String> {
        let school = self.school();
        let spec = &school.pack.filter;
        let written = spec.groups.get(group);
        let by_name = written.is_some_and(|group| {
            !group.usernames.is_empty()
                || (group.roles.is_empty()
                    && group.years.is_empty()
                    && group.houses.is_empty()
                    && group.classes.is_empty())
        });
        if !by_name {
            return Vec::new();
        }
        let mut opens = Vec::new();
        for rule in &spec.rules {
            let excepted =
                rule.except.iter().any(|one| one == group) && rule.action > Action::Allow;
            let opened = rule.groups.iter().any(|one| one == group) && rule.action <= Action::Allow;
            if excepted || opened {
                opens.extend(rule.categories.iter().chain(&rule.sites).cloned());
            }
        }
        if spec.avoidance.granted.iter().any(|one| one == group) {
            opens.push("ways round the filter".to_owned());
        }
        opens.sort();
        opens.dedup();
        opens
    }

    /// Every exception group with its members and when each last used what it opens. Looking at
    /// that is noted as a look-up of each (AUD-05).
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn exception_groups(&self, actor: &Actor) -> Result<Vec<ExceptionGroup>, Error> {
        let permit = self.may::<act::ReviewChange>(actor, Target::School).await?;
        let (now, school) = (self.now(), self.school());
        let stored = self.records().overrides_in_force(now).await?;
        let mut groups = Vec::new();
        for name in self.exception_group_names() {
            let opens = self.opened_by(&name);
            let mut members = Vec::new();
            let written = school.pack.filter.groups.get(&name);
            for username in written.into_iter().flat_map(|group| &group.usernames) {
                if let Some(person) = self.known_by_username(username).await? {
                    members.push(Member {
                        id: None,
                        last_use: self.last_use(person.id, &opens).await?,
                        person,
                        asked_by: None,
                        approved_by: None,
                        why: "Named in the policy pack".to_owned(),
                        until: None,
                        review_at: None,
                    });
                }
            }
            for membership in stored
                .iter()
                .filter(|stored| stored.kind == OverrideKind::Membership)
            {
                let Ok(spec) = serde_json::from_slice::<MemberSpec>(&membership.body) else {
                    continue;
                };
                let Some(person) = self
                    .known_person(spec.person)
                    .await?
                    .filter(|_| spec.group == name)
                else {
                    continue;
                };
                members.push(Member {
                    id: Some(membership.id),
                    last_use: self.last_use(person.id, &opens).await?,
                    person,
                    asked_by: Some(spec.asked_by),
                    approved_by: membership.by,
                    why: membership.why.clone(),
                    until: membership.until,
                    review_at: membership.review_at,
                });
            }
            for member in &members {
                let detail = Detail::new().text("last-use", &name);
                self.records()
                    .note(&permit, Some(member.person.id), &detail, now)
                    .await?;
            }
            groups.push(ExceptionGroup {
                name,
                opens,
                members,
            });
        }
        Ok(groups)
    }

    /// When somebody last reached one of these categories, within a year.
    async fn last_use(
        &self,
        person: PersonId,
        opens: &[String],
    ) -> Result<Option<Timestamp>, Error> {
        let known = &self.school().pack.categories;
        let categories: Vec<Box<str>> = opens
            .iter()
            .filter(|name| known.contains_key(*name))
            .map(|name| name.as_str().into())
            .collect();
        if categories.is_empty() {
            return Ok(None);
        }
        let query = Query {
            person: Some(person),
            from: Some(self.now() - SignedDuration::from_hours(24 * 366)),
            categories,
            actions: ["allow", "narrow", "warn", "tunnel"]
                .map(Box::from)
                .to_vec(),
            limit: 1,
            ..Query::default()
        };
        let found = self.inner().activity.search(&query).await?;
        Ok(found.events.first().map(|stored| stored.event.at))
    }
}
