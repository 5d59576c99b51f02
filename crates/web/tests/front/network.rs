//! The pages for whoever keeps the network.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::StatusCode;
use pharos_filter::TokenDigest;
use pharos_records::LedgerFilter;
use pharos_service::{
    AskBrowsers, AskRunning, Count, FaceStatus, Faces, Running, StrangeBrowser, UpstreamStatus,
};
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

fn running() -> Running {
    let count = |says: &str, value, is_odd| Count {
        says: says.to_owned(),
        value,
        is_odd,
    };
    Running {
        faces: vec![
            FaceStatus {
                name: "Resolver",
                at: vec!["10.0.0.2:53".to_owned()],
                counts: vec![
                    count("Questions over UDP", 1_234, false),
                    count(
                        "Questions beyond what one device may ask: a flood",
                        56,
                        true,
                    ),
                ],
            },
            FaceStatus {
                name: "Syslog",
                at: Vec::new(),
                counts: Vec::new(),
            },
        ],
        upstreams: vec![UpstreamStatus {
            name: "192.0.2.53:53".to_owned(),
            is_down: true,
            failures: 9,
        }],
        doh: Some("https://dns.harbourmouth.sch.example:8443".to_owned()),
        ..Running::default()
    }
}

/// FIL-17: the status page shows faces, figures and what is wrong, to those who keep the network; no
/// pupil is named on it.
#[tokio::test]
async fn fil_17_the_status_page_says_how_pharos_is_doing() {
    let school = SampleSchool::open().await;
    school.visit("ada.quill", "gambling.pharos.test/").await;
    school.app.tell_running(AskRunning(Arc::new(running)));
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "kofi.adeyemi").await;
    let page = browser.get("/network/status").await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "No resolver outside answers",
        "10.0.0.2:53",
        "1,234",
        "a flood",
        "192.0.2.53:53",
        "does not answer: 9 tries",
        "never checked",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    for name in ["Ada", "Quill", "ada.quill"] {
        assert!(!page.text.contains(name), "{name}");
    }
    let mut teacher = Browser::at(&school);
    teacher.sign_in(&school, "hana.yilmaz").await;
    let page = teacher.get("/network/status").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

/// FIL-15, FIL-20: the page of the network shows, class by class, what the filter is for, which face meets it
/// here and what is missing; the limits and the living policy say the same.
#[tokio::test]
async fn fil_15_the_page_shows_what_the_filter_is_for() {
    let school = SampleSchool::open().await;
    school.app.tell_faces(Faces {
        dns: true,
        dns_has_upstream: true,
        ..Faces::default()
    });
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "kofi.adeyemi").await;
    let page = browser.get("/network").await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "What the filter is for",
        "School devices away from school",
        "The resolver does not answer over HTTPS",
        "the resolver, by name",
        "not covered",
        "Own phones of staff with school mail",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let limits = browser.get("/limits").await.text;
    assert!(
        limits.contains("The resolver does not answer over HTTPS"),
        "{limits}"
    );
    let clause = browser.get("/policy/4.11").await;
    assert_eq!(clause.status, StatusCode::OK);
    assert!(clause.text.contains("At risk"), "{}", clause.text);
    assert!(
        clause.text.contains("What Pharos cannot see here"),
        "{}",
        clause.text
    );
}

