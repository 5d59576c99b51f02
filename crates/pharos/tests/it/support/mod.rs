//! What the tests share: the binary, clients, a browser, stand-ins, and the rule for missing tools.

pub(crate) mod browser;
pub(crate) mod clients;
pub(crate) mod lead;
pub(crate) mod server;
pub(crate) mod upstream;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub(crate) use pharos_testkit::tools::{find, have, left_out};

/// The longest that any condition is waited for. Generous: it only bounds a failing test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within [`PATIENCE`].
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// The sample school's policy pack.
pub(crate) fn pack() -> PathBuf {
    std::path::absolute("../../packs/harbourmouth").unwrap()
}

/// A folder of files copied whole.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
