//! List sources on disk: import, compile aside, load, swap, roll back, sealed bundles.
//!
//! # The folder
//! ```text
//! lists/manifest.json            what is in force: lists, versions, counts, checksums
//! lists/manifest.good            the same once more, with a mark under the folder's key
//! lists/catalogue-12.bin         the compiled catalogue of that manifest
//! lists/sources/NAME-3.list      each list's canonical entries, kept for three versions
//! lists/sealed/NAME.sealed       sealed lists, keyed hashes only
//! lists/floor/VERSION.toml       issues of the trust's floor, signed
//! lists/incoming/NAME/           what is being fetched and unpacked; removed when found at opening
//! lists/fetch.json               when each list is fetched next, and what its publisher called it
//! lists/lock                     held by the process that changes something
//! lists/**/*.part                being written; removed when found at opening
//! ```
//! Every file is written aside, flushed to disk, renamed, and its folder flushed. The manifest goes
//! last, its marked copy just before it: before that rename the old catalogue is in force, after it the
//! new one, whatever else a crash left behind (FIL-04). A manifest that is not the marked one gives way
//! to it.

mod build;
mod bundle;
mod disk;
mod error;
mod fetch;
mod floor;
mod good;
mod guard;
mod import;
mod manifest;
mod memory;
mod priority;
mod sealed;
mod status;
mod store;
mod unpack;

pub use bundle::{BundleError, BundleHead, SigningKey, make_bundle};
pub use error::{FloorError, ListsError, Refusal};
pub use fetch::{
    FetchError, FetchLimits, FetchStatus, Fetched, Fetching, FloorFetched, ListUrl, SealedFetched,
    SealedFrom, SealedSubscription, Subscription, Trust,
};
pub use floor::{
    FloorHead, FloorTaken, HeldFloor, HeldIssue, ReadFloor, floor_sha256, sign_text, signed_text,
};
pub use good::{ManifestFound, ManifestKey};
pub use guard::{GUARDED_MAX, Guard};
pub use import::{Accept, FileProblem, Import, Report};
pub use memory::CatalogueMemory;
pub use priority::in_background;
pub use sealed::SealedReport;
pub use status::ListStatus;
pub use store::{Held, Lists, Recovery};
pub use unpack::{UnpackError, UnpackLimits, unpack};

/// A catalogue of the lists folder; `filter` shares it in an `Arc`.
pub type LoadedCatalogue = pharos_catalogue::Catalogue;

/// Entry points for fuzzing: bundles, archives and addresses from outside.
#[doc(hidden)]
pub mod fuzzing {
    use crate::bundle::{Checked, sign};
    use crate::{BundleError, SigningKey, UnpackLimits, unpack};

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

    /// Signs a text as a trust does its floor and takes it back out of its signature. `None` where a
    /// promise does not hold: what nobody signed is refused, and so is what was changed afterwards.
    pub fn floor(text: &str) -> Option<String> {
        let key = key().ok()?;
        if crate::signed_text(text.as_bytes(), &key.public()).is_ok() {
            return None;
        }
        let mut signed = crate::sign_text(text, &key);
        let behind = crate::signed_text(&signed, &key.public()).ok()?.to_owned();
        *signed.first_mut()? ^= 1;
        let changed = crate::signed_text(&signed, &key.public()).is_err();
        changed.then_some(behind)
    }

    /// The most bytes an archive may become here.
    pub const ARCHIVE_BYTES_MAX: u64 = 1 << 20;

    /// Unpacks an archive into a folder of its own; how many bytes came out.
    #[expect(
        clippy::disallowed_methods,
        reason = "only the fuzzer and its replay call this; they have no data folder"
    )]
    pub fn archive(bytes: &[u8]) -> Option<u64> {
        let name = format!("pharos-archive-{:?}", std::thread::current().id());
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let into = folder.join("unpacked");
        std::fs::create_dir_all(&into).ok()?;
        let file = folder.join("file");
        std::fs::write(&file, bytes).ok()?;
        let limits = UnpackLimits {
            bytes_max: ARCHIVE_BYTES_MAX,
            files_max: 50,
        };
        let unpacked = unpack(&file, &into, limits).is_ok();
        let outside = std::fs::read_dir(&folder).map_or(0, Iterator::count) != 2;
        let written = written_below(&into);
        let _ = std::fs::remove_dir_all(&folder);
        // Something outside the folder counts as more than is allowed.
        if outside {
            return Some(u64::MAX);
        }
        unpacked.then_some(written)
    }

    fn written_below(folder: &std::path::Path) -> u64 {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.metadata() {
                Ok(kind) if kind.is_dir() => written_below(&entry.path()),
                Ok(kind) => kind.len(),
                Err(_) => 0,
            })
            .sum()
    }

    /// Reads the first line as an address and the rest as where it redirects to and as checksums;
    /// whether the promises of all three hold.
    pub fn address(text: &str) -> bool {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let _ = crate::fetch::sum_for(text.as_bytes(), "b.tar.gz");
        let Ok(url) = crate::ListUrl::parse(first, false) else {
            return true;
        };
        let name = url.file_name();
        let good_name = !name.is_empty() && !name.starts_with('.') && !name.contains('/');
        let down = url
            .redirected(rest)
            .is_ok_and(|next| url.is_secure() && !next.is_secure());
        good_name && !down
    }

    fn key() -> Result<SigningKey, BundleError> {
        SigningKey::from_seed(b"a publisher that exists in tests")
    }

    fn read(bytes: &[u8], key: &SigningKey) -> Option<u64> {
        let checked = Checked::open(bytes, &key.public()).ok()?;
        checked.entries(&mut |_| {}).ok().map(|tally| tally.entries)
    }
}
