//! The floor of the trust that a school belongs to: in force whatever the school decides, shown with
//! whose it is, fetched by its timetable, told to the trust without a name (FIL-06, REQ-02, REQ-04).

use jiff::SignedDuration;
use pharos_lists::{SigningKey, sign_text};
use pharos_policy::{Action, Layer};
use pharos_records::Origin;
use pharos_service::{
    Error, ExplainQuestion, FloorFetched, LogFilter, NewLesson, Opening, Proposal, Proposed,
    Vetting,
};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::{is_closed, said, system};

pub(crate) const TRUST: &str = "Saltmarsh Learning Trust";

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

/// An issue that blocks one site for all pupils.
pub(crate) fn issue(version: u32) -> Vec<u8> {
    let text = format!(
        r#"floor = 1
[trust]
name = "{TRUST}"
version = {version}
issued = 2026-09-01
approved_by = "The safeguarding committee"
[[blocks]]
name = "floor: pupils"
groups = ["pupils"]
categories = ["gambling", "astrology"]
sites = ["low-tide.example"]
[[search]]
groups = ["pupils"]
youtube = "strict"
"#
    );
    sign_text(&text, &key())
}

pub(crate) async fn joined() -> SampleSchool {
    let school = SampleSchool::open().await;
    let key = key().public();
    assert!(school.app.join_trust(&system(), TRUST, key).await.unwrap());
    assert_eq!(
        school.app.import_floor(&system(), &issue(3)).await.unwrap(),
        3
    );
    school
}

/// FIL-06, REQ-02, FIL-08: what the floor blocks nothing of the school opens: not the lead's approval,
/// a proposed opening, a teacher's links or a rule of the pack; each who tries is told whose floor it
/// is. The verdict says so too.
#[tokio::test]
async fn fil_06_nothing_that_a_school_decides_opens_what_its_floor_blocks() {
    let school = SampleSchool::open().await;
    let app = &school.app;
    let before = school.verdict("ada.quill", "low-tide.example").await;
    assert_eq!(before.action, Action::Allow);
    app.join_trust(&system(), TRUST, key().public())
        .await
        .unwrap();
    app.import_floor(&system(), &issue(3)).await.unwrap();
    let verdict = school.verdict("ada.quill", "low-tide.example").await;
    assert_eq!(
        (verdict.action, verdict.layer),
        (Action::Block, Layer::Floor)
    );
    assert_eq!(
        verdict.reasons[0].by.as_deref(),
        Some("Saltmarsh Learning Trust, floor 3")
    );
    let staff = school.verdict("ines.castellano", "low-tide.example").await;
    assert_eq!(staff.action, Action::Allow, "it is for pupils");

    let lead = school.at_work("ruth.okafor").await.actor;
    let technician = school.at_work("kofi.adeyemi").await.actor;
    let teacher = school.at_work("ines.castellano").await;
    let site = "low-tide.example";
    let asked = app
        .ask_for_site(
            &teacher.person,
            &teacher.actor,
            site,
            "For a lesson on Friday",
            None,
        )
        .await
        .unwrap();
    let vetting = Vetting {
        approve: true,
        why: "Looked through it".to_owned(),
        groups: vec!["lower-school".to_owned()],
        days: 3,
        relied_on: String::new(),
    };
    let opening = Proposal {
        what: Proposed::Opening(Opening {
            groups: vec!["lower-school".to_owned()],
            sites: vec![site.to_owned()],
            categories: Vec::new(),
        }),
        why: "Asked for by the history department".to_owned(),
        origin: Origin::Screen,
        days: Some(7),
        review_days: None,
    };
    let pupil = school.person("ada.quill").await;
    let lesson = NewLesson {
        adult: String::new(),
        class: *pupil.classes.iter().next().unwrap(),
        sites: vec![site.to_owned()],
        from: None,
        minutes: 40,
        supervised: false,
    };
    for refused in [
        app.decide_request(&lead, asked, &vetting).await.err(),
        app.propose_change(&technician, &opening).await.err(),
        app.open_lesson(&teacher.actor, &lesson).await.err(),
    ] {
        let Some(Error::Invalid(problems)) = refused else {
            panic!("{refused:?}");
        };
        let said = &problems[0].text;
        assert!(
            said.contains("floor") || said.contains("blocked for everyone"),
            "{said}"
        );
    }
    // For the one who asked, who is no pupil, it may be opened: there the floor says nothing.
    let for_staff = Vetting {
        groups: vec!["staff".to_owned()],
        ..vetting
    };
    app.decide_request(&lead, asked, &for_staff).await.unwrap();

    let mut pack = pack_files();
    let text = String::from_utf8(pack["school.toml"].clone()).unwrap();
    let rule =
        format!("\n[[rules]]\nname = \"let through\"\naction = \"allow\"\nsites = [\"{site}\"]\n");
    pack.insert("school.toml".to_owned(), (text + &rule).into_bytes());
    school.change_pack(&pack, "A site for history").await;
    let verdict = school.verdict("ada.quill", site).await;
    assert_eq!(
        (verdict.action, verdict.layer),
        (Action::Block, Layer::Floor)
    );
    let standing = app.floor_standing(&lead).await.unwrap().unwrap();
    let below = standing.below.iter();
    let of_site = below.filter(|below| below.message.contains("low-tide.example"));
    assert_eq!(of_site.count(), 1, "{:?}", standing.below);
    assert!(standing.waiting.is_empty(), "{:?}", standing.waiting);
}

