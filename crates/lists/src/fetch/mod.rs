//! Fetching lists from their publishers (FIL-04).
//!
//! A fetch is one straight line: ask whether there is something new, write it aside, check the
//! checksum or signature the school asked for, unpack it within bounds, and hand it to the import,
//! which reads, checks and compiles it aside and swaps it in. Whatever fails on the way leaves the
//! last good list in force and is tried again later, each time after a longer wait.
//!
//! It is blocking work with a small runtime of its own inside, for a thread of low priority.

mod floor;
mod http;
mod sealed;
mod state;
mod url;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use jiff::{SignedDuration, Timestamp};

pub use floor::FloorFetched;
pub use http::{FetchLimits, Trust};
pub use sealed::{SealedFetched, SealedFrom, SealedSubscription};
pub use url::ListUrl;

use crate::error::ListsError;
use crate::good;
use crate::guard::Guard;
use crate::import::{Accept, Import, Report};
use crate::store::Lists;
use crate::unpack::{UnpackError, UnpackLimits, unpack};
use http::{Answer, Validators};
use state::{Book, Memory};

/// The largest checksum or signature file, in bytes: UT1's names every file it has.
const PROOF_MAX: u64 = 1 << 20;

/// Why a list could not be fetched. The last good one stays in force.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not an address that lists are fetched from.
    #[error("the address is not of the form https://HOST/PATH (no user name in it)")]
    BadUrl,
    /// Plain `http` to another machine.
    #[error(
        "{0} would be asked over plain http, which anybody on the way can change: use https, or set allow_http = true for this list and a signature_key with it"
    )]
    NotSecure(String),
    /// No connection, or not the right certificate.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The publisher's host.
        host: String,
        /// What the system or TLS says.
        why: String,
    },
    /// Not HTTP.
    #[error("{host} does not speak HTTP as it should: {why}")]
    Broken {
        /// The publisher's host.
        host: String,
        /// What is wrong.
        why: String,
    },
    /// Another status than 200.
    #[error("{host} answered with status {status}")]
    Status {
        /// The publisher's host.
        host: String,
        /// The status.
        status: u16,
    },
    /// Redirected in circles.
    #[error("more than {0} redirects")]
    TooManyRedirects(usize),
    /// More bytes than the bound.
    #[error("the file is larger than {0} bytes: raise size_max_mb of the list if that is right")]
    TooLarge(u64),
    /// Nothing came for too long.
    #[error("the publisher said nothing for {0} seconds")]
    Silent(u64),
    /// It dripped for too long.
    #[error("it was not done within {0} seconds")]
    TookTooLong(u64),
    /// The connection ended within the file.
    #[error("the file was cut short on its way: {0}")]
    CutShort(String),
    /// The checksum file has no sum for this file.
    #[error("the checksum file names no SHA-256 for {0}")]
    NoChecksum(String),
    /// Another sum.
    #[error(
        "the file's SHA-256 is not the one its publisher gives: it was damaged on its way, or changed"
    )]
    WrongChecksum,
    /// Not signed by the school's key for it.
    #[error(
        "the signature is not by the key that the school holds for this list: it was damaged on its way, or changed"
    )]
    WrongSignature,
    /// No TLS.
    #[error("TLS cannot be set up: {0}")]
    NoTls(String),
    /// The archive is not taken.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The list is not taken, or the disk is full.
    #[error(transparent)]
    Lists(#[from] Box<ListsError>),
}

impl From<ListsError> for FetchError {
    fn from(error: ListsError) -> Self {
        Self::Lists(Box::new(error))
    }
}

/// A list and where it comes from.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Its name here.
    pub list: String,
    /// Where it is.
    pub url: ListUrl,
    /// A file with its SHA-256: the bare sum, or lines of `SUM  NAME` as `sha256sum` writes them.
    pub checksum: Option<ListUrl>,
    /// A detached Ed25519 signature of the file (64 bytes, or 128 hexadecimal digits), and the
    /// publisher's public key.
    pub signature: Option<(ListUrl, [u8; 32])>,
    /// The category of all its entries, where the list itself has none.
    pub category: Option<String>,
    /// Its format; found out where it is left out.
    pub format: Option<pharos_catalogue::Format>,
    /// The list's own category names with ours.
    pub renames: Vec<(String, String)>,
    /// How often it is fetched.
    pub every: SignedDuration,
    /// How old it may become.
    pub allowed_age: SignedDuration,
    /// What it must and must not hold.
    pub guard: Guard,
}

impl Subscription {
    /// A digest of all that decides whether and as what a file is taken.
    fn terms(&self) -> String {
        let Self {
            list: _,
            url,
            checksum,
            signature,
            category,
            format,
            renames,
            every: _,
            allowed_age: _,
            guard,
        } = self;
        let all = (url, checksum, signature, category, format, renames, guard);
        good::sha256(format!("{all:?}").as_bytes())
    }
}

