//! A week in plain words: what happened, how serious, what next. For readers who are no technicians.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pharos_monitor::Severity;
use pharos_service::{AlertLine, SEALED_CATEGORY, UNLISTED, WeekReport};

use crate::components::{Cell, Table};
use crate::words::{capital, counted, length, moment, number};

/// A sentence, with the page where it is acted on.
pub(super) type Step = (String, Option<String>);

/// The week in a few sentences.
pub(super) fn summary(report: &WeekReport) -> Vec<String> {
    let raised: u64 = report.alerts.iter().map(|line| line.raised).sum();
    let before: u64 = report.alerts.iter().map(|line| line.before).sum();
    let searches: u64 = report.alerts.iter().map(|line| line.searches).sum();
    let mut sentences = vec![match raised {
        0 => format!("No alert was raised ({}).", than(0, before)),
        _ => format!(
            "{} raised ({}){}.",
            counted(raised, "alert was", "alerts were"),
            than(raised, before),
            match searches {
                0 => String::new(),
                _ => format!(
                    ", {} of them by what somebody searched for or asked an AI tool",
                    number(searches)
                ),
            }
        ),
    }];
    let (now, then) = (&report.blocked, &report.blocked_before);
    sentences.push(match now.attempts {
        0 => format!(
            "Pupils were kept from nothing ({}).",
            than(0, then.attempts)
        ),
        _ => format!(
            "{} of {} blocked ({}).",
            counted(now.attempts, "attempt", "attempts"),
            match now.pupils {
                1 => "one pupil was".to_owned(),
                pupils => format!("{} pupils were", number(pupils)),
            },
            than(now.attempts, then.attempts)
        ),
    });
    sentences
}

/// Against the week before.
fn than(now: u64, before: u64) -> String {
    match now.cmp(&before) {
        std::cmp::Ordering::Equal => "as many as the week before".to_owned(),
        std::cmp::Ordering::Greater => {
            format!("{} more than the week before", number(now - before))
        }
        std::cmp::Ordering::Less => format!("{} fewer than the week before", number(before - now)),
    }
}

/// What to do now, the most pressing first.
pub(super) fn next(report: &WeekReport, now: Timestamp) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let count = |of: fn(&AlertLine) -> u64| report.alerts.iter().map(of).sum::<u64>();
    let (waiting, in_hand) = (count(|line| line.waiting), count(|line| line.in_hand));
    if waiting > 0 {
        steps.push((
            format!(
                "{} acknowledged. Open the most serious one first.",
                counted(waiting, "alert is not yet", "alerts are not yet")
            ),
            Some("/inbox".to_owned()),
        ));
    }
    if in_hand > 0 {
        steps.push((
            format!(
                "{} with somebody and not closed. Ask what came of it.",
                counted(in_hand, "alert is", "alerts are")
            ),
            Some("/inbox".to_owned()),
        ));
    }
    let pupils = report.stand_out.len() + report.stand_out_more;
    if pupils > 0 {
        steps.push((
            format!(
                "The attempts of {} below stand out. Look at them, and talk with the pupil or with somebody who knows them.",
                counted(pupils as u64, "pupil", "pupils")
            ),
            None,
        ));
    }
    if report.requests.waiting > 0 {
        let oldest = report.requests.oldest.map_or_else(String::new, |at| {
            format!(", the oldest for {}", length(now.duration_since(at)))
        });
        steps.push((
            format!(
                "{} for an answer{oldest}.",
                counted(
                    report.requests.waiting,
                    "request for a site waits",
                    "requests for sites wait"
                )
            ),
            Some("/requests".to_owned()),
        ));
    }
    if let Some((id, _, _)) = report
        .checks
        .hand_failed
        .iter()
        .chain(&report.checks.failed)
        .next()
    {
        steps.push((
            "A check of the filter found something that does not hold. Ask the technical team whether it is mended.".to_owned(),
            Some(format!("/checks/{id}")),
        ));
    } else if report.checks.runs == 0 {
        steps.push((
            "The self-check did not run. Ask the technical team why.".to_owned(),
            Some("/checks".to_owned()),
        ));
    }
    if !report.troubles.is_empty() {
        steps.push((
            "Something is wrong with Pharos itself; see below. Ask the technical team.".to_owned(),
            None,
        ));
    }
    if report.over && report.reviews.is_empty() {
        steps.push((
            "Say below what you found and what followed.".to_owned(),
            None,
        ));
    }
    steps
}

