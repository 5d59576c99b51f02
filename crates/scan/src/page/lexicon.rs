//! Every phrase of the dictionaries and every word and pair of the vocabulary, looked up word by word.
//!
//! Folded text is words with one blank behind each, and every phrase begins where a word begins. So a
//! text is read a word at a time: one look into a table tells what the word is in the vocabulary and
//! which phrases begin with it, another what it is behind the word before, and phrases that are under way
//! take one step each. A word of up to
//! eight bytes is its own key; only longer ones are compared.

use std::collections::HashMap;

/// No row, no phrase, no node.
const NONE: u32 = u32::MAX;
/// Words of up to so many bytes are keys as they are.
const SHORT: usize = 8;
/// So many bytes of a stem that may begin a phrase are looked at first.
const STEM_LEAST: usize = 3;
/// Bits of the first look at stems.
const GLANCE_BITS: u32 = 12;

/// What is found in words.
pub(super) struct Lexicon {
    short: Table,
    /// Words of more than [`SHORT`] bytes by their hash.
    long: Table,
    /// Where the bytes of a long word end in `texts`; they begin where those before end.
    long_ends: Vec<u32>,
    texts: Vec<u8>,
    words: Vec<Word>,
    /// From the numbers of two words to the row of their pair.
    pairs: Table,
    nodes: Vec<Node>,
    /// From a node and the number of a word to the node behind it.
    steps: Table,
    /// What the last word of a phrase begins with, where it matches every word that begins so; in the
    /// order of their nodes, and within the first by their first bytes.
    stems: Vec<Stem>,
    /// By their first bytes, the stems of the first node, in `first_spans`.
    first_stems: Table,
    first_spans: Vec<(u32, u32)>,
    glance: Vec<u64>,
}

/// A word that stands in the vocabulary or in a phrase.
#[derive(Debug, Clone, Copy)]
struct Word {
    row: u32,
    /// The node of phrases that begin with it.
    first: u32,
    /// Bits of the words that make a pair behind it, by [`half_bit_of`].
    after: u32,
}

/// Words that a phrase begins with, or is.
#[derive(Debug, Clone, Copy)]
struct Node {
    phrase: u32,
    /// Whether a word may follow.
    goes_on: bool,
    /// Bits of the words that may follow, by [`bit_of`].
    follow: u64,
    stems: (u32, u32),
}

#[derive(Debug)]
struct Stem {
    /// Its first eight bytes, and which bits of a word's must be the same.
    head: u64,
    same: u64,
    text: Box<[u8]>,
    phrase: u32,
}

impl Stem {
    fn of(text: &[u8], phrase: u32) -> Self {
        let length = text.len().min(SHORT);
        Self {
            head: key_of(&text[..length]),
            same: u64::MAX >> (8 * (SHORT - length)),
            text: text.into(),
            phrase,
        }
    }

    fn begins(&self, word: &[u8], head: u64) -> bool {
        (head ^ self.head) & self.same == 0
            && (self.text.len() <= SHORT || word.starts_with(&self.text))
    }
}

/// Where one stream of words is being read.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Nodes of phrases under way, the longest first.
    under_way: Vec<u32>,
    /// Whether one of them may end with the beginning of a word.
    stems: bool,
    /// How many words were read.
    words: u32,
    /// The word before, where it is known and none may stand between: its number, from 1, and what it is.
    before: Option<(u32, Word)>,
    hits: Vec<(usize, u32)>,
}

impl Walk {
    fn go_on(&mut self, at: u32, node: Node) {
        self.under_way.push(at);
        self.stems |= node.has_stems();
    }
}

/// What was found in a stream of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hit {
    /// A word or a pair of the vocabulary, by its row.
    Word(u32),
    /// A phrase, by its number, whose last word is the stream's so manyth, from 1.
    Phrase(u32, u32),
}

impl Lexicon {
    /// Of the words and the pairs of a vocabulary, in the order of its rows, and of phrases with their numbers; all
    /// folded, with a blank before each word and behind it. A phrase that ends in no blank matches
    /// every word that begins as its last.
    pub(super) fn of<'a>(
        rows: impl Iterator<Item = &'a [u8]>,
        pairs: impl Iterator<Item = &'a [u8]>,
        phrases: impl Iterator<Item = (&'a [u8], u32)>,
    ) -> Self {
        let mut making = Making::default();
        let mut next = 0;
        for folded in rows {
            let word = folded.trim_ascii();
            let number = making.word(word);
            making.words[number as usize].row = next;
            next += 1;
        }
        for (row, folded) in (next..).zip(pairs) {
            let mut both = folded.split(|byte| *byte == b' ').filter(|w| !w.is_empty());
            if let (Some(before), Some(word)) = (both.next(), both.next()) {
                let pair = (making.word(before), making.word(word));
                making.pairs.push((pair, row));
            }
        }
        for (folded, phrase) in phrases {
            making.phrase(folded, phrase);
        }
        making.finish()
    }

