//! Who acts: a signed-in person with roles, or a named part of the system.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

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
        /// What the person is kept to, where that is not the whole school.
        within: Option<Arc<Within>>,
    },
    /// A part of the system that acts by itself: `monitor`, `jobs`, `self-check`, `operator`
    /// (a command typed on the server).
    System(&'static str),
}

/// One or several campuses that a person acts for, and nothing beyond: the parts of a school, or the
/// schools of a trust, that share one server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Within {
    /// The campuses, by name.
    pub campuses: BTreeSet<String>,
    /// Who is of them.
    pub people: BTreeSet<PersonId>,
    /// Their groups.
    pub groups: BTreeSet<String>,
    /// Their places on the network.
    pub places: BTreeSet<String>,
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
            within: None,
        }
    }

    /// The same person, kept to some campuses. A part of the system is kept to none.
    #[must_use]
    pub fn kept_to(self, within: Arc<Within>) -> Self {
        match self {
            Self::Person { id, roles, .. } => Self::Person {
                id,
                roles,
                within: Some(within),
            },
            system @ Self::System(_) => system,
        }
    }

    /// What the actor is kept to; `None`: the whole school.
    pub fn within(&self) -> Option<&Within> {
        match self {
            Self::Person { within, .. } => within.as_deref(),
            Self::System(_) => None,
        }
    }

    /// Whether a person is of what the actor is kept to. One's own things are always one's own.
    pub fn reaches(&self, person: PersonId) -> bool {
        self.within()
            .is_none_or(|within| within.people.contains(&person) || self.id() == Some(person))
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
