//! TOML text as a tree whose every key and value knows its line and column.

use jiff::civil::Date;
use toml::de::{DeTable, DeValue};

use crate::problem::{Place, Problems, SYNTAX};

/// A value and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
    Switch(bool),
    Day(Date),
    List(Vec<Node>),
    Table(Table),
    /// A float, a time, a number beyond 64 bits: nothing in a pack asks for these.
    Other(&'static str),
}

impl Value {
    /// The kind in words, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "text",
            Value::Number(_) => "a number",
            Value::Switch(_) => "true or false",
            Value::Day(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(kind) => kind,
        }
    }
}

/// Keys in the order of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) at: Place,
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Place,
    pub(crate) node: Node,
}

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// Offsets to lines and columns.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    pub(crate) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self
            .text
            .get(start..offset)
            .map_or(1, |before| before.chars().count() + 1);
        Place {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

/// Reads TOML, reporting every syntax error; what could be read is returned all the same.
pub(crate) fn parse(file: &str, text: &str, problems: &mut Problems) -> Table {
    let lines = Lines::new(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = error
            .span()
            .map_or_else(Place::default, |span| lines.place(span.start));
        let message = format!("{SYNTAX}{}", error.message().trim().replace('\n', "; "));
        problems.syntax(file, place, message);
    }
    table(root.get_ref(), Place { line: 1, column: 1 }, &lines)
}

fn table(table: &DeTable<'_>, at: Place, lines: &Lines<'_>) -> Table {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            at: lines.place(key.span().start),
            node: node(value.get_ref(), lines.place(value.span().start), lines),
        })
        .collect();
    entries.sort_by_key(|entry| entry.at);
    Table { at, entries }
}

fn node(value: &DeValue<'_>, at: Place, lines: &Lines<'_>) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a very large number"), Value::Number),
        DeValue::Boolean(on) => Value::Switch(*on),
        DeValue::Datetime(when) => match (&when.date, &when.time) {
            (Some(day), None) => Date::new(
                i16::try_from(day.year).unwrap_or(0),
                day.month.cast_signed(),
                day.day.cast_signed(),
            )
            .map_or(Value::Other("a date that does not exist"), Value::Day),
            _ => Value::Other("a time"),
        },
        DeValue::Float(_) => Value::Other("a decimal number"),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| node(item.get_ref(), lines.place(item.span().start), lines))
                .collect(),
        ),
        DeValue::Table(inner) => Value::Table(table(inner, at, lines)),
    };
    Node { at, value }
}