/// FIL-15: a device away from school is given its own path on a page, which shows the whole address
/// once and never again; it can be prolonged and taken back there, by those who change settings.
#[tokio::test]
async fn fil_15_a_device_gets_its_own_path_on_a_page() {
    let school = SampleSchool::open().await;
    school.app.tell_running(AskRunning(Arc::new(running)));
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "kofi.adeyemi").await;
    let page = browser.get("/network/roaming").await;
    assert!(page.status == StatusCode::OK && page.text.contains("None yet"));
    let wrong = browser
        .post(
            "/network/roaming",
            &[("label", "Laptop 11"), ("user", "no.body"), ("days", "30")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("Nobody on the roll") && wrong.text.contains("Laptop 11"));
    let page = browser
        .post(
            "/network/roaming",
            &[
                ("label", "Laptop 11"),
                ("user", "ada.quill"),
                ("days", "30"),
            ],
        )
        .await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let start = "https://dns.harbourmouth.sch.example:8443/dns-query/";
    let (_, rest) = page.text.split_once(start).unwrap();
    let token: String = rest.chars().take(43).collect();
    let key: TokenDigest = digest(&SHA256, token.as_bytes())
        .as_ref()
        .try_into()
        .unwrap();
    let who = |school: &SampleSchool| {
        let now = school.app.now();
        school.app.filter().devices().identify(&key, now)
    };
    let ada = school.person("ada.quill").await;
    assert_eq!(who(&school).unwrap().person(), Some(ada.id));
    let page = browser.get("/network/roaming").await;
    assert!(page.text.contains("Laptop 11") && page.text.contains("Ada Quill"));
    assert!(!page.text.contains(&token), "shown once");

    let technician = school.at_work("kofi.adeyemi").await;
    let listed = school.app.roaming_devices(&technician.actor).await.unwrap();
    let id = listed[0].id.as_str();
    let change = |what, days| [("device", id), ("what", what), ("longer", days)];
    let path = "/network/roaming/change";
    let wrong = browser.post(path, &change("prolong", "9999")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = browser.post(path, &change("prolong", "200")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let longer = school.app.roaming_devices(&technician.actor).await.unwrap();
    assert!(longer[0].until > listed[0].until);
    let done = browser.post(path, &change("revoke", "")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(who(&school), None);

    // AUD-01: what was done on the page is in the audit log with who did it, and the secret is not.
    let filter = LedgerFilter {
        act: Some("setting.change".to_owned()),
        ..LedgerFilter::default()
    };
    let head = school.at_work("helen.lindqvist").await;
    let lines = school.app.ledger(&head.actor, &filter, 100).await.unwrap();
    let about = format!("setting:roaming.{id}");
    let own: Vec<_> = lines
        .iter()
        .filter(|entry| entry.line.subject == about)
        .collect();
    assert_eq!(own.len(), 3, "given, prolonged, taken back: {own:?}");
    for entry in own {
        let text = format!("{entry:?}");
        let who = technician.person.id.to_string();
        assert!(text.contains(&who), "{text}");
        assert!(
            !text.contains(&token) && !text.contains("Laptop 11"),
            "{text}"
        );
    }

    let mut pupil = Browser::at(&school);
    pupil.sign_in(&school, "hana.yilmaz").await;
    let page = pupil.get("/network/roaming").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

/// FIL-16: browsers that are not permitted stand on the page of the network with the devices they run
/// on, for those who keep it and nobody else; those of the self-check's users do not.
#[tokio::test]
async fn fil_16_strange_browsers_stand_on_the_network_page() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "kofi.adeyemi").await;
    let page = browser.get("/network").await;
    assert!(page.text.contains("None was noticed"), "{}", page.text);
    let last = school.app.now();
    school.app.tell_browsers(AskBrowsers(Arc::new(move || {
        let one = |kind, token: &str, devices: &[&str]| StrangeBrowser {
            kind,
            token: token.to_owned(),
            requests: 1_250,
            blocked: 7,
            devices: devices.iter().map(|ip| ip.parse().unwrap()).collect(),
            more_devices: devices.len() > 1,
            last,
        };
        vec![
            one("opera", "OPR", &["10.20.3.4", "10.20.3.5"]),
            one("other", "Whale", &["10.20.3.6"]),
            one("vivaldi", "Vivaldi", &["127.83.0.9"]),
        ]
    })));
    let page = browser.get("/network").await;
    for wanted in [
        "opera (OPR)",
        "10.20.3.4, 10.20.3.5, and others",
        "Whale",
        "1,250",
    ] {
        assert!(page.text.contains(wanted), "{wanted}: {}", page.text);
    }
    assert!(!page.text.contains("vivaldi"), "{}", page.text);
    let mut teacher = Browser::at(&school);
    teacher.sign_in(&school, "hana.yilmaz").await;
    let page = teacher.get("/network").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}
