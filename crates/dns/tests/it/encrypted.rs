//! DNS over TLS and over HTTPS, and devices that carry their own identity.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use pharos_catalogue::Host;
use pharos_dns::{DnsConfig, Encrypted};
use pharos_filter::{OwnedDevice, Owner};
use pharos_school::IdentitySource;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey as ServerKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::client::{
    A, Answer, NOERROR, REFUSED, SVCB, decode, question, tcp_receive_from, tcp_send_to, with_option,
};
use crate::school::{PAGE_V4, PUPIL, School, person};
use crate::upstream::ORDINARY;

pub const NAME: &str = "dns.harbourmouth.internal";
/// An address that no device of the school has.
const HOME: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 9);
const TOKEN: &str = "Yw8tq0nWbX3vZ5kR1sPjH7mC2dF4gL6aQeUiOyTxNzB";

/// A certificate for one name, and clients that trust it.
#[derive(Debug)]
pub struct Identity {
    key: Arc<ServerKey>,
    pub roots: Arc<RootCertStore>,
    pub pem: String,
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<ServerKey>> {
        Some(Arc::clone(&self.key))
    }
}

pub fn identity(name: &str) -> Arc<Identity> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    Arc::new(Identity {
        key: Arc::new(ServerKey::new(vec![cert.der().clone()], key)),
        roots: Arc::new(roots),
        pem: cert.pem(),
    })
}

pub fn client_config(identity: &Identity, protocol: Option<&str>) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(Arc::clone(&identity.roots))
        .with_no_client_auth();
    config.alpn_protocols = protocol
        .map(|p| p.as_bytes().to_vec())
        .into_iter()
        .collect();
    config
}

pub fn encrypted(identity: &Arc<Identity>) -> impl FnOnce(&mut DnsConfig) + use<> {
    let certificate: Arc<dyn ResolvesServerCert> = Arc::<Identity>::clone(identity);
    move |config| {
        config.encrypted = Some(Encrypted {
            tls: vec!["127.0.0.1:0".parse().unwrap()],
            https: vec!["127.0.0.1:0".parse().unwrap()],
            certificate,
            name: Host::parse(NAME).unwrap(),
        });
    }
}

/// A school with encrypted listeners; nobody but the pupils' devices may ask without a token.
fn school() -> (School, Arc<Identity>) {
    let identity = identity(NAME);
    let school = School::start_with(|config| {
        encrypted(&identity)(config);
        config.clients = vec!["127.0.0.8/29".parse().unwrap()];
    });
    let token: [u8; 32] = digest(&SHA256, TOKEN.as_bytes())
        .as_ref()
        .try_into()
        .unwrap();
    let device = OwnedDevice {
        owner: Owner::Person(person(11)),
        label: "laptop-11".into(),
        until: jiff::Timestamp::MAX,
    };
    school.filter.devices().set([(token, device)]);
    (school, identity)
}

fn connect(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

fn tls(
    identity: &Identity,
    from: Ipv4Addr,
    to: SocketAddr,
    protocol: &str,
) -> StreamOwned<ClientConnection, TcpStream> {
    let config = Arc::new(client_config(identity, Some(protocol)));
    let name = ServerName::try_from(NAME).unwrap();
    StreamOwned::new(
        ClientConnection::new(config, name).unwrap(),
        connect(from, to),
    )
}

/// One request over HTTP/1.1: status, headers and body.
fn http1(
    identity: &Identity,
    from: Ipv4Addr,
    to: SocketAddr,
    request: &[u8],
) -> (u16, String, Vec<u8>) {
    let mut stream = tls(identity, from, to, "http/1.1");
    stream.write_all(request).unwrap();
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..length]);
    }
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("no head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), bytes[end + 4..].to_vec())
}

fn get(
    identity: &Identity,
    from: Ipv4Addr,
    to: SocketAddr,
    path: &str,
    message: &[u8],
) -> (u16, String, Vec<u8>) {
    let query = URL_SAFE_NO_PAD.encode(message);
    let request =
        format!("GET {path}?dns={query} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    http1(identity, from, to, request.as_bytes())
}

fn post(
    identity: &Identity,
    from: Ipv4Addr,
    to: SocketAddr,
    path: &str,
    message: &[u8],
) -> (u16, String, Vec<u8>) {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\nContent-Type: application/dns-message\r\nContent-Length: {}\r\n\r\n",
        message.len()
    )
    .into_bytes();
    request.extend_from_slice(message);
    http1(identity, from, to, &request)
}

