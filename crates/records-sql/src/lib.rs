//! Records over SQLite and PostgreSQL, from one SQL text.
//!
//! Nothing here decides who may do what: functions take permits ([`pharos_access`]), check that a
//! permit is for the very row, and write the ledger line before the change, in one transaction.
//! That is the only way to a transaction that changes what people did: `Store::begin`.
//!
//! Sealed before they reach the database (PRIV-04): case entries and titles, what alerts saw and
//! what was done, requests, overrides, e-mail addresses, password hashes, second factors, reasons,
//! settings, notices. In the clear, because lists need them: names and sign-in names, roles, whom a
//! case is about, states and times.

mod alerts;
mod archive;
mod audit;
mod backup;
mod cases;
mod changes;
mod checks;
mod db;
mod fault;
mod journal;
mod lock;
mod migrate;
mod outbox;
mod overrides;
mod packs;
mod people;
mod requests;
mod rotate;
mod settings;
mod sign_in;
mod store;
mod tables;
mod weeks;

pub use archive::ArchiveInfo;
pub use backup::{BackupError, BackupPlan, ExtraFile, Restored, check_archive, restore};
pub use lock::{DataLock, LockError};
pub use store::{Database, Store};
