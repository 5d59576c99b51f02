//! Who is behind a request.

use pharos_proxy::SignInMode;
use pharos_school::{Confidence, IdentitySource, Unknown, Who};
use pharos_testkit::origin::{Origin, Reply, TestCa};
use pharos_testkit::tools::have;

use crate::support::{ADA, School, TESS, person, text};

/// MON-02: traffic of a device without a sign-in is recorded as nobody's, with the reason.
#[tokio::test]
async fn mon_02_nobody_is_recorded_as_nobody() {
    let origin = Origin::http(|_| Reply::page("open")).await;
    let school = School::open(&[("harbour.test", &origin)]);
    school.get("http://harbour.test/", "").await;
    let event = school.events(1).await.remove(0);
    assert!(matches!(
        event.who,
        Who::Unknown {
            why: Unknown::NoSignIn,
            ..
        }
    ));
}

/// MON-02, FIL-17: an unknown user gets the strictest policy, a known adult their own.
#[tokio::test]
async fn fil_17_an_unknown_user_gets_the_strictest_policy() {
    let origin = Origin::http(|_| Reply::page("games")).await;
    let school = School::open(&[("games.test", &origin)]);
    assert!(
        school
            .get("http://games.test/", "")
            .await
            .starts_with("HTTP/1.1 403 ")
    );
    school.sign_in(TESS);
    assert!(
        school
            .get("http://games.test/", "")
            .await
            .ends_with("games")
    );
}

/// MON-02: with sign-in required, real curl is asked (407), let in with the right password, and
/// named with certainty; a wrong password lets nobody in.
#[tokio::test]
async fn mon_02_curl_signs_in_over_the_proxy() {
    if !have(&["curl"]) {
        return;
    }
    let origin = Origin::http(|_| Reply::page("open")).await;
    let school = School::with(&[("harbour.test", &origin)], TestCa::new(), |config| {
        config.sign_in = SignInMode::Required
    });
    let status = [
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        "http://harbour.test/",
    ];
    assert_eq!(text(&school.curl(&status).await), "407");
    let wrong = [&["--proxy-user", "ada:wrong"][..], &status].concat();
    assert_eq!(text(&school.curl(&wrong).await), "407");
    let right = school
        .curl(&["--proxy-user", "ada:harbour light", "http://harbour.test/"])
        .await;
    assert_eq!(text(&right), "open");
    let event = school.events(1).await.remove(0);
    assert_eq!(
        event.who,
        Who::Known {
            person: person(ADA),
            source: IdentitySource::ProxySignIn,
            confidence: Confidence::Certain,
            device: None
        }
    );
    assert_eq!(origin.asked().len(), 1);
    assert_eq!(origin.asked()[0].header("proxy-authorization"), None);
}

/// MON-02: the sign-in of a tunnel holds for the requests inside it.
#[tokio::test]
async fn mon_02_a_sign_in_holds_inside_the_tunnel() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = Origin::https(
        ca.server(&["harbour.test"], pharos_testkit::origin::Validity::Now),
        |_| Reply::page("safe"),
    )
    .await;
    let school = School::with(&[("harbour.test", &origin)], ca, |config| {
        config.sign_in = SignInMode::Required
    });
    let answer = school
        .curl(&[
            "--proxy-user",
            "tess:harbour light",
            "https://harbour.test/",
        ])
        .await;
    assert_eq!(text(&answer), "safe", "{answer:?}");
    assert_eq!(school.events(1).await[0].who.person(), Some(person(TESS)));
    let refused = school
        .curl(&[
            "https://harbour.test/",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_connect}",
        ])
        .await;
    assert_eq!(text(&refused), "407");
}

/// A device that somebody signed in on by the sign-in page is not asked again by the proxy.
#[tokio::test]
async fn mon_02_a_mapped_device_is_not_asked_again() {
    let origin = Origin::http(|_| Reply::page("open")).await;
    let school = School::with(&[("harbour.test", &origin)], TestCa::new(), |config| {
        config.sign_in = SignInMode::Required
    });
    assert!(
        school
            .get("http://harbour.test/", "")
            .await
            .starts_with("HTTP/1.1 407 ")
    );
    school.sign_in(ADA);
    assert!(
        school
            .get("http://harbour.test/", "")
            .await
            .ends_with("open")
    );
}