/// Alerts by kind and seriousness.
pub(super) fn alerts(report: &WeekReport) -> Option<Table> {
    let rows: Vec<_> = report
        .alerts
        .iter()
        .map(|line| {
            vec![
                Cell::text(line.theme.title()),
                Cell::text(how_serious(line.severity)),
                Cell::text(number(line.raised)),
                Cell::text(number(line.before)),
                Cell::text(number(line.searches)),
                Cell::text(became(line)),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| {
        Table::new(
            "Alerts by kind, the most serious first",
            &[
                "What about",
                "How serious",
                "This week",
                "Week before",
                "By a search",
                "What became of them",
            ],
            rows,
        )
    })
}

/// How serious, as somebody who knows no levels reads it.
const fn how_serious(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Very: needs somebody at once",
        Severity::High => "Serious: needs somebody today",
        Severity::Medium => "Wants a talk",
        Severity::Low => "Worth knowing",
    }
}

fn became(line: &AlertLine) -> String {
    let parts: Vec<String> = [
        (line.waiting, "not acknowledged"),
        (line.in_hand, "in hand"),
        (line.explained, "explained and closed"),
        (line.concerns, "became a concern"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{} {what}", number(count)))
    .collect();
    if parts.is_empty() {
        "\u{2013}".to_owned()
    } else {
        parts.join(", ")
    }
}

/// Blocked attempts by category.
pub(super) fn blocked(report: &WeekReport, most: usize) -> Option<Table> {
    let rows: Vec<_> = report
        .blocked
        .categories
        .iter()
        .take(most)
        .map(|line| {
            let before = report.blocked_before.category(&line.name);
            vec![
                Cell::text(category(&line.name)),
                Cell::text(if line.worrying {
                    "Worrying"
                } else {
                    "\u{2013}"
                }),
                Cell::text(number(line.pupils)),
                Cell::text(number(line.attempts)),
                Cell::text(before.map_or_else(
                    || "None".to_owned(),
                    |before| {
                        format!(
                            "{} of {}",
                            number(before.attempts),
                            counted(before.pupils, "pupil", "pupils")
                        )
                    },
                )),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| {
        Table::new(
            "Blocked attempts of pupils, by category",
            &[
                "Category",
                "Watched for",
                "Pupils",
                "Attempts",
                "Week before",
            ],
            rows,
        )
    })
}

/// What is to be known about the figures.
pub(super) fn blocked_notes(report: &WeekReport, most: usize) -> Vec<String> {
    let blocked = &report.blocked;
    let mut notes = Vec::new();
    let others = blocked.categories.len().saturating_sub(most);
    if others > 0 {
        notes.push(format!(
            "{} not shown.",
            counted(
                others as u64,
                "further category is",
                "further categories are"
            )
        ));
    }
    if blocked.unknown > 0 {
        notes.push(format!(
            "{} came from devices where nobody was known.",
            counted(blocked.unknown, "further attempt", "further attempts")
        ));
    }
    if !blocked.whole {
        notes.push(
            "There was more than could be counted, or part of it could not be read: these are the newest attempts of the week.".to_owned(),
        );
    }
    notes
}

/// Checks and troubles, with links.
pub(super) fn checks(report: &WeekReport, zone: &TimeZone) -> Vec<Step> {
    let line = &report.checks;
    let mut lines: Vec<Step> = vec![(
        match (line.runs, line.failed.len()) {
            (0, _) => "The self-check did not run in this week.".to_owned(),
            (runs, 0) => format!(
                "The self-check ran {} and found all as promised.",
                times(runs)
            ),
            (runs, failed) => format!(
                "The self-check ran {}; {} found something that does not hold.",
                times(runs),
                counted(failed as u64, "run", "runs")
            ),
        },
        Some("/checks".to_owned()),
    )];
    if line.hand > 0 {
        let found = match line.hand_failed.len() {
            0 => " and found what was promised".to_owned(),
            failed => format!(
                "; {} did not find what was promised",
                counted(failed as u64, "test", "tests")
            ),
        };
        let text = format!(
            "People tested the filter by hand {}{found}.",
            times(line.hand)
        );
        lines.push((text, Some("/checks".to_owned())));
    }
    for (id, at, failed) in line.failed.iter().chain(&line.hand_failed).take(5) {
        lines.push((
            format!(
                "{}: {} did not hold",
                moment(*at, zone),
                counted(u64::try_from(*failed).unwrap_or(0), "promise", "promises")
            ),
            Some(format!("/checks/{id}")),
        ));
    }
    lines.extend(report.troubles.iter().map(|text| (text.clone(), None)));
    lines
}

fn times(runs: u64) -> String {
    match runs {
        1 => "once".to_owned(),
        runs => format!("{} times", number(runs)),
    }
}

/// A category as people read it.
fn category(name: &str) -> String {
    match name {
        SEALED_CATEGORY => "On a sealed list of illegal material".to_owned(),
        UNLISTED => "Rules of the school, in no category".to_owned(),
        name => capital(&name.replace(['-', '_'], " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_compared_with_the_week_before() {
        assert_eq!(than(3, 3), "as many as the week before");
        assert_eq!(than(1200, 0), "1,200 more than the week before");
        assert_eq!(than(0, 2), "2 fewer than the week before");
    }

    #[test]
    fn categories_read_as_words() {
        assert_eq!(category("self-harm"), "Self harm");
        assert_eq!(category("mixed_adult"), "Mixed adult");
        assert_eq!(category(UNLISTED), "Rules of the school, in no category");
    }
}
