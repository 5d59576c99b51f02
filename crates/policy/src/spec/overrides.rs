//! What changes from hour to hour: kept by the server, part of the same immutable policy value,
//! rebuilt when one is made or closed. Beginning and end are checked at every decision.

use jiff::Timestamp;
use pharos_school::{ClassId, PersonId};
use serde::{Deserialize, Serialize};

/// All overrides in force or still to come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Overrides {
    /// Blocks made in a hurry.
    pub emergency: Vec<EmergencySpec>,
    /// Restrictions for single people.
    pub personal: Vec<PersonalSpec>,
    /// Approved exceptions.
    pub exceptions: Vec<ExceptionSpec>,
    /// Lesson lists and adult sessions.
    pub lessons: Vec<LessonSpec>,
    /// Hosts that are not looked into for a time.
    pub uninspected: Vec<UninspectedSpec>,
    /// People over the day's cap of mail; worked out by the server, never written by hand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldSpec>,
}

/// People who have used the day's minutes of mail up, and are held from it until the next day (FIL-10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HeldSpec {
    /// The people.
    pub people: Vec<PersonId>,
    /// Sites of mail.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Categories of mail.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Named hours in which mail is work.
    #[serde(default)]
    pub except_hours: Vec<String>,
    /// The next day.
    pub until: Timestamp,
}

/// Hosts that the proxy does not look into for a time: an application that trusts one certificate
/// only, a server that asks for the client's. Nothing is opened by it: names are decided as ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UninspectedSpec {
    /// The reference people can look it up by.
    pub reference: String,
    /// Whole hosts, each with all hosts below it.
    pub leave_alone: Vec<String>,
    /// When it runs out.
    pub until: Timestamp,
}

/// A block made in a hurry. It stands in the school-block layer. With no groups and no places: for
/// everyone; else for whoever is in any of the groups, and for everything in any of the places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EmergencySpec {
    /// The reference people can look it up by.
    pub reference: String,
    /// Sites.
    pub sites: Vec<String>,
    /// Groups it is for, anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Places it is for, whoever asks there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// What people called the campuses that these are, when it was made. Only told, never decided by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campuses: Vec<String>,
    /// When it runs out; `None`: until it is taken away.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// A restriction for single people, such as by the safeguarding lead (FIL-05).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PersonalSpec {
    /// The reference people can look it up by.
    pub reference: String,
    /// For whom.
    pub people: Vec<PersonId>,
    /// Blocked sites.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Blocked categories.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Block everything but help.
    #[serde(default)]
    pub everything: bool,
    /// Only during any of these hours. Empty: always.
    #[serde(default)]
    pub hours: Vec<String>,
    /// When it runs out; `None`: until it is taken away.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// An approved exception: always with an end and a reference to its approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExceptionSpec {
    /// The request or approval behind it.
    pub reference: String,
    /// Groups it is for.
    #[serde(default)]
    pub groups: Vec<String>,
    /// People it is for. With no groups, classes and people: for everyone.
    #[serde(default)]
    pub people: Vec<PersonId>,
    /// Classes it is for.
    #[serde(default)]
    pub classes: Vec<ClassId>,
    /// Opened sites.
    #[serde(default)]
    pub sites: Vec<String>,
    /// Opened categories.
    #[serde(default)]
    pub categories: Vec<String>,
    /// When it begins; `None`: at once.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// When it runs out.
    pub until: Timestamp,
}

/// What a lesson list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LessonKind {
    /// Links a teacher has set (FIL-08).
    #[default]
    Links,
    /// A supervised session that an adult has opened: the only thing that opens anything in
    /// adult-led mode (FIL-07).
    AdultSession,
}

/// A teacher's list for classes or people and a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LessonSpec {
    /// The reference people can look it up by.
    pub reference: String,
    /// What it is.
    #[serde(default)]
    pub kind: LessonKind,
    /// For these classes …
    #[serde(default)]
    pub classes: Vec<ClassId>,
    /// … and these people.
    #[serde(default)]
    pub people: Vec<PersonId>,
    /// Opened sites.
    pub sites: Vec<String>,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends, not included. Closing a session sets this to now.
    pub until: Timestamp,
}
