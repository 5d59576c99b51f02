//! `pharos scan --corpus`: how many pages are blocked and how many found, over folders of pages.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use pharos_scan::{AgeBand, Dictionaries};
use serde::Serialize;

use super::scan::{media_of, read, report};
use crate::output::Output;

/// The folder of pages that must pass.
const EDUCATION: &str = "education";
/// The most pages of one folder.
const PAGES_MAX: usize = 100_000;
/// How deep folders are followed below a category's own.
const DEPTH_MAX: u8 = 4;

/// The figures of one folder.
#[derive(Debug, Clone, Serialize)]
struct Figures {
    /// The folder: a category, or `education`.
    folder: String,
    pages: u32,
    /// For each band, pages over in any category.
    blocked: [u32; 5],
    /// For each band, pages over in the folder's own category.
    found: [u32; 5],
    /// Pages that went wrong for the band asked about: blocked in `education`, else not blocked.
    wrong: Vec<String>,
}

/// Measures every folder; 0 whatever the figures are.
pub(super) fn run(
    dictionaries: &Arc<Dictionaries>,
    corpus: &Path,
    age: AgeBand,
    list: bool,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let mut all = Vec::new();
    for folder in folders(corpus)? {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let known = name == EDUCATION || dictionaries.theme(&name).is_some();
        if !known {
            output.problem(&format!(
                "{name} is left out: no dictionary finds a category of that name"
            ));
            continue;
        }
        all.push(measure(dictionaries, &folder, name, age)?);
    }
    if all.is_empty() {
        bail!(
            "{} has no folder named education or after a category",
            corpus.display()
        );
    }
    if output.json {
        let bands = AgeBand::ALL.map(AgeBand::name);
        output.json(&serde_json::json!({ "bands": bands, "age": age.name(), "folders": all }));
        return Ok(0);
    }
    print(&all, output);
    if list {
        for figures in &all {
            let what = if figures.folder == EDUCATION {
                "blocked"
            } else {
                "missed"
            };
            for page in &figures.wrong {
                output.say(format!("{what} for {}: {page}", age.name()));
            }
        }
    }
    Ok(0)
}

fn measure(
    dictionaries: &Arc<Dictionaries>,
    folder: &Path,
    name: String,
    age: AgeBand,
) -> anyhow::Result<Figures> {
    let mut pages = Vec::new();
    gather(folder, DEPTH_MAX, &mut pages)?;
    pages.sort();
    let mut figures = Figures {
        folder: name,
        pages: 0,
        blocked: [0; 5],
        found: [0; 5],
        wrong: Vec::new(),
    };
    for page in pages {
        let report = report(dictionaries, media_of(&page), &read(&page)?);
        figures.pages += 1;
        for band in AgeBand::ALL {
            let (mut blocked, mut found) = (false, false);
            for over in report.over(band) {
                blocked = true;
                found |= *over.category == *figures.folder;
            }
            figures.blocked[band as usize] += u32::from(blocked);
            figures.found[band as usize] += u32::from(found);
            if band == age && blocked == (figures.folder == EDUCATION) {
                let over: Vec<String> = report
                    .categories
                    .iter()
                    .take(3)
                    .map(|found| format!("{} {}", found.category, found.score))
                    .collect();
                let line = format!("{} ({})", page.display(), over.join(", "));
                figures.wrong.push(line);
            }
        }
    }
    Ok(figures)
}

fn folders(corpus: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(corpus)
        .with_context(|| format!("the folder {} cannot be read", corpus.display()))?;
    let mut folders = Vec::new();
    for entry in listed {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn gather(folder: &Path, depth: u8, pages: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let listed = std::fs::read_dir(folder)
        .with_context(|| format!("the folder {} cannot be read", folder.display()))?;
    for entry in listed {
        let path = entry?.path();
        if path.is_dir() && depth > 0 {
            gather(&path, depth - 1, pages)?;
        } else if path.is_file() {
            if pages.len() >= PAGES_MAX {
                bail!("{} holds more than {PAGES_MAX} pages", folder.display());
            }
            pages.push(path);
        }
    }
    Ok(())
}

fn print(all: &[Figures], output: &mut Output) {
    let bands = AgeBand::ALL
        .map(|band| format!("{:>18}", band.name()))
        .concat();
    output.say(format!("{:<18}{:>6}{bands}", "folder", "pages"));
    for figures in all {
        let share = |count: u32| f64::from(count) * 100.0 / f64::from(figures.pages.max(1));
        let cells: String = AgeBand::ALL
            .iter()
            .map(|band| {
                let band = *band as usize;
                let cell = if figures.folder == EDUCATION {
                    format!("{:.1} %", share(figures.blocked[band]))
                } else {
                    format!(
                        "{:.1} ({:.1}) %",
                        share(figures.blocked[band]),
                        share(figures.found[band])
                    )
                };
                format!("{cell:>18}")
            })
            .collect();
        output.say(format!("{:<18}{:>6}{cells}", figures.folder, figures.pages));
    }
    output.say(
        "Shares of pages blocked. For education that is over-blocking; for a category it is what \
         is stopped, in brackets what is stopped under that very category.",
    );
}
