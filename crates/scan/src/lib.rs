//! Search engines, search terms, worrying words, page text, and what is said to tools of generative
//! AI: from addresses and bodies to matches.
//!
//! Pure: tables and folding, no I/O.

pub mod engines;
mod fold;
mod glance;
mod page;
mod search;
mod search_at;
pub mod tools;
mod watch;

pub use fold::fold;
pub use glance::Glance;
pub use page::*;
pub use search::{SearchTerms, TERMS_MAX, search_terms, search_terms_in};
pub use watch::{
    MATCHES_MAX, PHRASE_MAX, PHRASES_MAX, Severity, TEXT_MAX, WatchList, WatchMatch, WatchProblem,
};
