//! What a face asks.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_catalogue::Address;
use pharos_school::{Face, Who};

/// One question to the filter.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// What is asked for.
    pub address: &'a Address,
    /// Who is behind it, from [`crate::Filter::identify`] or a sign-in.
    pub who: &'a Who,
    /// The device's network address: decides the place.
    pub from: Option<IpAddr>,
    /// The face that asks: some rules (sealed URL entries) need a path to match.
    pub face: Face,
    /// When.
    pub now: Timestamp,
}

/// The versions a decision was made with; recorded in its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// The policy's version, as the pack store numbers it.
    pub policy: u64,
    /// The catalogue's version.
    pub catalogue: u64,
    /// Each list's name and version, for `explain --json`.
    pub lists: Arc<[(Arc<str>, u64)]>,
}
