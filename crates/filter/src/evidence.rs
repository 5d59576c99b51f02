//! One piece of evidence for who is at an address, and which of several counts.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_school::{Confidence, IdentitySource, PersonId};

/// How far before its own beginning evidence is still believed: two machines' clocks differ a
/// little. A clock set back further than this makes evidence from "tomorrow" count for nothing,
/// so that it never lives longer than it was given.
pub const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(5);

/// One piece of evidence: a source says who, or which device, is at an address for a stretch of
/// time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who; `None` where the source knows the device alone.
    pub person: Option<PersonId>,
    /// On which device, by its label.
    pub device: Option<Arc<str>>,
    /// Who says so.
    pub source: IdentitySource,
    /// How sure it is.
    pub confidence: Confidence,
    /// Since when.
    pub since: Timestamp,
    /// Until when, not included.
    pub until: Timestamp,
}

impl Evidence {
    /// Whether it is in force: begun (give or take [`CLOCK_SLACK`]) and not run out.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until && now.duration_since(self.since) >= -CLOCK_SLACK
    }

    /// Which of two that hold counts more: the greater. In this order:
    ///
    /// 1. one that names a person, before one that knows the device alone;
    /// 2. the surer one;
    /// 3. the later one, by when it began;
    /// 4. by source: proxy sign-in, sign-in page, Wi-Fi (RADIUS), visitor's notice, firewall, DHCP
    ///    lease, address map.
    pub fn weigh(&self, other: &Self) -> Ordering {
        self.person
            .is_some()
            .cmp(&other.person.is_some())
            .then(self.confidence.cmp(&other.confidence))
            .then(self.since.cmp(&other.since))
            .then(rank(self.source).cmp(&rank(other.source)))
    }
}

/// How much a source counts where all else is equal.
pub(crate) const fn rank(source: IdentitySource) -> u8 {
    match source {
        IdentitySource::Stated => 9,
        IdentitySource::DeviceToken => 8,
        IdentitySource::ProxySignIn => 7,
        IdentitySource::SignInPage => 6,
        IdentitySource::Radius => 5,
        IdentitySource::VisitorNotice => 4,
        IdentitySource::Firewall => 3,
        IdentitySource::DhcpLease => 2,
        IdentitySource::AddressMap => 1,
    }
}
