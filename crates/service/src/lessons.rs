//! A teacher's links for a class and supervised sessions for the youngest (FIL-07, FIL-08): with a
//! beginning and an end, and nothing beyond the teacher's authority.

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Target, act};
use pharos_catalogue::Address;
use pharos_filter::Query;
use pharos_pack::Phase;
use pharos_policy::spec::{LessonKind, LessonSpec};
use pharos_policy::{Action, Layer, Weight};
use pharos_records::{NewOverride, NewRequest, OverrideKind};
use pharos_school::{Class, ClassId, Face, PersonId, RequestId, Role};

use crate::clock::new_uuid;
use crate::overrides::{json, reference_of, site_of};
use crate::{App, Error, School};

/// The longest name of an adult, in characters.
const ADULT_MAX: usize = 100;
/// The longest lesson list.
const LESSON_MAX: SignedDuration = SignedDuration::from_hours(12);
/// How far ahead a lesson list may begin.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24 * 28);
/// The most links of one list.
const LINKS_MAX: usize = 50;

/// A teacher's links for a class.
#[derive(Debug, Clone)]
pub struct NewLesson {
    /// For which class.
    pub class: ClassId,
    /// Links, as typed.
    pub sites: Vec<String>,
    /// When it begins; `None`: now.
    pub from: Option<Timestamp>,
    /// For how long.
    pub minutes: u32,
    /// Whether it is a supervised session for the youngest (FIL-07).
    pub supervised: bool,
    /// Who supervises; the teacher themselves where it is a session that they supervise. Must be
    /// named in the phases of `vul.named_adult` (MON-07).
    pub adult: String,
}

/// The supervision that the school expects in one phase (MON-07).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervision {
    /// The phase's title.
    pub phase: String,
    /// What is expected (`vul.supervision`); empty where the school wrote nothing.
    pub expected: String,
    /// Whether a lesson list names the adult who supervises (`vul.named_adult`).
    pub names_adult: bool,
}

/// What became of a teacher's links.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenedLesson {
    /// The list's reference; `None` where every link must be vetted first.
    pub reference: Option<String>,
    /// Links that must be vetted first, each with the request that was made of it.
    pub asked: Vec<(String, RequestId)>,
}

/// Whether a teacher may open a site for a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authority {
    Teacher,
    Vetted,
    Nobody,
}

