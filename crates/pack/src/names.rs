//! The names a pack defines (groups, hours, places, phases, categories), so that every mention of
//! an unknown one is refused with the nearest known.

use std::collections::{BTreeMap, BTreeSet};

use pharos_catalogue::standard_categories;
use pharos_school::Role;

use crate::problem::Place;
use crate::read::Cx;
use crate::tree::{Table, Value};

/// Groups that are there without being written.
pub const BUILT_IN_GROUPS: &[&str] = &[
    "everyone",
    "pupils",
    "staff",
    "boarders",
    "day-pupils",
    "visitors",
    "governors",
    "parents",
];

/// All names of a pack.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) groups: BTreeSet<String>,
    pub(crate) hours: BTreeSet<String>,
    pub(crate) places: BTreeSet<String>,
    pub(crate) phases: BTreeSet<String>,
    pub(crate) categories: BTreeMap<String, String>,
}

impl Names {
    /// Collects names from the keys of the tree, before anything is read in detail.
    pub(crate) fn collect(root: &Table) -> Self {
        let keys = |path: &[&str]| -> BTreeSet<String> {
            table_at(root, path)
                .map(|table| {
                    table
                        .entries
                        .iter()
                        .map(|entry| entry.key.clone())
                        .collect()
                })
                .unwrap_or_default()
        };
        let phases = keys(&["school", "phases"]);
        let mut groups = keys(&["groups"]);
        groups.extend(BUILT_IN_GROUPS.iter().map(|group| (*group).to_owned()));
        groups.extend(phases.iter().cloned());
        let mut categories: BTreeMap<String, String> = standard_categories()
            .map(|category| (category.name.to_owned(), category.title.to_owned()))
            .collect();
        for entry in table_at(root, &["categories"])
            .map(|table| table.entries.as_slice())
            .unwrap_or_default()
        {
            if let Value::Text(meaning) = &entry.node.value {
                categories.insert(entry.key.clone(), meaning.clone());
            }
        }
        Self {
            groups,
            hours: keys(&["school", "hours"]),
            places: keys(&["places"]),
            phases,
            categories,
        }
    }

    pub(crate) fn group(&self, at: Place, path: &str, name: &str, cx: &mut Cx<'_>) {
        check(&self.groups, at, path, name, "group", cx);
    }

    pub(crate) fn hours(&self, at: Place, path: &str, name: &str, cx: &mut Cx<'_>) {
        check(&self.hours, at, path, name, "name in [school.hours]", cx);
    }

    pub(crate) fn place(&self, at: Place, path: &str, name: &str, cx: &mut Cx<'_>) {
        check(&self.places, at, path, name, "place", cx);
    }

    pub(crate) fn phase(&self, at: Place, path: &str, name: &str, cx: &mut Cx<'_>) {
        check(&self.phases, at, path, name, "phase in [school.phases]", cx);
    }

    pub(crate) fn category(&self, at: Place, path: &str, name: &str, cx: &mut Cx<'_>) {
        if !self.categories.contains_key(name) {
            cx.unknown(
                at,
                path,
                name,
                "category",
                self.categories.keys().map(String::as_str),
            );
        }
    }

    pub(crate) fn role(at: Place, path: &str, name: &str, cx: &mut Cx<'_>) -> Option<Role> {
        let role = name.parse().ok();
        if role.is_none() {
            cx.unknown(
                at,
                path,
                name,
                "role",
                Role::ALL.iter().map(|role| role.name()),
            );
        }
        role
    }
}

fn check(known: &BTreeSet<String>, at: Place, path: &str, name: &str, what: &str, cx: &mut Cx<'_>) {
    if !known.contains(name) {
        cx.unknown(at, path, name, what, known.iter().map(String::as_str));
    }
}

fn table_at<'t>(root: &'t Table, path: &[&str]) -> Option<&'t Table> {
    path.iter()
        .try_fold(root, |table, key| match &table.get(key)?.node.value {
            Value::Table(inner) => Some(inner),
            _ => None,
        })
}
