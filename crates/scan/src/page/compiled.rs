//! Every dictionary, put together to be searched for in one go.

use std::fmt;
use std::sync::Arc;

use super::compile::Compiled;
use super::dictionary::{AgeBand, Dictionary, DictionaryProblem};
use super::lexicon::Lexicon;
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
    /// The school's file that it stands in.
    pub(super) own: Option<Arc<str>>,
    /// Its concepts, by number.
    pub(super) parts: Box<[u32]>,
}

/// What is counted: a phrase, a set, or several that stand near each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Concept {
    /// The lines that begin with it, in [`Tables::lines`].
    pub(super) lines: Span,
    /// What it must stand near, in [`Tables::besides`].
    pub(super) besides: Span,
    /// Its place among the concepts that are asked where they stood; [`NO_SEAT`] where nobody asks.
    pub(super) seat: u32,
    /// Whether a line names it.
    pub(super) counted: bool,
}

/// No concept's seat.
pub(super) const NO_SEAT: u32 = u32::MAX;

/// A concept that another must stand near, in one group or in several.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside {
    /// The other's seat.
    pub(super) next: u32,
    /// How far away it may be for any of them: looked at first, as it is mostly nowhere.
    pub(super) within: u32,
    /// The other's place in the groups, in [`Tables::meetings`].
    pub(super) meetings: Span,
}

/// A concept's place in a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meeting {
    pub(super) group: u32,
    pub(super) place: u8,
    pub(super) within: u8,
}

/// Some of a table, from one place up to another.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    from: u32,
    to: u32,
}

impl Span {
    /// What is put behind a table's end.
    pub(super) fn put<T>(table: &mut Vec<T>, items: impl IntoIterator<Item = T>) -> Self {
        let place = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let from = place(table.len());
        table.extend(items);
        Self {
            from,
            to: place(table.len()),
        }
    }

    pub(super) fn of<T>(self, table: &[T]) -> &[T] {
        let range = self.from as usize..self.to as usize;
        table.get(range).unwrap_or_default()
    }
}

/// What phrases, concepts and groups refer to, each kind in one table.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// Concepts that phrases belong to.
    pub(super) members: Vec<u32>,
    pub(super) lines: Vec<u32>,
    pub(super) besides: Vec<Beside>,
    pub(super) meetings: Vec<Meeting>,
    /// How many concepts are asked where they stood.
    pub(super) seats: usize,
}

/// Concepts that must stand near each other.
#[derive(Debug)]
pub(super) struct Group {
    /// What they are together.
    pub(super) concept: u32,
    /// Their seats.
    pub(super) units: Box<[u32]>,
    pub(super) gaps: Box<[Gap]>,
    /// The seat of what must not stand between them, or so many words before.
    pub(super) guard: Option<(u32, u8)>,
}

/// A phrase.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) text: Arc<str>,
    pub(super) words: u32,
    /// The concepts that it belongs to, in [`Tables::members`].
    pub(super) concepts: Span,
}

/// Dictionaries ready to be searched for: immutable, shared by every page.
pub struct Dictionaries {
    themes: Vec<Theme>,
    lines: Vec<Line>,
    concepts: Vec<Concept>,
    groups: Vec<Group>,
    phrases: Vec<Known>,
    tables: Tables,
    voice: Voice,
    lexicon: Lexicon,
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
        let mut all = Compiled::of(dictionaries, shared, words)?;
        let place = |category: &str| {
            let mut themes = all.themes.iter();
            themes.position(|theme| &*theme.category == category)
        };
        let voice = Voice::of(words, place);
        let mut phrases: Vec<(&[u8], u32)> = all.numbers.drain().collect();
        phrases.sort_unstable_by_key(|(_, number)| *number);
        let rows = words.words.iter().map(|word| &*word.folded);
        let pairs = words.pairs.iter().map(|pair| &*pair.folded);
        let lexicon = Lexicon::of(rows, pairs, phrases.into_iter());
        let mut tables = Tables::default();
        let seats = all.take_seats(&mut tables);
        let concepts = all.concepts.into_iter().zip(&seats);
        let concepts = concepts
            .map(|(draft, seat)| draft.into_concept(*seat, &seats, &mut tables))
            .collect();
        let known = all.phrases.into_iter();
        let known = known.map(|(text, words, concepts)| Known {
            text,
            words,
            concepts: Span::put(&mut tables.members, concepts),
        });
        let phrases = known.collect();
        Ok(Self {
            themes: all.themes,
            lines: all.lines,
            concepts,
            groups: all.groups,
            phrases,
            tables,
            voice,
            lexicon,
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

    /// The school's own files that lines stand in, in the order of their names.
    pub fn own_files(&self) -> Vec<Arc<str>> {
        let files = self.lines.iter().filter_map(|line| line.own.as_ref());
        let mut files: Vec<Arc<str>> = files.cloned().collect();
        files.sort();
        files.dedup();
        files
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The bytes of memory that the tables of words take.
    pub fn memory_bytes(&self) -> usize {
        self.lexicon.bytes()
    }

    /// How many phrases, concepts and groups of concepts there are.
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.phrases.len(), self.concepts.len(), self.groups.len())
    }

    pub(super) fn voice(&self) -> &Voice {
        &self.voice
    }

    pub(super) fn lexicon(&self) -> &Lexicon {
        &self.lexicon
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

    pub(super) fn lines_of(&self, concept: u32) -> impl Iterator<Item = &Line> {
        let span = self.concept(concept).map(|concept| concept.lines);
        let numbers = span.unwrap_or_default().of(&self.tables.lines);
        let line = |number: &u32| self.lines.get(*number as usize);
        numbers.iter().filter_map(line)
    }

    pub(super) fn tables(&self) -> &Tables {
        &self.tables
    }
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
