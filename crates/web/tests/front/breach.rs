//! Staff report what got through the filter (BRE-02).

use jiff::SignedDuration;
use pharos_activity::Store as _;
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

/// BRE-02: a teacher picks the pupil and "about five minutes ago", chooses the address from the log
/// and sends it; the lead and the technical team get it, and the look at the pupil's log is kept.
#[tokio::test]
async fn bre_02_the_address_is_chosen_from_the_log() {
    let school = SampleSchool::open().await;
    school
        .visit("ada.quill", "https://odd-pictures.example/gallery/7")
        .await;
    school.visit("ada.quill", "https://shells.example/").await;
    school.activity.flush().await.unwrap();
    school.clock.forward(SignedDuration::from_mins(6));
    let ada = school.person("ada.quill").await.id.to_string();
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "owen.pryce").await;
    let asked = browser.get("/breach").await;
    assert!(asked.text.contains("Ada Quill"), "{}", asked.text);
    let shown = browser
        .post(
            "/breach",
            &[("pupil", &ada), ("when", "5"), ("danger", "no")],
        )
        .await;
    assert!(
        shown.text.contains("odd-pictures [dot] example") && !shown.text.contains("gallery"),
        "hosts, and not what was read there: {}",
        shown.text
    );
    let at = shown.value_of("at").to_owned();
    school.notices().await;
    let sent = browser
        .post(
            "/breach",
            &[
                ("step", "send"),
                ("at", &at),
                ("pupil", &ada),
                ("danger", "no"),
                ("host", "odd-pictures.example"),
            ],
        )
        .await;
    assert!(
        sent.location().starts_with("/report/received/"),
        "{}",
        sent.text
    );
    let told = school.notices().await;
    for expected in [
        ("concern", "ruth.okafor"),
        ("breach-filter", "kofi.adeyemi"),
    ] {
        assert!(
            told.iter()
                .any(|(kind, to)| (kind.as_str(), to.as_str()) == expected),
            "{expected:?}: {told:?}"
        );
    }
    let lead = school.at_work("ruth.okafor").await;
    let cases = school.app.cases(&lead.actor, true).await.unwrap();
    let open = school.app.case(&lead.actor, cases[0].id).await.unwrap();
    assert_eq!(open.procedure.reference.id, "filter-breach");
    assert_eq!(
        open.state.concern.addresses,
        ["odd-pictures.example/gallery/7"]
    );
    assert!(open.state.concern.happened_at.is_some());
    let looked = school
        .app
        .lookups(
            &lead.actor,
            Some(school.person("ada.quill").await.id),
            school.app.now() - SignedDuration::from_hours(1),
        )
        .await
        .unwrap();
    assert!(
        looked.iter().any(|look| look.act == "activity.recall"),
        "{looked:?}"
    );
}

/// BRE-02: a report without an address is taken, and says that the address is unknown.
#[tokio::test]
async fn bre_02_a_report_without_an_address_is_marked_so() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "owen.pryce").await;
    let sent = browser
        .post(
            "/breach",
            &[
                ("pupil", ""),
                ("when", "0"),
                ("what", "A picture on the board."),
            ],
        )
        .await;
    assert!(
        sent.location().starts_with("/report/received/"),
        "{}",
        sent.text
    );
    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let actor = school.at_work("ruth.okafor").await.actor;
    let case = school.app.cases(&actor, true).await.unwrap()[0].id;
    let page = lead.get(&format!("/cases/{case}")).await;
    assert!(
        page.text.to_lowercase().contains("address unknown"),
        "{}",
        page.text
    );
}

/// MON-13, CON-14: the log of a pupil of somebody else's classes is nobody's to browse, nor is last
/// week's.
#[tokio::test]
async fn bre_02_nobody_browses_by_reporting() {
    let school = SampleSchool::open().await;
    school.visit("wren.osei", "https://shells.example/").await;
    school.activity.flush().await.unwrap();
    let wren = school.person("wren.osei").await.id;
    let teacher = school.at_work("owen.pryce").await;
    let now = school.app.now();
    assert!(school.app.recall(&teacher, wren, now).await.is_err());
    let ada = school.person("ada.quill").await.id;
    assert!(school.app.recall(&teacher, ada, now).await.is_ok());
    let last_week = now - SignedDuration::from_hours(24 * 7);
    assert!(school.app.recall(&teacher, ada, last_week).await.is_err());
    let pupil = school.at_work("ada.quill").await;
    assert!(school.app.recall(&pupil, ada, now).await.is_err());
}
