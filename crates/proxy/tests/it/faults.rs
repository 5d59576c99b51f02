//! Dead, stalling and lying origins; slow and too many clients. A clear answer, a bounded cost.

use std::time::Duration;

use pharos_proxy::{Limits, ProxyConfig};
use pharos_testkit::origin::{Origin, Reply, TestCa};
use pharos_testkit::tools::have;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{School, text, wait_for};

fn quick(config: &mut ProxyConfig) {
    config.limits = Limits {
        head_time: Duration::from_millis(400),
        idle: Duration::from_millis(800),
        handshake: Duration::from_millis(400),
        connect: Duration::from_secs(2),
        first_byte: Duration::from_millis(400),
        stall: Duration::from_millis(600),
        response_head_bytes: 16 * 1024,
        ..Limits::default()
    };
}

/// Each way an origin can fail gives its own page, in bounded time.
#[tokio::test]
async fn fil_17_origins_that_fail_give_a_clear_answer() {
    let dead = Origin::http(|_| Reply::page("")).await;
    let dead_port = dead.port();
    drop(dead);
    let silent = Origin::http(|_| Reply::Stall(Vec::new())).await;
    let nonsense = Origin::http(|_| Reply::RawClose(b"this is not HTTP\r\n\r\n".to_vec())).await;
    let gone = Origin::http(|_| Reply::RawClose(Vec::new())).await;
    let endless = Origin::http(|_| {
        Reply::Endless(
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            "X-More: and more\r\n".repeat(500).into_bytes(),
        )
    })
    .await;
    let again =
        Origin::http(|_| Reply::Endless(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()))
            .await;
    let asks = Origin::http(|_| Reply::Raw(b"HTTP/1.1 407 Ask\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n".to_vec())).await;
    let switches = Origin::http(|_| {
        Reply::Raw(b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n".to_vec())
    })
    .await;
    let sites = [
        ("silent.test", &silent),
        ("nonsense.test", &nonsense),
        ("gone.test", &gone),
        ("endless.test", &endless),
        ("again.test", &again),
        ("asks.test", &asks),
        ("switches.test", &switches),
    ];
    let school = School::with(&sites, TestCa::new(), |config| {
        quick(config);
        let ip = std::net::Ipv4Addr::LOCALHOST.into();
        config.fixed.insert(
            "dead.test".to_owned(),
            pharos_proxy::Fixed {
                ip,
                port: Some(dead_port),
            },
        );
    });
    for (host, status, code) in [
        ("dead.test", 502, "site-unreachable"),
        ("silent.test", 504, "site-silent"),
        ("nonsense.test", 502, "site-broken-answer"),
        ("gone.test", 502, "site-broken-answer"),
        ("endless.test", 502, "site-broken-answer"),
        ("again.test", 504, "site-silent"),
        ("asks.test", 502, "site-broken-answer"),
        ("switches.test", 502, "site-broken-answer"),
        ("no-such-name.invalid", 502, "no-such-site"),
    ] {
        let answer = school.get(&format!("http://{host}/"), "").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{host}: {answer}"
        );
        assert!(
            answer.contains(code) && answer.contains("What to do"),
            "{host}: {answer}"
        );
    }
    assert_eq!(school.figures().origin_failures, 9);
    assert_eq!(school.events(9).await.len(), 9);
}

/// An origin that stops in the middle of its answer ends the connection; it does not hold it.
#[tokio::test]
async fn a_stalled_answer_is_let_go() {
    if !have(&["curl"]) {
        return;
    }
    let stalls = Origin::http(|_| {
        Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec())
    })
    .await;
    let school = School::with(&[("stalls.test", &stalls)], TestCa::new(), quick);
    let answer = school.get("http://stalls.test/", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("half"),
        "{answer}"
    );
    assert_eq!(school.events(1).await[0].bytes_down, 4);
    let curl = school.curl(&["http://stalls.test/"]).await;
    assert_eq!(
        curl.status.code(),
        Some(18),
        "curl sees an incomplete transfer: {curl:?}"
    );
}

/// Servers are read leniently: what browsers accept passes.
#[tokio::test]
async fn sloppy_origins_are_understood() {
    let sloppy = Origin::http(|_| {
        Reply::RawClose(b"HTTP/1.0 200\r\nX-Folded: one\r\n two\r\nX-Spaced : yes\r\nbroken line\r\nX-CASE: kept\r\n\r\nuntil the end".to_vec())
    })
    .await;
    let school = School::open(&[("sloppy.test", &sloppy)]);
    let answer = school.get("http://sloppy.test/", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains("until the end"),
        "{answer}"
    );
    assert!(answer.contains("X-CASE: kept"), "{answer}");
}

