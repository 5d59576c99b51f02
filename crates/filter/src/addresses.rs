//! Devices' addresses to people: a fixed map kept by the technical team, and evidence that runs
//! out: sign-ins, Wi-Fi sessions, leases, accepted notices. Bounded; see [`SIGN_INS_MAX`].
//!
//! At one address each source has one piece of evidence, its latest. Which one counts is said by
//! [`Evidence::weigh`]; the fixed map speaks where no evidence names anybody.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use pharos_school::{Confidence, IdentitySource, PersonId, Unknown, Who};
use prefix_trie::joint::JointPrefixMap;
use rapidhash::fast::RandomState;

use crate::evidence::{CLOCK_SLACK, Evidence};

/// The most addresses with evidence kept at once: several devices for everybody in a large school.
pub const SIGN_INS_MAX: usize = 65_536;

/// How long evidence that has run out is remembered, so that the reason "expired" can be given.
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

/// What is known at one address, latest of each source.
#[derive(Debug, Default)]
struct Place {
    /// At most one of each source.
    evidence: Vec<Evidence>,
    /// Which device the last lease gave the address to.
    bound_to: Option<Arc<str>>,
}

impl Place {
    /// The evidence that counts.
    fn best(&self, now: Timestamp) -> Option<&Evidence> {
        self.evidence
            .iter()
            .filter(|evidence| evidence.holds(now))
            .max_by(|a, b| a.weigh(b))
    }

    /// A label for the device, from whoever knows it.
    fn device(&self, now: Timestamp) -> Option<&Arc<str>> {
        self.evidence
            .iter()
            .filter(|evidence| evidence.holds(now) && evidence.device.is_some())
            .max_by(|a, b| a.weigh(b))
            .and_then(|evidence| evidence.device.as_ref())
    }

    /// Whether somebody was named here whose time is over.
    fn ran_out(&self, now: Timestamp) -> bool {
        self.evidence
            .iter()
            .any(|evidence| evidence.person.is_some() && !evidence.holds(now))
    }

    /// The first moment after `now` at which another piece of evidence may count.
    fn steady_until(&self, now: Timestamp) -> Timestamp {
        let turns = self.evidence.iter().flat_map(|evidence| {
            let begins = evidence.since.saturating_sub(CLOCK_SLACK);
            [begins.unwrap_or(Timestamp::MIN), evidence.until]
        });
        let next = turns.filter(|turn| *turn > now).min();
        next.unwrap_or(Timestamp::MAX)
    }

    /// The last moment at which anything here holds.
    fn until(&self) -> Timestamp {
        let all = self.evidence.iter().map(|evidence| evidence.until);
        all.max().unwrap_or(Timestamp::MIN)
    }

    fn put(&mut self, evidence: Evidence) {
        match self
            .evidence
            .iter_mut()
            .find(|kept| kept.source == evidence.source)
        {
            Some(kept) => *kept = evidence,
            None => self.evidence.push(evidence),
        }
    }
}

/// The addresses of one shard. The hash is keyed anew at each start.
type Places = HashMap<IpAddr, Place, RandomState>;

/// The live map from addresses to people.
#[derive(Debug)]
pub struct AddressMap {
    fixed: ArcSwap<Fixed>,
    places: Box<[RwLock<Places>]>,
    displaced: AtomicU64,
    /// Counts what was changed, after it was.
    changes: AtomicU64,
}

#[derive(Debug, Default)]
struct Fixed {
    trie: JointPrefixMap<IpNet, (Owner, Option<Arc<str>>)>,
    /// Where the notice of monitoring comes before anything else.
    notice: JointPrefixMap<IpNet, ()>,
}

impl Default for AddressMap {
    fn default() -> Self {
        Self {
            fixed: ArcSwap::default(),
            places: (0..SHARDS).map(|_| RwLock::default()).collect(),
            displaced: AtomicU64::new(0),
            changes: AtomicU64::new(0),
        }
    }
}

impl AddressMap {
    /// Who is behind an address: the evidence that counts, else the fixed map, else nobody with
    /// the reason. Whether the person is still on the roll is for [`crate::Filter::identify`].
    pub fn identify(&self, from: IpAddr, now: Timestamp) -> Who {
        self.identify_for(from, now).0
    }

