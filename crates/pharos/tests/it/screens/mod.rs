//! Every page as each person sees it: on a desk and on a phone, for eyes, for keyboards and for
//! screen readers (VUL-07, ACC-11).

mod look;
mod pictures;
mod places;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use pharos_testkit::origin::{Origin, Reply, TestCa, Validity};
use tempfile::TempDir;

use crate::support::browser::{Browser, Driver, TOOLS};
use crate::support::clients::{Session, curl};
use crate::support::server::{ADA, INES, PASSWORD, Server};
use crate::support::{have, wait_for};
use look::{axe, look};
use places::{missed, name, opens, page_of, paths};

/// Pages whose form is sent empty as well: what it says then is a page of its own.
const SENT_EMPTY: [&str; 15] = [
    "/report",
    "/requests/new",
    "/people",
    "/activity",
    "/explain",
    "/lessons/new",
    "/restrictions/new",
    "/blocks/new",
    "/changes/new",
    "/breach",
    "/audit",
    "/account/password",
    "/groups",
    "/supervision",
    "/checks/hand",
];

/// Who reads the pages of the proxy and from where.
const READERS: [(&str, &str); 4] = [
    ("youngest", "127.0.1.1"),
    ("middle", "127.0.1.4"),
    ("older", ADA),
    ("staff", INES),
];