/// FIL-13: a help site of the school's own that the floor closes is named to the school and, in its
/// report, to the trust; once the trust calls it help it is open. The services that every school knows
/// need no word of the trust.
#[tokio::test]
async fn fil_13_help_that_a_floor_closes_is_named_to_the_trust() {
    let mut pack = pack_files();
    let text = String::from_utf8(pack["school.toml"].clone()).unwrap();
    let help =
        "\n[[help]]\nname = \"Low tide\"\nsites = [\"low-tide.example\", \"tide.example\"]\n";
    pack.insert("school.toml".to_owned(), (text + help).into_bytes());
    let school = SampleSchool::with(&pack).await;
    let app = &school.app;
    app.join_trust(&system(), TRUST, key().public())
        .await
        .unwrap();
    let text = String::from_utf8(issue(3)).unwrap();
    let text = text.replace(
        "\"low-tide.example\"",
        "\"low-tide.example\", \"childline.org.uk\"",
    );
    let signed = sign_text(text.rsplit_once("# signature").unwrap().0, &key());
    app.import_floor(&system(), &signed).await.unwrap();
    let lead = school.at_work("ruth.okafor").await.actor;
    let standing = app.floor_standing(&lead).await.unwrap().unwrap();
    assert_eq!(standing.closed_help, ["low-tide.example"]);
    let report = app.school_report(&system()).await.unwrap();
    assert_eq!(report.closed_help, ["low-tide.example"]);
    let listened = school.verdict("ada.quill", "childline.org.uk").await;
    assert_eq!(listened.action, Action::Allow);

    let helped = text.replace("version = 3", "version = 4");
    let unsigned = helped.rsplit_once("# signature").unwrap().0;
    let helped =
        format!("{unsigned}[[help]]\nname = \"Low tide\"\nsites = [\"low-tide.example\"]\n");
    app.import_floor(&system(), &sign_text(&helped, &key()))
        .await
        .unwrap();
    let standing = app.floor_standing(&lead).await.unwrap().unwrap();
    assert_eq!(standing.closed_help, Vec::<String>::new());
    let open = school.verdict("ada.quill", "low-tide.example").await;
    assert_eq!((open.action, open.layer), (Action::Allow, Layer::Help));
}