    /// [`AddressMap::identify`], with the moment up to which this holds as long as
    /// [`AddressMap::changes`], asked before, stays the same.
    pub fn identify_for(&self, from: IpAddr, now: Timestamp) -> (Who, Timestamp) {
        let from = from.to_canonical();
        let fixed = self.fixed.load();
        let entry = fixed
            .trie
            .get_lpm(&IpNet::from(from))
            .map(|(_, entry)| entry);
        let shard = self.shard(from);
        let place = shard.get(&from);
        let until = place.map_or(Timestamp::MAX, |place| place.steady_until(now));
        let label = |own: Option<&Arc<str>>| {
            own.or_else(|| place.and_then(|place| place.device(now)))
                .or_else(|| entry.and_then(|(_, device)| device.as_ref()))
                .cloned()
        };
        if let Some(best) = place.and_then(|place| place.best(now))
            && let Some(person) = best.person
        {
            let who = Who::Known {
                person,
                source: best.source,
                confidence: best.confidence,
                device: label(best.device.as_ref()),
            };
            return (who, until);
        }
        if let Some((Owner::Person(person), _)) = entry {
            let who = Who::Known {
                person: *person,
                source: IdentitySource::AddressMap,
                confidence: Confidence::Likely,
                device: label(None),
            };
            return (who, until);
        }
        let why = if fixed.notice.get_lpm(&IpNet::from(from)).is_some() {
            Unknown::NoticeNotAccepted
        } else if place.is_some_and(|place| place.ran_out(now)) {
            Unknown::Expired
        } else if entry.is_some() {
            Unknown::SharedDevice
        } else {
            Unknown::NoSignIn
        };
        let device = label(None);
        (Who::Unknown { why, device }, until)
    }

    /// A number that is another one after each change of what is known.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Takes in evidence; it replaces what the same source said about the address before. At the
    /// bound the address whose evidence runs out soonest gives way: its device falls back to
    /// unknown and so to the strictest policy. Counted in [`AddressMap::displaced`].
    pub fn learn(&self, from: IpAddr, evidence: Evidence) {
        let from = from.to_canonical();
        let mut shard = self.shard_mut(from);
        self.place(&mut shard, from).put(evidence);
        self.changed();
    }

    /// Maps an address to a person until a time, as certain, whenever it began.
    pub fn sign_in(
        &self,
        from: IpAddr,
        person: PersonId,
        device: Option<Arc<str>>,
        until: Timestamp,
    ) {
        self.learn(
            from,
            Evidence {
                person: Some(person),
                device,
                source: IdentitySource::SignInPage,
                confidence: Confidence::Certain,
                since: Timestamp::MIN,
                until,
            },
        );
    }

    /// A lease gave the address to a device, named by an id of its own (such as its hardware
    /// address). Was it another one before, then whatever was known about the address was about
    /// that one and is forgotten.
    pub fn bind(&self, from: IpAddr, device: &Arc<str>) {
        let from = from.to_canonical();
        let mut shard = self.shard_mut(from);
        let place = self.place(&mut shard, from);
        match &place.bound_to {
            Some(before) if before == device => return,
            Some(_) => place.evidence.clear(),
            None => {}
        }
        place.bound_to = Some(Arc::clone(device));
        self.changed();
    }

    /// Ends what people said of themselves at an address (sign-in page, notice); whether there was
    /// anything to end.
    pub fn sign_out(&self, from: IpAddr) -> bool {
        self.end(from, |source| {
            matches!(
                source,
                IdentitySource::SignInPage
                    | IdentitySource::ProxySignIn
                    | IdentitySource::VisitorNotice
            )
        })
    }

    /// Ends what one source said of an address; whether it had said anything.
    pub fn end_source(&self, from: IpAddr, source: IdentitySource) -> bool {
        self.end(from, |said| said == source)
    }