/// FIL-01: over TLS the same is decided as over UDP, many questions on one connection, padded for
/// clients that pad.
#[test]
fn fil_01_over_tls_the_same_is_decided() {
    let (school, identity) = school();
    let mut stream = tls(&identity, PUPIL, school.tls(), "dot");
    tcp_send_to(&mut stream, &question(1, "www.bets.test", A));
    tcp_send_to(&mut stream, &question(2, "example.org", A));
    let mut answers = [(); 2].map(|()| tcp_receive_from(&mut stream).unwrap());
    answers.sort_by_key(|answer| answer.id);
    assert_eq!(answers[0].ips(), [PAGE_V4]);
    assert_eq!(answers[1].ips(), [ORDINARY]);
    tcp_send_to(
        &mut stream,
        &with_option(question(3, "example.org", A), 12, &[0; 8]),
    );
    let padded = tcp_receive_from(&mut stream).unwrap();
    assert!(
        padded.padded && padded.bytes.len() == 468,
        "{}",
        padded.bytes.len()
    );
    assert_eq!(school.counts().tls, 3);
}

/// RFC 8484: GET and POST over HTTP/1.1.
#[test]
fn fil_01_over_https_the_same_is_decided() {
    let (school, identity) = school();
    let (status, head, body) = get(
        &identity,
        PUPIL,
        school.https(),
        "/dns-query",
        &question(0, "www.bets.test", A),
    );
    assert_eq!(
        (status, decode(&body).ips()),
        (200, vec![IpAddr::V4(PAGE_V4)])
    );
    assert!(
        head.contains("content-type: application/dns-message"),
        "{head}"
    );
    assert!(head.contains("cache-control: no-store"), "{head}");
    let (status, _, body) = post(
        &identity,
        PUPIL,
        school.https(),
        "/dns-query",
        &question(0, "example.org", A),
    );
    assert_eq!(
        (status, decode(&body).ips()),
        (200, vec![IpAddr::V4(ORDINARY)])
    );
    assert_eq!(school.counts().https, 2);
}

/// HTTP/2 with many questions at once on one connection.
#[test]
fn fil_01_over_http2_many_questions_share_a_connection() {
    let (school, identity) = school();
    let answers = http2(&identity, PUPIL, school.https(), "/dns-query", 40);
    assert_eq!(answers.len(), 40);
    for (number, answer) in answers.iter().enumerate() {
        let expected = if number % 2 == 0 { PAGE_V4 } else { ORDINARY };
        assert_eq!(answer.ips(), [expected], "{number}");
    }
    assert_eq!(school.counts().tcp_connections, 1);
}

fn http2(
    identity: &Identity,
    from: Ipv4Addr,
    to: SocketAddr,
    path: &str,
    count: u16,
) -> Vec<Answer> {
    let config = Arc::new(client_config(identity, Some("h2")));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stream = connect(from, to);
    stream.set_nonblocking(true).unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        let connector = tokio_rustls::TlsConnector::from(config);
        let name = ServerName::try_from(NAME).unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        let handshake =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        let connection = tokio::spawn(connection);
        let requests: Vec<_> = (0..count)
            .map(|number| {
                let host = if number % 2 == 0 {
                    "bets.test"
                } else {
                    "example.org"
                };
                let request = http::Request::post(format!("https://{NAME}{path}"))
                    .header("content-type", "application/dns-message")
                    .body(Full::<Bytes>::from(question(
                        0,
                        &format!("n{number}.{host}"),
                        A,
                    )))
                    .unwrap();
                tokio::spawn(sender.clone().send_request(request))
            })
            .collect();
        let mut answers = Vec::new();
        for request in requests {
            let response = request.await.unwrap().unwrap();
            assert_eq!(response.status(), 200);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            answers.push(decode(&body));
        }
        drop(sender);
        connection.abort();
        answers
    })
}

/// FIL-15: a school laptop on a home connection gets the same verdict as on site, under its
/// person's name; without its token it gets nothing.
#[test]
fn fil_15_a_device_away_from_school_keeps_its_policy() {
    let (school, identity) = school();
    let own = format!("/dns-query/{TOKEN}");
    let ask = |path: &str, name| get(&identity, HOME, school.https(), path, &question(0, name, A));
    let (status, _, body) = ask(&own, "www.bets.test");
    assert_eq!(
        (status, decode(&body).ips()),
        (200, vec![IpAddr::V4(PAGE_V4)])
    );
    let event = school.events.last();
    assert_eq!((&*event.host, event.action), ("www.bets.test", "block"));
    assert_eq!(event.who.person(), Some(person(11)));
    assert_eq!(event.who.device().map(|label| &**label), Some("laptop-11"));
    assert!(format!("{:?}", event.who).contains(&format!("{:?}", IdentitySource::DeviceToken)));
    assert_eq!(event.address, IpAddr::V4(HOME));
    let (_, _, body) = ask(&own, "www.youtube.com");
    assert_eq!(decode(&body).answers[0].target, "restrict.youtube.com");
    let (_, _, body) = ask(&own, "example.org");
    assert_eq!(decode(&body).ips(), [ORDINARY]);
    let answers = http2(&identity, HOME, school.https(), &own, 6);
    assert_eq!(answers[0].ips(), [PAGE_V4]);

    let (_, _, body) = ask("/dns-query", "example.org");
    assert_eq!(
        decode(&body).rcode,
        REFUSED,
        "an address outside, without a token"
    );
}

