//! One decision, as it is kept (MON-01).

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_school::{Face, Who};

/// One decision by one face: who, what, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it was decided.
    pub at: Timestamp,
    /// Who was behind it, how that is known and how sure it is.
    pub who: Who,
    /// The device's network address.
    pub address: IpAddr,
    /// The face that decided.
    pub face: Face,
    /// The host asked for; the word `sealed` where a sealed list was hit (MON-14, FIL-03).
    pub host: Box<str>,
    /// Path and query, where the face sees them; `None` for sealed hits and name-only faces.
    pub path: Option<Box<str>>,
    /// What was done: `allow`, `narrow`, `warn`, `block` or `tunnel` (`policy::Action::name`).
    pub action: &'static str,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// The names of the categories found.
    pub categories: Arc<[Arc<str>]>,
    /// The policy version in force.
    pub policy_version: u64,
    /// The catalogue version in force.
    pub catalogue_version: u64,
    /// The search words, where the request was a search and inspection is lawful (SRCH-04).
    pub search: Option<Box<str>>,
    /// The sealed list that was hit, by name.
    pub sealed: Option<Arc<str>>,
    /// Bytes from client to origin.
    pub bytes_up: u64,
    /// Bytes from origin to client.
    pub bytes_down: u64,
}

/// Where faces hand events in: never blocks, never fails; what cannot be queued is spooled and
/// counted by the engine behind it.
pub trait Sink: Send + Sync + 'static {
    /// Takes one event off the hot path.
    fn record(&self, event: Event);
}
