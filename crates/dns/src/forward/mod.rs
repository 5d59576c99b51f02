//! Asking upstreams: who is asked, one question at a time, and who waits for it.

mod exchange;
mod flight;
mod upstreams;

pub(crate) use flight::{Flights, ReplyTo, depart};
pub(crate) use upstreams::Upstreams;
