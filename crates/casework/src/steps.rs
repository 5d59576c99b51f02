//! How each step of a case's procedure stands now.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pharos_school::PersonId;

use crate::procedure::{Decision, DoneBy, Flag, Procedure, Step, When};
use crate::state::{CaseState, Fix, ParentsStanding, Ticked};

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does not apply (yet).
    NotApplicable,
    /// It applies, but an earlier gate is open; the gate's place in the procedure.
    Locked {
        /// Index of the gate in the procedure's steps.
        gate: usize,
    },
    /// To be done.
    Open,
    /// Done, when.
    Done(Timestamp),
    /// Declined with a reason, when.
    Declined(Timestamp),
}

impl Standing {
    /// Whether nothing more is to be done.
    pub fn is_settled(self) -> bool {
        matches!(
            self,
            Standing::NotApplicable | Standing::Done(_) | Standing::Declined(_)
        )
    }
}

/// A step and how it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepNow<'p> {
    /// The step.
    pub step: &'p Step,
    /// How it stands.
    pub standing: Standing,
    /// Whether it has a decline button: never for a required step (PRO-01).
    pub may_decline: bool,
}

/// Every step of the procedure, in order, as it stands for the case.
pub fn steps<'p>(state: &CaseState, procedure: &'p Procedure) -> Vec<StepNow<'p>> {
    let mut open_gate = None;
    let mut steps = Vec::with_capacity(procedure.steps.len());
    for (index, step) in procedure.steps.iter().enumerate() {
        let standing = match settled(state, step) {
            Some(standing) => standing,
            None => match open_gate {
                Some(gate) if !step.urgent => Standing::Locked { gate },
                _ => Standing::Open,
            },
        };
        if step.gate && open_gate.is_none() && !standing.is_settled() {
            open_gate = Some(index);
        }
        let open = standing == Standing::Open;
        steps.push(StepNow {
            step,
            standing,
            may_decline: open && may_decline(step),
        });
    }
    steps
}

/// How one step stands; `None` when the procedure has no such step.
pub fn standing(state: &CaseState, procedure: &Procedure, id: &str) -> Option<Standing> {
    steps(state, procedure)
        .into_iter()
        .find(|now| now.step.id == id)
        .map(|now| now.standing)
}

/// Whether the step could ever be declined.
pub(crate) fn may_decline(step: &Step) -> bool {
    step.need == crate::procedure::Need::IfAppropriate
}

/// Whether a condition holds for the case.
pub fn applies(state: &CaseState, when: When) -> bool {
    match when {
        When::Always => true,
        When::If(flag) => state.has(flag),
        When::Unclassified => state.classified.is_none(),
        When::Pupil => !state.pupils().is_empty() || !state.unmatched().is_empty(),
    }
}

fn settled(state: &CaseState, step: &Step) -> Option<Standing> {
    if let Some(Ticked::Declined { mark, .. }) = state.ticked.get(&step.id)
        && may_decline(step)
    {
        return Some(Standing::Declined(mark.at));
    }
    if let Some(at) = done_at(state, step) {
        return Some(Standing::Done(at));
    }
    (!applies(state, step.when)).then_some(Standing::NotApplicable)
}

/// When the step was done, if it is.
pub fn done_at(state: &CaseState, step: &Step) -> Option<Timestamp> {
    match &step.done_by {
        DoneBy::Tick => match state.ticked.get(&step.id) {
            Some(Ticked::Done { done_at, .. }) => Some(*done_at),
            _ => None,
        },
        DoneBy::Prefilled => Some(state.reported.at),
        DoneBy::Acknowledge => state.acknowledged.map(|mark| mark.at),
        DoneBy::Danger => danger_done(state),
        DoneBy::Classify => state.classified.as_ref().map(|c| c.mark.at),
        DoneBy::Decision(decision) => decision_done(state, &step.id, decision),
        DoneBy::Parents => parents_done(state),
        DoneBy::Referral(agency) => state
            .referrals
            .iter()
            .find(|r| r.agency == *agency)
            .map(|r| r.referred_at),
        DoneBy::Contain => state.contained_at(),
        DoneBy::Fix => state.fix.as_ref().map(Fix::at),
        DoneBy::Retest => retest_done(state),
        DoneBy::SupplierReport => state.supplier.0.map(|mark| mark.at),
        DoneBy::SupplierAnswer => state.supplier.1.map(|mark| mark.at),
        DoneBy::Support => last_of(supported(state), |p| {
            state.support.get(p).and_then(|s| s.given_at)
        })
        .or_else(|| nobody(state)),
        DoneBy::Sanction => last_of(state.behaviour.keys().copied().collect(), |p| {
            state.sanctions.get(p).map(|m| m.at)
        })
        .or_else(|| nobody(state)),
        DoneBy::Outcomes => last_of(owed_outcome(state), |p| {
            state.outcomes.get(p).map(|(_, m)| m.at)
        })
        .or_else(|| owed_outcome(state).is_empty().then_some(state.last_at)),
        DoneBy::Actions => state
            .open_actions()
            .next()
            .is_none()
            .then_some(state.last_at),
        DoneBy::Debrief => state.debrief.map(|(mark, _)| mark.at),
        DoneBy::Lessons => state.lessons.first().map(|lesson| lesson.mark.at),
        DoneBy::ChildView => last_of(state.pupils(), |p| state.views.get(p).map(|m| m.at)),
        DoneBy::SecondReading => state.second_read.map(|mark| mark.at),
        DoneBy::LinkedConcern => (!state.linked.is_empty()).then_some(state.last_at),
    }
}

