//! Which pages there are, by the route table and by the links on them.

use std::collections::BTreeSet;

use pharos_web::{CASE_FORMS, ROUTES};

use crate::support::browser::Browser;
use crate::support::server::Server;

/// Routes that give files, not pages.
pub(super) fn is_page(path: &str) -> bool {
    !["/assets/", "/ca.", "/proxy.pac", "/csv", "/pdf"]
        .iter()
        .any(|part| path.contains(part))
}

/// Pages whose lists lead to others.
const LISTS: [&str; 14] = [
    "/inbox",
    "/cases",
    "/requests",
    "/changes",
    "/settings/pack",
    "/policy",
    "/checks",
    "/network",
    "/people",
    "/reports",
    "/weeks",
    "/attempts",
    "/what-to-do",
    "/",
];

/// Cases that are looked at, in different states: fresh, in hand, worked to their end.
const CASES: usize = 4;

fn links(browser: &Browser) -> Vec<String> {
    let found = browser.run("return [...document.querySelectorAll('main a[href^=\"/\"]')].map(a => a.getAttribute('href'))", Vec::new());
    let found = found.as_array().unwrap().iter();
    found
        .map(|link| link.as_str().unwrap().to_owned())
        .collect()
}

/// The addresses to try: every page of the table, with what stands behind `{…}` taken from links
/// on the pages before it.
pub(super) fn paths(browser: &Browser, server: &Server, reference: &str) -> Vec<String> {
    let mut known = BTreeSet::new();
    for list in LISTS {
        browser.go(&server.page(list));
        known.extend(links(browser));
    }
    let cases: Vec<String> = known
        .iter()
        .filter(|link| route_of(link) == "/cases/{id}")
        .take(CASES)
        .cloned()
        .collect();
    for case in &cases {
        browser.go(&server.page(case));
        known.extend(links(browser));
    }
    let audits: Vec<String> = known
        .iter()
        .filter(|link| route_of(link) == "/attempts/{from}")
        .cloned()
        .collect();
    for audit in &audits {
        browser.go(&server.page(audit));
        known.extend(links(browser));
    }
    browser.go(&server.page("/people"));
    if browser.has("main [name='words']") {
        browser.write("words", "Quill");
        browser.click("main form[action='/people'] button");
        known.extend(links(browser));
    }
    let mut paths = vec!["/report/received/7".to_owned()];
    for route in ROUTES {
        if route.method != "GET" || !is_page(route.path) {
            continue;
        }
        let path = route.path.replace("{reference}", reference);
        if !path.contains('{') {
            paths.push(path);
            continue;
        }
        // A few of each kind: the first may be one that this person may not open.
        let fits = known.iter().filter(|link| route_of(link) == route.path);
        paths.extend(fits.take(CASES).cloned());
        if path.ends_with("/emergency") {
            paths.extend(cases.first().map(|case| format!("{case}/emergency")));
        }
    }
    for form in CASE_FORMS {
        paths.extend(case_form(&known, &cases, form));
    }
    paths
}

/// A form of a case: where a step or an entry leads to it, as that one's; else as it stands.
fn case_form(known: &BTreeSet<String>, cases: &[String], form: &str) -> Option<String> {
    let wanted = format!("/do/{form}");
    let linked = known.iter().find(|link| {
        link.split('?')
            .next()
            .is_some_and(|bare| bare.ends_with(&wanted))
    });
    linked
        .cloned()
        .or_else(|| cases.first().map(|case| format!("{case}{wanted}")))
}

/// What counts as one page: a row of the table; of cases, each form and each of a few cases.
pub(super) fn page_of(path: &str) -> String {
    let bare = path.split(['?', '#']).next().unwrap_or(path);
    match route_of(path).as_str() {
        "/cases/{id}/do/{what}" => bare
            .rsplit('/')
            .next()
            .map_or_else(String::new, |form| format!("do/{form}")),
        "/cases/{id}" => bare.to_owned(),
        route => route.to_owned(),
    }
}

/// The pages that somebody ought to have been able to open and nobody could.
pub(super) fn missed(seen: &BTreeSet<String>) -> Vec<String> {
    let rows = ROUTES
        .iter()
        .filter(|route| route.method == "GET" && is_page(route.path))
        .map(|route| route.path.to_owned())
        .filter(|path| !path.contains("/cases/{id}/do/") && path != "/cases/{id}");
    let forms = CASE_FORMS.iter().map(|form| format!("do/{form}"));
    rows.chain(forms)
        .filter(|page| !seen.contains(page))
        .collect()
}

/// The row of the table that an address belongs to.
fn route_of(path: &str) -> String {
    let bare = path.split(['?', '#']).next().unwrap_or(path);
    let parts: Vec<&str> = bare.split('/').collect();
    let fits = |route: &str| {
        let wanted: Vec<&str> = route.split('/').collect();
        wanted.len() == parts.len()
            && wanted
                .iter()
                .zip(&parts)
                .all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
    };
    let exact = ROUTES
        .iter()
        .find(|route| route.method == "GET" && route.path == bare);
    exact
        .or_else(|| {
            ROUTES
                .iter()
                .find(|route| route.method == "GET" && fits(route.path))
        })
        .map_or_else(|| bare.to_owned(), |route| route.path.to_owned())
}

/// Whether this person gets the page, and not a refusal or a redirect.
pub(super) fn opens(browser: &Browser, server: &Server, path: &str) -> bool {
    browser.go(&server.page(path));
    let status = browser.run("const it = performance.getEntriesByType('navigation')[0]; return it ? it.responseStatus : 0", Vec::new());
    let here = path.split(['?', '#']).next().unwrap_or(path);
    status == 200 && browser.path() == here
}

/// A name for pictures and problems.
pub(super) fn name(path: &str, person: Option<&str>) -> String {
    let bare = path.split(['?', '#']).next().unwrap_or(path);
    let words: Vec<&str> = bare
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| if part.len() > 20 { "one" } else { part })
        .collect();
    let place = if words.is_empty() {
        "home".to_owned()
    } else {
        words.join("-")
    };
    format!(
        "{place}-{}",
        person.map_or("nobody", |person| person
            .split('.')
            .next()
            .unwrap_or(person))
    )
}