    /// The bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        let tables = [
            &self.short,
            &self.long,
            &self.pairs,
            &self.steps,
            &self.first_stems,
        ];
        tables.iter().map(|table| table.bytes()).sum::<usize>()
            + self.texts.len()
            + size_of_val(&*self.long_ends)
            + size_of_val(&*self.words)
            + size_of_val(&*self.nodes)
            + size_of_val(&*self.stems)
            + size_of_val(&*self.first_spans)
            + size_of_val(&*self.glance)
    }

    /// Reads whole words, a blank behind each, and gives out what ends with them: the phrases that
    /// match a word's beginning before those that match all of it, the longest first.
    pub(super) fn read(&self, walk: &mut Walk, mut text: &[u8], mut found: impl FnMut(Hit)) {
        while let Some((key, length)) = next_word(text) {
            let (word, rest) = text.split_at(length);
            text = rest.get(1..).unwrap_or_default();
            if length == 0 {
                continue;
            }
            walk.words = walk.words.saturating_add(1);
            if key == u64::from(b'\n') {
                walk.under_way.clear();
                walk.stems = false;
                walk.before = None;
                continue;
            }
            let number = match length <= SHORT {
                true => self.short.get(key, |_| true),
                false => self.long.get(key, |number| self.long_word(number) == word),
            };
            let known = self.words.get(number as usize);
            if let Some(known) = known
                && known.row != NONE
            {
                found(Hit::Word(known.row));
            }
            if let Some((before, word)) = walk.before
                && word.after & half_bit_of(number) != 0
            {
                let row = self.pairs.get(step_key(before, number), |_| true);
                if row != NONE {
                    found(Hit::Word(row));
                }
            }
            walk.before = known.map(|known| (number + 1, *known));
            if walk.stems || self.glances(key) {
                self.begun(walk, word, key, &mut found);
            }
            if !walk.under_way.is_empty() {
                self.step(walk, number, &mut found);
            }
            if let Some(node) = known.and_then(|known| self.nodes.get(known.first as usize)) {
                if node.phrase != NONE {
                    found(Hit::Phrase(node.phrase, walk.words));
                }
                if let Some(known) = known.filter(|_| node.goes_on) {
                    walk.go_on(known.first, *node);
                }
            }
        }
    }

    /// Whether a stem may begin as the word does.
    fn glances(&self, key: u64) -> bool {
        let bit = glance_of(key);
        self.glance
            .get(bit / 64)
            .is_some_and(|bits| bits >> (bit % 64) & 1 == 1)
    }

    /// Phrases whose last word begins as this one does.
    fn begun(&self, walk: &mut Walk, word: &[u8], key: u64, found: &mut impl FnMut(Hit)) {
        walk.hits.clear();
        let head = match word.first_chunk::<8>() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => key,
        };
        let mut begin = |stems: &[Stem]| {
            for stem in stems.iter().filter(|stem| stem.begins(word, head)) {
                walk.hits.push((stem.text.len(), stem.phrase));
            }
        };
        if walk.stems {
            for node in &walk.under_way {
                if let Some(node) = self.nodes.get(*node as usize) {
                    begin(self.stems_of(node.stems));
                }
            }
        }
        if word.len() >= STEM_LEAST && self.glances(key) {
            let first = self.first_stems.get(key & STEM_MASK, |_| true);
            if let Some(span) = self.first_spans.get(first as usize) {
                begin(self.stems_of(*span));
            }
        }
        if walk.hits.is_empty() {
            return;
        }
        // Where they end, then the longest.
        walk.hits.sort_by_key(|(length, _)| *length);
        for (_, phrase) in &walk.hits {
            found(Hit::Phrase(*phrase, walk.words));
        }
    }

    /// Takes one step in every phrase that is under way.
    fn step(&self, walk: &mut Walk, number: u32, found: &mut impl FnMut(Hit)) {
        let (many, bit) = (walk.under_way.len(), bit_of(number));
        walk.stems = false;
        let mut left = 0;
        for place in 0..many {
            let at = walk.under_way[place];
            if self
                .nodes
                .get(at as usize)
                .is_none_or(|node| node.follow & bit == 0)
            {
                continue;
            }
            let next = self.steps.get(step_key(at, number), |_| true);
            let Some(node) = self.nodes.get(next as usize) else {
                continue;
            };
            if node.phrase != NONE {
                found(Hit::Phrase(node.phrase, walk.words));
            }
            if node.goes_on {
                walk.under_way[left] = next;
                walk.stems |= node.has_stems();
                left += 1;
            }
        }
        walk.under_way.truncate(left);
    }

    fn stems_of(&self, (from, to): (u32, u32)) -> &[Stem] {
        let range = from as usize..to as usize;
        self.stems.get(range).unwrap_or_default()
    }

    fn long_word(&self, number: u32) -> &[u8] {
        let end = |number: usize| self.long_ends.get(number).map_or(0, |end| *end as usize);
        let from = (number as usize).checked_sub(1).map_or(0, end);
        self.texts
            .get(from..end(number as usize))
            .unwrap_or_default()
    }
}

