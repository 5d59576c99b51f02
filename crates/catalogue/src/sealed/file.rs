//! One sealed list as it is kept on disk, and how it is made.
//!
//! | part | what |
//! |---|---|
//! | front | `PHAROSSL`, format version, key id, owner, name, version, times, counts, SHA-256 of the bundle, the publisher's public key |
//! | quick | a Bloom filter over the entries' hosts: two bits each of a table with 32 bits a host, under a secret seed; 1 host in 270 passes by accident |
//! | entries | 16 bytes each, sorted |
//! | code | HMAC-SHA-256 of everything before it, under the school's key |

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::bytes::{Reader, Writer};
use crate::parse::Entry;
use crate::sealed::SealedStatus;
use crate::sealed::key::{Kind, SealedKey};

const MAGIC: [u8; 8] = *b"PHAROSSL";
const FORMAT_VERSION: u32 = 1;
const CODE_BYTES: usize = 32;
const HASH_BYTES: usize = 16;
const BITS_PER_HOST: usize = 32;
/// The most entries of one sealed list (the IWF's has some ten thousand).
pub const SEALED_ENTRIES_MAX: usize = 4_000_000;

/// Why a sealed list cannot be used. The filter then refuses to start rather than do without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// The file begins with something else or ends too early.
    #[error("this is not a sealed list, or it was cut short: import the publisher's bundle again")]
    NotASealedList,
    /// Written by another version of the program.
    #[error(
        "the sealed list has format version {0}, this program reads {FORMAT_VERSION}: import the publisher's bundle again"
    )]
    OtherVersion(u32),
    /// Sealed under another school's key.
    #[error("the list was sealed with another key: import the publisher's bundle again")]
    OtherKey,
    /// Changed after it was sealed.
    #[error(
        "the sealed list was changed or damaged: import the publisher's bundle again and find out who had access to the data folder"
    )]
    Tampered,
    /// More entries than the bound.
    #[error("the sealed list has more than {SEALED_ENTRIES_MAX} entries")]
    TooManyEntries,
}

/// What may be known of a sealed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedInfo {
    /// Who publishes it, in words ("Internet Watch Foundation").
    pub owner: Arc<str>,
    /// Its name in this school, as list names are.
    pub name: Arc<str>,
    /// The publisher's version; never goes down.
    pub version: u64,
    /// When the publisher issued it.
    pub issued: Timestamp,
    /// When it was imported here.
    pub imported: Timestamp,
    /// How old it may become before it counts as stale.
    pub allowed_age: SignedDuration,
    /// Entries the publisher put in.
    pub entries: u64,
    /// SHA-256 of the bundle.
    pub checksum: [u8; 32],
    /// The publisher's Ed25519 public key, pinned when the list was added.
    pub publisher: [u8; 32],
}

impl SealedInfo {
    /// The dated address that this list blocks: `list-2026-11-22.NAME.pharos.test`. The same
    /// without the list's name is blocked as well, by every list of that date.
    pub fn test_entry(&self) -> String {
        format!(
            "list-{}.{}.pharos.test",
            self.date(),
            self.name.replace('_', "-")
        )
    }

    fn common_test_entry(&self) -> String {
        format!("list-{}.pharos.test", self.date())
    }

    fn date(&self) -> jiff::civil::Date {
        self.issued.to_zoned(TimeZone::UTC).date()
    }

    pub(super) fn is_test_entry(&self, host: &str) -> bool {
        host.ends_with(".pharos.test")
            && (host == self.test_entry() || host == self.common_test_entry())
    }

    /// Count, date, age and checksum.
    pub fn status(&self, now: Timestamp) -> SealedStatus {
        let age = now.duration_since(self.issued).max(SignedDuration::ZERO);
        let mut checksum = String::with_capacity(64);
        for byte in self.checksum {
            // Writing into a String cannot fail.
            let _ = write!(checksum, "{byte:02x}");
        }
        SealedStatus {
            owner: self.owner.to_string(),
            name: self.name.to_string(),
            version: self.version,
            issued: self.issued,
            entries: self.entries,
            checksum,
            age,
            stale: age > self.allowed_age || self.entries == 0,
            test_entry: self.test_entry(),
            trouble: None,
        }
    }
}

/// Seals entries one by one; their text is dropped at once.
#[derive(Debug)]
pub struct SealedBuilder<'k> {
    key: &'k SealedKey,
    hashes: BTreeSet<[u8; HASH_BYTES]>,
    hosts: BTreeSet<u64>,
    entries: BTreeSet<[u8; HASH_BYTES]>,
}

impl<'k> SealedBuilder<'k> {
    /// Nothing in it yet.
    pub fn new(key: &'k SealedKey) -> Self {
        Self {
            key,
            hashes: BTreeSet::new(),
            hosts: BTreeSet::new(),
            entries: BTreeSet::new(),
        }
    }

    /// Seals an entry.
    pub fn add(&mut self, entry: &Entry<'_>) {
        let hash = self.seal(entry.host, entry.path);
        self.entries.insert(hash);
    }

    fn seal(&mut self, host: &str, path: Option<&str>) -> [u8; HASH_BYTES] {
        self.hosts.insert(self.key.quick(host));
        let hash = match path {
            None => self.key.entry(Kind::Host, host, b""),
            Some(path) => {
                self.hashes
                    .insert(self.key.entry(Kind::PathsBelow, host, b""));
                self.key.entry(Kind::Path, host, path.as_bytes())
            }
        };
        self.hashes.insert(hash);
        hash
    }

