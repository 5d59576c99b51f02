//! Asking for a blocked site: pupil to form teacher to whoever vets (REQ-01, REQ-02).

mod vetting;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Act, Actor, Target, act};
use pharos_activity::Reference;
use pharos_catalogue::Address;
use pharos_policy::spec::ExceptionSpec;
use pharos_records::{
    Endorsement, NewOverride, NewRequest, OverrideKind, RequestDecision, RequestState, SiteRequest,
};
use pharos_school::{Person, PersonId, RequestId, Role};

use crate::clock::new_uuid;
use crate::floor::Opens;
use crate::overrides::{json, reason, reference_of, site_of};
use crate::{App, Error};

/// The longest that an exception lasts before it must be asked for again.
const EXCEPTION_DAYS_MAX: u32 = 366;
/// Granted requests in one category that make it a candidate for loosening (FIL-12).
const LOOSEN_FROM: u64 = 10;

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
    /// The assessment relied on, in words; may be empty.
    pub relied_on: String,
}

/// What whoever vets sees of a site: its categories, and what became of it before (REQ-01).
#[derive(Debug, Clone, Default)]
pub struct RequestFacts {
    /// Its categories by the lists in force.
    pub categories: Vec<String>,
    /// The rule that blocks it for the one who asked.
    pub blocked_by: String,
    /// Whether a sealed list holds it: then nothing opens it.
    pub sealed: bool,
    /// Whose floor blocks it for the one who asked, where one does: then nothing of the school's opens
    /// it.
    pub floor: Option<String>,
    /// How often it was asked for before.
    pub asked_before: usize,
    /// Of these, opened.
    pub opened_before: usize,
    /// Of these, refused or declined.
    pub refused_before: usize,
    /// How often it was blocked in the last 30 days, for anybody.
    pub blocked_lately: u64,
}

/// How long people waited for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnswerTimes {
    /// Requests answered.
    pub answered: usize,
    /// Half of them were answered within this many minutes.
    pub median_minutes: i64,
    /// The longest wait, in minutes.
    pub longest_minutes: i64,
    /// Requests that wait now.
    pub waiting: usize,
}

impl App {
    /// Asks for a site from a block page, or by typing it. Notifies those who act on it next.
    ///
    /// # Errors
    /// [`Error::Invalid`], or [`Error::Refused`] for what may not be asked for, and where
    /// nobody could decide it.
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
        let teachers = self.who_passes_on(asker).await?;
        let request = NewRequest {
            id,
            categories: self.categories_of(&address),
            address,
            purpose,
            class,
            wanted_until,
            to_endorse: !teachers.is_empty(),
        };
        let to = if teachers.is_empty() {
            self.who_answers(Some(asker.id)).await?
        } else {
            teachers
        };
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

    /// A teacher's word on a pupil's request: passed on to whoever vets, or declined, and then the
    /// pupil is told (REQ-01).
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a request that is not theirs to pass on.
    pub async fn endorse_request(
        &self,
        actor: &Actor,
        id: RequestId,
        endorsed: bool,
        words: &str,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::EndorseRequest>(actor, Target::School)
            .await?;
        let (_, asker) = self.request(actor, id).await?;
        let me = match actor.id() {
            Some(me) => self.known_person(me).await?,
            None => None,
        };
        let asker = asker.ok_or(Error::NotFound)?;
        let theirs = match &me {
            Some(me) => {
                self.may_vet(actor, Some(asker.id)).await? || self.passes_on(me, &asker).await?
            }
            None => false,
        };
        if !theirs {
            return Err(Error::NotFound);
        }
        let words = reason(words)?;
        let now = self.now();
        let notices = if endorsed {
            self.notices_to(
                &self.who_answers(Some(asker.id)).await?,
                "request",
                &format!("/requests/{id}"),
                now,
            )?
        } else {
            self.notices_to(&[asker], "request-answered", "/requests/mine", now)?
        };
        let endorsement = Endorsement {
            id,
            endorsed,
            words,
        };
        Ok(self
            .records()
            .endorse_request(&permit, &endorsement, &notices, now)
            .await?)
    }

