//! How a resolver is written that questions are forwarded to: its address, the way there, and the name
//! that its certificate must carry.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::Host;

/// Where DNS over HTTPS is asked for when nothing else is said (RFC 8484).
pub const DOH_PATH: &str = "/dns-query";

/// A resolver to forward to. Always by address: a name would have to be looked up first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// UDP, and TCP where an answer is too large: `9.9.9.9` or `9.9.9.9:53`.
    Plain(SocketAddr),
    /// TCP alone: `tcp://9.9.9.9`.
    Tcp(SocketAddr),
    /// DNS over TLS: `tls://9.9.9.9#dns.quad9.net`, with the name that its certificate must carry.
    Tls(SocketAddr, Host),
    /// DNS over HTTPS: `https://9.9.9.9/dns-query#dns.quad9.net`.
    Https(SocketAddr, Host, Box<str>),
}

/// The text names no upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an upstream: write 9.9.9.9, tcp://9.9.9.9, tls://9.9.9.9#dns.quad9.net or https://9.9.9.9/dns-query#dns.quad9.net, each with :port after the address where it is not the usual one"
)]
pub struct NoUpstream(pub String);

impl Upstream {
    /// The address.
    pub fn at(&self) -> SocketAddr {
        match self {
            Upstream::Plain(at) | Upstream::Tcp(at) => *at,
            Upstream::Tls(at, _) | Upstream::Https(at, _, _) => *at,
        }
    }

    /// Whether questions travel encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Upstream::Tls(..) | Upstream::Https(..))
    }
}

impl From<SocketAddr> for Upstream {
    fn from(at: SocketAddr) -> Self {
        Upstream::Plain(at)
    }
}

impl FromStr for Upstream {
    type Err = NoUpstream;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text).ok_or_else(|| NoUpstream(text.chars().take(120).collect()))
    }
}

fn read(text: &str) -> Option<Upstream> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return socket(text, 53).map(Upstream::Plain);
    };
    let (rest, name) = match rest.split_once('#') {
        Some((rest, name)) => (rest, Some(name)),
        None => (rest, None),
    };
    let (address, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let name = || {
        let host = Host::parse(name?).ok()?;
        // What a certificate can carry.
        let hyphened = |label: &str| label.starts_with('-') || label.ends_with('-');
        (!host.as_str().split('.').any(hyphened)).then_some(host)
    };
    match (scheme, path) {
        ("udp", "") => socket(address, 53).map(Upstream::Plain),
        ("tcp", "") => socket(address, 53).map(Upstream::Tcp),
        ("tls", "") => Some(Upstream::Tls(socket(address, 853)?, name()?)),
        ("https", _) => {
            let path = if path.is_empty() { DOH_PATH } else { path };
            let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>?#\\^`{|}".contains(&byte);
            let host = name()?;
            path.bytes()
                .all(plain)
                .then(|| Some(Upstream::Https(socket(address, 443)?, host, path.into())))?
        }
        _ => None,
    }
}

fn socket(text: &str, port: u16) -> Option<SocketAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match (text.parse(), bare.unwrap_or(text).parse::<IpAddr>()) {
        (Ok(socket), _) => Some(socket),
        (_, Ok(ip)) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Upstream::Plain(at) => write!(f, "{at}"),
            Upstream::Tcp(at) => write!(f, "tcp://{at}"),
            Upstream::Tls(at, name) => write!(f, "tls://{at}#{name}"),
            Upstream::Https(at, name, path) => write!(f, "https://{at}{path}#{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fil_16_upstreams_are_read_and_written_back() {
        for (text, written) in [
            ("9.9.9.9", "9.9.9.9:53"),
            ("9.9.9.9:5353", "9.9.9.9:5353"),
            ("2620:fe::fe", "[2620:fe::fe]:53"),
            ("tcp://[2620:fe::fe]:54", "tcp://[2620:fe::fe]:54"),
            (
                "tls://9.9.9.9#dns.quad9.net",
                "tls://9.9.9.9:853#dns.quad9.net",
            ),
            (
                "https://9.9.9.9#dns.quad9.net",
                "https://9.9.9.9:443/dns-query#dns.quad9.net",
            ),
            (
                "https://[::1]:444/q#a.example",
                "https://[::1]:444/q#a.example",
            ),
        ] {
            let read: Upstream = text.parse().unwrap();
            assert_eq!(read.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(read), "{text}");
        }
        for text in [
            "",
            "dns.quad9.net",
            "tls://9.9.9.9",
            "tls://dns.quad9.net#dns.quad9.net",
            "https://9.9.9.9/a b#dns.quad9.net",
            "https://9.9.9.9/dns-query{?dns}#dns.quad9.net",
            "quic://9.9.9.9#dns.quad9.net",
            "tls://9.9.9.9#-dns.quad9.net",
        ] {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
    }
}
