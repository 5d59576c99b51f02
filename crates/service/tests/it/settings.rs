//! Settings that change what happens, and the trace that a change leaves.

use jiff::SignedDuration;
use jiff::civil::date;
use pharos_policy::Action;
use pharos_records::Origin;
use pharos_service::Brought;
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::{said, system};

fn changed(from: &str, to: &str) -> pharos_service::PackFiles {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    assert!(text.contains(from), "{from}");
    files.insert(
        "school.toml".to_owned(),
        text.replace(from, to).into_bytes(),
    );
    files
}

/// CFG-01: a changed setting is in force at once, and the audit log names it, never its value.
#[tokio::test]
async fn cfg_01_a_changed_setting_is_in_the_audit_log_by_name() {
    let school = SampleSchool::open().await;
    let head = school.at_work("helen.lindqvist").await;
    school
        .app
        .install_pack(
            &head.actor,
            &changed("ack_minutes = 30", "ack_minutes = 17"),
            "Decided in the leadership meeting",
        )
        .await
        .unwrap();
    assert_eq!(school.app.school().ack_minutes, 17);
    let filter = pharos_records::LedgerFilter {
        act: Some("policy.install".to_owned()),
        ..Default::default()
    };
    let named: Vec<String> = school
        .app
        .ledger(&head.actor, &filter, 50)
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.line.detail)
        .filter(|detail| detail.contains("setting-changed"))
        .collect();
    assert_eq!(named.len(), 1, "{named:?}");
    assert!(
        named[0].contains("con.ack_minutes") && !named[0].contains("17"),
        "{named:?}"
    );

    school
        .app
        .install_pack(&head.actor, &pack_files(), "Back to what it was")
        .await
        .unwrap();
    school
        .app
        .install_pack(&head.actor, &pack_files(), "The same again")
        .await
        .unwrap();
    let named = school
        .app
        .ledger(&head.actor, &filter, 50)
        .await
        .unwrap()
        .into_iter()
        .filter(|entry| entry.line.detail.contains("setting-changed"))
        .count();
    assert_eq!(named, 2, "a version without changed settings names none");
}

/// CFG-01: a pack with anything wrong changes nothing.
#[tokio::test]
async fn cfg_01_a_wrong_pack_changes_nothing() {
    let school = SampleSchool::open().await;
    let before = school.app.school().version;
    let error = school
        .app
        .install_pack(
            &system(),
            &changed("ack_minutes = 30", "ack_minutes = 0"),
            "A slip of the pen",
        )
        .await
        .unwrap_err();
    assert!(error.to_string().contains("con.ack_minutes"), "{error}");
    assert_eq!(
        (school.app.school().version, school.app.school().ack_minutes),
        (before, 30)
    );
}

/// CON-04, BRE-01: listeners and the adults to tell are the school's own, in its order and words.
#[tokio::test]
async fn con_04_listeners_are_the_schools_own() {
    let school = SampleSchool::open().await;
    let names: Vec<String> = school
        .app
        .school()
        .listeners()
        .into_iter()
        .map(|help| help.name)
        .collect();
    assert_eq!(names, ["Childline", "CEOP", "Harbourmouth listening post"]);
    assert_eq!(
        school.app.school().listeners()[0].call.as_deref(),
        Some("0800 1111")
    );
    assert_eq!(school.app.school().adult_to_tell(), "a member of staff");
    let other = changed(
        "pupil_listeners = [\"Childline\", \"CEOP\", \"Harbourmouth listening post\"]",
        "pupil_listeners = [\"Children's Commissioner\"]",
    );
    school
        .app
        .install_pack(&system(), &other, "Another listener")
        .await
        .unwrap();
    assert_eq!(
        school.app.school().listeners()[0].name,
        "Children's Commissioner"
    );
    let tutor = changed(
        "pupil_tells = [\"staff\"]",
        "pupil_tells = [\"tutor\", \"lead\"]",
    );
    school
        .app
        .install_pack(&system(), &tutor, "The form tutor knows them")
        .await
        .unwrap();
    assert_eq!(
        school.app.school().adult_to_tell(),
        "your form tutor or your Designated Safeguarding Lead"
    );
}

