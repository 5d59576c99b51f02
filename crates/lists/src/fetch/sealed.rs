//! Fetching signed bundles of sealed lists by their timetable (FIL-03, FIL-04).
//!
//! As other lists are fetched, with two differences: what comes never touches the disk before it is
//! sealed, and the pinned key decides whether it is taken.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use pharos_catalogue::SealedKey;
use zeroize::Zeroizing;

use super::http::{self, Answer, Validators};
use super::state::Book;
use super::{FetchError, FetchLimits, Fetching, ListUrl, Trust, UnderWay};
use crate::bundle::BUNDLE_MAX;
use crate::error::ListsError;
use crate::sealed::SealedReport;
use crate::store::Lists;

/// Where the newest bundle of a sealed list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedFrom {
    /// At its publisher.
    Url(ListUrl),
    /// A file of this machine, brought there by other means.
    File(PathBuf),
}

impl std::fmt::Display for SealedFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SealedFrom::Url(url) => url.fmt(f),
            SealedFrom::File(path) => path.display().fmt(f),
        }
    }
}

/// A sealed list and where its bundles come from. The publisher's key is not here: it is pinned in
/// the list folder.
#[derive(Debug, Clone)]
pub struct SealedSubscription {
    /// Its name here, as its publisher calls it.
    pub list: String,
    /// Where the newest bundle is.
    pub from: SealedFrom,
    /// How often it is fetched.
    pub every: SignedDuration,
}

/// What a fetch of a bundle came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedFetched {
    /// The publisher has nothing newer.
    AsItWas,
    /// An issue was taken in.
    Taken(Box<SealedReport>),
}

/// Sealed lists stand in the book of fetches beside the others under a name that no list has.
pub(super) const BOOK_PREFIX: &str = "sealed:";

fn page(list: &str) -> String {
    format!("{BOOK_PREFIX}{list}")
}

impl Lists {
    /// Whether a sealed list is due: by its interval, by its wait after a failure, or because it
    /// cannot be used although the last fetch went well.
    pub fn sealed_fetch_due(
        &self,
        subscription: &SealedSubscription,
        key: &SealedKey,
        now: Timestamp,
    ) -> bool {
        let book = Book::read(&self.book());
        let Some(memory) = book.0.get(&page(&subscription.list)) else {
            return true;
        };
        memory.url != subscription.from.to_string()
            || memory.next.is_none_or(|next| next <= now)
            || (memory.failures == 0 && !self.sealed_is_whole(&subscription.list, key))
    }

    /// Fetches the newest bundle of a sealed list and takes it in. Blocking, as [`Lists::fetch`].
    /// `chance` is random and spreads the next fetch.
    ///
    /// # Errors
    /// [`FetchError`]; the last good issue stays in force, and the next try is put off.
    pub fn fetch_sealed(
        &self,
        subscription: &SealedSubscription,
        fetching: &Fetching,
        key: &SealedKey,
        now: Timestamp,
        chance: u64,
    ) -> Result<SealedFetched, FetchError> {
        let page = page(&subscription.list);
        let _turn = UnderWay::begin(self, &page).ok_or_else(|| ListsError::Busy {
            path: self.root().to_owned(),
        })?;
        let url = subscription.from.to_string();
        let mut memory = Book::read(&self.book())
            .0
            .remove(&page)
            .filter(|memory| memory.url == url)
            .unwrap_or_default();
        memory.url = url;
        if !self.sealed_is_whole(&subscription.list, key) {
            // What is missing or damaged is wanted whole.
            memory.validators = Validators::default();
        }
        let result = match self.bundle_from(subscription, fetching, &memory.validators, key, now) {
            Ok((fetched, validators)) => {
                memory.succeeded(validators, subscription.every, now, chance);
                Ok(fetched)
            }
            Err(error) => {
                memory.failed(error.to_string(), subscription.every, now, chance);
                Err(error)
            }
        };
        self.remember(&page, memory)?;
        result
    }

