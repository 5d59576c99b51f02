//! Text to folded words while it streams past: the streaming twin of [`crate::fold`].
//!
//! What comes out is words with one blank before, between and after them. Where a phrase cannot
//! go on, at the edge of a paragraph or a cell, a line feed stands before the blank. The result
//! does not depend on how the text was cut into pieces.

use super::letters::{CLASSES, Class, Folded, fold_char, meant, western};

/// The longest word kept, in bytes; a longer one is a key or a picture in letters, and left out.
const WORD_MAX: usize = 96;
/// The most letters spelt out one by one that are put together.
const SPELT_MAX: usize = 32;

/// Folds text into a buffer.
#[derive(Debug)]
pub(super) struct Folder {
    out: Vec<u8>,
    /// Where the word that is being read begins in `out`.
    word_at: usize,
    has_letter: bool,
    has_odd: bool,
    too_long: bool,
    /// Where letters that stand alone began in `out`, and how many there are.
    spelt_at: usize,
    spelt: usize,
    spelt_letters: usize,
    words: u32,
    /// How many bytes of `out` have been given out before.
    old: usize,
    /// The first bytes of a character that is not complete yet.
    partial: [u8; 4],
    partial_len: usize,
}

impl Folder {
    pub(super) fn new() -> Self {
        Self {
            out: vec![b' '],
            word_at: 1,
            has_letter: false,
            has_odd: false,
            too_long: false,
            spelt_at: 1,
            spelt: 0,
            spelt_letters: 0,
            words: 0,
            old: 0,
            partial: [0; 4],
            partial_len: 0,
        }
    }

    /// Folds UTF-8, or what should be; a byte that fits nowhere is read as windows-1252.
    pub(super) fn push(&mut self, mut text: &[u8]) {
        while !text.is_empty() {
            let read = self.push_text(text);
            text = &text[read..];
            if let Some((_, rest)) = text.split_first() {
                // A sign that begins markup elsewhere; here it only ends a word.
                self.end_word();
                text = rest;
            }
        }
    }

    /// Folds up to the first `<` or `&`; how many bytes were read.
    pub(super) fn push_text(&mut self, text: &[u8]) -> usize {
        let mut at = 0;
        loop {
            if self.is_between_words() {
                at += self.push_plain(&text[at..]);
            }
            let Some(byte) = text.get(at) else { return at };
            if self.partial_len > 0 {
                if byte.is_ascii() {
                    self.end_partial();
                } else {
                    self.push_partial(*byte);
                    at += 1;
                    continue;
                }
            }
            match CLASSES[usize::from(*byte)] {
                Class::GAP => self.end_word(),
                Class::DROP => {}
                Class::ODD => {
                    self.has_odd = true;
                    self.put(*byte);
                }
                Class::MARKUP => return at,
                Class::WIDE => self.push_partial(*byte),
                _ => {
                    at += self.put_letters(&text[at..]);
                    continue;
                }
            }
            at += 1;
        }
    }

    fn is_between_words(&self) -> bool {
        self.word_at == self.out.len() && self.partial_len == 0 && !self.has_odd && !self.too_long
    }

