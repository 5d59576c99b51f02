//! A school's own dictionaries, put together with the shipped ones.

use std::collections::BTreeMap;
use std::fmt;

use super::compiled::{Dictionaries, DictionariesError};
use super::dictionary::{Dictionary, DictionaryProblem};
use super::sets::Sets;

/// Something wrong in one of a school's own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnProblem {
    /// The file, by the name it was given with.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for OwnProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Whether a file of this name holds sets rather than a dictionary.
pub fn holds_sets(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.starts_with("sets")
}

impl Dictionaries {
    /// The shipped dictionaries and a school's own, by the names of their files. Sets in files whose
    /// name begins with `sets` grow the shipped ones.
    ///
    /// # Errors
    /// Everything that is wrong in the school's files, with file and line.
    pub fn with_own(files: &BTreeMap<String, String>) -> Result<Self, Vec<OwnProblem>> {
        let mut problems = Vec::new();
        let mut sets = match Self::built_in_sets() {
            Ok(sets) => sets,
            Err(error) => return Err(vec![of_all(files, &error)]),
        };
        let mut own = Vec::new();
        for (file, text) in files {
            let read = if holds_sets(file) {
                Sets::parse(text).map(|more| sets.extend(more))
            } else {
                Dictionary::parse(text).map(|dictionary| own.push((file, text, dictionary)))
            };
            problems.extend(at(file, read.err().unwrap_or_default()));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        for (file, text, dictionary) in &own {
            // Alone first, so that what is wrong can be told with its file.
            if let Err(error) = Self::compile(std::slice::from_ref(dictionary), &sets) {
                problems.extend(of_one(file, text, error));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut all = Vec::new();
        for (name, text) in Self::built_in_texts() {
            match Dictionary::parse(text) {
                Ok(dictionary) => all.push(dictionary),
                Err(problems) => return Err(at(name, problems).collect()),
            }
        }
        all.extend(own.into_iter().map(|(file, _, dictionary)| Dictionary {
            own: Some(file.as_str().into()),
            ..dictionary
        }));
        let words = Self::built_in_words().map_err(|error| vec![of_all(files, &error)])?;
        Self::with_words(&all, &sets, &words).map_err(|error| vec![of_all(files, &error)])
    }
}

fn at(file: &str, problems: Vec<DictionaryProblem>) -> impl Iterator<Item = OwnProblem> {
    problems.into_iter().map(move |problem| OwnProblem {
        file: file.to_owned(),
        line: problem.line,
        message: problem.message,
    })
}

/// What was wrong when one file was put together: it names the text of the line.
fn of_one(file: &str, text: &str, error: DictionariesError) -> Vec<OwnProblem> {
    match error {
        DictionariesError::Wrong { problems, .. } => at(file, problems)
            .map(|problem| OwnProblem {
                line: line_named(text, &problem.message).unwrap_or(problem.line),
                ..problem
            })
            .collect(),
        DictionariesError::TooMuch(message) => vec![OwnProblem {
            file: file.to_owned(),
            line: 1,
            message,
        }],
    }
}

/// The line that a message quotes (`in "the line": …`).
fn line_named(text: &str, message: &str) -> Option<usize> {
    let mut lines = text.lines();
    let place = lines.position(|line| {
        let line = line.trim().split_once(' ').map_or("", |(_, rest)| rest);
        !line.is_empty() && message.starts_with(&format!("in {:?}:", line.trim()))
    });
    place.map(|place| place + 1)
}

/// What is wrong with all of them together.
fn of_all(files: &BTreeMap<String, String>, error: &DictionariesError) -> OwnProblem {
    OwnProblem {
        file: files.keys().next().cloned().unwrap_or_default(),
        line: 1,
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn files(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        list.iter().map(own).collect()
    }

    const HEAD: &str =
        "version 1\nthreshold early 40, prep 60, secondary 90, sixth 120, adult 180\n";

    /// FIL-02: own lines stand beside the shipped ones, and may use own and shipped sets.
    #[test]
    fn fil_02_own_dictionaries_stand_beside_the_shipped_ones() {
        let shipped = Dictionaries::built_in().unwrap();
        let clams = format!("dictionary clams\n{HEAD}95 lucky ~3 @pearl\n");
        let own = files(&[
            ("sets.txt", "set pearl = clam, oyster*\n"),
            ("clams.txt", &clams),
        ]);
        let all = Dictionaries::with_own(&own).unwrap();
        assert_eq!(all.len(), shipped.len() + 1);
        assert!(all.theme("clams").is_some() && shipped.theme("clams").is_none());
        assert_eq!(all.themes().len(), shipped.themes().len() + 1);
        assert_eq!(all.own_files(), [Arc::from("clams.txt")]);
        assert!(shipped.own_files().is_empty());
    }

    /// FIL-02: what is wrong in them is told with file and line.
    #[test]
    fn fil_02_what_is_wrong_in_own_dictionaries_is_told_with_its_line() {
        let nowhere = format!("dictionary clams\n{HEAD}\n95 lucky ~3 @nowhere\n");
        let heavy = format!("dictionary crabs\n{HEAD}9000 crab\n");
        for (file, text, line) in [
            ("clams.txt", nowhere.as_str(), 5),
            ("crabs.txt", heavy.as_str(), 4),
            ("sets.txt", "set a = b\n5 word\n", 2),
        ] {
            let problems = Dictionaries::with_own(&files(&[(file, text)])).unwrap_err();
            let told = (&*problems[0].file, problems[0].line);
            assert_eq!(told, (file, line), "{problems:?}");
        }
    }
}
