//! Sealed lists: lists of illegal content (IWF, CTIRU and the like) that nobody can read back or
//! lift (FIL-03).
//!
//! An entry is kept only as HMAC-SHA-256 under a key of the school, cut to 128 bits. Whoever has
//! the file without the key learns how many entries there are and no more; whoever has both can
//! ask of an address whether it is listed, as the filter does, but cannot list the entries. Two
//! different addresses share 128 bits with a chance of about 1 in 10^34 for each pair asked.
//!
//! A small Bloom filter under a secret seed (see [`file`]) answers for nearly all other addresses
//! without an HMAC.

mod file;
mod key;

pub use file::{SEALED_ENTRIES_MAX, SealedBuilder, SealedError, SealedInfo, SealedList};
pub use key::SealedKey;

use jiff::{SignedDuration, Timestamp};

use crate::address::Address;
use crate::host::{Host, suffixes};
use crate::path::Folded;
use key::Kind;

/// A hit on a sealed list. Carries nothing of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedMatch {
    /// Which list, as in [`SealedLists::list`].
    pub list: usize,
    /// Whether it is the list's own dated test entry rather than an entry of the publisher.
    pub test_entry: bool,
    /// Whether the whole host is listed, rather than a path on it.
    pub whole_host: bool,
    /// Tells entries of one school apart in logs without naming them: 64 bits of the keyed hash.
    pub token: [u8; 8],
}

/// All that any screen or export may show of a sealed list (FIL-03).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedStatus {
    /// Who publishes the list.
    pub owner: String,
    /// The list's name.
    pub name: String,
    /// The publisher's version.
    pub version: u64,
    /// When the publisher issued it.
    pub issued: Timestamp,
    /// How many entries the publisher put in.
    pub entries: u64,
    /// SHA-256 of the bundle, in hexadecimal.
    pub checksum: String,
    /// Time since it was issued.
    pub age: SignedDuration,
    /// Whether it is older than it may be, or holds nothing.
    pub stale: bool,
    /// The address that proves that the list is live: blocked by it, and dated.
    pub test_entry: String,
    /// What is wrong with the list itself, where it cannot be used: missing, changed, cut short, an
    /// older issue put in its place. The filter takes no new policy while this stands.
    pub trouble: Option<String>,
}

/// The sealed lists of a school. Empty without membership: then it blocks nothing, and says so.
#[derive(Debug, Default)]
pub struct SealedLists {
    key: Option<SealedKey>,
    lists: Vec<SealedList>,
}

impl SealedLists {
    /// Lists that were opened with `key`.
    pub fn new(key: SealedKey, lists: Vec<SealedList>) -> Self {
        Self {
            key: Some(key),
            lists,
        }
    }

    /// Whether there is no list.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// What may be said of a list.
    pub fn list(&self, index: usize) -> Option<&SealedInfo> {
        self.lists.get(index).map(SealedList::info)
    }

    /// All lists, in their order.
    pub fn infos(&self) -> impl Iterator<Item = &SealedInfo> {
        self.lists.iter().map(SealedList::info)
    }

    /// Count, date, age and checksum of each list.
    pub fn status(&self, now: Timestamp) -> Vec<SealedStatus> {
        self.infos().map(|info| info.status(now)).collect()
    }

    /// The first entry that the address meets: a host with all names under it, or a path prefix.
    /// No allocation.
    pub fn lookup(&self, address: &Address) -> Option<SealedMatch> {
        let key = self.key.as_ref()?;
        let host = address.host().as_str();
        suffixes(host).map(|at| &host[at..]).find_map(|name| {
            let quick = key.quick(name);
            self.lists
                .iter()
                .enumerate()
                .filter(|(_, list)| list.may_hold(quick))
                .find_map(|(index, list)| found_in(key, index, list, name, address.path()))
        })
    }

    /// Whether some entry with a path lies on this host or a name above it, so that the path is
    /// needed to decide.
    pub fn needs_path(&self, host: &Host) -> bool {
        let Some(key) = &self.key else { return false };
        host.parents().any(|name| {
            let quick = key.quick(name);
            let mut lists = self
                .lists
                .iter()
                .filter(|list| list.may_hold(quick))
                .peekable();
            lists.peek().is_some() && {
                let marker = key.entry(Kind::PathsBelow, name, b"");
                lists.any(|list| list.holds(&marker))
            }
        })
    }
}

fn found_in(
    key: &SealedKey,
    index: usize,
    list: &SealedList,
    name: &str,
    path: Option<&str>,
) -> Option<SealedMatch> {
    let hit = |hash: [u8; 16], whole_host| SealedMatch {
        list: index,
        test_entry: list.info().is_test_entry(name),
        whole_host,
        token: hash.first_chunk().copied().unwrap_or_default(),
    };
    let whole = key.entry(Kind::Host, name, b"");
    if list.holds(&whole) {
        return Some(hit(whole, true));
    }
    if !list.holds(&key.entry(Kind::PathsBelow, name, b"")) {
        return None;
    }
    let folded = Folded::new(path?);
    let found = folded
        .prefixes()
        .map(|prefix| key.entry(Kind::Path, name, prefix))
        .find(|hash| list.holds(hash))?;
    Some(hit(found, false))
}
