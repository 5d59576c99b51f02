//! Gathers the shipped dictionaries, `data/dictionaries/*.txt`, with the sets that they share,
//! `data/dictionaries/sets*.txt`, and the adapters of tools, `data/tools/*.txt`, into tables.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    gather("dictionaries")?;
    gather("tools")
}

/// Writes the table `NAME.rs` of the texts in `data/NAME`.
fn gather(folder: &str) -> Result<(), Box<dyn std::error::Error>> {
    let from = Path::new(&env::var("CARGO_MANIFEST_DIR")?)
        .join("data")
        .join(folder);
    println!("cargo::rerun-if-changed={}", from.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&from)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    files.sort();
    let is_sets = |path: &&PathBuf| name(path).starts_with("sets");
    let (sets, texts): (Vec<_>, Vec<_>) = files.iter().partition(is_sets);
    let mut tables = vec![("BUILT_IN", texts)];
    if !sets.is_empty() {
        tables.push(("BUILT_IN_SETS", sets));
    }
    let mut text = String::new();
    for (constant, files) in tables {
        writeln!(text, "const {constant}: &[(&str, &str)] = &[")?;
        for path in files {
            let path_text = path.to_string_lossy();
            writeln!(text, "    ({:?}, include_str!({path_text:?})),", name(path))?;
        }
        text.push_str("];\n");
    }
    fs::write(
        Path::new(&env::var("OUT_DIR")?).join(format!("{folder}.rs")),
        text,
    )?;
    Ok(())
}

fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
