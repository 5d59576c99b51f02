//! The governors' report as a document (REP-01, ROLE-07, FIL-20).
//!
//! What comes in has no names and its small numbers are hidden already; this module only lays it
//! out and says what the figures mean.

use jiff::civil::Date;
use pharos_governance::{
    ClauseLine, Count, GovernorsReport, Label, Standing, Table as Counts, TimeFigure,
};

use crate::{Bar, Block, Cell, Chart, Column, Document, Figure, ReportError, Table, Tone, csv};

/// What the report is called and by whom it is presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// The school's name.
    pub school: String,
    /// The day it was made.
    pub made: Date,
    /// The role that presents it, in words (`people.governor_report_by`).
    pub presented_by: String,
}

/// What every filter notice and report says about its limits (FIL-20).
pub const LIMITS: &str = "No filter and no monitoring can promise complete safety. Pages, apps and people find ways \
that no list knows yet, and devices are used where this system does not reach. Supervision by adults, teaching, and \
children who know whom to turn to remain necessary. These figures show what was noticed and done; what nobody \
noticed is not in them.";

/// The report as a document.
pub fn governors(report: &GovernorsReport, cover: &Cover) -> Document {
    let mut blocks = Vec::new();
    headline(report, &mut blocks);
    policy(report, &mut blocks);
    incidents(report, &mut blocks);
    follow_up(report, &mut blocks);
    times(&report.times, &mut blocks);
    checks_and_lists(report, &mut blocks);
    over_blocking(report, &mut blocks);
    limits(&mut blocks);
    meanings(&mut blocks);
    Document {
        school: cover.school.clone(),
        title: "Online safety: report to governors".into(),
        subtitle: format!(
            "{} to {} · presented by the {}",
            day(report.period.from),
            day(report.period.to),
            cover.presented_by
        ),
        made: cover.made,
        foot: format!(
            "Made on {} · figures without names; small numbers are hidden",
            day(cover.made)
        ),
        blocks,
    }
}

/// Every figure of the report as one CSV table: part, what, figure.
///
/// # Errors
/// Only where memory runs out.
pub fn governors_csv(report: &GovernorsReport) -> Result<Vec<u8>, ReportError> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut row = |part: &str, what: String, figure: String| {
        rows.push(vec![part.into(), what.into(), figure.into()])
    };
    for (standing, count) in STANDINGS.into_iter().zip(report.clauses) {
        row(
            "Clauses of the policy",
            standing.0.into(),
            count.to_string(),
        );
    }
    for (category, count) in &report.loosening {
        row(
            "Categories to look at again: requests granted",
            category.clone(),
            count.to_string(),
        );
    }
    for address in &report.curriculum_blocked {
        row(
            "Blocked although teaching needs it",
            address.clone(),
            "1".into(),
        );
    }
    for line in &report.wanting {
        row(
            "Clauses that need attention",
            format!("{} {}", line.id, line.title),
            standing(line).text,
        );
    }
    for counts in report
        .cases
        .iter()
        .chain(&report.follow_up)
        .chain(&report.alerts)
    {
        for (label, count) in &counts.rows {
            row(counts.title, label.words(), count.to_string());
        }
        if let Some(total) = counts.total {
            row(counts.title, "All".into(), total.to_string());
        }
    }
    for time in &report.times {
        row("Middle time", time.what.into(), median(time));
    }
    let (runs, failed, without) = report.checks;
    row("Self-check", "Runs".into(), runs.to_string());
    row("Self-check", "Runs that failed".into(), failed.to_string());
    row(
        "Self-check",
        "Days without a run".into(),
        without.to_string(),
    );
    row("Tests by hand", "Tests".into(), report.hand.0.to_string());
    row(
        "Tests by hand",
        "Tests that did not find what was promised".into(),
        report.hand.1.to_string(),
    );
    for (list, age) in &report.lists {
        row("Age of list", list.name.clone(), days(*age));
    }
    row(
        "Forbidden attempts refused",
        "All".into(),
        report.refused.to_string(),
    );
    let columns = vec![
        Column::words("Part", 2),
        Column::words("What", 3),
        Column::numbers("Figure", 1),
    ];
    csv(&Table {
        caption: String::new(),
        columns,
        rows,
        none: String::new(),
    })
}

