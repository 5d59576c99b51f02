//! Reaching an origin: its address, the connection, its certificate.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use pharos_catalogue::Host;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client_certificate;
use crate::config::ProxyConfig;
use crate::failure::{BadCertificate, Failure};
use crate::narrow::Dial;
use crate::origin_check::Strict;
use crate::pool::{OriginKey, Sender, Shared};
use crate::resolve::{Names, Resolver};

/// Ports of other services: a proxy that reaches them is a way to misuse them.
const FOREIGN_PORTS: [u16; 18] = [
    0, 7, 9, 13, 19, 21, 22, 23, 25, 53, 69, 110, 111, 143, 465, 587, 993, 995,
];

/// TLS sessions with origins kept to be resumed.
const SESSIONS: usize = 4_096;
/// What an origin may send on one HTTP/2 stream before the client has taken it, in bytes.
const ORIGIN_STREAM_WINDOW: u32 = 512 * 1024;
/// The same for one connection.
const ORIGIN_WINDOW: u32 = 2 * 1024 * 1024;
/// Bytes of one upload held while an origin does not take them.
const SEND_MOST: usize = 64 * 1024;
/// A busy HTTP/2 origin that sends nothing for so long is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(30);
/// How long it may take to answer.
const PING_PATIENCE: Duration = Duration::from_secs(15);

/// How long a server that asked for a certificate may take to refuse without one.
const WELCOME: Duration = Duration::from_millis(400);

/// Most addresses of one name that are tried.
const ADDRESSES_MOST: usize = 4;

/// How origins are reached; shared by all workers.
pub(crate) struct Origins {
    /// Offers HTTP/2 and HTTP/1.1.
    http2: TlsConnector,
    /// Offers HTTP/1.1 alone: for clients that speak it, WebSocket, NTLM.
    http1: TlsConnector,
    resolver: Resolver,
    config: Arc<ProxyConfig>,
    own: OnceLock<Vec<SocketAddr>>,
}

