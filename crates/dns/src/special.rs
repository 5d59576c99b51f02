//! Names that never go to an upstream: the school's own, and those the standards keep local.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pharos_catalogue::Host;

use crate::config::LocalName;
use crate::doh;
use crate::wire::{Name, code, name, svcb};

/// Last labels under which something is special; any other name is passed by in one look.
const SPECIAL_ENDS: [&[u8]; 5] = [b"localhost", b"local", b"invalid", b"onion", b"arpa"];

/// What a local name is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Local {
    /// This address, for a question of its type.
    Address(IpAddr),
    /// The name exists, but has nothing of this type.
    Nothing,
    /// The name does not exist.
    NoSuchName,
    /// Our own encrypted listeners, for a device that asks for such (RFC 9462).
    Designated,
}

/// The name under which devices ask a resolver for its encrypted listeners.
const DISCOVERY: &str = "_dns.resolver.arpa";

/// Service records of our own encrypted listeners, so that a device that looks for an encrypted
/// resolver stays with the school's.
pub(crate) struct Designated {
    /// The records, for a message whose question has the name.
    pub(crate) body: Vec<u8>,
    pub(crate) count: u16,
}

impl Designated {
    /// `None` without a listener.
    pub(crate) fn new(name: &Host, tls: &[SocketAddr], https: &[SocketAddr]) -> Option<Self> {
        let target = name::from_dotted(name.as_str())?;
        let mut made = Self {
            body: Vec::new(),
            count: 0,
        };
        // HTTPS first: that is what browsers take.
        let mut add = |protocol: &[u8], at: &SocketAddr, path: &[u8]| {
            let mut data = vec![0, made.count as u8 + 1];
            data.extend_from_slice(&target);
            let alpn = [&[protocol.len() as u8], protocol].concat();
            param(&mut data, svcb::ALPN, &alpn);
            param(&mut data, svcb::PORT, &at.port().to_be_bytes());
            match at.ip() {
                IpAddr::V4(ip) if !ip.is_unspecified() => {
                    param(&mut data, svcb::IPV4_HINT, &ip.octets());
                }
                IpAddr::V6(ip) if !ip.is_unspecified() => {
                    param(&mut data, svcb::IPV6_HINT, &ip.octets());
                }
                _ => {}
            }
            if !path.is_empty() {
                param(&mut data, svcb::DOH_PATH, path);
            }
            made.body
                .extend_from_slice(&[0xc0, 12, 0, 64, 0, 1, 0, 0, 0, 60]);
            made.body
                .extend_from_slice(&(data.len() as u16).to_be_bytes());
            made.body.extend_from_slice(&data);
            made.count += 1;
        };
        for at in https.iter().take(LISTENERS_MAX) {
            add(b"h2", at, format!("{}{{?dns}}", doh::PATH).as_bytes());
        }
        for at in tls.iter().take(LISTENERS_MAX) {
            add(b"dot", at, b"");
        }
        (made.count > 0).then_some(made)
    }
}

/// Listeners of each kind that are told of.
const LISTENERS_MAX: usize = 8;

fn param(data: &mut Vec<u8>, key: u16, value: &[u8]) {
    data.extend_from_slice(&key.to_be_bytes());
    data.extend_from_slice(&(value.len() as u16).to_be_bytes());
    data.extend_from_slice(value);
}

/// The tables, made once at start.
pub(crate) struct Special {
    local: Vec<(Name, Option<Ipv4Addr>, Option<Ipv6Addr>)>,
    absent: Vec<Name>,
    localhost: Name,
    discovery: Name,
    pub(crate) designated: Option<Designated>,
}

impl Special {
    pub(crate) fn new(local_names: &[LocalName], designated: Option<Designated>) -> Self {
        let local = local_names.iter().filter_map(|local| {
            Some((name::from_dotted(local.name.as_str())?, local.v4, local.v6))
        });
        Self {
            local: local.collect(),
            absent: absent_zones(),
            localhost: name::from_dotted("localhost").unwrap_or_default(),
            discovery: name::from_dotted(DISCOVERY).unwrap_or_default(),
            designated,
        }
    }

