//! Changes that act at once: emergency blocks, exceptions from granted requests, restrictions of
//! one person, a teacher's lesson list. Each is a dated row with its reason, in force within a second.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{About, Act, Actor, Target, Warrant, Watched, act};
use pharos_catalogue::Address;
use pharos_policy::spec::{EmergencySpec, PersonalSpec};
use pharos_records::{MAX_ROWS, NewOverride, Override, OverrideKind};
use pharos_school::{PersonId, Role};
use serde::Serialize;
use uuid::Uuid;

use crate::clock::new_uuid;
use crate::{App, Error, Problem};

/// So many past changes stand on the page.
const SHOWN: usize = 500;

impl App {
    /// Blocks an address before review (BRE-04, REQ-05): for everyone, or for the people of a campus by
    /// whoever acts for it alone. Tightens only. Gives the change's reference.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] for an address that is none or a help site.
    pub async fn block_now(
        &self,
        actor: &Actor,
        address: &str,
        why: &str,
    ) -> Result<String, Error> {
        let permit = self
            .may::<act::EmergencyBlock>(actor, Target::School)
            .await?;
        let site = site_of("address", address)?;
        let why = reason(why)?;
        self.refuse_help_site(&site)?;
        let now = self.now();
        let id = new_uuid();
        // Who acts for one campus blocks there alone: for its people, and in its places.
        let (groups, places) = match actor.within() {
            Some(within) => (
                within.groups.iter().cloned().collect(),
                within.places.iter().cloned().collect(),
            ),
            None => (Vec::new(), Vec::new()),
        };
        if actor.within().is_some() && groups.is_empty() && places.is_empty() {
            return Err(Error::Refused(
                "Your campus has no people yet. Ask those who act for the whole school.".to_owned(),
            ));
        }
        let body = EmergencySpec {
            reference: reference_of(id),
            sites: vec![site],
            groups,
            places,
            campuses: self.campus_titles(actor),
            until: None,
        };
        let new = NewOverride {
            id,
            kind: OverrideKind::EmergencyBlock,
            body: json(&body)?,
            from: now,
            until: None,
            review_at: Some(self.next_school_day(now)),
            why,
            request: None,
        };
        self.records()
            .add_emergency_block(&permit, &new, now)
            .await?;
        self.rebuild().await?;
        Ok(reference_of(id))
    }