impl Origins {
    /// Reads the system's roots (the built-in ones where there are none) and the extra ones.
    pub(crate) fn new(config: Arc<ProxyConfig>, provider: Arc<CryptoProvider>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let (added, _) =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if added == 0 {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots.add_parsable_certificates(config.extra_roots.iter().cloned());
        let library =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(io::Error::other)?;
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Strict(library)))
            .with_no_client_auth();
        tls.client_auth_cert_resolver = Arc::new(client_certificate::None);
        tls.resumption = Resumption::in_memory_sessions(SESSIONS);
        let mut http2 = tls.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        http2.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            http2: TlsConnector::from(Arc::new(http2)),
            http1: TlsConnector::from(Arc::new(tls)),
            resolver: Resolver::new(config.names.clone()),
            config,
            own: OnceLock::new(),
        })
    }

    /// Learns where the proxy itself listens, so that it never calls itself.
    pub(crate) fn set_own(&self, addresses: Vec<SocketAddr>) {
        let _ = self.own.set(addresses);
    }

    /// Asks this one for names from now on, or the system's resolvers where none is given.
    pub(crate) fn ask_names(&self, names: Option<Arc<dyn Names>>) {
        self.resolver.ask_another(names);
    }

    /// A bare connection to the origin, for a tunnel.
    pub(crate) async fn reach(
        &self,
        host: &Host,
        port: u16,
        dial: &Dial,
    ) -> Result<TcpStream, Failure> {
        within(
            self.config.limits.connect,
            self.reach_untimed(host, port, dial),
        )
        .await
    }

    /// A TLS connection whose certificate has been checked against the host asked for.
    async fn reach_tls(
        &self,
        host: &Host,
        port: u16,
        dial: &Dial,
        http2: bool,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        within(self.config.limits.connect, async {
            let stream = self.reach_untimed(host, port, dial).await?;
            let name = server_name(host)?;
            let tls = if http2 { &self.http2 } else { &self.http1 };
            let (result, asked) = client_certificate::watch(tls.connect(name, stream)).await;
            let mut stream = result.map_err(|error| match tls_failure(&error) {
                Failure::Tls if asked => Failure::ClientCertificate,
                failure => failure,
            })?;
            if asked {
                check_welcome(&mut stream).await?;
            }
            Ok(stream)
        })
        .await
    }

    /// A connection that speaks HTTP, ready for requests; HTTP/2 is offered where `http2` says so.
    pub(crate) async fn open(
        &self,
        key: &OriginKey,
        host: &Host,
        dial: &Dial,
        http2: bool,
    ) -> Result<Sender, Failure> {
        if key.tls {
            let stream = self.reach_tls(host, key.port, dial, http2).await?;
            self.speak_tls(stream).await
        } else {
            let stream = self.reach(host, key.port, dial).await?;
            self.speak(stream).await
        }
    }

    /// Speaks over TLS what was agreed there.
    async fn speak_tls(&self, stream: TlsStream<TcpStream>) -> Result<Sender, Failure> {
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.speak_http2(stream).await
        } else {
            self.speak(stream).await
        }
    }

    /// Speaks HTTP/1.1 over a stream: lenient to servers, within bounds.
    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Sender, Failure> {
        let (sender, connection) = http1::Builder::new()
            .preserve_header_case(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .max_buf_size(self.config.limits.response_head_bytes.max(8 * 1024))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Failure::Unreachable)?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "an origin connection ended");
            }
        });
        Ok(Sender::One(sender))
    }

    /// Speaks HTTP/2. Nothing is pushed, windows bound what an origin can make us hold, and an
    /// origin that does not answer a ping in time is gone.
    async fn speak_http2(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Sender, Failure> {
        let limits = &self.config.limits;
        let head_most = u32::try_from(limits.response_head_bytes).unwrap_or(u32::MAX);
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(ORIGIN_STREAM_WINDOW)
            .initial_connection_window_size(ORIGIN_WINDOW)
            .max_header_list_size(head_most)
            .max_send_buf_size(SEND_MOST)
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_PATIENCE)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Failure::Unreachable)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an origin connection ended");
            }
        });
        Ok(Sender::Many(Shared::new(sender)))
    }

    async fn reach_untimed(
        &self,
        host: &Host,
        port: u16,
        dial: &Dial,
    ) -> Result<TcpStream, Failure> {
        let addresses = match dial {
            Dial::Host => self.look_up(host.as_str(), host.ip(), port).await?,
            Dial::Name(name) => self.look_up(name, None, port).await?,
            Dial::Address(ip) => vec![SocketAddr::new(*ip, port)],
        };
        let mut last = Failure::NoSuchHost;
        // One dead address must not use up the time of the others.
        let patience =
            self.config.limits.connect / ADDRESSES_MOST.min(addresses.len().max(1)) as u32;
        for address in addresses.into_iter().take(ADDRESSES_MOST) {
            self.may_reach(host, address)?;
            match tokio::time::timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(_)) => last = Failure::Unreachable,
                Err(_) => last = Failure::ConnectTimeout,
            }
        }
        Err(last)
    }

    async fn look_up(
        &self,
        name: &str,
        ip: Option<IpAddr>,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Failure> {
        if let Some(fixed) = self.config.fixed.get(name) {
            return Ok(vec![SocketAddr::new(fixed.ip, fixed.port.unwrap_or(port))]);
        }
        if let Some(ip) = ip {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let found = self
            .resolver
            .look_up(name)
            .await
            .map_err(|_| Failure::NoSuchHost)?;
        Ok(found.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
    }

    /// Whether a name leads to an address: to itself, or to a neighbour in the same small network,
    /// because large sites give every questioner other addresses of the same kind.
    pub(crate) async fn leads_to(&self, host: &Host, address: IpAddr) -> bool {
        let found = match self.look_up(host.as_str(), host.ip(), 0).await {
            Ok(found) => found,
            Err(_) => return false,
        };
        found
            .iter()
            .any(|found| are_neighbours(found.ip().to_canonical(), address.to_canonical()))
    }

    /// The address is checked after the look-up and is the one that is dialled, so that a name
    /// cannot point inside and a second look-up cannot differ.
    fn may_reach(&self, host: &Host, address: SocketAddr) -> Result<(), Failure> {
        if self
            .own
            .get()
            .is_some_and(|own| own.iter().any(|own| is_ourselves(*own, address)))
        {
            return Err(Failure::Itself);
        }
        if FOREIGN_PORTS.contains(&address.port()) {
            return Err(Failure::Port);
        }
        let intranet = self
            .config
            .intranet
            .iter()
            .any(|name| name == host.as_str());
        let private = is_private(address.ip()) && !self.config.allow_private_origins;
        if private && !intranet && !self.config.is_own_page(host.as_str(), address.port()) {
            return Err(Failure::Private);
        }
        Ok(())
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or(Err(Failure::ConnectTimeout))
}

/// In TLS 1.3 a server tells after the handshake that it wanted a certificate (RFC 8446, section
/// 4.4.2.4). One that asked for it is given a moment to say so; others are not waited for.
async fn check_welcome(stream: &mut TlsStream<TcpStream>) -> Result<(), Failure> {
    match tokio::time::timeout(WELCOME, stream.fill_buf()).await {
        Err(_) => Ok(()),
        Ok(Ok(bytes)) if !bytes.is_empty() => Ok(()),
        Ok(_) => Err(Failure::ClientCertificate),
    }
}

fn server_name(host: &Host) -> Result<ServerName<'static>, Failure> {
    match host.ip() {
        Some(ip) => Ok(ServerName::IpAddress(ip.into())),
        None => ServerName::try_from(host.as_str().to_owned()).map_err(|_| Failure::NoSuchHost),
    }
}

fn tls_failure(error: &io::Error) -> Failure {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(bad)) => {
            Failure::Certificate(BadCertificate::of(bad))
        }
        Some(_) => Failure::Tls,
        None => Failure::Unreachable,
    }
}

