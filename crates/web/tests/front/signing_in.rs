//! Signing in and out (ACC-11, MON-02).

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use pharos_access::Actor;
use pharos_school::Who;
use pharos_testkit::school::SampleSchool;

use crate::browser::{Browser, PASSWORD, code};

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
    let code = code(&secret, school.app.now());
    let page = browser
        .post(
            "/sign-in",
            &[
                ("name", "ruth.okafor"),
                ("password", PASSWORD),
                ("asked", "yes"),
                ("code", &code),
                ("to", "/audit"),
            ],
        )
        .await;
    assert_eq!(page.location(), "/audit");
    assert_eq!(browser.get("/audit").await.status, StatusCode::OK);
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
