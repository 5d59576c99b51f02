//! The governors' report as PDF and CSV.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    missing_docs,
    reason = "a test"
)]

mod sample;

use std::process::Command;

use pharos_report::{Block, Document, LIMITS, governors, governors_csv, pdf};

/// The words of the PDF as a reader gets them, in one line; `None` where poppler is not installed.
fn words(document: &Document) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    std::fs::write(&path, pdf(document).unwrap()).unwrap();
    let Ok(output) = Command::new("pdftotext")
        .arg("-layout")
        .arg(&path)
        .arg("-")
        .output()
    else {
        eprintln!("left out: pdftotext is not installed (Debian package poppler-utils)");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// REP-01: practice, incidents and outcomes, effectiveness, times and checks are there, with the
/// figures that the records give.
#[test]
fn rep_01_the_report_gives_the_figures_of_the_period() {
    let Some(text) = words(&governors(&sample::report(), &sample::cover())) else {
        return;
    };
    for part in [
        "Harbourmouth School",
        "Online safety: report to governors",
        "1 September 2026 to 18 December 2026 · presented by the safeguarding governor",
        "15 of 18",
        "97 of 100",
        "Parents are told the same day Not met Some parents were not told in",
        "The filter is checked every At risk",
        "Filtering breach",
        "Gambling 31",
        "From first knowledge to the safeguarding lead",
        "Runs in which something failed 3",
        "ut1 adult Category 4,583,912 2 days",
        "iwf Sealed: illegal content 0 never loaded",
        "What the lessons learnt change",
        "Fewer than five:",
    ] {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}

/// ROLE-07: a count of two is shown as "fewer than five", and no name of a person gets in, not
/// even one that stands in the sentence meant for staff.
#[test]
fn role_07_small_numbers_are_hidden_and_nobody_is_named() {
    let document = governors(&sample::report(), &sample::cover());
    let csv = String::from_utf8(governors_csv(&sample::report()).unwrap()).unwrap();
    assert!(
        csv.contains("\"Cases reported, by kind\",Nudes shared,fewer than five\r\n"),
        "{csv}"
    );
    assert!(!csv.contains("Robin"), "{csv}");
    let Some(text) = words(&document) else { return };
    assert!(text.contains("Nudes shared fewer than five"), "{text}");
    assert!(text.contains("Extremism fewer than five"), "{text}");
    for name in ["Robin", "Example", "8B"] {
        assert!(!text.contains(name), "{name} in: {text}");
    }
}

/// FIL-20: the report says what no filter can promise.
#[test]
fn fil_20_the_report_states_its_limits() {
    let document = governors(&sample::report(), &sample::cover());
    let stated = document
        .blocks
        .iter()
        .any(|block| matches!(block, Block::Boxed { text, .. } if text == LIMITS));
    assert!(stated && LIMITS.contains("can promise complete safety"));
    let Some(text) = words(&document) else { return };
    assert!(text.contains("Supervision by adults, teaching, and children who know whom to turn to remain necessary"), "{text}");
}

/// What people write is set as written, never read as markup.
#[test]
fn text_enters_as_data_and_never_as_markup() {
    let Some(text) = words(&governors(&sample::report(), &sample::cover())) else {
        return;
    };
    assert!(text.contains("#strong[own] *list* $x$ @y <z>"), "{text}");
}

/// Tagged and archivable: the typesetter refuses to write these marks unless title, language,
/// headings and table heads satisfy PDF/UA-1 and PDF/A-2a. The same input gives the same bytes.
#[test]
fn the_pdf_is_accessible_archivable_and_reproducible() {
    let document = governors(&sample::report(), &sample::cover());
    let bytes = pdf(&document).unwrap();
    let has = |mark: &str| {
        bytes
            .windows(mark.len())
            .any(|part| part == mark.as_bytes())
    };
    assert!(bytes.starts_with(b"%PDF-1.7"));
    for mark in ["pdfuaid:part", "pdfaid:part", "pdfaid:conformance"] {
        assert!(has(mark), "{mark}");
    }
    assert_eq!(bytes, pdf(&document).unwrap());
}

/// An empty term gives a report too, and says that there was nothing.
#[test]
fn an_empty_period_reads_well() {
    let report = pharos_governance::GovernorsReport::build(
        &pharos_governance::ReportInput::default(),
        sample::PERIOD,
    );
    let Some(text) = words(&governors(&report, &sample::cover())) else {
        return;
    };
    for part in [
        "0 of 0",
        "Nothing to count in this period",
        "There are no lists.",
        "too few to say",
        "Nobody tried",
    ] {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}
