//! What a change carries, as it is stored.

use pharos_filter::whatif::WhatIf;
use pharos_pack::DiffLine;
use serde::{Deserialize, Serialize};

/// The stored form's version.
pub(crate) const FORM: u16 = 1;

/// Sites or categories opened for groups.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Opening {
    /// For which groups.
    pub groups: Vec<String>,
    /// Sites.
    pub sites: Vec<String>,
    /// Categories, by name.
    pub categories: Vec<String>,
}

/// Why, before, after, and what it would have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeBody {
    /// The stored form's version.
    pub v: u16,
    /// Why.
    pub why: String,
    /// The version of the policy that it was drafted on.
    pub base: u64,
    /// Lines that go and lines that come.
    pub lines: Vec<DiffLine>,
    /// Lines beyond those kept.
    pub more_lines: usize,
    /// Settings with their value before and after.
    pub settings: Vec<(String, String, String)>,
    /// The replay over recorded activity.
    pub replay: Option<WhatIf>,
    /// What is opened, where it is an opening.
    pub opening: Option<Opening>,
    /// Hosts that are left uninspected, where that is what is proposed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leave_alone: Vec<String>,
    /// The version gone back to, where it is a way back.
    pub back_to: Option<i64>,
}

/// What the test on live traffic showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The stored form's version.
    pub v: u16,
    /// Verdicts asked of the live filter.
    pub asked: usize,
    /// Of these, as the approved change gives them.
    pub as_approved: usize,
    /// Of these, other than before the change.
    pub changed: usize,
    /// Those not as approved: kind of user and address.
    pub wrong: Vec<String>,
    /// Milliseconds from the decision until the live filter answered by it.
    pub took_ms: u64,
}

impl Verification {
    /// Whether every verdict is as approved.
    pub fn holds(&self) -> bool {
        self.asked == self.as_approved
    }
}
