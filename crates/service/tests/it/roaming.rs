//! Devices that take the filter along.

use aws_lc_rs::digest::{SHA256, digest};
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
        .add_roaming_device(&head.actor, "Laptop 11", Some(pupil.id))
        .await
        .unwrap();
    assert_eq!(made.token.len(), 43, "256 bits");
    let who = school
        .app
        .filter()
        .devices()
        .identify(&digest_of(&made.token));
    assert_eq!(who.unwrap().person(), Some(pupil.id));
    assert_eq!(
        school.app.filter().devices().identify(&digest_of("guess")),
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
            .identify(&digest_of(&made.token)),
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
    let added = app.add_roaming_device(&actor, "Mine", Some(pupil.id)).await;
    assert!(is_closed(&added.unwrap_err()));
    assert!(is_closed(&app.roaming_devices(&actor).await.unwrap_err()));
    assert!(is_closed(
        &app.revoke_roaming_device(&actor, "x").await.unwrap_err()
    ));
}
