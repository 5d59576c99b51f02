//! A weight for every common word: the voice of a page beside its subject.
//!
//! ```text
//! vocabulary
//! version 1
//! language en
//! categories suicide bullying          the columns, as policies name them
//! bias -742 -574                       hundredths of a unit: where a page of no weight stands
//! shift 150 140                        hundredths: added before it counts
//! points 1500 1480                     what a unit comes to, in hundredths of a point of a dictionary
//!
//! [words]
//! tired 31 -4                          hundredths of a unit, from -127 to 127, one for each column
//!
//! [pairs]
//! so tired 12 0                        two words that stand one behind the other, likewise
//! ```
//!
//! Dictionaries know what a page is about; lessons and help pages are about the same. What tells them
//! apart is who speaks to whom: that is in the many small words. The weights are fitted, a logistic
//! model for each category over how often each word stands on a page, and add to what the dictionaries
//! find (`docs/dictionaries.md`).

use std::sync::Arc;

use super::compiled::THEMES_MAX;
use super::counting::{WORDS_LEAST, words_factor};
use super::dictionary::{DictionaryProblem, PROBLEMS_MAX};
use super::folder::fold_phrase;
use super::line::Phrase;

/// The most categories of one vocabulary.
pub(super) const COLUMNS: usize = 16;
/// The most words, and the most pairs of them.
pub const WORDS_MAX: usize = 50_000;
/// Up to so many words nothing is said of a page.
const WORDS_SILENT: u32 = 10;
/// Of the words of a page so many hundredths are known where it is in this language for certain, and
/// so many where it is certainly not.
const KNOWN_SURE: u32 = 60;
const KNOWN_NOT: u32 = 40;
/// The least and the most units that the words of a page come to.
const UNITS_LEAST: f64 = -12.0;
const UNITS_MOST: f64 = 8.0;
/// The most words told of one category.
const TOLD_MAX: usize = 6;

/// Words and pairs of words with their weights, read and checked.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    /// The columns' categories.
    pub(super) categories: Vec<Arc<str>>,
    bias: Vec<i32>,
    shift: Vec<i32>,
    points: Vec<i32>,
    pub(super) words: Vec<Phrase>,
    pub(super) pairs: Vec<Phrase>,
    /// Those of the words, then those of the pairs.
    rows: Vec<[i8; COLUMNS]>,
}

impl Vocabulary {
    /// Reads a text.
    ///
    /// # Errors
    /// Everything that is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, Vec<DictionaryProblem>> {
        let mut read = Reader {
            all: Self::default(),
            named: false,
            rows: Rows::None,
            lines: Vec::new(),
            problems: Vec::new(),
        };
        for (line, text) in (1..).zip(text.lines()) {
            if read.problems.len() < PROBLEMS_MAX {
                read.line(line, text.trim());
            }
        }
        read.finish()
    }

    /// How many words and pairs there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// What the rows that are being read are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rows {
    None,
    Words,
    Pairs,
}

struct Reader {
    all: Vocabulary,
    named: bool,
    rows: Rows,
    /// Where each row of words stands, and of pairs.
    lines: Vec<usize>,
    problems: Vec<DictionaryProblem>,
}

impl Reader {
    fn wrong(&mut self, line: usize, message: String) {
        self.problems.push(DictionaryProblem { line, message });
    }

    fn line(&mut self, line: usize, text: &str) {
        if text.is_empty() || text.starts_with('#') {
            return;
        }
        match text {
            "[words]" if self.rows <= Rows::Words => return self.rows = Rows::Words,
            "[words]" => return self.wrong(line, "[words] come before [pairs]".to_owned()),
            "[pairs]" => return self.rows = Rows::Pairs,
            _ => {}
        }
        let mut parts = text.split_whitespace();
        let first = parts.next().unwrap_or_default();
        match self.rows {
            Rows::None => {}
            Rows::Words => return self.row(line, first, parts),
            Rows::Pairs => {
                let pair = format!("{first} {}", parts.next().unwrap_or_default());
                return self.row(line, &pair, parts);
            }
        }
        match first {
            "vocabulary" => self.named = true,
            "version" | "language" => {}
            "categories" => {
                self.all.categories = parts.map(Arc::from).collect();
                let count = self.all.categories.len();
                if count == 0 || count > COLUMNS.min(THEMES_MAX) {
                    self.wrong(line, format!("name 1 to {COLUMNS} categories"));
                }
            }
            "bias" | "shift" | "points" => {
                let numbers: Option<Vec<i32>> = parts.map(|part| part.parse().ok()).collect();
                let count = self.all.categories.len();
                match numbers.filter(|numbers| numbers.len() == count) {
                    Some(numbers) if first == "bias" => self.all.bias = numbers,
                    Some(numbers) if first == "shift" => self.all.shift = numbers,
                    Some(numbers) => self.all.points = numbers,
                    None => self.wrong(
                        line,
                        format!("{first}: give a whole number for each of the {count} categories"),
                    ),
                }
            }
            other => self.wrong(
                line,
                format!("{other:?} is not known here: vocabulary, version, language, categories, bias, shift, points, [words] or [pairs]"),
            ),
        }
    }

