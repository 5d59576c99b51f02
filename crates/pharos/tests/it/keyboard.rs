//! The two things that nobody may be kept from, without a mouse and without a script: telling of a
//! worry, and taking a case on (VUL-07).

use serde_json::json;
use thirtyfour::Key;

use crate::support::browser::{Browser, Driver, TOOLS};
use crate::support::clients::fresh_code;
use crate::support::server::{PASSWORD, Server};
use crate::support::{have, wait_for};

/// More stops than any page has.
const STOPS_MAX: usize = 250;

/// What has the focus: its tag, type and value, and whether it is inside the window of the page.
const FOCUS: &str = "const e = document.activeElement; const r = e.getBoundingClientRect();
return { tag: e.tagName, type: e.type || '', value: e.value || '', inForm: !!e.closest('main form'),
  seen: r.width > 0 && r.left >= -1 && r.right <= document.documentElement.clientWidth + 1 && r.bottom > 0 && r.top < innerHeight,
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth }";

/// Presses the tab key until the focus is on what `css` finds and `words` stand in, and sees that
/// it is on the screen.
#[track_caller]
fn tab_to(browser: &Browser, css: &str, words: &str) {
    let there = format!(
        "const e = document.activeElement; return e.matches({}) && e.innerText.includes({})",
        json!(css),
        json!(words)
    );
    for _ in 0..STOPS_MAX {
        browser.key(Key::Tab);
        if browser.run(&there, Vec::new()) == true {
            let focus = browser.run(FOCUS, Vec::new());
            assert_eq!(focus["seen"], true, "{css} is off the screen: {focus}");
            assert_eq!(focus["wide"], 0, "{} scrolls sideways", browser.at());
            return;
        }
    }
    panic!(
        "the tab key does not reach {css} {words:?} on {}:\n{}",
        browser.at(),
        browser.text()
    );
}

fn sign_in(browser: &Browser, server: &Server, name: &str) {
    browser.go(&server.page("/sign-in"));
    tab_to(browser, "main [name=name]", "");
    browser.keys(name);
    tab_to(browser, "main [name=password]", "");
    browser.keys(PASSWORD);
    browser.key(Key::Enter);
    wait_for("the sign-in by keyboard", || {
        if browser.path() != "/sign-in" {
            return Some(());
        }
        if browser.has("main [name=code]") {
            let code = fresh_code(server.web)?;
            tab_to(browser, "main [name=code]", "");
            browser.keys(&code);
            browser.key(Key::Enter);
        }
        None
    });
}

/// Fills in the form of a page stop by stop, as somebody would who sees only the focus, and sends it.
fn fill_in_by_keyboard(browser: &Browser) {
    for _ in 0..STOPS_MAX {
        browser.key(Key::Tab);
        let focus = browser.run(FOCUS, Vec::new());
        if focus["inForm"] != true {
            continue;
        }
        assert_eq!(focus["seen"], true, "off the screen: {focus}");
        let empty = focus["value"] == "";
        match (focus["tag"].as_str(), focus["type"].as_str()) {
            (Some("TEXTAREA"), _) | (_, Some("text")) if empty => {
                browser.keys("Talked it through; written down the same hour.");
            }
            (Some("SELECT"), _) if empty => browser.key(Key::Down),
            (_, Some("radio")) => browser.key(Key::Space),
            (Some("BUTTON"), _) => {
                browser.key(Key::Enter);
                return;
            }
            _ => {}
        }
    }
    panic!(
        "the form has no button that the tab key reaches: {}",
        browser.at()
    );
}

/// VUL-07: on a phone's width and with the keyboard alone somebody tells of a worry, and the lead
/// takes the case on and does its first step.
#[test]
fn vul_07_a_report_and_a_case_step_by_keyboard_at_320() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::sample();
    let driver = Driver::start();
    let somebody = driver.browser(None);
    somebody.size(320, 800);
    somebody.go(&server.page("/report"));
    tab_to(&somebody, "[name=danger]", "");
    somebody.key(Key::Down);
    assert!(
        somebody.has("[name=danger][value=no]:checked"),
        "the arrow keys choose an answer"
    );
    tab_to(&somebody, "main [name=name]", "");
    somebody.keys("Rowan Thistle");
    tab_to(&somebody, "main [name=what]", "");
    somebody.keys("Rowan gets unkind messages every evening.");
    tab_to(&somebody, "main form button[type=submit]", "Send");
    somebody.key(Key::Enter);
    wait_for("the receipt", || {
        somebody
            .path()
            .starts_with("/report/received/")
            .then_some(())
    });
    somebody.says("Your number is");

    let lead = driver.browser(None);
    lead.size(320, 800);
    sign_in(&lead, &server, "ruth.okafor");
    // The navigation is one bar on a phone; a press opens it.
    tab_to(&lead, "nav summary", "Menu");
    lead.key(Key::Enter);
    tab_to(&lead, "nav a[href='/cases']", "Cases");
    lead.key(Key::Enter);
    wait_for("the cases", || (lead.path() == "/cases").then_some(()));
    tab_to(&lead, "main a[href^='/cases/']", "Rowan Thistle");
    lead.key(Key::Enter);
    wait_for("the case", || {
        lead.path().starts_with("/cases/").then_some(())
    });
    let case = lead.path();
    tab_to(&lead, "form[action$='/do/acknowledge'] button", "");
    lead.key(Key::Enter);
    wait_for("the case to be taken on", || {
        let open = lead.has("form[action$='/do/acknowledge']");
        (lead.path() == case && !open).then_some(())
    });
    let settled = "return document.querySelectorAll('.ph-step--done').length";
    let before = lead.run(settled, Vec::new()).as_u64().unwrap();
    tab_to(&lead, ".ph-step .ph-card__actions a[href*='/do/']", "");
    lead.key(Key::Enter);
    wait_for("the form of a step", || {
        lead.path().contains("/do/").then_some(())
    });
    fill_in_by_keyboard(&lead);
    wait_for("the step to be recorded", || {
        let refused = lead.has(".govuk-error-summary");
        assert!(!refused, "not taken:\n{}", lead.text());
        (lead.path() == case).then_some(())
    });
    let after = lead.run(settled, Vec::new()).as_u64().unwrap();
    assert!(after > before, "{before} steps were done, and then {after}");
}

/// VUL-07: with scripts off in the browser a report arrives, and somebody with a second factor
/// signs in.
#[test]
fn vul_07_a_report_and_a_sign_in_without_script() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::sample();
    let driver = Driver::start();
    let browser = driver.browser(None);
    browser.without_script();
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let probe = "<!doctype html><title>off</title><script>document.title = 'on'</script>";
    std::fs::write(&page, probe).unwrap();
    browser.go(&format!("file://{}", page.display()));
    assert_eq!(browser.title(), "off", "scripts of pages do not run");

    browser.go(&server.page("/report"));
    browser.click("[name=danger][value=no]");
    browser.write("name", "Rowan Thistle");
    browser.write("what", "Rowan gets unkind messages every evening.");
    browser.click("main form button[type=submit]");
    wait_for("the receipt", || {
        browser
            .path()
            .starts_with("/report/received/")
            .then_some(())
    });
    browser.says("Your number is");
    browser.sign_in(&server, "ruth.okafor");
    browser.go(&server.page("/cases"));
    browser.says("Rowan Thistle");
}
