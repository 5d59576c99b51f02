//! Which devices are on the network, joined from leases and Wi-Fi sessions, and what that says of
//! who is at an address (MON-02). Pure: the caller hands in what it read and the time, and carries
//! the [`Change`]s to the filter's address map.
//!
//! A lease ties an address to a hardware address; the register of the pack ties that to a label and
//! perhaps an owner. A Wi-Fi session ties a hardware address, and mostly an address too, to whoever
//! signed in; where the controller does not tell the address, the leases do.

pub mod gaps;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_filter::Evidence;
use pharos_school::{Confidence, IdentitySource, PersonId};
use serde::{Deserialize, Serialize};

use crate::Mac;
use crate::leases::Lease;
use crate::radius::{Accounting, Status};

pub use gaps::{Gap, GapDevice, GapKind, GapTimes};

/// The most Wi-Fi sessions kept; at the bound the one heard of longest ago gives way.
pub const SESSIONS_MAX: usize = 65_536;
/// The most devices remembered; at the bound the one on the network longest ago gives way.
pub const DEVICES_MAX: usize = 65_536;
/// How long a Wi-Fi session counts after the last word of it: a stop can be lost on its way.
pub const SESSION_HOLDS: SignedDuration = SignedDuration::from_hours(12);
/// How long a device that is not registered is remembered after it was last on the network.
const STRANGER_KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A device of the school's register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its hardware address.
    pub mac: Mac,
    /// Its label for people.
    pub label: Arc<str>,
    /// Whose it usually is; `None` for a shared one.
    pub owner: Option<PersonId>,
    /// Its fixed network address, where it has one.
    pub address: Option<IpAddr>,
}

/// A device of the register that is known by its fixed network address alone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fixed {
    label: Arc<str>,
    passed: Option<Timestamp>,
}

/// What the filter's address map must learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An address belongs to this device now; was it another's, forget what was known there.
    Bind(IpAddr, Arc<str>),
    /// Evidence for an address.
    Learn(IpAddr, Evidence),
    /// What this source said of an address is over.
    End(IpAddr, IdentitySource),
}

/// A device as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What it calls itself.
    pub name: Option<String>,
    /// When it was first on the network.
    pub first: Timestamp,
    /// The last proof that it was on the network: a lease given or renewed, a word of its session.
    pub there: Timestamp,
    /// When it last passed the filter, under whichever address.
    pub passed: Option<Timestamp>,
    /// Its addresses, the last few.
    pub addresses: BTreeSet<IpAddr>,
}

/// The most addresses kept for one device: privacy addresses of IPv6 come by the dozen.
const ADDRESSES_MAX: usize = 16;

#[derive(Debug, Clone)]
struct Session {
    user: Option<String>,
    person: Option<PersonId>,
    mac: Option<Mac>,
    group: Option<String>,
    addresses: BTreeSet<IpAddr>,
    since: Timestamp,
    heard: Timestamp,
}

/// An open Wi-Fi session, for the page of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// Which access point or switch tells of it.
    pub access_point: String,
    /// The name signed in with; it may be nobody's on the roll.
    pub user: Option<String>,
    /// The device.
    pub mac: Option<Mac>,
    /// The group that the RADIUS server named.
    pub group: Option<String>,
    /// Where the device is.
    pub addresses: Vec<IpAddr>,
    /// Since when.
    pub since: Timestamp,
}

/// Devices, leases and sessions now.
#[derive(Debug, Default)]
pub struct Presence {
    register: BTreeMap<Mac, Registered>,
    fixed: BTreeMap<IpAddr, Fixed>,
    leases: BTreeMap<IpAddr, Lease>,
    sessions: BTreeMap<(String, String), Session>,
    devices: BTreeMap<Mac, Device>,
    dropped: u64,
}

impl Presence {
    /// Replaces the register of devices.
    pub fn set_register(&mut self, register: impl IntoIterator<Item = Registered>) {
        self.register = register
            .into_iter()
            .map(|device| (device.mac, device))
            .collect();
    }

