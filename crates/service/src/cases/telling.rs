//! Who is told of a case, at once and while nobody takes it up (CON-03, CLK-02).

use std::collections::BTreeSet;

use jiff::Timestamp;
use pharos_access::{About, Actor, CaseFacts, Target, act};
use pharos_casework::{CaseState, Entry, EntryBody, Procedure, tells};
use pharos_records::{CaseFilter, NewNotice};
use pharos_school::{CaseId, Person, Role};

use super::pace;
use crate::campus::Matter;
use crate::{App, Error};

impl App {
    /// Tells the next people while nobody has acknowledged a concern (CON-03, CLK-02). Each rung is
    /// queued once. Gives how many open cases were looked at.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn chase_cases(&self) -> Result<usize, Error> {
        let system = Actor::system("jobs");
        let now = self.now();
        let permit = self.may::<act::Housekeep>(&system, Target::School).await?;
        let list = self.may::<act::ListCases>(&system, Target::School).await?;
        let open = self
            .records()
            .cases(
                &list,
                &CaseFilter {
                    open: Some(true),
                    ..CaseFilter::default()
                },
            )
            .await?;
        let waiting: Vec<_> = open
            .into_iter()
            .filter(|case| case.acknowledged_at.is_none())
            .collect();
        for case in &waiting {
            let facts = case.facts();
            let usual = &self.school().chase;
            let routes = self.rules().routes().clone();
            let settings = match facts.route() {
                About::Pupil => usual.clone(),
                // Matters about staff go to those of their own route and to nobody else.
                About::Staff => usual.among(&Vec::from_iter(routes.staff_cases)),
                About::Head => usual.among(&Vec::from_iter(routes.head)),
            };
            let mut notices = Vec::new();
            for due in pharos_casework::chase(case.opened_at, None, &settings, now)
                .into_iter()
                .filter(|due| due.rung > 0)
            {
                let holders = self.holders(&[due.to]).await?;
                let to = self.hearers(holders, &matter_of(&facts)).await?;
                let (kind, path) = if case.title.starts_with(pace::ONE_OF_MANY) {
                    let at = pace::told_together_at(false, case.opened_at).as_second();
                    let kind = format!("concern-many-chase-{}-{at}", due.rung);
                    (kind, "/cases".to_owned())
                } else {
                    let kind = format!("concern-chase-{}", due.rung);
                    (kind, format!("/cases/{}", case.id))
                };
                notices.extend(self.notices_to(&to, &kind, &path, now)?);
            }
            if !notices.is_empty() {
                self.records().enqueue(&permit, &notices, now).await?;
            }
        }
        Ok(waiting.len())
    }

    /// Notices that a fresh concern sends at once: those in `con.notify`, except whoever it is about.
    /// A filtering breach goes to those in `bre.report_to` as well (BRE-01, BRE-02).
    pub(super) async fn first_notices(
        &self,
        id: CaseId,
        state: &CaseState,
        procedure: &Procedure,
        one_of_many: bool,
        now: Timestamp,
    ) -> Result<Vec<NewNotice>, Error> {
        let mut roles: BTreeSet<Role> = self
            .school()
            .chase
            .rungs
            .first()
            .map(|rung| rung.to.iter().copied().collect())
            .unwrap_or_default();
        let breach = procedure.reference.id == "filter-breach";
        let reported_to = if breach {
            self.school().pack.roles_of(
                "bre.report_to",
                &[Role::Lead, Role::Deputy, Role::Technical],
            )
        } else {
            BTreeSet::new()
        };
        roles.extend(reported_to.iter().filter(|role| **role != Role::Technical));
        let roles: Vec<Role> = roles.into_iter().collect();
        let to = self.tell(state, &roles).await?;
        if one_of_many {
            let at = pace::told_together_at(state.concern.danger == Some(true), now);
            let kind = format!("concern-many-{}", at.as_second());
            return self.notices_to(&to, &kind, "/cases", at);
        }
        let mut notices = self.notices_to(&to, "concern", &format!("/cases/{id}"), now)?;
        if reported_to.contains(&Role::Technical) {
            notices.extend(self.filter_needs_attention(id, state, now).await?);
        }
        Ok(notices)
    }

    /// The technical team hears that the filter needs attention, never whose case it is (CON-14);
    /// of a matter about a member of staff it hears nothing.
    async fn filter_needs_attention(
        &self,
        id: CaseId,
        state: &CaseState,
        now: Timestamp,
    ) -> Result<Vec<NewNotice>, Error> {
        for person in state.subjects() {
            if self
                .known_person(person)
                .await?
                .is_some_and(|person| About::of(&person) != About::Pupil)
            {
                return Ok(Vec::new());
            }
        }
        let team = self.holders(&[Role::Technical]).await?;
        self.notices_to(&team, "breach-filter", &format!("/lists/breach/{id}"), now)
    }

    /// Notices that follow from new entries, such as leadership when a supplier is at fault (BRE-05).
    pub(super) async fn notices_of(
        &self,
        id: CaseId,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Vec<NewNotice>, Error> {
        // Each party by itself: that one of them hears is no reason for another to go untold.
        let parties: BTreeSet<&[Role]> = entries
            .iter()
            .flat_map(|entry| tells(&entry.body))
            .map(|party| party.roles())
            .filter(|roles| !roles.is_empty())
            .collect();
        if parties.is_empty() {
            return Ok(Vec::new());
        }
        let last = entries.last().map_or(0, |entry| entry.seq);
        let mut told = Vec::new();
        for roles in parties {
            told.push(self.holders(roles).await?);
        }
        let (mut to, widen) = match self.records().case_facts(id).await? {
            Some(facts) => {
                let widen = match self.leaves_some_exposed(entries).await? {
                    true => self.who_widen(&facts).await?,
                    false => Vec::new(),
                };
                let mut matter = matter_of(&facts);
                if facts.route() != About::Pupil {
                    // Matters about staff go to those of their own route and to nobody else.
                    let rules = self.rules();
                    let sees = |one: &Person| rules.sees_case(&self.actor_of(one), &facts);
                    let holders = told.iter().flatten();
                    let others = holders.filter(|one| !sees(one)).map(|one| one.id);
                    matter.kept_out.extend(others);
                    told = vec![told.concat()];
                }
                let mut hear = Vec::new();
                for holders in told {
                    hear.extend(self.hearers(holders, &matter).await?);
                }
                (hear, widen)
            }
            None => (told.into_iter().flatten().collect(), Vec::new()),
        };
        let mut once = BTreeSet::new();
        to.retain(|person| once.insert(person.id));
        to.retain(|person| widen.iter().all(|other| other.id != person.id));
        let path = format!("/cases/{id}");
        let mut notices = self.notices_to(&to, &format!("case-{last}"), &path, now)?;
        notices.extend(self.notices_to(&widen, &format!("block-partial-{last}"), &path, now)?);
        Ok(notices)
    }

    /// Whether one of these entries tells of a block at some campuses alone, of an address that no block
    /// for everyone holds.
    async fn leaves_some_exposed(&self, entries: &[Entry]) -> Result<bool, Error> {
        for entry in entries {
            if let EntryBody::Contained {
                address, campuses, ..
            } = &entry.body
                && !campuses.is_empty()
                && !self.is_blocked_for_all(address).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Those of the safeguarding team who act for the whole school and may read the case: they widen a
    /// block that holds at one campus alone (BRE-04). Where there are none, whoever answers for the whole
    /// school in it.
    async fn who_widen(&self, facts: &CaseFacts) -> Result<Vec<Person>, Error> {
        let rules = self.rules();
        let instead = answering(facts.route()).iter().map(std::slice::from_ref);
        for roles in std::iter::once(&[Role::Lead, Role::Deputy][..]).chain(instead) {
            let mut team = self.holders(roles).await?;
            team.retain(|person| {
                let actor = self.actor_of(person);
                actor.within().is_none() && rules.sees_case(&actor, facts)
            });
            if !team.is_empty() {
                return Ok(team);
            }
        }
        Ok(Vec::new())
    }

    /// The holders of these roles whom the case is not about; matters about staff go their own way.
    async fn tell(&self, state: &CaseState, roles: &[Role]) -> Result<Vec<Person>, Error> {
        let about = state.subjects();
        let mut route: BTreeSet<Role> = roles.iter().copied().collect();
        let mut instead = answering(About::Pupil);
        for person in &about {
            if let Some(person) = self.known_person(*person).await? {
                let of = About::of(&person);
                match of {
                    About::Pupil => continue,
                    About::Staff => route = self.rules().routes().staff_cases.clone(),
                    About::Head => route = self.rules().routes().head.clone(),
                }
                instead = answering(of);
            }
        }
        let roles: Vec<Role> = route.into_iter().collect();
        let holders = self.holders(&roles).await?;
        let parts = state.involved.iter();
        let matter = Matter {
            parts: parts.filter_map(|one| one.whom.person()).collect(),
            kept_out: about,
            instead,
        };
        self.hearers(holders, &matter).await
    }
}

/// Who answers for the whole school in a matter, in this order: they hear of it where those who would be
/// told are all kept to a campus that it is not of.
pub(crate) fn answering(about: About) -> &'static [Role] {
    match about {
        About::Pupil => &[Role::Lead, Role::Head],
        About::Staff => &[Role::Head],
        About::Head => &[Role::Chair],
    }
}

/// A case as something that people hear of: all but those whom it is about and those who are kept out of
/// it. A witness with a post hears of it as anybody with that post (CON-14).
fn matter_of(facts: &CaseFacts) -> Matter {
    let involved = facts.involved.iter().map(|one| one.id);
    let about = involved.clone().filter(|id| facts.is_about(*id));
    Matter {
        kept_out: about.chain(facts.conflicts.iter().copied()).collect(),
        parts: involved.collect(),
        instead: answering(facts.route()),
    }
}
