//! A form as a list of fields, so that one template prints every form.

use std::fmt;

use crate::components::{Choices, Input, Select, TextArea, Warning};

/// One piece of a form.
#[derive(Debug, Clone)]
pub(crate) enum Field {
    /// A line.
    Line(Input),
    /// A box.
    Box(TextArea),
    /// Radios or checkboxes.
    Choices(Choices),
    /// A list.
    Select(Select),
    /// Sent along, not shown.
    Hidden(&'static str, String),
    /// Must not be missed.
    Warning(Warning),
    /// A sentence.
    Says(String),
}

impl Field {
    /// A text that must not be missed.
    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self::Warning(Warning { text: text.into() })
    }
}

impl From<Input> for Field {
    fn from(input: Input) -> Self {
        Self::Line(input)
    }
}

impl From<TextArea> for Field {
    fn from(area: TextArea) -> Self {
        Self::Box(area)
    }
}

impl From<Choices> for Field {
    fn from(choices: Choices) -> Self {
        Self::Choices(choices)
    }
}

impl From<Select> for Field {
    fn from(select: Select) -> Self {
        Self::Select(select)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(input) => input.fmt(f),
            Self::Box(area) => area.fmt(f),
            Self::Choices(choices) => choices.fmt(f),
            Self::Select(select) => select.fmt(f),
            Self::Warning(warning) => warning.fmt(f),
            Self::Hidden(name, value) => write!(
                f,
                "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
                Escaped(value)
            ),
            Self::Says(text) => write!(f, "<p class=\"govuk-body\">{}</p>", Escaped(text)),
        }
    }
}

impl askama::filters::HtmlSafe for Field {}

/// Text as HTML text or attribute value.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_values_and_sentences_are_escaped() {
        let field = Field::Hidden("step", "\"><script>".to_owned());
        assert_eq!(
            field.to_string(),
            "<input type=\"hidden\" name=\"step\" value=\"&quot;&gt;&lt;script&gt;\">"
        );
        assert_eq!(
            Field::Says("<b>".to_owned()).to_string(),
            "<p class=\"govuk-body\">&lt;b&gt;</p>"
        );
    }
}
