//! Signing in and out (ACC-11, MON-02).

use std::net::IpAddr;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use pharos_access::Actor;
use pharos_school::Who;
use pharos_testkit::school::SampleSchool;

use crate::browser::{Browser, FRONT, OWN, PASSWORD, code};

/// A wrong password, a wrong name and a right one: one sentence for everything wrong.
#[tokio::test]
async fn acc_11_a_wrong_name_reads_like_a_wrong_password() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    assert_eq!(browser.get("/").await.location(), "/sign-in?to=/");
    browser.sign_in(&school, "wren.osei").await;
    browser.post("/sign-out", &[]).await;
    let wrong = browser
        .post(
            "/sign-in",
            &[("name", "wren.osei"), ("password", "not it at all")],
        )
        .await;
    let nobody = browser
        .post(
            "/sign-in",
            &[("name", "nobody.here"), ("password", "not it at all")],
        )
        .await;
    for page in [&wrong, &nobody] {
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            page.text
                .contains("The name and password do not fit together.")
        );
        assert!(!page.text.contains("not it at all"));
    }
    assert_eq!(browser.get("/").await.location(), "/sign-in?to=/");
}

/// ACC-11: after five wrong tries there is a wait, said in seconds.
#[tokio::test]
async fn acc_11_guessing_has_to_wait() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    for _ in 0..5 {
        let page = browser
            .post("/sign-in", &[("name", "wren.osei"), ("password", "guess")])
            .await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let page = browser
        .post("/sign-in", &[("name", "wren.osei"), ("password", "guess")])
        .await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.text.contains("Too many tries. Wait"));
}

/// ACC-11: the lead's role opens nothing until a second factor is set up, and asks for it afterwards.
#[tokio::test]
async fn acc_11_the_lead_sets_up_a_second_factor_and_is_asked_for_it() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    let lead = school.person("ruth.okafor").await;
    school
        .app
        .set_sample_passwords(&Actor::system("operator"), &[lead.id], PASSWORD)
        .await
        .unwrap();
    browser
        .post(
            "/sign-in",
            &[("name", "ruth.okafor"), ("password", PASSWORD)],
        )
        .await;
    assert_eq!(
        browser.get("/audit").await.location(),
        "/account/second-factor"
    );
    let page = browser.get("/account/second-factor").await;
    assert!(page.text.contains("<svg"), "the QR code is in the page");
    let secret = page.value_of("secret").to_owned();
    let wrong = browser
        .post(
            "/account/second-factor",
            &[("secret", &secret), ("code", "000000")],
        )
        .await;
    assert!(wrong.text.contains("That code does not fit."));
    assert_eq!(
        wrong.value_of("secret"),
        secret,
        "the same key again, so that the app need not be set up twice"
    );
    browser
        .post(
            "/account/second-factor",
            &[
                ("secret", &secret),
                ("password", PASSWORD),
                ("code", &code(&secret, school.app.now())),
            ],
        )
        .await;
    assert_eq!(browser.get("/audit").await.status, StatusCode::OK);

    browser.post("/sign-out", &[]).await;
    school.clock.forward(jiff::SignedDuration::from_mins(2));
    let page = browser
        .post(
            "/sign-in",
            &[("name", "ruth.okafor"), ("password", PASSWORD)],
        )
        .await;
    assert!(page.text.contains("Six digits from the authenticator app"));
    assert!(
        !page.text.contains(PASSWORD) && !page.text.contains("name=\"password\""),
        "the password does not come back"
    );
    let half = page.value_of("half").to_owned();
    assert_eq!(
        browser.get("/audit").await.location(),
        "/sign-in?to=/audit",
        "half a sign-in opens nothing"
    );
    let wrong = browser
        .post("/sign-in", &[("half", &half), ("code", "000000")])
        .await;
    assert!(wrong.text.contains("The code is not right"));
    assert_eq!(wrong.value_of("half"), half);
    let code = code(&secret, school.app.now());
    let page = browser
        .post(
            "/sign-in",
            &[("half", &half), ("code", &code), ("to", "/audit")],
        )
        .await;
    assert_eq!(page.location(), "/audit");
    assert_eq!(browser.get("/audit").await.status, StatusCode::OK);
}

/// ACC-11: half a sign-in lasts five minutes, and is used up by a whole one.
#[tokio::test]
async fn acc_11_half_a_sign_in_does_not_last() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "kofi.adeyemi").await;
    let page = browser.get("/account/second-factor").await;
    let secret = page.value_of("secret").to_owned();
    let confirmed = browser
        .post(
            "/account/second-factor",
            &[
                ("secret", &secret),
                ("password", PASSWORD),
                ("code", &code(&secret, school.app.now())),
            ],
        )
        .await;
    assert_eq!(
        confirmed.location(),
        "/?done=second-factor",
        "whoever has passed the old one may set up a new one"
    );
    browser.post("/sign-out", &[]).await;

    let half = async |browser: &mut Browser| {
        let name = [("name", "kofi.adeyemi"), ("password", PASSWORD)];
        let page = browser.post("/sign-in", &name).await;
        page.value_of("half").to_owned()
    };
    let late = half(&mut browser).await;
    school.clock.forward(jiff::SignedDuration::from_mins(6));
    let shown = code(&secret, school.app.now());
    let page = browser
        .post("/sign-in", &[("half", &late), ("code", &shown)])
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("Sign in again from the start"));

    let fresh = half(&mut browser).await;
    let page = browser
        .post("/sign-in", &[("half", &fresh), ("code", &shown)])
        .await;
    assert_eq!(page.location(), "/");
    browser.post("/sign-out", &[]).await;
    school.clock.forward(jiff::SignedDuration::from_mins(1));
    let shown = code(&secret, school.app.now());
    let page = browser
        .post("/sign-in", &[("half", &fresh), ("code", &shown)])
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// A password is changed with the old one, and the new one must be long.
#[tokio::test]
async fn one_changes_ones_own_password() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "wren.osei").await;
    let short = browser
        .post("/account/password", &[("old", PASSWORD), ("new", "short")])
        .await;
    assert!(short.text.contains("Use at least 12 characters."));
    let done = browser
        .post(
            "/account/password",
            &[("old", PASSWORD), ("new", "three pale boats")],
        )
        .await;
    assert_eq!(done.location(), "/?done=password");
    browser.post("/sign-out", &[]).await;
    assert_eq!(
        browser
            .post(
                "/sign-in",
                &[("name", "wren.osei"), ("password", "three pale boats")]
            )
            .await
            .status,
        StatusCode::SEE_OTHER
    );
}

