//! Who is behind a request, how that is known and how sure it is (MON-02).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::PersonId;

/// The face that a request came in through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Face {
    /// The DNS resolver: sees names only.
    Dns,
    /// The proxy, plain HTTP: sees whole addresses.
    Http,
    /// The proxy, a CONNECT tunnel that is not inspected: sees names only.
    Tunnel,
    /// The proxy, inside an inspected TLS connection: sees whole addresses.
    Https,
    /// The explain command and page.
    Explain,
    /// The self-check.
    Check,
    /// An outside firewall or filter that told of it by syslog (MON-05).
    Firewall,
}

impl Face {
    /// Every face.
    pub const ALL: [Face; 7] = [
        Face::Dns,
        Face::Http,
        Face::Tunnel,
        Face::Https,
        Face::Explain,
        Face::Check,
        Face::Firewall,
    ];

    /// The name used in logs and stored events.
    pub const fn name(self) -> &'static str {
        match self {
            Face::Dns => "dns",
            Face::Http => "http",
            Face::Tunnel => "tunnel",
            Face::Https => "https",
            Face::Explain => "explain",
            Face::Check => "check",
            Face::Firewall => "firewall",
        }
    }
}

impl fmt::Display for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a link between a device and a person was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentitySource {
    /// The proxy asked for name and password.
    ProxySignIn,
    /// The person signed in on the sign-in page and the address was mapped for a limited time.
    SignInPage,
    /// A fixed entry in the school's address map.
    AddressMap,
    /// Named on the command line or page (explain, self-check).
    Stated,
    /// The Wi-Fi or switch said who joined, by RADIUS accounting.
    Radius,
    /// A DHCP lease led to a registered device, and the device to its usual user.
    DhcpLease,
    /// A visitor gave this name when they accepted the notice of monitoring.
    VisitorNotice,
    /// An outside firewall or filter named its user.
    Firewall,
    /// The device showed its token, wherever it is (FIL-15).
    DeviceToken,
}

impl IdentitySource {
    /// Every source.
    pub const ALL: [IdentitySource; 9] = [
        IdentitySource::ProxySignIn,
        IdentitySource::SignInPage,
        IdentitySource::AddressMap,
        IdentitySource::Stated,
        IdentitySource::Radius,
        IdentitySource::DhcpLease,
        IdentitySource::VisitorNotice,
        IdentitySource::Firewall,
        IdentitySource::DeviceToken,
    ];

    /// The name used in logs and stored events.
    pub const fn name(self) -> &'static str {
        match self {
            IdentitySource::ProxySignIn => "proxy-sign-in",
            IdentitySource::SignInPage => "sign-in-page",
            IdentitySource::AddressMap => "address-map",
            IdentitySource::Stated => "stated",
            IdentitySource::Radius => "radius",
            IdentitySource::DhcpLease => "dhcp-lease",
            IdentitySource::VisitorNotice => "visitor-notice",
            IdentitySource::Firewall => "firewall",
            IdentitySource::DeviceToken => "device-token",
        }
    }

    /// How the link was made, in words for people.
    pub const fn says(self) -> &'static str {
        match self {
            IdentitySource::ProxySignIn => "signed in at the proxy",
            IdentitySource::SignInPage => "signed in on the sign-in page",
            IdentitySource::AddressMap => "by the school's address map",
            IdentitySource::Stated => "as stated",
            IdentitySource::Radius => "signed in to the Wi-Fi",
            IdentitySource::DhcpLease => "the device is registered to them",
            IdentitySource::VisitorNotice => "gave this name on the visitors' page",
            IdentitySource::Firewall => "named by the firewall",
            IdentitySource::DeviceToken => "by the device's own path",
        }
    }
}

/// How sure the link is. A guess is never presented as certain (MON-02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Nobody is named.
    None,
    /// Probably this person: the device is usually theirs.
    Likely,
    /// The person proved it in this session.
    Certain,
}

impl Confidence {
    /// The name used in logs and stored events.
    pub const fn name(self) -> &'static str {
        match self {
            Confidence::None => "none",
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        }
    }
}

/// Why nobody is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// The address is in no map and nobody signed in from it.
    NoSignIn,
    /// A sign-in was known but has run out.
    Expired,
    /// The named person is not on the roll any more.
    NotOnRoll,
    /// The device is shared and nobody has signed in on it.
    SharedDevice,
    /// The device is on a network where the notice of monitoring comes first, and nobody has
    /// accepted it there yet (MON-09).
    NoticeNotAccepted,
}

impl Unknown {
    /// Every reason.
    pub const ALL: [Unknown; 5] = [
        Unknown::NoSignIn,
        Unknown::Expired,
        Unknown::NotOnRoll,
        Unknown::SharedDevice,
        Unknown::NoticeNotAccepted,
    ];

    /// The name used in logs and stored events.
    pub const fn name(self) -> &'static str {
        match self {
            Unknown::NoSignIn => "no-sign-in",
            Unknown::Expired => "expired",
            Unknown::NotOnRoll => "not-on-roll",
            Unknown::SharedDevice => "shared-device",
            Unknown::NoticeNotAccepted => "notice-not-accepted",
        }
    }
}

/// Who is behind a request: a person with a source and a degree of certainty, or nobody with the
/// reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// A person, as far as can be told.
    Known {
        /// The person.
        person: PersonId,
        /// How the link was made.
        source: IdentitySource,
        /// How sure it is.
        confidence: Confidence,
        /// The device's label, where one is known.
        device: Option<Arc<str>>,
    },
    /// Nobody can be named; gets the strictest policy (FIL-17).
    Unknown {
        /// Why not.
        why: Unknown,
        /// The device's label, where one is known.
        device: Option<Arc<str>>,
    },
}

impl Who {
    /// The person, if one is named.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Who::Known { person, .. } => Some(*person),
            Who::Unknown { .. } => None,
        }
    }

    /// The device's label, if one is known.
    pub fn device(&self) -> Option<&Arc<str>> {
        match self {
            Who::Known { device, .. } | Who::Unknown { device, .. } => device.as_ref(),
        }
    }
}
