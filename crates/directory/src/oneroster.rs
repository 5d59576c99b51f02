//! OneRoster 1.2 CSV (1EdTech, final 1.2.1 of August 2023), and users.csv of version 1.1 where
//! the role still stands in the user's row.
//!
//! Read: manifest, users, roles, classes, enrollments. Left alone: orgs, courses,
//! academicSessions, demographics, userProfiles, results and resources. Passwords are never read.
//! Columns are found by name, so their order does not matter. Two extension columns of
//! users.csv are understood: `metadata.pharos.roles` (school roles that OneRoster has no
//! word for, such as `governor` or `house-staff`) and `metadata.pharos.house` (boarding house).

use std::collections::BTreeMap;

use pharos_school::Role;

use crate::problem::quoted;
use crate::sheet::{Column, Header, Reading, Row, read_rows, split_list};
use crate::{
    FileSet, Incoming, IncomingClass, IncomingEnrolment, IncomingPerson, IncomingRole, Mode,
    Problems,
};

/// Files that bear on the roll; the manifest must say the same mode for all that are present.
const READ: [&str; 4] = ["users", "roles", "classes", "enrollments"];

pub(crate) fn read(
    files: &FileSet,
    reading: &mut Reading<'_>,
    problems: &mut Problems,
) -> Incoming {
    let manifest = read_manifest(files, reading, problems);
    let mut incoming = Incoming {
        mode: mode(&manifest, files, problems),
        ..Incoming::default()
    };
    match files.get("users.csv") {
        Some(bytes) => read_users(bytes, reading, problems, &mut incoming),
        None if incoming.mode == Mode::Bulk => {
            problems.push(
                "users.csv",
                0,
                "",
                "the file is missing: a bulk roll needs users.csv; export it as well",
            );
        }
        None => {}
    }
    if let Some(bytes) = files.get("roles.csv") {
        read_roles(bytes, reading, problems, &mut incoming);
    }
    if let Some(bytes) = files.get("classes.csv") {
        incoming.classes = Some(read_classes(bytes, reading, problems));
    }
    if let Some(bytes) = files.get("enrollments.csv") {
        incoming.enrolments = Some(read_enrolments(bytes, reading, problems));
    }
    incoming
}

