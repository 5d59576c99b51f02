//! The governors' report: a period in figures, without anybody's name (REP-01, ROLE-07).
//!
//! What goes in holds no person, no case id and no free text, so no name can come out: kinds are
//! [`Label`]s, which take only lower-case words.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::assess::Standing;
use crate::clause::ClauseAssessment;
use crate::suppress::{Count, suppress};

/// A kind of thing that is counted, such as `cyberbullying`: lower-case letters, digits and
/// hyphens, at most 60.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

/// The text is not a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a label: use lower-case letters, digits and hyphens, at most 60, such as \"cyberbullying\""
)]
pub struct NotALabel;

impl Label {
    /// Checks a label.
    ///
    /// # Errors
    /// [`NotALabel`] for anything that could be a name or a sentence.
    pub fn new(text: &str) -> Result<Self, NotALabel> {
        let fine = !text.is_empty()
            && text.len() <= 60
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fine {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotALabel)
        }
    }

    /// The label, or `other` for anything that is none.
    pub fn or_other(text: &str) -> Self {
        Self::new(text).unwrap_or_else(|NotALabel| Self("other".to_owned()))
    }

    /// The label with spaces for hyphens and a capital first letter.
    pub fn words(&self) -> String {
        let mut words = self.0.replace('-', " ");
        if let Some(first) = words.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        words
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// From the first date to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

/// One case in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFigures {
    /// The day it was reported.
    pub reported_on: Date,
    /// The day it was closed.
    pub closed_on: Option<Date>,
    /// Its procedure.
    pub procedure: Label,
    /// Level: low, medium, high; none while unclassified.
    pub level: Option<Label>,
    /// Harm types.
    pub harm: Vec<Label>,
    /// Outcome, once closed.
    pub outcome: Option<Label>,
    /// Deliberate or accidental, once decided.
    pub nature: Option<Label>,
    /// Who reported it: pupil, staff, parent, outside, monitoring.
    pub reporter: Label,
    /// Minutes from first knowledge to the lead.
    pub to_lead_minutes: Option<u64>,
    /// Minutes from first knowledge to police, IWF or CEOP.
    pub to_outside_minutes: Option<u64>,
    /// Minutes from first knowledge to the first parent told.
    pub to_parents_minutes: Option<u64>,
    /// For each pupil involved: `told`, `not-told`, `not-yet`, `undecided`.
    pub parents: Vec<Label>,
    /// Agencies it was taken to.
    pub referrals: Vec<Label>,
    /// Steps that overran their clock.
    pub overran: Vec<Label>,
    /// What its lessons change.
    pub lessons: Vec<Label>,
    /// Forbidden attempts refused.
    pub refused: u64,
}

/// One alert in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFigures {
    /// The day it was raised.
    pub raised_on: Date,
    /// Theme.
    pub theme: Label,
    /// Severity.
    pub severity: Label,
    /// Outcome, once closed; `became-a-concern` among them.
    pub outcome: Option<Label>,
    /// Minutes to the acknowledgement.
    pub to_acknowledged_minutes: Option<u64>,
}

/// One run of the self-check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckFigures {
    /// The day.
    pub on: Date,
    /// Probes tried.
    pub tried: u64,
    /// Probes that failed.
    pub failed: u64,
}

/// A list and its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListLine {
    /// Its name, as the technical team calls it.
    pub name: String,
    /// Entries.
    pub entries: u64,
    /// When it was last refreshed.
    pub refreshed_at: Option<Timestamp>,
    /// Whether it is a sealed list.
    pub sealed: bool,
}

/// Everything the report is built from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportInput {
    /// Cases reported or closed in the period; others are left out here.
    pub cases: Vec<CaseFigures>,
    /// Alerts raised in the period; others are left out here.
    pub alerts: Vec<AlertFigures>,
    /// Runs of the self-check in the period.
    pub checks: Vec<CheckFigures>,
    /// Tests by hand in the period.
    pub hand: Vec<CheckFigures>,
    /// Every clause as it stands at the end.
    pub clauses: Vec<ClauseAssessment>,
    /// The lists in force.
    pub lists: Vec<ListLine>,
    /// Categories with many requests granted in the period, and how many (FIL-12).
    pub loosening: Vec<(String, u64)>,
    /// Addresses of the curriculum that the last check of the period found blocked (FIL-12).
    pub curriculum_blocked: Vec<String>,
}

/// A table of counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What is counted.
    pub title: &'static str,
    /// How the counts are meant, where it is not plain.
    pub note: Option<&'static str>,
    /// The sum, where the rows add up to one.
    pub total: Option<Count>,
    /// Rows in the order of their labels.
    pub rows: Vec<(Label, Count)>,
}

/// How long something took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFigure {
    /// What.
    pub what: &'static str,
    /// The middle value in minutes; `None` when it would rest on fewer than five.
    pub median_minutes: Option<u64>,
    /// On how many it rests.
    pub of: Count,
}

