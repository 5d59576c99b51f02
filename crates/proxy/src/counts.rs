//! Counts of what the proxy did at its bounds, for the operator's page; no personal data.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Most hosts named in [`Figures::distrusted_hosts`]; further ones are only counted.
const HOSTS_MOST: usize = 256;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counts {
            $(pub(crate) $name: AtomicU64,)+
            hosts: Mutex<BTreeMap<Box<str>, u64>>,
        }

        /// What the proxy has counted since it started.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Figures {
            $($(#[$doc])* pub $name: u64,)+
            /// Hosts for which clients refused our certificate, with how often: candidates for
            /// the do-not-inspect list. At most 256 hosts are named.
            pub distrusted_hosts: BTreeMap<Box<str>, u64>,
        }

        impl Counts {
            pub(crate) fn figures(&self) -> Figures {
                Figures {
                    $($name: self.$name.load(Ordering::Relaxed),)+
                    distrusted_hosts: self.hosts.lock().unwrap_or_else(PoisonError::into_inner).clone(),
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
    /// Requests answered, blocked ones and own pages included.
    requests,
    /// Request heads or bodies refused as malformed, ambiguous, too large or too slow.
    refused_requests,
    /// Answers given because no policy and lists are in force (FIL-17).
    not_ready,
    /// Bodies whose text was read.
    texts_read,
    /// Bodies that were stopped by their text.
    texts_stopped,
    /// Bodies that should have been read and could not: an unknown or broken content coding.
    texts_unread,
    /// Blocks and warnings shown.
    blocked,
    /// Tunnels opened without looking inside.
    tunnels,
    /// TLS connections looked into.
    inspected,
    /// TLS connections whose client does not trust the school's certificate.
    distrusted,
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

impl Counts {
    pub(crate) fn distrust(&self, host: &str) {
        add(&self.distrusted);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = hosts.get_mut(host) {
            *seen += 1;
        } else if hosts.len() < HOSTS_MOST {
            hosts.insert(host.into(), 1);
        }
    }
}
