//! Where names lead that the resolver blocks.

use std::net::SocketAddr;
use std::time::Duration;

use pharos_catalogue::{Address, Host};
use pharos_proxy::ProxyConfig;
use pharos_testkit::origin::{Origin, Reply, TestCa};
use pharos_testkit::tools::have;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{ADA, BEN, School, TESS, raw_to, text};

/// A school whose resolver leads blocked names to this listener.
fn school(
    sites: &[(&str, &Origin)],
    change: impl FnOnce(&mut ProxyConfig),
) -> (School, SocketAddr) {
    let school = School::with(sites, TestCa::new(), |config| {
        config.block_pages = vec!["127.0.0.1:0".parse().unwrap()];
        change(config);
    });
    let at = school.running.as_ref().unwrap().block_pages()[0];
    (school, at)
}

async fn get(at: SocketAddr, host: &str, path: &str, accept: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
    raw_to(at, request).await
}

/// Real curl that believes the host to be at the block page.
async fn curl(school: &School, at: SocketAddr, arguments: &[&str]) -> std::process::Output {
    let mut command = tokio::process::Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--noproxy",
            "*",
        ])
        .args(["--connect-to", &format!("::{at}")])
        .arg("--cacert")
        .arg(&school.ca_file)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.output().await.unwrap()
}

/// FIL-14: whoever follows a name that the resolver blocks reads the block page in words for their
/// age, with the way to ask and to report; the report carries the whole address. The visit makes
/// no event: the look-up has made one.
#[tokio::test]
async fn fil_14_a_blocked_name_leads_to_the_page_for_its_reader() {
    let (school, at) = school(&[], |_| {});
    let mut pages = Vec::new();
    for who in [BEN, ADA] {
        school.sign_in(who);
        pages.push(get(at, "blocked.test", "/quiz?q=1", "text/html").await);
    }
    for page in &pages {
        assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
        for wanted in [
            "blocked.test",
            "/blocked/",
            "/report\"",
            "/ask\"",
            "no-store",
        ] {
            assert!(page.contains(wanted), "{wanted:?} is missing: {page}");
        }
    }
    assert!(pages[0].contains("Turn the screen off. Then tell your teacher."));
    assert!(pages[1].contains("tell an adult you trust"));
    let blocked = school.blocked();
    let first = (blocked[0].host.as_deref(), blocked[0].path.as_deref());
    assert_eq!(first, (Some("blocked.test"), Some("/quiz?q=1")));
    for accept in ["image/avif,image/webp,*/*;q=0.8", "text/css,*/*;q=0.1"] {
        let icon = get(at, "blocked.test:8080", "/favicon.ico", accept).await;
        assert!(
            icon.starts_with("HTTP/1.1 403 ") && !icon.contains("<html"),
            "{icon}"
        );
    }
    assert_eq!(
        school.blocked().len(),
        2,
        "a picture opens nothing at the desk"
    );
    let sealed = get(at, "sealed.test", "/", "text/html").await;
    assert!(sealed.contains("criminal offence") && !sealed.contains("sealed.test"));
    school.sign_in(TESS);
    let warned = get(at, "warned.test", "/", "text/html").await;
    assert!(
        warned.starts_with("HTTP/1.1 403 ") && !warned.contains("Go on"),
        "a look-up cannot be gone on with: {warned}"
    );
    // One that is recorded, so that all that would have been before it are there.
    school.get("http://blocked.test/last", "").await;
    let events = school.events(1).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].path.as_deref(), Some("/last"));
}

