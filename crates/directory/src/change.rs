//! What an incoming roll would change: who joins, who changes, who leaves (ACC-10).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use pharos_school::{Class, ClassId, Person, PersonId, Role, Standing};
use uuid::Uuid;

use crate::incoming::{Incoming, IncomingPerson, Mode};
use crate::problem::quoted;
use crate::resolve::{self, Known};
use crate::{FileSet, Limits, Problems, Progress};

/// Everyone and every class Pharos knows, leavers among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roll {
    /// People, in no particular order.
    pub people: Vec<Person>,
    /// Classes.
    pub classes: Vec<Class>,
}

/// A person before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// As on the roll now.
    pub before: Person,
    /// As the import would have it.
    pub after: Person,
}

/// Why an import waits for a person's approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A bulk roll would mark more than half of those on the roll as leavers.
    MoreThanHalfLeave {
        /// How many would leave.
        leaving: usize,
        /// How many are on the roll now.
        on_roll: usize,
    },
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Hold::MoreThanHalfLeave { leaving, on_roll } = self;
        write!(
            f,
            "{leaving} of the {on_roll} people on the roll are missing from this file and would be marked as leavers: \
             check that the file is whole, then approve the import"
        )
    }
}

/// The difference an import makes. Nothing is deleted: leavers are marked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RollChange {
    /// New people, with new ids.
    pub joined: Vec<Person>,
    /// People whose facts differ, those who come back among them.
    pub changed: Vec<Changed>,
    /// People as leavers: [`Standing::Left`] with the day of the import.
    pub left: Vec<Person>,
    /// How many people stay as they are.
    pub unchanged: usize,
    /// New and changed classes, as they would be.
    pub classes: Vec<Class>,
    /// Classes that are no more.
    pub classes_gone: Vec<ClassId>,
    /// Why this waits for approval; empty when it may be applied at once.
    pub holds: Vec<Hold>,
    /// Who would gain a role that opens cases or settings; shown in the preview.
    pub new_powers: Vec<PersonId>,
}

impl RollChange {
    /// Whether the import changes nothing.
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty()
            && self.changed.is_empty()
            && self.left.is_empty()
            && self.classes.is_empty()
            && self.classes_gone.is_empty()
    }

    /// One sentence for the log and the preview page; no names.
    pub fn summary(&self) -> String {
        format!(
            "{} joined, {} changed, {} left, {} unchanged; {} classes new or changed, {} gone",
            self.joined.len(),
            self.changed.len(),
            self.left.len(),
            self.unchanged,
            self.classes.len(),
            self.classes_gone.len()
        )
    }

    /// The roll after the change.
    pub fn applied_to(&self, current: &Roll) -> Roll {
        let mut people: BTreeMap<PersonId, Person> =
            current.people.iter().map(|p| (p.id, p.clone())).collect();
        let after = self
            .joined
            .iter()
            .chain(&self.left)
            .chain(self.changed.iter().map(|c| &c.after));
        people.extend(after.map(|person| (person.id, person.clone())));
        let mut classes: BTreeMap<ClassId, Class> =
            current.classes.iter().map(|c| (c.id, c.clone())).collect();
        classes.extend(self.classes.iter().map(|class| (class.id, class.clone())));
        classes.retain(|id, _| !self.classes_gone.contains(id));
        Roll {
            people: people.into_values().collect(),
            classes: classes.into_values().collect(),
        }
    }
}

/// People whose source id begins so were entered by hand; a bulk import never marks them as leavers.
pub const LOCAL_PREFIX: &str = "local:";

