//! Plain HTTP: passed on as it is, and no further than it may.

use pharos_policy::Action;
use pharos_school::{Confidence, Face, Who};
use pharos_testkit::origin::{Origin, Reply};
use pharos_testkit::tools::have;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{ADA, School, text};

/// FIL-01, MON-01: an allowed request reaches the origin, its answer comes back, and one event
/// tells who, what and how much.
#[tokio::test]
async fn fil_01_an_allowed_request_is_passed_on_and_recorded() {
    let origin = Origin::http(|_| Reply::page("tide tables")).await;
    let school = School::open(&[("harbour.test", &origin)]);
    school.sign_in(ADA);
    let answer = school.get("http://harbour.test/tides?day=1", "X-CamelCase: Kept\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nYouTube-Restrict: Off\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("tide tables"),
        "{answer}"
    );
    let asked = origin.asked().remove(0);
    assert_eq!((asked.method(), asked.target()), ("GET", "/tides?day=1"));
    assert!(asked.head.contains("X-CamelCase: Kept"), "{}", asked.head);
    assert_eq!(asked.header("host"), Some("harbour.test"));
    assert!(asked.header("via").is_some());
    for stopped in ["proxy-connection", "te", "connection", "youtube-restrict"] {
        assert_eq!(asked.header(stopped), None, "{stopped}");
    }
    let event = school.events(1).await.remove(0);
    assert_eq!(
        (&*event.host, event.path.as_deref()),
        ("harbour.test", Some("/tides?day=1"))
    );
    assert_eq!(
        (event.action, event.face),
        (Action::Allow.name(), Face::Http)
    );
    assert_eq!(
        (
            event.bytes_down,
            event.policy_version,
            event.catalogue_version
        ),
        (11, 7, 3)
    );
    assert!(matches!(
        event.who,
        Who::Known {
            confidence: Confidence::Certain,
            ..
        }
    ));
    assert_eq!(
        event.who.device().map(|device| &**device),
        Some("Library 4")
    );
}

/// FIL-01: a blocked address never reaches its origin.
#[tokio::test]
async fn fil_01_a_blocked_request_never_leaves() {
    let origin = Origin::http(|_| Reply::page("never")).await;
    let school = School::open(&[("blocked.test", &origin), ("part.test", &origin)]);
    for url in [
        "http://blocked.test/",
        "http://BLOCKED.test./x",
        "http://www.blocked.test/",
        "http://part.test/closed/1",
        "http://part.test/./closed/",
        "http://part.test/%63losed",
    ] {
        let answer = school.get(url, "").await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{url}: {answer}");
    }
    assert_eq!(origin.connections(), 0);
    assert_eq!(
        school
            .events(6)
            .await
            .iter()
            .filter(|event| event.action == "block")
            .count(),
        6
    );
    assert!(
        school
            .get("http://part.test/open", "")
            .await
            .ends_with("never")
    );
}

/// FIL-17: before the first policy and lists are in force nothing is let through; afterwards
/// service comes unaided.
#[tokio::test]
async fn fil_17_nothing_passes_before_the_filter_is_ready() {
    let origin = Origin::http(|_| Reply::page("open")).await;
    let ca = pharos_testkit::origin::TestCa::new();
    let school = School::start(&[("harbour.test", &origin)], ca, false, |_| {});
    let answer = school.get("http://harbour.test/", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("The filter is starting"),
        "{answer}"
    );
    let tunnel = school
        .raw("CONNECT harbour.test:443 HTTP/1.1\r\nHost: harbour.test:443\r\n\r\n")
        .await;
    assert!(tunnel.starts_with("HTTP/1.1 503 "), "{tunnel}");
    assert_eq!((origin.connections(), school.figures().not_ready), (0, 2));
    school.filter.install(crate::support::snapshot());
    assert!(
        school
            .get("http://harbour.test/", "")
            .await
            .ends_with("open")
    );
}

/// One client connection and one origin connection serve many requests; bodies go both ways.
#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let origin = Origin::http(|asked| Reply::page(asked.body.clone())).await;
    let school = School::open(&[("harbour.test", &origin)]);
    let post = |body: &str, rest: &str| {
        format!(
            "POST http://harbour.test/ HTTP/1.1\r\nHost: harbour.test\r\nContent-Length: {}\r\n{rest}\r\n{body}",
            body.len()
        )
    };
    let all = school
        .raw(format!(
            "{}{}{}",
            post("one", ""),
            post("two", ""),
            post("three", "Connection: close\r\n")
        ))
        .await;
    let bodies: Vec<_> = ["one", "two", "three"]
        .iter()
        .map(|body| all.find(&format!("\r\n\r\n{body}")))
        .collect();
    assert!(
        bodies.iter().all(Option::is_some) && bodies.is_sorted(),
        "{all}"
    );
    assert_eq!(origin.connections(), 1);
    assert_eq!(
        school
            .events(3)
            .await
            .iter()
            .map(|event| event.bytes_up)
            .sum::<u64>(),
        11
    );
}

