//! Asking for a blocked site: pupil to form teacher to whoever vets (REQ-01, REQ-02).

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_activity::Reference;
use pharos_policy::spec::ExceptionSpec;
use pharos_records::{NewOverride, NewRequest, OverrideKind, RequestDecision, SiteRequest};
use pharos_school::{Person, PersonId, RequestId, Role};

use crate::clock::new_uuid;
use crate::overrides::{json, reason, reference_of, site_of};
use crate::{App, Error};

/// The longest that an exception lasts before it must be asked for again.
const EXCEPTION_DAYS_MAX: u32 = 366;

/// What was decided on a request.
#[derive(Debug, Clone)]
pub struct Vetting {
    /// Open it or not.
    pub approve: bool,
    /// Why, for the log and the one who asked.
    pub why: String,
    /// For whom it opens: groups by name; empty for the one who asked alone.
    pub groups: Vec<String>,
    /// For how many days.
    pub days: u32,
}

impl App {
    /// Asks for a site from a block page, or by typing it. Notifies those who act on it next.
    ///
    /// # Errors
    /// [`Error::Invalid`], or [`Error::Refused`] for what may not be asked for.
    pub async fn ask_for_site(
        &self,
        asker: &Person,
        actor: &Actor,
        address: &str,
        purpose: &str,
        wanted_days: Option<u32>,
    ) -> Result<RequestId, Error> {
        let permit = self.may::<act::AskForSite>(actor, Target::School).await?;
        let address = site_of("address", address)?;
        let purpose = reason(purpose).map_err(|_| {
            Error::field(
                "purpose",
                "Say what you need it for, such as the lesson and the task.",
            )
        })?;
        let now = self.now();
        let id = RequestId::from_uuid(new_uuid());
        let wanted_until = wanted_days.map(|days| {
            now + SignedDuration::from_hours(24 * i64::from(days.min(EXCEPTION_DAYS_MAX)))
        });
        let class = self.form_of(asker).await?;
        let request = NewRequest {
            id,
            address,
            purpose,
            class,
            wanted_until,
        };
        let to = self.who_acts_on(asker).await?;
        let notices = self.notices_to(&to, "request", &format!("/requests/{id}"), now)?;
        self.records()
            .ask_for_site(&permit, &request, &notices, now)
            .await?;
        Ok(id)
    }

    /// The site behind a block page's reference, if it may be asked for.
    ///
    /// # Errors
    /// [`Error::NotFound`] once it is a day old; [`Error::Refused`] for what is never opened.
    pub fn blocked_site(&self, reference: &str) -> Result<pharos_activity::Blocked, Error> {
        let reference: Reference = reference.parse().map_err(|_| Error::NotFound)?;
        self.inner()
            .desk
            .find(reference, self.now())
            .ok_or(Error::NotFound)
    }

