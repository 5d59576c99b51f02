//! Gathers the shipped dictionaries, `data/dictionaries/*.txt`, and the adapters of tools,
//! `data/tools/*.txt`, into one table each.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    gather("dictionaries")?;
    gather("tools")
}

fn gather(name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?)
        .join("data")
        .join(name);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    files.sort();
    let mut table = String::from("const BUILT_IN: &[(&str, &str)] = &[\n");
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        writeln!(
            table,
            "    ({name:?}, include_str!({:?})),",
            path.to_string_lossy()
        )?;
    }
    table.push_str("];\n");
    fs::write(
        Path::new(&env::var("OUT_DIR")?).join(format!("{name}.rs")),
        table,
    )?;
    Ok(())
}
