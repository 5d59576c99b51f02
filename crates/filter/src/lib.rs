//! The snapshot and the one pipeline that every face asks.
//!
//! DNS, proxy, explain, what-if, the self-check and the tests all call [`Snapshot::decide`].
//! A snapshot is immutable, built aside and swapped in whole: a request loads one at its start
//! and keeps it to its end.

mod addresses;
mod aliases;
mod devices;
pub mod engines;
mod evidence;
mod explanation;
mod extension_files;
mod handle;
mod lists;
mod passing;
mod query;
mod roster;
pub mod shield;
mod snapshot;
mod stores;
mod text;
pub mod user_agent;
pub mod whatif;

pub use addresses::{AddressMap, EXPIRED_KEPT, FixedEntry, Owner, SIGN_INS_MAX};
pub use aliases::{Aliases, is_blocked_by};
pub use devices::{Devices, OwnedDevice, TokenDigest};
pub use evidence::{CLOCK_SLACK, Evidence};
pub use explanation::{Explanation, Identity, ListVersion, TextExplained, TextOver};
pub use extension_files::ExtensionFiles;
pub use handle::{Filter, NotReady};
pub use lists::{Categories, Hit, NoCategories, NoSealed, Sealed};
pub use passing::{PASSING_MAX, Passing};
pub use query::{Query, Versions};
pub use roster::Roster;
pub use snapshot::{Facts, Likeness, Parts, Snapshot};
pub use stores::is_extension_store;

use std::sync::Arc;

use pharos_policy::{Policy, PolicySpec, SpecProblem, Vocabulary};

/// Compiles a policy against a catalogue's category names and the built-in search engines.
/// `declared` are names that are right although no list in force carries them.
///
/// # Errors
/// Everything that is wrong in the policy, each with the path to its field.
pub fn compile_policy(
    spec: &PolicySpec,
    categories: &[Arc<str>],
    declared: &[Arc<str>],
) -> Result<Policy, Vec<SpecProblem>> {
    let engines: Vec<&str> = engines::ENGINES.iter().map(|engine| engine.name).collect();
    Policy::compile(
        spec,
        &Vocabulary {
            categories,
            declared,
            engines: &engines,
        },
    )
}
