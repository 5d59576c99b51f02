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
//! A plain question for a name that was decided before for somebody whom the policy treats alike takes a
//! short way (`again`): nothing is parsed beyond the name, and what was decided and answered is given
//! again. It ends with the snapshot, with the answer's time, with anything that changes who is behind the
//! address, and with the next moment at which an hour or a rule of the policy begins or ends. A blocked name
//! that nobody asked for before takes it too, once it is looked up and decided: its answer is that of all.
//!
//! What is never done: zone transfers and ANY are refused; questions from outside the school's
//! networks are refused; bytes of an upstream's answer reach a client only after being read,
//! checked against the question and written anew.

mod acts;
mod again;
mod askers;
mod cache;
mod client;
mod compose;
mod config;
mod cookie;
mod counts;
mod doh;
mod encrypted;
mod forward;
mod gate;
mod names;
mod rates;
mod says;
mod server;
mod special;
mod tcp;
mod udp;
mod wire;
mod worker;

pub use client::{Client, Looked};
pub use config::{BlockAnswer, DnsConfig, Encrypted, Limits, LocalName};
pub use counts::Counts;
pub use forward::UpstreamHealth;
pub use pharos_catalogue::{NoUpstream, Upstream};
pub use server::{Running, start};

/// Entry points for fuzzing: everything that strangers can send goes through these two.
#[doc(hidden)]
pub mod fuzzing {
    /// Reads a client's message; whether it is a well-formed question.
    pub fn question(message: &[u8]) -> bool {
        crate::wire::parse(message).is_ok()
    }

    /// Reads the query of a request over HTTPS, and its question as a client's message; whether it
    /// is a well-formed question.
    pub fn query(query: &str) -> bool {
        crate::doh::from_query(query).is_some_and(|message| question(&message))
    }

    /// Reads an upstream's message as the answer to `question` with its id; whether it is taken.
    pub fn answer(question: &[u8], message: &[u8]) -> bool {
        crate::wire::parse(question)
            .is_ok_and(|asked| crate::wire::read(message, asked.id, &asked.key).is_ok())
    }
}
