//! Every setting in which schools differ, declared in one table (CFG-01): name, kind, allowed
//! values, default with its reason, meaning, who may change it, and whether anything acts on it yet.

mod casework;
mod filtering;
mod governance;
mod reading;
mod reference;
mod registers;
mod school;
mod strength;

use std::collections::BTreeMap;

use pharos_school::Role;

use crate::people::Post;
use crate::problem::Place;

pub(crate) use reading::{families, read_settings};
pub use reference::{reference_json, reference_markdown};
pub(crate) use strength::weaker;

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of some of these words.
    Choices(&'static [&'static str]),
    /// Free text.
    Text,
    /// A time of day, such as `21:30`.
    Time,
    /// A list of free texts.
    Texts,
    /// A whole number in these bounds, both included.
    Number(i64, i64),
    /// A list of role names.
    Roles,
    /// Categories to block: a list (for pupils), or a table of group to list.
    CategoriesByGroup,
    /// Some of these words: a list (for pupils), or a table of group to list.
    WordsByGroup(&'static [&'static str]),
    /// One of these words for each phase of the school.
    WordByPhase(&'static [&'static str]),
    /// A text for each phase of the school.
    TextByPhase,
    /// A list of texts for each phase, or one list for all.
    TextsByPhase,
    /// A table from these keys to whole numbers in these bounds.
    Numbers(&'static [&'static str], i64, i64),
    /// A table from these keys to words.
    Words(&'static [(&'static str, &'static [&'static str])]),
    /// A post: `{ user, since, duties }`.
    Post,
    /// Several posts.
    Posts,
    /// A table with its own shape; the text names the page of the manual that shows it.
    Shape(&'static str),
}

/// Whether anything acts on a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Behaviour {
    /// Changing it changes what Pharos does.
    Live,
    /// Declared and checked, but nothing acts on it yet; `pack check` says so where it is set.
    Declared,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name, such as `con.ack_minutes`; in `school.toml` `ack_minutes` in the table `[con]`.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The value where a school writes none, as TOML; empty: nothing.
    pub default: &'static str,
    /// Why that is the default.
    pub because: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Who may change it.
    pub changed_by: &'static [Role],
    /// Whether anything acts on it.
    pub behaviour: Behaviour,
}

/// Head and lead together answer for safeguarding settings.
const SAFEGUARDING: &[Role] = &[Role::Head, Role::Lead];
/// Filter settings: the lead decides, the technical team carries out, the head approves.
const FILTER: &[Role] = &[Role::Head, Role::Lead, Role::Technical];
/// School organisation.
const SCHOOL: &[Role] = &[Role::Head, Role::Office];
/// What governors decide.
const GOVERNANCE: &[Role] = &[Role::Head, Role::Chair];

const fn live(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    because: &'static str,
    meaning: &'static str,
    changed_by: &'static [Role],
) -> Setting {
    Setting {
        name,
        kind,
        default,
        because,
        meaning,
        changed_by,
        behaviour: Behaviour::Live,
    }
}

const fn declared(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    because: &'static str,
    meaning: &'static str,
    changed_by: &'static [Role],
) -> Setting {
    Setting {
        name,
        kind,
        default,
        because,
        meaning,
        changed_by,
        behaviour: Behaviour::Declared,
    }
}

/// Every setting, in the order of the manual.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    [
        school::TABLE,
        filtering::TABLE,
        casework::TABLE,
        registers::TABLE,
        governance::TABLE,
    ]
    .into_iter()
    .flatten()
}

/// The setting with this name.
pub fn setting(name: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.name == name)
}

/// A value of the right kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// `true` or `false`.
    Switch(bool),
    /// A word or a text.
    Text(String),
    /// A list of words or texts.
    List(Vec<String>),
    /// A whole number.
    Number(i64),
    /// A table to words, texts or lists of one.
    Map(BTreeMap<String, Vec<String>>),
    /// A table to numbers.
    Numbers(BTreeMap<String, i64>),
    /// Posts and their holders.
    Posts(Vec<Post>),
}

