//! Quiet hours: what waits for the morning and what never does.

use jiff::{SignedDuration, Timestamp};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::said;

/// The sample school at half past ten at night, with quiet hours and somebody on call.
async fn at_night() -> SampleSchool {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let set = text.replacen(
        "[mon]\n",
        "[mon]\nquiet_from = \"21:30\"\nquiet_to = \"07:00\"\non_call = [\"head\"]\n",
        1,
    );
    assert_ne!(text, set);
    files.insert("school.toml".to_owned(), set.into_bytes());
    let school = SampleSchool::with(&files).await;
    go_to(&school, "2026-11-10T22:30:00Z");
    school
}

fn go_to(school: &SampleSchool, to: &str) {
    let to: Timestamp = to.parse().unwrap();
    school.clock.forward(to.duration_since(school.app.now()));
}

/// MON-03, MON-04: at night an alert that is not critical waits for the morning, its chasing as well;
/// then it is told and chased as if it had been raised then.
#[tokio::test]
async fn mon_04_what_is_not_critical_waits_for_the_morning() {
    let school = at_night().await;
    school.visit("ada.quill", "self-harm.pharos.test/").await;
    for _ in 0..10 {
        assert_eq!(said(&school.notices().await), []);
        school.clock.forward(SignedDuration::from_mins(50));
        school.app.chase_alerts().await.unwrap();
    }
    // Already in the inbox of whoever looks.
    let lead = school.at_work("ruth.okafor").await;
    assert_eq!(
        school.app.alerts(&lead.actor, false).await.unwrap().len(),
        1
    );
    go_to(&school, "2026-11-11T07:00:00Z");
    let first = [
        ("alert", "ruth.okafor"),
        ("alert", "sunita.pillai"),
        ("alert", "tomas.brandt"),
    ];
    assert_eq!(said(&school.notices().await), first);
    go_to(&school, "2026-11-11T07:29:00Z");
    assert_eq!(school.app.chase_alerts().await.unwrap(), 0);
    go_to(&school, "2026-11-11T07:31:00Z");
    assert_eq!(school.app.chase_alerts().await.unwrap(), 1);
    assert!(
        said(&school.notices().await)
            .iter()
            .all(|(kind, _)| kind.starts_with("alert-chase"))
    );
}

/// MON-03, MON-04: what is critical is told at once, to whoever is on call as well, and chased through
/// the night; by day the one on call is not troubled.
#[tokio::test]
async fn mon_04_what_is_critical_is_told_and_chased_at_night() {
    let school = at_night().await;
    school
        .asks(
            "ada.quill",
            "chatgpt.com/backend-api/f/conversation",
            "i want to end my life",
        )
        .await;
    let told = school.notices().await;
    assert_eq!(
        said(&told),
        [
            ("alert", "helen.lindqvist"),
            ("alert", "ruth.okafor"),
            ("alert", "sunita.pillai"),
            ("alert", "tomas.brandt"),
        ]
    );
    school.clock.forward(SignedDuration::from_mins(31));
    assert_eq!(school.app.chase_alerts().await.unwrap(), 1);
    assert!(!school.notices().await.is_empty());

    let day = at_night().await;
    go_to(&day, "2026-11-11T10:00:00Z");
    day.asks(
        "ada.quill",
        "chatgpt.com/backend-api/f/conversation",
        "i want to end my life",
    )
    .await;
    assert!(!said(&day.notices().await).contains(&("alert", "helen.lindqvist")));
}

/// MON-04: an alert that waits for the morning and grows critical waits no longer, and is chased; a
/// lesser repetition of a critical one does not put it to sleep again.
#[tokio::test]
async fn mon_04_an_alert_that_grows_critical_waits_no_longer() {
    let tool = "chatgpt.com/backend-api/f/conversation";
    let (lesser, critical) = ("my friend is suicidal", "i want to end my life");
    let school = at_night().await;
    let raised = async |prompt: &str| {
        school.asks("ada.quill", tool, prompt).await;
        school.clock.forward(SignedDuration::from_secs(11));
        school.app.chase_alerts().await.unwrap();
    };
    raised(lesser).await;
    let lead = school.at_work("ruth.okafor").await;
    let waiting = school.app.alerts(&lead.actor, false).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(said(&school.notices().await), [], "it waits");
    raised(critical).await;
    let now = school.app.alerts(&lead.actor, false).await.unwrap();
    let told = school.notices().await;
    assert!(
        said(&told)
            .iter()
            .any(|(kind, to)| kind.starts_with("alert") && *to == "ruth.okafor"),
        "{told:?} for {now:?}"
    );
    raised(lesser).await;
    raised(critical).await;
    assert!(school.notices().await.is_empty(), "told once");
    school.clock.forward(SignedDuration::from_mins(31));
    school.app.chase_alerts().await.unwrap();
    assert!(!school.notices().await.is_empty(), "and chased at night");
    let again = school.app.chase_alerts().await.unwrap();
    assert_eq!(again, 0, "the clock went on");
}