/// FIL-14, FIL-05: a name that is blocked for pupils and not for staff is no dead end for a
/// teacher whose device still believes the older answer, and sends nobody round in circles.
#[tokio::test]
async fn fil_14_what_is_open_now_says_so_and_leads_nowhere() {
    let (school, at) = school(&[], |_| {});
    school.sign_in(ADA);
    let games = get(at, "games.test", "/", "text/html").await;
    assert!(games.starts_with("HTTP/1.1 403 "), "{games}");
    for who in [TESS, BEN] {
        school.sign_in(who);
        let host = if who == TESS {
            "games.test"
        } else {
            "open.test"
        };
        let page = get(at, host, "/", "text/html").await;
        assert!(page.starts_with("HTTP/1.1 503 "), "{page}");
        let low = page.to_lowercase();
        for wanted in [
            "retry-after: 60",
            "cache-control: no-store",
            "connection: close",
        ] {
            assert!(low.contains(wanted), "{wanted}: {page}");
        }
        assert!(page.contains("Try this page again") && page.contains(host));
        for round in ["location:", "refresh", "<script"] {
            assert!(!low.contains(round), "{round}: {page}");
        }
    }
    let data = get(at, "open.test", "/feed", "application/json").await;
    assert!(
        data.starts_with("HTTP/1.1 503 ") && !data.contains("<html"),
        "{data}"
    );
}

/// FIL-14, FIL-16: a name that the resolver blocks only for where it leads is met by the real reason,
/// decided anew for each reader, over HTTP and HTTPS; what is sealed is not shown.
#[tokio::test]
async fn fil_14_a_name_blocked_for_where_it_leads_says_so() {
    if !have(&["curl"]) {
        return;
    }
    let (school, at) = school(&[], |_| {});
    let note = |name: &str, place: &str| {
        let place = Address::of_host(Host::parse(place).unwrap());
        school
            .filter
            .aliases()
            .note(&Host::parse(name).unwrap(), &place);
    };
    note("shop.test", "open.test");
    note("shop.test", "games.test");
    note("dark.test", "sealed.test");
    note("bank.test", "games.test");
    school.sign_in(ADA);
    let page = get(at, "shop.test", "/cart", "text/html").await;
    assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    for wanted in [
        "shop.test",
        "Its name leads to another site. It is a games site.",
    ] {
        assert!(page.contains(wanted), "{wanted:?} is missing: {page}");
    }
    let kept = school.blocked().pop().unwrap();
    assert_eq!(kept.host.as_deref(), Some("shop.test"));
    assert_eq!((&*kept.rule, &*kept.categories[0]), ("no-games", "gaming"));
    let secure = curl(&school, at, &["https://shop.test/cart"]).await;
    assert!(text(&secure).contains("a games site"), "{secure:?}");
    let unopened = curl(&school, at, &["https://bank.test/"]).await;
    assert!(
        !unopened.status.success() && text(&unopened).is_empty(),
        "never looked into, wherever it leads: {unopened:?}"
    );
    let sealed = get(at, "dark.test", "/", "text/html").await;
    assert!(sealed.contains("criminal offence"), "{sealed}");
    assert!(!sealed.contains("dark.test") && !sealed.contains("sealed.test"));
    school.sign_in(TESS);
    let page = get(at, "shop.test", "/cart", "text/html").await;
    assert!(
        page.starts_with("HTTP/1.1 503 ") && page.contains("Try this page again"),
        "a teacher may go where it leads: {page}"
    );
}

/// FIL-16: nothing is ever passed on from here, whatever is asked for and in whatever form.
#[tokio::test]
async fn fil_16_the_block_page_is_no_proxy() {
    let origin = Origin::http(|_| Reply::page("the tide tables")).await;
    let (school, at) = school(&[("open.test", &origin)], |_| {});
    school.sign_in(TESS);
    for request in [
        "GET http://open.test/ HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n",
        "CONNECT open.test:443 HTTP/1.1\r\nHost: open.test:443\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n",
        "POST /.well-known/pharos/go-on HTTP/1.1\r\nHost: open.test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a@open.test\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: open.test\r\nHost: blocked.test\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: open.test\r\n\r\n",
    ] {
        let answer = raw_to(at, request).await;
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse::<u16>().ok());
        assert!(
            status.is_some_and(|status| status >= 400),
            "{request}: {answer}"
        );
        assert!(!answer.contains("tide tables"), "{request}: {answer}");
    }
    assert_eq!(origin.asked().len(), 0);
    let own = get(at, &at.to_string(), "/", "text/html").await;
    assert!(own.starts_with("HTTP/1.1 200 ") && own.contains("The web filter of"));
}