/// The next word's key and length: the word itself where it is short, else its hash. Nothing where no
/// blank follows.
fn next_word(text: &[u8]) -> Option<(u64, usize)> {
    const BLANKS: u64 = 0x2020_2020_2020_2020;
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let Some(eight) = text.first_chunk::<8>() else {
        let length = text.iter().position(|byte| *byte == b' ')?;
        return Some((key_of(&text[..length]), length));
    };
    let eight = u64::from_le_bytes(*eight);
    let without = eight ^ BLANKS;
    // The lowest bit that is left stands in the first blank.
    let blank = without.wrapping_sub(ONES) & !without & TOPS;
    if blank != 0 {
        let bits = blank.trailing_zeros() & !7;
        return Some((eight & !(u64::MAX << bits), bits as usize / 8));
    }
    let length = SHORT + text[SHORT..].iter().position(|byte| *byte == b' ')?;
    Some((key_of(&text[..length]), length))
}

/// A short word's bytes, or a long one's hash with the first bytes in their places.
fn key_of(word: &[u8]) -> u64 {
    let (parts, rest) = word.as_chunks::<8>();
    let Some((first, others)) = parts.split_first() else {
        let mut eight = [0; 8];
        eight[..rest.len()].copy_from_slice(rest);
        return u64::from_le_bytes(eight);
    };
    let first = u64::from_le_bytes(*first);
    // Bytes that are left over are read with those before them.
    let last = word.last_chunk::<8>().filter(|_| !rest.is_empty());
    let mix = |key: u64, part: &[u8; 8]| {
        (key ^ u64::from_le_bytes(*part).rotate_left(32)).wrapping_mul(MIXER)
    };
    match others.iter().chain(last).fold(first, mix) {
        short if word.len() == SHORT => short,
        long => long & !STEM_MASK | first & STEM_MASK,
    }
}

const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;
const STEM_MASK: u64 = 0x00ff_ffff;

fn glance_of(key: u64) -> usize {
    ((key & STEM_MASK).wrapping_mul(MIXER) >> (64 - GLANCE_BITS)) as usize
}

/// One of 64 bits for a word's number.
fn bit_of(word: u32) -> u64 {
    1 << (word.wrapping_mul(0x9e37_79b9) >> 26)
}

fn half_bit_of(word: u32) -> u32 {
    1 << (word.wrapping_mul(0x9e37_79b9) >> 27)
}

fn step_key(node: u32, word: u32) -> u64 {
    u64::from(node) << 32 | u64::from(word)
}

/// Numbers by keys, none of which is 0: open places, at most half of them taken.
#[derive(Debug)]
struct Table {
    /// 0 where a place is free.
    keys: Box<[u64]>,
    numbers: Box<[u32]>,
    shift: u32,
}

impl Table {
    fn of(entries: &[(u64, u32)]) -> Self {
        let places = (2 * entries.len()).next_power_of_two().max(2);
        let mut table = Self {
            keys: vec![0; places].into(),
            numbers: vec![NONE; places].into(),
            shift: 64 - places.trailing_zeros(),
        };
        for (key, number) in entries {
            let mut place = table.place(*key);
            while table.keys[place] != 0 {
                place = (place + 1) % places;
            }
            table.keys[place] = *key;
            table.numbers[place] = *number;
        }
        table
    }

