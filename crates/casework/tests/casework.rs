//! The main job of the crate, told as the requirements tell it: a breach from report to closing,
//! what is refused on the way, and what holds whatever anybody does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/always.rs"]
mod always;
#[path = "support/breach.rs"]
mod breach;
#[path = "support/chance.rs"]
mod chance;
#[path = "support/desk.rs"]
mod desk;
#[path = "support/work.rs"]
mod work;
