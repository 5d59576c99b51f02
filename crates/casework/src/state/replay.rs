//! One entry after the other into the state.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    ActionState, CaseState, Classification, ClosedState, ContainedAddress, Fix, LessonState, Made,
    Mark, NotTold, ParentContact, ReferralState, Ticked,
};
use crate::entry::{Entry, EntryBody, Level};
use crate::procedure::Flag;

/// The entries do not make a case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// There are none.
    #[error("the case has no entries; restore it from a backup")]
    Empty,
    /// The first is not a report.
    #[error(
        "the first entry of the case is not a report; run the audit check and restore it from a backup"
    )]
    NoReport,
    /// A number is missing, doubled or out of order.
    #[error("entry {found} stands where entry {expected} is expected; run the audit check")]
    Gap {
        /// The number that was due.
        expected: u32,
        /// The number found.
        found: u32,
    },
    /// An entry belongs to another case.
    #[error("entry {seq} belongs to another case; run the audit check")]
    OtherCase {
        /// Its number.
        seq: u32,
    },
    /// An entry was written by a newer version of Pharos.
    #[error("entry {seq} was written by a newer version of Pharos (form {v}); upgrade this server")]
    Newer {
        /// Its number.
        seq: u32,
        /// Its form.
        v: u16,
    },
}

pub(super) fn replay(entries: &[Entry]) -> Result<CaseState, Broken> {
    let (first, rest) = entries.split_first().ok_or(Broken::Empty)?;
    check(first, first, 1)?;
    let mut state = begin(first)?;
    for (entry, expected) in rest.iter().zip(2_u32..) {
        check(first, entry, expected)?;
        apply(&mut state, entry);
    }
    Ok(state)
}

fn check(first: &Entry, entry: &Entry, expected: u32) -> Result<(), Broken> {
    if entry.seq != expected {
        return Err(Broken::Gap {
            expected,
            found: entry.seq,
        });
    }
    if entry.case != first.case {
        return Err(Broken::OtherCase { seq: entry.seq });
    }
    if entry.v > crate::entry::ENTRY_VERSION {
        return Err(Broken::Newer {
            seq: entry.seq,
            v: entry.v,
        });
    }
    Ok(())
}

fn begin(first: &Entry) -> Result<CaseState, Broken> {
    let EntryBody::Report { concern, procedure } = &first.body else {
        return Err(Broken::NoReport);
    };
    let mark = Mark {
        at: first.at,
        by: first.by,
    };
    let mut state = CaseState {
        case: first.case,
        concern: (**concern).clone(),
        reported: mark,
        procedure: procedure.clone(),
        entries: 1,
        last_at: first.at,
        acknowledged: None,
        danger: concern.danger.map(|yes| (yes, mark)),
        called: None,
        ticked: BTreeMap::new(),
        decisions: BTreeMap::new(),
        classified: None,
        involved: concern.involved.clone(),
        parents: BTreeMap::new(),
        actions: Vec::new(),
        referrals: Vec::new(),
        supplier: (None, None),
        contained: Vec::new(),
        fix: None,
        retest: None,
        behaviour: BTreeMap::new(),
        support: BTreeMap::new(),
        sanctions: BTreeMap::new(),
        outcomes: BTreeMap::new(),
        linked: Vec::new(),
        debrief: None,
        lessons: Vec::new(),
        views: BTreeMap::new(),
        second_read: None,
        closed: None,
        reopened: 0,
        refused: 0,
        authors: BTreeMap::from([(first.id, first.by)]),
        flags_first: BTreeMap::new(),
    };
    note_beyond_school(&mut state, first.at);
    Ok(state)
}

fn note_beyond_school(state: &mut CaseState, at: Timestamp) {
    if state.involved.iter().any(|i| i.whom.is_beyond_school()) {
        state.flags_first.entry(Flag::BeyondSchool).or_insert(at);
    }
}

