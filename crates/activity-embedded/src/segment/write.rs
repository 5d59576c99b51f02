//! Writing a segment: sorted by person and time, compressed, with statistics and bloom filters.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::columns::{Column, SCHEMA};
use super::words::Words;
use super::{Rows, SegmentError};
use crate::codec::{Identity, Row};
use crate::disk;
use crate::rollup::{Counting, Rollup};
use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// How hard it is packed: beyond this level the file grows hardly smaller and takes far longer.
const LEVEL: i32 = 3;
/// Rows made into columns at once; a row group takes many such batches.
const BATCH: usize = 8_192;

/// What was written.
pub(crate) struct Written {
    /// The file's size.
    pub(crate) bytes: u64,
    /// The hourly counts of its events.
    pub(crate) rollup: Rollup,
}

/// Writes the events aside, syncs and renames.
pub(crate) fn write<'a, F>(
    path: &Path,
    mut rows: Rows<'a, F>,
    row_group: usize,
) -> Result<Written, SegmentError>
where
    F: Fn(usize) -> Option<Row<'a>>,
{
    rows.sort();
    let aside = path.with_added_extension("tmp");
    let result = write_aside(&aside, &rows, row_group).and_then(|written| {
        fs::rename(&aside, path)?;
        disk::sync_parent(path)?;
        Ok(written)
    });
    if result.is_err() {
        // Best effort: a full disk should not also keep half a file; start-up removes it too.
        let _ = disk::remove(&aside);
    }
    result
}

fn write_aside<'a, F>(
    aside: &Path,
    rows: &Rows<'a, F>,
    row_group: usize,
) -> Result<Written, SegmentError>
where
    F: Fn(usize) -> Option<Row<'a>>,
{
    let file = disk::private(aside)?;
    let handle = file.try_clone()?;
    let buffered = io::BufWriter::with_capacity(1 << 18, file);
    let properties = properties(rows, row_group)?;
    let mut writer = ArrowWriter::try_new(buffered, Arc::clone(&SCHEMA), Some(properties))?;
    let mut counting = Counting::default();
    for rows in rows.batches(BATCH.min(row_group)) {
        rows.iter().for_each(|row| counting.add(row));
        writer.write(&batch(&rows)?)?;
    }
    let buffered = writer.into_inner()?;
    buffered
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    handle.sync_all()?;
    Ok(Written {
        bytes: handle.metadata()?.len(),
        rollup: counting.done(),
    })
}

