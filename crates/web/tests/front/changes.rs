//! Change control on the pages (REQ-03 to REQ-06).

use std::sync::Arc;

use axum::http::StatusCode;
use pharos_policy::Action;
use pharos_service::{AskUnopened, Unopened};
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

async fn signed_in(school: &SampleSchool, username: &str) -> Browser {
    let mut browser = Browser::at(school);
    browser.sign_in(school, username).await;
    browser
}

/// REQ-03, REQ-04: proposed on a page, assessed by two, consented to, put in force, tested, looked
/// at again, exported; whoever may not sees no button and is refused.
#[tokio::test]
async fn req_03_a_change_on_the_pages_from_proposal_to_review() {
    let school = SampleSchool::open().await;
    school.visit("ada.quill", "gaming.pharos.test").await;
    let mut kofi = signed_in(&school, "kofi.adeyemi").await;
    let wanted = [
        ("what", "opening"),
        ("sites", "gaming.pharos.test"),
        ("groups", "lower-school"),
        ("days", "7"),
    ];
    let empty = kofi.post("/changes/new", &wanted).await;
    assert!(
        empty.text.contains("Say why, in a few words"),
        "{}",
        empty.text
    );
    let mut whole = wanted.to_vec();
    whole.push(("why", "For the games club on Fridays"));
    let sent = kofi.post("/changes/new", &whole).await;
    assert_eq!(sent.location(), "/changes/1?done=proposed", "{}", sent.text);
    let page = kofi.get("/changes/1").await;
    for wanted in [
        "For the games club on Fridays",
        "gaming [dot] pharos [dot] test",
        "Newly opens: asked for 1 time at 1 site",
        "a risk assessment for teaching, a technical risk assessment, the leadership&#39;s consent",
    ] {
        assert!(
            page.text.contains(wanted)
                || page.text.contains(&wanted.replace("&#39;", "\u{2019}"))
                || page.text.contains(&wanted.replace("&#39;", "&#x27;")),
            "{wanted}: {}",
            page.text
        );
    }
    assert!(
        !page.text.contains("/changes/1/in-force"),
        "no button before it is ready"
    );
    let words = ("why", "Looked at it from my side");
    let wrong = kofi
        .post("/changes/1/assess", &[("side", "educational"), words])
        .await;
    assert!(wrong.text.contains("req.change_approval"), "{}", wrong.text);
    kofi.post("/changes/1/assess", &[("side", "technical"), words])
        .await;
    let mut ruth = signed_in(&school, "ruth.okafor").await;
    let early = ruth.post("/changes/1/in-force", &[]).await;
    assert!(early.text.contains("teaching experience"), "{}", early.text);
    ruth.post("/changes/1/assess", &[("side", "educational"), words])
        .await;
    let mut helen = signed_in(&school, "helen.lindqvist").await;
    helen.post("/changes/1/consent", &[words]).await;
    let done = ruth.post("/changes/1/in-force", &[]).await;
    assert_eq!(done.location(), "/changes/1?done=in-force", "{}", done.text);
    assert_eq!(
        school
            .verdict("ada.quill", "gaming.pharos.test")
            .await
            .action,
        Action::Allow
    );
    let page = ruth.get("/changes/1").await;
    assert!(page.text.contains("verdicts as approved"), "{}", page.text);
    assert!(page.text.contains("Ada Quill"), "the lead may see for whom");
    let looked = ruth.post("/changes/1/review", &[words]).await;
    assert_eq!(looked.location(), "/changes/1?done=looked");

    let mut teacher = signed_in(&school, "hana.yilmaz").await;
    let page = teacher.get("/changes/1").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        !page.text.contains("Ada Quill"),
        "a teacher sees counts, not names"
    );
    assert_eq!(
        teacher.get("/changes/new").await.status,
        StatusCode::FORBIDDEN
    );
    let csv = ruth.post("/changes", &[("format", "csv")]).await;
    assert!(csv.text.starts_with("When,By,Came by"), "{}", csv.text);
    let json = ruth
        .post("/changes", &[("format", "json"), ("kind", "opening")])
        .await;
    assert!(
        json.text.contains("For the games club on Fridays"),
        "{}",
        json.text
    );
    let log = ruth.post("/changes", &[("person", "nobody.here")]).await;
    assert!(log.text.contains("Nobody on the roll"), "{}", log.text);
}

