//! Devices that carry their own identity, so that they are known wherever they ask from (FIL-15).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use pharos_school::{Confidence, IdentitySource, Unknown, Who};
use rapidhash::fast::RandomState;

use crate::Owner;

/// SHA-256 of a device's token: the token itself is kept nowhere.
pub type TokenDigest = [u8; 32];

/// A device with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedDevice {
    /// Whose device.
    pub owner: Owner,
    /// The device's label.
    pub label: Arc<str>,
    /// From then on the token names nobody.
    pub until: Timestamp,
}

/// A device, and when it last asked, in whole seconds; [`NEVER`] for not yet.
#[derive(Debug)]
struct Entry {
    device: OwnedDevice,
    last: AtomicI64,
}

const NEVER: i64 = i64::MIN;

impl Entry {
    fn last(&self) -> Option<Timestamp> {
        match self.last.load(Ordering::Relaxed) {
            NEVER => None,
            second => Timestamp::from_second(second).ok(),
        }
    }
}

type Map = HashMap<TokenDigest, Arc<Entry>, RandomState>;

/// The live map from tokens to devices.
#[derive(Debug, Default)]
pub struct Devices(ArcSwap<Map>);

impl Devices {
    /// Replaces the map in whole: a device that is no longer in it is nobody at once. When one that
    /// stays last asked is remembered.
    pub fn set(&self, devices: impl IntoIterator<Item = (TokenDigest, OwnedDevice)>) {
        let before = self.0.load();
        let map: Map = devices
            .into_iter()
            .map(|(token, device)| {
                let last = before
                    .get(&token)
                    .map_or(NEVER, |entry| entry.last.load(Ordering::Relaxed));
                let last = AtomicI64::new(last);
                (token, Arc::new(Entry { device, last }))
            })
            .collect();
        self.0.store(Arc::new(map));
    }

    /// Who is behind a device that shows a token now, and notes that it did; `None` where no device
    /// has it (any more), or its time is over. Whether the person is still on the roll is for
    /// [`crate::Snapshot::check_roll`].
    pub fn identify(&self, token: &TokenDigest, now: Timestamp) -> Option<Who> {
        let devices = self.0.load();
        let entry = devices.get(token)?;
        let OwnedDevice {
            owner,
            label,
            until,
        } = &entry.device;
        if now >= *until {
            return None;
        }
        entry.last.fetch_max(now.as_second(), Ordering::Relaxed);
        let device = Some(Arc::clone(label));
        Some(match owner {
            Owner::Person(person) => Who::Known {
                person: *person,
                source: IdentitySource::DeviceToken,
                confidence: Confidence::Likely,
                device,
            },
            Owner::Shared => Who::Unknown {
                why: Unknown::SharedDevice,
                device,
            },
        })
    }

    /// When the device of a token last asked, to the second; `None` for not yet.
    pub fn last(&self, token: &TokenDigest) -> Option<Timestamp> {
        self.0.load().get(token)?.last()
    }

    /// Every token that has been shown, with the last time, for a restart.
    pub fn all_last(&self) -> Vec<(TokenDigest, Timestamp)> {
        let devices = self.0.load();
        devices
            .iter()
            .filter_map(|(token, entry)| Some((*token, entry.last()?)))
            .collect()
    }

    /// Remembers when a device last asked, after a restart.
    pub fn remember(&self, token: &TokenDigest, at: Timestamp) {
        if let Some(entry) = self.0.load().get(token) {
            entry.last.fetch_max(at.as_second(), Ordering::Relaxed);
        }
    }
}
