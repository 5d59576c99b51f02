//! The steps of a case's procedure as a task list: how each stands, by when, whose, and the way to it.

use pharos_access::Actor;
use pharos_casework::{Clock, DoneBy, Due, Phase, Standing, StepNow, broken_up, clock_words};
use pharos_school::Role;

use super::doing::Doing;
use super::forms::Around;
use crate::pages::kit::{ClockWords, due_words, lasted};
use crate::words;

/// A step as the page prints it.
#[derive(Debug)]
pub(super) struct StepView {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) note: Option<String>,
    pub(super) who: String,
    pub(super) limit: Option<String>,
    /// `Done`, `To do`, `Locked`, `Not taken`, `Does not apply`.
    pub(super) word: &'static str,
    pub(super) colour: &'static str,
    pub(super) settled: bool,
    /// When it was done, or why it waits.
    pub(super) says: Option<String>,
    pub(super) clock: Option<ClockWords>,
    pub(super) elapsed: Option<String>,
    /// Links to its forms; the first is the main one.
    pub(super) links: Vec<Link>,
    /// Done in place with one press.
    pub(super) presses: Vec<Press>,
}

/// A way to a form.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: String,
}

/// A button in place.
#[derive(Debug)]
pub(super) struct Press {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) text: String,
    pub(super) look: &'static str,
}

/// Steps of one phase.
#[derive(Debug)]
pub(super) struct PhaseView {
    pub(super) title: &'static str,
    /// Still to be done, or waiting.
    pub(super) steps: Vec<StepView>,
    /// Done, or not taken with a reason; folded away.
    pub(super) settled: Vec<StepView>,
}

/// The steps that apply, by phase. Steps that do not apply are left out; the chart shows them all.
pub(super) fn phases(around: &Around<'_>, clocks: &[Clock], actor: &Actor) -> Vec<PhaseView> {
    let all = around.open.steps();
    let named = [
        (Phase::Start, "At once"),
        (Phase::Work, "What this asks"),
        (Phase::Parents, "Parents"),
        (Phase::Close, "Before closing"),
    ];
    named
        .into_iter()
        .map(|(phase, title)| {
            let of_phase = all
                .iter()
                .filter(|now| now.step.phase == phase && now.standing != Standing::NotApplicable);
            let (settled, steps) = of_phase
                .map(|now| view(around, now, clocks, actor))
                .partition(|step| step.settled);
            PhaseView {
                title,
                steps,
                settled,
            }
        })
        .filter(|phase| !phase.steps.is_empty() || !phase.settled.is_empty())
        .collect()
}

fn view(around: &Around<'_>, now: &StepNow<'_>, clocks: &[Clock], actor: &Actor) -> StepView {
    let step = now.step;
    let (word, colour) = match now.standing {
        Standing::Open => ("To do", "blue"),
        Standing::Locked { .. } => ("Locked", "grey"),
        Standing::Done(_) => ("Done", "green"),
        Standing::Declined(_) => ("Not taken", "grey"),
        Standing::NotApplicable => ("Does not apply", "grey"),
    };
    let says = match now.standing {
        Standing::Done(at) => Some(format!("Done {}", words::moment(at, around.zone))),
        Standing::Declined(at) => Some(format!(
            "Not taken, with a reason, {}",
            words::moment(at, around.zone)
        )),
        Standing::Locked { gate } => around
            .open
            .procedure
            .steps
            .get(gate)
            .map(|gate| format!("Waits for an earlier step: {}", gate.text)),
        _ => None,
    };
    let clock = clocks
        .iter()
        .find(|clock| clock.what == Due::Step(step.id.clone()));
    let open = now.standing == Standing::Open && around.open.state.closed.is_none();
    let theirs = is_theirs(now, actor);
    let (links, presses) = if open && theirs {
        ways(around, now)
    } else {
        (Vec::new(), Vec::new())
    };
    StepView {
        id: step.id.clone(),
        text: step.text.clone(),
        note: step.school_note.clone(),
        who: step
            .who
            .iter()
            .map(|party| party.title())
            .collect::<Vec<_>>()
            .join(", "),
        limit: step.clock.as_ref().map(clock_words),
        word,
        colour,
        settled: now.standing.is_settled(),
        says,
        clock: clock.map(|clock| due_words(clock.due_at, around.now)),
        elapsed: clock.map(|clock| lasted(clock.elapsed)),
        links,
        presses,
    }
}

