//! The small facts beside an entry: figures, names of fields, states. Never text about people.

use std::collections::BTreeMap;

use serde_json::Value;

/// The longest detail of one entry, in bytes of JSON. Longer values are cut by [`Detail::text`].
pub const MAX_DETAIL_BYTES: usize = 4096;

/// The longest single text in a detail, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// The most facts in one detail. Further ones are left out and counted in `left_out`.
const MAX_FACTS: usize = 16;

/// Facts about an act, as a small JSON object with its keys in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    facts: BTreeMap<&'static str, Value>,
    left_out: u64,
}

impl Detail {
    /// No facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a short word or code, cut to 200 characters. Not for what people wrote about people.
    #[must_use]
    pub fn text(self, name: &'static str, value: &str) -> Self {
        self.with(
            name,
            Value::String(value.chars().take(MAX_TEXT_CHARS).collect()),
        )
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, name: &'static str, value: i64) -> Self {
        self.with(name, Value::from(value))
    }

    /// Adds a yes or no.
    #[must_use]
    pub fn flag(self, name: &'static str, value: bool) -> Self {
        self.with(name, Value::Bool(value))
    }

    /// The JSON text that is hashed and stored; at most [`MAX_DETAIL_BYTES`].
    pub fn to_json(&self) -> String {
        let mut object = serde_json::Map::new();
        for (name, value) in &self.facts {
            object.insert((*name).to_owned(), value.clone());
        }
        if self.left_out > 0 {
            object.insert("left_out".to_owned(), Value::from(self.left_out));
        }
        let text = Value::Object(object).to_string();
        if text.len() > MAX_DETAIL_BYTES {
            r#"{"left_out":"too long"}"#.to_owned()
        } else {
            text
        }
    }

    /// Whether the facts of one detail, as stored, are all in another.
    pub fn has_all(stored: &str, same: &str) -> bool {
        let facts = |text: &str| serde_json::from_str::<serde_json::Map<String, Value>>(text);
        match (facts(stored), facts(same)) {
            (Ok(stored), Ok(same)) => same
                .iter()
                .all(|(name, value)| stored.get(name) == Some(value)),
            _ => false,
        }
    }

    fn with(mut self, name: &'static str, value: Value) -> Self {
        if self.facts.len() < MAX_FACTS || self.facts.contains_key(name) {
            self.facts.insert(name, value);
        } else {
            self.left_out += 1;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_small_whatever_is_put_in() {
        let detail = Detail::new()
            .text("host", &"x".repeat(10_000))
            .number("count", 3)
            .flag("first", true);
        let json = detail.to_json();
        assert!(json.len() < 300, "{}", json.len());
        assert!(
            json.ends_with(r#"xx"}"#) && json.starts_with(r#"{"count":3,"first":true,"host":"#),
            "{json}"
        );
        let escapes = Detail::new()
            .text("a", &"\u{1}".repeat(200))
            .text("b", &"\u{1}".repeat(200))
            .text("c", &"\u{1}".repeat(200))
            .text("d", &"\u{1}".repeat(200));
        assert!(escapes.to_json().len() <= MAX_DETAIL_BYTES);
    }
}
