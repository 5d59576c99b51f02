//! Answers kept: by name, type and flags, bounded in bytes, time to live checked on reading.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use pharos_catalogue::Address;
use quick_cache::Weighter;
use quick_cache::sync::{Cache as Bounded, DefaultLifecycle};
use rapidhash::quality::RandomState;

use crate::config::Limits;
use crate::gate;
use crate::wire::{Bytes, Response};

/// Seconds a failed question is not asked again (RFC 9520 section 3.2 asks for at least one).
const FAILURE_MS: u64 = 1_000;
/// Failed questions remembered.
const FAILURES_MAX: usize = 4_096;
/// What one entry costs beside its bytes, roughly.
const ENTRY_OVERHEAD: u64 = 320;

/// One reading of both clocks: the wall's for decisions, a monotonic one for times to live, so
/// that a clock jump neither empties the cache nor keeps anything alive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    /// Milliseconds since the resolver started.
    pub(crate) ms: u64,
}

/// Reads the clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Moment {
        let ms = u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX);
        Moment {
            wall: Timestamp::now(),
            ms,
        }
    }
}

/// A checked answer with its age.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) response: Response,
    /// Where it leads, ready to be decided for each asker.
    pub(crate) leads_to: Box<[Address]>,
    born_ms: u64,
    ttl_ms: u64,
    renewing: AtomicBool,
}

impl Entry {
    pub(crate) fn new(response: Response, limits: &Limits, now: Moment) -> Self {
        let negative = response.addresses.is_empty() && response.counts.1 > 0;
        let cap = if negative {
            limits.negative_ttl_max_s
        } else {
            limits.ttl_max_s
        };
        let ttl_s = response.ttl.unwrap_or(0).min(cap.min(limits.ttl_max_s));
        let leads_to = response
            .leads_to
            .iter()
            .filter_map(|name| gate::address(name))
            .collect();
        Self {
            response,
            leads_to,
            born_ms: now.ms,
            ttl_ms: u64::from(ttl_s) * 1_000,
            renewing: AtomicBool::new(false),
        }
    }

    /// Whether it is still in its time.
    pub(crate) fn is_fresh(&self, now: Moment) -> bool {
        now.ms.saturating_sub(self.born_ms) < self.ttl_ms
    }

    /// Whether most of its time has passed, so that it should be fetched again if it is popular.
    pub(crate) fn nears_its_end(&self, now: Moment) -> bool {
        now.ms.saturating_sub(self.born_ms) >= self.ttl_ms - self.ttl_ms / 10
    }

    /// True for the first caller only: that one fetches it again.
    pub(crate) fn begin_renewal(&self) -> bool {
        !self.renewing.swap(true, Ordering::Relaxed)
    }

    /// Whole seconds since it was fetched.
    pub(crate) fn age_s(&self, now: Moment) -> u32 {
        u32::try_from(now.ms.saturating_sub(self.born_ms) / 1_000).unwrap_or(u32::MAX)
    }
}

/// What the cache says.
pub(crate) enum Found {
    Fresh(Arc<Entry>),
    /// Past its end, to be used only if no upstream answers (RFC 8767).
    Stale(Arc<Entry>),
    Nothing,
}

#[derive(Clone)]
struct Weigh;

impl Weighter<Bytes, Arc<Entry>> for Weigh {
    fn weight(&self, key: &Bytes, entry: &Arc<Entry>) -> u64 {
        (key.len() + entry.response.body.len()) as u64 + ENTRY_OVERHEAD
    }
}

/// The answers and the recent failures, shared by all workers.
pub(crate) struct Cache {
    entries: Bounded<Bytes, Arc<Entry>, Weigh, RandomState>,
    failures: Bounded<Bytes, u64>,
    stale_max_ms: u64,
}

impl Cache {
    pub(crate) fn new(limits: &Limits) -> Self {
        let bytes = limits.cache_bytes.max(1 << 16);
        let items = usize::try_from(bytes / 512).unwrap_or(1 << 16);
        Self {
            entries: Bounded::with(
                items,
                bytes,
                Weigh,
                RandomState::default(),
                DefaultLifecycle::default(),
            ),
            failures: Bounded::new(FAILURES_MAX),
            stale_max_ms: u64::from(limits.stale_max_s) * 1_000,
        }
    }

    pub(crate) fn find(&self, key: &[u8], now: Moment) -> Found {
        let Some(entry) = self.entries.get(key) else {
            return Found::Nothing;
        };
        let age = now.ms.saturating_sub(entry.born_ms);
        if age < entry.ttl_ms {
            Found::Fresh(entry)
        } else if age < entry.ttl_ms.saturating_add(self.stale_max_ms) {
            Found::Stale(entry)
        } else {
            Found::Nothing
        }
    }

    /// Keeps an answer, unless it must not be kept.
    pub(crate) fn keep(&self, key: Bytes, entry: &Arc<Entry>) {
        if entry.ttl_ms > 0 {
            self.entries.insert(key, Arc::clone(entry));
        }
    }

    pub(crate) fn failed(&self, key: Bytes, now: Moment) {
        self.failures.insert(key, now.ms + FAILURE_MS);
    }

    /// Forgets what failed: others are asked from now on.
    pub(crate) fn forget_failures(&self) {
        self.failures.clear();
    }

    pub(crate) fn failed_just_now(&self, key: &[u8], now: Moment) -> bool {
        !self.failures.is_empty() && self.failures.get(key).is_some_and(|until| now.ms < until)
    }
}
