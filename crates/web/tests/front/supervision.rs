//! Notes of supervision as people write and read them (MON-07).

use axum::http::StatusCode;
use jiff::SignedDuration;
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

/// MON-07: opening links for the youngest shows what supervision is expected; afterwards the teacher
/// notes what they saw, and makes a concern of it with one press; the lead reads the note.
#[tokio::test]
async fn mon_07_supervision_is_noted_and_becomes_a_concern() {
    let school = SampleSchool::open().await;
    let mut teacher = Browser::at(&school);
    teacher.sign_in(&school, "ines.castellano").await;
    let page = teacher.get("/lessons/new").await.text;
    assert!(page.contains("An adult sits with the group and opens each page."));
    let lead = school.at_work("ruth.okafor").await;
    let classes = school.app.classes(&lead.actor).await.unwrap();
    let year = Some("1".parse().unwrap());
    let class = classes.iter().find(|class| class.year == year).unwrap();
    let opened = teacher
        .post(
            "/lessons/new",
            &[
                ("class", &class.id.to_string()),
                ("supervised", "no"),
                ("adult", "Ines Castellano"),
                ("sites", "encyclopaedia.example"),
                ("minutes", "30"),
            ],
        )
        .await;
    assert_eq!(opened.location(), "/overrides?done=lesson");
    school.clock.forward(SignedDuration::from_mins(31));
    teacher.sign_in(&school, "ines.castellano").await;
    assert!(
        teacher
            .get("/")
            .await
            .text
            .contains("href=\"/supervision\"")
    );
    let page = teacher.get("/supervision").await.text;
    assert!(
        page.contains("1 lesson of yours waits for a note."),
        "{page}"
    );
    assert!(page.contains(&class.title));
    let me = school.at_work("ines.castellano").await;
    let lesson = school.app.lessons_to_note(&me).await.unwrap()[0].id;
    let lesson = lesson.to_string();
    let empty = teacher
        .post(
            "/supervision",
            &[("lesson", &lesson), ("seen", "All on task.")],
        )
        .await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.text.contains("Say whether supervision took place."));
    assert!(empty.text.contains("All on task."));
    let seen = "A pupil hid the screen twice.";
    let noted = teacher
        .post(
            "/supervision",
            &[("lesson", &lesson), ("took_place", "yes"), ("seen", seen)],
        )
        .await;
    assert_eq!(noted.location(), "/supervision?done=supervised");
    let page = teacher.get("/supervision").await.text;
    assert!(page.contains(seen) && page.contains("Make a concern of this note"));
    let note = school.app.supervision_notes(&me.actor).await.unwrap()[0].id;
    let press = format!("/supervision/{note}/concern");
    let pressed = teacher.post(&press, &[]).await;
    assert!(pressed.location().starts_with("/report/received/"));
    let twice = teacher.post(&press, &[]).await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(twice.text.contains("A concern was made of this note"));

    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let page = lead.get("/supervision").await.text;
    assert!(page.contains(seen) && page.contains("Ines Castellano"));
    let mut technician = Browser::at(&school);
    technician.sign_in(&school, "kofi.adeyemi").await;
    assert!(!technician.get("/supervision").await.text.contains(seen));
    let mut pupil = Browser::at(&school);
    pupil.sign_in(&school, "ada.quill").await;
    assert_eq!(
        pupil.get("/supervision").await.status,
        StatusCode::FORBIDDEN
    );
}
