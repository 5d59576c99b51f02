//! The nftables rules that send a school's traffic through the filter without telling its devices,
//! and close the ways past it: QUIC, DNS over TLS, known DNS over HTTPS, and the ports and
//! protocols of private networks, Tor, outside proxies and remote control (FIL-16).
//!
//! Text only: whoever runs the network loads it.

use std::fmt::Write;
use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses of public resolvers that answer DNS over HTTPS, for the time before a longer list is
/// given. From their operators' own pages, as of 2026.
pub const PUBLIC_RESOLVERS: [&str; 24] = [
    "1.1.1.1",
    "1.0.0.1",
    "1.1.1.2",
    "1.0.0.2",
    "8.8.8.8",
    "8.8.4.4",
    "9.9.9.9",
    "149.112.112.112",
    "208.67.222.222",
    "208.67.220.220",
    "94.140.14.14",
    "94.140.15.15",
    "76.76.2.0",
    "76.76.10.0",
    "45.90.28.0",
    "45.90.30.0",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    "2620:fe::fe",
    "2620:fe::9",
    "2a10:50c0::ad1:ff",
    "2a10:50c0::ad2:ff",
];

/// A way round the filter that is known by its ports, and closed by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClosedWay {
    /// Virtual private networks: IKE, OpenVPN, L2TP, PPTP, WireGuard, and the bare protocols.
    Vpn,
    /// The Tor network's usual relay and client ports.
    Tor,
    /// Outside proxies that are no web sites: SOCKS, Squid, Privoxy.
    Proxy,
    /// Remote control: RDP, VNC, TeamViewer, AnyDesk.
    RemoteControl,
}

impl ClosedWay {
    /// Every such way.
    pub const ALL: [ClosedWay; 4] = [
        ClosedWay::Vpn,
        ClosedWay::Tor,
        ClosedWay::Proxy,
        ClosedWay::RemoteControl,
    ];

    /// Its name in commands and log lines.
    pub const fn name(self) -> &'static str {
        match self {
            ClosedWay::Vpn => "vpn",
            ClosedWay::Tor => "tor",
            ClosedWay::Proxy => "proxy",
            ClosedWay::RemoteControl => "remote-control",
        }
    }

    /// Its ports over UDP, as registered with IANA or named by the makers.
    pub const fn udp(self) -> &'static [u16] {
        match self {
            ClosedWay::Vpn => &[500, 1194, 1701, 4500, 51820],
            ClosedWay::Tor | ClosedWay::Proxy => &[],
            ClosedWay::RemoteControl => &[3389, 5938],
        }
    }

    /// Its ports over TCP.
    pub const fn tcp(self) -> &'static [u16] {
        match self {
            ClosedWay::Vpn => &[1194, 1723],
            ClosedWay::Tor => &[9001, 9030, 9050, 9150],
            ClosedWay::Proxy => &[1080, 3128, 8118],
            ClosedWay::RemoteControl => &[3389, 5900, 5938, 6568],
        }
    }

    /// Its protocols that have no ports.
    pub const fn protocols(self) -> &'static [&'static str] {
        match self {
            ClosedWay::Vpn => &["esp", "ah", "gre"],
            _ => &[],
        }
    }
}

/// The mark on packets that `tproxy` keeps on this machine, and the routing table for it.
const MARK: u32 = 0x5048;

/// What the rules are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRules {
    /// Networks whose devices are filtered.
    pub school: Vec<IpNet>,
    /// Port of the transparent proxy on this machine (`--transparent`).
    pub proxy_port: u16,
    /// Whether the proxy listens with `--tproxy`.
    pub tproxy: bool,
    /// Port of the filtering resolver on this machine; `None` leaves DNS as it is.
    pub dns_port: Option<u16>,
    /// Resolvers whose DNS over HTTPS is closed.
    pub resolvers: Vec<IpAddr>,
    /// Ways round that are closed by their ports.
    pub closed: Vec<ClosedWay>,
    /// Whether the kernel logs what is refused as a way round, for the syslog that Pharos reads.
    pub log: bool,
}

