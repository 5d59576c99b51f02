//! The compiled file: header, tables of names, hash table, checksum.
//!
//! All numbers are little-endian. Times are milliseconds since 1970 (UTC).
//!
//! | part | bytes | what |
//! |---|---|---|
//! | header | 128 | magic, format version, hash name and version, seed, catalogue version, time built, length, counts, where the parts lie |
//! | tables | variable | category names; lists with version, time, entries; sections (list and category); sets of sections, one for each tag |
//! | front filter | 8 a word | see the `front` module; ends where the hash table begins |
//! | hash table | 64 a bucket | see the `table` module; begins on a cache line |
//! | checksum | 32 | SHA-256 of everything before it |
//!
//! A reader refuses another format version or hash name: the catalogue is built anew from its
//! sources, so no old file ever needs reading.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use crate::bytes::{Reader, Writer};
use crate::category::{CATEGORIES_MAX, CategoryId, CategorySet};
use crate::front::WORD_BYTES;
use crate::hash::HASH_NAME;
use crate::table::BUCKET_BYTES;

pub(crate) const MAGIC: [u8; 8] = *b"PHAROSCT";
pub(crate) const FORMAT_VERSION: u32 = 2;
pub(crate) const HEADER_BYTES: usize = 128;
pub(crate) const CHECKSUM_BYTES: usize = 32;
/// The most lists in one catalogue.
pub const LISTS_MAX: usize = 1024;
/// The most pairs of list and category in one catalogue.
pub const SECTIONS_MAX: usize = 4096;
/// The longest name of a list or category, in bytes.
pub const NAME_TEXT_MAX: usize = 64;
/// Stands for "entries with paths lie on this host" in a set of sections.
pub(crate) const PATHS_BELOW: u16 = u16::MAX;

/// Why bytes are no catalogue that this program can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// The file begins with something else.
    #[error("this is not a compiled catalogue")]
    NotACatalogue,
    /// Written by another version of the program.
    #[error(
        "the catalogue has format version {found}, this program reads {FORMAT_VERSION}: build it anew from its lists"
    )]
    OtherVersion {
        /// The version in the file.
        found: u32,
    },
    /// Built with a hash this program does not know.
    #[error("the catalogue was built with another hash function: build it anew from its lists")]
    OtherHash,
    /// Shorter or longer than its header says.
    #[error(
        "the catalogue is {found} bytes long and should be {expected}: it was cut short or damaged; build it anew from its lists"
    )]
    WrongLength {
        /// Bytes the header announces.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// The checksum does not match.
    #[error(
        "the catalogue's checksum does not match its contents: it is damaged; build it anew from its lists"
    )]
    WrongChecksum,
    /// A table inside makes no sense.
    #[error("the catalogue's {0} make no sense: it is damaged; build it anew from its lists")]
    Nonsense(&'static str),
}

/// The fixed part at the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) seed: u64,
    pub(crate) version: u64,
    pub(crate) built_at_ms: i64,
    pub(crate) length: u64,
    pub(crate) names: u64,
    pub(crate) urls: u64,
    /// Bit `d` is set when some entry's host has `d` labels (63: so many or more; 0: an IP).
    pub(crate) depths: u64,
    pub(crate) longest_probe: u32,
    pub(crate) tables_length: u64,
    pub(crate) table_offset: u64,
    pub(crate) buckets: u64,
    /// Words of the front filter, which ends where the table begins.
    pub(crate) front_words: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut w = Writer::default();
        w.0.extend_from_slice(&MAGIC);
        w.u32(FORMAT_VERSION);
        w.u32(self.longest_probe);
        w.0.extend_from_slice(&HASH_NAME);
        w.u64(self.seed);
        w.u64(self.version);
        w.i64(self.built_at_ms);
        w.u64(self.length);
        w.u64(self.names);
        w.u64(self.urls);
        w.u64(self.depths);
        w.u64(self.tables_length);
        w.u64(self.table_offset);
        w.u64(self.buckets);
        w.u64(self.front_words);
        let mut header = [0; HEADER_BYTES];
        header[..w.0.len()].copy_from_slice(&w.0);
        header
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let mut r = Reader(bytes);
        if r.array() != Some(MAGIC) {
            return Err(CatalogueError::NotACatalogue);
        }
        let found = r.u32().ok_or(CatalogueError::NotACatalogue)?;
        if found != FORMAT_VERSION {
            return Err(CatalogueError::OtherVersion { found });
        }
        let cut = CatalogueError::WrongLength {
            expected: HEADER_BYTES as u64,
            found: bytes.len() as u64,
        };
        let longest_probe = r.u32().ok_or(cut)?;
        if r.array().ok_or(cut)? != HASH_NAME {
            return Err(CatalogueError::OtherHash);
        }
        let mut next = || r.u64().ok_or(cut);
        Ok(Self {
            longest_probe,
            seed: next()?,
            version: next()?,
            built_at_ms: next()?.cast_signed(),
            length: next()?,
            names: next()?,
            urls: next()?,
            depths: next()?,
            tables_length: next()?,
            table_offset: next()?,
            buckets: next()?,
            front_words: next()?,
        })
    }

    /// Where front filter and table lie, checked against the file's length.
    pub(crate) fn ranges(&self) -> Option<(Range<usize>, Range<usize>)> {
        let start = usize::try_from(self.table_offset).ok()?;
        let length = usize::try_from(self.buckets)
            .ok()?
            .checked_mul(BUCKET_BYTES)?;
        let end = start.checked_add(length)?;
        let words = usize::try_from(self.front_words).ok()?;
        let front = start.checked_sub(words.checked_mul(WORD_BYTES)?)?;
        let tables_end = (HEADER_BYTES as u64).checked_add(self.tables_length)?;
        let fits = tables_end <= front as u64
            && (end as u64).checked_add(CHECKSUM_BYTES as u64)? == self.length;
        fits.then_some((front..start, start..end))
    }
}

