//! Rows back to events.

use std::net::IpAddr;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMillisecondType};
use arrow::record_batch::RecordBatch;
use jiff::Timestamp;
use pharos_activity::{Event, Stored, action_word};

use super::SegmentError;
use super::columns::Column;
use crate::codec::{Shared, face_named, who_named};

/// Every row of a batch with all columns, as events.
pub(super) fn events(
    batch: &RecordBatch,
    shared: &mut Shared,
    out: &mut Vec<Stored>,
) -> Result<(), SegmentError> {
    for row in 0..batch.num_rows() {
        out.push(event(&Row { batch, row }, shared)?);
    }
    Ok(())
}

struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl Row<'_> {
    fn text(&self, column: Column) -> Result<Option<&str>, SegmentError> {
        let wrong = || SegmentError::Column(column.name());
        let array = self.batch.columns().get(column.index()).ok_or_else(wrong)?;
        if let Some(texts) = array.as_string_opt::<i32>() {
            return Ok(texts.is_valid(self.row).then(|| texts.value(self.row)));
        }
        let dictionary = array.as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
        let values: &StringArray = dictionary.values().as_string_opt().ok_or_else(wrong)?;
        Ok(dictionary.key(self.row).map(|key| values.value(key)))
    }

    fn must(&self, column: Column) -> Result<&str, SegmentError> {
        self.text(column)?
            .ok_or(SegmentError::Column(column.name()))
    }

    fn number(&self, column: Column) -> Result<u64, SegmentError> {
        let wrong = || SegmentError::Column(column.name());
        let array = self.batch.columns().get(column.index()).ok_or_else(wrong)?;
        let values = array.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
        Ok(values.value(self.row).cast_unsigned())
    }

    fn time(&self) -> Result<Timestamp, SegmentError> {
        let wrong = || SegmentError::Column("at");
        let array = self
            .batch
            .columns()
            .get(Column::At.index())
            .ok_or_else(wrong)?;
        let values = array
            .as_primitive_opt::<TimestampMillisecondType>()
            .ok_or_else(wrong)?;
        Timestamp::from_millisecond(values.value(self.row)).map_err(|_| wrong())
    }
}

fn event(row: &Row<'_>, shared: &mut Shared) -> Result<Stored, SegmentError> {
    let wrong = |column: Column| SegmentError::Column(column.name());
    let person = match row.text(Column::Person)? {
        Some(person) => Some(person.parse().map_err(|_| wrong(Column::Person))?),
        None => None,
    };
    let device = row.text(Column::Device)?.map(|device| shared.text(device));
    let or_empty = |column| Ok::<_, SegmentError>(row.text(column)?.unwrap_or_default());
    let who = who_named(
        person,
        or_empty(Column::Source)?,
        or_empty(Column::Confidence)?,
        or_empty(Column::Unknown)?,
        device,
    )
    .ok_or_else(|| wrong(Column::Source))?;
    let event = Event {
        at: row.time()?,
        who,
        group: row.text(Column::Group)?.map(|group| shared.text(group)),
        address: row
            .must(Column::Address)?
            .parse::<IpAddr>()
            .map_err(|_| wrong(Column::Address))?,
        face: face_named(row.must(Column::Face)?).ok_or_else(|| wrong(Column::Face))?,
        host: row.must(Column::Host)?.into(),
        path: row.text(Column::Path)?.map(Box::from),
        action: action_word(row.must(Column::Action)?),
        rule: shared.text(row.must(Column::Rule)?),
        categories: shared.list(row.must(Column::Categories)?),
        policy_version: row.number(Column::PolicyVersion)?,
        catalogue_version: row.number(Column::CatalogueVersion)?,
        search: row.text(Column::Search)?.map(Box::from),
        sealed: row.text(Column::Sealed)?.map(|list| shared.text(list)),
        bytes_up: row.number(Column::BytesUp)?,
        bytes_down: row.number(Column::BytesDown)?,
    };
    Ok(Stored {
        number: row.number(Column::Number)?,
        event,
    })
}
