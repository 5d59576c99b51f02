//! Signing in.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::SignedDuration;
use pharos_school::Role;
use pharos_service::{Error, SignInOutcome, SignedIn, current_code};
use pharos_testkit::school::SampleSchool;
use tokio::task::JoinSet;
use totp_rs::Secret;

use crate::{is_closed, system};

const PASSWORD: &str = "three calm herons";
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 20, 2, 7));
const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 20, 2, 8));

async fn with_password(username: &str) -> SampleSchool {
    let school = SampleSchool::open().await;
    let person = school.person(username).await;
    school
        .app
        .reset_password(&system(), person.id, PASSWORD, false)
        .await
        .unwrap();
    school
}

async fn enters(school: &SampleSchool, name: &str, code: Option<&str>) -> SignedIn {
    match school
        .app
        .sign_in(name, PASSWORD, code, HERE, "a browser")
        .await
        .unwrap()
    {
        SignInOutcome::In(token) => school.app.signed_in(&token).await.unwrap().unwrap(),
        SignInOutcome::NeedsCode(_) => panic!("a code is asked for"),
    }
}

/// ACC-11: guessing is slowed down by name and by address, tells nothing apart, and passes.
#[tokio::test]
async fn acc_11_guessing_is_slowed_down() {
    let school = with_password("ines.castellano").await;
    let mut answers = Vec::new();
    for name in [
        "ines.castellano",
        "nobody.at-all",
        "ines.castellano",
        "ines.castellano",
        "nobody.at-all",
    ] {
        let error = school
            .app
            .sign_in(name, "wrong wrong wrong", None, HERE, "a browser")
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        answers.push(error.to_string());
    }
    answers.dedup();
    assert_eq!(
        answers.len(),
        1,
        "a name that exists and one that does not sound alike"
    );
    // Five failures from one address: even the right password waits.
    let error = school
        .app
        .sign_in("ines.castellano", PASSWORD, None, HERE, "a browser")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Throttled { wait_s: 1.. }), "{error}");
    // Another address and another name are not held up.
    let person = school.person("owen.pryce").await;
    school
        .app
        .reset_password(&system(), person.id, PASSWORD, false)
        .await
        .unwrap();
    school
        .app
        .sign_in("owen.pryce", PASSWORD, None, THERE, "a browser")
        .await
        .unwrap();
    school.clock.forward(SignedDuration::from_mins(31));
    enters(&school, "ines.castellano", None).await;
}

/// ACC-11: the lead without a second factor is let in, but not to anything of the lead's.
#[tokio::test]
async fn acc_11_strong_roles_wait_for_the_second_factor() {
    let school = with_password("ruth.okafor").await;
    let weak = enters(&school, "ruth.okafor", None).await;
    assert!(weak.must_enrol && !weak.actor.holds(Role::Lead));
    assert!(is_closed(
        &school.app.alerts(&weak.actor, false).await.unwrap_err()
    ));

    let enrolment = school.app.begin_enrolment(&weak).await.unwrap();
    let secret = Secret::try_from_base32(&enrolment.secret).unwrap();
    let code = current_code(secret.as_ref(), school.app.now()).unwrap();
    let wrong = if code == "000000" { "111111" } else { "000000" };
    assert!(
        school
            .app
            .confirm_enrolment(&weak, PASSWORD, &enrolment.secret, wrong, HERE)
            .await
            .is_err()
    );
    school
        .app
        .confirm_enrolment(&weak, PASSWORD, &enrolment.secret, &code, HERE)
        .await
        .unwrap();
    let strong = school.app.signed_in(&weak.token).await.unwrap().unwrap();
    assert!(strong.actor.holds(Role::Lead) && !strong.must_enrol);
    school.app.alerts(&strong.actor, false).await.unwrap();

    // From now on the password alone is not enough, and a code counts once.
    let half = school
        .app
        .sign_in("ruth.okafor", PASSWORD, None, HERE, "a browser")
        .await
        .unwrap();
    assert!(matches!(half, SignInOutcome::NeedsCode(_)));
    assert!(
        school
            .app
            .sign_in("ruth.okafor", PASSWORD, Some(&code), HERE, "a browser")
            .await
            .is_err()
    );
    school.clock.forward(SignedDuration::from_secs(90));
    let next = current_code(secret.as_ref(), school.app.now()).unwrap();
    assert!(
        enters(&school, "ruth.okafor", Some(&next))
            .await
            .second_factor
    );
}

