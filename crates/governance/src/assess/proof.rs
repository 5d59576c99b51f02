//! Controls shown by the self-check, the settings and the sealed lists.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Draft, Evidence, Figure, PROBE_FRESH, Standing, age, ago, by_age, draft, figures};
use crate::control::Within;
use crate::facts::{Facts, Probe, ProbeResult, Subject};

pub(super) fn probes(
    facts: &Facts,
    subjects: &[Subject],
    groups: &[String],
    now: Timestamp,
    done: &str,
) -> Draft {
    let wanted = expand(facts, subjects, groups);
    let mut seen: Vec<&Probe> = Vec::new();
    let mut untried: Vec<String> = Vec::new();
    let mut off: Vec<(String, u64)> = Vec::new();
    for (subject, group) in &wanted {
        for setting in facts
            .settings
            .iter()
            .filter(|s| s.subject == *subject && s.group == *group && !s.on)
        {
            off.push((describe(subject, group), setting.policy_version));
        }
        match facts
            .probes
            .iter()
            .filter(|p| p.subject == *subject && p.group == *group)
            .max_by_key(|p| p.at)
        {
            Some(probe) if probe.result != ProbeResult::NotTried => seen.push(probe),
            _ => untried.push(describe(subject, group)),
        }
    }
    let failed: Vec<&&Probe> = seen
        .iter()
        .filter(|p| p.result == ProbeResult::Failed)
        .collect();
    let stale = seen
        .iter()
        .filter(|p| age(p.at, now) > PROBE_FRESH.duration())
        .count();
    let mut draft = if let Some((what, version)) = off.first() {
        draft(
            Standing::NotMet,
            format!("The settings in force (policy version {version}) do not do this: {what}."),
            "The settings in force differ from the policy.",
        )
    } else if let Some(probe) = failed.first() {
        draft(
            Standing::NotMet,
            format!(
                "The last check failed: {}.",
                describe(&probe.subject, &probe.group)
            ),
            "The last check failed.",
        )
    } else if seen.is_empty() {
        draft(
            Standing::NotMet,
            "The self-check has not tried this yet; run it.".into(),
            "The self-check has not tried this yet.",
        )
    } else if let Some(what) = untried.first() {
        draft(
            Standing::AtRisk,
            format!("The self-check has not been able to try this for everyone: {what}."),
            "The self-check could not try this for everyone.",
        )
    } else if stale > 0 {
        draft(
            Standing::AtRisk,
            format!(
                "{stale} of {} proofs are more than {PROBE_FRESH} old; run the self-check.",
                seen.len()
            ),
            "The proof is getting old.",
        )
    } else {
        draft(
            Standing::Met,
            format!(
                "The self-check found it {done} in all {} places tried.",
                seen.len()
            ),
            "The self-check found it so everywhere it tried.",
        )
    };
    draft.figures = figures(&[
        ("tried", seen.len()),
        ("failed", failed.len()),
        ("not tried", untried.len()),
        ("settings off", off.len()),
    ]);
    let mut shown: BTreeSet<Evidence> = failed
        .iter()
        .map(|p| Evidence::Check { check: p.check })
        .collect();
    if failed.is_empty() {
        shown.extend(seen.iter().map(|p| Evidence::Check { check: p.check }));
    }
    shown.extend(
        off.iter()
            .map(|(_, version)| Evidence::Policy { version: *version }),
    );
    draft.evidence = shown.into_iter().collect();
    draft
}

