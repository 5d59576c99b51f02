//! What the running server tells of itself, for the page How Pharos is doing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_dns::{Counts, UpstreamHealth};
use pharos_proxy::{Figures, View};
use pharos_service::{AskRunning, Count, Disk, FaceStatus, Running, UpstreamStatus};

/// What the resolver tells.
pub(crate) struct DnsView {
    pub(crate) counts: Box<dyn Fn() -> Counts + Send + Sync>,
    pub(crate) health: Box<dyn Fn() -> Vec<UpstreamHealth> + Send + Sync>,
}

/// Where everything listens, and whom to ask.
pub(crate) struct Asked {
    /// Names of faces with where they listen; none where one is off.
    pub(crate) listens: Vec<(&'static str, Vec<SocketAddr>)>,
    pub(crate) dns: Option<DnsView>,
    pub(crate) proxy: Option<View>,
    /// Where DNS over HTTPS is reached.
    pub(crate) doh: Option<String>,
    /// The data folder.
    pub(crate) folder: PathBuf,
}

/// The resolver's and the proxy's names among the faces.
pub(crate) const RESOLVER: &str = "Resolver";
pub(crate) const PROXY: &str = "Proxy";

/// Asks the faces on every call.
pub(crate) fn ask(asked: Asked) -> AskRunning {
    let since = Timestamp::now();
    AskRunning(Arc::new(move || {
        let faces = asked.listens.iter().map(|(name, at)| FaceStatus {
            name,
            at: at.iter().map(ToString::to_string).collect(),
            counts: match *name {
                RESOLVER => asked
                    .dns
                    .as_ref()
                    .map(|dns| of_dns(&(dns.counts)()))
                    .unwrap_or_default(),
                PROXY => asked
                    .proxy
                    .as_ref()
                    .map(|view| of_proxy(&view.figures()))
                    .unwrap_or_default(),
                _ => Vec::new(),
            },
        });
        let health = asked.dns.as_ref().map(|dns| (dns.health)());
        let upstreams = health.unwrap_or_default();
        Running {
            faces: faces.collect(),
            upstreams: upstreams.iter().map(upstream).collect(),
            disk: disk(&asked.folder),
            since: Some(since),
            doh: asked.doh.clone(),
        }
    }))
}

fn upstream(health: &UpstreamHealth) -> UpstreamStatus {
    UpstreamStatus {
        name: health.upstream.to_string(),
        is_down: health.is_down(),
        failures: health.failures,
    }
}

fn disk(folder: &std::path::Path) -> Option<Disk> {
    let told = nix::sys::statvfs::statvfs(folder).ok()?;
    // The types differ between systems.
    #[allow(clippy::useless_conversion, reason = "they are smaller elsewhere")]
    let bytes = |blocks: u64| blocks.saturating_mul(u64::from(told.fragment_size()));
    Some(Disk {
        free: bytes(told.blocks_available()),
        total: bytes(told.blocks()),
    })
}

fn of_dns(counts: &Counts) -> Vec<Count> {
    counts.each().map(|one| count(one, DNS)).collect()
}

fn of_proxy(figures: &Figures) -> Vec<Count> {
    figures.each().map(|one| count(one, WEB)).collect()
}

/// A figure in words: its name where no words are known for it yet.
fn count((name, value): (&str, u64), words: &[(&str, &str, bool)]) -> Count {
    let known = words.iter().find(|(known, ..)| *known == name);
    Count {
        says: known.map_or_else(|| name.replace('_', " "), |(_, says, _)| (*says).to_owned()),
        value,
        is_odd: known.is_some_and(|(.., odd)| *odd),
    }
}

/// Name, words, and whether it was turned away, failed or was lost.
const DNS: &[(&str, &str, bool)] = &[
    ("udp", "Questions over UDP", false),
    ("tcp", "Questions over TCP", false),
    ("tls", "Questions over TLS", false),
    ("https", "Questions over HTTPS", false),
    (
        "limited",
        "Questions beyond what one device may ask: a flood",
        true,
    ),
    ("slipped", "Of those, answered shortly", true),
    ("dropped", "Datagrams that were no questions", true),
    ("malformed", "Questions that were malformed", true),
    (
        "refused",
        "Questions refused by kind, or from outside",
        true,
    ),
    ("not_ready", "Questions while nothing was in force", true),
    ("local", "Answered from local names", false),
    (
        "avoidance",
        "Canaries, relays and outside resolvers turned away",
        false,
    ),
    ("blocked", "Names blocked", false),
    ("cloaked", "Of those, for what their alias leads to", false),
    ("narrowed", "Names led to safe search", false),
    ("cache_hits", "Answered from memory", false),
    ("renewed", "Popular answers renewed before their end", false),
    ("forwarded", "Asked outside", false),
    ("joined", "Of those, joined to the same question", false),
    (
        "stale",
        "Old answers given because no resolver answered",
        true,
    ),
    (
        "failed",
        "Questions that no resolver outside answered",
        true,
    ),
    ("no_upstream", "Questions without a resolver to ask", true),
    (
        "upstream_errors",
        "Tries outside that ran out of time or failed",
        true,
    ),
    (
        "upstream_bad",
        "Answers from outside thrown away as false",
        true,
    ),
    (
        "upstream_tcp",
        "Answers fetched again over TCP: too long",
        false,
    ),
    (
        "upstream_case",
        "Answers fetched again over TCP: not as asked",
        true,
    ),
    ("upstream_down", "Times a resolver outside was rested", true),
    ("truncated", "Answers cut to fit", false),
    (
        "overloaded",
        "Questions turned away: too many at once",
        true,
    ),
    ("send_errors", "Answers the network would not take", true),
    ("tcp_connections", "TCP connections", false),
    (
        "tcp_turned_away",
        "TCP connections turned away: too many",
        true,
    ),
    (
        "tcp_made_room",
        "Connections closed to make room for another device",
        true,
    ),
    (
        "tcp_closed",
        "TCP connections closed as idle or broken",
        false,
    ),
    ("tls_failed", "TLS handshakes that failed", true),
    (
        "tokens_unknown",
        "Requests under a device's path that nobody has",
        true,
    ),
    (
        "service_records_edited",
        "Records from which ways round were taken",
        false,
    ),
    (
        "worker_restarts",
        "Workers started again after a fault",
        true,
    ),
];

/// The same for the proxy.
const WEB: &[(&str, &str, bool)] = &[
    ("connections", "Connections", false),
    ("turned_away", "Connections turned away: too many", true),
    (
        "made_room",
        "Idle connections closed to make room for others",
        true,
    ),
    ("requests", "Requests answered", false),
    (
        "refused_requests",
        "Requests refused as malformed, too large or too slow",
        true,
    ),
    ("not_ready", "Requests while nothing was in force", true),
    ("texts_read", "Bodies whose text was read", false),
    ("texts_stopped", "Of those, stopped", false),
    ("texts_warned", "Of those, warned about", false),
    (
        "texts_known",
        "Bodies the same as one that was read before",
        false,
    ),
    ("texts_unread", "Bodies whose text could not be read", true),
    (
        "downloads_blocked",
        "Downloads of a kind that is blocked",
        false,
    ),
    (
        "downloads_scanned",
        "Downloads scanned by the anti-virus engine",
        false,
    ),
    (
        "downloads_unscanned",
        "Downloads that should have been scanned and were not",
        true,
    ),
    ("viruses", "Downloads in which it found something", false),
    ("blocked", "Blocks and warnings shown", false),
    ("tunnels", "Tunnels passed on untouched", false),
    ("inspected", "Connections looked into", false),
    (
        "distrusted",
        "Connections of devices without the school's certificate",
        true,
    ),
    (
        "encrypted_hellos",
        "Hellos with an encrypted part, mostly meaningless",
        false,
    ),
    ("hidden_names", "Connections that hid the site's name", true),
    (
        "unreachable_tunnelled",
        "Passed on because our own TLS could not reach the site",
        true,
    ),
    (
        "client_certificates",
        "Sites that asked for a certificate of the device",
        true,
    ),
    (
        "misdirected",
        "Names that did not lead to the address asked for",
        true,
    ),
    ("mismatched", "Tunnels refused for what was inside", true),
    ("bad_certificates", "Sites with a bad certificate", true),
    (
        "origin_failures",
        "Sites that could not be reached or broke off",
        true,
    ),
    ("loops", "Requests that came round", true),
    ("bad_sign_ins", "Wrong names or passwords", true),
    ("throttled_sign_ins", "Sign-ins made to wait", true),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-17: every figure of both faces has words, and no words are left without a figure.
    #[test]
    fn fil_17_every_figure_is_said_in_words() {
        let dns: Vec<&str> = Counts::default().each().map(|(name, _)| name).collect();
        let web: Vec<&str> = Figures::default().each().map(|(name, _)| name).collect();
        for (names, words) in [(dns, DNS), (web, WEB)] {
            let said: Vec<&str> = words.iter().map(|(name, ..)| *name).collect();
            for name in &said {
                assert!(names.contains(name), "{name} is counted no more");
            }
            for name in names {
                assert!(said.contains(&name), "{name} has no words");
            }
        }
    }

    /// The disk of a folder that is there is told.
    #[test]
    fn the_disk_of_a_folder_is_told() {
        let scratch = tempfile::tempdir().unwrap();
        let disk = disk(scratch.path()).unwrap();
        assert!(disk.total > 0 && disk.free <= disk.total, "{disk:?}");
        assert_eq!(super::disk(&scratch.path().join("missing")), None);
    }
}