/// How fetching is done.
#[derive(Debug, Clone)]
pub struct Fetching {
    /// Certificates.
    pub trust: Trust,
    /// Bounds on the way.
    pub limits: FetchLimits,
    /// Bounds on unpacking.
    pub unpack: UnpackLimits,
}

/// What a fetch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The publisher has nothing newer: the list is as fresh as can be.
    AsItWas,
    /// A version was taken in.
    Taken(Box<Report>),
}

/// How fetching a list goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchStatus {
    /// The list.
    pub list: String,
    /// Whether it is a sealed one.
    pub sealed: bool,
    /// Where it comes from, without a query.
    pub url: String,
    /// When it is tried next.
    pub next: Option<Timestamp>,
    /// When the publisher last had something usable, new or not.
    pub last_good: Option<Timestamp>,
    /// Failures since then.
    pub failures: u32,
    /// What went wrong last.
    pub trouble: Option<String>,
}

impl Lists {
    /// Whether a list is due, by its interval or its wait after a failure.
    pub fn fetch_due(&self, subscription: &Subscription, now: Timestamp) -> bool {
        let book = Book::read(&self.book());
        book.0.get(&subscription.list).is_none_or(|memory| {
            memory.url != subscription.url.to_string() || memory.next.is_none_or(|next| next <= now)
        })
    }

    /// How fetching goes, for each list that was ever fetched.
    pub fn fetch_status(&self) -> Vec<FetchStatus> {
        let book = Book::read(&self.book()).0;
        book.into_iter()
            .filter(|(page, _)| page != floor::BOOK_PAGE)
            .map(
                |(page, memory)| match page.strip_prefix(sealed::BOOK_PREFIX) {
                    Some(list) => memory.status(list.to_owned(), true),
                    None => memory.status(page, false),
                },
            )
            .collect()
    }

    /// Fetches a list and takes it in. Blocking: for a thread that may wait. `chance` is random and
    /// spreads the next fetch.
    ///
    /// # Errors
    /// [`FetchError`]; the last good list stays in force, and the next try is put off.
    pub fn fetch(
        &self,
        subscription: &Subscription,
        fetching: &Fetching,
        now: Timestamp,
        chance: u64,
    ) -> Result<Fetched, FetchError> {
        // Asked for twice at once, by a person and by the timetable: the second one waits its turn.
        let _turn = UnderWay::begin(self, &subscription.list).ok_or_else(|| ListsError::Busy {
            path: self.root().to_owned(),
        })?;
        let url = subscription.url.to_string();
        let mut memory = Book::read(&self.book())
            .0
            .remove(&subscription.list)
            .filter(|memory| memory.url == url)
            .unwrap_or_default();
        memory.url = url;
        let terms = subscription.terms();
        if !self.has(&subscription.list) || memory.terms != terms {
            // The list was taken out, its folder is new, or something else is asked of it, such as a
            // signature: "as it was" would let what was never looked at in this way pass for fresh.
            memory.validators = Validators::default();
        }
        memory.terms = terms;
        let folder = self.incoming(&subscription.list)?;
        let done = self.fetch_into(&folder, subscription, fetching, &memory.validators, now);
        // What stays is removed at the next opening.
        let _ = fs::remove_dir_all(&folder);
        let result = match done {
            Ok((fetched, validators)) => {
                memory.succeeded(validators, subscription.every, now, chance);
                Ok(fetched)
            }
            Err(error) => {
                memory.failed(error.to_string(), subscription.every, now, chance);
                Err(error)
            }
        };
        self.remember(&subscription.list, memory)?;
        result
    }

    fn fetch_into(
        &self,
        folder: &Path,
        subscription: &Subscription,
        fetching: &Fetching,
        known: &Validators,
        now: Timestamp,
    ) -> Result<(Fetched, Validators), FetchError> {
        let file = folder.join(subscription.url.file_name());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ListsError::io("start fetching into", folder, error))?;
        let validators = match runtime.block_on(download(&file, subscription, fetching, known))? {
            Some(validators) => validators,
            None => {
                self.renew(&subscription.list, now)?;
                return Ok((Fetched::AsItWas, known.clone()));
            }
        };
        drop(runtime);
        let unpacked = folder.join("unpacked");
        fs::create_dir(&unpacked).map_err(|error| ListsError::io("create", &unpacked, error))?;
        let path = unpack(&file, &unpacked, fetching.unpack)?;
        let report = self.import(
            &Import {
                list: &subscription.list,
                category: subscription.category.as_deref(),
                format: subscription.format,
                path: &path,
                renames: &subscription.renames,
                guard: &subscription.guard,
                accept: Accept::default(),
                allowed_age: Some(subscription.allowed_age),
            },
            now,
        )?;
        Ok((Fetched::Taken(Box::new(report)), validators))
    }

    /// A fresh folder for what comes in.
    fn incoming(&self, list: &str) -> Result<PathBuf, ListsError> {
        if !pharos_catalogue::is_plain_name(list) {
            return Err(ListsError::BadName(list.to_owned()));
        }
        let folder = self.root().join("incoming").join(list);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| ListsError::io("create", &folder, error))?;
        Ok(folder)
    }

    fn remember(&self, list: &str, memory: Memory) -> Result<(), ListsError> {
        let _turn = self.book_turn();
        let mut book = Book::read(&self.book());
        book.0.insert(list.to_owned(), memory);
        book.write(&self.book())
    }

    /// After going back to an earlier version: "as it was" would no longer be true of it.
    pub(crate) fn forget_validators(&self, list: &str) {
        let _turn = self.book_turn();
        let mut book = Book::read(&self.book());
        if let Some(memory) = book.0.get_mut(list) {
            memory.validators = Validators::default();
            // At worst the publisher's "as it was" is taken for fresh once.
            let _ = book.write(&self.book());
        }
    }

    fn book(&self) -> PathBuf {
        self.root().join("fetch.json")
    }
}

