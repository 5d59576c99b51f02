//! The inventory of sealed segments: the one place that says which files count.
//!
//! A text file with a checksum line at its end, replaced whole. A segment counts from the moment
//! the manifest names it; until then its head file does.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::frame::checksum;

const FIRST: &str = "pharos-activity-manifest 1";

/// One sealed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The number of the head file it was sealed from.
    pub(crate) head: u64,
    /// How often it was written: retention writes a segment anew under the next generation.
    pub(crate) generation: u32,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) oldest: Timestamp,
    pub(crate) newest: Timestamp,
    /// Highest running number inside.
    pub(crate) last: u64,
}

impl Entry {
    /// The segment's file name.
    pub(crate) fn file(&self) -> String {
        file_name(self.head, self.generation)
    }

    /// The name of the roll-up beside it.
    pub(crate) fn rollup_file(&self) -> String {
        format!("{:012}-{}.hours", self.head, self.generation)
    }
}

pub(crate) fn file_name(head: u64, generation: u32) -> String {
    format!("{head:012}-{generation}.parquet")
}

/// Head number and generation from a segment's file name.
pub(crate) fn parse_name(name: &str) -> Option<(u64, u32)> {
    let (head, generation) = name.strip_suffix(".parquet")?.split_once('-')?;
    Some((head.parse().ok()?, generation.parse().ok()?))
}

/// The whole inventory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Manifest {
    /// Heads up to this number are sealed; a head file that low is left over from a crash.
    pub(crate) sealed: u64,
    /// Highest running number ever sealed, so that numbers are never given twice.
    pub(crate) last: u64,
    /// The segments that count, by head number.
    pub(crate) entries: Vec<Entry>,
}

impl Manifest {
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{FIRST}\nsealed {} {}\n", self.sealed, self.last);
        for e in &self.entries {
            // Writing into a String cannot fail.
            let _ = writeln!(
                text,
                "segment {} {} {} {} {} {} {}",
                e.head,
                e.generation,
                e.rows,
                e.bytes,
                e.oldest.as_millisecond(),
                e.newest.as_millisecond(),
                e.last
            );
        }
        let crc = checksum(text.as_bytes());
        let _ = writeln!(text, "crc {crc:08x}");
        text
    }

    /// Reads it back; `None` where anything is wrong.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (body, crc) = text.strip_suffix('\n')?.rsplit_once("crc ")?;
        if u32::from_str_radix(crc, 16).ok()? != checksum(body.as_bytes()) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != FIRST {
            return None;
        }
        let mut sealed = lines
            .next()?
            .strip_prefix("sealed ")?
            .split(' ')
            .map(str::parse);
        let mut manifest = Self {
            sealed: sealed.next()?.ok()?,
            last: sealed.next()?.ok()?,
            entries: Vec::new(),
        };
        for line in lines {
            manifest.entries.push(entry(line)?);
        }
        Some(manifest)
    }
}

fn entry(line: &str) -> Option<Entry> {
    let words: Vec<&str> = line.strip_prefix("segment ")?.split(' ').collect();
    let [head, generation, rows, bytes, oldest, newest, last] = words[..] else {
        return None;
    };
    Some(Entry {
        head: head.parse().ok()?,
        generation: generation.parse().ok()?,
        rows: rows.parse().ok()?,
        bytes: bytes.parse().ok()?,
        oldest: Timestamp::from_millisecond(oldest.parse().ok()?).ok()?,
        newest: Timestamp::from_millisecond(newest.parse().ok()?).ok()?,
        last: last.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_back_and_any_change_is_noticed() {
        let entry = Entry {
            head: 3,
            generation: 1,
            rows: 10,
            bytes: 200,
            oldest: Timestamp::UNIX_EPOCH,
            newest: Timestamp::constant(5, 0),
            last: 77,
        };
        let manifest = Manifest {
            sealed: 3,
            last: 77,
            entries: vec![entry],
        };
        let text = manifest.to_text();
        assert_eq!(Manifest::parse(&text), Some(manifest));
        for index in 0..text.len() - 1 {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(Manifest::parse(&changed), None, "change at byte {index}");
            assert_eq!(Manifest::parse(&text[..index]), None, "cut at byte {index}");
        }
        assert_eq!(parse_name("000000000003-1.parquet"), Some((3, 1)));
    }
}
