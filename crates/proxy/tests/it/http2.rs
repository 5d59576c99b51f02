//! HTTP/2 towards clients and origins, and between the two versions.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pharos_proxy::{Fixed, ProxyConfig, SignInMode};
use pharos_testkit::origin::{Origin, Reply, TestCa, Validity};
use pharos_testkit::tools::have;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::{School, text, wait_for};

/// An origin that speaks HTTP/2 and nothing else.
pub(crate) struct Http2Origin {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<http::request::Parts>>>,
    task: JoinHandle<()>,
}

impl Drop for Http2Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Http2Origin {
    /// Answers with the path, or with what was uploaded; `/wait` never, `/old` only over HTTP/1.1.
    pub(crate) async fn start(ca: &TestCa, names: &[&str]) -> Self {
        let mut config = (*ca.server(names, Validity::Now)).clone();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (count, log) = (Arc::clone(&connections), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, log, count) =
                    (acceptor.clone(), Arc::clone(&log), Arc::clone(&count));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    count.fetch_add(1, Ordering::SeqCst);
                    let service =
                        hyper::service::service_fn(move |request| reply(request, Arc::clone(&log)));
                    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    } else {
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    }
                });
            }
        });
        Self {
            address,
            connections,
            asked,
            task,
        }
    }

    pub(crate) fn asked(&self) -> Vec<http::request::Parts> {
        self.asked.lock().unwrap().clone()
    }
}

/// Why an HTTP/2 origin breaks a request off.
#[derive(Debug)]
struct Http11Required;

impl std::fmt::Display for Http11Required {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HTTP/1.1 is required")
    }
}

impl std::error::Error for Http11Required {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        static REASON: std::sync::OnceLock<h2::Error> = std::sync::OnceLock::new();
        Some(REASON.get_or_init(|| h2::Reason::HTTP_1_1_REQUIRED.into()))
    }
}

async fn reply(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<http::request::Parts>>>,
) -> Result<Response<Full<Bytes>>, Http11Required> {
    let (parts, body) = request.into_parts();
    log.lock().unwrap().push(parts.clone());
    match parts.uri.path() {
        "/wait" => std::future::pending::<()>().await,
        "/old" if parts.version == Version::HTTP_2 => return Err(Http11Required),
        _ => {}
    }
    let uploaded = body.collect().await.map(|body| body.to_bytes());
    let answer = match uploaded {
        Ok(bytes) if !bytes.is_empty() => bytes,
        _ => Bytes::from(parts.uri.path().to_owned()),
    };
    Ok(Response::new(Full::new(answer)))
}

pub(crate) fn fix(config: &mut ProxyConfig, name: &str, at: SocketAddr) {
    let fixed = Fixed {
        ip: at.ip(),
        port: Some(at.port()),
    };
    config.fixed.insert(name.to_owned(), fixed);
}

