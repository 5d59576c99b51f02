//! Every page as each person sees it: on a desk and on a phone, for eyes, for keyboards and for
//! screen readers (VUL-07, ACC-11).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use pharos_web::{ROUTES, WhoMay};
use thirtyfour::Key;

use crate::support::browser::{Browser, Driver, TOOLS};
use crate::support::clients::{Session, curl};
use crate::support::server::{ADA, Server};
use crate::support::{find, have, left_out};

/// A desk and a phone, in CSS pixels.
const SIZES: [(&str, u32, u32); 2] = [("desk", 1280, 900), ("phone", 320, 800)];
/// The checker of accessibility, fetched from the package registry and never kept with the project.
const AXE: &str = "axe-core@4.14.1";
/// SHA-512 of that package: another one under the same number is not run.
const AXE_SHA512: &str = "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73\
    4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5";
/// What pages are held to.
const RULES: &str = r#"["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]"#;

/// Who looks at pages, in turn; a page is looked at by the first who may.
const PEOPLE: [Option<&str>; 6] = [
    None,
    Some("ruth.okafor"),
    Some("kofi.adeyemi"),
    Some("helen.lindqvist"),
    Some("mirela.dobre"),
    Some("ada.quill"),
];

/// VUL-07: every page of the route table, at 1280 and at 320 px: no violation of WCAG 2.2 AA that
/// axe can find, nothing that scrolls sideways, and its main button within reach of the tab key.
#[test]
fn vul_07_every_page_is_usable_by_everyone() {
    if !have(TOOLS) {
        return;
    }
    let axe = axe();
    let server = Server::sample();
    let reference = blocked_reference(&server);
    ask_for_a_site(&server, &reference);
    propose_an_opening(&server);
    let driver = Driver::start();
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for person in PEOPLE {
        let browser = driver.browser(None);
        browser.size(1280, 900);
        if let Some(person) = person {
            browser.sign_in(&server, person);
        }
        for path in paths(&browser, &server, &reference) {
            let route = route_of(&path);
            if seen.contains(&route) || !opens(&browser, &server, &path) {
                continue;
            }
            seen.insert(route);
            let look = Look {
                browser: &browser,
                axe: axe.as_deref(),
                name: name(&path, person),
            };
            problems.extend(look.at_all_sizes());
        }
    }
    block_pages(&driver, &server, axe.as_deref(), &mut problems);
    let missed: Vec<_> = ROUTES
        .iter()
        .filter(|route| route.method == "GET" && is_page(route.path))
        .filter(|route| !seen.contains(route.path))
        .map(|route| route.path)
        .collect();
    problems.extend(
        missed
            .iter()
            .map(|path| format!("{path}: nobody could open it")),
    );
    assert!(
        problems.is_empty(),
        "{} problems on {} pages:\n{}",
        problems.len(),
        seen.len(),
        problems.join("\n")
    );
}

/// Routes that give files, not pages.
fn is_page(path: &str) -> bool {
    !["/assets/", "/ca.", "/proxy.pac", "/csv", "/pdf"]
        .iter()
        .any(|part| path.contains(part))
}

/// The block page as the proxy shows it, to the youngest, the middle and the oldest.
fn block_pages(driver: &Driver, server: &Server, axe: Option<&str>, problems: &mut Vec<String>) {
    for (reader, from) in [
        ("youngest", "127.0.1.1"),
        ("middle", "127.0.1.4"),
        ("older", ADA),
        ("staff", "127.0.1.20"),
    ] {
        let page = curl(&[
            "--interface",
            from,
            "-x",
            &format!("http://{}", server.proxy),
            "http://pornography.pharos.test/",
        ]);
        assert_eq!(page.status, 403, "{page:?}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.html");
        std::fs::write(&file, page.body).unwrap();
        let browser = driver.browser(None);
        browser.go(&format!("file://{}", file.display()));
        problems.extend(
            Look {
                browser: &browser,
                axe,
                name: format!("block-page-{reader}"),
            }
            .at_all_sizes(),
        );
    }
}

struct Look<'a> {
    browser: &'a Browser,
    axe: Option<&'a str>,
    name: String,
}

