//! The floor: whole hosts and built-in groups only.

use pharos_catalogue::Address;

use super::rules::Rules;
use super::words::Words;
use crate::Narrowing;
use crate::floor::{FLOOR_PARTS_MAX, Floor, Whom};
use crate::groups::BUILT_IN;
use crate::sets::GroupSet;
use crate::spec::{FloorSpec, WhomSpec};

/// The most help hosts of a floor: each is looked at where a part of it speaks.
const HELP_MAX: usize = 200;

pub(super) fn compile(
    written: Option<&FloorSpec>,
    rules: &mut Rules,
    words: &mut Words<'_>,
) -> Floor {
    let Some(written) = written else {
        return Floor::default();
    };
    let parts = written.blocks.len() + written.search.len() + written.avoidance.len();
    if parts > FLOOR_PARTS_MAX {
        let message = format!("{parts} parts; the most is {FLOOR_PARTS_MAX}");
        words.problem("floor", message);
        return Floor::default();
    }
    if written.help.len() > HELP_MAX {
        let message = format!("{} hosts; the most is {HELP_MAX}", written.help.len());
        words.problem("floor.help", message);
    }
    let mut floor = Floor {
        by: format!("{}, floor {}", written.by, written.version).into(),
        help: hosts(&written.help, "floor.help", words),
        ..Floor::default()
    };
    floor.help.extend(crate::help::addresses());
    for (n, block) in written.blocks.iter().enumerate() {
        let path = format!("floor.blocks[{n}]");
        if block.name.trim().is_empty() {
            words.problem(&format!("{path}.name"), "is empty; name the block".into());
        }
        if block.sites.is_empty() && block.categories.is_empty() {
            words.problem(&path, "blocks nothing; write sites or categories".into());
        }
        hosts(&block.sites, &format!("{path}.sites"), words);
        let number = floor.part(&block.whom, &path, words);
        rules.of_floor(number, block, &path, words);
    }
    for (n, search) in written.search.iter().enumerate() {
        let number = floor.part(&search.whom, &format!("floor.search[{n}]"), words);
        let narrowing = Narrowing {
            safe_search: search.safe_search,
            youtube: search.youtube,
        };
        floor.search.push((number, narrowing));
    }
    for (n, whom) in written.avoidance.iter().enumerate() {
        let number = floor.part(whom, &format!("floor.avoidance[{n}]"), words);
        floor.avoidance.push(number);
    }
    floor
}

impl Floor {
    fn part(&mut self, whom: &WhomSpec, path: &str, words: &mut Words<'_>) -> usize {
        self.whom.push(Whom {
            groups: built_in(&whom.groups, &format!("{path}.groups"), words),
            years: whom.years.clone(),
            except: built_in(&whom.except, &format!("{path}.except"), words),
            guests: whom.guests,
        });
        self.whom.len() - 1
    }
}

/// A school's own groups mean in each school what that school wants: a floor cannot lean on them.
fn built_in(names: &[String], path: &str, words: &mut Words<'_>) -> GroupSet {
    for (n, name) in names.iter().enumerate() {
        if !BUILT_IN.contains(&name.as_str()) {
            let known = BUILT_IN.join(", ");
            let message = format!("{name:?} is no built-in group; a floor may name {known}");
            words.problem(&format!("{path}[{n}]"), message);
        }
    }
    let known = names
        .iter()
        .filter(|name| BUILT_IN.contains(&name.as_str()));
    words.groups(&known.cloned().collect::<Vec<_>>(), path)
}

/// Hosts: a floor holds what the resolver can hold too, and that sees no path.
fn hosts(sites: &[String], path: &str, words: &mut Words<'_>) -> Vec<Address> {
    let mut hosts = Vec::new();
    for (n, text) in sites.iter().enumerate() {
        match Address::parse(text) {
            Ok(site) if site.path().is_some_and(|path| path != "/") => words.problem(
                &format!("{path}[{n}]"),
                format!("{text:?} names a path; a floor names whole hosts"),
            ),
            Ok(site) => hosts.push(Address::of_host(site.host().clone())),
            Err(error) => words.problem(&format!("{path}[{n}]"), format!("{text:?}: {error}")),
        }
    }
    hosts
}
