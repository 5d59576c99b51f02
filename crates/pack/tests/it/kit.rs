//! The smallest pack that is right, the sample pack, and what is said of either.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pharos_pack::{Loaded, Pack, load};

/// The smallest pack that is right.
pub(crate) const SMALL: &str = r#"pack = 1
[policy]
title = "Online safety"
version = "1"
owner = "The lead"
author = "The lead"
approved_by = "Governors"
scope = "Everyone"
audience = ["staff"]
[school]
name = "Little Tern Primary"
[people]
lead = "anna.tern"
head = { user = "ben.knot", since = 2025-09-01 }
"#;

pub(crate) const POLICY: &str = "# Policy\n\n## 1 Aims\n\nWe keep children safe.\n";

pub(crate) fn files(list: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    list.iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
        .collect()
}

/// The small pack with more lines at its end.
pub(crate) fn with(more: &str) -> Loaded {
    load(&files(&[
        ("school.toml", &format!("{SMALL}{more}")),
        ("policy.md", POLICY),
    ]))
}

pub(crate) fn report(loaded: &Loaded) -> String {
    loaded
        .problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

pub(crate) fn sound(loaded: Loaded) -> Pack {
    let text = report(&loaded);
    loaded
        .pack
        .unwrap_or_else(|| panic!("the pack has errors:\n{text}"))
}

pub(crate) fn sample_files() -> BTreeMap<String, Vec<u8>> {
    let root = PathBuf::from("../../packs/harbourmouth");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}
