//! Filtering resolver: answers name look-ups as the filter decides.
//!
//! ```text
//! datagram ─ parse ─ refused by kind? ─ local name? ─ filter in force? ─ decide ─┬ block: page or NXDOMAIN
//!                                                                               ├ narrow: alias of the restricted name
//!                                                                               └ allow: cache ─ upstream ─ aliases decided too
//! ```
//!
//! One thread per processor, each with its own sockets (`SO_REUSEPORT`), buffers and questions
//! under way; the cache, the health of the upstreams and the filter are shared. The way from
//! datagram to verdict is one synchronous function that waits for nothing. No rule lives here:
//! every decision is the filter's, and every decision becomes an event.
//!
//! What is never done: zone transfers and ANY are refused; questions from outside the school's
//! networks are refused; bytes of an upstream's answer reach a client only after being read,
//! checked against the question and written anew.

mod cache;
mod config;
mod counts;
mod forward;
mod gate;
mod server;
mod special;
mod tcp;
mod udp;
mod wire;
mod worker;

pub use config::{BlockAnswer, DnsConfig, Limits, LocalName};
pub use counts::Counts;
pub use server::{Running, start};