/// Whether this reader is one of those whose step it is; the lead and the deputy record for others.
/// The procedure itself decides again when something is asked.
fn is_theirs(now: &StepNow<'_>, actor: &Actor) -> bool {
    let lead = actor.holds(Role::Lead) || actor.holds(Role::Deputy);
    lead || now
        .step
        .who
        .iter()
        .any(|party| party.roles().iter().any(|role| actor.holds(*role)))
}

fn ways(around: &Around<'_>, now: &StepNow<'_>) -> (Vec<Link>, Vec<Press>) {
    let case = around.open.case.id;
    let step = &now.step.id;
    let link = |doing: Doing, text: &str| Link {
        href: format!("/cases/{case}/do/{}?step={step}", doing.slug()),
        text: text.to_owned(),
    };
    let titled = |doing: Doing| link(doing, doing.title());
    let mut links = match &now.step.done_by {
        DoneBy::Tick => vec![titled(Doing::Step)],
        DoneBy::Classify => vec![titled(Doing::Classify)],
        DoneBy::Decision(_) => vec![titled(Doing::Decide)],
        DoneBy::Parents => vec![titled(Doing::TellParent), titled(Doing::NotTold)],
        DoneBy::Referral(_) => vec![titled(Doing::Refer)],
        DoneBy::Fix => vec![titled(Doing::Fix), link(Doing::NoFix, "No fix is needed")],
        DoneBy::Retest => vec![titled(Doing::Retest)],
        DoneBy::SupplierReport => vec![titled(Doing::Supplier)],
        DoneBy::SupplierAnswer => vec![titled(Doing::SupplierAnswer)],
        DoneBy::Support => vec![titled(Doing::Support)],
        DoneBy::Sanction => vec![titled(Doing::Sanction)],
        DoneBy::Outcomes => vec![titled(Doing::Outcome)],
        DoneBy::Actions => vec![Link {
            href: "#actions".to_owned(),
            text: "See what is still to do".to_owned(),
        }],
        DoneBy::Debrief => vec![titled(Doing::Debrief)],
        DoneBy::Lessons => vec![titled(Doing::Lesson)],
        DoneBy::ChildView => vec![titled(Doing::ChildView)],
        DoneBy::SecondReading => vec![titled(Doing::SecondRead)],
        DoneBy::LinkedConcern => vec![titled(Doing::Link)],
        DoneBy::Contain => vec![link(Doing::Contain, "Block another address")],
        DoneBy::Danger if around.open.state.danger.is_some() => vec![titled(Doing::Call)],
        DoneBy::Danger | DoneBy::Acknowledge | DoneBy::Prefilled => vec![],
    };
    if now.may_decline {
        links.push(link(Doing::Decline, "Do not take this step"));
    }
    (links, presses(around, &now.step.done_by))
}

fn presses(around: &Around<'_>, done_by: &DoneBy) -> Vec<Press> {
    let press = |doing: Doing, name, value: &str, text: String, look| Press {
        slug: doing.slug(),
        name,
        value: value.to_owned(),
        text,
        look,
    };
    match done_by {
        DoneBy::Acknowledge => vec![press(
            Doing::Acknowledge,
            "seen",
            "yes",
            Doing::Acknowledge.button().to_owned(),
            "",
        )],
        DoneBy::Danger if around.open.state.danger.is_none() => vec![
            press(
                Doing::Danger,
                "danger",
                "yes",
                "Yes, somebody is in danger".to_owned(),
                "govuk-button--warning",
            ),
            press(
                Doing::Danger,
                "danger",
                "no",
                "No, nobody is".to_owned(),
                "govuk-button--secondary",
            ),
        ],
        DoneBy::Contain if around.needs => around
            .open
            .state
            .concern
            .addresses
            .iter()
            .enumerate()
            .take(5)
            .map(|(at, address)| {
                press(
                    Doing::Contain,
                    "which",
                    &at.to_string(),
                    format!(
                        "Block {} {} now",
                        broken_up(address),
                        words::blocked_for(around.campuses)
                    ),
                    "govuk-button--warning",
                )
            })
            .collect(),
        _ => vec![],
    }
}
