//! Headers that hold services to the school, names that are hidden, and connections that cannot
//! be looked into.

use std::sync::Arc;

use pharos_testkit::origin::{Origin, Reply, TestCa, Validity};
use pharos_testkit::tools::have;
use rustls::client::{EchGreaseConfig, EchMode};
use rustls::crypto::aws_lc_rs::hpke::ALL_SUPPORTED_SUITES;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{School, text};

/// SRCH-02, REQ-01: the header that keeps people to the school's accounts is set where the pack
/// says; what a client sends of that kind never arrives anywhere.
#[tokio::test]
async fn srch_02_services_are_held_to_the_schools_accounts() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let tls = ca.server(
        &["accounts.test", "sub.accounts.test", "harbour.test"],
        Validity::Now,
    );
    let origin = Origin::https(tls, |_| Reply::page("in")).await;
    let sites = [
        ("accounts.test", &origin),
        ("sub.accounts.test", &origin),
        ("harbour.test", &origin),
    ];
    let school = School::with(&sites, ca, |_| {});
    let own = [
        "X-GoogApps-Allowed-Domains: elsewhere.example",
        "x-googapps-allowed-domains: again.example",
        "Restrict-Access-To-Tenants: elsewhere",
        "sec-Restrict-Tenant-Access-Policy: x",
        "ChatGPT-Allowed-Workspace-Id: x",
        "YouTube-Restrict: Off",
        "Connection: X-GoogApps-Allowed-Domains",
    ];
    for (host, version) in [
        ("accounts.test", "--http2"),
        ("sub.accounts.test", "--http1.1"),
        ("harbour.test", "--http2"),
    ] {
        let mut arguments = vec![version.to_owned(), format!("https://{host}/sign-in")];
        // HTTP/2 has no header about connections; curl would leave the request unsent.
        let kept = if version == "--http2" { 6 } else { 7 };
        for header in own.iter().take(kept) {
            arguments.extend(["--header".to_owned(), (*header).to_owned()]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let answer = school.curl(&arguments).await;
        assert_eq!(text(&answer), "in", "{answer:?}");
    }
    for asked in origin.asked() {
        let head = asked.head.to_ascii_lowercase();
        let ours = usize::from(asked.header("host") != Some("harbour.test"));
        assert_eq!(
            head.matches("x-googapps-allowed-domains:").count(),
            ours,
            "{head}"
        );
        assert_eq!(
            head.matches("x-googapps-allowed-domains: harbourmouth.sch.example\r\n")
                .count(),
            ours,
            "{head}"
        );
        for gone in [
            "restrict-access",
            "restrict-tenant",
            "workspace-id",
            "youtube",
        ] {
            assert!(!head.contains(gone), "{head}");
        }
    }
}

/// A TLS connection to `name` inside a tunnel to `host`, with an encrypted part in its hello.
async fn with_hidden_part(
    school: &School,
    host: &str,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut stream = TcpStream::connect(school.proxy).await?;
    stream
        .write_all(format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").as_bytes())
        .await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let mut roots = RootCertStore::empty();
    roots
        .add(school.authority.certificate_der().clone())
        .map_err(std::io::Error::other)?;
    let suite = ALL_SUPPORTED_SUITES[0];
    let (key, _) = suite.generate_key_pair().map_err(std::io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_ech(EchMode::Grease(EchGreaseConfig::new(suite, key)))
        .map_err(std::io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(std::io::Error::other)?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// FIL-16: the meaningless encrypted hello that browsers send to every server does no harm; one
/// that stands for another name is answered under its public name and nothing more, so that a
/// browser comes again without it. Where nothing is looked into, it is refused.
#[tokio::test]
async fn fil_16_hidden_names_are_noticed_and_lead_nowhere() {
    let ca = TestCa::new();
    let tls = ca.server(&["harbour.test", "bank.test"], Validity::Now);
    let origin = Origin::https(tls, |_| Reply::page("in")).await;
    let sites = [("harbour.test", &origin), ("bank.test", &origin)];
    let school = School::with(&sites, ca, |_| {});
    let mut plain = with_hidden_part(&school, "harbour.test", "harbour.test")
        .await
        .unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: harbour.test\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(answer.ends_with(b"in"));
    let asked = origin.asked().len();
    // The certificate is one for the public name, signed by the school.
    let mut hidden = with_hidden_part(&school, "harbour.test", "cloudflare-ech.com")
        .await
        .unwrap();
    let _ = hidden
        .write_all(b"GET / HTTP/1.1\r\nHost: harbour.test\r\n\r\n")
        .await;
    let mut answer = Vec::new();
    let _ = hidden.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    let events = school.events(2).await;
    assert_eq!(&*events[1].rule, "encrypted-hello");
    assert_eq!(
        (&*events[1].host, events[1].action),
        ("harbour.test", "block")
    );
    assert_eq!(origin.asked().len(), asked);
    let figures = school.figures();
    assert_eq!((figures.encrypted_hellos, figures.hidden_names), (2, 1));
}

fn asks_for_certificate(ca: &TestCa, trusted: CertificateDer<'static>) -> Arc<ServerConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
    let (chain, key) = ca.chain(&["certs.test", "old.test", "vault.test"], Validity::Now);
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

/// FIL-01: a site that asks for the client's certificate cannot be looked into: a page says so,
/// it is proposed to people, and only a host that the policy names is passed on untouched, which
/// the event says.
#[tokio::test]
async fn fil_01_sites_that_ask_for_a_certificate_are_noticed() {
    if !have(&["curl"]) {
        return;
    }
    let ca = TestCa::new();
    let root = ca.certificate();
    let tls = asks_for_certificate(&ca, root.clone());
    let origin = Origin::https(tls, |_| Reply::page("never")).await;
    let sites = [
        ("certs.test", &origin),
        ("old.test", &origin),
        ("vault.test", &origin),
    ];
    let school = School::with(&sites, ca, |_| {});
    for _ in 0..3 {
        let answer = school.curl(&["--include", "https://certs.test/"]).await;
        let answer = text(&answer);
        assert!(
            answer.contains(" 502") && answer.contains("site-asks-certificate"),
            "{answer}"
        );
    }
    let proposal = school.proposals().remove(0);
    assert_eq!(
        (&*proposal.host, proposal.client_certificate),
        ("certs.test", 3)
    );
    // The origin's own certificate arrives, so the school's is not enough to trust it.
    let untouched = school.curl(&["https://old.test/"]).await;
    assert_eq!(untouched.status.code(), Some(60), "{untouched:?}");
    let events = school.events(4).await;
    let last = events
        .iter()
        .find(|event| &*event.host == "old.test")
        .unwrap();
    assert_eq!(
        (last.action, &*last.rule),
        ("tunnel", "not-inspected-tls-unreachable")
    );
    assert_eq!(school.figures().unreachable_tunnelled, 1);
    // FIL-03: not so where a sealed page could lie in it, nor is it proposed.
    let unseen = text(&school.curl(&["--include", "https://vault.test/"]).await);
    assert!(unseen.contains("site-asks-certificate"), "{unseen}");
    assert_eq!(school.figures().unreachable_tunnelled, 1);
    assert!(
        school
            .proposals()
            .iter()
            .all(|one| &*one.host != "vault.test")
    );
    assert!(origin.asked().is_empty());
}

/// The hello of a client of `host` that writes a dot after it; the TLS library writes none.
fn hello_with_dot(host: &str) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(RootCertStore::empty())
    .with_no_client_auth();
    let written = format!("{host}_");
    let name = ServerName::try_from(written.clone()).unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    let mut places = bytes.windows(written.len());
    let at = places.position(|part| part == written.as_bytes()).unwrap();
    bytes[at + host.len()] = b'.';
    bytes
}

/// FIL-16: a dot at the end makes no other name: not of an address, not of a tunnel, and not of what is
/// asked for inside it.
#[tokio::test]
async fn fil_16_a_dot_at_the_end_makes_no_other_name() {
    let ca = TestCa::new();
    let origin = Origin::https(ca.server(&["harbour.test"], Validity::Now), |_| {
        Reply::page("never")
    })
    .await;
    let school = School::with(&[("harbour.test", &origin)], ca, |_| {});
    let answer = school.get("http://blocked.test./", "").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let inside = async |asked: &str, named: &str| {
        let mut stream = TcpStream::connect(school.proxy).await.unwrap();
        let head = format!("CONNECT {asked}:443 HTTP/1.1\r\nHost: {asked}:443\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut told = Vec::new();
        while !told.ends_with(b"\r\n\r\n") {
            told.push(stream.read_u8().await.unwrap());
        }
        assert!(told.starts_with(b"HTTP/1.1 200 "));
        stream.write_all(&hello_with_dot(named)).await.unwrap();
        // A handshake goes on, or the connection ends.
        stream.read_u8().await.is_ok_and(|kind| kind == 0x16)
    };
    for asked in ["harbour.test", "harbour.test."] {
        assert!(inside(asked, "harbour.test").await, "{asked}");
        assert!(!inside(asked, "blocked.test").await, "{asked}");
    }
    let events = school.events(5).await;
    assert_eq!(&*events[0].host, "blocked.test");
    // Nobody read what the proxy answered where the names agree.
    let rules: Vec<&str> = events[1..].iter().map(|event| &*event.rule).collect();
    let (agreed, not) = ("left-at-certificate", "server-name-disagrees");
    assert_eq!(rules, [agreed, not, agreed, not], "{events:?}");
}
