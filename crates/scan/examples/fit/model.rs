//! What is learnt: a weight for every word and for every line, for each category.

use pharos_scan::counting::LINES_BESIDE_WORDS;

use super::found::{Seen, Tables};
use super::lines::{Books, Line};
use super::pages::{Corpora, MADE, PLAIN};
use super::solver::{Fitted, Limit, Truth, fit};

/// Lessons count so many times a page that harms.
const EDUCATION_COUNTS: f32 = 4.0;
/// Where a page of no signs stands in units before the threshold, and at least so far below it.
const UNITS_LEAST: f64 = 0.8;
/// Of what speaks for a category, lines against it take away at most so much, as in a page's tally.
const EXCUSED_MAX: f64 = 0.92;
/// The bounds of what words come to, as in the vocabulary.
const WORDS_UNITS: (f64, f64) = (-12.0, 8.0);
/// So much of what lines come to counts where the words are believed in full, as in a page's tally.
pub(crate) const LINES_SHARE: f64 = LINES_BESIDE_WORDS as f64 / 1000.0;

/// How rare a usual word is: the logarithm of how many pages there are for one that it stands on.
const RARE_USUAL: f64 = 5.0;
/// What stands on every page is held back so much at most.
const RARE_LEAST: f64 = 1e-4;

/// How it is learnt.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The penalty on the squares of the words' weights, in units of 0.38.
    pub(crate) penalty: f64,
    /// The power of how rare a word is that it may say more by.
    pub(crate) rare_says: f64,
    /// Words that stand on fewer pages are left out, and pairs.
    pub(crate) pages_least: usize,
    pub(crate) pairs_least: usize,
    /// Words and pairs whose weights are all smaller are left out, in units.
    pub(crate) least_told: (f64, f64),
    /// How much an ordinary text counts.
    pub(crate) plain_counts: f32,
    /// How much of what a word says of harm of any kind is added to what it says of each category.
    pub(crate) harm_share: f64,
    pub(crate) threads: usize,
}

/// The lines of one category, in units.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signs {
    /// A weight for each line of the category's book.
    pub(crate) weights: Vec<f64>,
    pub(crate) bias: f64,
    columns: Vec<u32>,
}

/// Everything learnt.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) signs: Vec<Signs>,
    pub(crate) words: Vec<Fitted>,
}

impl Model {
    /// Learns from the pages that are not left out.
    pub(crate) fn learn(
        corpora: &Corpora,
        tables: &Tables,
        books: &Books,
        options: &Options,
        left_out: &[bool],
    ) -> Self {
        let pages = Learning {
            corpora,
            left_out,
            plain_counts: options.plain_counts,
        };
        let shared = pages.shared(tables, &books.shared);
        let used = pages.common(tables, options);
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(book) = books.books.get(at) else {
                    return done;
                };
                let signs = pages.signs(tables, at, &book.lines, &shared);
                let words = pages.words(tables, Some(at), &used);
                done.push((at, signs, words));
            }
        };
        let mut all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..options.threads).map(|_| scope.spawn(work)).collect();
            let done = threads.into_iter().filter_map(|thread| thread.join().ok());
            done.flatten().collect()
        });
        all.sort_by_key(|(at, ..)| *at);
        let (mut signs, mut words) = (Vec::new(), Vec::new());
        for (_, of_lines, of_words) in all {
            signs.push(of_lines);
            words.push(of_words);
        }
        let harm = pages.words(tables, None, &used);
        for words in &mut words {
            words.add(&harm, options.harm_share);
        }
        quiet(&tables.words, &mut words, options.least_told);
        Self { signs, words }
    }

    /// What the lines and the words of a page come to for each category, in units.
    pub(crate) fn score(&self, page: &Seen) -> Vec<(f64, f64)> {
        let both = self.signs.iter().zip(&self.words);
        both.map(|(signs, words)| (signs.score(page), of_words(words, page)))
            .collect()
    }
}

/// Words whose weights are all smaller than what is worth telling are left out; pairs, of which there are many, sooner.
fn quiet(texts: &[String], all: &mut [Fitted], (word, pair): (f64, f64)) {
    for (at, text) in texts.iter().enumerate() {
        let least = if text.contains(' ') { pair } else { word };
        if all.iter().all(|fitted| fitted.weights[at].abs() < least) {
            all.iter_mut().for_each(|fitted| fitted.weights[at] = 0.0);
        }
    }
}

fn of_words(fitted: &Fitted, page: &Seen) -> f64 {
    let words = page.words.iter();
    let sum: f64 = words
        .map(|(word, value)| fitted.weights[*word as usize] * f64::from(*value))
        .sum();
    (sum + fitted.bias).clamp(WORDS_UNITS.0, WORDS_UNITS.1)
}

impl Signs {
    fn score(&self, page: &Seen) -> f64 {
        let (mut signs, mut excuses) = (0.0, 0.0);
        for (line, value) in &page.lines {
            if let Ok(at) = self.columns.binary_search(line) {
                let units = self.weights[at] * f64::from(*value);
                if units > 0.0 {
                    signs += units;
                } else {
                    excuses -= units;
                }
            }
        }
        self.bias + signs - excuses.min(EXCUSED_MAX * signs)
    }

    /// How far a page without signs stands below the threshold, which stands at `at`, in units.
    pub(crate) fn below(&self, at: f64) -> f64 {
        (at - self.bias).max(UNITS_LEAST)
    }
}

