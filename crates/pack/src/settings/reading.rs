//! From TOML to values: each setting read by its kind, unknown ones refused with the nearest known.

use std::collections::BTreeMap;

use pharos_school::Role;

use super::casework;
use super::{Behaviour, Kind, SetValue, Setting, SettingValue, Settings, settings};
use crate::names::Names;
use crate::people::read_post;
use crate::problem::{Problems, Severity, nearest, quoted};
use crate::read::Cx;
use crate::tree::{self, Entry, Node, Table, Value};

/// Families of settings that are tables of their own at the top of `school.toml`. `school` is
/// read apart: it holds facts beside its settings.
pub(crate) fn families() -> Vec<&'static str> {
    let mut families: Vec<&'static str> = settings()
        .filter_map(|setting| setting.name.split('.').next())
        .collect();
    families.sort_unstable();
    families.dedup();
    families.retain(|family| *family != "school");
    families
}

/// Reads every family. `also_live` names settings that the caller acts on although the table
/// still calls them declared.
pub(crate) fn read_settings(
    root: &Table,
    names: &Names,
    also_live: &[&str],
    cx: &mut Cx<'_>,
) -> Settings {
    let mut found = Settings::default();
    for family in families() {
        let Some(entry) = root.get(family) else {
            continue;
        };
        let Some(table) = cx.table(family, &entry.node) else {
            continue;
        };
        for entry in &table.entries {
            read_one(family, entry, names, also_live, cx, &mut found);
        }
    }
    found
}

fn read_one(
    family: &str,
    entry: &Entry,
    names: &Names,
    also_live: &[&str],
    cx: &mut Cx<'_>,
    found: &mut Settings,
) {
    let name = format!("{family}.{}", entry.key);
    let Some(setting) = super::setting(&name) else {
        let prefix = format!("{family}.");
        let siblings = settings().filter_map(|setting| setting.name.strip_prefix(&prefix));
        cx.error(
            entry.at,
            format!("{name} is not a known setting"),
            nearest(&entry.key, siblings),
        );
        return;
    };
    if setting.behaviour == Behaviour::Declared && !also_live.contains(&setting.name) {
        let file = cx.file.to_owned();
        cx.problems.add(
            &file,
            entry.at,
            Severity::Note,
            format!("{name} is kept and shown, but nothing acts on it yet"),
            None,
        );
    }
    if setting.name == "rev.front_page" {
        cx.error(
            entry.at,
            "rev.front_page is written as the table [policy]",
            "move it there",
        );
        return;
    }
    note_idle_keys(setting, entry, cx);
    if let Some(value) = read_value(setting, &entry.node, Some(names), cx) {
        found.insert(
            setting.name,
            SetValue {
                value,
                place: entry.node.at,
            },
        );
    }
}

/// Keys of live tables that nothing acts on yet say so as well (CFG-01).
fn note_idle_keys(setting: &Setting, entry: &Entry, cx: &mut Cx<'_>) {
    let (true, Value::Table(table)) = (setting.name == "priv.retention", &entry.node.value) else {
        return;
    };
    let file = cx.file.to_owned();
    for key in table.entries.iter().filter(|key| {
        casework::KEPT.contains(&key.key.as_str())
            && !casework::KEPT_LIVE.contains(&key.key.as_str())
    }) {
        let message = format!(
            "priv.retention.{} is kept and shown, but nothing acts on it yet",
            key.key
        );
        cx.problems
            .add(&file, key.at, Severity::Note, message, None);
    }
}

/// The default of a setting, where it has one.
pub(super) fn default_value(setting: &Setting) -> Option<SettingValue> {
    if setting.default.is_empty() {
        return None;
    }
    let mut problems = Problems::default();
    let root = tree::parse(
        "default",
        &format!("value = {}", setting.default),
        &mut problems,
    );
    let node = &root.get("value")?.node;
    read_value(
        setting,
        node,
        None,
        &mut Cx {
            file: "default",
            problems: &mut problems,
        },
    )
}

