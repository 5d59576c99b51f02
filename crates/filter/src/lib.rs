//! The snapshot and the one pipeline that every face asks.
//!
//! DNS, proxy, explain, what-if, the self-check and the tests all call [`Snapshot::decide`].
//! A snapshot is immutable, built aside and swapped in whole: a request loads one at its start
//! and keeps it to its end.

mod handle;
mod query;

pub use handle::{Filter, NotReady};
pub use query::{Query, Versions};
