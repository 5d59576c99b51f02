//! What it costs to read a page against every shipped dictionary.
//!
//! `cargo run --release -p pharos-scan --example page_cost [FILE.html|-] [CONTENT-ENCODING] [ROUNDS]`
//!
//! Without a file, or for `-`, a page of 30 KB is made up of plain sentences, links, lists and a script.
//! Time says little on a machine that does other things; instructions do not depend on them:
//! `valgrind --tool=callgrind --toggle-collect='page_cost::read_page' page_cost - '' 5`.

#![allow(
    clippy::print_stdout,
    reason = "a measurement's result is what it prints"
)]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use pharos_scan::{AgeBand, BodyScan, Dictionaries, Kind, Media};

/// Pages of one round; the best of the rounds counts, as other work only ever adds to it.
const PAGES: u32 = 20;
const ROUNDS: u32 = 100;
/// Bodies arrive in pieces of this size.
const PIECE: usize = 16 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let dictionaries = Arc::new(Dictionaries::built_in()?);
    println!(
        "{} categories, {} lines, compiled in {} ms, tables of words of {} KiB",
        dictionaries.themes().len(),
        dictionaries.len(),
        start.elapsed().as_millis(),
        dictionaries.memory_bytes() / 1024
    );
    let mut arguments = std::env::args().skip(1);
    let page = match arguments.next() {
        Some(file) if file != "-" => std::fs::read(file)?,
        _ => made_up(),
    };
    let coding = arguments.next().unwrap_or_default();
    let rounds = arguments
        .next()
        .map_or(Ok(ROUNDS), |rounds| rounds.parse())?;
    let mut best = f64::MAX;
    let mut scan = BodyScan::new(&dictionaries, Media::plain(Kind::Html), &coding)?;
    scan.push(&page);
    scan.page().finish();
    let words = scan.page().report().words;
    for _ in 0..rounds {
        let start = Instant::now();
        for _ in 0..PAGES {
            read_page(&dictionaries, &page, &coding)?;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(PAGES));
    }
    println!(
        "{} bytes, {words} words: {best:.1} µs a page, {:.0} MB a second",
        page.len(),
        page.len() as f64 / best
    );
    Ok(())
}

#[inline(never)]
fn read_page(
    dictionaries: &Arc<Dictionaries>,
    page: &[u8],
    coding: &str,
) -> Result<(), Box<dyn Error>> {
    let mut scan = BodyScan::new(dictionaries, Media::plain(Kind::Html), coding)?;
    page.chunks(PIECE).for_each(|piece| scan.push(piece));
    scan.page().finish();
    std::hint::black_box(scan.page().over(AgeBand::Secondary));
    Ok(())
}

/// A page of about 30 KB: text, links, attributes, a menu, a script.
fn made_up() -> Vec<u8> {
    const SENTENCES: [&str; 6] = [
        "The tide comes in twice a day, and the harbour wall keeps the boats safe from the waves.",
        "In 1842 the railway reached the town &amp; brought visitors from the cities for the summer.",
        "Pupils measured the height of the water every hour and drew a graph of what they had found.",
        "The caf\u{e9} by the lighthouse sells scones, and its windows look out over the bay.",
        "Read <a href=\"/history/quay\" title=\"The old quay\">more about the old quay</a> and its <em>fisher</em>men.",
        "Where does the sand go? Some of it is carried along the coast, some far out to sea.",
    ];
    let mut page = String::from(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Harbour</title>\
         <meta name=description content=\"A page about a harbour\"><style>p{margin:0}</style></head><body><ul>",
    );
    for number in 0..40 {
        page += &format!(
            "<li class=\"menu menu-{number}\"><a href=\"/page/{number}\">Page {number}</a></li>"
        );
    }
    page += "</ul><script>window.data = {\"a\": [1, 2, 3], \"b\": \"";
    page += &"x1y2z3".repeat(500);
    page += "\"};</script>";
    let mut number = 0;
    while page.len() < 30_000 {
        let sentence = SENTENCES[number % SENTENCES.len()];
        page += &format!("<p id=\"p{number}\" class=\"text\">{sentence}</p>\n");
        number += 1;
    }
    page += "</body></html>";
    page.into_bytes()
}