/// The pupils for whom support is owed: those whose access was decided accidental, and where
/// nobody was singled out every pupil involved.
pub fn supported(state: &CaseState) -> BTreeSet<PersonId> {
    let opened: BTreeSet<_> = state
        .support
        .iter()
        .filter(|(_, s)| s.opened_at.is_some())
        .map(|(p, _)| *p)
        .collect();
    if opened.is_empty() {
        state.pupils()
    } else {
        opened
    }
}

/// The people an outcome is owed to: every child and adult the school knows whom it is about.
pub fn owed_outcome(state: &CaseState) -> BTreeSet<PersonId> {
    state.subjects()
}

fn last_of(
    people: BTreeSet<PersonId>,
    at: impl Fn(&PersonId) -> Option<Timestamp>,
) -> Option<Timestamp> {
    let times: Option<Vec<Timestamp>> = people.iter().map(at).collect();
    times?.into_iter().max()
}

/// Where no child is known there is nobody to support or to punish; the step waits for nothing.
fn nobody(state: &CaseState) -> Option<Timestamp> {
    (state.pupils().is_empty() && state.unmatched().is_empty()).then_some(state.last_at)
}

fn danger_done(state: &CaseState) -> Option<Timestamp> {
    match state.danger {
        // Yes is only half an answer: the call with its time is the other half (PRO-12).
        Some((true, _)) => state.called.map(|mark| mark.at),
        Some((false, mark)) => Some(mark.at),
        None => None,
    }
}

fn decision_done(state: &CaseState, step: &str, decision: &Decision) -> Option<Timestamp> {
    // Only whose own access is in question is decided on: not those harmed, or who only saw it.
    let pupils = state.reached();
    if decision.per_pupil && !pupils.is_empty() {
        return last_of(pupils, |p| {
            state.decision(step, Some(*p)).map(|made| made.mark.at)
        });
    }
    state.decision(step, None).map(|made| made.mark.at)
}

fn parents_done(state: &CaseState) -> Option<Timestamp> {
    if !state.unmatched().is_empty() {
        return None;
    }
    last_of(state.pupils(), |p| match state.parents_of(*p) {
        ParentsStanding::Told(at) | ParentsStanding::NotTold(at) => Some(at),
        ParentsStanding::NotYet(_) | ParentsStanding::Undecided => None,
    })
}

fn retest_done(state: &CaseState) -> Option<Timestamp> {
    match (&state.fix, state.retest) {
        (Some(Fix::NotNeeded { mark, .. }), _) => Some(mark.at),
        (Some(Fix::Made { .. }), Some((mark, true))) => Some(mark.at),
        _ => None,
    }
}

/// When the step's condition began to hold: the report, or the moment of the mark.
pub(crate) fn applies_since(state: &CaseState, when: When) -> Timestamp {
    match when {
        When::If(flag) => state.since(flag).unwrap_or(state.reported.at),
        When::Always | When::Unclassified | When::Pupil => state.reported.at,
    }
}

/// Marks that stand now, for pages and lists.
pub fn flags(state: &CaseState) -> Vec<Flag> {
    Flag::ALL
        .iter()
        .copied()
        .filter(|flag| state.has(*flag))
        .collect()
}