    fn bundle_from(
        &self,
        subscription: &SealedSubscription,
        fetching: &Fetching,
        known: &Validators,
        key: &SealedKey,
        now: Timestamp,
    ) -> Result<(SealedFetched, Validators), FetchError> {
        let most = BUNDLE_MAX as u64;
        let found = found(self.root(), &subscription.from, fetching, known, most)?;
        let Some((bundle, validators)) = found else {
            return Ok((SealedFetched::AsItWas, known.clone()));
        };
        match self.sealed_import(&subscription.list, &bundle, key, now) {
            Ok(report) => Ok((SealedFetched::Taken(Box::new(report)), validators)),
            // Signed by the pinned key, and the issue in force: a publisher that tells no versions apart.
            Err(error)
                if error.is_issue_in_force() && self.sealed_is_whole(&subscription.list, key) =>
            {
                Ok((SealedFetched::AsItWas, validators))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a sealed list is there and can be used.
    fn sealed_is_whole(&self, list: &str, key: &SealedKey) -> bool {
        self.sealed_status(key, Timestamp::UNIX_EPOCH)
            .is_ok_and(|all| {
                all.iter()
                    .any(|one| one.name == list && one.trouble.is_none())
            })
    }
}

/// The bundle, and what tells it from the next; `None` when it is as it was.
pub(super) type Found = Option<(Zeroizing<Vec<u8>>, Validators)>;

/// What lies at the source, of at most `bytes_max`; `root` is for messages. Blocking.
pub(super) fn found(
    root: &Path,
    from: &SealedFrom,
    fetching: &Fetching,
    known: &Validators,
    bytes_max: u64,
) -> Result<Found, FetchError> {
    let limits = FetchLimits {
        bytes_max: fetching.limits.bytes_max.min(bytes_max),
        ..fetching.limits
    };
    match from {
        SealedFrom::Url(url) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| ListsError::io("start fetching into", root, error))?;
            runtime.block_on(download(url, known, &limits, &fetching.trust))
        }
        SealedFrom::File(path) => from_file(path, known, limits.bytes_max),
    }
}

async fn download(
    url: &ListUrl,
    known: &Validators,
    limits: &FetchLimits,
    trust: &Trust,
) -> Result<Found, FetchError> {
    let mut blocks = Blocks::default();
    let answer = http::get(url, known, limits, trust, &mut |piece| {
        blocks.add(piece);
        Ok(())
    })
    .await?;
    Ok(match answer {
        Answer::Whole(validators) => Some((blocks.whole(), validators)),
        Answer::NotModified => None,
    })
}

/// A file is as it was when it has the same size and was last written at the same time.
fn from_file(path: &Path, known: &Validators, bytes_max: u64) -> Result<Found, FetchError> {
    let failed = |error| ListsError::io("read", path, error);
    let mut file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() {
        return Err(failed(std::io::Error::other("it is no file")).into());
    }
    let written = about
        .modified()
        .ok()
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let written = written.map(|since| format!("{}.{:09}", since.as_secs(), since.subsec_nanos()));
    let validators = Validators {
        etag: Some(about.len().to_string()),
        last_modified: written,
    };
    if validators.last_modified.is_some() && validators == *known {
        return Ok(None);
    }
    if about.len() > bytes_max {
        return Err(FetchError::TooLarge(bytes_max));
    }
    // Room for all of it, so that nothing is moved; what grows meanwhile is cut off and refused.
    let length = usize::try_from(about.len()).unwrap_or(BUNDLE_MAX);
    let mut bundle = Zeroizing::new(Vec::with_capacity(length));
    file.by_ref()
        .take(about.len())
        .read_to_end(&mut bundle)
        .map_err(failed)?;
    Ok(Some((bundle, validators)))
}

/// What came so far, in blocks that never move and are wiped: a buffer that grows would leave copies
/// behind.
#[derive(Default)]
struct Blocks(Vec<Zeroizing<Vec<u8>>>);

impl Blocks {
    const BYTES: usize = 1 << 16;

    fn add(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let room = self.0.last().map_or(0, |last| Self::BYTES - last.len());
            if room == 0 {
                self.0.push(Zeroizing::new(Vec::with_capacity(Self::BYTES)));
                continue;
            }
            let (now, later) = piece.split_at(room.min(piece.len()));
            if let Some(last) = self.0.last_mut() {
                last.extend_from_slice(now);
            }
            piece = later;
        }
    }

    fn whole(self) -> Zeroizing<Vec<u8>> {
        let length = self.0.iter().map(|block| block.len()).sum();
        let mut whole = Zeroizing::new(Vec::with_capacity(length));
        for block in self.0 {
            whole.extend_from_slice(&block);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-03: what came in pieces is whole again, whatever the pieces were.
    #[test]
    fn fil_03_pieces_of_a_bundle_become_whole() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for size in [1, 4_096, Blocks::BYTES, Blocks::BYTES + 1, bytes.len()] {
            let mut blocks = Blocks::default();
            bytes.chunks(size).for_each(|piece| blocks.add(piece));
            assert!(
                blocks
                    .0
                    .iter()
                    .all(|block| block.capacity() == Blocks::BYTES)
            );
            assert_eq!(*blocks.whole(), bytes, "pieces of {size}");
        }
        assert!(Blocks::default().whole().is_empty());
    }
}
