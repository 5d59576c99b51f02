//! Known ways round the filter that are names: browser canaries, private relay, discovery of
//! encrypted resolvers, well-known encrypted resolvers themselves, and the sites of the best-known
//! tunnels, proxies and copies of pages (FIL-16).
//!
//! A small set that must always be right; long lists of resolvers, proxies and tunnels come as
//! category lists.

use std::sync::LazyLock;

use pharos_catalogue::Host;
use pharos_scan::Glance;

/// A way round the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WayRound {
    /// A browser asks whether it may use its own encrypted resolver. The resolver answers
    /// NXDOMAIN; any address would switch it on.
    Canary,
    /// Private relay: NXDOMAIN or no data, never silence.
    Relay,
    /// Discovery of designated resolvers (RFC 9462): no data, or our own resolver.
    Discovery,
    /// A public encrypted resolver: blocked.
    Resolver,
    /// A site through which others are reached: a private network, a proxy, the Tor network, a
    /// translation or stored copy of any page. Blocked as any site is, with the block page.
    Site,
}

impl WayRound {
    /// The name used in logs and events.
    pub const fn name(self) -> &'static str {
        match self {
            WayRound::Canary => "canary",
            WayRound::Relay => "private-relay",
            WayRound::Discovery => "resolver-discovery",
            WayRound::Resolver => "encrypted-resolver",
            WayRound::Site => "tunnel-site",
        }
    }
}

/// What way round a host is, with all below it. Allocates nothing.
pub fn way_round(host: &Host) -> Option<WayRound> {
    let glance = &*GLANCE;
    let mut name = host.as_str();
    loop {
        if glance.may_hold(name)
            && let Ok(place) = NAMES.binary_search_by(|(known, _)| (*known).cmp(name))
        {
            return Some(NAMES[place].1);
        }
        // Labels are short: byte by byte is quicker than a search made for long texts.
        let dot = name.bytes().position(|byte| byte == b'.')?;
        name = &name[dot + 1..];
    }
}

static GLANCE: LazyLock<Glance> = LazyLock::new(|| NAMES.iter().map(|(name, _)| *name).collect());

use WayRound::{Canary, Discovery, Relay, Resolver, Site};

