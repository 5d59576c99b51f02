//! `procedures/*.toml`: the shipped procedures with the school's own tightening.

use std::collections::BTreeMap;

use pharos_casework::{Change, Procedure, shipped, tighten};

use crate::problem::{Place, Problems, nearest, quoted};

/// Every shipped procedure with the changes that the school's files make to it. A change that
/// would loosen anything is an error and is left out.
pub(crate) fn read_procedures(files: &[(&str, &str)], problems: &mut Problems) -> Vec<Procedure> {
    let mut procedures: Vec<Procedure> = Vec::new();
    for (id, text) in shipped() {
        match Procedure::parse(text) {
            Ok(procedure) => procedures.push(procedure),
            Err(found) => found.iter().for_each(|problem| {
                problems.error(
                    &format!("(shipped) {id}.toml"),
                    at(problem.line),
                    problem.message.clone(),
                    "",
                );
            }),
        }
    }
    let mut changed: BTreeMap<String, &str> = BTreeMap::new();
    for (file, text) in files {
        let change = match Change::parse(text) {
            Ok(change) => change,
            Err(found) => {
                found.iter().for_each(|problem| {
                    problems.error(file, at(problem.line), problem.message.clone(), "")
                });
                continue;
            }
        };
        if let Some(other) = changed.insert(change.procedure.clone(), file) {
            problems.error(
                file,
                at(1),
                format!("{other} changes {} already", change.procedure),
                "put both changes into one file",
            );
            continue;
        }
        let ids: Vec<&str> = shipped().iter().map(|(id, _)| *id).collect();
        let Some(procedure) = procedures
            .iter_mut()
            .find(|procedure| procedure.reference.id == change.procedure)
        else {
            problems.error(
                file,
                at(1),
                format!("{} is not a known procedure", quoted(&change.procedure)),
                nearest(&change.procedure, ids),
            );
            continue;
        };
        match tighten(procedure, &change) {
            Ok(tight) => *procedure = tight,
            Err(found) => found.iter().for_each(|problem| {
                problems.error(file, at(problem.line), problem.message.clone(), "")
            }),
        }
    }
    procedures
}

fn at(line: usize) -> Place {
    Place {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: 1,
    }
}