/// FIL-15: a token that was taken back, or never given, opens nothing, and is not told apart from
/// a path that is not there.
#[test]
fn fil_15_a_revoked_token_opens_nothing() {
    let (school, identity) = school();
    let own = format!("/dns-query/{TOKEN}");
    let ask = |path: &str| {
        get(
            &identity,
            HOME,
            school.https(),
            path,
            &question(0, "example.org", A),
        )
        .0
    };
    assert_eq!(ask(&own), 200);
    school.filter.devices().set([]);
    let long = format!("/dns-query/{}", "x".repeat(4_000));
    for path in [
        own.as_str(),
        "/dns-query/guess",
        "/dns-query/a/b",
        &long,
        "/elsewhere",
        "/",
    ] {
        assert_eq!(ask(path), 404, "{path}");
    }
    assert_eq!(school.counts().tokens_unknown, 4);
}

#[test]
fn requests_that_are_no_questions_are_told_so() {
    let (school, identity) = school();
    let ask = |request: &str| {
        http1(
            &identity,
            PUPIL,
            school.https(),
            request.replace('\n', "\r\n").as_bytes(),
        )
        .0
    };
    let head = format!("Host: {NAME}\nConnection: close\n");
    assert_eq!(ask(&format!("GET /dns-query HTTP/1.1\n{head}\n")), 400);
    assert_eq!(
        ask(&format!("GET /dns-query?dns=*** HTTP/1.1\n{head}\n")),
        400
    );
    assert_eq!(
        ask(&format!("GET /dns-query?dns=AAAA HTTP/1.1\n{head}\n")),
        400
    );
    assert_eq!(ask(&format!("DELETE /dns-query HTTP/1.1\n{head}\n")), 405);
    assert_eq!(
        ask(&format!(
            "POST /dns-query HTTP/1.1\n{head}Content-Type: text/plain\nContent-Length: 2\n\nhi"
        )),
        415
    );
    let long = "x".repeat(5_000);
    let typed = "Content-Type: application/dns-message";
    assert_eq!(
        ask(&format!(
            "POST /dns-query HTTP/1.1\n{head}{typed}\nContent-Length: 5000\n\n{long}"
        )),
        413
    );
}

/// Clients that send nothing, or bytes that are no handshake, do not hold a place for long.
#[test]
fn slow_and_senseless_clients_are_closed() {
    let identity = identity(NAME);
    let school = School::start_with(|config| {
        encrypted(&identity)(config);
        config.limits.tcp_idle = Duration::from_millis(200);
        config.limits.https_idle = Duration::from_millis(200);
    });
    let mut silent = connect(PUPIL, school.https());
    let mut senseless = connect(PUPIL, school.tls());
    senseless.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut idle = tls(&identity, PUPIL, school.https(), "h2");
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let mut rest = Vec::new();
    drop((
        silent.read_to_end(&mut rest),
        senseless.read_to_end(&mut rest),
    ));
    drop(idle.read_to_end(&mut rest));
    crate::school::until("all are closed", || school.counts().tcp_closed == 3);
    assert_eq!(school.counts().tls_failed, 2);
}

/// RFC 9462: a device that asks for encrypted resolvers is told of ours, and so stays with us.
#[test]
fn fil_16_discovery_leads_to_our_own_encrypted_resolver() {
    let (school, _) = school();
    let found = crate::client::ask(school.dns(), "_dns.resolver.arpa", SVCB);
    assert_eq!((found.rcode, found.answers.len()), (NOERROR, 2));
    let name = crate::client::wire_name(NAME);
    for (at, (record, protocol)) in found.answers.iter().zip(["h2", "dot"]).enumerate() {
        assert_eq!(record.data[..2], [0, at as u8 + 1]);
        assert_eq!(record.data[2..2 + name.len()], name);
        let params = &record.data[2 + name.len()..];
        let alpn = [
            &[0, 1, 0, protocol.len() as u8 + 1, protocol.len() as u8],
            protocol.as_bytes(),
        ]
        .concat();
        assert!(params.starts_with(&alpn), "{params:?}");
        let port = [school.https(), school.tls()][at].port().to_be_bytes();
        assert!(
            params
                .windows(6)
                .any(|six| six == [&[0, 3, 0, 2], &port[..]].concat())
        );
        let path = b"/dns-query{?dns}";
        assert_eq!(
            params.windows(path.len()).any(|bytes| bytes == path),
            at == 0
        );
    }
    let other = crate::client::ask(school.dns(), "_dns.resolver.arpa", A);
    assert!(other.is_empty());
}
