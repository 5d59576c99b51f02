//! The manifest: what is in force. Stored as JSON; fields are only ever added, with defaults.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::ListsError;

/// The manifest's format; another number is another program's.
const FORMAT: u32 = 1;

/// Earlier versions of a list that are kept for going back.
pub(crate) const PREVIOUS_MAX: usize = 2;
/// Versions gone back from that are remembered.
pub(crate) const ROLLED_BACK_MAX: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    /// The hash seed of this data folder.
    pub(crate) seed: u64,
    /// Version of the compiled catalogue; 0 when there is none.
    pub(crate) catalogue: u64,
    /// SHA-256 of its file; empty where an older program compiled it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) catalogue_sha256: String,
    pub(crate) lists: Vec<ListEntry>,
    /// The sealed lists that must be there. One that is not was taken away (FIL-03).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) sealed: BTreeMap<String, SealedMark>,
    /// The trust whose floor must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<FloorMark>,
}

/// That a trust's floor must be there, and which issue of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FloorMark {
    pub(crate) trust: String,
    /// The trust's pinned key, in hexadecimal.
    pub(crate) publisher: String,
    /// Every issue that is kept, the one in force first.
    pub(crate) issues: Vec<FloorIssue>,
}

/// One issue of a floor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FloorIssue {
    pub(crate) version: u64,
    /// SHA-256 of its file.
    pub(crate) sha256: String,
    pub(crate) taken: Timestamp,
    /// Whether the change log may not know of it yet (REQ-04).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) untold: bool,
}

/// That a sealed list must be there, and at least which issue of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SealedMark {
    pub(crate) owner: String,
    /// The publisher's pinned key, in hexadecimal.
    pub(crate) publisher: String,
    pub(crate) version: u64,
    pub(crate) allowed_age_hours: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListEntry {
    pub(crate) name: String,
    pub(crate) allowed_age_hours: i64,
    /// The highest version ever given, so that none is given twice.
    pub(crate) last_version: u64,
    pub(crate) current: Version,
    /// Newest first.
    pub(crate) previous: Vec<Version>,
    /// SHA-256 of the entries of versions that somebody went back from, newest first: no publisher
    /// brings them back by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rolled_back: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) version: u64,
    pub(crate) imported_at: Timestamp,
    pub(crate) format: String,
    /// Name of the file or folder it came from.
    pub(crate) source: String,
    pub(crate) lines: u64,
    pub(crate) entries: u64,
    pub(crate) malformed: u64,
    pub(crate) unused: u64,
    /// Entries left out because they would block a protected name.
    #[serde(default)]
    pub(crate) protected: u64,
    pub(crate) categories: BTreeMap<String, u64>,
    /// SHA-256 of the stored entries.
    pub(crate) sha256: String,
    /// The first problems, as texts.
    pub(crate) problems: Vec<String>,
}

impl Manifest {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            format: FORMAT,
            seed,
            catalogue: 0,
            catalogue_sha256: String::new(),
            lists: Vec::new(),
            sealed: BTreeMap::new(),
            floor: None,
        }
    }

    /// Reads a manifest from its bytes; `path` is for messages.
    pub(crate) fn parse(path: &Path, text: &[u8]) -> Result<Self, ListsError> {
        let manifest: Self =
            serde_json::from_slice(text).map_err(|source| ListsError::Manifest {
                path: path.to_owned(),
                source,
            })?;
        if manifest.format != FORMAT {
            return Err(ListsError::ManifestVersion(manifest.format));
        }
        Ok(manifest)
    }

    /// The bytes that [`Manifest::parse`] reads.
    pub(crate) fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, ListsError> {
        serde_json::to_vec_pretty(self).map_err(|source| ListsError::Manifest {
            path: path.to_owned(),
            source,
        })
    }

    pub(crate) fn list(&self, name: &str) -> Option<&ListEntry> {
        self.lists.iter().find(|list| list.name == name)
    }

    pub(crate) fn list_mut(&mut self, name: &str) -> Option<&mut ListEntry> {
        self.lists.iter_mut().find(|list| list.name == name)
    }

    /// Names of all source files that the manifest speaks of.
    pub(crate) fn source_files(&self) -> impl Iterator<Item = String> + '_ {
        self.lists.iter().flat_map(|list| {
            std::iter::once(&list.current)
                .chain(&list.previous)
                .map(|version| source_file(&list.name, version.version))
        })
    }
}

impl ListEntry {
    pub(crate) fn allowed_age(&self) -> SignedDuration {
        // Bounded so that no stored number overflows the conversion: ten years.
        SignedDuration::from_hours(self.allowed_age_hours.clamp(0, 87_600))
    }
}

pub(crate) fn source_file(list: &str, version: u64) -> String {
    format!("{list}-{version}.list")
}

pub(crate) fn catalogue_file(version: u64) -> String {
    format!("catalogue-{version}.bin")
}
