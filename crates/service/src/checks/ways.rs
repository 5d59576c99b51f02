//! By which faces the check tries, what it asks of them, and what a device would have seen.

use std::net::IpAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Through which face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The resolver, by datagram.
    Dns,
    /// The resolver, by stream.
    DnsTcp,
    /// DNS over TLS.
    Dot,
    /// DNS over HTTPS.
    Doh,
    /// DNS over HTTPS at a device's own path, as it asks from home (FIL-15).
    DohDevice,
    /// The proxy, plain HTTP.
    Proxy,
    /// The proxy, a tunnel that it looks into with the school's own certificate.
    Connect,
    /// The proxy where the network sends connections whose devices know of none.
    Transparent,
    /// Somebody at a device, by hand. No prober goes this way.
    Hand,
}

impl Way {
    /// Every way, in the order in which they are told.
    pub const ALL: [Way; 9] = [
        Way::Dns,
        Way::DnsTcp,
        Way::Dot,
        Way::Doh,
        Way::DohDevice,
        Way::Proxy,
        Way::Connect,
        Way::Transparent,
        Way::Hand,
    ];

    /// Every face that a prober may reach.
    pub(super) fn faces() -> impl Iterator<Item = Way> {
        Way::ALL.into_iter().filter(|way| *way != Way::Hand)
    }

    /// In words.
    pub const fn says(self) -> &'static str {
        match self {
            Way::Dns => "by name (DNS)",
            Way::DnsTcp => "by name (DNS over TCP)",
            Way::Dot => "by name (DNS over TLS)",
            Way::Doh => "by name (DNS over HTTPS)",
            Way::DohDevice => "by name, at a device\u{2019}s own path from home",
            Way::Proxy => "through the proxy",
            Way::Connect => "through the proxy, encrypted and looked into",
            Way::Hand => "by hand, at a device",
            Way::Transparent => "through the proxy that devices do not know of",
        }
    }

    /// Whether only a name is seen there.
    pub(super) const fn is_dns(self) -> bool {
        matches!(
            self,
            Way::Dns | Way::DnsTcp | Way::Dot | Way::Doh | Way::DohDevice
        )
    }
}

/// Whether a face can be tried from this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// As everybody.
    Everyone,
    /// As somebody unknown alone, and why.
    Unknown(String),
    /// Not at all, and why.
    Nobody(String),
}

/// What is asked of a face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The addresses of the name, or its page.
    Open,
    /// The name's IPv4 and IPv6 addresses and its HTTPS record together: all must lead to the same.
    EveryRecord,
    /// The records by which a device finds an encrypted resolver (RFC 9462).
    Resolver,
    /// The HTTPS record (RFC 9460): whether it invites to hide the name or to leave TCP.
    Hints,
    /// A tunnel to this port.
    Port(u16),
    /// A tunnel to the host, and then this name inside it.
    Within(String),
}

/// One question, as a device would put it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// The face.
    pub way: Way,
    /// The host, without port.
    pub host: String,
    /// What of it.
    pub ask: Ask,
    /// The secret of the device's own path, for [`Way::DohDevice`].
    pub device: Option<String>,
}

/// Why the filter says that it blocked, where a face tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The rule that decided.
    pub rule: String,
    /// Whether a sealed list was hit.
    pub sealed: bool,
}

/// What a device would have seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Blocked, as the filter's own answer proves; with the proof where the face has one.
    Blocked(Option<Proof>),
    /// The filter's warning, behind which a reader may go on.
    Warned,
    /// Turned away by the filter at the door, with its code: a port, a private address, a name that
    /// does not fit.
    Refused(String),
    /// Blocked by the filter without any address: what canaries and private relay must be told, for
    /// which the address of a block page would be an invitation.
    Nothing,
    /// An answer to a name.
    Answered {
        /// The name that stands in its place, if one does.
        alias: Option<String>,
        /// Its addresses.
        addresses: Vec<IpAddr>,
        /// What another of its records gives away.
        leak: Option<String>,
    },
    /// Let through in another way, in words: whether or not anything answered behind it.
    Through(String),
    /// It could not be tried, and why.
    NotTried(String),
}

/// Reaches the real faces from a given loopback address, as a device would.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Whether a face can be tried.
    fn reach(&self, way: Way) -> Reach;
    /// Tries one thing, within a few seconds.
    async fn probe(&self, from: IpAddr, asking: &Asking) -> Seen;
}
