//! Markdown tables from recorded figures. A line is `table<TAB>peer<TAB>measure<TAB>unit<TAB>value`;
//! the same measure again is another run of it. Shown are the median and, from two runs on, the
//! smallest and largest.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

type Figures<'a> = BTreeMap<(&'a str, &'a str, &'a str), Vec<f64>>;

/// Prints one table for each name in the first column, in the order in which things were recorded.
pub fn print(file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let mut figures = Figures::new();
    let (mut tables, mut peers, mut measures) = (Vec::new(), Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let mut columns = line.split('\t');
        let mut next = || {
            columns
                .next()
                .with_context(|| format!("line {}: needs five columns", number + 1))
        };
        let (table, peer, measure, unit, value) = (next()?, next()?, next()?, next()?, next()?);
        let value: f64 = value
            .parse()
            .with_context(|| format!("line {}: {value:?} is not a number", number + 1))?;
        note(&mut tables, table);
        note(&mut peers, (table, peer));
        note(&mut measures, (table, measure, unit));
        figures
            .entry((table, peer, measure))
            .or_default()
            .push(value);
    }
    for table in tables {
        let peers: Vec<&str> = peers
            .iter()
            .filter(|(of, _)| *of == table)
            .map(|(_, peer)| *peer)
            .collect();
        println!(
            "\n### {table}\n\n| | {} |\n|---|{}",
            peers.join(" | "),
            "---:|".repeat(peers.len())
        );
        for (_, measure, unit) in measures.iter().filter(|(of, ..)| *of == table) {
            let cells: Vec<String> = peers
                .iter()
                .map(|peer| {
                    figures
                        .get(&(table, *peer, *measure))
                        .map_or("–".to_owned(), |runs| cell(runs))
                })
                .collect();
            println!("| {measure}, {unit} | {} |", cells.join(" | "));
        }
    }
    Ok(())
}

fn note<T: PartialEq>(seen: &mut Vec<T>, new: T) {
    if !seen.contains(&new) {
        seen.push(new);
    }
}

fn cell(runs: &[f64]) -> String {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (least, most, middle) = (sorted[0], sorted[sorted.len() - 1], sorted.len() / 2);
    let median = if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    };
    if sorted.len() == 1 {
        number(median)
    } else {
        format!("{} ({}–{})", number(median), number(least), number(most))
    }
}

/// Thousands apart; small figures with what follows the point.
fn number(value: f64) -> String {
    let places = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        small if small < 10.0 => 2,
        small if small < 100.0 => 1,
        _ => 0,
    };
    let digits = format!("{value:.places$}");
    let whole = digits.split('.').next().map_or(0, str::len);
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at < whole && (whole - at) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
