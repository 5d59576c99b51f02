//! Devices that are on the network and do not pass the filter (FIL-16), and devices of the register
//! that were not seen for long (FIL-15).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Presence;
use crate::Mac;

/// What is odd about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapKind {
    /// It is on the network, and nothing of it passes the filter: something leads its traffic
    /// round, or what kept it to the filter was removed.
    GoesRound,
    /// It is registered and was not seen at all for long.
    NotSeen,
}

/// How a device of the gap list is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapDevice {
    /// By its hardware address.
    Mac(Mac),
    /// By a fixed network address of the register.
    Address(IpAddr),
    /// By its own path for encrypted name look-ups, under this id.
    Roaming(Arc<str>),
}

/// What ids of roaming devices begin with in text.
const ROAMING: &str = "roaming:";
/// The longest id of a roaming device.
const ID_MAX: usize = 64;

impl fmt::Display for GapDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GapDevice::Mac(mac) => mac.fmt(f),
            GapDevice::Address(address) => address.fmt(f),
            GapDevice::Roaming(id) => write!(f, "{ROAMING}{id}"),
        }
    }
}

/// The text names no device of the gap list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no hardware address, network address or id of a roaming device")]
pub struct NoGapDevice;

impl FromStr for GapDevice {
    type Err = NoGapDevice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(id) = text.strip_prefix(ROAMING) {
            let is_plain = (1..=ID_MAX).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            return is_plain
                .then(|| GapDevice::Roaming(id.into()))
                .ok_or(NoGapDevice);
        }
        // A hardware address can be written as an IPv6 address can: with six pairs it is the former.
        text.parse()
            .map(GapDevice::Mac)
            .or_else(|_| text.parse().map(GapDevice::Address))
            .map_err(|_| NoGapDevice)
    }
}

/// One device of the gap list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What is odd.
    pub kind: GapKind,
    /// The device.
    pub device: GapDevice,
    /// Its label.
    pub label: Arc<str>,
    /// Whether it is of the school's register.
    pub is_registered: bool,
    /// Where it was on the network.
    pub addresses: Vec<IpAddr>,
    /// The last proof that it was on the network; `None` where there is none.
    pub there: Option<Timestamp>,
    /// When it last passed the filter; `None` for never.
    pub passed: Option<Timestamp>,
}

/// When a device counts as a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapTimes {
    /// So much later than its last passing, a proof of being on the network makes it one.
    pub grace: SignedDuration,
    /// Registered devices must have been seen since.
    pub seen_since: Timestamp,
    /// Proofs older than this are no longer news.
    pub there_since: Timestamp,
}

/// The worst and longest first.
pub fn sort(gaps: &mut [Gap]) {
    gaps.sort_by(|a, b| {
        let of = |gap: &Gap| (gap.kind, !gap.is_registered, gap.passed);
        of(a).cmp(&of(b)).then_with(|| a.device.cmp(&b.device))
    });
}

impl Presence {
    /// Notes when each address last passed the filter; `passed` gives it. Where a device had an
    /// address only from some time on, earlier passings there were another's.
    pub fn note_passings(&mut self, passed: impl Fn(IpAddr) -> Option<Timestamp>) {
        for (address, fixed) in &mut self.fixed {
            fixed.passed = fixed.passed.max(passed(*address));
        }
        let at_home: Vec<_> = self
            .register
            .values()
            .filter_map(|device| Some((device.mac, passed(device.address?)?)))
            .collect();
        for (mac, at) in at_home {
            self.see_there(mac, at);
            if let Some(device) = self.devices.get_mut(&mac) {
                device.passed = device.passed.max(Some(at));
            }
        }
        for (mac, device) in &mut self.devices {
            for address in &device.addresses {
                let Some(at) = passed(*address) else { continue };
                let lease = self.leases.get(address);
                let is_its = lease.is_none_or(|lease| lease.mac == Some(*mac));
                if is_its && at >= device.first {
                    device.passed = device.passed.max(Some(at));
                }
            }
        }
    }

    /// The gap list, worst and longest first. Call [`Presence::note_passings`] before.
    pub fn gaps(&self, times: GapTimes) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (mac, device) in &self.devices {
            let since = device.passed.unwrap_or(device.first);
            let goes_round = device.there >= times.there_since
                && device.there.duration_since(since) >= times.grace;
            if goes_round {
                gaps.push(self.gap(GapKind::GoesRound, *mac));
            }
        }
        for mac in self.register.keys() {
            let device = self.devices.get(mac);
            let seen = device.map(|device| device.passed.unwrap_or(device.there).max(device.there));
            let is_round = gaps
                .iter()
                .any(|gap: &Gap| gap.device == GapDevice::Mac(*mac));
            if !is_round && seen.is_none_or(|seen| seen < times.seen_since) {
                gaps.push(self.gap(GapKind::NotSeen, *mac));
            }
        }
        for (address, fixed) in &self.fixed {
            if fixed.passed.is_none_or(|passed| passed < times.seen_since) {
                gaps.push(Gap {
                    kind: GapKind::NotSeen,
                    device: GapDevice::Address(*address),
                    label: Arc::clone(&fixed.label),
                    is_registered: true,
                    addresses: vec![*address],
                    there: None,
                    passed: fixed.passed,
                });
            }
        }
        sort(&mut gaps);
        gaps
    }

    fn gap(&self, kind: GapKind, mac: Mac) -> Gap {
        let device = self.devices.get(&mac);
        Gap {
            kind,
            device: GapDevice::Mac(mac),
            label: self.label(mac, device.and_then(|device| device.name.as_deref())),
            is_registered: self.register.contains_key(&mac),
            addresses: device
                .map(|device| device.addresses.iter().copied().collect())
                .unwrap_or_default(),
            there: device.map(|device| device.there),
            passed: device.and_then(|device| device.passed),
        }
    }
}
