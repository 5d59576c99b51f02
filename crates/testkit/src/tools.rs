//! The rule for programs that a test needs and a machine may lack.

use std::path::PathBuf;

/// Whether every program is on the search path. Where one is missing, says so and gives `false`, and
/// the test ends; with `PHAROS_TEST_REAL=1`, set by `./test` after it installed everything, that is
/// a failure.
///
/// # Panics
/// Where everything has to be there and one is not.
pub fn have(tools: &[&str]) -> bool {
    let missing: Vec<_> = tools.iter().filter(|tool| find(tool).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    left_out(&format!("{missing:?} not installed"));
    false
}

/// Says what is left out.
///
/// # Panics
/// Where everything has to be there.
#[expect(
    clippy::print_stderr,
    reason = "a test helper speaks to whoever runs the tests"
)]
pub fn left_out(why: &str) {
    let real = std::env::var_os("PHAROS_TEST_REAL").is_some_and(|value| value == "1");
    assert!(!real, "PHAROS_TEST_REAL=1, but {why}");
    eprintln!("left out: {why}");
}

/// A program's place on the search path.
pub fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(tool))
        .find(|file| file.is_file())
}
