//! What can go wrong with lists on disk.

use std::io;
use std::path::{Path, PathBuf};

use pharos_catalogue::{CatalogueError, CompileError, SealedError};

use crate::bundle::BundleError;

/// Why an import, a refresh or an opening failed. The last good lists stay in force.
#[derive(Debug, thiserror::Error)]
pub enum ListsError {
    /// The disk is full.
    #[error("the disk is full while writing {}: nothing was changed and the last good lists stay in force; free some space and try again", path.display())]
    DiskFull {
        /// The file being written.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// "open", "read", "write" and so on.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The list was read and is not to be trusted.
    #[error("the list \"{list}\" was refused and its last good version stays in force: {why}")]
    Refused {
        /// The list.
        list: String,
        /// Why.
        why: Refusal,
    },
    /// Another process is changing the lists.
    #[error("another process is changing the lists in {}: wait for it to end and try again", path.display())]
    Busy {
        /// The lists folder.
        path: PathBuf,
    },
    /// A list name that may not be one.
    #[error("\"{0}\" is no name for a list: use 1 to 64 lower-case letters, digits, - and _")]
    BadName(String),
    /// A file without categories of its own was imported without saying which one it is.
    #[error("{} does not say which category its entries have: name one with --category", path.display())]
    NeedsCategory {
        /// The file.
        path: PathBuf,
    },
    /// No line of the file looks like an entry of any known format.
    #[error("{} is in no known list format (domains, urls, hosts, rpz, sections): check the file, or name its format with --format", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A folder without `domains` or `urls` files in it or its sub-folders.
    #[error("{} has no category folders with a domains or urls file in them", path.display())]
    NoLists {
        /// The folder.
        path: PathBuf,
    },
    /// No list of that name.
    #[error("there is no list \"{0}\": `pharos lists status` shows those there are")]
    UnknownList(String),
    /// The list has no earlier version.
    #[error("the list \"{0}\" has no earlier version to go back to")]
    NothingToRollBack(String),
    /// The manifest cannot be read.
    #[error("{} cannot be read as a list manifest ({source}): restore it from a backup", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The manifest is gone while what it spoke of is there.
    #[error("{} is missing although there are lists: restore it from a backup; without it nobody can say which lists must be in force", path.display())]
    ManifestMissing {
        /// The manifest.
        path: PathBuf,
    },
    /// The marked copy of the manifest is gone while this folder has had one.
    #[error("{} is missing, without which nobody can say whether the list manifest is the one that Pharos wrote: restore lists/ from a backup; to trust what lies there, remove keys/list-manifest and start again", path.display())]
    ManifestCopyMissing {
        /// The copy.
        path: PathBuf,
    },
    /// Neither the marked copy of the manifest nor the manifest is as Pharos wrote it.
    #[error("{} and the list manifest beside it were changed by another hand than Pharos, or are damaged: restore lists/ from a backup and find out who had access to the folder; to trust what lies there, remove keys/list-manifest and start again", path.display())]
    ManifestMark {
        /// The copy.
        path: PathBuf,
    },
    /// The compiled catalogue is not the one of the manifest.
    #[error("the compiled lists are not those that Pharos compiled")]
    CatalogueChanged,
    /// The manifest is of a later program.
    #[error(
        "the list manifest has format {0}, this program reads 1: use the newer program that wrote it"
    )]
    ManifestVersion(u32),
    /// A list's stored entries were changed or damaged.
    #[error(
        "the stored entries of the list \"{0}\" are damaged: restore the data folder's lists from a backup, or import that list again"
    )]
    SourceDamaged(String),
    /// The lists cannot be compiled together.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A compiled catalogue cannot be opened.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A sealed list cannot be opened.
    #[error("sealed list \"{name}\": {why}")]
    Sealed {
        /// The list.
        name: String,
        /// Why.
        why: SealedError,
    },
    /// A sealed list of that name is there already, with another publisher's key.
    #[error(
        "there is a sealed list \"{0}\" already; its publisher's key is pinned and cannot be changed"
    )]
    SealedThere(String),
    /// A sealed list is gone.
    #[error(
        "the sealed list \"{0}\" is missing from the data folder: import the publisher's bundle again (`pharos lists sealed import`) and find out who had access to the folder"
    )]
    SealedMissing(String),
    /// A sealed list is an older issue than was in force.
    #[error(
        "the sealed list \"{0}\" is an older issue than the one that was in force: import the publisher's newest bundle and find out who had access to the folder"
    )]
    SealedOlder(String),
    /// A bundle was refused.
    #[error(
        "the bundle for the sealed list \"{name}\" was refused and the last good version stays in force: {why}"
    )]
    Bundle {
        /// The list.
        name: String,
        /// Why.
        why: BundleError,
    },
    /// A floor was refused.
    #[error("the floor was refused and the last good issue stays in force: {0}")]
    Floor(#[from] FloorError),
    /// Another trust, or another key, is pinned.
    #[error(
        "the floor of \"{0}\" is in force here, with its key: a school that changes trusts leaves the first one (`pharos floor leave`)"
    )]
    FloorThere(String),
    /// No trust is pinned.
    #[error("no trust's key is pinned here: `pharos floor join` pins it")]
    NoTrust,
    /// The floor is not as it was taken in.
    #[error(
        "the floor of \"{0}\" is missing from the data folder or was changed there: take in its newest issue again (`pharos floor import`) and find out who had access to the folder"
    )]
    FloorGone(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    NoRandom,
}