    /// Replaces the register of devices that are known by a fixed network address alone. When one last
    /// passed is remembered while its address stays.
    pub fn set_fixed(&mut self, fixed: impl IntoIterator<Item = (IpAddr, Arc<str>)>) {
        let mut before = std::mem::take(&mut self.fixed);
        self.fixed = fixed
            .into_iter()
            .map(|(address, label)| {
                let address = address.to_canonical();
                let passed = before.remove(&address).and_then(|fixed| fixed.passed);
                (address, Fixed { label, passed })
            })
            .collect();
    }

    /// Takes in what a server's lease files hold now; `finds` turns a sign-in name into a person.
    /// Leases that are gone or run out end.
    pub fn take_leases(&mut self, leases: Vec<Lease>, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut held = BTreeMap::new();
        for lease in leases {
            if lease.is_active && now < lease.until {
                held.insert(lease.address, lease);
            }
        }
        for (address, before) in &self.leases {
            let goes_on = held
                .get(address)
                .is_some_and(|lease| lease.mac == before.mac);
            if !goes_on {
                changes.push(Change::End(*address, IdentitySource::DhcpLease));
            }
        }
        for (address, lease) in &held {
            if self.leases.get(address) == Some(lease) {
                continue;
            }
            let Some(mac) = lease.mac else { continue };
            self.see(
                mac,
                lease.name.as_deref(),
                *address,
                lease.since.unwrap_or(now).min(now),
                now,
            );
            changes.push(Change::Bind(*address, Arc::from(mac.to_string())));
            changes.push(Change::Learn(
                *address,
                self.lease_evidence(mac, lease, now),
            ));
        }
        self.leases = held;
        changes.extend(self.join());
        changes
    }

    /// Takes in one word of a Wi-Fi controller; `person` is who on the roll has the name that it
    /// tells.
    pub fn take_accounting(
        &mut self,
        told: &Accounting,
        person: Option<PersonId>,
        now: Timestamp,
    ) -> Vec<Change> {
        let key = (told.access_point.clone(), told.session.clone());
        match told.status {
            Status::On | Status::Off => {
                let gone: Vec<_> = self
                    .sessions
                    .keys()
                    .filter(|(access_point, _)| *access_point == told.access_point)
                    .cloned()
                    .collect();
                gone.iter().flat_map(|key| self.end_session(key)).collect()
            }
            Status::Stop => self.end_session(&key),
            Status::Start | Status::Interim => {
                let mut changes = Vec::new();
                let since = self.begun(told).unwrap_or(now).min(now);
                if !self.sessions.contains_key(&key) {
                    changes.extend(self.make_room());
                    // A device is in one place: its new session ends the one before.
                    changes.extend(self.end_sessions_of(told.mac));
                }
                let session = self.sessions.entry(key.clone()).or_insert_with(|| Session {
                    user: None,
                    person: None,
                    mac: None,
                    group: None,
                    addresses: BTreeSet::new(),
                    since,
                    heard: now,
                });
                session.heard = now;
                if told.user.is_some() {
                    session.user.clone_from(&told.user);
                    session.person = person;
                }
                session.mac = told.mac.or(session.mac);
                session.group = told.group.clone().or_else(|| session.group.take());
                let moved: Vec<IpAddr> = if told.addresses.is_empty() {
                    Vec::new()
                } else {
                    let new: BTreeSet<IpAddr> = told
                        .addresses
                        .iter()
                        .map(|address| address.to_canonical())
                        .collect();
                    let gone = session.addresses.difference(&new).copied().collect();
                    session.addresses = new;
                    gone
                };
                let mine: Vec<IpAddr> = session.addresses.iter().copied().collect();
                changes.extend(
                    moved
                        .into_iter()
                        .map(|address| Change::End(address, IdentitySource::Radius)),
                );
                if let Some(mac) = told.mac {
                    match mine.first() {
                        Some(first) => self.see(mac, None, *first, now, now),
                        None => self.see_there(mac, now),
                    }
                }
                self.claim(&key, &mine);
                changes.extend(self.session_evidence(&key));
                changes
            }
        }
    }

    /// When the same user's session on the same device began, where one is open: moving on to the
    /// next access point says nothing new of who is at the device.
    fn begun(&self, told: &Accounting) -> Option<Timestamp> {
        let mac = told.mac?;
        self.sessions
            .values()
            .find(|session| session.mac == Some(mac) && session.user == told.user)
            .map(|session| session.since)
    }

