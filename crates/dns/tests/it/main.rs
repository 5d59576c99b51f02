//! The resolver over real sockets on loopback, with a stand-in upstream that can misbehave.
#![allow(unreachable_pub, reason = "one binary")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests speak by failing, and say what they leave out"
)]

mod answers;
mod blocking;
mod client;
mod cookies;
mod encrypted;
mod faults;
mod floods;
mod forwarding;
mod narrowing;
mod school;
mod slow;
mod tools;
mod transport;
mod upstream;
mod upstream_ways;
mod wildcard;