/// Why an issue of a floor is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FloorError {
    /// No signature below it.
    #[error("it bears no signature, or it was cut short: fetch it again")]
    NotSigned,
    /// The signature is not by the pinned key over this text.
    #[error("its signature is not the trust's: fetch it again, and tell the trust if it stays so")]
    WrongSignature,
    /// Of another trust.
    #[error("it is the floor of \"{0}\"")]
    OtherTrust(String),
    /// Not newer than what is in force.
    #[error(
        "it has version {offered} and version {held} is in force: an older or equal version is never taken"
    )]
    NotNewer {
        /// The version offered.
        offered: u64,
        /// The version in force.
        held: u64,
    },
    /// Of the version that is in force, with another content.
    #[error(
        "it has version {0} as the issue in force has, and says something else: the trust has to raise the version for what it changed to be taken"
    )]
    SameVersion(u64),
    /// Signed, and wrong all the same.
    #[error("{0}")]
    Wrong(String),
    /// Larger than the bound.
    #[error("it is larger than 1 MiB")]
    TooLarge,
}

/// Why a list that could be read is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No entry in it.
    #[error("it has no entries")]
    Empty,
    /// The last line is not finished.
    #[error(
        "{file} ends in the middle of a line, so it seems to be cut short: fetch it again, or import it with --accept-unterminated if it is complete"
    )]
    EndsMidLine {
        /// The file.
        file: String,
    },
    /// Fewer entries than the list says it has.
    #[error(
        "{file} says it has {declared} entries but only {found} are there, so it seems to be cut short: fetch it again"
    )]
    FewerThanDeclared {
        /// The file.
        file: String,
        /// What a comment in it says.
        declared: u64,
        /// Entries found.
        found: u64,
    },
    /// More than half of the entries are gone.
    #[error(
        "{what} shrank from {before} entries to {now}: import it with --accept-shrink if that is right"
    )]
    Shrank {
        /// "it" or a category of it.
        what: String,
        /// Entries of the last good version.
        before: u64,
        /// Entries now.
        now: u64,
    },
    /// More than ten times as many entries as before.
    #[error(
        "it grew from {before} entries to {now}: look at it, and import it with --accept-growth if that is right"
    )]
    Grew {
        /// Entries of the last good version.
        before: u64,
        /// Entries now.
        now: u64,
    },
    /// It blocks what the school says it must not.
    #[error("it would block {0}, which the school's pack says it must not (must_not_hold)")]
    HoldsForbidden(String),
    /// It does not block what every good version does.
    #[error(
        "it does not block {0}, which the school's pack says every good version does (must_hold)"
    )]
    LacksCanary(String),
    /// Somebody went back from this very content.
    #[error(
        "it is the version that was gone back from: import it with --accept-rolled-back if it is right after all"
    )]
    RolledBack,
    /// More malformed lines than entries.
    #[error(
        "{malformed} of its lines are malformed and only {entries} are entries: check the file and its --format"
    )]
    MostlyMalformed {
        /// Malformed lines.
        malformed: u64,
        /// Entries.
        entries: u64,
    },
    /// More entries than the bound.
    #[error("it has more than {0} entries")]
    TooLarge(u64),
}

impl ListsError {
    /// Whether a bundle, rightly signed, is of the very issue that it is held against.
    pub(crate) fn is_issue_in_force(&self) -> bool {
        matches!(
            self,
            Self::Bundle { why: BundleError::NotNewer { offered, held }, .. } if offered == held
        )
    }

    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        if full.contains(&source.kind()) {
            return Self::DiskFull {
                path: path.to_owned(),
            };
        }
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}
