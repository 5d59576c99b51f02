//! What the scan sees on every page, as tables: its words, and the lines of the dictionaries.

use std::collections::HashMap;

use pharos_scan::counting::{LINES_POWER, WORDS_LEAST, quarters, words_factor};
use pharos_scan::{Media, PageScan};

use super::lines::Books;
use super::pages::Corpora;
use super::solver::Columns;

/// Lines count in full on a page of so many words; the scan's own length is another unit only.
pub(crate) const LINES_LENGTH: f64 = 150.0;

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
    /// Words, and pairs of two with a blank between.
    pub(crate) words: Vec<String>,
    pub(crate) word_columns: Columns,
    pub(crate) line_columns: Columns,
}

impl Tables {
    /// Scans every page. Pairs that stand on fewer than `pairs_least` pages are left out.
    pub(crate) fn of(corpora: &Corpora, books: &Books, pairs_least: usize) -> Self {
        let mut words = Words::default();
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
                    let quarters = f64::from(quarters(line.times));
                    let value = quarters / 4.0 * lines_factor(report.words);
                    Some((column, short(value)))
                })
            });
            let mut seen = Seen {
                length: report.words,
                lines: lines.collect(),
                words: Vec::new(),
            };
            let factor = words_factor(report.words);
            for (column, times) in words.counted(&PageScan::folded(media, &page.bytes)) {
                seen.words
                    .push((column, short(f64::from(times).sqrt() * factor)));
            }
            pages.push(seen);
        }
        let words = words.common(pairs_least, &mut pages);
        Self {
            word_columns: Columns::of_rows(words.len(), pages.iter().map(|page| &*page.words)),
            line_columns: Columns::of_rows(books.columns(), pages.iter().map(|page| &*page.lines)),
            pages,
            words,
        }
    }
}

/// Words and pairs as they come, each with a column and how many pages it stands on.
#[derive(Debug, Default)]
struct Words {
    columns: HashMap<String, u32>,
    pages: Vec<usize>,
}

impl Words {
    /// How often each word and each pair stands in some folded text. Only words of plain letters are a vocabulary's, and
    /// pairs of them.
    fn counted(&mut self, streams: &[String]) -> Vec<(u32, u32)> {
        let mut all: Vec<u32> = Vec::new();
        for stream in streams {
            let mut before = None;
            for word in stream.split(' ').filter(|word| !word.is_empty()) {
                let plain = word.bytes().all(|byte| byte.is_ascii_lowercase());
                if plain {
                    all.push(self.column(word.to_owned()));
                    all.extend(before.map(|before| self.column(format!("{before} {word}"))));
                }
                before = plain.then_some(word);
            }
        }
        all.sort_unstable();
        let runs = all.chunk_by(|one, next| one == next);
        let counted: Vec<(u32, u32)> = runs
            .filter_map(|run| Some((*run.first()?, u32::try_from(run.len()).ok()?)))
            .collect();
        for (column, _) in &counted {
            self.pages[*column as usize] += 1;
        }
        counted
    }

    fn column(&mut self, text: String) -> u32 {
        let next = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        let column = *self.columns.entry(text).or_insert(next);
        if column == next {
            self.pages.push(0);
        }
        column
    }

    /// Leaves out pairs that are rare, and gives the others new columns.
    fn common(self, pairs_least: usize, pages: &mut [Seen]) -> Vec<String> {
        let mut texts: Vec<(String, u32)> = self.columns.into_iter().collect();
        texts.sort_unstable_by_key(|(_, column)| *column);
        let mut new = vec![None; texts.len()];
        let mut words = Vec::new();
        for (text, column) in texts {
            if !text.contains(' ') || self.pages[column as usize] >= pairs_least {
                new[column as usize] = u32::try_from(words.len()).ok();
                words.push(text);
            }
        }
        for page in pages {
            page.words.retain_mut(|(column, _)| {
                let kept = new[*column as usize];
                *column = kept.unwrap_or_default();
                kept.is_some()
            });
        }
        words
    }
}

fn lines_factor(words: u32) -> f64 {
    (LINES_LENGTH / f64::from(words.max(WORDS_LEAST))).powf(LINES_POWER)
}

fn short(value: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "tables are kept short")]
    let value = value as f32;
    value
}
