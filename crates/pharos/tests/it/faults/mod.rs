//! What breaks, breaks loudly and loses nothing: broken files, a second server, kill -9, a full disk.

mod broken;
mod full;
mod killed;

use std::fs;
use std::path::Path;

use crate::support::server::on;

pub(super) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(super) fn blocked(data: &Path, url: &str) -> bool {
    match on(data, &["explain", "--user", "ada.quill", "--url", url]) {
        ran if ran.code == 1 => true,
        ran => {
            ran.ended(0);
            false
        }
    }
}

pub(super) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}