/// FIL-14: over HTTPS a device that trusts the school's certificate sees the page; what is not
/// blocked, never opened, or names nobody is reset at once, and no certificate is made for it.
#[tokio::test]
async fn fil_14_a_blocked_name_over_https() {
    if !have(&["curl"]) {
        return;
    }
    let (school, at) = school(&[], |_| {});
    school.sign_in(ADA);
    let with = ["-w", "%{http_code} %{http_version}"];
    let page = curl(
        &school,
        at,
        &[&with[..], &["https://blocked.test/deep?q=1"]].concat(),
    )
    .await;
    let page = text(&page);
    assert!(
        page.contains("blocked.test") && page.ends_with("403 1.1"),
        "{page}"
    );
    let deep = school.blocked().pop().unwrap();
    assert_eq!(deep.path.as_deref(), Some("/deep?q=1"));
    let stranger = curl(
        &school,
        at,
        &[
            "--capath",
            "/nonexistent",
            "--cacert",
            "/dev/null",
            "https://blocked.test/",
        ],
    )
    .await;
    assert_ne!(
        stranger.status.code(),
        Some(0),
        "the certificate is the school's own"
    );
    for host in ["open.test", "bank.test", "127.0.0.1"] {
        let reset = curl(&school, at, &[&format!("https://{host}/")]).await;
        assert_eq!(reset.status.code(), Some(35), "{host}: {reset:?}");
    }
    let other = curl(
        &school,
        at,
        &[
            "-w",
            "%{http_code}",
            "-H",
            "Host: games.test",
            "https://blocked.test/",
        ],
    )
    .await;
    assert!(
        text(&other).ends_with("400") || text(&other).ends_with("421"),
        "{other:?}"
    );
    assert_eq!(school.figures().inspected, 2);
}

/// FIL-17: heads, connections and patience are bounded here as at the proxy; before any policy is
/// in force everybody is told to wait.
#[tokio::test]
async fn fil_17_the_block_page_has_bounds() {
    let (_school, at) = school(&[], |config| {
        config.limits.head_time = Duration::from_millis(200);
        config.limits.handshake = Duration::from_millis(200);
    });
    let huge = format!(
        "GET / HTTP/1.1\r\nHost: blocked.test\r\nX: {}\r\n",
        "a".repeat(70_000)
    );
    assert!(raw_to(at, huge).await.starts_with("HTTP/1.1 431 "));
    let slow = raw_to(at, "GET / HTTP/1.1\r\nHost: blocked.te").await;
    assert!(slow.starts_with("HTTP/1.1 408 "), "{slow}");
    let mut silent = TcpStream::connect(at).await.unwrap();
    assert!(is_ended(&mut silent).await, "silence is ended as well");
    let (_school, at) = school(&[], |config| config.limits.connections_per_address = 1);
    let _held = TcpStream::connect(at).await.unwrap();
    let mut second = TcpStream::connect(at).await.unwrap();
    assert!(is_ended(&mut second).await, "one too many");
}

/// Waits until the other side ends the connection; `false` where it says something first.
async fn is_ended(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))
}

/// FIL-17: without a policy in force nothing is judged, and nobody is told that a site is open.
#[tokio::test]
async fn fil_17_before_a_policy_is_in_force_the_block_page_waits() {
    if !have(&["curl"]) {
        return;
    }
    let school = School::start(&[], TestCa::new(), false, |config| {
        config.block_pages = vec!["127.0.0.1:0".parse().unwrap()];
    });
    let at = school.running.as_ref().unwrap().block_pages()[0];
    let page = get(at, "open.test", "/", "text/html").await;
    assert!(
        page.starts_with("HTTP/1.1 503 ") && page.contains("filter is starting"),
        "{page}"
    );
    let reset = curl(&school, at, &["https://blocked.test/"]).await;
    assert_eq!(reset.status.code(), Some(35), "{reset:?}");
}
