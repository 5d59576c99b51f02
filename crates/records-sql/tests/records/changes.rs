//! Change control, and the check of the change log against the ledger (REQ-03, REQ-04).

use jiff::SignedDuration;
use pharos_records::{
    ChangeKind, ChangeState, ChangeStep, Changes, Effect, Endorsement, Error, NewChange,
    NewOverride, NewPack, NewRequest, Origin, OverrideKind, Overrides, Packs, RequestDecision,
    RequestState, Requests,
};
use pharos_school::RequestId;
use uuid::Uuid;

use crate::world::{DEPUTY, HEAD, LEAD, PUPIL, TECHNICIAN, TUTOR, World, at, id};

fn change(number: u128, pack: Option<i64>) -> NewChange {
    NewChange {
        id: Uuid::from_u128(0xc4a0_0000 + number),
        kind: if pack.is_some() {
            ChangeKind::Pack
        } else {
            ChangeKind::Opening
        },
        origin: Origin::Screen,
        effect: Effect::Opens,
        pack,
        until: Some(at(600)),
        review_at: Some(at(300)),
        body: format!(r#"{{"v":1,"why":"change {number}"}}"#).into_bytes(),
    }
}

fn opening(number: u128) -> NewOverride {
    NewOverride {
        id: Uuid::from_u128(number),
        kind: OverrideKind::Exception,
        body: br#"{"v":1,"host":"reef.example"}"#.to_vec(),
        from: at(10),
        until: Some(at(600)),
        review_at: Some(at(300)),
        why: "coral lesson".to_owned(),
        request: None,
    }
}

async fn pack(world: &World, text: &str) -> i64 {
    let new = NewPack {
        why: text.to_owned(),
        assessment: None,
        replay: None,
        digest: "00".repeat(32),
        files: text.as_bytes().to_vec(),
    };
    world
        .store
        .propose_pack(&world.permit(TECHNICIAN), &new, at(1))
        .await
        .unwrap()
}

/// REQ-03: a draft with only a technical assessment cannot be put in force; with both, by two
/// people, and with consent it can; each step is by those whom its act is for.
pub(crate) async fn req_03_a_draft_wants_two_people_and_consent(world: &World) {
    let store = &world.store;
    let first = pack(world, "the first").await;
    store
        .install_pack(&world.permit(HEAD), first, at(2))
        .await
        .unwrap();
    let second = pack(world, "the second").await;
    let draft = change(1, Some(second));
    let number = store
        .draft_change(&world.permit(TECHNICIAN), &draft, &[], at(3))
        .await
        .unwrap();
    assert_eq!(number, 1);
    let assess = async |who, step| {
        let permit = world.permit::<pharos_access::act::AssessChange>(who);
        store
            .add_change_step(&permit, draft.id, step, b"looked at", at(4))
            .await
    };
    let install = async || {
        store
            .install_change(&world.permit(LEAD), draft.id, None, true, at(5))
            .await
    };
    let wants = |outcome: Result<(), Error>, what: &str| {
        let problem = outcome.unwrap_err().to_string();
        assert!(problem.contains(what), "{problem}");
    };
    wants(install().await, "teaching experience");
    assess(TECHNICIAN, ChangeStep::Technical).await.unwrap();
    wants(install().await, "teaching experience");
    wants(
        assess(TECHNICIAN, ChangeStep::Educational).await,
        "somebody else than the first",
    );
    wants(assess(HEAD, ChangeStep::Technical).await, "already");
    assess(TUTOR, ChangeStep::Educational).await.unwrap();
    wants(install().await, "consent");
    let wrong = store
        .add_change_step(
            &world.permit::<pharos_access::act::AssessChange>(TUTOR),
            draft.id,
            ChangeStep::Consent,
            b"yes",
            at(5),
        )
        .await;
    wants(wrong, "wants a permit for policy.consent");
    let consent = world.permit::<pharos_access::act::ConsentChange>(HEAD);
    store
        .add_change_step(&consent, draft.id, ChangeStep::Consent, b"agreed", at(5))
        .await
        .unwrap();
    assert_eq!(
        store.pack_in_force().await.unwrap().unwrap().head.number,
        first
    );
    install().await.unwrap();
    assert_eq!(
        store.pack_in_force().await.unwrap().unwrap().head.number,
        second
    );
    assert!(
        matches!(install().await, Err(Error::Conflict { .. })),
        "once"
    );
    let stored = store.change(number).await.unwrap().unwrap();
    assert_eq!(
        (stored.state, stored.decided_by),
        (ChangeState::InForce, Some(id(LEAD)))
    );
    let steps: Vec<_> = store.change_entries(draft.id).await.unwrap();
    let steps: Vec<_> = steps.iter().map(|step| (step.seq, step.step)).collect();
    assert_eq!(
        steps,
        [
            (1, ChangeStep::Technical),
            (2, ChangeStep::Educational),
            (3, ChangeStep::Consent),
            (4, ChangeStep::PutInForce)
        ]
    );
    assert_eq!(
        store
            .changes_due(&world.system(), at(200))
            .await
            .unwrap()
            .len(),
        0
    );
    assert_eq!(
        store
            .changes_due(&world.system(), at(301))
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(store.verify_changes().await.unwrap(), None);
}

/// A log with one of everything.
async fn log(world: &World) {
    let store = &world.store;
    let draft = change(7, None);
    store
        .draft_change(&world.permit(TECHNICIAN), &draft, &[], at(3))
        .await
        .unwrap();
    for (who, step) in [
        (TECHNICIAN, ChangeStep::Technical),
        (DEPUTY, ChangeStep::Educational),
    ] {
        let permit = world.permit::<pharos_access::act::AssessChange>(who);
        store
            .add_change_step(&permit, draft.id, step, b"looked at", at(4))
            .await
            .unwrap();
    }
    store
        .install_change(
            &world.permit(LEAD),
            draft.id,
            Some(&opening(70)),
            false,
            at(10),
        )
        .await
        .unwrap();
    pack(world, "a version").await;
    let mut block = opening(71);
    (block.kind, block.until) = (OverrideKind::EmergencyBlock, None);
    store
        .add_emergency_block(&world.permit(TECHNICIAN), &block, at(11))
        .await
        .unwrap();
    store
        .review_override(&world.permit(LEAD), block.id, None, b"still wanted", at(12))
        .await
        .unwrap();
    assert_eq!(store.verify_changes().await.unwrap(), None);
}

/// REQ-04, AUD-01: altering a stored row of the change log behind the program's back is detected,
/// and the row is named; so is taking one away.
pub(crate) async fn req_04_an_altered_change_is_named(world: &World) {
    log(world).await;
    let alter = async |sql: &str, back: &str, table: &str| {
        world.raw(sql).await;
        let found = world.store.verify_changes().await.unwrap();
        let found = found.unwrap_or_else(|| panic!("not noticed: {sql}"));
        assert_eq!(found.table, table, "{sql}: {found:?}");
        if !back.is_empty() {
            world.raw(back).await;
            assert_eq!(world.store.verify_changes().await.unwrap(), None, "{back}");
        }
    };
    alter(
        "UPDATE policy_change SET effect = 'closes'",
        "UPDATE policy_change SET effect = 'opens'",
        "policy_change",
    )
    .await;
    alter(
        "UPDATE change_entry SET kind = 'consent' WHERE kind = 'technical'",
        "UPDATE change_entry SET kind = 'technical' WHERE kind = 'consent'",
        "change_entry",
    )
    .await;
    alter(
        "UPDATE override_entry SET until_at = until_at + 1 WHERE kind = 'exception'",
        "UPDATE override_entry SET until_at = until_at - 1 WHERE kind = 'exception'",
        "override_entry",
    )
    .await;
    alter(
        "UPDATE pack SET why = 'another reason'",
        "UPDATE pack SET why = 'a version'",
        "pack",
    )
    .await;
    alter(
        "DELETE FROM change_entry WHERE kind = 'reviewed'",
        "",
        "policy_change",
    )
    .await;
}

/// REQ-05: what was changed in a hurry is looked at again, with a note and a next date.
pub(crate) async fn req_05_a_review_is_kept_with_its_next_date(world: &World) {
    let store = &world.store;
    let mut block = opening(1);
    (block.kind, block.until) = (OverrideKind::EmergencyBlock, None);
    store
        .add_emergency_block(&world.permit(TECHNICIAN), &block, at(0))
        .await
        .unwrap();
    let next = Some(at(0) + SignedDuration::from_hours(240));
    store
        .review_override(&world.permit(LEAD), block.id, next, b"still wanted", at(20))
        .await
        .unwrap();
    let stored = store.overrides_in_force(at(21)).await.unwrap().remove(0);
    assert_eq!(
        (stored.review_at, stored.reviewed_at, stored.reviewed_by),
        (next, Some(at(20)), Some(id(LEAD)))
    );
    assert_eq!(
        store.change_entries(block.id).await.unwrap()[0].body,
        b"still wanted"
    );
    let gone = store
        .review_override(&world.permit(LEAD), Uuid::from_u128(99), None, b"x", at(22))
        .await;
    assert!(matches!(gone, Err(Error::Absent { .. })), "{gone:?}");
}

/// REQ-06: nobody approves their own membership, and each one ends.
pub(crate) async fn req_06_a_membership_has_another_approver_and_an_end(world: &World) {
    let store = &world.store;
    let mut member = opening(5);
    member.kind = OverrideKind::Membership;
    let own = store
        .add_membership(&world.permit(LEAD), id(LEAD), &member, &[], at(0))
        .await;
    assert!(matches!(own, Err(Error::OwnMatter)), "{own:?}");
    let mut endless = member.clone();
    endless.until = None;
    let endless = store
        .add_membership(&world.permit(LEAD), id(TUTOR), &endless, &[], at(0))
        .await;
    assert!(matches!(endless, Err(Error::Refused { .. })), "{endless:?}");
    store
        .add_membership(&world.permit(LEAD), id(TUTOR), &member, &[], at(0))
        .await
        .unwrap();
    assert_eq!(store.overrides_in_force(at(20)).await.unwrap().len(), 1);
    assert_eq!(store.overrides_in_force(at(601)).await.unwrap().len(), 0);
}

/// REQ-01: a pupil's request waits for the teacher's word, which is kept; a declined one is over.
pub(crate) async fn req_01_a_request_waits_for_the_teachers_word(world: &World) {
    let store = &world.store;
    let request = |n: u128| NewRequest {
        id: RequestId::from_uuid(Uuid::from_u128(n)),
        address: "https://reef.example/".to_owned(),
        purpose: "biology".to_owned(),
        class: None,
        wanted_until: None,
        categories: vec!["science".to_owned(), "games".to_owned()],
        to_endorse: true,
    };
    for n in [1, 2] {
        store
            .ask_for_site(&world.permit(PUPIL), &request(n), &[], at(1))
            .await
            .unwrap();
    }
    let decision = RequestDecision {
        id: request(1).id,
        approved: true,
        reason: "looked at it".to_owned(),
        relied_on: Some("the assessment of May".to_owned()),
        opens: Some(opening(1)),
    };
    let early = store
        .decide_request(&world.permit(LEAD), &decision, &[], at(2))
        .await;
    assert!(matches!(early, Err(Error::Conflict { .. })), "{early:?}");
    let word = |n: u128, endorsed| Endorsement {
        id: request(n).id,
        endorsed,
        words: "fits the lesson".to_owned(),
    };
    store
        .endorse_request(&world.permit(TUTOR), &word(1, true), &[], at(3))
        .await
        .unwrap();
    store
        .endorse_request(&world.permit(TUTOR), &word(2, false), &[], at(3))
        .await
        .unwrap();
    let twice = store
        .endorse_request(&world.permit(TUTOR), &word(1, false), &[], at(4))
        .await;
    assert!(matches!(twice, Err(Error::Conflict { .. })), "{twice:?}");
    store
        .decide_request(&world.permit(LEAD), &decision, &[], at(5))
        .await
        .unwrap();
    let get = async |n: u128| {
        store
            .request(&world.permit(LEAD), request(n).id)
            .await
            .unwrap()
            .unwrap()
    };
    let (opened, declined) = (get(1).await, get(2).await);
    assert_eq!(opened.categories, ["science", "games"]);
    assert_eq!(
        (opened.endorsed_by, opened.endorsed_at),
        (Some(id(TUTOR)), Some(at(3)))
    );
    assert_eq!(opened.relied_on.as_deref(), Some("the assessment of May"));
    assert_eq!(
        (declined.state, declined.decided_at),
        (RequestState::Declined, Some(at(3)))
    );
    assert_eq!(declined.endorsement.as_deref(), Some("fits the lesson"));
    assert_eq!(store.verify_changes().await.unwrap(), None);
}

/// REQ-05: a change that only tightens is in force before it is assessed, by those who may block in an
/// emergency; never one that opens, nor one that nobody would look at again.
pub(crate) async fn req_05_a_tightening_is_in_force_at_once(world: &World) {
    let store = &world.store;
    let first = pack(world, "the first").await;
    store
        .install_pack(&world.permit(HEAD), first, at(2))
        .await
        .unwrap();
    let tighter = NewChange {
        effect: Effect::Closes,
        until: None,
        ..change(1, Some(pack(world, "the tighter").await))
    };
    let keep = async |new: &NewChange| {
        let permit = world.permit::<pharos_access::act::EmergencyBlock>(TECHNICIAN);
        store.record_tightening(&permit, new, &[], at(3)).await
    };
    for (effect, review_at) in [
        (Effect::Opens, Some(at(300))),
        (Effect::Both, Some(at(300))),
        (Effect::Closes, None),
    ] {
        let wrong = NewChange {
            effect,
            review_at,
            ..tighter.clone()
        };
        let refused = keep(&wrong).await;
        assert!(matches!(refused, Err(Error::Refused { .. })), "{effect:?}");
    }
    assert_eq!(
        store.pack_in_force().await.unwrap().unwrap().head.number,
        first
    );
    let number = keep(&tighter).await.unwrap();
    let kept = store.change(number).await.unwrap().unwrap();
    assert_eq!(kept.state, ChangeState::InForce);
    assert_eq!(kept.by, Some(id(TECHNICIAN)));
    assert_eq!(
        store.pack_in_force().await.unwrap().unwrap().head.number,
        tighter.pack.unwrap()
    );
    assert_eq!(store.verify_changes().await.unwrap(), None);
}
