//! Who looked at whom.

use jiff::SignedDuration;
use pharos_activity::Query;
use pharos_school::Role;
use pharos_service::ExplainQuestion;
use pharos_testkit::school::SampleSchool;

use crate::{is_closed, said, system};

/// AUD-05: every look-up of a person is kept with who, when and why, for the lead and the head; a
/// refused one is kept as well.
#[tokio::test]
async fn aud_05_look_ups_are_kept() {
    let school = SampleSchool::open().await;
    let (lead, head) = (
        school.at_work("ruth.okafor").await,
        school.at_work("helen.lindqvist").await,
    );
    let pupil = school.person("ada.quill").await;
    let query = || Query {
        limit: 10,
        ..Query::default()
    };
    school
        .app
        .activity_of(&lead.actor, pupil.id, query(), "Asked by her tutor")
        .await
        .unwrap();
    let since = school.app.now() - SignedDuration::from_hours(1);
    let rows = school
        .app
        .lookups(&head.actor, Some(pupil.id), since)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].by, rows[0].act.as_str(), rows[0].reason.as_deref()),
        (
            Some(lead.person.id),
            "activity.search",
            Some("Asked by her tutor")
        )
    );

    let teacher = school.at_work("ines.castellano").await;
    assert!(is_closed(
        &school
            .app
            .activity_of(&teacher.actor, pupil.id, query(), "Curious")
            .await
            .unwrap_err()
    ));
    assert!(is_closed(
        &school
            .app
            .lookups(&teacher.actor, None, since)
            .await
            .unwrap_err()
    ));
    let filter = pharos_records::LedgerFilter {
        actor: Some(format!("person:{}", teacher.person.id)),
        ..Default::default()
    };
    let refused = school.app.ledger(&head.actor, &filter, 10).await.unwrap();
    assert!(
        refused
            .iter()
            .any(|entry| entry.line.act.contains("activity.search")),
        "{refused:?}"
    );
}

/// AUD-05: somebody who looks at forty people within an hour is told to the lead and the head, once
/// a day; thirty-nine are not odd, and the one who looked is not told.
#[tokio::test]
async fn aud_05_odd_viewing_is_told() {
    let school = SampleSchool::open().await;
    let technician = school.at_work("kofi.adeyemi").await;
    let everybody = school.app.everybody(&system()).await.unwrap();
    let pupils: Vec<_> = everybody
        .iter()
        .filter(|person| person.is(Role::Pupil))
        .take(40)
        .collect();
    assert_eq!(pupils.len(), 40);
    let looks = async |number: usize| {
        let question = ExplainQuestion {
            address: "example.org".to_owned(),
            person: Some(pupils[number].id),
            from: None,
            at: None,
        };
        school
            .app
            .explain(&technician.actor, &question)
            .await
            .unwrap();
    };
    for number in 0..39 {
        looks(number).await;
        looks(number).await;
    }
    assert!(
        school.app.odd_viewing().await.unwrap().is_empty(),
        "the same people twice are no more people"
    );
    looks(39).await;
    assert_eq!(
        school.app.odd_viewing().await.unwrap(),
        [technician.person.id]
    );
    assert_eq!(
        said(&school.notices().await),
        [
            ("odd-viewing", "helen.lindqvist"),
            ("odd-viewing", "ruth.okafor")
        ]
    );
    school.app.odd_viewing().await.unwrap();
    assert!(school.notices().await.is_empty(), "once a day");
    school.clock.forward(SignedDuration::from_mins(61));
    assert!(
        school.app.odd_viewing().await.unwrap().is_empty(),
        "an hour later it is over"
    );
}

/// FIL-13: what a tutor sees of a pupil, and what the lead finds, by person and by device, holds no
/// visit to a help site; nor does the search of a device where nobody is signed in.
#[tokio::test]
async fn fil_13_a_tutors_view_omits_help_visits() {
    let school = SampleSchool::open().await;
    let pupil = school.person("ada.quill").await;
    let visited = school
        .visit("ada.quill", "encyclopaedia.example/tides")
        .await;
    let help = school.visit("ada.quill", "childline.org.uk/").await;
    assert_eq!((help.action, &*help.rule), ("allow", "Childline"));
    let unknown = pharos_activity::Event {
        who: pharos_school::Who::Unknown {
            why: pharos_school::Unknown::SharedDevice,
            device: Some("LIB-04".into()),
        },
        ..help
    };
    school.sink.record(unknown.clone());
    let unknown_too = pharos_activity::Event {
        host: "encyclopaedia.example".into(),
        rule: visited.rule.clone(),
        ..unknown
    };
    school.sink.record(unknown_too);
    pharos_activity::Store::flush(&*school.activity)
        .await
        .unwrap();

    let hosts = |found: pharos_activity::Found| {
        let hosts = found.events.into_iter().map(|stored| stored.event.host);
        hosts.map(String::from).collect::<Vec<_>>()
    };
    let tutor = school.at_work("ines.castellano").await;
    let recalled = school
        .app
        .recall(&tutor, pupil.id, school.app.now())
        .await
        .unwrap();
    let recalled: Vec<_> = recalled.into_iter().map(|site| site.host).collect();
    assert_eq!(recalled, ["encyclopaedia.example"]);

    let lead = school.at_work("ruth.okafor").await;
    let found = school
        .app
        .activity_of(&lead.actor, pupil.id, Query::default(), "Her week")
        .await
        .unwrap();
    assert_eq!(hosts(found), ["encyclopaedia.example"]);
    for (device, seen) in [("a desk", &lead), ("LIB-04", &tutor)] {
        let query = Query {
            device: Some(device.into()),
            ..Query::default()
        };
        let found = school
            .app
            .activity_at(&seen.actor, &query, "An alert in the library")
            .await
            .unwrap();
        assert_eq!(hosts(found), ["encyclopaedia.example"], "{device}");
    }
}