impl Look<'_> {
    fn at_all_sizes(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (size, width, height) in SIZES {
            self.browser.size(width, height);
            let mut say = |text: String| problems.push(format!("{} ({size}): {text}", self.name));
            if let Some(folder) = std::env::var_os("PHAROS_SCREENSHOTS") {
                let folder = PathBuf::from(folder);
                std::fs::create_dir_all(&folder).unwrap();
                self.browser
                    .picture(&folder.join(format!("{}-{size}.png", self.name)));
            }
            let wide = self.browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth", Vec::new());
            if wide.as_i64().unwrap_or(0) > 0 {
                let widest = self.browser.run(WIDEST, Vec::new());
                say(format!(
                    "scrolls sideways by {wide} px, because of {widest}"
                ));
            }
            if let Some(button) = self.out_of_reach() {
                say(format!("the tab key does not reach {button}"));
            }
            if let Some(axe) = self.axe {
                for violation in self.violations(axe) {
                    say(violation);
                }
            }
        }
        self.browser.size(1280, 900);
        problems
    }

    /// The main button of the page, when the tab key does not lead to it.
    fn out_of_reach(&self) -> Option<String> {
        const BUTTON: &str = "document.querySelector('main button:not([hidden]), main a.govuk-button, main a.button')";
        let there = self.browser.run(&format!("const it = {BUTTON}; if (document.activeElement) document.activeElement.blur(); return it ? it.innerText : null"), Vec::new());
        let words = there.as_str()?.to_owned();
        let stops = self.browser.run("return document.querySelectorAll('a[href], button, input, select, textarea, summary').length", Vec::new());
        // A date has several stops of its own.
        for _ in 0..stops.as_u64().unwrap_or(0) * 3 + 10 {
            self.browser.key(Key::Tab);
            if self.browser.run(
                &format!("return document.activeElement === {BUTTON}"),
                Vec::new(),
            ) == true
            {
                return None;
            }
        }
        Some(words)
    }

    fn violations(&self, axe: &str) -> Vec<String> {
        self.browser.run(axe, Vec::new());
        let script = format!(
            "const done = arguments[arguments.length - 1]; axe.run(document, {{ runOnly: {{ type: 'tag', values: {RULES} }} }}).then(r => done(r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.target.join(' ') + ': ' + n.failureSummary.replace(/\\n/g, ' '))))).catch(e => done([String(e)]))"
        );
        let found = self.browser.run_until_called(&script);
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap_or("?").to_owned())
            .collect()
    }
}

/// The element that reaches furthest to the right.
const WIDEST: &str = "let worst = null, right = document.documentElement.clientWidth; for (const e of document.querySelectorAll('body *')) { const r = e.getBoundingClientRect().right; if (r > right + 0.5) { right = r; worst = e; } } return worst ? worst.tagName + '.' + worst.className : 'nothing found'";

/// The checker's script; fetched once with npm into the target folder's cache.
fn axe() -> Option<String> {
    static FETCH: Mutex<()> = Mutex::new(());
    let _one = FETCH
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(AXE);
    let script = kept.join("package/axe.min.js");
    if !script.exists() {
        if find("npm").is_none() || find("tar").is_none() {
            left_out(
                "npm is not installed, so that axe cannot be fetched: pages are not checked with it",
            );
            return None;
        }
        std::fs::create_dir_all(&kept).unwrap();
        let packed = Command::new("npm")
            .args(["pack", "--silent", AXE])
            .current_dir(&kept)
            .output()
            .unwrap();
        let name = String::from_utf8_lossy(&packed.stdout).trim().to_owned();
        if !packed.status.success() || name.is_empty() {
            left_out(&format!(
                "axe could not be fetched: {}",
                String::from_utf8_lossy(&packed.stderr)
            ));
            return None;
        }
        let name = name.lines().last().unwrap();
        let digest = Command::new("sha512sum")
            .arg(name)
            .current_dir(&kept)
            .output()
            .unwrap();
        let digest = String::from_utf8_lossy(&digest.stdout).into_owned();
        assert_eq!(
            digest.split_whitespace().next(),
            Some(AXE_SHA512),
            "the package {AXE} is not the one that was pinned: look at what changed before using it"
        );
        let unpacked = Command::new("tar")
            .args(["-xzf", name])
            .current_dir(&kept)
            .status()
            .unwrap();
        assert!(unpacked.success());
    }
    Some(std::fs::read_to_string(script).unwrap())
}

/// Ada asks for the site, so that there is a request to look at.
fn ask_for_a_site(server: &Server, reference: &str) {
    let ada = Session::sign_in(server.web, "ada.quill");
    let asked = ada
        .post(
            &format!("/blocked/{reference}/ask"),
            &[
                ("purpose", "For the lesson on chance in mathematics."),
                ("days", "2"),
            ],
        )
        .unwrap();
    assert_eq!(asked.status, 303, "{asked:?}");
}

