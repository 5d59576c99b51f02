//! The hash chain of audit entries and its check (AUD-01).
//!
//! Every [`Entry`] carries the SHA-256 of its own canonical bytes, which include the hash of the
//! entry before it. [`verify`] walks a chain and names the first row that was edited, removed or
//! moved. A [`Head`] kept apart and authenticated with a key ([`Head::bytes`]) shows that the tail
//! is whole, and that nobody computed the chain anew.
//!
//! Pure: no I/O, no clock, no randomness, no keys. Entries hold no case text, so that retention
//! can delete cases and the chain still verifies (PRIV-03).

mod detail;
mod entry;
mod verify;

pub use detail::{Detail, MAX_DETAIL_BYTES};
pub use entry::{Entry, Hash, Head, Line, NotAHash};
pub use verify::{Broken, Kind, verify};
