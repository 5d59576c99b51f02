//! The catalogue: opened from bytes, asked for every request.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;

use crate::address::Address;
use crate::category::{CategoryId, CategorySet};
use crate::format::{CHECKSUM_BYTES, CatalogueError, HEADER_BYTES, Header, ListInfo, Tables};
use crate::front::Front;
use crate::hash::NameHash;
use crate::host::{self, Host};
use crate::labels::Dots;
use crate::memory::{Memory, SharedBytes};
use crate::path::Folded;
use crate::table::Table;

/// How many entries a catalogue holds, each host or URL counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Host names and IP addresses.
    pub names: u64,
    /// Hosts with a path.
    pub urls: u64,
}

/// Names and URLs to category sets, read in place from a compiled file.
///
/// Names are kept as 64-bit hashes only. So a name that is on no list may match by accident, with
/// a chance of (entries / 2^64) for each suffix looked up: at 4 million entries about 2 in 10^13,
/// once in centuries for a large school. (Below half a million entries the chance does not fall
/// further than about 6 in 10^14: a slot holds 47 bits.)
pub struct Catalogue<B = SharedBytes> {
    bytes: B,
    header: Header,
    hash: NameHash,
    tables: Tables,
    /// Where the front filter and the hash table lie.
    front: Range<usize>,
    table: Range<usize>,
}

impl<B: Memory> fmt::Debug for Catalogue<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue")
            .field("version", &self.header.version)
            .field("names", &self.header.names)
            .field("urls", &self.header.urls)
            .field("lists", &self.tables.lists.len())
            .finish_non_exhaustive()
    }
}

impl Catalogue {
    /// A catalogue without lists: nothing has a category. Version 0.
    pub fn empty() -> Self {
        let header = Header {
            seed: 0,
            version: 0,
            built_at_ms: 0,
            length: 0,
            names: 0,
            urls: 0,
            depths: 0,
            longest_probe: 0,
            tables_length: 0,
            table_offset: 0,
            buckets: 0,
            front_words: 0,
        };
        Self {
            bytes: Vec::new().into(),
            header,
            hash: NameHash::new(0),
            tables: Tables::default(),
            front: 0..0,
            table: 0..0,
        }
    }
}

impl<B: Memory> Catalogue<B> {
    /// Opens a compiled file, checking its version, hash, length, checksum and tables.
    ///
    /// # Errors
    /// [`CatalogueError`]; the catalogue is then built anew from its lists.
    pub fn open(bytes: B) -> Result<Self, CatalogueError> {
        let all = bytes.as_ref();
        let header = Header::decode(all)?;
        let found = all.len() as u64;
        if header.length != found {
            return Err(CatalogueError::WrongLength {
                expected: header.length,
                found,
            });
        }
        let (contents, checksum) =
            all.split_last_chunk::<CHECKSUM_BYTES>()
                .ok_or(CatalogueError::WrongLength {
                    expected: header.length,
                    found,
                })?;
        if digest::digest(&digest::SHA256, contents).as_ref() != checksum {
            return Err(CatalogueError::WrongChecksum);
        }
        let (front, table) = header.ranges().ok_or(CatalogueError::Nonsense("offsets"))?;
        let tables_end = usize::try_from(header.tables_length)
            .ok()
            .and_then(|length| length.checked_add(HEADER_BYTES))
            .filter(|end| *end <= front.start)
            .ok_or(CatalogueError::Nonsense("offsets"))?;
        let tables = Tables::decode(&contents[HEADER_BYTES..tables_end])?;
        if Timestamp::from_millisecond(header.built_at_ms).is_err()
            || u64::from(header.longest_probe) >= header.buckets.max(1)
        {
            return Err(CatalogueError::Nonsense("header fields"));
        }
        Ok(Self {
            hash: NameHash::new(header.seed),
            header,
            tables,
            bytes,
            front,
            table,
        })
    }

    /// The catalogue's version: counts up with each build in a data folder.
    pub fn version(&self) -> u64 {
        self.header.version
    }

