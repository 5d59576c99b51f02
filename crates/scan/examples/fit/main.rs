//! Fits the weights of the English dictionaries and of the vocabulary to the corpora.
//!
//! `cargo run --release -p pharos-scan --example fit -- [--plain DIR]… [--without SOURCE]… [--leave-one-out | --write]`
//!
//! `--leave-one-out` tells how well each source is told apart by a model that has not seen it, and with `--scores FILE`
//! writes what every page came to there; `--write` fits to everything and writes the data files. `--plain` names a folder of
//! ordinary texts that must pass; `--penalty` and `--harm-share` try other fits. The pages held out are never read. What
//! is learnt, and how, stands in `docs/dictionaries.md`.

#![allow(
    clippy::print_stdout,
    reason = "a measurement's result is what it prints"
)]

mod found;
mod lines;
mod measure;
mod model;
mod pages;
mod solver;
mod vocabulary;

use std::error::Error;
use std::path::{Path, PathBuf};

use found::Tables;
use lines::Books;
use model::{Model, Options};
use pages::Corpora;
use pharos_scan::counting::{LINES_POWER, WORDS_LEAST};
use vocabulary::Joint;

/// The score that pages for pupils of secondary age are measured at.
const THRESHOLD: f64 = 90.0;
/// Where that score stands in units of the lines, and for suicide, where a miss weighs more.
const LINES_AT: f64 = -0.1;
const LINES_AT_SUICIDE: f64 = -0.4;
/// How many units of words and a share of lines are over: by `--leave-one-out`, at most one in two hundred of the lessons of `must-pass`,
/// one or two in a hundred of the hardest lessons, and hardly any ordinary text.
const CUT_OFF: f64 = -2.25;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options {
        penalty: 0.3,
        rare_says: 1.5,
        pages_least: 2,
        pairs_least: 4,
        least_told: (0.02, 0.15),
        plain_counts: 0.7,
        harm_share: 0.6,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let (mut plain, mut without) = (Vec::new(), Vec::new());
    let (mut leave_one_out, mut write, mut scores_file) = (false, false, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument}: of what?"));
        match argument.as_str() {
            "--plain" => plain.push(PathBuf::from(value()?)),
            "--without" => without.push(value()?),
            "--penalty" => options.penalty = value()?.parse()?,
            "--rare-says" => options.rare_says = value()?.parse()?,
            "--pairs-least" => options.pairs_least = value()?.parse()?,
            "--least-word" => options.least_told.0 = value()?.parse()?,
            "--least-pair" => options.least_told.1 = value()?.parse()?,
            "--harm-share" => options.harm_share = value()?.parse()?,
            "--scores" => scores_file = Some(PathBuf::from(value()?)),
            "--leave-one-out" => leave_one_out = true,
            "--write" => write = true,
            other => return Err(format!("{other:?} is not known here").into()),
        }
    }
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = room.join("data");
    let books = Books::read(&data.join("dictionaries"))?;
    let categories: Vec<String> = books
        .books
        .iter()
        .map(|book| book.category.clone())
        .collect();
    let corpora = Corpora::read(&room.join("../../corpora"), &plain, &without, &categories)?;
    let tables = Tables::of(&corpora, &books, options.pairs_least);
    println!(
        "{} pages of {} sources, {} words, {} lines",
        corpora.pages.len(),
        corpora.sources.len(),
        tables.words.len(),
        books.columns()
    );
    if leave_one_out {
        let scores = measure::leave_one_out(&corpora, &tables, &books, &options);
        measure::tell(&corpora, &tables, &books, &scores);
        if let Some(file) = scores_file {
            measure::dump(&file, &corpora, &tables, &scores)?;
        }
    }
    if write {
        let model = Model::learn(
            &corpora,
            &tables,
            &books,
            &options,
            &vec![false; corpora.pages.len()],
        );
        write_all(&data, &tables, &books, &model)?;
    }
    Ok(())
}

fn write_all(
    data: &Path,
    tables: &Tables,
    books: &Books,
    model: &Model,
) -> Result<(), Box<dyn Error>> {
    let mut joints = Vec::new();
    for (book, signs) in books.books.iter().zip(&model.signs) {
        let at = match &*book.category {
            "suicide" => LINES_AT_SUICIDE,
            _ => LINES_AT,
        };
        let points = THRESHOLD / signs.below(at);
        let full = (found::LINES_LENGTH / f64::from(WORDS_LEAST)).powf(LINES_POWER);
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the fit")]
        let weights: Vec<i32> = signs
            .weights
            .iter()
            .map(|units| (units * points * full).round() as i32)
            .collect();
        let lines = book.write(&weights)?;
        println!(
            "{}: {lines} lines, {points:.1} points a unit",
            book.category
        );
        joints.push(Joint {
            shift: signs.below(at) + model::LINES_SHARE * signs.bias - CUT_OFF,
            points,
        });
    }
    let (words, pairs) = vocabulary::write(
        &data.join("vocabulary.txt"),
        tables,
        books,
        &model.words,
        &joints,
    )?;
    println!("vocabulary: {words} words, {pairs} pairs");
    Ok(())
}