/// ACC-11: a second factor is set up with the password, and then neither the password alone nor a
/// session from before replaces it.
#[tokio::test]
async fn acc_11_a_second_factor_is_not_replaced_by_an_older_session() {
    let school = with_password("ruth.okafor").await;
    let older = enters(&school, "ruth.okafor", None).await;
    let mine = enters(&school, "ruth.okafor", None).await;
    let enrolment = school.app.begin_enrolment(&mine).await.unwrap();
    let other = school.app.begin_enrolment(&older).await.unwrap();
    let shown = |secret: &str| {
        let secret = Secret::try_from_base32(secret).unwrap();
        current_code(secret.as_ref(), school.app.now()).unwrap()
    };
    let confirm = async |who: &SignedIn, password: &str, secret: &str| {
        let code = shown(secret);
        school
            .app
            .confirm_enrolment(who, password, secret, &code, HERE)
            .await
    };
    let without = confirm(&mine, "not the password", &enrolment.secret).await;
    assert!(matches!(without, Err(Error::Invalid(_))), "{without:?}");
    confirm(&mine, PASSWORD, &enrolment.secret).await.unwrap();

    // A page that was open before: the session is over, and even as it was it gets nowhere.
    assert!(school.app.signed_in(&older.token).await.unwrap().is_none());
    assert!(matches!(
        confirm(&older, PASSWORD, &other.secret).await,
        Err(Error::Refused(_))
    ));
    assert!(matches!(
        school.app.begin_enrolment(&older).await,
        Err(Error::Refused(_))
    ));
    school.clock.forward(SignedDuration::from_secs(90));
    let code = shown(&enrolment.secret);
    let again = enters(&school, "ruth.okafor", Some(&code)).await;
    assert!(again.second_factor, "the first one still holds");
    school.app.begin_enrolment(&again).await.unwrap();
}

async fn wrongly(school: &SampleSchool, name: &str, from: IpAddr) -> Error {
    school
        .app
        .sign_in(name, "wrong wrong wrong", None, from, "a browser")
        .await
        .unwrap_err()
}

/// ACC-11: guesses that are made at once are counted like guesses one after the other; people who
/// are right at once, at one address, do not hold each other up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acc_11_guesses_at_once_are_counted() {
    let school = Arc::new(with_password("ines.castellano").await);
    let guesses = |school: &Arc<SampleSchool>, count: usize, password: &'static str| {
        let mut all = JoinSet::new();
        for _ in 0..count {
            let school = Arc::clone(school);
            all.spawn(async move {
                school
                    .app
                    .sign_in("ines.castellano", password, None, HERE, "a browser")
                    .await
            });
        }
        all.join_all()
    };
    for right in guesses(&school, 8, PASSWORD).await {
        assert!(matches!(right, Ok(SignInOutcome::In(_))), "{right:?}");
    }
    let wrong = guesses(&school, 16, "wrong wrong wrong").await;
    let looked_at = wrong
        .iter()
        .filter(|one| matches!(one, Err(Error::Invalid(_))))
        .count();
    assert_eq!(looked_at, 5, "{wrong:?}");
}

