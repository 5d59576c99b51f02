//! Writes a sample case file: `cargo run --release -p pharos-report --example sample_case OUT.pdf`
#![allow(clippy::unwrap_used, reason = "a tool for looking at the result")]

use pharos_report::{Block, Column, Document, Entry, Figure, Table, Tone, pdf};

fn main() {
    let out = std::env::args().nth(1).unwrap_or_else(|| "case.pdf".into());
    std::fs::write(out, pdf(&document()).unwrap()).unwrap();
}

fn document() -> Document {
    let entry = |when: &str, kind: &str, text: &str| Entry {
        when: when.into(),
        who: "A. Example, safeguarding lead".into(),
        kind: kind.into(),
        text: text.into(),
    };
    Document {
        school: "Harbourmouth School".into(),
        title: "Case file 2026-014".into(),
        subtitle: "Filtering breach, closed 3 November 2026".into(),
        made: jiff::civil::date(2026, 11, 22),
        foot: "Confidential: for the safeguarding lead and those named by them".into(),
        blocks: vec![
            Block::Figures {
                figures: vec![
                    Figure {
                        value: "12".into(),
                        label: "entries in order".into(),
                        tone: Tone::Plain,
                    },
                    Figure {
                        value: "3 of 3".into(),
                        label: "clocks kept".into(),
                        tone: Tone::Good,
                    },
                    Figure {
                        value: "fewer than five".into(),
                        label: "pupils involved".into(),
                        tone: Tone::Warn,
                    },
                ],
            },
            Block::heading("Chronology"),
            Block::Chronology {
                entries: vec![
                    entry(
                        "1 November 2026, 09:12",
                        "Report",
                        "Site opened in a lesson that should have been blocked.\n#strong[not markup] *plain* $x^2$ \\ @ref",
                    ),
                    entry(
                        "1 November 2026, 09:40",
                        "Decision",
                        "Blocked for all groups; the road not taken was to wait for the vendor.",
                    ),
                ],
            },
            Block::heading("Actions"),
            Block::Table(Table {
                caption: "Every action with owner and due date".into(),
                columns: vec![
                    Column::words("Action", 5),
                    Column::words("Owner", 3),
                    Column::words("Due", 2),
                    Column::words("Standing", 2),
                ],
                rows: vec![
                    vec![
                        "Tell the parents".into(),
                        "Safeguarding lead".into(),
                        "1 November".into(),
                        pharos_report::Cell {
                            text: "Done".into(),
                            tone: Tone::Good,
                        },
                    ],
                    vec![
                        "Check the list import".into(),
                        "Network manager".into(),
                        "2 November".into(),
                        pharos_report::Cell {
                            text: "Late".into(),
                            tone: Tone::Bad,
                        },
                    ],
                ],
                none: "No actions.".into(),
            }),
        ],
    }
}
