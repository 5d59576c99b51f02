//! Activity events in Parquet segments with a crash-safe head.
//!
//! `record()` puts an event into a bounded queue and returns. A writer thread appends it to the
//! head, a checksummed log, and syncs at most every half second; a full or day-old head is sealed
//! into a Parquet segment with hourly roll-ups beside it. Searches see heads and segments as one.
//!
//! The folder: `head/N.log`, `segments/N-GENERATION.parquet` and `.hours`, `spool.log`,
//! `manifest`, `lock`. All files are readable by the service account only (0600). Events are not
//! sealed by the vault: put the data folder on an encrypted disk.

mod codec;
mod config;
mod disk;
mod engine;
mod frame;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod full_disk;
mod manifest;
mod record;
mod recover;
mod retain;
mod rollup;
mod seal;
mod search;
mod segment;
mod spool;
mod store;
mod visit;
mod writer;

pub use config::Config;
pub use store::{Embedded, OpenError, Opened, Recovered};

use jiff::Timestamp;
use pharos_activity::Event;

/// The event as this engine keeps it: bounded, sealed hits bare, time to the millisecond.
pub(crate) fn keep(event: Event) -> Event {
    let mut event = event.fit_to_keep();
    if let Ok(at) = Timestamp::from_millisecond(event.at.as_millisecond()) {
        event.at = at;
    }
    event
}
