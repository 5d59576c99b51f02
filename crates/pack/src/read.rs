//! Reading a table field by field. Every field asked for becomes a known key, so that
//! [`Fields::finish`] can refuse all others with the nearest known one.

use jiff::civil::Date;

use crate::problem::{Place, Problems, nearest, quoted};
use crate::tree::{Entry, Node, Table, Value};

/// The file being read, and where its problems go.
pub(crate) struct Cx<'a> {
    pub(crate) file: &'a str,
    pub(crate) problems: &'a mut Problems,
}

impl Cx<'_> {
    pub(crate) fn error(&mut self, at: Place, message: impl Into<String>, help: impl Into<String>) {
        self.problems.error(self.file, at, message, help);
    }

    fn wrong_kind(&mut self, path: &str, node: &Node, wanted: &str) {
        self.error(
            node.at,
            format!("{path} must be {wanted}, not {}", node.value.kind()),
            "",
        );
    }

    /// A text, not empty, at most 4,000 characters.
    pub(crate) fn text(&mut self, path: &str, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) if text.trim().is_empty() => {
                self.error(
                    node.at,
                    format!("{path} is empty"),
                    "write something or leave the line out",
                );
                None
            }
            Value::Text(text) if text.chars().count() > 4_000 => {
                self.error(
                    node.at,
                    format!("{path} is longer than 4,000 characters"),
                    "",
                );
                None
            }
            Value::Text(text) => Some(text.clone()),
            _ => {
                self.wrong_kind(path, node, "text");
                None
            }
        }
    }

    pub(crate) fn number(&mut self, path: &str, node: &Node, least: i64, most: i64) -> Option<i64> {
        match node.value {
            Value::Number(number) if (least..=most).contains(&number) => Some(number),
            Value::Number(number) => {
                self.error(
                    node.at,
                    format!("{path} is {number}: it must be from {least} to {most}"),
                    "",
                );
                None
            }
            _ => {
                self.wrong_kind(path, node, "a whole number");
                None
            }
        }
    }

    pub(crate) fn switch(&mut self, path: &str, node: &Node) -> Option<bool> {
        if let Value::Switch(on) = node.value {
            return Some(on);
        }
        self.wrong_kind(path, node, "true or false");
        None
    }

    pub(crate) fn day(&mut self, path: &str, node: &Node) -> Option<Date> {
        if let Value::Day(day) = node.value {
            return Some(day);
        }
        self.wrong_kind(
            path,
            node,
            "a date such as 2026-09-01, without quotation marks",
        );
        None
    }

    pub(crate) fn table<'n>(&mut self, path: &str, node: &'n Node) -> Option<&'n Table> {
        if let Value::Table(table) = &node.value {
            return Some(table);
        }
        self.wrong_kind(path, node, "a table");
        None
    }

    pub(crate) fn list<'n>(&mut self, path: &str, node: &'n Node) -> &'n [Node] {
        if let Value::List(items) = &node.value {
            return items;
        }
        self.wrong_kind(path, node, "a list in square brackets");
        &[]
    }

    /// A list of texts, each with its place.
    pub(crate) fn texts(&mut self, path: &str, node: &Node) -> Vec<(Place, String)> {
        let items = self.list(path, node);
        items
            .iter()
            .filter_map(|item| self.text(path, item).map(|text| (item.at, text)))
            .collect()
    }

    /// One of a few words.
    pub(crate) fn word<'w>(
        &mut self,
        path: &str,
        node: &Node,
        allowed: &[&'w str],
    ) -> Option<&'w str> {
        let text = self.text(path, node)?;
        let found = allowed.iter().copied().find(|word| *word == text);
        if found.is_none() {
            self.unknown(node.at, path, &text, "value", allowed.iter().copied());
        }
        found
    }

    /// A text that is parsed into a value.
    pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        path: &str,
        at: Place,
        text: &str,
    ) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(at, format!("{path}: {error}"), "");
                None
            }
        }
    }

    /// Refuses a name that is not among the known ones.
    pub(crate) fn unknown<'w>(
        &mut self,
        at: Place,
        path: &str,
        word: &str,
        what: &str,
        known: impl IntoIterator<Item = &'w str>,
    ) {
        let help = nearest(word, known);
        self.error(
            at,
            format!("{path}: {} is not a known {what}", quoted(word)),
            help,
        );
    }
}

