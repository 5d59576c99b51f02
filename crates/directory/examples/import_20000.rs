//! Makes a fictional roll of 20,000 people with classes and guardians, imports it twice and prints
//! how long each took: `cargo run --release -p pharos-directory --example import_20000`.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::fmt::Write as _;
use std::time::Instant;

use jiff::civil::date;
use pharos_directory::{FileSet, Limits, Roll, preview};
use uuid::Uuid;

const PEOPLE: usize = 20_000;
const CLASSES: usize = 1_200;
const CLASSES_EACH: usize = 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = made_up_school()?;
    println!(
        "{PEOPLE} people, {CLASSES} classes, {} KiB of CSV",
        files.total_bytes() / 1024
    );
    let mut next = 0_u128;
    let mut new_id = || {
        next += 1;
        Uuid::from_u128(next)
    };
    let mut roll = Roll::default();
    for round in ["first import", "the same again"] {
        let (start, mut told) = (Instant::now(), 0_u32);
        let change = preview(
            &roll,
            &files,
            &Limits::default(),
            date(2026, 9, 1),
            &mut new_id,
            &mut |_| told += 1,
        )
        .map_err(|problems| problems.to_string())?;
        println!(
            "{round}: {:?}, {told} progress reports; {}",
            start.elapsed(),
            change.summary()
        );
        roll = change.applied_to(&roll);
    }
    Ok(())
}

fn made_up_school() -> Result<FileSet, std::fmt::Error> {
    let mut users = String::from(
        "sourcedId,enabledUser,username,givenName,familyName,email,agentSourcedIds,grades\n",
    );
    let mut roles = String::from("sourcedId,userSourcedId,roleType,role,orgSourcedId\n");
    let mut classes = String::from("sourcedId,title,grades,classType\n");
    let mut enrolments = String::from("sourcedId,classSourcedId,userSourcedId,role\n");
    for class in 0..CLASSES {
        let kind = if class % 10 == 0 {
            "homeroom"
        } else {
            "scheduled"
        };
        writeln!(classes, "c{class},Class {class},{},{kind}", class % 13 + 1)?;
    }
    for person in 0..PEOPLE {
        let pupil = person % 2 == 0;
        let (agent, grade, role) = if pupil {
            (
                format!("u{}", person + 1),
                (person % 13 + 1).to_string(),
                "student",
            )
        } else {
            (
                String::new(),
                String::new(),
                if person % 20 == 1 {
                    "teacher"
                } else {
                    "parent"
                },
            )
        };
        writeln!(
            users,
            "u{person},true,user{person},Given{person},Family{person},user{person}@harbourmouth.sch.example,{agent},{grade}"
        )?;
        writeln!(roles, "r{person},u{person},primary,{role},o1")?;
        for seat in (0..CLASSES_EACH).filter(|_| pupil) {
            writeln!(
                enrolments,
                "e{person}-{seat},c{},u{person},student",
                (person * 7 + seat * 131) % CLASSES
            )?;
        }
    }
    let set = [
        ("users.csv", users),
        ("roles.csv", roles),
        ("classes.csv", classes),
        ("enrollments.csv", enrolments),
    ];
    Ok(FileSet::from_files(
        set.map(|(name, text)| (name.to_owned(), text.into_bytes())),
    ))
}