/// Every subject for every group meant; with no group named, every group that was tried or set.
fn expand(facts: &Facts, subjects: &[Subject], groups: &[String]) -> BTreeSet<(Subject, String)> {
    let mut wanted = BTreeSet::new();
    for subject in subjects {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for group in groups {
            match facts.groups.get(group) {
                Some(members) => names.extend(members.iter().cloned()),
                None => {
                    names.insert(group.clone());
                }
            }
        }
        if groups.is_empty() {
            let tried = facts
                .probes
                .iter()
                .filter(|p| matches!(p.subject, Subject::SafeSearch(_)));
            names.extend(tried.map(|p| p.group.clone()));
            names.extend(
                facts
                    .settings
                    .iter()
                    .filter(|s| s.subject == *subject)
                    .map(|s| s.group.clone()),
            );
        }
        wanted.extend(names.into_iter().map(|name| (subject.clone(), name)));
    }
    wanted
}

fn describe(subject: &Subject, group: &str) -> String {
    match subject {
        Subject::Category(category) => format!("{category} for {group}"),
        Subject::SafeSearch(engine) => format!("safe search on {engine} for {group}"),
    }
}

pub(super) fn sealed(facts: &Facts, within: Within, now: Timestamp) -> Draft {
    let entries: u64 = facts.sealed.iter().map(|list| list.entries).sum();
    let mut out = if facts.sealed.is_empty() || entries == 0 {
        draft(
            Standing::NotMet,
            "No sealed list of illegal content is loaded: the school has not joined a body that gives one, or its bundle was never imported. Join, and import the bundle.".into(),
            "No sealed list of illegal content is loaded.",
        )
    } else {
        let broken = facts
            .sealed
            .iter()
            .find(|list| list.entries == 0 || list.test_entry_held == Some(false));
        let oldest = facts
            .sealed
            .iter()
            .map(|list| (list.refreshed_at, &list.name))
            .min();
        match (broken, oldest) {
            (Some(list), _) if list.entries == 0 => draft(
                Standing::NotMet,
                format!("The sealed list {} is empty; import its bundle.", list.name),
                "A sealed list is empty.",
            ),
            (Some(list), _) => draft(
                Standing::NotMet,
                format!(
                    "The test entry of the sealed list {} was not blocked; run the self-check and import the bundle again.",
                    list.name
                ),
                "A sealed list did not hold when it was tried.",
            ),
            (None, Some((Some(at), name))) => {
                let age = age(at, now);
                let standing = by_age(age, within);
                let sentence = format!(
                    "The oldest sealed list, {name}, was refreshed {}; the limit is {within}.",
                    ago(age)
                );
                let plain = match standing {
                    Standing::Met => "Every sealed list is fresh.",
                    Standing::NotMet => "A sealed list is too old.",
                    Standing::AtRisk | Standing::Attested => {
                        "A sealed list is close to being too old."
                    }
                };
                draft(standing, sentence, plain)
            }
            (None, _) => draft(
                Standing::NotMet,
                "A sealed list has never been refreshed; import its bundle.".into(),
                "A sealed list was never refreshed.",
            ),
        }
    };
    out.figures = vec![
        Figure {
            name: "sealed lists",
            value: facts.sealed.len() as u64,
        },
        Figure {
            name: "entries",
            value: entries,
        },
    ];
    out.evidence = facts
        .sealed
        .iter()
        .map(|list| Evidence::SealedList {
            name: list.name.clone(),
        })
        .collect();
    out
}

pub(super) fn check(facts: &Facts, within: Within, now: Timestamp) -> Draft {
    let mut out = match (facts.check_last, facts.check_passed) {
        (None, _) => draft(
            Standing::NotMet,
            "The self-check has never run; run it.".into(),
            "The self-check has never run.",
        ),
        (Some((_, at, false)), _) => draft(
            Standing::NotMet,
            format!(
                "The last self-check, {}, failed; look at its sheet.",
                ago(age(at, now))
            ),
            "The last self-check failed.",
        ),
        (Some(_), None) => draft(
            Standing::NotMet,
            "The self-check has never passed.".into(),
            "The self-check has never passed.",
        ),
        (Some(_), Some((_, at))) => {
            let age = age(at, now);
            let standing = by_age(age, within);
            let plain = match standing {
                Standing::Met => "The self-check passed in time.",
                Standing::NotMet => "The last passed self-check is too old.",
                Standing::AtRisk | Standing::Attested => "The next self-check is nearly overdue.",
            };
            draft(
                standing,
                format!(
                    "The self-check last passed {}; the limit is {within}.",
                    ago(age)
                ),
                plain,
            )
        }
    };
    let last = facts.check_last.map(|(check, ..)| check).into_iter();
    let passed = facts.check_passed.map(|(check, _)| check);
    out.evidence = last
        .chain(passed)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|check| Evidence::Check { check })
        .collect();
    out
}

