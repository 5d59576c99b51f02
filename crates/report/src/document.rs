//! A document as plain values: what it says, not how it looks.
//!
//! Every text goes into the PDF as data and is set letter by letter; nothing in it is read as
//! markup.

use jiff::civil::Date;
use serde::Serialize;

/// A document of A4 pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// The school's name, above the title and on every page.
    pub school: String,
    /// The title; also the PDF's own title.
    pub title: String,
    /// A line below the title, such as the period.
    pub subtitle: String,
    /// The day it was made.
    pub made: Date,
    /// A line at the foot of every page, such as who may read it.
    pub foot: String,
    /// What follows, in reading order.
    pub blocks: Vec<Block>,
}

/// How a word is coloured. The word itself always says the same in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// No colour.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Needs attention.
    Warn,
    /// Not as it should be.
    Bad,
    /// Said by a person, not measured.
    Said,
}

/// One cell of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// How it is coloured.
    pub tone: Tone,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self {
            text: text.into(),
            tone: Tone::Plain,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self {
            text,
            tone: Tone::Plain,
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its heading.
    pub title: String,
    /// Its share of the width, in parts of the sum of all.
    pub share: u32,
    /// Whether it holds numbers, set to the right.
    pub number: bool,
}

impl Column {
    /// A column of words.
    pub fn words(title: &str, share: u32) -> Self {
        Self {
            title: title.into(),
            share,
            number: false,
        }
    }

    /// A column of numbers.
    pub fn numbers(title: &str, share: u32) -> Self {
        Self {
            title: title.into(),
            share,
            number: true,
        }
    }
}

/// A table with headings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; short ones are filled with empty cells.
    pub rows: Vec<Vec<Cell>>,
    /// What stands in its place when there are no rows.
    pub none: String,
}

/// A large figure with its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// The figure, as it is to be read.
    pub value: String,
    /// What it counts.
    pub label: String,
    /// How it is coloured.
    pub tone: Tone,
}

/// A bar of a chart; its figure stands beside it in text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// What it counts.
    pub label: String,
    /// The figure, as it is to be read.
    pub value: String,
    /// Its length in thousandths of the longest; `None` where the figure is suppressed.
    pub length: Option<u16>,
}

/// Bars with their figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chart {
    /// What they show.
    pub caption: String,
    /// The bars.
    pub bars: Vec<Bar>,
    /// The sum below them, where they add up to one.
    pub total: Option<String>,
    /// A remark below, or empty.
    pub note: String,
}

/// A dated entry of a chronology.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, as it is to be read.
    pub when: String,
    /// Who wrote it.
    pub who: String,
    /// What kind of entry it is.
    pub kind: String,
    /// Its text; line ends are kept.
    pub text: String,
}

/// One part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Block {
    /// The heading of a section.
    Heading {
        /// Its words.
        text: String,
    },
    /// A paragraph.
    Text {
        /// Its words.
        text: String,
    },
    /// A small remark below a table or figure.
    Note {
        /// Its words.
        text: String,
    },
    /// A passage set apart from the rest.
    Boxed {
        /// Its heading.
        title: String,
        /// Its words.
        text: String,
        /// How it is coloured.
        tone: Tone,
    },
    /// Large figures in a row.
    Figures {
        /// At most four stand well side by side.
        figures: Vec<Figure>,
    },
    /// A table.
    Table(Table),
    /// Charts, two side by side.
    Charts {
        /// The charts.
        charts: Vec<Chart>,
    },
    /// A list of points.
    Points {
        /// The points.
        points: Vec<String>,
    },
    /// Terms and what they mean.
    Terms {
        /// Term and meaning.
        terms: Vec<(String, String)>,
    },
    /// Dated entries in order.
    Chronology {
        /// The entries.
        entries: Vec<Entry>,
    },
}

impl Block {
    /// The heading of a section.
    pub fn heading(text: &str) -> Self {
        Block::Heading { text: text.into() }
    }

    /// A paragraph.
    pub fn text(text: impl Into<String>) -> Self {
        Block::Text { text: text.into() }
    }

    /// A small remark.
    pub fn note(text: impl Into<String>) -> Self {
        Block::Note { text: text.into() }
    }
}
