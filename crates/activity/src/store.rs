//! The storage port.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_school::PersonId;

use crate::{Counted, Found, Query, Shown, Span, Summary, Visitor};

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("the activity store could not {what}: {source}; check the disk under the data folder")]
    Io {
        /// What was being done, in words.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("the activity store could not read {what}; restore it from a backup or move it away")]
    Damaged {
        /// Which file and what is wrong with it.
        what: String,
    },
    /// The store is closing.
    #[error("the activity store is closed; start the server again")]
    Closed,
    /// The search asks for what is not given.
    #[error("the search cannot be answered: {0}")]
    BadQuery(String),
}

/// What retention removes: everything older than `before`, except of people on hold (PRIV-03).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Events before this time go.
    pub before: Timestamp,
    /// People whose events stay, because a case or a request holds them.
    pub hold: Vec<PersonId>,
}

/// Proof of what retention removed: counts and times, no content (PRIV-03).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deleted {
    /// How many events went.
    pub events: u64,
    /// The oldest that went.
    pub oldest: Option<Timestamp>,
    /// The newest that went.
    pub newest: Option<Timestamp>,
    /// How many events before the time stayed, being on hold.
    pub held: u64,
    /// Files removed whole.
    pub files_removed: u64,
    /// Files written anew without the events that went.
    pub files_rewritten: u64,
}

/// How the store is doing, for `doctor`, the checks and the status page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Events handed in since start.
    pub recorded: u64,
    /// Of these, written to the head.
    pub written: u64,
    /// Of these, put aside in the spool because the queue was full.
    pub spooled: u64,
    /// Of these, lost because queue and spool were both full. Must be zero; anything else is an
    /// alarm.
    pub dropped: u64,
    /// Events waiting in the spool now.
    pub waiting: u64,
    /// Events stored, head included.
    pub events: u64,
    /// Bytes of sealed segments.
    pub bytes: u64,
    /// Sealed segments.
    pub segments: u64,
    /// What is wrong now, in words; `None` when all is well.
    pub problem: Option<String>,
}

/// Where events are searched, counted and, in time, deleted. One engine stands behind it.
///
/// Whoever looks up a person through this must log the look-up first (AUD-05): the use cases in
/// `service` do.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Finds events, newest first.
    async fn search(&self, query: &Query) -> Result<Found, StoreError>;

    /// Counts events; limit and cursor are ignored.
    async fn count(&self, query: &Query) -> Result<Counted, StoreError>;

    /// Hourly counts by group, action and category, for hours that begin in `from..to`.
    async fn summary(&self, from: Timestamp, to: Timestamp) -> Result<Summary, StoreError>;

    /// Shows what was asked for in a span to a visitor, sealed hits and the self-check's own
    /// look-ups left out.
    async fn visit(&self, span: &Span, visitor: Arc<dyn Visitor>) -> Result<Shown, StoreError>;

    /// Deletes what is past its time, with proof.
    async fn retain(&self, retention: &Retention) -> Result<Deleted, StoreError>;

    /// Returns when everything recorded before the call is on disk and can be found.
    async fn flush(&self) -> Result<(), StoreError>;

    /// How the store is doing.
    fn status(&self) -> Status;
}