struct Learning<'a> {
    corpora: &'a Corpora,
    left_out: &'a [bool],
    plain_counts: f32,
}

impl Learning<'_> {
    /// What each page is and counts: a page of the category, one that must pass, one of another category; and
    /// all of that for pages made from sentences and for ordinary texts.
    fn truth(
        &self,
        category: Option<usize>,
        counts: (f32, f32, f32),
        (made, plain): (f32, f32),
    ) -> Vec<Truth> {
        let pages = self.corpora.pages.iter().zip(self.left_out);
        pages
            .map(|(page, left_out)| {
                let so = match category {
                    Some(_) => page.category == category,
                    None => page.category.is_some(),
                };
                let counts = match (so, page.category) {
                    (true, _) => counts.0,
                    (false, None) => counts.1,
                    (false, Some(_)) => counts.2,
                };
                let source = match &*self.corpora.sources[page.source] {
                    _ if *left_out => 0.0,
                    MADE => made,
                    PLAIN => plain,
                    _ => 1.0,
                };
                Truth {
                    so,
                    counts: counts * source,
                }
            })
            .collect()
    }

    /// What the shared lines say of harm of any kind.
    fn shared(&self, tables: &Tables, lines: &[Line]) -> Vec<f64> {
        let columns: Vec<u32> = lines.iter().map(|line| line.column).collect();
        let limits: Vec<Limit> = lines
            .iter()
            .map(|line| limit(line, 3.0, 1.0, 0.15))
            .collect();
        let truth = self.truth(None, (0.5, 1.0, 1.0), (0.4, 1.0));
        let bias = Limit::between(-20.0, 20.0, 0.0, 0.0);
        fit(&tables.line_columns.pick(&columns), &truth, &limits, bias).weights
    }

    fn signs(&self, tables: &Tables, category: usize, lines: &[Line], shared: &[f64]) -> Signs {
        let columns: Vec<u32> = lines.iter().map(|line| line.column).collect();
        let mut limits: Vec<Limit> = lines
            .iter()
            .map(|line| limit(line, 2.0, 10.0, 1.0))
            .collect();
        let mut table = tables.line_columns.pick(&columns);
        let mut harm: Vec<(u32, f32)> = Vec::new();
        let mut sums = vec![0.0; tables.pages.len()];
        for (at, weight) in shared.iter().enumerate() {
            for (page, value) in table.column(at) {
                sums[*page as usize] += weight * f64::from(*value);
            }
        }
        for (page, sum) in (0..).zip(sums) {
            if sum != 0.0 {
                #[expect(clippy::cast_possible_truncation, reason = "tables are kept short")]
                harm.push((page, sum as f32));
            }
        }
        table.push(harm);
        limits.push(Limit::between(0.0, 3.0, 5.0, 0.5));
        let truth = self.truth(
            Some(category),
            (1.0, EDUCATION_COUNTS, 0.15),
            (0.5, self.plain_counts),
        );
        let bias = Limit::between(-20.0, -0.5, 0.0, 0.0);
        let mut fitted = fit(&table, &truth, &limits, bias);
        let share = fitted.weights.pop().unwrap_or_default();
        for (weight, shared) in fitted.weights.iter_mut().zip(shared) {
            *weight += share * shared;
        }
        Signs {
            weights: fitted.weights,
            bias: fitted.bias,
            columns,
        }
    }

    /// What the weight of each word costs: nothing is learnt of words on few pages; and of the others, what stands everywhere
    /// tells little, so that a word's weight is free to grow with how rare it is.
    fn common(&self, tables: &Tables, options: &Options) -> Vec<Limit> {
        let all = self.left_out.iter().filter(|left_out| !**left_out).count() as f64;
        let limit = |at: usize| {
            let pages = tables.word_columns.column(at).iter();
            let pages = pages.filter(|(page, _)| !self.left_out[*page as usize]);
            let pages = pages.count();
            let least = match tables.words[at].contains(' ') {
                true => options.pairs_least,
                false => options.pages_least,
            };
            if pages < least {
                return Limit::NOUGHT;
            }
            let rare = ((all / pages as f64).ln() / RARE_USUAL).powf(options.rare_says);
            let ridge = options.penalty / (0.38 * 0.38) / (rare * rare).max(RARE_LEAST);
            Limit::between(-20.0, 20.0, ridge, 0.0)
        };
        (0..tables.words.len()).map(limit).collect()
    }

    /// What words say of a category, or of harm of any kind.
    fn words(&self, tables: &Tables, category: Option<usize>, limits: &[Limit]) -> Fitted {
        let counts = match category {
            Some(_) => (1.0, EDUCATION_COUNTS, 0.05),
            None => (1.0, 2.0, 1.0),
        };
        let truth = self.truth(category, counts, (0.4, self.plain_counts));
        let bias = Limit::between(-20.0, 20.0, 0.0, 0.0);
        fit(&tables.word_columns, &truth, limits, bias)
    }
}

/// A line keeps its side: it speaks for the category, or against it.
fn limit(line: &Line, most: f64, ridge: f64, lasso: f64) -> Limit {
    match line.speaks_for {
        true => Limit::between(0.0, most, ridge, lasso),
        false => Limit::between(-most, 0.0, ridge, -lasso),
    }
}