    /// Folds short words of plain letters, by far the most of any page, for as long as nothing else
    /// comes; how many bytes were read. Nothing has been read of the first word yet.
    fn push_plain(&mut self, text: &[u8]) -> usize {
        let (mut at, mut words) = (0, 0);
        while let Some(eight) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let read = Eight::of(*eight);
            if !read.is_word() {
                break;
            }
            if read.letters > 0 {
                if read.letters == 1 || read.may_drawl() {
                    break;
                }
                if self.spelt > 0 {
                    self.word_at = self.out.len();
                    self.end_spelt();
                }
                let end = self.out.len() + read.letters + 1;
                self.out.extend_from_slice(&read.with_blank());
                self.out.truncate(end);
                words += 1;
            }
            at += read.letters + 1;
        }
        self.word_at = self.out.len();
        self.words = self.words.saturating_add(words);
        at
    }

    /// Folds one character, of a reference or an escape.
    pub(super) fn push_char(&mut self, c: char) {
        self.end_partial();
        if c.is_ascii() {
            self.push_ascii(c as u8);
        } else {
            self.push_wide(c);
        }
    }

    /// Ends the word that is being read.
    pub(super) fn gap(&mut self) {
        self.end_partial();
        self.end_word();
    }

    /// Ends the word and every phrase.
    pub(super) fn stop(&mut self) {
        self.gap();
        self.end_spelt();
        if self.out.last() == Some(&b' ')
            && self.out.len() >= 2
            && self.out[self.out.len() - 2] == b'\n'
        {
            return;
        }
        self.out.extend_from_slice(b"\n ");
        self.word_at = self.out.len();
        self.spelt_at = self.word_at;
    }

    /// How many words were read.
    pub(super) fn words(&self) -> u32 {
        self.words
    }

    /// How many folded bytes lie ready.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// Gives out the words that have come since the last time and will not change any more, with a
    /// blank behind each.
    pub(super) fn settle(&mut self, read: impl FnOnce(&[u8])) {
        let settled = if self.spelt > 0 {
            self.spelt_at
        } else {
            self.word_at
        };
        read(self.out.get(self.old..settled).unwrap_or_default());
        // Whether a phrase has just ended is seen by the last two bytes.
        let forget = settled.saturating_sub(2);
        self.out.drain(..forget);
        self.old = settled - forget;
        self.word_at -= forget;
        self.spelt_at = self.spelt_at.saturating_sub(forget);
    }

    fn push_ascii(&mut self, byte: u8) {
        match CLASSES[usize::from(byte)] {
            Class::DROP => {}
            Class::ODD => {
                self.has_odd = true;
                self.put(byte);
            }
            Class::GAP | Class::MARKUP | Class::WIDE => self.end_word(),
            letter => {
                self.has_letter = true;
                self.put(letter);
            }
        }
    }

    /// Plain letters, one at least; how many bytes were read.
    fn put_letters(&mut self, text: &[u8]) -> usize {
        self.has_letter = true;
        if let Some(eight) = text.first_chunk::<8>() {
            let read = Eight::of(*eight);
            let length = self.out.len() + read.letters;
            if length - self.word_at > WORD_MAX {
                self.too_long = true;
            } else {
                self.out.extend_from_slice(&read.folded.to_le_bytes());
                self.out.truncate(length);
            }
            return read.letters;
        }
        let run = text.iter().take_while(|b| is_letter(**b)).count();
        if self.out.len() - self.word_at + run > WORD_MAX {
            self.too_long = true;
        } else {
            let folded = text[..run].iter().map(|b| CLASSES[usize::from(*b)]);
            self.out.extend(folded);
        }
        run
    }

    fn put(&mut self, byte: u8) {
        if self.out.len() - self.word_at >= WORD_MAX {
            self.too_long = true;
        } else {
            self.out.push(byte);
        }
    }

    #[cold]
    fn push_partial(&mut self, byte: u8) {
        self.partial[self.partial_len] = byte;
        self.partial_len += 1;
        loop {
            let held = &self.partial[..self.partial_len];
            match std::str::from_utf8(held) {
                Ok(text) => {
                    let found = text.chars().next();
                    self.partial_len = 0;
                    if let Some(c) = found {
                        self.push_wide(c);
                    }
                    return;
                }
                // Not complete yet; four bytes are always complete or wrong.
                Err(error) if error.error_len().is_none() && self.partial_len < 4 => return,
                Err(_) => self.first_is_western(),
            }
            if self.partial_len == 0 {
                return;
            }
        }
    }

    /// Takes the first held byte for what it would be in windows-1252.
    fn first_is_western(&mut self) {
        let byte = self.partial[0];
        self.partial.copy_within(1.., 0);
        self.partial_len -= 1;
        self.push_wide(western(byte));
    }

    fn end_partial(&mut self) {
        while self.partial_len > 0 {
            self.first_is_western();
        }
    }

    fn push_wide(&mut self, c: char) {
        match fold_char(c) {
            Folded::Nothing => {}
            Folded::Gap => self.end_word(),
            Folded::One(c) => self.put_char(c),
            Folded::Alone(c) => {
                self.end_word();
                self.put_char(c);
                self.end_word();
            }
            Folded::Several(text) => text.chars().for_each(|c| self.put_char(c)),
        }
    }

    fn put_char(&mut self, c: char) {
        if c.is_ascii() {
            return self.push_ascii(c as u8);
        }
        if !c.is_alphanumeric() {
            return self.end_word();
        }
        self.has_letter = true;
        let mut bytes = [0; 4];
        let bytes = c.encode_utf8(&mut bytes).as_bytes();
        if self.out.len() - self.word_at + bytes.len() > WORD_MAX {
            self.too_long = true;
        } else {
            self.out.extend_from_slice(bytes);
        }
    }

    fn end_word(&mut self) {
        let length = self.out.len() - self.word_at;
        if length == 0 && !self.too_long {
            return;
        }
        if self.has_odd || self.too_long || !matches!(length, 2 | 3) {
            self.mend_word(length);
        } else {
            self.close_word();
        }
    }

    /// Closes a word that may need a second look.
    fn mend_word(&mut self, length: usize) {
        if self.too_long {
            self.out.truncate(self.word_at);
            self.reset_word();
            self.end_spelt();
            return;
        }
        if self.has_odd {
            self.trim_signs();
        }
        let length = length.min(self.out.len() - self.word_at);
        if length == 0 {
            return self.reset_word();
        }
        if length == 1 {
            return self.single();
        }
        if self.has_odd && self.has_letter {
            for byte in &mut self.out[self.word_at..] {
                *byte = meant(*byte);
            }
        }
        if length > 3 {
            self.shorten_drawl();
        }
        self.close_word();
    }

    /// Signs at the end of a word are punctuation: `stop!` is no `stopi`.
    fn trim_signs(&mut self) {
        while self.out.len() > self.word_at {
            match self.out.last() {
                Some(b'@' | b'$' | b'!' | b'|') => self.out.pop(),
                _ => break,
            };
        }
    }

    /// `sooo` is `so`; `i` is left alone, as `l` is the same and `ill` a word.
    fn shorten_drawl(&mut self) {
        let word = &self.out[self.word_at..];
        let next = word.iter().skip(1).zip(word.iter().skip(2));
        let mut three = word.iter().zip(next);
        let is_drawl = |(a, (b, c)): (&u8, (&u8, &u8))| {
            a == b && b == c && a.is_ascii_lowercase() && *a != b'i'
        };
        if !three.any(is_drawl) {
            return;
        }
        let mut to = self.word_at;
        let mut from = self.word_at;
        while from < self.out.len() {
            let letter = self.out[from];
            let run = self.out[from..]
                .iter()
                .take_while(|b| **b == letter)
                .count();
            let keep = if run >= 3 && letter.is_ascii_lowercase() && letter != b'i' {
                1
            } else {
                run
            };
            for _ in 0..keep {
                self.out[to] = letter;
                to += 1;
            }
            from += run;
        }
        self.out.truncate(to);
    }

    fn close_word(&mut self) {
        if self.spelt > 0 {
            self.end_spelt();
        }
        self.out.push(b' ');
        self.reset_word();
        self.words = self.words.saturating_add(1);
    }

    /// A letter or digit that stands alone: perhaps one of a word that is spelt out.
    fn single(&mut self) {
        if self.spelt == 0 {
            self.spelt_at = self.word_at;
            self.spelt_letters = 0;
        }
        self.spelt += 1;
        self.spelt_letters += usize::from(self.has_letter);
        self.out.push(b' ');
        self.reset_word();
        self.words = self.words.saturating_add(1);
        if self.spelt >= SPELT_MAX {
            self.end_spelt();
        }
    }

    fn reset_word(&mut self) {
        self.word_at = self.out.len();
        self.has_letter = false;
        self.has_odd = false;
        self.too_long = false;
    }

    /// Puts letters that were spelt out together: from three in a row on. The word behind them, if
    /// one has been read, moves up.
    fn end_spelt(&mut self) {
        if self.spelt >= 3 && self.spelt_letters >= 3 {
            for letter in 0..self.spelt {
                self.out[self.spelt_at + letter] = meant(self.out[self.spelt_at + 2 * letter]);
            }
            let end = self.spelt_at + self.spelt;
            self.out[end] = b' ';
            let behind = self.spelt_at + 2 * self.spelt;
            self.out.drain(end + 1..behind);
            self.word_at -= behind - (end + 1);
        }
        self.spelt = 0;
    }
}

