//! How well pages are told apart by a model that has not seen their source.

use super::found::Tables;
use super::lines::Books;
use super::model::{LINES_SHARE, Model, Options};
use super::pages::{Corpora, MADE, PLAIN};

/// Pages of so many words are measured.
const LENGTHS: std::ops::RangeInclusive<u32> = 25..=400;
/// Shares of pages that must pass and are blocked.
const RATES: [f64; 4] = [0.005, 0.01, 0.02, 0.05];
/// How often pages are drawn anew to see how far chance goes.
const DRAWS: usize = 200;

/// What every page comes to.
pub(crate) type Scores = Vec<Vec<(f64, f64)>>;

/// Scores of every source by a model that has not seen it. Of ordinary texts a part is left out each time.
pub(crate) fn leave_one_out(
    corpora: &Corpora,
    tables: &Tables,
    books: &Books,
    options: &Options,
) -> Scores {
    let measured = |name: &String| name != MADE && name != PLAIN;
    let folds = corpora.sources.iter().filter(|name| measured(name)).count();
    let (mut fold_of, mut plain, mut fold) = (Vec::new(), 0, 0);
    for name in &corpora.sources {
        fold_of.push(measured(name).then_some(fold));
        fold += usize::from(measured(name));
    }
    let fold_of: Vec<Option<usize>> = corpora
        .pages
        .iter()
        .map(|page| {
            if corpora.sources[page.source] == PLAIN {
                plain += 1;
                return Some(plain % folds);
            }
            fold_of[page.source]
        })
        .collect();
    let mut scores: Scores = vec![Vec::new(); corpora.pages.len()];
    for fold in 0..folds {
        let left_out: Vec<bool> = fold_of.iter().map(|own| *own == Some(fold)).collect();
        let model = Model::learn(corpora, tables, books, options, &left_out);
        for (at, _) in left_out.iter().enumerate().filter(|(_, out)| **out) {
            scores[at] = model.score(&tables.pages[at]);
        }
    }
    scores
}

/// One page as it is measured.
#[derive(Clone, Copy)]
struct Judged {
    source: usize,
    plain: bool,
    category: Option<usize>,
    units: f64,
}

/// Prints what is found where so many lessons are blocked: in the mean of the categories with the error of chance, by
/// category and by source, for lines alone, words alone and both.
pub(crate) fn tell(corpora: &Corpora, tables: &Tables, books: &Books, scores: &[Vec<(f64, f64)>]) {
    println!(
        "found where so much that must pass is blocked (in brackets: ordinary texts blocked there)"
    );
    for (name, parts) in [
        ("lines", (1.0, 0.0)),
        ("words", (0.0, 1.0)),
        ("both", (LINES_SHARE, 1.0)),
    ] {
        let judged = judged(corpora, tables, scores, parts);
        let found = found(&judged, books.books.len());
        let errors = errors(&judged, books.books.len());
        let cells: Vec<String> = found
            .iter()
            .zip(errors)
            .map(|((cut, by), error)| {
                let plain = share(&judged, *cut, |page| page.plain);
                format!("{:5.1} ±{error:3.1} ({plain:.1})", mean(by))
            })
            .collect();
        let all: f64 = found.iter().map(|(_, by)| mean(by)).sum::<f64>() / 4.0;
        println!("{name:6} {}  mean {all:.1}", cells.join("  "));
        if name != "both" {
            continue;
        }
        for (at, book) in books.books.iter().enumerate() {
            let by: Vec<String> = found
                .iter()
                .map(|(_, by)| format!("{:5.1}", by[at]))
                .collect();
            println!("  {:18}{}", book.category, by.join(" "));
        }
        for (at, source) in corpora.sources.iter().enumerate() {
            let own = |page: &Judged| page.source == at;
            let by = found.iter().map(|(cut, _)| {
                format!(
                    "{:5.1} ({:4.1})",
                    share(&judged, *cut, |page| own(page) && page.category.is_some()),
                    share(&judged, *cut, |page| own(page) && page.category.is_none()),
                )
            });
            println!("  {source:18}{}", by.collect::<Vec<_>>().join(" "));
        }
        let cuts: Vec<String> = found.iter().map(|(cut, _)| format!("{cut:.2}")).collect();
        println!("  cut-offs, in units {}", cuts.join(" "));
    }
}

