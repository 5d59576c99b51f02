//! The text of a dictionary: what speaks for and against a theme on a page, with weights.
//!
//! ```text
//! dictionary self-harm          the category, as policies name it
//! version 3
//! language en
//! title Self-harm
//! threshold early 40, prep 60, secondary 90, sixth 120, adult 180
//! distress yes                  who reads this gets a page of help, not a bare refusal
//!
//! [signs]                       headings are for people
//! 40 a phrase                   a weight and a phrase
//! 25 a word + another phrase    all of them, anywhere on the page
//! 15 begin*                     every word that begins so
//! set self = myself, my arm*    words and phrases that stand for one another
//! 24 @hurt ~6 @self             a word of each set, at most six words apart
//! [education]
//! -30 a phrase of lessons       speaks against
//! ```
//!
//! Phrases match whole words, folded as [`crate::fold`] folds them: capitals, accents, look-alikes
//! and digits for letters do not matter. `docs/dictionaries.md` has the whole format.

use std::sync::Arc;

use super::line::{Part, parts};
use super::sets::Sets;

/// The most lines with phrases in one dictionary.
pub const ENTRIES_MAX: usize = 20_000;
/// The largest text of one dictionary, in bytes.
pub const DICTIONARY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The furthest weight from nought.
pub const WEIGHT_MAX: i32 = 500;
/// The highest threshold.
pub const THRESHOLD_MAX: i32 = 100_000;
/// Problems told of one text.
pub(super) const PROBLEMS_MAX: usize = 100;

/// For whom a page is judged, strictest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum AgeBand {
    /// Nursery to Year 2, and whoever is not known.
    Early,
    /// Year 3 to Year 6.
    Prep,
    /// Year 7 to Year 11.
    Secondary,
    /// Year 12 and Year 13.
    Sixth,
    /// Staff and other adults.
    Adult,
}

impl AgeBand {
    /// Every band, strictest first.
    pub const ALL: [AgeBand; 5] = [
        AgeBand::Early,
        AgeBand::Prep,
        AgeBand::Secondary,
        AgeBand::Sixth,
        AgeBand::Adult,
    ];

    /// The name in dictionaries and commands.
    pub const fn name(self) -> &'static str {
        match self {
            AgeBand::Early => "early",
            AgeBand::Prep => "prep",
            AgeBand::Secondary => "secondary",
            AgeBand::Sixth => "sixth",
            AgeBand::Adult => "adult",
        }
    }

    /// The band with this name.
    pub fn named(name: &str) -> Option<Self> {
        AgeBand::ALL.into_iter().find(|band| band.name() == name)
    }

    /// The band of an English year group: nursery is -1, reception 0.
    pub const fn of_year(year: i8) -> Self {
        match year {
            ..=2 => AgeBand::Early,
            3..=6 => AgeBand::Prep,
            7..=11 => AgeBand::Secondary,
            _ => AgeBand::Sixth,
        }
    }
}

/// What is wrong in a dictionary as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DictionaryProblem {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

/// One line: a weight, and the phrases and sets that must all be on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it adds to a page's score; below nought it speaks against.
    pub weight: i32,
    /// What follows the weight, as written.
    pub text: Arc<str>,
    pub(super) parts: Vec<Part>,
}

/// A dictionary as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dictionary {
    /// The category that it finds.
    pub category: Arc<str>,
    /// Its version; kept with every finding.
    pub version: u32,
    /// Its language, such as `en`.
    pub language: Arc<str>,
    /// What people read for the category.
    pub title: Arc<str>,
    /// The score from which on a page is over, for each of [`AgeBand::ALL`].
    pub thresholds: [i32; 5],
    /// Whether the reader may be in distress and is given help (FIL-13).
    pub distress: bool,
    /// The school's file that it stands in; `None` for what is shipped.
    pub own: Option<Arc<str>>,
    /// The lines.
    pub entries: Vec<Entry>,
    /// Sets of its own.
    pub(super) sets: Sets,
}