/// The next eight bytes at once: the letters that they begin with.
struct Eight {
    eight: u64,
    letters: usize,
    /// Folded; what follows the letters is of no meaning.
    folded: u64,
}

impl Eight {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;

    /// As [`CLASSES`] has it, for all at once.
    fn of(eight: [u8; 8]) -> Self {
        let all = |byte: u8| Self::ONES * u64::from(byte);
        let eight = u64::from_le_bytes(eight);
        let small = eight | all(0x20);
        // No sum runs over into the next byte.
        let low = small & !Self::TOPS;
        let from_a = low + all(0x80 - b'a');
        let behind_z = low + all(0x7f - b'z');
        let others = !(from_a & !behind_z & !eight) & Self::TOPS;
        let other_than_l = (low ^ all(b'l')) + all(0x7f);
        let l = !other_than_l & Self::TOPS;
        Self {
            eight,
            letters: others.trailing_zeros() as usize / 8,
            folded: small ^ ((l >> 7) * u64::from(b'l' ^ b'i')),
        }
    }

    /// Whether the letters end here, with what ends a word.
    fn is_word(&self) -> bool {
        let behind = (self.eight >> (8 * self.letters.min(7))).to_le_bytes()[0];
        self.letters < 8 && is_gap(behind)
    }

    /// Whether a letter may stand there three times in a row: never false where one does.
    fn may_drawl(&self) -> bool {
        let next = self.folded ^ (self.folded >> 8);
        let differs = next | (next >> 8);
        // What begins no three of the letters counts as different.
        let differs = differs | (u64::MAX << (8 * self.letters.saturating_sub(2).min(7)));
        differs.wrapping_sub(Self::ONES) & !differs & Self::TOPS != 0
    }