    fn row<'a>(&mut self, line: usize, text: &str, numbers: impl Iterator<Item = &'a str>) {
        let mut row = [0; COLUMNS];
        let mut given = 0;
        for (place, number) in numbers.enumerate() {
            given += 1;
            match (row.get_mut(place), number.parse::<i8>()) {
                (Some(weight), Ok(number)) if number > i8::MIN => *weight = number,
                (Some(_), _) => {
                    return self.wrong(line, format!("{number:?} is no weight from -127 to 127"));
                }
                (None, _) => break,
            }
        }
        let count = self.all.categories.len();
        if given != count {
            return self.wrong(line, format!("{text}: give {count} weights, not {given}"));
        }
        let (into, blanks, what) = match self.rows {
            Rows::Pairs => (&mut self.all.pairs, 3, "two words"),
            _ => (&mut self.all.words, 2, "one word"),
        };
        let folded = fold_phrase(text);
        let problem = if into.len() >= WORDS_MAX {
            format!("more than {WORDS_MAX} rows")
        } else if folded.iter().filter(|byte| **byte == b' ').count() != blanks {
            format!("{text:?} is not {what}")
        } else {
            into.push(Phrase {
                text: text.into(),
                folded,
            });
            self.all.rows.push(row);
            self.lines.push(line);
            return;
        };
        self.wrong(line, problem);
    }

    /// Of a row that is given twice one weight would count, and nobody would know which.
    fn given_twice(&mut self) {
        let all = self.all.words.iter().chain(&self.all.pairs);
        let mut rows: Vec<_> = all.zip(&self.lines).collect();
        // What comes in order, as a shipped file does, costs one pass.
        rows.sort_by(|(one, _), (other, _)| one.folded.cmp(&other.folded));
        let alike = rows.windows(2).filter_map(|pair| match pair {
            [(one, held), (other, line)] if one.folded == other.folded => {
                Some((*held, *line, other))
            }
            _ => None,
        });
        let twice = alike.map(|(held, line, phrase)| DictionaryProblem {
            line: *line,
            message: format!(
                "{:?} stands in line {held} already: keep one of the two lines",
                phrase.text
            ),
        });
        let room = PROBLEMS_MAX.saturating_sub(self.problems.len());
        let twice: Vec<_> = twice.take(room).collect();
        self.problems.extend(twice);
    }

    fn finish(mut self) -> Result<Vocabulary, Vec<DictionaryProblem>> {
        let count = self.all.categories.len();
        if !self.named {
            self.wrong(
                1,
                "a vocabulary begins with the line \"vocabulary\"".to_owned(),
            );
        }
        for (name, numbers) in [
            ("bias", &self.all.bias),
            ("shift", &self.all.shift),
            ("points", &self.all.points),
        ] {
            if numbers.len() != count {
                let message = format!("the line {name:?} is missing");
                self.problems.push(DictionaryProblem { line: 1, message });
            }
        }
        self.given_twice();
        if self.problems.is_empty() {
            Ok(self.all)
        } else {
            Err(self.problems)
        }
    }
}

/// A vocabulary ready to be counted: its columns are themes.
#[derive(Debug)]
pub(super) struct Voice {
    rows: Vec<[i8; COLUMNS]>,
    /// How many of the rows are words; those behind are pairs.
    words: u32,
    columns: Vec<Column>,
    /// Words and pairs as written, one behind the other, and where each ends.
    texts: String,
    ends: Vec<u32>,
}

#[derive(Debug)]
struct Column {
    theme: usize,
    bias: f64,
    shift: f64,
    points: f64,
}

/// What the words of one page come to for one category.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) theme: usize,
    pub(super) points: i32,
    /// How far they can be believed, from 0 to 1.
    pub(super) trust: f64,
}

/// How often the words of a vocabulary were heard on a page.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// For every row how often, at most 255 times.
    times: Box<[u8]>,
    /// The rows that were heard at all.
    rows: Vec<u32>,
    known: u32,
}

