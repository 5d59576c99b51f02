//! Reaching an origin: its address, the connection, its certificate.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pharos_catalogue::Host;
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::ProxyConfig;
use crate::failure::{BadCertificate, Failure};
use crate::narrow::Dial;
use crate::pool::{OriginKey, Sender};

/// Ports of other services: a proxy that reaches them is a way to misuse them.
const FOREIGN_PORTS: [u16; 18] = [
    0, 7, 9, 13, 19, 21, 22, 23, 25, 53, 69, 110, 111, 143, 465, 587, 993, 995,
];

/// Most addresses of one name that are tried.
const ADDRESSES_MOST: usize = 4;

/// How origins are reached; shared by all workers.
pub(crate) struct Origins {
    tls: TlsConnector,
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
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            tls: TlsConnector::from(Arc::new(tls)),
            config,
            own: OnceLock::new(),
        })
    }

    /// Learns where the proxy itself listens, so that it never calls itself.
    pub(crate) fn set_own(&self, addresses: Vec<SocketAddr>) {
        let _ = self.own.set(addresses);
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
    pub(crate) async fn reach_tls(
        &self,
        host: &Host,
        port: u16,
        dial: &Dial,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        within(self.config.limits.connect, async {
            let stream = self.reach_untimed(host, port, dial).await?;
            let name = server_name(host)?;
            self.tls
                .connect(name, stream)
                .await
                .map_err(|error| tls_failure(&error))
        })
        .await
    }

    /// A connection that speaks HTTP, ready for requests.
    pub(crate) async fn open(
        &self,
        key: &OriginKey,
        host: &Host,
        dial: &Dial,
    ) -> Result<Sender, Failure> {
        if key.tls {
            let stream = self.reach_tls(host, key.port, dial).await?;
            self.speak(stream).await
        } else {
            let stream = self.reach(host, key.port, dial).await?;
            self.speak(stream).await
        }
    }

    /// Speaks HTTP over a stream: lenient to servers, within bounds.
    pub(crate) async fn speak(
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
        Ok(sender)
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
        for address in addresses.into_iter().take(ADDRESSES_MOST) {
            self.may_reach(host, address)?;
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(_) => last = Failure::Unreachable,
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
        let found = tokio::net::lookup_host((name, port))
            .await
            .map_err(|_| Failure::NoSuchHost)?;
        Ok(found.collect())
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