    /// Opens the site for a time, or not; the asker is told (REQ-02).
    ///
    /// # Errors
    /// [`Error::Denied`] for everyone but those who vet; [`Error::Invalid`], for opening what a
    /// sealed list holds too (FIL-03).
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
        self.must_vet(actor, &permit, request.by).await?;
        if request.state == RequestState::Asked {
            return Err(Error::Refused("The pupil's teacher has not passed this on yet. Ask them, or pass it on yourself first.".to_owned()));
        }
        let why = reason(&vetting.why)?;
        if vetting.approve {
            self.own_groups_only(actor, &vetting.groups)?;
            let site = std::slice::from_ref(&request.address);
            self.refuse_sealed(&permit, "approve", site).await?;
            let asker: Vec<PersonId> = if vetting.groups.is_empty() {
                request.by.into_iter().collect()
            } else {
                Vec::new()
            };
            self.refuse_below_floor(
                "approve",
                &Opens {
                    groups: &vetting.groups,
                    people: &asker,
                    sites: site,
                    categories: &[],
                },
            )?;
        }
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
            relied_on: Some(vetting.relied_on.trim().to_owned()).filter(|text| !text.is_empty()),
            opens,
        };
        let mut to: Vec<_> = asker.into_iter().collect();
        if let Some(teacher) = request
            .endorsed_by
            .filter(|teacher| actor.id() != Some(*teacher))
        {
            to.extend(self.known_person(teacher).await?);
        }
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
        if actor.within().is_some() && asker.is_none_or(|asker| !actor.reaches(asker.id)) {
            return Ok(false);
        }
        if self.could(actor, Act::DecideRequest) || actor.holds(Role::Technical) {
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

    /// Those who pass a pupil's request on first; nobody where it goes straight to whoever vets.
    async fn who_passes_on(&self, asker: &Person) -> Result<Vec<Person>, Error> {
        let mut to = Vec::new();
        for person in self.known_roll().await? {
            let acts = person.is_active() && person.id != asker.id && person.is_staff();
            if acts && self.passes_on(&person, asker).await? {
                to.push(person);
            }
        }
        Ok(to)
    }

    /// The categories of a site by the lists in force.
    pub(crate) fn categories_of(&self, site: &str) -> Vec<String> {
        let (Ok(address), Ok(snapshot)) = (Address::parse(site), self.filter().snapshot()) else {
            return Vec::new();
        };
        let set = snapshot.categories().categories(&address);
        snapshot
            .category_names(set)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// What whoever vets should know of the site.
    ///
    /// # Errors
    /// [`Error::Denied`]; when records or activity cannot be read.
    pub async fn request_facts(
        &self,
        actor: &Actor,
        request: &SiteRequest,
    ) -> Result<RequestFacts, Error> {
        let permit = self.may::<act::ReadRequests>(actor, Target::School).await?;
        let Ok(address) = Address::parse(&request.address) else {
            return Ok(RequestFacts::default());
        };
        let mut facts = RequestFacts {
            categories: self.categories_of(&request.address),
            ..RequestFacts::default()
        };
        if let Ok(snapshot) = self.filter().snapshot() {
            let who = crate::explain::stated(request.by);
            let decision = snapshot.decide(&pharos_filter::Query {
                address: &address,
                who: &who,
                from: None,
                face: pharos_school::Face::Explain,
                now: self.now(),
            });
            facts.sealed = decision.sealed.is_some();
            facts.blocked_by = decision.rule.to_string();
            facts.floor = decision
                .reasons
                .first()
                .and_then(|reason| reason.by.as_ref())
                .map(ToString::to_string);
        }
        for other in self.records().requests(&permit, false, 5_000).await? {
            let same = Address::parse(&other.address).is_ok_and(|one| one.host() == address.host());
            let reached = match (actor.within(), other.by) {
                (None, _) => true,
                (Some(_), by) => by.is_some_and(|by| actor.reaches(by)),
            };
            if other.id == request.id || !same || !reached || other.at > request.at {
                continue;
            }
            facts.asked_before += 1;
            match other.state {
                RequestState::Approved => facts.opened_before += 1,
                RequestState::Refused | RequestState::Declined => facts.refused_before += 1,
                RequestState::Asked | RequestState::Open => {}
            }
        }
        let lately = pharos_activity::Query {
            host: Some(address.host().as_str().into()),
            from: Some(self.now() - SignedDuration::from_hours(24 * 30)),
            actions: vec!["block".into()],
            ..pharos_activity::Query::default()
        };
        facts.blocked_lately = match actor.within() {
            None => self.inner().activity.count(&lately).await?.events,
            // Of their own campus alone: the newest blocks, one by one.
            Some(within) => {
                let newest = pharos_activity::Query {
                    limit: pharos_activity::MAX_LIMIT,
                    ..lately
                };
                let found = self.inner().activity.search(&newest).await?.events;
                let own = found.iter().filter(|event| {
                    let person = event.event.who.person();
                    person.is_some_and(|person| within.people.contains(&person))
                });
                u64::try_from(own.count()).unwrap_or(u64::MAX)
            }
        };
        Ok(facts)
    }

    /// How long people waited for an answer to requests made from a time on.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn answer_times(
        &self,
        actor: &Actor,
        since: Timestamp,
    ) -> Result<AnswerTimes, Error> {
        let permit = self.may::<act::ReadRequests>(actor, Target::School).await?;
        let mut requests = self.records().requests(&permit, false, 5_000).await?;
        if actor.within().is_some() {
            requests.retain(|request| request.by.is_some_and(|by| actor.reaches(by)));
        }
        let waiting = requests.iter().filter(|request| request.waits()).count();
        let mut minutes: Vec<i64> = requests
            .iter()
            .filter(|request| request.at >= since)
            .filter_map(|request| Some(request.decided_at?.duration_since(request.at).as_mins()))
            .collect();
        minutes.sort_unstable();
        Ok(AnswerTimes {
            answered: minutes.len(),
            median_minutes: minutes.get(minutes.len() / 2).copied().unwrap_or_default(),
            longest_minutes: minutes.last().copied().unwrap_or_default(),
            waiting,
        })
    }

    /// Categories in which many requests were granted in a time: candidates for loosening, with how
    /// many (FIL-12).
    pub(crate) async fn loosening_candidates(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(String, u64)>, Error> {
        let system = Actor::system("figures");
        let permit = self
            .may::<act::ReadRequests>(&system, Target::School)
            .await?;
        let mut granted: std::collections::BTreeMap<String, u64> =
            std::collections::BTreeMap::new();
        for request in self.records().requests(&permit, false, 10_000).await? {
            let counts = request.state == RequestState::Approved
                && request
                    .decided_at
                    .is_some_and(|at| at >= since && at < until);
            if counts {
                for category in request.categories {
                    *granted.entry(category).or_default() += 1;
                }
            }
        }
        let mut many: Vec<(String, u64)> = granted
            .into_iter()
            .filter(|(_, count)| *count >= LOOSEN_FROM)
            .collect();
        many.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(many)
    }

    async fn form_of(&self, person: &Person) -> Result<Option<pharos_school::ClassId>, Error> {
        let classes = self.records().classes().await?;
        Ok(classes
            .into_iter()
            .find(|class| class.is_form && person.classes.contains(&class.id))
            .map(|class| class.id))
    }
}
