//! Who acts: a signed-in person with roles, or a named part of the system.

use std::collections::BTreeSet;
use std::fmt;

use pharos_school::{Person, PersonId, Role};

/// Who acts. Made by the use cases from a checked session, or by the system's own parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
    Person {
        /// The person.
        id: PersonId,
        /// The roles held now.
        roles: BTreeSet<Role>,
    },
    /// A part of the system that acts by itself: `monitor`, `jobs`, `self-check`, `operator`
    /// (a command typed on the server).
    System(&'static str),
}

impl Actor {
    /// The person, with the roles held now. A leaver holds none, so may do nothing.
    pub fn person(person: &Person) -> Self {
        let roles = if person.is_active() {
            person.roles.clone()
        } else {
            BTreeSet::new()
        };
        Self::Person {
            id: person.id,
            roles,
        }
    }

    /// A part of the system.
    pub const fn system(name: &'static str) -> Self {
        Self::System(name)
    }

    /// The person's id, when a person acts.
    pub fn id(&self) -> Option<PersonId> {
        match self {
            Self::Person { id, .. } => Some(*id),
            Self::System(_) => None,
        }
    }

    /// Whether the actor holds the role. [`Role::Staff`] is held by everyone with a staff role.
    pub fn holds(&self, role: Role) -> bool {
        match self {
            Self::Person { roles, .. } => {
                roles.contains(&role) || (role == Role::Staff && roles.iter().any(|r| r.is_staff()))
            }
            Self::System(_) => false,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { id, .. } => write!(f, "person:{id}"),
            Self::System(name) => write!(f, "system:{name}"),
        }
    }
}
