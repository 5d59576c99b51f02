//! Who vets what somebody asks for: they are told of it and decide it, and nobody else (REQ-01, REQ-02).

use std::collections::BTreeSet;

use pharos_access::{Act, Actor, Warrant};
use pharos_ledger::Detail;
use pharos_school::{Person, PersonId, Role};

use crate::{App, Error};

/// Who vets in the place of those who vet (`req.vetted_by`) where none of them may: all are kept to a campus
/// that the asker is not of, or the asker is the only one. In this order: whoever holds the right to.
const VETS_INSTEAD: [Role; 4] = [Role::Lead, Role::Head, Role::Deputy, Role::OnlineLead];

impl App {
    /// Those who decide what this person asks for, and so are told of it: whoever vets at this school
    /// (`req.vetted_by`), may do so and reaches the asker, never the asker. Where that is nobody, the first
    /// of [`VETS_INSTEAD`] that is somebody (REQ-01, REQ-02).
    /// Whoever asks, or passes it on, is told where that is nobody at all.
    ///
    /// # Errors
    /// [`Error::Refused`] where nobody could decide it; when the roll cannot be read.
    pub(crate) async fn who_answers(&self, asker: Option<PersonId>) -> Result<Vec<Person>, Error> {
        let who = self.who_decides(Act::DecideRequest, asker).await?;
        if who.is_empty() {
            return Err(Error::Refused(
                "Nobody at this school may decide this but whoever asks, so nobody would answer, and nothing was kept. Ask the technical team to name who decides (`req.vetted_by`), then try again."
                    .to_owned(),
            ));
        }
        Ok(who)
    }

    async fn who_decides(&self, act: Act, asker: Option<PersonId>) -> Result<Vec<Person>, Error> {
        let vets: Vec<Role> = self.vetting_roles().into_iter().collect();
        let instead = VETS_INSTEAD.iter().map(std::slice::from_ref);
        for roles in std::iter::once(&vets[..]).chain(instead) {
            let mut to = self.holders(roles).await?;
            to.retain(|person| {
                person.is_staff()
                    && asker != Some(person.id)
                    && self.hears_of(person, asker.as_slice())
                    && self.could(&self.actor_of(person), act)
            });
            if !to.is_empty() {
                return Ok(to);
            }
        }
        Ok(Vec::new())
    }

    fn vetting_roles(&self) -> BTreeSet<Role> {
        self.school().pack.roles_of("req.vetted_by", &[Role::Lead])
    }

    /// Whether the actor is one of those whom the school has vet releases.
    pub fn vets(&self, actor: &Actor) -> bool {
        actor.id().is_none() || self.vetting_roles().iter().any(|role| actor.holds(*role))
    }

    /// Whether the actor may decide what this person asks for: as whoever is told of it, and nobody else.
    ///
    /// # Errors
    /// When the roll cannot be read.
    pub async fn may_vet(&self, actor: &Actor, asker: Option<PersonId>) -> Result<bool, Error> {
        self.decides(actor, Act::DecideRequest, asker).await
    }

    /// Whether there may be anybody whom the actor makes a member of an exception group, or frees a request
    /// of: they vet, or stand in for those who vet for one of these or for whoever these do not reach.
    ///
    /// # Errors
    /// When the roll cannot be read.
    pub async fn may_vet_anybody(&self, actor: &Actor, act: Act) -> Result<bool, Error> {
        if self.vets(actor) {
            return Ok(true);
        }
        if !VETS_INSTEAD.iter().any(|role| actor.holds(*role)) {
            return Ok(false);
        }
        let vets: Vec<Role> = self.vetting_roles().into_iter().collect();
        let vets = self.holders(&vets).await?;
        if vets.iter().all(|one| self.actor_of(one).within().is_some()) {
            return Ok(true);
        }
        for one in vets {
            if self.decides(actor, act, Some(one.id)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn decides(
        &self,
        actor: &Actor,
        act: Act,
        asker: Option<PersonId>,
    ) -> Result<bool, Error> {
        let Some(me) = actor.id() else {
            return Ok(true);
        };
        // Whoever signed in without the second factor lacks the roles that the roll gives them.
        if !self.vets(actor) && !VETS_INSTEAD.iter().any(|role| actor.holds(*role)) {
            return Ok(false);
        }
        let who = self.who_decides(act, asker).await?;
        Ok(who.iter().any(|person| person.id == me))
    }

    /// Refuses those who do not vet what this person asks for; the attempt is noted (REQ-02).
    pub(crate) async fn must_vet(
        &self,
        actor: &Actor,
        warrant: &Warrant,
        asker: Option<PersonId>,
    ) -> Result<(), Error> {
        if self.decides(actor, warrant.act(), asker).await? {
            return Ok(());
        }
        let detail = Detail::new()
            .flag("refused", true)
            .text("why", "not among those who vet releases");
        self.records()
            .note(warrant, None, &detail, self.now())
            .await?;
        Err(Error::Refused(
            "At this school releases are vetted by others (`req.vetted_by`), and nobody vets their own. Ask one of them."
                .to_owned(),
        ))
    }
}
