//! Every dictionary in one automaton.

use std::fmt;
use std::sync::Arc;

use daachorse::DoubleArrayAhoCorasick;

use super::compile::Compiled;
use super::dictionary::{AgeBand, Dictionary, DictionaryProblem};
use super::letters;
use super::line::Gap;
use super::sets::Sets;
use super::vocabulary::{Vocabulary, Voice};

include!(concat!(env!("OUT_DIR"), "/dictionaries.rs"));

const BUILT_IN_WORDS: &str = include_str!("../../data/vocabulary.txt");

/// The most phrases of all dictionaries together.
pub const PHRASES_TOTAL_MAX: usize = 200_000;
/// The most categories that dictionaries may find.
pub const THEMES_MAX: usize = 64;

/// What one or several dictionaries say of one category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// The category, as policies name it.
    pub category: Arc<str>,
    /// What people read for it.
    pub title: Arc<str>,
    /// The score from which on a page is over, for each of [`AgeBand::ALL`]; where several
    /// dictionaries find the category, the strictest of them.
    pub thresholds: [i32; 5],
    /// Whether the reader may be in distress (FIL-13).
    pub distress: bool,
    /// The language and version of each dictionary.
    pub versions: Vec<(Arc<str>, u32)>,
}

impl Theme {
    /// The score from which on a page is over for a band.
    pub fn threshold(&self, band: AgeBand) -> i32 {
        self.thresholds[band as usize]
    }
}

/// A line of a dictionary, ready to be counted.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) theme: u16,
    pub(super) weight: i32,
    pub(super) text: Arc<str>,
    /// Its concepts, by number.
    pub(super) parts: Box<[u32]>,
}

/// What is counted: a phrase, a set, or several that stand near each other.
#[derive(Debug, Default)]
pub(super) struct Concept {
    /// The lines that begin with it.
    pub(super) lines: Vec<u32>,
    /// Whether a line names it.
    pub(super) counted: bool,
    /// What it must stand near.
    pub(super) groups: Vec<Meeting>,
    /// Whether somebody asks where it stood.
    pub(super) placed: bool,
}

/// A concept's place in a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meeting {
    pub(super) group: u32,
    pub(super) place: u8,
    /// The unit next to it, and how far away that may be: looked at first, as it is mostly nowhere.
    pub(super) next: u32,
    pub(super) within: u8,
}

/// Concepts that must stand near each other.
#[derive(Debug)]
pub(super) struct Group {
    /// What they are together.
    pub(super) concept: u32,
    pub(super) units: Box<[u32]>,
    pub(super) gaps: Box<[Gap]>,
    pub(super) guard: Option<(u32, u8)>,
}

/// A phrase.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) text: Arc<str>,
    pub(super) words: u32,
    /// What it belongs to.
    pub(super) concepts: Vec<u32>,
    /// Its row of the vocabulary.
    pub(super) row: Option<u32>,
}

/// Dictionaries ready to be searched for: immutable, shared by every page.
pub struct Dictionaries {
    themes: Vec<Theme>,
    lines: Vec<Line>,
    concepts: Vec<Concept>,
    groups: Vec<Group>,
    phrases: Vec<Known>,
    voice: Voice,
    finder: Option<DoubleArrayAhoCorasick<u32>>,
    longest: usize,
}

impl fmt::Debug for Dictionaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dictionaries")
            .field("themes", &self.themes.len())
            .field("lines", &self.lines.len())
            .field("phrases", &self.phrases.len())
            .finish_non_exhaustive()
    }
}

/// Why dictionaries cannot be used together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DictionariesError {
    /// A text is wrong.
    #[error("dictionary {name}: {} problems, the first on {first}", problems.len(), first = problems.first().map_or_else(String::new, ToString::to_string))]
    Wrong {
        /// The name of the file.
        name: String,
        /// Everything that is wrong.
        problems: Vec<DictionaryProblem>,
    },
    /// There is too much of it.
    #[error("{0}")]
    TooMuch(String),
}

impl Dictionaries {
    /// The dictionaries that Pharos ships.
    ///
    /// # Errors
    /// None in a released build: a test reads them.
    pub fn built_in() -> Result<Self, DictionariesError> {
        let read = |(name, text): &(&str, &str)| {
            Dictionary::parse(text).map_err(|problems| DictionariesError::Wrong {
                name: (*name).to_owned(),
                problems,
            })
        };
        let all = BUILT_IN.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Self::with_words(&all, &Self::built_in_sets()?, &Self::built_in_words()?)
    }

    /// The vocabulary that Pharos ships.
    ///
    /// # Errors
    /// None in a released build: a test reads it.
    pub fn built_in_words() -> Result<Vocabulary, DictionariesError> {
        Vocabulary::parse(BUILT_IN_WORDS).map_err(|problems| DictionariesError::Wrong {
            name: "vocabulary".to_owned(),
            problems,
        })
    }

    /// The sets that Pharos ships, for its own dictionaries and for others.
    ///
    /// # Errors
    /// None in a released build: a test reads them.
    pub fn built_in_sets() -> Result<Sets, DictionariesError> {
        let mut sets = Sets::default();
        for (name, text) in BUILT_IN_SETS {
            sets.extend(
                Sets::parse(text).map_err(|problems| DictionariesError::Wrong {
                    name: (*name).to_owned(),
                    problems,
                })?,
            );
        }
        Ok(sets)
    }

