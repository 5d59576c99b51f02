//! The cap on mail that is not work (FIL-10).

use jiff::{SignedDuration, Timestamp};
use pharos_policy::Action;
use pharos_service::PackFiles;
use pharos_testkit::school::{SampleSchool, pack_files};

const OWN_MAIL: &str = "mail.harbourmouth.sch.example";
const RULE: &str = "fil.mail_cap_minutes";

fn capped(minutes: u32) -> PackFiles {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let cap = format!(
        "fail_mode = \"block-pupils\"\nmail_cap_minutes = {minutes}\nmail_cap_sites = [\"{OWN_MAIL}\"]\nmail_cap_not_in = \"lessons\""
    );
    let text = text.replacen("fail_mode = \"block-pupils\"", &cap, 1);
    files.insert("school.toml".to_owned(), text.into_bytes());
    files
}

fn to(school: &SampleSchool, time: &str) {
    let time: Timestamp = time.parse().unwrap();
    let forward = time.duration_since(school.app.now());
    assert!(forward.is_positive(), "clocks go forward");
    school.clock.forward(forward);
}

/// Several requests a minute, for so many minutes.
async fn at_mail(school: &SampleSchool, who: &str, minutes: u32) {
    for _ in 0..minutes {
        for page in ["inbox", "sent"] {
            let address = format!("www.{OWN_MAIL}/{page}");
            school.visit(who, &address).await;
        }
        school.clock.forward(SignedDuration::from_mins(1));
    }
}

async fn verdict(school: &SampleSchool, who: &str, site: &str) -> (Action, String) {
    let verdict = school.verdict(who, site).await;
    (verdict.action, verdict.rule.to_string())
}

/// FIL-10: under D webmail is blocked for pupils while `fil.personal_email` is on, and a pupil over the
/// social mail cap is held until the next day with the reason shown; mail in lessons is work, other
/// pupils and staff are not held, and the next day it is open.
#[tokio::test]
async fn fil_10_a_pupil_over_the_mail_cap_is_held_until_the_next_day() {
    let school = SampleSchool::with(&capped(20)).await;
    let outside = verdict(&school, "ada.quill", "webmail.pharos.test").await;
    assert_eq!(
        outside,
        (Action::Block, "fil.personal_email (pupils)".to_owned())
    );

    // 10:00, a lesson: work, as long as it may take.
    at_mail(&school, "ada.quill", 30).await;
    to(&school, "2026-11-10T10:51:00Z");
    at_mail(&school, "ada.quill", 18).await;
    to(&school, "2026-11-10T12:51:00Z");
    at_mail(&school, "ada.quill", 2).await;
    let (action, _) = verdict(&school, "ada.quill", OWN_MAIL).await;
    assert_eq!(
        action,
        Action::Allow,
        "twenty minutes are used up, not passed"
    );
    at_mail(&school, "ada.quill", 1).await;
    let held = (Action::Block, RULE.to_owned());
    assert_eq!(verdict(&school, "ada.quill", OWN_MAIL).await, held);
    let event = school.visit("ada.quill", OWN_MAIL).await;
    assert_eq!(
        (event.action, &*event.rule),
        ("block", RULE),
        "in her history as well"
    );
    assert_eq!(
        verdict(&school, "felix.arden", OWN_MAIL).await.0,
        Action::Allow,
        "nobody else is"
    );

    // The next lesson: mail is work again. After it, not.
    to(&school, "2026-11-10T14:00:00Z");
    assert_eq!(
        verdict(&school, "ada.quill", OWN_MAIL).await.0,
        Action::Allow
    );
    to(&school, "2026-11-10T23:59:00Z");
    assert_eq!(verdict(&school, "ada.quill", OWN_MAIL).await, held);
    // Midnight has passed; no night rule is about her, who goes home.
    to(&school, "2026-11-11T00:00:00Z");
    assert_eq!(
        verdict(&school, "ada.quill", OWN_MAIL).await.0,
        Action::Allow
    );
    to(&school, "2026-11-11T08:00:00Z");
    at_mail(&school, "ada.quill", 20).await;
    assert_eq!(
        verdict(&school, "ada.quill", OWN_MAIL).await.0,
        Action::Allow
    );

    at_mail(&school, "ines.castellano", 60).await;
    assert_eq!(
        verdict(&school, "ines.castellano", OWN_MAIL).await.0,
        Action::Allow,
        "the cap is for pupils"
    );
}

/// FIL-10: a start in the middle of the day counts what the day has had so far; without a cap nothing is
/// counted.
#[tokio::test]
async fn fil_10_a_start_in_between_forgets_no_minute() {
    let school = SampleSchool::with(&capped(5)).await;
    to(&school, "2026-11-10T12:51:00Z");
    for _ in 0..6 {
        // As the faces record it, while nobody counts.
        let address = format!("{OWN_MAIL}/inbox");
        let event = school.event("ada.quill", &address).await;
        school.sink.record(event);
        school.clock.forward(SignedDuration::from_mins(1));
    }
    assert_eq!(
        verdict(&school, "ada.quill", OWN_MAIL).await.0,
        Action::Allow
    );
    school.app.recount_mail().await.unwrap();
    assert_eq!(
        verdict(&school, "ada.quill", OWN_MAIL).await,
        (Action::Block, RULE.to_owned())
    );
    // Twice counts nothing twice, and a cap taken away holds nobody.
    school.app.recount_mail().await.unwrap();
    school.change_pack(&capped(0), "No cap this term").await;
    assert_eq!(
        verdict(&school, "ada.quill", OWN_MAIL).await.0,
        Action::Allow
    );
}