fn read_manifest(
    files: &FileSet,
    reading: &mut Reading<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, (u64, String)> {
    let mut manifest = BTreeMap::new();
    let Some(bytes) = files.get("manifest.csv") else {
        return manifest;
    };
    read_rows(
        "manifest.csv",
        bytes,
        reading,
        problems,
        |header, problems| {
            (
                header.required("propertyName", problems),
                header.required("value", problems),
            )
        },
        |row, (name, value), problems| {
            let value = row.get(*value);
            if row.get(*name) == "oneroster.version" && !matches!(value, "1.1" | "1.2" | "1.2.1") {
                problems.push(
                    "manifest.csv",
                    row.line,
                    "value",
                    format!(
                        "OneRoster {} is not read: export version 1.2",
                        quoted(value)
                    ),
                );
            }
            manifest.insert(
                row.get(*name).to_ascii_lowercase(),
                (row.line, value.to_ascii_lowercase()),
            );
        },
    );
    manifest
}

/// Bulk or delta, from the manifest; without one, bulk.
fn mode(
    manifest: &BTreeMap<String, (u64, String)>,
    files: &FileSet,
    problems: &mut Problems,
) -> Mode {
    let mut seen: Option<(Mode, &str)> = None;
    for name in READ {
        let Some((line, value)) = manifest.get(&format!("file.{name}")) else {
            continue;
        };
        let file_mode = match value.as_str() {
            "bulk" => Mode::Bulk,
            "delta" => Mode::Delta,
            "absent" => continue,
            other => {
                problems.push(
                    "manifest.csv",
                    *line,
                    "value",
                    format!("{} is none of absent, bulk, delta", quoted(other)),
                );
                continue;
            }
        };
        if files.get(&format!("{name}.csv")).is_none() {
            problems.push(
                "manifest.csv",
                *line,
                "value",
                format!(
                    "{name}.csv is announced as {value} but is not there: add it or write absent"
                ),
            );
        }
        match seen {
            Some((other_mode, other)) if other_mode != file_mode => problems.push(
                "manifest.csv",
                *line,
                "value",
                format!("{name}.csv is {value} but {other}.csv is not: export both the same way"),
            ),
            _ => seen = Some((file_mode, name)),
        }
    }
    seen.map_or(Mode::Bulk, |(mode, _)| mode)
}

/// The `status` of a row: true where a delta takes the record away.
fn removed(row: &Row<'_>, status: Column, problems: &mut Problems) -> bool {
    match row.get(status).to_ascii_lowercase().as_str() {
        "" | "active" => false,
        "tobedeleted" => true,
        other => {
            row.wrong(
                status,
                problems,
                format!("{} is neither active nor tobedeleted", quoted(other)),
            );
            false
        }
    }
}

struct UserColumns {
    id: Column,
    status: Column,
    enabled: Column,
    username: Column,
    given: Column,
    preferred_given: Column,
    family: Column,
    preferred_family: Column,
    email: Column,
    agents: Column,
    grades: Column,
    role: Column,
    roles: Column,
    house: Column,
}

impl UserColumns {
    fn find(header: &Header<'_>, problems: &mut Problems) -> Self {
        Self {
            id: header.required("sourcedId", problems),
            status: header.optional("status"),
            enabled: header.optional("enabledUser"),
            username: header.required("username", problems),
            given: header.required("givenName", problems),
            preferred_given: header.optional("preferredGivenName"),
            family: header.required("familyName", problems),
            preferred_family: header.optional("preferredFamilyName"),
            email: header.optional("email"),
            agents: header.optional("agentSourcedIds"),
            grades: header.optional("grades"),
            role: header.optional("role"),
            roles: header.optional("metadata.pharos.roles"),
            house: header.optional("metadata.pharos.house"),
        }
    }
}

fn read_users(
    bytes: &[u8],
    reading: &mut Reading<'_>,
    problems: &mut Problems,
    incoming: &mut Incoming,
) {
    read_rows(
        "users.csv",
        bytes,
        reading,
        problems,
        UserColumns::find,
        |row, columns, problems| {
            let Some(id) = row.label(columns.id, problems) else {
                return;
            };
            let person = read_user(row, columns, problems);
            if columns.role.exists()
                && let Some(roles) = one_role(row, columns.role, problems)
            {
                incoming.roles.push(IncomingRole {
                    origin: row.origin(),
                    user: id.to_owned(),
                    roles,
                    begins: None,
                    ends: None,
                    removed: false,
                });
            }
            if let Some(first) = incoming.people.get(id) {
                let line = first.origin.line;
                row.wrong(
                    columns.id,
                    problems,
                    format!(
                        "the id {} already stands on line {line}: each user needs their own",
                        quoted(id)
                    ),
                );
                return;
            }
            incoming.people.insert(id.to_owned(), person);
        },
    );
}

/// A row with mistakes still yields a person, so that rows which name them do not dangle as well.
fn read_user(row: &Row<'_>, columns: &UserColumns, problems: &mut Problems) -> IncomingPerson {
    let gone = removed(row, columns.status, problems);
    let username = row.label(columns.username, problems).map(str::to_lowercase);
    let given = row.label(columns.given, problems);
    let family = row.label(columns.family, problems);
    let enabled = match row.get(columns.enabled).to_ascii_lowercase().as_str() {
        "" | "true" | "1" => true,
        "false" | "0" => false,
        other => {
            row.wrong(
                columns.enabled,
                problems,
                format!("{} is neither true nor false", quoted(other)),
            );
            true
        }
    };
    let preferred = |column: Column, legal: Option<&str>| {
        let text = row.get(column);
        if text.is_empty() {
            legal.map(str::to_owned)
        } else {
            Some(text.to_owned())
        }
    };
    let (given, family) = (
        preferred(columns.preferred_given, given),
        preferred(columns.preferred_family, family),
    );
    IncomingPerson {
        origin: row.origin(),
        username: username.unwrap_or_default(),
        given_name: given.unwrap_or_default(),
        family_name: family.unwrap_or_default(),
        email: email(row, columns.email, problems),
        year: row.year(columns.grades, problems),
        house: columns
            .house
            .exists()
            .then(|| Some(row.get(columns.house).to_owned()).filter(|house| !house.is_empty())),
        agents: split_list(row.get(columns.agents))
            .map(str::to_owned)
            .collect(),
        roles: school_roles(row, columns.roles, problems),
        on_roll: enabled && !gone,
    }
}

/// An e-mail address with one `@`, or nothing.
pub(crate) fn email(row: &Row<'_>, column: Column, problems: &mut Problems) -> Option<String> {
    let text = row.get(column);
    if text.is_empty() {
        return None;
    }
    let sound = text.len() <= 254
        && text.split_once('@').is_some_and(|(name, domain)| {
            !name.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if !sound {
        row.wrong(
            column,
            problems,
            "this is not an e-mail address: expected name@domain, or nothing",
        );
        return None;
    }
    Some(text.to_owned())
}

/// A list of Pharos's own role names.
pub(crate) fn school_roles(
    row: &Row<'_>,
    column: Column,
    problems: &mut Problems,
) -> std::collections::BTreeSet<Role> {
    let mut roles = std::collections::BTreeSet::new();
    for name in split_list(row.get(column)) {
        match name.parse::<Role>() {
            Ok(role) => {
                roles.insert(role);
                if role.is_staff() {
                    roles.insert(Role::Staff);
                }
            }
            Err(error) => {
                let known: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
                row.wrong(
                    column,
                    problems,
                    format!("{error}: expected one of {}", known.join(", ")),
                );
            }
        }
    }
    roles
}

/// OneRoster's roles in the school's words.
fn one_role(row: &Row<'_>, column: Column, problems: &mut Problems) -> Option<&'static [Role]> {
    let text = row.needed(column, problems)?;
    let roles: &'static [Role] = match text.to_ascii_lowercase().as_str() {
        "student" => &[Role::Pupil],
        "guardian" | "parent" | "relative" => &[Role::Parent],
        "teacher" => &[Role::Teacher, Role::Staff],
        "aide" | "counselor" | "proctor" => &[Role::Staff],
        "principal" => &[Role::Head, Role::Leadership, Role::Staff],
        "districtadministrator" => &[Role::Leadership, Role::Staff],
        "siteadministrator" | "administrator" => &[Role::Office, Role::Staff],
        "systemadministrator" => &[Role::Technical, Role::Staff],
        other => {
            row.wrong(
                column,
                problems,
                format!(
                    "{} is not a OneRoster role: expected aide, counselor, districtAdministrator, guardian, parent, principal, \
                     proctor, relative, siteAdministrator, student, systemAdministrator or teacher",
                    quoted(other)
                ),
            );
            return None;
        }
    };
    Some(roles)
}

struct RoleColumns {
    status: Column,
    user: Column,
    role: Column,
    begins: Column,
    ends: Column,
}

fn read_roles(
    bytes: &[u8],
    reading: &mut Reading<'_>,
    problems: &mut Problems,
    incoming: &mut Incoming,
) {
    let find = |header: &Header<'_>, problems: &mut Problems| RoleColumns {
        status: header.optional("status"),
        user: header.required("userSourcedId", problems),
        role: header.required("role", problems),
        begins: header.optional("beginDate"),
        ends: header.optional("endDate"),
    };
    read_rows(
        "roles.csv",
        bytes,
        reading,
        problems,
        find,
        |row, columns, problems| {
            let removed = removed(row, columns.status, problems);
            let user = row.label(columns.user, problems);
            let roles = one_role(row, columns.role, problems);
            let (begins, ends) = (
                row.day(columns.begins, problems),
                row.day(columns.ends, problems),
            );
            if let (Some(user), Some(roles)) = (user, roles) {
                incoming.roles.push(IncomingRole {
                    origin: row.origin(),
                    user: user.to_owned(),
                    roles,
                    begins,
                    ends,
                    removed,
                });
            }
        },
    );
}

struct ClassColumns {
    id: Column,
    status: Column,
    title: Column,
    grades: Column,
    kind: Column,
}

fn read_classes(
    bytes: &[u8],
    reading: &mut Reading<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, IncomingClass> {
    let mut classes: BTreeMap<String, IncomingClass> = BTreeMap::new();
    let find = |header: &Header<'_>, problems: &mut Problems| ClassColumns {
        id: header.required("sourcedId", problems),
        status: header.optional("status"),
        title: header.required("title", problems),
        grades: header.optional("grades"),
        kind: header.optional("classType"),
    };
    read_rows(
        "classes.csv",
        bytes,
        reading,
        problems,
        find,
        |row, columns, problems| {
            let removed = removed(row, columns.status, problems);
            let id = row.label(columns.id, problems);
            let title = row.label(columns.title, problems);
            let year = if split_list(row.get(columns.grades)).count() == 1 {
                row.year(columns.grades, problems)
            } else {
                None
            };
            let is_form = match row.get(columns.kind).to_ascii_lowercase().as_str() {
                "homeroom" => true,
                "" | "scheduled" => false,
                other => {
                    row.wrong(
                        columns.kind,
                        problems,
                        format!("{} is neither homeroom nor scheduled", quoted(other)),
                    );
                    false
                }
            };
            let (Some(id), Some(title)) = (id, title) else {
                return;
            };
            if let Some(first) = classes.get(id) {
                let line = first.origin.line;
                row.wrong(
                    columns.id,
                    problems,
                    format!(
                        "the id {} already stands on line {line}: each class needs its own",
                        quoted(id)
                    ),
                );
                return;
            }
            classes.insert(
                id.to_owned(),
                IncomingClass {
                    origin: row.origin(),
                    title: title.to_owned(),
                    year,
                    is_form,
                    removed,
                },
            );
        },
    );
    classes
}

struct EnrolmentColumns {
    status: Column,
    class: Column,
    user: Column,
    role: Column,
    begins: Column,
    ends: Column,
}

fn read_enrolments(
    bytes: &[u8],
    reading: &mut Reading<'_>,
    problems: &mut Problems,
) -> Vec<IncomingEnrolment> {
    let mut enrolments = Vec::new();
    let find = |header: &Header<'_>, problems: &mut Problems| EnrolmentColumns {
        status: header.optional("status"),
        class: header.required("classSourcedId", problems),
        user: header.required("userSourcedId", problems),
        role: header.required("role", problems),
        begins: header.optional("beginDate"),
        ends: header.optional("endDate"),
    };
    read_rows(
        "enrollments.csv",
        bytes,
        reading,
        problems,
        find,
        |row, columns, problems| {
            let removed = removed(row, columns.status, problems);
            let class = row.label(columns.class, problems);
            let user = row.label(columns.user, problems);
            let teaches = match row
                .needed(columns.role, problems)
                .map(str::to_ascii_lowercase)
                .as_deref()
            {
                Some("teacher") => Some(true),
                Some("student" | "administrator" | "proctor" | "aide") => Some(false),
                Some(other) => {
                    row.wrong(
                        columns.role,
                        problems,
                        format!(
                            "{} is none of administrator, proctor, student, teacher",
                            quoted(other)
                        ),
                    );
                    None
                }
                None => None,
            };
            let (begins, ends) = (
                row.day(columns.begins, problems),
                row.day(columns.ends, problems),
            );
            if let (Some(class), Some(user), Some(teaches)) = (class, user, teaches) {
                enrolments.push(IncomingEnrolment {
                    origin: row.origin(),
                    class: class.to_owned(),
                    user: user.to_owned(),
                    teaches,
                    begins,
                    ends,
                    removed,
                });
            }
        },
    );
    enrolments
}
