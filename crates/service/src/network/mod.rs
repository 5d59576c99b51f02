//! What the network tells of devices and people: leases, Wi-Fi sessions, firewall events, who passes
//! the filter and who goes round it (MON-02, MON-05, MON-09, FIL-15, FIL-16, FIL-20).
//!
//! The faces hand in what they read; everything here is in memory and bounded. What must outlast a
//! restart is given out whole by [`App::keep_network`].

mod ai_limits;
mod browsers;
mod firewall;
mod gaps;
mod limits;
mod notice;
mod scope;
mod unopened;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;
use jiff::{SignedDuration, Timestamp};
use pharos_directory::leases::{Lease, Leases};
use pharos_directory::presence::{Change, Device, Presence, Registered};
use pharos_directory::radius::Accounting;
use pharos_directory::{LineProblem, Mac};
use pharos_filter::{Passing, Roster};
use pharos_pack::{AddressEntry, Pack};
use pharos_school::PersonId;
use serde::{Deserialize, Serialize};

use crate::App;

pub use browsers::{AskBrowsers, StrangeBrowser};
pub use firewall::FirewallView;
pub(crate) use firewall::{ATTEMPT, may_be_way_round, method_of};
pub use gaps::{GapLine, QuietPlace};
pub use limits::{Faces, Limit, NO_FILTER_IS_COMPLETE, Noticed, NoticedCounts};
pub use notice::NoticeState;
pub use scope::{Missing, ScopeLine};
pub use unopened::{AskUnopened, Unopened, UnopenedLine};
pub use view::{AddressLine, LeaseLine, NetworkView};

/// How long the last passing of an address is remembered.
const PASSINGS_KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The stored form's version.
const VERSION: u16 = 1;
/// The most lease sources.
const SOURCES_MAX: usize = 16;

/// The live state of the network.
#[derive(Default)]
pub(crate) struct Network {
    state: Mutex<State>,
    pub(crate) passing: Passing,
    pub(crate) faces: ArcSwapOption<Faces>,
    pub(crate) noticed: OnceLock<Noticed>,
    pub(crate) unopened: OnceLock<AskUnopened>,
    pub(crate) browsers: OnceLock<AskBrowsers>,
    pub(crate) running: OnceLock<crate::status::AskRunning>,
}

#[derive(Default)]
pub(crate) struct State {
    presence: Presence,
    pub(crate) sources: BTreeMap<String, Source>,
    visitors: notice::Visitors,
    pub(crate) radius: RadiusCounts,
    pub(crate) firewall: firewall::Recent,
}

/// One file of leases.
#[derive(Debug, Default)]
pub(crate) struct Source {
    leases: Vec<Lease>,
    problems: Vec<LineProblem>,
    problems_count: u64,
    read_at: Timestamp,
    /// Why it could not be read the last time.
    pub(crate) fault: Option<String>,
}

/// How RADIUS accounting goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RadiusCounts {
    /// Packets that counted.
    pub taken: u64,
    /// Packets sent again that had counted already.
    pub again: u64,
    /// Packets whose secret was wrong.
    pub wrong_secret: u64,
    /// Packets from somebody who is not in the pack.
    pub strangers: u64,
    /// Datagrams that were no accounting.
    pub malformed: u64,
}

/// What is kept over a restart.
#[derive(Serialize, Deserialize)]
struct Kept {
    v: u16,
    devices: BTreeMap<Mac, Device>,
    passings: Vec<(IpAddr, Timestamp)>,
    visitors: notice::Visitors,
    /// When roaming devices last asked, by the digest of their token.
    #[serde(default)]
    roaming: Vec<(String, Timestamp)>,
}

impl Network {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Notes that something from this address passed a face. On every request: it must cost little.
    pub fn passed(&self, from: IpAddr, at: Timestamp) {
        self.inner().network.passing.note(from, at);
    }

    /// Takes in what one source of leases holds now.
    pub fn take_leases(&self, source: &str, read: Leases) {
        let now = self.now();
        let changes = {
            let mut state = self.inner().network.state();
            if state.sources.len() >= SOURCES_MAX && !state.sources.contains_key(source) {
                return;
            }
            let kept = state.sources.entry(source.to_owned()).or_default();
            *kept = Source {
                leases: read.leases,
                problems: read.problems,
                problems_count: read.problems_count,
                read_at: now,
                fault: None,
            };
            let all = state
                .sources
                .values()
                .flat_map(|source| source.leases.iter().cloned())
                .collect();
            state.presence.take_leases(all, now)
        };
        self.carry(changes);
    }

    /// Notes that a source of leases could not be read; what was read last stays until it runs out.
    pub fn leases_unread(&self, source: &str, why: String) {
        let mut state = self.inner().network.state();
        if state.sources.len() >= SOURCES_MAX && !state.sources.contains_key(source) {
            return;
        }
        state.sources.entry(source.to_owned()).or_default().fault = Some(why);
    }

    /// Takes in one word of a Wi-Fi controller or switch.
    pub fn take_accounting(&self, told: &Accounting) {
        let now = self.now();
        let person = told
            .user
            .as_deref()
            .and_then(|user| self.person_signed_in_as(user));
        let changes = {
            let mut state = self.inner().network.state();
            state.presence.take_accounting(told, person, now)
        };
        self.carry(changes);
    }

