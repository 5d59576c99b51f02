//! Building the compiled file from parsed entries.
//!
//! Entries are kept as hashes (16 bytes each while building), sorted, grouped and written into the
//! table: 4 million names take about 64 MB and a few seconds beside the file itself.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;

use crate::category::{CATEGORIES_MAX, CategoryId, CategorySet};
use crate::format::{
    CHECKSUM_BYTES, HEADER_BYTES, Header, LISTS_MAX, ListInfo, NAME_TEXT_MAX, PATHS_BELOW,
    SECTIONS_MAX, SectionInfo, Tables, TagSet,
};
use crate::front::{self, WORD_BYTES};
use crate::hash::NameHash;
use crate::host;
use crate::parse::Entry;
use crate::table::{self, BUCKET_BYTES, Filling};

/// Why a catalogue cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// More categories than a category number can tell apart.
    #[error(
        "{CATEGORIES_MAX} categories are in use already; \"{0}\" would be one more: leave out a list or map its categories to existing ones"
    )]
    TooManyCategories(Box<str>),
    /// More lists than the bound.
    #[error("{LISTS_MAX} lists are in use already; \"{0}\" would be one more: leave out a list")]
    TooManyLists(Box<str>),
    /// More pairs of list and category than the bound.
    #[error(
        "more than {SECTIONS_MAX} pairs of list and category: leave out a list or some of its categories"
    )]
    TooManySections,
    /// More different combinations of lists and categories than a tag can tell apart.
    #[error(
        "the lists overlap in more than 65,534 different combinations: leave out a list or merge some categories"
    )]
    TooManyCombinations,
    /// A list or category name that is empty, too long or not plain.
    #[error(
        "\"{0}\" is no name for a list or category: use 1 to {NAME_TEXT_MAX} lower-case letters, digits, - and _"
    )]
    BadName(Box<str>),
    /// A list was named twice.
    #[error("the list \"{0}\" is there twice")]
    ListTwice(Box<str>),
    /// An entry was added to a section that the compiler did not give out.
    #[error("an entry was added to a section of another catalogue")]
    ForeignSection,
    /// The hash table could not be filled; does not happen with a table of the right size.
    #[error("the hash table is full")]
    TableFull,
}

/// A list of the catalogue being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListNumber(u16);

/// One list in one category of the catalogue being built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section(u16);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pending {
    hash: u64,
    section: u16,
    url: bool,
}

/// Collects entries and writes the compiled file.
#[derive(Debug)]
pub struct Compiler {
    header: Header,
    hash: NameHash,
    tables: Tables,
    pending: Vec<Pending>,
    /// For each section that of the wider category, where there is one.
    wider: Vec<Option<u16>>,
    foreign: bool,
}

