//! An issue of a trust's floor between being held and being in force, and what keeps it the trust's own:
//! nothing of the school's silences it, and what is held is told as what it is (FIL-04, FIL-06, REQ-04).

use jiff::SignedDuration;
use pharos_access::{Routes, Rules, Target, act};
use pharos_ledger::Detail;
use pharos_lists::{
    BundleHead, FloorHead, Lists, SigningKey, floor_sha256, make_bundle, sign_text,
};
use pharos_policy::{Action, Layer};
use pharos_records::Origin;
use pharos_service::{LogFilter, Opening, Proposal, Proposed};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::floor::{TRUST, issue, joined, key};
use crate::system;

/// Issue 3 with some of its text changed and a further table.
fn changed(version: u32, from: &str, to: &str, more: &str) -> Vec<u8> {
    let text = String::from_utf8(issue(version)).unwrap();
    let text = text.rsplit_once("# signature").unwrap().0;
    assert!(text.contains(from));
    sign_text(&format!("{}{more}", text.replace(from, to)), &key())
}

async fn said_of_the_floor(school: &SampleSchool) -> Vec<String> {
    let lead = school.at_work("ruth.okafor").await.actor;
    let lines = school.app.change_log(&lead, &LogFilter::default()).await;
    let lines = lines.unwrap().into_iter();
    lines
        .filter(|line| line.kind == "floor")
        .map(|line| line.why)
        .collect()
}

/// FIL-06: the host of the school's own pages, which its pack names, silences no floor: not there and not
/// on the hosts below it; that the floor closes it is told to the school and to the trust.
#[tokio::test]
async fn fil_06_the_schools_own_host_silences_no_floor() {
    let school = joined().await;
    let app = &school.app;
    let own = "pharos.harbourmouth.sch.example";
    let open = school.verdict("ada.quill", own).await;
    assert_eq!((open.action, open.layer), (Action::Allow, Layer::Help));
    let closing = changed(4, "low-tide.example", own, "");
    app.import_floor(&system(), &closing).await.unwrap();
    for site in [own, "wagers.pharos.harbourmouth.sch.example"] {
        let verdict = school.verdict("ada.quill", site).await;
        assert_eq!(
            (verdict.action, verdict.layer),
            (Action::Block, Layer::Floor),
            "{site}"
        );
    }
    let standing = app.floor_standing(&system()).await.unwrap().unwrap();
    assert_eq!(standing.closed_help, [own]);
    assert_eq!(
        app.school_report(&system()).await.unwrap().closed_help,
        [own]
    );
}

/// FIL-04: a floor with as many help hosts as one may have is in force, and said to be.
#[tokio::test]
async fn fil_04_a_floor_of_the_largest_size_is_in_force() {
    let school = joined().await;
    let hosts: Vec<String> = (0..200).map(|n| format!("\"help{n}.example\"")).collect();
    let more = format!(
        "[[help]]\nname = \"help\"\nsites = [{}]\n",
        hosts.join(", ")
    );
    let large = changed(4, "low-tide.example", "high-tide.example", &more);
    school.app.import_floor(&system(), &large).await.unwrap();
    let standing = school.app.floor_standing(&system()).await.unwrap().unwrap();
    assert!(
        standing.in_force && standing.trouble.is_none(),
        "{standing:?}"
    );
    let verdict = school.verdict("ada.quill", "high-tide.example").await;
    assert_eq!(verdict.layer, Layer::Floor);
}

