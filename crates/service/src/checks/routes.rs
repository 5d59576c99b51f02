//! The ways round the filter that are tried (FIL-16). Where the filter holds, nothing is sent to any of
//! these names.

use super::judge::Wanted;
use super::ways::{Ask, Way};

/// For whom a way round must be shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// For everybody whom the policy does not grant ways round.
    NotGranted,
    /// For whomever the policy blocks this category.
    Category(&'static str),
    /// Tried once, as somebody to whom the site is open: it is the same for everybody.
    Once,
}

/// One way round.
pub(super) struct Route {
    pub(super) name: &'static str,
    pub(super) host: &'static str,
    pub(super) ask: fn() -> Ask,
    pub(super) ways: &'static [Way],
    pub(super) wanted: fn() -> Wanted,
    pub(super) whom: For,
}

const NAMES: &[Way] = &[Way::Dns];
const SITES: &[Way] = &[Way::Dns, Way::Connect];
const TUNNELS: &[Way] = &[Way::Connect];
const RESOLVERS: &[Way] = &[Way::Dns, Way::DnsTcp, Way::Dot, Way::Doh];

const fn site(name: &'static str, host: &'static str, ways: &'static [Way]) -> Route {
    Route {
        name,
        host,
        ask: || Ask::Open,
        ways,
        wanted: || Wanted::Shut,
        whom: For::NotGranted,
    }
}

const fn signal(name: &'static str, host: &'static str) -> Route {
    Route {
        name,
        host,
        ask: || Ask::Open,
        ways: NAMES,
        wanted: || Wanted::NoAddress,
        whom: For::NotGranted,
    }
}

const fn port(name: &'static str, ask: fn() -> Ask) -> Route {
    Route {
        name,
        host: PLAIN_SITE,
        ask,
        ways: TUNNELS,
        wanted: || Wanted::Shut,
        whom: For::NotGranted,
    }
}

const fn remote(host: &'static str) -> Route {
    Route {
        name: "a machine elsewhere, used from here (remote desktop)",
        host,
        ask: || Ask::Open,
        ways: SITES,
        wanted: || Wanted::Shut,
        whom: For::Category("remote-access"),
    }
}

/// A name that no list holds and that leads nowhere.
const PLAIN_SITE: &str = "plain.pharos.test";
/// An address that belongs to nobody (RFC 5737).
const NOBODYS: &str = "192.0.2.53";

/// Every way round.
pub(super) const ROUTES: &[Route] = &[
    signal(
        "a browser's own resolver (canary)",
        "use-application-dns.net",
    ),
    signal("private relay", "mask.icloud.com"),
    signal("private relay", "mask-h2.icloud.com"),
    signal("private relay", "mask-api.icloud.com"),
    signal("private relay", "mask-canary.icloud.com"),
    signal("private relay", "mask.apple-dns.net"),
    site(
        "an encrypted resolver by name",
        "dns.google",
        &[Way::Dns, Way::Proxy, Way::Connect],
    ),
    site(
        "an encrypted resolver by name",
        "mozilla.cloudflare-dns.com",
        NAMES,
    ),
    site("an encrypted resolver by name", "dns.quad9.net", NAMES),
    site("an encrypted resolver by name", "doh.opendns.com", NAMES),
    site(
        "an encrypted resolver by address",
        "1.1.1.1",
        &[Way::Proxy, Way::Connect],
    ),
    site("an encrypted resolver by address", "8.8.8.8", TUNNELS),
    Route {
        name: "discovery of an encrypted resolver",
        host: "_dns.resolver.arpa",
        ask: || Ask::Resolver,
        ways: RESOLVERS,
        wanted: || Wanted::OwnResolver,
        whom: For::Once,
    },
    Route {
        name: "hidden names and QUIC told of in HTTPS records",
        host: "crypto.cloudflare.com",
        ask: || Ask::Hints,
        ways: RESOLVERS,
        wanted: || Wanted::NoHints,
        whom: For::Once,
    },
    site("a virtual private network", "nordvpn.com", SITES),
    site("a virtual private network", "protonvpn.com", NAMES),
    site("a virtual private network", "windscribe.com", NAMES),
    site("a virtual private network", "psiphon.ca", NAMES),
    site(
        "a web page that fetches pages (proxy)",
        "www.croxyproxy.com",
        SITES,
    ),
    site(
        "a web page that fetches pages (proxy)",
        "www.proxysite.com",
        NAMES,
    ),
    site("the Tor network", "www.torproject.org", SITES),
    site("the Tor network", "snowflake.torproject.net", NAMES),
    site(
        "a translation that fetches pages",
        "www-pharos-test.translate.goog",
        SITES,
    ),
    site(
        "a cached copy of pages",
        "webcache.googleusercontent.com",
        NAMES,
    ),
    site("a cached copy of pages", "archive.ph", NAMES),
    remote("anydesk.com"),
    remote("teamviewer.com"),
    port("a tunnel to DNS over TLS (port 853)", || Ask::Port(853)),
    port("a tunnel to an odd port", || Ask::Port(22)),
    port("a tunnel to an odd port", || Ask::Port(1194)),
    port("a tunnel to an odd port", || Ask::Port(9001)),
    Route {
        name: "a blocked name behind a bare address",
        host: NOBODYS,
        ask: || Ask::Within("pornography.pharos.test".to_owned()),
        ways: TUNNELS,
        wanted: || Wanted::Shut,
        whom: For::NotGranted,
    },
];
