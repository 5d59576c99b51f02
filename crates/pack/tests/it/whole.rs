//! The pack as a whole: the sample, its archive, its manual, and whatever bytes come.

use std::path::Path;

use pharos_pack::{
    Severity, Signer, load, markdown_html, reference_json, reference_markdown, settings,
    to_archive, unpack,
};
use proptest::prelude::*;

use crate::kit::*;

/// The sample pack is whole: no error, no warning, and its parts are there.
#[test]
fn cfg_01_the_sample_pack_is_sound() {
    let loaded = load(&sample_files());
    assert_eq!(loaded.count(Severity::Warning), 0, "{}", report(&loaded));
    let pack = sound(loaded);
    assert!(pack.clauses.len() >= 25, "{}", pack.clauses.len());
    assert!(
        pack.clauses
            .iter()
            .filter(|clause| !clause.controls.is_empty())
            .count()
            >= 12
    );
    assert!(pack.aups.iter().any(|aup| aup.signed_by == Signer::Parent) && pack.aups.len() == 7);
    assert!(
        pack.procedures
            .iter()
            .any(|procedure| procedure.reference.id == "filter-breach"
                && procedure.reference.version.contains('+'))
    );
    assert!(
        pack.addresses
            .iter()
            .any(|entry| entry.user.as_deref() == Some("ada.quill"))
    );
    assert_eq!(
        pack.clause("4.2").map(|clause| clause.controls.len()),
        Some(4)
    );
    assert!(pack.help.iter().any(|service| service.name == "Childline"));
}

/// Text of a pack becomes pages without bringing script or fetching from outside.
#[test]
fn a_pack_cannot_bring_script() {
    let html = markdown_html(
        "<script>alert(1)</script>\n\n[x](javascript:alert(1)) ![p](https://spy.example/p.png) <b onclick=x>y</b> [ok](https://good.example)",
    );
    assert!(
        !html.contains("<script")
            && !html.contains("javascript:")
            && !html.contains("spy.example")
            && !html.contains("<b "),
        "{html}"
    );
    assert!(html.contains("https://good.example"));
}

/// Stored versions of a pack come back as they were; damage is told.
#[test]
fn an_archive_gives_back_the_same_files() {
    let files = sample_files();
    let bytes = to_archive(&files);
    assert_eq!(unpack(&bytes).unwrap(), files);
    assert!(unpack(&bytes[..bytes.len() - 1]).is_err());
    assert!(unpack(b"something else").is_err());
}

/// docs/settings.md is made from the table of settings.
#[test]
fn cfg_01_the_manual_shows_the_table() {
    let path = Path::new("../../docs/settings.md");
    if std::env::var_os("PHAROS_WRITE_DOCS").is_some() {
        std::fs::write(path, reference_markdown()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        written,
        reference_markdown(),
        "run this test once with PHAROS_WRITE_DOCS=1"
    );
    assert_eq!(
        reference_json().matches("\"name\"").count(),
        settings().count()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever bytes stand in the files, reading ends with problems or a pack, never a panic.
    #[test]
    fn cfg_01_any_bytes_are_survived(school in proptest::collection::vec(any::<u8>(), 0..300), policy in ".{0,300}", tail in "[\\[\\]a-z.=\"{}, \n0-9-]{0,200}") {
        load(&[("school.toml".to_owned(), school), ("policy.md".to_owned(), policy.clone().into_bytes()), ("aup/x.md".to_owned(), policy.into_bytes())].into());
        load(&files(&[("school.toml", &format!("{SMALL}{tail}")), ("policy.md", &format!("## 1 A\n```controls\n{tail}"))]));
    }

    /// An archive of any bytes is read or refused, never a panic.
    #[test]
    fn any_archive_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut framed = b"PHPACK1\n".to_vec();
        framed.extend_from_slice(&bytes);
        let _ = (unpack(&bytes), unpack(&framed));
    }
}