fn judged(
    corpora: &Corpora,
    tables: &Tables,
    scores: &[Vec<(f64, f64)>],
    (lines, words): (f64, f64),
) -> Vec<Judged> {
    let pages = corpora.pages.iter().zip(&tables.pages).zip(scores);
    pages
        .filter(|((_, seen), scores)| !scores.is_empty() && LENGTHS.contains(&seen.length))
        .map(|((page, _), scores)| Judged {
            source: page.source,
            plain: corpora.sources[page.source] == PLAIN,
            category: page.category,
            units: scores
                .iter()
                .map(|score| lines * score.0 + words * score.1)
                .fold(f64::MIN, f64::max),
        })
        .collect()
}

/// For every rate the cut-off, and how many hundredths of each category lie above it.
fn found(judged: &[Judged], categories: usize) -> Vec<(f64, Vec<f64>)> {
    let mut lessons: Vec<f64> = Vec::new();
    let mut harm: Vec<Vec<f64>> = vec![Vec::new(); categories];
    for page in judged {
        match page.category {
            Some(category) => harm[category].push(page.units),
            None if page.plain => {}
            None => lessons.push(page.units),
        }
    }
    lessons.sort_by(|a, b| b.total_cmp(a));
    let cut = |rate: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count"
        )]
        let at = (lessons.len() as f64 * rate) as usize;
        lessons.get(at).copied().unwrap_or(f64::MAX)
    };
    RATES
        .map(cut)
        .map(|cut| {
            let by = harm.iter().map(|pages| {
                let over = pages.iter().filter(|units| **units > cut).count();
                100.0 * over as f64 / pages.len().max(1) as f64
            });
            (cut, by.collect())
        })
        .into()
}

/// The spread of the mean over pages drawn anew with replacement, for every rate.
fn errors(judged: &[Judged], categories: usize) -> [f64; 4] {
    let mut seed = 1_u64;
    let mut sums = [(0.0, 0.0); 4];
    for _ in 0..DRAWS {
        let drawn: Vec<Judged> = judged
            .iter()
            .map(|_| judged[draw(&mut seed, judged.len())])
            .collect();
        for (sum, (_, by)) in sums.iter_mut().zip(found(&drawn, categories)) {
            sum.0 += mean(&by);
            sum.1 += mean(&by) * mean(&by);
        }
    }
    sums.map(|(sum, squares)| {
        let mean = sum / DRAWS as f64;
        (squares / DRAWS as f64 - mean * mean).max(0.0).sqrt()
    })
}

/// SplitMix64.
fn draw(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed >> 33) % below.max(1) as u64).unwrap_or(0)
}

fn mean(all: &[f64]) -> f64 {
    all.iter().sum::<f64>() / all.len().max(1) as f64
}

/// Of the chosen pages, how many hundredths lie above a cut-off.
fn share(judged: &[Judged], cut: f64, chosen: impl Fn(&Judged) -> bool) -> f64 {
    let chosen: Vec<_> = judged.iter().filter(|page| chosen(page)).collect();
    let over = chosen.iter().filter(|page| page.units > cut).count();
    100.0 * over as f64 / chosen.len().max(1) as f64
}

/// Writes the scores of every page: source, category, words, then what lines and words come to for each category.
pub(crate) fn dump(
    file: &std::path::Path,
    corpora: &Corpora,
    tables: &Tables,
    scores: &[Vec<(f64, f64)>],
) -> std::io::Result<()> {
    let mut text = String::new();
    for ((page, seen), scores) in corpora.pages.iter().zip(&tables.pages).zip(scores) {
        let source = &corpora.sources[page.source];
        let category = page
            .category
            .map_or(-1, |at| i64::try_from(at).unwrap_or(-1));
        text.push_str(&format!("{source}\t{category}\t{}", seen.length));
        for (lines, words) in scores {
            text.push_str(&format!("\t{lines:.4}\t{words:.4}"));
        }
        text.push('\n');
    }
    std::fs::write(file, text)
}