/// REV-02, REP-01: the dates follow the settings; people are reminded a month ahead and when late.
#[tokio::test]
async fn rev_02_rep_01_reviews_and_reports_are_reminded_of() {
    let school = SampleSchool::open().await;
    let due = school.app.dates_due().await.unwrap();
    assert_eq!(
        due.review,
        Some(date(2027, 9, 1)),
        "the front page's day comes before twelve months after approval"
    );
    assert_eq!(
        due.report,
        Some(date(2027, 1, 19)),
        "seventeen weeks after approval"
    );
    assert_eq!(school.app.remind_of_dates().await.unwrap(), 0);

    let sooner = changed("interval = 12", "interval = 6");
    school
        .app
        .install_pack(&system(), &sooner, "Twice a year from now on")
        .await
        .unwrap();
    assert_eq!(
        school.app.dates_due().await.unwrap().review,
        Some(date(2027, 3, 22))
    );
    let yearly = changed("governors = \"termly\"", "governors = \"yearly\"");
    school
        .app
        .install_pack(&system(), &yearly, "Once a year from now on")
        .await
        .unwrap();
    assert_eq!(
        school.app.dates_due().await.unwrap().report,
        Some(date(2027, 9, 21))
    );

    // 5 August 2027: less than a month before the review.
    school.clock.forward(SignedDuration::from_hours(24 * 268));
    school.app.remind_of_dates().await.unwrap();
    let told = school.notices().await;
    assert!(
        said(&told).contains(&("review-due", "ruth.okafor"))
            && !said(&told).contains(&("review-due", "mirela.dobre")),
        "{told:?}"
    );
    school.app.remind_of_dates().await.unwrap();
    assert!(school.notices().await.is_empty(), "once");
    school.clock.forward(SignedDuration::from_hours(24 * 30));
    school.app.remind_of_dates().await.unwrap();
    let told = school.notices().await;
    assert!(
        said(&told).contains(&("review-due", "mirela.dobre")),
        "governors hear that it is late: {told:?}"
    );
}

/// MON-03, REQ-03: an adapter of an AI tool in the pack is a change of monitoring: it waits to be assessed,
/// and is known, before the shipped ones, from the moment the pack is in force.
#[tokio::test]
async fn mon_03_an_ai_tool_of_the_pack_is_known_when_the_pack_is_in_force() {
    let school = SampleSchool::open().await;
    let asked = async || {
        let event = school
            .asks("ada.quill", "talk.example/chat", "why is the sea salty")
            .await;
        school.app.tool_asked(&event).map(|title| title.to_string())
    };
    assert_eq!(asked().await, None);
    let mut files = pack_files();
    let adapter = "tool harbour-talk\nversion 1\ntitle Harbour Talk\nhosts talk.example\n[POST /chat]\nprompt q\n";
    files.insert("ai-tools/harbour-talk.txt".to_owned(), adapter.into());
    let technician = school.at_work("kofi.adeyemi").await.actor;
    let brought = school
        .app
        .bring_pack(&technician, &files, "We use it in Year 9", Origin::File)
        .await
        .unwrap();
    let Brought::Waits(number) = brought else {
        panic!("{brought:?}")
    };
    assert_eq!(asked().await, None, "not before it is in force");
    school.approve_change(number).await;
    let lead = school.at_work("ruth.okafor").await.actor;
    let live = school.app.tools();
    school.app.put_in_force(&lead, number).await.unwrap();
    assert_eq!(asked().await.as_deref(), Some("Harbour Talk"));
    let host = pharos_catalogue::Host::parse("talk.example").unwrap();
    let found = live
        .now()
        .find(&host, "/chat", pharos_scan::tools::Way::Post);
    assert!(found.is_some(), "whoever holds the tools knows it as well");
}

