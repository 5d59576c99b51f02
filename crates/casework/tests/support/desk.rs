//! A desk to work a case at: fictional people, a clock that moves when told to, ids that count.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pharos_casework::*;
use pharos_school::{CaseId, EntryId, PersonId, Role};
use uuid::Uuid;

const fn person(n: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(n))
}

pub(crate) const PUPIL: PersonId = person(1);
pub(crate) const OTHER_PUPIL: PersonId = person(2);
pub(crate) const PARENT_ID: PersonId = person(3);
pub(crate) const TUTOR_ID: PersonId = person(4);
pub(crate) const HEAD_ID: PersonId = person(5);
pub(crate) const CASE: CaseId = CaseId::from_uuid(Uuid::from_u128(100));
pub(crate) const OTHER_CASE: CaseId = CaseId::from_uuid(Uuid::from_u128(101));

/// Somebody of the staff.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Someone(pub(crate) PersonId, pub(crate) &'static [Role]);

impl Someone {
    pub(crate) fn hand(self) -> Hand {
        Hand::person(self.0, self.1)
    }
}

pub(crate) const LEAD: Someone = Someone(person(10), &[Role::Staff, Role::Lead]);
pub(crate) const DEPUTY: Someone = Someone(person(11), &[Role::Staff, Role::Deputy]);
pub(crate) const HEAD: Someone = Someone(HEAD_ID, &[Role::Staff, Role::Head]);
pub(crate) const TEACHER: Someone = Someone(person(12), &[Role::Staff, Role::Teacher]);
pub(crate) const TUTOR: Someone = Someone(TUTOR_ID, &[Role::Staff, Role::Tutor]);
pub(crate) const TECHNICIAN: Someone = Someone(person(13), &[Role::Staff, Role::Technical]);
pub(crate) const HANDS: &[Someone] = &[
    LEAD,
    LEAD,
    LEAD,
    DEPUTY,
    HEAD,
    TEACHER,
    TUTOR,
    TECHNICIAN,
    Someone(PUPIL, &[Role::Pupil]),
];

pub(crate) fn ids(from: u128) -> impl FnMut() -> EntryId {
    let mut next = from;
    move || {
        next += 1;
        EntryId::from_uuid(Uuid::from_u128(next))
    }
}

/// A Friday morning in term.
pub(crate) fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

pub(crate) fn calendar() -> WeekCalendar {
    WeekCalendar::new(TimeZone::UTC)
}

pub(crate) fn close() -> Command {
    Command::Close {
        outcome: Outcome::Education,
        reason: "Everything is done.".into(),
    }
}

pub(crate) fn tell(pupil: PersonId) -> Command {
    Command::TellParent {
        pupil,
        parent: "Mrs Okafor".into(),
        contacted_at: start(),
        method: Method::Telephone,
        said: "What happened and what we did.".into(),
        letter: None,
        response: Some("Thanked us.".into()),
    }
}

pub(crate) fn refer(agency: Agency, contact: &str) -> Command {
    Command::Refer {
        agency,
        contact: contact.into(),
        referred_at: start(),
        shared: "The address alone.".into(),
        reference: Some("R-1".into()),
        follow_up: None,
    }
}

pub(crate) struct Desk {
    pub(crate) procedure: Procedure,
    pub(crate) entries: Vec<Entry>,
    pub(crate) now: Timestamp,
    next: u128,
}

impl Desk {
    pub(crate) fn concern() -> Concern {
        let mut concern = Concern::new(
            Reporter::Staff { person: TEACHER.0 },
            Origin::Form,
            "A page with violent pictures opened in the lesson.",
        );
        concern.involved.push(Involved {
            whom: Whom::Pupil { person: PUPIL },
            part: Part::ReachedMaterial,
        });
        concern.addresses.push("https://bad.example/x".into());
        concern.first_known_at = Some(start() - SignedDuration::from_mins(5));
        concern
    }

    pub(crate) fn open(concern: Concern, by: Someone) -> Self {
        let procedure = filter_breach().unwrap();
        let entries = open(
            CASE,
            &procedure,
            concern,
            &by.hand(),
            start(),
            &mut ids(1_000),
        )
        .unwrap();
        // The first act comes a minute after the report.
        Self {
            procedure,
            entries,
            now: start() + SignedDuration::from_mins(1),
            next: 2_000,
        }
    }

    pub(crate) fn breach() -> Self {
        Self::open(Self::concern(), TEACHER)
    }

    pub(crate) fn breach_reported_by_pupil() -> Self {
        let mut concern = Self::concern();
        concern.reporter = Reporter::Pupil { person: PUPIL };
        concern.origin = Origin::BlockPage {
            reference: "K7Q2".into(),
        };
        Self::open(concern, Someone(PUPIL, &[Role::Pupil]))
    }

    pub(crate) fn state(&self) -> CaseState {
        CaseState::replay(&self.entries).unwrap()
    }

    pub(crate) fn last(&self) -> &Entry {
        self.entries.last().unwrap()
    }

    pub(crate) fn later(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
    }

    pub(crate) fn standing(&self, step: &str) -> Standing {
        standing(&self.state(), &self.procedure, step).unwrap()
    }

    pub(crate) fn due(&self) -> Vec<Clock> {
        due(&self.state(), &self.procedure, &calendar(), self.now)
    }

    pub(crate) fn tries(&mut self, who: Someone, command: Command) -> Result<(), Refusal> {
        self.tries_as(&who.hand(), command)
    }

    fn tries_as(&mut self, hand: &Hand, command: Command) -> Result<(), Refusal> {
        self.next += 100;
        let entries = act(
            &self.state(),
            &self.procedure,
            command,
            hand,
            self.now,
            &mut ids(self.next),
        )?;
        self.entries.extend(entries);
        Ok(())
    }