fn apply(state: &mut CaseState, entry: &Entry) {
    let mark = Mark {
        at: entry.at,
        by: entry.by,
    };
    state.entries = entry.seq;
    state.last_at = entry.at;
    state.authors.insert(entry.id, entry.by);
    apply_lead(state, entry, mark);
    apply_parents(state, entry, mark);
    apply_outside(state, entry, mark);
    apply_child(state, entry, mark);
    apply_close(state, entry, mark);
}

fn apply_lead(state: &mut CaseState, entry: &Entry, mark: Mark) {
    match &entry.body {
        EntryBody::Acknowledged => {
            state.acknowledged.get_or_insert(mark);
        }
        EntryBody::ImmediateDanger { yes } => state.danger = Some((*yes, mark)),
        EntryBody::EmergencyCall { called_at, .. } => {
            state.called.get_or_insert(Mark {
                at: *called_at,
                by: mark.by,
            });
        }
        EntryBody::StepDone {
            step,
            note,
            done_at,
        } => {
            let done_at = done_at.unwrap_or(mark.at);
            state.ticked.insert(
                step.clone(),
                Ticked::Done {
                    mark,
                    done_at,
                    note: note.clone(),
                },
            );
        }
        EntryBody::StepDeclined { step, reason } => {
            state.ticked.insert(
                step.clone(),
                Ticked::Declined {
                    mark,
                    reason: reason.clone(),
                },
            );
        }
        EntryBody::DecisionMade {
            decision,
            about,
            options,
            reason,
            sets,
            ..
        } => {
            for flag in sets {
                state.flags_first.entry(*flag).or_insert(mark.at);
            }
            let made = Made {
                mark,
                options: options.clone(),
                reason: reason.clone(),
                sets: sets.clone(),
            };
            state.decisions.insert((decision.clone(), *about), made);
        }
        EntryBody::Classified {
            procedure,
            record,
            level,
            harm,
            reason,
        } => {
            state.procedure = procedure.clone();
            if *level == Level::High {
                state.flags_first.entry(Flag::LevelHigh).or_insert(mark.at);
            }
            state.classified = Some(Classification {
                mark,
                record: *record,
                level: *level,
                harm: harm.clone(),
                reason: reason.clone(),
            });
        }
        EntryBody::MarkedMayBeIllegal { .. } => {
            state
                .flags_first
                .entry(Flag::MayBeIllegal)
                .or_insert(mark.at);
        }
        EntryBody::PersonAdded { involved } => {
            state.involved.push(involved.clone());
            note_beyond_school(state, mark.at);
        }
        EntryBody::PersonIdentified { was, is } => {
            for involved in state.involved.iter_mut().filter(|i| i.whom == *was) {
                involved.whom = is.clone();
            }
            note_beyond_school(state, mark.at);
        }
        EntryBody::Action { what, owner, due } => state.actions.push(ActionState {
            id: entry.id,
            mark,
            what: what.clone(),
            owner: *owner,
            due: *due,
            settled_at: None,
        }),
        EntryBody::ActionDone { action, .. } | EntryBody::ActionCancelled { action, .. } => {
            for open in state.actions.iter_mut().filter(|open| open.id == *action) {
                open.settled_at.get_or_insert(mark.at);
            }
        }
        _ => {}
    }
}

fn apply_parents(state: &mut CaseState, entry: &Entry, mark: Mark) {
    match &entry.body {
        EntryBody::ParentContact {
            pupil,
            contacted_at,
            method,
            letter,
            response,
            ..
        } => {
            let parents = state.parents.entry(*pupil).or_default();
            parents.replies = parents
                .replies
                .saturating_add(u32::from(response.is_some()));
            parents.contacts.push(ParentContact {
                mark,
                contacted_at: *contacted_at,
                method: *method,
                letter: letter.clone(),
            });
        }
        EntryBody::ParentReply { pupil, .. } => {
            let parents = state.parents.entry(*pupil).or_default();
            parents.replies = parents.replies.saturating_add(1);
        }
        EntryBody::ParentsNotTold {
            pupil,
            why,
            reason,
            review,
        } => {
            let not_told = NotTold {
                mark,
                why: *why,
                reason: reason.clone(),
                review: *review,
            };
            state.parents.entry(*pupil).or_default().not_told = Some(not_told);
        }
        _ => {}
    }
}