/// FIL-04, FIL-17: an issue that is held while nothing new can be put in force is said to be held and not
/// in force, to the school and to the trust; it is put in force once that can be.
#[tokio::test]
async fn fil_04_an_issue_that_is_held_is_not_said_to_be_in_force() {
    let school = joined().await;
    let app = &school.app;
    let foundation = SigningKey::from_seed(&[9; 32]).unwrap();
    app.add_sealed(
        &system(),
        "iwf-test",
        "Invented Foundation",
        foundation.public(),
    )
    .await
    .unwrap();
    let head = BundleHead {
        owner: "Invented Foundation".to_owned(),
        name: "iwf-test".to_owned(),
        version: 3,
        issued: app.now(),
        entries: 0,
    };
    let bundle = make_bundle(&head, "sealed-place.example\n", &foundation);
    app.import_sealed(&system(), "iwf-test", &bundle)
        .await
        .unwrap();
    let file = school.folder.path().join("lists/sealed/iwf-test.sealed");
    let sealed = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();

    let next = changed(4, "low-tide.example", "high-tide.example", "");
    let error = app.import_floor(&system(), &next).await.unwrap_err();
    assert!(
        error.to_string().contains("held and not in force"),
        "{error}"
    );
    let blocked = async |site: &str| school.verdict("ada.quill", site).await.layer == Layer::Floor;
    assert!(blocked("low-tide.example").await && !blocked("high-tide.example").await);
    let standing = app.floor_standing(&system()).await.unwrap().unwrap();
    assert!(!standing.in_force);
    let trouble = standing.trouble.unwrap();
    assert!(
        trouble.contains("Issue 4 is held and not in force"),
        "{trouble}"
    );
    let report = app.school_report(&system()).await.unwrap();
    assert!(report.floor_trouble && !report.floor.unwrap().in_force);

    std::fs::write(&file, sealed).unwrap();
    app.refresh_due_lists().await.unwrap();
    assert!(blocked("high-tide.example").await && !blocked("low-tide.example").await);
    let standing = app.floor_standing(&system()).await.unwrap().unwrap();
    assert!(
        standing.in_force && standing.trouble.is_none(),
        "{standing:?}"
    );
}

/// REQ-04, FIL-04: an issue that was taken in and of which a stop left nothing in the change log is noted
/// there, once, and put in force.
#[tokio::test]
async fn req_04_an_issue_that_a_stop_left_unnoted_is_noted() {
    let school = SampleSchool::open().await;
    let app = &school.app;
    let (lists, _) = Lists::open(&school.folder.path().join("lists"), app.now()).unwrap();
    lists.floor_pin(TRUST, key().public()).unwrap();
    let head = |_: &str| {
        Ok(FloorHead {
            trust: TRUST.to_owned(),
            version: 3,
        })
    };
    lists.floor_take(&issue(3), &head, app.now()).unwrap();
    drop(lists);
    // A change of the list folder reads what lies there.
    app.add_sealed(&system(), "iwf-test", "Invented Foundation", [1; 32])
        .await
        .unwrap();
    assert_eq!(said_of_the_floor(&school).await, [""; 0]);
    let standing = app.floor_standing(&system()).await.unwrap().unwrap();
    assert!(standing.floor.is_some() && !standing.in_force);
    let settle = async || {
        // Without the sealed list, which has no bundle yet, nothing new is put in force: noted it is.
        let _ = app.settle_floor().await;
        said_of_the_floor(&school).await
    };
    assert_eq!(settle().await, ["Issue 3: taken in"]);
    assert_eq!(settle().await, ["Issue 3: taken in"], "once");
}

/// REQ-04, FIL-04: an issue that was noted before a stop, and of which the list folder does not know that it
/// was, stands in the change log once.
#[tokio::test]
async fn req_04_an_issue_that_a_stop_left_noted_is_not_noted_twice() {
    let school = SampleSchool::open().await;
    let app = &school.app;
    let (lists, _) = Lists::open(&school.folder.path().join("lists"), app.now()).unwrap();
    lists.floor_pin(TRUST, key().public()).unwrap();
    let head = |_: &str| {
        Ok(FloorHead {
            trust: TRUST.to_owned(),
            version: 3,
        })
    };
    lists.floor_take(&issue(3), &head, app.now()).unwrap();
    drop(lists);
    let rules = std::sync::Arc::new(Rules::standard(Routes::default()));
    let permit = rules
        .may::<act::ChangeSettings>(&system(), Target::School)
        .unwrap();
    let before_the_stop = Detail::new()
        .text("floor", TRUST)
        .text("result", "fetched")
        .number("issue", 3);
    let records = &school.records;
    let noted = records.note(&permit, None, &before_the_stop, app.now());
    noted.await.unwrap();
    app.add_sealed(&system(), "iwf-test", "Invented Foundation", [1; 32])
        .await
        .unwrap();
    for _ in 0..2 {
        let _ = app.settle_floor().await;
        assert_eq!(said_of_the_floor(&school).await, ["Issue 3: fetched"]);
    }
}

