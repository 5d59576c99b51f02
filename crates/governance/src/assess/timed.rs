//! Controls about things that are to be done within a time.

use jiff::{SignedDuration, Timestamp};

use super::{Draft, Evidence, LAPSE, Standing, age, by_age, draft, figures};
use crate::control::Within;
use crate::facts::{Facts, ParentsNow};

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

pub(super) fn breaches(facts: &Facts, within: Within, now: Timestamp) -> Draft {
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

pub(super) fn parents(facts: &Facts, within: Within, now: Timestamp) -> Draft {
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

pub(super) fn alerts(facts: &Facts, within: Within, now: Timestamp) -> Draft {
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

pub(super) fn audits(facts: &Facts, within: Within, now: Timestamp) -> Draft {
    let Some(audits) = &facts.audits else {
        return draft(
            Standing::NotMet,
            "The audit of attempts is switched off; set mon.attempt_audit.".to_owned(),
            "Nobody audits what pupils try to reach.",
        );
    };
    let all: Vec<Timed> = audits
        .iter()
        .map(|audit| Timed {
            evidence: Evidence::Audit { from: audit.from },
            started: audit.ended_at,
            done: audit.signed_at,
            lapsed: false,
        })
        .collect();
    timed(
        &all,
        within,
        now,
        &Words {
            things: "audits",
            none: "No audit of attempts is due, and none ended in the last four weeks.",
            good: "Attempts to reach blocked material are audited in time.",
            late: "An audit of attempts is not signed beyond its time.",
            soon: "An audit of attempts is close to its time.",
            lapse: "An audit of attempts was signed late in the last four weeks.",
        },
    )
}

pub(super) fn supervision(facts: &Facts, within: Within, now: Timestamp) -> Draft {
    let all: Vec<Timed> = facts
        .supervised
        .iter()
        .map(|lesson| Timed {
            evidence: Evidence::Supervision,
            started: lesson.ended_at,
            done: lesson.noted_at,
            lapsed: false,
        })
        .collect();
    let mut out = timed(
        &all,
        within,
        now,
        &Words {
            things: "supervised lessons",
            none: "No lesson that names an adult ended in the last four weeks.",
            good: "Supervision is noted in time.",
            late: "Supervision of a lesson is not noted beyond its time.",
            soon: "A note of supervision is close to its time.",
            lapse: "Supervision was noted late in the last four weeks.",
        },
    );
    // One page shows them all.
    out.evidence.truncate(1);
    out
}