    pub(crate) fn does(&mut self, who: Someone, command: Command) {
        self.does_as(&who.hand(), command);
    }

    pub(crate) fn does_as(&mut self, hand: &Hand, command: Command) {
        let name = format!("{command:?}");
        self.tries_as(hand, command)
            .unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    }

    pub(crate) fn refused(&mut self, who: Someone, command: Command) -> Refusal {
        let name = format!("{command:?}");
        let before = self.entries.len();
        let refusal = self.tries(who, command).expect_err(&name);
        assert_eq!(self.entries.len(), before);
        assert!(
            !refusal.why.is_empty() && !refusal.instead.is_empty(),
            "{name}: says why and what to do"
        );
        refusal
    }

    pub(crate) fn store(&mut self, refusal: Refusal) {
        self.entries.push(*refusal.entry.unwrap());
    }

    pub(crate) fn classify(&mut self, level: Level) {
        self.does(LEAD, self.classification(level));
    }

    pub(crate) fn classification(&self, level: Level) -> Command {
        Command::Classify {
            procedure: self.procedure.reference.clone(),
            record: RecordKind::Safeguarding,
            level,
            harm: vec![Harm::SexualOrViolentMaterial],
            reason: "Unsuitable content in a lesson.".into(),
        }
    }

    pub(crate) fn triage(&mut self) {
        self.does(LEAD, Command::AnswerDanger { yes: false });
        self.does(LEAD, Command::Acknowledge);
        self.does(LEAD, tick("check-links"));
        self.classify(Level::Low);
    }

    pub(crate) fn decision(&self, step: &str, about: Option<PersonId>, option: &str) -> Command {
        let DoneBy::Decision(decision) = &self.procedure.step(step).unwrap().done_by else {
            panic!("{step}")
        };
        let against = decision
            .options
            .iter()
            .filter(|choice| choice.id != option)
            .map(|choice| ReasonAgainst {
                option: choice.id.clone(),
                reason: "Nothing points to it.".into(),
            })
            .collect();
        Command::Decide {
            decision: step.into(),
            about,
            options: vec![option.into()],
            reason: "The log shows it.".into(),
            against,
        }
    }

    pub(crate) fn decide(&mut self, step: &str, about: Option<PersonId>, option: &str) {
        self.does(LEAD, self.decision(step, about, option));
    }

    pub(crate) fn work_to_the_end(&mut self) {
        self.work_without("nothing");
    }

    /// Everything a breach needs, except what is named.
    pub(crate) fn work_without(&mut self, left_out: &str) {
        for (name, who, command) in self.script() {
            if name != left_out {
                self.does(who, command);
            }
        }
    }

    /// A breach worked from report to the eve of closing: part, hand, act.
    pub(crate) fn script(&self) -> Vec<(&'static str, Someone, Command)> {
        let mut script = vec![
            ("danger", LEAD, Command::AnswerDanger { yes: false }),
            ("acknowledge", LEAD, Command::Acknowledge),
            ("check-links", LEAD, tick("check-links")),
            ("classify", LEAD, self.classification(Level::Low)),
        ];
        for step in ["screen-off", "tell-lead", "write-down", "talk"] {
            script.push((step, LEAD, tick(step)));
        }
        let nature = self.decision("nature", Some(PUPIL), "accidental");
        script.extend([
            (
                "contain",
                TECHNICIAN,
                Command::Contain {
                    address: "https://bad.example/x".into(),
                    change: "change 12".into(),
                    campuses: vec![],
                },
            ),
            ("nature", LEAD, nature),
            (
                "legality",
                LEAD,
                self.decision("legality", None, "not-illegal"),
            ),
            (
                "reach",
                TECHNICIAN,
                self.decision("reach", None, "nobody-else"),
            ),
            (
                "worry",
                LEAD,
                Command::DeclineStep {
                    step: "worry".into(),
                    reason: "Nothing found.".into(),
                },
            ),
            (
                "recurrence",
                LEAD,
                self.decision("recurrence", None, "first"),
            ),
            (
                "support",
                TUTOR,
                Command::GiveSupport {
                    pupil: PUPIL,
                    what: "A talk.".into(),
                    review: None,
                },
            ),
            (
                "outcome",
                LEAD,
                Command::RecordOutcome {
                    person: PUPIL,
                    outcome: Outcome::Education,
                    note: "Talked through.".into(),
                },
            ),
            (
                "view",
                LEAD,
                Command::RecordChildView {
                    pupil: PUPIL,
                    text: "I am fine.".into(),
                },
            ),
            (
                "fix",
                TECHNICIAN,
                Command::RecordFix {
                    what: "Category blocked.".into(),
                    change: "change 13".into(),
                },
            ),
            (
                "retest",
                TECHNICIAN,
                Command::RecordRetest {
                    group: "year-8".into(),
                    held: true,
                    evidence: "check 4".into(),
                },
            ),
            ("parents", LEAD, tell(PUPIL)),
            (
                "debrief",
                LEAD,
                Command::HoldDebrief {
                    held_on: "2026-11-20".parse().ok(),
                    text: "Lead, tutor, technician.".into(),
                },
            ),
            (
                "lessons",
                LEAD,
                Command::AddLesson {
                    kind: LessonKind::None,
                    text: "The filter worked once mended.".into(),
                    owner: None,
                    due: None,
                },
            ),
        ]);
        script
    }
}

pub(crate) fn tick(step: &str) -> Command {
    Command::DoStep {
        step: step.into(),
        note: "Done.".into(),
        done_at: None,
    }
}
