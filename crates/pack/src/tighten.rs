//! Whether one version of a pack only tightens another (REQ-05): filtering as strict or stricter
//! everywhere, and nothing else changed.

use std::collections::BTreeMap;

use crate::edit::SCHOOL_FILE;
use crate::pack::Pack;

/// Tables of `school.toml` that are compared by what they come to: see [`pharos_policy::loosens`].
const BY_MEANING: &[&str] = &[
    "rules",
    "blocks",
    "groups",
    "defaults",
    "avoidance",
    "search",
    "srch",
];
/// The same of `[fil]`.
const FIL_BY_MEANING: &[&str] = &[
    "categories",
    "phase_mode",
    "social_media",
    "personal_email",
    "page_text",
    "ai_signed_out",
    "staff_in_lesson",
];

/// A pack with its files.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The pack.
    pub pack: &'a Pack,
    /// Its files by path.
    pub files: &'a BTreeMap<String, Vec<u8>>,
}

/// Why `after` does more than tighten the filter of `before`: what it may open, and what it changes
/// beside the filter's rules. Empty when it only tightens. What cannot be shown to be a tightening
/// counts as none.
pub fn beyond_tightening(before: Side<'_>, after: Side<'_>) -> Vec<String> {
    let mut found = pharos_policy::loosens(&before.pack.filter, &after.pack.filter);
    let mut names: Vec<&String> = before.files.keys().chain(after.files.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        if name != SCHOOL_FILE && before.files.get(name) != after.files.get(name) {
            found.push(format!("the file {name} differs"));
        }
    }
    let (old, new) = (table_of(before), table_of(after));
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        if BY_MEANING.contains(&key.as_str()) {
            continue;
        }
        let rest = |table: &toml::Table| match table.get(key) {
            Some(toml::Value::Table(fil)) if key == "fil" => {
                let others = fil
                    .iter()
                    .filter(|(key, _)| !FIL_BY_MEANING.contains(&key.as_str()));
                let others = others.map(|(key, value)| (key.clone(), value.clone()));
                Some(toml::Value::Table(others.collect()))
            }
            other => other.cloned(),
        };
        if rest(&old) != rest(&new) {
            found.push(format!(
                "[{key}] differs, which is more than the filter's rules"
            ));
        }
    }
    found
}

fn table_of(side: Side<'_>) -> toml::Table {
    // A pack that was read reads again; were it not so, the empty table differs from every other.
    side.files
        .get(SCHOOL_FILE)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.trim_start_matches('\u{feff}').parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> BTreeMap<String, Vec<u8>> {
        BTreeMap::from([
            (SCHOOL_FILE.to_owned(), text.as_bytes().to_vec()),
            ("policy.md".to_owned(), b"# 1 Safety\n\nWords.\n".to_vec()),
        ])
    }

    const BASE: &str = r#"pack = 1
[policy]
title = "Online safety"
version = "1"
owner = "The lead"
author = "The lead"
approved_by = "Governors"
scope = "Everyone"
audience = ["staff"]
[school]
name = "Test School"
zone = "Europe/London"
[people]
lead = { user = "a.lead", since = 2026-09-01 }
head = { user = "a.head", since = 2026-09-01 }
[fil.categories]
pupils = ["gambling"]
[con]
ack_minutes = 30
"#;

    fn reasons(before: &str, after: &str) -> Vec<String> {
        let load = |text: &str| {
            let loaded = crate::load(&files(text));
            loaded
                .pack
                .unwrap_or_else(|| panic!("{:?}", loaded.problems))
        };
        let (old, new) = (load(before), load(after));
        beyond_tightening(
            Side {
                pack: &old,
                files: &files(before),
            },
            Side {
                pack: &new,
                files: &files(after),
            },
        )
    }

    /// REQ-05: one more category is a tightening; one fewer is none, nor is anything beside the filter.
    #[test]
    fn req_05_more_blocked_and_nothing_else_is_a_tightening() {
        let more = BASE.replace("[\"gambling\"]", "[\"gambling\", \"gaming\"] # both");
        assert_eq!(reasons(BASE, &more), Vec::<String>::new());
        assert_eq!(reasons(BASE, BASE), Vec::<String>::new());
        let less = reasons(&more, BASE);
        assert!(less[0].contains("fil.categories (pupils)"), "{less:?}");
        let slower = more.replace("ack_minutes = 30", "ack_minutes = 60");
        let beside = reasons(BASE, &slower);
        assert!(
            beside.len() == 1 && beside[0].contains("[con]"),
            "{beside:?}"
        );
        let kept = more.replace(
            "[fil.categories]",
            "[fil]\nai_prompts = { pupils = \"off\", staff = \"off\" }\n[fil.categories]",
        );
        assert!(!reasons(BASE, &kept).is_empty());
    }
}