    /// Ends all evidence for a person, such as a leaver's; how much there was.
    pub fn sign_out_person(&self, person: PersonId) -> usize {
        let mut ended = 0;
        for shard in &self.places {
            for place in write(shard).values_mut() {
                let before = place.evidence.len();
                place
                    .evidence
                    .retain(|evidence| evidence.person != Some(person));
                ended += before - place.evidence.len();
            }
        }
        if ended > 0 {
            self.changed();
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
        self.change_fixed(|fixed| fixed.trie = trie.clone());
    }

    /// Replaces the networks where whoever is not known must first accept the notice of monitoring
    /// (MON-09).
    pub fn set_notice(&self, ranges: impl IntoIterator<Item = IpNet>) {
        let mut notice = JointPrefixMap::new();
        for range in ranges {
            notice.insert(range.trunc(), ());
        }
        self.change_fixed(|fixed| fixed.notice = notice.clone());
    }

    fn change_fixed(&self, change: impl Fn(&mut Fixed)) {
        self.fixed.rcu(|fixed| {
            let mut next = Fixed {
                trie: fixed.trie.clone(),
                notice: fixed.notice.clone(),
            };
            change(&mut next);
            next
        });
        self.changed();
    }

    /// Whether the notice of monitoring comes first at this address.
    pub fn asks_for_notice(&self, from: IpAddr) -> bool {
        let fixed = self.fixed.load();
        fixed
            .notice
            .get_lpm(&IpNet::from(from.to_canonical()))
            .is_some()
    }

    /// Forgets evidence that ran out more than [`EXPIRED_KEPT`] ago; to be called now and then.
    pub fn sweep(&self, now: Timestamp) {
        let mut forgotten = 0;
        for shard in &self.places {
            write(shard).retain(|_, place| {
                let before = place.evidence.len();
                place
                    .evidence
                    .retain(|evidence| now.duration_since(evidence.until) < EXPIRED_KEPT);
                forgotten += before - place.evidence.len();
                !place.evidence.is_empty()
            });
        }
        if forgotten > 0 {
            self.changed();
        }
    }

    /// All evidence in force, by address, what counts most first: for the page of devices, and to
    /// keep it over a restart.
    pub fn evidence(&self, now: Timestamp) -> Vec<(IpAddr, Evidence)> {
        let mut all = Vec::new();
        for shard in &self.places {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            for (ip, place) in shard.iter() {
                let live = place.evidence.iter().filter(|evidence| evidence.holds(now));
                all.extend(live.map(|evidence| (*ip, evidence.clone())));
            }
        }
        all.sort_by(|(a, x), (b, y)| a.cmp(b).then(y.weigh(x)));
        all
    }

    /// How many addresses gave way because the map was full.
    pub fn displaced(&self) -> u64 {
        self.displaced.load(Ordering::Relaxed)
    }

    fn end(&self, from: IpAddr, which: impl Fn(IdentitySource) -> bool) -> bool {
        let from = from.to_canonical();
        let mut shard = self.shard_mut(from);
        let Some(place) = shard.get_mut(&from) else {
            return false;
        };
        let before = place.evidence.len();
        place.evidence.retain(|evidence| !which(evidence.source));
        let ended = before > place.evidence.len();
        if ended {
            self.changed();
        }
        ended
    }

    /// The place of an address, with room made for it.
    fn place<'s>(&self, shard: &'s mut Places, from: IpAddr) -> &'s mut Place {
        if shard.len() >= SHARD_MAX && !shard.contains_key(&from) {
            let soonest = shard.iter().min_by_key(|(ip, place)| (place.until(), **ip));
            if let Some(ip) = soonest.map(|(ip, _)| *ip) {
                shard.remove(&ip);
                self.displaced.fetch_add(1, Ordering::Relaxed);
            }
        }
        shard.entry(from).or_default()
    }

    fn shard(&self, from: IpAddr) -> RwLockReadGuard<'_, Places> {
        self.places[shard_of(from)]
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn shard_mut(&self, from: IpAddr) -> RwLockWriteGuard<'_, Places> {
        write(&self.places[shard_of(from)])
    }
}

fn write(shard: &RwLock<Places>) -> RwLockWriteGuard<'_, Places> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
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
