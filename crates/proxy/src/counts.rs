//! Counts of what the proxy did at its bounds, for the operator's page; no personal data.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counts {
            $(pub(crate) $name: AtomicU64,)+
        }

        /// What the proxy has counted since it started.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Figures {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Figures {
            /// Name and value of each figure.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),+].into_iter()
            }
        }

        impl Counts {
            pub(crate) fn figures(&self) -> Figures {
                Figures {
                    $($name: self.$name.load(Ordering::Relaxed),)+
                }
            }
        }
    };
}

counts! {
    /// Client connections taken.
    connections,
    /// Client connections turned away because too many were open.
    turned_away,
    /// Idle client connections closed to make room for others.
    made_room,
    /// Requests answered, blocked ones and own pages included.
    requests,
    /// Request heads or bodies refused as malformed, ambiguous, too large or too slow.
    refused_requests,
    /// Answers given because no policy and lists are in force (FIL-17).
    not_ready,
    /// Bodies whose text was read.
    texts_read,
    /// Bodies whose text, the same to the last byte, was read before and nothing found in it.
    texts_known,
    /// Bodies that were stopped by their text.
    texts_stopped,
    /// Bodies whose text was warned about, shown or not.
    texts_warned,
    /// Bodies that should have been read and could not: an unknown or broken content coding.
    texts_unread,
    /// Files that were stopped because their reader may not download that kind.
    downloads_blocked,
    /// Files that the anti-virus engine has looked at.
    downloads_scanned,
    /// Files that should have been scanned and were not: too large, or the engine did not answer.
    downloads_unscanned,
    /// Files in which the anti-virus engine found something.
    viruses,
    /// Blocks and warnings shown.
    blocked,
    /// Tunnels opened without looking inside.
    tunnels,
    /// TLS connections looked into.
    inspected,
    /// TLS connections whose client does not trust the school's certificate.
    distrusted,
    /// TLS hellos with an encrypted part, real or meaningless: browsers send one to every server.
    encrypted_hellos,
    /// TLS connections whose real server name was hidden, by ECH or the drafts before it.
    hidden_names,
    /// Tunnels passed on untouched because the proxy's own TLS could not reach the origin.
    unreachable_tunnelled,
    /// Origins that asked for a certificate of the client.
    client_certificates,
    /// Connections whose network address is not one that their name leads to.
    misdirected,
    /// Tunnels refused because the name inside was not the name asked for, or it was no web
    /// traffic.
    mismatched,
    /// Origins whose certificate failed and was not passed on.
    bad_certificates,
    /// Origins that could not be reached, broke off or stayed silent.
    origin_failures,
    /// Requests refused because they came round again or were addressed to the proxy itself.
    loops,
    /// Names and passwords that were wrong.
    bad_sign_ins,
    /// Sign-ins made to wait after too many wrong ones.
    throttled_sign_ins,
}

pub(crate) fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