    /// When it was built.
    pub fn built_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.header.built_at_ms).unwrap_or_default()
    }

    /// How many entries it holds.
    pub fn counts(&self) -> Counts {
        Counts {
            names: self.header.names,
            urls: self.header.urls,
        }
    }

    /// Size of the compiled file in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.as_ref().len() as u64
    }

    /// The category names; the position is the [`CategoryId`].
    pub fn names(&self) -> &[Arc<str>] {
        &self.tables.categories
    }

    /// The category of a name, in this catalogue.
    pub fn category(&self, name: &str) -> Option<CategoryId> {
        let at = self
            .tables
            .categories
            .iter()
            .position(|category| &**category == name)?;
        u8::try_from(at).ok().map(CategoryId)
    }

    /// The name of a category of this catalogue.
    pub fn category_name(&self, id: CategoryId) -> Option<&Arc<str>> {
        self.tables.categories.get(usize::from(id.0))
    }

    /// The lists it was built from.
    pub fn lists(&self) -> &[ListInfo] {
        &self.tables.lists
    }

    /// What the lists say of an address: its host and each name above it, and the path's prefixes
    /// where a path is known. No allocation; one cache line for each label (and path prefix, on
    /// hosts that have URL entries).
    pub fn lookup(&self, address: &Address) -> Match {
        self.search(address.host(), address.path())
    }

    /// [`Catalogue::lookup`] of a host whose path is not known.
    pub fn lookup_host(&self, host: &Host) -> Match {
        self.search(host, None)
    }

    #[inline]
    fn search(&self, host: &Host, path: Option<&str>) -> Match {
        let mut found = Match::NONE;
        let Some(index) = self.index() else {
            return found;
        };
        let host = host.as_str();
        // Where the suffixes begin whose number of labels some entry has.
        let mut starts = [0; AT_ONCE];
        let mut len = 0;
        let mut start = 0;
        let mut dots = Dots::of(host.as_bytes());
        let mut labels = dots.total() + 1;
        if host::is_ip_text(host) {
            // Only the whole of it means something; its depth is 0.
            labels = 0;
            dots = Dots::of(&[]);
        }
        loop {
            starts[len] = start;
            // Counts without a branch: names differ in which of their suffixes are wanted.
            len += usize::from(self.header.depths >> labels.min(63) & 1 == 1);
            if len == AT_ONCE {
                self.search_some(&index, host, &starts, path, &mut found);
                len = 0;
            }
            let Some(dot) = dots.next() else { break };
            start = dot + 1;
            labels -= 1;
        }
        self.search_some(&index, host, &starts[..len], path, &mut found);
        found
    }

    /// Looks up some suffixes, given as their places in the host.
    #[inline]
    fn search_some(
        &self,
        index: &Index<'_>,
        host: &str,
        starts: &[usize],
        path: Option<&str>,
        found: &mut Match,
    ) {
        let mut hashes = [0; AT_ONCE];
        let mut places = [0; AT_ONCE];
        for ((hash, place), start) in hashes.iter_mut().zip(&mut places).zip(starts) {
            *hash = self
                .hash
                .host(host.as_bytes().get(*start..).unwrap_or_default());
            *place = index.table_at + index.table.place(*hash);
        }
        // The table's lines are on their way while the filter is read: a name on a list waits once
        // for memory, not twice, and one that is not does not wait for them at all.
        self.bytes.will_read(&places[..starts.len().min(AT_ONCE)]);
        let mut pass = 0u32;
        for (n, hash) in hashes.iter().enumerate().take(starts.len()) {
            pass |= u32::from(index.front.may_hold(*hash)) << n;
        }
        while pass != 0 {
            let n = usize::try_from(pass.trailing_zeros()).unwrap_or(0) % AT_ONCE;
            pass &= pass - 1;
            let (hash, at) = (hashes[n], starts.get(n).copied().unwrap_or(0));
            let Some(number) = index.table.find(hash) else {
                continue;
            };
            let Some(tag) = self.tables.tags.get(usize::from(number).wrapping_sub(1)) else {
                continue;
            };
            found.add(number, tag.categories, at, 0);
            if let (true, Some(path)) = (tag.paths_below, path) {
                self.search_paths(index, hash, at, path, found);
            }
        }
    }

    /// Out of line: few hosts have URL entries, and the folded path takes 2 KB of stack.
    #[inline(never)]
    fn search_paths(&self, index: &Index<'_>, host: u64, at: usize, path: &str, found: &mut Match) {
        let folded = Folded::new(path);
        for prefix in folded.prefixes() {
            let Some(number) = index.find(self.hash.url(host, prefix)) else {
                continue;
            };
            if let Some(tag) = self.tables.tags.get(usize::from(number).wrapping_sub(1)) {
                found.add(number, tag.categories, at, prefix.len());
            }
        }
    }

    fn index(&self) -> Option<Index<'_>> {
        let bytes = self.bytes.as_ref();
        Some(Index {
            front: Front::new(bytes.get(self.front.clone())?),
            table: Table::new(bytes.get(self.table.clone())?, self.header.longest_probe),
            table_at: self.table.start,
        })
    }

    /// Each list entry behind a match: list, category, and the part of the address that is the
    /// entry. `found` is what [`Catalogue::lookup`] gave for this `address`.
    pub fn matched<'a>(
        &'a self,
        address: &'a Address,
        found: &'a Match,
    ) -> impl Iterator<Item = Matched<'a>> {
        found.hits().iter().flat_map(move |hit| {
            let host = address
                .host()
                .as_str()
                .get(usize::from(hit.host_at)..)
                .unwrap_or("");
            let path = match hit.path_len {
                0 => None,
                len => address.path().and_then(|path| path.get(..usize::from(len))),
            };
            let tag = self.tables.tags.get(usize::from(hit.tag).wrapping_sub(1));
            tag.into_iter()
                .flat_map(|tag| tag.sections.iter())
                .filter_map(move |section| {
                    let section = self.tables.sections.get(usize::from(*section))?;
                    let list = self.tables.lists.get(usize::from(section.list))?;
                    Some(Matched {
                        list,
                        category: section.category,
                        host,
                        path,
                    })
                })
        })
    }
}