/// A table being read field by field.
pub(crate) struct Fields<'t> {
    table: &'t Table,
    path: String,
    asked: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// `path` is what messages call the table; empty at the top of the file.
    pub(crate) fn new(table: &'t Table, path: impl Into<String>) -> Self {
        Self {
            table,
            path: path.into(),
            asked: Vec::new(),
        }
    }

    pub(crate) fn at(&self) -> Place {
        self.table.at
    }

    /// What messages call a field.
    pub(crate) fn full(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(crate) fn entry(&mut self, key: &'static str) -> Option<&'t Entry> {
        self.asked.push(key);
        self.table.get(key)
    }

    pub(crate) fn node(&mut self, key: &'static str) -> Option<(&'t Node, String)> {
        let path = self.full(key);
        self.entry(key).map(|entry| (&entry.node, path))
    }

    pub(crate) fn text(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<String> {
        let (node, path) = self.node(key)?;
        cx.text(&path, node)
    }

    pub(crate) fn needed_text(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<String> {
        if self.table.get(key).is_none() {
            self.asked.push(key);
            cx.error(
                self.table.at,
                format!("{} is missing", self.full(key)),
                "add it",
            );
            return None;
        }
        self.text(key, cx)
    }

    pub(crate) fn switch(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<bool> {
        let (node, path) = self.node(key)?;
        cx.switch(&path, node)
    }

    pub(crate) fn day(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<Date> {
        let (node, path) = self.node(key)?;
        cx.day(&path, node)
    }

    pub(crate) fn number(
        &mut self,
        key: &'static str,
        least: i64,
        most: i64,
        cx: &mut Cx<'_>,
    ) -> Option<i64> {
        let (node, path) = self.node(key)?;
        cx.number(&path, node, least, most)
    }

    pub(crate) fn texts(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Vec<(Place, String)> {
        self.node(key)
            .map_or_else(Vec::new, |(node, path)| cx.texts(&path, node))
    }

    pub(crate) fn word<'w>(
        &mut self,
        key: &'static str,
        allowed: &[&'w str],
        cx: &mut Cx<'_>,
    ) -> Option<&'w str> {
        let (node, path) = self.node(key)?;
        cx.word(&path, node, allowed)
    }

    /// A list of texts, each parsed.
    pub(crate) fn all_parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        key: &'static str,
        cx: &mut Cx<'_>,
    ) -> Vec<T> {
        let path = self.full(key);
        self.texts(key, cx)
            .into_iter()
            .filter_map(|(at, text)| cx.parsed(&path, at, &text))
            .collect()
    }

    pub(crate) fn table(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Option<Fields<'t>> {
        let (node, path) = self.node(key)?;
        cx.table(&path, node).map(|table| Fields::new(table, path))
    }

    /// A list of tables, `[[key]]`.
    pub(crate) fn tables(&mut self, key: &'static str, cx: &mut Cx<'_>) -> Vec<Fields<'t>> {
        let Some((node, path)) = self.node(key) else {
            return Vec::new();
        };
        let items = cx.list(&path, node).iter().enumerate();
        items
            .filter_map(|(index, item)| {
                let path = format!("{path}[{index}]");
                cx.table(&path, item).map(|table| Fields::new(table, path))
            })
            .collect()
    }

    /// A table of tables by name, `[key.name]`.
    pub(crate) fn named_tables(
        &mut self,
        key: &'static str,
        cx: &mut Cx<'_>,
    ) -> Vec<(String, Fields<'t>)> {
        let Some((node, path)) = self.node(key) else {
            return Vec::new();
        };
        let Some(table) = cx.table(&path, node) else {
            return Vec::new();
        };
        let named = table.entries.iter();
        named
            .filter_map(|entry| {
                let path = format!("{path}.{}", entry.key);
                cx.table(&path, &entry.node)
                    .map(|table| (entry.key.clone(), Fields::new(table, path)))
            })
            .collect()
    }

    /// Refuses every key that was not asked for.
    pub(crate) fn finish(self, cx: &mut Cx<'_>) {
        for entry in &self.table.entries {
            if !self.asked.contains(&entry.key.as_str()) {
                let help = nearest(&entry.key, self.asked.iter().copied());
                let place = if self.path.is_empty() {
                    "at the top of the file".to_owned()
                } else {
                    format!("in [{}]", self.path)
                };
                cx.error(
                    entry.at,
                    format!("{} is not a known key {place}", quoted(&entry.key)),
                    help,
                );
            }
        }
    }
}