/// One list as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListInfo {
    /// The list's name, unique in the catalogue.
    pub name: Arc<str>,
    /// Its version, counted up with each import.
    pub version: u64,
    /// When it was imported.
    pub imported_at: Timestamp,
    /// Entries in it, each counted once a category.
    pub entries: u64,
}

/// Entries of one list in one category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SectionInfo {
    pub(crate) list: u16,
    pub(crate) category: CategoryId,
}

/// What one tag of the hash table stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagSet {
    pub(crate) categories: CategorySet,
    pub(crate) paths_below: bool,
    pub(crate) sections: Box<[u16]>,
}

/// The variable part, decoded at opening: a few kilobytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    pub(crate) categories: Vec<Arc<str>>,
    pub(crate) lists: Vec<ListInfo>,
    pub(crate) sections: Vec<SectionInfo>,
    pub(crate) tags: Vec<TagSet>,
}

impl Tables {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.u16(small(self.categories.len()));
        for name in &self.categories {
            w.text(name);
        }
        w.u16(small(self.lists.len()));
        for list in &self.lists {
            w.text(&list.name);
            w.u64(list.version);
            w.i64(list.imported_at.as_millisecond());
            w.u64(list.entries);
        }
        w.u16(small(self.sections.len()));
        for section in &self.sections {
            w.u16(section.list);
            w.u16(section.category.0.into());
        }
        w.u16(small(self.tags.len()));
        for tag in &self.tags {
            w.u16(small(tag.sections.len()) | u16::from(tag.paths_below) << 15);
            for section in &tag.sections {
                w.u16(*section);
            }
        }
        w.0
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let mut r = Reader(bytes);
        let mut tables = Self::default();
        tables
            .read_categories(&mut r)
            .ok_or(CatalogueError::Nonsense("category names"))?;
        tables
            .read_lists(&mut r)
            .ok_or(CatalogueError::Nonsense("list table"))?;
        tables
            .read_sections(&mut r)
            .ok_or(CatalogueError::Nonsense("sections"))?;
        tables
            .read_tags(&mut r)
            .ok_or(CatalogueError::Nonsense("tags"))?;
        if r.0.is_empty() {
            Ok(tables)
        } else {
            Err(CatalogueError::Nonsense("tables"))
        }
    }

    fn read_categories(&mut self, r: &mut Reader<'_>) -> Option<()> {
        for _ in 0..bounded(r.u16()?, CATEGORIES_MAX)? {
            self.categories.push(r.text()?);
        }
        Some(())
    }

    fn read_lists(&mut self, r: &mut Reader<'_>) -> Option<()> {
        for _ in 0..bounded(r.u16()?, LISTS_MAX)? {
            self.lists.push(ListInfo {
                name: r.text()?,
                version: r.u64()?,
                imported_at: Timestamp::from_millisecond(r.i64()?).ok()?,
                entries: r.u64()?,
            });
        }
        Some(())
    }

    fn read_sections(&mut self, r: &mut Reader<'_>) -> Option<()> {
        for _ in 0..bounded(r.u16()?, SECTIONS_MAX)? {
            let (list, category) = (r.u16()?, r.u16()?);
            let known = usize::from(list) < self.lists.len()
                && usize::from(category) < self.categories.len();
            let category = CategoryId(u8::try_from(category).ok().filter(|_| known)?);
            self.sections.push(SectionInfo { list, category });
        }
        Some(())
    }

    fn read_tags(&mut self, r: &mut Reader<'_>) -> Option<()> {
        for _ in 0..r.u16()? {
            let word = r.u16()?;
            let mut sections = Vec::new();
            let mut categories = CategorySet::EMPTY;
            for _ in 0..bounded(word & 0x7FFF, SECTIONS_MAX)? {
                let section = r.u16()?;
                categories.insert(self.sections.get(usize::from(section))?.category);
                sections.push(section);
            }
            let paths_below = word >> 15 == 1;
            self.tags.push(TagSet {
                categories,
                paths_below,
                sections: sections.into(),
            });
        }
        Some(())
    }
}

fn bounded(count: u16, max: usize) -> Option<u16> {
    (usize::from(count) <= max).then_some(count)
}

/// Counts are bounded where they are made, well below this.
fn small(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