/// One list entry that an address met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched<'a> {
    /// The list.
    pub list: &'a ListInfo,
    /// The category the list gives the entry.
    pub category: CategoryId,
    /// The entry's host: the address's host or a name above it.
    pub host: &'a str,
    /// The entry's path, where it is a URL entry; as the address spells it.
    pub path: Option<&'a str>,
}

/// Front filter and table together.
struct Index<'a> {
    front: Front<'a>,
    table: Table<'a>,
    /// Where the table begins in the file.
    table_at: usize,
}

impl Index<'_> {
    fn find(&self, hash: u64) -> Option<u16> {
        if self.front.may_hold(hash) {
            self.table.find(hash)
        } else {
            None
        }
    }
}

/// Suffixes of a host whose cache lines are fetched together.
const AT_ONCE: usize = 8;

/// Hits whose entries can be named; further ones count towards the categories only.
const HITS_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hit {
    tag: u16,
    host_at: u16,
    path_len: u16,
}

/// What a catalogue says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The categories of all entries that the address met.
    pub categories: CategorySet,
    hits: [Hit; HITS_MAX],
    len: u8,
}

impl Match {
    /// Nothing met.
    pub const NONE: Self = Self {
        categories: CategorySet::EMPTY,
        hits: [Hit {
            tag: 0,
            host_at: 0,
            path_len: 0,
        }; HITS_MAX],
        len: 0,
    };

    /// Whether no list has the address.
    pub fn is_empty(&self) -> bool {
        self.categories.is_empty()
    }

    fn hits(&self) -> &[Hit] {
        &self.hits[..usize::from(self.len)]
    }

    fn add(&mut self, tag: u16, categories: CategorySet, host_at: usize, path_len: usize) {
        if categories.is_empty() {
            return;
        }
        self.categories = self.categories.union(categories);
        if let Some(slot) = self.hits.get_mut(usize::from(self.len)) {
            // A host has at most 253 bytes, a prefix at most 2,048.
            *slot = Hit {
                tag,
                host_at: host_at as u16,
                path_len: path_len as u16,
            };
            self.len += 1;
        }
    }
}

impl Default for Match {
    fn default() -> Self {
        Self::NONE
    }
}