const STANDINGS: [(&str, Tone); 5] = [
    ("Met", Tone::Good),
    ("Attested", Tone::Said),
    ("At risk", Tone::Warn),
    ("Not met", Tone::Bad),
    ("Bound to no control", Tone::Plain),
];

fn headline(report: &GovernorsReport, blocks: &mut Vec<Block>) {
    let [met, attested, at_risk, not_met, _] = report.clauses;
    let bound = met + attested + at_risk + not_met;
    let (runs, failed, _) = report.checks;
    let clauses = if not_met > 0 {
        Tone::Bad
    } else if at_risk > 0 {
        Tone::Warn
    } else {
        Tone::Good
    };
    let checks = match (runs, failed) {
        (0, _) => Tone::Warn,
        (_, 0) => Tone::Good,
        _ => Tone::Warn,
    };
    let figure = |value: String, label: &str, tone| Figure {
        value,
        label: label.into(),
        tone,
    };
    blocks.push(Block::Figures {
        figures: vec![
            figure(
                format!("{} of {bound}", met + attested),
                "clauses of the policy met or attested",
                clauses,
            ),
            figure(
                total(&report.cases),
                "cases reported in the period",
                Tone::Plain,
            ),
            figure(
                total(&report.alerts),
                "alerts raised in the period",
                Tone::Plain,
            ),
            figure(
                format!("{} of {runs}", runs.saturating_sub(failed)),
                "checks of the filter passed",
                checks,
            ),
        ],
    });
}

fn total(tables: &[Counts]) -> String {
    tables
        .first()
        .and_then(|table| table.total)
        .unwrap_or(Count::Exact(0))
        .to_string()
}

fn policy(report: &GovernorsReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::heading("How the policy stands"));
    blocks.push(Block::text(
        "Each clause of the written policy is held against the controls that carry it out. \
         It stands as well as the worst of them on the last day of the period.",
    ));
    let row = |(standing, count): ((&str, Tone), u64)| -> Vec<Cell> {
        vec![
            Cell {
                text: standing.0.into(),
                tone: standing.1,
            },
            count.to_string().into(),
            meaning(standing.0).into(),
        ]
    };
    blocks.push(Block::Table(Table {
        caption: "Clauses of the policy by standing".into(),
        columns: vec![
            Column::words("Standing", 5),
            Column::numbers("Clauses", 3),
            Column::words("What it means", 14),
        ],
        rows: STANDINGS.into_iter().zip(report.clauses).map(row).collect(),
        none: String::new(),
    }));
    let row = |line: &ClauseLine| -> Vec<Cell> {
        vec![
            line.title.clone().into(),
            standing(line),
            line.why.into(),
            line.id.clone().into(),
        ]
    };
    blocks.push(Block::Table(Table {
        caption: "Clauses that need the governors' attention, the worst first".into(),
        columns: vec![
            Column::words("Clause", 7),
            Column::words("Standing", 4),
            Column::words("Why", 8),
            Column::words("In the policy", 6),
        ],
        rows: report.wanting.iter().map(row).collect(),
        none: "None: every clause that is bound to a control is met or attested.".into(),
    }));
}

fn meaning(standing: &str) -> &'static str {
    match standing {
        "Met" => "Kept, and the evidence shows it.",
        "Attested" => "A named person says so, on a date; nothing measures it.",
        "At risk" => "Kept for now, but running out, or with a recent lapse.",
        "Not met" => "Not kept, or not shown to be kept.",
        _ => "Words of the policy that no control carries out or shows yet.",
    }
}

fn standing(line: &ClauseLine) -> Cell {
    let (text, tone) = match line.standing {
        Some(standing) => (standing.title(), tone(standing)),
        None => ("Bound to no control", Tone::Plain),
    };
    Cell {
        text: text.into(),
        tone,
    }
}

fn tone(standing: Standing) -> Tone {
    match standing {
        Standing::Met => Tone::Good,
        Standing::Attested => Tone::Said,
        Standing::AtRisk => Tone::Warn,
        Standing::NotMet => Tone::Bad,
    }
}

