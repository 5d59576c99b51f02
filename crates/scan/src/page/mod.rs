//! Page text in real time: dictionaries, the extraction of text from bodies, and what it comes to.

mod charset;
mod compile;
mod compiled;
pub mod counting;
mod decode;
mod dictionary;
mod entity;
mod events;
mod folder;
mod forms;
mod html;
mod json;
mod letters;
mod lexicon;
mod line;
mod media;
mod own;
#[expect(clippy::module_inception, reason = "the page itself")]
mod page;
mod phraselist;
mod scan;
mod sets;
mod tags;
mod tally;
mod vocabulary;

pub use compiled::{Dictionaries, DictionariesError, PHRASES_TOTAL_MAX, THEMES_MAX, Theme};
pub use decode::{CODINGS, DecodeError, Decoder, RATIO_MAX, UNPACKED_MAX};
pub use dictionary::{
    AgeBand, DICTIONARY_BYTES_MAX, Dictionary, DictionaryProblem, ENTRIES_MAX, Entry,
    THRESHOLD_MAX, WEIGHT_MAX,
};
pub use line::{ENTRY_TEXT_MAX, NEAR_MAX, PARTS_MAX};
pub use media::{Kind, Media};
pub use own::{OwnProblem, holds_sets};
pub use phraselist::{BANNED_WEIGHT, PhraseList};
pub use scan::{BodyScan, Over, PAGE_BYTES_MAX, PageScan};
pub use sets::{SETS_MAX, Sets};
pub use tally::{CategoryScore, OwnPart, PhraseScore, Report};
pub use vocabulary::{Vocabulary, WORDS_MAX};
