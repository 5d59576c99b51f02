//! What is wrong in a roll file, and where.

use std::fmt;

/// The most problems kept from one import; further ones are only counted.
pub const PROBLEMS_MAX: usize = 1_000;

/// One thing wrong in one file. The message says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LineProblem {
    /// File name inside the folder or zip.
    pub file: Box<str>,
    /// Line in that file, from 1; 0 where the problem is the file as a whole.
    pub line: u64,
    /// Header of the column, or empty where no single column is at fault.
    pub column: Box<str>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for LineProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.column.is_empty() {
            write!(f, " ({})", self.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// All problems of an import, bounded by [`PROBLEMS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    kept: Vec<LineProblem>,
    beyond: u64,
}

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; beyond [`PROBLEMS_MAX`] it is counted only.
    pub fn push(&mut self, file: &str, line: u64, column: &str, message: impl Into<String>) {
        if self.kept.len() < PROBLEMS_MAX {
            self.kept.push(LineProblem {
                file: file.into(),
                line,
                column: column.into(),
                message: message.into(),
            });
        } else {
            self.beyond += 1;
        }
    }

    /// Adds those of a later step, then sorts all by file and line.
    pub fn append(&mut self, other: Problems) {
        self.beyond += other.beyond;
        for problem in other.kept {
            if self.kept.len() < PROBLEMS_MAX {
                self.kept.push(problem);
            } else {
                self.beyond += 1;
            }
        }
        self.sort();
    }

    /// Sorts by file, line and column, so that the same files always give the same report.
    pub fn sort(&mut self) {
        self.kept
            .sort_by(|a, b| (&a.file, a.line, &a.column).cmp(&(&b.file, b.line, &b.column)));
    }

    /// Whether the import may go on.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many there are, those only counted among them.
    pub fn count(&self) -> u64 {
        self.kept.len() as u64 + self.beyond
    }

    /// How many were counted but not kept.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Those kept.
    pub fn iter(&self) -> std::slice::Iter<'_, LineProblem> {
        self.kept.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.kept {
            writeln!(f, "{problem}")?;
        }
        if self.beyond > 0 {
            writeln!(
                f,
                "and {} more problems of this kind; mend these first",
                self.beyond
            )?;
        }
        Ok(())
    }
}

/// Outside text as it may stand in a message: at most 40 characters, control characters shown.
pub(crate) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{dots}")
}