/// REQ-02, FIL-13: what the floor itself calls help is not refused in its name, whatever category the
/// lists give it; what it does not is.
#[tokio::test]
async fn req_02_help_of_the_floor_is_not_refused_in_its_name() {
    let school = joined().await;
    let app = &school.app;
    let technician = school.at_work("kofi.adeyemi").await.actor;
    let opening = Proposal {
        what: Proposed::Opening(Opening {
            groups: vec!["lower-school".to_owned()],
            sites: vec!["gambling.pharos.test".to_owned()],
            categories: Vec::new(),
        }),
        why: "Asked for by the school's nurse".to_owned(),
        origin: Origin::Screen,
        days: Some(7),
        review_days: None,
    };
    let error = app.propose_change(&technician, &opening).await.unwrap_err();
    assert!(error.to_string().contains("floor"), "{error}");
    let help = "[[help]]\nname = \"Out of it\"\nsites = [\"gambling.pharos.test\"]\n";
    let helped = changed(4, "low-tide.example", "high-tide.example", help);
    app.import_floor(&system(), &helped).await.unwrap();
    app.propose_change(&technician, &opening).await.unwrap();
}

/// FIL-04, FIL-06: a key of the pack that is not the pinned one is a failed fetch like another: it shows,
/// waits for its time, and nothing is taken.
#[tokio::test]
async fn fil_04_a_key_that_is_not_the_pinned_one_is_a_failed_fetch() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("floor.toml");
    std::fs::write(&source, issue(1)).unwrap();
    let mut pack = pack_files();
    let text = String::from_utf8(pack["school.toml"].clone()).unwrap();
    let trust = format!(
        "\n[trust]\nname = \"{TRUST}\"\npublisher_key = \"{}\"\nsource = \"{}\"\n",
        hex::encode(key().public()),
        source.display()
    );
    pack.insert("school.toml".to_owned(), (text + &trust).into_bytes());
    let school = SampleSchool::with(&pack).await;
    let app = &school.app;
    app.join_trust(&system(), TRUST, [1; 32]).await.unwrap();
    let refusals = async || {
        let said = said_of_the_floor(&school).await;
        said.iter().filter(|why| *why == "refused").count()
    };
    for _ in 0..3 {
        app.refresh_due_lists().await.unwrap();
    }
    assert_eq!(refusals().await, 1, "the next try is put off");
    let standing = app.floor_standing(&system()).await.unwrap().unwrap();
    assert!(standing.trouble.unwrap().contains(TRUST));
    assert_eq!(standing.floor, None);
    school.clock.forward(SignedDuration::from_hours(1));
    app.refresh_due_lists().await.unwrap();
    assert_eq!(refusals().await, 2);
}

/// REP-01, FIL-06: the report to the trust says under whose key which issue is held, so that a floor of a
/// school's own making does not pass for the trust's.
#[tokio::test]
async fn rep_01_the_report_says_which_issue_under_whose_key() {
    let school = joined().await;
    let report = school.app.school_report(&system()).await.unwrap();
    let floor = report.floor.unwrap();
    assert_eq!(floor.key, hex::encode(key().public()));
    assert_eq!(floor.sha256, floor_sha256(&issue(3)));
    assert!(floor.in_force && floor.signed);
}
