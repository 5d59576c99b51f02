//! Chores of the project, as a program that is reviewed like the rest:
//! `cargo xtask structure`, `cargo xtask licences`, `cargo xtask requirements [--write]`,
//! `cargo xtask corpus [--check]`.
#![expect(clippy::print_stdout, reason = "a chore's result is what it prints")]

mod corpus;
mod licences;
mod requirements;
mod structure;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

fn main() -> anyhow::Result<()> {
    let root = root()?;
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let flag = arguments.next();
    match (chore.as_str(), flag.as_deref()) {
        ("structure", None) => structure::check(&root),
        ("licences", None) => licences::check(&root),
        ("requirements", None) => requirements::print(&root),
        ("requirements", Some("--write")) => requirements::write(&root),
        ("requirements", Some("--check")) => requirements::check(&root),
        ("corpus", None) => corpus::run(&root, false),
        ("corpus", Some("--check")) => corpus::run(&root, true),
        _ => bail!(
            "usage: cargo xtask structure | licences | requirements [--write|--check] | corpus [--check]\n\
             structure     fails if a pure crate reaches I/O libraries or an arrow points up\n\
             licences      fails on a licence or crate that the project does not take\n\
             requirements  prints which requirement ids have tests; --write keeps docs/requirements.md\n\
             corpus        makes the pages of corpora/pages from corpora/source; --check fails where they are stale"
        ),
    }
}

/// The workspace's root: the folder above this crate.
fn root() -> anyhow::Result<PathBuf> {
    // Asked when it runs, not when it is built: clones share what is built.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").context("run it as cargo xtask")?;
    Path::new(&own)
        .parent()
        .map(Path::to_path_buf)
        .context("xtask has no parent folder")
}

/// `cargo metadata` for the whole workspace, offline: the lock file decides.
fn metadata(root: &Path) -> anyhow::Result<cargo_metadata::Metadata> {
    cargo_metadata::MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(vec!["--locked".into()])
        .exec()
        .context("`cargo metadata` failed: is Cargo.lock up to date?")
}
