//! What is decided by when no policy is in force at all (FIL-17, `fil.fail_mode`).
//!
//! A policy like any other, so that every face, explanation and event works as usual: its rules
//! are named [`NO_POLICY`] and [`KNOWN_SAFE`], and its version is 0. Sealed lists stand above it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::spec::{ExceptionSpec, HelpSpec, RuleSpec};
use crate::{Action, PolicySpec};

/// The rule that blocks while there is no policy.
pub const NO_POLICY: &str = "no-policy";
/// The rule that lets staff reach known-safe sites while there is no policy.
pub const KNOWN_SAFE: &str = "no-policy-known-safe";

/// Categories that staff may reach without a policy, beside the sites that the school opens by name.
pub const KNOWN_SAFE_CATEGORIES: [&str; 3] = ["trusted", "education", "library"];

/// `fil.fail_mode`: what happens when the filter has nothing to decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailMode {
    /// Everybody is blocked; help stays open.
    #[default]
    BlockAll,
    /// Pupils and unknown users are blocked; staff reach known-safe sites.
    BlockPupils,
}

impl FailMode {
    /// The mode by its name in packs; anything else is the stricter one.
    pub fn named(name: &str) -> Self {
        if name == "block-pupils" {
            Self::BlockPupils
        } else {
            Self::BlockAll
        }
    }

    /// The name in packs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BlockAll => "block-all",
            Self::BlockPupils => "block-pupils",
        }
    }
}

/// The policy for a time without policy: help sites are open to all; where the mode says so,
/// `known_safe` sites and [`KNOWN_SAFE_CATEGORIES`] are open to staff; nothing else is.
pub fn fallback(mode: FailMode, help: &[HelpSpec], known_safe: &[String]) -> PolicySpec {
    let mut spec = PolicySpec {
        help: help.to_vec(),
        rules: vec![RuleSpec {
            name: NO_POLICY.to_owned(),
            action: Action::Block,
            groups: Vec::new(),
            except: Vec::new(),
            categories: Vec::new(),
            sites: Vec::new(),
            everything: true,
            hours: Vec::new(),
            except_hours: Vec::new(),
            places: Vec::new(),
        }],
        ..PolicySpec::default()
    };
    if mode == FailMode::BlockPupils {
        spec.overrides.exceptions.push(ExceptionSpec {
            reference: KNOWN_SAFE.to_owned(),
            groups: vec!["staff".to_owned()],
            people: Vec::new(),
            classes: Vec::new(),
            sites: known_safe.to_vec(),
            categories: KNOWN_SAFE_CATEGORIES.map(str::to_owned).to_vec(),
            from: None,
            until: Timestamp::MAX,
        });
    }
    spec
}

/// The sites that a policy opens by name to staff: what counts as known-safe later. Sites of the
/// lists, categories and of single people are left out.
pub fn known_safe_sites(spec: &PolicySpec) -> Vec<String> {
    let for_staff = |rule: &&RuleSpec| {
        rule.action <= Action::Allow
            && (rule.groups.is_empty() || rule.groups.iter().any(|group| group == "staff"))
            && !rule.except.iter().any(|group| group == "staff")
    };
    let mut sites: Vec<String> = spec
        .rules
        .iter()
        .filter(for_staff)
        .flat_map(|rule| rule.sites.iter().cloned())
        .collect();
    sites.sort();
    sites.dedup();
    sites
}
