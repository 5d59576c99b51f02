//! The use cases on the sample school: real SQLite, the real activity store, real lists, a clock
//! that the tests set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it is surprised"
)]

mod alerts;
mod attempts;
mod campus;
mod campus_told;
mod cases;
mod changes;
mod checks;
mod evidence;
mod filtering;
mod floor;
mod floor_held;
mod held;
mod lists;
mod looking;
mod mail_cap;
mod network;
mod quiet;
mod roaming;
mod schools;
mod scope;
mod settings;
mod sign_in;
mod standby;
mod status;
mod supervision;
mod way_back;
mod weeks;

use jiff::SignedDuration;
use pharos_access::{Actor, Routes, Rules, Target, act};
use pharos_policy::spec::{LessonKind, LessonSpec};
use pharos_records::{NewOverride, OverrideKind};
use pharos_service::Error;
use pharos_testkit::school::SampleSchool;

/// Pharos itself.
fn system() -> Actor {
    Actor::system("a test")
}

/// The pairs of kind and recipient as plain texts.
fn said(notices: &[(String, String)]) -> Vec<(&str, &str)> {
    notices
        .iter()
        .map(|(kind, to)| (kind.as_str(), to.as_str()))
        .collect()
}

/// So many lesson lists of one teacher, over when they are made a minute from now, straight into the
/// records.
async fn many_lists(school: &SampleSchool, teacher: &str, count: usize) {
    let actor = school.at_work(teacher).await.actor;
    let rules = std::sync::Arc::new(Rules::standard(Routes::default()));
    let permit = rules
        .may::<act::LessonList>(&actor, Target::School)
        .unwrap();
    let now = school.app.now();
    let until = now + SignedDuration::from_secs(1);
    let spec = LessonSpec {
        reference: "CH-1".to_owned(),
        kind: LessonKind::default(),
        classes: Vec::new(),
        people: vec![actor.id().unwrap()],
        sites: vec!["tides.example".to_owned()],
        from: now,
        until,
    };
    let body = serde_json::to_vec(&spec).unwrap();
    school.clock.forward(SignedDuration::from_mins(1));
    for number in 1..=count {
        let new = NewOverride {
            id: uuid::Uuid::from_u128(number as u128),
            kind: OverrideKind::LessonList,
            body: body.clone(),
            from: now,
            until: Some(until),
            review_at: None,
            why: "For a lesson".to_owned(),
            request: None,
        };
        let records = &school.records;
        records
            .add_lesson_list(&permit, &new, school.app.now())
            .await
            .unwrap();
    }
}

/// Whether the answer was no, for whatever reason of rights.
fn is_closed(error: &Error) -> bool {
    matches!(error, Error::Denied(_) | Error::NotFound)
}
