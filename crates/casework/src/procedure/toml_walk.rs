//! Reading tables key by key, so that every problem is told at once, each with its line.

use std::str::FromStr;

use jiff::civil::Date;
use toml::de::{DeTable, DeValue};

use super::Problem;

/// The lines of the text read, and what was wrong in it so far.
pub(super) struct Walk {
    /// Where each line ends.
    ends: Vec<usize>,
    problems: Vec<Problem>,
}

/// One table of the file, with its place and a name for messages.
#[derive(Clone)]
pub(super) struct Tab<'a, 't> {
    table: &'a DeTable<'t>,
    pub(super) line: usize,
    what: String,
}

impl Walk {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.bytes().enumerate();
        let ends = bytes.filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at);
        Self {
            ends: ends.collect(),
            problems: Vec::new(),
        }
    }

    /// The number of the line, from 1, that holds the byte at `at`.
    pub(super) fn line(&self, at: usize) -> usize {
        1 + self.ends.partition_point(|end| *end < at)
    }

    pub(super) fn say(&mut self, line: usize, message: impl Into<String>) {
        self.problems.push(Problem {
            line,
            message: message.into(),
        });
    }

    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Problem>> {
        self.problems.sort();
        self.problems.dedup();
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(self.problems),
        }
    }

    pub(super) fn syntax(&mut self, error: &toml::de::Error) {
        let line = error.span().map_or(1, |span| self.line(span.start));
        self.say(line, format!("not valid TOML: {}", error.message()));
    }

    pub(super) fn root<'a, 't>(&self, table: &'a DeTable<'t>) -> Tab<'a, 't> {
        Tab {
            table,
            line: 1,
            what: "the file".into(),
        }
    }

    /// Complains about keys that are not in `known`, naming the nearest one.
    pub(super) fn only(&mut self, tab: &Tab<'_, '_>, known: &[&str]) {
        for (key, _) in tab.table.iter() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let line = self.line(key.span().start);
                self.say(
                    line,
                    unknown(
                        &format!("{name:?} is not a key of {}", tab.what),
                        name,
                        known,
                    ),
                );
            }
        }
    }

    fn get<'a, 't>(&self, tab: &Tab<'a, 't>, key: &str) -> Option<(usize, &'a DeValue<'t>)> {
        tab.table
            .iter()
            .find(|(name, _)| AsRef::<str>::as_ref(name.get_ref()) == key)
            .map(|(_, value)| (self.line(value.span().start), value.get_ref()))
    }

    /// Whether the key is there.
    pub(super) fn has(&self, tab: &Tab<'_, '_>, key: &str) -> bool {
        self.get(tab, key).is_some()
    }

    /// The line of a key's value, or of the table.
    pub(super) fn line_of(&self, tab: &Tab<'_, '_>, key: &str) -> usize {
        self.get(tab, key).map_or(tab.line, |(line, _)| line)
    }

    pub(super) fn maybe_text(&mut self, tab: &Tab<'_, '_>, key: &str) -> Option<String> {
        let (line, value) = self.get(tab, key)?;
        match value.as_str() {
            Some(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Some(_) => {
                self.say(
                    line,
                    format!(
                        "{key:?} of {} is empty: write it, or leave the line out",
                        tab.what
                    ),
                );
                None
            }
            None => {
                self.say(
                    line,
                    format!("{key:?} of {} must be text in quotes", tab.what),
                );
                None
            }
        }
    }

    pub(super) fn text(&mut self, tab: &Tab<'_, '_>, key: &str) -> String {
        if !self.has(tab, key) {
            self.say(
                tab.line,
                format!("{} has no {key:?}: add {key} = \"…\"", tab.what),
            );
            return String::new();
        }
        self.maybe_text(tab, key).unwrap_or_default()
    }

    pub(super) fn flag(&mut self, tab: &Tab<'_, '_>, key: &str) -> Option<bool> {
        let (line, value) = self.get(tab, key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.say(
                line,
                format!("{key:?} of {} must be true or false", tab.what),
            );
        }
        flag
    }

    pub(super) fn number(&mut self, tab: &Tab<'_, '_>, key: &str) -> Option<u32> {
        let Some((line, value)) = self.get(tab, key) else {
            self.say(
                tab.line,
                format!("{} has no {key:?}: add {key} = 1", tab.what),
            );
            return None;
        };
        let number = value.as_integer().and_then(|n| n.as_str().parse().ok());
        if number.is_none() {
            self.say(
                line,
                format!("{key:?} of {} must be a whole number", tab.what),
            );
        }
        number
    }

    pub(super) fn date(&mut self, tab: &Tab<'_, '_>, key: &str) -> Option<Date> {
        let Some((line, value)) = self.get(tab, key) else {
            self.say(
                tab.line,
                format!("{} has no {key:?}: add {key} = 2026-11-20", tab.what),
            );
            return None;
        };
        let text = value
            .as_datetime()
            .map(ToString::to_string)
            .or_else(|| value.as_str().map(str::to_owned));
        let date = text.and_then(|text| Date::from_str(&text).ok());
        if date.is_none() {
            self.say(
                line,
                format!("{key:?} of {} must be a date such as 2026-11-20", tab.what),
            );
        }
        date
    }

    /// A list of texts, each with its line.
    pub(super) fn list(&mut self, tab: &Tab<'_, '_>, key: &str) -> Vec<(usize, String)> {
        let Some((line, value)) = self.get(tab, key) else {
            return Vec::new();
        };
        let Some(array) = value.as_array() else {
            self.say(
                line,
                format!("{key:?} of {} must be a list such as [\"lead\"]", tab.what),
            );
            return Vec::new();
        };
        let mut list = Vec::new();
        for item in array.iter() {
            let line = self.line(item.span().start);
            match item.get_ref().as_str() {
                Some(text) => list.push((line, text.trim().to_owned())),
                None => self.say(
                    line,
                    format!("{key:?} of {} holds something that is not text", tab.what),
                ),
            }
        }
        list
    }

    /// The tables of an array of tables such as `[[step]]`.
    pub(super) fn tables<'a, 't>(&mut self, tab: &Tab<'a, 't>, key: &str) -> Vec<Tab<'a, 't>> {
        let Some((line, value)) = self.get(tab, key) else {
            return Vec::new();
        };
        let Some(array) = value.as_array() else {
            self.say(line, format!("{key:?} must be written as [[{key}]]"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (number, item) in (1..).zip(array.iter()) {
            let line = self.line(item.span().start);
            let Some(table) = item.get_ref().as_table() else {
                self.say(line, format!("{key:?} must be a table"));
                continue;
            };
            let id = table
                .iter()
                .find(|(name, _)| matches!(AsRef::<str>::as_ref(name.get_ref()), "id" | "act"))
                .and_then(|(_, value)| value.get_ref().as_str());
            let what = match id {
                Some(id) => format!("{key} {id:?}"),
                None => format!("{key} {number}"),
            };
            tables.push(Tab { table, line, what });
        }
        tables
    }

    /// One of a fixed set of names.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        line: usize,
        text: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let found = all.iter().copied().find(|value| name(*value) == text);
        if found.is_none() {
            let names: Vec<&str> = all.iter().map(|value| name(*value)).collect();
            self.say(
                line,
                unknown(&format!("{text:?} is not known here"), text, &names),
            );
        }
        found
    }
}

impl Tab<'_, '_> {
    pub(super) fn what(&self) -> &str {
        &self.what
    }
}

/// The message for something unknown, with the nearest known name or the whole list.
pub(super) fn unknown(start: &str, name: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(&name.to_lowercase(), k), *k))
        .filter(|(distance, k)| *distance <= 2.max(k.len() / 3))
        .min();
    match near {
        Some((_, near)) => format!("{start}; did you mean {near:?}?"),
        None => format!("{start}; use one of: {}", known.join(", ")),
    }
}
