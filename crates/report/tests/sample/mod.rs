//! A term at a fictional school, in figures.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by tests and example"
)]

use jiff::civil::{Date, date};
use pharos_governance::{
    AlertFigures, Assessment, CaseFigures, CheckFigures, ClauseAssessment, GovernorsReport, Label,
    ListLine, Period, ReportInput, Standing,
};
use pharos_report::Cover;

pub fn cover() -> Cover {
    Cover {
        school: "Harbourmouth School".into(),
        made: date(2026, 12, 18),
        presented_by: "safeguarding governor".into(),
    }
}

pub const PERIOD: Period = Period {
    from: date(2026, 9, 1),
    to: date(2026, 12, 18),
};

pub fn report() -> GovernorsReport {
    GovernorsReport::build(&input(), PERIOD)
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn on(day: i64) -> Date {
    date(2026, 9, 3)
        .checked_add(jiff::Span::new().days(day))
        .unwrap()
}

/// Eleven breaches, eight of cyberbullying, two of sexting.
fn input() -> ReportInput {
    let kinds = [
        ("filtering-breach", 11),
        ("cyberbullying", 8),
        ("nudes-shared", 2),
    ];
    let kinds = kinds
        .iter()
        .flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count));
    let cases = kinds
        .enumerate()
        .map(|(n, kind)| case(n as i64, kind))
        .collect();
    let themes = [
        ("gambling", 31),
        ("violence", 17),
        ("self-harm", 9),
        ("adult-content", 24),
        ("extremism", 3),
    ];
    let themes = themes
        .iter()
        .flat_map(|(theme, count)| std::iter::repeat_n(*theme, *count));
    let alerts = themes
        .enumerate()
        .map(|(n, theme)| alert(n as i64, theme))
        .collect();
    let checks = (0..100)
        .map(|n| CheckFigures {
            on: on(n),
            tried: 64,
            failed: u64::from(n % 40 == 17),
        })
        .collect();
    ReportInput {
        loosening: Vec::new(),
        curriculum_blocked: Vec::new(),
        cases,
        alerts,
        checks,
        hand: vec![CheckFigures {
            on: on(20),
            tried: 1,
            failed: 1,
        }],
        clauses: clauses(),
        lists: lists(),
    }
}

fn case(n: i64, kind: &str) -> CaseFigures {
    CaseFigures {
        reported_on: on(n * 4),
        closed_on: (n % 6 != 0).then(|| on(n * 4 + 5)),
        procedure: label(kind),
        level: Some(label(["low", "medium", "high"][(n % 3) as usize])),
        harm: vec![label(["content", "contact", "conduct"][(n % 3) as usize])],
        outcome: (n % 6 != 0).then(|| label(["talk-with-the-pupil", "sanction"][(n % 2) as usize])),
        nature: Some(label(if n % 2 == 0 {
            "accidental"
        } else {
            "deliberate"
        })),
        reporter: label(["staff", "pupil", "monitoring"][(n % 3) as usize]),
        to_lead_minutes: Some(4 + n as u64 * 3),
        to_outside_minutes: (n % 9 == 0).then_some(50),
        to_parents_minutes: Some(90 + n as u64 * 40),
        parents: vec![label(if n % 5 == 0 { "not-told" } else { "told" })],
        referrals: if n % 9 == 0 {
            vec![label("police")]
        } else {
            Vec::new()
        },
        overran: if n % 7 == 0 {
            vec![label("tell-the-parents")]
        } else {
            Vec::new()
        },
        lessons: vec![label(
            ["filter-setting", "teaching", "supervision"][(n % 3) as usize],
        )],
        refused: u64::from(n % 3 == 0),
    }
}

fn alert(n: i64, theme: &str) -> AlertFigures {
    AlertFigures {
        raised_on: on(n),
        theme: label(theme),
        severity: label(["medium", "high"][(n % 2) as usize]),
        outcome: Some(label(
            ["spoken-to", "no-concern", "became-a-concern"][(n % 3) as usize],
        )),
        to_acknowledged_minutes: Some(5 + n as u64),
    }
}

fn clauses() -> Vec<ClauseAssessment> {
    let clause =
        |id: &str, title: &str, standing: Option<Standing>, plain: &'static str| ClauseAssessment {
            clause: id.into(),
            title: title.into(),
            standing,
            controls: standing
                .map(|standing| Assessment {
                    control: "check.passed(within=1 week)".into(),
                    standing,
                    sentence: "Robin Example of 8B was blocked twice".into(),
                    plain,
                    figures: Vec::new(),
                    evidence: Vec::new(),
                })
                .into_iter()
                .collect(),
        };
    let mut clauses = vec![
        clause(
            "parents.told",
            "Parents are told the same day",
            Some(Standing::NotMet),
            "Some parents were not told in time.",
        ),
        clause(
            "filtering.sealed",
            "Lists of illegal content are kept fresh",
            Some(Standing::NotMet),
            "No list of illegal content is loaded.",
        ),
        clause(
            "filtering.checks",
            "The filter is checked every week",
            Some(Standing::AtRisk),
            "A check failed in the last four weeks.",
        ),
        clause(
            "training.staff",
            "All staff are trained each year",
            Some(Standing::Attested),
            "",
        ),
        clause("devices.phones", "Phones stay in lockers", None, ""),
    ];
    for n in 1..=14 {
        clauses.push(clause(
            &format!("policy.{n}"),
            "A clause that is kept",
            Some(Standing::Met),
            "",
        ));
    }
    clauses
}

fn lists() -> Vec<ListLine> {
    let line = |name: &str, entries, refreshed: Option<Date>, sealed| ListLine {
        name: name.into(),
        entries,
        refreshed_at: refreshed
            .map(|day| day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()),
        sealed,
    };
    vec![
        line("ut1 adult", 4_583_912, Some(date(2026, 12, 16)), false),
        line("ut1 gambling", 31_822, Some(date(2026, 12, 16)), false),
        line(
            "#strong[own] *list* $x$ @y <z>",
            12,
            Some(date(2026, 10, 2)),
            false,
        ),
        line("iwf", 0, None, true),
    ]
}
