//! Alerts (MON-03, MON-04, MON-13).

use std::collections::BTreeSet;

use pharos_access::{About, Target, act};
use pharos_records::{AlertChange, AlertFilter, AlertState, Alerts, Audit, Error, Raised};

use crate::world::{
    CHAIR, DEPUTY, GOVERNOR, HEAD, LEAD, PUPIL, TECHNICIAN, TUTOR, World, alert_facts, at, id,
    new_alert,
};

/// MON-13, ROLE-06: alerts about staff take their own route, in lists and counts as in opening.
pub(crate) async fn mon_13_nobody_sees_an_alert_about_themselves(world: &World) {
    let mut given = new_alert(4, Some((PUPIL, About::Pupil)));
    given.assigned = BTreeSet::from([id(TUTOR)]);
    let alerts = [
        new_alert(1, Some((PUPIL, About::Pupil))),
        new_alert(2, Some((LEAD, About::Staff))),
        new_alert(3, Some((HEAD, About::Head))),
        given,
        new_alert(5, None),
    ];
    for alert in &alerts {
        assert_eq!(
            world
                .store
                .raise_alert(&world.system(), alert, &[], at(1))
                .await
                .unwrap(),
            Raised::New(alert.id)
        );
    }
    let all = AlertFilter::default();
    for (who, sees) in [
        (LEAD, vec![1, 4, 5]),
        (DEPUTY, vec![1, 4, 5]),
        (HEAD, vec![1, 2, 4, 5]),
        (CHAIR, vec![3]),
        (TUTOR, vec![4]),
    ] {
        let permit = world.permit::<act::ListAlerts>(who);
        let seen = world.store.alerts(&permit, &all).await.unwrap();
        let want: Vec<_> = sees.iter().map(|n| alerts[*n as usize - 1].id).collect();
        assert_eq!(
            seen.iter().map(|alert| alert.id).collect::<Vec<_>>(),
            want,
            "{who}"
        );
        assert_eq!(
            world.store.count_alerts(&permit, &all).await.unwrap(),
            want.len()
        );
        for alert in &alerts {
            let opens = world
                .try_permit::<act::ReadAlert>(who, Target::Alert(&alert_facts(alert)))
                .is_ok();
            assert_eq!(opens, want.contains(&alert.id), "{who} {:?}", alert.id);
        }
    }
    let about_me = AlertFilter {
        about: Some(id(LEAD)),
        ..AlertFilter::default()
    };
    assert_eq!(
        world
            .store
            .count_alerts(&world.permit(LEAD), &about_me)
            .await
            .unwrap(),
        0,
        "a search for one's own name"
    );
    for who in [PUPIL, TECHNICIAN, GOVERNOR] {
        assert!(
            world
                .try_permit::<act::ListAlerts>(who, Target::School)
                .is_err()
        );
    }
    assert_eq!(
        world.store.alert_facts(alerts[3].id).await.unwrap(),
        Some(alert_facts(&alerts[3]))
    );
}

/// MON-04: alerts alike become one; what is done about them is kept; closed ones stay closed.
pub(crate) async fn alerts_alike_become_one_and_closed_ones_stay_closed(world: &World) {
    let alert = new_alert(1, Some((PUPIL, About::Pupil)));
    let mut like_it = new_alert(2, Some((PUPIL, About::Pupil)));
    (like_it.key, like_it.rank) = (alert.key.clone(), 90);
    world
        .store
        .raise_alert(&world.system(), &alert, &[], at(1))
        .await
        .unwrap();
    let again = world
        .store
        .raise_alert(&world.system(), &like_it, &[], at(2))
        .await
        .unwrap();
    assert_eq!(again, Raised::Again(alert.id));
    assert_eq!(
        world
            .store
            .alerts_to_chase(&world.system(), at(29))
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        world
            .store
            .alerts_to_chase(&world.system(), at(30))
            .await
            .unwrap()
            .len(),
        1
    );

    let handle = world
        .try_permit::<act::HandleAlert>(LEAD, Target::Alert(&alert_facts(&alert)))
        .unwrap();
    let acknowledge = AlertChange {
        state: Some(AlertState::Acknowledged),
        chase_at: Some(None),
        ..AlertChange::default()
    };
    let append = async |kind: &str, change: &AlertChange| {
        world
            .store
            .append_alert(&handle, kind, b"{}", change, &[], at(5))
            .await
    };
    assert_eq!(append("acknowledged", &acknowledge).await.unwrap(), 1);
    let close = AlertChange {
        state: Some(AlertState::Closed),
        ..AlertChange::default()
    };
    assert_eq!(append("closed", &close).await.unwrap(), 2);
    assert!(matches!(
        append("late", &AlertChange::default()).await,
        Err(Error::Conflict { .. })
    ));

    let read = world
        .try_permit::<act::ReadAlert>(LEAD, Target::Alert(&alert_facts(&alert)))
        .unwrap();
    let file = world.store.alert(&read, at(6)).await.unwrap().unwrap();
    assert_eq!(
        (
            file.alert.count,
            file.alert.rank,
            file.alert.acknowledged_by
        ),
        (2, 90, Some(id(LEAD)))
    );
    assert_eq!(
        file.entries
            .iter()
            .map(|e| (e.seq, e.kind.as_str()))
            .collect::<Vec<_>>(),
        [(1, "acknowledged"), (2, "closed")]
    );
    let looked = world
        .store
        .lookups(&world.permit(HEAD), Some(id(PUPIL)), at(0), 10)
        .await
        .unwrap();
    assert_eq!((looked.len(), looked[0].by), (1, Some(id(LEAD))));

    let fresh = world
        .store
        .raise_alert(&world.system(), &like_it, &[], at(7))
        .await
        .unwrap();
    assert_eq!(
        fresh,
        Raised::New(like_it.id),
        "a closed alert takes no more sightings"
    );
    let open = AlertFilter {
        states: BTreeSet::from([AlertState::Open]),
        ..AlertFilter::default()
    };
    assert_eq!(
        world
            .store
            .count_alerts(&world.permit(LEAD), &open)
            .await
            .unwrap(),
        1
    );
}
