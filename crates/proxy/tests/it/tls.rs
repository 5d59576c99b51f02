//! CONNECT: tunnels, interception, certificates.

use std::sync::Arc;

use jiff::Timestamp;
use pharos_policy::Action;
use pharos_proxy::{AuthoritySpec, CertificateAuthority};
use pharos_school::Face;
use pharos_testkit::origin::{Origin, Reply, TestCa, Validity, self_signed};
use pharos_testkit::tools::have;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::{ADA, School, snapshot, text, wait_for};

async fn site(ca: &TestCa, name: &str, body: &'static str) -> Origin {
    Origin::https(ca.server(&[name], Validity::Now), move |_| {
        Reply::page(body)
    })
    .await
}

/// FIL-01, MON-01: inside an inspected connection the whole address is seen, decided and recorded;
/// real curl trusts the school's certificate.
#[tokio::test]
async fn fil_01_https_is_looked_into_and_recorded() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = Origin::https(
        ca.server(&["harbour.test", "part.test"], Validity::Now),
        |asked| Reply::Page {
            status: "200 OK",
            headers: vec![
                ("Alt-Svc".into(), "h3=\":443\"".into()),
                ("X-Kept".into(), "yes".into()),
            ],
            body: asked.target().as_bytes().to_vec(),
        },
    )
    .await;
    let school = School::with(
        &[("harbour.test", &origin), ("part.test", &origin)],
        ca,
        |_| {},
    );
    school.sign_in(ADA);
    let answer = school
        .curl(&["--include", "https://harbour.test/tides?day=2"])
        .await;
    let answer = text(&answer);
    assert!(
        answer.ends_with("/tides?day=2") && answer.to_lowercase().contains("x-kept: yes"),
        "{answer}"
    );
    assert!(!answer.to_lowercase().contains("alt-svc"), "{answer}");
    let event = school.events(1).await.remove(0);
    assert_eq!(
        (&*event.host, event.path.as_deref(), event.face),
        ("harbour.test", Some("/tides?day=2"), Face::Https)
    );
    assert_eq!(
        origin.asked()[0].server_name.as_deref(),
        Some("harbour.test")
    );
    // A part of a site can be blocked because the path is seen.
    let part = text(&school.curl(&["https://part.test/closed/x"]).await);
    assert!(part.contains("This site is blocked"), "{part}");
    assert_eq!(
        text(&school.curl(&["https://part.test/open"]).await),
        "/open"
    );
    assert!(school.figures().inspected >= 3);
}

/// FIL-14: the block page of an HTTPS site comes over HTTPS, without the origin being asked.
#[tokio::test]
async fn fil_14_the_block_page_is_shown_over_https() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = site(&ca, "blocked.test", "never").await;
    let school = School::with(&[("blocked.test", &origin)], ca, |_| {});
    let page = school.curl(&["--include", "https://blocked.test/"]).await;
    assert!(text(&page).contains("This site is blocked"), "{page:?}");
    assert_eq!(origin.connections(), 0);
    assert_eq!(school.events(1).await[0].action, "block");
}

/// Without interception a blocked HTTPS site is refused at CONNECT, with the page for those who
/// can read it.
#[tokio::test]
async fn fil_01_without_interception_connect_is_refused() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = site(&ca, "harbour.test", "sealed envelope").await;
    let school = School::with(
        &[("harbour.test", &origin), ("blocked.test", &origin)],
        ca,
        |config| config.authority = None,
    );
    let answer = school
        .raw("CONNECT blocked.test:443 HTTP/1.1\r\nHost: blocked.test:443\r\n\r\n")
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 403 ") && answer.contains("This site is blocked"),
        "{answer}"
    );
    let through = school.curl(&["--insecure", "https://harbour.test/"]).await;
    assert_eq!(text(&through), "sealed envelope");
    let events = school.events(2).await;
    assert!(
        events
            .iter()
            .all(|event| event.face == Face::Tunnel && event.path.is_none())
    );
    assert!(
        events
            .iter()
            .any(|event| event.action == Action::Allow.name()
                && event.bytes_down > 500
                && event.bytes_up > 100),
        "{events:?}"
    );
}

