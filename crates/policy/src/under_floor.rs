//! Where a policy asks for less than the floor it stands on. The floor holds all the same: what is
//! found here is told to whoever writes the policy, so that no line promises what it cannot keep.

use std::collections::BTreeSet;

use pharos_catalogue::Address;
use pharos_school::{Role, YearBand};

use crate::spec::{FloorSpec, GroupSpec, RuleSpec, SearchSpec, WhomSpec};
use crate::{Action, PolicySpec, SpecProblem, YouTube};

/// The most places that are named.
const FOUND_MAX: usize = 200;

/// Every place of `spec` that asks for less than `floor`, with the path to its field; empty where it
/// nowhere does. At most 200. Who is who is told by roles: where it cannot be told, the place counts.
pub fn under_floor(spec: &PolicySpec, floor: &FloorSpec) -> Vec<SpecProblem> {
    let mut found = Found {
        spec,
        by: format!("{}, floor {}", floor.by, floor.version),
        problems: Vec::new(),
    };
    let silent = |site: &str| is_help_of(site, floor);
    for (n, rule) in spec.rules.iter().enumerate() {
        found.rule(&format!("rules[{n}]"), rule, floor);
    }
    for (n, help) in spec.help.iter().enumerate() {
        for (at, site) in help
            .sites
            .iter()
            .enumerate()
            .filter(|(_, site)| !silent(site))
        {
            for block in floor
                .blocks
                .iter()
                .filter(|block| within(site, &block.sites))
            {
                let says = format!(
                    "calls {site:?} help, and the floor blocks it ({})",
                    block.name
                );
                found.say(format!("help[{n}].sites[{at}]"), &says);
            }
        }
    }
    for (n, search) in spec.search.iter().enumerate() {
        found.search(&format!("search[{n}]"), search, floor);
    }
    if !floor.avoidance.is_empty() && !spec.avoidance.block {
        let says = "does not block ways round the filter, and the floor does";
        found.say("avoidance.block".to_owned(), says);
    }
    for (n, group) in spec.avoidance.granted.iter().enumerate() {
        let granted = std::slice::from_ref(group);
        if floor
            .avoidance
            .iter()
            .any(|whom| found.meets(granted, &[], whom))
        {
            let says =
                format!("grants ways round the filter to {group:?}, and the floor blocks them");
            found.say(format!("avoidance.granted[{n}]"), &says);
        }
    }
    found.problems.truncate(FOUND_MAX);
    found.problems
}

struct Found<'s> {
    spec: &'s PolicySpec,
    by: String,
    problems: Vec<SpecProblem>,
}