/// A fetch of one list, from beginning to end.
struct UnderWay<'a> {
    lists: &'a Lists,
    list: &'a str,
}

impl<'a> UnderWay<'a> {
    fn begin(lists: &'a Lists, list: &'a str) -> Option<Self> {
        let mut under_way = lists
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        under_way
            .insert(list.to_owned())
            .then_some(Self { lists, list })
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let under_way = self.lists.under_way.lock();
        under_way
            .unwrap_or_else(PoisonError::into_inner)
            .remove(self.list);
    }
}

/// Downloads and checks; `None` when there is nothing new.
async fn download(
    file: &Path,
    subscription: &Subscription,
    fetching: &Fetching,
    known: &Validators,
) -> Result<Option<Validators>, FetchError> {
    let (limits, trust) = (&fetching.limits, &fetching.trust);
    let failed = |error| ListsError::io("write", file, error);
    let mut out = File::create(file).map_err(failed)?;
    let mut sum = digest::Context::new(&digest::SHA256);
    let answer = http::get(&subscription.url, known, limits, trust, &mut |piece| {
        sum.update(piece);
        out.write_all(piece)
            .map_err(|error| FetchError::from(failed(error)))
    })
    .await?;
    let Answer::Whole(validators) = answer else {
        return Ok(None);
    };
    drop(out);
    if let Some(url) = &subscription.checksum {
        let text = proof(url, fetching).await?;
        let name = subscription.url.file_name();
        let wanted = sum_for(&text, &name).ok_or(FetchError::NoChecksum(name))?;
        if sum.finish().as_ref() != wanted {
            return Err(FetchError::WrongChecksum);
        }
    }
    if let Some((url, key)) = &subscription.signature {
        let bytes = proof(url, fetching).await?;
        let signature = match bytes.len() {
            64 => bytes,
            _ => hex::decode(bytes.trim_ascii()).map_err(|_| FetchError::WrongSignature)?,
        };
        let signed = fs::read(file).map_err(|error| ListsError::io("read", file, error))?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(&signed, &signature)
            .map_err(|_| FetchError::WrongSignature)?;
    }
    Ok(Some(validators))
}

/// A checksum or signature file.
async fn proof(url: &ListUrl, fetching: &Fetching) -> Result<Vec<u8>, FetchError> {
    let limits = FetchLimits {
        bytes_max: PROOF_MAX,
        ..fetching.limits
    };
    let mut bytes = Vec::new();
    http::get(
        url,
        &Validators::default(),
        &limits,
        &fetching.trust,
        &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        },
    )
    .await?;
    Ok(bytes)
}

/// The sum for a file name; a file with one sum and no name is meant for it.
pub(crate) fn sum_for(text: &[u8], name: &str) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(text).ok()?;
    let mut only = None;
    let mut lines = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        lines += 1;
        let (sum, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let mut bytes = [0; 32];
        if hex::decode_to_slice(sum, &mut bytes).is_err() {
            continue;
        }
        let named = rest.trim_start_matches([' ', '\t', '*']);
        let named = named.rsplit('/').next().unwrap_or(named);
        if named == name {
            return Some(bytes);
        }
        if named.is_empty() {
            only = Some(bytes);
        }
    }
    only.filter(|_| lines == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-04: checksums as publishers write them.
    #[test]
    fn fil_04_the_sum_of_the_right_file_is_taken() {
        let (a, b) = ("11".repeat(32), "22".repeat(32));
        let file = format!("{a}  one.tar.gz\n{b} *lists/two.tar.gz\n");
        assert_eq!(sum_for(file.as_bytes(), "one.tar.gz"), Some([0x11; 32]));
        assert_eq!(sum_for(file.as_bytes(), "two.tar.gz"), Some([0x22; 32]));
        assert_eq!(sum_for(file.as_bytes(), "three.tar.gz"), None);
        assert_eq!(sum_for(b.as_bytes(), "any"), Some([0x22; 32]));
        assert_eq!(sum_for(format!("{a}\n{b}\n").as_bytes(), "any"), None);
        assert_eq!(sum_for(b"\xff\xfe", "any"), None);
        assert_eq!(
            sum_for(b"d41d8cd98f00b204e9800998ecf8427e  one", "one"),
            None
        );
    }
}