/// Sorted by name; resolvers that are reached by their address alone stand among them.
static NAMES: &[(&str, WayRound)] = &[
    ("1.0.0.1", Resolver),
    ("1.0.0.2", Resolver),
    ("1.0.0.3", Resolver),
    ("1.1.1.1", Resolver),
    ("1.1.1.2", Resolver),
    ("1.1.1.3", Resolver),
    ("12ft.io", Site),
    ("149.112.112.112", Resolver),
    ("1dot1dot1dot1.cloudflare-dns.com", Resolver),
    ("208.67.220.220", Resolver),
    ("208.67.222.222", Resolver),
    ("45.90.28.0", Resolver),
    ("45.90.30.0", Resolver),
    ("4everproxy.com", Site),
    ("8.8.4.4", Resolver),
    ("8.8.8.8", Resolver),
    ("9.9.9.10", Resolver),
    ("9.9.9.11", Resolver),
    ("9.9.9.9", Resolver),
    ("94.140.14.14", Resolver),
    ("94.140.15.15", Resolver),
    ("[2001:4860:4860::8844]", Resolver),
    ("[2001:4860:4860::8888]", Resolver),
    ("[2606:4700:4700::1001]", Resolver),
    ("[2606:4700:4700::1111]", Resolver),
    ("[2620:fe::9]", Resolver),
    ("[2620:fe::fe]", Resolver),
    ("_dns.resolver.arpa", Discovery),
    ("adblock.dns.mullvad.net", Resolver),
    ("anonymouse.org", Site),
    ("anycast.uncensoreddns.org", Resolver),
    ("archive.fo", Site),
    ("archive.is", Site),
    ("archive.li", Site),
    ("archive.md", Site),
    ("archive.ph", Site),
    ("archive.today", Site),
    ("archive.vn", Site),
    ("base.dns.mullvad.net", Resolver),
    ("basic.rethinkdns.com", Resolver),
    ("betternet.co", Site),
    ("blockaway.net", Site),
    ("cc.bingj.com", Site),
    ("chrome.cloudflare-dns.com", Resolver),
    ("chromium.dns.nextdns.io", Resolver),
    ("cloudflare-dns.com", Resolver),
    ("cloudflare-gateway.com", Resolver),
    ("croxyproxy.com", Site),
    ("croxyproxy.net", Site),
    ("croxyproxy.rocks", Site),
    ("cyberghostvpn.com", Site),
    ("d.adguard-dns.com", Resolver),
    ("dns-family.adguard.com", Resolver),
    ("dns-unfiltered.adguard.com", Resolver),
    ("dns.aa.net.uk", Resolver),
    ("dns.adguard-dns.com", Resolver),
    ("dns.adguard.com", Resolver),
    ("dns.alidns.com", Resolver),
    ("dns.cloudflare.com", Resolver),
    ("dns.comss.one", Resolver),
    ("dns.controld.com", Resolver),
    ("dns.decloudus.com", Resolver),
    ("dns.digitale-gesellschaft.ch", Resolver),
    ("dns.dnsoverhttps.net", Resolver),
    ("dns.flatuslifir.is", Resolver),
    ("dns.google", Resolver),
    ("dns.google.com", Resolver),
    ("dns.hostux.net", Resolver),
    ("dns.mullvad.net", Resolver),
    ("dns.nextdns.io", Resolver),
    ("dns.njal.la", Resolver),
    ("dns.opendns.com", Resolver),
    ("dns.pub", Resolver),
    ("dns.quad9.net", Resolver),
    ("dns.rubyfish.cn", Resolver),
    ("dns.sb", Resolver),
    ("dns.switch.ch", Resolver),
    ("dns.telekom.de", Resolver),
    ("dns.twnic.tw", Resolver),
    ("dns.umbrella.com", Resolver),
    ("dns0.eu", Resolver),
    ("dns10.quad9.net", Resolver),
    ("dns11.quad9.net", Resolver),
    ("dns64.dns.google", Resolver),
    ("dns9.quad9.net", Resolver),
    ("doh-dns-apple-com.v.aaplimg.com", Resolver),
    ("doh.360.cn", Resolver),
    ("doh.appliedprivacy.net", Resolver),
    ("doh.bortzmeyer.fr", Resolver),
    ("doh.centraleu.pi-dns.com", Resolver),
    ("doh.cleanbrowsing.org", Resolver),
    ("doh.crypto.sx", Resolver),
    ("doh.dns.apple.com", Resolver),
    ("doh.dns.apple.com.v.aaplimg.com", Resolver),
    ("doh.dns.sb", Resolver),
    ("doh.dnslify.com", Resolver),
    ("doh.familyshield.opendns.com", Resolver),
    ("doh.ffmuc.net", Resolver),
    ("doh.li", Resolver),
    ("doh.libredns.gr", Resolver),
    ("doh.mullvad.net", Resolver),
    ("doh.opendns.com", Resolver),
    ("doh.pub", Resolver),
    ("doh.sb", Resolver),
    ("doh.seby.io", Resolver),
    ("doh.tiar.app", Resolver),
    ("doh.tiarap.org", Resolver),
    ("doh.umbrella.com", Resolver),
    ("doh.xfinity.com", Resolver),
    ("dot.sb", Resolver),
    ("expressvpn.com", Site),
    ("family.adguard-dns.com", Resolver),
    ("family.cloudflare-dns.com", Resolver),
    ("firefox.dns.nextdns.io", Resolver),
    ("freedns.controld.com", Resolver),
    ("getlantern.org", Site),
    ("hide.me", Site),
    ("hidemyass.com", Site),
    ("hola.org", Site),
    ("hotspotshield.com", Site),
    ("ipvanish.com", Site),
    ("jp.tiar.app", Resolver),
    ("kids.dns0.eu", Resolver),
    ("kproxy.com", Site),
    ("mask-api.icloud.com", Relay),
    ("mask-canary.icloud.com", Relay),
    ("mask-h2.icloud.com", Relay),
    ("mask-t.apple-dns.net", Relay),
    ("mask.apple-dns.net", Relay),
    ("mask.icloud.com", Relay),
    ("max.rethinkdns.com", Resolver),
    ("mozilla.cloudflare-dns.com", Resolver),
    ("mullvad.net", Site),
    ("nordvpn.com", Site),
    ("odoh.cloudflare-dns.com", Resolver),
    ("one.one.one.one", Resolver),
    ("onion.ly", Site),
    ("onion.pet", Site),
    ("onion.ws", Site),
    ("open.dns0.eu", Resolver),
    ("ordns.he.net", Resolver),
    ("privateinternetaccess.com", Site),
    ("proton-vpn.com", Site),
    ("protonvpn.com", Site),
    ("protonvpn.net", Site),
    ("proxyium.com", Site),
    ("proxysite.com", Site),
    ("psiphon.ca", Site),
    ("psiphon3.com", Site),
    ("public.dns.iij.jp", Resolver),
    ("purevpn.com", Site),
    ("resolver-eu.lelux.fi", Resolver),
    ("resolver.arpa", Discovery),
    ("security.cloudflare-dns.com", Resolver),
    ("sky.rethinkdns.com", Resolver),
    ("snowflake.torproject.net", Site),
    ("surfshark.com", Site),
    ("tor2web.org", Site),
    ("torproject.org", Site),
    ("touchvpn.net", Site),
    ("translate.goog", Site),
    ("tunnelbear.com", Site),
    ("ultrasurf.us", Site),
    ("unfiltered.adguard-dns.com", Resolver),
    ("unicast.uncensoreddns.org", Resolver),
    ("urban-vpn.com", Site),
    ("use-application-dns.net", Canary),
    ("vpngate.net", Site),
    ("vyprvpn.com", Site),
    ("webcache.googleusercontent.com", Site),
    ("wikimedia-dns.org", Resolver),
    ("windscribe.com", Site),
    ("zenmate.com", Site),
    ("zero.dns0.eu", Resolver),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-16: canaries, relay and resolvers are known with everything below them.
    #[test]
    fn fil_16_ways_round_are_known_by_name() {
        assert!(NAMES.is_sorted_by_key(|(name, _)| *name));
        for (host, expected) in [
            ("use-application-dns.net", Some(Canary)),
            ("mask.icloud.com", Some(Relay)),
            ("mask-h2.icloud.com", Some(Relay)),
            ("dns.google", Some(Resolver)),
            ("abc123.cloudflare-gateway.com", Some(Resolver)),
            ("www.icloud.com", None),
            ("notdns.google", None),
            ("1.1.1.1", Some(Resolver)),
            ("[2620:fe::fe]", Some(Resolver)),
            ("192.0.2.1", None),
            ("my.nordvpn.com", Some(Site)),
            ("www.torproject.org", Some(Site)),
            ("www-bbc-co-uk.translate.goog", Some(Site)),
            ("translate.google.com", None),
            ("adblock.dns.mullvad.net", Some(Resolver)),
            ("web.archive.org", None),
            ("example.org", None),
        ] {
            assert_eq!(way_round(&Host::parse(host).unwrap()), expected, "{host}");
        }
        for (name, kind) in NAMES {
            if !name.starts_with('_') {
                assert_eq!(
                    way_round(&Host::parse(name).unwrap()),
                    Some(*kind),
                    "{name}"
                );
            }
        }
    }
}
