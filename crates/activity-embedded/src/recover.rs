//! Start-up: finds out what a crash left, keeps every whole event once, and says what it did.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Recovered;
use crate::disk;
use crate::engine::{Facts, Head, State};
use crate::frame;
use crate::manifest::{Entry, Manifest, file_name, parse_name};
use crate::segment::Open;

/// What start-up found.
pub(crate) struct Start {
    pub(crate) state: State,
    pub(crate) recovered: Recovered,
    /// Bytes of whole frames in the head to go on with.
    pub(crate) head_length: u64,
    pub(crate) spool_length: u64,
    pub(crate) spool_events: u64,
    /// Numbers of events in heads that are in the spool as well.
    pub(crate) seen: HashSet<u64>,
    /// The next running number.
    pub(crate) next: u64,
}

/// Reads the folder, which exists, and clears away leftovers.
pub(crate) fn start(folder: &Path) -> io::Result<Start> {
    let mut recovered = Recovered::default();
    for place in ["", "head", "segments"] {
        remove_leftovers(&folder.join(place), &mut recovered)?;
    }
    let mut manifest = manifest(folder, &mut recovered)?;
    adopt(folder, &mut manifest, &mut recovered)?;
    check_segments(folder, &manifest, &mut recovered)?;
    let spooled_bytes = fs::read(folder.join("spool.log")).or_else(empty_if_missing)?;
    let mut spooled = HashSet::new();
    let mut spool_events = 0;
    let spool = frame::each(&spooled_bytes, 0, |_, row| {
        spooled.insert(row.number);
        spool_events += 1;
    });
    drop(spooled_bytes);
    let mut found = Numbers::of(&spooled);
    let (mut heads, head_length) = heads(folder, &manifest, &mut found, &mut recovered)?;
    if heads.is_empty() {
        let number = manifest.sealed + 1;
        heads.push(Arc::new(Head::new(number, head_path(folder, number))));
    }
    let newest = spooled.iter().copied().max().unwrap_or_default();
    let next = manifest.last.max(newest).max(found.newest) + 1;
    let seen = found.seen;
    recovered.spool_events = spool_events - seen.len() as u64;
    Ok(Start {
        state: State { heads, manifest },
        recovered,
        head_length,
        spool_length: spool.good as u64,
        spool_events,
        seen,
        next,
    })
}

/// The numbers met in heads, as far as they may come twice: numbers grow, so only one that is not
/// above all before it, or that stands in the spool, is held.
struct Numbers<'a> {
    spooled: &'a HashSet<u64>,
    /// Numbers in heads that stand in the spool as well.
    seen: HashSet<u64>,
    newest: u64,
    /// Numbers that came in order, as runs without a gap.
    runs: Vec<(u64, u64)>,
    /// Numbers that came later than a greater one.
    late: HashSet<u64>,
}

impl<'a> Numbers<'a> {
    fn of(spooled: &'a HashSet<u64>) -> Self {
        Self {
            spooled,
            seen: HashSet::new(),
            newest: 0,
            runs: Vec::new(),
            late: HashSet::new(),
        }
    }

    /// Notes a number; whether it comes for the first time.
    fn is_new(&mut self, number: u64) -> bool {
        if self.spooled.contains(&number) {
            self.seen.insert(number);
        }
        if self.runs.is_empty() || number > self.newest {
            match self.runs.last_mut() {
                Some((_, end)) if *end + 1 == number => *end = number,
                _ => self.runs.push((number, number)),
            }
            self.newest = number;
            return true;
        }
        let after = self.runs.partition_point(|(start, _)| *start <= number);
        let in_order = after
            .checked_sub(1)
            .and_then(|before| self.runs.get(before))
            .is_some_and(|(_, end)| number <= *end);
        !in_order && self.late.insert(number)
    }
}

fn empty_if_missing(error: io::Error) -> io::Result<Vec<u8>> {
    if error.kind() == io::ErrorKind::NotFound {
        Ok(Vec::new())
    } else {
        Err(error)
    }
}

