//! Names and URLs to category sets: canonical forms, list formats, the compiled file.
//!
//! Pure: this crate reads and writes byte slices. Files, maps and swaps live in `lists`.
//!
//! - [`Host`] and [`Address`] are the one canonical form of what requests ask for and lists name.
//! - [`Parser`] reads publishers' formats; bad lines are counted, never fatal.
//! - [`Compiler`] writes the compiled file, [`Catalogue`] reads it in place.
//! - [`SealedLists`] holds lists of illegal content as keyed hashes.
//! - [`Upstream`] is a resolver as packs and commands write it.
//! - [`standard_categories`] and [`category_for_folder`] give categories their names.

mod address;
mod bytes;
mod category;
mod compile;
mod format;
mod front;
mod hash;
mod host;
mod ipv4;
mod labels;
mod lookup;
mod memory;
mod parse;
mod path;
mod sample;
mod sealed;
mod standard;
mod table;
mod upstream;

pub use address::{ADDRESS_MAX, Address, AddressError};
pub use category::{CATEGORIES_MAX, CategoryId, CategorySet};
pub use compile::{CompileError, Compiler, ListNumber, Section, is_plain_name};
pub use format::{CatalogueError, LISTS_MAX, ListInfo, NAME_TEXT_MAX, SECTIONS_MAX};
pub use host::{Host, Suffix};
pub use lookup::{Catalogue, Counts, Match, Matched};
pub use memory::{Memory, SharedBytes};
pub use parse::{Entry, Format, LINE_MAX, PROBLEMS_MAX, Parser, Problem, Tally, Trouble, parse};
pub use path::{ENTRY_PATH_MAX, PATH_MAX, PREFIXES_MAX};
pub use sample::{sample, sample_list};
pub use sealed::{
    SEALED_ENTRIES_MAX, SealedBuilder, SealedError, SealedInfo, SealedKey, SealedList, SealedLists,
    SealedMatch, SealedStatus,
};
pub use standard::{StandardCategory, category_for_folder, standard_categories};
pub use upstream::{DOH_PATH, NoUpstream, Upstream};
