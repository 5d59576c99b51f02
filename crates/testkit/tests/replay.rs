//! The fuzzing corpus, replayed: every committed input through its reader, whole, cut short and
//! with bytes changed. What is asserted stands in `fuzz/src/lib.rs`; see `fuzz/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it is surprised"
)]

#[path = "../../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "it is also the library of the fuzzer")]
mod targets;

use std::path::Path;

/// At so many places an input is cut short.
const CUTS: usize = 100;
/// So many single bytes of it are changed.
const CHANGES: usize = 40;

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new("../../fuzz/corpus").join(target);
    let mut inputs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), std::fs::read(&path).unwrap())
        })
        .collect();
    inputs.sort();
    inputs
}

/// The input itself, cut short, and changed byte by byte: the same every time.
fn nasty(input: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![input.to_vec()];
    let step = (input.len() / CUTS).max(1);
    all.extend(
        (0..input.len())
            .step_by(step)
            .map(|end| input[..end].to_vec()),
    );
    for (number, at) in (0..input.len())
        .step_by((input.len() / CHANGES).max(1))
        .enumerate()
    {
        let mut changed = input.to_vec();
        changed[at] = [0, 0xff, b'\n', b'"', changed[at] ^ 0x20][number % 5];
        all.push(changed);
    }
    all
}

/// Feeds every form of every input of a target's corpus to it.
fn replay(name: &str) {
    let (_, target) = targets::TARGETS
        .iter()
        .find(|(found, _)| *found == name)
        .unwrap();
    let inputs = corpus(name);
    assert!(inputs.len() >= 3, "{name} has a corpus");
    for (file, input) in inputs {
        for nasty in nasty(&input) {
            let read = std::panic::catch_unwind(|| target(&nasty));
            assert!(
                read.is_ok(),
                "{name} broke a promise on a form of {file}: {:?}",
                String::from_utf8_lossy(&nasty)
            );
        }
    }
}

/// FIL-17: nothing that comes from outside stops a reader, and what it gives out is bounded.
macro_rules! fil_17_replays {
    ($($name:ident),+ $(,)?) => {
        const REPLAYED: &[&str] = &[$(stringify!($name)),+];
        mod fil_17_nothing_from_outside_stops_a_reader {
            $(#[test] fn $name() { super::replay(stringify!($name)); })+
        }
    };
}

fil_17_replays!(
    dns_message,
    dns_query,
    host_and_address,
    list_formats,
    catalogue_file,
    sealed_bundle,
    archive,
    list_address,
    http_head,
    http2,
    client_hello,
    oneroster,
    pack,
    procedure_toml,
    search_terms,
    control_text,
    page_html,
    page_json,
    page_packed,
    dictionaries,
    leases,
    radius,
    firewall,
    syslog_stream,
    ai_tools,
    floor,
);

/// A small compiled catalogue for the corpus is what this version compiles: the fuzzer begins with
/// something that opens. `PHAROS_WRITE_CORPUS=1` writes it anew.
#[test]
fn the_corpus_holds_a_catalogue_that_opens() {
    use pharos_catalogue::{Address, Catalogue, Compiler, Format, parse};
    let file = Path::new("../../fuzz/corpus/catalogue_file/small");
    if std::env::var_os("PHAROS_WRITE_CORPUS").is_some() {
        let now = "2026-11-01T00:00:00Z".parse().unwrap();
        let mut compiler = Compiler::new(1, 1, now);
        let list = compiler.list("small", 1, now).unwrap();
        let section = compiler.section(list, "gaming").unwrap();
        parse(
            Format::Urls,
            b"games.example\nschool.example/play/room\n",
            &mut |entry| compiler.add(section, entry),
        );
        std::fs::write(file, compiler.finish().unwrap()).unwrap();
    }
    let catalogue = Catalogue::open(std::fs::read(file).unwrap()).unwrap();
    let found = catalogue.lookup(&Address::parse("school.example/play/room/2").unwrap());
    assert!(!found.categories.is_empty());
}

/// Every target of the corpus has its program for the fuzzer, and the other way round.
#[test]
fn every_target_has_its_program() {
    let root = Path::new("../../fuzz");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let names: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, REPLAYED);
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(
            root.join(format!("fuzz_targets/{name}.rs")).is_file(),
            "{name}"
        );
    }
    assert_eq!(manifest.matches("[[bin]]").count(), targets::TARGETS.len());
}
