//! Devices that carry their own identity, so that they are known wherever they ask from (FIL-15).

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
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
}

/// The live map from tokens to devices.
#[derive(Debug, Default)]
pub struct Devices(ArcSwap<HashMap<TokenDigest, OwnedDevice, RandomState>>);

impl Devices {
    /// Replaces the map in whole: a device that is no longer in it is nobody at once.
    pub fn set(&self, devices: impl IntoIterator<Item = (TokenDigest, OwnedDevice)>) {
        self.0.store(Arc::new(devices.into_iter().collect()));
    }

    /// Who is behind a device that showed a token; `None` where no device has it (any more).
    /// Whether the person is still on the roll is for [`crate::Snapshot::check_roll`].
    pub fn identify(&self, token: &TokenDigest) -> Option<Who> {
        let devices = self.0.load();
        let OwnedDevice { owner, label } = devices.get(token)?;
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
}