/// Chunked uploads and large downloads pass without being stored.
#[tokio::test]
async fn large_bodies_stream_through() {
    if !have(&["curl"]) {
        return;
    }
    let origin = Origin::http(|asked| match asked.target() {
        "/up" => Reply::page(asked.body.len().to_string()),
        _ => Reply::page(vec![b'x'; 8 << 20]),
    })
    .await;
    let school = School::open(&[("harbour.test", &origin)]);
    let down = school
        .curl(&[
            "http://harbour.test/down",
            "--output",
            "/dev/null",
            "--write-out",
            "%{size_download}",
        ])
        .await;
    assert_eq!(text(&down), (8 << 20).to_string());
    let up = school.raw("POST http://harbour.test/up HTTP/1.1\r\nHost: harbour.test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n there\r\n0\r\n\r\n").await;
    assert!(up.starts_with("HTTP/1.1 200"), "{up}");
    let asked = origin
        .asked()
        .pop()
        .map(|asked| String::from_utf8_lossy(&asked.body).into_owned());
    assert!(asked.is_some_and(|body| body.contains("hello") && body.contains(" there")));
    assert_eq!(
        school
            .events(2)
            .await
            .iter()
            .map(|event| event.bytes_down)
            .max(),
        Some(8 << 20)
    );
}