/// Reads and compares in one step, so that every problem is reported in one go.
///
/// # Errors
/// All problems, sorted by file and line; nothing is to be applied then.
pub fn preview(
    current: &Roll,
    files: &FileSet,
    limits: &Limits,
    today: Date,
    new_id: &mut dyn FnMut() -> Uuid,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<RollChange, Problems> {
    let parsed = crate::parse(files, limits, progress);
    let rows = (parsed.incoming.people.len() + parsed.incoming.roles.len()) as u64;
    let bytes = files.total_bytes();
    progress(Progress {
        stage: "matching",
        rows,
        bytes,
        bytes_total: bytes,
    });
    let mut problems = parsed.problems;
    match diff(current, &parsed.incoming, today, new_id) {
        Ok(change) if problems.is_empty() => Ok(change),
        Ok(_) => {
            problems.sort();
            Err(problems)
        }
        // A file that could not be read makes references dangle: report those only when all was read.
        Err(later) if problems.is_empty() => {
            problems.append(later);
            Err(problems)
        }
        Err(later) => {
            if problems.iter().all(|problem| problem.line > 1) {
                problems.append(later);
            }
            problems.sort();
            Err(problems)
        }
    }
}

/// Compares an incoming roll with the present one. Ids stay the same by source id; new ones come
/// from `new_id`. Dated roles and enrolments count only while in force on `today`.
///
/// # Errors
/// References that lead nowhere, usernames used twice, people without any role: all in one go.
pub fn diff(
    current: &Roll,
    incoming: &Incoming,
    today: Date,
    new_id: &mut dyn FnMut() -> Uuid,
) -> Result<RollChange, Problems> {
    let mut problems = Problems::new();
    let mut change = RollChange::default();
    let before: BTreeMap<PersonId, &Person> = current
        .people
        .iter()
        .map(|person| (person.id, person))
        .collect();
    let mut ids: BTreeMap<String, PersonId> = current
        .people
        .iter()
        .map(|p| (p.source_id.clone(), p.id))
        .collect();
    let mut after: BTreeMap<PersonId, Person> =
        current.people.iter().map(|p| (p.id, p.clone())).collect();

    let (class_ids, forms) = match_classes(current, incoming, new_id, &mut change);
    for (source, row) in &incoming.people {
        let id = *ids
            .entry(source.clone())
            .or_insert_with(|| PersonId::from_uuid(new_id()));
        let person = after.entry(id).or_insert_with(|| blank(id, source));
        write_over(person, row, incoming, today);
    }
    if incoming.mode == Mode::Bulk {
        leave_missing(incoming, today, &mut after);
    }
    let gone: BTreeSet<ClassId> = change.classes_gone.iter().copied().collect();
    for person in after.values_mut() {
        person.classes.retain(|class| !gone.contains(class));
    }
    let known = Known {
        people: &ids,
        classes: &class_ids,
    };
    resolve::roles(incoming, today, &known, &mut after, &mut problems);
    if let Some(rows) = &incoming.enrolments {
        resolve::enrolments(rows, today, &known, &forms, &mut after, &mut problems);
    }
    resolve::guardians(incoming, &known, &mut after, &mut problems);
    check_people(incoming, &ids, &after, &mut problems);
    if !problems.is_empty() {
        problems.sort();
        return Err(problems);
    }
    sort_out(&before, after, &mut change);
    hold_if_half_leaves(current, incoming.mode, &mut change);
    Ok(change)
}

fn blank(id: PersonId, source: &str) -> Person {
    Person {
        id,
        source_id: source.to_owned(),
        username: String::new(),
        given_name: String::new(),
        family_name: String::new(),
        email: None,
        roles: BTreeSet::new(),
        year: None,
        house: None,
        classes: BTreeSet::new(),
        guardians: BTreeSet::new(),
        standing: Standing::Active,
    }
}

/// Takes over a user row. In a bulk import roles and classes start empty and are filled from
/// their own files; in a delta they stay until those files change them.
fn write_over(person: &mut Person, row: &IncomingPerson, incoming: &Incoming, today: Date) {
    person.username.clone_from(&row.username);
    person.given_name.clone_from(&row.given_name);
    person.family_name.clone_from(&row.family_name);
    person.email.clone_from(&row.email);
    person.year = row.year;
    if let Some(house) = &row.house {
        person.house.clone_from(house);
    }
    if incoming.mode == Mode::Bulk {
        let tutor_stays = incoming.enrolments.is_none() && person.roles.contains(&Role::Tutor);
        person.roles.clear();
        if tutor_stays {
            person.roles.insert(Role::Tutor);
        }
        if incoming.enrolments.is_some() {
            person.classes.clear();
        }
    }
    person.roles.extend(&row.roles);
    person.standing = match (row.on_roll, person.standing) {
        (true, _) => Standing::Active,
        (false, Standing::Left(day)) => Standing::Left(day),
        (false, Standing::Active) => Standing::Left(today),
    };
}

fn leave_missing(incoming: &Incoming, today: Date, after: &mut BTreeMap<PersonId, Person>) {
    for person in after.values_mut() {
        let stays = incoming.people.contains_key(&person.source_id)
            || person.source_id.starts_with(LOCAL_PREFIX);
        if !stays && person.is_active() {
            person.standing = Standing::Left(today);
        }
    }
}

/// Class ids by source id, and which classes are forms after the change.
fn match_classes(
    current: &Roll,
    incoming: &Incoming,
    new_id: &mut dyn FnMut() -> Uuid,
    change: &mut RollChange,
) -> (BTreeMap<String, ClassId>, BTreeSet<ClassId>) {
    let mut after: BTreeMap<String, Class> = current
        .classes
        .iter()
        .map(|c| (c.source_id.clone(), c.clone()))
        .collect();
    if let Some(rows) = &incoming.classes {
        if incoming.mode == Mode::Bulk {
            let missing = after
                .values()
                .filter(|class| !rows.contains_key(&class.source_id));
            change.classes_gone.extend(missing.map(|class| class.id));
            after.retain(|source, _| rows.contains_key(source));
        }
        for (source, row) in rows {
            if row.removed {
                change
                    .classes_gone
                    .extend(after.remove(source).map(|class| class.id));
                continue;
            }
            let id = after
                .get(source)
                .map_or_else(|| ClassId::from_uuid(new_id()), |class| class.id);
            let class = Class {
                id,
                source_id: source.clone(),
                title: row.title.clone(),
                year: row.year,
                is_form: row.is_form,
            };
            if after.get(source) != Some(&class) {
                change.classes.push(class.clone());
                after.insert(source.clone(), class);
            }
        }
    }
    let forms = after
        .values()
        .filter(|class| class.is_form)
        .map(|class| class.id)
        .collect();
    (
        after
            .into_iter()
            .map(|(source, class)| (source, class.id))
            .collect(),
        forms,
    )
}

/// Everyone on the roll has a role, and no two people on the roll share a username.
fn check_people(
    incoming: &Incoming,
    ids: &BTreeMap<String, PersonId>,
    after: &BTreeMap<PersonId, Person>,
    problems: &mut Problems,
) {
    let mut by_username: BTreeMap<&str, &Person> = BTreeMap::new();
    let mut doubled: BTreeSet<PersonId> = BTreeSet::new();
    for person in after
        .values()
        .filter(|person| person.is_active() && !person.username.is_empty())
    {
        if let Some(first) = by_username.insert(&person.username, person) {
            doubled.extend([first.id, person.id]);
        }
    }
    for (source, row) in &incoming.people {
        let Some(person) = ids.get(source).and_then(|id| after.get(id)) else {
            continue;
        };
        if doubled.contains(&person.id) {
            problems.push(
                &row.origin.file,
                row.origin.line,
                "username",
                format!(
                    "the username {} is held by two people: each needs their own",
                    quoted(&row.username)
                ),
            );
        }
        if person.is_active() && person.roles.is_empty() {
            problems.push(
                &row.origin.file,
                row.origin.line,
                "",
                "this person has no role that is in force: add a row to roles.csv, or a role",
            );
        }
    }
}

fn sort_out(
    before: &BTreeMap<PersonId, &Person>,
    after: BTreeMap<PersonId, Person>,
    change: &mut RollChange,
) {
    for (id, person) in after {
        let old = before.get(&id).copied();
        let gained = person
            .roles
            .iter()
            .any(|role| role.needs_second_factor() && !old.is_some_and(|old| old.is(*role)));
        if gained && person.is_active() {
            change.new_powers.push(id);
        }
        match old {
            None => change.joined.push(person),
            Some(old) if *old == person => change.unchanged += 1,
            Some(old) if old.is_active() && !person.is_active() => change.left.push(person),
            Some(old) => change.changed.push(Changed {
                before: old.clone(),
                after: person,
            }),
        }
    }
}

fn hold_if_half_leaves(current: &Roll, mode: Mode, change: &mut RollChange) {
    let on_roll = current
        .people
        .iter()
        .filter(|person| person.is_active())
        .count();
    let leaving = change.left.len();
    if mode == Mode::Bulk && leaving * 2 > on_roll {
        change
            .holds
            .push(Hold::MoreThanHalfLeave { leaving, on_roll });
    }
}