/// A request that comes round, through another proxy or by itself, is stopped.
#[tokio::test]
async fn loops_are_stopped() {
    let school = School::open(&[]);
    let origin = Origin::http(|_| Reply::page("open")).await;
    let other = School::open(&[("harbour.test", &origin)]);
    other.get("http://harbour.test/", "").await;
    let via = origin.asked()[0].header("via").map(str::to_owned).unwrap();
    let answer = other
        .get(
            "http://harbour.test/",
            &format!("Via: 1.0 elsewhere, {via}\r\n"),
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 508 "), "{answer}");
    assert_eq!(origin.asked().len(), 1);
    let itself = school
        .raw(format!(
            "CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n",
            school.proxy
        ))
        .await;
    assert!(itself.starts_with("HTTP/1.1 403 "), "{itself}");
}

/// In a school the proxy is no way into the school's own network.
#[tokio::test]
async fn private_addresses_are_closed_unless_opened() {
    let origin = Origin::http(|_| Reply::page("inside")).await;
    let sites = [("inside.test", &origin), ("intranet.test", &origin)];
    let school = School::with(&sites, TestCa::new(), |config| {
        config.allow_private_origins = false;
        config.intranet = vec!["intranet.test".to_owned()];
    });
    for url in [
        "http://inside.test/",
        "http://127.0.0.1:9/",
        "http://[::1]:9/",
        "http://2130706433/",
        "http://169.254.169.254/latest",
    ] {
        let answer = school.get(url, "").await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{url}: {answer}");
    }
    assert_eq!(origin.connections(), 0);
    assert!(
        school
            .get("http://intranet.test/", "")
            .await
            .ends_with("inside")
    );
}

/// FIL-17: 250 clients that send a byte now and then hold nobody up and are told so in the end.
#[tokio::test]
async fn fil_17_slow_clients_hold_nobody_up() {
    if !have(&["curl"]) {
        return;
    }
    let origin = Origin::http(|_| Reply::page("open")).await;
    let school = School::with(&[("harbour.test", &origin)], TestCa::new(), |config| {
        quick(config);
        config.limits.head_time = Duration::from_secs(2);
    });
    let mut slow = Vec::new();
    for _ in 0..250 {
        let mut stream = TcpStream::connect(school.proxy).await.unwrap();
        stream
            .write_all(b"GET http://harbour.test/ HTTP/1.1\r\nHost: har")
            .await
            .unwrap();
        slow.push(stream);
    }
    let quick_one = text(&school.curl(&["http://harbour.test/"]).await);
    assert_eq!(quick_one, "open");
    for mut stream in slow {
        let _ = stream.write_all(b"b").await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            answer.starts_with(b"HTTP/1.1 408 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(school.figures().refused_requests, 250);
}

/// One device cannot take all connections; the one too many gets a short answer.
#[tokio::test]
async fn too_many_connections_are_turned_away() {
    if !have(&["curl"]) {
        return;
    }
    let origin = Origin::http(|asked| match asked.target() {
        "/held" => Reply::Stall(Vec::new()),
        _ => Reply::page("open"),
    })
    .await;
    let school = School::with(&[("harbour.test", &origin)], TestCa::new(), |config| {
        config.limits.connections_per_address = 8
    });
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(school.proxy).await.unwrap();
        let held_up = b"GET http://harbour.test/held HTTP/1.1\r\nHost: harbour.test\r\n\r\n";
        stream.write_all(held_up).await.unwrap();
        held.push(stream);
    }
    // Those under way hold their places; where nothing goes on, one would make room.
    wait_for(|| (school.figures().requests >= 8).then_some(())).await;
    let mut ninth = TcpStream::connect(school.proxy).await.unwrap();
    let mut answer = String::new();
    ninth.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("Try again.\r\n"),
        "{answer}"
    );
    assert_eq!(school.figures().turned_away, 1);
    drop(held);
    let mut last = String::new();
    for _ in 0..100 {
        last = text(&school.curl(&["http://harbour.test/"]).await);
        if last == "open" {
            break;
        }
    }
    assert_eq!(last, "open");
}

/// Silent connections are closed: idle ones, and tunnels in which nothing is said.
#[tokio::test]
async fn silent_connections_are_closed() {
    let school = School::with(&[], TestCa::new(), quick);
    assert_eq!(school.raw("").await, "");
    let tunnel = school
        .raw("CONNECT harbour.test:443 HTTP/1.1\r\nHost: harbour.test:443\r\n\r\n")
        .await;
    assert!(
        tunnel.starts_with("HTTP/1.1 200 ") && tunnel.ends_with("\r\n\r\n"),
        "{tunnel}"
    );
    assert_eq!(&*school.events(1).await[0].rule, "nothing-said");
}

/// A second server on the same address is told so, not silently mixed with the first.
#[tokio::test]
async fn a_second_server_on_the_address_is_refused() {
    let school = School::with(&[], TestCa::new(), |config| config.workers = 3);
    let config = ProxyConfig {
        listen: vec![school.proxy],
        workers: 3,
        ..ProxyConfig::default()
    };
    let started = pharos_proxy::start(
        config,
        school.filter.clone(),
        school.seen.clone(),
        school.seen.clone(),
        std::sync::Arc::new(Nobody),
        tokio_util::sync::CancellationToken::new(),
    );
    let error = started.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(
        error.to_string().contains("choose another address"),
        "{error}"
    );
}

struct Nobody;

#[async_trait::async_trait]
impl pharos_proxy::SignIn for Nobody {
    async fn check(&self, _: &str, _: &str, _: std::net::IpAddr) -> pharos_proxy::SignInAnswer {
        pharos_proxy::SignInAnswer::Wrong
    }
}
