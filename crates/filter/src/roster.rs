//! The roll as the filter needs it: no names of people beyond the sign-in name.

use std::collections::HashMap;
use std::sync::Arc;

use pharos_policy::Member;
use pharos_school::{Class, Person, PersonId};

/// Everybody on the roll, by id and by sign-in name. Leavers are left out.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    members: HashMap<PersonId, Arc<Member>>,
    by_username: HashMap<Box<str>, PersonId>,
}

impl Roster {
    /// The roll from people and classes. Of two with one sign-in name the later counts.
    pub fn new<'a>(
        people: impl IntoIterator<Item = &'a Person>,
        classes: impl IntoIterator<Item = &'a Class>,
    ) -> Self {
        let classes: HashMap<_, _> = classes.into_iter().map(|class| (class.id, class)).collect();
        let mut roster = Self::default();
        for person in people.into_iter().filter(|person| person.is_active()) {
            let titles = person
                .classes
                .iter()
                .filter_map(|id| classes.get(id).copied());
            roster.add(Member::of(person, titles));
        }
        roster
    }

    /// Adds or replaces one member.
    pub fn add(&mut self, member: Member) {
        self.by_username
            .insert(member.username.as_ref().into(), member.person);
        self.members.insert(member.person, Arc::new(member));
    }

    /// The member with this id.
    pub fn get(&self, person: PersonId) -> Option<&Arc<Member>> {
        self.members.get(&person)
    }

    /// The member with this sign-in name; case does not matter.
    pub fn by_username(&self, username: &str) -> Option<&Arc<Member>> {
        let lower = username.trim().to_lowercase();
        self.by_username
            .get(lower.as_str())
            .and_then(|person| self.get(*person))
    }

    /// Everybody, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.members.values()
    }

    /// How many are on the roll.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is on the roll.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
