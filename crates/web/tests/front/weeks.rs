//! The week's report as people read it.

use axum::http::StatusCode;
use jiff::SignedDuration;
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

/// A school in the week after one with blocked attempts, with the week's report made.
async fn after_a_week() -> SampleSchool {
    let school = SampleSchool::open().await;
    for _ in 0..3 {
        school.visit("ada.quill", "pornography.pharos.test/").await;
        school.clock.forward(SignedDuration::from_mins(20));
    }
    school.visit("felix.arden", "self-harm.pharos.test/").await;
    pharos_activity::Store::flush(&*school.activity)
        .await
        .unwrap();
    school.clock.forward(SignedDuration::from_hours(6 * 24));
    school.app.make_week_reports().await.unwrap();
    school
}

/// MON-10: the lead finds the week in the inbox and under the reports, reads in plain words what
/// happened, with whom, how serious and what next, goes to a pupil's attempts with one press, and signs
/// it off with what was found; an empty review is sent back.
#[tokio::test]
async fn mon_10_a_week_is_read_and_signed_off() {
    let school = after_a_week().await;
    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let inbox = lead.get("/inbox").await.text;
    assert!(inbox.contains("href=\"/weeks/2026-11-09\"") && inbox.contains("Weeks to review"));
    let reports = lead.get("/reports").await.text;
    assert!(reports.contains("href=\"/weeks\""));
    assert!(
        !reports.contains("/pdf\""),
        "a week's figures are no governors' report"
    );
    let weeks = lead.get("/weeks").await.text;
    assert!(weeks.contains("Week of 9 November 2026") && weeks.contains("Not yet"));
    let page = lead.get("/weeks/2026-11-09").await;
    assert_eq!(page.status, StatusCode::OK);
    for words in [
        "What next",
        "4 attempts of 2 pupils were blocked (4 more than the week before).",
        "Self-harm or suicide material",
        "Ada Quill",
        "Felix Arden",
        "3 blocked attempts, the last",
        "not acknowledged",
        "Visits to help sites are never counted or shown.",
        "Say below what you found and what followed.",
        "Pornography",
    ] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    let attempts = lead
        .post(
            "/activity",
            &[
                ("person", "ada.quill"),
                ("from", page.value_of("from")),
                ("to", page.value_of("to")),
                ("action", page.value_of("action")),
                ("reason", page.value_of("reason")),
            ],
        )
        .await;
    assert!(attempts.text.contains("What was found, newest first"));

    let empty = lead.post("/weeks/2026-11-09/reviews", &[]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.text.contains("Say what you found."));
    let kept = lead
        .post(
            "/weeks/2026-11-09/reviews",
            &[
                ("found", "Two pupils stand out."),
                ("followed", "Both tutors spoke with them."),
            ],
        )
        .await;
    assert_eq!(kept.location(), "/weeks/2026-11-09?done=week-reviewed");
    let page = lead.get("/weeks/2026-11-09").await.text;
    assert!(page.contains("Two pupils stand out.") && page.contains("Ruth Okafor"));
    assert!(!lead.get("/inbox").await.text.contains("Weeks to review"));
}

/// MON-10, ROLE-07: governors read figures without names, not the week; a week that is no date or still
/// to come is not there.
#[tokio::test]
async fn mon_10_a_week_is_not_for_everybody() {
    let school = after_a_week().await;
    let mut governor = Browser::at(&school);
    governor.sign_in(&school, "mirela.dobre").await;
    for path in ["/weeks", "/weeks/2026-11-09"] {
        assert_eq!(governor.get(path).await.status, StatusCode::FORBIDDEN);
    }
    assert!(!governor.get("/reports").await.text.contains("/weeks"));
    let mut head = Browser::at(&school);
    head.sign_in(&school, "helen.lindqvist").await;
    for path in ["/weeks/soon", "/weeks/2026-11-23"] {
        assert_eq!(head.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
