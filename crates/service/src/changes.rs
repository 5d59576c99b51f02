//! Change control of the filter policy (REQ-03, REQ-04, REQ-05): a draft with who, why, before and
//! after; two assessments and, where the school says so, consent; in force on live traffic; a test
//! of it; review, expiry, and the way back.

mod back;
mod body;
mod due;
mod log;
mod proposal;
mod verify;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_casework::Calendar;
use pharos_pack::DiffLine;
use pharos_policy::spec::ExceptionSpec;
use pharos_policy::{Action, PolicySpec};
use pharos_records::{
    Change, ChangeKind, ChangeState, ChangeStep, NewChange, NewOverride, NewPack, Origin,
    OverrideKind, PackVersion,
};
use pharos_school::{Person, Role};
use uuid::Uuid;

pub use back::WentBack;
pub use body::{ChangeBody, Opening, Verification};
pub use log::{LogFilter, LogFormat, LogLine, step_says, words_of};
pub use proposal::{Brought, OpenChange, Proposal, Proposed, Side};

use crate::clock::new_uuid;
use crate::overrides::{json, reason, reference_of, site_of};
use crate::whatif::{DAYS, effect_of, is_assessed};
use crate::{App, Error, PackFiles, School};

/// The longest that an opening for groups lasts before it must be proposed again, in days.
const OPENING_DAYS_MAX: u32 = 366;
/// When a change in force is looked at again where nothing else is said, in days.
const REVIEW_DAYS: u32 = 90;

/// Those who speak for teaching.
const TEACHING: &[Role] = &[
    Role::Teacher,
    Role::Tutor,
    Role::HouseStaff,
    Role::Lead,
    Role::Deputy,
    Role::OnlineLead,
    Role::Head,
    Role::Leadership,
];
/// Those who consent for the school.
const LEADING: &[Role] = &[Role::Head, Role::Leadership];

impl App {
    /// Brings a pack in: at once where it changes nothing of filtering or monitoring and frees nobody
    /// from the campus they are kept to, else as a draft.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] with every problem of the pack.
    pub async fn bring_pack(
        &self,
        actor: &Actor,
        files: &PackFiles,
        why: &str,
        origin: Origin,
    ) -> Result<Brought, Error> {
        let pack = self.usable_today(files)?;
        if is_assessed(&self.school().pack, &pack) {
            let proposal = Proposal {
                what: Proposed::Pack(files.clone()),
                why: why.to_owned(),
                origin,
                days: None,
                review_days: None,
            };
            return self
                .propose_change(actor, &proposal)
                .await
                .map(Brought::Waits);
        }
        self.install_pack(actor, files, why)
            .await
            .map(Brought::InForce)
    }

