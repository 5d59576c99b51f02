//! Policy packs: CFG-01, CFG-03, REV-01, ROLE-01, ROLE-02, FIL, SRCH, MON, VUL-04.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod checking;
mod filtering;
mod floor;
mod kit;
mod people;
mod whole;
