//! List sources on disk: import, compile aside, map, swap, roll back, sealed bundles.
//!
//! # The folder
//! ```text
//! lists/manifest.json            what is in force: lists, versions, counts, checksums
//! lists/catalogue-12.bin         the compiled catalogue of that manifest
//! lists/sources/NAME-3.list      each list's canonical entries, kept for three versions
//! lists/sealed/NAME.sealed       sealed lists, keyed hashes only
//! lists/lock                     held by the process that changes something
//! lists/**/*.part                being written; removed when found at opening
//! ```
//! Every file is written aside, flushed to disk, renamed, and its folder flushed. The manifest goes
//! last: before its rename the old catalogue is in force, after it the new one, whatever else a
//! crash left behind (FIL-04).

mod build;
mod bundle;
mod disk;
mod error;
mod import;
mod manifest;
mod map;
mod sealed;
mod status;
mod store;

pub use bundle::{BundleError, BundleHead, SigningKey, make_bundle};
pub use error::{ListsError, Refusal};
pub use import::{Accept, FileProblem, Import, Report};
pub use map::MappedFile;
pub use sealed::SealedReport;
pub use status::ListStatus;
pub use store::{Lists, Recovery};

/// A catalogue over a memory-mapped file; `filter` shares it in an `Arc`.
pub type MappedCatalogue = pharos_catalogue::Catalogue;

/// Entry points for fuzzing: bundles from outside.
#[doc(hidden)]
pub mod fuzzing {
    use crate::bundle::{Checked, sign};
    use crate::{BundleError, SigningKey};

    /// Opens bytes as a bundle of a fixed publisher; how many entries were read.
    pub fn bundle(bytes: &[u8]) -> Option<u64> {
        read(bytes, &key().ok()?)
    }

    /// Signs bytes as that publisher would and opens them, so that what lies behind the signature
    /// is read as well.
    pub fn signed(body: &[u8]) -> Option<u64> {
        let key = key().ok()?;
        let mut text = body.to_vec();
        text.push(b'\n');
        read(&sign(text, &key), &key)
    }

    fn key() -> Result<SigningKey, BundleError> {
        SigningKey::from_seed(b"a publisher that exists in tests")
    }

    fn read(bytes: &[u8], key: &SigningKey) -> Option<u64> {
        let checked = Checked::open(bytes, &key.public()).ok()?;
        checked.entries(&mut |_| {}).ok().map(|tally| tally.entries)
    }
}