fn incidents(report: &GovernorsReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::heading("Incidents and outcomes"));
    counted(&report.cases, blocks);
    blocks.push(Block::heading("What monitoring raised"));
    counted(&report.alerts, blocks);
}

fn follow_up(report: &GovernorsReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::heading("Follow-up and what was learnt"));
    counted(&report.follow_up, blocks);
    blocks.push(Block::text(match report.refused {
        Count::Exact(0) => "Nobody tried to take a step that the procedures forbid.".to_owned(),
        count => format!(
            "Attempts to take a step that the procedures forbid, refused by the system: {count}."
        ),
    }));
}

fn counted(tables: &[Counts], blocks: &mut Vec<Block>) {
    let (empty, full): (Vec<&Counts>, Vec<&Counts>) =
        tables.iter().partition(|table| table.rows.is_empty());
    if !full.is_empty() {
        blocks.push(Block::Charts {
            charts: full.into_iter().map(chart).collect(),
        });
    }
    if !empty.is_empty() {
        let titles: Vec<&str> = empty.into_iter().map(|table| table.title).collect();
        blocks.push(Block::note(format!(
            "Nothing to count in this period: {}.",
            titles.join("; ").to_lowercase()
        )));
    }
}

fn chart(table: &Counts) -> Chart {
    let longest = table
        .rows
        .iter()
        .filter_map(|(_, count)| exact(*count))
        .max()
        .unwrap_or(1)
        .max(1);
    let length =
        |count: Count| exact(count).map(|count| (count.saturating_mul(1000) / longest) as u16);
    let bar = |(label, count): &(Label, Count)| Bar {
        label: label.words(),
        value: count.to_string(),
        length: length(*count),
    };
    Chart {
        caption: table.title.into(),
        bars: table.rows.iter().map(bar).collect(),
        total: table.total.map(|total| total.to_string()),
        note: table.note.unwrap_or_default().into(),
    }
}

fn exact(count: Count) -> Option<u64> {
    match count {
        Count::Exact(count) => Some(count),
        Count::FewerThanFive | Count::NotShown => None,
    }
}

fn times(figures: &[TimeFigure], blocks: &mut Vec<Block>) {
    blocks.push(Block::heading("How long it took"));
    let row = |time: &TimeFigure| -> Vec<Cell> {
        vec![
            time.what.into(),
            median(time).into(),
            time.of.to_string().into(),
        ]
    };
    blocks.push(Block::Table(Table {
        caption: "Half took this long or less".into(),
        columns: vec![
            Column::words("From when to when", 10),
            Column::numbers("Middle time", 5),
            Column::numbers("Resting on", 5),
        ],
        rows: figures.iter().map(row).collect(),
        none: "No times in this period.".into(),
    }));
}

fn median(time: &TimeFigure) -> String {
    match time.median_minutes {
        None => "too few to say".into(),
        Some(minutes) => duration(minutes),
    }
}

fn duration(minutes: u64) -> String {
    let plural =
        |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match minutes {
        0..120 => plural(minutes, "minute"),
        120..2880 => {
            let (hours, rest) = (minutes / 60, minutes % 60);
            if rest == 0 {
                plural(hours, "hour")
            } else {
                format!("{hours} h {rest} min")
            }
        }
        _ => plural(minutes / 1440, "day"),
    }
}