/// A clause in the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseLine {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How it stands; `None` for a clause bound to no control.
    pub standing: Option<Standing>,
    /// Why, without figures.
    pub why: &'static str,
}

/// The report, for page and PDF alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GovernorsReport {
    /// The period.
    pub period: Period,
    /// Counts of cases: by procedure, level, nature, reporter, harm, outcome.
    pub cases: Vec<Table>,
    /// Parents, referrals, overrun steps, lessons.
    pub follow_up: Vec<Table>,
    /// Counts of alerts.
    pub alerts: Vec<Table>,
    /// Times.
    pub times: Vec<TimeFigure>,
    /// Runs of the self-check, those that failed, and days of the period without one.
    pub checks: (u64, u64, u64),
    /// Tests by hand, and those that did not find what was promised.
    pub hand: (u64, u64),
    /// Clauses that are not met, then those at risk.
    pub wanting: Vec<ClauseLine>,
    /// How many clauses stand how: met, attested, at risk, not met, bound to nothing.
    pub clauses: [u64; 5],
    /// The lists: name, entries, age in days at the end of the period.
    pub lists: Vec<(ListLine, Option<i64>)>,
    /// Forbidden attempts that Pharos refused.
    pub refused: Count,
    /// Categories to look at again: many requests in them were granted (FIL-12). Never small
    /// numbers.
    pub loosening: Vec<(String, u64)>,
    /// Addresses of the curriculum found blocked.
    pub curriculum_blocked: Vec<String>,
}

impl GovernorsReport {
    /// Builds the report of a period.
    pub fn build(input: &ReportInput, period: Period) -> Self {
        let within = |date: Date| period.from <= date && date <= period.to;
        let reported: Vec<&CaseFigures> = input
            .cases
            .iter()
            .filter(|c| within(c.reported_on))
            .collect();
        let closed: Vec<&CaseFigures> = input
            .cases
            .iter()
            .filter(|c| c.closed_on.is_some_and(within))
            .collect();
        let alerts: Vec<&AlertFigures> = input
            .alerts
            .iter()
            .filter(|a| within(a.raised_on))
            .collect();
        let mut cases = tables_of_one_total(
            reported.len() as u64,
            &[
                (
                    "Cases reported, by kind",
                    count(reported.iter().map(|c| Some(c.procedure.clone()))),
                ),
                (
                    "Cases reported, by level",
                    count(
                        reported
                            .iter()
                            .map(|c| Some(or(&c.level, "not-yet-classified"))),
                    ),
                ),
                (
                    "Cases reported, by nature",
                    count(reported.iter().map(|c| Some(or(&c.nature, "not-decided")))),
                ),
                (
                    "Cases reported, by who reported",
                    count(reported.iter().map(|c| Some(c.reporter.clone()))),
                ),
            ],
        );
        cases.push(loose(
            "Harm types named",
            Some("A case may name several, so these do not add up to the number of cases."),
            count(
                reported
                    .iter()
                    .flat_map(|c| c.harm.iter().cloned().map(Some)),
            ),
        ));
        cases.extend(tables_of_one_total(
            closed.len() as u64,
            &[(
                "Cases closed, by outcome",
                count(closed.iter().map(|c| Some(or(&c.outcome, "not-recorded")))),
            )],
        ));
        Self {
            period,
            cases,
            follow_up: follow_up(&reported),
            alerts: alert_tables(&alerts),
            times: times(&reported, &alerts),
            checks: checks(&input.checks, period),
            hand: {
                let (tests, failed, _) = checks(&input.hand, period);
                (tests, failed)
            },
            wanting: wanting(&input.clauses),
            clauses: standings(&input.clauses),
            lists: lists(&input.lists, period),
            refused: Count::alone(reported.iter().map(|c| c.refused).sum()),
            loosening: input.loosening.clone(),
            curriculum_blocked: input.curriculum_blocked.clone(),
        }
    }
}

fn or(label: &Option<Label>, other: &str) -> Label {
    label.clone().unwrap_or_else(|| Label(other.to_owned()))
}

fn count(labels: impl Iterator<Item = Option<Label>>) -> BTreeMap<Label, u64> {
    let mut counts = BTreeMap::new();
    for label in labels.flatten() {
        *counts.entry(label).or_insert(0) += 1;
    }
    counts
}

