//! A floor, as written: what a trust of several schools holds each of them to, whatever a school's
//! own policy says.
//!
//! A floor only ever blocks and narrows, always and everywhere, so that adding one never widens what
//! anybody can reach. It speaks of whole hosts, categories and search alone: of what every face of the
//! filter can hold, the resolver too, whatever a school never looks into.

use pharos_school::YearBand;
use serde::{Deserialize, Serialize};

use crate::YouTube;

/// A whole floor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FloorSpec {
    /// Who wrote it, as shown in reasons.
    pub by: String,
    /// Its version.
    pub version: u64,
    /// Whole hosts of which the floor says nothing, so that none of its categories blocks help. It
    /// does not open them.
    pub help: Vec<String>,
    /// What is blocked.
    pub blocks: Vec<FloorBlockSpec>,
    /// How search and video are held at least.
    pub search: Vec<FloorSearchSpec>,
    /// For whom known ways round the filter are blocked, whatever the school grants.
    pub avoidance: Vec<WhomSpec>,
}

/// For whom something of a floor is: in words that mean the same in every school of a trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct WhomSpec {
    /// Built-in groups. With no groups and no years: everyone.
    pub groups: Vec<String>,
    /// Pupils in any of these year bands; a pupil whose year is not known counts as in all of them.
    pub years: Vec<YearBand>,
    /// But not those who are in any of these built-in groups.
    pub except: Vec<String>,
    /// Whether devices that the school takes for guests count as pupils here.
    pub guests: bool,
}

impl Default for WhomSpec {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            years: Vec::new(),
            except: Vec::new(),
            guests: true,
        }
    }
}

/// A block of a floor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FloorBlockSpec {
    /// The block's name: shown in decisions and logs.
    pub name: String,
    /// For whom.
    pub whom: WhomSpec,
    /// Categories, by name.
    pub categories: Vec<String>,
    /// Whole hosts, each with all below it.
    pub sites: Vec<String>,
}

/// How search and video are held at least.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FloorSearchSpec {
    /// For whom.
    pub whom: WhomSpec,
    /// Search engines are held to their strict filter, and those that cannot be held are blocked.
    pub safe_search: bool,
    /// YouTube's level at least.
    pub youtube: YouTube,
}
