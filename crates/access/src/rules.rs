//! The decision: table, school's tightening, need to know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pharos_school::Role;

use crate::{
    About, Act, Actor, AlertFacts, CaseFacts, Denied, Kind, Partition, Permit, Routes, Scope,
    Target, Warrant, Watched, Why,
};

/// The table in force at a school: the built-in one, tightened, with the school's routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    table: BTreeMap<Act, BTreeSet<Role>>,
    routes: Routes,
}

/// A pack asks for more than the built-in table grants (ROLE-02).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{act} cannot be granted to {role}: a school may only take rights away from the built-in table; remove {role} here"
)]
pub struct Loosened {
    /// The act.
    pub act: Act,
    /// The role that the built-in table does not have there.
    pub role: Role,
}

impl Default for Rules {
    fn default() -> Self {
        Self::standard(Routes::default())
    }
}

impl Rules {
    /// The built-in table.
    pub fn standard(routes: Routes) -> Self {
        let table = Act::ALL
            .iter()
            .map(|act| (*act, act.roles().iter().copied().collect()))
            .collect();
        Self { table, routes }
    }

    /// The table with some acts kept to fewer roles. Acts not named keep theirs.
    ///
    /// # Errors
    /// Every act and role that the built-in table does not grant (ROLE-02).
    pub fn tighten(mut self, only: &BTreeMap<Act, BTreeSet<Role>>) -> Result<Self, Vec<Loosened>> {
        let mut wrong = Vec::new();
        for (&act, roles) in only {
            let granted = self.table.entry(act).or_default();
            wrong.extend(
                roles
                    .difference(granted)
                    .map(|&role| Loosened { act, role }),
            );
            *granted = roles.clone();
        }
        if wrong.is_empty() {
            Ok(self)
        } else {
            Err(wrong)
        }
    }

    /// The roles that may do the act at this school.
    pub fn roles(&self, act: Act) -> &BTreeSet<Role> {
        static NONE: BTreeSet<Role> = BTreeSet::new();
        self.table.get(&act).unwrap_or(&NONE)
    }

    /// Where matters about staff and the head go.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Whether the actor may do the act `A` to the target.
    ///
    /// # Errors
    /// [`Denied`], to be noted in the ledger.
    pub fn may<A: Kind>(
        self: &Arc<Self>,
        actor: &Actor,
        target: Target<'_>,
    ) -> Result<Permit<A>, Denied> {
        let subject = target.subject();
        match self.decide(A::ACT, actor, target) {
            Ok(()) => Ok(Permit::new(Warrant::new(
                A::ACT,
                actor.clone(),
                subject,
                Arc::clone(self),
            ))),
            Err(why) => Err(Denied {
                act: A::ACT,
                actor: actor.clone(),
                subject,
                why,
            }),
        }
    }

    /// The decision behind [`Rules::may`], for pages that only ask whether to show a link.
    ///
    /// # Errors
    /// Why not.
    pub fn decide(&self, act: Act, actor: &Actor, target: Target<'_>) -> Result<(), Why> {
        self.by_role(act, actor)?;
        of_campus(act, actor, &target)?;
        match (act.scope(), target) {
            (Scope::School, Target::School) => Ok(()),
            (Scope::Own, Target::Own(owner)) if actor.id() == Some(owner) => Ok(()),
            (Scope::Own, Target::Own(_)) => Err(Why::NotYours),
            (Scope::Person, Target::Person(watched)) => self.person(act, actor, watched),
            (Scope::Alert, Target::Alert(facts)) => self.alert(act, actor, facts),
            (Scope::Case, Target::Case(facts)) => self.case(act, actor, facts),
            _ => Err(Why::WrongTarget),
        }
    }

    /// Whether the role and the campus of an actor leave room for an act at all, whatever its target.
    pub fn could(&self, act: Act, actor: &Actor) -> bool {
        self.by_role(act, actor).is_ok() && (actor.within().is_none() || act.at_a_campus())
    }

    /// Whether the actor may know that the case exists.
    pub fn sees_case(&self, actor: &Actor, facts: &CaseFacts) -> bool {
        self.decide(Act::ReadCase, actor, Target::Case(facts))
            .is_ok()
    }

    /// Whether the actor may know that the alert exists.
    pub fn sees_alert(&self, actor: &Actor, facts: &AlertFacts) -> bool {
        self.decide(Act::ReadAlert, actor, Target::Alert(facts))
            .is_ok()
    }

