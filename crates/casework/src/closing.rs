//! What is still missing before a case may close (BRE-03, CON-13).

use crate::entry::Level;
use crate::procedure::{Closing, DoneBy, Phase, Procedure};
use crate::state::{CaseState, Fix, ParentsStanding};
use crate::steps::{Standing, StepNow, owed_outcome, steps};

/// Something that stands in the way of closing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The condition.
    pub condition: Closing,
    /// The step it belongs to, where there is one.
    pub step: Option<String>,
    /// What is missing, in a sentence.
    pub what: String,
    /// What to do.
    pub todo: String,
}

/// Conditions that hold whatever a procedure file says.
pub(crate) const ALWAYS: &[Closing] = &[
    Closing::DangerAnswered,
    Closing::Acknowledged,
    Closing::Classified,
    Closing::Decisions,
    Closing::Steps,
    Closing::PeopleIdentified,
    Closing::Parents,
    Closing::Outcomes,
    Closing::Actions,
    Closing::Referrals,
    Closing::Debrief,
    Closing::Lessons,
    Closing::SecondReader,
];

/// Everything that stands in the way of closing; empty when the case may close.
pub fn missing_to_close(state: &CaseState, procedure: &Procedure) -> Vec<Missing> {
    let steps = steps(state, procedure);
    let own = procedure
        .closing
        .iter()
        .filter(|condition| !ALWAYS.contains(condition));
    ALWAYS
        .iter()
        .chain(own)
        .flat_map(|condition| missing(state, &steps, *condition))
        .collect()
}

fn missing(state: &CaseState, steps: &[StepNow<'_>], condition: Closing) -> Vec<Missing> {
    let one = |open: bool, what: &str, todo: &str| -> Vec<Missing> {
        if open {
            vec![say(condition, None, what.to_owned(), todo)]
        } else {
            Vec::new()
        }
    };
    match condition {
        Closing::DangerAnswered => one(
            !matches!(
                (state.danger, state.called),
                (Some((false, _)), _) | (Some((true, _)), Some(_))
            ),
            "Nobody has answered whether anyone is in immediate danger, or the emergency call is not recorded.",
            "Answer the question; if it was yes, record the call with its time and reference.",
        ),
        Closing::Acknowledged => one(
            state.acknowledged.is_none(),
            "Nobody has acknowledged the report.",
            "The lead or a deputy acknowledges it.",
        ),
        Closing::Classified => one(
            state.classified.is_none(),
            "The lead has not said what kind of incident it is.",
            "Classify the case, with the reason.",
        ),
        Closing::Steps => open_steps(condition, steps, |done_by| {
            !matches!(done_by, DoneBy::Decision(_))
        }),
        Closing::Decisions => open_steps(condition, steps, |done_by| {
            matches!(done_by, DoneBy::Decision(_))
        }),
        Closing::PeopleIdentified => state
            .unmatched()
            .into_iter()
            .map(|name| {
                say(
                    condition,
                    None,
                    format!("{name} is named in words and not matched with the roll."),
                    "Match the name with a pupil, or record that they are from elsewhere.",
                )
            })
            .collect(),
        Closing::Parents => parents(state, condition),
        Closing::Fix => fix(state, condition),
        Closing::Outcomes => owed_outcome(state)
            .into_iter()
            .filter(|person| !state.outcomes.contains_key(person))
            .map(|_| {
                say(
                    condition,
                    None,
                    "Somebody the case is about has no outcome.".into(),
                    "Record the outcome and the support for every child and adult.",
                )
            })
            .collect(),
        Closing::Actions => state
            .open_actions()
            .map(|action| {
                say(
                    condition,
                    None,
                    format!("An action due on {} is open.", action.due),
                    "Finish it, or cancel it with a reason.",
                )
            })
            .collect(),
        Closing::Referrals => state
            .referrals
            .iter()
            .filter(|referral| referral.answered_at.is_none())
            .map(|referral| {
                say(
                    condition,
                    None,
                    format!("{} has not answered.", referral.agency.title()),
                    "Chase them, and record the answer or that they need nothing more.",
                )
            })
            .collect(),
        Closing::Debrief => one(
            state.debrief.is_none(),
            "There was no debrief.",
            "Hold it and record what was said, or record why none was needed.",
        ),
        Closing::Lessons => one(
            state.lessons.is_empty(),
            "No lesson is recorded.",
            "Record what was learnt, even if nothing needs to change.",
        ),
        Closing::SecondReader => one(
            state
                .classified
                .as_ref()
                .is_some_and(|c| c.level == Level::High)
                && state.second_read.is_none(),
            "The level is high and no second reader has agreed.",
            "Ask a deputy or the head to read the case and record that they agree.",
        ),
    }
}

fn say(condition: Closing, step: Option<&str>, what: String, todo: &str) -> Missing {
    Missing {
        condition,
        step: step.map(str::to_owned),
        what,
        todo: todo.to_owned(),
    }
}

fn open_steps(
    condition: Closing,
    steps: &[StepNow<'_>],
    wanted: impl Fn(&DoneBy) -> bool,
) -> Vec<Missing> {
    steps
        .iter()
        .filter(|now| wanted(&now.step.done_by) && !now.standing.is_settled())
        .map(|now| {
            let todo = match (now.standing, now.step.phase) {
                (Standing::Locked { .. }, _) => "An earlier step comes first.",
                (_, Phase::Close) => "Do it before closing.",
                _ if now.may_decline => "Do it, or decline it with a reason.",
                _ => "Do it; it is required.",
            };
            say(
                condition,
                Some(&now.step.id),
                format!("Not done: {}", now.step.text),
                todo,
            )
        })
        .collect()
}

fn parents(state: &CaseState, condition: Closing) -> Vec<Missing> {
    state
        .pupils()
        .into_iter()
        .filter_map(|pupil| match state.parents_of(pupil) {
            ParentsStanding::Told(_) | ParentsStanding::NotTold(_) => None,
            ParentsStanding::Undecided => Some("The parents of a pupil involved have not been told.".to_owned()),
            ParentsStanding::NotYet(date) => {
                Some(format!("The parents of a pupil involved are not told yet; this is looked at again on {date}."))
            }
        })
        .map(|what| say(
            condition,
            None,
            what,
            "Record the contact (who, when, how, what was said), or the lead's written safety reason for not telling them.",
        ))
        .collect()
}

fn fix(state: &CaseState, condition: Closing) -> Vec<Missing> {
    let (what, todo) = match (&state.fix, state.retest) {
        (None, _) => (
            "The fix is undecided.",
            "Record the filter change that fixes it, or why none is needed.",
        ),
        (Some(Fix::Made { .. }), None) => (
            "The fix has not been tried again.",
            "Try it from the group concerned, without opening the page, and record the result.",
        ),
        (Some(Fix::Made { .. }), Some((_, false))) => (
            "The fix did not hold when it was tried.",
            "Change the filter again, record it, and try it again.",
        ),
        _ => return Vec::new(),
    };
    vec![say(condition, None, what.to_owned(), todo)]
}
