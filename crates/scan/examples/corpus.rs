//! How many pages of a corpus are blocked, for each band, and what a page costs.
//!
//! `cargo run --release -p pharos-scan --example corpus DIR [--dictionaries DIR] [--list | --evidence]`
//!
//! The same figures as `pharos scan --corpus`, without the rest of Pharos. `--list` names pages
//! that went wrong for the secondary band, `--evidence` prints every line of the dictionaries that was found
//! on every page, for weights to be fitted to.

#![allow(
    clippy::print_stdout,
    reason = "a measurement's result is what it prints"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pharos_scan::{
    AgeBand, Dictionaries, Dictionary, Kind, Media, PageScan, Report, Sets, Vocabulary,
};

const EDUCATION: &str = "education";

#[derive(Default)]
struct Figures {
    pages: u32,
    blocked: [u32; 5],
    found: [u32; 5],
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut corpus, mut own, mut list, mut evidence) = (None, None, false, false);
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--dictionaries") => own = arguments.next().map(PathBuf::from),
            Some("--list") => list = true,
            Some("--evidence") => evidence = true,
            _ => corpus = Some(PathBuf::from(argument)),
        }
    }
    let corpus = corpus.ok_or("name a folder of pages")?;
    let dictionaries = Arc::new(match own {
        Some(folder) => read_dictionaries(&folder)?,
        None => Dictionaries::built_in()?,
    });
    let mut all: BTreeMap<String, Figures> = BTreeMap::new();
    let (mut spent, mut bytes) = (Duration::ZERO, 0);
    for (folder, page) in pages(&corpus)? {
        let text = std::fs::read(&page)?;
        let start = Instant::now();
        let report = report(&dictionaries, &page, &text);
        spent += start.elapsed();
        bytes += text.len();
        let figures = all.entry(folder.clone()).or_default();
        figures.pages += 1;
        for band in AgeBand::ALL {
            let over: Vec<_> = report.over(band).collect();
            figures.blocked[band as usize] += u32::from(!over.is_empty());
            figures.found[band as usize] +=
                u32::from(over.iter().any(|one| *one.category == *folder));
        }
        if evidence {
            print_evidence(&folder, &page, &report);
        }
        let blocked = report.over(AgeBand::Secondary).next().is_some();
        if list && blocked == (folder == EDUCATION) {
            let scores = report.categories.iter().take(3);
            let scores: Vec<_> = scores
                .map(|one| format!("{} {}", one.category, one.score))
                .collect();
            println!("wrong: {} ({})", page.display(), scores.join(", "));
        }
    }
    if evidence {
        return Ok(());
    }
    let head: String = AgeBand::ALL
        .map(|band| format!("{:>16}", band.name()))
        .concat();
    println!("{:<18}{:>6}{head}", "folder", "pages");
    let mut pages = 0;
    for (folder, figures) in &all {
        pages += figures.pages;
        let share = |count: u32| f64::from(count) * 100.0 / f64::from(figures.pages.max(1));
        let cells: String = AgeBand::ALL
            .map(|band| {
                let (blocked, found) = (
                    share(figures.blocked[band as usize]),
                    share(figures.found[band as usize]),
                );
                match folder == EDUCATION {
                    true => format!("{blocked:>16.1}"),
                    false => format!("{:>16}", format!("{blocked:.1} ({found:.1})")),
                }
            })
            .concat();
        println!("{folder:<18}{:>6}{cells}", figures.pages);
    }
    println!(
        "Hundredths of pages blocked, in brackets under the folder's own category. {pages} pages of {} bytes on average: {:.1} µs a page.",
        bytes / pages.max(1) as usize,
        spent.as_secs_f64() * 1e6 / f64::from(pages.max(1))
    );
    Ok(())
}

fn report(dictionaries: &Arc<Dictionaries>, page: &Path, text: &[u8]) -> Report {
    let kind = match page.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => Kind::Html,
        Some("json") => Kind::Json,
        Some("txt" | "md") => Kind::Text,
        _ => Kind::Unknown,
    };
    let mut scan = PageScan::new(dictionaries, Media::plain(kind));
    scan.push(text);
    scan.finish();
    scan.report()
}

/// Folder, page, words, then category, score, and every line with how often it counted.
fn print_evidence(folder: &str, page: &Path, report: &Report) {
    println!("{folder}\t{}\t{}", page.display(), report.words);
    for found in &report.categories {
        let lines: Vec<_> = found
            .phrases
            .iter()
            .map(|line| format!("{}={}", line.phrase, line.times))
            .collect();
        println!(
            "\t{}\t{}\t{}",
            found.category,
            found.score,
            lines.join("\t")
        );
    }
}

/// Every page with the folder that it lies in, below the corpus.
fn pages(corpus: &Path) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let mut all = Vec::new();
    let mut folders: Vec<(Option<String>, PathBuf)> = vec![(None, corpus.to_owned())];
    while let Some((name, folder)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let own = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                folders.push((Some(name.clone().unwrap_or(own.into_owned())), path));
            } else if let Some(name) = &name {
                all.push((name.clone(), path));
            }
        }
    }
    all.sort();
    Ok(all)
}

fn read_dictionaries(folder: &Path) -> Result<Dictionaries, Box<dyn Error>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let (mut sets, mut all) = (Sets::default(), Vec::new());
    let mut words = Vocabulary::default();
    for path in files {
        let text = std::fs::read_to_string(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let wrong = |problems: Vec<pharos_scan::DictionaryProblem>| {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            format!("{}: {}", path.display(), lines.join("; "))
        };
        if name.starts_with("sets") {
            sets.extend(Sets::parse(&text).map_err(wrong)?);
        } else if name.starts_with("vocabulary") {
            words = Vocabulary::parse(&text).map_err(wrong)?;
        } else {
            all.push(Dictionary::parse(&text).map_err(wrong)?);
        }
    }
    Ok(Dictionaries::with_words(&all, &sets, &words)?)
}