/// Reads one value by its kind; `names` is absent for defaults, which name nothing of a school.
fn read_value(
    setting: &Setting,
    node: &Node,
    names: Option<&Names>,
    cx: &mut Cx<'_>,
) -> Option<SettingValue> {
    let name = setting.name;
    Some(match setting.kind {
        Kind::Switch => SettingValue::Switch(cx.switch(name, node)?),
        Kind::Choice(words) => SettingValue::Text(cx.word(name, node, words)?.to_owned()),
        Kind::Text => SettingValue::Text(cx.text(name, node)?),
        Kind::Time => SettingValue::Text(time_of_day(name, node, cx)?),
        Kind::Number(least, most) => SettingValue::Number(cx.number(name, node, least, most)?),
        Kind::Texts => SettingValue::List(
            cx.texts(name, node)
                .into_iter()
                .map(|(_, text)| text)
                .collect(),
        ),
        Kind::Choices(words) => SettingValue::List(known_items(name, node, "value", words, cx)),
        Kind::Roles => SettingValue::List(known_items(name, node, "role", &role_names(), cx)),
        Kind::CategoriesByGroup => {
            let items = |node: &Node, cx: &mut Cx<'_>| categories(name, node, names, cx);
            SettingValue::Map(by_group(name, node, names, cx, items))
        }
        Kind::WordsByGroup(words) => {
            let items = |node: &Node, cx: &mut Cx<'_>| known_items(name, node, "value", words, cx);
            SettingValue::Map(by_group(name, node, names, cx, items))
        }
        Kind::WordByPhase(words) => {
            SettingValue::Map(by_phase(name, node, names, cx, |path, node, cx| {
                cx.word(path, node, words).map(|word| vec![word.to_owned()])
            })?)
        }
        Kind::TextByPhase => {
            SettingValue::Map(by_phase(name, node, names, cx, |path, node, cx| {
                cx.text(path, node).map(|text| vec![text])
            })?)
        }
        Kind::TextsByPhase => texts_by_phase(name, node, names, cx)?,
        Kind::Numbers(keys, least, most) => numbers(name, node, keys, (least, most), cx)?,
        Kind::Words(keys) => words(name, node, keys, names, cx)?,
        Kind::Post => SettingValue::Posts(vec![read_post(name, node, cx)?]),
        Kind::Posts => SettingValue::Posts(
            cx.list(name, node)
                .iter()
                .filter_map(|item| read_post(name, item, cx))
                .collect(),
        ),
        Kind::Shape(_) => return None,
    })
}

/// A time of day as `HH:MM`.
fn time_of_day(name: &str, node: &Node, cx: &mut Cx<'_>) -> Option<String> {
    let text = cx.text(name, node)?;
    let time = text.parse::<jiff::civil::Time>().ok();
    match time.filter(|_| text.len() == 5) {
        Some(_) => Some(text),
        None => {
            cx.error(
                node.at,
                format!("{name}: {text:?} is no time of day"),
                "write it like this: \"21:30\"",
            );
            None
        }
    }
}

fn role_names() -> Vec<&'static str> {
    Role::ALL.iter().map(|role| role.name()).collect()
}

fn known_items(
    name: &str,
    node: &Node,
    what: &str,
    known: &[&str],
    cx: &mut Cx<'_>,
) -> Vec<String> {
    let mut items = Vec::new();
    for (at, text) in cx.texts(name, node) {
        if known.contains(&text.as_str()) {
            items.push(text);
        } else {
            cx.unknown(at, name, &text, what, known.iter().copied());
        }
    }
    items
}

/// A list is for pupils; a table has a list for each group.
fn by_group(
    name: &str,
    node: &Node,
    names: Option<&Names>,
    cx: &mut Cx<'_>,
    items: impl Fn(&Node, &mut Cx<'_>) -> Vec<String>,
) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    if let Value::Table(table) = &node.value {
        for entry in &table.entries {
            if let Some(names) = names {
                names.group(entry.at, name, &entry.key, cx);
            }
            found.insert(entry.key.clone(), items(&entry.node, cx));
        }
    } else {
        found.insert("pupils".to_owned(), items(node, cx));
    }
    found
}

