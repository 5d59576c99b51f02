//! The proxy on real sockets, between real clients and stand-in origins.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where it is surprised"
)]

mod ai;
mod ai_socket;
mod avoidance;
mod block_page;
mod browsers;
mod downloads;
mod faults;
mod hidden;
mod http;
mod http2;
mod identity;
mod pages;
mod resumption;
mod room;
mod search;
mod slow;
mod strict;
mod support;
mod text;
mod tls;
mod transparent;
mod tunnel;
