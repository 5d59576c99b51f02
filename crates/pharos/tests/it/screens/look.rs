//! One page looked at: for eyes, for keyboards and for screen readers.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::browser::Browser;
use crate::support::{find, left_out};

/// A desk and a phone, in CSS pixels.
const SIZES: [(&str, u32, u32); 2] = [("desk", 1280, 900), ("phone", 320, 800)];
/// The checker of accessibility, fetched from the package registry and never kept with the project.
const AXE: &str = "axe-core@4.14.1";
/// SHA-512 of that package: another one under the same number is not run.
const AXE_SHA512: &str = "1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b73\
    4f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5";
/// What pages are held to.
const RULES: &str = r#"["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]"#;

/// The tab key as drivers type it.
const TAB: &str = "\u{E004}";
/// So many presses at once.
const TABS: usize = 8;
/// The main button of a page.
const BUTTON: &str =
    "document.querySelector('main button:not([hidden]), main a.govuk-button, main a.button')";

/// Looks at the page that a browser is on, on the desk and on the phone; what is wrong with it.
pub(super) fn look(browser: &Browser, name: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (size, width, height) in SIZES {
        browser.size(width, height);
        let mut say = |text: String| problems.push(format!("{name} ({size}): {text}"));
        if let Some(folder) = std::env::var_os("PHAROS_SCREENSHOTS") {
            let folder = PathBuf::from(folder);
            std::fs::create_dir_all(&folder).unwrap();
            browser.picture(&folder.join(format!("{name}-{size}.png")));
        }
        let wide = browser.run(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth",
            Vec::new(),
        );
        if wide.as_i64().unwrap_or(0) > 0 {
            let widest = browser.run(WIDEST, Vec::new());
            say(format!(
                "scrolls sideways by {wide} px, because of {widest}"
            ));
        }
        if let Some(button) = out_of_reach(browser) {
            say(format!("the tab key does not reach {button}"));
        }
        for violation in violations(browser) {
            say(violation);
        }
    }
    browser.size(1280, 900);
    problems
}

/// The main button of the page, when the tab key does not lead to it.
fn out_of_reach(browser: &Browser) -> Option<String> {
    let there = browser.run(
        &format!(
            "const it = {BUTTON}; if (document.activeElement) document.activeElement.blur(); window.reached = false; if (it) it.addEventListener('focus', () => window.reached = true); return [it ? it.innerText : null, document.querySelectorAll('a[href], button, input, select, textarea, summary').length]"
        ),
        Vec::new(),
    );
    let words = there[0].as_str()?.to_owned();
    // A date has several stops of its own.
    let stops = there[1].as_u64().unwrap_or(0) * 3 + 10;
    let mut pressed = 0;
    while pressed < stops {
        browser.keys(&TAB.repeat(TABS));
        pressed += TABS as u64;
        if browser.run("return window.reached", Vec::new()) == true {
            return None;
        }
    }
    Some(words)
}

/// What the checker of accessibility finds, where it is there.
fn violations(browser: &Browser) -> Vec<String> {
    let script = format!(
        "const done = arguments[arguments.length - 1]; if (!window.axe) return done([]); axe.run(document, {{ resultTypes: ['violations'], runOnly: {{ type: 'tag', values: {RULES} }} }}).then(r => done(r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.target.join(' ') + ': ' + n.failureSummary.replace(/\\n/g, ' '))))).catch(e => done([String(e)]))"
    );
    let found = browser.run_until_called(&script);
    found
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap_or("?").to_owned())
        .collect()
}

/// The element that reaches furthest to the right.
const WIDEST: &str = "let worst = null, right = document.documentElement.clientWidth; for (const e of document.querySelectorAll('body *')) { const r = e.getBoundingClientRect().right; if (r > right + 0.5) { right = r; worst = e; } } return worst ? worst.tagName + '.' + worst.className : 'nothing found'";

/// The checker's script; fetched once with npm into the target folder's cache.
pub(super) fn axe() -> Option<String> {
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
