//! The catalogue: opened from bytes, asked for every request.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;

use crate::address::Address;
use crate::category::{CategoryId, CategorySet};
use crate::compile::depth;
use crate::format::{CHECKSUM_BYTES, CatalogueError, HEADER_BYTES, Header, ListInfo, Tables};
use crate::front::Front;
use crate::hash::NameHash;
use crate::host::{Host, suffixes};
use crate::path::Folded;
use crate::table::Table;

/// Bytes that many threads share: a vector, or a file mapped by `lists`.
#[derive(Clone)]
pub struct SharedBytes(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl SharedBytes {
    /// Shares bytes.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(bytes))
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedBytes({} bytes)", self.as_ref().len())
    }
}

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
/// further than about 3 in 10^14: a slot holds 48 bits.)
pub struct Catalogue<B = SharedBytes> {
    bytes: B,
    header: Header,
    hash: NameHash,
    tables: Tables,
}

impl<B: AsRef<[u8]>> fmt::Debug for Catalogue<B> {
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
        }
    }
}

impl<B: AsRef<[u8]>> Catalogue<B> {
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
        let (front, _) = header.ranges().ok_or(CatalogueError::Nonsense("offsets"))?;
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

    fn search(&self, host: &Host, path: Option<&str>) -> Match {
        let mut found = Match::NONE;
        let Some(index) = self.index() else {
            return found;
        };
        let host = host.as_str();
        let mut labels = depth(host);
        let mut at_once = [(0, 0); AT_ONCE];
        let mut len = 0;
        for at in suffixes(host) {
            let wanted = self.header.depths >> labels.min(63) & 1 == 1;
            labels = labels.saturating_sub(1);
            if !wanted {
                continue;
            }
            at_once[len] = (self.hash.host(&host.as_bytes()[at..]), at);
            len += 1;
            if len == AT_ONCE {
                self.search_some(&index, &at_once, path, &mut found);
                len = 0;
            }
        }
        self.search_some(&index, &at_once[..len], path, &mut found);
        found
    }

    /// Looks up some suffixes, given as hash and place in the host.
    #[inline]
    fn search_some(
        &self,
        index: &Index<'_>,
        some: &[(u64, usize)],
        path: Option<&str>,
        found: &mut Match,
    ) {
        // All of the filter's words are read before any is acted on: the cache misses overlap.
        let mut pass = [false; AT_ONCE];
        for (pass, (hash, _)) in pass.iter_mut().zip(some) {
            *pass = index.front.may_hold(*hash);
        }
        for ((hash, at), _) in some.iter().zip(pass).filter(|(_, pass)| *pass) {
            let Some(number) = index.table.find(*hash) else {
                continue;
            };
            let Some(tag) = self.tables.tags.get(usize::from(number).wrapping_sub(1)) else {
                continue;
            };
            found.add(number, tag.categories, *at, 0);
            if let (true, Some(path)) = (tag.paths_below, path) {
                self.search_paths(index, *hash, *at, path, found);
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
        let (front, table) = self.header.ranges()?;
        let bytes = self.bytes.as_ref();
        Some(Index {
            front: Front::new(bytes.get(front)?),
            table: Table::new(bytes.get(table)?, self.header.longest_probe),
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