fn head_path(folder: &Path, number: u64) -> PathBuf {
    folder.join("head").join(format!("{number:012}.log"))
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

fn remove_leftovers(folder: &Path, recovered: &mut Recovered) -> io::Result<()> {
    for name in names(folder)?.iter().filter(|name| name.ends_with(".tmp")) {
        disk::remove(&folder.join(name))?;
        recovered.leftovers_removed += 1;
    }
    Ok(())
}

fn manifest(folder: &Path, recovered: &mut Recovered) -> io::Result<Manifest> {
    let path = folder.join("manifest");
    let segments = names(&folder.join("segments"))?;
    match fs::read_to_string(&path) {
        Ok(text) => {
            if let Some(manifest) = Manifest::parse(&text) {
                return Ok(manifest);
            }
            recovered.problems.push(
                "the list of activity segments was damaged; it was made anew from the segments"
                    .into(),
            );
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A crash during the very first sealing leaves a segment beside its head: the head counts.
            let mut heads = segments.iter().filter_map(|name| parse_name(name));
            if heads.all(|(head, _)| head_path(folder, head).exists()) {
                return Ok(Manifest::default());
            }
            recovered.problems.push(
                "the list of activity segments was missing; it was made anew from the segments"
                    .into(),
            );
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            recovered.problems.push(
                "the list of activity segments was damaged; it was made anew from the segments"
                    .into(),
            );
        }
        Err(error) => return Err(error),
    }
    Ok(rebuild(folder, &segments, recovered))
}

/// The inventory from the files alone: the newest generation of each that can be read.
fn rebuild(folder: &Path, segments: &[String], recovered: &mut Recovered) -> Manifest {
    let mut manifest = Manifest::default();
    let mut files: Vec<(u64, u32)> = segments
        .iter()
        .filter_map(|name| parse_name(name))
        .collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    for (head, generation) in files {
        if manifest.entries.iter().any(|entry| entry.head == head) {
            continue;
        }
        match read_entry(folder, head, generation) {
            Ok(entry) => {
                manifest.sealed = manifest.sealed.max(head);
                manifest.last = manifest.last.max(entry.last);
                manifest.entries.push(entry);
            }
            Err(error) => recovered.problems.push(format!(
                "activity segment {} cannot be read ({error})",
                file_name(head, generation)
            )),
        }
    }
    manifest.entries.sort_by_key(|entry| entry.head);
    manifest
}

fn read_entry(
    folder: &Path,
    head: u64,
    generation: u32,
) -> Result<Entry, crate::segment::SegmentError> {
    let path = folder.join("segments").join(file_name(head, generation));
    let bytes = fs::metadata(&path)?.len();
    let mut times = (i64::MAX, i64::MIN);
    let (mut last, mut rows) = (0, 0);
    let all = crate::segment::Narrow::new(&pharos_activity::Query::default(), None);
    Open::at(&path)?.matching(&all, |at, number, _| {
        times = (times.0.min(at), times.1.max(at));
        last = last.max(number);
        rows += 1;
    })?;
    let time = |ms| {
        jiff::Timestamp::from_millisecond(ms)
            .map_err(|_| crate::segment::SegmentError::Column("at"))
    };
    Ok(Entry {
        head,
        generation,
        rows,
        bytes,
        oldest: time(times.0)?,
        newest: time(times.1)?,
        last,
    })
}

/// Takes in segments that the inventory does not know and whose head is gone: a folder restored
/// piece by piece. After a mere crash there are none.
fn adopt(folder: &Path, manifest: &mut Manifest, recovered: &mut Recovered) -> io::Result<()> {
    let sealed = manifest.sealed;
    for name in names(&folder.join("segments"))? {
        let Some((head, generation)) = parse_name(&name) else {
            continue;
        };
        if head <= sealed || head_path(folder, head).exists() {
            continue;
        }
        if let Ok(entry) = read_entry(folder, head, generation) {
            manifest.sealed = manifest.sealed.max(head);
            manifest.last = manifest.last.max(entry.last);
            manifest.entries.push(entry);
            recovered.problems.push(format!(
                "activity segment {name} was not in the list of segments; it was added"
            ));
        }
    }
    Ok(())
}

/// Names listed segments that are missing or cut, and removes files that no longer count.
fn check_segments(folder: &Path, manifest: &Manifest, recovered: &mut Recovered) -> io::Result<()> {
    let segments = folder.join("segments");
    let mut counting = HashSet::new();
    for entry in &manifest.entries {
        let name = entry.file();
        match fs::metadata(segments.join(&name)) {
            Ok(facts) if facts.len() == entry.bytes => {}
            Ok(_) => recovered.problems.push(format!(
                "activity segment {name} has another size than written: restore it from a backup"
            )),
            Err(_) => recovered.problems.push(format!(
                "activity segment {name} with {} events is missing: restore it from a backup",
                entry.rows
            )),
        }
        counting.insert(name);
        counting.insert(entry.rollup_file());
    }
    for name in names(&segments)? {
        // Written before a crash and never counted, or replaced by retention: either way the
        // events are in a head file or in another segment, or are meant to be gone.
        if !counting.contains(&name) && (name.ends_with(".parquet") || name.ends_with(".hours")) {
            disk::remove(&segments.join(&name))?;
            recovered.leftovers_removed += 1;
        }
    }
    Ok(())
}

fn heads(
    folder: &Path,
    manifest: &Manifest,
    numbers: &mut Numbers<'_>,
    recovered: &mut Recovered,
) -> io::Result<(Vec<Arc<Head>>, u64)> {
    let (mut heads, mut length) = (Vec::new(), 0);
    for name in names(&folder.join("head"))? {
        let Some(number) = name
            .strip_suffix(".log")
            .and_then(|stem| stem.parse::<u64>().ok())
        else {
            continue;
        };
        let path = head_path(folder, number);
        if number <= manifest.sealed {
            disk::remove(&path)?;
            recovered.leftovers_removed += 1;
            continue;
        }
        let bytes = fs::read(&path)?;
        let start = frame::first(&bytes);
        let (mut facts, mut hidden) = (Facts::default(), HashSet::new());
        let mut read = frame::each(&bytes, start, |place, row| {
            if numbers.is_new(row.number) {
                facts.add(row.at());
            } else {
                hidden.insert(place);
            }
        });
        if facts.events == 0 && hidden.is_empty() && start == 0 {
            read.good = 0;
        }
        let torn = bytes.len() - read.good;
        if torn > 0 {
            fs::OpenOptions::new()
                .write(true)
                .open(&path)?
                .set_len(read.good as u64)?;
        }
        recovered.torn_bytes += torn as u64;
        recovered.unreadable_bytes += read.skipped as u64;
        recovered.head_events += facts.events as u64;
        length = read.good as u64;
        facts.length = length;
        heads.push(Arc::new(Head::found(number, path, hidden, facts)));
    }
    if recovered.unreadable_bytes > 0 {
        recovered.problems.push(format!(
            "{} bytes in the middle of activity head files could not be read; check the disk",
            recovered.unreadable_bytes
        ));
    }
    Ok((heads, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// MON-01: of numbers that come twice, in whatever order, the first counts, as if every one were
        /// held.
        #[test]
        fn numbers_are_new_once(numbers in proptest::collection::vec(1..40_u64, 0..80), spooled in proptest::collection::hash_set(1..40_u64, 0..9)) {
            let (mut held, mut all) = (Numbers::of(&spooled), HashSet::new());
            for number in &numbers {
                prop_assert_eq!(held.is_new(*number), all.insert(*number));
            }
            prop_assert_eq!(held.newest, numbers.iter().copied().max().unwrap_or_default());
            let both: HashSet<u64> = all.intersection(&spooled).copied().collect();
            prop_assert_eq!(held.seen, both);
        }
    }

    /// Numbers in order, with gaps, are held as their gaps only.
    #[test]
    fn numbers_in_order_take_no_room() {
        let spooled = HashSet::new();
        let mut held = Numbers::of(&spooled);
        for number in (1..=100_000_u64).filter(|number| number % 50_000 != 0) {
            assert!(held.is_new(number));
        }
        assert_eq!((held.runs.len(), held.late.len()), (2, 0));
    }
}