/// ACC-11: whoever tries many names does not get free tries by signing in as themselves between.
#[tokio::test]
async fn acc_11_ones_own_sign_in_frees_no_guesses() {
    let school = with_password("ada.quill").await;
    for name in ["ben.tully", "wren.osei", "owen.pryce", "sade.bello", "a.b"] {
        assert!(matches!(
            wrongly(&school, name, HERE).await,
            Error::Invalid(_)
        ));
        if name != "a.b" {
            enters(&school, "ada.quill", None).await;
        }
    }
    assert!(matches!(
        wrongly(&school, "leila.mansour", HERE).await,
        Error::Throttled { .. }
    ));
}

/// ACC-11: wrong passwords for somebody at one device do not shut them out at their own.
#[tokio::test]
async fn acc_11_wrong_passwords_elsewhere_shut_nobody_out() {
    let school = with_password("ada.quill").await;
    enters(&school, "ada.quill", None).await;
    for _ in 0..5 {
        wrongly(&school, "ada.quill", THERE).await;
    }
    assert!(matches!(
        wrongly(&school, "ada.quill", THERE).await,
        Error::Throttled { .. }
    ));
    let third = IpAddr::from([10, 20, 2, 9]);
    assert!(
        matches!(
            wrongly(&school, "ada.quill", third).await,
            Error::Throttled { .. }
        ),
        "at a place that is new the name waits"
    );
    enters(&school, "ada.quill", None).await;
}

/// ACC-11: whoever knows the password and guesses at the code frees no guesses by signing in where
/// the password is enough.
#[tokio::test]
async fn acc_11_the_password_alone_frees_no_guesses_at_the_code() {
    let school = with_password("ruth.okafor").await;
    let me = enters(&school, "ruth.okafor", None).await;
    let enrolment = school.app.begin_enrolment(&me).await.unwrap();
    let secret = Secret::try_from_base32(&enrolment.secret).unwrap();
    let code = current_code(secret.as_ref(), school.app.now()).unwrap();
    school
        .app
        .confirm_enrolment(&me, PASSWORD, &enrolment.secret, &code, HERE)
        .await
        .unwrap();
    let place = |n: u8| IpAddr::from([10, 20, 4, n]);
    for n in 0..5 {
        let half = school
            .app
            .sign_in("ruth.okafor", PASSWORD, None, place(n), "a browser")
            .await;
        let Ok(SignInOutcome::NeedsCode(half)) = half else {
            panic!("{half:?}")
        };
        let wrong = school
            .app
            .sign_in_code(&half, "nothing", place(n), "")
            .await;
        assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
        if n < 4 {
            let found = school
                .app
                .check_name_and_password("ruth.okafor", PASSWORD, place(n))
                .await;
            assert_eq!(found.unwrap(), Some(me.person.id));
        }
    }
    let waits = school
        .app
        .sign_in("ruth.okafor", PASSWORD, None, place(9), "a browser")
        .await;
    assert!(matches!(waits, Err(Error::Throttled { .. })), "{waits:?}");
}

/// ACC-11: the old password, asked for before a change, cannot be guessed either.
#[tokio::test]
async fn acc_11_the_old_password_is_not_guessed() {
    let school = with_password("ada.quill").await;
    let me = enters(&school, "ada.quill", None).await;
    for _ in 0..5 {
        let wrong = school
            .app
            .change_password(&me, "wrong wrong wrong", "four loud gulls", HERE)
            .await;
        assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
    }
    let waits = school
        .app
        .change_password(&me, PASSWORD, "four loud gulls", HERE)
        .await;
    assert!(matches!(waits, Err(Error::Throttled { .. })), "{waits:?}");
}

/// ACC-08, ACC-11: a session ends when it is not used for `acc.idle_minutes`; the password is asked for again.
#[tokio::test]
async fn acc_08_an_idle_session_ends() {
    let school = with_password("ines.castellano").await;
    let me = enters(&school, "ines.castellano", None).await;
    school.clock.forward(SignedDuration::from_mins(9));
    assert!(school.app.signed_in(&me.token).await.unwrap().is_some());
    school.clock.forward(SignedDuration::from_mins(11));
    assert!(school.app.signed_in(&me.token).await.unwrap().is_none());
}
