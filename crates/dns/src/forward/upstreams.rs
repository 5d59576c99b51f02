//! The configured upstreams and how they are doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustls::ClientConfig;
use smallvec::SmallVec;

use pharos_catalogue::Upstream;

/// Failures in a row after which an upstream is rested.
const FAILURES_TO_REST: u32 = 3;
/// First rest; doubled with each further failure up to [`REST_MAX_MS`].
const REST_MS: u64 = 1_000;
const REST_MAX_MS: u64 = 16_000;
/// Upstreams tried for one question (with one configured, it is tried twice).
const TRIES_MAX: usize = 3;

/// How one upstream is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamHealth {
    /// Which one.
    pub upstream: Upstream,
    /// Tries in a row that it did not answer, up to now.
    pub failures: u32,
}

impl UpstreamHealth {
    /// Whether it failed so often in a row that others are asked first. It stays so until it answers.
    pub fn is_down(&self) -> bool {
        self.failures >= FAILURES_TO_REST
    }
}

/// The upstreams in order of preference, shared by all workers, with how their certificates are
/// checked. Others in their place are another value: what is under way goes on with the old one.
#[derive(Debug)]
pub(crate) struct Upstreams {
    states: Vec<State>,
    tls: Option<Arc<ClientConfig>>,
}

#[derive(Debug)]
struct State {
    upstream: Upstream,
    failures: AtomicU32,
    /// Not asked first before this moment, in milliseconds since start.
    rests_until: AtomicU64,
}

impl Upstreams {
    pub(crate) fn new(upstreams: &[Upstream], tls: Option<Arc<ClientConfig>>) -> Self {
        let state = |upstream: &Upstream| State {
            upstream: upstream.clone(),
            failures: AtomicU32::new(0),
            rests_until: AtomicU64::new(0),
        };
        Self {
            states: upstreams.iter().map(state).collect(),
            tls,
        }
    }

    /// Each one, in order of preference.
    pub(super) fn all(&self) -> impl Iterator<Item = &Upstream> {
        self.states.iter().map(|state| &state.upstream)
    }

    pub(super) fn tls(&self) -> Option<&Arc<ClientConfig>> {
        self.tls.as_ref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// How each one is doing, in order of preference.
    pub(crate) fn health(&self) -> Vec<UpstreamHealth> {
        let of = |state: &State| UpstreamHealth {
            upstream: state.upstream.clone(),
            failures: state.failures.load(Ordering::Relaxed),
        };
        self.states.iter().map(of).collect()
    }

    /// Whether each one failed lately and none is due for another try.
    pub(crate) fn all_resting(&self, now_ms: u64) -> bool {
        self.states.iter().all(|state| state.rests(now_ms))
    }

    /// Whom to ask, in this order: those in use first, in order of preference; then the rested.
    pub(super) fn order(&self, now_ms: u64) -> SmallVec<[usize; 4]> {
        let mut order: SmallVec<[usize; 4]> = (0..self.states.len()).collect();
        order.sort_by_key(|at| self.states[*at].rests(now_ms));
        let tries = TRIES_MAX.min(self.states.len() * 2);
        order.into_iter().cycle().take(tries).collect()
    }

    pub(super) fn get(&self, at: usize) -> &Upstream {
        &self.states[at].upstream
    }

    /// It answered, whatever it said.
    pub(super) fn answered(&self, at: usize) {
        self.states[at].failures.store(0, Ordering::Relaxed);
        self.states[at].rests_until.store(0, Ordering::Relaxed);
    }

    /// It did not answer. True when it is taken out of use by this.
    pub(super) fn failed(&self, at: usize, now_ms: u64) -> bool {
        let upstream = &self.states[at];
        let failures = upstream
            .failures
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        let Some(beyond) = failures.checked_sub(FAILURES_TO_REST) else {
            return false;
        };
        let rest = (REST_MS << beyond.min(8)).min(REST_MAX_MS);
        upstream.rests_until.store(now_ms + rest, Ordering::Relaxed);
        beyond == 0
    }
}

impl State {
    fn rests(&self, now_ms: u64) -> bool {
        now_ms < self.rests_until.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_upstream_is_asked_last_until_it_answers() {
        let upstreams = {
            let both = ["127.0.0.1:1", "127.0.0.2:1"].map(|at| at.parse().unwrap());
            Upstreams::new(&both, None)
        };
        assert_eq!(upstreams.order(0).as_slice(), [0, 1, 0]);
        assert!(!upstreams.failed(0, 0) && !upstreams.failed(0, 0) && upstreams.failed(0, 0));
        assert_eq!(upstreams.order(10).as_slice(), [1, 0, 1]);
        assert!(!upstreams.all_resting(10));
        assert_eq!(
            upstreams.order(1_000).as_slice(),
            [0, 1, 0],
            "its rest is over"
        );
        let down = |upstreams: &Upstreams| -> Vec<bool> {
            upstreams
                .health()
                .iter()
                .map(UpstreamHealth::is_down)
                .collect()
        };
        assert_eq!(down(&upstreams), [true, false], "until it answers");
        upstreams.answered(0);
        assert_eq!(down(&upstreams), [false, false]);
        assert_eq!(upstreams.order(10).as_slice(), [0, 1, 0]);
    }
}
