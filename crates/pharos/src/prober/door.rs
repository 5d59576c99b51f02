//! Where the faces listen, and whether the check's own devices can be told apart there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pharos_service::{Reach, Way};

/// The addresses of every face; empty for one that is off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listening {
    pub(crate) dns: Vec<SocketAddr>,
    pub(crate) dot: Vec<SocketAddr>,
    pub(crate) doh: Vec<SocketAddr>,
    pub(crate) proxy: Vec<SocketAddr>,
    pub(crate) transparent: Vec<SocketAddr>,
    /// Whether connections come there by TPROXY; by REDIRECT otherwise.
    pub(crate) tproxy: bool,
    /// The name in the certificate of the encrypted resolver.
    pub(crate) dns_name: Option<String>,
}

/// One listening address as the check reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Door {
    /// Where to connect.
    pub(crate) at: SocketAddr,
}

impl Door {
    /// The address to come from. The check's devices are IPv4; IPv6 has one address of loopback.
    pub(crate) fn source(self, from: IpAddr) -> SocketAddr {
        let from = match self.at {
            SocketAddr::V4(_) => from,
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        SocketAddr::new(from, 0)
    }
}

impl Listening {
    /// Where a face is best reached: by IPv4, where every device has an address of its own.
    pub(crate) fn door(&self, way: Way) -> Option<Door> {
        let addresses = self.addresses(way);
        let by_v4 = addresses.iter().find_map(|at| self.by_v4(way, *at));
        let at = by_v4.or_else(|| addresses.first().copied())?;
        Some(Door { at: concrete(at) })
    }

    fn addresses(&self, way: Way) -> &[SocketAddr] {
        match way {
            Way::Dns | Way::DnsTcp => &self.dns,
            Way::Dot => &self.dot,
            Way::Doh | Way::DohDevice => &self.doh,
            Way::Proxy | Way::Connect => &self.proxy,
            Way::Transparent => &self.transparent,
            Way::Hand => &[],
        }
    }

    /// The IPv4 address by which a listener is reached. Of ours only the proxy for devices that were
    /// told of it takes IPv4 on an IPv6 socket, and that where it listens on every address.
    fn by_v4(&self, way: Way, at: SocketAddr) -> Option<SocketAddr> {
        match at {
            SocketAddr::V4(_) => Some(at),
            SocketAddr::V6(v6) => {
                let takes_both =
                    matches!(way, Way::Proxy | Way::Connect) && v6.ip().is_unspecified();
                takes_both.then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, v6.port())))
            }
        }
    }

    /// Whether a face can be tried, and as whom.
    pub(crate) fn reach(&self, way: Way) -> Reach {
        let addresses = self.addresses(way);
        let Some(first) = addresses.first() else {
            return Reach::Nobody("this face is off".to_owned());
        };
        if way == Way::Transparent && !self.tproxy {
            return Reach::Nobody("connections come here by REDIRECT, so only one that the router has sent here can be tried: use a device, see docs/operations.md".to_owned());
        }
        if addresses.iter().any(|at| self.by_v4(way, *at).is_some()) || way == Way::DohDevice {
            return Reach::Everyone;
        }
        Reach::Unknown(format!(
            "{first} takes IPv6 alone, and this machine has one IPv6 address of loopback: only somebody unknown could be tried there. Let the face listen on an IPv4 address too, and every group is tried."
        ))
    }
}

/// An address to connect to, where a listener takes every one.
fn concrete(at: SocketAddr) -> SocketAddr {
    match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, at.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, at.port())),
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(dns: &[&str], proxy: &[&str]) -> Listening {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Listening {
            dns: addresses(dns),
            proxy: addresses(proxy),
            ..Listening::default()
        }
    }

    /// AUD-02: every group is tried wherever IPv4 is taken; where IPv6 alone is, the check says that it
    /// could be nobody but somebody unknown.
    #[test]
    fn aud_02_test_users_are_told_apart_or_the_check_says_that_they_are_not() {
        let device: IpAddr = "127.83.0.7".parse().unwrap();
        let tried = |listening: &Listening, way| {
            let door = listening.door(way).unwrap();
            (door.at.to_string(), door.source(device).ip())
        };
        let both = listening(&["[::]:53", "0.0.0.0:53"], &["[::]:3128"]);
        assert_eq!(tried(&both, Way::Dns), ("127.0.0.1:53".to_owned(), device));
        assert_eq!(
            tried(&both, Way::Connect),
            ("127.0.0.1:3128".to_owned(), device)
        );
        for way in [Way::Dns, Way::DnsTcp, Way::Proxy, Way::Connect] {
            assert_eq!(both.reach(way), Reach::Everyone);
        }
        let six = listening(&["[::]:53"], &["[::1]:3128"]);
        for way in [Way::Dns, Way::DnsTcp, Way::Proxy] {
            assert!(matches!(six.reach(way), Reach::Unknown(_)), "{way:?}");
            assert_eq!(tried(&six, way).1, IpAddr::V6(Ipv6Addr::LOCALHOST));
        }
        for way in [Way::Dot, Way::Doh, Way::DohDevice, Way::Transparent] {
            assert!(matches!(six.reach(way), Reach::Nobody(_)), "{way:?}");
        }
    }
}