/// SRCH-03: when the assessment of a search tool runs out its owner and the technical team have a task,
/// a month ahead and again when it has run out, and the pack is not taken in again until the tool is
/// assessed anew.
#[tokio::test]
async fn srch_03_an_assessment_that_runs_out_is_a_task_for_its_owner() {
    let files = changed("expires = 2028-08-31", "expires = 2026-11-20");
    let school = SampleSchool::with(&files).await;
    let due = ("assessment-due", "kofi.adeyemi");
    school.notices().await;
    school.app.remind_of_dates().await.unwrap();
    let told = school.notices().await;
    let other = ("assessment-due", "petra.novak");
    let mut told = said(&told);
    told.sort_unstable();
    assert_eq!(told, [due, due, other, other], "one for each of two tools");
    school.app.remind_of_dates().await.unwrap();
    assert!(school.notices().await.is_empty(), "once");
    school.clock.forward(SignedDuration::from_hours(24 * 14));
    school.app.remind_of_dates().await.unwrap();
    let told = school.notices().await;
    assert!(said(&told).contains(&due), "{told:?}");
    assert!(
        said(&told).contains(&("assessment-due", "petra.novak")),
        "{told:?}"
    );
    let again = school
        .app
        .install_pack(&system(), &files, "The same again")
        .await;
    let told = format!("{:?}", again.unwrap_err());
    assert!(told.contains("is not current on"), "{told}");
    let anew = changed("expires = 2028-08-31", "expires = 2029-08-31");
    school
        .app
        .install_pack(&system(), &anew, "Assessed anew")
        .await
        .unwrap();
}

/// SRCH-03: at the end of the last day of its assessment a search tool is closed for those whom it was
/// open to, by the policy itself; the other approved one stays open and is where searches go; the
/// self-check expects no more than that; the tool opens again when it is assessed anew.
#[tokio::test]
async fn srch_03_a_tool_whose_assessment_ran_out_is_closed() {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let text = text.replacen("expires = 2028-08-31", "expires = 2026-11-12", 1);
    files.insert("school.toml".to_owned(), text.into_bytes());
    let school = SampleSchool::with(&files).await;
    let roster = std::sync::Arc::clone(school.app.filter().snapshot().unwrap().roster());
    let year = Some("5".parse().unwrap());
    let prep = roster
        .iter()
        .find(|member| member.year == year && !member.username.starts_with("check:"))
        .expect("somebody in Year 5")
        .username
        .to_string();
    let action = async |site: &str| school.verdict(&prep, site).await.action;
    assert_ne!(action("www.kiddle.co").await, Action::Block);
    assert_ne!(action("swiggle.org.uk").await, Action::Block);
    school.clock.forward(SignedDuration::from_hours(24 * 2));
    school.app.rebuild_when_due().await.unwrap();
    assert_ne!(action("www.kiddle.co").await, Action::Block, "its last day");
    school.clock.forward(SignedDuration::from_hours(24));
    school.app.rebuild_when_due().await.unwrap();
    assert_eq!(action("www.kiddle.co").await, Action::Block);
    assert_ne!(action("swiggle.org.uk").await, Action::Block);
    let in_force = school.app.school();
    let none: [&str; 0] = [];
    assert_eq!(in_force.pack.closed_tools(date(2026, 11, 12)), none);
    assert_eq!(in_force.pack.closed_tools(date(2026, 11, 13)), ["kiddle"]);
    assert_eq!(
        in_force.pack.next_tool_day(date(2026, 11, 10)),
        Some(date(2026, 11, 13)),
        "closed as that day begins"
    );
    let results = crate::evidence::checked(&school).await;
    let failed = results.outcomes().find(|one| {
        one.result == pharos_service::CheckResult::Failed
            && matches!(one.kind, pharos_service::CheckKind::SafeSearch(_))
    });
    assert_eq!(failed, None, "the check promises what is in force");
    let anew = pack_files();
    school
        .app
        .install_pack(&system(), &anew, "Assessed anew")
        .await
        .unwrap();
    assert_ne!(action("www.kiddle.co").await, Action::Block);
}
