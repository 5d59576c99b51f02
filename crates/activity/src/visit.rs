//! Going through what was asked for, for replays: only what decides, none of what was decided.

use std::net::IpAddr;

use jiff::Timestamp;
use pharos_school::PersonId;

/// What one event asked for.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// When.
    pub at: Timestamp,
    /// By whom, where somebody was named.
    pub person: Option<PersonId>,
    /// From which network address.
    pub address: IpAddr,
    /// The host.
    pub host: &'a str,
    /// Path and query, where they were seen.
    pub path: Option<&'a str>,
}

/// Is shown visits by several workers at once.
pub trait Visitor: Send + Sync {
    /// Looks at some visits. `worker` is less than [`WORKERS_MAX`]; one worker calls at a time.
    fn see(&self, worker: usize, visits: &mut dyn Iterator<Item = Visit<'_>>);
}

/// The most workers that show visits at once.
pub const WORKERS_MAX: usize = 4;

/// Which visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// At or after this time.
    pub from: Timestamp,
    /// Before this time.
    pub to: Timestamp,
    /// At most about this many, the newest first: whole parts of the store are shown, so that it
    /// may be some more.
    pub most: u64,
}

/// What was shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// How many visits.
    pub visits: u64,
    /// Whether older ones in the span were left out at the bound.
    pub cut: bool,
    /// What could not be read, in words.
    pub missing: Vec<String>,
}