impl Compiler {
    /// An empty catalogue. `seed` is random, one for each data folder, so that nobody outside can
    /// prepare names that collide; `version` counts up with each build.
    pub fn new(seed: u64, version: u64, built_at: Timestamp) -> Self {
        let header = Header {
            seed,
            version,
            built_at_ms: built_at.as_millisecond(),
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
        let hash = NameHash::new(seed);
        Self {
            header,
            hash,
            tables: Tables::default(),
            pending: Vec::new(),
            wider: Vec::new(),
            foreign: false,
        }
    }

    /// Makes room for so many entries at once, so that growing does not take memory twice.
    pub fn expect_entries(&mut self, entries: usize) {
        self.pending.reserve(entries);
    }

    /// Adds a list.
    ///
    /// # Errors
    /// A bad name, a name used twice, or more than [`crate::LISTS_MAX`] lists.
    pub fn list(
        &mut self,
        name: &str,
        version: u64,
        imported_at: Timestamp,
    ) -> Result<ListNumber, CompileError> {
        check_name(name)?;
        if self.tables.lists.iter().any(|list| &*list.name == name) {
            return Err(CompileError::ListTwice(name.into()));
        }
        if self.tables.lists.len() >= LISTS_MAX {
            return Err(CompileError::TooManyLists(name.into()));
        }
        let number = ListNumber(index(self.tables.lists.len()));
        self.tables.lists.push(ListInfo {
            name: name.into(),
            version,
            imported_at,
            entries: 0,
        });
        Ok(number)
    }

    /// The section of a list and a category (by name); made when it is new. What is added to it is
    /// in the wider category as well, where the category has one (`vpn` is within `avoidance`).
    ///
    /// # Errors
    /// A bad name or too many of something.
    pub fn section(&mut self, list: ListNumber, category: &str) -> Result<Section, CompileError> {
        let own = self.own_section(list, category)?;
        if let Some(wider) = crate::standard::wider(category) {
            let wider = self.own_section(list, wider)?;
            if let Some(place) = self.wider.get_mut(usize::from(own.0)) {
                *place = Some(wider.0);
            }
        }
        Ok(own)
    }

    fn own_section(&mut self, list: ListNumber, category: &str) -> Result<Section, CompileError> {
        let category = self.category(category)?;
        let wanted = SectionInfo {
            list: list.0,
            category,
        };
        if let Some(at) = self
            .tables
            .sections
            .iter()
            .position(|section| *section == wanted)
        {
            return Ok(Section(index(at)));
        }
        if self.tables.sections.len() >= SECTIONS_MAX {
            return Err(CompileError::TooManySections);
        }
        self.tables.sections.push(wanted);
        self.wider.push(None);
        Ok(Section(index(self.tables.sections.len() - 1)))
    }

    fn category(&mut self, name: &str) -> Result<CategoryId, CompileError> {
        check_name(name)?;
        let known = self
            .tables
            .categories
            .iter()
            .position(|category| &**category == name);
        let at = known.unwrap_or(self.tables.categories.len());
        let id = u8::try_from(at).map_err(|_| CompileError::TooManyCategories(name.into()))?;
        if known.is_none() {
            self.tables.categories.push(Arc::from(name));
        }
        Ok(CategoryId(id))
    }

    /// Adds an entry. Its texts are canonical, as the parsers of this crate give them.
    pub fn add(&mut self, section: Section, entry: &Entry<'_>) {
        let Some(wider) = self.wider.get(usize::from(section.0)).copied() else {
            self.foreign = true;
            return;
        };
        for section in [Some(section.0), wider].into_iter().flatten() {
            self.add_to(section, entry);
        }
    }

    fn add_to(&mut self, section: u16, entry: &Entry<'_>) {
        let host = self.hash.host(entry.host.as_bytes());
        self.header.depths |= 1 << depth(entry.host);
        match entry.path {
            None => self.pending.push(Pending {
                hash: host,
                section,
                url: false,
            }),
            Some(path) => {
                let hash = self.hash.url(host, path.as_bytes());
                self.pending.push(Pending {
                    hash,
                    section,
                    url: true,
                });
                self.pending.push(Pending {
                    hash: host,
                    section: PATHS_BELOW,
                    url: false,
                });
            }
        }
    }

    /// Writes the compiled file.
    ///
    /// # Errors
    /// [`CompileError::TooManyCombinations`]; the others here mean a mistake of the caller.
    pub fn finish(mut self) -> Result<Vec<u8>, CompileError> {
        if self.foreign {
            return Err(CompileError::ForeignSection);
        }
        self.pending.sort_unstable();
        self.pending.dedup();
        self.count();
        let tags = self.tag_all()?;
        let tables = self.tables.encode();
        let groups = tags.len() as u64;
        self.header.buckets = if groups == 0 {
            0
        } else {
            table::buckets_for(groups)
        };
        self.header.tables_length = tables.len() as u64;
        self.header.front_words = front::words_for(groups);
        let front = (HEADER_BYTES + tables.len()).next_multiple_of(BUCKET_BYTES);
        let offset = front + usize::try_from(self.header.front_words).unwrap_or(0) * WORD_BYTES;
        let length = usize::try_from(self.header.buckets).unwrap_or(0) * BUCKET_BYTES;
        let total = offset + length + CHECKSUM_BYTES;
        self.header.table_offset = offset as u64;
        self.header.length = total as u64;
        let mut file = Vec::with_capacity(total);
        file.resize(offset + length, 0);
        file[HEADER_BYTES..HEADER_BYTES + tables.len()].copy_from_slice(&tables);
        self.header.longest_probe = self.fill(&mut file[front..], offset - front, &tags)?;
        file[..HEADER_BYTES].copy_from_slice(&self.header.encode());
        let checksum = digest::digest(&digest::SHA256, &file);
        file.extend_from_slice(checksum.as_ref());
        Ok(file)
    }

    fn count(&mut self) {
        for group in self.pending.chunk_by(|a, b| a.hash == b.hash) {
            let mut of_sections = group
                .iter()
                .filter(|pending| pending.section != PATHS_BELOW);
            if let Some(first) = of_sections.clone().next() {
                let counter = if first.url {
                    &mut self.header.urls
                } else {
                    &mut self.header.names
                };
                *counter += 1;
            }
            for pending in of_sections.by_ref() {
                // What is in a wider category as well is one entry.
                let is_again = group.iter().any(|other| {
                    self.wider.get(usize::from(other.section)) == Some(&Some(pending.section))
                });
                if is_again {
                    continue;
                }
                let section = self.tables.sections[usize::from(pending.section)];
                self.tables.lists[usize::from(section.list)].entries += 1;
            }
        }
    }

    /// One tag for each group of equal hashes, in their order.
    fn tag_all(&mut self) -> Result<Vec<u16>, CompileError> {
        let mut known: HashMap<Box<[u16]>, u16> = HashMap::new();
        let mut tags = Vec::new();
        let mut sections: Vec<u16> = Vec::new();
        for group in self.pending.chunk_by(|a, b| a.hash == b.hash) {
            sections.clear();
            sections.extend(group.iter().map(|pending| pending.section));
            sections.dedup();
            let tag = match known.get(sections.as_slice()) {
                Some(tag) => *tag,
                None => {
                    let tag = new_tag(&mut self.tables, &sections)?;
                    known.insert(sections.as_slice().into(), tag);
                    tag
                }
            };
            tags.push(tag);
        }
        Ok(tags)
    }

    /// Fills the front filter, the first `front` bytes, and the table after it.
    fn fill(&self, bytes: &mut [u8], front: usize, tags: &[u16]) -> Result<u32, CompileError> {
        let (front, table) = bytes.split_at_mut(front);
        let mut filling = Filling::new(table);
        let groups = self.pending.chunk_by(|a, b| a.hash == b.hash);
        for (group, tag) in groups.zip(tags) {
            let hash = group.first().map_or(0, |pending| pending.hash);
            front::enter(front, hash);
            if !filling.insert(hash, *tag) {
                return Err(CompileError::TableFull);
            }
        }
        Ok(filling.longest())
    }
}

fn new_tag(tables: &mut Tables, sections: &[u16]) -> Result<u16, CompileError> {
    // Tags begin at 1: an all-zero slot is a free one.
    let tag = u16::try_from(tables.tags.len() + 1)
        .ok()
        .filter(|tag| *tag < u16::MAX)
        .ok_or(CompileError::TooManyCombinations)?;
    let real: Box<[u16]> = sections
        .iter()
        .copied()
        .filter(|section| *section != PATHS_BELOW)
        .collect();
    let categories: CategorySet = real
        .iter()
        .map(|section| tables.sections[usize::from(*section)].category)
        .collect();
    let paths_below = real.len() < sections.len();
    tables.tags.push(TagSet {
        categories,
        paths_below,
        sections: real,
    });
    Ok(tag)
}

/// The bit of [`Header::depths`] that stands for a host: its number of labels, 0 for an IP.
pub(crate) fn depth(host: &str) -> u32 {
    if host::is_ip_text(host) {
        return 0;
    }
    let dots = host.bytes().filter(|byte| *byte == b'.').count();
    u32::try_from(dots + 1).unwrap_or(63).min(63)
}

fn check_name(name: &str) -> Result<(), CompileError> {
    if is_plain_name(name) {
        Ok(())
    } else {
        Err(CompileError::BadName(name.into()))
    }
}

/// Whether a text may name a list or category: 1 to [`NAME_TEXT_MAX`] of `a-z 0-9 - _`, not
/// beginning with `-`.
pub fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_TEXT_MAX
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

/// Counts here are bounded by the checks of [`Compiler::list`] and [`Compiler::section`].
fn index(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX - 1)
}
