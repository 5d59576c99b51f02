//! What is wrong or noteworthy in a pack: file, line, column, and what to do.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pack cannot be used.
    Error,
    /// Usable, but weaker than the law or the school's own policy: leadership confirms (CFG-01).
    Warning,
    /// Worth knowing, such as a setting that nothing acts on yet.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// A place in a file, both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
pub struct Place {
    /// Line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// Column in characters, from 1; 0 where none is meant.
    pub column: u32,
}

/// One thing that is wrong or noteworthy.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// File inside the pack, with forward slashes.
    pub file: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, as a sentence without full stop.
    pub message: String,
    /// What to do, where that does not follow from the message.
    pub help: Option<String>,
}

impl Problem {
    /// Whether it keeps the pack from being used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.place.line > 0 {
            write!(f, ":{}:{}", self.place.line, self.place.column)?;
        }
        write!(f, ": {}: {}", self.severity.name(), self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// The most problems kept from one pack; beyond it reading goes on and the rest are counted in a
/// last problem.
pub const PROBLEMS_MAX: usize = 500;

/// How the message of a syntax error begins.
pub(crate) const SYNTAX: &str = "this is not TOML: ";

/// Collects the problems of one pack.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// What is read is in force or kept already: names of everybody's are warned of.
    held: bool,
    kept: Vec<Problem>,
    beyond: usize,
    broken: Vec<(String, u32)>,
}

impl Problems {
    pub(crate) fn add(
        &mut self,
        file: &str,
        place: Place,
        severity: Severity,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.take(Problem {
            file: file.to_owned(),
            place,
            severity,
            message: message.into(),
            help,
        });
    }

    pub(crate) fn error(
        &mut self,
        file: &str,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let help = Some(help.into()).filter(|help: &String| !help.is_empty());
        self.add(file, place, Severity::Error, message, help);
    }

    /// For what is kept already, or for what is brought in.
    pub(crate) fn of(held: bool) -> Self {
        Self {
            held,
            ..Self::default()
        }
    }

    /// The same kind, with nothing in it yet.
    pub(crate) fn fresh(&self) -> Self {
        Self::of(self.held)
    }

    /// How grave it is that a name under which anybody can register is kept out of the lists. What is
    /// brought in is refused; in what is held it is only told, so that the school stays in force.
    pub(crate) fn of_everybody(&self) -> Severity {
        if self.held {
            Severity::Warning
        } else {
            Severity::Error
        }
    }

    /// Takes over what another reading found.
    pub(crate) fn append(&mut self, mut other: Problems) {
        self.broken.append(&mut other.broken);
        self.beyond += other.beyond;
        other
            .kept
            .into_iter()
            .for_each(|problem| self.take(problem));
    }

    /// Takes one problem, within the bound.
    pub(crate) fn take(&mut self, problem: Problem) {
        if self.kept.len() < PROBLEMS_MAX {
            self.kept.push(problem);
        } else {
            self.beyond += 1;
        }
    }

    /// Whether no error was found so far.
    pub(crate) fn is_sound(&self) -> bool {
        self.beyond == 0 && !self.kept.iter().any(Problem::is_error)
    }

    /// Whether a line of `school.toml` has an error.
    pub(crate) fn has_error_on(&self, line: u32) -> bool {
        self.kept.iter().any(|problem| {
            problem.is_error() && problem.place.line == line && problem.file == "school.toml"
        })
    }

    /// Adds a syntax error. What else is found on its line only follows from it and is left out.
    pub(crate) fn syntax(&mut self, file: &str, place: Place, message: String) {
        self.broken.push((file.to_owned(), place.line));
        self.error(file, place, message, "");
    }

    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.kept.sort_by(|a, b| {
            (&a.file, a.place, a.severity, &a.message)
                .cmp(&(&b.file, b.place, b.severity, &b.message))
        });
        self.kept.dedup();
        let broken = std::mem::take(&mut self.broken);
        let follows = |problem: &Problem| {
            broken
                .iter()
                .any(|(file, line)| *file == problem.file && *line == problem.place.line)
        };
        self.kept
            .retain(|problem| problem.message.starts_with(SYNTAX) || !follows(problem));
        if self.beyond > 0 {
            self.kept.push(Problem {
                file: "school.toml".to_owned(),
                place: Place::default(),
                severity: Severity::Error,
                message: format!("{} more problems are not shown", self.beyond),
                help: Some("mend those above first".to_owned()),
            });
        }
        self.kept
    }
}

/// `did you mean …?` for a word that is not known, or the whole list where it is short.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let scored = known.iter().map(|name| {
        (
            strsim::damerau_levenshtein(&word.to_lowercase(), name),
            *name,
        )
    });
    match scored.min() {
        Some((distance, name)) if distance <= 2.max(word.chars().count() / 3) => {
            format!("did you mean {name:?}?")
        }
        _ if known.is_empty() => "there are none".to_owned(),
        _ if known.len() <= 12 => format!("known: {}", known.join(", ")),
        _ => String::new(),
    }
}

/// Outside text as it may stand in a message.
pub(crate) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{dots}")
}
