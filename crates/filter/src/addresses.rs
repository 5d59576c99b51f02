//! Devices' addresses to people: a fixed map kept by the technical team, and sign-ins that run
//! out. Bounded; see [`SIGN_INS_MAX`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use pharos_school::{Confidence, IdentitySource, PersonId, Unknown, Who};
use prefix_trie::joint::JointPrefixMap;

/// The most sign-ins kept at once: several devices for everybody in a large school.
pub const SIGN_INS_MAX: usize = 65_536;

/// How long a sign-in that has run out is remembered, so that the reason "expired" can be given.
pub const EXPIRED_KEPT: SignedDuration = SignedDuration::from_hours(24);

const SHARDS: usize = 64;
const SHARD_MAX: usize = SIGN_INS_MAX / SHARDS;

/// Whose device a fixed entry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// One person's: probably they sit at it.
    Person(PersonId),
    /// Shared: nobody until someone signs in on it.
    Shared,
}

/// One entry of the fixed map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedEntry {
    /// The addresses. Of several that hold an address the longest prefix counts.
    pub range: IpNet,
    /// Whose device.
    pub owner: Owner,
    /// The device's label.
    pub device: Option<Arc<str>>,
}

/// One sign-in on one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Who.
    pub person: PersonId,
    /// On which device.
    pub device: Option<Arc<str>>,
    /// When it runs out, not included.
    pub until: Timestamp,
}

/// The live map from addresses to people.
#[derive(Debug)]
pub struct AddressMap {
    fixed: ArcSwap<Fixed>,
    sign_ins: Box<[RwLock<HashMap<IpAddr, SignIn>>]>,
    displaced: AtomicU64,
}

#[derive(Debug, Default)]
struct Fixed {
    trie: JointPrefixMap<IpNet, (Owner, Option<Arc<str>>)>,
}

impl Default for AddressMap {
    fn default() -> Self {
        Self {
            fixed: ArcSwap::default(),
            sign_ins: (0..SHARDS).map(|_| RwLock::default()).collect(),
            displaced: AtomicU64::new(0),
        }
    }
}

impl AddressMap {
    /// Who is behind an address: a sign-in that has not run out, else the fixed map, else nobody
    /// with the reason. Whether the person is still on the roll is for
    /// [`crate::Filter::identify`].
    pub fn identify(&self, from: IpAddr, now: Timestamp) -> Who {
        let from = from.to_canonical();
        let sign_in = self.sign_in_at(from);
        if let Some(SignIn {
            person,
            device,
            until,
        }) = &sign_in
            && now < *until
        {
            return Who::Known {
                person: *person,
                source: IdentitySource::SignInPage,
                confidence: Confidence::Certain,
                device: device.clone().or_else(|| self.device_at(from)),
            };
        }
        let expired = sign_in.is_some();
        match self
            .fixed
            .load()
            .trie
            .get_lpm(&IpNet::from(from))
            .map(|(_, entry)| entry)
        {
            Some((Owner::Person(person), device)) => Who::Known {
                person: *person,
                source: IdentitySource::AddressMap,
                confidence: Confidence::Likely,
                device: device.clone(),
            },
            Some((Owner::Shared, device)) => Who::Unknown {
                why: if expired {
                    Unknown::Expired
                } else {
                    Unknown::SharedDevice
                },
                device: device.clone(),
            },
            None => Who::Unknown {
                why: if expired {
                    Unknown::Expired
                } else {
                    Unknown::NoSignIn
                },
                device: sign_in.and_then(|sign_in| sign_in.device),
            },
        }
    }

