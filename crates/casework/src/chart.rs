//! A procedure as a one-page chart that can be read and printed without a case.

use crate::procedure::{
    Closing, DoneBy, Flag, Force, Limit, Need, Phase, Procedure, StepClock, When,
};

/// A chart: rows in order, then what is never done and what closing needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Title.
    pub title: String,
    /// When to use it.
    pub when_to_use: String,
    /// The procedure's version and when it was checked.
    pub version: String,
    /// The steps.
    pub rows: Vec<Row>,
    /// What is never done: what, and what to do instead.
    pub never: Vec<(String, String)>,
    /// What must be so before closing.
    pub closing: Vec<&'static str>,
    /// Sources with edition.
    pub sources: Vec<String>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 1.
    pub number: usize,
    /// The step's id.
    pub step: String,
    /// Where it stands.
    pub phase: Phase,
    /// What to do.
    pub text: String,
    /// Who, in words.
    pub who: String,
    /// By when, in words.
    pub clock: Option<String>,
    /// The branch it stands in; `None` for the main road.
    pub only_if: Option<&'static str>,
    /// Whether nothing after it starts before it is done.
    pub gate: bool,
    /// Whether it may be declined with a reason.
    pub if_appropriate: bool,
    /// The options of a decision.
    pub options: Vec<String>,
}

/// The chart of a procedure.
pub fn chart(procedure: &Procedure) -> Chart {
    let rows = procedure
        .steps
        .iter()
        .zip(1..)
        .map(|(step, number)| Row {
            number,
            step: step.id.clone(),
            phase: step.phase,
            text: match &step.school_note {
                Some(note) => format!("{} {note}", step.text),
                None => step.text.clone(),
            },
            who: step
                .who
                .iter()
                .map(|party| party.title())
                .collect::<Vec<_>>()
                .join(", "),
            clock: step.clock.as_ref().map(clock_words),
            only_if: branch(step.when),
            gate: step.gate,
            if_appropriate: step.need == Need::IfAppropriate,
            options: match &step.done_by {
                DoneBy::Decision(decision) => decision
                    .options
                    .iter()
                    .map(|choice| choice.text.clone())
                    .collect(),
                _ => Vec::new(),
            },
        })
        .collect();
    Chart {
        title: procedure.title.clone(),
        when_to_use: procedure.when_to_use.clone(),
        version: format!(
            "{}, edition {}, checked {}",
            procedure.reference, procedure.edition, procedure.checked
        ),
        rows,
        never: procedure
            .forbids
            .iter()
            .map(|f| (f.why.clone(), f.instead.clone()))
            .collect(),
        closing: closing_words(procedure),
        sources: procedure
            .sources
            .iter()
            .map(|s| format!("{}, {}", s.title, s.edition))
            .collect(),
    }
}

/// A clock in words, such as "within 30 minutes".
pub fn clock_words(clock: &StepClock) -> String {
    let limit = match clock.limit {
        Limit::Now => "at once".to_owned(),
        Limit::Minutes(60) => "within an hour".to_owned(),
        Limit::Minutes(120) => "within two hours".to_owned(),
        Limit::Minutes(minutes) => format!("within {minutes} minutes"),
        Limit::SchoolDay => "the same school day".to_owned(),
        Limit::WorkingDays(1) => "within one working day".to_owned(),
        Limit::WorkingDays(days) => format!("within {days} working days"),
    };
    match clock.force {
        Force::Default => limit,
        Force::Guidance => format!("{limit} (guidance)"),
        Force::Law => format!("{limit} (law)"),
    }
}

fn branch(when: When) -> Option<&'static str> {
    Some(match when {
        When::Always => return None,
        When::Unclassified => "until it is classified",
        When::Pupil => "if a pupil is involved",
        When::If(flag) => match flag {
            Flag::Deliberate => "if it was deliberate",
            Flag::Accidental => "if it was an accident",
            Flag::MayBeIllegal => "if it may be illegal",
            Flag::SupplierAtFault => "if a supplier's list was at fault",
            Flag::Bypass => "if the filter was got round",
            Flag::SeveralGroups => "if more than one group was affected",
            Flag::Recurrence => "if it has happened before",
            Flag::BeyondSchool => "if others outside the school are involved",
            Flag::Worry => "if there is a worry about a child",
            Flag::LevelHigh => "if the level is high",
            Flag::FoundOnDevices => "if it was found on our devices",
            Flag::StaffInvolved => "if a member of staff is involved",
            Flag::CrimeSuspected => "if a crime is suspected",
            Flag::AdviceNeeded => "if nobody is sure",
        },
    })
}

fn closing_words(procedure: &Procedure) -> Vec<&'static str> {
    let own = procedure
        .closing
        .iter()
        .filter(|closing| !crate::closing::ALWAYS.contains(closing));
    crate::closing::ALWAYS
        .iter()
        .chain(own)
        .map(|closing| match closing {
            Closing::DangerAnswered => "The danger question is answered, and any call recorded",
            Closing::Acknowledged => "The report is acknowledged",
            Closing::Classified => "The lead has classified it, with the reason",
            Closing::Steps => "Every step is done, or declined with a reason where that is allowed",
            Closing::Decisions => "Every decision is made, with reasons",
            Closing::PeopleIdentified => "Everyone named is known",
            Closing::Parents => {
                "Parents of every pupil involved are told, or the lead's reason is written"
            }
            Closing::Fix => "The fix is made and held, or the reason none is needed is written",
            Closing::Outcomes => "Every child and adult has an outcome",
            Closing::Actions => "Every action is done or cancelled with a reason",
            Closing::Referrals => "Every agency has answered",
            Closing::Debrief => "The debrief was held, or the reason none was needed is written",
            Closing::Lessons => "What was learnt is recorded",
            Closing::SecondReader => "At level high, a second reader agrees",
        })
        .collect()
}
