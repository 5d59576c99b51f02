//! The use cases on the sample school: real SQLite, the real activity store, real lists, a clock
//! that the tests set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it is surprised"
)]

mod alerts;
mod attempts;
mod campus;
mod cases;
mod changes;
mod checks;
mod evidence;
mod filtering;
mod floor;
mod floor_held;
mod lists;
mod looking;
mod mail_cap;
mod network;
mod quiet;
mod roaming;
mod schools;
mod scope;
mod settings;
mod sign_in;
mod standby;
mod status;
mod supervision;
mod way_back;
mod weeks;

use pharos_access::Actor;
use pharos_service::Error;

/// Pharos itself.
fn system() -> Actor {
    Actor::system("a test")
}

/// The pairs of kind and recipient as plain texts.
fn said(notices: &[(String, String)]) -> Vec<(&str, &str)> {
    notices
        .iter()
        .map(|(kind, to)| (kind.as_str(), to.as_str()))
        .collect()
}

/// Whether the answer was no, for whatever reason of rights.
fn is_closed(error: &Error) -> bool {
    matches!(error, Error::Denied(_) | Error::NotFound)
}
