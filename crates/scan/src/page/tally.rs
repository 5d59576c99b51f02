//! What was found on one page, and what it comes to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::compiled::{Beside, Concept, Dictionaries, Line, Meeting, NO_SEAT};
use super::counting::{COUNTED_MAX, LINES_BESIDE_WORDS, LINES_POWER, WORDS_LEAST, quarters};
use super::dictionary::AgeBand;
use super::line::PARTS_MAX;
use super::vocabulary::{Heard, Said};

/// So many times a phrase counts.
const PHRASE_COUNTED_MAX: u8 = 3;
/// So many times words near each other count.
const NEAR_COUNTED_MAX: u8 = 5;
/// The most words told of one line.
const WORDS_TOLD_MAX: usize = 6;
/// Of what speaks for a category, signs against it take away at most so many hundredths: a page
/// is not talked out of its meaning by words of lessons strewn over it.
const EXCUSED_MAX_PERCENT: i32 = 92;
/// However long a page is, at least this share of its score stands, in thousandths.
const LENGTH_LEAST: f64 = 150.0;

/// A place where nothing stood.
const NOWHERE: u32 = 0;
/// A group that has been counted as often as it may be.
const ENOUGH: u32 = u32::MAX;
/// What is added to the places of words: as far from nowhere as no two words that are near each other.
const FIRST: u32 = 256;

/// What was found in one of a page's streams of words. Its tables are made when the first phrase is
/// found: most streams of short pages have none.
#[derive(Debug, Default)]
pub(super) struct Found {
    counts: Box<[u8]>,
    phrases: Box<[u8]>,
    /// Concepts that were found, with the phrases that were the first of them.
    seen: Vec<(u32, u32)>,
    /// By the concept's seat: the last word of where it stood last.
    ends: Box<[u32]>,
    /// Where it stood last: its first and its last word, and the phrase.
    last: Box<[(u32, u32, u32)]>,
    /// Up to which word each group has been counted.
    spent: Box<[u32]>,
}

impl Found {
    #[cold]
    fn make_tables(&mut self, dictionaries: &Dictionaries) {
        let (phrases, concepts, groups) = dictionaries.sizes();
        let seats = dictionaries.tables().seats;
        self.counts = vec![0; concepts].into();
        self.phrases = vec![0; phrases].into();
        self.ends = vec![NOWHERE; seats].into();
        self.last = vec![(NOWHERE, NOWHERE, 0); seats].into();
        self.spent = vec![NOWHERE; groups].into();
    }

    /// A phrase whose last word is the stream's `end`th, from 1.
    pub(super) fn add(&mut self, dictionaries: &Dictionaries, phrase: u32, end: u32) {
        let Some(known) = dictionaries.phrase(phrase) else {
            return;
        };
        if self.phrases.is_empty() {
            self.make_tables(dictionaries);
        }
        let end = end.saturating_add(FIRST);
        let start = end - known.words.min(end) + 1;
        let counts = match self.phrases.get_mut(phrase as usize) {
            Some(times) if *times < PHRASE_COUNTED_MAX => {
                *times += 1;
                true
            }
            _ => false,
        };
        let tables = dictionaries.tables();
        for number in known.concepts.of(&tables.members) {
            let Some(concept) = dictionaries.concept(*number) else {
                continue;
            };
            if concept.counted && counts {
                self.count(*number, phrase);
            }
            if concept.seat != NO_SEAT {
                self.place(dictionaries, concept, (start, end, phrase));
            }
        }
    }

    /// A concept that is asked where it stands: those that it must stand near may have been here.
    fn place(&mut self, dictionaries: &Dictionaries, concept: &Concept, now: (u32, u32, u32)) {
        let tables = dictionaries.tables();
        let mut besides = concept.besides.of(&tables.besides).iter();
        while let Some((beside, end)) = near(&mut besides, &self.ends, now.0) {
            for meeting in beside.meetings.of(&tables.meetings) {
                if end + u32::from(meeting.within) >= now.0 {
                    self.meet(dictionaries, meeting, now);
                }
            }
        }
        let seat = concept.seat as usize;
        if let (Some(last), Some(end)) = (self.last.get_mut(seat), self.ends.get_mut(seat)) {
            *last = now;
            *end = now.1;
        }
    }

    fn count(&mut self, concept: u32, phrase: u32) {
        let Some(count) = self.counts.get_mut(concept as usize) else {
            return;
        };
        if *count < COUNTED_MAX {
            *count += 1;
            self.seen.push((concept, phrase));
        }
    }

