//! What the resolver counted since its start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Totals since the start, over all workers.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)+
        }

        /// One worker's counters: only that worker adds, anybody reads.
        #[derive(Debug, Default)]
        pub(crate) struct Tally {
            $(pub(crate) $name: AtomicU64,)+
        }

        impl Counts {
            pub(crate) fn of(tallies: &[Arc<Tally>]) -> Self {
                let mut sum = Self::default();
                for tally in tallies {
                    $(sum.$name += tally.$name.load(Ordering::Relaxed);)+
                }
                sum
            }

            /// Name and value of each count, for a metrics page.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),+].into_iter()
            }
        }
    };
}

counts! {
    /// Questions that came in over UDP.
    udp,
    /// Questions that came in over TCP.
    tcp,
    /// Questions that came in over TLS.
    tls,
    /// Questions that came in over HTTPS.
    https,
    /// Questions beyond the allowance of their sender.
    limited,
    /// Of those, answered shortly: with a cookie, or with the mark that sends a client to TCP.
    slipped,
    /// Datagrams thrown away without an answer: too short, or themselves answers.
    dropped,
    /// Questions refused as malformed or not implemented (FORMERR, NOTIMP, BADVERS).
    malformed,
    /// Questions refused by kind: outside client, zone transfer, class, no recursion wanted.
    refused,
    /// Questions that came before a policy and lists were in force.
    not_ready,
    /// Questions answered from local and special-use names.
    local,
    /// Browser canaries, relay names and resolver discovery turned away (FIL-16).
    avoidance,
    /// Names blocked.
    blocked,
    /// Of those, blocked for what their CNAME or service target leads to.
    cloaked,
    /// Names narrowed to safe search or restricted video.
    narrowed,
    /// Answers from the cache.
    cache_hits,
    /// Popular answers fetched again before their end.
    renewed,
    /// Questions that needed an upstream.
    forwarded,
    /// Of those, joined to the same question already under way.
    joined,
    /// Answers served past their end because no upstream answered (RFC 8767).
    stale,
    /// Questions no upstream answered: SERVFAIL.
    failed,
    /// Questions that could not be forwarded as no upstream is configured.
    no_upstream,
    /// Upstream tries that ran out of time or met a network error.
    upstream_errors,
    /// Upstream answers thrown away: wrong id, wrong question, malformed, CNAME loop.
    upstream_bad,
    /// Upstream answers fetched again over TCP as they were truncated.
    upstream_tcp,
    /// Upstream answers fetched again over TCP as they did not repeat our letter case.
    upstream_case,
    /// Upstreams taken out of use until they answer again.
    upstream_down,
    /// Answers cut to fit the client's datagram.
    truncated,
    /// Questions turned away at a concurrency bound.
    overloaded,
    /// Answers the network would not take.
    send_errors,
    /// TCP connections taken.
    tcp_connections,
    /// TCP connections turned away at a bound.
    tcp_turned_away,
    /// TCP, TLS and HTTPS connections closed to make room for another client's.
    tcp_made_room,
    /// TCP connections closed as idle, slow, or broken.
    tcp_closed,
    /// TLS handshakes that failed or took too long.
    tls_failed,
    /// Requests to the path of a device that nobody has.
    tokens_unknown,
    /// Encrypted-hello keys, HTTP/3 offers and address hints taken out of HTTPS and SVCB records.
    service_records_edited,
    /// Workers started again after a fault in the program.
    worker_restarts,
}

/// Adds one. There is a single writer, so nothing is lost between reading and writing, and the
/// processor need not lock the place.
pub(crate) fn add(counter: &AtomicU64) {
    let so_far = counter.load(Ordering::Relaxed);
    counter.store(so_far.wrapping_add(1), Ordering::Relaxed);
}
