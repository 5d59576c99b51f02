//! The audit of attempts as people read it (MON-11).

use axum::http::StatusCode;
use jiff::SignedDuration;
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

/// MON-11: the lead finds the audit in the inbox when the period is over, reads whose attempts stand
/// out on what, goes to each pupil, notes what followed, and signs; what is missing is said; the
/// support stands on the pupil's own page, for those who may read it.
#[tokio::test]
async fn mon_11_an_audit_is_read_answered_and_signed() {
    let school = SampleSchool::open().await;
    for _ in 0..6 {
        school.visit("ada.quill", "pornography.pharos.test/").await;
        school.clock.forward(SignedDuration::from_mins(20));
    }
    pharos_activity::Store::flush(&*school.activity)
        .await
        .unwrap();
    school.clock.forward(SignedDuration::from_hours(24 * 58));
    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let inbox = lead.get("/inbox").await.text;
    assert!(inbox.contains("Audits of attempts to sign"));
    assert!(inbox.contains("href=\"/attempts/2026-11-02\""));
    assert!(
        lead.get("/reports")
            .await
            .text
            .contains("href=\"/attempts\"")
    );
    let list = lead.get("/attempts").await.text;
    assert!(list.contains("2 November 2026 to 5 January 2027"), "{list}");
    assert!(list.contains("Waits for a signature"));

    let ada = school.person("ada.quill").await.id;
    let at = format!("/attempts/2026-11-02/{ada}");
    let page = lead.get("/attempts/2026-11-02").await.text;
    for words in [
        "1 pupil stands out by attempts at one theme",
        "Ada Quill",
        "6 attempts, the last",
        "Nothing yet",
        &format!("href=\"{at}\""),
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let sign = [("words", "Nothing unusual beside it.")];
    let early = lead.post("/attempts/2026-11-02/sign", &sign).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(early.text.contains("One pupil has no response yet."));
    assert!(early.text.contains("Nothing unusual beside it."), "kept");

    let pupil = lead.get(&at).await;
    assert!(pupil.text.contains("6 blocked attempts, the last"));
    assert!(pupil.text.contains("Nothing was noted yet."));
    let empty = lead.post(&at, &[("words", "We spoke.")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.text.contains("Choose what followed.") && empty.text.contains("We spoke."));
    let noted = lead
        .post(
            &at,
            &[("kind", "support"), ("words", "The counsellor sees her.")],
        )
        .await;
    assert_eq!(noted.location(), format!("{at}?done=responded"));
    let page = lead.get(&at).await.text;
    assert!(page.contains("Support given") && page.contains("Ruth Okafor"));
    let signed = lead.post("/attempts/2026-11-02/sign", &sign).await;
    assert_eq!(signed.location(), "/attempts/2026-11-02?done=audit-signed");
    assert!(lead.get("/attempts").await.text.contains("Signed "));
    assert!(!lead.get("/inbox").await.text.contains("Audits of attempts"));

    let own = format!("/people/{ada}");
    let page = lead.get(&own).await.text;
    assert!(page.contains("Advice and support after blocked attempts"));
    assert!(page.contains("The counsellor sees her."));
    for (person, status) in [
        ("ines.castellano", StatusCode::OK),
        ("kofi.adeyemi", StatusCode::OK),
    ] {
        let mut other = Browser::at(&school);
        other.sign_in(&school, person).await;
        let page = other.get(&own).await;
        assert_eq!(page.status, status, "{person}");
        assert!(!page.text.contains("Advice and support"), "{person}");
        for path in ["/attempts", "/attempts/2026-11-02", &at] {
            assert_eq!(other.get(path).await.status, StatusCode::FORBIDDEN);
        }
    }
}