    /// Counts a group where the word just read stands near enough to the last of its others.
    fn meet(&mut self, dictionaries: &Dictionaries, meeting: &Meeting, now: (u32, u32, u32)) {
        let number = meeting.group;
        let spent = self.spent.get(number as usize).copied();
        let Some(spent) = spent.filter(|spent| *spent != ENOUGH) else {
            return;
        };
        let Some(group) = dictionaries.group(number) else {
            return;
        };
        let at = |unit: usize| match unit == usize::from(meeting.place) {
            true => now,
            false => group
                .units
                .get(unit)
                .and_then(|concept| self.last.get(*concept as usize))
                .copied()
                .unwrap_or((NOWHERE, NOWHERE, 0)),
        };
        let mut before = at(0);
        let mut first = before.0;
        if before.0 <= spent {
            return;
        }
        for (gap, unit) in group.gaps.iter().zip(1..) {
            let next = at(unit);
            let behind = next.0.saturating_sub(before.1);
            let ahead = before.0.saturating_sub(next.1);
            let apart = if gap.ordered {
                behind
            } else {
                behind.max(ahead)
            };
            if next.0 <= spent || apart == 0 || apart > u32::from(gap.within) {
                return;
            }
            first = first.min(next.0);
            before = next;
        }
        if let Some((guard, within)) = group.guard
            && let Some((_, end, _)) = self.last.get(guard as usize)
            && *end != NOWHERE
            && end.saturating_add(u32::from(within)) >= first
        {
            return;
        }
        let phrases: [u32; PARTS_MAX] =
            std::array::from_fn(|unit| at(unit.min(group.gaps.len())).2);
        if let Some(spent) = self.spent.get_mut(number as usize) {
            *spent = now.1;
        }
        let Some(count) = self.counts.get_mut(group.concept as usize) else {
            return;
        };
        if *count < NEAR_COUNTED_MAX {
            *count += 1;
            if *count == NEAR_COUNTED_MAX
                && let Some(spent) = self.spent.get_mut(number as usize)
            {
                *spent = ENOUGH;
            }
            let units = phrases.iter().take(group.units.len());
            self.seen
                .extend(units.map(|phrase| (group.concept, *phrase)));
        }
    }

    fn of(&self, concept: u32) -> u8 {
        self.counts.get(concept as usize).copied().unwrap_or(0)
    }
}

/// The next of these that was here not long before a place, and where.
fn near<'a>(
    mut besides: impl Iterator<Item = &'a Beside>,
    ends: &[u32],
    start: u32,
) -> Option<(&'a Beside, u32)> {
    besides.find_map(|beside| {
        let end = ends.get(beside.next as usize).copied()?;
        (end + beside.within >= start).then_some((beside, end))
    })
}

/// What was found on one page: in what is read from top to bottom, and beside it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) body: Found,
    pub(super) aside: Found,
    /// The words of both, as the vocabulary knows them.
    pub(super) heard: Heard,
}

impl Tally {
    pub(super) fn is_empty(&self) -> bool {
        self.body.seen.is_empty() && self.aside.seen.is_empty()
    }

    fn count(&self, concept: u32) -> u8 {
        let both = self.body.of(concept) + self.aside.of(concept);
        both.min(COUNTED_MAX)
    }

    /// What was found, in the order of the streams, each once.
    fn concepts(&self) -> impl Iterator<Item = u32> {
        let body = self.body.seen.iter();
        let mut all: Vec<u32> = body
            .chain(&self.aside.seen)
            .map(|(concept, _)| *concept)
            .collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }

    /// The words of a line, as far as they tell more than the line itself.
    fn words(&self, dictionaries: &Dictionaries, line: &Line) -> Vec<Arc<str>> {
        let mut words: Vec<Arc<str>> = Vec::new();
        for part in &line.parts {
            let both = [&self.body.seen, &self.aside.seen].into_iter().flatten();
            for (_, phrase) in both.filter(|(concept, _)| concept == part) {
                let Some(known) = dictionaries.phrase(*phrase) else {
                    continue;
                };
                if words.len() < WORDS_TOLD_MAX && !words.contains(&known.text) {
                    words.push(Arc::clone(&known.text));
                }
            }
        }
        if words.iter().all(|word| line.text.contains(&**word)) {
            words.clear();
        }
        words
    }

