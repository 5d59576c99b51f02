//! Lines of the change log as a table, and their words.

use pharos_service::LogLine;

use crate::components::{Cell, Table};
use crate::state::Web;
use crate::words;

/// Kinds of change by their name, for a choice of one.
pub(super) const KINDS: &[(&str, &str)] = &[
    ("", "Any"),
    ("pack", "Version of the policy"),
    ("opening", "Opened for groups"),
    ("uninspected", "Not looked into for a time"),
    ("exception", "Site opened after a request"),
    ("emergency-block", "Blocked in a hurry"),
    ("lesson-list", "Links for a class"),
    ("restriction", "One person restricted"),
    ("membership", "Member of an exception group"),
    ("floor", "The trust's floor"),
    ("list", "List brought in"),
];

/// The lines, newest first.
pub(super) fn table(web: &Web, caption: &str, lines: &[&LogLine]) -> Table {
    let zone = web.app.zone();
    let rows = lines
        .iter()
        .map(|line| {
            let policy = match line.number {
                Some(number) => {
                    Cell::link(format!("/changes/{number}"), label(number, &line.policy))
                }
                None => Cell::text(words::capital(&line.policy)),
            };
            vec![
                policy,
                Cell::text(
                    KINDS
                        .iter()
                        .find(|(kind, _)| *kind == line.kind)
                        .map_or(line.kind, |(_, text)| text),
                ),
                Cell::text(words::moment(line.at, &zone)),
                Cell::text(&*line.by),
                Cell::text(&*line.why),
                Cell::text(effect(line.effect)),
                Cell::text(state(line.state)),
            ]
        })
        .collect();
    Table::new(
        caption,
        &[
            "Change",
            "What",
            "When",
            "By",
            "Why",
            "Effect",
            "Where it stands",
        ],
        rows,
    )
}

/// A numbered change, with what it is about where the number does not say it all.
fn label(number: i64, about: &str) -> String {
    let change = format!("Change {number}");
    if about.eq_ignore_ascii_case(&change) {
        change
    } else {
        format!("{change}: {about}")
    }
}

/// What a change does.
pub(super) fn effect(name: &str) -> &'static str {
    match name {
        "opens" => "Opens",
        "closes" => "Closes",
        "both" => "Opens and closes",
        _ => "Nothing seen",
    }
}

/// Where a change stands.
pub(super) fn state(name: &str) -> &'static str {
    match name {
        "draft" | "proposed" => "Waits",
        "in-force" => "In force",
        "withdrawn" | "refused" => "Given up",
        "past" => "Was in force",
        "ended" => "Ended by hand",
        _ => "Has run out",
    }
}
