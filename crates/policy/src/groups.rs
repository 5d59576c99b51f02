//! Groups and who belongs to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use pharos_school::Role;

use crate::Member;
use crate::sets::GroupSet;
use crate::spec::{Boarding, GroupSpec};

/// The groups that are there without being written.
pub(crate) const BUILT_IN: [&str; 8] = [
    "everyone",
    "pupils",
    "staff",
    "boarders",
    "day-pupils",
    "visitors",
    "governors",
    "parents",
];

/// All groups, in numbers.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: Vec<Group>,
    names: Vec<Arc<str>>,
    numbers: BTreeMap<String, usize>,
    /// An order in which every group comes after those it excepts.
    order: Vec<usize>,
    /// Groups that a pupil can be in.
    pub(crate) of_pupils: GroupSet,
}

#[derive(Debug)]
struct Group {
    spec: GroupSpec,
    except: GroupSet,
    everyone: bool,
}

impl Groups {
    /// Numbers the groups; names in `except` that are no group, or that go round in a circle, come
    /// back as `(group, place in except)`.
    pub(crate) fn new(specs: &BTreeMap<String, GroupSpec>) -> (Self, Vec<(String, usize)>) {
        let mut groups = Self::default();
        for name in BUILT_IN
            .into_iter()
            .filter(|name| !specs.contains_key(*name))
        {
            groups.add(name, built_in(name), name == "everyone");
        }
        for (name, spec) in specs.iter().take(GroupSet::MAX - BUILT_IN.len()) {
            groups.add(name, spec.clone(), false);
        }
        let wrong = groups.sort_out_exceptions();
        (groups, wrong)
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// Every name, built-in ones first.
    pub(crate) fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The name that stands for a set of groups in events and figures: the broadest of the built-in
    /// ones that tell people apart, else the first written one.
    pub(crate) fn label(&self, set: GroupSet) -> Option<&Arc<str>> {
        let broad = ["pupils", "staff", "visitors", "governors", "parents"];
        let number = broad
            .into_iter()
            .filter_map(|name| self.number(name))
            .chain(BUILT_IN.len()..self.groups.len())
            .find(|number| set.contains(*number))?;
        self.names.get(number)
    }

    /// The names of the groups in a set.
    pub(crate) fn names_of(&self, set: GroupSet) -> impl Iterator<Item = &Arc<str>> {
        self.names
            .iter()
            .enumerate()
            .filter(move |(number, _)| set.contains(*number))
            .map(|(_, name)| name)
    }

    /// The groups of one member.
    pub(crate) fn of(&self, member: &Member) -> GroupSet {
        let mut set = GroupSet::default();
        for number in &self.order {
            let group = &self.groups[*number];
            if (group.everyone || belongs(&group.spec, member)) && !set.meets(group.except) {
                set.insert(*number);
            }
        }
        set
    }

    fn add(&mut self, name: &str, spec: GroupSpec, everyone: bool) {
        let number = self.groups.len();
        if everyone || can_hold_pupils(&spec) {
            self.of_pupils.insert(number);
        }
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.into());
        self.groups.push(Group {
            spec,
            except: GroupSet::default(),
            everyone,
        });
    }

    fn sort_out_exceptions(&mut self) -> Vec<(String, usize)> {
        let mut wrong = Vec::new();
        let names: Vec<(String, usize)> = self
            .numbers
            .iter()
            .map(|(name, number)| (name.clone(), *number))
            .collect();
        let mut needs = vec![Vec::new(); self.groups.len()];
        for (name, number) in &names {
            for (place, other) in self.groups[*number].spec.except.clone().iter().enumerate() {
                match self.number(other) {
                    Some(other) if other != *number => {
                        self.groups[*number].except.insert(other);
                        needs[*number].push(other);
                    }
                    _ => wrong.push((name.clone(), place)),
                }
            }
        }
        let mut placed = vec![false; self.groups.len()];
        loop {
            let ready: Vec<usize> = (0..self.groups.len())
                .filter(|n| !placed[*n] && needs[*n].iter().all(|need| placed[*need]))
                .collect();
            if ready.is_empty() {
                break;
            }
            for number in ready {
                placed[number] = true;
                self.order.push(number);
            }
        }
        let circular = names.iter().filter(|(_, number)| !placed[*number]);
        wrong.extend(circular.map(|(name, _)| (name.clone(), 0)));
        wrong
    }
}

fn belongs(spec: &GroupSpec, member: &Member) -> bool {
    if spec
        .usernames
        .iter()
        .any(|name| name.to_lowercase() == *member.username)
    {
        return true;
    }
    let boarder = member.house.is_some();
    let boarding = match spec.boarding {
        Boarding::Everyone => true,
        Boarding::Boarders => boarder,
        Boarding::Day => !boarder,
    };
    let conditions = !spec.roles.is_empty()
        || !spec.years.is_empty()
        || !spec.houses.is_empty()
        || !spec.classes.is_empty()
        || spec.boarding != Boarding::Everyone;
    conditions
        && boarding
        && any_or_none(&spec.roles, |role| member.is(*role))
        && any_or_none(&spec.years, |band| {
            member.year.is_some_and(|year| band.contains(year))
        })
        && any_or_none(&spec.houses, |house| {
            member.house.as_deref() == Some(house.as_str())
        })
        && any_or_none(&spec.classes, |class| {
            member.class_names.contains(class.as_str())
        })
}

fn any_or_none<T>(wanted: &[T], meets: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(meets)
}

fn can_hold_pupils(spec: &GroupSpec) -> bool {
    spec.roles.is_empty() || spec.roles.contains(&Role::Pupil) || !spec.usernames.is_empty()
}

fn built_in(name: &str) -> GroupSpec {
    let of = |roles: &[Role], boarding| GroupSpec {
        roles: roles.to_vec(),
        boarding,
        ..GroupSpec::default()
    };
    match name {
        "pupils" => of(&[Role::Pupil], Boarding::Everyone),
        "staff" => of(&[Role::Staff], Boarding::Everyone),
        "boarders" => of(&[Role::Pupil], Boarding::Boarders),
        "day-pupils" => of(&[Role::Pupil], Boarding::Day),
        "visitors" => of(&[Role::Visitor], Boarding::Everyone),
        "governors" => of(&[Role::Governor, Role::Chair], Boarding::Everyone),
        "parents" => of(&[Role::Parent], Boarding::Everyone),
        _ => GroupSpec::default(),
    }
}