fn properties<'a, F>(rows: &Rows<'a, F>, row_group: usize) -> Result<WriterProperties, SegmentError>
where
    F: Fn(usize) -> Option<Row<'a>>,
{
    let column = |column: Column| ColumnPath::from(column.name());
    let (people, hosts) = rows
        .facts()
        .map_or((0, 0), |facts| (facts.people, facts.hosts));
    let ascending = |column: Column| SortingColumn {
        column_idx: column.index() as i32,
        descending: false,
        nulls_first: true,
    };
    let mut properties = WriterProperties::builder()
        .set_created_by("pharos".into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_max_row_group_row_count(Some(row_group))
        .set_data_page_row_count_limit(row_group / 8)
        .set_dictionary_page_size_limit(4 << 20)
        .set_data_page_size_limit(1 << 20)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_statistics_enabled(column(Column::Person), EnabledStatistics::Page)
        .set_column_statistics_enabled(column(Column::At), EnabledStatistics::Page)
        .set_sorting_columns(Some(
            [Column::Person, Column::At, Column::Number]
                .map(ascending)
                .to_vec(),
        ))
        .set_column_dictionary_enabled(column(Column::Path), false)
        .set_column_encoding(column(Column::Path), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .set_column_dictionary_enabled(column(Column::Search), false)
        .set_column_encoding(column(Column::Search), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .set_column_bloom_filter_enabled(column(Column::Person), true)
        .set_column_bloom_filter_max_ndv(column(Column::Person), people.max(1) as u64)
        .set_column_bloom_filter_enabled(column(Column::Host), true)
        .set_column_bloom_filter_max_ndv(column(Column::Host), hosts.max(1) as u64);
    for delta in [
        Column::At,
        Column::Number,
        Column::BytesUp,
        Column::BytesDown,
    ] {
        properties = properties
            .set_column_dictionary_enabled(column(delta), false)
            .set_column_encoding(column(delta), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(properties.build())
}

fn batch(rows: &[Row<'_>]) -> Result<RecordBatch, SegmentError> {
    let arrays = Column::ALL.into_iter().map(|column| array(column, rows));
    let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), arrays)?)
}

fn array(column: Column, rows: &[Row<'_>]) -> Result<ArrayRef, SegmentError> {
    Ok(match column {
        Column::At => times(rows),
        Column::Number => numbers(rows, |row| row.number),
        Column::PolicyVersion => numbers(rows, |row| row.policy_version),
        Column::CatalogueVersion => numbers(rows, |row| row.catalogue_version),
        Column::BytesUp => numbers(rows, |row| row.bytes_up),
        Column::BytesDown => numbers(rows, |row| row.bytes_down),
        Column::Path => Arc::new(StringArray::from_iter(rows.iter().map(|row| row.path))),
        Column::Search => Arc::new(StringArray::from_iter(rows.iter().map(|row| row.search))),
        Column::Person => written(
            rows,
            |row| row.identity.person(),
            |person, out| {
                write_to(out, person);
            },
        )?,
        Column::Address => written(
            rows,
            |row| Some(row.address),
            |address, out| {
                write_to(out, address);
            },
        )?,
        Column::Categories => joined(rows)?,
        _ => {
            // Hosts may all be different; of everything else there are a few.
            let room = if column == Column::Host {
                rows.len()
            } else {
                0
            };
            let mut words = Words::with_room(room);
            rows.iter().for_each(|row| words.add(word(column, row)));
            words.array()?
        }
    })
}

fn times(rows: &[Row<'_>]) -> ArrayRef {
    let times = rows.iter().map(|row| row.at_ms);
    Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
}

fn numbers(rows: &[Row<'_>], value: impl Fn(&Row<'_>) -> u64) -> ArrayRef {
    let values = rows.iter().map(|row| value(row).cast_signed());
    Arc::new(Int64Array::from_iter_values(values))
}

/// Values that are written out as text, each once for as long as it repeats.
fn written<T: Copy + PartialEq>(
    rows: &[Row<'_>],
    value: impl Fn(&Row<'_>) -> Option<T>,
    write: impl Fn(T, &mut String),
) -> Result<ArrayRef, SegmentError> {
    let (mut texts, mut which, mut last) = (Vec::<String>::new(), Vec::new(), None);
    for row in rows {
        let value = value(row);
        if let Some(value) = value
            && last != Some(value)
        {
            let mut text = String::new();
            write(value, &mut text);
            texts.push(text);
            last = Some(value);
        }
        which.push(value.map(|_| texts.len() - 1));
    }
    let mut words = Words::default();
    for place in which {
        words.add(place.and_then(|place| texts.get(place)).map(String::as_str));
    }
    words.array()
}

fn joined(rows: &[Row<'_>]) -> Result<ArrayRef, SegmentError> {
    let (mut texts, mut which, mut scratch) = (Vec::<String>::new(), Vec::new(), String::new());
    for row in rows {
        row.categories.join(&mut scratch);
        if texts.last() != Some(&scratch) {
            texts.push(scratch.clone());
        }
        which.push(texts.len() - 1);
    }
    let mut words = Words::default();
    for place in which {
        words.add(texts.get(place).map(String::as_str));
    }
    words.array()
}

/// The text of a column that repeats its values.
fn word<'a>(column: Column, row: &Row<'a>) -> Option<&'a str> {
    let (source, confidence, unknown) = match row.identity {
        Identity::Known {
            source, confidence, ..
        } => (Some(source), Some(confidence), None),
        Identity::Unknown(why) => (None, None, Some(why)),
    };
    match column {
        Column::Device => row.device,
        Column::Group => row.group,
        Column::Face => Some(row.face),
        Column::Host => Some(row.host),
        Column::Action => Some(row.action),
        Column::Rule => Some(row.rule),
        Column::Sealed => row.sealed,
        Column::Source => source,
        Column::Confidence => confidence,
        Column::Unknown => unknown,
        _ => None,
    }
}

fn write_to(out: &mut String, value: impl std::fmt::Display) {
    use std::fmt::Write as _;
    // Writing into a String cannot fail.
    let _ = write!(out, "{value}");
}
