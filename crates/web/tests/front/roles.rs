//! ROLE-02: every route as every role.

use std::fmt::Write;
use std::path::Path;

use axum::http::StatusCode;
use pharos_testkit::school::SampleSchool;
use pharos_web::{ROUTES, WhoMay};

use crate::browser::Browser;

/// One person for each kind of visitor.
const PEOPLE: &[(&str, &str)] = &[
    ("pupil", "wren.osei"),
    ("parent", "abena.osei"),
    ("teacher", "hana.yilmaz"),
    ("technical", "kofi.adeyemi"),
    ("lead", "ruth.okafor"),
    ("deputy", "tomas.brandt"),
    ("head", "helen.lindqvist"),
    ("governor", "mirela.dobre"),
    ("chair", "joseph.whitlock"),
    ("visitor", "front.hall"),
];

/// ROLE-02: what the table of routes says is what happens, for everybody and for nobody; the whole
/// table is kept as text beside this test. To accept a change: `ACCEPT_ROUTES=1 cargo test -p pharos-web`.
#[tokio::test]
async fn role_02_every_route_as_every_role() {
    let school = SampleSchool::open().await;
    let mut browsers = vec![("nobody", None, Browser::at(&school))];
    for (number, (role, username)) in PEOPLE.iter().enumerate() {
        let mut browser = Browser::from(&school, [10, 0, 9, u8::try_from(number).unwrap()].into());
        browser.sign_in(&school, username).await;
        browsers.push((role, Some(school.at_work(username).await.actor), browser));
    }
    let mut table = String::from("method path");
    for (role, _, _) in &browsers {
        write!(table, " {role}").unwrap();
    }
    table.push('\n');
    for route in ROUTES.iter().filter(|route| route.path != "/sign-out") {
        write!(table, "{} {}", route.method, route.path).unwrap();
        for (role, actor, browser) in &mut browsers {
            let path = route
                .path
                .replace("{file}", "pharos.css")
                .replace("{reference}", "AAAA")
                .replace("{id}", "00000000-0000-0000-0000-000000000000");
            let path = path
                .replace("{entry}", "00000000-0000-0000-0000-000000000000")
                .replace(['{', '}'], "");
            let page = match route.method {
                "GET" => browser.get(&path).await,
                _ if UPLOADS.contains(&route.path) => {
                    browser.upload(&path, "x.csv", b"", &[]).await
                }
                _ => browser.post(&path, &[]).await,
            };
            write!(table, " {}", page.status.as_u16()).unwrap();
            let may = match (route.who, &actor) {
                (WhoMay::Anyone, _) | (WhoMay::SignedIn, Some(_)) => true,
                (WhoMay::May(act), Some(actor)) => school.app.could(actor, act),
                (_, None) => false,
            };
            let refused = match actor {
                None => page.location().starts_with("/sign-in"),
                Some(_) => {
                    page.status == StatusCode::FORBIDDEN || page.status == StatusCode::NOT_FOUND
                }
            };
            assert!(
                may || refused,
                "{role} must not {} {}: {}",
                route.method,
                route.path,
                page.status
            );
            assert!(
                !may || page.status != StatusCode::FORBIDDEN,
                "{role} may {} {}: {}",
                route.method,
                route.path,
                page.status
            );
            assert!(
                !page.status.is_server_error(),
                "{role} {} {}: {}",
                route.method,
                route.path,
                page.status
            );
        }
        table.push('\n');
    }
    let kept = Path::new("tests/front/routes.txt");
    if std::env::var_os("ACCEPT_ROUTES").is_some() {
        std::fs::write(kept, &table).unwrap();
    }
    assert_eq!(
        table,
        std::fs::read_to_string(kept).unwrap_or_default(),
        "routes or rights changed: look, then accept with ACCEPT_ROUTES=1"
    );
}

/// Routes that take files.
const UPLOADS: &[&str] = &["/people/import", "/settings/pack"];