impl NetworkRules {
    /// The rules as `nft -f` reads them. Loading them again replaces them.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(4_096);
        // Writing to a String does not fail.
        let _ = self.write(&mut text);
        text
    }

    /// What must be set up once beside the rules, as shell commands; none for `redirect`.
    pub fn commands(&self) -> Vec<String> {
        if !self.tproxy {
            return Vec::new();
        }
        ["-4", "-6"]
            .iter()
            .flat_map(|family| {
                [
                    format!("ip {family} rule add fwmark {MARK:#x} lookup {MARK}"),
                    format!("ip {family} route add local default dev lo table {MARK}"),
                ]
            })
            .collect()
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "#!/usr/sbin/nft -f\n# Sends the school's web traffic to the filter on this machine and closes the ways past it."
        )?;
        writeln!(
            out,
            "# Load: nft -f FILE. Take away: nft delete table inet pharos."
        )?;
        for command in self.commands() {
            writeln!(out, "# Once, beside it: {command}")?;
        }
        writeln!(
            out,
            "\ntable inet pharos\ndelete table inet pharos\ntable inet pharos {{"
        )?;
        let (v4, v6): (Vec<IpNet>, Vec<IpNet>) =
            self.school.iter().partition(|net| net.addr().is_ipv4());
        set(out, "school4", "ipv4_addr", &v4)?;
        set(out, "school6", "ipv6_addr", &v6)?;
        let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) =
            self.resolvers.iter().partition(|ip| ip.is_ipv4());
        set(out, "resolvers4", "ipv4_addr", &v4)?;
        set(out, "resolvers6", "ipv6_addr", &v6)?;
        self.write_guard(out)?;
        if self.tproxy {
            self.write_tproxy(out)?;
        }
        self.write_redirect(out)?;
        writeln!(out, "}}")
    }

    /// Closed before anything is sent on: clients fall back to what can be filtered.
    fn write_guard(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "\tchain guard {{\n\t\ttype filter hook prerouting priority mangle - 10; policy accept;"
        )?;
        writeln!(out, "\t\tfib daddr type local return")?;
        for (family, version) in [("ip", 4), ("ip6", 6)] {
            let from = format!("{family} saddr @school{version}");
            let outside = format!("{family} daddr != @school{version}");
            let port = "counter reject with icmpx port-unreachable";
            writeln!(
                out,
                "\t\t{from} {outside} udp dport {{ 80, 443 }} {port} comment \"QUIC\""
            )?;
            writeln!(
                out,
                "\t\t{from} {outside} udp dport 853 {port} comment \"DNS over QUIC and DTLS\""
            )?;
            writeln!(
                out,
                "\t\t{from} {outside} tcp dport 853 counter reject with tcp reset comment \"DNS over TLS\""
            )?;
            writeln!(
                out,
                "\t\t{from} {family} daddr @resolvers{version} tcp dport {{ 80, 443 }} counter reject with tcp reset comment \"DNS over HTTPS\""
            )?;
        }
        for way in &self.closed {
            self.write_closed(*way, out)?;
        }
        writeln!(out, "\t}}")
    }

    /// One way round, logged at most ten times a second where that is asked for.
    fn write_closed(&self, way: ClosedWay, out: &mut String) -> std::fmt::Result {
        let name = way.name();
        let ports = |ports: &[u16]| {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            ports.join(", ")
        };
        let unreachable = "reject with icmpx port-unreachable";
        let mut what = Vec::new();
        if !way.udp().is_empty() {
            what.push((format!("udp dport {{ {} }}", ports(way.udp())), unreachable));
        }
        if !way.tcp().is_empty() {
            let tcp = format!("tcp dport {{ {} }}", ports(way.tcp()));
            what.push((tcp, "reject with tcp reset"));
        }
        if !way.protocols().is_empty() {
            let protocols = way.protocols().join(", ");
            what.push((format!("meta l4proto {{ {protocols} }}"), unreachable));
        }
        for (family, version) in [("ip", 4), ("ip6", 6)] {
            let from =
                format!("{family} saddr @school{version} {family} daddr != @school{version}");
            for (what, refuse) in &what {
                if self.log {
                    writeln!(
                        out,
                        "\t\t{from} {what} limit rate 10/second log prefix \"pharos {name}: action=reject \""
                    )?;
                }
                writeln!(out, "\t\t{from} {what} counter {refuse} comment \"{name}\"")?;
            }
        }
        Ok(())
    }

    fn write_tproxy(&self, out: &mut String) -> std::fmt::Result {
        let port = self.proxy_port;
        writeln!(
            out,
            "\tchain keep {{\n\t\ttype filter hook prerouting priority mangle; policy accept;"
        )?;
        writeln!(out, "\t\tfib daddr type local return")?;
        writeln!(
            out,
            "\t\tmeta l4proto tcp socket transparent 1 meta mark set {MARK:#x} accept"
        )?;
        for (family, version) in [("ip", 4), ("ip6", 6)] {
            writeln!(
                out,
                "\t\t{family} saddr @school{version} {family} daddr != @school{version} tcp dport {{ 80, 443 }} tproxy {family} to :{port} meta mark set {MARK:#x} accept"
            )?;
        }
        writeln!(out, "\t}}")
    }

    fn write_redirect(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "\tchain send {{\n\t\ttype nat hook prerouting priority dstnat; policy accept;"
        )?;
        writeln!(out, "\t\tfib daddr type local return")?;
        for (family, version) in [("ip", 4), ("ip6", 6)] {
            let from = format!("{family} saddr @school{version}");
            if let Some(port) = self.dns_port {
                writeln!(out, "\t\t{from} udp dport 53 redirect to :{port}")?;
                writeln!(out, "\t\t{from} tcp dport 53 redirect to :{port}")?;
            }
            if !self.tproxy {
                let port = self.proxy_port;
                writeln!(
                    out,
                    "\t\t{from} {family} daddr != @school{version} tcp dport {{ 80, 443 }} redirect to :{port}"
                )?;
            }
        }
        writeln!(out, "\t}}")
    }
}