    /// Every line that was found, with how often and what it adds.
    fn found<'a>(
        &'a self,
        dictionaries: &'a Dictionaries,
    ) -> impl Iterator<Item = (u8, i32, &'a Line)> {
        self.concepts().flat_map(move |concept| {
            dictionaries.lines_of(concept).filter_map(move |line| {
                let times = line.parts.iter().map(|part| self.count(*part)).min()?;
                (times > 0).then(|| (times, line.weight * quarters(times) / 4, line))
            })
        })
    }

    /// The score of every category that something was found for, in the dictionaries' order.
    pub(super) fn scores(&self, dictionaries: &Dictionaries, words: u32) -> Vec<(usize, i32)> {
        let said = dictionaries.voice().said(&self.heard, words);
        if self.is_empty() && said.is_empty() {
            return Vec::new();
        }
        let mut sums = vec![Sum::default(); dictionaries.themes().len()];
        for (_, points, line) in self.found(dictionaries) {
            if let Some(sum) = sums.get_mut(usize::from(line.theme)) {
                sum.add(points, line.own.is_some());
            }
        }
        let scores = sums.iter().enumerate().map(|(theme, sum)| {
            let said = said.iter().find(|said| said.theme == theme);
            (theme, sum.score(words, said))
        });
        scores.filter(|(_, score)| *score != 0).collect()
    }

    fn loudest(&self, dictionaries: &Dictionaries, words: u32, theme: usize) -> Vec<PhraseScore> {
        let loudest = dictionaries.voice().loudest(&self.heard, words, theme);
        let told = |(row, times, points): (usize, u8, i32)| {
            Some(PhraseScore {
                phrase: dictionaries.voice().word(row)?.into(),
                times,
                points,
                words: Vec::new(),
            })
        };
        loudest.into_iter().filter_map(told).collect()
    }

    /// Everything found, for people to read.
    pub(super) fn report(&self, dictionaries: &Dictionaries, words: u32) -> Report {
        let mut categories: Vec<CategoryScore> = Vec::new();
        let mut sums = vec![Sum::default(); dictionaries.themes().len()];
        let mut phrases: Vec<Vec<PhraseScore>> = vec![Vec::new(); sums.len()];
        let mut own: BTreeMap<(usize, &Arc<str>), i32> = BTreeMap::new();
        for (times, points, line) in self.found(dictionaries) {
            let theme = usize::from(line.theme);
            if let (Some(sum), Some(phrases)) = (sums.get_mut(theme), phrases.get_mut(theme)) {
                sum.add(points, line.own.is_some());
                if let Some(file) = &line.own {
                    let points_of = own.entry((theme, file)).or_default();
                    *points_of = points_of.saturating_add(points);
                }
                phrases.push(PhraseScore {
                    phrase: Arc::clone(&line.text),
                    times,
                    points,
                    words: self.words(dictionaries, line),
                });
            }
        }
        let voice = dictionaries.voice();
        let said = voice.said(&self.heard, words);
        let themes = dictionaries.themes().iter().enumerate();
        for (((place, theme), sum), mut phrases) in themes.zip(sums).zip(phrases) {
            let said = said.iter().find(|said| said.theme == place);
            let score = sum.score(words, said);
            if phrases.is_empty() && score <= 0 {
                continue;
            }
            phrases.sort_by(|a, b| b.points.cmp(&a.points).then(a.phrase.cmp(&b.phrase)));
            categories.push(CategoryScore {
                category: Arc::clone(&theme.category),
                title: Arc::clone(&theme.title),
                score,
                points_for: sum.signs.0.saturating_add(sum.signs.1),
                points_against: sum.excuses.0.saturating_add(sum.excuses.1),
                lines_percent: lines_thousandths(said) / 10,
                points_of_words: said.map_or(0, |said| said.points),
                loudest: self.loudest(dictionaries, words, place),
                thresholds: theme.thresholds,
                distress: theme.distress,
                phrases,
                own: own
                    .iter()
                    .filter(|((theme, _), _)| *theme == place)
                    .map(|((_, file), points)| OwnPart {
                        file: Arc::clone(file),
                        points: *points,
                    })
                    .collect(),
            });
        }
        categories.sort_by(|a, b| b.score.cmp(&a.score).then(a.category.cmp(&b.category)));
        Report { words, categories }
    }
}

/// What lines come to, shipped ones and a school's own.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    signs: (i32, i32),
    excuses: (i32, i32),
}

/// How many thousandths of what the shipped lines come to count beside what the words do.
fn lines_thousandths(said: Option<&Said>) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1000")]
    let trust = said.map_or(0.0, |said| said.trust.clamp(0.0, 1.0) * 1000.0) as i32;
    1000 - (1000 - LINES_BESIDE_WORDS) * trust / 1000
}