/// FIL-03: a host is looked into for the sealed page that lies on it, although the policy never
/// inspects it; the page is blocked and the rest of the host goes on.
#[tokio::test]
async fn fil_03_a_sealed_page_is_found_on_a_host_that_is_never_inspected() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = site(&ca, "vault.test", "what the vault says").await;
    let school = School::with(&[("vault.test", &origin)], ca, |_| {});
    let rest = school.curl(&["https://vault.test/"]).await;
    assert_eq!(text(&rest), "what the vault says");
    let sealed = text(&school.curl(&["https://vault.test/cellar"]).await);
    assert!(
        sealed.contains("Access is denied") && !sealed.contains("what the vault says"),
        "{sealed}"
    );
    let hit = school
        .events(2)
        .await
        .into_iter()
        .find(|event| event.sealed.is_some());
    assert_eq!(hit.unwrap().action, Action::Block.name());
    assert_eq!(school.figures().tunnels, 0);
}

/// FIL-03: where the proxy looks into connections but cannot look into this one, because its
/// certificate is not made for the host, it is not passed on unseen.
#[tokio::test]
async fn fil_03_a_host_with_a_sealed_page_is_never_tunnelled() {
    let ca = TestCa::new();
    let origin = site(&ca, "vault.test", "balance").await;
    let school = School::with(&[("vault.test", &origin)], ca, |config| {
        let spec = AuthoritySpec {
            school: "Harbourmouth School".to_owned(),
            never: vec!["vault.test".to_owned()],
            now: Timestamp::now(),
        };
        config.authority = Some(Arc::new(CertificateAuthority::create(&spec).unwrap()));
    });
    let answer = school
        .raw("CONNECT vault.test:443 HTTP/1.1\r\nHost: vault.test:443\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let events = school.events(1).await;
    assert_eq!(
        (events[0].action, &*events[0].rule),
        (Action::Block.name(), "sealed-page-unseen")
    );
}

/// Sites that are never to be inspected are tunnelled untouched: the client meets the origin's own
/// certificate.
#[tokio::test]
async fn fil_01_what_is_never_inspected_meets_its_own_certificate() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = site(&ca, "bank.test", "balance").await;
    let root = ca.certificate();
    let school = School::with(&[("bank.test", &origin)], ca, |_| {});
    let trusting_school = school.curl(&["https://bank.test/"]).await;
    assert_eq!(
        trusting_school.status.code(),
        Some(60),
        "{trusting_school:?}"
    );
    let mut stream = connect(&school, "bank.test", "bank.test", root)
        .await
        .unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: bank.test\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..read]).ends_with("balance"));
    drop(stream);
    wait_for(|| (school.figures().tunnels == 2).then_some(())).await;
    assert_eq!(school.figures().inspected, 0);
}

/// FIL-01: an origin whose certificate a browser would refuse is never covered by ours: the page
/// explains it, and no request reaches the origin.
#[tokio::test]
async fn fil_01_bad_origin_certificates_are_never_covered() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let page = |_: &pharos_testkit::origin::Asked| Reply::page("never");
    let expired = Origin::https(ca.server(&["expired.test"], Validity::Expired), page).await;
    let early = Origin::https(ca.server(&["early.test"], Validity::NotYet), page).await;
    let wrong = Origin::https(ca.server(&["other.test"], Validity::Now), page).await;
    let alone = Origin::https(self_signed(&["alone.test"]), page).await;
    let stranger = Origin::https(
        TestCa::new().server(&["stranger.test"], Validity::Now),
        page,
    )
    .await;
    let sites = [
        ("expired.test", &expired),
        ("early.test", &early),
        ("wrong.test", &wrong),
        ("alone.test", &alone),
        ("stranger.test", &stranger),
    ];
    let school = School::with(&sites, ca, |_| {});
    for (host, code) in [
        ("expired.test", "certificate-expired"),
        ("early.test", "certificate-not-yet-valid"),
        ("wrong.test", "certificate-wrong-host"),
        ("alone.test", "certificate-"),
        ("stranger.test", "certificate-unknown-issuer"),
    ] {
        let answer = school
            .curl(&["--include", &format!("https://{host}/")])
            .await;
        let answer = text(&answer);
        assert!(
            answer.contains(" 502 ")
                && answer.contains(code)
                && answer.contains("not safe to open"),
            "{host}: {answer}"
        );
    }
    assert!(sites.iter().all(|(_, origin)| origin.asked().is_empty()));
    assert_eq!(school.figures().bad_certificates, 5);
    let events = school.events(5).await;
    assert!(
        events
            .iter()
            .all(|event| event.action == "block" && event.rule.starts_with("certificate-")),
        "{events:?}"
    );
}

