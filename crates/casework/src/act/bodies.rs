//! From an allowed command to the entries it writes; what is missing in it is refused here.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use pharos_school::PersonId;

use super::{Refusal, check, decide};
use crate::closing::missing_to_close;
use crate::command::{Command, Hand};
use crate::concern::{INVOLVED_MAX, TEXT_CHARS_MAX, Whom};
use crate::entry::{EntryBody, LessonKind};
use crate::procedure::{DoneBy, Procedure, Step};
use crate::state::CaseState;
use crate::steps::may_decline;

/// What a command is checked with.
pub(super) struct Ask<'a> {
    pub(super) what: &'static str,
    pub(super) state: &'a CaseState,
    pub(super) procedure: &'a Procedure,
    pub(super) now: Timestamp,
}

pub(super) fn bodies(
    state: &CaseState,
    procedure: &Procedure,
    command: Command,
    hand: &Hand,
    now: Timestamp,
) -> Result<Vec<EntryBody>, Refusal> {
    let ask = Ask {
        what: check::name(&command),
        state,
        procedure,
        now,
    };
    let mut bodies = match command {
        Command::DoStep { .. } | Command::DeclineStep { .. } => vec![ask.step(command)?],
        Command::Decide {
            decision,
            about,
            options,
            reason,
            against,
        } => {
            return decide::decide(&ask, decision, about, options, reason, against);
        }
        Command::Classify { .. } | Command::MarkMayBeIllegal { .. } => return ask.kind(command),
        Command::TellParent { .. }
        | Command::ParentReplies { .. }
        | Command::DoNotTellParents { .. } => {
            vec![ask.parents(command)?]
        }
        Command::Refer { .. }
        | Command::RecordAnswer { .. }
        | Command::RecordCall { .. }
        | Command::ReportToSupplier { .. }
        | Command::RecordSupplierAnswer { .. } => {
            vec![ask.outside(command)?]
        }
        Command::Contain { .. }
        | Command::RecordFix { .. }
        | Command::NoFixNeeded { .. }
        | Command::RecordRetest { .. } => vec![ask.filter(command)?],
        Command::SetAction { .. } | Command::FinishAction { .. } | Command::CancelAction { .. } => {
            vec![ask.action(command)?]
        }
        Command::GiveSupport { .. }
        | Command::GiveSanction { .. }
        | Command::RecordChildView { .. }
        | Command::RecordOutcome { .. } => vec![ask.child(command)?],
        Command::HoldDebrief { .. } | Command::AddLesson { .. } | Command::SecondRead { .. } => {
            vec![ask.lessons(command, hand)?]
        }
        Command::Close { .. } | Command::Reopen { .. } => vec![ask.end(command)?],
        other => ask.plain(other)?,
    };
    // A worry that is linked to a closed case brings it back to triage.
    if state.closed.is_some()
        && bodies
            .iter()
            .any(|body| matches!(body, EntryBody::LinkedConcern { .. }))
    {
        bodies.push(EntryBody::Reopened {
            reason: "A new concern was linked to it.".into(),
        });
    }
    Ok(bodies)
}

