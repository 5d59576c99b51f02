//! What was found while reading a list.

use std::fmt;

use crate::address::AddressError;

/// How many problems of one list are kept with their line numbers; all are counted.
pub const PROBLEMS_MAX: usize = 100;

/// What is wrong with a line. Never quotes it: sealed lists are read by the same parsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The text is no host or address.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// Longer than [`crate::LINE_MAX`] bytes.
    #[error("the line is too long")]
    LongLine,
    /// Not UTF-8.
    #[error("the line is not UTF-8 text")]
    NotUtf8,
    /// Something stands after the name.
    #[error("more than one word on the line")]
    MoreWords,
    /// A top-level domain or public suffix such as `co.uk`.
    #[error("the name is a public suffix: it would cover everybody's sites under it")]
    PublicSuffix,
    /// The path is longer or deeper than entries may be.
    #[error("the path is too long or too deep")]
    LongPath,
    /// A hosts line that does not begin with an IP address or has no name.
    #[error("not an IP address followed by names")]
    NotAHostsLine,
    /// A zone line that is no record or directive.
    #[error("not a zone record")]
    NotARecord,
    /// A record outside the zone.
    #[error("the record is not in the zone")]
    OutOfZone,
    /// Parentheses that never close.
    #[error("a parenthesis is not closed")]
    OpenParenthesis,
    /// `@` with something that is no category name.
    #[error("not a category name: use lower-case letters, digits, - and _ after the @")]
    BadCategory,
    /// A rule of the format that Pharos does not act on (an RPZ exception or IP trigger).
    #[error("a kind of rule that is not used here")]
    NotUsed,
}

/// A line that could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// Its number, from 1.
    pub line: u64,
    /// What is wrong.
    pub what: Trouble,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Counts of one list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines read.
    pub lines: u64,
    /// Entries given out, repeated ones included.
    pub entries: u64,
    /// Lines (names, in hosts files) that are malformed.
    pub malformed: u64,
    /// Rules that are well formed but not used: RPZ exceptions and IP triggers, local names.
    pub unused: u64,
    /// The first [`PROBLEMS_MAX`] problems.
    pub problems: Vec<Problem>,
    /// Whether the last line has no line end, as when a download breaks off.
    pub ends_mid_line: bool,
    /// How many entries a comment in the list says there are.
    pub declared: Option<u64>,
}

impl Tally {
    pub(crate) fn malformed(&mut self, what: Trouble) {
        self.malformed += 1;
        self.note(what);
    }

    pub(crate) fn unused(&mut self) {
        self.unused += 1;
        self.note(Trouble::NotUsed);
    }

    /// Counted but not worth a note: every hosts file has `localhost`.
    pub(crate) fn local_name(&mut self) {
        self.unused += 1;
    }

    fn note(&mut self, what: Trouble) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem {
                line: self.lines,
                what,
            });
        }
    }

    /// Takes note of a comment such as `# Entries: 1,234` or `# Number of unique domains: 1,234`.
    pub(crate) fn comment(&mut self, text: &str) {
        let Some((label, number)) = text.rsplit_once(':') else {
            return;
        };
        let label = label.trim_end().to_ascii_lowercase();
        if !["entries", "domains", "hosts"]
            .iter()
            .any(|word| label.ends_with(word))
        {
            return;
        }
        let number = number.trim().replace([',', ' '], "");
        if let Ok(count) = number.parse::<u64>() {
            self.declared = self.declared.max(Some(count));
        }
    }

    /// Whether the list says it has more entries than there are lines for them.
    pub fn falls_short(&self) -> bool {
        self.declared
            .is_some_and(|count| self.entries + self.malformed + self.unused < count)
    }

    /// Whether the list seems to have been cut short: it ends in the middle of a line or has fewer
    /// entries than it says.
    pub fn looks_cut_short(&self) -> bool {
        self.ends_mid_line || self.falls_short()
    }

    /// Adds the counts of another file of the same list; its problems keep their line numbers.
    pub fn merge(&mut self, other: &Tally) {
        self.lines += other.lines;
        self.entries += other.entries;
        self.malformed += other.malformed;
        self.unused += other.unused;
        self.ends_mid_line |= other.ends_mid_line;
        let room = PROBLEMS_MAX.saturating_sub(self.problems.len());
        self.problems.extend(other.problems.iter().take(room));
        self.declared = match (self.declared, other.declared) {
            (Some(mine), Some(theirs)) => Some(mine + theirs),
            (mine, theirs) => mine.or(theirs),
        };
    }
}
