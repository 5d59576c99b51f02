//! Reading block lists in the formats their publishers use, line by line from a stream.
//!
//! A bad line never stops a list: it is counted, and the first [`PROBLEMS_MAX`] are kept with their
//! line numbers. Whether the list as a whole can be trusted is for the importer to say
//! ([`Tally::looks_cut_short`]).

mod hosts;
mod line;
mod rpz;
mod tally;

pub use tally::{PROBLEMS_MAX, Problem, Tally, Trouble};

use line::Scratch;

/// The longest line that is read, in bytes; longer ones are counted as malformed and skipped.
pub const LINE_MAX: usize = 4096;

/// One entry of a list, in canonical form. It stands for the host with all names under it, or, with
/// a path, for every address of theirs whose path begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The category written in the list itself ([`Format::Sections`] only).
    pub category: Option<&'a str>,
    /// A canonical host.
    pub host: &'a str,
    /// A canonical path in lower case, without separators at its end.
    pub path: Option<&'a str>,
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One name a line: plain domain lists, and `domains` in UT1 and squidGuard folders. `*.` and a
    /// leading dot are allowed, `#` begins a comment.
    Domains,
    /// One address a line, with a path or without: `urls` in UT1 and squidGuard folders. Read by
    /// the same rules as [`Format::Domains`].
    Urls,
    /// A hosts file: an IP address (which is not looked at), then names.
    Hosts,
    /// A DNS response policy zone in master-file form.
    Rpz,
    /// Our own: `@category` lines, each followed by its names and addresses.
    Sections,
}

impl Format {
    /// All formats, for help texts.
    pub const ALL: [Self; 5] = [
        Self::Domains,
        Self::Urls,
        Self::Hosts,
        Self::Rpz,
        Self::Sections,
    ];

    /// The name used in commands and manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Domains => "domains",
            Self::Urls => "urls",
            Self::Hosts => "hosts",
            Self::Rpz => "rpz",
            Self::Sections => "sections",
        }
    }

    /// The format with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Guesses from the beginning of a file (a few kilobytes are enough); `None` when no line of
    /// it looks like an entry.
    pub fn detect(sample: &[u8]) -> Option<Self> {
        line::detect(sample)
    }
}

/// Reads a stream in pieces of any size. Holds one line at most.
#[derive(Debug)]
pub struct Parser {
    format: Format,
    tally: Tally,
    rest: Vec<u8>,
    overlong: bool,
    scratch: Scratch,
    zone: rpz::Zone,
}

impl Parser {
    /// A parser at the beginning of a list.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            tally: Tally::default(),
            rest: Vec::new(),
            overlong: false,
            scratch: Scratch::default(),
            zone: rpz::Zone::default(),
        }
    }

    /// Reads the next piece and hands each entry in it to `each`.
    pub fn feed(&mut self, mut piece: &[u8], each: &mut dyn FnMut(&Entry<'_>)) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&piece[..end], &piece[end + 1..]);
            piece = after;
            if self.rest.is_empty() && !self.overlong {
                self.line(line, each);
                continue;
            }
            self.keep(line);
            let whole = std::mem::take(&mut self.rest);
            self.line(&whole, each);
            self.rest = whole;
            self.rest.clear();
            self.overlong = false;
        }
        self.keep(piece);
    }

    /// Reads what is left after the last line end and gives the counts.
    pub fn finish(mut self, each: &mut dyn FnMut(&Entry<'_>)) -> Tally {
        if !self.rest.is_empty() || self.overlong {
            self.tally.ends_mid_line = true;
            let whole = std::mem::take(&mut self.rest);
            self.line(&whole, each);
        }
        if self.zone.is_inside_parentheses() {
            self.tally.malformed(Trouble::OpenParenthesis);
        }
        self.tally
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.overlong || self.rest.len() + piece.len() > LINE_MAX {
            self.overlong = true;
            self.rest.clear();
        } else {
            self.rest.extend_from_slice(piece);
        }
    }

    fn line(&mut self, line: &[u8], each: &mut dyn FnMut(&Entry<'_>)) {
        self.tally.lines += 1;
        if self.overlong || line.len() > LINE_MAX {
            return self.tally.malformed(Trouble::LongLine);
        }
        let Ok(text) = std::str::from_utf8(line) else {
            return self.tally.malformed(Trouble::NotUtf8);
        };
        // A byte order mark at the very beginning is no part of the first name.
        let text = if self.tally.lines == 1 {
            text.trim_start_matches('\u{feff}')
        } else {
            text
        };
        let text = text.trim_ascii();
        let (scratch, tally) = (&mut self.scratch, &mut self.tally);
        match self.format {
            Format::Domains | Format::Urls => line::plain(text, scratch, tally, each),
            Format::Sections => line::sections(text, scratch, tally, each),
            Format::Hosts => hosts::line(text, scratch, tally, each),
            // Blanks at the beginning mean "the same owner as before" in a zone file.
            Format::Rpz => {
                let raw = std::str::from_utf8(line).unwrap_or("");
                rpz::line(raw, &mut self.zone, scratch, tally, each);
            }
        }
    }
}

/// Reads a whole list at once.
pub fn parse(format: Format, bytes: &[u8], each: &mut dyn FnMut(&Entry<'_>)) -> Tally {
    let mut parser = Parser::new(format);
    parser.feed(bytes, each);
    parser.finish(each)
}
