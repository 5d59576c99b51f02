//! What differs between two texts, line by line, for the change log (REQ-04).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Lines compared closely; what is longer is shown as taken out and put in whole.
const CLOSE_MAX: usize = 3_000;
/// Lines kept of one comparison.
pub const LINES_MAX: usize = 600;

/// One line of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// The file it stands in.
    pub file: String,
    /// `-` for a line that goes, `+` for one that comes.
    pub sign: char,
    /// The line.
    pub text: String,
}

/// What differs between two packs: lines that go and lines that come, file by file. At most
/// [`LINES_MAX`] lines; the second value says how many more there are.
pub fn diff(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) -> (Vec<DiffLine>, usize) {
    let mut all = Vec::new();
    let mut files: Vec<&String> = before.keys().chain(after.keys()).collect();
    files.sort();
    files.dedup();
    for file in files {
        let text = |files: &BTreeMap<String, Vec<u8>>| {
            String::from_utf8_lossy(files.get(file).map_or(&[][..], Vec::as_slice)).into_owned()
        };
        let (old, new) = (text(before), text(after));
        if old != new {
            all.extend(lines(&old, &new).into_iter().map(|(sign, text)| DiffLine {
                file: file.clone(),
                sign,
                text: text.to_owned(),
            }));
        }
    }
    let more = all.len().saturating_sub(LINES_MAX);
    all.truncate(LINES_MAX);
    (all, more)
}

/// Lines that go and lines that come, in the order of the texts.
fn lines<'t>(old: &'t str, new: &'t str) -> Vec<(char, &'t str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[same_start..], &new[same_start..]);
    let same_end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old, new) = (&old[..old.len() - same_end], &new[..new.len() - same_end]);
    if old.len() > CLOSE_MAX || new.len() > CLOSE_MAX {
        let gone = old.iter().map(|line| ('-', *line));
        return gone.chain(new.iter().map(|line| ('+', *line))).collect();
    }
    // The longest common part, by the usual table.
    let width = new.len() + 1;
    let mut longest = vec![0_u16; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            longest[a * width + b] = if old[a] == new[b] {
                longest[(a + 1) * width + b + 1] + 1
            } else {
                longest[(a + 1) * width + b].max(longest[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b, mut out) = (0, 0, Vec::new());
    while a < old.len() || b < new.len() {
        if a < old.len() && b < new.len() && old[a] == new[b] {
            a += 1;
            b += 1;
        } else if b == new.len()
            || (a < old.len() && longest[(a + 1) * width + b] >= longest[a * width + b + 1])
        {
            out.push(('-', old[a]));
            a += 1;
        } else {
            out.push(('+', new[b]));
            b += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn req_04_only_what_differs_is_shown() {
        let pack =
            |text: &str| BTreeMap::from([("school.toml".to_owned(), text.as_bytes().to_vec())]);
        let (shown, more) = diff(&pack("a\nb\nc\nd\n"), &pack("a\nc\nx\nd\n"));
        let shown: Vec<_> = shown
            .iter()
            .map(|line| (line.sign, line.text.as_str()))
            .collect();
        assert_eq!((shown, more), (vec![('-', "b"), ('+', "x")], 0));
        assert_eq!(diff(&pack("same"), &pack("same")).0, []);
        let long = "y\n".repeat(4_000);
        let (shown, more) = diff(&pack(""), &pack(&long));
        assert_eq!((shown.len(), more), (LINES_MAX, 4_000 - LINES_MAX));
    }
}
