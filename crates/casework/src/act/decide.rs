//! Decisions with reasons, and what follows from them (BRE-05, BRE-07, BRE-08).

use std::collections::BTreeSet;

use pharos_school::PersonId;

use super::Refusal;
use super::bodies::Ask;
use crate::entry::{EntryBody, ReasonAgainst};
use crate::procedure::{Decision, DoneBy, Flag};
use crate::state::CaseState;

pub(super) fn decide(
    ask: &Ask<'_>,
    step: String,
    about: Option<PersonId>,
    options: Vec<String>,
    reason: String,
    against: Vec<ReasonAgainst>,
) -> Result<Vec<EntryBody>, Refusal> {
    let DoneBy::Decision(decision) = &ask.find(&step)?.done_by else {
        return Err(ask.refuse("This step is not a decision.", "Use the form of that step."));
    };
    if let Some(pupil) = about
        && !(decision.per_pupil && ask.state.reached().contains(&pupil))
    {
        return Err(ask.refuse(
            "This decision is not made for that person.",
            "Make it for the case, or for a pupil whose own access is in question.",
        ));
    }
    let sets = chosen(ask, decision, &options)?;
    let reason = ask.text(reason, "The reason for the road taken")?;
    let against = roads_not_taken(ask, decision, &options, against)?;
    let mut bodies = Vec::new();
    bodies.push(EntryBody::DecisionMade {
        decision: step.clone(),
        about,
        options,
        reason: reason.clone(),
        against,
        sets: sets.iter().copied().collect(),
    });
    if sets.contains(&Flag::MayBeIllegal) && !ask.state.has(Flag::MayBeIllegal) {
        bodies.push(EntryBody::MarkedMayBeIllegal {
            reason: reason.clone(),
        });
    }
    let on_file = ask.procedure.deliberate_on_file;
    follow(
        ask.state,
        &step,
        about,
        (&sets, &reason),
        on_file,
        &mut bodies,
    );
    Ok(bodies)
}

fn chosen(
    ask: &Ask<'_>,
    decision: &Decision,
    options: &[String],
) -> Result<BTreeSet<Flag>, Refusal> {
    let distinct: BTreeSet<&String> = options.iter().collect();
    if distinct.is_empty()
        || distinct.len() != options.len()
        || (distinct.len() > 1 && !decision.many)
    {
        let many = if decision.many {
            "one or more options, each once"
        } else {
            "one option"
        };
        return Err(ask.refuse(
            format!("This decision takes {many}."),
            "Choose from the list.",
        ));
    }
    let mut sets = BTreeSet::new();
    for id in options {
        let Some(choice) = decision.options.iter().find(|choice| choice.id == *id) else {
            return Err(ask.refuse("There is no such option.", "Choose from the list."));
        };
        sets.extend(choice.sets.iter().copied());
    }
    if sets.contains(&Flag::Deliberate) && sets.contains(&Flag::Accidental) {
        return Err(ask.refuse(
            "It cannot be both deliberate and accidental.",
            "Choose one; decide for each pupil on their own.",
        ));
    }
    Ok(sets)
}

fn roads_not_taken(
    ask: &Ask<'_>,
    decision: &Decision,
    options: &[String],
    against: Vec<ReasonAgainst>,
) -> Result<Vec<ReasonAgainst>, Refusal> {
    let mut kept = Vec::new();
    for given in against {
        let other = decision
            .options
            .iter()
            .any(|choice| choice.id == given.option);
        if !other || options.contains(&given.option) {
            return Err(ask.refuse(
                "A reason against an option that was taken or does not exist.",
                "Give reasons only for the options not taken.",
            ));
        }
        kept.push(ReasonAgainst {
            reason: ask.text(given.reason, "The reason for a road not taken")?,
            ..given
        });
    }
    if decision.reasons_against {
        let missing = decision.options.iter().find(|choice| {
            !options.contains(&choice.id) && !kept.iter().any(|given| given.option == choice.id)
        });
        if let Some(choice) = missing {
            return Err(ask.refuse(
                format!(
                    "The reason for not taking this road is missing: {}",
                    choice.text
                ),
                "Say in a sentence why not, for each road not taken.",
            ));
        }
    }
    Ok(kept)
}

/// Deliberate access is a matter of the behaviour policy and opens a sanction step, and goes on the
/// pupil's file where the school has it so; accidental access opens support and leaves no behaviour
/// entry (BRE-08).
fn follow(
    state: &CaseState,
    step: &str,
    about: Option<PersonId>,
    (sets, reason): (&BTreeSet<Flag>, &str),
    on_file: bool,
    bodies: &mut Vec<EntryBody>,
) {
    let concerned: Vec<PersonId> = match about {
        Some(pupil) => vec![pupil],
        // A decision for the case as a whole leaves pupils who have their own untouched.
        None => state
            .reached()
            .into_iter()
            .filter(|pupil| {
                !state
                    .decisions
                    .contains_key(&(step.to_owned(), Some(*pupil)))
            })
            .collect(),
    };
    for pupil in concerned {
        let stands = state.behaviour.contains_key(&pupil);
        if sets.contains(&Flag::Deliberate) && !stands {
            bodies.push(EntryBody::BehaviourEntry {
                pupil,
                reason: reason.to_owned(),
                on_file,
            });
        }
        if sets.contains(&Flag::Accidental) {
            if stands {
                bodies.push(EntryBody::BehaviourWithdrawn {
                    pupil,
                    reason: reason.to_owned(),
                });
            }
            bodies.push(EntryBody::SupportOpened {
                pupil,
                reason: reason.to_owned(),
            });
        }
    }
}
