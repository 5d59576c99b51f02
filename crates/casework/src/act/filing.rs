//! What is recorded about parents, agencies, the filter, actions and children.

use pharos_school::EntryId;

use super::Refusal;
use super::bodies::Ask;
use crate::command::Command;
use crate::entry::{EntryBody, WhyNotTold};
use crate::procedure::{Flag, ParentDuty};
use crate::state::ParentsStanding;
use crate::steps::owed_outcome;

impl Ask<'_> {
    pub(super) fn parents(&self, command: Command) -> Result<EntryBody, Refusal> {
        match command {
            Command::TellParent {
                pupil,
                parent,
                contacted_at,
                method,
                said,
                letter,
                response,
            } => {
                if let Some(letter) = &letter
                    && self.procedure.letter(letter).is_none()
                {
                    return Err(self.refuse(
                        "There is no such letter.",
                        "Choose one of the procedure's letters.",
                    ));
                }
                Ok(EntryBody::ParentContact {
                    pupil: self.involved(pupil)?,
                    parent: self.text(parent, "Which parent")?,
                    contacted_at: self.past(contacted_at)?,
                    method,
                    said: self.text(said, "What was said")?,
                    letter,
                    response: self.maybe(response, "The answer")?,
                })
            }
            Command::ParentReplies { pupil, text } => Ok(EntryBody::ParentReply {
                pupil: self.involved(pupil)?,
                text: self.text(text, "The answer")?,
            }),
            Command::DoNotTellParents {
                pupil,
                why,
                reason,
                review,
            } => {
                let pupil = self.involved(pupil)?;
                if let ParentsStanding::Told(_) = self.state.parents_of(pupil) {
                    return Err(self.refuse(
                        "The parents have been told.",
                        "Record what else was said as a contact.",
                    ));
                }
                if why == WhyNotTold::NotNeeded && self.must_tell_parents() {
                    return Err(self.refuse(
                        "The school tells the parents here unless it would harm the child.",
                        "Tell them, or choose the safety reason that stands against it.",
                    ));
                }
                let review = review.map(|date| self.ahead(date)).transpose()?;
                let reason = self.text(reason, "The safety reason")?;
                Ok(EntryBody::ParentsNotTold {
                    pupil,
                    why,
                    reason,
                    review,
                })
            }
            other => Err(self.unexpected(&other)),
        }
    }

    fn must_tell_parents(&self) -> bool {
        match self.procedure.parent_duty {
            ParentDuty::Always => true,
            ParentDuty::IfBehaviour => self.state.has(Flag::Deliberate),
            ParentDuty::LeadWeighs => false,
        }
    }

    pub(super) fn outside(&self, command: Command) -> Result<EntryBody, Refusal> {
        match command {
            Command::RecordCall {
                number,
                called_at,
                reference,
            } => Ok(EntryBody::EmergencyCall {
                number: self.text(number, "The number called")?,
                called_at: self.past(called_at)?,
                reference: self.maybe(reference, "The reference")?,
            }),
            Command::Refer {
                agency,
                contact,
                referred_at,
                shared,
                reference,
                follow_up,
            } => Ok(EntryBody::Referral {
                agency,
                contact: self.text(contact, "Who was spoken to, and how")?,
                referred_at: self.past(referred_at)?,
                shared: self.text(shared, "What was shared")?,
                reference: self.maybe(reference, "The reference")?,
                follow_up: follow_up.map(|date| self.ahead(date)).transpose()?,
            }),
            Command::RecordAnswer { referral, answer } => {
                if !self.state.referrals.iter().any(|r| r.id == referral) {
                    return Err(
                        self.refuse("There is no such referral.", "Choose one from the list.")
                    );
                }
                Ok(EntryBody::ReferralAnswered {
                    referral,
                    answer: self.text(answer, "The answer")?,
                })
            }
            Command::ReportToSupplier {
                supplier,
                text,
                reference,
            } => Ok(EntryBody::SupplierReport {
                supplier: self.text(supplier, "The supplier")?,
                text: self.text(text, "What was sent")?,
                reference: self.maybe(reference, "The reference")?,
            }),
            Command::RecordSupplierAnswer { answer } => {
                if self.state.supplier.0.is_none() {
                    return Err(self.refuse(
                        "The supplier has not been told.",
                        "Record the report to them first.",
                    ));
                }
                Ok(EntryBody::SupplierAnswer {
                    answer: self.text(answer, "The answer")?,
                })
            }
            other => Err(self.unexpected(&other)),
        }
    }

    pub(super) fn filter(&self, command: Command) -> Result<EntryBody, Refusal> {
        match command {
            Command::Contain {
                address,
                change,
                campuses,
            } => Ok(EntryBody::Contained {
                address: self.text(address, "The address")?,
                change: self.text(change, "The filter change")?,
                campuses: campuses
                    .into_iter()
                    .map(|campus| self.text(campus, "The campus"))
                    .collect::<Result<_, _>>()?,
            }),
            Command::RecordFix { what, change } => Ok(EntryBody::FixMade {
                what: self.text(what, "What was changed")?,
                change: self.text(change, "The filter change")?,
            }),
            Command::NoFixNeeded { reason } => Ok(EntryBody::FixNotNeeded {
                reason: self.text(reason, "The reason")?,
            }),
            Command::RecordRetest {
                group,
                held,
                evidence,
            } => Ok(EntryBody::Retested {
                group: self.text(group, "The group it was tried from")?,
                held,
                evidence: self.text(evidence, "How it was tried")?,
            }),
            other => Err(self.unexpected(&other)),
        }
    }

    pub(super) fn action(&self, command: Command) -> Result<EntryBody, Refusal> {
        let open = |id: EntryId| self.state.open_actions().any(|action| action.id == id);
        match command {
            Command::SetAction { what, owner, due } => Ok(EntryBody::Action {
                what: self.text(what, "What is to be done")?,
                owner,
                due: self.ahead(due)?,
            }),
            Command::FinishAction { action, note } if open(action) => Ok(EntryBody::ActionDone {
                action,
                note: self.text(note, "What came of it")?,
            }),
            Command::CancelAction { action, reason } if open(action) => {
                Ok(EntryBody::ActionCancelled {
                    action,
                    reason: self.text(reason, "The reason")?,
                })
            }
            _ => Err(self.refuse("There is no such open action.", "Choose one from the list.")),
        }
    }

    pub(super) fn child(&self, command: Command) -> Result<EntryBody, Refusal> {
        match command {
            Command::GiveSupport {
                pupil,
                what,
                review,
            } => Ok(EntryBody::SupportGiven {
                pupil: self.involved(pupil)?,
                what: self.text(what, "The support")?,
                review: review.map(|date| self.ahead(date)).transpose()?,
            }),
            Command::GiveSanction { pupil, what, care } => {
                if !self.state.behaviour.contains_key(&pupil) {
                    return Err(self.refuse(
                        "No sanction without a decision that it was deliberate.",
                        "Decide that first, with the reason.",
                    ));
                }
                Ok(EntryBody::Sanction {
                    pupil: self.involved(pupil)?,
                    what: self.text(what, "The sanction")?,
                    care: self.text(care, "How harm to others is avoided")?,
                })
            }
            Command::RecordChildView { pupil, text } => Ok(EntryBody::ChildView {
                pupil: self.involved(pupil)?,
                text: self.text(text, "The child's view")?,
            }),
            Command::RecordOutcome {
                person,
                outcome,
                note,
            } => {
                if !owed_outcome(self.state).contains(&person) {
                    return Err(self.refuse(
                        "The case is not about that person.",
                        "Add them with their part first.",
                    ));
                }
                Ok(EntryBody::OutcomeFor {
                    person,
                    outcome,
                    note: self.text(note, "The outcome in words")?,
                })
            }
            other => Err(self.unexpected(&other)),
        }
    }
}
