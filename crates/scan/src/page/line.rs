//! One line of a dictionary: phrases and sets that stand anywhere on the page, or near each other.
//!
//! ```text
//! 40 a phrase
//! 25 a phrase + another              both, anywhere on the page
//! 24 @hurt ~6 @self                  a word of each set, at most six words apart, in any order
//! 24 @send >4 picture*               in this order
//! 24 @hurt ~6 @self !3 @never        unless a word of the last set stands between them or up to
//!                                    three words before
//! 30 @hurt ~6 @self + @secret        near each other, and something else anywhere
//! ```

use std::sync::Arc;

use super::folder::fold_phrase;

/// The longest phrase, in characters.
pub const ENTRY_TEXT_MAX: usize = 120;
/// The most parts on one line, and the most phrases and sets that must stand near each other.
pub const PARTS_MAX: usize = 6;
/// The furthest that words may stand apart and count as near, in words.
pub const NEAR_MAX: u8 = 100;
/// The longest name of a set, in characters.
const NAME_MAX: usize = 40;

/// A phrase or a set of phrases.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    Phrase(Phrase),
    Set(Arc<str>),
}

/// A phrase as written and folded; what ends in no blank matches every word that begins so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Phrase {
    pub(super) text: Arc<str>,
    pub(super) folded: Vec<u8>,
}

/// How far a unit may stand from the one before it on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Gap {
    pub(super) within: u8,
    pub(super) ordered: bool,
}

/// What must be on the page: one unit, or several near each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) units: Vec<Unit>,
    /// One fewer than units.
    pub(super) gaps: Vec<Gap>,
    /// What must not stand between them, or so many words before.
    pub(super) guard: Option<(Unit, u8)>,
}

/// Reads what follows the weight.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, String> {
    let parts = text
        .split(" + ")
        .map(near)
        .collect::<Result<Vec<_>, String>>()?;
    if parts.len() > PARTS_MAX {
        return Err(format!("more than {PARTS_MAX} phrases on one line"));
    }
    Ok(parts)
}

/// Whether a word of a line says how near its neighbours must stand.
pub(super) fn is_operator(word: &str) -> bool {
    let number = word.strip_prefix(['~', '>', '!']);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn near(text: &str) -> Result<Part, String> {
    let mut part = Part {
        units: Vec::new(),
        gaps: Vec::new(),
        guard: None,
    };
    let mut words: Vec<&str> = Vec::new();
    // What stands before the words being gathered.
    let mut before: Option<(u8, u8)> = None;
    for word in text.split_whitespace() {
        if is_operator(word) {
            close(&mut part, &words, before)?;
            words.clear();
            let (sign, number) = word.split_at(1);
            let number = number
                .parse()
                .ok()
                .filter(|number| (1..=NEAR_MAX).contains(number))
                .ok_or_else(|| format!("{word:?}: write a number of words from 1 to {NEAR_MAX}"))?;
            before = Some((sign.as_bytes()[0], number));
        } else {
            words.push(word);
        }
    }
    close(&mut part, &words, before)?;
    if part.units.len() > PARTS_MAX {
        return Err(format!("more than {PARTS_MAX} phrases near each other"));
    }
    if part.guard.is_some() && part.units.len() < 2 {
        return Err("only phrases near each other can be guarded: write A ~6 B !3 C".to_owned());
    }
    Ok(part)
}

fn close(part: &mut Part, words: &[&str], before: Option<(u8, u8)>) -> Result<(), String> {
    if part.guard.is_some() {
        return Err("what must not stand there comes last on the line, once".to_owned());
    }
    let unit = unit(&words.join(" "))?;
    match before {
        None => part.units.push(unit),
        Some((b'!', within)) => part.guard = Some((unit, within)),
        Some((sign, within)) => {
            part.units.push(unit);
            part.gaps.push(Gap {
                within,
                ordered: sign == b'>',
            });
        }
    }
    Ok(())
}

/// A phrase, or a set named by `@name`.
pub(super) fn unit(text: &str) -> Result<Unit, String> {
    match text.trim().strip_prefix('@') {
        Some(name) => Ok(Unit::Set(set_name(name)?)),
        None => Ok(Unit::Phrase(Phrase {
            text: text.trim().into(),
            folded: phrase(text)?,
        })),
    }
}

/// The name of a set.
pub(super) fn set_name(name: &str) -> Result<Arc<str>, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(plain) {
        return Err(format!(
            "{name:?} is no name of a set: use at most {NAME_MAX} small letters, digits and hyphens"
        ));
    }
    Ok(name.into())
}

/// One phrase, folded.
pub(super) fn phrase(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    if text.chars().count() > ENTRY_TEXT_MAX {
        return Err(format!(
            "the phrase is longer than {ENTRY_TEXT_MAX} characters"
        ));
    }
    let (stem, begins) = match text.strip_suffix('*') {
        Some(stem) => (stem, true),
        None => (text, false),
    };
    let mut folded = fold_phrase(stem);
    if folded == b" " {
        return Err(format!("{text:?} has no letters or digits"));
    }
    if begins {
        folded.pop();
        if folded.len() < 4 || !stem.ends_with(|c: char| c.is_alphanumeric()) {
            return Err(format!(
                "{text:?} matches too much: write at least three letters before the star"
            ));
        }
    }
    Ok(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fil_02_lines_say_what_stands_near_what() {
        let read = parts("@hurt ~6 my arm* >2 @secret !3 never + calm sea").unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].units.len(), 3);
        let gaps: Vec<_> = read[0]
            .gaps
            .iter()
            .map(|gap| (gap.within, gap.ordered))
            .collect();
        assert_eq!(gaps, [(6, false), (2, true)]);
        assert!(
            matches!(&read[0].guard, Some((Unit::Phrase(never), 3)) if &*never.text == "never")
        );
        assert!(matches!(&read[0].units[0], Unit::Set(name) if &**name == "hurt"));
        assert!(read[1].gaps.is_empty());
    }

    #[test]
    fn lines_that_say_nothing_are_refused() {
        for wrong in [
            "a b ~6",
            "~6 a b",
            "ab cd ~0 ef",
            "ab cd ~101 ef",
            "ab !3 cd",
            "ab ~2 cd !3 ef ~2 gh",
            "@Big ~2 cd",
            "@ ~2 cd",
            "ab ~1 cd ~1 ef ~1 gh ~1 ij ~1 kl ~1 mn",
            "ab* ~2 cd",
        ] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }
}