/// A TLS connection inside a tunnel through the proxy that agrees on HTTP/2.
async fn inside(school: &School, host: &str) -> TlsStream<TcpStream> {
    let mut stream = TcpStream::connect(school.proxy).await.unwrap();
    stream
        .write_all(format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let mut roots = RootCertStore::empty();
    roots
        .add(school.authority.certificate_der().clone())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    stream
}

/// A sender of HTTP/2 requests through the proxy, and the task of its connection.
async fn client(
    school: &School,
    host: &str,
) -> (SendRequest<Full<Bytes>>, JoinHandle<hyper::Result<()>>) {
    let stream = inside(school, host).await;
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    (sender, tokio::spawn(connection))
}

fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

async fn body(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// FIL-01, FIL-14: curl speaks HTTP/2 to the proxy, an HTTP/1.1 origin answers as always, and a
/// part that is closed shows the block page.
#[tokio::test]
async fn fil_14_http2_clients_meet_http1_origins_and_the_block_page() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let tls = ca.server(
        &["harbour.test", "part.test", "blocked.test"],
        Validity::Now,
    );
    let origin = Origin::https(tls, |asked| {
        Reply::page(asked.header("cookie").unwrap_or("no cookie"))
    })
    .await;
    let sites = [
        ("harbour.test", &origin),
        ("part.test", &origin),
        ("blocked.test", &origin),
    ];
    let school = School::with(&sites, ca, |_| {});
    let cookie = format!("a=1; long={}", "x".repeat(200));
    let answer = school
        .curl(&[
            "--http2",
            "--cookie",
            &cookie,
            "--write-out",
            "\n%{http_version}",
            "https://harbour.test/tides",
        ])
        .await;
    assert_eq!(text(&answer), format!("{cookie}\n2"), "{answer:?}");
    let asked = origin.asked().remove(0);
    assert_eq!(asked.header("host"), Some("harbour.test"));
    assert_eq!(asked.target(), "/tides");
    assert!(asked.head.starts_with("GET /tides HTTP/1.1\r\n"));
    for url in ["https://part.test/closed/x", "https://blocked.test/"] {
        let page = school.curl(&["--http2", "--include", url]).await;
        let page = text(&page);
        assert!(
            page.contains("HTTP/2 403") && page.contains("This site is blocked"),
            "{page}"
        );
    }
    let uploaded = school
        .curl(&[
            "--http2",
            "--data-binary",
            "@/proc/self/status",
            "https://harbour.test/up",
        ])
        .await;
    assert!(uploaded.status.success());
    assert!(origin.asked()[1].body.starts_with(b"Name:"));
}

/// FIL-01: many requests of one HTTP/2 client go to an HTTP/2 origin on one connection, each with
/// its own answer, headers as HTTP/2 asks for them.
#[tokio::test]
async fn fil_01_http2_requests_share_one_connection_to_the_origin() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = Http2Origin::start(&ca, &["harbour.test"]).await;
    let school = School::with(&[], ca, |config| {
        fix(config, "harbour.test", origin.address)
    });
    let (sender, _task) = client(&school, "harbour.test").await;
    let asking = (0..50).map(|number| {
        let mut sender = sender.clone();
        async move {
            let url = format!("https://harbour.test/page/{number}");
            let request = Request::get(url)
                .header("te", "trailers")
                .header("cookie", "a=1")
                .header("cookie", "b=2")
                .body(Full::default())
                .unwrap();
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert!(!answer.headers().contains_key("connection"));
            assert_eq!(body(answer).await, format!("/page/{number}"));
        }
    });
    futures_util::future::join_all(asking).await;
    assert_eq!(origin.connections.load(Ordering::SeqCst), 1);
    let asked = origin.asked();
    assert_eq!(asked.len(), 50);
    for parts in &asked {
        assert_eq!(parts.version, Version::HTTP_2);
        assert_eq!(parts.uri.authority().unwrap(), "harbour.test");
        assert!(!parts.headers.contains_key("host"));
        assert_eq!(parts.headers["te"], "trailers");
        assert_eq!(parts.headers["cookie"], "a=1; b=2");
    }
    let events = school.events(50).await;
    assert!(events.iter().all(|event| event.path.is_some()));
    // An HTTP/1.1 client of the same proxy is served by the same origin over HTTP/1.1.
    let answer = school
        .curl(&["--http1.1", "https://harbour.test/one"])
        .await;
    assert_eq!(text(&answer), "/one", "{answer:?}");
    let last = origin.asked().pop().unwrap();
    assert_eq!(last.version, Version::HTTP_11);
    assert_eq!(last.headers["host"], "harbour.test");
}

/// Megabytes up and down pass whole, on several streams at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fil_01_http2_bodies_pass_whole_both_ways() {
    let ca = TestCa::new();
    let origin = Http2Origin::start(&ca, &["harbour.test"]).await;
    let school = School::with(&[], ca, |config| {
        fix(config, "harbour.test", origin.address)
    });
    let (sender, _task) = client(&school, "harbour.test").await;
    let sending = (1_u8..5).map(|number| {
        let mut sender = sender.clone();
        async move {
            let upload = Bytes::from(vec![number; 1_500_000]);
            let request = Request::post("https://harbour.test/up")
                .body(Full::new(upload.clone()))
                .unwrap();
            let answer = sender.send_request(request).await.unwrap();
            let back = answer.into_body().collect().await.unwrap().to_bytes();
            assert!(back == upload, "{} came back", back.len());
        }
    });
    futures_util::future::join_all(sending).await;
    let events = school.events(4).await;
    assert!(
        events
            .iter()
            .all(|event| (event.bytes_up, event.bytes_down) == (1_500_000, 1_500_000)),
        "{events:?}"
    );
}