/// A kept origin connection that the origin has closed meanwhile costs the client nothing.
#[tokio::test]
async fn a_stale_origin_connection_is_replaced() {
    let origin = Origin::http(|asked| match asked.connection {
        1 => Reply::RawClose(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst".to_vec()),
        _ => Reply::page("second"),
    })
    .await;
    let school = School::open(&[("harbour.test", &origin)]);
    assert!(
        school
            .get("http://harbour.test/", "")
            .await
            .ends_with("first")
    );
    for _ in 0..3 {
        assert!(
            school
                .get("http://harbour.test/", "")
                .await
                .ends_with("second")
        );
    }
}

/// WebSocket over plain HTTP passes both ways and is counted.
#[tokio::test]
async fn a_websocket_passes() {
    let origin = Origin::http(|_| Reply::Echo).await;
    let school = School::open(&[("harbour.test", &origin)]);
    let mut stream = TcpStream::connect(school.proxy).await.unwrap();
    stream
        .write_all(b"GET http://harbour.test/chat HTTP/1.1\r\nHost: harbour.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream.write_all(b"frame").await.unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"frame");
    drop(stream);
    let event = school.events(1).await.remove(0);
    assert_eq!((event.bytes_up, event.bytes_down), (5, 5));
}

/// SRCH-01, SRCH-02: searches are held to the strict filter and video to its level, whatever the
/// client sends.
#[tokio::test]
async fn srch_01_searches_are_narrowed_on_the_way_out() {
    let strict = Origin::http(|_| Reply::page("strict")).await;
    let school = School::open(&[
        ("forcesafesearch.google.com", &strict),
        ("restrict.youtube.com", &strict),
    ]);
    school.sign_in(ADA);
    let answer = school
        .get("http://www.google.com/search?q=tides&safe=off", "")
        .await;
    assert!(answer.ends_with("strict"), "{answer}");
    let answer = school
        .get(
            "http://www.youtube.com/results?search_query=boats",
            "YouTube-Restrict: Moderate\r\n",
        )
        .await;
    assert!(answer.ends_with("strict"), "{answer}");
    let asked = strict.asked();
    assert_eq!(asked[0].target(), "/search?q=tides&safe=active");
    assert_eq!(asked[0].header("host"), Some("www.google.com"));
    assert_eq!(
        asked[1].head.matches("Restrict").count() + asked[1].head.matches("restrict").count(),
        1,
        "{}",
        asked[1].head
    );
    assert_eq!(asked[1].header("youtube-restrict"), Some("Strict"));
}

/// SRCH-04: the words of a search are recorded with person and device.
#[tokio::test]
async fn srch_04_search_words_are_recorded() {
    let engine = Origin::http(|_| Reply::page("results")).await;
    let school = School::open(&[("forcesafesearch.google.com", &engine)]);
    school.sign_in(ADA);
    school
        .get("http://www.google.com/search?q=how+deep+is+the+harbour", "")
        .await;
    let event = school.events(1).await.remove(0);
    assert_eq!(event.search.as_deref(), Some("how deep is the harbour"));
    assert!(event.who.person().is_some());
}

/// SRCH-04, PRIV-02: a search on a service that the school left out for privacy is not stored, even
/// where it travels in the open; that the service was asked is.
#[tokio::test]
async fn srch_04_a_search_on_a_service_left_out_for_privacy_is_not_stored() {
    let site = Origin::http(|_| Reply::page("results")).await;
    let school = School::open(&[("tumblr.com", &site), ("vimeo.com", &site)]);
    school.sign_in(ADA);
    for host in ["tumblr.com", "vimeo.com"] {
        let answer = school
            .get(&format!("http://{host}/search?q=feeling+low"), "")
            .await;
        assert!(answer.ends_with("results"), "{answer}");
    }
    let events = school.events(2).await;
    let search = |host: &str| {
        let event = events.iter().find(|event| &*event.host == host).unwrap();
        event.search.as_deref()
    };
    assert_eq!(search("tumblr.com"), None);
    assert_eq!(search("vimeo.com"), Some("feeling low"));
}

/// The proxy's own address gives the configuration file, the certificate and a word about itself.
#[tokio::test]
async fn the_proxy_speaks_for_itself() {
    let school = School::open(&[]);
    let url = |path: &str| format!("http://{}{path}", school.proxy);
    let own = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let pac = school.raw(own("/proxy.pac")).await;
    assert!(
        pac.contains("application/x-ns-proxy-autoconfig") && pac.contains("FindProxyForURL"),
        "{pac}"
    );
    assert!(
        school
            .raw(own("/ca.pem"))
            .await
            .contains("BEGIN CERTIFICATE")
    );
    assert!(
        school
            .raw(own("/ca.crt"))
            .await
            .contains("application/x-x509-ca-cert")
    );
    let about = school.raw(own("/")).await;
    assert!(
        about.contains(&school.authority.fingerprint()) && about.contains("Chromebook"),
        "{about}"
    );
    assert!(school.raw(own("/other")).await.starts_with("HTTP/1.1 404 "));
    let through_itself = school.get(&url("/"), "").await;
    assert!(
        through_itself.starts_with("HTTP/1.1 403 ") && through_itself.contains("filter itself"),
        "{through_itself}"
    );
    assert_eq!(school.figures().loops, 1);
}

/// A device that already uses the proxy finds its pages under the proxy's own name.
#[tokio::test]
async fn the_proxy_is_found_under_its_own_name() {
    let ca = pharos_testkit::origin::TestCa::new();
    let school = School::with(&[], ca, |config| {
        config.public = "filter.test:80".to_owned()
    });
    let pac = school.get("http://filter.test/proxy.pac", "").await;
    assert!(pac.contains("return \"PROXY filter.test:80\""), "{pac}");
}

/// MON-02: a connection that carried NTLM belongs to one client: its next request uses it, nobody
/// else's does.
#[tokio::test]
async fn mon_02_a_connection_with_ntlm_is_never_shared() {
    let origin = Origin::http(|asked| match asked.header("authorization") {
        None => Reply::Page {
            status: "401 Unauthorized",
            headers: vec![("WWW-Authenticate".into(), "NTLM".into())],
            body: b"who?".to_vec(),
        },
        Some(_) => Reply::page("in"),
    })
    .await;
    let school = School::open(&[("staff.test", &origin)]);
    let leg =
        |rest: &str| format!("GET http://staff.test/ HTTP/1.1\r\nHost: staff.test\r\n{rest}\r\n");
    let both = format!(
        "{}{}",
        leg(""),
        leg("Authorization: NTLM TlRMTVNTUAAB\r\nConnection: close\r\n")
    );
    let answer = school.raw(both).await;
    assert!(
        answer.contains("who?") && answer.ends_with("in"),
        "{answer}"
    );
    school.get("http://staff.test/", "").await;
    let connections: Vec<_> = origin
        .asked()
        .iter()
        .map(|asked| asked.connection)
        .collect();
    assert_eq!(connections, [1, 1, 2]);
}
