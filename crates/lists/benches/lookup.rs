//! Look-ups in catalogues of 1 and 4 million invented names. Every answer is checked.
//!
//! Prints, before the timings, what building took: bytes a name, time, and the process's peak
//! memory (Linux). `PHAROS_NAMES=FILE` adds a file of real names, one a line.
//!
//! Target (FIL-04): at most 25 MB a million names, under 300 ns a look-up, 4 million names
//! compiled in under 10 s.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use pharos_catalogue::{Address, Catalogue, Compiler, Format, Host, SharedBytes, parse};
use pharos_lists::CatalogueMemory;

/// A name of two, three or four labels, as in real lists, so that look-ups have to try each depth.
fn name(n: u64) -> String {
    let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    match n % 4 {
        0 | 1 => format!("host{mixed:x}.example"),
        2 => format!("s{n}.host{mixed:x}.example"),
        _ => format!("a.s{n}.host{mixed:x}.example"),
    }
}

fn build(label: &str, text: &[u8]) -> Catalogue {
    let start = Instant::now();
    let mut compiler = Compiler::new(42, 1, Timestamp::UNIX_EPOCH);
    let list = compiler.list("bench", 1, Timestamp::UNIX_EPOCH).unwrap();
    let section = compiler.section(list, "gaming").unwrap();
    let tally = parse(Format::Domains, text, &mut |entry| {
        compiler.add(section, entry)
    });
    let parsed = start.elapsed();
    let file = compiler.finish().unwrap();
    let built = start.elapsed();
    // As the filter holds it: read from its file into memory of its own.
    let scratch = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(scratch.path(), file).unwrap();
    let memory = CatalogueMemory::read(scratch.path()).unwrap();
    let catalogue = Catalogue::open(SharedBytes::new(memory)).unwrap();
    let names = catalogue.counts().names;
    println!(
        "{label}: {names} names ({} malformed), {:.2} bytes a name, parsed in {parsed:.2?}, \
         compiled in {built:.2?}, opened in {:.2?}, peak memory {} (text of {} MB included)",
        tally.malformed,
        catalogue.size() as f64 / names as f64,
        start.elapsed() - built,
        peak_memory(),
        text.len() / 1_000_000,
    );
    catalogue
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or_else(|| "unknown".to_owned(), |peak| peak.trim().to_owned())
}

fn bench_one(c: &mut Criterion, label: &str, catalogue: &Catalogue, count: u64) {
    // So many that their cache lines in the table (16 MB) do not stay in the nearer caches; they are
    // asked in order, as a request's own text is in the cache when it is looked up.
    const ASKED: u64 = 262_144;
    let listed: Vec<Address> = (0..ASKED)
        .map(|n| {
            Address::of_host(Host::parse(&format!("www.{}", name(n * count / ASKED))).unwrap())
        })
        .collect();
    let others: Vec<Address> = (0..ASKED)
        .map(|n| Address::parse(&format!("http://www.a{n}.not-listed{n}.test/some/page")).unwrap())
        .collect();
    for (kind, addresses, expected) in [("listed", &listed, true), ("not listed", &others, false)] {
        let mut group = c.benchmark_group(label);
        group.throughput(Throughput::Elements(1));
        group.bench_function(kind, |b| {
            let mut at = 0;
            b.iter(|| {
                let found = catalogue.lookup(black_box(&addresses[at]));
                assert_eq!(found.is_empty(), !expected);
                at = (at + 1) % addresses.len();
                found
            });
        });
        group.finish();
    }
}

fn lookups(c: &mut Criterion) {
    for (label, count) in [("1 million", 1_000_000), ("4 million", 4_000_000)] {
        let text: String = (0..count).map(|n| name(n) + "\n").collect();
        let catalogue = build(label, text.as_bytes());
        drop(text);
        bench_one(c, label, &catalogue, count);
    }
    if let Some(path) = std::env::var_os("PHAROS_NAMES") {
        build("real names", &std::fs::read(path).unwrap());
    }
}

criterion_group!(benches, lookups);
criterion_main!(benches);