fn tables_of_one_total(total: u64, counted: &[(&'static str, BTreeMap<Label, u64>)]) -> Vec<Table> {
    let cells: Vec<Vec<u64>> = counted
        .iter()
        .map(|(_, counts)| counts.values().copied().collect())
        .collect();
    let (total, shown) = suppress(total, &cells);
    counted
        .iter()
        .zip(shown)
        .map(|((title, counts), shown)| Table {
            title,
            note: None,
            total: Some(total),
            rows: counts.keys().cloned().zip(shown).collect(),
        })
        .collect()
}

/// A table whose rows add up to nothing that is shown.
fn loose(title: &'static str, note: Option<&'static str>, counts: BTreeMap<Label, u64>) -> Table {
    let rows = counts
        .into_iter()
        .map(|(label, count)| (label, Count::alone(count)))
        .collect();
    Table {
        title,
        note,
        total: None,
        rows,
    }
}

fn follow_up(reported: &[&CaseFigures]) -> Vec<Table> {
    let each = |pick: fn(&CaseFigures) -> &Vec<Label>| {
        count(
            reported
                .iter()
                .flat_map(move |c| pick(c).iter().cloned().map(Some)),
        )
    };
    vec![
        loose(
            "Parents of pupils involved",
            Some("One line for each pupil in each case."),
            each(|c| &c.parents),
        ),
        loose(
            "Referrals and reports outside the school",
            None,
            each(|c| &c.referrals),
        ),
        loose(
            "Steps that took longer than their clock",
            None,
            each(|c| &c.overran),
        ),
        loose("What the lessons learnt change", None, each(|c| &c.lessons)),
    ]
}

fn alert_tables(alerts: &[&AlertFigures]) -> Vec<Table> {
    tables_of_one_total(
        alerts.len() as u64,
        &[
            (
                "Alerts, by theme",
                count(alerts.iter().map(|a| Some(a.theme.clone()))),
            ),
            (
                "Alerts, by severity",
                count(alerts.iter().map(|a| Some(a.severity.clone()))),
            ),
            (
                "Alerts, by outcome",
                count(alerts.iter().map(|a| Some(or(&a.outcome, "still-open")))),
            ),
        ],
    )
}

fn times(reported: &[&CaseFigures], alerts: &[&AlertFigures]) -> Vec<TimeFigure> {
    let cases = |what, pick: fn(&CaseFigures) -> Option<u64>| {
        time(
            what,
            reported.iter().filter_map(|c| pick(c)).collect(),
            reported.len(),
        )
    };
    vec![
        cases("From first knowledge to the safeguarding lead", |c| {
            c.to_lead_minutes
        }),
        cases("From first knowledge to police, IWF or CEOP", |c| {
            c.to_outside_minutes
        }),
        cases("From first knowledge to parents", |c| c.to_parents_minutes),
        time(
            "From alert to acknowledgement",
            alerts
                .iter()
                .filter_map(|a| a.to_acknowledged_minutes)
                .collect(),
            alerts.len(),
        ),
    ]
}

fn time(what: &'static str, mut minutes: Vec<u64>, all: usize) -> TimeFigure {
    minutes.sort_unstable();
    let median_minutes = if minutes.len() >= 5 {
        minutes.get(minutes.len() / 2).copied()
    } else {
        None
    };
    // Held against the number of all cases, the count must not tell how few are without a time.
    let of = match (
        Count::alone(minutes.len() as u64),
        all.saturating_sub(minutes.len()),
    ) {
        (Count::Exact(count), 1..=4) if count > 0 => Count::NotShown,
        (count, _) => count,
    };
    TimeFigure {
        what,
        median_minutes,
        of,
    }
}

fn checks(runs: &[CheckFigures], period: Period) -> (u64, u64, u64) {
    let inside: Vec<&CheckFigures> = runs
        .iter()
        .filter(|run| period.from <= run.on && run.on <= period.to)
        .collect();
    let failed = inside.iter().filter(|run| run.failed > 0).count() as u64;
    let days = period
        .from
        .until(period.to)
        .map_or(0, |span| i64::from(span.get_days()))
        .max(0)
        + 1;
    let with: std::collections::BTreeSet<Date> = inside.iter().map(|run| run.on).collect();
    let without = u64::try_from(days)
        .unwrap_or(0)
        .saturating_sub(with.len() as u64);
    (inside.len() as u64, failed, without)
}

fn wanting(clauses: &[ClauseAssessment]) -> Vec<ClauseLine> {
    let mut lines: Vec<ClauseLine> = clauses
        .iter()
        .filter(|clause| matches!(clause.standing, Some(Standing::NotMet | Standing::AtRisk)))
        .map(|clause| ClauseLine {
            id: clause.clause.clone(),
            title: clause.title.clone(),
            standing: clause.standing,
            why: clause.deciding().map_or("", |deciding| deciding.plain),
        })
        .collect();
    lines.sort_by_key(|line| line.standing);
    lines
}

fn standings(clauses: &[ClauseAssessment]) -> [u64; 5] {
    let of = |wanted: Option<Standing>| {
        clauses
            .iter()
            .filter(|clause| clause.standing == wanted)
            .count() as u64
    };
    [
        of(Some(Standing::Met)),
        of(Some(Standing::Attested)),
        of(Some(Standing::AtRisk)),
        of(Some(Standing::NotMet)),
        of(None),
    ]
}

fn lists(lists: &[ListLine], period: Period) -> Vec<(ListLine, Option<i64>)> {
    let end = period
        .to
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map(|day| day.timestamp())
        .ok();
    lists
        .iter()
        .map(|list| {
            let age = end
                .zip(list.refreshed_at)
                .map(|(end, at)| (end.duration_since(at).as_hours() / 24).max(0));
            (list.clone(), age)
        })
        .collect()
}
