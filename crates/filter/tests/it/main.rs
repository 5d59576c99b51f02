//! The decision, told as the requirements tell it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it is surprised"
)]

mod alike;
mod evidence;
mod floor;
mod hours;
mod identity;
mod kit;
mod model;
mod modes;
mod order;
mod properties;
mod quiet;
mod scope;
mod text;
