//! A form: fields, what travels unseen, buttons.

use askama::Template;

use super::{Button, Choices, Input, Select, TextArea};

/// Something to fill in.
#[derive(Debug, Clone)]
pub(crate) enum Field {
    /// One line.
    Input(Input),
    /// Longer text.
    TextArea(TextArea),
    /// Radios or checkboxes.
    Choices(Choices),
    /// A drop-down list.
    Select(Select),
}

macro_rules! field {
    ($($name:ident),+) => { $(impl From<$name> for Field {
        fn from(field: $name) -> Self {
            Self::$name(field)
        }
    })+ };
}
field!(Input, TextArea, Choices, Select);

/// A form that posts to one of our own paths.
#[derive(Debug, Clone, Template)]
#[template(path = "components/form.html")]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) hidden: Vec<(&'static str, String)>,
    pub(crate) fields: Vec<Field>,
    pub(crate) buttons: Vec<Button>,
    pub(crate) uploads: bool,
    pub(crate) filter: bool,
}

impl Form {
    /// An empty form.
    pub(crate) fn to(action: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            hidden: Vec::new(),
            fields: Vec::new(),
            buttons: Vec::new(),
            uploads: false,
            filter: false,
        }
    }

    /// Adds a field.
    pub(crate) fn field(mut self, field: impl Into<Field>) -> Self {
        self.fields.push(field.into());
        self
    }

    /// Sends a value that is not shown.
    pub(crate) fn hidden(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.hidden.push((name, value.into()));
        self
    }

    /// Adds a button.
    pub(crate) fn button(mut self, button: Button) -> Self {
        self.buttons.push(button);
        self
    }

    /// Carries files.
    pub(crate) fn uploads(mut self) -> Self {
        self.uploads = true;
        self
    }

    /// Fields side by side in a tinted box, for searches.
    pub(crate) fn filtering(mut self) -> Self {
        self.filter = true;
        self
    }
}
