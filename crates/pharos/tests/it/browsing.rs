//! What a browser does all day, through the proxy that looks inside: HTTP/2, WebSocket, downloads, video.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pharos_testkit::origin::{Asked, Origin, Reply, TestCa, Validity};

use crate::support::browser::{Driver, TOOLS};
use crate::support::server::{PASSWORD, Server};
use crate::support::{have, wait_for};

const SITE: &str = "tides.example";
const VIDEO: &str = "www.youtube.com";
/// Bytes of the file to be downloaded: more than any buffer on its way.
const FILE_BYTES: usize = 3 * 1024 * 1024;

/// What the stand-in sites say.
fn site(asked: &Asked) -> Reply {
    let page = |text: &str| {
        let html = format!("<!DOCTYPE html><title>Tides</title>{text}");
        Reply::Page {
            status: "200 OK",
            headers: vec![("Content-Type".into(), "text/html".into())],
            body: html.into_bytes(),
        }
    };
    if asked.header("host") == Some(VIDEO) {
        let level = asked.header("youtube-restrict").unwrap_or("none");
        return page(&format!("<p>Level: {level}</p>"));
    }
    match asked.target() {
        "/live" => live(asked),
        "/table.csv" => Reply::Page {
            status: "200 OK",
            headers: vec![
                ("Content-Type".into(), "application/octet-stream".into()),
                (
                    "Content-Disposition".into(),
                    "attachment; filename=table.dat".into(),
                ),
            ],
            body: vec![b'7'; FILE_BYTES],
        },
        _ => page("<p>High water at seven.</p><a href='/table.csv'>All of it</a>"),
    }
}

/// A WebSocket that says one thing (RFC 6455, sections 1.3 and 5.2).
fn live(asked: &Asked) -> Reply {
    let key = asked.header("sec-websocket-key").unwrap_or_default();
    let both = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, both.as_bytes()));
    let words = b"The tide is rising.";
    let mut said = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes();
    said.extend([0x81, words.len() as u8]);
    said.extend(words);
    Reply::Raw(said)
}

/// FIL-01, FIL-16, SRCH-02: a pupil's Chromium behind the proxy, with the school's certificate: pages
/// come over HTTP/2, a WebSocket speaks, a large file arrives whole, and the video site is told to
/// restrict.
#[test]
fn fil_01_srch_02_a_browser_works_through_the_proxy_as_without_it() {
    if !have(TOOLS) || !have(&["certutil"]) {
        return;
    }
    let driver = Driver::start();
    let _inside = driver.runtime.enter();
    let ca = TestCa::new();
    let certificate = ca.server(&[SITE, VIDEO], Validity::Now);
    let origin = driver.runtime.block_on(Origin::https(certificate, site));
    let scratch = tempfile::tempdir().unwrap();
    let trust = scratch.path().join("origins.pem");
    std::fs::write(&trust, ca.pem()).unwrap();
    let fixed =
        [SITE, VIDEO, "restrict.youtube.com"].map(|host| format!("{host}={}", origin.address()));
    let server = Server::sample_with(&[
        "--allow-private-origins",
        "--trust",
        trust.to_str().unwrap(),
        "--fix",
        &fixed[0],
        "--fix",
        &fixed[1],
        "--fix",
        &fixed[2],
    ]);
    driver.trust(&server.data.join("keys/authority.pem"));
    let ada = driver.browser(Some(&format!("http://{}", server.proxy)));
    ada.go(&server.page("/device/sign-in"));
    ada.write("name", "ada.quill");
    ada.write("password", PASSWORD);
    ada.click("main form[action='/device/sign-in'] button");
    wait_for("the device to be named", || {
        ada.at().contains("done=").then_some(())
    });

    ada.go(&format!("https://{SITE}/"));
    ada.says("High water at seven.");
    let protocol = ada.run(
        "return performance.getEntriesByType('navigation')[0].nextHopProtocol",
        Vec::new(),
    );
    assert_eq!(protocol, "h2");

    let heard = ada.run_until_called(
        "const end = arguments[arguments.length - 1];
         const socket = new WebSocket('wss://tides.example/live');
         socket.onmessage = (message) => end(message.data);
         socket.onerror = () => end('no WebSocket');",
    );
    assert_eq!(heard, "The tide is rising.");

    ada.click("a[href='/table.csv']");
    let file = driver.downloads().join("table.dat");
    let bytes = wait_for("the download", || {
        std::fs::read(&file)
            .ok()
            .filter(|bytes| bytes.len() == FILE_BYTES)
    });
    assert!(bytes.iter().all(|byte| *byte == b'7'));

    ada.go(&format!("https://{VIDEO}/"));
    ada.says("Level: Strict");
}
