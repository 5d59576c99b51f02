//! A pack and a floor that a school holds open with what is refused today in one that is brought in
//! (CFG-01, FIL-17).

use std::sync::Arc;

use jiff::SignedDuration;
use pharos_access::{Routes, Rules, Target, act};
use pharos_catalogue::SealedKey;
use pharos_filter::Filter;
use pharos_lists::{FloorHead, Lists, sign_text};
use pharos_policy::{Action, Layer};
use pharos_records::{NewPack, Origin};
use pharos_service::{App, Clock, Error, ExplainQuestion, NewList, PackFiles, Ports, Proposed};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::floor::{TRUST, issue, key};
use crate::system;

/// The sample pack with more among its settings of filtering.
fn with(fil: &str) -> PackFiles {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let text = text.replacen("\n[fil]\n", &format!("\n[fil]\n{fil}\n"), 1);
    files.insert("school.toml".to_owned(), text.into_bytes());
    files
}

/// The school as its server finds it at the next start.
async fn opened_again(school: &SampleSchool) -> Result<App, Error> {
    let (lists, _) = Lists::open(&school.folder.path().join("lists"), school.app.now()).unwrap();
    App::open(Ports {
        records: Arc::clone(&school.records),
        activity: Arc::clone(&school.activity) as Arc<dyn pharos_activity::Store>,
        filter: Arc::new(Filter::new()),
        lists,
        sealed_key: SealedKey::new([7; 32]),
        clock: Arc::clone(&school.clock) as Arc<dyn Clock>,
        web_url: "https://pharos.harbourmouth.sch.example".to_owned(),
    })
    .await
}

/// Puts a pack in force straight in the records, as an earlier version of Pharos took it.
async fn held(school: &SampleSchool, files: &PackFiles) -> i64 {
    let rules = Arc::new(Rules::standard(Routes::default()));
    let propose = rules
        .may::<act::ProposePolicy>(&system(), Target::School)
        .unwrap();
    let install = rules
        .may::<act::InstallPolicy>(&system(), Target::School)
        .unwrap();
    let new = NewPack {
        why: "As it was taken then".to_owned(),
        assessment: None,
        replay: None,
        digest: "0".repeat(64),
        files: pharos_pack::to_archive(files),
    };
    let (records, now) = (&school.records, school.app.now());
    let number = records.propose_pack(&propose, &new, now).await.unwrap();
    records.install_pack(&install, number, now).await.unwrap();
    number
}

/// CFG-01, FIL-17: a pack in force that protects `co.uk` opens; lists keep what stands below it. Its past is
/// explained, tried and gone back to. Brought in today it is refused, and a corrected one is taken.
#[tokio::test]
async fn cfg_01_a_pack_in_force_opens_with_what_is_refused_today() {
    let school = SampleSchool::open().await;
    let files = with("do_not_block = [\"co.uk\", \"harbour.co.uk\"]");
    let number = held(&school, &files).await;
    let app = opened_again(&school).await.unwrap();
    app.rebuild().await.unwrap();

    let list = school.folder.path().join("more.txt");
    std::fs::write(&list, "wagers.co.uk\nharbour.co.uk\n").unwrap();
    let report = app
        .import_list(
            &system(),
            NewList {
                list: "more".to_owned(),
                category: Some("gambling".to_owned()),
                format: None,
                path: list,
                accept_shrink: false,
                accept_unterminated: false,
                accept_growth: false,
                accept_rolled_back: false,
            },
        )
        .await
        .unwrap();
    assert_eq!((report.entries, report.protected), (1, 1), "{report:?}");

    let brought = app
        .bring_pack(&system(), &files, "Once more", Origin::Command)
        .await;
    assert!(
        matches!(&brought, Err(Error::Invalid(wrong)) if format!("{wrong:?}").contains("co.uk")),
        "{brought:?}"
    );
    app.what_if(&system(), &Proposed::Pack(files), 1)
        .await
        .unwrap();

    school.clock.forward(SignedDuration::from_mins(10));
    app.bring_pack(&system(), &with(""), "Corrected", Origin::Command)
        .await
        .unwrap();
    held(&school, &with("")).await;
    let app = opened_again(&school).await.unwrap();
    app.rebuild().await.unwrap();
    let then = ExplainQuestion {
        address: "https://example.org/".to_owned(),
        person: None,
        from: None,
        at: Some(app.now() - SignedDuration::from_mins(5)),
    };
    app.explain(&system(), &then).await.unwrap();
    app.beyond_tightening(&system(), number).await.unwrap();
    app.go_back_to(&system(), number, "It was right")
        .await
        .unwrap();
}