impl Voice {
    /// `theme` gives the place of a category among the themes; columns without one are left out.
    pub(super) fn of(words: &Vocabulary, theme: impl Fn(&str) -> Option<usize>) -> Self {
        let hundredths =
            |numbers: &[i32], at: usize| f64::from(numbers.get(at).copied().unwrap_or(0)) / 100.0;
        let column = |(at, category): (usize, &Arc<str>)| Column {
            theme: theme(category).unwrap_or(usize::MAX),
            bias: hundredths(&words.bias, at),
            shift: hundredths(&words.shift, at),
            points: hundredths(&words.points, at),
        };
        let all = || words.words.iter().chain(&words.pairs);
        let texts: String = all().map(|word| &*word.text).collect();
        let mut end = 0;
        let ends = all().map(|word| {
            end += word.text.len();
            u32::try_from(end).unwrap_or(u32::MAX)
        });
        Self {
            rows: words.rows.clone(),
            words: u32::try_from(words.words.len()).unwrap_or(u32::MAX),
            columns: words.categories.iter().enumerate().map(column).collect(),
            ends: ends.collect(),
            texts,
        }
    }

    /// A word or a pair, by its row.
    pub(super) fn word(&self, row: usize) -> Option<&str> {
        let end = |row: usize| self.ends.get(row).map(|end| *end as usize);
        let from = row.checked_sub(1).map_or(Some(0), end)?;
        self.texts.get(from..end(row)?)
    }

    /// What the words come to for every theme that has a column, on a page of so many words. Nothing
    /// of a page that is too short, or in another language.
    pub(super) fn said(&self, heard: &Heard, words: u32) -> Vec<Said> {
        let trust = trust(heard.known, words);
        if trust <= 0.0 {
            return Vec::new();
        }
        // A word counts as the root of how often it stands there.
        let mut sums = [0.0; COLUMNS];
        for (row, times) in heard.all() {
            let (root, weights) = (f32::from(times).sqrt(), self.rows.get(row));
            for (sum, weight) in sums.iter_mut().zip(weights.into_iter().flatten()) {
                *sum += root * f32::from(*weight);
            }
        }
        let length = words_factor(words) / 100.0;
        let said = |(column, sum): (&Column, &f32)| {
            let units = length * f64::from(*sum) + column.bias;
            let units = units.clamp(UNITS_LEAST, UNITS_MOST) + column.shift;
            Said {
                theme: column.theme,
                points: rounded(trust * units * column.points),
                trust,
            }
        };
        let all = self.columns.iter().zip(&sums).map(said);
        all.filter(|said| said.theme != usize::MAX).collect()
    }

    /// The words that said most for or against a theme, with how often they were heard and what
    /// they added, in points.
    pub(super) fn loudest(&self, heard: &Heard, words: u32, theme: usize) -> Vec<(usize, u8, i32)> {
        let Some(at) = self.columns.iter().position(|column| column.theme == theme) else {
            return Vec::new();
        };
        let unit = trust(heard.known, words) * words_factor(words) * self.columns[at].points;
        let mut all: Vec<(usize, u8, i32)> = heard
            .all()
            .map(|(row, times)| {
                let weight = self.rows.get(row).map_or(0, |row| row[at]);
                let points = unit * f64::from(times).sqrt() * f64::from(weight) / 100.0;
                (row, times, rounded(points))
            })
            .filter(|(.., points)| *points != 0)
            .collect();
        all.sort_by_key(|(row, _, points)| (std::cmp::Reverse(points.abs()), *row));
        all.truncate(TOLD_MAX);
        all
    }
}

impl Heard {
    /// A word or a pair of the vocabulary, by its row.
    #[inline]
    pub(super) fn hear(&mut self, voice: &Voice, row: u32) {
        let Some(times) = self.times.get_mut(row as usize) else {
            return self.hear_first(voice, row);
        };
        if *times == 0 {
            self.rows.push(row);
        }
        *times = times.saturating_add(1);
        self.known = self.known.saturating_add(u32::from(row < voice.words));
    }

    /// The table is made when the first word is heard.
    #[cold]
    fn hear_first(&mut self, voice: &Voice, row: u32) {
        if self.times.is_empty() && (row as usize) < voice.rows.len() {
            self.times = vec![0; voice.rows.len()].into();
            self.hear(voice, row);
        }
    }

    /// The rows that were heard, with how often.
    fn all(&self) -> impl Iterator<Item = (usize, u8)> {
        let times = |row: u32| self.times.get(row as usize).copied().unwrap_or(0);
        self.rows
            .iter()
            .map(move |row| (*row as usize, times(*row)))
    }
}

