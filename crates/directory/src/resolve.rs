//! Cross-references of an incoming roll: who has which role, class and guardian on a given day,
//! and which references lead nowhere.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use pharos_school::{ClassId, Person, PersonId, Role};

use crate::incoming::{Incoming, IncomingEnrolment, Origin};
use crate::problem::quoted;
use crate::{Mode, Problems};

/// Ids by source id, present and incoming together.
pub(crate) struct Known<'a> {
    pub(crate) people: &'a BTreeMap<String, PersonId>,
    pub(crate) classes: &'a BTreeMap<String, ClassId>,
}

fn in_force(begins: Option<Date>, ends: Option<Date>, today: Date) -> bool {
    begins.is_none_or(|day| day <= today) && ends.is_none_or(|day| today <= day)
}

fn nowhere(origin: &Origin, column: &str, id: &str, what: &str, problems: &mut Problems) {
    problems.push(
        &origin.file,
        origin.line,
        column,
        format!("{} is the id of no {what}, neither in this import nor on the roll: correct it or add the {what}", quoted(id)),
    );
}

/// Sets each person's roles from the role rows, and tutors and teachers from enrolments.
pub(crate) fn roles(
    incoming: &Incoming,
    today: Date,
    known: &Known<'_>,
    people: &mut BTreeMap<PersonId, Person>,
    problems: &mut Problems,
) {
    for row in &incoming.roles {
        let Some(id) = known.people.get(&row.user) else {
            nowhere(&row.origin, "userSourcedId", &row.user, "user", problems);
            continue;
        };
        let Some(person) = people.get_mut(id) else {
            continue;
        };
        if row.removed {
            row.roles
                .iter()
                .filter(|role| **role != Role::Staff)
                .for_each(|role| {
                    person.roles.remove(role);
                });
            if !person
                .roles
                .iter()
                .any(|role| *role != Role::Staff && role.is_staff())
            {
                person.roles.remove(&Role::Staff);
            }
        } else if in_force(row.begins, row.ends, today) {
            person.roles.extend(row.roles);
        }
    }
}

/// Adds and removes classes; a teacher of a form becomes its tutor.
pub(crate) fn enrolments(
    rows: &[IncomingEnrolment],
    today: Date,
    known: &Known<'_>,
    forms: &BTreeSet<ClassId>,
    people: &mut BTreeMap<PersonId, Person>,
    problems: &mut Problems,
) {
    for row in rows {
        let class = known.classes.get(&row.class);
        if class.is_none() {
            nowhere(&row.origin, "classSourcedId", &row.class, "class", problems);
        }
        let person = known.people.get(&row.user);
        if person.is_none() {
            nowhere(&row.origin, "userSourcedId", &row.user, "user", problems);
        }
        let (Some(class), Some(person)) = (class, person.and_then(|id| people.get_mut(id))) else {
            continue;
        };
        if row.removed {
            person.classes.remove(class);
        } else if in_force(row.begins, row.ends, today) {
            person.classes.insert(*class);
        }
        if row.teaches && forms.contains(class) {
            set_tutor(person, forms);
        }
    }
}

fn set_tutor(person: &mut Person, forms: &BTreeSet<ClassId>) {
    if person.classes.is_disjoint(forms) {
        person.roles.remove(&Role::Tutor);
    } else {
        person.roles.extend([Role::Tutor, Role::Staff]);
    }
}

/// Links guardians to pupils. Schools state the link in either row, so both directions count:
/// the pupil's row naming adults, or the adult's row naming pupils.
pub(crate) fn guardians(
    incoming: &Incoming,
    known: &Known<'_>,
    people: &mut BTreeMap<PersonId, Person>,
    problems: &mut Problems,
) {
    let mut links: BTreeMap<PersonId, BTreeSet<PersonId>> = BTreeMap::new();
    let mut stated: BTreeSet<PersonId> = BTreeSet::new();
    for (source, row) in &incoming.people {
        let Some(own) = known.people.get(source) else {
            continue;
        };
        let own_is_pupil = people.get(own).is_some_and(|person| person.is(Role::Pupil));
        if own_is_pupil {
            stated.insert(*own);
        }
        for agent in &row.agents {
            let Some(other) = known.people.get(agent) else {
                nowhere(&row.origin, "guardians", agent, "user", problems);
                continue;
            };
            let other_is_pupil = people
                .get(other)
                .is_some_and(|person| person.is(Role::Pupil));
            match (own_is_pupil, other_is_pupil) {
                (true, false) => links.entry(*own).or_default().insert(*other),
                (false, true) => links.entry(*other).or_default().insert(*own),
                _ => {
                    problems.push(&row.origin.file, row.origin.line, "guardians", format!(
                        "{} cannot be linked here: a guardian link joins one pupil and one adult; correct the id or the roles",
                        quoted(agent)
                    ));
                    false
                }
            };
        }
    }
    for pupil in &stated {
        let found = links.remove(pupil).unwrap_or_default();
        if let Some(person) = people.get_mut(pupil) {
            person.guardians = match incoming.mode {
                Mode::Bulk => found,
                // A changed pupil's row may leave out a link that the parent's unchanged row states.
                Mode::Delta if found.is_empty() => person.guardians.clone(),
                Mode::Delta => found,
            };
        }
    }
    for (pupil, found) in links {
        if let Some(person) = people.get_mut(&pupil) {
            person.guardians.extend(found);
        }
    }
}
