//! Things a person fills in.

use askama::Template;

/// A one-line text field.
#[derive(Debug, Clone, Template)]
#[template(path = "components/input.html")]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) hint: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) strong: bool,
    pub(crate) width: Option<u8>,
    pub(crate) autocomplete: Option<&'static str>,
    pub(crate) inputmode: Option<&'static str>,
    pub(crate) list: Option<&'static str>,
}

impl Input {
    /// A text field with a label.
    pub(crate) fn text(
        name: &'static str,
        label: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self {
            name,
            label: label.into(),
            kind: "text",
            value: value.into(),
            hint: None,
            error: None,
            strong: true,
            width: None,
            autocomplete: None,
            inputmode: None,
            list: None,
        }
    }

    pub(crate) fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    pub(crate) fn width(mut self, characters: u8) -> Self {
        self.width = Some(characters);
        self
    }

    pub(crate) fn autocomplete(mut self, token: &'static str) -> Self {
        self.autocomplete = Some(token);
        self
    }

    pub(crate) fn numeric(mut self) -> Self {
        self.inputmode = Some("numeric");
        self
    }

    fn described_by(&self) -> Option<String> {
        described_by(self.name, self.hint.is_some(), self.error.is_some())
    }
}

/// A box for longer text.
#[derive(Debug, Clone, Template)]
#[template(path = "components/textarea.html")]
pub(crate) struct TextArea {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) hint: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) strong: bool,
    pub(crate) rows: u8,
    pub(crate) characters_max: u32,
}

impl TextArea {
    /// A box of five rows for at most 20,000 characters.
    pub(crate) fn new(
        name: &'static str,
        label: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self {
            name,
            label: label.into(),
            value: value.into(),
            hint: None,
            error: None,
            strong: true,
            rows: 5,
            characters_max: 20_000,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    pub(crate) fn rows(mut self, rows: u8) -> Self {
        self.rows = rows;
        self
    }

    fn described_by(&self) -> Option<String> {
        described_by(self.name, self.hint.is_some(), self.error.is_some())
    }
}

/// One answer to choose.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) text: String,
    pub(crate) hint: Option<String>,
    pub(crate) chosen: bool,
}

impl Choice {
    /// An answer that is not chosen yet.
    pub(crate) fn new(value: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            text: text.into(),
            hint: None,
            chosen: false,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn chosen(mut self, chosen: bool) -> Self {
        self.chosen = chosen;
        self
    }
}

/// Whether one answer or several may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Radios.
    One,
    /// Checkboxes.
    Several,
}

/// Radios or checkboxes under one legend.
#[derive(Debug, Clone, Template)]
#[template(path = "components/choices.html")]
pub(crate) struct Choices {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) hint: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) strong: bool,
    pub(crate) inline: bool,
    pub(crate) small: bool,
    pub(crate) options: Vec<Choice>,
}

impl Choices {
    /// Radios.
    pub(crate) fn one(name: &'static str, label: impl Into<String>, options: Vec<Choice>) -> Self {
        Self::new(Kind::One, name, label.into(), options)
    }

    /// Checkboxes.
    pub(crate) fn several(
        name: &'static str,
        label: impl Into<String>,
        options: Vec<Choice>,
    ) -> Self {
        Self::new(Kind::Several, name, label.into(), options)
    }

    fn new(kind: Kind, name: &'static str, label: String, options: Vec<Choice>) -> Self {
        Self {
            kind,
            name,
            label,
            hint: None,
            error: None,
            strong: true,
            inline: false,
            small: false,
            options,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    pub(crate) fn inline(mut self) -> Self {
        self.inline = true;
        self
    }

    pub(crate) fn small(mut self) -> Self {
        self.small = true;
        self
    }

    fn css(&self) -> &'static str {
        match self.kind {
            Kind::One => "radios",
            Kind::Several => "checkboxes",
        }
    }

    fn input_type(&self) -> &'static str {
        match self.kind {
            Kind::One => "radio",
            Kind::Several => "checkbox",
        }
    }

    fn described_by(&self) -> Option<String> {
        described_by(self.name, self.hint.is_some(), self.error.is_some())
    }
}

/// A drop-down list, for many short answers.
#[derive(Debug, Clone, Template)]
#[template(path = "components/select.html")]
pub(crate) struct Select {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) hint: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) strong: bool,
    pub(crate) options: Vec<Choice>,
}

impl Select {
    /// A list with a label.
    pub(crate) fn new(name: &'static str, label: impl Into<String>, options: Vec<Choice>) -> Self {
        Self {
            name,
            label: label.into(),
            hint: None,
            error: None,
            strong: true,
            options,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    fn described_by(&self) -> Option<String> {
        described_by(self.name, self.hint.is_some(), self.error.is_some())
    }
}

fn described_by(name: &str, hint: bool, error: bool) -> Option<String> {
    match (hint, error) {
        (false, false) => None,
        (true, false) => Some(format!("{name}-hint")),
        (false, true) => Some(format!("{name}-error")),
        (true, true) => Some(format!("{name}-hint {name}-error")),
    }
}
