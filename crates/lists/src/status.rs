//! What the screens show of a list.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::manifest::ListEntry;

/// One list as it stands (FIL-04).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListStatus {
    /// Its name.
    pub name: String,
    /// The version in force.
    pub version: u64,
    /// The format it came in.
    pub format: String,
    /// Name of the file or folder it came from.
    pub source: String,
    /// When that version was imported, or found unchanged last.
    pub imported_at: Timestamp,
    /// Time since then.
    pub age: SignedDuration,
    /// How old it may become.
    pub allowed_age: SignedDuration,
    /// Whether it is older than that.
    pub stale: bool,
    /// Entries.
    pub entries: u64,
    /// Entries by category.
    pub categories: BTreeMap<String, u64>,
    /// Malformed lines in what was imported.
    pub malformed: u64,
    /// Rules that are not used.
    pub unused: u64,
    /// Entries left out because they would block a protected name.
    pub protected: u64,
    /// The first problems, as texts.
    pub problems: Vec<String>,
    /// SHA-256 of the stored entries.
    pub sha256: String,
    /// Earlier versions that can be gone back to, newest first.
    pub earlier: Vec<u64>,
}

impl ListStatus {
    pub(crate) fn of(list: &ListEntry, now: Timestamp) -> Self {
        let current = &list.current;
        let age = now
            .duration_since(current.imported_at)
            .max(SignedDuration::ZERO);
        let allowed_age = list.allowed_age();
        Self {
            name: list.name.clone(),
            version: current.version,
            format: current.format.clone(),
            source: current.source.clone(),
            imported_at: current.imported_at,
            age,
            allowed_age,
            stale: age > allowed_age,
            entries: current.entries,
            categories: current.categories.clone(),
            malformed: current.malformed,
            unused: current.unused,
            protected: current.protected,
            problems: current.problems.clone(),
            sha256: current.sha256.clone(),
            earlier: list
                .previous
                .iter()
                .map(|version| version.version)
                .collect(),
        }
    }
}