impl Ask<'_> {
    pub(super) fn refuse(&self, why: impl Into<String>, instead: impl Into<String>) -> Refusal {
        Refusal::new(self.what, why, instead)
    }

    /// A text that has to be given.
    pub(super) fn text(&self, text: String, what: &str) -> Result<String, Refusal> {
        if text.trim().is_empty() {
            return Err(self.refuse(
                format!("{what} is missing."),
                "Write it in a sentence or two.",
            ));
        }
        self.fits(text, what)
    }

    pub(super) fn fits(&self, text: String, what: &str) -> Result<String, Refusal> {
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(self.refuse(
                format!("{what} is longer than {TEXT_CHARS_MAX} characters."),
                "Shorten it, or add the rest as a note.",
            ));
        }
        Ok(text)
    }

    pub(super) fn maybe(
        &self,
        text: Option<String>,
        what: &str,
    ) -> Result<Option<String>, Refusal> {
        text.map(|text| self.fits(text, what))
            .transpose()
            .map(|text| text.filter(|t| !t.trim().is_empty()))
    }

    pub(super) fn past(&self, at: Timestamp) -> Result<Timestamp, Refusal> {
        if at > self.now {
            return Err(self.refuse(
                "The time given is in the future.",
                "Check the date and the hour.",
            ));
        }
        Ok(at)
    }

    pub(super) fn ahead(&self, date: Date) -> Result<Date, Refusal> {
        // A day's grace: the school's zone may lie behind the one that days are counted in here.
        let today = TimeZone::UTC.to_datetime(self.now).date();
        if date < today.saturating_sub(1.day()) {
            return Err(self.refuse(
                "The date given is in the past.",
                "Give a date from today on.",
            ));
        }
        Ok(date)
    }

    pub(super) fn involved(&self, pupil: PersonId) -> Result<PersonId, Refusal> {
        if self.state.pupils().contains(&pupil) {
            return Ok(pupil);
        }
        Err(self.refuse(
            "That pupil is not part of this case.",
            "Add them with their part first.",
        ))
    }

    pub(super) fn find(&self, step: &str) -> Result<&Step, Refusal> {
        self.procedure.step(step).ok_or_else(|| {
            self.refuse(
                format!("{} has no such step.", self.procedure.reference),
                "Choose a step from the list.",
            )
        })
    }

    fn step(&self, command: Command) -> Result<EntryBody, Refusal> {
        match command {
            Command::DoStep {
                step,
                note,
                done_at,
            } => {
                if self.find(&step)?.done_by != DoneBy::Tick {
                    return Err(self.refuse(
                        "This step is not ticked off: it is done by recording what it asks for.",
                        "Use the form of that step.",
                    ));
                }
                let done_at = done_at.map(|at| self.past(at)).transpose()?;
                let note = self.text(note, "What was done")?;
                Ok(EntryBody::StepDone {
                    step,
                    note,
                    done_at,
                })
            }
            Command::DeclineStep { step, reason } => {
                if !may_decline(self.find(&step)?) {
                    return Err(
                        self.refuse("This step is required.", "Do it; it cannot be declined.")
                    );
                }
                let reason = self.text(reason, "The reason for not doing it")?;
                Ok(EntryBody::StepDeclined { step, reason })
            }
            other => Err(self.unexpected(&other)),
        }
    }

    fn kind(&self, command: Command) -> Result<Vec<EntryBody>, Refusal> {
        match command {
            Command::Classify {
                procedure,
                record,
                level,
                harm,
                reason,
            } => {
                let reason = self.text(reason, "The reason")?;
                let illegal = harm.contains(&crate::Harm::IllegalMaterial);
                let mut bodies = vec![EntryBody::Classified {
                    procedure,
                    record,
                    level,
                    harm,
                    reason: reason.clone(),
                }];
                if illegal && !self.state.has(crate::Flag::MayBeIllegal) {
                    bodies.push(EntryBody::MarkedMayBeIllegal { reason });
                }
                Ok(bodies)
            }
            Command::MarkMayBeIllegal { reason } => Ok(vec![EntryBody::MarkedMayBeIllegal {
                reason: self.text(reason, "The reason")?,
            }]),
            other => Err(self.unexpected(&other)),
        }
    }

    fn lessons(&self, command: Command, hand: &Hand) -> Result<EntryBody, Refusal> {
        match command {
            Command::HoldDebrief { held_on, text } => {
                let tomorrow = TimeZone::UTC
                    .to_datetime(self.now)
                    .date()
                    .saturating_add(1.day());
                if held_on.is_some_and(|date| date > tomorrow) {
                    return Err(self.refuse(
                        "The date of the debrief is in the future.",
                        "Record it when it was held.",
                    ));
                }
                Ok(EntryBody::Debrief {
                    held_on,
                    text: self.text(text, "What was said, or why none was needed")?,
                })
            }
            Command::AddLesson {
                kind,
                text,
                owner,
                due,
            } => {
                let text = self.text(text, "The lesson")?;
                if kind == LessonKind::None {
                    return Ok(EntryBody::Lesson {
                        kind,
                        text,
                        owner: None,
                        due: None,
                    });
                }
                let (Some(owner), Some(due)) = (owner, due) else {
                    return Err(self.refuse(
                        "A lesson that changes something needs an owner and a date.",
                        "Say who does it by when, or record that nothing changes.",
                    ));
                };
                Ok(EntryBody::Lesson {
                    kind,
                    text,
                    owner: Some(owner),
                    due: Some(self.ahead(due)?),
                })
            }
            Command::SecondRead { note } => {
                if self.state.classified.as_ref().map(|c| c.mark.by) == Some(hand.author) {
                    return Err(self.refuse(
                        "The second reader is somebody other than whoever classified the case.",
                        "Ask a deputy or the head.",
                    ));
                }
                Ok(EntryBody::SecondReading {
                    note: self.text(note, "What the second reader found")?,
                })
            }
            other => Err(self.unexpected(&other)),
        }
    }

    fn end(&self, command: Command) -> Result<EntryBody, Refusal> {
        match command {
            Command::Close { outcome, reason } => {
                let missing = missing_to_close(self.state, self.procedure);
                if let Some(first) = missing.first() {
                    let more = match missing.len() - 1 {
                        0 => String::new(),
                        n => format!(" ({n} more)"),
                    };
                    return Err(self.refuse(format!("{}{more}", first.what), first.todo.clone()));
                }
                Ok(EntryBody::Closed {
                    outcome,
                    reason: self.text(reason, "The reason")?,
                })
            }
            Command::Reopen { reason } => Ok(EntryBody::Reopened {
                reason: self.text(reason, "The reason")?,
            }),
            other => Err(self.unexpected(&other)),
        }
    }

    fn plain(&self, command: Command) -> Result<Vec<EntryBody>, Refusal> {
        Ok(vec![match command {
            Command::Acknowledge => EntryBody::Acknowledged,
            Command::AnswerDanger { yes } => EntryBody::ImmediateDanger { yes },
            Command::AddNote { text } => EntryBody::Note {
                text: self.text(text, "The note")?,
            },
            Command::Correct { of, text } => {
                if !self.state.authors.contains_key(&of) {
                    return Err(self.refuse(
                        "There is no such entry in this case.",
                        "Choose one from the list.",
                    ));
                }
                EntryBody::Correction {
                    of,
                    text: self.text(text, "What is right")?,
                }
            }
            Command::AddPerson { involved } => return self.add_person(involved),
            Command::IdentifyPerson { was, is } => {
                if !self.state.involved.iter().any(|i| i.whom == was) {
                    return Err(self.refuse(
                        "Nobody is named so in this case.",
                        "Choose one from the list.",
                    ));
                }
                if matches!(is, Whom::PupilByName { .. }) {
                    return Err(self.refuse(
                        "That is a name again.",
                        "Choose a person from the roll, or where they are from.",
                    ));
                }
                EntryBody::PersonIdentified { was, is }
            }
            Command::LinkConcern { case } => EntryBody::LinkedConcern { case },
            Command::Attach {
                name,
                media,
                fingerprint,
                source,
                ..
            } => EntryBody::Attached {
                name: self.text(name, "The file's name")?,
                media,
                fingerprint: self.text(fingerprint, "The fingerprint")?,
                source: self.text(source, "Where it came from")?,
            },
            other => return Err(self.unexpected(&other)),
        }])
    }

    fn add_person(&self, involved: crate::concern::Involved) -> Result<Vec<EntryBody>, Refusal> {
        let known: BTreeSet<_> = self.state.involved.iter().collect();
        if known.contains(&involved) {
            return Err(self.refuse(
                "They are part of the case already.",
                "Nothing needs to be done.",
            ));
        }
        if known.len() >= INVOLVED_MAX {
            return Err(self.refuse(
                format!("The case names {INVOLVED_MAX} people, the most it can."),
                "Open a linked concern for the others.",
            ));
        }
        Ok(vec![EntryBody::PersonAdded { involved }])
    }

    /// Only reached if the dispatch above and the functions it calls disagree, or for an act that
    /// no function does.
    pub(super) fn unexpected(&self, _: &Command) -> Refusal {
        self.refuse(
            "Nothing here does that.",
            "Choose one of the acts on the page.",
        )
    }
}