/// The network manager proposes a change, so that there is one to look at.
fn propose_an_opening(server: &Server) {
    let kofi = Session::sign_in(server.web, "kofi.adeyemi");
    let proposed = kofi
        .post(
            "/changes/new",
            &[
                ("what", "opening"),
                ("sites", "gaming.pharos.test"),
                ("groups", "lower-school"),
                ("days", "7"),
                ("why", "For the games club on Fridays."),
            ],
        )
        .unwrap();
    assert_eq!(proposed.status, 303, "{proposed:?}");
}

/// The reference of a block that happened to Ada.
fn blocked_reference(server: &Server) -> String {
    let page = curl(&[
        "--interface",
        ADA,
        "-x",
        &format!("http://{}", server.proxy),
        "http://gambling.pharos.test/",
    ]);
    let link = page
        .body
        .split("/blocked/")
        .nth(1)
        .unwrap_or_else(|| panic!("{page:?}"));
    link.split(['/', '"']).next().unwrap().to_owned()
}

/// The addresses to try: every page of the table, with what stands behind `{…}` taken from links
/// on the pages before it.
fn paths(browser: &Browser, server: &Server, reference: &str) -> Vec<String> {
    let mut links = BTreeSet::new();
    for list in [
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
        "/what-to-do",
        "/",
    ] {
        browser.go(&server.page(list));
        let found = browser.run("return [...document.querySelectorAll('main a[href^=\"/\"]')].map(a => a.getAttribute('href'))", Vec::new());
        links.extend(
            found
                .as_array()
                .unwrap()
                .iter()
                .map(|link| link.as_str().unwrap().to_owned()),
        );
    }
    for case in links
        .clone()
        .iter()
        .filter(|link| link.starts_with("/cases/"))
        .take(3)
    {
        browser.go(&server.page(case));
        let found = browser.run("return [...document.querySelectorAll('main a[href^=\"/\"]')].map(a => a.getAttribute('href'))", Vec::new());
        links.extend(
            found
                .as_array()
                .unwrap()
                .iter()
                .map(|link| link.as_str().unwrap().to_owned()),
        );
    }
    browser.go(&server.page("/people"));
    if browser.has("main [name='words']") {
        browser.write("words", "Quill");
        browser.click("main form[action='/people'] button");
        let found = browser.run("return [...document.querySelectorAll('main a[href^=\"/people/\"]')].map(a => a.getAttribute('href'))", Vec::new());
        links.extend(
            found
                .as_array()
                .unwrap()
                .iter()
                .map(|link| link.as_str().unwrap().to_owned()),
        );
    }
    let mut paths = vec!["/report/received/7".to_owned()];
    for route in ROUTES.iter().filter(|route| {
        route.method == "GET"
            && is_page(route.path)
            && !matches!(route.who, WhoMay::Anyone if route.path == "/sign-out")
    }) {
        let path = route.path.replace("{reference}", reference);
        if !path.contains('{') {
            paths.push(path);
            continue;
        }
        // A few of each kind: the first may be one that this person may not open.
        paths.extend(
            links
                .iter()
                .filter(|link| route_of(link) == route.path)
                .take(3)
                .cloned(),
        );
        if path.ends_with("/emergency") {
            paths.extend(
                links
                    .iter()
                    .filter(|link| route_of(link) == "/cases/{id}")
                    .take(1)
                    .map(|case| format!("{case}/emergency")),
            );
        }
    }
    paths.extend(
        links
            .iter()
            .filter(|link| link.contains("/do/"))
            .take(40)
            .cloned(),
    );
    paths
}

/// The row of the table that an address belongs to; each form of a case counts as a page.
fn route_of(path: &str) -> String {
    let bare = path.split(['?', '#']).next().unwrap_or(path);
    if bare.contains("/do/") && path.contains("?step") {
        return bare
            .rsplit('/')
            .next()
            .map_or_else(String::new, |what| format!("do/{what}"));
    }
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
fn opens(browser: &Browser, server: &Server, path: &str) -> bool {
    browser.go(&server.page(path));
    let status = browser.run("const it = performance.getEntriesByType('navigation')[0]; return it ? it.responseStatus : 0", Vec::new());
    let here = path.split(['?', '#']).next().unwrap_or(path);
    status == 200 && browser.path() == here
}

fn name(path: &str, person: Option<&str>) -> String {
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
