//! Signing in.

use std::net::IpAddr;

use jiff::SignedDuration;
use pharos_school::Role;
use pharos_service::{Error, SignInOutcome, SignedIn, current_code};
use pharos_testkit::school::SampleSchool;
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
        SignInOutcome::NeedsCode => panic!("a code is asked for"),
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

    let enrolment = school.app.begin_enrolment(&weak).unwrap();
    let secret = Secret::try_from_base32(&enrolment.secret).unwrap();
    let code = current_code(secret.as_ref(), school.app.now()).unwrap();
    let wrong = if code == "000000" { "111111" } else { "000000" };
    assert!(
        school
            .app
            .confirm_enrolment(&weak, &enrolment.secret, wrong)
            .await
            .is_err()
    );
    school
        .app
        .confirm_enrolment(&weak, &enrolment.secret, &code)
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
    assert!(matches!(half, SignInOutcome::NeedsCode));
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

/// ACC-11: a session ends when it is not used for `acc.idle_minutes`.
#[tokio::test]
async fn acc_11_an_idle_session_ends() {
    let school = with_password("ines.castellano").await;
    let me = enters(&school, "ines.castellano", None).await;
    school.clock.forward(SignedDuration::from_mins(9));
    assert!(school.app.signed_in(&me.token).await.unwrap().is_some());
    school.clock.forward(SignedDuration::from_mins(11));
    assert!(school.app.signed_in(&me.token).await.unwrap().is_none());
}
