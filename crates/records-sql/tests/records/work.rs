//! Requests, overrides, the queue, settings.

use jiff::SignedDuration;
use pharos_access::{Target, Watched, act};
use pharos_records::{
    Audit, Error, LedgerFilter, NewNotice, NewOverride, NewRequest, Outbox, OverrideKind,
    Overrides, RequestDecision, RequestState, Requests, Settings,
};
use pharos_school::{NoticeId, RequestId};
use uuid::Uuid;

use crate::world::{HEAD, LEAD, PUPIL, TECHNICIAN, World, at, id};

fn new_override(number: u128, kind: OverrideKind) -> NewOverride {
    NewOverride {
        id: Uuid::from_u128(number),
        kind,
        body: br#"{"v":1,"host":"reef.example"}"#.to_vec(),
        from: at(0),
        until: Some(at(60)),
        review_at: None,
        why: "coral lesson".to_owned(),
        request: None,
    }
}

fn notice(number: u128, key: Option<&str>) -> NewNotice {
    NewNotice {
        id: NoticeId::from_uuid(Uuid::from_u128(number)),
        kind: "mail".to_owned(),
        key: key.map(str::to_owned),
        due_at: at(10),
        body: br#"{"template":"new-request"}"#.to_vec(),
    }
}

/// REQ-01, REQ-02: a request is decided once, with its opening; nobody decides their own.
pub(crate) async fn req_02_a_request_is_decided_once_and_never_by_its_asker(world: &World) {
    let request = |n: u128| NewRequest {
        id: RequestId::from_uuid(Uuid::from_u128(n)),
        address: "https://reef.example/".to_owned(),
        purpose: "biology".to_owned(),
        class: None,
        wanted_until: Some(at(60)),
        categories: Vec::new(),
        to_endorse: false,
    };
    let store = &world.store;
    store
        .ask_for_site(&world.permit(PUPIL), &request(1), &[notice(1, None)], at(1))
        .await
        .unwrap();
    store
        .ask_for_site(&world.permit(LEAD), &request(2), &[], at(2))
        .await
        .unwrap();
    let decision = |n: u128| RequestDecision {
        id: request(n).id,
        approved: true,
        reason: "looked at it".to_owned(),
        relied_on: None,
        opens: Some(new_override(n, OverrideKind::Exception)),
    };
    let own = store
        .decide_request(&world.permit(LEAD), &decision(2), &[], at(3))
        .await;
    assert!(matches!(own, Err(Error::OwnMatter)), "{own:?}");
    store
        .decide_request(&world.permit(LEAD), &decision(1), &[], at(3))
        .await
        .unwrap();
    let twice = store
        .decide_request(&world.permit(HEAD), &decision(1), &[], at(4))
        .await;
    assert!(matches!(twice, Err(Error::Conflict { .. })), "{twice:?}");
    let decided = store
        .request(&world.permit(LEAD), request(1).id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (decided.state, decided.decision.as_deref()),
        (RequestState::Approved, Some("looked at it"))
    );
    assert_eq!(store.overrides_in_force(at(5)).await.unwrap().len(), 1);
    assert_eq!(
        store
            .requests(&world.permit(LEAD), true, 10)
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        store.own_requests(&world.own(PUPIL)).await.unwrap().len(),
        1
    );
}

