//! Holding a control against the facts.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use pharos_school::{AlertId, CaseId, CheckId, PersonId, Role};
use serde::{Deserialize, Serialize};

use crate::control::{Control, Within};
use crate::facts::{Facts, ParentsNow, Probe, ProbeResult, Subject};

/// How a control or a clause stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Not kept, or not shown to be kept.
    NotMet,
    /// Kept for now, but running out, or with a lapse in the last four weeks.
    AtRisk,
    /// A named person says so, on a date.
    Attested,
    /// Kept, with the evidence.
    Met,
}

impl Standing {
    /// The words shown to people.
    pub const fn title(self) -> &'static str {
        match self {
            Standing::NotMet => "Not met",
            Standing::AtRisk => "At risk",
            Standing::Attested => "Attested",
            Standing::Met => "Met",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// What shows it, one click away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// A run of the self-check.
    Check {
        /// Which.
        check: CheckId,
    },
    /// A case. Shown as a link only to those who may see it.
    Case {
        /// Which.
        case: CaseId,
    },
    /// An alert.
    Alert {
        /// Which.
        alert: AlertId,
    },
    /// A sealed list's status.
    SealedList {
        /// Its name.
        name: String,
    },
    /// The settings, in a version of the policy.
    Policy {
        /// Which version.
        version: u64,
    },
    /// A statement.
    Attestation {
        /// By whom.
        by: PersonId,
        /// In which role.
        role: Role,
        /// When.
        at: Timestamp,
    },
}

/// A figure behind a standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What is counted or measured.
    pub name: &'static str,
    /// How much.
    pub value: u64,
}

/// How a control stands, why, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The control, as written.
    pub control: String,
    /// How it stands.
    pub standing: Standing,
    /// Why, with figures; for staff.
    pub sentence: String,
    /// Why, without figures that could point at a child; for governors (ROLE-07).
    pub plain: &'static str,
    /// The figures.
    pub figures: Vec<Figure>,
    /// The evidence, at most [`EVIDENCE_MAX`] pieces, the worst first.
    pub evidence: Vec<Evidence>,
}

/// Most pieces of evidence listed; the figures count all.
const EVIDENCE_MAX: usize = 50;
/// How old a probe may be before its evidence is stale.
const PROBE_FRESH: Within = Within::days(7);
/// How far back a lapse counts against a control.
const LAPSE: Within = Within::days(28);

/// Assesses one control of a clause.
pub fn assess(control: &Control, clause: &str, facts: &Facts, now: Timestamp) -> Assessment {
    let draft = match control {
        Control::FilterBlocks { category, groups } => {
            let subjects = [Subject::Category(category.clone())];
            probes(facts, &subjects, groups, now, "blocked")
        }
        Control::SafeSearchOn { engines, groups } => {
            let subjects: Vec<Subject> = engines.iter().cloned().map(Subject::SafeSearch).collect();
            probes(facts, &subjects, groups, now, "in safe search")
        }
        Control::SealedFresh { within } => sealed(facts, *within, now),
        Control::CheckPassed { within } => check(facts, *within, now),
        Control::BreachesHandled { within } => breaches(facts, *within, now),
        Control::ParentsTold { within } => parents(facts, *within, now),
        Control::AlertsAcknowledged { within } => alerts(facts, *within, now),
        Control::Attested { by, within } => attested(facts, clause, *by, *within, now),
    };
    let mut evidence = draft.evidence;
    evidence.truncate(EVIDENCE_MAX);
    Assessment {
        control: control.to_string(),
        standing: draft.standing,
        sentence: draft.sentence,
        plain: draft.plain,
        figures: draft.figures,
        evidence,
    }
}

struct Draft {
    standing: Standing,
    sentence: String,
    plain: &'static str,
    figures: Vec<Figure>,
    evidence: Vec<Evidence>,
}

