//! What a block page offers: ask for the site, or say that something is wrong (BRE-01, REQ-01).
//! The page's reference stands for who, where and what, so that a pupil types next to nothing.

use std::net::IpAddr;

use pharos_activity::Blocked;
use pharos_casework::{Concern, Equipment, Involved, Origin, Part, Reporter, Site, Whom};
use pharos_school::{Confidence, Person, RequestId, Role, Who};

use crate::{App, Error, Raised, SignedIn};

impl App {
    /// Who was at the device when the page was blocked: only who proved it (MON-02), and is still
    /// on the roll.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn blocked_person(&self, blocked: &Blocked) -> Result<Option<Person>, Error> {
        let Who::Known {
            person,
            confidence: Confidence::Certain,
            ..
        } = &blocked.who
        else {
            return Ok(None);
        };
        Ok(self.known_person(*person).await?.filter(Person::is_active))
    }

    /// Asks for a blocked site. Who was certainly at the device is the asker; otherwise whoever is
    /// signed in.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an old reference, [`Error::Refused`] for what is never opened or when
    /// nobody is named, [`Error::Invalid`].
    pub async fn ask_from_block(
        &self,
        by: Option<&SignedIn>,
        reference: &str,
        purpose: &str,
        days: Option<u32>,
    ) -> Result<RequestId, Error> {
        let blocked = self.blocked_site(reference)?;
        let host = blocked.host.as_deref().filter(|_| blocked.may_ask);
        let host = host.ok_or_else(|| {
            Error::Refused(
                "This is blocked for everyone, always. It cannot be asked for.".to_owned(),
            )
        })?;
        let asker = match by {
            Some(me) => me.person.clone(),
            None => self.blocked_person(&blocked).await?.ok_or_else(|| {
                Error::Refused("Sign in first: a request needs a name.".to_owned())
            })?,
        };
        let actor = by.map_or_else(|| self.actor_of(&asker), |me| me.actor.clone());
        self.ask_for_site(&asker, &actor, host, purpose, days).await
    }

    /// Says that something is wrong with what was blocked, or with what came before it. Sent at
    /// once; an honest report is not misbehaviour (BRE-01). Address, device, time and person are
    /// filled in.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an old reference, [`Error::Invalid`].
    pub async fn report_from_block(
        &self,
        by: Option<&SignedIn>,
        reference: &str,
        what: &str,
        danger: Option<bool>,
        from: IpAddr,
    ) -> Result<Raised, Error> {
        let blocked = self.blocked_site(reference)?;
        let named = self.blocked_person(&blocked).await?;
        let reporter = by.map(|me| &me.person).or(named.as_ref());
        let what = if what.trim().is_empty() {
            "Reported from the block page, without words."
        } else {
            what
        };
        let mut concern = Concern::new(
            reporter.map_or(Reporter::NotKnown, reporter_of),
            Origin::BlockPage {
                reference: reference.to_owned(),
            },
            what,
        );
        let label = device_label(&blocked);
        let whom = match self.at_the_device(&blocked).await? {
            Some(person) => whom_of(&person),
            None => Whom::Device {
                label: label.clone(),
            },
        };
        concern.involved.push(Involved {
            whom,
            part: Part::ReachedMaterial,
        });
        concern.addresses.extend(address_of(&blocked));
        concern.device = Some(label);
        concern.happened_at = Some(blocked.at);
        concern.site = Site::OnSite;
        concern.equipment = Equipment::NotKnown;
        concern.danger = danger;
        self.raise_concern_from(by, concern, from).await
    }

    /// Who was probably or certainly at the device; the device's line says how sure that is.
    async fn at_the_device(&self, blocked: &Blocked) -> Result<Option<Person>, Error> {
        match blocked.who.person() {
            Some(person) => self.known_person(person).await,
            None => Ok(None),
        }
    }
}

fn reporter_of(person: &Person) -> Reporter {
    let id = person.id;
    match person {
        _ if person.is_staff() => Reporter::Staff { person: id },
        _ if person.is(Role::Pupil) => Reporter::Pupil { person: id },
        _ if person.is(Role::Parent) => Reporter::Parent { person: id },
        _ => Reporter::Outside {
            name: Some(person.full_name()),
            contact: None,
        },
    }
}

fn whom_of(person: &Person) -> Whom {
    let id = person.id;
    match person {
        _ if person.is_staff() => Whom::Staff { person: id },
        _ if person.is(Role::Pupil) => Whom::Pupil { person: id },
        _ if person.is(Role::Parent) => Whom::Parent { person: id },
        _ => Whom::Outsider {
            description: person.full_name(),
        },
    }
}

/// The address that was blocked; none for sealed hits, whose address is never kept (FIL-03).
fn address_of(blocked: &Blocked) -> Option<String> {
    let host = blocked.host.as_deref()?;
    Some(format!("{host}{}", blocked.path.as_deref().unwrap_or("")))
}

/// The device, and how surely its user is known: a guess is never given as certain (MON-02).
fn device_label(blocked: &Blocked) -> String {
    let device = blocked.who.device().map_or_else(
        || blocked.address.to_string(),
        |label| format!("{label} ({})", blocked.address),
    );
    match &blocked.who {
        Who::Known {
            source,
            confidence: Confidence::Certain,
            ..
        } => format!("{device}; user certain, by {}", source.name()),
        Who::Known { source, .. } => {
            format!("{device}; user likely, not certain, by {}", source.name())
        }
        Who::Unknown { why, .. } => format!("{device}; user not known: {}", why.name()),
    }
}