/// VUL-07: every page of the route table, every form of a case, the answers to forms sent empty, the
/// pages that say no, and the proxy's own pages, at 1280 and at 320 px: no violation of WCAG 2.2 AA that
/// axe can find, nothing that scrolls sideways, and its main button within reach of the tab key.
#[test]
fn vul_07_every_page_is_usable_by_everyone() {
    if !have(TOOLS) || !have(&["curl"]) {
        return;
    }
    let driver = Driver::start();
    let _inside = driver.runtime.enter();
    let ca = TestCa::new();
    let certificate = ca.server(&["tides.example"], Validity::Now);
    let origin = Origin::https(certificate, |_| Reply::page("the tide tables"));
    let origin = driver.runtime.block_on(origin);
    let scratch = TempDir::new().unwrap();
    let trust = scratch.path().join("origins.pem");
    std::fs::write(&trust, ca.pem()).unwrap();
    let server = Server::sample_with(&[
        "--allow-private-origins",
        "--trust",
        trust.to_str().unwrap(),
        "--fix",
        "gone.example=127.0.0.1:1",
        "--fix",
        &format!("tides.example={}", origin.address()),
    ]);
    let reference = blocked_reference(&server);
    ask_for_a_site(&server, &reference);
    propose_an_opening(&server);
    refuse_the_certificate(&server);
    let round = Round {
        driver: &driver,
        server: &server,
        reference: &reference,
        axe: axe(),
        seen: Mutex::default(),
        problems: Mutex::default(),
    };
    std::thread::scope(|threads| {
        let strangers = threads.spawn(|| {
            let nobody = round.browser();
            round.walk(&nobody, None);
            round.second_step(&nobody);
            round.own_pages(&nobody);
            round.signed_in("mirela.dobre");
            round.pages_that_say_no(&round.signed_in("ada.quill"));
        });
        let lead = threads.spawn(|| {
            let ruth = round.signed_in("ruth.okafor");
            round.changed_meanwhile(&ruth);
        });
        let others = threads.spawn(|| {
            round.signed_in("kofi.adeyemi");
            round.signed_in("helen.lindqvist");
        });
        for walker in [strangers, lead, others] {
            if let Err(panic) = walker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let seen = round.seen.into_inner().unwrap();
    let mut problems = round.problems.into_inner().unwrap();
    let unseen = missed(&seen);
    problems.extend(
        unseen
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

/// What those who walk at the same time share.
struct Round<'a> {
    driver: &'a Driver,
    server: &'a Server,
    reference: &'a str,
    axe: Option<String>,
    /// Pages that somebody has looked at.
    seen: Mutex<BTreeSet<String>>,
    problems: Mutex<Vec<String>>,
}

impl Round<'_> {
    fn browser(&self) -> Browser {
        let browser = self.driver.browser(None);
        if let Some(axe) = &self.axe {
            browser.on_every_page(axe);
        }
        browser.size(1280, 900);
        browser
    }

    /// Signs somebody in and walks; gives their browser for more.
    fn signed_in(&self, person: &str) -> Browser {
        let browser = self.browser();
        browser.sign_in(self.server, person);
        self.walk(&browser, Some(person));
        browser
    }

    /// Whether this page is still to be looked at; it counts as looked at from now on.
    fn is_first_at(&self, page: String) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(page)
    }

    fn has_seen(&self, page: &str) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.contains(page)
    }

    fn look(&self, browser: &Browser, name: &str) {
        let found = look(browser, name);
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.extend(found);
    }

    /// Looks at every page that this person may open and nobody has looked at.
    fn walk(&self, browser: &Browser, person: Option<&str>) {
        for path in paths(browser, self.server, self.reference) {
            let page = page_of(&path);
            let opened = !self.has_seen(&page) && opens(browser, self.server, &path);
            if !opened || !self.is_first_at(page) {
                continue;
            }
            let name = name(&path, person);
            self.look(browser, &name);
            if SENT_EMPTY.contains(&path.as_str()) && send(browser, "") {
                self.look(browser, &format!("{name}-sent-empty"));
            }
        }
    }

    /// The step of the sign-in that asks for a code, and what it says to a wrong one.
    fn second_step(&self, browser: &Browser) {
        browser.go(&self.server.page("/sign-in"));
        browser.write("name", "nobody.at.all");
        browser.write("password", "guess-work-here");
        assert!(send(browser, ""));
        self.look(browser, "sign-in-wrong");
        browser.write("name", "helen.lindqvist");
        browser.write("password", PASSWORD);
        assert!(send(browser, "") && browser.has("main [name='code']"));
        self.look(browser, "sign-in-code");
        browser.write("code", "000000");
        assert!(send(browser, ""));
        self.look(browser, "sign-in-wrong-code");
    }

    /// Not there, and not for everybody.
    fn pages_that_say_no(&self, ada: &Browser) {
        for (path, status) in [("/nothing/here", 404), ("/inbox", 403)] {
            ada.go(&self.server.page(path));
            assert_eq!(status_of(ada), status, "{path}: {}", ada.text());
            self.look(ada, &format!("says-no-{status}"));
        }
    }

    /// Two people at one case: the later hears of it; and what is missing is said beside its field.
    fn changed_meanwhile(&self, ruth: &Browser) {
        ruth.go(&self.server.page("/cases"));
        ruth.click("main a[href^='/cases/']");
        let case = ruth.at();
        for (change, status) in [
            ("", 422),
            (
                "form.elements.known.value = '0'; form.elements.text.value = 'Said so.';",
                409,
            ),
        ] {
            ruth.go(&format!("{case}/do/note"));
            assert!(send(ruth, change));
            assert_eq!(status_of(ruth), status, "{}", ruth.text());
            self.look(ruth, &format!("says-no-{status}"));
        }
    }

    /// What the proxy itself shows, and what is shown where blocked names lead.
    fn own_pages(&self, browser: &Browser) {
        let server = self.server;
        let proxy = format!("http://{}", server.proxy);
        let mut pages = Vec::new();
        for (reader, from) in READERS {
            let blocked = [
                "--interface",
                from,
                "-x",
                &proxy,
                "http://pornography.pharos.test/",
            ];
            pages.push((format!("block-page-{reader}"), 403, curl(&blocked)));
        }
        let sealed = [
            "--interface",
            ADA,
            "-x",
            &proxy,
            "http://sealed.pharos.test/",
        ];
        pages.push(("block-page-sealed".to_owned(), 403, curl(&sealed)));
        let warned = [
            "--interface",
            INES,
            "-x",
            &proxy,
            "http://gambling.pharos.test/",
        ];
        pages.push(("warning".to_owned(), 403, curl(&warned)));
        let gone = ["--interface", INES, "-x", &proxy, "http://gone.example/"];
        pages.push(("proxy-502".to_owned(), 502, curl(&gone)));
        let wrong = [
            "-U",
            "nobody.at.all:guess-work",
            "-x",
            &proxy,
            "http://gone.example/",
        ];
        pages.push(("proxy-407".to_owned(), 407, curl(&wrong)));
        let about = [format!("{proxy}/")];
        pages.push(("proxy-about".to_owned(), 200, curl(&[&about[0]])));
        let at = format!("http://{}/", server.block_page());
        for (what, host, status) in [
            ("block-page-by-name", "gambling.pharos.test", 403),
            ("open-now", "quiet-library.example", 503),
        ] {
            let host = format!("Host: {host}");
            let page = curl(&["--interface", ADA, "-H", &host, &at]);
            pages.push((what.to_owned(), status, page));
        }
        let folder = TempDir::new().unwrap();
        for (name, status, page) in pages {
            assert_eq!(page.status, status, "{name}: {page:?}");
            let file = folder.path().join("page.html");
            std::fs::write(&file, page.body).unwrap();
            browser.go(&format!("file://{}", file.display()));
            self.look(browser, &name);
        }
    }
}

/// Sends the form of the page as it stands after a change, past the browser's own checks, and waits for
/// the answer; `false` where the page has no form.
fn send(browser: &Browser, change: &str) -> bool {
    let sent = browser.run(
        &format!("const form = document.querySelector('main form[method=post]'); if (!form) return false; {change} window.before = true; form.noValidate = true; form.requestSubmit(); return true"),
        Vec::new(),
    );
    if sent != true {
        return false;
    }
    wait_for("the answer to a form", || {
        let there = "return !window.before && document.readyState === 'complete'";
        (browser.run(there, Vec::new()) == true).then_some(())
    });
    true
}

fn status_of(browser: &Browser) -> serde_json::Value {
    browser.run("const it = performance.getEntriesByType('navigation')[0]; return it ? it.responseStatus : 0", Vec::new())
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

/// A device without the school's certificate, so that there is a host that could not be looked into.
fn refuse_the_certificate(server: &Server) {
    let proxy = format!("http://{}", server.proxy);
    for _ in 0..3 {
        let refused = curl(&["--interface", INES, "-x", &proxy, "https://tides.example/"]);
        assert_eq!(refused.exit, 60, "{refused:?}");
    }
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
