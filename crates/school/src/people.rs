//! People and the roles they hold.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{ClassId, PersonId, YearGroup};

macro_rules! roles {
    ($($(#[$doc:meta])* $variant:ident => $name:literal),+ $(,)?) => {
        /// What a person is to the school. Rights come only from roles (ROLE-02); one person may
        /// hold several.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Role {
            $($(#[$doc])* $variant,)+
        }

        impl Role {
            /// Every role, in the order of the table in the manual.
            pub const ALL: &'static [Role] = &[$(Role::$variant,)+];

            /// The name used in packs, roll files and the database.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Role::$variant => $name,)+
                }
            }
        }
    };
}

roles! {
    /// A pupil or learner.
    Pupil => "pupil",
    /// A parent, carer or guardian.
    Parent => "parent",
    /// Any member of staff (every staff role below is also staff).
    Staff => "staff",
    /// A class or subject teacher.
    Teacher => "teacher",
    /// A form teacher or tutor: first listener for the pupils of one form.
    Tutor => "tutor",
    /// A housemaster, housemistress or other boarding staff.
    HouseStaff => "house-staff",
    /// Office and administration.
    Office => "office",
    /// The designated safeguarding lead.
    Lead => "lead",
    /// A deputy safeguarding lead.
    Deputy => "deputy",
    /// The online safety lead, where that is not the safeguarding lead.
    OnlineLead => "online-lead",
    /// The head, headmaster, headteacher or head of school.
    Head => "head",
    /// The senior team including the head.
    Leadership => "leadership",
    /// The technical team: IT manager, technicians, outside contractor.
    Technical => "technical",
    /// A governor.
    Governor => "governor",
    /// The chair of governors.
    Chair => "chair",
    /// A visitor or guest.
    Visitor => "visitor",
}

impl Role {
    /// Whether holding this role makes someone a member of staff.
    pub const fn is_staff(self) -> bool {
        !matches!(
            self,
            Role::Pupil | Role::Parent | Role::Governor | Role::Chair | Role::Visitor
        )
    }

    /// Whether sign-in must ask for a second factor (ACC-11).
    pub const fn needs_second_factor(self) -> bool {
        matches!(
            self,
            Role::Lead
                | Role::Deputy
                | Role::OnlineLead
                | Role::Head
                | Role::Technical
                | Role::Chair
        )
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Role::ALL
            .iter()
            .copied()
            .find(|role| role.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownRole(text.chars().take(40).collect()))
    }
}

/// Whether somebody is on the roll today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// On the roll.
    Active,
    /// Marked as a leaver on this date; kept for records, no longer able to sign in.
    Left(Date),
}

/// A person the school knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Pharos's own id, stable across imports.
    pub id: PersonId,
    /// The id in the school's own system (OneRoster `sourcedId`), the key for re-import.
    pub source_id: String,
    /// Sign-in name, lower case, unique among the living roll.
    pub username: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// School e-mail address, where there is one. Sealed at rest.
    pub email: Option<String>,
    /// Every role held.
    pub roles: BTreeSet<Role>,
    /// Year group, for pupils.
    pub year: Option<YearGroup>,
    /// Boarding house, for boarders; `None` for day pupils and everyone else.
    pub house: Option<String>,
    /// Classes taught or attended.
    pub classes: BTreeSet<ClassId>,
    /// For pupils: the parents and guardians linked to them.
    pub guardians: BTreeSet<PersonId>,
    /// On the roll or left.
    pub standing: Standing,
}

impl Person {
    /// `Given Family`, as shown on pages.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// Whether the person holds the role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether any role held is a staff role.
    pub fn is_staff(&self) -> bool {
        self.roles.iter().any(|role| role.is_staff())
    }

    /// Whether the person is on the roll.
    pub fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }
}

/// A class, form or teaching group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Pharos's own id.
    pub id: ClassId,
    /// The id in the school's own system.
    pub source_id: String,
    /// Title as staff know it, such as `8B Science`.
    pub title: String,
    /// Year group, where the class belongs to one.
    pub year: Option<YearGroup>,
    /// Whether this is a registration form (homeroom) rather than a subject class.
    pub is_form: bool,
}