/// An origin that wants HTTP/1.1 for a request is asked again over HTTP/1.1, and from then on.
#[tokio::test]
async fn fil_01_an_origin_may_ask_for_http1() {
    let ca = TestCa::new();
    let origin = Http2Origin::start(&ca, &["harbour.test"]).await;
    let school = School::with(&[], ca, |config| {
        fix(config, "harbour.test", origin.address)
    });
    let (mut sender, _task) = client(&school, "harbour.test").await;
    for _ in 0..2 {
        let answer = sender.send_request(get("https://harbour.test/old")).await;
        assert_eq!(body(answer.unwrap()).await, "/old");
    }
    let versions: Vec<_> = origin.asked().iter().map(|parts| parts.version).collect();
    assert_eq!(
        versions,
        [Version::HTTP_2, Version::HTTP_11, Version::HTTP_11]
    );
}

/// FIL-16: inside an HTTP/2 connection another host or a tunnel is refused, and the connection
/// goes on.
#[tokio::test]
async fn fil_16_http2_cannot_be_talked_around() {
    let ca = TestCa::new();
    let origin = Http2Origin::start(&ca, &["harbour.test", "blocked.test"]).await;
    let school = School::with(&[], ca, |config| {
        fix(config, "harbour.test", origin.address);
        fix(config, "blocked.test", origin.address);
        config.limits.headers = 20;
    });
    let (mut sender, _task) = client(&school, "harbour.test").await;
    let empty = Full::<Bytes>::default;
    let mut many = Request::get("https://harbour.test/many");
    for number in 0..21 {
        many = many.header(format!("x-{number}"), "1");
    }
    let refused = [
        (get("https://blocked.test/"), 400),
        (get("http://harbour.test/"), 400),
        (get("https://harbour.test:8443/"), 400),
        (
            Request::get("https://harbour.test/")
                .header("host", "blocked.test")
                .body(empty())
                .unwrap(),
            400,
        ),
        (
            Request::builder()
                .method(Method::CONNECT)
                .uri("blocked.test:443")
                .body(empty())
                .unwrap(),
            501,
        ),
        (
            Request::builder()
                .method(Method::TRACE)
                .uri("https://harbour.test/")
                .body(empty())
                .unwrap(),
            501,
        ),
        (many.body(empty()).unwrap(), 431),
    ];
    for (request, status) in refused {
        let told = format!("{request:?}");
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{told}");
    }
    let answer = sender.send_request(get("https://harbour.test/on")).await;
    assert_eq!(body(answer.unwrap()).await, "/on");
    assert_eq!(origin.asked().len(), 1);
}

/// A client that asks and takes back without end is cut off; the origin and others are not
/// troubled by it.
#[tokio::test]
async fn fil_17_requests_taken_back_without_end_end_the_connection() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = Http2Origin::start(&ca, &["harbour.test"]).await;
    let school = School::with(&[], ca, |config| {
        fix(config, "harbour.test", origin.address)
    });
    let (sender, task) = client(&school, "harbour.test").await;
    let mut rounds = 0;
    while !task.is_finished() && rounds < 2_000 {
        rounds += 1;
        let before = origin.asked().len();
        let mut one = sender.clone();
        let asking = tokio::spawn(async move {
            let _ = one.send_request(get("https://harbour.test/wait")).await;
        });
        wait_for(|| (origin.asked().len() > before || task.is_finished()).then_some(())).await;
        asking.abort();
        let _ = asking.await;
    }
    assert!(rounds < 2_000, "the connection was never ended");
    assert!(rounds > 50, "a browser takes back this many: {rounds}");
    let answer = school.curl(&["--http2", "https://harbour.test/on"]).await;
    assert_eq!(text(&answer), "/on", "{answer:?}");
}