impl Sum {
    fn add(&mut self, points: i32, own: bool) {
        let side = match points > 0 {
            true => &mut self.signs,
            false => &mut self.excuses,
        };
        let part = if own { &mut side.1 } else { &mut side.0 };
        *part = part.saturating_add(points.saturating_abs());
    }

    /// The score of lines and words together, on a page of so many words.
    fn score(self, words: u32, said: Option<&Said>) -> i32 {
        let share = i64::from(lines_thousandths(said));
        let counted = |(shipped, own): (i32, i32)| {
            let all = i64::from(shipped) * share / 1000 + i64::from(own);
            i32::try_from(all).unwrap_or(i32::MAX)
        };
        let lines = lines_score(counted(self.signs), counted(self.excuses), words);
        lines.saturating_add(said.map_or(0, |said| said.points))
    }
}

fn lines_score(signs: i32, excuses: i32, words: u32) -> i32 {
    let most = signs / 100 * EXCUSED_MAX_PERCENT + signs % 100 * EXCUSED_MAX_PERCENT / 100;
    let points = signs - excuses.min(most);
    if words <= WORDS_LEAST {
        return points;
    }
    let share = (f64::from(WORDS_LEAST) / f64::from(words)).powf(LINES_POWER) * 1000.0;
    #[expect(clippy::cast_possible_truncation, reason = "between 150 and 1000")]
    let share = share.max(LENGTH_LEAST) as i64;
    i32::try_from(i64::from(points) * share / 1000).unwrap_or(i32::MAX)
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
    /// How many hundredths of what the shipped lines came to count beside the words; a school's own lines count in full.
    pub lines_percent: i32,
    /// What its common words add to the score, or take away: the vocabulary's part.
    pub points_of_words: i32,
    /// Those of them that said most, with what they added; at most six.
    pub loudest: Vec<PhraseScore>,
    /// The score from which on a page is over, for each of [`AgeBand::ALL`].
    pub thresholds: [i32; 5],
    /// Whether the reader may be in distress.
    pub distress: bool,
    /// The phrases, the weightiest first.
    pub phrases: Vec<PhraseScore>,
    /// What the school's own dictionaries said of it, of all that was said.
    pub own: Vec<OwnPart>,
}

/// What one of a school's own dictionaries said for a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnPart {
    /// Its file.
    pub file: Arc<str>,
    /// What its lines added and took away together, before it is fitted to the page's length.
    pub points: i32,
}

/// One phrase that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhraseScore {
    /// As the dictionary writes it.
    pub phrase: Arc<str>,
    /// How often it counted, at most eight times; a common word at most 64 times.
    pub times: u8,
    /// What it added or took away.
    pub points: i32,
    /// Where the line names sets: the first of the words that were found of them.
    pub words: Vec<Arc<str>>,
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

    use super::lines_score as score;

    /// FIL-12: lessons speak against a category, but never wipe it out.
    #[test]
    fn fil_12_excuses_have_a_bound() {
        assert_eq!(score(100, 0, 10), 100);
        assert_eq!(score(100, 40, 10), 60);
        assert_eq!(score(100, 4000, 10), 8);
        assert_eq!(score(0, 50, 10), 0);
        assert_eq!(score(i32::MAX, i32::MAX, u32::MAX), 25_769_803);
    }

    /// FIL-02: where the words of a page can be believed the shipped lines count less, a school's own in full.
    #[test]
    fn fil_02_own_lines_count_in_full_beside_the_words() {
        let mut sum = Sum::default();
        sum.add(100, false);
        sum.add(-50, false);
        sum.add(30, true);
        let said = |trust, points| Said {
            theme: 0,
            points,
            trust,
        };
        assert_eq!(sum.score(20, None), 80);
        assert_eq!(sum.score(20, Some(&said(0.0, 7))), 87);
        assert_eq!(sum.score(20, Some(&said(0.5, 7))), 65);
        assert_eq!(sum.score(20, Some(&said(1.0, -7))), 28);
    }

    /// FIL-02: a long page needs more than a short one, and padding has a bound.
    #[test]
    fn fil_02_long_pages_weigh_less_within_a_bound() {
        assert_eq!(score(200, 0, 25), 200);
        assert_eq!(score(200, 0, 252), 99);
        assert_eq!(score(200, 0, 2540), 49);
        assert_eq!(score(200, 0, 1_000_000), 30);
    }
}