    /// The answer to a local or special-use name; `None` for all others.
    pub(crate) fn answer(&self, asked: &[u8], kind: u16) -> Option<Local> {
        for (name, v4, v6) in &self.local {
            if asked == name.as_slice() {
                return Some(of_type(kind, *v4, *v6));
            }
            if name::is_within(asked, name) {
                return Some(Local::NoSuchName);
            }
        }
        if !SPECIAL_ENDS.contains(&name::last_label(asked)) {
            return None;
        }
        if name::is_within(asked, &self.localhost) {
            return Some(of_type(
                kind,
                Some(Ipv4Addr::LOCALHOST),
                Some(Ipv6Addr::LOCALHOST),
            ));
        }
        if self.designated.is_some() && asked == self.discovery.as_slice() {
            return Some(match kind {
                code::SVCB => Local::Designated,
                _ => Local::Nothing,
            });
        }
        let absent = self.absent.iter().any(|zone| name::is_within(asked, zone));
        absent.then_some(Local::NoSuchName)
    }
}

fn of_type(kind: u16, v4: Option<Ipv4Addr>, v6: Option<Ipv6Addr>) -> Local {
    let ip = match kind {
        code::A => v4.map(IpAddr::V4),
        code::AAAA => v6.map(IpAddr::V6),
        _ => None,
    };
    ip.map_or(Local::Nothing, Local::Address)
}

/// Zones that do not exist in public: special-use names (RFC 6761, 6762, 7686) and the reverse
/// zones of private and reserved addresses (RFC 6303, 7793), whose questions would tell the
/// outside which devices a school has.
fn absent_zones() -> Vec<Name> {
    let mut zones: Vec<String> = [
        "local",
        "invalid",
        "onion",
        "0.in-addr.arpa",
        "10.in-addr.arpa",
        "127.in-addr.arpa",
        "254.169.in-addr.arpa",
        "168.192.in-addr.arpa",
        "2.0.192.in-addr.arpa",
        "100.51.198.in-addr.arpa",
        "113.0.203.in-addr.arpa",
        "255.255.255.255.in-addr.arpa",
        "c.f.ip6.arpa",
        "d.f.ip6.arpa",
        "8.e.f.ip6.arpa",
        "9.e.f.ip6.arpa",
        "a.e.f.ip6.arpa",
        "b.e.f.ip6.arpa",
        "8.b.d.0.1.0.0.2.ip6.arpa",
    ]
    .map(String::from)
    .into();
    zones.extend((16..=31).map(|octet| format!("{octet}.172.in-addr.arpa")));
    zones.extend((64..=127).map(|octet| format!("{octet}.100.in-addr.arpa")));
    let unspecified = "0.".repeat(31);
    zones.extend(["0", "1"].map(|last| format!("{last}.{unspecified}ip6.arpa")));
    zones
        .iter()
        .filter_map(|zone| name::from_dotted(zone))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, kind: u16) -> Option<Local> {
        let local = LocalName {
            name: pharos_catalogue::Host::parse("pharos.harbourmouth.internal").unwrap(),
            v4: Some(Ipv4Addr::new(10, 1, 1, 1)),
            v6: None,
        };
        Special::new(&[local], None).answer(&name::from_dotted(text).unwrap(), kind)
    }

    /// Questions about the school's own devices stay in the school (RFC 6303).
    #[test]
    fn private_reverse_names_do_not_leak() {
        for text in [
            "4.3.2.10.in-addr.arpa",
            "1.0.16.172.in-addr.arpa",
            "1.0.31.172.in-addr.arpa",
            "7.1.168.192.in-addr.arpa",
            "9.9.100.100.in-addr.arpa",
            "1.0.0.0.d.f.ip6.arpa",
            "printer.local",
        ] {
            assert_eq!(answer(text, code::PTR), Some(Local::NoSuchName), "{text}");
        }
        for text in [
            "8.8.8.8.in-addr.arpa",
            "1.0.32.172.in-addr.arpa",
            "10.example.org",
        ] {
            assert_eq!(answer(text, code::PTR), None, "{text}");
        }
    }

    #[test]
    fn local_names_are_answered_from_the_settings() {
        let page = IpAddr::from([10, 1, 1, 1]);
        assert_eq!(
            answer("pharos.harbourmouth.internal", code::A),
            Some(Local::Address(page))
        );
        assert_eq!(
            answer("pharos.harbourmouth.internal", code::AAAA),
            Some(Local::Nothing)
        );
        assert_eq!(
            answer("x.pharos.harbourmouth.internal", code::A),
            Some(Local::NoSuchName)
        );
        assert_eq!(answer("notpharos.harbourmouth.internal", code::A), None);
        assert_eq!(
            answer("a.localhost", code::A),
            Some(Local::Address(Ipv4Addr::LOCALHOST.into()))
        );
    }
}
