//! Gathers the shipped dictionaries, `data/dictionaries/*.txt`, and the sets they share,
//! `data/dictionaries/sets*.txt`, into tables.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("data/dictionaries");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    files.sort();
    let is_sets = |path: &&PathBuf| name(path).starts_with("sets");
    let (sets, dictionaries): (Vec<_>, Vec<_>) = files.iter().partition(is_sets);
    let mut table = String::new();
    for (constant, files) in [("BUILT_IN", dictionaries), ("BUILT_IN_SETS", sets)] {
        writeln!(table, "const {constant}: &[(&str, &str)] = &[")?;
        for path in files {
            writeln!(
                table,
                "    ({:?}, include_str!({:?})),",
                name(path),
                path.to_string_lossy()
            )?;
        }
        table.push_str("];\n");
    }
    fs::write(
        Path::new(&env::var("OUT_DIR")?).join("dictionaries.rs"),
        table,
    )?;
    Ok(())
}

fn name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
