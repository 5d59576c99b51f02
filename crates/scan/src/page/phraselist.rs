//! Phrase lists of DansGuardian and e2guardian, turned into the text of a dictionary.
//!
//! ```text
//! # comment
//! #listcategory: "Gambling"
//! < casino ><30>              a phrase and its weight; blanks inside the brackets end a word
//! <free>,< spins ><20>        all of them on the page
//! < sure thing ><10%>         of the limit
//! < never >                   a banned phrase: no weight
//! .Include</etc/…/more>       another file: told, not followed
//! ```
//!
//! A phrase without a blank at its end matches inside words there; here it becomes `phrase*`, which
//! matches words that begin so. That is told by a count. Lists belong to those who wrote them:
//! operators import them, they are never shipped.

use std::fmt::Write;

use super::dictionary::{DICTIONARY_BYTES_MAX, ENTRIES_MAX, WEIGHT_MAX};
use super::letters::western;
use super::line::{ENTRY_TEXT_MAX, PARTS_MAX, is_operator, phrase as part};

/// The weight of a banned phrase: over the threshold for everybody but staff by itself.
pub const BANNED_WEIGHT: i32 = 150;
/// Weights in hundredths are hundredths of this, the limit that the lists were written for.
const LIMIT: i32 = 100;
/// Problems told of one list; what is beyond is counted.
const PROBLEMS_MAX: usize = 100;

/// What came out of one list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhraseList {
    /// Weights and phrases, as lines of a dictionary.
    pub lines: Vec<(i32, String)>,
    /// The list's own name for its category.
    pub category: Option<String>,
    /// Files that the list includes, with their line.
    pub includes: Vec<(usize, String)>,
    /// How many phrases matched inside words and now match beginnings only.
    pub beginnings: usize,
    /// What was left out, with its line and why; at most a hundred.
    pub left_out: Vec<(usize, String)>,
    /// How many lines were left out in all.
    pub left_out_count: usize,
}

impl PhraseList {
    /// Reads a list. Bytes that are no UTF-8 are read as windows-1252.
    pub fn parse(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(DICTIONARY_BYTES_MAX)];
        let mut list = Self::default();
        for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
            let line = match std::str::from_utf8(line) {
                Ok(line) => line.to_owned(),
                Err(_) => line
                    .iter()
                    .map(|b| {
                        if b.is_ascii() {
                            char::from(*b)
                        } else {
                            western(*b)
                        }
                    })
                    .collect(),
            };
            if let Err(why) = list.line(number + 1, line.trim()) {
                list.left_out_count += 1;
                if list.left_out.len() < PROBLEMS_MAX {
                    list.left_out.push((number + 1, why));
                }
            }
        }
        list
    }

    /// The list as a dictionary for a category.
    pub fn to_dictionary(&self, category: &str, language: &str) -> String {
        let title = self.category.as_deref().unwrap_or(category);
        let mut text = format!(
            "dictionary {category}\nversion 1\nlanguage {language}\ntitle {title}\n\
             threshold early 50, prep 60, secondary 100, sixth 140, adult 160\n\n[imported]\n"
        );
        for (weight, phrase) in &self.lines {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{weight} {phrase}");
        }
        text
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(name) = line.strip_prefix("#listcategory:") {
            let name = name.trim().trim_matches('"').trim();
            if !name.is_empty() {
                self.category
                    .get_or_insert_with(|| name.chars().take(80).collect());
            }
            return Ok(());
        }
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(file) = line.strip_prefix(".Include") {
            let file = file.trim().trim_matches(['<', '>']);
            self.includes.push((number, file.to_owned()));
            return Ok(());
        }
        if self.lines.len() >= ENTRIES_MAX {
            return Err(format!("more than {ENTRIES_MAX} phrases"));
        }
        let (mut parts, weight) = brackets(line)?;
        parts.sort_unstable();
        parts.dedup();
        if parts.len() > PARTS_MAX {
            return Err(format!("more than {PARTS_MAX} phrases on one line"));
        }
        let mut texts = Vec::with_capacity(parts.len());
        let mut beginnings = 0;
        for part in parts {
            let (text, begins) = phrase(part)?;
            beginnings += usize::from(begins);
            texts.push(text);
        }
        self.beginnings += beginnings;
        self.lines.push((weight, texts.join(" + ")));
        Ok(())
    }
}

