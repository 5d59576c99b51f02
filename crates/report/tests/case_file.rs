//! A case file on paper.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs,
    reason = "a test"
)]

use std::process::Command;

use pharos_report::{Block, Document, Entry, ReportError, pdf};

fn document(entries: Vec<Entry>) -> Document {
    Document {
        school: "Harbourmouth School".into(),
        title: "Case file".into(),
        subtitle: "Filtering breach".into(),
        made: jiff::civil::date(2026, 11, 22),
        foot: "Confidential".into(),
        blocks: vec![Block::heading("Chronology"), Block::Chronology { entries }],
    }
}

fn entry(number: usize, kind: &str, text: &str) -> Entry {
    Entry {
        when: format!("3 November 2026, 09:{number:02}"),
        who: "Safeguarding lead".into(),
        kind: kind.into(),
        text: text.into(),
    }
}

/// CON-06: the printed case file tells the whole story in order, over pages; a correction stands
/// as a new entry beside the original, and what people wrote is set as written.
#[test]
fn con_06_the_printed_case_file_tells_the_story_in_order() {
    let mut entries: Vec<Entry> = (0..59)
        .map(|n| {
            entry(
                n,
                "Action",
                &format!("Step {n} was done.\nA second line; #box[x] \\ *y*."),
            )
        })
        .collect();
    entries.push(entry(
        59,
        "Correction",
        "Step 3 was done on the 2nd, not on the 3rd.",
    ));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("case.pdf");
    std::fs::write(&path, pdf(&document(entries)).unwrap()).unwrap();
    let Ok(output) = Command::new("pdftotext").arg(&path).arg("-").output() else {
        eprintln!("left out: pdftotext is not installed (Debian package poppler-utils)");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let places: Vec<usize> = (0..59)
        .map(|n| text.find(&format!("Step {n} was done.")).unwrap())
        .collect();
    assert!(places.is_sorted());
    assert!(text.find("Step 3 was done on the 2nd").unwrap() > places[58]);
    assert_eq!(text.matches("#box[x] \\ *y*.").count(), 59);
    assert!(text.matches('\u{c}').count() > 1, "more than one page");
}

#[test]
fn a_document_without_end_is_refused_in_words() {
    let endless = entry(0, "Action", &"word ".repeat(2_000_000));
    let error = pdf(&document(vec![endless])).unwrap_err();
    assert!(
        matches!(error, ReportError::TooLong(_)) && error.to_string().contains("shorter period"),
        "{error}"
    );
}
