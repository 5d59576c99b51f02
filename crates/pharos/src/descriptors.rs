//! File descriptors: every connection takes one, and what a system gives at first is meant for programs
//! with a handful. The faces together take no more than leaves some for files and stores.

use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors that no face takes: stores, lists, the pages' 400 connections, upstreams; less where
/// there are few.
const OTHERS: u64 = 1_024;
/// What is reckoned with where the system does not say.
const UNKNOWN: u64 = 1_024;

/// How many connections of clients the faces may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// To the proxy and the block page. For each another one to an origin is reckoned with.
    pub(crate) proxy: usize,
    /// To the resolver over TCP, TLS and HTTPS, all workers together.
    pub(crate) dns: usize,
}

/// Takes as many descriptors as the system allows this process, once, and shares them out.
pub(crate) fn share() -> Share {
    static SHARE: OnceLock<Share> = OnceLock::new();
    *SHARE.get_or_init(|| share_of(raise()))
}

/// The soft limit raised to the hard one; how many that is.
fn raise() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return UNKNOWN;
    };
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_err() {
        tracing::warn!(soft, hard, "the limit of open files cannot be raised");
        return soft;
    }
    hard
}

fn share_of(descriptors: u64) -> Share {
    let free = descriptors - OTHERS.min(descriptors / 4);
    let count = |share: u64| usize::try_from(share).unwrap_or(usize::MAX);
    Share {
        // Eight tenths, by twos.
        proxy: count(free / 10 * 4),
        dns: count(free / 10 * 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-17: however few descriptors there are, connections alone never use them up.
    #[test]
    fn fil_17_connections_leave_descriptors_for_everything_else() {
        for descriptors in [64, 256, 1_024, 4_096, 20_000, 524_288, 1 << 40] {
            let share = share_of(descriptors);
            let used = (2 * share.proxy + share.dns) as u64;
            assert!(
                used <= descriptors - OTHERS.min(descriptors / 4),
                "{share:?}"
            );
            assert!(share.proxy > 0 && share.dns > 0, "{share:?}");
        }
        // Where a system is as its makers left it, the bounds of the faces are what counts.
        let usual = share_of(524_288);
        assert!(usual.proxy > pharos_proxy::Limits::default().connections);
    }
}
