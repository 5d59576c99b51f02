//! One folding for phrases and for text, so that what looks alike compares alike: case,
//! compatibility forms (NFKC), look-alike letters (UTS 39), digits and signs written for letters,
//! zero-width and other invisible characters, accents, letters spelt out with spaces.
//!
//! The folded form is for comparing only; it is never shown.

use icu_normalizer::ComposingNormalizerBorrowed;
use unicode_security::skeleton;

/// Folds text to words with one space before, between and after them: ` like this `. Empty text
/// folds to one space.
pub fn fold(text: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    let lower = composed.to_lowercase();
    let alike: String = skeleton(&lower).filter(|c| !is_mark(*c)).collect();
    let chars: Vec<char> = alike
        .to_lowercase()
        .chars()
        .filter(|c| !is_apostrophe(*c))
        .collect();
    let mut folded = String::with_capacity(alike.len() + 2);
    folded.push(' ');
    let mut spelt = Spelt::default();
    for word in words(&chars) {
        spelt.push(&fold_word(word), &mut folded);
    }
    spelt.finish(&mut folded);
    folded
}

/// Runs of letters, digits and of signs that stand for letters.
fn words(chars: &[char]) -> impl Iterator<Item = &[char]> {
    chars
        .split(|c| !c.is_alphanumeric() && sign(*c).is_none())
        .map(trim_signs)
        .filter(|word| !word.is_empty())
}

/// Signs at the end of a word are punctuation: `stop!` is no `stopi`.
fn trim_signs(mut word: &[char]) -> &[char] {
    while let [rest @ .., last] = word {
        if last.is_alphanumeric() {
            break;
        }
        word = rest;
    }
    word
}

/// Digits and signs stand for letters only beside letters: `4` alone is the number.
fn fold_word(word: &[char]) -> String {
    let has_letter = word.iter().any(|c| c.is_alphabetic());
    let fold = |c: &char| match *c {
        c if !has_letter => c,
        '0' => 'o',
        '1' | 'l' | 'i' | '|' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        c => sign(c).unwrap_or(c),
    };
    word.iter().map(fold).collect()
}

/// Signs that are written for letters inside words.
fn sign(c: char) -> Option<char> {
    match c {
        '@' => Some('a'),
        '$' => Some('s'),
        '!' | '|' => Some('i'),
        _ => None,
    }
}

/// Puts letters that were spelt out (`h e l l o`) together: from three in a row on.
#[derive(Default)]
struct Spelt {
    letters: Vec<String>,
}

impl Spelt {
    fn push(&mut self, word: &str, folded: &mut String) {
        if word.chars().count() == 1 {
            self.letters.push(word.to_owned());
            return;
        }
        self.finish(folded);
        folded.push_str(word);
        folded.push(' ');
    }

    fn finish(&mut self, folded: &mut String) {
        let between = if self.letters.len() >= 3 { "" } else { " " };
        if !self.letters.is_empty() {
            folded.push_str(&self.letters.join(between));
            folded.push(' ');
        }
        self.letters.clear();
    }
}

fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '\u{2019}' | '\u{2018}' | '`' | '\u{b4}' | '\u{2bc}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_looks_alike_folds_alike() {
        for (a, b) in [
            ("Hello World", "hello   world"),
            ("hello", "h\u{200b}e\u{200d}llo"),
            ("hello", "HELLO"),
            ("hello", "h3ll0"),
            ("hello", "he11o"),
            ("hello", "h e l l o"),
            ("hello", "h\u{435}ll\u{43e}"),
            ("hello", "\u{ff48}\u{ff45}\u{ff4c}\u{ff4c}\u{ff4f}"),
            ("hello", "h\u{e9}llo"),
            ("hello", "hello!"),
            ("dont", "don\u{2019}t"),
            ("sad", "$@d"),
        ] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
    }

    #[test]
    fn different_things_stay_different() {
        for (a, b) in [
            ("hello", "hallo"),
            ("4", "a"),
            ("room 4", "room a"),
            ("a b", "ab"),
        ] {
            assert_ne!(fold(a), fold(b), "{a} {b}");
        }
        assert_eq!(fold(""), " ");
        assert_eq!(fold("?!"), " ");
    }

    proptest! {
        #[test]
        fn any_text_folds_to_single_spaced_words(text in "\\PC{0,80}") {
            let folded = fold(&text);
            prop_assert!(folded.starts_with(' ') && folded.ends_with(' '));
            prop_assert!(!folded.contains("  "));
        }
    }
}
