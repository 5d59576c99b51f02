//! Names in the policy to numbers, keeping every problem.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;
use pharos_catalogue::{Address, CategoryId, CategorySet};

use crate::groups::Groups;
use crate::rule::Audience;
use crate::sets::{GroupSet, HoursSet, PlaceSet, ToolSet};
use crate::{PolicySpec, SpecProblem, Vocabulary};

/// The words of one policy and what is wrong with it so far.
pub(super) struct Words<'a> {
    pub(super) groups: Groups,
    pub(super) problems: Vec<SpecProblem>,
    pub(super) unlisted: BTreeSet<String>,
    hours: HashMap<&'a str, usize>,
    places: HashMap<&'a str, usize>,
    categories: HashMap<&'a str, CategoryId>,
    declared: BTreeSet<&'a str>,
    tools: &'a [&'a str],
}

impl<'a> Words<'a> {
    pub(super) fn new(spec: &'a PolicySpec, vocabulary: &Vocabulary<'a>) -> Self {
        let categories = vocabulary.categories.iter().enumerate();
        let ids = categories
            .filter_map(|(n, name)| Some((name.as_ref(), CategoryId(u8::try_from(n).ok()?))));
        Self {
            groups: Groups::default(),
            problems: Vec::new(),
            unlisted: BTreeSet::new(),
            hours: numbered(spec.hours.keys()),
            places: numbered(spec.places.keys()),
            categories: ids.collect(),
            declared: vocabulary.declared.iter().map(AsRef::as_ref).collect(),
            tools: vocabulary.engines,
        }
    }

    pub(super) fn problem(&mut self, path: &str, message: String) {
        self.problems.push(SpecProblem {
            path: path.to_owned(),
            message,
        });
    }

    pub(super) fn groups(&mut self, names: &[String], path: &str) -> GroupSet {
        let mut set = GroupSet::default();
        for (n, name) in names.iter().enumerate() {
            match self.groups.number(name) {
                Some(number) => set.insert(number),
                None => self.problem(
                    &format!("{path}[{n}]"),
                    format!("{name:?} is no group; define it under groups or use a built-in one"),
                ),
            }
        }
        set
    }

    /// Nobody named: everyone.
    pub(super) fn audience(
        &mut self,
        groups: &[String],
        except: &[String],
        path: &str,
    ) -> Audience {
        Audience {
            everyone: groups.is_empty(),
            groups: self.groups(groups, &format!("{path}.groups")),
            except: self.groups(except, &format!("{path}.except")),
            ..Audience::default()
        }
    }

    pub(super) fn hours(&mut self, names: &[String], path: &str) -> HoursSet {
        let mut set = HoursSet::default();
        for (n, name) in names.iter().enumerate() {
            match self
                .hours
                .get(name.as_str())
                .filter(|number| **number < HoursSet::MAX)
            {
                Some(number) => set.insert(*number),
                None => self.problem(
                    &format!("{path}[{n}]"),
                    format!("{name:?} names no hours; define them under hours"),
                ),
            }
        }
        set
    }

    pub(super) fn places(&mut self, names: &[String], path: &str) -> PlaceSet {
        let mut set = PlaceSet::default();
        for (n, name) in names.iter().enumerate() {
            match self
                .places
                .get(name.as_str())
                .filter(|number| **number < PlaceSet::MAX)
            {
                Some(number) => set.insert(*number),
                None => self.problem(
                    &format!("{path}[{n}]"),
                    format!("{name:?} is no place; define it under places"),
                ),
            }
        }
        set
    }

    pub(super) fn categories(&mut self, names: &[String], path: &str) -> CategorySet {
        let mut set = CategorySet::EMPTY;
        for (n, name) in names.iter().enumerate() {
            if let Some(id) = self.categories.get(name.as_str()) {
                set.insert(*id);
            } else if self.declared.contains(name.as_str()) {
                self.unlisted.insert(name.clone());
            } else {
                let message =
                    format!("{name:?} is no category; import a list for it or correct the name");
                self.problem(&format!("{path}[{n}]"), message);
            }
        }
        set
    }

    pub(super) fn tool(&mut self, name: &str, path: &str) -> Option<usize> {
        let found = self
            .tools
            .iter()
            .take(ToolSet::MAX)
            .position(|tool| *tool == name);
        if found.is_none() {
            let known = self.tools.join(", ");
            self.problem(
                path,
                format!("{name:?} is no search tool; known are {known}"),
            );
        }
        found
    }

    /// A site; `opens` refuses whole top-level domains.
    pub(super) fn site(&mut self, text: &str, opens: bool, path: &str) -> Option<Address> {
        match Address::parse(text) {
            Ok(site) if opens && !site.host().as_str().contains(['.', ':']) => {
                self.problem(
                    path,
                    format!("{text:?} is a whole top-level domain; name a site"),
                );
                None
            }
            Ok(site) => Some(site),
            Err(error) => {
                let message =
                    format!("{text:?}: {error}; write a site like example.org or example.org/page");
                self.problem(path, message);
                None
            }
        }
    }

    pub(super) fn ranges(&mut self, texts: &[String], path: &str) -> Vec<IpNet> {
        let mut ranges = Vec::new();
        for (n, text) in texts.iter().enumerate() {
            match text
                .parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            {
                Ok(range) => ranges.push(range.trunc()),
                Err(_) => self.problem(
                    &format!("{path}[{n}]"),
                    format!("{text:?} is no address range; write one like 10.1.0.0/16"),
                ),
            }
        }
        ranges
    }
}

fn numbered<'a>(names: impl Iterator<Item = &'a String>) -> HashMap<&'a str, usize> {
    names
        .enumerate()
        .map(|(number, name)| (name.as_str(), number))
        .collect()
}