/// The phrases of a line, with the blanks inside their brackets, and the weight.
fn brackets(line: &str) -> Result<(Vec<&str>, i32), String> {
    let mut rest = line;
    let mut found: Vec<(&str, bool)> = Vec::new();
    let mut comma = true;
    while let Some(inside) = rest.strip_prefix('<') {
        let (text, behind) = inside.split_once('>').ok_or("a bracket is not closed")?;
        found.push((text, comma));
        let behind = behind.trim_start();
        comma = behind.starts_with(',');
        rest = behind.strip_prefix(',').unwrap_or(behind).trim_start();
    }
    // What follows the brackets is a comment or a time.
    if !rest.is_empty() && !rest.starts_with('#') {
        return Err("something stands behind the brackets".to_owned());
    }
    // The weight follows its phrase without a comma.
    let weight = match found.last() {
        Some((text, false)) => {
            let weight = read_weight(text)?;
            found.pop();
            weight
        }
        _ => BANNED_WEIGHT,
    };
    if found.is_empty() || found.iter().any(|(_, comma)| !comma) {
        return Err("this is no <phrase>,<phrase><weight>".to_owned());
    }
    Ok((found.into_iter().map(|(text, _)| text).collect(), weight))
}

fn read_weight(text: &str) -> Result<i32, String> {
    let text = text.trim();
    let (number, share) = match text.strip_suffix('%') {
        Some(number) => (number, true),
        None => (text, false),
    };
    let number: i32 = number
        .parse()
        .map_err(|_| format!("{text:?} is no weight"))?;
    let weight = if share {
        number.saturating_mul(LIMIT) / 100
    } else {
        number
    };
    match weight.clamp(-WEIGHT_MAX, WEIGHT_MAX) {
        0 => Err("the weight is nought".to_owned()),
        weight => Ok(weight),
    }
}

/// A phrase as dictionaries write it, and whether it matches beginnings of words.
fn phrase(inside: &str) -> Result<(String, bool), String> {
    // What means something on a line of a dictionary is only a sign here.
    let words = inside.split_whitespace();
    let plain: Vec<&str> = words
        .map(|word| word.trim_start_matches('@'))
        .filter(|word| *word != "+" && !is_operator(word))
        .collect();
    let text = plain.join(" ").replace('*', "");
    if text.chars().count() > ENTRY_TEXT_MAX {
        return Err(format!("longer than {ENTRY_TEXT_MAX} characters"));
    }
    let open = !inside.ends_with(char::is_whitespace);
    let begins = format!("{text}*");
    if open && part(&begins).is_ok() {
        return Ok((begins, true));
    }
    part(&text)?;
    Ok((text, false))
}

#[cfg(test)]
mod tests {
    use super::super::dictionary::Dictionary;
    use super::*;

    const LIST: &[u8] = b"#listcategory: \"Betting\"\n# comment\n\n< lucky bet ><30>\n<free>,< spins ><20>\n\
        < sure thing ><10%>\n< never this >\n<dice>,<lesson><-25>\n.Include</etc/lists/more>\n<open\n<x><y>\n<?!><5>\n\
        < caf\xe9 ><7>\n<a>,<b>\n";

    /// FIL-02: lists in the format of other filters become a dictionary that reads.
    #[test]
    fn fil_02_phrase_lists_of_other_filters_are_imported() {
        let list = PhraseList::parse(LIST);
        let lines: Vec<_> = list
            .lines
            .iter()
            .map(|(w, text)| (*w, text.as_str()))
            .collect();
        assert_eq!(
            lines,
            [
                (30, "lucky bet"),
                (20, "spins + free*"),
                (10, "sure thing"),
                (BANNED_WEIGHT, "never this"),
                (-25, "dice* + lesson*"),
                (7, "caf\u{e9}"),
                (BANNED_WEIGHT, "a + b"),
            ]
        );
        assert_eq!(list.includes, [(9, "/etc/lists/more".to_owned())]);
        assert_eq!(list.beginnings, 3);
        let left_out: Vec<_> = list.left_out.iter().map(|(line, _)| *line).collect();
        assert_eq!(left_out, [10, 11, 12]);
        let read = Dictionary::parse(&list.to_dictionary("gambling", "en")).unwrap();
        assert_eq!((read.entries.len(), &*read.title), (7, "Betting"));
    }

    #[test]
    fn any_bytes_are_a_list() {
        for bytes in [
            &b""[..],
            b"<",
            b"<>",
            b"<><>",
            b"<a><%>",
            b"<a><999999999999>",
            b",<a>",
            b"\xff\xfe<",
        ] {
            let list = PhraseList::parse(bytes);
            assert!(
                Dictionary::parse(&list.to_dictionary("x", "en")).is_ok(),
                "{bytes:?}"
            );
        }
    }
}
