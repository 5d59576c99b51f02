//! Browsers that the policy does not permit, and the stores of what is added to them (FIL-16,
//! FIL-19).

use std::net::{IpAddr, Ipv4Addr};

use pharos_policy::spec::{BrowsersSpec, ClosedSpec, FileBlockSpec};
use pharos_policy::{Browser, FileKind};
use pharos_testkit::origin::{Origin, Reply, TestCa, Validity};
use pharos_testkit::tools::have;

use crate::support::{ADA, School, TESS, snapshot_with, text};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const OPERA: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0";
const WHALE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Whale/4.33 Safari/537.36";

/// Pupils may use Firefox alone, and staff are noticed.
fn strict(school: &School) {
    school.filter.install(snapshot_with(|spec| {
        spec.browsers = BrowsersSpec {
            permitted: vec![Browser::Firefox],
            block_others: vec![ClosedSpec {
                groups: vec!["pupils".to_owned()],
                ..ClosedSpec::default()
            }],
            close_stores: vec![ClosedSpec {
                groups: vec!["pupils".to_owned()],
                ..ClosedSpec::default()
            }],
            extensions: vec!["calm-reader".to_owned()],
        };
        spec.downloads.block = vec![FileBlockSpec {
            groups: vec!["pupils".to_owned()],
            except: vec![],
            kinds: vec![FileKind::Extensions],
        }];
    }));
}

fn headers(agent: &str) -> String {
    format!("Accept: text/html\r\nUser-Agent: {agent}\r\n")
}

/// FIL-16: a browser that is not permitted is noticed with its device, and blocked for pupils with
/// words that say why; a permitted one and a program that is no browser pass unnoticed.
#[tokio::test]
async fn fil_16_a_browser_that_is_not_permitted_is_noticed_and_blocked() {
    let origin = Origin::http(|_| Reply::page("calm sea")).await;
    let school = School::open(&[("harbour.test", &origin)]);
    let get = async |agent: &str| school.get("http://harbour.test/", &headers(agent)).await;
    assert!(get(OPERA).await.contains("calm sea"), "any may be used");
    assert!(school.strangers().is_empty());
    strict(&school);
    school.sign_in(ADA);
    for agent in [FIREFOX, "curl/8.14.1"] {
        assert!(get(agent).await.contains("calm sea"), "{agent}");
    }
    assert!(school.strangers().is_empty());
    let page = get(OPERA).await;
    assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    assert!(page.contains("This browser may not be used here"), "{page}");
    assert!(!page.contains("calm sea"), "{page}");
    let event = school.events(4).await.pop().unwrap();
    assert_eq!(
        (event.action, &*event.rule),
        ("block", "fil.browsers (opera)")
    );
    school.sign_in(TESS);
    assert!(get(WHALE).await.contains("calm sea"), "noticed alone");
    let noticed = school.strangers();
    let told: Vec<_> = noticed
        .iter()
        .map(|one| (one.browser, &*one.token, one.requests, one.blocked))
        .collect();
    assert_eq!(
        told,
        [
            (Browser::Other, "Whale", 1, 0),
            (Browser::Opera, "OPR", 1, 1)
        ]
    );
    let device = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert!(noticed.iter().all(|one| one.devices == [device]));
}

/// FIL-16: the same inside a connection that is looked into, by HTTP/1.1 and HTTP/2; one that is
/// never looked into tells nothing.
#[tokio::test]
async fn fil_16_browsers_are_noticed_inside_encrypted_connections() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let names = ["harbour.test", "bank.test"];
    let origin = Origin::https(ca.server(&names, Validity::Now), |_| {
        Reply::page("calm sea")
    })
    .await;
    let school = School::with(
        &[("harbour.test", &origin), ("bank.test", &origin)],
        ca,
        |_| {},
    );
    strict(&school);
    school.sign_in(ADA);
    for version in ["--http1.1", "--http2"] {
        let asked = ["--user-agent", OPERA, version, "https://harbour.test/"];
        let page = text(&school.curl(&asked).await);
        assert!(page.contains("This browser may not be used here"), "{page}");
    }
    assert_eq!(school.strangers()[0].blocked, 2);
    let asked = ["--user-agent", OPERA, "--insecure", "https://bank.test/"];
    let page = text(&school.curl(&asked).await);
    assert!(page.contains("calm sea"), "{page}");
    assert_eq!(school.strangers()[0].requests, 2);
}

/// FIL-19: a store of extensions is closed to a pupil with words that say who adds them; a teacher
/// reaches it.
#[tokio::test]
async fn fil_19_a_store_of_extensions_is_closed_to_pupils() {
    let origin = Origin::http(|_| Reply::page("extensions")).await;
    let school = School::open(&[("addons.mozilla.org", &origin)]);
    strict(&school);
    let get = async || {
        school
            .get("http://addons.mozilla.org/", "Accept: text/html\r\n")
            .await
    };
    school.sign_in(ADA);
    let page = get().await;
    assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    assert!(page.contains("through the network team"), "{page}");
    let event = school.events(1).await.pop().unwrap();
    assert_eq!(&*event.rule, "fil.extension_stores");
    school.sign_in(TESS);
    assert!(get().await.contains("extensions"));
}

/// FIL-19: an extension that the school installs is fetched by its own address from the store that is
/// closed otherwise, and from where the store leads to from there; no other number, page or name is open,
/// and the file of another extension stays a download that pupils may not have.
#[tokio::test]
async fn fil_19_an_extension_of_the_school_comes_through_and_nothing_else() {
    let origin = Origin::http(|asked| match asked.target() {
        target if target.starts_with("/firefox/downloads/latest/") => Reply::Page {
            status: "302 Found",
            headers: vec![(
                "Location".into(),
                "http://addons.mozilla.org/firefox/downloads/file/4391011/calm_reader-1.2.xpi"
                    .into(),
            )],
            body: Vec::new(),
        },
        _ => Reply::Page {
            status: "200 OK",
            headers: vec![("Content-Type".into(), "application/x-xpinstall".into())],
            body: b"PK\x03\x04an extension".to_vec(),
        },
    })
    .await;
    let school = School::open(&[("addons.mozilla.org", &origin)]);
    strict(&school);
    let get = async |path: &str| {
        let address = format!("http://addons.mozilla.org{path}");
        school.get(&address, "Accept: */*\r\n").await
    };
    let is_blocked = async |path: &str| get(path).await.starts_with("HTTP/1.1 403 ");
    let file = "/firefox/downloads/file/4391011/calm_reader-1.2.xpi";
    school.sign_in(ADA);
    assert!(is_blocked(file).await, "nothing has led there yet");
    assert!(is_blocked("/firefox/downloads/latest/way-round/latest.xpi").await);
    assert!(is_blocked(file).await, "nor has another extension");
    let led = get("/firefox/downloads/latest/calm-reader/latest.xpi").await;
    assert!(led.starts_with("HTTP/1.1 302 "), "{led}");
    let found = get(file).await;
    assert!(found.contains("an extension"), "{found}");
    // The number alone says which file it is, whatever is written behind it.
    for other in [
        "/firefox/downloads/file/4391012/calm_reader-1.2.xpi",
        "/firefox/addon/calm-reader/",
        "/",
    ] {
        assert!(is_blocked(other).await, "{other}");
    }
    let events = school.events(8).await;
    let passed = events.iter().filter(|event| event.action == "allow");
    let paths: Vec<_> = passed.filter_map(|event| event.path.as_deref()).collect();
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert!(
        paths.contains(&file),
        "the event has the address that was asked for"
    );
}
