//! The handle that faces hold: one atomic load per request.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use pharos_school::Who;

use crate::{AddressMap, Aliases, Devices, ExtensionFiles, Snapshot};

/// No lists or policy are in force yet: the face must refuse rather than let through (FIL-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the filter has no policy and lists in force yet")]
pub struct NotReady;

/// The live filter: the current snapshot and the address map.
///
/// Cheap to share behind an `Arc`. A face loads [`Filter::snapshot`] once at the start of a
/// request and keeps it to its end; [`Filter::install`] never disturbs a request under way.
#[derive(Debug, Default)]
pub struct Filter {
    snapshot: ArcSwapOption<Snapshot>,
    addresses: AddressMap,
    devices: Devices,
    aliases: Aliases,
    extension_files: ExtensionFiles,
}

impl Filter {
    /// A filter with nothing in force: every question is answered with [`NotReady`].
    pub fn new() -> Self {
        Self::default()
    }

    /// The snapshot in force.
    ///
    /// # Errors
    /// [`NotReady`] until the first [`Filter::install`]: block, never let through.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, NotReady> {
        self.snapshot.load_full().ok_or(NotReady)
    }

    /// Whether this snapshot is the one in force. Cheaper than [`Filter::snapshot`] where a thread
    /// keeps one between requests: nothing that threads share is written.
    pub fn is_in_force(&self, snapshot: &Arc<Snapshot>) -> bool {
        let in_force = self.snapshot.load();
        in_force
            .as_ref()
            .is_some_and(|in_force| Arc::ptr_eq(in_force, snapshot))
    }

    /// Puts a snapshot in force. Requests under way keep theirs.
    pub fn install(&self, snapshot: Snapshot) {
        self.snapshot.store(Some(Arc::new(snapshot)));
    }

    /// Devices' addresses to people.
    pub fn addresses(&self) -> &AddressMap {
        &self.addresses
    }

    /// Devices that carry their own identity.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// Names that the resolver blocked for where they lead.
    pub fn aliases(&self) -> &Aliases {
        &self.aliases
    }

    /// Files to which a store of extensions led from the address of one that the school installs.
    pub fn extension_files(&self) -> &ExtensionFiles {
        &self.extension_files
    }

    /// Who is behind an address now, checked against the roll: someone no longer on it is
    /// [`pharos_school::Unknown::NotOnRoll`].
    pub fn identify(&self, from: IpAddr, now: Timestamp) -> Who {
        let who = self.addresses.identify(from, now);
        match self.snapshot.load().as_ref() {
            Some(snapshot) => snapshot.check_roll(who),
            None => who,
        }
    }
}