impl Dictionary {
    /// Reads a dictionary.
    ///
    /// # Errors
    /// Everything that is wrong, with its line; at most a hundred problems.
    pub fn parse(text: &str) -> Result<Self, Vec<DictionaryProblem>> {
        if text.len() > DICTIONARY_BYTES_MAX {
            let message = format!(
                "the dictionary is larger than {DICTIONARY_BYTES_MAX} bytes; split it into several"
            );
            return Err(vec![DictionaryProblem { line: 1, message }]);
        }
        let mut reader = Reader::default();
        let mut problems = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if let Err(message) = reader.line(line.trim())
                && problems.len() < PROBLEMS_MAX
            {
                problems.push(DictionaryProblem {
                    line: number + 1,
                    message,
                });
            }
        }
        match reader.finish() {
            Ok(dictionary) if problems.is_empty() => Ok(dictionary),
            Ok(_) => Err(problems),
            Err(missing) => {
                let missing = missing
                    .into_iter()
                    .map(|message| DictionaryProblem { line: 1, message });
                problems.extend(missing);
                Err(problems)
            }
        }
    }

    /// The score from which on a page is over for a band.
    pub fn threshold(&self, band: AgeBand) -> i32 {
        self.thresholds[band as usize]
    }
}

#[derive(Default)]
struct Reader {
    category: Option<Arc<str>>,
    version: Option<u32>,
    language: Option<Arc<str>>,
    title: Option<Arc<str>>,
    thresholds: Option<[i32; 5]>,
    distress: bool,
    entries: Vec<Entry>,
    sets: Sets,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if is_remark(line) {
            return Ok(());
        }
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        if let Ok(weight) = word.parse::<i32>() {
            return self.entry(weight, rest);
        }
        let text = |max: usize| match rest {
            "" => Err(format!("write something behind {word:?}")),
            long if long.chars().count() > max => {
                Err(format!("{word} is longer than {max} characters"))
            }
            rest => Ok(Arc::<str>::from(rest)),
        };
        match word {
            "dictionary" => {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                if !rest.chars().all(plain) {
                    return Err(format!(
                        "{rest:?} is no category: use small letters, digits and hyphens"
                    ));
                }
                self.category = Some(text(40)?);
            }
            "version" => {
                let version = rest.parse();
                self.version =
                    Some(version.map_err(|_| format!("{rest:?} is no version: write a number"))?);
            }
            "set" => self.sets.add(rest)?,
            "language" => self.language = Some(text(16)?),
            "title" => self.title = Some(text(80)?),
            "threshold" => self.thresholds = Some(thresholds(rest)?),
            "distress" => {
                self.distress = match rest {
                    "yes" => true,
                    "no" => false,
                    other => return Err(format!("distress is yes or no, not {other:?}")),
                }
            }
            _ => {
                return Err(format!(
                    "{word:?} is neither a weight nor a heading: begin the line with a weight from -{WEIGHT_MAX} to {WEIGHT_MAX}"
                ));
            }
        }
        Ok(())
    }

    fn entry(&mut self, weight: i32, text: &str) -> Result<(), String> {
        if weight == 0 || weight.abs() > WEIGHT_MAX {
            return Err(format!(
                "the weight {weight} is not from -{WEIGHT_MAX} to {WEIGHT_MAX}, or says nothing"
            ));
        }
        if self.entries.len() >= ENTRIES_MAX {
            return Err(format!(
                "more than {ENTRIES_MAX} phrases; the rest is not read"
            ));
        }
        self.entries.push(Entry {
            weight,
            text: text.into(),
            parts: parts(text)?,
        });
        Ok(())
    }

    fn finish(self) -> Result<Dictionary, Vec<String>> {
        let mut missing = Vec::new();
        let mut want = |there: bool, line: &str| {
            if !there {
                missing.push(format!("there is no line {line}"));
            }
        };
        want(self.category.is_some(), "dictionary CATEGORY");
        want(self.version.is_some(), "version NUMBER");
        want(
            self.thresholds.is_some(),
            "threshold early N, prep N, secondary N, sixth N, adult N",
        );
        let (Some(category), Some(version), Some(thresholds)) =
            (self.category, self.version, self.thresholds)
        else {
            return Err(missing);
        };
        Ok(Dictionary {
            title: self.title.unwrap_or_else(|| Arc::clone(&category)),
            language: self.language.unwrap_or_else(|| "en".into()),
            category,
            version,
            thresholds,
            distress: self.distress,
            own: None,
            entries: self.entries,
            sets: self.sets,
        })
    }
}