/// A head that is too large is refused, and a connection on which nothing is asked ends.
#[tokio::test]
async fn fil_17_http2_clients_are_bounded() {
    let ca = TestCa::new();
    let origin = Http2Origin::start(&ca, &["harbour.test"]).await;
    let school = School::with(&[], ca, |config| {
        fix(config, "harbour.test", origin.address);
        config.limits.head_bytes = 8 * 1024;
        config.limits.idle = Duration::from_secs(1);
    });
    let (mut sender, task) = client(&school, "harbour.test").await;
    let large = Request::get("https://harbour.test/")
        .header("x-large", "x".repeat(12 * 1024))
        .body(Full::default())
        .unwrap();
    match sender.send_request(large).await {
        Ok(answer) => assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(error) => assert!(!error.is_timeout(), "{error}"),
    }
    assert!(origin.asked().is_empty());
    // The sender stays: it is the proxy that ends the quiet connection.
    let ended = task.await.unwrap();
    drop(sender);
    assert!(ended.is_ok(), "{ended:?}");
}

/// HTTP/1.1 connections to an origin that speaks nothing else stay few, however much one HTTP/2
/// client asks at once.
#[tokio::test]
async fn fil_17_an_http2_client_opens_few_http1_connections() {
    let ca = TestCa::new();
    let tls = ca.server(&["harbour.test"], Validity::Now);
    let origin = Origin::https(tls, |asked| Reply::page(asked.target())).await;
    let school = School::with(&[("harbour.test", &origin)], ca, |config| {
        config.limits.http1_per_http2 = 4;
    });
    let (sender, _task) = client(&school, "harbour.test").await;
    let asking = (0..60).map(|number| {
        let mut sender = sender.clone();
        async move {
            let url = format!("https://harbour.test/{number}");
            let answer = sender.send_request(get(&url)).await.unwrap();
            assert_eq!(body(answer).await, format!("/{number}"));
        }
    });
    futures_util::future::join_all(asking).await;
    assert_eq!(origin.asked().len(), 60);
    assert!(origin.connections() <= 5, "{}", origin.connections());
}

/// MON-02: Kerberos, NTLM and the like over the proxy are refused with a page that says so and
/// offers what works.
#[tokio::test]
async fn mon_02_sign_in_methods_that_are_not_known_are_refused_clearly() {
    if !have(&["curl"]) {
        return;
    }
    let origin = Origin::http(|_| Reply::page("in")).await;
    let school = School::with(&[("harbour.test", &origin)], TestCa::new(), |config| {
        config.sign_in = SignInMode::Required;
    });
    for scheme in ["Negotiate YII=", "NTLM TlRM", "Digest x=1", "Bearer x"] {
        let header = format!("Proxy-Authorization: {scheme}\r\n");
        let answer = school.get("http://harbour.test/", &header).await;
        assert!(
            answer.starts_with("HTTP/1.1 407 ")
                && answer.to_lowercase().contains("proxy-authenticate: basic")
                && answer.contains("does not know this way of signing in"),
            "{answer}"
        );
    }
    let answer = school
        .curl(&[
            "--proxy-negotiate",
            "--proxy-user",
            ":",
            "--include",
            "http://harbour.test/",
        ])
        .await;
    assert!(text(&answer).contains(" 407 "), "{answer:?}");
    assert!(origin.asked().is_empty());
}

/// FIL-17: an HTTP/2 connection on which nothing is asked makes room where the proxy is at its bound, in
/// the way that lets its client know.
#[tokio::test]
async fn fil_17_an_idle_http2_connection_makes_room() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = Http2Origin::start(&ca, &["harbour.test"]).await;
    let school = School::with(&[], ca, |config| {
        fix(config, "harbour.test", origin.address);
        config.limits.connections = 1;
    });
    let (mut sender, task) = client(&school, "harbour.test").await;
    let answer = sender.send_request(get("https://harbour.test/a")).await;
    body(answer.unwrap()).await;
    let mut page = String::new();
    for _ in 0..100 {
        // Until the proxy has noted that the answer is out, all is at work.
        page = text(&school.curl(&["https://blocked.test/"]).await);
        if page.contains("This site is blocked") {
            break;
        }
    }
    assert!(page.contains("This site is blocked"), "{page}");
    let ended = task.await.unwrap();
    drop(sender);
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!(school.figures().made_room, 1);
}
