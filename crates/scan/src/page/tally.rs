//! What was found on one page, and what it comes to.

use std::sync::Arc;

use serde::Serialize;

use super::compiled::Dictionaries;
use super::dictionary::AgeBand;

/// So many times a phrase counts: in full, then half, then a quarter.
const COUNTED_MAX: u8 = 3;
/// Of what speaks for a category, signs against it take away at most so many hundredths: a page
/// is not talked out of its meaning by words of lessons strewn over it.
const EXCUSED_MAX_PERCENT: i32 = 75;
/// Up to so many words a page's score stands as it is.
const WORDS_FULL: u32 = 600;
/// However long a page is, at least this share of its score stands, in thousandths.
const LENGTH_LEAST: f64 = 250.0;

/// Counts of phrases on one page.
#[derive(Debug)]
pub(super) struct Tally {
    counts: Box<[u8]>,
    touched: Vec<u32>,
}

impl Tally {
    pub(super) fn new(phrases: usize) -> Self {
        Self {
            counts: vec![0; phrases].into(),
            touched: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, phrase: u32) {
        let Some(count) = self.counts.get_mut(phrase as usize) else {
            return;
        };
        if *count == 0 {
            self.touched.push(phrase);
        }
        *count = count.saturating_add(1).min(COUNTED_MAX);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    fn count(&self, phrase: u32) -> u8 {
        self.counts.get(phrase as usize).copied().unwrap_or(0)
    }

    /// Every line that was found, with how often and what it adds.
    fn found<'a>(
        &'a self,
        dictionaries: &'a Dictionaries,
    ) -> impl Iterator<Item = (u16, u8, i32, &'a Arc<str>)> {
        self.touched.iter().flat_map(move |phrase| {
            dictionaries.lines_of(*phrase).filter_map(move |line| {
                let times = line.parts.iter().map(|part| self.count(*part)).min()?;
                let quarters = [0, 4, 6, 7][usize::from(times.min(COUNTED_MAX))];
                (times > 0).then(|| (line.theme, times, line.weight * quarters / 4, &line.text))
            })
        })
    }

    /// The score of every category that something was found for, in the dictionaries' order.
    pub(super) fn scores(&self, dictionaries: &Dictionaries, words: u32) -> Vec<(usize, i32)> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut sums = vec![Sum::default(); dictionaries.themes().len()];
        for (theme, _, points, _) in self.found(dictionaries) {
            if let Some(sum) = sums.get_mut(usize::from(theme)) {
                sum.add(points);
            }
        }
        let scores = sums.iter().map(|sum| sum.score(words)).enumerate();
        scores.filter(|(_, score)| *score != 0).collect()
    }

    /// Everything found, for people to read.
    pub(super) fn report(&self, dictionaries: &Dictionaries, words: u32) -> Report {
        let mut categories: Vec<CategoryScore> = Vec::new();
        let mut sums = vec![Sum::default(); dictionaries.themes().len()];
        let mut phrases: Vec<Vec<PhraseScore>> = vec![Vec::new(); sums.len()];
        for (theme, times, points, text) in self.found(dictionaries) {
            let theme = usize::from(theme);
            if let (Some(sum), Some(phrases)) = (sums.get_mut(theme), phrases.get_mut(theme)) {
                sum.add(points);
                phrases.push(PhraseScore {
                    phrase: Arc::clone(text),
                    times,
                    points,
                });
            }
        }
        for ((theme, sum), mut phrases) in dictionaries.themes().iter().zip(sums).zip(phrases) {
            if phrases.is_empty() {
                continue;
            }
            phrases.sort_by(|a, b| b.points.cmp(&a.points).then(a.phrase.cmp(&b.phrase)));
            categories.push(CategoryScore {
                category: Arc::clone(&theme.category),
                title: Arc::clone(&theme.title),
                score: sum.score(words),
                points_for: sum.signs,
                points_against: sum.excuses,
                thresholds: theme.thresholds,
                distress: theme.distress,
                phrases,
            });
        }
        categories.sort_by(|a, b| b.score.cmp(&a.score).then(a.category.cmp(&b.category)));
        Report { words, categories }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    signs: i32,
    excuses: i32,
}

impl Sum {
    fn add(&mut self, points: i32) {
        if points > 0 {
            self.signs = self.signs.saturating_add(points);
        } else {
            self.excuses = self.excuses.saturating_sub(points);
        }
    }

    fn score(self, words: u32) -> i32 {
        let most =
            self.signs / 100 * EXCUSED_MAX_PERCENT + self.signs % 100 * EXCUSED_MAX_PERCENT / 100;
        let points = self.signs - self.excuses.min(most);
        if words <= WORDS_FULL {
            return points;
        }
        let share = (f64::from(WORDS_FULL) / f64::from(words)).sqrt() * 1000.0;
        #[expect(clippy::cast_possible_truncation, reason = "between 250 and 1000")]
        let share = share.max(LENGTH_LEAST) as i64;
        i32::try_from(i64::from(points) * share / 1000).unwrap_or(i32::MAX)
    }
}

/// A page's scores, phrase by phrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Words read.
    pub words: u32,
    /// Every category that something was found for, the highest score first.
    pub categories: Vec<CategoryScore>,
}

/// What was found for one category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CategoryScore {
    /// The category.
    pub category: Arc<str>,
    /// What people read for it.
    pub title: Arc<str>,
    /// The score, fitted to the page's length.
    pub score: i32,
    /// What spoke for the category, before that.
    pub points_for: i32,
    /// What spoke against it.
    pub points_against: i32,
    /// The score from which on a page is over, for each of [`AgeBand::ALL`].
    pub thresholds: [i32; 5],
    /// Whether the reader may be in distress.
    pub distress: bool,
    /// The phrases, the weightiest first.
    pub phrases: Vec<PhraseScore>,
}

/// One phrase that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhraseScore {
    /// As the dictionary writes it.
    pub phrase: Arc<str>,
    /// How often it counted, at most three times.
    pub times: u8,
    /// What it added or took away.
    pub points: i32,
}

impl CategoryScore {
    /// Whether the page is over the threshold of a band.
    pub fn is_over(&self, band: AgeBand) -> bool {
        self.score >= self.thresholds[band as usize]
    }
}

impl Report {
    /// The categories whose threshold for a band the page reaches.
    pub fn over(&self, band: AgeBand) -> impl Iterator<Item = &CategoryScore> {
        self.categories
            .iter()
            .filter(move |found| found.is_over(band))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(signs: i32, excuses: i32, words: u32) -> i32 {
        Sum { signs, excuses }.score(words)
    }

    /// FIL-12: lessons speak against a category, but never wipe it out.
    #[test]
    fn fil_12_excuses_have_a_bound() {
        assert_eq!(score(100, 0, 10), 100);
        assert_eq!(score(100, 40, 10), 60);
        assert_eq!(score(100, 4000, 10), 25);
        assert_eq!(score(0, 50, 10), 0);
        assert_eq!(score(i32::MAX, i32::MAX, u32::MAX), 134_217_728);
    }

    /// FIL-02: a long page needs more than a short one, and padding has a bound.
    #[test]
    fn fil_02_long_pages_weigh_less_within_a_bound() {
        assert_eq!(score(200, 0, 600), 200);
        assert_eq!(score(200, 0, 2400), 100);
        assert_eq!(score(200, 0, 9600), 50);
        assert_eq!(score(200, 0, 1_000_000), 50);
    }
}