fn categories(name: &str, node: &Node, names: Option<&Names>, cx: &mut Cx<'_>) -> Vec<String> {
    let items = cx.texts(name, node);
    if let Some(names) = names {
        items
            .iter()
            .for_each(|(at, category)| names.category(*at, name, category, cx));
    }
    items.into_iter().map(|(_, category)| category).collect()
}

fn by_phase(
    name: &str,
    node: &Node,
    names: Option<&Names>,
    cx: &mut Cx<'_>,
    mut read: impl FnMut(&str, &Node, &mut Cx<'_>) -> Option<Vec<String>>,
) -> Option<BTreeMap<String, Vec<String>>> {
    let mut found = BTreeMap::new();
    for entry in &cx.table(name, node)?.entries {
        if let Some(names) = names {
            names.phase(entry.at, name, &entry.key, cx);
        }
        if let Some(value) = read(&format!("{name}.{}", entry.key), &entry.node, cx) {
            found.insert(entry.key.clone(), value);
        }
    }
    Some(found)
}

/// One list for all phases is kept under the empty phase name.
fn texts_by_phase(
    name: &str,
    node: &Node,
    names: Option<&Names>,
    cx: &mut Cx<'_>,
) -> Option<SettingValue> {
    let plain = |path: &str, node: &Node, cx: &mut Cx<'_>| {
        Some(
            cx.texts(path, node)
                .into_iter()
                .map(|(_, text)| text)
                .collect(),
        )
    };
    if let Value::List(_) = node.value {
        return plain(name, node, cx).map(|list| SettingValue::Map([(String::new(), list)].into()));
    }
    by_phase(name, node, names, cx, plain).map(SettingValue::Map)
}

fn numbers(
    name: &str,
    node: &Node,
    keys: &[&str],
    (least, most): (i64, i64),
    cx: &mut Cx<'_>,
) -> Option<SettingValue> {
    let mut found = BTreeMap::new();
    for entry in &cx.table(name, node)?.entries {
        if !keys.contains(&entry.key.as_str()) {
            cx.unknown(entry.at, name, &entry.key, "key", keys.iter().copied());
        } else if let Some(number) =
            cx.number(&format!("{name}.{}", entry.key), &entry.node, least, most)
        {
            found.insert(entry.key.clone(), number);
        }
    }
    Some(SettingValue::Numbers(found))
}

/// A table of words; an empty list of allowed words means a name or free text.
fn words(
    name: &str,
    node: &Node,
    keys: &[(&str, &[&str])],
    names: Option<&Names>,
    cx: &mut Cx<'_>,
) -> Option<SettingValue> {
    let mut found = BTreeMap::new();
    for entry in &cx.table(name, node)?.entries {
        let path = format!("{name}.{}", entry.key);
        let Some((_, allowed)) = keys.iter().find(|(key, _)| *key == entry.key) else {
            cx.unknown(
                entry.at,
                name,
                &entry.key,
                "key",
                keys.iter().map(|(key, _)| *key),
            );
            continue;
        };
        let word = if allowed.is_empty() {
            cx.text(&path, &entry.node)
        } else {
            cx.word(&path, &entry.node, allowed).map(str::to_owned)
        };
        let Some(word) = word else { continue };
        if let (Some(names), "fil.social_media") = (names, name) {
            match entry.key.as_str() {
                "hours" => names.hours(entry.node.at, &path, &word, cx),
                "exceptions" => names.group(entry.node.at, &path, &word, cx),
                _ => {}
            }
        }
        found.insert(entry.key.clone(), vec![word]);
    }
    if name == "fil.social_media"
        && found
            .get("pupils")
            .is_some_and(|rule| rule[..] == ["blocked-in-hours"])
        && !found.contains_key("hours")
    {
        cx.error(
            node.at,
            format!("{name}: {} needs the hours", quoted("blocked-in-hours")),
            "add hours = \"…\", a name from [school.hours]",
        );
    }
    Some(SettingValue::Map(found))
}
