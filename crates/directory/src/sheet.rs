//! One CSV file as rows with named columns, within bounds and with places for messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use pharos_school::YearGroup;

use crate::problem::quoted;
use crate::{Limits, Origin, Problems, Progress};

/// Shared state while all files of one import are read.
pub(crate) struct Reading<'a> {
    pub(crate) limits: &'a Limits,
    progress: &'a mut dyn FnMut(Progress<'_>),
    rows: u64,
    bytes_before: u64,
    bytes_total: u64,
}

/// How often progress is told, in rows.
const PROGRESS_EVERY: u64 = 1_000;

impl<'a> Reading<'a> {
    pub(crate) fn new(
        bytes_total: u64,
        limits: &'a Limits,
        progress: &'a mut dyn FnMut(Progress<'_>),
    ) -> Self {
        Self {
            limits,
            progress,
            rows: 0,
            bytes_before: 0,
            bytes_total,
        }
    }

    fn tell(&mut self, stage: &str, bytes_here: u64) {
        (self.progress)(Progress {
            stage,
            rows: self.rows,
            bytes: self.bytes_before + bytes_here,
            bytes_total: self.bytes_total,
        });
    }
}

/// A column that a reader wants, found once in the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    index: Option<usize>,
}

impl Column {
    pub(crate) fn exists(self) -> bool {
        self.index.is_some()
    }
}

/// The header of a file: lower-case names to positions.
pub(crate) struct Header<'f> {
    file: &'f str,
    columns: BTreeMap<String, usize>,
}

impl Header<'_> {
    /// A column that may be missing.
    pub(crate) fn optional(&self, name: &'static str) -> Column {
        Column {
            name,
            index: self.columns.get(&name.to_ascii_lowercase()).copied(),
        }
    }

    /// A column that must be there: its absence is a problem on line 1.
    pub(crate) fn required(&self, name: &'static str, problems: &mut Problems) -> Column {
        let column = self.optional(name);
        if column.index.is_none() {
            problems.push(
                self.file,
                1,
                name,
                format!("the column {name} is missing: add it to the header row"),
            );
        }
        column
    }
}

/// One row, read through columns.
pub(crate) struct Row<'r> {
    file: &'r Arc<str>,
    pub(crate) line: u64,
    record: &'r csv::StringRecord,
}

impl<'r> Row<'r> {
    /// Where the row stands.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            file: Arc::clone(self.file),
            line: self.line,
        }
    }

    /// The field without surrounding blanks; empty where the column is missing.
    pub(crate) fn get(&self, column: Column) -> &'r str {
        column
            .index
            .and_then(|index| self.record.get(index))
            .map_or("", str::trim)
    }

    /// Reports a problem in this row.
    pub(crate) fn wrong(
        &self,
        column: Column,
        problems: &mut Problems,
        message: impl Into<String>,
    ) {
        problems.push(self.file, self.line, column.name, message);
    }

    /// A field that must not be empty.
    pub(crate) fn needed(&self, column: Column, problems: &mut Problems) -> Option<&'r str> {
        let text = self.get(column);
        if text.is_empty() {
            if column.exists() {
                self.wrong(
                    column,
                    problems,
                    "this field is empty: it must have a value",
                );
            }
            return None;
        }
        Some(text)
    }

    /// A name or id: not empty, at most 200 characters, no control characters.
    pub(crate) fn label(&self, column: Column, problems: &mut Problems) -> Option<&'r str> {
        let text = self.needed(column, problems)?;
        if text.chars().count() > 200 || text.chars().any(char::is_control) {
            self.wrong(
                column,
                problems,
                format!(
                    "{} is too long (200 characters at most) or holds control characters",
                    quoted(text)
                ),
            );
            return None;
        }
        Some(text)
    }

    /// A day, `2026-09-01`, or nothing.
    pub(crate) fn day(&self, column: Column, problems: &mut Problems) -> Option<Date> {
        let text = self.get(column);
        if text.is_empty() {
            return None;
        }
        let day = text.get(..10).unwrap_or(text).parse().ok();
        if day.is_none() {
            self.wrong(
                column,
                problems,
                format!("{} is not a date: write it as 2026-09-01", quoted(text)),
            );
        }
        day
    }

    /// The year group in a list of grades: the first that names one.
    pub(crate) fn year(&self, column: Column, problems: &mut Problems) -> Option<YearGroup> {
        let text = self.get(column);
        let first = split_list(text).next()?;
        match first.parse() {
            Ok(year) => Some(year),
            Err(error) => {
                self.wrong(column, problems, format!("{error}"));
                None
            }
        }
    }
}

