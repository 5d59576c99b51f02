//! Writing a segment: sorted by person and time, compressed, with statistics and bloom filters.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Builder, StringBuilder, StringDictionaryBuilder, TimestampMillisecondBuilder,
};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use pharos_activity::Stored;
use pharos_school::Who;

use super::SegmentError;
use super::columns::{Column, SCHEMA};
use crate::codec;
use crate::disk;

/// Writes the events aside, syncs and renames; gives the file's size. Sorts `events`.
pub(crate) fn write(
    path: &Path,
    events: &mut [&Stored],
    row_group: usize,
) -> Result<u64, SegmentError> {
    events
        .sort_unstable_by_key(|stored| (stored.event.who.person(), stored.event.at, stored.number));
    let aside = path.with_added_extension("tmp");
    let result = write_aside(&aside, events, row_group).and_then(|size| {
        fs::rename(&aside, path)?;
        disk::sync_parent(path)?;
        Ok(size)
    });
    if result.is_err() {
        // Best effort: a full disk should not also keep half a file; start-up removes it too.
        let _ = disk::remove(&aside);
    }
    result
}

fn write_aside(aside: &Path, events: &[&Stored], row_group: usize) -> Result<u64, SegmentError> {
    let file = disk::private(aside)?;
    let handle = file.try_clone()?;
    let buffered = io::BufWriter::with_capacity(1 << 18, file);
    let mut writer = ArrowWriter::try_new(
        buffered,
        Arc::clone(&SCHEMA),
        Some(properties(events, row_group)?),
    )?;
    for rows in events.chunks(row_group.max(1)) {
        writer.write(&batch(rows)?)?;
    }
    let buffered = writer.into_inner()?;
    buffered
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    handle.sync_all()?;
    Ok(handle.metadata()?.len())
}

fn properties(events: &[&Stored], row_group: usize) -> Result<WriterProperties, SegmentError> {
    let column = |column: Column| ColumnPath::from(column.name());
    let people: HashSet<_> = events
        .iter()
        .filter_map(|stored| stored.event.who.person())
        .collect();
    let hosts: HashSet<_> = events.iter().map(|stored| &stored.event.host).collect();
    let ascending = |column: Column| SortingColumn {
        column_idx: column.index() as i32,
        descending: false,
        nulls_first: true,
    };
    let mut properties = WriterProperties::builder()
        .set_created_by("pharos".into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(6)?))
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
        .set_column_bloom_filter_max_ndv(column(Column::Person), people.len().max(1) as u64)
        .set_column_bloom_filter_enabled(column(Column::Host), true)
        .set_column_bloom_filter_max_ndv(column(Column::Host), hosts.len().max(1) as u64);
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

type Words = StringDictionaryBuilder<Int32Type>;

fn batch(rows: &[&Stored]) -> Result<RecordBatch, SegmentError> {
    let arrays = Column::ALL
        .into_iter()
        .map(|column| array(column, rows))
        .collect();
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), arrays)?)
}

fn array(column: Column, rows: &[&Stored]) -> ArrayRef {
    match column {
        Column::At => times(rows),
        Column::Number => numbers(rows, |stored| stored.number),
        Column::PolicyVersion => numbers(rows, |stored| stored.event.policy_version),
        Column::CatalogueVersion => numbers(rows, |stored| stored.event.catalogue_version),
        Column::BytesUp => numbers(rows, |stored| stored.event.bytes_up),
        Column::BytesDown => numbers(rows, |stored| stored.event.bytes_down),
        Column::Path => texts(rows, |stored| stored.event.path.as_deref()),
        Column::Search => texts(rows, |stored| stored.event.search.as_deref()),
        _ => words(column, rows),
    }
}

fn times(rows: &[&Stored]) -> ArrayRef {
    let mut builder = TimestampMillisecondBuilder::with_capacity(rows.len()).with_timezone("UTC");
    for stored in rows {
        builder.append_value(stored.event.at.as_millisecond());
    }
    Arc::new(builder.finish())
}

fn numbers(rows: &[&Stored], value: impl Fn(&Stored) -> u64) -> ArrayRef {
    let mut builder = Int64Builder::with_capacity(rows.len());
    for stored in rows {
        builder.append_value(value(stored).cast_signed());
    }
    Arc::new(builder.finish())
}

fn texts(rows: &[&Stored], value: impl Fn(&Stored) -> Option<&str>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for stored in rows {
        builder.append_option(value(stored));
    }
    Arc::new(builder.finish())
}

fn words(column: Column, rows: &[&Stored]) -> ArrayRef {
    let mut builder = Words::new();
    let mut scratch = String::new();
    for stored in rows {
        builder.append_option(word(column, stored, &mut scratch));
    }
    Arc::new(builder.finish())
}

/// The text of a column that repeats its values.
fn word<'a>(column: Column, stored: &'a Stored, scratch: &'a mut String) -> Option<&'a str> {
    let event = &stored.event;
    match column {
        Column::Person => written(scratch, event.who.person()?),
        Column::Device => return event.who.device().map(|device| &**device),
        Column::Group => return event.group.as_deref(),
        Column::Address => written(scratch, event.address),
        Column::Face => return Some(event.face.name()),
        Column::Host => return Some(&event.host),
        Column::Action => return Some(event.action),
        Column::Rule => return Some(&event.rule),
        Column::Categories => codec::joined(&event.categories, scratch),
        Column::Sealed => return event.sealed.as_deref(),
        Column::Source => return identity(&event.who).0,
        Column::Confidence => return identity(&event.who).1,
        Column::Unknown => return identity(&event.who).2,
        _ => return None,
    }
    Some(scratch)
}

fn written(scratch: &mut String, value: impl std::fmt::Display) {
    use std::fmt::Write as _;
    scratch.clear();
    // Writing into a String cannot fail.
    let _ = write!(scratch, "{value}");
}

fn identity(
    who: &Who,
) -> (
    Option<&'static str>,
    Option<&'static str>,
    Option<&'static str>,
) {
    match who {
        Who::Known {
            source, confidence, ..
        } => (Some(source.name()), Some(confidence.name()), None),
        Who::Unknown { why, .. } => (None, None, Some(why.name())),
    }
}