    fn place(&self, key: u64) -> usize {
        (key.wrapping_mul(MIXER) >> self.shift) as usize
    }

    /// The number of a key that fits, or [`NONE`].
    #[inline]
    fn get(&self, key: u64, fits: impl Fn(u32) -> bool) -> u32 {
        let mut place = self.place(key);
        while let Some(known) = self.keys.get(place) {
            if *known == key {
                let number = self.numbers.get(place).copied().unwrap_or(NONE);
                if fits(number) {
                    return number;
                }
            } else if *known == 0 {
                break;
            }
            place = (place + 1) & (self.keys.len() - 1);
        }
        NONE
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.keys) + size_of_val(&*self.numbers)
    }
}

/// A lexicon that is being made.
struct Making<'a> {
    numbers: HashMap<&'a [u8], u32>,
    words: Vec<Word>,
    /// Two words, and the row of their pair.
    pairs: Vec<((u32, u32), u32)>,
    nodes: Vec<Node>,
    steps: HashMap<(u32, u32), u32>,
    /// By node.
    stems: Vec<(u32, &'a [u8], u32)>,
}

impl Default for Making<'_> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            words: Vec::new(),
            pairs: Vec::new(),
            nodes: vec![Node::new()],
            steps: HashMap::new(),
            stems: Vec::new(),
        }
    }
}

impl Node {
    const fn new() -> Self {
        Self {
            phrase: NONE,
            goes_on: false,
            follow: 0,
            stems: (0, 0),
        }
    }
}

impl Node {
    const fn has_stems(self) -> bool {
        self.stems.1 != 0
    }
}

impl<'a> Making<'a> {
    fn word(&mut self, word: &'a [u8]) -> u32 {
        let next = number(self.words.len());
        let number = *self.numbers.entry(word).or_insert(next);
        if number == next {
            self.words.push(Word {
                row: NONE,
                first: NONE,
                after: 0,
            });
        }
        number
    }

    fn phrase(&mut self, folded: &'a [u8], phrase: u32) {
        let mut words = folded.split(|byte| *byte == b' ').filter(|w| !w.is_empty());
        let stem = match folded.ends_with(b" ") {
            true => None,
            false => words.next_back(),
        };
        let mut node = 0;
        for word in words {
            let word = self.word(word);
            let next = number(self.nodes.len());
            let known = match node {
                0 => match self.words[word as usize].first {
                    NONE => next,
                    known => known,
                },
                node => *self.steps.entry((node, word)).or_insert(next),
            };
            if known == next {
                self.nodes.push(Node::new());
            }
            match node {
                0 => self.words[word as usize].first = known,
                node => self.nodes[node as usize].goes_on = true,
            }
            node = known;
        }
        match stem {
            Some(stem) => {
                self.nodes[node as usize].goes_on = true;
                self.stems.push((node, stem, phrase));
            }
            None => self.nodes[node as usize].phrase = phrase,
        }
    }

