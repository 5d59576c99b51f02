//! A decision in the shape that `explain --json` prints and the explain page shows.

use std::sync::Arc;

use pharos_policy::spec::DeviceClass;
use pharos_policy::{Action, Decision, Layer, Narrowing, Reason};
use pharos_scan::OwnPart;
use pharos_school::Who;
use serde::Serialize;

use crate::{Query, Snapshot};

/// A decision with everything that was considered (FIL-06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `allow`, `block`, `narrow`, `warn` or `tunnel`.
    pub action: Action,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// The layer of the published order it stands in.
    pub layer: Layer,
    /// The categories of the address, by name. Empty for a sealed hit.
    pub categories: Arc<[Arc<str>]>,
    /// Every rule considered, the winning one first.
    pub reasons: Vec<Reason>,
    /// How search and video are narrowed.
    pub narrowing: Narrowing,
    /// Whether the proxy may look inside.
    pub inspect: bool,
    /// How the text of what they read there is judged; `None` where it is not read for them.
    pub page_text: Option<TextExplained>,
    /// The sign-in name; `None` where nobody is named.
    pub user: Option<Arc<str>>,
    /// How the user is known and how surely, or why not.
    pub identity: Identity,
    /// The class of devices that the school leaves out (`fil.scope`), where the device is of one: then
    /// what holds for an unknown user holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<DeviceClass>,
    /// The policy's version.
    pub policy_version: u64,
    /// The catalogue's version.
    pub catalogue_version: u64,
    /// Each list with its version.
    pub list_versions: Vec<ListVersion>,
}

/// How page text is judged for somebody (FIL-02).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextExplained {
    /// Whose thresholds hold: `early`, `prep`, `secondary`, `sixth` or `adult`.
    pub band: &'static str,
    /// The school's own dictionaries that are in force beside the shipped ones, by file.
    pub own_dictionaries: Vec<Arc<str>>,
    /// How many words were read of the text that was given; `None` where none was.
    pub words: Option<u32>,
    /// The categories whose threshold that text reaches, the highest score first.
    pub over: Vec<TextOver>,
}

/// A category that a text is over in, and whose words made it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextOver {
    /// The category.
    pub category: Arc<str>,
    /// The text's score.
    pub score: i32,
    /// The threshold it reaches.
    pub threshold: i32,
    /// What the school's own dictionaries added.
    pub own: Vec<OwnPart>,
    /// Whether it would be over by the shipped dictionaries alone.
    pub without_own: bool,
}

/// How a user is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// `proxy-sign-in`, `sign-in-page`, `address-map` or `stated`; `None` for unknown users.
    pub source: Option<&'static str>,
    /// `certain`, `likely` or `none`.
    pub confidence: &'static str,
    /// Why nobody is named: `no-sign-in`, `expired`, `not-on-roll`, `shared-device`.
    pub unknown_because: Option<&'static str>,
    /// The device's label.
    pub device: Option<Arc<str>>,
}

/// A list and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListVersion {
    /// The list's name.
    pub list: Arc<str>,
    /// Its version.
    pub version: u64,
}

impl Identity {
    /// The identity in words for machines.
    pub fn of(who: &Who) -> Self {
        match who {
            Who::Known {
                source,
                confidence,
                device,
                ..
            } => Self {
                source: Some(source.name()),
                confidence: confidence.name(),
                unknown_because: None,
                device: device.clone(),
            },
            Who::Unknown { why, device } => Self {
                source: None,
                confidence: pharos_school::Confidence::None.name(),
                unknown_because: Some(why.name()),
                device: device.clone(),
            },
        }
    }
}

impl Explanation {
    pub(crate) fn new(snapshot: &Snapshot, query: &Query<'_>, decision: Decision) -> Self {
        let who = snapshot.check_roll(query.who.clone());
        let versions = snapshot.versions();
        Self {
            action: decision.action,
            rule: decision.rule,
            layer: decision.layer,
            categories: snapshot.category_names(decision.categories),
            reasons: decision.reasons,
            narrowing: decision.narrowing,
            inspect: decision.inspect,
            page_text: None,
            user: snapshot
                .member(&who)
                .map(|member| Arc::clone(&member.username)),
            identity: Identity::of(&who),
            left_out: snapshot.left_out(&who, query.from),
            policy_version: versions.policy,
            catalogue_version: versions.catalogue,
            list_versions: versions
                .lists
                .iter()
                .map(|(list, version)| ListVersion {
                    list: Arc::clone(list),
                    version: *version,
                })
                .collect(),
        }
    }
}
