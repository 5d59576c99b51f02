//! Entries that are added and never changed: what followed a pupil's attempts, who signed the audit of
//! them (MON-11), what was seen while pupils were supervised (MON-07), and tests of the filter by hand
//! (AUD-02).

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, act};
use pharos_school::PersonId;
use uuid::Uuid;

use crate::Result;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JournalKind {
    /// What followed one pupil's attempts.
    AttemptResponse,
    /// The audit of a period, signed.
    AttemptAudit,
    /// A note of supervision.
    Supervision,
    /// A test of the filter by hand.
    HandTest,
}

impl JournalKind {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AttemptResponse => "attempt-response",
            Self::AttemptAudit => "attempt-audit",
            Self::Supervision => "supervision",
            Self::HandTest => "hand-test",
        }
    }
}

/// An entry to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJournalEntry {
    /// Its id, made at the edge.
    pub id: Uuid,
    /// What it belongs to: a period's first day, a lesson list; may be empty.
    pub key: String,
    /// The pupil it is about, where it is about one.
    pub about: Option<PersonId>,
    /// The words, as versioned JSON. Sealed.
    pub body: Vec<u8>,
}

/// A kept entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// The entry.
    pub entry: NewJournalEntry,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<PersonId>,
}

/// Which entries are wanted: those that fit everything that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalFilter {
    /// Those that belong to this.
    pub key: Option<String>,
    /// Those about this pupil.
    pub about: Option<PersonId>,
    /// Those made then or later.
    pub since: Option<Timestamp>,
}

/// What stays in the journal though its time is over (PRIV-03).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalHold {
    /// Whatever is about these people.
    pub people: Vec<PersonId>,
    /// These entries, and whatever belongs to them.
    pub entries: Vec<Uuid>,
}

/// The most notes of supervision that are read at once for figures: as many as lesson lists
/// ([`crate::OF_KIND_MAX`]).
pub const NOTES_MAX: usize = crate::OF_KIND_MAX;

/// Entries that are added, never changed: a correction is a further entry. They go when the time is over for
/// which the school keeps them.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Keeps what followed a pupil's attempts.
    async fn add_attempt_response(
        &self,
        permit: &Permit<act::AuditAttempts>,
        entry: &NewJournalEntry,
        at: Timestamp,
    ) -> Result<()>;

    /// Keeps the signature under the audit of a period.
    async fn sign_attempt_audit(
        &self,
        permit: &Permit<act::AuditAttempts>,
        entry: &NewJournalEntry,
        at: Timestamp,
    ) -> Result<()>;

    /// What followed attempts, newest first.
    async fn attempt_responses(
        &self,
        permit: &Permit<act::ReadAttempts>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>>;

    /// Signatures under audits, newest first.
    async fn attempt_audits(
        &self,
        permit: &Permit<act::ReadAttempts>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>>;

    /// Keeps a note of supervision.
    async fn add_supervision(
        &self,
        permit: &Permit<act::NoteSupervision>,
        entry: &NewJournalEntry,
        at: Timestamp,
    ) -> Result<()>;

    /// Everybody's notes of supervision, newest first.
    async fn supervision(
        &self,
        permit: &Permit<act::ReadSupervision>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>>;

    /// Keeps a test of the filter by hand.
    async fn add_hand_test(
        &self,
        permit: &Permit<act::HandTest>,
        entry: &NewJournalEntry,
        at: Timestamp,
    ) -> Result<()>;

    /// Tests of the filter by hand, newest first.
    async fn hand_tests(
        &self,
        permit: &Permit<act::ReadChecks>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>>;

    /// Every note of supervision made since then, newest first: for figures, which must not lack any. At
    /// most [`NOTES_MAX`]; the newest stay.
    async fn supervision_since(
        &self,
        permit: &Permit<act::ReadSupervision>,
        since: Timestamp,
    ) -> Result<Vec<JournalEntry>>;

    /// One note of supervision with what belongs to it, newest first; empty where there is none.
    async fn supervision_of(
        &self,
        permit: &Permit<act::ReadSupervision>,
        note: Uuid,
    ) -> Result<Vec<JournalEntry>>;

    /// The same of a note that whoever holds the permit wrote; empty where somebody else did.
    async fn own_supervision_of(
        &self,
        permit: &Permit<act::NoteSupervision>,
        note: Uuid,
    ) -> Result<Vec<JournalEntry>>;

    /// Deletes entries made before a time, but those on hold (PRIV-03). Gives how many; that they went
    /// stands in the ledger, as do the lines that tell of their making.
    async fn forget_journal(
        &self,
        permit: &Permit<act::Housekeep>,
        before: Timestamp,
        hold: &JournalHold,
        at: Timestamp,
    ) -> Result<u64>;

    /// The notes of supervision of whoever holds the permit, with what anybody added to them, newest first.
    async fn own_supervision(
        &self,
        permit: &Permit<act::NoteSupervision>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>>;
}