    /// Whether a block for everyone, everywhere, is in force that holds this address.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn is_blocked_for_all(&self, address: &str) -> Result<bool, Error> {
        let Ok(address) = Address::parse(address) else {
            return Ok(false);
        };
        for stored in self.records().overrides_in_force(self.now()).await? {
            if stored.kind != OverrideKind::EmergencyBlock {
                continue;
            }
            let body: EmergencySpec = serde_json::from_slice(&stored.body)
                .map_err(|error| Error::unavailable("a stored override", &error))?;
            let covers =
                |site: &String| Address::parse(site).is_ok_and(|site| site.covers(&address));
            if body.groups.is_empty() && body.places.is_empty() && body.sites.iter().any(covers) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Narrows one person's access (FIL-05): everything but help, or some sites.
    ///
    /// # Errors
    /// [`Error::Denied`] by role or route; [`Error::Invalid`].
    pub async fn restrict(
        &self,
        actor: &Actor,
        person: PersonId,
        sites: &[String],
        until: Option<Timestamp>,
        why: &str,
    ) -> Result<String, Error> {
        let subject = self.known_person(person).await?.ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::RestrictPerson>(actor, Target::Person(Watched::of(&subject)))
            .await?;
        let sites = sites
            .iter()
            .map(|site| site_of("sites", site))
            .collect::<Result<Vec<_>, _>>()?;
        let why = reason(why)?;
        let now = self.now();
        let id = new_uuid();
        let body = PersonalSpec {
            reference: reference_of(id),
            people: vec![person],
            everything: sites.is_empty(),
            sites,
            categories: Vec::new(),
            hours: Vec::new(),
            until,
        };
        let review_at = Some(until.unwrap_or(now + SignedDuration::from_hours(24 * 14)));
        let new = NewOverride {
            id,
            kind: OverrideKind::Restriction,
            body: json(&body)?,
            from: now,
            until,
            review_at,
            why,
            request: None,
        };
        self.records().add_restriction(&permit, &new, now).await?;
        self.rebuild().await?;
        Ok(reference_of(id))
    }

    /// Ends an override now. An emergency block is lifted only by those who vet sites, a restriction
    /// only by those who may restrict whom it is about: never by that person (FIL-05). A teacher ends
    /// their own lists and sessions alone.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`]; [`Error::Refused`] for an emergency block.
    pub async fn end_override(&self, actor: &Actor, id: Uuid) -> Result<(), Error> {
        let permit = self.may::<act::EndOverride>(actor, Target::School).await?;
        let stored = self
            .records()
            .overrides_in_force(self.now())
            .await?
            .into_iter()
            .find(|stored| stored.id == id)
            .ok_or(Error::NotFound)?;
        if !self.reaches_override(actor, &stored)? {
            return Err(Error::NotFound);
        }
        if !ends(actor, &stored) {
            return Err(Error::Refused("You can end the lists and sessions that you opened yourself. For others ask the one who made them.".to_owned()));
        }
        if stored.kind == OverrideKind::EmergencyBlock && !self.could(actor, Act::DecideRequest) {
            let detail = pharos_ledger::Detail::new()
                .flag("refused", true)
                .text("why", "an emergency change only tightens");
            self.records()
                .note(&permit, None, &detail, self.now())
                .await?;
            return Err(Error::Refused("A block made in a hurry is lifted by the safeguarding lead, who vets sites. Ask them (REQ-05).".to_owned()));
        }
        if actor.id().is_some() {
            for watched in self.restricted_by(&stored).await? {
                self.may::<act::RestrictPerson>(actor, Target::Person(watched))
                    .await?;
            }
        }
        self.records().end_override(&permit, id, self.now()).await?;
        self.rebuild().await
    }

    /// Whether a page should offer to end this change. [`App::end_override`] asks again.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn could_end_override(
        &self,
        actor: &Actor,
        stored: &Override,
    ) -> Result<bool, Error> {
        if !self.could(actor, Act::EndOverride) || !ends(actor, stored) {
            return Ok(false);
        }
        if !self.reaches_override(actor, stored)? {
            return Ok(false);
        }
        if stored.kind == OverrideKind::EmergencyBlock {
            return Ok(self.could(actor, Act::DecideRequest));
        }
        let rules = self.rules();
        Ok(self
            .restricted_by(stored)
            .await?
            .into_iter()
            .all(|watched| {
                rules
                    .decide(Act::RestrictPerson, actor, Target::Person(watched))
                    .is_ok()
            }))
    }

    /// Whom a restriction is about; nobody for every other kind.
    async fn restricted_by(&self, stored: &Override) -> Result<Vec<Watched>, Error> {
        if stored.kind != OverrideKind::Restriction {
            return Ok(Vec::new());
        }
        let body: PersonalSpec = serde_json::from_slice(&stored.body)
            .map_err(|error| Error::unavailable("a stored override", &error))?;
        let mut all = Vec::with_capacity(body.people.len());
        for id in body.people {
            all.push(self.known_person(id).await?.map_or(
                Watched {
                    id,
                    about: About::Pupil,
                },
                |person| Watched::of(&person),
            ));
        }
        Ok(all)
    }

