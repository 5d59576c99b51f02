//! Letters as data, filled in by name (REF-06).

use crate::procedure::Letter;

/// The letter's text has blanks that were not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the letter {letter:?} still has blanks: {}; give a value for each", .blanks.join(", "))]
pub struct BlanksLeft {
    /// The letter.
    pub letter: String,
    /// The blanks without a value, in the order of the text.
    pub blanks: Vec<String>,
}

/// The blanks of a letter, in order, each once.
pub fn blanks(letter: &Letter) -> Vec<String> {
    let mut names = Vec::new();
    walk(&letter.text, |name| {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        None
    });
    names
}

/// Fills the blanks of a letter. What is put in is never read again for blanks.
///
/// # Errors
/// [`BlanksLeft`] names every blank without a value.
pub fn fill(letter: &Letter, values: &[(&str, &str)]) -> Result<String, BlanksLeft> {
    let find = |name: &str| {
        values
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let missing: Vec<String> = blanks(letter)
        .into_iter()
        .filter(|name| find(name).is_none())
        .collect();
    if missing.is_empty() {
        Ok(walk(&letter.text, find))
    } else {
        Err(BlanksLeft {
            letter: letter.id.clone(),
            blanks: missing,
        })
    }
}

fn walk(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match value(name) {
            Some(value) => out.push_str(&value),
            None => out.push_str(name),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            id: "breach".into(),
            title: "Breach".into(),
            to: "parent".into(),
            text: "Dear {parent}, {child} saw something. {child} did well.".into(),
        }
    }

    /// REF-06: a letter comes from a template; nothing is sent with a blank in it.
    #[test]
    fn ref_06_a_letter_with_blanks_left_is_not_made() {
        let left = fill(&letter(), &[("parent", "Mrs Okafor")]).unwrap_err();
        assert_eq!(left.blanks, ["child"]);
        let text = fill(&letter(), &[("parent", "{child}"), ("child", "Ada")]).unwrap();
        assert_eq!(text, "Dear {child}, Ada saw something. Ada did well.");
    }
}