    /// Requests that wait, for those who vet them; for a form teacher those of their own pupils.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn requests(
        &self,
        actor: &Actor,
        open: bool,
    ) -> Result<Vec<(SiteRequest, Option<Person>)>, Error> {
        let permit = self.may::<act::ReadRequests>(actor, Target::School).await?;
        let mut rows = Vec::new();
        for request in self.records().requests(&permit, open, 500).await? {
            let asker = match request.by {
                Some(by) => self.known_person(by).await?,
                None => None,
            };
            if self.shows_request(actor, asker.as_ref()).await? {
                rows.push((request, asker));
            }
        }
        Ok(rows)
    }

    /// One's own requests with their answers.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn own_requests(
        &self,
        actor: &Actor,
        person: PersonId,
    ) -> Result<Vec<SiteRequest>, Error> {
        let permit = self
            .may::<act::ReadReceipt>(actor, Target::Own(person))
            .await?;
        Ok(self.records().own_requests(&permit).await?)
    }

    /// One request, for those who act on it.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn request(
        &self,
        actor: &Actor,
        id: RequestId,
    ) -> Result<(SiteRequest, Option<Person>), Error> {
        let permit = self.may::<act::ReadRequests>(actor, Target::School).await?;
        let request = self
            .records()
            .request(&permit, id)
            .await?
            .ok_or(Error::NotFound)?;
        let asker = match request.by {
            Some(by) => self.known_person(by).await?,
            None => None,
        };
        if self.shows_request(actor, asker.as_ref()).await? {
            Ok((request, asker))
        } else {
            Err(Error::NotFound)
        }
    }

    /// Opens the site for a time, or not; the asker is told (REQ-02). Nothing opens a sealed entry:
    /// the filter asks the sealed lists first whatever stands here.
    ///
    /// # Errors
    /// [`Error::Denied`] for everyone but those who vet; [`Error::Invalid`].
    pub async fn decide_request(
        &self,
        actor: &Actor,
        id: RequestId,
        vetting: &Vetting,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::DecideRequest>(actor, Target::School)
            .await?;
        let (request, asker) = self.request(actor, id).await?;
        let why = reason(&vetting.why)?;
        let now = self.now();
        let opens = if vetting.approve {
            Some(self.exception(&request, vetting, &why, now)?)
        } else {
            None
        };
        let decision = RequestDecision {
            id,
            approved: vetting.approve,
            reason: why,
            opens,
        };
        let to: Vec<_> = asker.into_iter().collect();
        let notices = self.notices_to(&to, "request-answered", "/requests/mine", now)?;
        self.records()
            .decide_request(&permit, &decision, &notices, now)
            .await?;
        self.rebuild().await
    }

    fn exception(
        &self,
        request: &SiteRequest,
        vetting: &Vetting,
        why: &str,
        now: Timestamp,
    ) -> Result<NewOverride, Error> {
        if vetting.days == 0 || vetting.days > EXCEPTION_DAYS_MAX {
            return Err(Error::field(
                "days",
                format!(
                    "Say for how many days: at least 1, at most {EXCEPTION_DAYS_MAX}. Nothing is opened for ever."
                ),
            ));
        }
        let until = now + SignedDuration::from_hours(24 * i64::from(vetting.days));
        let id = new_uuid();
        let people: Vec<_> = if vetting.groups.is_empty() {
            request.by.into_iter().collect()
        } else {
            Vec::new()
        };
        if people.is_empty() && vetting.groups.is_empty() {
            return Err(Error::field(
                "groups",
                "Choose for whom it opens: the one who asked is not known.",
            ));
        }
        let body = ExceptionSpec {
            reference: reference_of(id),
            groups: vetting.groups.clone(),
            people,
            classes: Vec::new(),
            sites: vec![request.address.clone()],
            categories: Vec::new(),
            from: None,
            until,
        };
        Ok(NewOverride {
            id,
            kind: OverrideKind::Exception,
            body: json(&body)?,
            from: now,
            until: Some(until),
            review_at: Some(until),
            why: why.to_owned(),
            request: Some(request.id),
        })
    }

    /// A teacher sees the requests that they pass on; whoever vets sees all.
    async fn shows_request(&self, actor: &Actor, asker: Option<&Person>) -> Result<bool, Error> {
        if self.could(actor, pharos_access::Act::DecideRequest) || actor.holds(Role::Technical) {
            return Ok(true);
        }
        let (Some(me), Some(asker)) = (actor.id(), asker) else {
            return Ok(false);
        };
        let Some(me) = self.known_person(me).await? else {
            return Ok(false);
        };
        self.passes_on(&me, asker).await
    }

    /// Whether this member of staff passes the pupil's requests on, by `req.pupil_route`: a teacher
    /// of one of their classes, their form tutor, or nobody but those who vet.
    async fn passes_on(&self, staff: &Person, pupil: &Person) -> Result<bool, Error> {
        if !pupil.is(Role::Pupil) {
            return Ok(false);
        }
        Ok(
            match self
                .school()
                .pack
                .text_of("req.pupil_route", "teacher")
                .as_str()
            {
                "lead" => false,
                "tutor" => {
                    staff.is(Role::Tutor)
                        && self
                            .form_of(pupil)
                            .await?
                            .is_some_and(|form| staff.classes.contains(&form))
                }
                _ => {
                    (staff.is(Role::Teacher) || staff.is(Role::Tutor))
                        && staff.classes.intersection(&pupil.classes).next().is_some()
                }
            },
        )
    }

    /// A pupil's request goes to those of `req.pupil_route` and to those who vet; everyone else's to
    /// those who vet.
    async fn who_acts_on(&self, asker: &Person) -> Result<Vec<Person>, Error> {
        let vets = self.school().pack.roles_of("req.vetted_by", &[Role::Lead]);
        let mut to = Vec::new();
        for person in self.known_roll().await? {
            let vets = person.roles.iter().any(|role| vets.contains(role));
            let acts = person.is_active() && person.id != asker.id && person.is_staff();
            if acts && (vets || self.passes_on(&person, asker).await?) {
                to.push(person);
            }
        }
        Ok(to)
    }

    async fn form_of(&self, person: &Person) -> Result<Option<pharos_school::ClassId>, Error> {
        let classes = self.records().classes().await?;
        Ok(classes
            .into_iter()
            .find(|class| class.is_form && person.classes.contains(&class.id))
            .map(|class| class.id))
    }
}