fn is_ourselves(own: SocketAddr, target: SocketAddr) -> bool {
    own.port() == target.port()
        && (own.ip() == target.ip()
            || target.ip().is_unspecified()
            || (own.ip().is_unspecified() && target.ip().to_canonical().is_loopback()))
}

/// Loopback, private, link-local and other addresses that are not the public internet.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
        }
        IpAddr::V6(ip) => {
            let segments = ip.segments();
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                // NAT64 and 6to4 carry an IPv4 address inside.
                || (segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] && is_private(embedded(segments[6], segments[7])))
                || (segments[0] == 0x2002 && is_private(embedded(segments[1], segments[2])))
        }
    }
}

/// Whether two addresses are in one IPv4 /24 or one IPv6 /48.
fn are_neighbours(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..3] == other.octets()[..3],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..3] == other.segments()[..3],
        _ => false,
    }
}

fn embedded(high: u16, low: u16) -> IpAddr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    IpAddr::from([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in [
            "93.184.216.34",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::5db8:d822",
        ] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn the_proxy_knows_itself() {
        let at = |text: &str| text.parse().unwrap();
        assert!(is_ourselves(at("127.0.0.1:3128"), at("127.0.0.1:3128")));
        assert!(is_ourselves(at("0.0.0.0:3128"), at("127.0.0.1:3128")));
        assert!(is_ourselves(at("127.0.0.1:3128"), at("0.0.0.0:3128")));
        assert!(!is_ourselves(at("127.0.0.1:3128"), at("127.0.0.1:8080")));
        assert!(!is_ourselves(at("127.0.0.1:3128"), at("10.0.0.1:3128")));
    }
}