    /// The files of the pack in force.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn files_in_force(&self) -> Result<PackFiles, Error> {
        let version = self
            .records()
            .pack_in_force()
            .await?
            .ok_or(Error::NotFound)?;
        unpacked(&version)
    }

    /// The pack in force with the categories of one group changed: what a tick on the page proposes.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the pack has no such list.
    pub async fn with_categories(
        &self,
        actor: &Actor,
        group: &str,
        categories: &BTreeSet<String>,
    ) -> Result<PackFiles, Error> {
        self.may::<act::ProposePolicy>(actor, Target::School)
            .await?;
        let mut files = self.files_in_force().await?;
        let text = files.get(pharos_pack::SCHOOL_FILE).ok_or(Error::NotFound)?;
        let names: Vec<String> = categories.iter().cloned().collect();
        let edited = pharos_pack::set_categories(&String::from_utf8_lossy(text), group, &names)
            .map_err(|error| Error::field("categories", error.to_string()))?;
        files.insert(pharos_pack::SCHOOL_FILE.to_owned(), edited.into_bytes());
        Ok(files)
    }

    /// Drafts a change: checked, compiled, replayed over the last month, and told to those who
    /// assess it. Nothing is in force yet. Gives its number.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] with everything wrong in it, no reason, no end.
    pub async fn propose_change(&self, actor: &Actor, proposal: &Proposal) -> Result<i64, Error> {
        self.draft_change(actor, proposal, None).await
    }

    /// As [`App::propose_change`], for one that goes back to an earlier version too.
    pub(crate) async fn draft_change(
        &self,
        actor: &Actor,
        proposal: &Proposal,
        back_to: Option<i64>,
    ) -> Result<i64, Error> {
        let permit = self
            .may::<act::ProposePolicy>(actor, Target::School)
            .await?;
        let why = reason(&proposal.why)?;
        let now = self.now();
        let until = self.end_of(proposal, now)?;
        let what = self.canonical(&proposal.what)?;
        match &what {
            Proposed::Opening(opening) => {
                self.refuse_sealed(&permit, "sites", &opening.sites).await?;
                self.refuse_below_floor(
                    "sites",
                    &crate::floor::Opens {
                        groups: &opening.groups,
                        people: &[],
                        sites: &opening.sites,
                        categories: &opening.categories,
                    },
                )?;
            }
            Proposed::LeaveAlone(hosts) => self.refuse_sealed_hosts(&permit, hosts).await?,
            Proposed::Pack(_) => {}
        }
        let candidate = self.candidate(&what).await?;
        if let Some(new) = &candidate.school {
            let opened = opened_by(&self.school().pack.filter, &new.pack.filter);
            self.refuse_sealed(&permit, "file", &opened).await?;
        }
        let replay = self.replay(&candidate, DAYS).await?;
        let (lines, more_lines) = self.differences(&what).await?;
        if let Proposed::Pack(_) = &what
            && lines.is_empty()
        {
            return Err(Error::field(
                "file",
                "This is the pack that is in force already.",
            ));
        }
        let body = ChangeBody {
            v: body::FORM,
            why: why.clone(),
            base: self.school().version,
            lines,
            more_lines,
            settings: self.settings_changed(&candidate),
            replay: Some(replay.clone()),
            opening: match &what {
                Proposed::Opening(opening) => Some(opening.clone()),
                Proposed::Pack(_) | Proposed::LeaveAlone(_) => None,
            },
            leave_alone: match &what {
                Proposed::LeaveAlone(hosts) => hosts.clone(),
                Proposed::Pack(_) | Proposed::Opening(_) => Vec::new(),
            },
            back_to,
        };
        let pack = match &what {
            Proposed::Pack(files) => Some(self.keep_pack(actor, files, &why, now).await?),
            Proposed::Opening(_) | Proposed::LeaveAlone(_) => None,
        };
        let review = proposal.review_days.unwrap_or(REVIEW_DAYS).clamp(1, 366);
        let new = NewChange {
            id: new_uuid(),
            kind: if pack.is_some() {
                ChangeKind::Pack
            } else {
                ChangeKind::Opening
            },
            origin: proposal.origin,
            effect: effect_of(&replay),
            pack,
            until,
            review_at: Some(now + SignedDuration::from_hours(24 * i64::from(review))),
            body: json(&body)?,
        };
        let to = self.assessors().await?;
        let notices = self.notices_to(&to, "approval", &format!("/changes/{}", new.id), now)?;
        Ok(self
            .records()
            .draft_change(&permit, &new, &notices, now)
            .await?)
    }

    fn end_of(&self, proposal: &Proposal, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let opening = !matches!(proposal.what, Proposed::Pack(_));
        match proposal.days {
            Some(days) if (1..=OPENING_DAYS_MAX).contains(&days) => {
                Ok(Some(now + SignedDuration::from_hours(24 * i64::from(days))))
            }
            None if !opening => Ok(None),
            _ => Err(Error::field(
                "days",
                format!(
                    "Say for how many days: at least 1, at most {OPENING_DAYS_MAX}. Nothing is opened for ever."
                ),
            )),
        }
    }

    /// The proposed change in the words that policies use.
    fn canonical(&self, what: &Proposed) -> Result<Proposed, Error> {
        let opening = match what {
            Proposed::Pack(_) => return Ok(what.clone()),
            Proposed::LeaveAlone(hosts) => return crate::uninspected::canonical(hosts),
            Proposed::Opening(opening) => opening,
        };
        if opening.groups.is_empty() {
            return Err(Error::field(
                "groups",
                "Choose the groups that it opens for.",
            ));
        }
        if opening.sites.is_empty() && opening.categories.is_empty() {
            return Err(Error::field(
                "sites",
                "Name the sites or categories to open.",
            ));
        }
        let sites = opening.sites.iter().map(|site| site_of("sites", site));
        Ok(Proposed::Opening(Opening {
            groups: opening.groups.clone(),
            sites: sites.collect::<Result<_, _>>()?,
            categories: opening.categories.clone(),
        }))
    }

    async fn differences(&self, what: &Proposed) -> Result<(Vec<DiffLine>, usize), Error> {
        match what {
            Proposed::Pack(files) => Ok(pharos_pack::diff(&self.files_in_force().await?, files)),
            Proposed::LeaveAlone(hosts) => Ok((crate::uninspected::lines(hosts), 0)),
            Proposed::Opening(opening) => {
                let line = |text: String| DiffLine {
                    file: "openings".to_owned(),
                    sign: '+',
                    text,
                };
                let mut lines = vec![line(format!("for {}", opening.groups.join(", ")))];
                lines.extend(
                    opening
                        .sites
                        .iter()
                        .map(|site| line(format!("site {site}"))),
                );
                let categories = opening.categories.iter();
                lines.extend(categories.map(|name| line(format!("category {name}"))));
                Ok((lines, 0))
            }
        }
    }

    fn settings_changed(
        &self,
        candidate: &crate::whatif::Candidate,
    ) -> Vec<(String, String, String)> {
        let Some(new) = &candidate.school else {
            return Vec::new();
        };
        let before: Vec<_> = self.school().pack.settings().collect();
        let value = |name: &str| {
            before
                .iter()
                .find(|line| line.setting.name == name)
                .map_or_else(String::new, |line| line.value.clone())
        };
        new.pack
            .settings()
            .map(|line| {
                (
                    line.setting.name.to_owned(),
                    value(line.setting.name),
                    line.value,
                )
            })
            .filter(|(_, before, after)| before != after)
            .collect()
    }

    pub(crate) async fn keep_pack(
        &self,
        actor: &Actor,
        files: &PackFiles,
        why: &str,
        now: Timestamp,
    ) -> Result<i64, Error> {
        let propose = self
            .may::<act::ProposePolicy>(actor, Target::School)
            .await?;
        let archive = pharos_pack::to_archive(files);
        let new = NewPack {
            why: why.to_owned(),
            assessment: None,
            replay: None,
            digest: crate::packs::digest_of(&archive),
            files: archive,
        };
        Ok(self.records().propose_pack(&propose, &new, now).await?)
    }

    /// Everybody who may assess or consent.
    async fn assessors(&self) -> Result<Vec<Person>, Error> {
        let mut roles: Vec<Role> = self.teaching_assessors().into_iter().collect();
        roles.push(Role::Technical);
        if self.wants_consent() {
            roles.extend_from_slice(LEADING);
        }
        self.holders(&roles).await
    }

    /// Whose risk assessment counts as educational: those whom `req.change_approval` names, else
    /// everybody with teaching experience.
    pub fn teaching_assessors(&self) -> BTreeSet<Role> {
        let named = self.change_approval();
        let own: BTreeSet<Role> = TEACHING
            .iter()
            .copied()
            .filter(|role| named.contains(role) && !LEADING.contains(role))
            .collect();
        if own.is_empty() {
            TEACHING.iter().copied().collect()
        } else {
            own
        }
    }

    /// Whether leadership's consent is asked for (`req.change_approval`).
    pub fn wants_consent(&self) -> bool {
        let named = self.change_approval();
        LEADING.iter().any(|role| named.contains(role))
    }

    fn change_approval(&self) -> BTreeSet<Role> {
        let usual = [Role::Lead, Role::Technical, Role::Leadership];
        self.school().pack.roles_of("req.change_approval", &usual)
    }

    /// Adds one side's risk assessment to a draft. The two sides are two different people.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] for a side that is not theirs, or taken.
    pub async fn assess_change(
        &self,
        actor: &Actor,
        number: i64,
        side: Side,
        words: &str,
    ) -> Result<(), Error> {
        let permit = self.may::<act::AssessChange>(actor, Target::School).await?;
        let open = self.open_change(number).await?;
        let fits = match side {
            Side::Educational => self
                .teaching_assessors()
                .iter()
                .any(|role| actor.holds(*role)),
            Side::Technical => actor.holds(Role::Technical),
        };
        if !fits {
            return Err(Error::Refused(match side {
                Side::Educational => "This school has changes assessed for teaching by others (`req.change_approval`). Ask one of them.".to_owned(),
                Side::Technical => "The technical assessment is made by the technical team. Ask one of them.".to_owned(),
            }));
        }
        let words = reason(words)?;
        let step = side.step();
        Ok(self
            .records()
            .add_change_step(&permit, open.change.id, step, words.as_bytes(), self.now())
            .await?)
    }

    /// Adds leadership's consent to a draft.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Refused`].
    pub async fn consent_to_change(
        &self,
        actor: &Actor,
        number: i64,
        words: &str,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::ConsentChange>(actor, Target::School)
            .await?;
        let open = self.open_change(number).await?;
        let words = reason(words)?;
        let step = ChangeStep::Consent;
        Ok(self
            .records()
            .add_change_step(&permit, open.change.id, step, words.as_bytes(), self.now())
            .await?)
    }

    /// Puts a draft in force on live traffic, then tests it there and keeps what the test showed.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Refused`] without both assessments, without consent where it is
    /// asked for, or when the policy has changed since the draft.
    pub async fn put_in_force(&self, actor: &Actor, number: i64) -> Result<Verification, Error> {
        let permit = self
            .may::<act::InstallPolicy>(actor, Target::School)
            .await?;
        let open = self.open_change(number).await?;
        let base = open.body.base;
        if open.change.state == ChangeState::Draft && base != self.school().version {
            return Err(Error::Refused(format!(
                "The policy has changed since this was drafted (it was version {base} then, and is {} now). Propose the change again, so that it is assessed as it would be now.",
                self.school().version
            )));
        }
        let what = self.proposed_by(&open).await?;
        let candidate = self.candidate(&what).await?;
        let now = self.now();
        let opens = match (&what, open.change.until) {
            (Proposed::Opening(opening), Some(until)) => {
                Some(self.opening_override(opening, &open, until, now)?)
            }
            (Proposed::LeaveAlone(hosts), Some(until)) => Some(NewOverride {
                review_at: open.change.review_at.map(|review| review.min(until)),
                ..crate::uninspected::entry(hosts.clone(), until, open.body.why.clone(), now)?
            }),
            _ => None,
        };
        self.records()
            .install_change(
                &permit,
                open.change.id,
                opens.as_ref(),
                self.wants_consent(),
                now,
            )
            .await?;
        let (before, after) = (candidate.before, candidate.after);
        if let (Some(pack), Proposed::Pack(files)) = (open.change.pack, &what) {
            self.take_up(files, pack)?;
        }
        self.rebuild().await?;
        let verified = self.verify_change(&before, &after, &open.body);
        let body = json(&verified)?;
        let step = ChangeStep::Verified;
        self.records()
            .add_change_step(&permit, open.change.id, step, &body, self.now())
            .await?;
        Ok(verified)
    }

    /// Takes a stored pack up as the school's.
    pub(crate) fn take_up(&self, files: &PackFiles, number: i64) -> Result<(), Error> {
        let pack = crate::packs::usable(pharos_pack::load_held(files))?;
        let school = School::new(pack, u64::try_from(number).unwrap_or_default())?;
        self.take_school_up(school);
        Ok(())
    }

    fn opening_override(
        &self,
        opening: &Opening,
        open: &OpenChange,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<NewOverride, Error> {
        let id = new_uuid();
        let spec = ExceptionSpec {
            reference: reference_of(id),
            groups: opening.groups.clone(),
            people: Vec::new(),
            classes: Vec::new(),
            sites: opening.sites.clone(),
            categories: opening.categories.clone(),
            from: None,
            until,
        };
        Ok(NewOverride {
            id,
            kind: OverrideKind::Exception,
            body: json(&spec)?,
            from: now,
            until: Some(until),
            review_at: open.change.review_at.map(|review| review.min(until)),
            why: open.body.why.clone(),
            request: None,
        })
    }

    async fn proposed_by(&self, open: &OpenChange) -> Result<Proposed, Error> {
        if let Some(opening) = &open.body.opening {
            return Ok(Proposed::Opening(opening.clone()));
        }
        if !open.body.leave_alone.is_empty() {
            return Ok(Proposed::LeaveAlone(open.body.leave_alone.clone()));
        }
        let number = open.change.pack.ok_or(Error::NotFound)?;
        let version = self.records().pack(number).await?.ok_or(Error::NotFound)?;
        Ok(Proposed::Pack(unpacked(&version)?))
    }

    /// Gives a draft up.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Changed`] when it is no draft any more.
    pub async fn withdraw_change(
        &self,
        actor: &Actor,
        number: i64,
        why: &str,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::ProposePolicy>(actor, Target::School)
            .await?;
        let open = self.open_change(number).await?;
        let why = reason(why)?;
        Ok(self
            .records()
            .withdraw_change(&permit, open.change.id, &why, self.now())
            .await?)
    }

    /// The end of the next school day: "within a working day".
    pub(crate) fn next_school_day(&self, now: Timestamp) -> Timestamp {
        self.school().calendar.after_school_days(now, 1)
    }

    /// Notes that somebody looked at a change in force again, and when the next look is.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn review_change(
        &self,
        actor: &Actor,
        number: i64,
        words: &str,
        next_days: Option<u32>,
    ) -> Result<(), Error> {
        let permit = self.may::<act::ReviewChange>(actor, Target::School).await?;
        let open = self.open_change(number).await?;
        if open.change.state != ChangeState::InForce {
            return Err(Error::Refused(
                "Only a change in force is looked at again.".to_owned(),
            ));
        }
        let (words, now) = (reason(words)?, self.now());
        let next = next_review(now, next_days);
        Ok(self
            .records()
            .review_change(&permit, open.change.id, next, words.as_bytes(), now)
            .await?)
    }

    /// Notes that somebody looked at a change made at short notice again (REQ-05).
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn review_override(
        &self,
        actor: &Actor,
        id: Uuid,
        words: &str,
        next_days: Option<u32>,
    ) -> Result<(), Error> {
        let permit = self.may::<act::ReviewChange>(actor, Target::School).await?;
        let (words, now) = (reason(words)?, self.now());
        let next = next_review(now, next_days);
        Ok(self
            .records()
            .review_override(&permit, id, next, words.as_bytes(), now)
            .await?)
    }

    /// One change with everything that belongs to it, for those who assess changes.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn change(&self, actor: &Actor, number: i64) -> Result<OpenChange, Error> {
        self.may_read_log(actor).await?;
        self.open_change(number).await
    }

    pub(crate) async fn open_change(&self, number: i64) -> Result<OpenChange, Error> {
        let change = self
            .records()
            .change(number)
            .await?
            .ok_or(Error::NotFound)?;
        self.opened(change).await
    }

    pub(crate) async fn opened(&self, change: Change) -> Result<OpenChange, Error> {
        let body = serde_json::from_slice(&change.body)
            .map_err(|error| Error::unavailable("a stored change", &error))?;
        let steps = self.records().change_entries(change.id).await?;
        Ok(OpenChange {
            change,
            body,
            steps,
        })
    }
}

fn next_review(now: Timestamp, days: Option<u32>) -> Option<Timestamp> {
    days.map(|days| now + SignedDuration::from_hours(24 * i64::from(days.clamp(1, 366))))
}

pub(crate) fn unpacked(version: &PackVersion) -> Result<PackFiles, Error> {
    pharos_pack::unpack(&version.files)
        .map_err(|error| Error::unavailable("a stored policy pack", &error))
}

/// The sites that a new policy lets through in rules of its own, and the one before did not name.
fn opened_by(before: &PolicySpec, after: &PolicySpec) -> Vec<String> {
    let lets_through = |policy: &PolicySpec| -> BTreeSet<String> {
        policy
            .rules
            .iter()
            .filter(|rule| rule.action != Action::Block)
            .flat_map(|rule| rule.sites.iter().cloned())
            .collect()
    };
    lets_through(after)
        .difference(&lets_through(before))
        .cloned()
        .collect()
}
