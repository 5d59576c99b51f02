//! What is decided, and why.

use std::fmt;
use std::sync::Arc;

use pharos_catalogue::CategorySet;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// What happens to a request, mildest first where they are comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Let through, never inspected (banking, health, counselling, pinned applications).
    Tunnel,
    /// Let through.
    Allow,
    /// Let through with safe search, restricted mode or tenant headers.
    Narrow,
    /// A page that discourages; the reader may go on, and that is logged.
    Warn,
    /// Refused with the block page.
    Block,
}

impl Action {
    /// The name used in logs, stored events and `explain --json`.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Tunnel => "tunnel",
            Action::Allow => "allow",
            Action::Narrow => "narrow",
            Action::Warn => "warn",
            Action::Block => "block",
        }
    }

    /// Whether the request goes through without a stop.
    pub const fn passes(self) -> bool {
        matches!(self, Action::Tunnel | Action::Allow | Action::Narrow)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where in the published order a rule stands (FIL-06). The first layer that speaks decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Mandatory lists of illegal material: above everything (FIL-03).
    Sealed,
    /// Help and reporting sites: never blocked (FIL-13).
    Help,
    /// The school's own blocks, emergency blocks among them.
    SchoolBlock,
    /// A restriction for one person.
    Personal,
    /// An approved exception, with an expiry.
    Exception,
    /// A teacher's list for a class and a time.
    LessonList,
    /// Categories and sites by group, hours and place.
    Group,
    /// Nothing spoke: what the group's default says.
    Default,
}

/// How far YouTube is restricted (SRCH-02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum YouTube {
    /// Not restricted.
    Off,
    /// `restrictmoderate.youtube.com`.
    Moderate,
    /// `restrict.youtube.com`.
    Strict,
}

/// How a request let through with [`Action::Narrow`] is narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Narrowing {
    /// Hold search engines to their strict filter.
    pub safe_search: bool,
    /// Hold YouTube to this level.
    pub youtube: YouTube,
}

/// One thing that spoke for or against: the winning reason comes first in a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Where in the order it stands.
    pub layer: Layer,
    /// The rule's name in the policy pack, or a built-in name such as `sealed`.
    pub rule: Arc<str>,
    /// What it asked for.
    pub action: Action,
    /// The list that held the entry, where one did.
    pub list: Option<Arc<str>>,
    /// The entry that matched (never for sealed lists).
    pub entry: Option<Box<str>>,
    /// The category that matched.
    pub category: Option<Arc<str>>,
    /// The hours the rule was bound to, by name.
    pub hours: Option<Arc<str>>,
    /// The override behind it (exception, request, lesson list), by reference.
    pub over: Option<Arc<str>>,
}

/// The outcome, with reasons: the same for every face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What happens.
    pub action: Action,
    /// How it is narrowed; meaningful with [`Action::Narrow`].
    pub narrowing: Narrowing,
    /// Whether the proxy may look inside the connection: false for do-not-inspect categories.
    pub inspect: bool,
    /// The layer that decided.
    pub layer: Layer,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// Every category found for the address.
    pub categories: CategorySet,
    /// The sealed list that was hit; the address is then never shown or stored.
    pub sealed: Option<Arc<str>>,
    /// Why, the deciding reason first. Empty on the plain allow path until asked for by explain.
    pub reasons: SmallVec<[Reason; 2]>,
}