/// An issue as it was signed before, with a further table.
fn signed(version: u32, more: &str) -> Vec<u8> {
    let text = String::from_utf8(issue(version)).unwrap();
    let text = text.rsplit_once("# signature").unwrap().0;
    sign_text(&format!("{text}{more}"), &key())
}

/// Holds an issue that nothing has read, as an earlier version of Pharos took it.
fn held_issue(school: &SampleSchool, signed: &[u8]) {
    let (lists, _) = Lists::open(&school.folder.path().join("lists"), school.app.now()).unwrap();
    lists.floor_pin(TRUST, key().public()).unwrap();
    let head = |_: &str| {
        Ok(FloorHead {
            trust: TRUST.to_owned(),
            version: 3,
        })
    };
    lists.floor_take(signed, &head, school.app.now()).unwrap();
}

/// FIL-06, FIL-17: a floor that is held stays in force although it calls `co.uk` help; it comes back after a
/// loss; a new issue that says so is refused.
#[tokio::test]
async fn fil_17_a_floor_that_is_held_stays_in_force() {
    let school = SampleSchool::open().await;
    let more = "[[help]]\nname = \"Line\"\nsites = [\"co.uk\"]\n";
    held_issue(&school, &signed(3, more));
    let app = opened_again(&school).await.unwrap();
    app.rebuild().await.unwrap();
    assert_eq!(app.floor_trouble(), None);
    let standing = app.floor_standing(&system()).await.unwrap().unwrap();
    assert!(
        standing.in_force && standing.trouble.is_none(),
        "{standing:?}"
    );
    let closed = app
        .explain(
            &system(),
            &ExplainQuestion {
                address: "https://low-tide.example/".to_owned(),
                person: Some(school.person("ada.quill").await.id),
                from: None,
                at: None,
            },
        )
        .await
        .unwrap();
    assert_eq!((closed.action, closed.layer), (Action::Block, Layer::Floor));

    std::fs::remove_dir_all(school.folder.path().join("lists/floor")).unwrap();
    assert!(app.floor_trouble().is_some());
    app.import_floor(&system(), &signed(3, more)).await.unwrap();
    assert_eq!(app.floor_trouble(), None);
    let refused = app.import_floor(&system(), &signed(4, more)).await;
    assert!(
        matches!(&refused, Err(Error::Refused(why)) if why.contains("co.uk")),
        "{refused:?}"
    );
    app.import_floor(&system(), &signed(4, "")).await.unwrap();
}

/// FIL-06, FIL-17: a floor that is held and that this Pharos does not read is told as what is wrong, so that
/// the server rises, refuses, and takes in one that reads.
#[tokio::test]
async fn fil_17_a_floor_that_does_not_read_is_told_and_mended() {
    let school = SampleSchool::open().await;
    held_issue(&school, &signed(3, "[of-tomorrow]\nsays = 1\n"));
    let app = opened_again(&school).await.unwrap();
    assert!(app.rebuild().await.is_err());
    let trouble = app.floor_trouble().unwrap();
    assert!(trouble.contains("take in its newest issue"), "{trouble}");
    let standing = app.floor_standing(&system()).await.unwrap().unwrap();
    assert!(!standing.in_force);
    assert_eq!(standing.trouble, Some(trouble));
    app.import_floor(&system(), &issue(4)).await.unwrap();
    assert_eq!(app.floor_trouble(), None);
}