    /// Takes addresses that a session tells away from every other: its late end must not end this
    /// one's evidence.
    fn claim(&mut self, key: &(String, String), addresses: &[IpAddr]) {
        for (other, session) in &mut self.sessions {
            if other != key {
                session
                    .addresses
                    .retain(|address| !addresses.contains(address));
            }
        }
    }

    /// Forgets sessions that nothing was heard of for [`SESSION_HOLDS`] and strangers long gone.
    pub fn sweep(&mut self, now: Timestamp) -> Vec<Change> {
        let silent: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| now.duration_since(session.heard) >= SESSION_HOLDS)
            .map(|(key, _)| key.clone())
            .collect();
        let changes = silent
            .iter()
            .flat_map(|key| self.end_session(key))
            .collect();
        let register = &self.register;
        self.devices.retain(|mac, device| {
            register.contains_key(mac) || now.duration_since(device.there) < STRANGER_KEPT
        });
        changes
    }

    /// Every open session, by access point.
    pub fn sessions(&self) -> Vec<OpenSession> {
        self.sessions
            .iter()
            .map(|((access_point, _), session)| OpenSession {
                access_point: access_point.clone(),
                user: session.user.clone(),
                mac: session.mac,
                group: session.group.clone(),
                addresses: self.addresses_of(session),
                since: session.since,
            })
            .collect()
    }

    /// Every device, registered or seen, by hardware address.
    pub fn devices(&self) -> impl Iterator<Item = (Mac, &Device)> {
        self.devices.iter().map(|(mac, device)| (*mac, device))
    }

    /// A device of the register.
    pub fn registered(&self, mac: Mac) -> Option<&Registered> {
        self.register.get(&mac)
    }

    /// The device that has an address by its lease.
    pub fn device_at(&self, address: IpAddr) -> Option<Mac> {
        self.leases
            .get(&address.to_canonical())
            .and_then(|lease| lease.mac)
    }

    /// How many leases are in force, and how many of their devices made their address up.
    pub fn lease_counts(&self) -> (usize, usize) {
        let made_up = self
            .leases
            .values()
            .filter(|lease| lease.mac.is_some_and(Mac::is_made_up))
            .count();
        (self.leases.len(), made_up)
    }

    /// How many devices and sessions gave way at a bound.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What is to be remembered over a restart.
    pub fn to_keep(&self) -> BTreeMap<Mac, Device> {
        self.devices.clone()
    }

    /// Takes back what was remembered; what is known already stays.
    pub fn remember(&mut self, kept: BTreeMap<Mac, Device>) {
        for (mac, device) in kept.into_iter().take(DEVICES_MAX) {
            self.devices.entry(mac).or_insert(device);
        }
    }

    fn see(
        &mut self,
        mac: Mac,
        name: Option<&str>,
        address: IpAddr,
        at: Timestamp,
        now: Timestamp,
    ) {
        self.see_there(mac, at);
        let Some(device) = self.devices.get_mut(&mac) else {
            return;
        };
        if let Some(name) = name {
            device.name = Some(name.to_owned());
        }
        device.there = device.there.max(at).min(now);
        device.addresses.insert(address);
        while device.addresses.len() > ADDRESSES_MAX {
            device.addresses.pop_first();
        }
    }

    fn see_there(&mut self, mac: Mac, at: Timestamp) {
        if !self.devices.contains_key(&mac) && self.devices.len() >= DEVICES_MAX {
            let oldest = self.devices.iter().min_by_key(|(_, device)| device.there);
            if let Some(oldest) = oldest.map(|(mac, _)| *mac) {
                self.devices.remove(&oldest);
                self.dropped += 1;
            }
        }
        let device = self.devices.entry(mac).or_insert_with(|| Device {
            name: None,
            first: at,
            there: at,
            passed: None,
            addresses: BTreeSet::new(),
        });
        device.there = device.there.max(at);
    }

    /// What a lease says: the owner of a registered device, likely; else the device alone.
    fn lease_evidence(&self, mac: Mac, lease: &Lease, now: Timestamp) -> Evidence {
        let registered = self.register.get(&mac);
        let owner = registered.and_then(|device| device.owner);
        Evidence {
            person: owner,
            device: Some(self.label(mac, lease.name.as_deref())),
            source: IdentitySource::DhcpLease,
            confidence: match owner {
                Some(_) => Confidence::Likely,
                None => Confidence::None,
            },
            since: lease.since.unwrap_or(now).min(now),
            until: lease.until,
        }
    }

    /// The label of a device: of the register, else its own name and hardware address.
    fn label(&self, mac: Mac, name: Option<&str>) -> Arc<str> {
        match (self.register.get(&mac), name) {
            (Some(registered), _) => Arc::clone(&registered.label),
            (None, Some(name)) => Arc::from(format!("{name} ({mac})")),
            (None, None) => Arc::from(mac.to_string()),
        }
    }

    fn addresses_of(&self, session: &Session) -> Vec<IpAddr> {
        if !session.addresses.is_empty() {
            return session.addresses.iter().copied().collect();
        }
        let Some(mac) = session.mac else {
            return Vec::new();
        };
        self.devices.get(&mac).map_or_else(Vec::new, |device| {
            device
                .addresses
                .iter()
                .filter(|address| {
                    self.leases
                        .get(address)
                        .is_some_and(|lease| lease.mac == Some(mac))
                })
                .copied()
                .collect()
        })
    }

    /// Evidence of one session at each of its addresses. A session that was opened with the
    /// device's own hardware address as name says nothing of a person.
    fn session_evidence(&self, key: &(String, String)) -> Vec<Change> {
        let Some(session) = self.sessions.get(key) else {
            return Vec::new();
        };
        let by_device = session
            .user
            .as_deref()
            .is_some_and(|user| user.parse::<Mac>().is_ok());
        let person = session.person.filter(|_| !by_device);
        let name = session
            .mac
            .and_then(|mac| self.devices.get(&mac))
            .and_then(|device| device.name.clone());
        let device = session.mac.map(|mac| self.label(mac, name.as_deref()));
        let evidence = Evidence {
            person,
            device,
            source: IdentitySource::Radius,
            confidence: match person {
                Some(_) => Confidence::Certain,
                None => Confidence::None,
            },
            since: session.since,
            until: session
                .heard
                .checked_add(SESSION_HOLDS)
                .unwrap_or(Timestamp::MAX),
        };
        self.addresses_of(session)
            .into_iter()
            .flat_map(|address| {
                let bind = session
                    .mac
                    .map(|mac| Change::Bind(address, Arc::from(mac.to_string())));
                bind.into_iter()
                    .chain([Change::Learn(address, evidence.clone())])
            })
            .collect()
    }

    /// Sessions without an address of their own, joined with the leases as they are now.
    fn join(&self) -> Vec<Change> {
        self.sessions
            .iter()
            .filter(|(_, session)| session.addresses.is_empty() && session.mac.is_some())
            .flat_map(|(key, _)| self.session_evidence(key))
            .collect()
    }

    fn end_session(&mut self, key: &(String, String)) -> Vec<Change> {
        let Some(session) = self.sessions.remove(key) else {
            return Vec::new();
        };
        self.addresses_of(&session)
            .into_iter()
            .map(|address| Change::End(address, IdentitySource::Radius))
            .collect()
    }

    fn end_sessions_of(&mut self, mac: Option<Mac>) -> Vec<Change> {
        let Some(mac) = mac else { return Vec::new() };
        let others: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.mac == Some(mac))
            .map(|(key, _)| key.clone())
            .collect();
        others
            .iter()
            .flat_map(|key| self.end_session(key))
            .collect()
    }

    fn make_room(&mut self) -> Vec<Change> {
        if self.sessions.len() < SESSIONS_MAX {
            return Vec::new();
        }
        let oldest = self
            .sessions
            .iter()
            .min_by_key(|(_, session)| session.heard)
            .map(|(key, _)| key.clone());
        self.dropped += 1;
        oldest.map_or_else(Vec::new, |key| self.end_session(&key))
    }
}
