//! From the block page: asking and telling (BRE-01, REQ-01, FIL-14).

use axum::http::StatusCode;
use pharos_activity::{BlockDesk, Blocked};
use pharos_casework::{Origin, Part, Reporter, Whom};
use pharos_school::{Confidence, Face, IdentitySource, Unknown, Who};
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

fn blocked(school: &SampleSchool, who: Who, sealed: bool) -> Blocked {
    Blocked {
        at: school.app.now(),
        who,
        group: None,
        address: [10, 0, 3, 4].into(),
        face: Face::Https,
        host: (!sealed).then(|| "games.example".into()),
        path: (!sealed).then(|| "/play".into()),
        action: "block",
        rule: "games".into(),
        categories: [].into(),
        why: "Games are blocked in lessons.".into(),
        may_ask: !sealed,
        policy_version: 1,
        catalogue_version: 1,
    }
}

async fn who(school: &SampleSchool, username: &str, confidence: Confidence) -> Who {
    Who::Known {
        person: school.person(username).await.id,
        source: IdentitySource::SignInPage,
        confidence,
        device: Some("LIB-04".into()),
    }
}

fn nobody() -> Who {
    Who::Unknown {
        why: Unknown::NoSignIn,
        device: None,
    }
}

/// BRE-01: two presses from the block page; the address, time, device and person are filled in, the
/// pupil is told to switch the screen off, and learns a number only.
#[tokio::test]
async fn bre_01_a_pupil_reports_from_the_block_page() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    let reference = school.app.desk().open(blocked(
        &school,
        who(&school, "wren.osei", Confidence::Certain).await,
        false,
    ));
    let page = browser.get(&format!("/blocked/{reference}")).await;
    assert!(
        page.text.contains("Games are blocked in lessons.")
            && page.text.contains("games [dot] example"),
        "{}",
        page.text
    );
    let form = browser.get(&format!("/blocked/{reference}/report")).await;
    assert!(form.text.contains("off now"), "{}", form.text);
    let page = browser
        .post(
            &format!("/blocked/{reference}/report"),
            &[("what", ""), ("danger", "")],
        )
        .await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("Your report has the number"));

    let lead = school.at_work("ruth.okafor").await;
    let cases = school.app.cases(&lead.actor, true).await.unwrap();
    let case = school.app.case(&lead.actor, cases[0].id).await.unwrap();
    let pupil = school.person("wren.osei").await.id;
    let concern = &case.state.concern;
    assert_eq!(concern.reporter, Reporter::Pupil { person: pupil });
    assert_eq!(
        concern.origin,
        Origin::BlockPage {
            reference: reference.to_string()
        }
    );
    assert_eq!(
        (&concern.involved[0].whom, concern.involved[0].part),
        (&Whom::Pupil { person: pupil }, Part::ReachedMaterial)
    );
    assert_eq!(concern.addresses, ["games.example/play"]);
    assert_eq!(
        concern.device.as_deref(),
        Some("LIB-04 (10.0.3.4); user certain, by sign-in-page")
    );
    assert_eq!(concern.happened_at, Some(school.app.now()));
}

/// BRE-02, FIL-03: a report after a sealed hit holds no address; one from nobody names a device.
#[tokio::test]
async fn bre_02_a_sealed_hit_is_reported_without_its_address() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    let reference = school.app.desk().open(blocked(&school, nobody(), true));
    let page = browser
        .post(
            &format!("/blocked/{reference}/report"),
            &[("what", "It just came up"), ("danger", "yes")],
        )
        .await;
    assert!(page.text.contains("Call 999 now."), "{}", page.text);
    let lead = school.at_work("ruth.okafor").await;
    let cases = school.app.cases(&lead.actor, true).await.unwrap();
    let case = school.app.case(&lead.actor, cases[0].id).await.unwrap();
    assert!(case.state.concern.addresses.is_empty());
    assert_eq!(case.state.concern.reporter, Reporter::NotKnown);
    assert!(
        matches!(&case.state.concern.involved[0].whom, Whom::Device { label } if label.contains("no-sign-in"))
    );
    let ask = browser.get(&format!("/blocked/{reference}/ask")).await;
    assert_eq!(ask.status, StatusCode::CONFLICT);
    assert!(ask.text.contains("It cannot be asked for."));
}

/// MON-02: somebody who is only likely at the device is not made the reporter or the asker.
#[tokio::test]
async fn mon_02_a_guess_is_not_the_asker() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    let reference = school.app.desk().open(blocked(
        &school,
        who(&school, "wren.osei", Confidence::Likely).await,
        false,
    ));
    let page = browser.get(&format!("/blocked/{reference}/ask")).await;
    assert_eq!(
        page.location(),
        format!("/sign-in?to=/blocked/{reference}/ask")
    );
    let sent = browser
        .post(
            &format!("/blocked/{reference}/ask"),
            &[("purpose", "for history homework")],
        )
        .await;
    assert!(
        sent.status.is_redirection() || sent.status == StatusCode::CONFLICT,
        "{}",
        sent.status
    );
    assert!(
        school
            .app
            .requests(&school.at_work("ruth.okafor").await.actor, true)
            .await
            .unwrap()
            .is_empty()
    );
}