    /// The letters, at most seven, with a blank behind them.
    fn with_blank(&self) -> [u8; 8] {
        let behind = 8 * self.letters;
        let letters = self.folded & !(u64::MAX << behind);
        (letters | u64::from(b' ') << behind).to_le_bytes()
    }
}

fn is_gap(byte: u8) -> bool {
    CLASSES[usize::from(byte)] == Class::GAP
}

fn is_letter(byte: u8) -> bool {
    CLASSES[usize::from(byte)] > Class::WIDE
}

/// Folds a whole phrase as pages are folded, with a blank before and after it. A blank alone where
/// nothing is left of it.
pub(super) fn fold_phrase(phrase: &str) -> Vec<u8> {
    let mut folder = Folder::new();
    folder.push(phrase.as_bytes());
    folder.gap();
    folder.end_spelt();
    folder.out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(pieces: &[&[u8]]) -> Vec<u8> {
        let mut folder = Folder::new();
        for piece in pieces {
            folder.push(piece);
        }
        folder.stop();
        folder.out
    }

    fn phrase(text: &str) -> String {
        String::from_utf8(fold_phrase(text)).unwrap()
    }

    /// FIL-02: what looks alike folds alike, as for searches.
    #[test]
    fn fil_02_disguises_fold_away() {
        for (a, b) in [
            ("Hello World", "hello   world"),
            ("hello", "h\u{200b}e\u{200d}llo"),
            ("hello", "HELLO"),
            ("hello", "h3ll0"),
            ("hello", "he11o"),
            ("hello", "h e l l o"),
            ("hello", "h.e.l.l.o"),
            ("hello", "h 3 l l o"),
            ("hello", "h\u{435}ll\u{43e}"),
            ("hello", "\u{ff48}\u{ff45}\u{ff4c}\u{ff4c}\u{ff4f}"),
            ("hello", "h\u{e9}llo"),
            ("hello", "he\u{301}llo"),
            ("hello", "hello!"),
            ("hello", "he\u{ad}llo"),
            ("hello", "hellooooo"),
            ("hello", "\u{1d5c1}\u{1d5be}\u{1d5c5}\u{1d5c5}\u{1d5c8}"),
            ("dont", "don\u{2019}t"),
            ("sad", "$@d"),
            ("say h e l l o there", "say hello there"),
            ("office", "o\u{fb03}ce"),
        ] {
            assert_eq!(phrase(a), phrase(b), "{a} {b}");
        }
    }

    #[test]
    fn different_things_stay_different() {
        for (a, b) in [
            ("hello", "hallo"),
            ("4", "a"),
            ("room 4", "room a"),
            ("a b", "ab"),
            ("1 2 3", "123"),
            ("kill", "ki"),
        ] {
            assert_ne!(phrase(a), phrase(b), "{a} {b}");
        }
        assert_eq!(phrase(""), " ");
        assert_eq!(phrase("?!"), " ");
        assert_eq!(phrase("\u{4e2d}\u{6587}"), " \u{4e2d} \u{6587} ");
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_read_as_western() {
        let mut folder = Folder::new();
        folder.push(b"caf\xe9 h\xe9llo");
        folder.stop();
        assert_eq!(folder.out, b" cafe heiio \n ");
        assert_eq!(folded(&[b"a\xc3"]), folded(&["a\u{c3}".as_bytes()]));
    }

    #[test]
    fn endless_words_are_left_out() {
        let long = "x".repeat(10_000);
        assert_eq!(
            folded(&[b"one ", long.as_bytes(), b" two"]),
            b" one two \n "
        );
    }

    proptest! {
        /// FIL-02: where a text is cut changes nothing.
        #[test]
        fn fil_02_cutting_a_text_changes_nothing(
            text in prop_oneof!["\\PC{0,60}", "[a-c i1!@ .'<&\\u{e9}\\u{200b}\\u{301}]{0,60}"],
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            cut in 0_usize..100,
        ) {
            for whole in [text.as_bytes(), &bytes] {
                let cut = cut.min(whole.len());
                prop_assert_eq!(folded(&[&whole[..cut], &whole[cut..]]), folded(&[whole]));
            }
        }

        #[test]
        fn any_text_folds_to_single_spaced_words(text in "\\PC{0,80}") {
            let folded = phrase(&text);
            prop_assert!(folded.starts_with(' ') && folded.ends_with(' '));
            prop_assert!(!folded.contains("  "));
        }
    }
}