pub(super) fn hand(facts: &Facts, within: Within, now: Timestamp) -> Draft {
    let (held, failed): (Vec<_>, Vec<_>) = facts.hand.iter().partition(|test| test.passed);
    let last = facts.hand.iter().max_by_key(|test| test.at);
    let mut out = match last {
        None => draft(
            Standing::NotMet,
            "Nobody has tested by hand; try at a device and note what came.".into(),
            "Nobody has tested by hand.",
        ),
        Some(_) if !failed.is_empty() => draft(
            Standing::NotMet,
            format!(
                "{} of {} things tested by hand did not hold; mend them and test again.",
                failed.len(),
                facts.hand.len()
            ),
            "A test by hand did not find what was promised.",
        ),
        Some(last) => {
            let age = age(last.at, now);
            let standing = by_age(age, within);
            let plain = match standing {
                Standing::Met => "People test by hand in time.",
                Standing::NotMet => "The last test by hand is too old.",
                Standing::AtRisk | Standing::Attested => "The next test by hand is nearly overdue.",
            };
            let sentence = format!(
                "The last test by hand was {}; the limit is {within}.",
                ago(age)
            );
            draft(standing, sentence, plain)
        }
    };
    out.figures = figures(&[
        ("tested by hand", facts.hand.len()),
        ("did not hold", failed.len()),
    ]);
    out.evidence = failed
        .into_iter()
        .chain(held)
        .map(|test| Evidence::Check { check: test.check })
        .collect();
    out
}

/// Whether every class of devices that a clause promises is in scope and covered (FIL-15).
pub(super) fn scope(facts: &Facts, classes: &[String]) -> Draft {
    let left_out: Vec<&str> = classes
        .iter()
        .filter(|class| !facts.scope.iter().any(|fact| fact.class == **class))
        .map(String::as_str)
        .collect();
    let wanted: Vec<_> = facts
        .scope
        .iter()
        .filter(|fact| classes.is_empty() || classes.contains(&fact.class))
        .collect();
    let missing: Vec<_> = wanted
        .iter()
        .filter_map(|fact| Some((fact.title.as_str(), fact.missing.as_deref()?)))
        .collect();
    let mut out = if !left_out.is_empty() {
        draft(
            Standing::NotMet,
            format!(
                "The setting fil.scope leaves out what this promises: {}.",
                left_out.join(", ")
            ),
            "The settings in force differ from the policy.",
        )
    } else if wanted.is_empty() {
        draft(
            Standing::NotMet,
            "The setting fil.scope names no class of devices.".to_owned(),
            "No class of devices is in scope.",
        )
    } else if let Some((title, why)) = missing.first() {
        let more = match missing.len() {
            1 => String::new(),
            count => format!(
                " ({} more of {} classes in scope.)",
                count - 1,
                wanted.len()
            ),
        };
        draft(
            Standing::AtRisk,
            format!("{title}: {why}{more}"),
            "Not every kind of device in scope is covered.",
        )
    } else {
        draft(
            Standing::Met,
            format!(
                "All {} classes of devices in scope are covered.",
                wanted.len()
            ),
            "Every kind of device in scope is covered.",
        )
    };
    out.figures = figures(&[
        ("classes in scope", wanted.len()),
        ("not covered", missing.len()),
    ]);
    out.evidence = vec![Evidence::Limits];
    out
}
