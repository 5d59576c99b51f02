//! TLS sessions that clients resume: a shorter handshake, and nothing else.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use pharos_policy::spec::BlockSpec;
use pharos_testkit::origin::{Origin, Reply, TestCa, Validity};
use pharos_testkit::tools::have;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::{ADA, School, TESS, person, snapshot, snapshot_with, text};

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
const SITES: [&str; 3] = ["harbour.test", "part.test", "games.test"];

async fn school() -> (School, Origin, CertificateDer<'static>) {
    let ca = TestCa::new();
    let theirs = ca.certificate();
    let origin = Origin::https(ca.server(&SITES, Validity::Now), |_| {
        Reply::page("great fun")
    })
    .await;
    let sites = SITES.map(|name| (name, &origin));
    let school = School::with(&sites, ca, |_| {});
    (school, origin, theirs)
}

/// One page through openssl's client, with a session kept before and to be kept; what it says.
async fn s_client(school: &School, host: &str, more: &[&str]) -> String {
    let mut command = tokio::process::Command::new("openssl");
    command
        .args(["s_client", "-connect", &format!("{host}:443")])
        .args(["-servername", host, "-ign_eof", "-verify_return_error"])
        .args(["-proxy", &school.proxy.to_string()])
        .arg("-CAfile")
        .arg(&school.ca_file)
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            panic!("openssl is needed for this test (Debian package openssl): {error}")
        }
    };
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(request.as_bytes()).await.unwrap();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.unwrap().unwrap();
    drop(stdin);
    let said = text(&output);
    assert!(said.contains("great fun"), "{output:?}");
    said
}

/// FIL-01: a client of any age that comes again resumes its session, by TLS 1.2 and 1.3, as with
/// openssl; with the session of one site it gets no shorter way to another, and nothing is ever taken
/// before the handshake has ended (no early data).
#[tokio::test]
async fn fil_01_openssl_resumes_its_sessions_with_the_proxy() {
    if !have(&["openssl"]) {
        return;
    }
    let (school, _origin, _) = school().await;
    school.sign_in(TESS);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    let file = file.to_str().unwrap();
    for (version, option) in [("TLSv1.2", "-tls1_2"), ("TLSv1.3", "-tls1_3")] {
        let first = s_client(&school, "harbour.test", &[option, "-sess_out", file]).await;
        assert!(first.contains(&format!("New, {version}")), "{first}");
        assert!(!first.contains("Max Early Data: 1"), "{first}");
        let again = s_client(&school, "harbour.test", &[option, "-sess_in", file]).await;
        assert!(again.contains(&format!("Reused, {version}")), "{again}");
        let other = s_client(&school, "part.test", &[option, "-sess_in", file]).await;
        assert!(other.contains(&format!("New, {version}")), "{other}");
    }
}

/// A browser's memory: it trusts the school and, for what is not looked into, the site itself.
fn browser(school: &School, theirs: &CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&school.ca_file).unwrap())
        .unwrap();
    roots.add(theirs.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Opens a page in a tunnel of its own: how hands were shaken, who signed, and the answer.
async fn open(
    school: &School,
    browser: &Arc<ClientConfig>,
    host: &'static str,
) -> (HandshakeKind, CertificateDer<'static>, String) {
    let mut stream = TcpStream::connect(school.proxy).await.unwrap();
    let connect = format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n");
    stream.write_all(connect.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let name = ServerName::try_from(host).unwrap();
    let connector = TlsConnector::from(Arc::clone(browser));
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = format!(
        "GET /now HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // To the end of the page: the site itself leaves the connection open.
    let mut answer = Vec::new();
    let has = |answer: &[u8], end: &[u8]| answer.windows(end.len()).any(|part| part == end);
    while !has(&answer, b"great fun") && !has(&answer, b"</html>") {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await;
        assert!(read.unwrap().unwrap() > 0, "the page was cut short");
    }
    let tls = stream.get_ref().1;
    let signed = tls.peer_certificates().unwrap().last().unwrap().clone();
    (
        tls.handshake_kind().unwrap(),
        signed.into_owned(),
        String::from_utf8_lossy(&answer).into_owned(),
    )
}

/// FIL-01, FIL-05: a resumed session carries neither person nor verdict: both are taken anew for its
/// connection, whoever had it before and whatever was in force then.
#[tokio::test]
async fn fil_01_a_resumed_session_reaches_no_more_than_a_new_one() {
    let (school, origin, theirs) = school().await;
    let browser = browser(&school, &theirs);
    let ours = CertificateDer::from_pem_file(&school.ca_file).unwrap();
    let mut shaken = Vec::new();
    // The same device with the same memory: a teacher, a pupil after her, the teacher again.
    for (who, may) in [(TESS, true), (TESS, true), (ADA, false), (TESS, true)] {
        school.sign_in(who);
        let (kind, signed, answer) = open(&school, &browser, "games.test").await;
        shaken.push(kind);
        assert_eq!(signed, ours);
        let (fun, blocked) = (answer.ends_with("great fun"), answer.contains("is blocked"));
        assert_eq!((fun, blocked), (may, !may), "{who}: {answer}");
        let events = school.events(shaken.len()).await;
        let last = events.last().unwrap();
        assert_eq!(last.who.person(), Some(person(who)), "{last:?}");
        assert_eq!(last.action == "block", !may, "{last:?}");
    }
    let resumed = HandshakeKind::Resumed;
    assert_eq!(shaken, [HandshakeKind::Full, resumed, resumed, resumed]);
    let asked = origin.asked().len();
    assert_eq!(asked, 3, "the origin heard nothing of the pupil");

    // A policy that came since holds for a session of before.
    let closes = BlockSpec {
        name: "since".to_owned(),
        sites: vec!["games.test".to_owned()],
        categories: Vec::new(),
    };
    school
        .filter
        .install(snapshot_with(|spec| spec.blocks.push(closes)));
    let (kind, _, answer) = open(&school, &browser, "games.test").await;
    assert_eq!(kind, resumed);
    assert!(answer.contains("is blocked"), "{answer}");
    assert_eq!(origin.asked().len(), asked);

    // What is no longer looked into is the site's own from the first byte.
    school.filter.install(snapshot_with(|spec| {
        spec.inspection.never_sites.push("games.test".to_owned());
    }));
    let (kind, signed, answer) = open(&school, &browser, "games.test").await;
    assert_eq!(kind, HandshakeKind::Full);
    assert_eq!(signed, theirs);
    assert!(answer.ends_with("great fun"), "{answer}");

    // Nor does a session with the site itself shorten the way past the filter.
    school.filter.install(snapshot());
    school.sign_in(ADA);
    let (_, signed, answer) = open(&school, &browser, "games.test").await;
    assert_eq!(signed, ours);
    assert!(answer.contains("is blocked"), "{answer}");
}
