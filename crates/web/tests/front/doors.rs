//! What every answer carries and every request must pass.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use pharos_testkit::school::SampleSchool;
use pharos_web::ProxyName;

use crate::browser::Browser;

/// A form sent from another site does nothing, whoever is signed in.
#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "wren.osei").await;
    let foreign = [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ];
    for (name, value) in foreign {
        let body = Body::from("address=example.org&purpose=history+lesson");
        let request = Request::post("/requests/new")
            .header(header::HOST, "pharos.harbourmouth.sch.example")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(name, value)
            .body(body)
            .unwrap();
        assert_eq!(
            browser.send(request).await.status,
            StatusCode::FORBIDDEN,
            "{name}"
        );
    }
    assert!(
        browser
            .get("/requests/mine")
            .await
            .text
            .contains("You have not asked for a site yet.")
    );
}

/// No script, no frame, no foreign style, nothing kept by the browser.
#[tokio::test]
async fn every_page_carries_a_strict_policy() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    for path in ["/sign-in", "/help", "/not/there", "/assets/pharos.css"] {
        let page = browser.get(path).await;
        let policy = page
            .headers
            .get(header::CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(
            policy.starts_with("default-src 'none';")
                && !policy.contains("script")
                && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(page.headers.get(header::X_FRAME_OPTIONS).unwrap(), "DENY");
        assert_eq!(
            page.headers.get(header::X_CONTENT_TYPE_OPTIONS).unwrap(),
            "nosniff"
        );
    }
    assert_eq!(
        browser
            .get("/help")
            .await
            .headers
            .get(header::CACHE_CONTROL)
            .unwrap(),
        "no-store"
    );
}

/// What the policy forbids must not be in the pages: they would look broken.
#[tokio::test]
async fn no_page_holds_a_script_or_a_style_of_its_own() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "ruth.okafor").await;
    for path in [
        "/",
        "/people",
        "/activity",
        "/explain",
        "/requests",
        "/settings",
        "/lists",
        "/audit",
        "/help",
        "/monitoring",
        "/connect",
        "/account/second-factor",
    ] {
        let text = browser.get(path).await.text;
        assert!(
            !text.contains("<script")
                && !text.contains("style=")
                && !text.contains("<style")
                && !text.contains(" onclick"),
            "{path}"
        );
        assert_eq!(
            text.matches("<h1").count(),
            1,
            "{path} has one main heading"
        );
        assert!(text.contains("lang=\"en-GB\""), "{path}");
    }
}

/// What devices need: certificate, set-up file, steps.
#[tokio::test]
async fn a_device_finds_what_it_needs_to_connect() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    let page = browser.get("/connect").await;
    assert!(
        page.text.contains("10.0.0.2:3128")
            && page.text.contains("AB:CD")
            && page.text.contains("Windows")
    );
    for (path, kind) in [
        ("/ca.crt", "application/x-x509-ca-cert"),
        ("/ca.pem", "application/x-pem-file"),
        ("/proxy.pac", "application/x-ns-proxy-autoconfig"),
    ] {
        let page = browser.get(path).await;
        assert_eq!(
            (
                page.status,
                page.headers
                    .get(header::CONTENT_TYPE)
                    .unwrap()
                    .to_str()
                    .unwrap()
            ),
            (StatusCode::OK, kind)
        );
    }
}

/// FIL-01: a device is told the proxy's public name; where the proxy listens on every address of the
/// machine, the name under which the device asked, and never that nothing-saying address.
#[test]
fn fil_01_a_proxy_on_every_address_is_told_by_the_name_asked_for() {
    let told = ProxyName::Told("proxy.school.example:3128".to_owned());
    assert_eq!(
        told.for_device(Some("10.0.0.2:8080")).as_deref(),
        Some("proxy.school.example:3128")
    );
    let every = ProxyName::AsAsked(3128);
    for (asked, expected) in [
        ("10.0.0.2:8080", Some("10.0.0.2:3128")),
        ("Pharos.School.example", Some("pharos.school.example:3128")),
        ("[2001:db8::2]:8080", Some("[2001:db8::2]:3128")),
        ("x\"; return \"DIRECT", None),
        ("", None),
    ] {
        assert_eq!(
            every.for_device(Some(asked)).as_deref(),
            expected,
            "{asked}"
        );
    }
    assert_eq!(every.for_device(None), None);
    assert_eq!(ProxyName::None.for_device(Some("10.0.0.2")), None);
}

/// FIL-13, FIL-20: help and the notice are there without signing in, with the honest limits.
#[tokio::test]
async fn fil_20_help_and_the_notice_are_open_to_everybody() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    let help = browser.get("/help").await.text;
    assert!(help.contains("Childline"), "{help}");
    assert!(
        browser
            .get("/monitoring")
            .await
            .text
            .contains("No filter can promise that everything harmful is stopped.")
    );
    assert!(browser.get("/licences").await.text.contains("MIT"));
}