    fn finish(mut self) -> Lexicon {
        // Numbers in the order of words: long ones first, as only they are compared.
        let mut words: Vec<(&[u8], u32)> = self.numbers.into_iter().collect();
        words.sort_unstable_by_key(|(word, _)| (word.len() <= SHORT, *word));
        let mut numbers = vec![0; words.len()];
        let (mut short, mut long) = (Vec::new(), Vec::new());
        let (mut texts, mut long_ends) = (Vec::new(), Vec::new());
        let mut told = Vec::with_capacity(words.len());
        for (new, (word, old)) in (0..).zip(&words) {
            numbers[*old as usize] = new;
            told.push(self.words[*old as usize]);
            if word.len() <= SHORT {
                short.push((key_of(word), new));
            } else {
                long.push((key_of(word), new));
                texts.extend_from_slice(word);
                long_ends.push(number(texts.len()));
            }
        }
        let mut pairs: Vec<(u64, u32)> = Vec::with_capacity(self.pairs.len());
        for ((before, word), row) in &self.pairs {
            let (before, word) = (numbers[*before as usize], numbers[*word as usize]);
            told[before as usize].after |= half_bit_of(word);
            pairs.push((step_key(before + 1, word), *row));
        }
        for (node, word) in self.steps.keys() {
            self.nodes[*node as usize].follow |= bit_of(numbers[*word as usize]);
        }
        let steps = self.steps.iter();
        let steps: Vec<(u64, u32)> = steps
            .map(|((node, word), next)| (step_key(*node, numbers[*word as usize]), *next))
            .collect();
        let order = |(node, stem, _): &(u32, &[u8], u32)| {
            let first = key_of(stem) & STEM_MASK;
            (*node, if *node == 0 { first } else { 0 })
        };
        self.stems.sort_by_key(order);
        let mut glance = vec![0; (1 << GLANCE_BITS) / 64];
        let mut first_stems: Vec<(u64, u32)> = Vec::new();
        let mut first_spans: Vec<(u32, u32)> = Vec::new();
        for (at, (node, stem, _)) in self.stems.iter().enumerate() {
            let at = number(at);
            let own = &mut self.nodes[*node as usize];
            if own.stems.1 == 0 {
                own.stems = (at, at);
            }
            own.stems.1 = at + 1;
            let key = key_of(stem);
            if *node == 0 {
                let bit = glance_of(key);
                glance[bit / 64] |= 1_u64 << (bit % 64);
                let first = key & STEM_MASK;
                if first_stems.last().is_none_or(|(known, _)| *known != first) {
                    first_stems.push((first, number(first_spans.len())));
                    first_spans.push((at, at));
                }
                if let Some(span) = first_spans.last_mut() {
                    span.1 = at + 1;
                }
            }
        }
        let stems = self.stems.iter();
        let stems = stems.map(|(_, stem, phrase)| Stem::of(stem, *phrase));
        Lexicon {
            short: Table::of(&short),
            long: Table::of(&long),
            long_ends,
            texts,
            words: told,
            pairs: Table::of(&pairs),
            steps: Table::of(&steps),
            stems: stems.collect(),
            nodes: self.nodes,
            first_stems: Table::of(&first_stems),
            first_spans,
            glance,
        }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn lexicon(rows: &[&str], phrases: &[&str]) -> Lexicon {
        with_pairs(rows, &[], phrases)
    }

    fn with_pairs(rows: &[&str], pairs: &[&str], phrases: &[&str]) -> Lexicon {
        let numbered = (0..).zip(phrases);
        Lexicon::of(
            rows.iter().map(|row| row.as_bytes()),
            pairs.iter().map(|pair| pair.as_bytes()),
            numbered.map(|(number, phrase)| (phrase.as_bytes(), number)),
        )
    }

    fn read(lexicon: &Lexicon, pieces: &[&str]) -> Vec<Hit> {
        let (mut walk, mut hits) = (Walk::default(), Vec::new());
        for piece in pieces {
            lexicon.read(&mut walk, piece.as_bytes(), |hit| hits.push(hit));
        }
        hits
    }

    /// FIL-02: words and phrases are found, whole, begun or inside each other, and none across the end
    /// of a paragraph.
    #[test]
    fn fil_02_phrases_are_found_word_by_word() {
        let all = lexicon(
            &[" sea ", " lighthouses "],
            &[
                " sea ",
                " the sea ",
                " light",
                " sea ligh",
                " sea lighthouse keeper ",
            ],
        );
        for (text, wanted) in [
            (
                " the sea ",
                &[Hit::Word(0), Hit::Phrase(1, 2), Hit::Phrase(0, 2)][..],
            ),
            (" the \n sea ", &[Hit::Word(0), Hit::Phrase(0, 3)]),
            (" seas ", &[]),
            (" lighthouses lit ", &[Hit::Word(1), Hit::Phrase(2, 1)]),
            (
                " sea lighthouse keeper ",
                &[
                    Hit::Word(0),
                    Hit::Phrase(0, 1),
                    Hit::Phrase(3, 2),
                    Hit::Phrase(2, 2),
                    Hit::Phrase(4, 3),
                ],
            ),
        ] {
            assert_eq!(read(&all, &[text]), wanted, "{text}");
        }
        assert_eq!(read(&lexicon(&[], &[]), &[" sea "]), []);
    }

    /// FIL-02: two words are a pair where one stands behind the other in one paragraph, whether or not they are rows
    /// of their own.
    #[test]
    fn fil_02_pairs_are_found_where_nothing_stands_between() {
        let all = with_pairs(&[" sea "], &[" the sea ", " sea sea ", " so grey "], &[]);
        for (text, wanted) in [
            ("the sea ", &[0, 1][..]),
            ("sea sea sea ", &[0, 0, 2, 0, 2]),
            ("the \n sea ", &[0]),
            ("the old sea ", &[0]),
            ("so so grey the ", &[3]),
            ("grey so ", &[]),
        ] {
            let wanted: Vec<Hit> = wanted.iter().map(|row| Hit::Word(*row)).collect();
            assert_eq!(read(&all, &[text]), wanted, "{text}");
            let pieces: Vec<&str> = text.split_inclusive(' ').collect();
            assert_eq!(read(&all, &pieces), wanted, "{text}, word by word");
        }
    }

    const WORDS: [&str; 9] = [
        "a",
        "b",
        "abc",
        "abca",
        "abcabcab",
        "abcabcabc",
        "abcabcabd",
        "abcabcabcabcabcabc",
        "\u{e9}",
    ];

    fn phrase() -> impl Strategy<Value = String> {
        let words = vec(select(&WORDS[..]), 1..4);
        (words, any::<bool>()).prop_map(|(words, whole)| {
            let ends = whole || words.last().is_some_and(|last| last.len() < STEM_LEAST);
            format!(" {}{}", words.join(" "), if ends { " " } else { "" })
        })
    }

    proptest! {
        /// FIL-02: what is found is what stands there, however the text is cut.
        #[test]
        fn fil_02_whatever_stands_there_is_found(
            phrases in proptest::collection::btree_set(phrase(), 0..12),
            pairs in proptest::collection::btree_set((select(&WORDS[..]), select(&WORDS[..])), 0..20),
            words in vec(prop_oneof![3 => select(&WORDS[..]), 1 => Just("\n"), 1 => Just("abd")], 0..30),
            cut in 0_usize..30,
        ) {
            let phrases: Vec<&str> = phrases.iter().map(String::as_str).collect();
            let rows: Vec<String> = WORDS.iter().step_by(2).map(|word| format!(" {word} ")).collect();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let of_two: Vec<String> = pairs.iter().map(|(one, two)| format!(" {one} {two} ")).collect();
            let of_two: Vec<&str> = of_two.iter().map(String::as_str).collect();
            let all = with_pairs(&rows, &of_two, &phrases);
            let line = |words: &[&str]| words.iter().map(|word| format!("{word} ")).collect::<String>();
            let (before, behind) = words.split_at(cut.min(words.len()));
            let found = read(&all, &[&line(before), &line(behind)]);

            let text = format!(" {}", line(&words));
            let mut longest: Vec<(u32, &str)> = (0..).zip(phrases).collect();
            longest.sort_by_key(|(_, phrase)| std::cmp::Reverse(phrase.len()));
            let mut wanted = Vec::new();
            for end in 1..=text.len() {
                let (before, words) = (&text.as_bytes()[..end], &text.as_bytes()[..end - 1]);
                let word = u32::try_from(words.iter().filter(|b| **b == b' ').count()).unwrap();
                let ends = longest.iter().filter(|(_, phrase)| before.ends_with(phrase.as_bytes()));
                wanted.extend(ends.map(|(number, _)| Hit::Phrase(*number, word)));
            }
            let heard = words.iter().enumerate().flat_map(|(at, word)| {
                let row = WORDS.iter().step_by(2).position(|known| known == word);
                let before = at.checked_sub(1).map(|before| words[before]);
                let pair = pairs.iter().position(|pair| Some(pair.0) == before && pair.1 == *word);
                [row, pair.map(|pair| rows.len() + pair)]
            });
            let heard = heard.flatten().map(|row| Hit::Word(u32::try_from(row).unwrap()));
            let (words, phrases): (Vec<Hit>, Vec<Hit>) =
                found.into_iter().partition(|hit| matches!(hit, Hit::Word(_)));
            prop_assert_eq!(phrases, wanted);
            prop_assert_eq!(words, heard.collect::<Vec<_>>());
        }

        /// Words are told apart by their keys and, where they are long, by all of their bytes.
        #[test]
        fn words_have_keys_of_their_own(words in proptest::collection::btree_set("[a-c]{1,8}|[a-b]{9,30}", 0..200)) {
            let rows: Vec<String> = words.iter().map(|word| format!(" {word} ")).collect();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let all = lexicon(&rows, &[]);
            let found: BTreeSet<u32> = rows
                .iter()
                .flat_map(|row| read(&all, &[&row[1..]]))
                .map(|hit| match hit {
                    Hit::Word(row) | Hit::Phrase(row, _) => row,
                })
                .collect();
            prop_assert_eq!(found.len(), rows.len());
            prop_assert!(read(&all, &["d ", "abcd ", "abababababababababababababababababab "]).is_empty());
        }
    }
}
