//! A roll as read from files: people and classes by the ids of the school's own system, before
//! they are matched with those Pharos already knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use pharos_school::{Role, YearGroup};

use crate::Problems;

/// Whether the files hold the whole roll or only what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The whole roll: whoever is missing has left.
    #[default]
    Bulk,
    /// Changes only: whoever is missing stays as they are.
    Delta,
}

/// Where a record stood, for messages made after reading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// File name.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u64,
}

/// A user row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncomingPerson {
    /// Where it stood.
    pub origin: Origin,
    /// Lower-case sign-in name.
    pub username: String,
    /// Given name; the preferred one where the file has it.
    pub given_name: String,
    /// Family name; the preferred one where the file has it.
    pub family_name: String,
    /// School e-mail address.
    pub email: Option<String>,
    /// Year group.
    pub year: Option<YearGroup>,
    /// Boarding house; `None` where the file has no such column, `Some(None)` for day pupils.
    pub house: Option<Option<String>>,
    /// Source ids of linked people: guardians of a pupil, or pupils of a guardian.
    pub agents: BTreeSet<String>,
    /// Roles stated in the person's own row.
    pub roles: BTreeSet<Role>,
    /// False for a disabled account or a row to be deleted: the person has left.
    pub on_roll: bool,
}

/// A role row: these roles, for this user, from and to these days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingRole {
    /// Where it stood.
    pub origin: Origin,
    /// Source id of the user.
    pub user: String,
    /// The roles it gives.
    pub roles: &'static [Role],
    /// First day, if limited.
    pub begins: Option<Date>,
    /// Last day, if limited.
    pub ends: Option<Date>,
    /// A delta row that takes the role away.
    pub removed: bool,
}

/// A class row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingClass {
    /// Where it stood.
    pub origin: Origin,
    /// Title.
    pub title: String,
    /// Year group, where one grade is given.
    pub year: Option<YearGroup>,
    /// Registration form.
    pub is_form: bool,
    /// A delta row that removes the class.
    pub removed: bool,
}

/// An enrolment row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingEnrolment {
    /// Where it stood.
    pub origin: Origin,
    /// Source id of the class.
    pub class: String,
    /// Source id of the user.
    pub user: String,
    /// Whether the user teaches the class.
    pub teaches: bool,
    /// First day, if limited.
    pub begins: Option<Date>,
    /// Last day, if limited.
    pub ends: Option<Date>,
    /// A delta row that ends the enrolment.
    pub removed: bool,
}

/// A roll as read, keyed by source id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Incoming {
    /// Whole roll or changes.
    pub mode: Mode,
    /// People by source id.
    pub people: BTreeMap<String, IncomingPerson>,
    /// Role rows, in file order.
    pub roles: Vec<IncomingRole>,
    /// Classes by source id; `None` where the set has no classes file: classes then stay as they are.
    pub classes: Option<BTreeMap<String, IncomingClass>>,
    /// Enrolments, in file order; `None` where the set has no such file.
    pub enrolments: Option<Vec<IncomingEnrolment>>,
}

/// What [`crate::parse`] could read and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// What could be read. To be applied only when `problems` is empty.
    pub incoming: Incoming,
    /// Everything that is wrong.
    pub problems: Problems,
}
