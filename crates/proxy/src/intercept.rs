//! Looking into a TLS connection: the origin first, then the client.
//!
//! The origin is connected to and its certificate checked before anything is minted: what a
//! browser would refuse is refused here, with a page that says so, and never covered by a
//! certificate of ours.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_policy::spec::EncryptedHello;
use pharos_policy::{Action, Decision};
use rustls::AlertDescription;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::bytes_in_front::InFront;
use crate::connection::{Client, Http2, Inside, Serving, serve_inside};
use crate::counts::add;
use crate::failure::Failure;
use crate::forward::Target;
use crate::narrow;
use crate::pins::Sign;
use crate::pool::OriginKey;
use crate::tunnel::Tunnel;

/// Ends a TLS connection here and gives what serves the requests inside; `http2` where the client
/// offers HTTP/2. With `trouble` the origin is not spoken to: the client is shown why.
pub(crate) async fn look_inside(
    tunnel: Tunnel,
    stream: InFront<TcpStream>,
    http2: bool,
    trouble: Option<Failure>,
) -> Option<Serving> {
    let shared = Arc::clone(tunnel.client.shared());
    let trouble = match trouble {
        None => reach_origin(&tunnel, http2).await.err(),
        told => told,
    };
    if let Some(Failure::Tls | Failure::ClientCertificate) = trouble
        && !tunnel.verdict.decision.must_inspect
        && tunnel
            .verdict
            .policy()
            .may_tunnel_unreachable(&tunnel.target.host)
    {
        return tunnel.pass_unreachable(stream).await;
    }
    let host = tunnel.target.host.as_str();
    let accepted = match accept(&tunnel, stream, host).await {
        Accepted::Yes(stream) => *stream,
        Accepted::NotMinted => {
            tunnel.record_end("certificate-not-minted");
            return None;
        }
        Accepted::No(error) => {
            not_accepted(&tunnel, error.as_ref());
            return None;
        }
    };
    if !tunnel.names_agree(accepted.get_ref().1.server_name()) {
        tunnel.refuse("server-name-disagrees");
        return None;
    }
    add(&shared.counts.inspected);
    let agreed = accepted.get_ref().1.alpn_protocol() == Some(b"h2");
    let target = Target {
        tls: true,
        ..tunnel.target
    };
    let inside = Inside {
        target,
        who: tunnel.who,
        trouble,
        http2: agreed.then(|| Http2::new(&shared.config.limits)),
    };
    let client = Client::new(
        &tunnel.client.worker,
        tunnel.client.from,
        Some(inside),
        tunnel.client.door.clone(),
    );
    Some(serve_inside(client, accepted))
}

/// A client whose hello hides the real name is answered under the public name that it shows: a
/// browser learns from it that its hidden name was not understood, and comes again without one
/// (RFC 9849, section 6.1.6). Nothing is served.
pub(crate) async fn fall_back(tunnel: &Tunnel, stream: InFront<TcpStream>, public: &str) {
    let may = tunnel
        .client
        .shared()
        .mint
        .as_ref()
        .is_some_and(|mint| mint.authority().may_sign(public));
    if may && tunnel.verdict.policy().encrypted_hello() == EncryptedHello::FallBack {
        drop(accept(tunnel, stream, public).await);
    }
}

enum Accepted {
    Yes(Box<TlsStream<InFront<TcpStream>>>),
    /// The handshake failed, or did not end in time.
    No(Option<io::Error>),
    NotMinted,
}

/// The handshake with the client, under a name.
async fn accept(tunnel: &Tunnel, stream: InFront<TcpStream>, name: &str) -> Accepted {
    let shared = tunnel.client.shared();
    let Some(mint) = &shared.mint else {
        return Accepted::NotMinted;
    };
    let config = match mint.config_for(name, Timestamp::now()) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "no certificate could be minted");
            return Accepted::NotMinted;
        }
    };
    let handshake = tokio::time::timeout(
        shared.config.limits.handshake,
        TlsAcceptor::from(config).accept(stream),
    );
    match handshake.await {
        Ok(Ok(stream)) => Accepted::Yes(Box::new(stream)),
        Ok(Err(error)) => Accepted::No(Some(error)),
        Err(_) => Accepted::No(None),
    }
}

/// Notes why a client did not take our certificate.
fn not_accepted(tunnel: &Tunnel, error: Option<&io::Error>) {
    let shared = tunnel.client.shared();
    let sign = match error {
        Some(error) if distrusts_us(error) => Sign::Distrust,
        Some(error) if has_left(error) => Sign::Left,
        _ => return tunnel.record_end("handshake-failed"),
    };
    let host = tunnel.target.host.as_str();
    let (from, now) = (tunnel.client.from, Timestamp::now());
    // A host that is blocked as a whole, or has to be looked into, is nothing to be left alone.
    let decision = &tunnel.verdict.decision;
    if !is_closed(decision) && !decision.must_inspect {
        shared.pins.note(host, sign, from, now);
    }
    if sign == Sign::Distrust {
        add(&shared.counts.distrusted);
        tracing::info!("a client does not trust the school's certificate");
        tunnel.record_end("certificate-not-trusted");
    } else {
        tunnel.record_end("left-at-certificate");
    }
}

/// Whether the host is blocked, whatever is asked of it.
fn is_closed(decision: &Decision) -> bool {
    decision.action == Action::Block && !decision.by_path
}

/// Reaches the origin and keeps the connection for the first request. A blocked host is never
/// contacted.
async fn reach_origin(tunnel: &Tunnel, http2: bool) -> Result<(), Failure> {
    let decision = &tunnel.verdict.decision;
    if is_closed(decision) {
        return Ok(());
    }
    let Target { host, port, .. } = &tunnel.target;
    let shared = tunnel.client.shared();
    let dial = narrow::dial(host, decision.narrowing);
    let key = OriginKey::new(true, host, *port, &dial);
    let pool = &tunnel.client.worker.pool;
    if pool.has(&key, http2) {
        return Ok(());
    }
    let http2 = http2 && pool.may_speak_http2(&key);
    match shared.origins.open(&key, host, &dial, http2).await {
        Ok(sender) => {
            pool.put(key, sender);
            Ok(())
        }
        Err(failure) => {
            if failure == Failure::ClientCertificate && !decision.must_inspect {
                add(&shared.counts.client_certificates);
                let (from, now) = (tunnel.client.from, Timestamp::now());
                shared
                    .pins
                    .note(host.as_str(), Sign::ClientCertificate, from, now);
            }
            Err(failure)
        }
    }
}

/// Whether the client broke off because it does not know who signed our certificate.
pub(crate) fn distrusts_us(error: &io::Error) -> bool {
    matches!(
        error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>()),
        Some(rustls::Error::AlertReceived(
            AlertDescription::UnknownCA
                | AlertDescription::CertificateUnknown
                | AlertDescription::BadCertificate
        ))
    )
}

/// Whether the client left without a word once it had seen our certificate.
fn has_left(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}