/// FIL-06: only the pinned key's newer issues count, brought in by those who may; nobody of the school
/// lets go of the floor.
#[tokio::test]
async fn fil_06_the_floor_is_the_trusts_own() {
    let school = joined().await;
    let app = &school.app;
    let other = SigningKey::from_seed(&[8; 32]).unwrap();
    let text = String::from_utf8(issue(9)).unwrap();
    let by_another = sign_text(text.rsplit_once("# signature").unwrap().0, &other);
    for (bytes, why) in [
        (by_another, "signature"),
        (issue(2), "older or equal"),
        (issue(3), "older or equal"),
    ] {
        let error = app.import_floor(&system(), &bytes).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let head = school.at_work("helen.lindqvist").await.actor;
    let teacher = school.at_work("ines.castellano").await.actor;
    assert!(is_closed(
        &app.import_floor(&teacher, &issue(4)).await.unwrap_err()
    ));
    assert!(is_closed(
        &app.join_trust(&teacher, TRUST, [1; 32]).await.unwrap_err()
    ));
    let error = app
        .join_trust(&head, "Another Trust", [1; 32])
        .await
        .unwrap_err();
    assert!(error.to_string().contains(TRUST), "{error}");
    assert!(matches!(
        app.leave_trust(&head, "We would rather not").await,
        Err(Error::Refused(_))
    ));
    assert_eq!(
        school.verdict("ada.quill", "low-tide.example").await.action,
        Action::Block
    );

    let lead = school.at_work("ruth.okafor").await.actor;
    let lines = app.change_log(&lead, &LogFilter::default()).await.unwrap();
    let floor: Vec<&str> = lines
        .iter()
        .filter(|line| line.kind == "floor")
        .map(|line| line.why.as_str())
        .collect();
    assert!(floor.contains(&"Issue 3: taken in"), "{floor:?}");
    assert!(floor.contains(&"refused"), "{floor:?}");

    app.leave_trust(&system(), "The school leaves the trust")
        .await
        .unwrap();
    assert_eq!(
        school.verdict("ada.quill", "low-tide.example").await.action,
        Action::Allow
    );
    assert_eq!(app.floor_standing(&lead).await.unwrap(), None);
}

/// FIL-06: a question about an earlier day gets the answer of the floor of that day.
#[tokio::test]
async fn fil_06_a_question_about_the_past_stands_on_the_floor_of_then() {
    let school = SampleSchool::open().await;
    let app = &school.app;
    let lead = school.at_work("ruth.okafor").await.actor;
    school.clock.forward(SignedDuration::from_hours(1));
    let before = app.now();
    school.clock.forward(SignedDuration::from_hours(1));
    app.join_trust(&system(), TRUST, key().public())
        .await
        .unwrap();
    app.import_floor(&system(), &issue(1)).await.unwrap();
    school.clock.forward(SignedDuration::from_mins(1));
    let lead = {
        drop(lead);
        school.at_work("ruth.okafor").await.actor
    };
    let ada = school.person("ada.quill").await.id;
    let asked = async |at| {
        let question = ExplainQuestion {
            address: "low-tide.example".to_owned(),
            person: Some(ada),
            from: None,
            at: Some(at),
        };
        app.explain(&lead, &question).await.unwrap().layer
    };
    assert_ne!(asked(before).await, Layer::Floor);
    assert_eq!(
        asked(app.now() - SignedDuration::from_secs(30)).await,
        Layer::Floor
    );
}

/// FIL-04: a newer issue is in force after the next fetch, its key pinned by the pack; what the trust
/// did not sign is refused and told to the technical team; a source that is not seen shows.
#[tokio::test]
async fn fil_04_the_floor_comes_by_its_timetable() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("floor.toml");
    std::fs::write(&source, issue(1)).unwrap();
    let mut pack = pack_files();
    let text = String::from_utf8(pack["school.toml"].clone()).unwrap();
    let trust = format!(
        "\n[trust]\nname = \"{TRUST}\"\npublisher_key = \"{}\"\nsource = \"{}\"\nalert_days = 2\n",
        hex::encode(key().public()),
        source.display()
    );
    pack.insert("school.toml".to_owned(), (text + &trust).into_bytes());
    let school = SampleSchool::with(&pack).await;
    let app = &school.app;
    let in_force = async || {
        let standing = app.floor_standing(&system()).await.unwrap().unwrap();
        (standing.floor.map(|floor| floor.version), standing.stale)
    };
    assert_eq!(in_force().await, (None, true));
    assert!(
        app.refresh_due_lists()
            .await
            .unwrap()
            .contains(&"floor".to_owned())
    );
    assert_eq!(in_force().await, (Some(1), false));
    assert!(
        !app.refresh_due_lists()
            .await
            .unwrap()
            .contains(&"floor".to_owned())
    );

    std::fs::write(&source, b"floor = 1\n").unwrap();
    school.notices().await;
    school.clock.forward(SignedDuration::from_hours(24));
    app.refresh_due_lists().await.unwrap();
    assert!(said(&school.notices().await).contains(&("list-refused", "kofi.adeyemi")));
    assert_eq!(in_force().await, (Some(1), false));
    school.clock.forward(SignedDuration::from_hours(30));
    assert_eq!(in_force().await, (Some(1), true));

    std::fs::write(&source, issue(2)).unwrap();
    let fetched = app.fetch_floor(&system()).await.unwrap();
    assert_eq!(fetched, FloorFetched::Taken(2));
    assert_eq!(in_force().await, (Some(2), false));
}

