//! Holding a control against the facts.

use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use pharos_school::{AlertId, CaseId, CheckId, PersonId, Role};
use serde::{Deserialize, Serialize};

use crate::control::{Control, Within};
use crate::facts::{Facts, Subject};

mod proof;
mod timed;

use proof::{check, hand, probes, scope, sealed};
use timed::{alerts, audits, breaches, parents, supervision};

/// How a control or a clause stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Not kept, or not shown to be kept.
    NotMet,
    /// Kept for now, but running out, or with a lapse in the last four weeks.
    AtRisk,
    /// A named person says so, on a date.
    Attested,
    /// Kept, with the evidence.
    Met,
}

impl Standing {
    /// The words shown to people.
    pub const fn title(self) -> &'static str {
        match self {
            Standing::NotMet => "Not met",
            Standing::AtRisk => "At risk",
            Standing::Attested => "Attested",
            Standing::Met => "Met",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// What shows it, one click away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// A run of the self-check.
    Check {
        /// Which.
        check: CheckId,
    },
    /// A case. Shown as a link only to those who may see it.
    Case {
        /// Which.
        case: CaseId,
    },
    /// An alert.
    Alert {
        /// Which.
        alert: AlertId,
    },
    /// The audit of what pupils tried to reach in a period.
    Audit {
        /// The period's first day.
        from: Date,
    },
    /// Notes of supervision.
    Supervision,
    /// What Pharos cannot see here, class by class of devices.
    Limits,
    /// A sealed list's status.
    SealedList {
        /// Its name.
        name: String,
    },
    /// The settings, in a version of the policy.
    Policy {
        /// Which version.
        version: u64,
    },
    /// A statement.
    Attestation {
        /// By whom.
        by: PersonId,
        /// In which role.
        role: Role,
        /// When.
        at: Timestamp,
    },
}

/// A figure behind a standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What is counted or measured.
    pub name: &'static str,
    /// How much.
    pub value: u64,
}

/// How a control stands, why, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The control, as written.
    pub control: String,
    /// How it stands.
    pub standing: Standing,
    /// Why, with figures; for staff.
    pub sentence: String,
    /// Why, without figures that could point at a child; for governors (ROLE-07).
    pub plain: &'static str,
    /// The figures.
    pub figures: Vec<Figure>,
    /// The evidence, at most [`EVIDENCE_MAX`] pieces, the worst first.
    pub evidence: Vec<Evidence>,
}

/// Most pieces of evidence listed; the figures count all.
const EVIDENCE_MAX: usize = 50;
/// How old a probe may be before its evidence is stale.
const PROBE_FRESH: Within = Within::days(7);
/// How far back a lapse counts against a control.
const LAPSE: Within = Within::days(28);

/// Assesses one control of a clause.
pub fn assess(control: &Control, clause: &str, facts: &Facts, now: Timestamp) -> Assessment {
    let draft = match control {
        Control::FilterBlocks { category, groups } => {
            let subjects = [Subject::Category(category.clone())];
            probes(facts, &subjects, groups, now, "blocked")
        }
        Control::SafeSearchOn { engines, groups } => {
            let subjects: Vec<Subject> = engines.iter().cloned().map(Subject::SafeSearch).collect();
            probes(facts, &subjects, groups, now, "in safe search")
        }
        Control::SealedFresh { within } => sealed(facts, *within, now),
        Control::CheckPassed { within } => check(facts, *within, now),
        Control::HandTested { within } => hand(facts, *within, now),
        Control::ScopeCovered { classes } => scope(facts, classes),
        Control::AttemptsAudited { within } => audits(facts, *within, now),
        Control::SupervisionNoted { within } => supervision(facts, *within, now),
        Control::BreachesHandled { within } => breaches(facts, *within, now),
        Control::ParentsTold { within } => parents(facts, *within, now),
        Control::AlertsAcknowledged { within } => alerts(facts, *within, now),
        Control::Attested { by, within } => attested(facts, clause, *by, *within, now),
    };
    let mut evidence = draft.evidence;
    evidence.truncate(EVIDENCE_MAX);
    Assessment {
        control: control.to_string(),
        standing: draft.standing,
        sentence: draft.sentence,
        plain: draft.plain,
        figures: draft.figures,
        evidence,
    }
}

struct Draft {
    standing: Standing,
    sentence: String,
    plain: &'static str,
    figures: Vec<Figure>,
    evidence: Vec<Evidence>,
}

fn draft(standing: Standing, sentence: String, plain: &'static str) -> Draft {
    Draft {
        standing,
        sentence,
        plain,
        figures: Vec::new(),
        evidence: Vec::new(),
    }
}

fn age(at: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(at).max(SignedDuration::ZERO)
}

/// Met while well inside, at risk in the last fifth, not met beyond.
fn by_age(age: SignedDuration, within: Within) -> Standing {
    if age > within.duration() {
        Standing::NotMet
    } else if age.as_secs() * 5 > within.duration().as_secs() * 4 {
        Standing::AtRisk
    } else {
        Standing::Met
    }
}

fn attested(facts: &Facts, clause: &str, by: Role, within: Within, now: Timestamp) -> Draft {
    let newest = facts
        .attestations
        .iter()
        .filter(|a| a.clause == clause && a.role == by)
        .max_by_key(|a| a.at);
    let Some(statement) = newest else {
        return draft(
            Standing::NotMet,
            format!("The {by} has not said so yet; ask them to."),
            "Nobody has said so yet.",
        );
    };
    let age = age(statement.at, now);
    let (standing, plain) = match by_age(age, within) {
        Standing::NotMet => (Standing::NotMet, "The statement is too old."),
        Standing::AtRisk => (Standing::AtRisk, "The statement runs out soon."),
        Standing::Met | Standing::Attested => (Standing::Attested, "A named person says so."),
    };
    let mut out = draft(
        standing,
        format!("The {by} said so {}; it holds for {within}.", ago(age)),
        plain,
    );
    out.evidence = vec![Evidence::Attestation {
        by: statement.by,
        role: statement.role,
        at: statement.at,
    }];
    out
}

fn figures(pairs: &[(&'static str, usize)]) -> Vec<Figure> {
    pairs
        .iter()
        .map(|(name, value)| Figure {
            name,
            value: *value as u64,
        })
        .collect()
}

fn ago(age: SignedDuration) -> String {
    let minutes = age.as_mins();
    match minutes {
        0 => "just now".to_owned(),
        1 => "1 minute ago".to_owned(),
        2..=119 => format!("{minutes} minutes ago"),
        120..=2879 => format!("{} hours ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}
