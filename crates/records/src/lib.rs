//! The storage port for records: traits, rows and errors. No SQL.
//!
//! - Absent is `Ok(None)`; a stored value that makes no sense is [`Error::Nonsense`] with its table
//!   and row.
//! - Whatever changes something takes a [`pharos_access::Permit`], checks that it is for that very
//!   thing, and writes its ledger line first, in the same transaction: no line, no act (AUD-01).
//! - Reading a case or an alert is such an act too, and leaves a [`Lookup`] (AUD-05).
//! - Lists and counts of alerts and cases are filtered by need-to-know inside the store (CON-14,
//!   MON-13): the permit knows who asks.
//! - Notices are queued in the transaction of their cause ([`NewNotice`]).
//! - Fields called `body`, e-mail addresses and reasons are sealed before they reach the database
//!   (PRIV-04); callers see plain bytes.
//! - Functions without a permit are of three kinds: facts that a permit is decided on
//!   (`…_facts`), what sign-in needs before anybody is known, and the housekeeping of sessions and
//!   queues, which tells nobody anything about a person.
//!
//! Times come in as arguments. All lists are bounded; see each function.

mod alerts;
mod audit;
mod cases;
mod changes;
mod checks;
mod error;
mod journal;
mod outbox;
mod overrides;
mod packs;
mod people;
mod requests;
mod settings;
mod sign_in;
mod weeks;

pub use alerts::{
    Alert, AlertChange, AlertEntry, AlertFile, AlertFilter, AlertState, Alerts, NewAlert, Raised,
};
pub use audit::{Audit, LedgerFilter, Lookup, ONCE_MAX, Verdict};
pub use cases::{
    Case, CaseChange, CaseEntry, CaseFile, CaseFilter, CaseNumber, Cases, NewCase, NewEntry,
    Receipt,
};
pub use changes::{
    Altered, Change, ChangeEntry, ChangeKind, ChangeState, ChangeStep, Changes, Effect, NewChange,
    Origin,
};
pub use checks::{CheckRun, Checks, FrozenReport, NewCheckRun, NewReport, StandingRow};
pub use error::{Error, Result};
pub use journal::{
    Journal, JournalEntry, JournalFilter, JournalHold, JournalKind, NOTES_MAX, NewJournalEntry,
};
pub use outbox::{Job, NewNotice, Outbox, QueueFigures};
pub use overrides::{NewOverride, OF_KIND_MAX, Override, OverrideKind, Overrides};
pub use packs::{NewPack, PackHead, PackState, PackVersion, Packs};
pub use people::{MAX_PEOPLE, People, Roll, RollKind, RollOutcome};
pub use requests::{Endorsement, NewRequest, RequestDecision, RequestState, Requests, SiteRequest};
pub use settings::{SettingRow, Settings};
pub use sign_in::{CountedTry, Credential, Pace, Session, SignIn, TokenHash, Tried};
pub use weeks::{NewWeekReview, WeekReview, Weeks};

/// The longest list that any function returns, in rows. Longer ones are cut; the newest stay.
pub const MAX_ROWS: usize = 10_000;

/// Everything a school's records can do. Held as `Arc<dyn Records>`.
pub trait Records:
    People
    + SignIn
    + Audit
    + Packs
    + Alerts
    + Cases
    + Requests
    + Overrides
    + Changes
    + Checks
    + Outbox
    + Settings
    + Weeks
    + Journal
    + Send
    + Sync
{
}

impl<T> Records for T where
    T: People
        + SignIn
        + Audit
        + Packs
        + Alerts
        + Cases
        + Requests
        + Overrides
        + Changes
        + Checks
        + Outbox
        + Settings
        + Weeks
        + Journal
        + Send
        + Sync
{
}
