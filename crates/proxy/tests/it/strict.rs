//! What clients may not send, on the wire.

use pharos_testkit::origin::{Origin, Reply};

use crate::support::School;

/// FIL-01: no ambiguous request reaches an origin; the client gets a page that says what was
/// wrong, and the connection ends.
#[tokio::test]
async fn fil_01_smuggling_is_refused_on_the_wire() {
    let origin = Origin::http(|_| Reply::page("reached")).await;
    let school = School::open(&[("harbour.test", &origin)]);
    let post = "POST http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\n";
    let inner = "GET http://blocked.test/ HTTP/1.1\r\nHost: blocked.test\r\n\r\n";
    let tricks = [
        (
            format!(
                "{post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
            ),
            400,
        ),
        (
            format!("{post}Content-Length: 0\r\nContent-Length: 60\r\n\r\n{inner}"),
            400,
        ),
        (
            format!("{post}Content-Length: 0\r\nContent-Length: 0\r\n\r\n{inner}"),
            400,
        ),
        (
            format!("{post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            501,
        ),
        (
            format!("{post}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n"),
            400,
        ),
        (format!("{post}X: a\r\n b\r\n\r\n"), 400),
        (format!("{post}Content-Length : 3\r\n\r\nabc"), 400),
        (format!("{post}X: a\nContent-Length: 3\r\n\r\nabc"), 400),
        (
            "GET http://harbour.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n".to_owned(),
            400,
        ),
        (
            "GET http://harbour.test/ HTTP/1.1\r\nHost: harbour.test:81\r\n\r\n".to_owned(),
            400,
        ),
        (
            "GET http://harbour.test/ HTTP/1.1\r\nHost: x@harbour.test\r\n\r\n".to_owned(),
            400,
        ),
        ("GET http://harbour.test/ HTTP/1.1\r\n\r\n".to_owned(), 400),
        (
            "GET http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\nHost: harbour.test\r\n\r\n"
                .to_owned(),
            400,
        ),
        (
            "GET http://harbour.test/ HTTP/9.9\r\nHost: harbour.test\r\n\r\n".to_owned(),
            400,
        ),
        (
            "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03\r\n\r\n".to_owned(),
            400,
        ),
        (
            "CONNECT harbour.test HTTP/1.1\r\nHost: harbour.test\r\n\r\n".to_owned(),
            400,
        ),
        (
            "CONNECT harbour.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n".to_owned(),
            400,
        ),
        (
            "CONNECT harbour.test:22 HTTP/1.1\r\nHost: harbour.test:22\r\n\r\n".to_owned(),
            403,
        ),
        (
            "TRACE http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\n\r\n".to_owned(),
            501,
        ),
    ];
    for (trick, status) in tricks {
        let answer = school.raw(&trick).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{trick:?}: {answer}"
        );
        assert!(
            answer.contains("<h1>") && answer.contains("web filter of Harbourmouth School"),
            "{trick:?}: {answer}"
        );
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "one answer to {trick:?}: {answer}"
        );
    }
    assert_eq!(origin.asked().len(), 0);
    assert!(school.figures().refused_requests >= 12);
}

/// FIL-01: a chunked body that breaks the rules is not passed on as a whole request.
#[tokio::test]
async fn fil_01_bad_chunks_end_the_request() {
    let origin = Origin::http(|_| Reply::page("reached")).await;
    let school = School::open(&[("harbour.test", &origin)]);
    for body in [
        "zz\r\n\r\n",
        "4\r\nabcde\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "4\nabcd\r\n0\r\n\r\n",
    ] {
        let answer = school
            .raw(format!("POST http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\nTransfer-Encoding: chunked\r\n\r\n{body}"))
            .await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("broke off"),
            "{body:?}: {answer}"
        );
    }
    assert_eq!(origin.asked().len(), 0);
}

/// A request pipelined behind a good one is judged for itself.
#[tokio::test]
async fn fil_01_pipelined_requests_are_each_decided() {
    let origin = Origin::http(|asked| Reply::page(asked.target().to_owned())).await;
    let school = School::open(&[("harbour.test", &origin), ("blocked.test", &origin)]);
    let answer = school
        .raw("GET http://harbour.test/one HTTP/1.1\r\nHost: harbour.test\r\n\r\nGET http://blocked.test/two HTTP/1.1\r\nHost: blocked.test\r\n\r\nGET http://harbour.test/three HTTP/1.1\r\nHost: harbour.test\r\nX: \0\r\n\r\n")
        .await;
    let statuses: Vec<_> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "403", "400"], "{answer}");
    assert_eq!(origin.asked().len(), 1);
}

/// Heads beyond the bound are answered, not stored.
#[tokio::test]
async fn huge_heads_are_refused_with_a_page() {
    let school = School::open(&[]);
    let long = format!(
        "GET http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\nX: {}\r\n\r\n",
        "x".repeat(70_000)
    );
    let many = format!(
        "GET http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\n{}\r\n",
        "X: y\r\n".repeat(200)
    );
    for head in [long, many] {
        let answer = school.raw(head).await;
        assert!(
            answer.starts_with("HTTP/1.1 431 ") && answer.contains("header"),
            "{answer}"
        );
    }
}

/// FIL-01: behind a request that might have changed protocol nothing more is read, so that
/// nothing gets past the strict reading.
#[tokio::test]
async fn fil_01_nothing_hides_behind_an_upgrade_or_a_refused_tunnel() {
    let origin = Origin::http(|_| Reply::page("reached")).await;
    let school = School::open(&[("harbour.test", &origin)]);
    let hidden = "POST http://harbour.test/hidden HTTP/1.1\r\nHost: harbour.test\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for first in [
        "GET http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "GET http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\n\r\n",
        "CONNECT harbour.test:22 HTTP/1.1\r\nHost: harbour.test:22\r\n\r\n",
        "CONNECT harbour.test:443 HTTP/1.1\r\nHost: harbour.test:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n",
    ] {
        let answer = school.raw(format!("{first}{hidden}")).await;
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{first:?}: {answer}"
        );
        assert!(
            answer.to_lowercase().contains("connection: close"),
            "{first:?}: {answer}"
        );
    }
    assert!(origin.asked().iter().all(|asked| asked.target() == "/"));
}