/// MON-02: the sign-in page names the device, surely and for a limited time; sign-out forgets it.
#[tokio::test]
async fn mon_02_the_device_page_names_the_device_until_sign_out() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    let pupil = school.person("wren.osei").await;
    school
        .app
        .set_sample_passwords(&Actor::system("operator"), &[pupil.id], PASSWORD)
        .await
        .unwrap();
    let at = [10, 0, 3, 4].into();
    let who = || {
        school
            .app
            .filter()
            .addresses()
            .identify(at, school.app.now())
    };
    assert_eq!(who().person(), None);
    let page = browser
        .post(
            "/device/sign-in",
            &[("name", "wren.osei"), ("password", PASSWORD)],
        )
        .await;
    assert_eq!(page.location(), "/device/sign-in?done=device");
    assert_eq!(who().person(), Some(pupil.id));
    school.clock.forward(jiff::SignedDuration::from_hours(5));
    assert!(matches!(who(), Who::Unknown { .. }));
    browser.post("/device/sign-out", &[]).await;
    assert_eq!(who().person(), None);
}

/// MON-02, ACC-11: behind a web server the device page names the device, not that server; wrong
/// passwords there make that device wait and nobody else.
#[tokio::test]
async fn mon_02_a_web_server_in_front_is_not_the_device() {
    let school = SampleSchool::open().await;
    let pupil = school.person("wren.osei").await;
    school
        .app
        .set_sample_passwords(&Actor::system("operator"), &[pupil.id], PASSWORD)
        .await
        .unwrap();
    let named = |at: IpAddr| {
        school
            .app
            .filter()
            .addresses()
            .identify(at, school.app.now())
            .person()
    };
    let right = [("name", "wren.osei"), ("password", PASSWORD)];
    let device = IpAddr::from([10, 0, 3, 4]);

    // What a client puts there itself stands further left, and is not believed.
    let mut browser = Browser::behind(&school, "10.0.3.9, 10.0.3.4");
    let page = browser.post("/device/sign-in", &right).await;
    assert_eq!(page.location(), "/device/sign-in?done=device");
    assert_eq!(named(device), Some(pupil.id));
    assert_eq!(named(FRONT), None);
    assert_eq!(named([10, 0, 3, 9].into()), None);
    browser.post("/device/sign-out", &[]).await;
    assert_eq!(named(device), None);

    let mut guesser = Browser::behind(&school, "10.0.3.66");
    for n in 0..6 {
        let name = format!("nobody.{n}");
        let wrong = [("name", name.as_str()), ("password", "not this one")];
        let page = guesser.post("/device/sign-in", &wrong).await;
        let wanted = match n {
            0..5 => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::TOO_MANY_REQUESTS,
        };
        assert_eq!(page.status, wanted, "{n}: {}", page.text);
    }
    let page = browser.post("/device/sign-in", &right).await;
    assert_eq!(page.location(), "/device/sign-in?done=device");
}

/// MON-02: whoever reaches the device page through the filter's own proxy is told so, and the proxy
/// is not named as somebody's device.
#[tokio::test]
async fn mon_02_the_proxy_is_nobodys_device() {
    let school = SampleSchool::open().await;
    let pupil = school.person("wren.osei").await;
    school
        .app
        .set_sample_passwords(&Actor::system("operator"), &[pupil.id], PASSWORD)
        .await
        .unwrap();
    let mut browser = Browser::behind(&school, &OWN.to_string());
    let right = [("name", "wren.osei"), ("password", PASSWORD)];
    let page = browser.post("/device/sign-in", &right).await;
    assert!(
        page.text.contains("through the filter&#39;s proxy")
            || page.text.contains("through the filter's proxy"),
        "{}",
        page.text
    );
    let who = school
        .app
        .filter()
        .addresses()
        .identify(OWN, school.app.now());
    assert_eq!(who.person(), None);
}

/// The session cookie cannot be read by scripts, and goes at sign-out.
#[tokio::test]
async fn the_session_cookie_is_kept_from_scripts() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    let pupil = school.person("wren.osei").await;
    school
        .app
        .set_sample_passwords(&Actor::system("operator"), &[pupil.id], PASSWORD)
        .await
        .unwrap();
    let body = format!("name=wren.osei&password={PASSWORD}");
    let request = Request::post("/sign-in")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap();
    let page = browser.send(request).await;
    let cookie = page
        .headers
        .get(header::SET_COOKIE)
        .unwrap()
        .to_str()
        .unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
        "{cookie}"
    );
    let out = browser.post("/sign-out", &[]).await;
    assert!(
        out.headers
            .get(header::SET_COOKIE)
            .unwrap()
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
}
