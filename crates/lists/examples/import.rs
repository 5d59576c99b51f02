//! Imports a list into a scratch folder and prints what it took:
//! `cargo run --release -p pharos-lists --example import -- FILE|FOLDER [CATEGORY]`

#![allow(clippy::print_stdout, reason = "an example")]

use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use pharos_lists::{Import, Lists};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("name a file or folder to import")?;
    let category = args.next();
    let scratch = tempfile::tempdir()?;
    let (lists, _) = Lists::open(scratch.path(), Timestamp::UNIX_EPOCH)?;
    let start = Instant::now();
    let import = Import {
        category: category.as_deref(),
        ..Import::new("list", Path::new(&path))
    };
    let report = lists.import(&import, Timestamp::UNIX_EPOCH)?;
    println!(
        "{} entries in {} categories from {} lines, {} malformed, {} unused, in {:.2?}",
        report.entries,
        report.categories.len(),
        report.lines,
        report.malformed,
        report.unused,
        start.elapsed()
    );
    for problem in report.problems.iter().take(10) {
        println!("  {problem}");
    }
    let start = Instant::now();
    drop(lists);
    let (lists, _) = Lists::open(scratch.path(), Timestamp::UNIX_EPOCH)?;
    let catalogue = lists.catalogue();
    println!(
        "opened in {:.2?}: {:?}, {} bytes",
        start.elapsed(),
        catalogue.counts(),
        catalogue.size()
    );
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        status
            .lines()
            .filter(|line| line.starts_with("VmHWM"))
            .for_each(|line| println!("{line}"));
    }
    Ok(())
}