fn set<T: ToString>(out: &mut String, name: &str, kind: &str, items: &[T]) -> std::fmt::Result {
    write!(
        out,
        "\tset {name} {{\n\t\ttype {kind}; flags interval; auto-merge;"
    )?;
    if !items.is_empty() {
        let items: Vec<String> = items.iter().map(ToString::to_string).collect();
        write!(out, "\n\t\telements = {{ {} }}", items.join(", "))?;
    }
    writeln!(out, "\n\t}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(tproxy: bool) -> NetworkRules {
        NetworkRules {
            school: vec![
                "10.20.0.0/16".parse().unwrap(),
                "2001:db8:20::/48".parse().unwrap(),
            ],
            proxy_port: 3129,
            tproxy,
            dns_port: Some(53),
            resolvers: PUBLIC_RESOLVERS
                .iter()
                .map(|ip| ip.parse().unwrap())
                .collect(),
            closed: ClosedWay::ALL.to_vec(),
            log: false,
        }
    }

    /// FIL-16: both kinds of rules name what they send on and what they close, for both families.
    #[test]
    fn fil_16_the_rules_close_every_way_past_the_filter() {
        for tproxy in [false, true] {
            let text = rules(tproxy).text();
            for part in [
                "elements = { 10.20.0.0/16 }",
                "elements = { 2001:db8:20::/48 }",
                "ip saddr @school4 ip daddr != @school4 udp dport { 80, 443 } counter reject",
                "ip6 saddr @school6 ip6 daddr != @school6 udp dport { 80, 443 } counter reject",
                "tcp dport 853 counter reject",
                "daddr @resolvers4 tcp dport { 80, 443 } counter reject",
                "udp dport 53 redirect to :53",
                "udp dport { 500, 1194, 1701, 4500, 51820 } counter reject",
                "meta l4proto { esp, ah, gre } counter reject",
                "tcp dport { 9001, 9030, 9050, 9150 } counter reject",
                "tcp dport { 3389, 5900, 5938, 6568 } counter reject",
            ] {
                assert!(text.contains(part), "{part}\n{text}");
            }
            assert_eq!(text.contains("tproxy ip6 to :3129"), tproxy);
            assert_eq!(
                text.contains("tcp dport { 80, 443 } redirect to :3129"),
                !tproxy
            );
            assert_eq!(rules(tproxy).commands().len(), if tproxy { 4 } else { 0 });
            let open = NetworkRules {
                closed: vec![ClosedWay::Vpn],
                log: true,
                ..rules(tproxy)
            };
            let text = open.text();
            assert!(!text.contains("9050") && !text.contains("3389"), "{text}");
            assert!(
                text.contains("log prefix \"pharos vpn: action=reject \""),
                "{text}"
            );
        }
    }
}
