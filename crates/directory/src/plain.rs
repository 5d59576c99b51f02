//! The plain CSV format, for schools whose system cannot export OneRoster. Always a whole roll.
//!
//! One file, UTF-8, commas, this header (order free, names in any case; `*` must be there):
//!
//! | column | holds |
//! | --- | --- |
//! | `username*` | sign-in name; the key for re-import unless `id` is given |
//! | `given_name*`, `family_name*` | the name shown |
//! | `roles*` | role names such as `pupil`, `teacher;tutor`, `parent`; see [`pharos_school::Role`] |
//! | `id` | id in the school's own system; keeps a person the same when the username changes |
//! | `year` | `N`, `R`, `1` … `13`, for pupils |
//! | `form` | form title such as `8B`: pupils belong to it, teachers become its tutor |
//! | `house` | boarding house, for boarders and house staff |
//! | `email` | school e-mail address |
//! | `guardians` | usernames (or ids) of a pupil's parents and guardians |
//! | `classes` | titles of other classes taught or attended |
//!
//! Lists inside a field are separated by semicolons.

use std::collections::BTreeMap;

use pharos_school::Role;

use crate::oneroster::{email, school_roles};
use crate::problem::quoted;
use crate::sheet::{Column, Header, Reading, Row, read_rows, split_list};
use crate::{FileSet, Incoming, IncomingClass, IncomingEnrolment, IncomingPerson, Mode, Problems};

/// The header in its usual order, for a template file.
pub const HEADER: &str =
    "username,given_name,family_name,roles,year,form,house,email,guardians,classes,id";

/// Most classes one person may name.
const CLASSES_MAX: usize = 100;

struct Columns {
    id: Column,
    username: Column,
    given: Column,
    family: Column,
    roles: Column,
    year: Column,
    form: Column,
    house: Column,
    email: Column,
    guardians: Column,
    classes: Column,
}

impl Columns {
    fn find(header: &Header<'_>, problems: &mut Problems) -> Self {
        Self {
            id: header.optional("id"),
            username: header.required("username", problems),
            given: header.required("given_name", problems),
            family: header.required("family_name", problems),
            roles: header.required("roles", problems),
            year: header.optional("year"),
            form: header.optional("form"),
            house: header.optional("house"),
            email: header.optional("email"),
            guardians: header.optional("guardians"),
            classes: header.optional("classes"),
        }
    }
}

pub(crate) fn read_only_file(
    files: &FileSet,
    reading: &mut Reading<'_>,
    problems: &mut Problems,
) -> Incoming {
    let mut all = files.iter();
    match (all.next(), all.next()) {
        (Some((name, bytes)), None) => read(name, bytes, reading, problems),
        (None, _) => {
            problems.push("", 0, "", "there is no CSV file to read");
            Incoming::default()
        }
        (Some((name, _)), Some(_)) => {
            problems.push(name, 0, "", "several CSV files but no users.csv: give one plain CSV, or a whole OneRoster 1.2 set");
            Incoming::default()
        }
    }
}

fn read(name: &str, bytes: &[u8], reading: &mut Reading<'_>, problems: &mut Problems) -> Incoming {
    let mut incoming = Incoming {
        mode: Mode::Bulk,
        ..Incoming::default()
    };
    let mut ids_by_username: BTreeMap<String, String> = BTreeMap::new();
    let mut classes = BTreeMap::new();
    let mut enrolments = Vec::new();
    read_rows(
        name,
        bytes,
        reading,
        problems,
        Columns::find,
        |row, columns, problems| {
            let Some((id, person)) = read_person(row, columns, problems) else {
                return;
            };
            join_classes(
                row,
                columns,
                &id,
                &person,
                &mut classes,
                &mut enrolments,
                problems,
            );
            if let Some(first) = incoming.people.get(&id) {
                let line = first.origin.line;
                row.wrong(
                    columns.username,
                    problems,
                    format!(
                        "{} already stands on line {line}: each person needs one line",
                        quoted(&person.username)
                    ),
                );
                return;
            }
            ids_by_username.insert(person.username.clone(), id.clone());
            incoming.people.insert(id, person);
        },
    );
    for person in incoming.people.values_mut() {
        person.agents = person
            .agents
            .iter()
            .map(|named| {
                ids_by_username
                    .get(&named.to_lowercase())
                    .unwrap_or(named)
                    .clone()
            })
            .collect();
    }
    incoming.classes = Some(classes);
    incoming.enrolments = Some(enrolments);
    incoming
}

fn read_person(
    row: &Row<'_>,
    columns: &Columns,
    problems: &mut Problems,
) -> Option<(String, IncomingPerson)> {
    let username = row.label(columns.username, problems).map(str::to_lowercase);
    let given_name = row.label(columns.given, problems);
    let family_name = row.label(columns.family, problems);
    row.needed(columns.roles, problems);
    let roles = school_roles(row, columns.roles, problems);
    let mut person = IncomingPerson {
        origin: row.origin(),
        username: String::new(),
        given_name: given_name.unwrap_or_default().to_owned(),
        family_name: family_name.unwrap_or_default().to_owned(),
        email: email(row, columns.email, problems),
        year: row.year(columns.year, problems),
        house: columns
            .house
            .exists()
            .then(|| Some(row.get(columns.house).to_owned()).filter(|house| !house.is_empty())),
        agents: split_list(row.get(columns.guardians))
            .map(str::to_owned)
            .collect(),
        roles,
        on_roll: true,
    };
    person.username = username?;
    let id = row.get(columns.id);
    let id = if id.is_empty() {
        person.username.clone()
    } else {
        row.label(columns.id, problems)?.to_owned()
    };
    Some((id, person))
}

fn join_classes(
    row: &Row<'_>,
    columns: &Columns,
    id: &str,
    person: &IncomingPerson,
    classes: &mut BTreeMap<String, IncomingClass>,
    enrolments: &mut Vec<IncomingEnrolment>,
    problems: &mut Problems,
) {
    if split_list(row.get(columns.classes)).count() > CLASSES_MAX {
        row.wrong(
            columns.classes,
            problems,
            format!("more than {CLASSES_MAX} classes for one person"),
        );
        return;
    }
    let forms = split_list(row.get(columns.form))
        .take(1)
        .map(|title| (title, true));
    for (title, is_form) in
        forms.chain(split_list(row.get(columns.classes)).map(|title| (title, false)))
    {
        let class = format!(
            "{}:{}",
            if is_form { "form" } else { "class" },
            title.to_lowercase()
        );
        let entry = classes
            .entry(class.clone())
            .or_insert_with(|| IncomingClass {
                origin: row.origin(),
                title: title.to_owned(),
                year: None,
                is_form,
                removed: false,
            });
        if is_form && person.roles.contains(&Role::Pupil) && entry.year.is_none() {
            entry.year = person.year;
        }
        enrolments.push(IncomingEnrolment {
            origin: row.origin(),
            class,
            user: id.to_owned(),
            teaches: !person.roles.contains(&Role::Pupil),
            begins: None,
            ends: None,
            removed: false,
        });
    }
}