fn apply_outside(state: &mut CaseState, entry: &Entry, mark: Mark) {
    match &entry.body {
        EntryBody::Referral {
            agency,
            referred_at,
            reference,
            follow_up,
            ..
        } => {
            state.referrals.push(ReferralState {
                id: entry.id,
                mark,
                agency: *agency,
                referred_at: *referred_at,
                reference: reference.clone(),
                follow_up: *follow_up,
                answered_at: None,
            });
        }
        EntryBody::ReferralAnswered { referral, .. } => {
            for open in state
                .referrals
                .iter_mut()
                .filter(|open| open.id == *referral)
            {
                open.answered_at.get_or_insert(mark.at);
            }
        }
        EntryBody::SupplierReport { .. } => {
            state.supplier.0.get_or_insert(mark);
        }
        EntryBody::SupplierAnswer { .. } => state.supplier.1 = Some(mark),
        EntryBody::Contained {
            address,
            change,
            campuses,
        } => state.contained.push(ContainedAddress {
            mark,
            address: address.clone(),
            change: change.clone(),
            campuses: campuses.clone(),
        }),
        EntryBody::FixMade { change, .. } => {
            state.fix = Some(Fix::Made {
                mark,
                change: change.clone(),
            });
            state.retest = None;
        }
        EntryBody::FixNotNeeded { reason } => {
            state.fix = Some(Fix::NotNeeded {
                mark,
                reason: reason.clone(),
            });
        }
        EntryBody::Retested { held, .. } => state.retest = Some((mark, *held)),
        EntryBody::LinkedConcern { case } => state.linked.push(*case),
        EntryBody::Refused { .. } => state.refused = state.refused.saturating_add(1),
        _ => {}
    }
}

fn apply_child(state: &mut CaseState, entry: &Entry, mark: Mark) {
    match &entry.body {
        EntryBody::BehaviourEntry { pupil, .. } => {
            state.behaviour.entry(*pupil).or_insert(mark);
        }
        EntryBody::BehaviourWithdrawn { pupil, .. } => {
            state.behaviour.remove(pupil);
        }
        EntryBody::SupportOpened { pupil, .. } => {
            state
                .support
                .entry(*pupil)
                .or_default()
                .opened_at
                .get_or_insert(mark.at);
        }
        EntryBody::SupportGiven { pupil, review, .. } => {
            let support = state.support.entry(*pupil).or_default();
            support.given_at = Some(mark.at);
            support.review = *review;
        }
        EntryBody::Sanction { pupil, .. } => {
            state.sanctions.entry(*pupil).or_insert(mark);
        }
        EntryBody::OutcomeFor {
            person, outcome, ..
        } => {
            state.outcomes.insert(*person, (*outcome, mark));
        }
        EntryBody::ChildView { pupil, .. } => {
            state.views.entry(*pupil).or_insert(mark);
        }
        _ => {}
    }
}

fn apply_close(state: &mut CaseState, entry: &Entry, mark: Mark) {
    match &entry.body {
        EntryBody::Debrief { held_on, .. } => state.debrief = Some((mark, *held_on)),
        EntryBody::Lesson {
            kind,
            text,
            owner,
            due,
        } => state.lessons.push(LessonState {
            id: entry.id,
            mark,
            kind: *kind,
            text: text.clone(),
            owner: *owner,
            due: *due,
        }),
        EntryBody::SecondReading { .. } => state.second_read = Some(mark),
        EntryBody::Closed { outcome, reason } => {
            state.closed = Some(ClosedState {
                mark,
                outcome: *outcome,
                reason: reason.clone(),
            });
        }
        // Back to triage: the lead classifies again, and a new second reader is asked.
        EntryBody::Reopened { .. } => {
            state.closed = None;
            state.classified = None;
            state.second_read = None;
            state.reopened = state.reopened.saturating_add(1);
        }
        _ => {}
    }
}
