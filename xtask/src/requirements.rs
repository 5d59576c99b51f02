//! Which requirement ids have tests: found by reading the sources, never kept by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Every group of the contract and its highest number. The text of the requirements is kept by
/// the project's owners; the ids are stable.
const GROUPS: &[(&str, &str, u8)] = &[
    ("FIL", "filtering", 20),
    ("SRCH", "safe search", 5),
    ("MON", "monitoring", 14),
    ("BRE", "filtering breaches", 10),
    ("REQ", "access requests and change control", 6),
    ("CON", "concerns and case work", 18),
    ("PRO", "procedures for each kind of incident", 39),
    ("REF", "referrals and parents", 7),
    ("AUP", "acceptable use agreements", 11),
    ("ACC", "accounts and access", 12),
    ("ROLE", "roles and responsibilities", 10),
    ("TRN", "training", 12),
    ("EDU", "teaching", 14),
    ("CNS", "consents and images", 11),
    ("DEV", "devices", 24),
    ("RSK", "risk assessment", 7),
    ("SOC", "social media", 12),
    ("VC", "videoconferencing", 7),
    ("LP", "learning platform", 5),
    ("WEB", "school website", 5),
    ("EML", "email", 8),
    ("SEC", "information security evidence", 6),
    ("REV", "policies and review", 12),
    ("REP", "reports", 9),
    ("AUD", "audit", 5),
    ("CLK", "deadlines", 3),
    ("PRIV", "data protection", 8),
    ("CMP", "complaints", 3),
    ("VUL", "vulnerable pupils", 7),
    ("CFG", "configuration", 3),
];

const TABLE: &str = "docs/requirements.md";

/// Prints the table.
pub(crate) fn print(root: &Path) -> anyhow::Result<()> {
    print!("{}", table(root)?);
    Ok(())
}

/// Writes the table to `docs/requirements.md`.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    let path = root.join(TABLE);
    std::fs::write(&path, table(root)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {TABLE}");
    Ok(())
}

/// Fails when the kept table is not what the sources say.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let kept = std::fs::read_to_string(root.join(TABLE)).unwrap_or_default();
    if kept != table(root)? {
        bail!("{TABLE} is out of date: run `cargo xtask requirements --write` and commit it");
    }
    println!("requirements: {TABLE} is up to date");
    Ok(())
}

fn table(root: &Path) -> anyhow::Result<String> {
    let found = scan(root)?;
    let mut text = String::from(
        "# Requirements that have tests\n\nWritten by `cargo xtask requirements --write` from the tests' own names and comments; do not edit.\n\
         A row says that tests name the requirement, not that every part of it is built: ARCHITECTURE.md and docs/limits.md say what is still to come.\n\n",
    );
    let total: usize = found.values().map(BTreeSet::len).sum();
    text += &format!(
        "{} requirement ids are named by tests ({total} places).\n",
        found.len()
    );
    for (group, title, _) in GROUPS {
        let rows: Vec<_> = found
            .iter()
            .filter(|(id, _)| id.starts_with(&format!("{group}-")))
            .collect();
        if rows.is_empty() {
            continue;
        }
        text += &format!("\n## {group}: {title}\n\n| id | tests |\n|---|---|\n");
        for (id, tests) in rows {
            let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
            text += &format!("| {id} | {} |\n", tests.join("<br>"));
        }
    }
    Ok(text)
}

/// Requirement id to the tests that name it, as `file::test`.
fn scan(root: &Path) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let place = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .display()
            .to_string();
        for (ids, test) in tests(&text) {
            for id in ids {
                found
                    .entry(id)
                    .or_default()
                    .insert(format!("{place}::{test}"));
            }
        }
    }
    Ok(found)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The tests of one file with the ids named in their name or in the comments just above them.
fn tests(text: &str) -> Vec<(BTreeSet<String>, String)> {
    let (mut out, mut comments, mut is_test) = (Vec::new(), String::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("//") {
            comments.push_str(line);
            comments.push('\n');
        } else if line.starts_with("#[") || line.starts_with("#![") {
            is_test |= line.contains("test]") || line.contains("test(") || line.contains("rstest");
        } else if let Some(name) = function_name(line) {
            let ids = ids(&format!("{comments} {}", as_ids(name)));
            if is_test && !ids.is_empty() {
                out.push((ids, name.to_owned()));
            }
            (comments, is_test) = (String::new(), false);
        } else if line.is_empty() || line.ends_with(['}', ';']) {
            (comments, is_test) = (String::new(), false);
        }
    }
    out
}

fn function_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ").unwrap_or(line);
    let rest = rest
        .strip_prefix("async ")
        .unwrap_or(rest)
        .strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// `fil_03_and_mon_14_…` as `FIL-03 AND MON-14 …`, so that names and comments are read alike.
fn as_ids(name: &str) -> String {
    let words: Vec<_> = name.split('_').map(str::to_uppercase).collect();
    let mut text = String::new();
    for pair in words.windows(2) {
        text += &format!("{}-{} ", pair[0], pair[1]);
    }
    text
}

fn ids(text: &str) -> BTreeSet<String> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '-')
        .filter(|word| {
            word.split_once('-').is_some_and(|(group, number)| {
                number.len() == 2
                    && GROUPS.iter().any(|(name, _, last)| {
                        *name == group && number.parse::<u8>().is_ok_and(|n| n >= 1 && n <= *last)
                    })
            })
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests_of_the_scan {
    use super::tests;

    #[test]
    fn ids_are_found_in_names_and_comments_of_tests_only() {
        let source = "/// FIL-03: the list cannot be lifted.\n#[test]\nfn nobody_lifts_it() {}\n\n\
                      // MON-01\nfn helper() {}\n\n#[tokio::test]\nasync fn con_09_parents_or_a_reason() {}\n\
                      /// FIL-99 does not exist.\n#[test]\nfn nothing() {}\n";
        let found: Vec<_> = tests(source)
            .into_iter()
            .map(|(ids, name)| (ids.into_iter().collect::<Vec<_>>().join(" "), name))
            .collect();
        assert_eq!(
            found,
            [
                ("FIL-03".to_owned(), "nobody_lifts_it".to_owned()),
                ("CON-09".to_owned(), "con_09_parents_or_a_reason".to_owned())
            ]
        );
    }
}
