//! Licences: a small reading of SPDX expressions against the list that the project takes.

use std::path::Path;

use anyhow::bail;

/// What may be linked into a program under AGPL-3.0-or-later.
const TAKEN: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-1-Clause",
    "bzip2-1.0.6",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "MPL-2.0",
    "CDLA-Permissive-2.0",
    "BSL-1.0",
    "0BSD",
    "CC0-1.0",
    "Unlicense",
    "OpenSSL",
    "AGPL-3.0-or-later",
    "Ubuntu-font-1.0",
    "OFL-1.1",
];

/// Crates whose manifest names no SPDX expression, each with what its licence file says.
const BY_HAND: &[(&str, &str)] = &[];

/// Fails with every crate whose licence is not taken.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let metadata = crate::metadata(root)?;
    let mut refused = Vec::new();
    for package in &metadata.packages {
        if BY_HAND
            .iter()
            .any(|(name, _)| *name == package.name.as_str())
        {
            continue;
        }
        match &package.license {
            Some(expression) if is_taken(expression) => {}
            Some(expression) => refused.push(format!(
                "{} {}: {expression}",
                package.name, package.version
            )),
            None => refused.push(format!(
                "{} {}: no licence named",
                package.name, package.version
            )),
        }
    }
    if !refused.is_empty() {
        bail!(
            "{} crates under licences that the project does not take:\n  {}",
            refused.len(),
            refused.join("\n  ")
        );
    }
    println!("licences: {} packages, all taken", metadata.packages.len());
    Ok(())
}

/// Whether an SPDX expression can be met from [`TAKEN`]: any branch of OR, every part of AND.
fn is_taken(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    any_of(expression.trim())
}

fn any_of(text: &str) -> bool {
    split_outside(text, " OR ")
        .iter()
        .any(|part| all_of(part.trim()))
}

fn all_of(text: &str) -> bool {
    split_outside(text, " AND ").iter().all(|part| {
        let part = part.trim();
        match part
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
        {
            Some(inner) => any_of(inner),
            None => TAKEN.contains(&part),
        }
    })
}

/// Splits at a separator that stands outside all brackets.
fn split_outside<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0usize);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && at >= start && text[at..].starts_with(separator) => {
                parts.push(&text[start..at]);
                start = at + separator.len();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or(""));
    parts
}

#[cfg(test)]
mod tests {
    use super::is_taken;

    #[test]
    fn spdx_expressions_are_read_with_brackets() {
        assert!(is_taken("MIT OR GPL-3.0"));
        assert!(is_taken("MIT/Apache-2.0"));
        assert!(is_taken("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!is_taken("GPL-3.0-only"));
        assert!(!is_taken("MIT AND GPL-2.0"));
        assert!(!is_taken("(MIT AND GPL-2.0) OR SSPL-1.0"));
    }
}
