//! Sign-in (ACC-11).

use jiff::SignedDuration;
use pharos_records::{Error, People, Session, SignIn, TokenHash};

use crate::world::{HEAD, LEAD, PUPIL, World, at, id, whole};

fn session(token: u8, who: u128) -> Session {
    Session {
        token: TokenHash([token; 32]),
        person: id(who),
        since: at(0),
        last_used: at(0),
        until: at(480),
        second_factor: false,
        csrf: vec![9; 32],
        device: "phone".to_owned(),
    }
}

/// ACC-11: sessions are found by the hash of their token and end by time, sign-out or leaving.
pub(crate) async fn acc_11_a_session_lives_until_its_end_its_sign_out_or_its_person_leaves(
    world: &World,
) {
    let store = &world.store;
    for (token, who) in [(1, LEAD), (2, LEAD), (3, PUPIL)] {
        store
            .open_session(&world.own(who), &session(token, who))
            .await
            .unwrap();
    }
    let other = store
        .open_session(&world.own(LEAD), &session(4, HEAD))
        .await;
    assert!(matches!(other, Err(Error::WrongPermit { .. })), "{other:?}");

    assert_eq!(
        store.session(TokenHash([1; 32]), at(1)).await.unwrap(),
        Some(session(1, LEAD))
    );
    store
        .touch_session(TokenHash([1; 32]), at(5))
        .await
        .unwrap();
    store
        .raise_session(&world.own(LEAD), TokenHash([1; 32]), at(5))
        .await
        .unwrap();
    let raised = store
        .session(TokenHash([1; 32]), at(6))
        .await
        .unwrap()
        .unwrap();
    assert!(raised.second_factor && raised.last_used == at(5));
    assert!(
        store
            .session(TokenHash([1; 32]), at(480))
            .await
            .unwrap()
            .is_none(),
        "its time is over"
    );
    store
        .close_session(&world.own(LEAD), TokenHash([2; 32]), at(7))
        .await
        .unwrap();
    assert!(
        store
            .session(TokenHash([2; 32]), at(8))
            .await
            .unwrap()
            .is_none()
    );

    store
        .apply_roll(&world.system(), &whole(vec![]), at(9))
        .await
        .unwrap();
    assert!(
        store
            .session(TokenHash([3; 32]), at(10))
            .await
            .unwrap()
            .is_none(),
        "a leaver's session is over"
    );
    assert_eq!(store.sweep_sessions(at(500)).await.unwrap(), 2);
}

/// ACC-11: a one-time code is used once, and older ones not after it (RFC 6238 5.2).
pub(crate) async fn acc_11_a_code_is_used_once(world: &World) {
    let store = &world.store;
    let without = store
        .set_second_factor(&world.own(LEAD), Some(b"secret"), at(1))
        .await;
    assert!(
        matches!(without, Err(Error::Absent { .. })),
        "a second factor needs a first"
    );
    store
        .reset_password(
            &world.system(),
            id(LEAD),
            "$argon2id$made-up",
            true,
            false,
            at(1),
        )
        .await
        .unwrap();
    store
        .set_second_factor(&world.own(LEAD), Some(b"secret"), at(2))
        .await
        .unwrap();
    let credential = store.credential(id(LEAD)).await.unwrap().unwrap();
    assert_eq!(credential.totp_secret.as_deref(), Some(&b"secret"[..]));
    assert!(credential.must_change && credential.password_hash == "$argon2id$made-up");
    for (step, used) in [(57, true), (57, false), (56, false), (58, true)] {
        assert_eq!(
            store.use_totp_step(id(LEAD), step).await.unwrap(),
            used,
            "{step}"
        );
    }
    store
        .reset_password(
            &world.system(),
            id(LEAD),
            "$argon2id$other",
            false,
            true,
            at(3),
        )
        .await
        .unwrap();
    assert_eq!(
        store
            .credential(id(LEAD))
            .await
            .unwrap()
            .unwrap()
            .totp_secret,
        None
    );
    assert_eq!(store.credential(id(PUPIL)).await.unwrap(), None);
}

/// ACC-11: failed attempts are counted under a key and forgotten after the window.
pub(crate) async fn acc_11_failures_are_counted_and_forgotten(world: &World) {
    let (store, window) = (&world.store, SignedDuration::from_mins(15));
    for n in 1..=3 {
        assert_eq!(
            store
                .count_failure("key", at(n), window)
                .await
                .unwrap()
                .failures,
            n
        );
    }
    assert_eq!(
        store.failures("key", at(10), window).await.unwrap().since,
        Some(at(1))
    );
    assert_eq!(
        store
            .failures("other", at(10), window)
            .await
            .unwrap()
            .failures,
        0
    );
    assert_eq!(
        store
            .failures("key", at(30), window)
            .await
            .unwrap()
            .failures,
        0
    );
    assert_eq!(
        store
            .count_failure("key", at(40), window)
            .await
            .unwrap()
            .failures,
        1
    );
    store.clear_failures("key").await.unwrap();
    assert_eq!(
        store
            .failures("key", at(41), window)
            .await
            .unwrap()
            .failures,
        0
    );
}

/// ACC-11: whoever had a session with the old password is out.
pub(crate) async fn acc_11_a_new_password_ends_other_sessions(world: &World) {
    let store = &world.store;
    for token in [1, 2] {
        store
            .open_session(&world.own(LEAD), &session(token, LEAD))
            .await
            .unwrap();
    }
    store
        .set_own_password(
            &world.own(LEAD),
            "$argon2id$new",
            Some(TokenHash([1; 32])),
            at(1),
        )
        .await
        .unwrap();
    assert!(
        store
            .session(TokenHash([1; 32]), at(2))
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        store
            .session(TokenHash([2; 32]), at(2))
            .await
            .unwrap()
            .is_none()
    );
    store
        .set_passwords(
            &world.system(),
            &[(id(PUPIL), "$argon2id$p".to_owned())],
            at(3),
        )
        .await
        .unwrap();
    assert_eq!(
        store
            .credential(id(PUPIL))
            .await
            .unwrap()
            .unwrap()
            .password_hash,
        "$argon2id$p"
    );
}