fn checks_and_lists(report: &GovernorsReport, blocks: &mut Vec<Block>) {
    let (runs, failed, without) = report.checks;
    blocks.push(Block::heading("Is the filter working?"));
    blocks.push(Block::text(
        "The self-check asks the real filter for test pages as each kind of user would, and keeps the result as evidence.",
    ));
    let line = |what: &str, count: u64, good: bool| -> Vec<Cell> {
        let tone = if good { Tone::Good } else { Tone::Warn };
        vec![
            what.into(),
            Cell {
                text: if count == 0 {
                    "none".into()
                } else {
                    count.to_string()
                },
                tone,
            },
        ]
    };
    blocks.push(Block::Table(Table {
        caption: "The self-check".into(),
        columns: vec![Column::words("What", 14), Column::numbers("How many", 6)],
        rows: vec![
            line("Runs", runs, runs > 0),
            line("Runs in which something failed", failed, failed == 0),
            line("Days of the period without a run", without, without == 0),
            line("Tests by hand", report.hand.0, report.hand.0 > 0),
            line(
                "Tests by hand that did not find what was promised",
                report.hand.1,
                report.hand.1 == 0,
            ),
        ],
        none: String::new(),
    }));
    let row = |(list, age): &(pharos_governance::ListLine, Option<i64>)| -> Vec<Cell> {
        let kind = if list.sealed {
            "Sealed: illegal content"
        } else {
            "Category"
        };
        let tone = if age.is_none() || list.entries == 0 {
            Tone::Bad
        } else {
            Tone::Plain
        };
        vec![
            list.name.clone().into(),
            kind.into(),
            thousands(list.entries).into(),
            Cell {
                text: days(*age),
                tone,
            },
        ]
    };
    blocks.push(Block::Table(Table {
        caption: "Lists that the filter works from, and their age at the end of the period".into(),
        columns: vec![
            Column::words("List", 6),
            Column::words("Kind", 6),
            Column::numbers("Entries", 4),
            Column::numbers("Age", 4),
        ],
        rows: report.lists.iter().map(row).collect(),
        none: "There are no lists. The filter blocks only what the policy names itself.".into(),
    }));
}

fn over_blocking(report: &GovernorsReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::heading("Is the filter in the way of teaching?"));
    blocks.push(Block::Table(Table {
        caption: "Categories to look at again: ten or more requests in them were granted".into(),
        columns: vec![
            Column::words("Category", 14),
            Column::numbers("Requests granted", 6),
        ],
        rows: report
            .loosening
            .iter()
            .map(|(category, count)| vec![category.clone().into(), count.to_string().into()])
            .collect(),
        none: "None: no category had ten requests granted.".into(),
    }));
    blocks.push(Block::Table(Table {
        caption: "Addresses that teaching needs, found blocked by the last check".into(),
        columns: vec![Column::words("Address", 20)],
        rows: report
            .curriculum_blocked
            .iter()
            .map(|address| vec![address.clone().into()])
            .collect(),
        none: "None of those watched.".into(),
    }));
}

fn days(age: Option<i64>) -> String {
    match age {
        None => "never loaded".into(),
        Some(0) => "under a day".into(),
        Some(1) => "1 day".into(),
        Some(days) => format!("{days} days"),
    }
}

fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn limits(blocks: &mut Vec<Block>) {
    blocks.push(Block::heading("What these figures cannot say"));
    blocks.push(Block::Boxed {
        title: "Honest limits".into(),
        text: LIMITS.into(),
        tone: Tone::Said,
    });
}

fn meanings(blocks: &mut Vec<Block>) {
    blocks.push(Block::heading("How the figures are counted"));
    let term = |term: &str, meaning: &str| (term.to_owned(), meaning.to_owned());
    blocks.push(Block::Terms {
        terms: vec![
            term(
                "Fewer than five",
                "one to four. Small numbers are hidden so that nobody can be recognised.",
            ),
            term(
                "Not shown",
                "five or more, kept back because it would give a small number away.",
            ),
            term(
                "Case",
                "a concern that was reported and taken up, counted by the day it was reported.",
            ),
            term(
                "Alert",
                "something the monitoring rules picked out for the safeguarding lead to look at.",
            ),
            term(
                "Middle time",
                "half took this long or less; said only where it rests on five or more.",
            ),
            term(
                "Sealed list",
                "a list of illegal content that no setting can switch off and nobody can read.",
            ),
        ],
    });
}

/// `3 September 2026`.
fn day(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        for (minutes, words) in [
            (1, "1 minute"),
            (45, "45 minutes"),
            (119, "119 minutes"),
            (120, "2 hours"),
            (130, "2 h 10 min"),
            (4320, "3 days"),
        ] {
            assert_eq!(duration(minutes), words);
        }
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(12), "12");
    }
}
