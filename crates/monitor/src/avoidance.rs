//! Ways round the filter, by name, by address and by behaviour (FIL-16): which method an attempt
//! stands for.

use std::fmt;
use std::net::IpAddr;

/// A way round the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// A virtual private network.
    Vpn,
    /// Somebody else's proxy, a web page that fetches pages, a translation or cached copy.
    Proxy,
    /// The Tor network.
    Tor,
    /// Name look-ups at an outside resolver that the school cannot see into.
    EncryptedDns,
    /// A machine elsewhere, used from here.
    RemoteDesktop,
    /// Addresses typed as numbers, one after another.
    DirectAddresses,
    /// One site asked for, and another one named inside the connection.
    Fronting,
    /// A tunnel: what is no web traffic, sent through the door for the web.
    Tunnel,
    /// Ports that are not for the web.
    Ports,
    /// Connections that hide which site they are for.
    HiddenNames,
    /// Names given for addresses to which they do not lead.
    FalseNames,
    /// A known way round that the lists do not name more closely.
    Other,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 12] = [
        Method::Vpn,
        Method::Proxy,
        Method::Tor,
        Method::EncryptedDns,
        Method::RemoteDesktop,
        Method::DirectAddresses,
        Method::Fronting,
        Method::Tunnel,
        Method::Ports,
        Method::HiddenNames,
        Method::FalseNames,
        Method::Other,
    ];

    /// The name used in events and keys.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Vpn => "vpn",
            Method::Proxy => "proxy",
            Method::Tor => "tor",
            Method::EncryptedDns => "encrypted-dns",
            Method::RemoteDesktop => "remote-desktop",
            Method::DirectAddresses => "direct-addresses",
            Method::Fronting => "fronting",
            Method::Tunnel => "tunnel",
            Method::Ports => "ports",
            Method::HiddenNames => "hidden-names",
            Method::FalseNames => "false-names",
            Method::Other => "avoidance",
        }
    }

    /// The method with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// What it is, in words for people.
    pub const fn says(self) -> &'static str {
        match self {
            Method::Vpn => "a virtual private network (VPN)",
            Method::Proxy => "an outside proxy",
            Method::Tor => "the Tor network",
            Method::EncryptedDns => "an outside resolver for encrypted name look-ups",
            Method::RemoteDesktop => "remote control of a machine elsewhere",
            Method::DirectAddresses => "addresses typed as numbers, one after another",
            Method::Fronting => {
                "one site asked for and another named inside the connection (domain fronting)"
            }
            Method::Tunnel => "a tunnel through the door for web traffic",
            Method::Ports => "ports that are not for the web",
            Method::HiddenNames => {
                "connections that hide which site they are for (Encrypted Client Hello)"
            }
            Method::FalseNames => "sites asked for at addresses that are not theirs",
            Method::Other => "a known way round the filter",
        }
    }

    /// The method that a category of the lists in common use stands for.
    pub fn of_category(category: &str) -> Option<Self> {
        Some(match category {
            "vpn" => Method::Vpn,
            "proxy" | "redirector" | "anonymizer" | "anonymisers" | "web-proxy" | "translation" => {
                Method::Proxy
            }
            "tor" => Method::Tor,
            "doh" | "encrypted-dns" => Method::EncryptedDns,
            "remote-control" | "remote-access" => Method::RemoteDesktop,
            "avoidance" | "filter-bypass" | "bypass" => Method::Other,
            _ => return None,
        })
    }

    /// The method that a connection gives away by how it behaved at the proxy. `rule` is what the
    /// proxy writes in the event of a connection that it refused: `no-web-traffic-ssh`, `port-1194`.
    pub fn of_behaviour(rule: &str) -> Option<Self> {
        if let Some(port) = rule.strip_prefix("port-") {
            let port: u16 = port.parse().ok()?;
            return Some(match Self::of_port(port, false) {
                Some(method) => method,
                // Secure Shell: the usual way to a tunnel of one's own.
                None if port == 22 => Method::Tunnel,
                None => Method::Ports,
            });
        }
        Some(match rule {
            "no-web-traffic" | "no-web-traffic-ssh" => Method::Tunnel,
            "no-web-traffic-openvpn" => Method::Vpn,
            "no-web-traffic-socks" => Method::Proxy,
            "no-web-traffic-remote-desktop" => Method::RemoteDesktop,
            "server-name-disagrees" | "host-disagrees" => Method::Fronting,
            "encrypted-hello" | "encrypted-server-name" => Method::HiddenNames,
            "address-disagrees" => Method::FalseNames,
            _ => return None,
        })
    }

    /// Whether one alone says little: programs that know no better do it now and then, so only many
    /// of them within minutes count.
    pub const fn needs_many(self) -> bool {
        matches!(
            self,
            Method::DirectAddresses | Method::Ports | Method::HiddenNames | Method::FalseNames
        )
    }

    /// The method that a host's own name gives away.
    pub fn of_host(host: &str) -> Option<Self> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return RESOLVERS
                .iter()
                .any(|known| known.parse() == Ok(address))
                .then_some(Method::EncryptedDns);
        }
        let is_within = |zone: &str| {
            host.strip_suffix(zone)
                .is_some_and(|front| front.is_empty() || front.ends_with('.'))
        };
        HOSTS
            .iter()
            .find(|(zone, _)| is_within(zone))
            .map(|(_, method)| *method)
    }

    /// The method that the port of a connection to the outside gives away.
    pub const fn of_port(port: u16, is_udp: bool) -> Option<Self> {
        Some(match (port, is_udp) {
            (853, _) | (8853, true) => Method::EncryptedDns,
            (1194 | 51820 | 500 | 4500 | 1701, true) | (1194 | 1723, false) => Method::Vpn,
            (9001 | 9030 | 9050 | 9150, false) => Method::Tor,
            (3389 | 5900 | 5938 | 6568, _) => Method::RemoteDesktop,
            (1080 | 3128 | 8118, false) => Method::Proxy,
            _ => return None,
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Public resolvers by address, as their operators publish them.
const RESOLVERS: &[&str] = &[
    "1.1.1.1",
    "1.0.0.1",
    "1.1.1.2",
    "1.0.0.2",
    "8.8.8.8",
    "8.8.4.4",
    "9.9.9.9",
    "9.9.9.10",
    "149.112.112.112",
    "94.140.14.14",
    "94.140.15.15",
    "208.67.222.222",
    "208.67.220.220",
    "45.90.28.0",
    "45.90.30.0",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    "2620:fe::fe",
    "2620:fe::9",
];

/// Names of makers whose product is a way round, with all below them: a small set; long ones come
/// as category lists.
const HOSTS: &[(&str, Method)] = &[
    ("torproject.org", Method::Tor),
    ("onion.ws", Method::Tor),
    ("tor2web.org", Method::Tor),
    ("nordvpn.com", Method::Vpn),
    ("expressvpn.com", Method::Vpn),
    ("protonvpn.com", Method::Vpn),
    ("surfshark.com", Method::Vpn),
    ("mullvad.net", Method::Vpn),
    ("windscribe.com", Method::Vpn),
    ("hola.org", Method::Vpn),
    ("psiphon.ca", Method::Vpn),
    ("croxyproxy.com", Method::Proxy),
    ("hide.me", Method::Proxy),
    ("anydesk.com", Method::RemoteDesktop),
    ("teamviewer.com", Method::RemoteDesktop),
    ("remotedesktop.google.com", Method::RemoteDesktop),
    ("rustdesk.com", Method::RemoteDesktop),
    ("parsec.app", Method::RemoteDesktop),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-16: a way round is known by its name, its address and its behaviour.
    #[test]
    fn fil_16_a_way_round_is_known_by_name_address_and_port() {
        assert_eq!(Method::of_host("www.torproject.org"), Some(Method::Tor));
        assert_eq!(Method::of_host("nottorproject.org"), None);
        assert_eq!(Method::of_host("1.1.1.1"), Some(Method::EncryptedDns));
        assert_eq!(Method::of_host("192.0.2.1"), None);
        assert_eq!(Method::of_category("redirector"), Some(Method::Proxy));
        assert_eq!(Method::of_category("gaming"), None);
        assert_eq!(Method::of_port(853, false), Some(Method::EncryptedDns));
        assert_eq!(Method::of_port(51820, true), Some(Method::Vpn));
        assert_eq!(Method::of_port(51820, false), None);
        assert_eq!(Method::of_port(443, false), None);
        assert_eq!(Method::of_behaviour("port-22"), Some(Method::Tunnel));
        assert_eq!(Method::of_behaviour("port-1194"), Some(Method::Vpn));
        assert_eq!(Method::of_behaviour("port-8080"), Some(Method::Ports));
        assert_eq!(Method::of_behaviour("port-"), None);
        assert_eq!(
            Method::of_behaviour("server-name-disagrees"),
            Some(Method::Fronting)
        );
        assert_eq!(Method::of_behaviour("site-silent"), None);
        for method in Method::ALL {
            assert_eq!(Method::named(method.name()), Some(method));
        }
        for resolver in RESOLVERS {
            assert!(resolver.parse::<IpAddr>().is_ok(), "{resolver}");
        }
    }
}