/// How far the words of a page can be believed, from 0 to 1: not at all on a page of a few words, nor
/// on one in another language.
fn trust(known: u32, words: u32) -> f64 {
    let ramp = |value: u32, from: u32, to: u32| {
        (f64::from(value.saturating_sub(from)) / f64::from(to - from)).min(1.0)
    };
    let share = known.saturating_mul(100) / words.max(1);
    ramp(words, WORDS_SILENT, WORDS_LEAST) * ramp(share, KNOWN_NOT, KNOWN_SURE)
}

fn rounded(points: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "ten units of some points")]
    let points = points.round().clamp(-1e6, 1e6) as i32;
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "vocabulary\nversion 1\nlanguage en\ncategories suicide drugs\nbias -100 -200\n\
        shift 50 0\npoints 1000 2000\n\n[words]\n# a note\ntired 40 0\nlesson -60 -60\n";

    fn voice() -> Voice {
        let themes = ["drugs", "suicide"];
        Voice::of(&Vocabulary::parse(SMALL).unwrap(), |category| {
            themes.iter().position(|known| *known == category)
        })
    }

    #[test]
    fn a_vocabulary_is_read_and_what_is_wrong_in_it_told() {
        let read = Vocabulary::parse(SMALL).unwrap();
        assert_eq!((read.len(), read.is_empty()), (2, false));
        for (wrong, line, says) in [
            ("categories a\n", 1, "begins with"),
            (
                "vocabulary\ncategories a\nbias 1 2\n",
                3,
                "for each of the 1",
            ),
            (
                "vocabulary\ncategories a\nbias 1\nshift 1\npoints 1\n[words]\nw 200",
                7,
                "from -127",
            ),
            (
                "vocabulary\ncategories a\nbias 1\nshift 1\npoints 1\n[words]\nw 1 2",
                7,
                "give 1 weights",
            ),
            (
                "vocabulary\ncategories a\nbias 1\nshift 1\npoints 1\n[words]\na-b 1",
                7,
                "not one word",
            ),
            (
                "vocabulary\ncategories a\nbias 1\nshift 1\npoints 1\n[pairs]\nso 1",
                7,
                "give 1 weights",
            ),
            (
                "vocabulary\ncategories a\nbias 1\nshift 1\npoints 1\n[pairs]\nso a-b 1",
                7,
                "not two words",
            ),
            (
                "vocabulary\ncategories a\nbias 1\nshift 1\npoints 1\n[pairs]\n[words]",
                7,
                "come before",
            ),
            ("vocabulary\nweights a\n", 2, "not known here"),
            (
                "vocabulary\ncategories a\nbias 1\nshift 1\npoints 1\n[words]\nso 1\nsea 1\nSo 2",
                9,
                "\"So\" stands in line 7 already: keep one",
            ),
            (
                "vocabulary\ncategories a\nbias 1\nshift 1\npoints 1\n[words]\nso 1\n[pairs]\nso so 1\nso so 1",
                10,
                "\"so so\" stands in line 9 already: keep one",
            ),
        ] {
            let problems = Vocabulary::parse(wrong).unwrap_err();
            assert!(
                problems
                    .iter()
                    .any(|p| p.line == line && p.message.contains(says)),
                "{wrong}: {problems:?}"
            );
        }
    }

    /// FIL-02: the words of a page add up, the same word less each time, and are not believed on short
    /// pages or in another language.
    #[test]
    fn fil_02_words_add_up_within_bounds() {
        let (voice, mut heard) = (voice(), Heard::default());
        for _ in 0..60 {
            heard.hear(&voice, 0);
        }
        let points = |heard: &Heard, words| -> Vec<(usize, i32)> {
            let said = voice.said(heard, words);
            said.into_iter()
                .map(|said| (said.theme, said.points))
                .collect()
        };
        // Sixty times: the root of 60 times 0.4, less 1, and 0.5 more.
        assert_eq!(points(&heard, 60), [(1, 26), (0, -40)]);
        assert_eq!(points(&heard, 10), []);
        assert_eq!(points(&heard, 200), [], "less than two fifths are known");
        assert_eq!(voice.loudest(&heard, 60, 1), [(0, 60, 31)]);
        for _ in 0..10_000 {
            heard.hear(&voice, 1);
        }
        // However often it stands there, a page is not talked out of its meaning without end.
        let least = points(&heard, 10_060);
        assert!(
            least.iter().all(|(_, points)| (-80..0).contains(points)),
            "{least:?}"
        );
        assert_eq!(heard.all().collect::<Vec<_>>(), [(0, 60), (1, 255)]);
    }
}
