//! The last check of the filter part: it is compiled as the filter would, and what that finds is
//! brought back to its line.

use std::sync::Arc;

use pharos_filter::compile_policy;
use pharos_policy::PolicySpec;

use crate::names::Names;
use crate::problem::Place;
use crate::read::Cx;
use crate::settings::Settings;
use crate::tree::{Table, Value};

/// Compiles the policy and reports what is wrong with it.
pub(crate) fn check_compiles(
    spec: &PolicySpec,
    names: &Names,
    root: &Table,
    settings: &Settings,
    cx: &mut Cx<'_>,
) {
    let declared: Vec<Arc<str>> = names
        .categories
        .keys()
        .map(|name| Arc::from(name.as_str()))
        .collect();
    let Err(problems) = compile_policy(spec, &[], &declared) else {
        return;
    };
    for problem in problems {
        let place = place_of(&problem.path, root)
            .or_else(|| place_of_setting(&problem.path, spec, settings))
            .unwrap_or_default();
        cx.error(
            place,
            format!("{}: {}", problem.path.replace('-', "_"), problem.message),
            "",
        );
    }
}

/// The deepest node that a path such as `rules[2].categories[0]` names.
pub(crate) fn place_of(path: &str, root: &Table) -> Option<Place> {
    let mut table = root;
    let prefixed = ["hours", "calendar", "zone"]
        .iter()
        .any(|start| path.starts_with(start));
    if prefixed && let Value::Table(school) = &root.get("school")?.node.value {
        table = school;
    }
    let mut found = None;
    let mut segments = path.split('.').peekable();
    while let Some(segment) = segments.next() {
        let (key, index) = match segment.split_once('[') {
            Some((key, rest)) => (key, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (segment, None),
        };
        // Names of groups and hours keep their hyphens; keys of a pack have underscores.
        let entry = table.get(key).or_else(|| table.get(&key.replace('-', "_")));
        let Some(entry) = entry else { break };
        let mut node = &entry.node;
        if let (Value::List(items), Some(index)) = (&node.value, index) {
            // Beyond the written ones stand those that follow from settings.
            node = items.get(index)?;
        }
        found = Some(node.at);
        match &node.value {
            Value::Table(inner) if segments.peek().is_some() => table = inner,
            _ => break,
        }
    }
    found
}

/// Rules that follow from a setting begin with its name.
pub(crate) fn place_of_setting(
    path: &str,
    spec: &PolicySpec,
    settings: &Settings,
) -> Option<Place> {
    let of_downloads = [
        ("downloads.antivirus.engine", "fil.antivirus"),
        ("downloads.sites", "fil.download_sites"),
        ("downloads.block", "fil.downloads"),
    ];
    let known = of_downloads
        .iter()
        .find(|(begin, _)| path.starts_with(begin));
    let name = match known {
        Some((_, name)) => *name,
        None => rule_of(path, spec)?,
    };
    settings.written(name).map(|set| set.place)
}

/// The setting that a rule follows from.
fn rule_of<'s>(path: &str, spec: &'s PolicySpec) -> Option<&'s str> {
    let (list, rest) = path.split_once('[')?;
    let index: usize = rest.split(']').next()?.parse().ok()?;
    Some(match list {
        "rules" => spec.rules.get(index)?.name.split(" (").next()?,
        "search" if path.ends_with(".youtube") => "srch.video",
        "search" if path.ends_with(".safe-search") => "srch.safe_dns",
        "search" => "srch.tools",
        "modes" => "fil.phase_mode",
        _ => return None,
    })
}