    /// What was changed at short notice in the last 90 days, newest first, as many as a page takes; and
    /// whatever is in force, always, however old it is.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn overrides(&self, actor: &Actor) -> Result<Vec<Override>, Error> {
        let permit = self.may::<act::ReadPolicy>(actor, Target::School).await?;
        let since = self.now() - SignedDuration::from_hours(24 * 90);
        // Whoever is kept to a campus has as many of its own, however many others there are between.
        let read = match actor.within() {
            Some(_) => MAX_ROWS,
            None => SHOWN,
        };
        let mut shown: Vec<Override> = Vec::new();
        for stored in self.records().overrides(&permit, since, read).await? {
            if shown.len() < SHOWN && self.reaches_override(actor, &stored)? {
                shown.push(stored);
            }
        }
        let known: HashSet<Uuid> = shown.iter().map(|stored| stored.id).collect();
        for stored in self.records().overrides_in_force(self.now()).await? {
            if !known.contains(&stored.id) && self.reaches_override(actor, &stored)? {
                shown.push(stored);
            }
        }
        shown.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
        Ok(shown)
    }

    /// Nothing opens what a sealed list holds (FIL-03). Who tries is told so, and the trying is noted
    /// without the address.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a sealed list holds one of the sites; when the records cannot be written.
    pub(crate) async fn refuse_sealed(
        &self,
        warrant: &Warrant,
        field: &'static str,
        sites: &[String],
    ) -> Result<(), Error> {
        let Ok(snapshot) = self.filter().snapshot() else {
            return Ok(());
        };
        let mut asked = sites.iter().filter_map(|site| Address::parse(site).ok());
        if !asked.any(|address| snapshot.sealed().hit(&address).is_some()) {
            return Ok(());
        }
        self.note_sealed(warrant).await?;
        Err(Error::field(
            field,
            "A sealed list holds this address: nobody can open it, for anybody. That it was asked for is noted. If you think that the list is wrong, tell whoever publishes it.",
        ))
    }

    /// The same for hosts that are to be left uninspected: a sealed page on one would go unseen.
    ///
    /// # Errors
    /// As for [`App::refuse_sealed`].
    pub(crate) async fn refuse_sealed_hosts(
        &self,
        warrant: &Warrant,
        hosts: &[String],
    ) -> Result<(), Error> {
        let Ok(snapshot) = self.filter().snapshot() else {
            return Ok(());
        };
        let sealed = snapshot.sealed();
        let mut asked = hosts.iter().filter_map(|host| Address::parse(host).ok());
        if !asked.any(|address| sealed.hit(&address).is_some() || sealed.needs_path(address.host()))
        {
            return Ok(());
        }
        self.note_sealed(warrant).await?;
        Err(Error::field(
            "host",
            "A sealed list names a page of this host, so it stays looked into. That it was asked for is noted.",
        ))
    }

    async fn note_sealed(&self, warrant: &Warrant) -> Result<(), Error> {
        let detail = pharos_ledger::Detail::new()
            .flag("refused", true)
            .text("why", "a sealed list holds it");
        Ok(self
            .records()
            .note(warrant, None, &detail, self.now())
            .await?)
    }

    /// Help is never blocked (FIL-13).
    pub(crate) fn refuse_help_site(&self, site: &str) -> Result<(), Error> {
        let Ok(address) = Address::parse(site) else {
            return Ok(());
        };
        let help = self.school();
        let stands = help.pack.filter.help.iter().find(|help| {
            help.sites
                .iter()
                .filter_map(|site| Address::parse(site).ok())
                .any(|own| own.host().is_within(address.host()))
        });
        match stands {
            Some(help) => Err(Error::field(
                "address",
                format!(
                    "This would block {}, a help site. Help is never blocked.",
                    help.name
                ),
            )),
            None => Ok(()),
        }
    }
}

/// Whether somebody ends this kind of change at all: a teacher their own lists alone.
fn ends(actor: &Actor, stored: &Override) -> bool {
    const BEYOND_LESSONS: [Role; 5] = [
        Role::Lead,
        Role::Deputy,
        Role::OnlineLead,
        Role::Head,
        Role::Technical,
    ];
    let own_lesson = stored.kind == OverrideKind::LessonList && stored.by == actor.id();
    actor.id().is_none() || own_lesson || BEYOND_LESSONS.iter().any(|role| actor.holds(*role))
}

/// The site of an address as policies write it: host and path, canonical.
pub(crate) fn site_of(field: &'static str, text: &str) -> Result<String, Error> {
    let address = Address::parse(text.trim()).map_err(|error| {
        Error::field(
            field,
            format!("{error}. Type it as it stands in the browser, such as example.org/page."),
        )
    })?;
    let path = address.path().filter(|path| *path != "/").unwrap_or("");
    Ok(format!("{}{}", address.host(), path))
}

/// A reason that says something.
pub(crate) fn reason(text: &str) -> Result<String, Error> {
    let text = text.trim();
    match text.chars().count() {
        0..=4 => Err(Error::Invalid(vec![Problem::field(
            "why",
            "Say why, in a few words. Others will rely on it later.",
        )])),
        5..=2000 => Ok(text.to_owned()),
        _ => Err(Error::Invalid(vec![Problem::field(
            "why",
            "Use at most 2,000 characters.",
        )])),
    }
}

/// A short reference for people, from the random end of an id.
pub(crate) fn reference_of(id: Uuid) -> String {
    let text = id.simple().to_string();
    format!("CH-{}", text[text.len() - 8..].to_uppercase())
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::unavailable("writing JSON", &error))
}
