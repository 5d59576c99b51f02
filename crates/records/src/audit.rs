//! The ledger and the look-ups (AUD-01, AUD-05).

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Denied, Permit, Warrant, act};
use pharos_ledger::{Broken, Detail, Entry, Head};
use pharos_school::PersonId;

use crate::Result;

/// Who looked at whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// When.
    pub at: Timestamp,
    /// Who looked; `None` for the system.
    pub by: Option<PersonId>,
    /// The act: `case.read`, `activity.search` and so on.
    pub act: String,
    /// At what: `case:<id>`, `person:<id>`.
    pub subject: String,
    /// The person the thing is about, where one is known.
    pub about: Option<PersonId>,
    /// The reason given. Sealed at rest.
    pub reason: Option<String>,
}

/// Which ledger entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerFilter {
    /// Only before this number: for paging back. `None` starts at the end.
    pub before: Option<u64>,
    /// Only this actor, as `person:<id>`.
    pub actor: Option<String>,
    /// Only acts that begin so: `case.` or `setting.change`.
    pub act: Option<String>,
    /// Only this subject.
    pub subject: Option<String>,
}

/// What the check of the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Whole; `None` for an empty ledger.
    Whole(Option<Head>),
    /// A row shows tampering.
    Broken(Broken),
    /// The head's keyed mark is wrong or missing: the head was replaced.
    HeadForged,
    /// A row cannot even be read; its number and what is wrong.
    Unreadable {
        /// The row's number.
        seq: u64,
        /// What is wrong.
        problem: String,
    },
}

/// So many lines are looked at for one that says the same.
pub const ONCE_MAX: usize = 10_000;

/// The ledger and the look-ups.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Notes an act that changes nothing in the records: a view of activity, an export, an explain.
    /// `about` also leaves a look-up of that person.
    async fn note(
        &self,
        warrant: &Warrant,
        about: Option<PersonId>,
        detail: &Detail,
        at: Timestamp,
    ) -> Result<()>;

    /// Notes an act as [`Audit::note`] does, about nobody, unless a line of the same act and subject stands
    /// there since a time that has all the facts of `same.0`: looked for and written in one transaction, so
    /// that what is done again after a stop is noted once. Gives whether it was written.
    ///
    /// Of lines of that act the newest [`ONCE_MAX`] are looked at.
    async fn note_once(
        &self,
        warrant: &Warrant,
        detail: &Detail,
        same: (&Detail, Timestamp),
        at: Timestamp,
    ) -> Result<bool>;

    /// Notes a refusal.
    async fn note_refusal(&self, denied: &Denied, at: Timestamp) -> Result<()>;

    /// Notes what happened before anybody was known: a failed sign-in. `what` is an act's name.
    async fn note_stranger(&self, what: &'static str, detail: &Detail, at: Timestamp)
    -> Result<()>;

    /// Entries, newest first, at most `limit`.
    async fn ledger(
        &self,
        permit: &Permit<act::ReadLedger>,
        filter: &LedgerFilter,
        limit: usize,
    ) -> Result<Vec<Entry>>;

    /// Checks the whole chain, in pages. Asks no permit: the answer names nobody.
    async fn verify_ledger(&self) -> Result<Verdict>;

    /// Look-ups from a time on, newest first, at most `limit`; those about or by the asker's own
    /// cases are filtered like everything else by the use case.
    async fn lookups(
        &self,
        permit: &Permit<act::ReadLookups>,
        about: Option<PersonId>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lookup>>;
}
