//! Tests by hand as people note and read them (AUD-02).

use axum::http::StatusCode;
use jiff::SignedDuration;
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

/// AUD-02: a teacher notes what they tried, as whom, where, and what came; it stands with the checks,
/// with its day, and the head signs it; what is missing is said with everything kept; overdue is shown.
#[tokio::test]
async fn aud_02_a_test_by_hand_is_noted_and_signed() {
    let school = SampleSchool::open().await;
    let mut teacher = Browser::at(&school);
    teacher.sign_in(&school, "ines.castellano").await;
    let list = teacher.get("/checks").await.text;
    assert!(list.contains("href=\"/checks/hand\"") && list.contains("None noted yet."));
    assert!(list.contains("The next test by hand is due by"), "{list}");
    let page = teacher.get("/checks/hand").await.text;
    for words in [
        "Sixth form",
        "Prep rooms",
        "Pornography is blocked",
        "Never try anything",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let test = [
        ("group", "sixth-form"),
        ("place", "senior-rooms"),
        ("kind", "gambling is blocked"),
        ("tried", "gambling.pharos.test"),
        ("came", "A page of odds on horses."),
    ];
    let empty = teacher.post("/checks/hand", &test).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        empty
            .text
            .contains("Say whether what came is what was promised.")
    );
    assert!(empty.text.contains("A page of odds on horses."));
    let mut whole = test.to_vec();
    whole.push(("held", "no"));
    let kept = teacher.post("/checks/hand", &whole).await;
    let at = kept.location().to_owned();
    assert!(at.ends_with("?done=hand-tested"), "{at}");
    let sheet = teacher.get(&at).await.text;
    for words in [
        "Tried by hand",
        "gambling is blocked",
        "sixth form, senior rooms",
        "A page of odds on horses.",
        "Ines Castellano",
        "Nobody has signed this sheet yet.",
    ] {
        assert!(sheet.contains(words), "{words}: {sheet}");
    }
    let mut head = Browser::at(&school);
    head.sign_in(&school, "helen.lindqvist").await;
    let id = at.trim_end_matches("?done=hand-tested");
    let signed = head
        .post(
            &format!("{id}/sign"),
            &[("words", "Kofi mends the list today.")],
        )
        .await;
    assert_eq!(signed.location(), format!("{id}?done=signed-check"));
    let list = head.get("/checks").await.text;
    assert!(list.contains("Helen Lindqvist") && list.contains("Failed"));
    school.clock.forward(SignedDuration::from_hours(24 * 120));
    teacher.sign_in(&school, "ines.castellano").await;
    assert!(teacher.get("/checks").await.text.contains("it is overdue"));
    let mut pupil = Browser::at(&school);
    pupil.sign_in(&school, "ada.quill").await;
    let no = pupil.get("/checks/hand").await;
    assert_eq!(no.status, StatusCode::FORBIDDEN);
}