/// Whether a line is for people: a heading, a comment, nothing.
pub(super) fn is_remark(line: &str) -> bool {
    line.is_empty() || line.starts_with('#') || (line.starts_with('[') && line.ends_with(']'))
}

fn thresholds(text: &str) -> Result<[i32; 5], String> {
    let mut found = [None; 5];
    for pair in text.split(',') {
        let mut words = pair.split_ascii_whitespace();
        let (Some(name), Some(number), None) = (words.next(), words.next(), words.next()) else {
            return Err(format!("{:?} is not a band and a number", pair.trim()));
        };
        let band = AgeBand::named(name)
            .ok_or_else(|| format!("{name:?} is not early, prep, secondary, sixth or adult"))?;
        let number: i32 = number
            .parse()
            .ok()
            .filter(|number| (1..=THRESHOLD_MAX).contains(number))
            .ok_or_else(|| format!("{number:?} is not a number from 1 to {THRESHOLD_MAX}"))?;
        found[band as usize] = Some(number);
    }
    let mut all = [0; 5];
    for (band, slot) in AgeBand::ALL.into_iter().zip(&mut all) {
        *slot = found[band as usize]
            .ok_or_else(|| format!("there is no threshold for {}", band.name()))?;
    }
    if !all.is_sorted() {
        return Err("a threshold for older readers is lower than one for younger".to_owned());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::line::{ENTRY_TEXT_MAX, Unit};
    use super::*;

    const GOOD: &str = "# a comment\ndictionary gambling\nversion 2\nlanguage en\ntitle Gambling\n\
        threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n\n[signs]\n40 free spins\n\
        20 casino + deposit bonus\n15 jackpot*\n[education]\n-30 odds of dice\n";

    #[test]
    fn fil_02_a_dictionary_reads_as_written() {
        let read = Dictionary::parse(GOOD).unwrap();
        assert_eq!(
            (&*read.category, read.version, read.distress),
            ("gambling", 2, false)
        );
        assert_eq!(read.threshold(AgeBand::Secondary), 90);
        let parts: Vec<_> = read
            .entries
            .iter()
            .map(|e| (e.weight, e.parts.len()))
            .collect();
        assert_eq!(parts, [(40, 1), (20, 2), (15, 1), (-30, 1)]);
        let Unit::Phrase(jackpot) = &read.entries[2].parts[0].units[0] else {
            panic!("no phrase");
        };
        assert_eq!(jackpot.folded, b" jackpot");
        let distress = GOOD.replace("version 2", "version 2\ndistress yes");
        assert!(Dictionary::parse(&distress).unwrap().distress);
    }

    #[test]
    fn everything_wrong_is_told_with_its_line() {
        let text = "dictionary Big Words\n900 x y\n0 z\nhello\n5 ...\n5 ab*\nversion two\n\
            threshold early 5, prep 4, secondary 3, sixth 2, adult 1\nthreshold early\ndistress maybe";
        let problems = Dictionary::parse(text).unwrap_err();
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 1, 1]);
        let long = format!("{GOOD}5 {}\n", "x".repeat(ENTRY_TEXT_MAX + 1));
        assert_eq!(Dictionary::parse(&long).unwrap_err().len(), 1);
        let vast = " ".repeat(DICTIONARY_BYTES_MAX + 1);
        assert_eq!(Dictionary::parse(&vast).unwrap_err().len(), 1);
    }

    /// Every year group has its band, and older readers are never judged more strictly.
    #[test]
    fn years_map_to_bands() {
        let bands: Vec<_> = (-1..=13).map(AgeBand::of_year).collect();
        assert!(bands.is_sorted());
        for (year, band) in [
            (-1, "early"),
            (2, "early"),
            (3, "prep"),
            (6, "prep"),
            (7, "secondary"),
            (11, "secondary"),
            (12, "sixth"),
        ] {
            assert_eq!(AgeBand::of_year(year).name(), band);
        }
    }
}
