//! When each address last passed the filter: what tells a device that uses the filter from one
//! that only joined the network (FIL-16). Written on every request, so it costs one read lock and
//! one relaxed store.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use rapidhash::fast::RandomState;

/// The most addresses remembered. Further ones are not: they then look as if they had never
/// passed, which somebody will look into.
pub const PASSING_MAX: usize = 131_072;

const SHARDS: usize = 64;

/// When each address last passed, in whole seconds.
#[derive(Debug)]
pub struct Passing {
    shards: Box<[RwLock<HashMap<IpAddr, AtomicI64, RandomState>>]>,
}

impl Default for Passing {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
        }
    }
}

impl Passing {
    /// Notes that an address passed. A time before the one noted changes nothing.
    pub fn note(&self, from: IpAddr, at: Timestamp) {
        let from = from.to_canonical();
        let shard = self.shard(from);
        if let Some(last) = shard
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&from)
        {
            if last.load(Ordering::Relaxed) < at.as_second() {
                last.store(at.as_second(), Ordering::Relaxed);
            }
            return;
        }
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() < PASSING_MAX / SHARDS {
            shard
                .entry(from)
                .or_insert_with(|| AtomicI64::new(at.as_second()))
                .fetch_max(at.as_second(), Ordering::Relaxed);
        }
    }

    /// When an address last passed, to the second.
    pub fn last(&self, from: IpAddr) -> Option<Timestamp> {
        let from = from.to_canonical();
        let shard = self.shard(from);
        let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
        shard
            .get(&from)
            .and_then(|last| Timestamp::from_second(last.load(Ordering::Relaxed)).ok())
    }

    /// Every address with its last time, by address.
    pub fn all(&self) -> Vec<(IpAddr, Timestamp)> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            all.extend(shard.iter().filter_map(|(ip, last)| {
                let at = Timestamp::from_second(last.load(Ordering::Relaxed)).ok()?;
                Some((*ip, at))
            }));
        }
        all.sort_unstable();
        all
    }

    /// Forgets addresses that last passed before a time.
    pub fn forget_before(&self, before: Timestamp) {
        for shard in &self.shards {
            shard
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|_, last| last.load(Ordering::Relaxed) >= before.as_second());
        }
    }

    fn shard(&self, from: IpAddr) -> &RwLock<HashMap<IpAddr, AtomicI64, RandomState>> {
        let byte = match from {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[15],
        };
        &self.shards[usize::from(byte) % SHARDS]
    }
}
