//! The pictures of the README, made anew by `cargo test -p pharos --test it pictures -- --ignored`.

use std::path::Path;

use crate::support::browser::{Browser, Driver, TOOLS};
use crate::support::clients::curl;
use crate::support::have;
use crate::support::server::{ADA, Server};

/// The size of a picture, in pixels.
const SIZE: (u32, u32) = (1200, 820);

#[test]
#[ignore = "writes docs/pictures"]
fn pictures_of_the_readme() {
    if !have(TOOLS) || !have(&["curl"]) {
        return;
    }
    let server = Server::sample();
    let driver = Driver::start();
    let save = |browser: &Browser, name: &str, (width, height): (u32, u32)| {
        let folder = Path::new("../../docs/pictures");
        browser.view(&folder.join(name), width, height);
    };
    let browser = driver.browser(None);
    browser.sign_in(&server, "ruth.okafor");
    for (page, name) in [("/inbox", "inbox.png"), ("/policy", "policy.png")] {
        browser.go(&server.page(page));
        save(&browser, name, SIZE);
    }
    browser.go(&server.page("/cases"));
    browser.click("main a[href^='/cases/']");
    save(&browser, "case.png", (SIZE.0, 960));
    let browser = driver.browser(None);
    browser.sign_in(&server, "mirela.dobre");
    browser.go(&server.page("/reports"));
    save(&browser, "report.png", SIZE);
    let blocked = curl(&[
        "--interface",
        ADA,
        "-x",
        &format!("http://{}", server.proxy),
        "http://gambling.pharos.test/",
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, blocked.body).unwrap();
    browser.go(&format!("file://{}", file.display()));
    save(&browser, "block.png", (1000, 860));
}