/// FIL-17: a floor that was taken away puts nothing new in force; what was in force stays.
#[tokio::test]
async fn fil_17_a_floor_taken_away_changes_nothing_until_it_is_back() {
    let school = joined().await;
    let app = &school.app;
    std::fs::remove_dir_all(school.folder.path().join("lists/floor")).unwrap();
    assert!(app.rebuild().await.is_err());
    assert_eq!(
        school.verdict("ada.quill", "low-tide.example").await.action,
        Action::Block
    );
    let standing = app.floor_standing(&system()).await.unwrap();
    let trouble = standing
        .and_then(|standing| standing.trouble)
        .unwrap_or_default();
    assert!(trouble.contains("missing"), "{trouble}");
    app.import_floor(&system(), &issue(3)).await.unwrap();
    assert!(app.floor_trouble().is_none());
    // REQ-04: that it came back stands in the change log.
    let lead = school.at_work("ruth.okafor").await.actor;
    let lines = app.change_log(&lead, &LogFilter::default()).await.unwrap();
    let again = lines
        .iter()
        .filter(|line| line.kind == "floor" && line.why == "Issue 3: taken in again");
    assert_eq!(again.count(), 1);
}

/// REP-01, ROLE-07: what the school tells its trust says how it stands, and names nobody.
#[tokio::test]
async fn role_07_the_report_to_the_trust_names_nobody() {
    let school = joined().await;
    let app = &school.app;
    let teacher = school.at_work("ines.castellano").await.actor;
    assert!(is_closed(&app.school_report(&teacher).await.unwrap_err()));
    let report = app.school_report(&system()).await.unwrap();
    assert_eq!(report.trust, TRUST);
    let floor = report.floor.clone().unwrap();
    assert_eq!((floor.version, floor.signed), (3, true));
    assert!(report.check.is_none() && !report.floor_trouble);
    assert!(
        !report.not_kept.is_empty(),
        "without a check clauses are not shown to be kept"
    );
    assert!(report.clauses >= report.not_kept.len());
    let text = serde_json::to_string(&report).unwrap().to_lowercase();
    for person in ["ada", "quill", "okafor", "lindqvist", "adeyemi"] {
        assert!(!text.contains(person), "{person} in {text}");
    }
}
