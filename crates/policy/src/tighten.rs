//! Whether one policy only tightens another (REQ-05): what may be put in force before it is assessed.
//!
//! The comparison proves or it does not: what it cannot show to be a tightening counts as a
//! loosening. It rests on what the published order promises (FIL-06): one more block, warning or
//! narrowing never widens what anybody can reach, and one allowance less never does.

use std::collections::{BTreeMap, BTreeSet};

use crate::spec::{AiSpec, DefaultSpec, ModeSpec, PageTextSpec, RuleSpec, SearchSpec};
use crate::{Action, PhaseMode, PolicySpec};

/// The most reasons given.
const REASONS_MAX: usize = 20;

/// Why `after` is not known to be as strict as `before` everywhere; empty when it only tightens.
/// Overrides (exceptions, lesson lists, emergency blocks) are not compared: they stay as they are
/// whichever of the two is in force. At most 20 reasons, in words for whoever changes the policy.
pub fn loosens(before: &PolicySpec, after: &PolicySpec) -> Vec<String> {
    let mut found = Vec::new();
    let mut say = |differs: bool, what: &str| {
        if differs {
            found.push(what.to_owned());
        }
    };
    say(before.zone != after.zone, "the time zone differs");
    say(
        before.calendar != after.calendar,
        "the school calendar differs",
    );
    say(
        before.help != after.help,
        "the help and reporting sites differ",
    );
    say(
        before.inspection != after.inspection,
        "what is looked into differs",
    );
    say(
        before.browsers != after.browsers,
        "which browsers may be used, or who reaches the stores of extensions, differs",
    );
    say(
        before.tenants != after.tenants,
        "the accounts that services are told of differ",
    );
    say(
        before.in_lesson != after.in_lesson,
        "what staff may reach while they teach differs",
    );
    say(
        before.unknown != after.unknown,
        "what holds for unknown users and guests differs",
    );
    say(
        before.scope != after.scope,
        "which classes of devices the filter is for differs",
    );
    say(
        before.floor != after.floor,
        "the floor that the policy stands on differs",
    );
    say(
        before.avoidance.block && !after.avoidance.block,
        "ways round the filter are no longer blocked",
    );
    let granted = set(&before.avoidance.granted);
    say(
        !set(&after.avoidance.granted).is_subset(&granted),
        "more groups may use ways round the filter",
    );
    shared("hours", &before.hours, &after.hours, &mut found);
    shared("place", &before.places, &after.places, &mut found);
    shared("group", &before.groups, &after.groups, &mut found);
    blocks(before, after, &mut found);
    rules(&before.rules, &after.rules, &mut found);
    modes(&before.modes, &after.modes, &mut found);
    search(&before.search, &after.search, &mut found);
    page_text(&before.page_text, &after.page_text, &mut found);
    ai(&before.ai, &after.ai, &mut found);
    defaults(&before.defaults, &after.defaults, &mut found);
    found.truncate(REASONS_MAX);
    found
}

fn set(words: &[String]) -> BTreeSet<&str> {
    words.iter().map(String::as_str).collect()
}

/// What both name must mean the same in both.
fn shared<T: PartialEq>(
    what: &str,
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
    found: &mut Vec<String>,
) {
    for (name, written) in before {
        if after.get(name).is_some_and(|other| other != written) {
            found.push(format!("the {what} {name:?} differs"));
        }
    }
}

fn blocks(before: &PolicySpec, after: &PolicySpec, found: &mut Vec<String>) {
    let all = |spec: &PolicySpec| -> (BTreeSet<String>, BTreeSet<String>) {
        let sites = spec.blocks.iter().flat_map(|block| block.sites.clone());
        let categories = spec
            .blocks
            .iter()
            .flat_map(|block| block.categories.clone());
        (sites.collect(), categories.collect())
    };
    let (after_sites, after_categories) = all(after);
    for block in &before.blocks {
        let gone = |written: &[String], there: &BTreeSet<String>| {
            written.iter().any(|one| !there.contains(one))
        };
        if gone(&block.sites, &after_sites) || gone(&block.categories, &after_categories) {
            found.push(format!("the block {:?} holds less or is gone", block.name));
        }
    }
}

fn rules(before: &[RuleSpec], after: &[RuleSpec], found: &mut Vec<String>) {
    for rule in before.iter().filter(|rule| restricts(rule)) {
        if !after.iter().any(|other| holds_as_much(other, rule)) {
            found.push(format!("the rule {:?} holds less or is gone", rule.name));
        }
    }
    for rule in after.iter().filter(|rule| !restricts(rule)) {
        let opened = |other: &RuleSpec| {
            !restricts(other) && rule.action >= other.action && reaches(other, rule)
        };
        if !before.iter().any(|other| {
            opened(other) && same_people(other, rule) && same_time_and_place(other, rule)
        }) {
            found.push(format!("the rule {:?} opens more", rule.name));
        }
    }
}