pub(crate) async fn connect(
    school: &School,
    host: &str,
    server_name: &str,
    root: rustls::pki_types::CertificateDer<'static>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut stream = TcpStream::connect(school.proxy).await?;
    stream
        .write_all(format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").as_bytes())
        .await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 200 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    let mut roots = RootCertStore::empty();
    roots.add(root).map_err(std::io::Error::other)?;
    let config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(std::io::Error::other)?
    .with_root_certificates(roots)
    .with_no_client_auth();
    let name = ServerName::try_from(server_name.to_owned()).map_err(std::io::Error::other)?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// FIL-17: a connection that is looked into keeps, while nothing is asked on it, no policy and no list
/// that is out of force.
#[tokio::test]
async fn fil_17_an_idle_connection_keeps_nothing_that_is_out_of_force() {
    let ca = TestCa::new();
    let origin = site(&ca, "harbour.test", "tide").await;
    let school = School::with(&[("harbour.test", &origin)], ca, |_| {});
    let old = Arc::downgrade(&school.filter.snapshot().unwrap());
    let root = school.authority.certificate_der().clone();
    let mut stream = connect(&school, "harbour.test", "harbour.test", root)
        .await
        .unwrap();
    for _ in 0..2 {
        let ask = b"GET / HTTP/1.1\r\nHost: harbour.test\r\n\r\n";
        stream.write_all(ask).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"tide") {
            answer.push(stream.read_u8().await.unwrap());
        }
        school.filter.install(snapshot());
        wait_for(|| old.upgrade().is_none().then_some(())).await;
    }
}

/// FIL-16: the name inside the connection must be the name asked for.
#[tokio::test]
async fn fil_16_a_different_name_inside_is_refused() {
    let ca = TestCa::new();
    let origin = site(&ca, "harbour.test", "never").await;
    let school = School::with(
        &[("harbour.test", &origin), ("bank.test", &origin)],
        ca,
        |_| {},
    );
    for outer in ["harbour.test", "bank.test"] {
        let root = school.authority.certificate_der().clone();
        assert!(connect(&school, outer, "blocked.test", root).await.is_err());
    }
    let events = school.events(2).await;
    assert!(
        events
            .iter()
            .all(|event| event.action == "block" && &*event.rule == "server-name-disagrees"),
        "{events:?}"
    );
    assert!(origin.asked().is_empty());
}

/// Inside an inspected connection another host cannot be asked for.
#[tokio::test]
async fn fil_01_another_host_inside_the_connection_is_refused() {
    let ca = TestCa::new();
    let origin = site(&ca, "harbour.test", "never").await;
    let school = School::with(
        &[("harbour.test", &origin), ("blocked.test", &origin)],
        ca,
        |_| {},
    );
    let root = school.authority.certificate_der().clone();
    for request in [
        "GET / HTTP/1.1\r\nHost: blocked.test\r\n\r\n",
        "GET https://blocked.test/ HTTP/1.1\r\nHost: harbour.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: harbour.test\r\nHost: harbour.test\r\n\r\n",
    ] {
        let mut stream = connect(&school, "harbour.test", "harbour.test", root.clone())
            .await
            .unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(
            answer.starts_with(b"HTTP/1.1 400 "),
            "{request:?}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert!(origin.asked().is_empty());
}

/// A client that does not trust the school's certificate is counted and named as that.
#[tokio::test]
async fn a_client_without_the_certificate_is_noticed() {
    let ca = TestCa::new();
    let origin = site(&ca, "harbour.test", "never").await;
    let root = ca.certificate();
    let school = School::with(&[("harbour.test", &origin)], ca, |_| {});
    for number in 1..=3 {
        assert!(school.proposals().is_empty());
        let root = root.clone();
        assert!(
            connect(&school, "harbour.test", "harbour.test", root)
                .await
                .is_err()
        );
        let events = school.events(number).await;
        assert_eq!(&*events[number - 1].rule, "certificate-not-trusted");
    }
    let proposal = school.proposals().remove(0);
    assert_eq!((&*proposal.host, proposal.distrusted), ("harbour.test", 3));
    assert_eq!((proposal.devices, school.figures().distrusted), (1, 3));
    for number in 4..=6 {
        let root = root.clone();
        let refused = connect(&school, "blocked.test", "blocked.test", root).await;
        assert!(refused.is_err());
        school.events(number).await;
    }
    assert_eq!(
        school.proposals().len(),
        1,
        "what is blocked is not proposed"
    );
}

/// An application that leaves as soon as it sees our certificate, without a word, is noticed too.
#[tokio::test]
async fn fil_01_an_application_that_leaves_at_our_certificate_is_proposed() {
    let ca = TestCa::new();
    let origin = site(&ca, "harbour.test", "never").await;
    let school = School::with(&[("harbour.test", &origin)], ca, |_| {});
    for number in 1..=3 {
        let root = school.authority.certificate_der().clone();
        let mut stream = TcpStream::connect(school.proxy).await.unwrap();
        stream
            .write_all(b"CONNECT harbour.test:443 HTTP/1.1\r\nHost: harbour.test:443\r\n\r\n")
            .await
            .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("harbour.test").unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        stream.write_all(&hello).await.unwrap();
        // The server's whole flight, certificate included, then gone.
        let mut flight = [0; 64];
        stream.read_exact(&mut flight).await.unwrap();
        drop(stream);
        let events = school.events(number).await;
        assert_eq!(&*events[number - 1].rule, "left-at-certificate");
    }
    let proposal = school.proposals().remove(0);
    assert_eq!((&*proposal.host, proposal.left), ("harbour.test", 3));
}

/// FIL-01: keys and signatures that browsers no longer accept are refused here too, in words for
/// the reader. The certificates are made by openssl, which still makes them.
#[tokio::test]
async fn fil_01_weak_certificates_are_refused_in_words_for_the_reader() {
    if !have(&["curl", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let openssl = |arguments: &str| {
        let output = std::process::Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(folder.path())
            .output()
            .unwrap_or_else(|error| {
                panic!("openssl is needed for this test (Debian package openssl): {error}")
            });
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {told}");
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=Old");
    let mut origins = Vec::new();
    for (host, bits, digest) in [
        ("short.test", 1024, "sha256"),
        ("sha1.test", 2048, "sha1"),
        ("good.test", 2048, "sha256"),
    ] {
        openssl(&format!(
            "req -newkey rsa:{bits} -nodes -keyout {host}.key -out {host}.csr -subj /CN={host}"
        ));
        let names = format!("subjectAltName=DNS:{host}\nbasicConstraints=CA:FALSE\n");
        std::fs::write(folder.path().join("names"), names).unwrap();
        openssl(&format!(
            "x509 -req -in {host}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -{digest} -extfile names -out {host}.pem"
        ));
        origins.push((host, weak_origin(folder.path(), host).await));
    }
    let root = CertificateDer::from_pem_file(folder.path().join("ca.pem")).unwrap();
    let school = School::with(&[], TestCa::new(), |config| {
        config.extra_roots = vec![root];
        for (host, (_, at)) in &origins {
            let fixed = pharos_proxy::Fixed {
                ip: at.ip(),
                port: Some(at.port()),
            };
            config.fixed.insert((*host).to_owned(), fixed);
        }
    });
    let good = school.curl(&["https://good.test/"]).await;
    assert!(text(&good).contains("s_server"), "{good:?}");
    for (reader, words) in [
        (crate::support::BEN, "Close the page and tell a grown-up"),
        (crate::support::TESS, "so weak that others could forge it"),
    ] {
        school.sign_in(reader);
        for host in ["short.test", "sha1.test"] {
            let answer = school
                .curl(&["--include", &format!("https://{host}/")])
                .await;
            let answer = text(&answer);
            assert!(
                answer.contains(" 502") && answer.contains("certificate-weak"),
                "{host}: {answer}"
            );
            assert!(answer.contains(words), "{host}: {answer}");
        }
    }
}

/// A server run by openssl, which lets a weak key sign; gone when dropped.
async fn weak_origin(
    folder: &std::path::Path,
    host: &str,
) -> (tokio::process::Child, std::net::SocketAddr) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let mut child = tokio::process::Command::new("openssl")
        .args(["s_server", "-quiet", "-www", "-accept", &at.to_string()])
        .args(["-cipher", "ALL:@SECLEVEL=0"])
        .args([
            "-key",
            &format!("{host}.key"),
            "-cert",
            &format!("{host}.pem"),
        ])
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    while TcpStream::connect(at).await.is_err() {
        assert!(child.try_wait().unwrap().is_none(), "openssl ended");
        tokio::task::yield_now().await;
    }
    (child, at)
}

/// Plain HTTP and other protocols inside a tunnel: the first is filtered as HTTP, the second
/// refused.
#[tokio::test]
async fn fil_16_what_is_not_tls_does_not_slip_through_connect() {
    let origin = Origin::http(|_| Reply::page("plain")).await;
    let school = School::open(&[("harbour.test", &origin), ("part.test", &origin)]);
    let tunnel = |host: &str, inside: &str| {
        format!("CONNECT {host}:80 HTTP/1.1\r\nHost: {host}:80\r\n\r\n{inside}")
    };
    let answer = school
        .raw(tunnel(
            "harbour.test",
            "GET / HTTP/1.1\r\nHost: harbour.test\r\nConnection: close\r\n\r\n",
        ))
        .await;
    assert!(answer.ends_with("plain"), "{answer}");
    let blocked = school
        .raw(tunnel(
            "part.test",
            "GET /closed HTTP/1.1\r\nHost: part.test\r\nConnection: close\r\n\r\n",
        ))
        .await;
    assert!(blocked.contains("This site is blocked"), "{blocked}");
    let other = school.raw(tunnel("harbour.test", "\x00\x01binary")).await;
    assert!(
        other.starts_with("HTTP/1.1 200 ") && other.ends_with("\r\n\r\n"),
        "{other}"
    );
    assert!(
        school
            .events(3)
            .await
            .iter()
            .any(|event| &*event.rule == "no-web-traffic")
    );
}

/// SRCH-02: a video site that is not looked into is reached at its restricted host, under its own
/// name.
#[tokio::test]
async fn srch_02_an_uninspected_video_site_is_restricted() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let config = ca.server(&["www.youtube.com"], Validity::Now);
    let strict = Origin::https(config, |_| Reply::page("restricted")).await;
    let school = School::with(&[("restrict.youtube.com", &strict)], ca, |config| {
        config.authority = None
    });
    school.sign_in(ADA);
    let answer = school
        .curl(&["--insecure", "https://www.youtube.com/"])
        .await;
    assert_eq!(text(&answer), "restricted", "{answer:?}");
    assert_eq!(
        strict.asked()[0].server_name.as_deref(),
        Some("www.youtube.com")
    );
}

/// SRCH-02: looked into, the header is set and the restricted host is used.
#[tokio::test]
async fn srch_02_an_inspected_video_site_gets_the_header() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let strict = site(&ca, "www.youtube.com", "restricted").await;
    let school = School::with(&[("restrict.youtube.com", &strict)], ca, |_| {});
    school.sign_in(ADA);
    let answer = school
        .curl(&[
            "--header",
            "YouTube-Restrict: Off",
            "https://www.youtube.com/",
        ])
        .await;
    assert_eq!(text(&answer), "restricted", "{answer:?}");
    assert_eq!(strict.asked()[0].header("youtube-restrict"), Some("Strict"));
}

/// A WebSocket inside an inspected connection passes both ways and is recorded with its path.
#[tokio::test]
async fn a_secure_websocket_passes() {
    let ca = TestCa::new();
    let origin = Origin::https(ca.server(&["harbour.test"], Validity::Now), |_| Reply::Echo).await;
    let school = School::with(&[("harbour.test", &origin)], ca, |_| {});
    let root = school.authority.certificate_der().clone();
    let mut stream = connect(&school, "harbour.test", "harbour.test", root)
        .await
        .unwrap();
    stream.write_all(b"GET /live HTTP/1.1\r\nHost: harbour.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream.write_all(b"ahoy").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ahoy");
    drop(stream);
    let event = school.events(1).await.remove(0);
    assert_eq!(
        (event.path.as_deref(), event.bytes_up, event.bytes_down),
        (Some("/live"), 4, 4)
    );
}

/// A client that names no server (an address instead of a name) is looked into under the address
/// it asked for.
#[tokio::test]
async fn a_hello_without_a_server_name_is_understood() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let origin = site(&ca, "127.0.0.1", "by address").await;
    let port = origin.port();
    let school = School::with(&[], ca, |config| config.connect_ports.clear());
    let answer = school.curl(&[&format!("https://127.0.0.1:{port}/x")]).await;
    assert_eq!(text(&answer), "by address", "{answer:?}");
    let event = school.events(1).await.remove(0);
    assert_eq!(
        (&*event.host, event.path.as_deref(), event.face),
        ("127.0.0.1", Some("/x"), Face::Https)
    );
}