    /// Notes how RADIUS accounting goes.
    pub fn count_radius(&self, counts: RadiusCounts) {
        self.inner().network.state().radius = counts;
    }

    /// Ends what ran out. Called by the jobs every minute.
    pub fn sweep_network(&self) {
        let now = self.now();
        let network = &self.inner().network;
        let changes = {
            let mut state = network.state();
            state
                .presence
                .note_passings(|address| network.passing.last(address));
            state.visitors.forget(now);
            state.presence.sweep(now)
        };
        self.carry(changes);
        self.filter().addresses().sweep(now);
        if let Ok(before) = now.checked_sub(PASSINGS_KEPT) {
            network.passing.forget_before(before);
        }
    }

    /// What is to be remembered over a restart, as bytes for a sealed file.
    ///
    /// # Errors
    /// Never in practice: when it cannot be written as JSON.
    pub fn keep_network(&self) -> Result<Vec<u8>, crate::Error> {
        let network = &self.inner().network;
        let state = network.state();
        let roaming = self.filter().devices().all_last().into_iter();
        let kept = Kept {
            v: VERSION,
            devices: state.presence.to_keep(),
            passings: network.passing.all(),
            visitors: state.visitors.clone(),
            roaming: roaming
                .map(|(token, at)| (hex::encode(token), at))
                .collect(),
        };
        serde_json::to_vec(&kept)
            .map_err(|error| crate::Error::unavailable("writing what is known of devices", &error))
    }

    /// Takes back what [`App::keep_network`] gave; damaged bytes are told and passed over.
    pub fn remember_network(&self, bytes: &[u8]) {
        let kept: Kept = match serde_json::from_slice(bytes) {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%error, "what was known of devices cannot be read; it is learnt anew");
                return;
            }
        };
        let network = &self.inner().network;
        for (address, at) in kept.passings {
            network.passing.note(address, at);
        }
        for (token, at) in kept.roaming {
            let token = hex::decode(token)
                .ok()
                .and_then(|bytes| bytes.try_into().ok());
            if let Some(token) = token {
                self.filter().devices().remember(&token, at);
            }
        }
        let mut state = network.state();
        state.presence.remember(kept.devices);
        state.visitors = kept.visitors;
    }

    /// The register of devices and the networks of the notice, from the pack in force.
    pub(crate) fn tell_network(&self, roster: &Roster) {
        let school = self.school();
        let register = school.pack.devices.iter().map(|device| Registered {
            mac: device.mac,
            label: device.label.as_str().into(),
            owner: device
                .user
                .as_deref()
                .and_then(|user| roster.by_username(user))
                .map(|member| member.person),
            address: device.address,
        });
        let register: Vec<_> = register.collect();
        let fixed = fixed_devices(&school.pack);
        let fixed = fixed.map(|(address, entry)| (address, Arc::from(entry.label.as_str())));
        {
            let mut state = self.inner().network.state();
            state.presence.set_fixed(fixed);
            state.presence.set_register(register);
        }
        self.filter().addresses().set_notice(self.notice_ranges());
    }

    /// Carries changes to the filter's address map. A visitor's accepted notice follows the device
    /// to its next address.
    fn carry(&self, changes: Vec<Change>) {
        let map = self.filter().addresses();
        for change in changes {
            match change {
                Change::Bind(address, device) => {
                    map.bind(address, &device);
                    let follows = device
                        .parse()
                        .ok()
                        .and_then(|mac| self.inner().network.state().visitors.of(mac, self.now()));
                    if let Some(evidence) = follows {
                        map.learn(address, evidence);
                    }
                }
                Change::Learn(address, evidence) => map.learn(address, evidence),
                Change::End(address, source) => drop(map.end_source(address, source)),
            }
        }
    }

    /// Who on the roll signs in by this name, with whatever domain stands before or behind it.
    fn person_signed_in_as(&self, user: &str) -> Option<PersonId> {
        let snapshot = self.filter().snapshot().ok()?;
        let user = user.rsplit_once('\\').map_or(user, |(_, user)| user);
        let bare = user.split_once('@').map_or(user, |(user, _)| user);
        if bare.is_empty() || bare.starts_with("host/") {
            return None;
        }
        snapshot
            .roster()
            .by_username(user)
            .or_else(|| snapshot.roster().by_username(bare))
            .map(|member| member.person)
    }
}

/// The address of an entry that stands for one device; `None` for a range.
fn one_address(entry: &AddressEntry) -> Option<IpAddr> {
    let (range, address) = (entry.range, entry.range.addr());
    (range.prefix_len() == range.max_prefix_len() && !address.is_unspecified()).then_some(address)
}

/// Devices that the pack knows by their address alone. Those that the register knows by their hardware
/// address as well stand there, and a loopback address is this machine.
fn fixed_devices(pack: &Pack) -> impl Iterator<Item = (IpAddr, &AddressEntry)> {
    let twice: BTreeSet<IpAddr> = pack.devices.iter().filter_map(|one| one.address).collect();
    let all = pack.addresses.iter();
    let all = all.filter_map(|entry| Some((one_address(entry)?, entry)));
    all.filter(move |(address, _)| !address.is_loopback() && !twice.contains(address))
}
