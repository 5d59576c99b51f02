//! Clauses: as good as their worst control; and the history of how they stood (REV-09).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::assess::{Assessment, Standing, assess};
use crate::control::Control;
use crate::facts::Facts;

/// A clause of the written policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Its id in the policy, such as `filtering.pornography`.
    pub id: String,
    /// Title.
    pub title: String,
    /// The text as the governors approved it.
    pub text: String,
    /// The controls that carry it out or show it.
    pub controls: Vec<Control>,
}

/// How a clause stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseAssessment {
    /// Its id.
    pub clause: String,
    /// Its title.
    pub title: String,
    /// The worst of its controls; `None` for a clause that is bound to none.
    pub standing: Option<Standing>,
    /// Each control, in the order of the policy.
    pub controls: Vec<Assessment>,
}

impl ClauseAssessment {
    /// The control that decides: the first of the worst.
    pub fn deciding(&self) -> Option<&Assessment> {
        self.controls
            .iter()
            .min_by_key(|assessment| assessment.standing)
    }
}

/// Assesses a clause.
pub fn assess_clause(clause: &Clause, facts: &Facts, now: Timestamp) -> ClauseAssessment {
    let controls: Vec<Assessment> = clause
        .controls
        .iter()
        .map(|control| assess(control, &clause.id, facts, now))
        .collect();
    ClauseAssessment {
        clause: clause.id.clone(),
        title: clause.title.clone(),
        standing: controls.iter().map(|assessment| assessment.standing).min(),
        controls,
    }
}

/// One line of a clause's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingChange {
    /// The clause.
    pub clause: String,
    /// When it was found so.
    pub at: Timestamp,
    /// How it stood before; `None` the first time.
    pub from: Option<Standing>,
    /// How it stands.
    pub to: Standing,
    /// Which control decided.
    pub control: String,
    /// Why.
    pub sentence: String,
}

/// The history lines to add: one for each clause that stands differently from before.
pub fn changes(
    before: &BTreeMap<String, Standing>,
    assessed: &[ClauseAssessment],
    now: Timestamp,
) -> Vec<StandingChange> {
    let mut lines = Vec::new();
    for clause in assessed {
        let (Some(to), Some(deciding)) = (clause.standing, clause.deciding()) else {
            continue;
        };
        let from = before.get(&clause.clause).copied();
        if from != Some(to) {
            lines.push(StandingChange {
                clause: clause.clause.clone(),
                at: now,
                from,
                to,
                control: deciding.control.clone(),
                sentence: deciding.sentence.clone(),
            });
        }
    }
    lines
}
