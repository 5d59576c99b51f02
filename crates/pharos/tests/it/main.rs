//! The program as its users meet it: the real binary, real clients, real browsers, on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests speak by failing, and say what they leave out"
)]

mod support;

mod ai;
mod browsing;
mod checks;
mod clocks;
mod commands;
mod dns;
mod faults;
mod floor;
mod keyboard;
mod network;
mod postgres;
mod proxy;
mod ready;
mod schools;
mod screens;
mod soak;
mod standby;
mod story;
mod transparent;