/// REQ-04, REQ-05: an earlier version is shown, compared and put back, at once where that only tightens
/// and as a proposal where it opens; a tick in the categories is a change.
#[tokio::test]
async fn req_04_an_earlier_version_is_shown_and_put_back() {
    let school = SampleSchool::open().await;
    let mut kofi = signed_in(&school, "kofi.adeyemi").await;
    let ticked = [
        ("what", "categories"),
        ("group", "pupils"),
        ("categories", "gambling"),
        ("categories", "violence"),
        ("why", "Only these two for pupils"),
    ];
    let sent = kofi.post("/changes/new", &ticked).await;
    assert_eq!(sent.location(), "/changes/1?done=proposed", "{}", sent.text);
    school.approve_change(1).await;
    let mut ruth = signed_in(&school, "ruth.okafor").await;
    assert_eq!(
        ruth.post("/changes/1/in-force", &[]).await.location(),
        "/changes/1?done=in-force"
    );
    assert_eq!(
        school
            .verdict("ada.quill", "gaming.pharos.test")
            .await
            .action,
        Action::Allow
    );
    let page = ruth.get("/settings/pack/1").await;
    assert!(
        page.text
            .contains("What going back from version 2 would change"),
        "{}",
        page.text
    );
    assert!(
        page.text.contains("Going back only tightens"),
        "{}",
        page.text
    );
    let no = ruth.post("/settings/pack/1/back-now", &[]).await;
    assert!(no.text.contains("Say why"), "{}", no.text);
    let why = [("why", "Too wide after all")];
    let mut teacher = signed_in(&school, "hana.yilmaz").await;
    for way in ["back", "back-now"] {
        let path = format!("/settings/pack/1/{way}");
        let sent = teacher.post(&path, &why).await;
        assert_eq!(sent.status, StatusCode::FORBIDDEN);
    }
    let back = ruth.post("/settings/pack/1/back-now", &why).await;
    assert_eq!(
        back.location(),
        "/changes/2?done=went-back",
        "{}",
        back.text
    );
    assert_eq!(
        school
            .verdict("ada.quill", "gaming.pharos.test")
            .await
            .action,
        Action::Block
    );

    // The other way opens: it is proposed and waits.
    let page = kofi.get("/settings/pack/2").await;
    assert!(
        page.text.contains("would do more than tighten the filter")
            && !page.text.contains("/settings/pack/2/back-now"),
        "{}",
        page.text
    );
    let again = [("why", "The club needs it")];
    let now = kofi.post("/settings/pack/2/back-now", &again).await;
    assert!(now.text.contains("Propose it"), "{}", now.text);
    let sent = kofi.post("/settings/pack/2/back", &again).await;
    assert_eq!(sent.location(), "/changes/3?done=proposed", "{}", sent.text);
    assert_eq!(
        school
            .verdict("ada.quill", "gaming.pharos.test")
            .await
            .action,
        Action::Block
    );
    let page = kofi.get("/changes/3").await;
    assert!(page.text.contains("Goes back to"), "{}", page.text);
}

/// REQ-06: a member is added on the page, with reason and somebody else's approval.
#[tokio::test]
async fn req_06_a_member_is_added_on_the_page() {
    let school = SampleSchool::open().await;
    let mut ruth = signed_in(&school, "ruth.okafor").await;
    let page = ruth.get("/groups").await;
    assert!(
        page.text.contains("school-channels") && page.text.contains("Dora Marsh"),
        "{}",
        page.text
    );
    let mut wanted = vec![
        ("group", "school-channels"),
        ("person", "ines.castellano"),
        ("days", "30"),
    ];
    let no = ruth.post("/groups", &wanted).await;
    assert!(no.text.contains("Say why"), "{}", no.text);
    wanted.push(("why", "Writes for the robotics channel"));
    assert_eq!(
        ruth.post("/groups", &wanted).await.location(),
        "/groups?done=member"
    );
    let page = ruth.get("/groups").await;
    assert!(
        page.text.contains("Writes for the robotics channel"),
        "{}",
        page.text
    );
    let mut teacher = signed_in(&school, "hana.yilmaz").await;
    assert_eq!(teacher.get("/groups").await.status, StatusCode::FORBIDDEN);
}

/// FIL-01, REQ-03: what the proxy could not look into stands on the page of the network, with a way to
/// propose that it is left alone and a way to put it aside; what is wrong is said beside the field.
#[tokio::test]
async fn req_03_what_cannot_be_looked_into_is_settled_on_the_network_page() {
    let school = SampleSchool::open().await;
    let mut kofi = signed_in(&school, "kofi.adeyemi").await;
    let page = kofi.get("/network").await;
    assert!(
        page.text.contains("No host has failed three times"),
        "{}",
        page.text
    );
    let last = school.app.now();
    school.app.tell_unopened(AskUnopened(Arc::new(move || {
        let hosts = ["app.example", "odd.example"].iter();
        hosts
            .map(|host| Unopened {
                host: (*host).to_owned(),
                distrusted: 1,
                left: 2,
                client_certificate: 0,
                devices: 8,
                last,
            })
            .collect()
    })));
    let page = kofi.get("/network").await;
    for wanted in [
        "app [dot] example",
        "certificate was refused: 1 time; Left as soon as the certificate was seen: 2 times",
        "8 or more",
        "Propose to leave it alone",
        "Put it aside for 90 days",
    ] {
        assert!(page.text.contains(wanted), "{wanted}: {}", page.text);
    }
    let form = |what, reason| {
        [
            ("host", "app.example"),
            ("what", what),
            ("days", "30"),
            ("reason", reason),
        ]
    };
    let unsaid = kofi.post("/network/unopened", &form("alone", "")).await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        unsaid.text.contains("id=\"reason-error\"") && !unsaid.text.contains("id=\"why-error\""),
        "{}",
        unsaid.text
    );
    let neither = kofi.post("/network/unopened", &form("", "Because")).await;
    assert!(
        neither.text.contains("Choose what shall become of it"),
        "{}",
        neither.text
    );
    let why = "The exam board's program";
    let sent = kofi.post("/network/unopened", &form("alone", why)).await;
    assert_eq!(sent.location(), "/changes/1?done=proposed", "{}", sent.text);
    let change = kofi.get("/changes/1").await;
    assert!(
        change.text.contains("host app.example, and all below it"),
        "{}",
        change.text
    );
    let page = kofi.get("/network").await;
    assert!(page.text.contains("Change 1 waits"), "{}", page.text);
    let aside = [
        ("host", "odd.example"),
        ("what", "aside"),
        ("reason", "An old phone"),
    ];
    let sent = kofi.post("/network/unopened", &aside).await;
    assert_eq!(sent.location(), "/network?done=unopened", "{}", sent.text);
    let page = kofi.get("/network?done=unopened").await;
    assert!(
        !page.text.contains("odd [dot] example") && page.text.contains("Put aside."),
        "{}",
        page.text
    );
    let mut teacher = signed_in(&school, "hana.yilmaz").await;
    let refused = teacher.post("/network/unopened", &form("alone", why)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