    /// Name and text of every dictionary that Pharos ships, to begin own ones from.
    pub fn built_in_texts() -> &'static [(&'static str, &'static str)] {
        BUILT_IN
    }

    /// Puts dictionaries together. Lines may name the shared sets beside those of their own text.
    ///
    /// # Errors
    /// More phrases or categories than there may be; a set that is nowhere.
    pub fn compile(dictionaries: &[Dictionary], shared: &Sets) -> Result<Self, DictionariesError> {
        Self::with_words(dictionaries, shared, &Vocabulary::default())
    }

    /// The same with a vocabulary, whose weights add to what the lines find. Its columns for
    /// categories that no dictionary finds are left out.
    ///
    /// # Errors
    /// As for [`Dictionaries::compile`].
    pub fn with_words(
        dictionaries: &[Dictionary],
        shared: &Sets,
        words: &Vocabulary,
    ) -> Result<Self, DictionariesError> {
        letters::warm();
        let all = Compiled::of(dictionaries, shared, words)?;
        let place = |category: &str| {
            let mut themes = all.themes.iter();
            themes.position(|theme| &*theme.category == category)
        };
        let voice = Voice::of(words, place);
        let longest = all
            .numbers
            .keys()
            .map(|phrase| phrase.len())
            .max()
            .unwrap_or(0);
        let finder = match all.numbers.is_empty() {
            true => None,
            false => Some(
                DoubleArrayAhoCorasick::with_values(all.numbers).map_err(|error| {
                    DictionariesError::TooMuch(format!("the dictionaries are too large: {error}"))
                })?,
            ),
        };
        Ok(Self {
            themes: all.themes,
            lines: all.lines,
            concepts: all.concepts,
            groups: all.groups,
            phrases: all.phrases,
            voice,
            finder,
            longest,
        })
    }

    /// The categories that pages are judged for.
    pub fn themes(&self) -> &[Theme] {
        &self.themes
    }

    /// The theme of a category.
    pub fn theme(&self, category: &str) -> Option<&Theme> {
        self.themes
            .iter()
            .find(|theme| &*theme.category == category)
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The bytes of memory that the automaton takes.
    pub fn memory_bytes(&self) -> usize {
        self.finder.as_ref().map_or(0, |finder| finder.heap_bytes())
    }

    /// How many phrases, concepts and groups of concepts there are.
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.phrases.len(), self.concepts.len(), self.groups.len())
    }

    pub(super) fn voice(&self) -> &Voice {
        &self.voice
    }

    /// A word of the vocabulary.
    pub(super) fn word(&self, row: usize) -> Option<&Arc<str>> {
        self.phrases
            .iter()
            .find(|known| known.row.is_some_and(|own| own as usize == row))
            .map(|known| &known.text)
    }

    pub(super) fn concept(&self, number: u32) -> Option<&Concept> {
        self.concepts.get(number as usize)
    }

    pub(super) fn group(&self, number: u32) -> Option<&Group> {
        self.groups.get(number as usize)
    }

    pub(super) fn phrase(&self, number: u32) -> Option<&Known> {
        self.phrases.get(number as usize)
    }

    /// How many bytes before a place may belong to a phrase that ends behind it.
    pub(super) fn reach(&self) -> usize {
        self.longest
    }

    pub(super) fn lines_of(&self, concept: u32) -> impl Iterator<Item = &Line> {
        let numbers = self.concept(concept).map(|concept| &concept.lines);
        numbers
            .into_iter()
            .flatten()
            .filter_map(|number| self.lines.get(*number as usize))
    }

    /// Calls `found` with every phrase that ends in `text` behind its first `old` bytes, and the
    /// number of blanks in `text` before the last word of it ends.
    pub(super) fn find(&self, old: usize, text: &[u8], mut found: impl FnMut(u32, u32)) {
        let Some(finder) = &self.finder else { return };
        let (mut counted, mut blanks) = (0, 0);
        for hit in finder.find_overlapping_iter(text) {
            if hit.end() > old {
                let end = hit.end().saturating_sub(1).max(counted);
                blanks += blanks_in(&text[counted..end]);
                counted = end;
                found(hit.value(), blanks);
            }
        }
    }
}

/// How many blanks there are: as many as words.
pub(super) fn blanks_in(text: &[u8]) -> u32 {
    text.iter().map(|byte| u32::from(*byte == b' ')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-02: the shipped dictionaries read, are small enough, and name categories that exist.
    #[test]
    fn fil_02_the_shipped_dictionaries_read() {
        let built_in = Dictionaries::built_in().unwrap_or_else(|error| panic!("{error}"));
        for theme in built_in.themes() {
            assert!(
                pharos_catalogue::standard_categories().any(|known| *known.name == *theme.category),
                "{} is no category of the catalogue",
                theme.category
            );
        }
        assert!(built_in.memory_bytes() < 16 << 20);
    }

    #[test]
    fn dictionaries_of_two_languages_make_one_theme() {
        let read = |language: &str, numbers: &str| {
            let text = format!(
                "dictionary drugs\nversion 1\nlanguage {language}\nthreshold {numbers}\n9 x y z"
            );
            Dictionary::parse(&text).unwrap()
        };
        let two = [
            read("en", "early 5, prep 6, secondary 7, sixth 8, adult 9"),
            read("cy", "early 4, prep 7, secondary 7, sixth 8, adult 10"),
        ];
        let both = Dictionaries::compile(&two, &Sets::default()).unwrap();
        assert_eq!(both.themes().len(), 1);
        assert_eq!(both.themes()[0].thresholds, [4, 6, 7, 8, 9]);
        assert_eq!(both.len(), 2);
    }
}