fn restricts(rule: &RuleSpec) -> bool {
    rule.action > Action::Allow
}

/// Whether a rule is about everything that another is about.
fn reaches(wide: &RuleSpec, narrow: &RuleSpec) -> bool {
    (wide.everything || !narrow.everything)
        && set(&narrow.sites).is_subset(&set(&wide.sites))
        && set(&narrow.categories).is_subset(&set(&wide.categories))
}

/// Whether a restricting rule holds everything that another held. A narrowing is met by a narrowing
/// alone: a block in its place would no longer narrow what an exception opens.
fn holds_as_much(after: &RuleSpec, before: &RuleSpec) -> bool {
    let action = match before.action {
        Action::Narrow => after.action == Action::Narrow,
        action => after.action >= action,
    };
    let fewer_excepted = set(&after.except).is_subset(&set(&before.except));
    let more_people = after.groups.is_empty()
        || (!before.groups.is_empty() && set(&before.groups).is_subset(&set(&after.groups)));
    restricts(after)
        && action
        && reaches(after, before)
        && fewer_excepted
        && more_people
        && same_time_and_place(after, before)
}

fn same_people(one: &RuleSpec, other: &RuleSpec) -> bool {
    set(&one.groups) == set(&other.groups) && set(&one.except) == set(&other.except)
}

fn same_time_and_place(one: &RuleSpec, other: &RuleSpec) -> bool {
    set(&one.hours) == set(&other.hours)
        && set(&one.except_hours) == set(&other.except_hours)
        && set(&one.places) == set(&other.places)
}

/// The strictest mode holds. Teacher-directed mode opens the approved search tools, so that only
/// adult-led mode is stricter than every other.
fn modes(before: &[ModeSpec], after: &[ModeSpec], found: &mut Vec<String>) {
    let same = |one: &ModeSpec, other: &ModeSpec| {
        one.years == other.years && one.groups == other.groups && one.except == other.except
    };
    for mode in before {
        let kept = after.iter().any(|other| {
            same(mode, other) && (other.mode == mode.mode || other.mode == PhaseMode::AdultLed)
        });
        if !kept {
            found.push(format!("fewer people are in {} mode", mode.mode.name()));
        }
    }
    for mode in after {
        if mode.mode != PhaseMode::AdultLed && !before.contains(mode) {
            found.push(format!("more people are in {} mode", mode.mode.name()));
        }
    }
}

fn search(before: &[SearchSpec], after: &[SearchSpec], found: &mut Vec<String>) {
    let as_strict = |(one, other): (&SearchSpec, &SearchSpec)| {
        let tools = match (&one.tools, &other.tools) {
            (Some(before), Some(after)) => set(after).is_subset(&set(before)),
            (before, after) => before == after,
        };
        one.groups == other.groups
            && one.except == other.except
            && other.safe_search >= one.safe_search
            && other.youtube >= one.youtube
            && tools
    };
    if before.len() != after.len() || !before.iter().zip(after).all(as_strict) {
        found.push("how search and video are held differs, and not only by being stricter".into());
    }
}

fn page_text(before: &[PageTextSpec], after: &[PageTextSpec], found: &mut Vec<String>) {
    let all = after
        .iter()
        .map(|one| (&one.groups, &one.except, one.action));
    let held = |one: &PageTextSpec| holds(all.clone(), (&one.groups, &one.except, one.action));
    if !before.iter().all(held) {
        found.push("the text of fewer pages is judged".into());
    }
}

/// For whom something is, but for whom not, and how strict it is.
type Held<'s> = (&'s Vec<String>, &'s Vec<String>, Action);

/// Whether something as strict is there for the same people.
fn holds<'s>(
    mut after: impl Iterator<Item = Held<'s>>,
    (groups, except, action): Held<'_>,
) -> bool {
    after.any(|other| other.0 == groups && other.1 == except && other.2 >= action)
}

fn ai(before: &[AiSpec], after: &[AiSpec], found: &mut Vec<String>) {
    let as_strict = |(one, other): (&AiSpec, &AiSpec)| {
        one.groups == other.groups
            && one.except == other.except
            && other.block_signed_out >= one.block_signed_out
            && other.keep_prompts == one.keep_prompts
    };
    if before.len() != after.len() || !before.iter().zip(after).all(as_strict) {
        found.push("what holds for tools of generative AI differs".into());
    }
}

fn defaults(before: &[DefaultSpec], after: &[DefaultSpec], found: &mut Vec<String>) {
    let all = after
        .iter()
        .map(|one| (&one.groups, &one.except, one.action));
    let held = |one: &DefaultSpec| holds(all.clone(), (&one.groups, &one.except, one.action));
    for default in before.iter().filter(|default| !held(default)) {
        let groups = default.groups.join(", ");
        found.push(format!("the default for {groups:?} is less strict or gone"));
    }
}