impl App {
    /// Opens links for a class for a lesson, or a supervised session for the youngest. What the
    /// school blocks at all times is not a teacher's to open unless `req.vetted_by` names teachers:
    /// it becomes a request to whoever vets (FIL-08).
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] for no links, links that are none or that nobody may
    /// open, too long a time.
    pub async fn open_lesson(
        &self,
        actor: &Actor,
        lesson: &NewLesson,
    ) -> Result<OpenedLesson, Error> {
        let permit = self.may::<act::LessonList>(actor, Target::School).await?;
        let class = self
            .records()
            .class(lesson.class)
            .await?
            .ok_or_else(|| Error::field("class", "Choose a class from the list."))?;
        if !self.reaches_class(actor, class.id) {
            return Err(Error::field("class", "Choose a class from the list."));
        }
        let length = SignedDuration::from_mins(i64::from(lesson.minutes));
        if lesson.minutes == 0 || length > LESSON_MAX {
            return Err(Error::field(
                "minutes",
                "Say for how many minutes: at least 1, at most 720.",
            ));
        }
        let now = self.now();
        let from = lesson.from.unwrap_or(now).max(now);
        if from.duration_since(now) > AHEAD_MAX {
            return Err(Error::field(
                "from",
                "Choose a beginning within the next four weeks.",
            ));
        }
        if lesson.sites.is_empty() || lesson.sites.len() > LINKS_MAX {
            return Err(Error::field(
                "sites",
                format!("Add at least one link, at most {LINKS_MAX}."),
            ));
        }
        let supervision = self.supervised_by(actor, lesson, &class).await?;
        let (mut sites, mut to_vet) = (Vec::new(), Vec::new());
        for site in &lesson.sites {
            let site = site_of("sites", site)?;
            match self.authority(actor, &site, lesson.class, from) {
                Authority::Teacher => sites.push(site),
                Authority::Vetted => to_vet.push(site),
                Authority::Nobody => {
                    self.refuse_sealed(&permit, "sites", std::slice::from_ref(&site))
                        .await?;
                    return Err(Error::field(
                        "sites",
                        format!(
                            "{site} is blocked for everyone and cannot be opened in a lesson. Take it out."
                        ),
                    ));
                }
            }
        }
        let mut opened = OpenedLesson::default();
        for site in to_vet {
            let id = self
                .ask_for_lesson(actor, &site, lesson, &class.title, from + length)
                .await?;
            opened.asked.push((site, id));
        }
        if sites.is_empty() {
            return Ok(opened);
        }
        let (id, until) = (new_uuid(), from + length);
        let kind = if lesson.supervised {
            LessonKind::AdultSession
        } else {
            LessonKind::Links
        };
        let body = LessonSpec {
            reference: reference_of(id),
            kind,
            classes: vec![class.id],
            people: Vec::new(),
            sites,
            from,
            until,
        };
        let new = NewOverride {
            id,
            kind: OverrideKind::LessonList,
            body: json(&body)?,
            from,
            until: Some(until),
            review_at: None,
            why: format!("Lesson list for {}{supervision}", class.title),
            request: None,
        };
        self.records().add_lesson_list(&permit, &new, now).await?;
        self.rebuild().await?;
        opened.reference = Some(reference_of(id));
        Ok(opened)
    }

    /// The supervision expected in each phase, the youngest first; phases of which the school says
    /// nothing are left out.
    pub fn supervision(&self) -> Vec<Supervision> {
        let school = self.school();
        let phases = &school.pack.school.phases;
        phases
            .iter()
            .map(|phase| supervision_in(&school, phase))
            .filter(|phase| phase.names_adult || !phase.expected.is_empty())
            .collect()
    }

    /// The supervision expected in a class, by its phase.
    pub(crate) fn supervision_of(&self, class: &Class) -> Option<Supervision> {
        let (school, year) = (self.school(), class.year?);
        let mut phases = school.pack.school.phases.iter();
        let phase = phases.find(|phase| phase.years.iter().any(|band| band.contains(year)));
        phase.map(|phase| supervision_in(&school, phase))
    }

    /// Who supervises, as it is kept with a lesson list.
    async fn supervised_by(
        &self,
        actor: &Actor,
        lesson: &NewLesson,
        class: &Class,
    ) -> Result<String, Error> {
        let expected = self.supervision_of(class);
        let mut adult = lesson
            .adult
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        if adult.chars().count() > ADULT_MAX {
            return Err(Error::field(
                "adult",
                "Write a name of at most 100 characters.",
            ));
        }
        if adult.is_empty()
            && lesson.supervised
            && let Some(me) = actor.id()
        {
            adult = self.name_of(me).await?.unwrap_or_default();
        }
        match expected {
            Some(expected) if expected.names_adult && adult.is_empty() => Err(Error::field(
                "adult",
                format!(
                    "Name the adult who supervises. Expected in {}: {}",
                    expected.phase, expected.expected
                ),
            )),
            Some(expected) if !adult.is_empty() && !expected.expected.is_empty() => Ok(format!(
                ", supervised by {adult}. Expected in {}: {}",
                expected.phase, expected.expected
            )),
            _ if adult.is_empty() => Ok(String::new()),
            _ => Ok(format!(", supervised by {adult}")),
        }
    }

    /// Who may open a site for a class, by what blocks it for a pupil of that class: rules of age,
    /// mode and hours give way to a teacher; what the school blocks at all times does not.
    fn authority(&self, actor: &Actor, site: &str, class: ClassId, at: Timestamp) -> Authority {
        let (Ok(address), Ok(snapshot)) = (Address::parse(site), self.filter().snapshot()) else {
            return Authority::Vetted;
        };
        let pupil: Option<PersonId> = snapshot
            .roster()
            .iter()
            .filter(|member| member.classes.contains(&class) && member.is(Role::Pupil))
            .map(|member| member.person)
            .min();
        let who = crate::explain::stated(pupil);
        let decision = snapshot.explain(&Query {
            address: &address,
            who: &who,
            from: None,
            face: Face::Explain,
            now: at,
        });
        let speaks = decision.reasons.iter().filter(|reason| {
            reason.action == Action::Block
                && matches!(reason.weight, Weight::Decided | Weight::Outranked)
        });
        let mut authority = Authority::Teacher;
        for reason in speaks {
            match reason.layer {
                Layer::Sealed | Layer::Floor | Layer::SchoolBlock => return Authority::Nobody,
                Layer::Personal => {}
                _ if reason.rule.starts_with("fil.categories") => authority = Authority::Vetted,
                _ => {}
            }
        }
        if authority == Authority::Vetted && self.vets(actor) {
            return Authority::Teacher;
        }
        authority
    }

    /// A link beyond the teacher's authority becomes a request for the class.
    async fn ask_for_lesson(
        &self,
        actor: &Actor,
        site: &str,
        lesson: &NewLesson,
        title: &str,
        until: Timestamp,
    ) -> Result<RequestId, Error> {
        let permit = self.may::<act::AskForSite>(actor, Target::School).await?;
        let (now, id) = (self.now(), RequestId::from_uuid(new_uuid()));
        let request = NewRequest {
            id,
            address: site.to_owned(),
            purpose: format!("For a lesson list of {title}"),
            class: Some(lesson.class),
            wanted_until: Some(until),
            categories: self.categories_of(site),
            to_endorse: false,
        };
        let to = self.who_answers(actor.id()).await?;
        let notices = self.notices_to(&to, "request", &format!("/requests/{id}"), now)?;
        self.records()
            .ask_for_site(&permit, &request, &notices, now)
            .await?;
        Ok(id)
    }
}

fn supervision_in(school: &School, phase: &Phase) -> Supervision {
    let named = school.pack.settings.list("vul.named_adult");
    Supervision {
        phase: phase.title.clone(),
        expected: school
            .pack
            .settings
            .word_of("vul.supervision", &phase.name)
            .unwrap_or_default(),
        names_adult: named.contains(&phase.name),
    }
}
