//! Sign-in (ACC-11).

use jiff::SignedDuration;
use pharos_records::{CountedTry, Error, Pace, People, Session, SignIn, TokenHash, Tried};

use crate::world::{HEAD, LEAD, PUPIL, World, at, id, whole};

fn session(token: u8, who: u128) -> Session {
    Session {
        token: TokenHash([token; 32]),
        person: id(who),
        since: at(0),
        last_used: at(0),
        until: at(480),
        second_factor: false,
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
        .set_second_factor(&world.own(LEAD), b"secret", None, at(1))
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
        .set_second_factor(&world.own(LEAD), b"secret", None, at(2))
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

/// ACC-11: a second factor that is there is replaced only out of a session that passed it; with it
/// all other sessions end.
pub(crate) async fn acc_11_a_second_factor_is_not_replaced_by_an_older_session(world: &World) {
    let store = &world.store;
    store
        .reset_password(
            &world.system(),
            id(LEAD),
            "$argon2id$made-up",
            false,
            false,
            at(0),
        )
        .await
        .unwrap();
    for token in [1, 2] {
        store
            .open_session(&world.own(LEAD), &session(token, LEAD))
            .await
            .unwrap();
    }
    let (mine, other) = (TokenHash([1; 32]), TokenHash([2; 32]));
    let own = world.own(LEAD);
    store
        .set_second_factor(&own, b"first", Some(mine), at(1))
        .await
        .unwrap();
    assert!(
        store.session(other, at(2)).await.unwrap().is_none(),
        "the older session is over"
    );
    for keep in [Some(mine), Some(other), None] {
        let again = store.set_second_factor(&own, b"second", keep, at(2)).await;
        assert!(matches!(again, Err(Error::Refused { .. })), "{again:?}");
    }
    let credential = store.credential(id(LEAD)).await.unwrap().unwrap();
    assert_eq!(credential.totp_secret.as_deref(), Some(&b"first"[..]));
    store
        .raise_session(&world.own(LEAD), mine, at(3))
        .await
        .unwrap();
    store
        .set_second_factor(&own, b"second", Some(mine), at(4))
        .await
        .unwrap();
    let credential = store.credential(id(LEAD)).await.unwrap().unwrap();
    assert_eq!(credential.totp_secret.as_deref(), Some(&b"second"[..]));
}

const PACE: Pace = Pace {
    free: 3,
    window: SignedDuration::from_mins(15),
    wait_max_s: 600,
};

fn keys(all: &[&str]) -> Vec<(String, Pace)> {
    all.iter().map(|key| ((*key).to_owned(), PACE)).collect()
}

/// ACC-11: tries are counted under every key before they are made, taken back when right, and
/// forgotten after the window; a try that must wait is counted nowhere.
pub(crate) async fn acc_11_failures_are_counted_and_forgotten(world: &World) {
    let store = &world.store;
    let tried = async |all: &[&str], minute| {
        let tried = store.count_try(&keys(all), at(minute)).await;
        match tried.unwrap() {
            Tried::Counted(counted) => Ok(counted),
            Tried::Wait { wait_s } => Err(wait_s),
        }
    };
    let failures =
        |counted: &[CountedTry]| counted.iter().map(|one| one.failures).collect::<Vec<_>>();
    for n in 1..=3 {
        let counted = tried(&["name", "here"], n).await.unwrap();
        assert_eq!(failures(&counted), [n, n]);
    }
    assert_eq!(
        tried(&["other", "here"], 3).await.unwrap_err(),
        1,
        "a fourth try under the same key waits"
    );
    let counted = tried(&["other", "there"], 3).await.unwrap();
    assert_eq!(
        failures(&counted),
        [1, 1],
        "the try that waits left nothing"
    );
    store.take_back_try(&counted).await.unwrap();
    let counted = tried(&["other", "there"], 3).await.unwrap();
    assert_eq!(failures(&counted), [1, 1], "a right try leaves nothing");

    // A right try at a place with wrong ones leaves those as they were, with their time.
    let counted = tried(&["own", "here"], 4).await.unwrap();
    assert_eq!(failures(&counted), [1, 4]);
    assert_eq!(counted[1].before, Some(at(3)));
    store.take_back_try(&counted).await.unwrap();
    let counted = tried(&["own", "here"], 17).await.unwrap();
    assert_eq!(counted[1].before, Some(at(3)));
    assert_eq!(failures(&counted), [1, 4]);

    let counted = tried(&["here", "name"], 40).await.unwrap();
    assert_eq!(failures(&counted), [1, 1], "after the window");
    store.clear_failures("name").await.unwrap();
    assert_eq!(failures(&tried(&["name"], 41).await.unwrap()), [1]);
    assert!(store.sweep_failures(at(41)).await.unwrap() >= 2);
    assert_eq!(store.sweep_failures(at(41)).await.unwrap(), 0);
}

/// ACC-11: of many tries at once no more are let through than one after the other.
pub(crate) async fn acc_11_tries_at_once_are_counted(world: &World) {
    let all = keys(&["name", "here"]);
    let tries = (0..24).map(|_| world.store.count_try(&all, at(1)));
    let done = futures_util::future::join_all(tries).await;
    let through = done
        .iter()
        .filter(|tried| matches!(tried.as_ref().unwrap(), Tried::Counted(_)))
        .count();
    assert_eq!(through, 3);
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
