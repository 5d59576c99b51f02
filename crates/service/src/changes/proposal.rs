//! What is proposed, and what becomes of it.

use pharos_records::{Change, ChangeEntry, ChangeStep, Origin};

use super::{ChangeBody, Opening};
use crate::PackFiles;

/// What is proposed.
#[derive(Debug, Clone)]
pub enum Proposed {
    /// A new version of the policy pack.
    Pack(PackFiles),
    /// Sites or categories opened for groups for some time.
    Opening(Opening),
    /// Whole hosts that the proxy does not look into for some time.
    LeaveAlone(Vec<String>),
}

/// A change to be drafted.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What.
    pub what: Proposed,
    /// Why.
    pub why: String,
    /// How it came in.
    pub origin: Origin,
    /// For how many days it holds; `None`: until it is changed again. An opening must end.
    pub days: Option<u32>,
    /// After how many days somebody looks at it again.
    pub review_days: Option<u32>,
}

/// A side from which a change is assessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// By somebody with teaching experience.
    Educational,
    /// By somebody with technical experience.
    Technical,
}

impl Side {
    /// The step it adds.
    pub const fn step(self) -> ChangeStep {
        match self {
            Self::Educational => ChangeStep::Educational,
            Self::Technical => ChangeStep::Technical,
        }
    }
}

/// What became of a pack that was brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// It changes nothing of filtering or monitoring and is in force, as this version.
    InForce(i64),
    /// It waits for assessment, as the change with this number.
    Waits(i64),
}

/// A change with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct OpenChange {
    /// The change.
    pub change: Change,
    /// Why, before and after, the replay.
    pub body: ChangeBody,
    /// What was added to it, oldest first.
    pub steps: Vec<ChangeEntry>,
}

impl OpenChange {
    /// Whether a step was added.
    pub fn has(&self, step: ChangeStep) -> bool {
        self.steps.iter().any(|entry| entry.step == step)
    }
}
