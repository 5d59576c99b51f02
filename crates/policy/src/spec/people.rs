//! Groups, modes, places and unknown users, as written.

use pharos_school::{Role, YearBand};
use serde::{Deserialize, Serialize};

use super::Boarding;

/// Who belongs to a group (FIL-05). Someone belongs who is named in `usernames`, or who meets
/// every condition that is written among the others (any one value of each). A group with nothing
/// written is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GroupSpec {
    /// Any of these roles; `staff` holds for every staff role.
    pub roles: Vec<Role>,
    /// In any of these year bands.
    pub years: Vec<YearBand>,
    /// In any of these boarding houses.
    pub houses: Vec<String>,
    /// Boarders only, or day people only.
    pub boarding: Boarding,
    /// In any of these classes, by title or by the id of the school's own system.
    pub classes: Vec<String>,
    /// Named people, whatever the rest says.
    pub usernames: Vec<String>,
    /// Not those who are in any of these groups.
    pub except: Vec<String>,
}

/// How the youngest are led (`fil.phase_mode`, FIL-07), mildest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseMode {
    /// Category policy.
    #[default]
    General,
    /// The approved search tools, and links that a teacher or the school has set.
    TeacherDirected,
    /// Nothing but help, and the links of a session that an adult has opened.
    AdultLed,
}

impl PhaseMode {
    /// The name used in packs and as the rule's name in a decision.
    pub const fn name(self) -> &'static str {
        match self {
            PhaseMode::General => "general",
            PhaseMode::TeacherDirected => "teacher-directed",
            PhaseMode::AdultLed => "adult-led",
        }
    }
}

/// A mode for year bands or groups. Where several match somebody, the strictest holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ModeSpec {
    /// The mode.
    pub mode: PhaseMode,
    /// Pupils in any of these year bands …
    #[serde(default)]
    pub years: Vec<YearBand>,
    /// … and anybody in any of these groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// But not those who are in any of these groups.
    #[serde(default)]
    pub except: Vec<String>,
}

/// A place on the network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlaceSpec {
    /// Its address ranges, `10.1.0.0/16`, `2001:db8::/48` or a single address.
    pub ranges: Vec<String>,
}

/// What a device gets whose user is unknown (FIL-17). Unless something is written here: every
/// block of every group that pupils can be in, no allowance of any group, the strictest mode that
/// any phase has, the strictest search.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct UnknownSpec {
    /// A milder mode than the strictest of the phases; a decision of the school's leadership.
    pub mode: Option<PhaseMode>,
    /// Places where unknown devices are guests.
    pub guests: Vec<GuestSpec>,
}

/// Unknown devices in these places count as members of these groups, and of no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GuestSpec {
    /// The places.
    pub places: Vec<String>,
    /// The groups.
    pub groups: Vec<String>,
}
