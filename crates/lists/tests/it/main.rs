//! What the lists folder promises, as tests. One binary for the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod crashes;
mod fetching;
mod floor;
mod imports;
mod marks;
mod publisher;
mod sealed;
mod sealed_fetching;
mod swaps;
mod unpacking;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use pharos_catalogue::Address;
use pharos_lists::{Import, Lists, ListsError, LoadedCatalogue, Report};
use tempfile::TempDir;

fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

/// A data folder and a place for publishers' files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn lists_dir(&self) -> PathBuf {
        self.0.path().join("lists")
    }

    fn open(&self) -> Lists {
        let (lists, recovery) = Lists::open(&self.lists_dir(), now()).unwrap();
        assert_eq!(recovery, Default::default(), "nothing to recover from");
        lists
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join("published").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Every file of the lists folder with its contents.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.lists_dir()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push((path.clone(), fs::read(path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    fn names(&self) -> Vec<String> {
        let root = self.lists_dir();
        let name = |path: &Path| path.strip_prefix(&root).unwrap().display().to_string();
        self.files()
            .iter()
            .map(|(path, _)| name(path))
            .filter(|name| name != "lock")
            .collect()
    }
}

fn import(lists: &Lists, list: &str, category: &str, path: &Path) -> Result<Report, ListsError> {
    lists.import(
        &Import {
            category: Some(category),
            ..Import::new(list, path)
        },
        now(),
    )
}

/// The categories of an address, by name.
fn categories(catalogue: &LoadedCatalogue, text: &str) -> Vec<String> {
    let found = catalogue.lookup(&Address::parse(text).unwrap());
    found
        .categories
        .iter()
        .map(|id| catalogue.category_name(id).unwrap().to_string())
        .collect()
}

fn names(from: u32, to: u32) -> String {
    (from..to).map(|n| format!("site{n}.example\n")).collect()
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}