fn draft(standing: Standing, sentence: String, plain: &'static str) -> Draft {
    Draft {
        standing,
        sentence,
        plain,
        figures: Vec::new(),
        evidence: Vec::new(),
    }
}

fn age(at: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(at).max(SignedDuration::ZERO)
}

/// Met while well inside, at risk in the last fifth, not met beyond.
fn by_age(age: SignedDuration, within: Within) -> Standing {
    if age > within.duration() {
        Standing::NotMet
    } else if age.as_secs() * 5 > within.duration().as_secs() * 4 {
        Standing::AtRisk
    } else {
        Standing::Met
    }
}

fn probes(
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

fn sealed(facts: &Facts, within: Within, now: Timestamp) -> Draft {
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

fn check(facts: &Facts, within: Within, now: Timestamp) -> Draft {
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

/// One thing that was to be done within a time.
struct Timed {
    evidence: Evidence,
    started: Timestamp,
    /// `None` while open.
    done: Option<Timestamp>,
    /// Late for a reason of its own, such as a passed review date.
    lapsed: bool,
}

struct Words {
    things: &'static str,
    none: &'static str,
    good: &'static str,
    late: &'static str,
    soon: &'static str,
    lapse: &'static str,
}

/// Open and late: not met. Late but done in the last four weeks, or nearly late: at risk.
fn timed(all: &[Timed], within: Within, now: Timestamp, words: &Words) -> Draft {
    let limit = within.duration();
    let (mut late_open, mut soon, mut lapses, mut good) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for one in all {
        let took = age(one.started, one.done.unwrap_or(now));
        let list = match (one.done, by_age(took, within)) {
            _ if one.lapsed => &mut late_open,
            (None, Standing::NotMet) => &mut late_open,
            (None, Standing::AtRisk) => &mut soon,
            (Some(done), _) if took > limit && age(done, now) <= LAPSE.duration() => &mut lapses,
            _ => &mut good,
        };
        list.push(one.evidence.clone());
    }
    let total = all.len();
    let things = words.things;
    let mut out = if !late_open.is_empty() {
        draft(
            Standing::NotMet,
            format!(
                "{} of {total} {things} are open beyond {within}.",
                late_open.len()
            ),
            words.late,
        )
    } else if !soon.is_empty() {
        draft(
            Standing::AtRisk,
            format!("{} of {total} {things} are close to {within}.", soon.len()),
            words.soon,
        )
    } else if !lapses.is_empty() {
        draft(
            Standing::AtRisk,
            format!(
                "{} of {total} {things} took longer than {within} in the last four weeks.",
                lapses.len()
            ),
            words.lapse,
        )
    } else if total == 0 {
        draft(Standing::Met, words.none.to_owned(), words.none)
    } else {
        draft(
            Standing::Met,
            format!("All {total} {things} were dealt with or are inside {within}."),
            words.good,
        )
    };
    out.figures = figures(&[
        (things, total),
        ("open and late", late_open.len()),
        ("nearly late", soon.len()),
        ("done late", lapses.len()),
    ]);
    out.evidence = [late_open, soon, lapses, good].concat();
    out
}

fn breaches(facts: &Facts, within: Within, now: Timestamp) -> Draft {
    let all: Vec<Timed> = facts
        .breaches
        .iter()
        .map(|b| Timed {
            evidence: Evidence::Case { case: b.case },
            started: b.reported_at,
            done: b.closed_at,
            lapsed: false,
        })
        .collect();
    timed(
        &all,
        within,
        now,
        &Words {
            things: "breaches",
            none: "No breach is open, and none was reported in the last four weeks.",
            good: "Breaches are handled in time.",
            late: "A breach is open beyond its time.",
            soon: "A breach is close to its time.",
            lapse: "A breach took too long in the last four weeks.",
        },
    )
}

fn parents(facts: &Facts, within: Within, now: Timestamp) -> Draft {
    // A date counts as passed two days on, so that no time zone makes it early.
    let passed = |date: jiff::civil::Date| {
        date.to_zoned(jiff::tz::TimeZone::UTC)
            .is_ok_and(|day| age(day.timestamp(), now) > SignedDuration::from_hours(48))
    };
    let all: Vec<Timed> = facts
        .parents
        .iter()
        .map(|p| {
            let (done, lapsed) = match p.now {
                ParentsNow::Undecided => (None, false),
                ParentsNow::Told(at) | ParentsNow::NotTold(at) => (Some(at), false),
                // Decided for now, with a reason; late only when nobody looks again on the day.
                ParentsNow::NotYet(date) => (Some(p.reported_at), passed(date)),
            };
            Timed {
                evidence: Evidence::Case { case: p.case },
                started: p.reported_at,
                done,
                lapsed,
            }
        })
        .collect();
    let mut out = timed(
        &all,
        within,
        now,
        &Words {
            things: "parents decisions",
            none: "No case with a pupil needs a parents decision.",
            good: "Parents are told in time, or the lead's reason is written.",
            late: "Parents have not been told in time.",
            soon: "A parents decision is close to its time.",
            lapse: "Parents were told late in the last four weeks.",
        },
    );
    let told = facts
        .parents
        .iter()
        .filter(|p| matches!(p.now, ParentsNow::Told(_)))
        .count();
    let not_told = facts
        .parents
        .iter()
        .filter(|p| matches!(p.now, ParentsNow::NotTold(_) | ParentsNow::NotYet(_)))
        .count();
    out.figures.extend(figures(&[
        ("told", told),
        ("not told, with a reason", not_told),
    ]));
    out
}

fn alerts(facts: &Facts, within: Within, now: Timestamp) -> Draft {
    let all: Vec<Timed> = facts
        .alerts
        .iter()
        .map(|a| Timed {
            evidence: Evidence::Alert { alert: a.alert },
            started: a.raised_at,
            done: a.acknowledged_at,
            lapsed: false,
        })
        .collect();
    timed(
        &all,
        within,
        now,
        &Words {
            things: "alerts",
            none: "No alert waits, and none was raised in the last four weeks.",
            good: "Alerts are acknowledged in time.",
            late: "An alert waits beyond its time.",
            soon: "An alert is close to its time.",
            lapse: "An alert was acknowledged late in the last four weeks.",
        },
    )
}

fn attested(facts: &Facts, clause: &str, by: Role, within: Within, now: Timestamp) -> Draft {
    let newest = facts
        .attestations
        .iter()
        .filter(|a| a.clause == clause && a.role == by)
        .max_by_key(|a| a.at);
    let Some(statement) = newest else {
        return draft(
            Standing::NotMet,
            format!("The {by} has not said so yet; ask them to."),
            "Nobody has said so yet.",
        );
    };
    let age = age(statement.at, now);
    let (standing, plain) = match by_age(age, within) {
        Standing::NotMet => (Standing::NotMet, "The statement is too old."),
        Standing::AtRisk => (Standing::AtRisk, "The statement runs out soon."),
        Standing::Met | Standing::Attested => (Standing::Attested, "A named person says so."),
    };
    let mut out = draft(
        standing,
        format!("The {by} said so {}; it holds for {within}.", ago(age)),
        plain,
    );
    out.evidence = vec![Evidence::Attestation {
        by: statement.by,
        role: statement.role,
        at: statement.at,
    }];
    out
}

fn figures(pairs: &[(&'static str, usize)]) -> Vec<Figure> {
    pairs
        .iter()
        .map(|(name, value)| Figure {
            name,
            value: *value as u64,
        })
        .collect()
}

fn ago(age: SignedDuration) -> String {
    let minutes = age.as_mins();
    match minutes {
        0 => "just now".to_owned(),
        1 => "1 minute ago".to_owned(),
        2..=119 => format!("{minutes} minutes ago"),
        120..=2879 => format!("{} hours ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}
