//! Search engines, search terms and worrying words: from addresses and text to matches.
//!
//! Pure: tables and folding, no I/O.

pub mod engines;