impl std::fmt::Display for SettingValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            SettingValue::Switch(true) => "on".to_owned(),
            SettingValue::Switch(false) => "off".to_owned(),
            SettingValue::Text(text) => text.clone(),
            SettingValue::List(list) => list.join(", "),
            SettingValue::Number(number) => number.to_string(),
            SettingValue::Map(map) => {
                let one = |(key, words): (&String, &Vec<String>)| {
                    if key.is_empty() {
                        words.join(", ")
                    } else {
                        format!("{key}: {}", words.join(", "))
                    }
                };
                map.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            SettingValue::Numbers(numbers) => numbers
                .iter()
                .map(|(key, number)| format!("{key}: {number}"))
                .collect::<Vec<_>>()
                .join("; "),
            SettingValue::Posts(posts) => posts
                .iter()
                .map(|post| post.user.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        };
        f.write_str(&text)
    }
}

/// What the school set, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetValue {
    /// The value.
    pub value: SettingValue,
    /// Its place in `school.toml`.
    pub place: Place,
}

/// All settings of a pack; what the school did not set has its default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    set: BTreeMap<&'static str, SetValue>,
}

impl Settings {
    pub(crate) fn insert(&mut self, name: &'static str, value: SetValue) {
        self.set.insert(name, value);
    }

    /// What the school set, by name.
    pub fn iter_set(&self) -> impl Iterator<Item = (&'static str, &SetValue)> {
        self.set.iter().map(|(name, value)| (*name, value))
    }

    /// What the school wrote for it, with the place; `None` where it says nothing.
    pub fn written(&self, name: &str) -> Option<&SetValue> {
        self.set.get(name)
    }

    /// Where the school wrote it; the beginning of the file where it says nothing.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        self.written(name)
            .map_or_else(Place::default, |set| set.place)
    }

    /// Whether the school set it; otherwise its value is Pharos's default and shown as such.
    pub fn is_set(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// The value set, or the default; `None` for a setting without either and for unknown names.
    pub fn value(&self, name: &str) -> Option<SettingValue> {
        match self.set.get(name) {
            Some(set) => Some(set.value.clone()),
            None => setting(name).and_then(reading::default_value),
        }
    }

    /// A switch; false where there is none.
    pub fn switch(&self, name: &str) -> bool {
        matches!(self.value(name), Some(SettingValue::Switch(true)))
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.value(name) {
            Some(SettingValue::Number(number)) => Some(number),
            _ => None,
        }
    }

    /// A word or text.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.value(name) {
            Some(SettingValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A list of texts.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(SettingValue::List(list)) => list,
            _ => Vec::new(),
        }
    }

    /// A list of roles.
    pub fn roles(&self, name: &str) -> Vec<Role> {
        self.list(name)
            .iter()
            .filter_map(|role| role.parse().ok())
            .collect()
    }

    /// A table to words or lists.
    pub fn map(&self, name: &str) -> BTreeMap<String, Vec<String>> {
        match self.value(name) {
            Some(SettingValue::Map(map)) => map,
            _ => BTreeMap::new(),
        }
    }

    /// One word of a table setting, such as `pupils` of `fil.social_media`.
    pub fn word_of(&self, name: &str, key: &str) -> Option<String> {
        self.map(name)
            .get(key)
            .and_then(|words| words.first().cloned())
    }

    /// A table to numbers; keys that the school left out have their defaults.
    pub fn numbers(&self, name: &str) -> BTreeMap<String, i64> {
        let default = setting(name).and_then(reading::default_value);
        let mut numbers = match default {
            Some(SettingValue::Numbers(numbers)) => numbers,
            _ => BTreeMap::new(),
        };
        if let Some(SetValue {
            value: SettingValue::Numbers(set),
            ..
        }) = self.set.get(name)
        {
            numbers.extend(set.iter().map(|(key, number)| (key.clone(), *number)));
        }
        numbers
    }

    /// The posts of a people setting.
    pub fn posts(&self, name: &str) -> Vec<Post> {
        match self.value(name) {
            Some(SettingValue::Posts(posts)) => posts,
            _ => Vec::new(),
        }
    }
}