    fn by_role(&self, act: Act, actor: &Actor) -> Result<(), Why> {
        match actor {
            Actor::System(_) if act.by_system() => Ok(()),
            Actor::System(_) => Err(Why::System),
            Actor::Person { .. } if self.roles(act).iter().any(|role| actor.holds(*role)) => Ok(()),
            Actor::Person { .. } => Err(Why::Role),
        }
    }

    /// Whether the table grants the act to any of these roles that the actor holds.
    fn granted(&self, act: Act, actor: &Actor, roles: impl IntoIterator<Item = Role>) -> bool {
        roles
            .into_iter()
            .any(|role| actor.holds(role) && self.roles(act).contains(&role))
    }

    fn person(&self, act: Act, actor: &Actor, watched: Watched) -> Result<(), Why> {
        let Some(me) = actor.id() else { return Ok(()) };
        if watched.id == me {
            return Err(Why::AboutYou);
        }
        let open = match watched.about {
            About::Pupil => {
                let wide = act.wide_roles().iter().copied().chain([Role::Technical]);
                self.granted(act, actor, wide)
            }
            About::Staff => self.granted(act, actor, self.routes.staff_alerts.iter().copied()),
            About::Head => self.granted(act, actor, self.routes.head.iter().copied()),
        };
        if open { Ok(()) } else { Err(Why::NeedToKnow) }
    }

    fn alert(&self, act: Act, actor: &Actor, facts: &AlertFacts) -> Result<(), Why> {
        let Some(me) = actor.id() else { return Ok(()) };
        if facts.about.is_some_and(|watched| watched.id == me) {
            return Err(Why::AboutYou);
        }
        let route = facts.about.map_or(About::Pupil, |watched| watched.about);
        let open = match route {
            About::Pupil => {
                facts.assigned.contains(&me)
                    || self.granted(act, actor, act.wide_roles().iter().copied())
            }
            About::Staff => {
                // Its ladder ends at the head: whoever is told of it may open it.
                let routes = self.routes.staff_alerts.iter().copied();
                self.granted(act, actor, routes.chain([Role::Head]))
            }
            About::Head => self.granted(act, actor, self.routes.head.iter().copied()),
        };
        if open { Ok(()) } else { Err(Why::NeedToKnow) }
    }

    fn case(&self, act: Act, actor: &Actor, facts: &CaseFacts) -> Result<(), Why> {
        let Some(me) = actor.id() else { return Ok(()) };
        if facts.is_about(me) {
            return Err(Why::AboutYou);
        }
        if facts.conflicts.contains(&me) {
            return Err(Why::Conflict);
        }
        let named = facts.readers.contains(&me);
        let open = match facts.route() {
            About::Pupil => self.granted(act, actor, ordinary(act, facts.partition)),
            About::Staff => self.granted(act, actor, self.routes.staff_cases.iter().copied()),
            About::Head => self.granted(act, actor, self.routes.head.iter().copied()),
        };
        if named || open {
            Ok(())
        } else {
            Err(Why::NeedToKnow)
        }
    }
}

/// Whoever is kept to a campus meets its people alone: an alert about nobody known, and a case with
/// anybody from elsewhere in it, is for those who act for the whole school, or was given to them by name.
fn of_campus(act: Act, actor: &Actor, target: &Target<'_>) -> Result<(), Why> {
    let (Some(_), Some(me)) = (actor.within(), actor.id()) else {
        return Ok(());
    };
    let open = match target {
        Target::School => act.at_a_campus(),
        Target::Own(_) => true,
        Target::Person(watched) => actor.reaches(watched.id),
        Target::Alert(facts) => {
            facts.assigned.contains(&me)
                || facts.about.is_some_and(|watched| actor.reaches(watched.id))
        }
        Target::Case(facts) => {
            let mut involved = facts.involved.iter();
            facts.readers.contains(&me)
                || (!facts.involved.is_empty() && involved.all(|one| actor.reaches(one.id)))
        }
    };
    if open { Ok(()) } else { Err(Why::OtherCampus) }
}

/// Who has a case on the ordinary route by role: the safeguarding team, and for other incidents
/// the online safety lead (CON-05).
fn ordinary(act: Act, partition: Partition) -> impl Iterator<Item = Role> {
    let also = (partition == Partition::Incident).then_some(Role::OnlineLead);
    act.wide_roles().iter().copied().chain(also)
}
