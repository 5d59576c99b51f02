//! Devices that take the filter along.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::SignedDuration;
use pharos_directory::presence::GapKind;
use pharos_filter::TokenDigest;
use pharos_school::Role;
use pharos_service::Error;
use pharos_testkit::school::SampleSchool;

use crate::is_closed;

fn digest_of(token: &str) -> TokenDigest {
    digest(&SHA256, token.as_bytes())
        .as_ref()
        .try_into()
        .unwrap()
}

/// FIL-15: a device with a path of its own is its person's wherever it is, until the path is taken
/// back; the secret stands nowhere, and the audit log has both acts.
#[tokio::test]
async fn fil_15_a_device_has_a_path_of_its_own_until_it_is_taken_back() {
    let school = SampleSchool::open().await;
    let head = school.at_work("helen.lindqvist").await;
    let people = school.app.everybody(&head.actor).await.unwrap();
    let pupil = people.iter().find(|person| person.is(Role::Pupil)).unwrap();
    let made = school
        .app
        .add_roaming_device(&head.actor, "Laptop 11", Some(pupil.id), 365)
        .await
        .unwrap();
    assert_eq!(made.token.len(), 43, "256 bits");
    let who = school
        .app
        .filter()
        .devices()
        .identify(&digest_of(&made.token), school.app.now());
    assert_eq!(who.unwrap().person(), Some(pupil.id));
    assert_eq!(
        school
            .app
            .filter()
            .devices()
            .identify(&digest_of("guess"), school.app.now()),
        None
    );

    let listed = school.app.roaming_devices(&head.actor).await.unwrap();
    assert_eq!((listed.len(), listed[0].label.as_str()), (1, "Laptop 11"));
    let stored = school.records.settings().await.unwrap();
    assert!(stored.iter().all(|row| !row.value.contains(&made.token)));

    school
        .app
        .revoke_roaming_device(&head.actor, &made.id)
        .await
        .unwrap();
    assert_eq!(
        school
            .app
            .filter()
            .devices()
            .identify(&digest_of(&made.token), school.app.now()),
        None
    );
    let again = school
        .app
        .revoke_roaming_device(&head.actor, &made.id)
        .await;
    assert!(matches!(again, Err(Error::NotFound)));
    let filter = pharos_records::LedgerFilter {
        act: Some("setting.change".to_owned()),
        ..Default::default()
    };
    let lines = school.app.ledger(&head.actor, &filter, 50).await.unwrap();
    let about = format!("setting:roaming.{}", made.id);
    assert_eq!(
        lines
            .iter()
            .filter(|entry| entry.line.subject == about)
            .count(),
        2
    );
}

/// ROLE-02: only who may change settings gives or takes paths.
#[tokio::test]
async fn role_02_paths_are_given_by_few() {
    let school = SampleSchool::open().await;
    let people = school.app.everybody(&crate::system()).await.unwrap();
    let pupil = people.iter().find(|person| person.is(Role::Pupil)).unwrap();
    let actor = pharos_access::Actor::person(pupil);
    let app = &school.app;
    let added = app
        .add_roaming_device(&actor, "Mine", Some(pupil.id), 365)
        .await;
    assert!(is_closed(&added.unwrap_err()));
    assert!(is_closed(&app.roaming_devices(&actor).await.unwrap_err()));
    assert!(is_closed(
        &app.revoke_roaming_device(&actor, "x").await.unwrap_err()
    ));
}

/// FIL-15, MON-02: a path ends at its time and can be prolonged; a roaming device that did not ask
/// since the last school day is on the gap list until it asks again or somebody explains it, also
/// after a restart.
#[tokio::test]
async fn fil_15_a_roaming_device_ends_and_is_missed() {
    let school = SampleSchool::open().await;
    let app = &school.app;
    let technician = school.at_work("kofi.adeyemi").await;
    let made = app
        .add_roaming_device(&technician.actor, "Laptop 11", None, 10)
        .await
        .unwrap();
    let token = digest_of(&made.token);
    let too_long = app
        .add_roaming_device(&technician.actor, "Laptop 12", None, 5_000)
        .await;
    assert!(matches!(too_long, Err(Error::Invalid(_))));
    let missed = async || {
        let view = app.network(&technician.actor).await.unwrap();
        view.gaps
            .into_iter()
            .find(|line| &*line.gap.label == "Laptop 11")
    };
    assert!(missed().await.is_none(), "it is new");
    app.filter().devices().identify(&token, app.now()).unwrap();
    let seen = app.roaming_devices(&technician.actor).await.unwrap()[0].seen;
    assert_eq!(
        seen.map(|at| at.as_second()),
        Some(app.now().as_second()),
        "when it last asked"
    );
    school.clock.forward(SignedDuration::from_hours(48));
    let line = missed().await.unwrap();
    assert_eq!(line.gap.kind, GapKind::NotSeen);
    assert_eq!(line.gap.passed, seen);
    let device = line.gap.device.to_string();
    app.explain_gap(&technician, &device, "Lent out over the half term.")
        .await
        .unwrap();
    assert!(missed().await.unwrap().explained.is_some());
    app.filter().devices().identify(&token, app.now()).unwrap();
    assert!(missed().await.is_none(), "it asked again");

    let kept = app.keep_network().unwrap();
    app.filter().devices().set([]);
    app.rebuild().await.unwrap();
    assert_eq!(app.filter().devices().last(&token), None);
    app.remember_network(&kept);
    assert!(app.filter().devices().last(&token).is_some());

    school.clock.forward(SignedDuration::from_hours(24 * 9));
    assert_eq!(app.filter().devices().identify(&token, app.now()), None);
    app.prolong_roaming_device(&technician.actor, &made.id, 30)
        .await
        .unwrap();
    assert!(app.filter().devices().identify(&token, app.now()).is_some());
}
