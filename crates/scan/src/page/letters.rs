//! Single characters to what they are compared as: the folding of [`crate::fold`] for one character
//! at a time, so that it can be done while a page streams past.
//!
//! A character is decomposed (NFKD), marks and invisible characters fall away, capitals become
//! small, and what is not ASCII becomes its look-alike (UTS 39). That gives the same for `é` and
//! for `e` with an accent after it, so nothing depends on where a text was cut.

use std::sync::OnceLock;

use icu_normalizer::DecomposingNormalizerBorrowed;
use unicode_security::skeleton;

/// What a byte of ASCII is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class;

impl Class {
    /// Ends a word.
    pub(super) const GAP: u8 = 0;
    /// Falls away: apostrophes.
    pub(super) const DROP: u8 = 1;
    /// A digit or a sign that may stand for a letter.
    pub(super) const ODD: u8 = 2;
    /// Begins a tag or a character reference; ends a word where neither is meant.
    pub(super) const MARKUP: u8 = 3;
    /// The first byte of more than ASCII.
    pub(super) const WIDE: u8 = 4;
    // Everything above is a letter: the byte it folds to.
}

/// For every byte its class or, from `a` on, the letter that it folds to. `l` and `i` are one, as
/// both are written `1` and `|`.
pub(super) static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [Class::GAP; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'l' | b'L' => b'i',
            letter @ b'a'..=b'z' => letter,
            capital @ b'A'..=b'Z' => capital + 32,
            b'0'..=b'9' | b'@' | b'$' | b'!' | b'|' => Class::ODD,
            b'\'' | b'`' => Class::DROP,
            b'<' | b'&' => Class::MARKUP,
            0x80.. => Class::WIDE,
            _ => Class::GAP,
        };
        byte += 1;
    }
    table
}

/// The letter that a digit or sign is written for inside a word; itself where it is written for none.
pub(super) const fn meant(odd: u8) -> u8 {
    match odd {
        b'0' => b'o',
        b'1' | b'!' | b'|' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        other => other,
    }
}

/// What a character beyond ASCII becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Folded {
    /// Ends a word.
    Gap,
    /// Falls away.
    Nothing,
    /// One character, perhaps of ASCII.
    One(char),
    /// A character of a script without blanks between words: a word of its own.
    Alone(char),
    /// Several characters, from a ligature or a sign made of letters.
    Several(String),
}

/// Folds one character beyond ASCII.
pub(super) fn fold_char(c: char) -> Folded {
    if is_unspaced(c) {
        return Folded::Alone(c);
    }
    let place = (c as usize).wrapping_sub(TABLE_FROM);
    let block = BLOCKS.get(place / BLOCK);
    match block.and_then(|block| {
        block
            .get_or_init(|| worked_out(place / BLOCK))
            .get(place % BLOCK)
    }) {
        Some(Entry::Gap) => Folded::Gap,
        Some(Entry::Nothing) => Folded::Nothing,
        Some(Entry::One(folded)) => Folded::One(*folded),
        Some(Entry::Long) | None => work_out(c),
    }
}

const TABLE_FROM: usize = 0x80;
/// Latin, Greek, Cyrillic and the other alphabets, punctuation and signs.
const TABLE_TO: usize = 0x2e80;

/// The table's narrow form of [`Folded`].
#[derive(Debug, Clone, Copy)]
enum Entry {
    Gap,
    Nothing,
    One(char),
    Long,
}

/// So many characters are worked out together, when the first of them is met: most schools meet
/// few alphabets.
const BLOCK: usize = 128;

static BLOCKS: [OnceLock<Box<[Entry]>>; (TABLE_TO - TABLE_FROM) / BLOCK] =
    [const { OnceLock::new() }; (TABLE_TO - TABLE_FROM) / BLOCK];

fn worked_out(block: usize) -> Box<[Entry]> {
    let from = TABLE_FROM + block * BLOCK;
    let characters = (from..from + BLOCK).map(|c| u32::try_from(c).ok().and_then(char::from_u32));
    let entry = |c: Option<char>| match c.map(work_out) {
        None | Some(Folded::Gap) => Entry::Gap,
        Some(Folded::Nothing) => Entry::Nothing,
        Some(Folded::One(folded)) => Entry::One(folded),
        Some(Folded::Alone(_) | Folded::Several(_)) => Entry::Long,
    };
    characters.map(entry).collect()
}

fn work_out(c: char) -> Folded {
    if is_invisible(c) || is_apostrophe(c) {
        return Folded::Nothing;
    }
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(std::iter::once(c));
    let mut folded = String::new();
    let mut marks_only = true;
    for part in decomposed.filter(|part| !is_mark(*part) && !is_invisible(*part)) {
        marks_only = false;
        for small in part.to_lowercase().filter(|small| !is_mark(*small)) {
            alike(small, &mut folded);
        }
    }
    let mut characters = folded.chars();
    match (characters.next(), characters.next()) {
        _ if marks_only => Folded::Nothing,
        (None, _) => Folded::Gap,
        (Some(one), None) if is_kept(one) => Folded::One(one),
        (Some(_), None) => Folded::Gap,
        (Some(_), Some(_)) => Folded::Several(folded),
    }
}

/// The look-alike of a small character; ASCII stands for itself.
fn alike(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c);
        return;
    }
    let mut one = [0; 4];
    let look: String = skeleton(c.encode_utf8(&mut one))
        .filter(|part| !is_mark(*part))
        .flat_map(char::to_lowercase)
        .collect();
    match look.as_str() {
        // The table of look-alikes writes `m` so.
        "rn" => out.push('m'),
        look => out.push_str(look),
    }
}

fn is_kept(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '@' | '$' | '!' | '|' | '\'' | '`')
}

/// Scripts that are written without blanks between words.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{20000}'..='\u{3ffff}')
}

fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Zero-width characters, soft hyphens, direction marks, variation selectors and tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\u{2019}' | '\u{2018}' | '\u{b4}' | '\u{2bc}')
}

/// The character that a lone byte stands for where a text is not UTF-8: windows-1252, as browsers
/// read it.
pub(super) fn western(byte: u8) -> char {
    const LOW: [char; 32] = [
        '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}',
        '\u{2021}', '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}',
        '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}',
        '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}',
        '\u{178}',
    ];
    match byte {
        0x80..=0x9f => LOW[usize::from(byte) - 0x80],
        other => char::from(other),
    }
}