/// Items of a list field, separated by commas or semicolons.
pub(crate) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';'])
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// Reads one file: `start` looks up columns in the header, `each` gets every row.
/// Returns false where the file could not be read at all.
pub(crate) fn read_rows<C>(
    file: &str,
    bytes: &[u8],
    reading: &mut Reading<'_>,
    problems: &mut Problems,
    start: impl FnOnce(&Header<'_>, &mut Problems) -> C,
    mut each: impl FnMut(&Row<'_>, &C, &mut Problems),
) -> bool {
    let name: Arc<str> = file.into();
    let Some(text) = as_text(file, bytes, problems) else {
        return false;
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let Some(header) = read_header(file, &mut reader, &mut record, problems) else {
        return false;
    };
    let width = record.len();
    let columns = start(&header, problems);
    let mut rows_here = 0_u64;
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                problems.push(
                    file,
                    line,
                    "",
                    format!("this line cannot be read as CSV: {error}"),
                );
                break;
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        rows_here += 1;
        reading.rows += 1;
        if rows_here > reading.limits.rows_max {
            problems.push(
                file,
                line,
                "",
                format!(
                    "more than {} rows: refused; split the file",
                    reading.limits.rows_max
                ),
            );
            break;
        }
        if reading.rows.is_multiple_of(PROGRESS_EVERY) {
            let here = reader.position().byte();
            reading.tell(file, here);
        }
        if !fits(file, line, &record, width, reading.limits, problems) {
            continue;
        }
        each(
            &Row {
                file: &name,
                line,
                record: &record,
            },
            &columns,
            problems,
        );
    }
    reading.bytes_before += bytes.len() as u64;
    reading.tell(file, 0);
    true
}

fn fits(
    file: &str,
    line: u64,
    record: &csv::StringRecord,
    width: usize,
    limits: &Limits,
    problems: &mut Problems,
) -> bool {
    if record
        .iter()
        .any(|field| field.len() > limits.field_bytes_max)
    {
        problems.push(
            file,
            line,
            "",
            format!(
                "a field holds more than {} bytes: look for a quotation mark that is never closed",
                limits.field_bytes_max
            ),
        );
        return false;
    }
    if record.len() != width {
        problems.push(
            file,
            line,
            "",
            format!("{} fields where the header has {width}: look for a missing comma or quotation mark", record.len()),
        );
        return false;
    }
    true
}

fn read_header<'f>(
    file: &'f str,
    reader: &mut csv::Reader<&[u8]>,
    record: &mut csv::StringRecord,
    problems: &mut Problems,
) -> Option<Header<'f>> {
    if !matches!(reader.read_record(record), Ok(true)) {
        problems.push(
            file,
            1,
            "",
            "the file is empty: the first line must hold the column names",
        );
        return None;
    }
    if record.len() == 1 && record.get(0).is_some_and(|only| only.contains([';', '\t'])) {
        problems.push(
            file,
            1,
            "",
            "columns are separated by semicolons or tabs: save the file with commas",
        );
        return None;
    }
    let mut columns = BTreeMap::new();
    for (index, name) in record.iter().enumerate() {
        let name = name.trim().to_ascii_lowercase();
        if !name.is_empty() && columns.insert(name.clone(), index).is_some() {
            problems.push(
                file,
                1,
                &name.chars().take(60).collect::<String>(),
                "this column appears twice: keep one",
            );
        }
    }
    Some(Header { file, columns })
}

/// The text of a file: UTF-8, with or without a byte order mark.
fn as_text<'b>(file: &str, bytes: &'b [u8], problems: &mut Problems) -> Option<&'b str> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        problems.push(file, 0, "", "the file is UTF-16: save it as \"CSV UTF-8\"");
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
            problems.push(file, line, "", "a letter here is not UTF-8 (the file looks like Windows-1252): save it as \"CSV UTF-8\"");
            None
        }
    }
}
