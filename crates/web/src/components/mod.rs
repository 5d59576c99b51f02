//! The pieces that pages are made of: one struct and one template each, after the GOV.UK and MOJ
//! components, escaped by askama. A page holds components as values and prints them.

mod fields;
mod form;
mod shown;

pub(crate) use fields::{Choice, Choices, Input, Select, TextArea};
pub(crate) use form::Form;
pub(crate) use shown::{
    Button, Cell, Details, Errors, Problem, Summary, Table, Tag, Timeline, TimelineItem, Warning,
};

/// A rendered component is already escaped HTML.
macro_rules! html {
    ($($name:ty),+ $(,)?) => { $(impl askama::filters::HtmlSafe for $name {})+ };
}
html!(
    Form, Input, TextArea, Choices, Select, Button, Details, Errors, Summary, Table, Tag, Timeline,
    Warning
);