    /// Maps an address to a person until a time; a later sign-in on the address replaces an
    /// earlier one. At the bound the sign-in that runs out soonest gives way: its device falls
    /// back to unknown and so to the strictest policy. Counted in [`AddressMap::displaced`].
    pub fn sign_in(
        &self,
        from: IpAddr,
        person: PersonId,
        device: Option<Arc<str>>,
        until: Timestamp,
    ) {
        let from = from.to_canonical();
        let mut shard = self.shard_mut(from);
        if shard.len() >= SHARD_MAX && !shard.contains_key(&from) {
            let soonest = shard
                .iter()
                .min_by_key(|(ip, sign_in)| (sign_in.until, **ip));
            if let Some(ip) = soonest.map(|(ip, _)| *ip) {
                shard.remove(&ip);
                self.displaced.fetch_add(1, Ordering::Relaxed);
            }
        }
        shard.insert(
            from,
            SignIn {
                person,
                device,
                until,
            },
        );
    }

    /// Ends a sign-in at once; gives it back if there was one.
    pub fn sign_out(&self, from: IpAddr) -> Option<SignIn> {
        let from = from.to_canonical();
        self.shard_mut(from).remove(&from)
    }

    /// Ends every sign-in of a person, such as a leaver's; how many there were.
    pub fn sign_out_person(&self, person: PersonId) -> usize {
        let mut ended = 0;
        for shard in &self.sign_ins {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            shard.retain(|_, sign_in| sign_in.person != person);
            ended += before - shard.len();
        }
        ended
    }

    /// Replaces the fixed map in whole.
    pub fn set_fixed(&self, entries: impl IntoIterator<Item = FixedEntry>) {
        let mut trie = JointPrefixMap::new();
        for FixedEntry {
            range,
            owner,
            device,
        } in entries
        {
            trie.insert(range.trunc(), (owner, device));
        }
        self.fixed.store(Arc::new(Fixed { trie }));
    }

    /// Forgets sign-ins that ran out more than [`EXPIRED_KEPT`] ago; to be called now and then.
    pub fn sweep(&self, now: Timestamp) {
        for shard in &self.sign_ins {
            shard
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|_, sign_in| now.duration_since(sign_in.until) < EXPIRED_KEPT);
        }
    }

    /// Every sign-in still in force, by address: to keep them over a restart.
    pub fn sign_ins(&self, now: Timestamp) -> Vec<(IpAddr, SignIn)> {
        let mut all: Vec<_> = self
            .sign_ins
            .iter()
            .flat_map(|shard| {
                let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
                let live = shard.iter().filter(|(_, sign_in)| now < sign_in.until);
                live.map(|(ip, sign_in)| (*ip, sign_in.clone()))
                    .collect::<Vec<_>>()
            })
            .collect();
        all.sort_by_key(|(ip, _)| *ip);
        all
    }

    /// How many sign-ins gave way because the map was full.
    pub fn displaced(&self) -> u64 {
        self.displaced.load(Ordering::Relaxed)
    }

    fn sign_in_at(&self, from: IpAddr) -> Option<SignIn> {
        let shard = self.sign_ins[shard_of(from)]
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        shard.get(&from).cloned()
    }

    fn device_at(&self, from: IpAddr) -> Option<Arc<str>> {
        let fixed = self.fixed.load();
        fixed
            .trie
            .get_lpm(&IpNet::from(from))
            .and_then(|(_, (_, device))| device.clone())
    }

    fn shard_mut(&self, from: IpAddr) -> RwLockWriteGuard<'_, HashMap<IpAddr, SignIn>> {
        self.sign_ins[shard_of(from)]
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Neighbouring addresses fall into different shards. Who fills one shard on purpose (by choosing
/// addresses) only displaces neighbours in that
/// shard, who then sign in again.
fn shard_of(from: IpAddr) -> usize {
    let folded = match from {
        IpAddr::V4(ip) => ip
            .octets()
            .iter()
            .fold(0u8, |sum, byte| sum.wrapping_mul(31) ^ byte),
        IpAddr::V6(ip) => ip
            .octets()
            .iter()
            .fold(0u8, |sum, byte| sum.wrapping_mul(31) ^ byte),
    };
    usize::from(folded) % SHARDS
}
