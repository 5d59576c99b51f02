//! Things a person reads or presses.

use askama::Template;

/// One thing wrong with a form: the text links to its field.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) field: Option<String>,
    pub(crate) text: String,
}

/// The summary of everything wrong with a form; prints nothing when nothing is.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "components/errors.html")]
pub(crate) struct Errors {
    pub(crate) problems: Vec<Problem>,
}

impl Errors {
    /// The message for one field, to stand beside it.
    pub(crate) fn of(&self, field: &str) -> Option<String> {
        self.problems
            .iter()
            .find(|problem| problem.field.as_deref() == Some(field))
            .map(|problem| problem.text.clone())
    }

    /// Adds a problem with a field.
    pub(crate) fn add(&mut self, field: impl Into<String>, text: impl Into<String>) {
        self.problems.push(Problem {
            field: Some(field.into()),
            text: text.into(),
        });
    }
}

/// A word in a coloured box; the word carries the meaning, never the colour alone.
#[derive(Debug, Clone, Template)]
#[template(path = "components/tag.html")]
pub(crate) struct Tag {
    pub(crate) text: String,
    pub(crate) colour: &'static str,
}

/// A submit button. `look`: `secondary`, `warning` or the main one.
#[derive(Debug, Clone, Template)]
#[template(path = "components/button.html")]
pub(crate) struct Button {
    pub(crate) text: String,
    pub(crate) look: Option<&'static str>,
    pub(crate) name: Option<&'static str>,
    pub(crate) value: String,
}

impl Button {
    /// The main button of a form.
    pub(crate) fn main(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            look: None,
            name: None,
            value: String::new(),
        }
    }

    /// A lesser button.
    pub(crate) fn secondary(text: impl Into<String>) -> Self {
        Self {
            look: Some("secondary"),
            ..Self::main(text)
        }
    }

    /// A button that makes people stop and think.
    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self {
            look: Some("warning"),
            ..Self::main(text)
        }
    }
}

/// One line of a summary.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// Facts as key and value.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "components/summary.html")]
pub(crate) struct Summary {
    pub(crate) rows: Vec<Row>,
}

impl Summary {
    /// Adds a line.
    pub(crate) fn row(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.rows.push(Row {
            key: key.into(),
            value: value.into(),
        });
        self
    }
}

/// One moment of a history.
#[derive(Debug, Clone)]
pub(crate) struct TimelineItem {
    pub(crate) id: Option<String>,
    pub(crate) title: String,
    pub(crate) at: String,
    pub(crate) at_machine: String,
    pub(crate) by: Option<String>,
    pub(crate) body: String,
}

/// A history, after MOJ's timeline.
#[derive(Debug, Clone, Default, Template)]
#[template(path = "components/timeline.html")]
pub(crate) struct Timeline {
    pub(crate) items: Vec<TimelineItem>,
}

/// A text that must not be missed.
#[derive(Debug, Clone, Template)]
#[template(path = "components/warning.html")]
pub(crate) struct Warning {
    pub(crate) text: String,
}

/// More for those who want it.
#[derive(Debug, Clone, Template)]
#[template(path = "components/details.html")]
pub(crate) struct Details {
    pub(crate) summary: String,
    pub(crate) text: String,
}

/// One cell of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) href: Option<String>,
    pub(crate) address: bool,
    /// The colour of the box around the text, as of [`Tag`].
    pub(crate) tag: Option<&'static str>,
}

impl Cell {
    /// Plain text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A link to one of our own pages.
    pub(crate) fn link(href: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            href: Some(href.into()),
            ..Self::default()
        }
    }

    /// A web address: shown as text, never as a link (BRE-10).
    pub(crate) fn address(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            address: true,
            ..Self::default()
        }
    }

    /// A word in a coloured box; the word carries the meaning, never the colour alone.
    pub(crate) fn tag(text: impl Into<String>, colour: &'static str) -> Self {
        Self {
            text: text.into(),
            tag: Some(colour),
            ..Self::default()
        }
    }
}

/// A table that stacks on a phone.
#[derive(Debug, Clone, Template)]
#[template(path = "components/table.html")]
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) heads: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with column heads.
    pub(crate) fn new(caption: impl Into<String>, heads: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        Self {
            caption: caption.into(),
            heads: heads.iter().map(|head| (*head).to_owned()).collect(),
            rows,
        }
    }

    fn head(&self, index: usize) -> &str {
        self.heads.get(index).map_or("", String::as_str)
    }
}
