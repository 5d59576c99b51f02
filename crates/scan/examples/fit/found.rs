//! What the scan sees on every page, as tables: its words, and the lines of the dictionaries.

use std::collections::{BTreeMap, HashMap};

use pharos_scan::{Media, PageScan};

use super::lines::Books;
use super::pages::Corpora;
use super::solver::Columns;

/// What so many times of a line come to, in quarters, as a page's tally has it.
const QUARTERS: [f64; 9] = [0.0, 4.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0];
/// Lines count in full on a page of so many words; the scan's own length is another unit only.
pub(crate) const LINES_LENGTH: f64 = 150.0;
/// The power of the length that a score of lines falls with.
pub(crate) const LINES_POWER: f64 = 0.3;
/// The least length that counts, in words.
const LENGTH_LEAST: u32 = 25;

/// One page.
#[derive(Debug)]
pub(crate) struct Seen {
    /// How many words.
    pub(crate) length: u32,
    /// Its words: the root of how often each stands there, fitted to the page's length.
    pub(crate) words: Vec<(u32, f32)>,
    /// The lines that were found, likewise.
    pub(crate) lines: Vec<(u32, f32)>,
}

/// Every page, by page and by column.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) pages: Vec<Seen>,
    pub(crate) words: Vec<String>,
    pub(crate) word_columns: Columns,
    pub(crate) line_columns: Columns,
}

impl Tables {
    /// Scans every page.
    pub(crate) fn of(corpora: &Corpora, books: &Books) -> Self {
        let (mut known, mut words) = (HashMap::new(), Vec::new());
        let mut pages = Vec::new();
        for page in &corpora.pages {
            let media = Media::plain(page.kind.clone());
            let mut scan = PageScan::new(&books.dictionaries, media.clone());
            scan.push(&page.bytes);
            scan.finish();
            let report = scan.report();
            let lines = report.categories.iter().flat_map(|found| {
                found.phrases.iter().filter_map(|line| {
                    let column = books.column(&found.category, &line.phrase)?;
                    let quarters = QUARTERS.get(usize::from(line.times)).or(QUARTERS.last());
                    let value = quarters? / 4.0 * lines_factor(report.words);
                    Some((column, short(value)))
                })
            });
            let mut seen = Seen {
                length: report.words,
                lines: lines.collect(),
                words: Vec::new(),
            };
            let factor = words_factor(report.words);
            for (word, times) in counted(&PageScan::folded(media, &page.bytes)) {
                let next = u32::try_from(words.len()).unwrap_or(u32::MAX);
                let column = *known
                    .entry(word.to_owned())
                    .or_insert_with_key(|word: &String| {
                        words.push(word.clone());
                        next
                    });
                seen.words
                    .push((column, short(f64::from(times).sqrt() * factor)));
            }
            pages.push(seen);
        }
        Self {
            word_columns: Columns::of_rows(words.len(), pages.iter().map(|page| &*page.words)),
            line_columns: Columns::of_rows(books.columns(), pages.iter().map(|page| &*page.lines)),
            pages,
            words,
        }
    }
}

/// How often each word stands in some folded text. Only words of plain letters are a vocabulary's.
fn counted(streams: &[String]) -> BTreeMap<&str, u32> {
    let mut all = BTreeMap::new();
    let words = streams.iter().flat_map(|stream| stream.split(' '));
    for word in
        words.filter(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
    {
        *all.entry(word).or_insert(0) += 1;
    }
    all
}

fn lines_factor(words: u32) -> f64 {
    (LINES_LENGTH / f64::from(words.max(LENGTH_LEAST))).powf(LINES_POWER)
}

/// As the vocabulary's.
pub(crate) fn words_factor(words: u32) -> f64 {
    (60.0 / f64::from(words.max(LENGTH_LEAST))).powf(0.7)
}

fn short(value: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "tables are kept short")]
    let value = value as f32;
    value
}
