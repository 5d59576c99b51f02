//! What is decided, and why.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use pharos_catalogue::CategorySet;
use serde::{Deserialize, Serialize};

/// What happens to a request, mildest first.
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
    /// Every action, mildest first.
    pub const ALL: &'static [Action] = &[
        Action::Tunnel,
        Action::Allow,
        Action::Narrow,
        Action::Warn,
        Action::Block,
    ];

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

/// The text names no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an action: expected tunnel, allow, narrow, warn or block")]
pub struct UnknownAction(pub String);

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Action::ALL
            .iter()
            .copied()
            .find(|action| action.name() == text)
            .ok_or_else(|| UnknownAction(text.chars().take(40).collect()))
    }
}

/// Where in the published order a rule stands (FIL-06). The first layer that speaks decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// Mandatory lists of illegal material: above everything (FIL-03).
    Sealed,
    /// What the school's trust holds it to: nothing of the school's own stands above it.
    Floor,
    /// Help and reporting sites: never blocked (FIL-13).
    Help,
    /// The school's own blocks, emergency blocks and known ways round the filter among them.
    SchoolBlock,
    /// A restriction for one person.
    Personal,
    /// An approved exception, with an expiry.
    Exception,
    /// A teacher's list for a class and a time, or a session an adult has opened.
    LessonList,
    /// Categories, sites and search tools by group, hours and place.
    Group,
    /// Nothing spoke: what the group's mode or default says.
    Default,
}

impl Layer {
    /// Every layer in the published order.
    pub const ORDER: [Layer; 9] = [
        Layer::Sealed,
        Layer::Floor,
        Layer::Help,
        Layer::SchoolBlock,
        Layer::Personal,
        Layer::Exception,
        Layer::LessonList,
        Layer::Group,
        Layer::Default,
    ];

    /// The name used in logs and `explain --json`.
    pub const fn name(self) -> &'static str {
        match self {
            Layer::Sealed => "sealed",
            Layer::Floor => "floor",
            Layer::Help => "help",
            Layer::SchoolBlock => "school-block",
            Layer::Personal => "personal",
            Layer::Exception => "exception",
            Layer::LessonList => "lesson-list",
            Layer::Group => "group",
            Layer::Default => "default",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How far YouTube is restricted (SRCH-02), mildest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum YouTube {
    /// Not restricted.
    #[default]
    Off,
    /// `restrictmoderate.youtube.com`.
    Moderate,
    /// `restrict.youtube.com`.
    Strict,
}

/// How a request let through with [`Action::Narrow`] is narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Narrowing {
    /// Hold search engines to their strict filter.
    pub safe_search: bool,
    /// Hold YouTube to this level.
    pub youtube: YouTube,
}

impl Narrowing {
    /// The strictest there is: for unknown users.
    pub const STRICTEST: Self = Self {
        safe_search: true,
        youtube: YouTube::Strict,
    };

    /// The stricter of the two in each part.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self {
            safe_search: self.safe_search || other.safe_search,
            youtube: self.youtube.max(other.youtube),
        }
    }
}

/// What became of a rule that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// It decided.
    Decided,
    /// It spoke, but a rule above it or a stricter one beside it decided.
    Outranked,
    /// It names the address, but not this person, group or class.
    OtherPeople,
    /// It is for other hours.
    OtherHours,
    /// It is for other places.
    OtherPlace,
    /// It has not begun yet.
    NotYet,
    /// It has run out.
    Expired,
    /// The person's mode (adult-led) lets no such rule speak.
    OtherMode,
    /// It names a path, and this face sees only the name of the site.
    PathUnseen,
}

impl Weight {
    /// In a few words, for people.
    pub const fn says(self) -> &'static str {
        match self {
            Weight::Decided => "decided",
            Weight::Outranked => "outranked",
            Weight::OtherPeople => "for other people",
            Weight::OtherHours => "for other hours",
            Weight::OtherPlace => "for other places",
            Weight::NotYet => "not begun yet",
            Weight::Expired => "has run out",
            Weight::OtherMode => "silent in this mode",
            Weight::PathUnseen => "names a page, and only the site's name is seen",
        }
    }
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
    /// What became of it.
    pub weight: Weight,
    /// The list that held the entry, where one did.
    pub list: Option<Arc<str>>,
    /// The entry that matched (never for sealed lists).
    pub entry: Option<Arc<str>>,
    /// The category that matched.
    pub category: Option<Arc<str>>,
    /// The hours the rule was bound to, by name.
    pub hours: Option<Arc<str>>,
    /// The place the rule was bound to, by name.
    pub place: Option<Arc<str>>,
    /// The override behind it (exception, request, lesson list), by reference.
    #[serde(rename = "override")]
    pub over: Option<Arc<str>>,
    /// Who wrote it, where that is not the school: its trust, with the floor's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
}

/// The outcome, with reasons: the same for every face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What happens.
    pub action: Action,
    /// How search and video are narrowed for this person. Filled in whatever the action is: a
    /// warning that is passed still searches safely.
    pub narrowing: Narrowing,
    /// Whether the proxy may look inside the connection: false for do-not-inspect categories and
    /// sites.
    pub inspect: bool,
    /// Whether a proxy that looks into connections must look into this one: a sealed list names a
    /// page of the host (FIL-03). What it cannot look into it must not pass on.
    pub must_inspect: bool,
    /// Some rule for this site names a path, and the request showed none: a face that can see
    /// paths should look inside and ask again before it refuses or lets the whole site through.
    pub by_path: bool,
    /// The layer that decided.
    pub layer: Layer,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// Every category found for the address.
    pub categories: CategorySet,
    /// The sealed list that was hit; the address is then never shown or stored.
    pub sealed: Option<Arc<str>>,
    /// Why, the deciding reason first. Empty on the plain allow path until asked for by explain.
    pub reasons: Vec<Reason>,
}
