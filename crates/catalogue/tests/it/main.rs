//! What the catalogue promises, as tests. One binary for the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod canonical;
mod compiled;
mod lists;
mod properties;
mod sealed;

use jiff::Timestamp;
use pharos_catalogue::{Address, Catalogue, Compiler, Format, parse};

/// A moment for tests.
fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A catalogue of lists given as name, category, text.
fn catalogue(lists: &[(&str, &str, &str)]) -> Catalogue {
    Catalogue::open(compiled(lists).into()).unwrap()
}

fn compiled(lists: &[(&str, &str, &str)]) -> Vec<u8> {
    let mut compiler = Compiler::new(11, 3, now());
    for (name, category, text) in lists {
        let list = compiler.list(name, 5, now()).unwrap();
        let section = compiler.section(list, category).unwrap();
        let tally = parse(Format::Urls, text.as_bytes(), &mut |entry| {
            compiler.add(section, entry)
        });
        assert_eq!(tally.malformed, 0, "{:?}", tally.problems);
    }
    compiler.finish().unwrap()
}

/// The category names of an address, in order of their numbers.
fn categories(catalogue: &Catalogue, text: &str) -> Vec<String> {
    let found = catalogue.lookup(&address(text));
    found
        .categories
        .iter()
        .map(|id| catalogue.category_name(id).unwrap().to_string())
        .collect()
}