/// REQ-01, REQ-02: a pupil asks from the block page, the lead opens it for a week, the pupil reads it.
#[tokio::test]
async fn req_01_asked_from_the_block_page_and_opened_by_the_lead() {
    let school = SampleSchool::open().await;
    let username = oldest(&school).await;
    let name = school.person(&username).await.full_name();
    let mut pupil = Browser::at(&school);
    let reference = school.app.desk().open(blocked(
        &school,
        who(&school, &username, Confidence::Certain).await,
        false,
    ));
    let empty = pupil
        .post(&format!("/blocked/{reference}/ask"), &[("purpose", "")])
        .await;
    assert!(
        empty.text.contains("Say what you need it for"),
        "{}",
        empty.text
    );
    let sent = pupil
        .post(
            &format!("/blocked/{reference}/ask"),
            &[("purpose", "Maths game for Miss Yilmaz"), ("days", "5")],
        )
        .await;
    assert_eq!(sent.location(), "/thanks?done=asked-here", "{}", sent.text);

    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let list = lead.get("/requests").await;
    assert!(
        list.text.contains("games [dot] example") && list.text.contains(&name),
        "{}",
        list.text
    );
    let id = list
        .text
        .split("href=\"/requests/")
        .filter_map(|rest| rest.split('"').next())
        .find(|id| id.len() == 36)
        .unwrap()
        .to_owned();
    let page = lead.get(&format!("/requests/{id}")).await;
    assert!(page.text.contains("Pass it on?"), "{}", page.text);
    let passed = lead
        .post(
            &format!("/requests/{id}/endorse"),
            &[("endorse", "yes"), ("why", "Their teacher is away today")],
        )
        .await;
    assert_eq!(
        passed.location(),
        "/requests?done=endorsed",
        "{}",
        passed.text
    );
    let page = lead.get(&format!("/requests/{id}")).await;
    assert!(
        page.text.contains("Not asked for before") && page.text.contains("Their teacher is away"),
        "{}",
        page.text
    );
    let undecided = lead
        .post(&format!("/requests/{id}"), &[("why", "Seen it")])
        .await;
    assert!(undecided.text.contains("Choose whether it opens."));
    let page = lead
        .post(
            &format!("/requests/{id}"),
            &[
                ("approve", "yes"),
                ("days", "7"),
                ("why", "Looked at it; fine for the lesson"),
            ],
        )
        .await;
    assert_eq!(page.location(), "/requests?done=decided", "{}", page.text);
    let verdict = school.verdict(&username, "https://games.example/").await;
    assert_eq!(
        (verdict.action.name(), verdict.layer.name()),
        ("allow", "exception")
    );

    pupil.sign_in(&school, &username).await;
    let mine = pupil.get("/requests/mine").await;
    assert!(
        mine.text.contains("Opened") && mine.text.contains("fine for the lesson"),
        "{}",
        mine.text
    );
}

/// FIL-14: a Year 2 and a Year 10 pupil read different words and find the same buttons.
#[tokio::test]
async fn fil_14_words_fit_the_age_and_the_buttons_are_the_same() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    let mut pages = Vec::new();
    for username in [youngest(&school).await, oldest(&school).await] {
        let reference = school.app.desk().open(blocked(
            &school,
            who(&school, &username, Confidence::Certain).await,
            false,
        ));
        pages.push((
            reference,
            browser.get(&format!("/blocked/{reference}")).await.text,
        ));
    }
    assert!(
        pages[0].1.contains("You have not done anything wrong.")
            && !pages[1].1.contains("You have not done anything wrong.")
    );
    for (reference, text) in &pages {
        assert!(
            text.contains(&format!("/blocked/{reference}/report"))
                && text.contains(&format!("/blocked/{reference}/ask"))
        );
    }
}

async fn youngest(school: &SampleSchool) -> String {
    pupil_in(school, |year| year == "2").await
}

async fn oldest(school: &SampleSchool) -> String {
    pupil_in(school, |year| year == "10").await
}

async fn pupil_in(school: &SampleSchool, fits: impl Fn(&str) -> bool) -> String {
    let everybody = school
        .app
        .everybody(&pharos_access::Actor::system("operator"))
        .await
        .unwrap();
    everybody
        .into_iter()
        .find(|person| person.year.is_some_and(|year| fits(&year.to_string())))
        .unwrap()
        .username
}

/// A reference that is old or made up opens nothing.
#[tokio::test]
async fn an_unknown_reference_is_not_found() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    for path in [
        "/blocked/AAAA-AAAA-AAAA",
        "/blocked/x/report",
        "/blocked/x/ask",
    ] {
        assert_eq!(
            browser.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}
