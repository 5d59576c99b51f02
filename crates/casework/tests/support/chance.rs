//! Acts and changes to draw from at random.

use pharos_casework::*;

use super::desk::*;

impl Desk {
    /// Some command, for sequences at random. The twist empties a text or picks another pupil.
    pub(crate) fn any_command(&self, which: usize, twist: u8) -> Command {
        let text = |full: &str| {
            if twist == 3 {
                String::new()
            } else {
                full.to_owned()
            }
        };
        let pupil = if twist == 2 { OTHER_PUPIL } else { PUPIL };
        let ticks = [
            "screen-off",
            "tell-lead",
            "write-down",
            "talk",
            "check-links",
            "secure-device",
            "tell-head",
            "review-filter",
            "first-call",
            "tell-head-reach",
        ];
        let declines = [
            "screen-off",
            "tell-lead",
            "contain",
            "worry",
            "sanction",
            "child-view",
            "parents",
            "fix",
            "report-iwf",
            "report-ceop",
            "write-down",
        ];
        let decisions = [
            ("nature", "accidental"),
            ("nature", "deliberate"),
            ("nature", "mislabelled"),
            ("legality", "not-illegal"),
            ("legality", "may-be-illegal"),
            ("legality", "not-sure"),
            ("reach", "nobody-else"),
            ("reach", "several-groups"),
            ("recurrence", "first"),
            ("recurrence", "again"),
        ];
        match which {
            0..=9 => Command::DoStep {
                step: ticks[which].into(),
                note: text("Done."),
                done_at: None,
            },
            10..=20 => Command::DeclineStep {
                step: declines[which - 10].into(),
                reason: text("Not needed here."),
            },
            21..=30 => {
                let (step, option) = decisions[which - 21];
                let about = if twist == 1 && step == "nature" {
                    Some(pupil)
                } else {
                    None
                };
                self.decision(step, about, option)
            }
            31 => Command::Acknowledge,
            32 => Command::AnswerDanger { yes: twist == 1 },
            33 => Command::RecordCall {
                number: text("999"),
                called_at: self.now,
                reference: None,
            },
            34 | 35 => self.classification(if twist == 1 { Level::High } else { Level::Low }),
            36 => Command::MarkMayBeIllegal {
                reason: text("It may be."),
            },
            37 => Command::AddPerson {
                involved: Involved {
                    whom: Whom::Pupil {
                        person: OTHER_PUPIL,
                    },
                    part: Part::Harmed,
                },
            },
            38 | 39 => tell(pupil),
            40 => Command::DoNotTellParents {
                pupil,
                why: WhyNotTold::RiskToChild,
                reason: text("A safety reason."),
                review: if twist == 1 {
                    "2026-12-01".parse().ok()
                } else {
                    None
                },
            },
            41 => Command::SetAction {
                what: text("Ring home."),
                owner: TUTOR_ID,
                due: "2026-12-01".parse().unwrap(),
            },
            42 => {
                let action = self
                    .state()
                    .actions
                    .last()
                    .map(|a| a.id)
                    .unwrap_or(self.entries[0].id);
                Command::FinishAction {
                    action,
                    note: text("Done."),
                }
            }
            43 => refer(
                [Agency::Police, Agency::Iwf, Agency::Ceop, Agency::Adviser][usize::from(twist)],
                "by telephone",
            ),
            44 => {
                let referral = self
                    .state()
                    .referrals
                    .iter()
                    .find(|r| r.answered_at.is_none())
                    .map_or(self.entries[0].id, |r| r.id);
                Command::RecordAnswer {
                    referral,
                    answer: text("Nothing more is needed."),
                }
            }
            45 => Command::Contain {
                address: text("https://bad.example/x"),
                change: "change".into(),
                campuses: match twist {
                    1 => vec!["North site".into()],
                    _ => vec![],
                },
            },
            46 => Command::RecordFix {
                what: text("Blocked."),
                change: "change".into(),
            },
            47 => Command::NoFixNeeded {
                reason: text("It worked as it should."),
            },
            48 => Command::RecordRetest {
                group: "year-8".into(),
                held: twist != 1,
                evidence: "check".into(),
            },
            49 => Command::GiveSupport {
                pupil,
                what: text("A talk."),
                review: None,
            },
            50 => Command::GiveSanction {
                pupil,
                what: text("Detention."),
                care: "None hurt.".into(),
            },
            51 | 52 => Command::RecordOutcome {
                person: pupil,
                outcome: Outcome::Education,
                note: text("Fine."),
            },
            53 => Command::HoldDebrief {
                held_on: if twist == 1 {
                    None
                } else {
                    "2026-11-20".parse().ok()
                },
                text: text("Held."),
            },
            54 => Command::AddLesson {
                kind: LessonKind::None,
                text: text("Nothing changes."),
                owner: None,
                due: None,
            },
            55 => Command::RecordChildView {
                pupil,
                text: text("Fine."),
            },
            56 => Command::SecondRead {
                note: text("Read."),
            },
            57 => Command::Try {
                act: Act::ALL[usize::from(twist) * 4 % Act::ALL.len()],
            },
            58 => Command::Attach {
                name: "a".into(),
                media: [Media::Text, Media::Picture, Media::Video, Media::Other]
                    [usize::from(twist)],
                fingerprint: "f".into(),
                source: "s".into(),
                shows_child: Some(false),
            },
            59 => Command::Reopen {
                reason: text("More came up."),
            },
            60 => Command::LinkConcern { case: OTHER_CASE },
            61 => Command::ReportToSupplier {
                supplier: "Example Lists Ltd".into(),
                text: text("Wrong."),
                reference: None,
            },
            62 => Command::RecordSupplierAnswer {
                answer: text("Corrected."),
            },
            _ => close(),
        }
    }
}

/// How many kinds of command [`Desk::any_command`] knows; the last few are all `Close`.
pub(crate) const COMMANDS: usize = 68;

/// Changes that a school may make.
pub(crate) const TIGHTENINGS: &[&str] = &[
    "[[step]]\nid = \"worry\"\nneed = \"required\"\n",
    "[[step]]\nid = \"fix\"\ngate = true\nclock = \"1 hour\"\n",
    "[[step]]\nid = \"parents\"\nwho = [\"lead\"]\n",
    "[[step]]\nid = \"sanction\"\nwhen = \"always\"\n",
    "[[step]]\nid = \"reach\"\nreasons-against = true\n",
    "[[add]]\nid = \"call-helpdesk\"\nafter-step = \"fix\"\nphase = \"work\"\ntext = \"Call the help desk.\"\nwho = [\"technical\"]\ndone-by = \"tick\"\n",
    "[[forbid]]\nact = \"attach\"\nwhy = \"No files here.\"\ninstead = \"Describe it.\"\n",
    "[[forbid]]\nact = \"contact-outside-first\"\nwhy = \"Call the adviser first.\"\ninstead = \"Call them.\"\n",
];