impl Found<'_> {
    fn say(&mut self, path: String, says: &str) {
        let message = format!("{says}; the floor holds ({})", self.by);
        self.problems.push(SpecProblem { path, message });
    }

    fn rule(&mut self, path: &str, rule: &RuleSpec, floor: &FloorSpec) {
        if rule.action == Action::Block {
            return;
        }
        let verb = match rule.action {
            Action::Warn => "only warns of",
            Action::Narrow => "only narrows",
            _ => "opens",
        };
        let blocks = floor.blocks.iter();
        let theirs = blocks.filter(|block| self.meets(&rule.groups, &rule.except, &block.whom));
        let mut says = Vec::new();
        for block in theirs {
            for (n, category) in rule.categories.iter().enumerate() {
                if block.categories.contains(category) {
                    let text =
                        format!("{verb} {category}, which the floor blocks ({})", block.name);
                    says.push((format!("{path}.categories[{n}]"), text));
                }
            }
            for (n, site) in rule.sites.iter().enumerate() {
                if within(site, &block.sites) && !is_help_of(site, floor) {
                    let text = format!("{verb} {site:?}, which the floor blocks ({})", block.name);
                    says.push((format!("{path}.sites[{n}]"), text));
                }
            }
            if rule.everything && rule.action <= Action::Allow {
                let text = format!("opens everything, and the floor blocks {}", block.name);
                says.push((format!("{path}.everything"), text));
            }
        }
        for (path, text) in says {
            self.say(path, &text);
        }
    }

    fn search(&mut self, path: &str, search: &SearchSpec, floor: &FloorSpec) {
        let theirs = floor.search.iter();
        let theirs = theirs.filter(|held| self.meets(&search.groups, &search.except, &held.whom));
        let (mut safe, mut youtube) = (false, YouTube::Off);
        for held in theirs {
            safe |= held.safe_search;
            youtube = youtube.max(held.youtube);
        }
        if safe && !search.safe_search {
            let says =
                "leaves search engines unheld, and the floor holds them to their strict filter";
            self.say(format!("{path}.safe-search"), says);
        }
        if search.youtube < youtube {
            let says = "holds YouTube less strictly than the floor";
            self.say(format!("{path}.youtube"), says);
        }
    }

    /// Whether anybody can be both in these groups of the school and among whom the floor means.
    fn meets(&self, groups: &[String], except: &[String], whom: &WhomSpec) -> bool {
        let years_only = whom.groups.is_empty() && !whom.years.is_empty();
        if years_only
            && !groups.is_empty()
            && groups
                .iter()
                .all(|group| self.is_of_other_years(group, whom))
        {
            return false;
        }
        let mut mine = self.kinds(groups);
        remove(&mut mine, except);
        let mut theirs = if whom.years.is_empty() && whom.groups.is_empty() {
            every_kind()
        } else {
            let named = whom.groups.iter().flat_map(|group| self.of_group(group));
            let pupils = (!whom.years.is_empty()).then_some(Role::Pupil);
            named.chain(pupils).collect()
        };
        remove(&mut theirs, &whom.except);
        !mine.is_disjoint(&theirs)
    }

    /// Whether a group of the school's own holds pupils of other years alone.
    fn is_of_other_years(&self, group: &str, whom: &WhomSpec) -> bool {
        self.spec.groups.get(group).is_some_and(|group| {
            let apart = |mine: &YearBand| {
                let meets = |theirs: &YearBand| mine.from <= theirs.to && theirs.from <= mine.to;
                !whom.years.iter().any(meets)
            };
            group.usernames.is_empty() && !group.years.is_empty() && group.years.iter().all(apart)
        })
    }

    /// What people in any of these groups can be; no groups: everybody.
    fn kinds(&self, groups: &[String]) -> BTreeSet<Role> {
        if groups.is_empty() {
            return every_kind();
        }
        groups
            .iter()
            .flat_map(|group| self.of_group(group))
            .collect()
    }

    fn of_group(&self, group: &str) -> BTreeSet<Role> {
        match group {
            "pupils" | "boarders" | "day-pupils" => BTreeSet::from([Role::Pupil]),
            "staff" => BTreeSet::from([Role::Staff]),
            "visitors" => BTreeSet::from([Role::Visitor]),
            "governors" => BTreeSet::from([Role::Governor]),
            "parents" => BTreeSet::from([Role::Parent]),
            _ => self
                .spec
                .groups
                .get(group)
                .map_or_else(every_kind, of_roles),
        }
    }
}

/// The kinds of people that a floor can tell apart, each by one role.
fn every_kind() -> BTreeSet<Role> {
    use Role::{Governor, Parent, Pupil, Staff, Visitor};
    BTreeSet::from([Pupil, Staff, Visitor, Governor, Parent])
}

fn of_roles(group: &GroupSpec) -> BTreeSet<Role> {
    if group.roles.is_empty() || !group.usernames.is_empty() {
        return every_kind();
    }
    let kind = |role: &Role| match role {
        role if role.is_staff() => Role::Staff,
        Role::Chair => Role::Governor,
        role => *role,
    };
    group.roles.iter().map(kind).collect()
}

/// Takes away the kinds that built-in groups hold whole.
fn remove(kinds: &mut BTreeSet<Role>, except: &[String]) {
    for group in except {
        match group.as_str() {
            "pupils" => kinds.remove(&Role::Pupil),
            "staff" => kinds.remove(&Role::Staff),
            "visitors" => kinds.remove(&Role::Visitor),
            "governors" => kinds.remove(&Role::Governor),
            "parents" => kinds.remove(&Role::Parent),
            "everyone" => {
                kinds.clear();
                continue;
            }
            _ => continue,
        };
    }
}

/// Whether a floor says nothing of a site, because it is help: named so by the floor, or well known.
pub fn is_help_of(site: &str, floor: &FloorSpec) -> bool {
    let known = Address::parse(site).is_ok_and(|site| crate::is_well_known_help(site.host()));
    known || within(site, &floor.help)
}

/// Whether a site lies on or below any of these hosts.
fn within(site: &str, hosts: &[String]) -> bool {
    let Ok(site) = Address::parse(site) else {
        return false;
    };
    hosts
        .iter()
        .filter_map(|host| Address::parse(host).ok())
        .any(|host| site.host().is_within(host.host()))
}