/// REQ-05: blocks tighten at once; what opens must end; overrides end by time or by hand.
pub(crate) async fn overrides_end_by_time_or_by_hand(world: &World) {
    let store = &world.store;
    let mut block = new_override(1, OverrideKind::EmergencyBlock);
    block.until = None;
    store
        .add_emergency_block(&world.permit(TECHNICIAN), &block, at(0))
        .await
        .unwrap();
    let loosening = store
        .add_emergency_block(
            &world.permit(TECHNICIAN),
            &new_override(2, OverrideKind::Exception),
            at(0),
        )
        .await;
    assert!(
        matches!(loosening, Err(Error::Refused { .. })),
        "the technical team cannot loosen: {loosening:?}"
    );
    let mut endless = new_override(3, OverrideKind::Exception);
    endless.until = None;
    assert!(matches!(
        store
            .add_exception(&world.permit(LEAD), &endless, at(0))
            .await,
        Err(Error::Refused { .. })
    ));
    store
        .add_exception(
            &world.permit(LEAD),
            &new_override(4, OverrideKind::Exception),
            at(0),
        )
        .await
        .unwrap();
    let watched = Watched {
        id: id(PUPIL),
        about: pharos_access::About::Pupil,
    };
    let restrict = world
        .try_permit::<act::RestrictPerson>(LEAD, Target::Person(watched))
        .unwrap();
    store
        .add_restriction(
            &restrict,
            &new_override(5, OverrideKind::Restriction),
            at(0),
        )
        .await
        .unwrap();
    assert_eq!(store.overrides_in_force(at(59)).await.unwrap().len(), 3);
    assert_eq!(store.overrides_in_force(at(60)).await.unwrap().len(), 1);
    store
        .end_override(&world.permit(LEAD), block.id, at(61))
        .await
        .unwrap();
    assert_eq!(store.overrides_in_force(at(61)).await.unwrap(), []);
    let log = store
        .overrides(&world.permit(HEAD), at(0), 10)
        .await
        .unwrap();
    let ended: Vec<_> = log
        .iter()
        .filter(|o| o.ended_by == Some(id(LEAD)))
        .map(|o| (o.id, o.why.as_str()))
        .collect();
    assert_eq!(ended, [(block.id, "coral lesson")]);
    let reader = world.permit(HEAD);
    let one = store.override_by_id(&reader, block.id).await.unwrap();
    assert_eq!(one.map(|one| one.ended_by), Some(Some(id(LEAD))));
    let none = store.override_by_id(&reader, uuid::Uuid::from_u128(77));
    assert_eq!(none.await.unwrap(), None);
    for (kind, since, many) in [
        (OverrideKind::EmergencyBlock, at(0), 1),
        (OverrideKind::Restriction, at(0), 1),
        (OverrideKind::Restriction, at(1), 0),
        (OverrideKind::Membership, at(0), 0),
    ] {
        let found = store.overrides_of(&world.permit(HEAD), kind, since).await;
        let found = found.unwrap();
        assert_eq!(found.len(), many, "{kind:?}");
        assert!(found.iter().all(|one| one.kind == kind));
    }
}

/// CLK-02: notices are queued with their cause, given to one worker at a time, tried again, done once.
pub(crate) async fn notices_are_queued_with_their_cause_and_done_at_least_once(world: &World) {
    let (store, minute) = (&world.store, SignedDuration::from_mins(1));
    let twins = [
        notice(1, Some("daily")),
        notice(2, Some("daily")),
        notice(3, None),
    ];
    store.enqueue(&world.system(), &twins, at(0)).await.unwrap();
    assert_eq!(
        store.queue().await.unwrap().waiting,
        2,
        "the same key is queued once"
    );
    assert_eq!(store.lease_jobs(at(9), minute, 10).await.unwrap(), []);
    let first = store.lease_jobs(at(10), minute, 1).await.unwrap();
    let second = store.lease_jobs(at(10), minute, 10).await.unwrap();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].id, second[0].id);
    assert_eq!(first[0].body, twins[0].body);

    let lost = &first[0];
    let taken_over = store.lease_jobs(at(11), minute, 1).await.unwrap();
    assert_eq!(
        (taken_over[0].id, taken_over[0].attempt),
        (lost.id, 2),
        "a lease that ran out goes to another"
    );
    assert!(
        !store.finish_job(lost, at(11)).await.unwrap(),
        "the first worker comes too late"
    );
    assert!(store.finish_job(&taken_over[0], at(11)).await.unwrap());
    assert!(
        store
            .fail_job(&second[0], Some(at(20)), "refused", at(11))
            .await
            .unwrap()
    );
    let again = store.lease_jobs(at(20), minute, 10).await.unwrap();
    assert_eq!((again.len(), again[0].attempt), (1, 2));
    assert!(
        store
            .fail_job(&again[0], None, "refused for good", at(20))
            .await
            .unwrap()
    );
    let figures = store.queue().await.unwrap();
    assert_eq!((figures.waiting, figures.failed), (0, 1));
}

/// AUD-01: that a setting changed is in the ledger; its value is not.
pub(crate) async fn settings_are_kept_and_their_values_stay_out_of_the_ledger(world: &World) {
    let store = &world.store;
    store
        .set_setting(
            &world.permit(HEAD),
            "mail.password",
            Some("mackerel-sky"),
            at(1),
        )
        .await
        .unwrap();
    assert_eq!(
        store.setting("mail.password").await.unwrap().unwrap().value,
        "mackerel-sky"
    );
    let lines = store
        .ledger(&world.permit(HEAD), &LedgerFilter::default(), 1)
        .await
        .unwrap();
    assert_eq!(
        (
            lines[0].line.subject.as_str(),
            lines[0].line.detail.contains("mackerel")
        ),
        ("setting:mail.password", false)
    );
    store
        .set_setting(&world.permit(HEAD), "mail.password", None, at(2))
        .await
        .unwrap();
    assert_eq!(store.settings().await.unwrap(), []);
}
