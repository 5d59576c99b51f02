//! Asking upstreams: who is asked, one question at a time, and who waits for it.

mod datagram;
mod dice;
mod exchange;
mod flight;
mod https;
mod lines;
mod open;
mod stream;
mod upstreams;

pub(crate) use exchange::resolve;
pub(crate) use flight::{Flights, ReplyTo, depart, renew};
pub(crate) use lines::Lines;
pub use upstreams::UpstreamHealth;
pub(crate) use upstreams::Upstreams;
