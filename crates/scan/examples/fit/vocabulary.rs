//! The vocabulary as a text.

use std::error::Error;
use std::path::Path;

use super::found::Tables;
use super::lines::{Books, newer};
use super::solver::Fitted;

const MOST: f64 = 127.0;

/// What joins words and lines of one category.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joint {
    /// Units added before they count.
    pub(crate) shift: f64,
    /// Points of a unit.
    pub(crate) points: f64,
}

/// Writes the vocabulary anew under its old head; how many words and pairs it has.
pub(crate) fn write(
    file: &Path,
    tables: &Tables,
    books: &Books,
    words: &[Fitted],
    joints: &[Joint],
) -> Result<(usize, usize), Box<dyn Error>> {
    let old = std::fs::read_to_string(file)?;
    let mut text = String::new();
    for line in old.lines().take_while(|line| *line != "[words]") {
        let first = line.split(' ').next().unwrap_or_default();
        let numbers: Vec<String> = match first {
            "categories" => books
                .books
                .iter()
                .map(|book| book.category.clone())
                .collect(),
            "bias" => words.iter().map(|words| hundredths(words.bias)).collect(),
            "shift" => joints.iter().map(|joint| hundredths(joint.shift)).collect(),
            "points" => joints
                .iter()
                .map(|joint| hundredths(joint.points))
                .collect(),
            _ => {
                text.push_str(line);
                text.push('\n');
                continue;
            }
        };
        text.push_str(&format!("{first} {}\n", numbers.join(" ")));
    }
    text.push_str("[words]\n");
    let mut rows: Vec<(bool, &String, usize)> = tables
        .words
        .iter()
        .zip(0..)
        .filter(|(word, _)| !is_drawled(word))
        .map(|(word, at)| (word.contains(' '), word, at))
        .collect();
    rows.sort();
    let (mut count, mut pairs) = (0, 0);
    for (is_pair, word, at) in rows {
        let weights: Vec<i32> = words
            .iter()
            .map(|words| rounded(words.weights[at]))
            .collect();
        if weights.iter().all(|weight| *weight == 0) {
            continue;
        }
        if is_pair {
            if pairs == 0 {
                text.push_str("\n[pairs]\n");
            }
            pairs += 1;
        } else {
            count += 1;
        }
        text.push_str(word);
        for weight in weights {
            text.push_str(&format!(" {weight}"));
        }
        text.push('\n');
    }
    if text != old {
        std::fs::write(file, newer(&text))?;
    }
    Ok((count, pairs))
}

/// Whether a letter stands three times in a row, as where a word was spelt out: such a word is read as
/// another, and its row would take that one's place.
fn is_drawled(word: &str) -> bool {
    let mut three = word.as_bytes().windows(3);
    three.any(|three| three[0] == three[1] && three[1] == three[2] && three[0] != b'i')
}

fn hundredths(value: f64) -> String {
    format!("{:.0}", value * 100.0)
}

fn rounded(weight: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "held within bounds")]
    let weight = (weight * 100.0).round().clamp(-MOST, MOST) as i32;
    weight
}
