//! Every dictionary in one automaton.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use daachorse::DoubleArrayAhoCorasick;

use super::dictionary::{AgeBand, Dictionary, DictionaryProblem};
use super::letters;

include!(concat!(env!("OUT_DIR"), "/dictionaries.rs"));

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
    /// Its phrases, by number.
    pub(super) parts: Box<[u32]>,
}

/// Dictionaries ready to be searched for: immutable, shared by every page.
pub struct Dictionaries {
    themes: Vec<Theme>,
    lines: Vec<Line>,
    /// For every phrase the lines that begin with it.
    lines_of: Vec<Box<[u32]>>,
    finder: Option<DoubleArrayAhoCorasick<u32>>,
    longest: usize,
}

impl fmt::Debug for Dictionaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dictionaries")
            .field("themes", &self.themes.len())
            .field("lines", &self.lines.len())
            .field("phrases", &self.lines_of.len())
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
        Self::compile(&all)
    }

    /// Name and text of every dictionary that Pharos ships, to begin own ones from.
    pub fn built_in_texts() -> &'static [(&'static str, &'static str)] {
        BUILT_IN
    }

    /// Puts dictionaries together.
    ///
    /// # Errors
    /// More phrases or categories than there may be.
    pub fn compile(dictionaries: &[Dictionary]) -> Result<Self, DictionariesError> {
        letters::warm();
        let mut themes: Vec<Theme> = Vec::new();
        let mut numbers: HashMap<&[u8], u32> = HashMap::new();
        let mut lines = Vec::new();
        for dictionary in dictionaries {
            let theme = theme_of(&mut themes, dictionary);
            let theme = u16::try_from(theme).unwrap_or(u16::MAX);
            for entry in &dictionary.entries {
                let mut parts: Vec<u32> = Vec::with_capacity(entry.parts.len());
                for part in &entry.parts {
                    let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                    let number = *numbers.entry(part).or_insert(next);
                    if !parts.contains(&number) {
                        parts.push(number);
                    }
                }
                lines.push(Line {
                    theme,
                    weight: entry.weight,
                    text: Arc::clone(&entry.text),
                    parts: parts.into(),
                });
            }
        }
        if themes.len() > THEMES_MAX {
            let text = format!("the dictionaries find more than {THEMES_MAX} categories");
            return Err(DictionariesError::TooMuch(text));
        }
        if numbers.len() > PHRASES_TOTAL_MAX {
            let text = format!("the dictionaries hold more than {PHRASES_TOTAL_MAX} phrases");
            return Err(DictionariesError::TooMuch(text));
        }
        let mut lines_of = vec![Vec::new(); numbers.len()];
        for (number, line) in (0_u32..).zip(&lines) {
            if let Some(first) = line.parts.first() {
                lines_of[*first as usize].push(number);
            }
        }
        let longest = numbers.keys().map(|phrase| phrase.len()).max().unwrap_or(0);
        let finder = match numbers.is_empty() {
            true => None,
            false => Some(
                DoubleArrayAhoCorasick::with_values(numbers).map_err(|error| {
                    DictionariesError::TooMuch(format!("the dictionaries are too large: {error}"))
                })?,
            ),
        };
        Ok(Self {
            themes,
            lines,
            lines_of: lines_of.into_iter().map(Vec::into_boxed_slice).collect(),
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

    pub(super) fn phrases(&self) -> usize {
        self.lines_of.len()
    }

    /// How many bytes before a place may belong to a phrase that ends behind it.
    pub(super) fn reach(&self) -> usize {
        self.longest
    }

    pub(super) fn lines_of(&self, phrase: u32) -> impl Iterator<Item = &Line> {
        let numbers = self.lines_of.get(phrase as usize);
        numbers
            .into_iter()
            .flatten()
            .filter_map(|number| self.lines.get(*number as usize))
    }

    /// Calls `found` with every phrase that ends in `text` behind its first `old` bytes.
    pub(super) fn find(&self, old: usize, text: &[u8], mut found: impl FnMut(u32)) {
        let Some(finder) = &self.finder else { return };
        for hit in finder.find_overlapping_iter(text) {
            if hit.end() > old {
                found(hit.value());
            }
        }
    }
}

/// The place of a dictionary's category among the themes, put in where it is new.
fn theme_of(themes: &mut Vec<Theme>, dictionary: &Dictionary) -> usize {
    let version = (Arc::clone(&dictionary.language), dictionary.version);
    let place = themes
        .iter()
        .position(|theme| theme.category == dictionary.category);
    if let Some(theme) = place.and_then(|place| themes.get_mut(place)) {
        for (mine, theirs) in theme.thresholds.iter_mut().zip(dictionary.thresholds) {
            *mine = (*mine).min(theirs);
        }
        theme.distress |= dictionary.distress;
        if &*dictionary.language == "en" {
            theme.title = Arc::clone(&dictionary.title);
        }
        theme.versions.push(version.clone());
    }
    place.unwrap_or_else(|| {
        themes.push(Theme {
            category: Arc::clone(&dictionary.category),
            title: Arc::clone(&dictionary.title),
            thresholds: dictionary.thresholds,
            distress: dictionary.distress,
            versions: vec![version],
        });
        themes.len() - 1
    })
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
        let both = Dictionaries::compile(&[
            read("en", "early 5, prep 6, secondary 7, sixth 8, adult 9"),
            read("cy", "early 4, prep 7, secondary 7, sixth 8, adult 10"),
        ])
        .unwrap();
        assert_eq!(both.themes().len(), 1);
        assert_eq!(both.themes()[0].thresholds, [4, 6, 7, 8, 9]);
        assert_eq!(both.len(), 2);
    }
}
