//! The lines of the English dictionaries, as texts whose weights can be written anew.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pharos_scan::{Dictionaries, Dictionary, Sets};

/// The name of a dictionary made here, of every line that is a shared set alone.
const SHARED: &str = "shared";

/// A line, whatever it weighs.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// Whether it speaks for the category.
    pub(crate) speaks_for: bool,
    /// Its column in the table of what was found.
    pub(crate) column: u32,
}

/// One dictionary.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) category: String,
    file: PathBuf,
    text: String,
    pub(crate) lines: Vec<Line>,
}

/// Every English dictionary.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) books: Vec<Book>,
    /// Lines of one shared set alone: they tell harm of any kind, and belong to every category.
    pub(crate) shared: Vec<Line>,
    columns: BTreeMap<(String, String), u32>,
    pub(crate) dictionaries: Arc<Dictionaries>,
}

impl Books {
    /// Reads the dictionaries of a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let sets_text = std::fs::read_to_string(folder.join("sets.txt"))?;
        let names: Vec<&str> = sets_text
            .lines()
            .filter_map(|line| Some(line.strip_prefix("set ")?.split_once('=')?.0.trim()))
            .collect();
        let mut texts = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let file = entry?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let stem = name.strip_suffix(".txt").unwrap_or("sets");
            if !stem.contains('.') && stem != "sets" {
                texts.push((stem.to_owned(), std::fs::read_to_string(&file)?, file));
            }
        }
        texts.sort();
        let wrong = |file: &Path| {
            let file = file.display().to_string();
            move |problems: Vec<_>| format!("{file}: {} problems", problems.len())
        };
        let sets = Sets::parse(&sets_text).map_err(wrong(&folder.join("sets.txt")))?;
        let mut shared: BTreeMap<String, bool> = BTreeMap::new();
        let mut read = Vec::new();
        for (_, text, file) in &texts {
            let dictionary = Dictionary::parse(text).map_err(wrong(file))?;
            for entry in &dictionary.entries {
                let set = entry.text.strip_prefix('@');
                if set.is_some_and(|set| names.contains(&set)) {
                    shared.insert(entry.text.to_string(), entry.weight > 0);
                }
            }
            read.push(dictionary);
        }
        let mut columns = BTreeMap::new();
        let mut column = |category: &str, text: &str| {
            let next = u32::try_from(columns.len()).unwrap_or(u32::MAX);
            *columns
                .entry((category.to_owned(), text.to_owned()))
                .or_insert(next)
        };
        let shared: Vec<Line> = shared
            .into_iter()
            .map(|(text, speaks_for)| Line {
                column: column(SHARED, &text),
                text,
                speaks_for,
            })
            .collect();
        let mut books = Vec::new();
        for (dictionary, (category, text, file)) in read.iter().zip(texts) {
            let mut lines = shared.clone();
            for entry in &dictionary.entries {
                if lines.iter().all(|line| *line.text != *entry.text) {
                    lines.push(Line {
                        text: entry.text.to_string(),
                        speaks_for: entry.weight > 0,
                        column: column(&category, &entry.text),
                    });
                }
            }
            books.push(Book {
                category,
                file,
                text,
                lines,
            });
        }
        let head = "version 1\nthreshold early 1, prep 1, secondary 1, sixth 1, adult 1\n";
        let lines: String = shared
            .iter()
            .map(|line| format!("1 {}\n", line.text))
            .collect();
        let made = format!("dictionary {SHARED}\n{head}{lines}");
        read.push(Dictionary::parse(&made).map_err(wrong(folder))?);
        Ok(Self {
            books,
            shared,
            columns,
            dictionaries: Arc::new(Dictionaries::compile(&read, &sets)?),
        })
    }

    /// The column of a line that was found.
    pub(crate) fn column(&self, category: &str, text: &str) -> Option<u32> {
        let key = (category.to_owned(), text.to_owned());
        self.columns.get(&key).copied()
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }
}

impl Book {
    /// Writes the lines with these weights, and leaves out those of none. The version grows where anything changes.
    pub(crate) fn write(&self, weights: &[i32]) -> Result<usize, Box<dyn Error>> {
        let lines = self.lines.iter().zip(weights);
        let all: Vec<(i32, &str)> = lines
            .filter(|(_, weight)| **weight != 0)
            .map(|(line, weight)| (*weight, &*line.text))
            .collect();
        let head = self.text.split("[signs]").next().unwrap_or_default();
        let mut text = head.to_owned();
        let mut section = |name: &str, chosen: &dyn Fn(&(i32, &str)) -> bool| {
            let mut lines: Vec<_> = all.iter().copied().filter(|line| chosen(line)).collect();
            lines.sort_unstable();
            if lines.first().is_some_and(|(weight, _)| *weight > 0) {
                lines.reverse();
            }
            text.push_str(name);
            for (weight, line) in lines {
                text.push_str(&format!("\n{weight} {line}"));
            }
            text.push('\n');
        };
        section("[signs]", &|(weight, text)| {
            *weight > 0 && !text.contains('~')
        });
        section("\n[signs near each other]", &|(weight, text)| {
            *weight > 0 && text.contains('~')
        });
        section("\n[education]", &|(weight, _)| *weight < 0);
        if text != self.text {
            std::fs::write(&self.file, newer(&text))?;
        }
        Ok(all.len())
    }
}

/// The same text with the next version.
pub(crate) fn newer(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        if let Some(version) = line.strip_prefix("version ")
            && let Ok(version) = version.trim().parse::<u32>()
        {
            *line = format!("version {}", version + 1);
            break;
        }
    }
    lines.join("\n") + "\n"
}