    /// Different entries added so far.
    pub fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Writes the file. `info.entries` is set here; the dated test entries are added here.
    ///
    /// # Errors
    /// [`SealedError::TooManyEntries`].
    pub fn finish(mut self, info: SealedInfo) -> Result<Vec<u8>, SealedError> {
        let info = SealedInfo {
            entries: self.entries(),
            ..info
        };
        if self.entries.len() > SEALED_ENTRIES_MAX {
            return Err(SealedError::TooManyEntries);
        }
        if info.version > 0 {
            self.seal(&info.test_entry(), None);
            self.seal(&info.common_test_entry(), None);
        }
        let mut w = Writer::default();
        w.0.extend_from_slice(&MAGIC);
        w.u32(FORMAT_VERSION);
        w.0.extend_from_slice(&self.key.id());
        write_info(&mut w, &info);
        let quick = quick_table(&self.hosts);
        w.u32(bounded(quick.len()));
        quick.iter().for_each(|word| w.u64(*word));
        w.u32(bounded(self.hashes.len()));
        self.hashes
            .iter()
            .for_each(|hash| w.0.extend_from_slice(hash));
        let code = self.key.file_code(&w.0);
        w.0.extend_from_slice(code.as_ref());
        Ok(w.0)
    }
}

fn write_info(w: &mut Writer, info: &SealedInfo) {
    w.text(&info.owner);
    w.text(&info.name);
    w.u64(info.version);
    w.i64(info.issued.as_millisecond());
    w.i64(info.imported.as_millisecond());
    w.i64(info.allowed_age.as_secs());
    w.u64(info.entries);
    w.0.extend_from_slice(&info.checksum);
    w.0.extend_from_slice(&info.publisher);
}

fn read_info(r: &mut Reader<'_>) -> Option<SealedInfo> {
    let (owner, name, version) = (r.text()?, r.text()?, r.u64()?);
    Some(SealedInfo {
        owner,
        name,
        version,
        issued: Timestamp::from_millisecond(r.i64()?).ok()?,
        imported: Timestamp::from_millisecond(r.i64()?).ok()?,
        allowed_age: SignedDuration::from_secs(r.i64()?),
        entries: r.u64()?,
        checksum: r.array()?,
        publisher: r.array()?,
    })
}

/// Bounded by [`SEALED_ENTRIES_MAX`].
fn bounded(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn quick_table(hosts: &BTreeSet<u64>) -> Vec<u64> {
    let bits = (hosts.len() * BITS_PER_HOST).next_power_of_two().max(1024);
    let mut table = vec![0; bits / 64];
    for hash in hosts {
        for (word, bit) in quick_bits(*hash, table.len()) {
            table[word] |= bit;
        }
    }
    table
}

/// The two places of a hash in a table of `words` words (a power of two).
fn quick_bits(hash: u64, words: usize) -> [(usize, u64); 2] {
    let place = |half: u64| {
        let half = usize::try_from(half).unwrap_or(0);
        ((half >> 6) & (words - 1), 1 << (half & 63))
    };
    [place(hash & 0xFFFF_FFFF), place(hash >> 32)]
}

/// A sealed list, opened.
pub struct SealedList {
    info: SealedInfo,
    quick: Box<[u64]>,
    hashes: Box<[[u8; HASH_BYTES]]>,
}

impl std::fmt::Debug for SealedList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "SealedList({}, version {})",
            self.info.name, self.info.version
        )
    }
}

impl SealedList {
    /// Opens what [`SealedBuilder::finish`] wrote, with the same key.
    ///
    /// # Errors
    /// [`SealedError`]: another key, a changed file, or no sealed list at all.
    pub fn open(bytes: &[u8], key: &SealedKey) -> Result<Self, SealedError> {
        let (contents, code) = bytes
            .split_last_chunk::<CODE_BYTES>()
            .ok_or(SealedError::NotASealedList)?;
        let mut r = Reader(contents);
        if r.array() != Some(MAGIC) {
            return Err(SealedError::NotASealedList);
        }
        match r.u32() {
            Some(FORMAT_VERSION) => {}
            found => return Err(SealedError::OtherVersion(found.unwrap_or(0))),
        }
        if r.array() != Some(key.id()) {
            return Err(SealedError::OtherKey);
        }
        if !key.check_file(contents, code) {
            return Err(SealedError::Tampered);
        }
        Self::read(r).ok_or(SealedError::NotASealedList)
    }

    fn read(mut r: Reader<'_>) -> Option<Self> {
        let info = read_info(&mut r)?;
        let words = usize::try_from(r.u32()?).ok()?;
        let quick = r.take(words.checked_mul(8)?)?;
        let count = usize::try_from(r.u32()?).ok()?;
        let hashes = r.take(count.checked_mul(HASH_BYTES)?)?;
        let well_formed = words.is_power_of_two() && r.0.is_empty();
        well_formed.then(|| Self {
            info,
            quick: quick
                .as_chunks()
                .0
                .iter()
                .map(|word| u64::from_le_bytes(*word))
                .collect(),
            hashes: hashes.as_chunks().0.into(),
        })
    }

    /// What may be known of it.
    pub fn info(&self) -> &SealedInfo {
        &self.info
    }

    pub(super) fn may_hold(&self, quick: u64) -> bool {
        quick_bits(quick, self.quick.len())
            .iter()
            .all(|(word, bit)| self.quick.get(*word).is_some_and(|found| found & bit != 0))
    }

    pub(super) fn holds(&self, hash: &[u8; HASH_BYTES]) -> bool {
        self.hashes.binary_search(hash).is_ok()
    }
}
