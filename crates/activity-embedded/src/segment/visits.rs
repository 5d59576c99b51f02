//! The few columns of a segment that say what was asked for.

use std::net::IpAddr;

use arrow::array::{Array, AsArray, DictionaryArray, PrimitiveArray, StringArray};
use arrow::datatypes::{Int32Type, TimestampMillisecondType};
use arrow::record_batch::RecordBatch;
use jiff::Timestamp;
use pharos_activity::Visit;
use pharos_school::{Face, PersonId};

use super::SegmentError;
use super::columns::Column;

/// One batch of visits. People and addresses are read once for each, not once for each row.
pub(crate) struct Visits {
    at: PrimitiveArray<TimestampMillisecondType>,
    person: DictionaryArray<Int32Type>,
    people: Vec<Option<PersonId>>,
    address: DictionaryArray<Int32Type>,
    addresses: Vec<Option<IpAddr>>,
    face: DictionaryArray<Int32Type>,
    host: DictionaryArray<Int32Type>,
    hosts: StringArray,
    path: StringArray,
    sealed: DictionaryArray<Int32Type>,
    shown: Vec<bool>,
}

impl Visits {
    /// The columns, in the order of the file.
    pub(super) const COLUMNS: [Column; 7] = [
        Column::Person,
        Column::At,
        Column::Address,
        Column::Face,
        Column::Host,
        Column::Path,
        Column::Sealed,
    ];

    pub(super) fn of(batch: &RecordBatch) -> Result<Self, SegmentError> {
        let words = |column: Column| -> Result<DictionaryArray<Int32Type>, SegmentError> {
            let array = batch.column_by_name(column.name());
            array
                .and_then(|array| array.as_dictionary_opt::<Int32Type>())
                .cloned()
                .ok_or(SegmentError::Column(column.name()))
        };
        let texts = |array: &DictionaryArray<Int32Type>, column: Column| {
            let values: Option<&StringArray> = array.values().as_string_opt();
            values.cloned().ok_or(SegmentError::Column(column.name()))
        };
        let (person, address) = (words(Column::Person)?, words(Column::Address)?);
        let (face, host) = (words(Column::Face)?, words(Column::Host)?);
        let people = texts(&person, Column::Person)?;
        let addresses = texts(&address, Column::Address)?;
        let own = [Face::Check.name(), Face::Explain.name()];
        let at = batch
            .column_by_name(Column::At.name())
            .and_then(|array| array.as_primitive_opt::<TimestampMillisecondType>())
            .cloned()
            .ok_or(SegmentError::Column(Column::At.name()))?;
        let path: Option<&StringArray> = batch
            .column_by_name(Column::Path.name())
            .and_then(|array| array.as_string_opt());
        Ok(Self {
            at,
            people: people.iter().map(|text| text?.parse().ok()).collect(),
            person,
            addresses: addresses.iter().map(|text| text?.parse().ok()).collect(),
            address,
            shown: texts(&face, Column::Face)?
                .iter()
                .map(|face| face.is_some_and(|face| !own.contains(&face)))
                .collect(),
            face,
            hosts: texts(&host, Column::Host)?,
            host,
            path: path
                .cloned()
                .ok_or(SegmentError::Column(Column::Path.name()))?,
            sealed: words(Column::Sealed)?,
        })
    }

    /// The visits from a time on and before another.
    pub(crate) fn iter(&self, from: i64, to: i64) -> impl Iterator<Item = Visit<'_>> {
        (0..self.at.len()).filter_map(move |row| {
            let at = self.at.value(row);
            if at < from || at >= to || self.sealed.is_valid(row) {
                return None;
            }
            if !self
                .shown
                .get(self.face.key(row)?)
                .copied()
                .unwrap_or(false)
            {
                return None;
            }
            Some(Visit {
                at: Timestamp::from_millisecond(at).ok()?,
                person: self.person.key(row).and_then(|key| *self.people.get(key)?),
                address: (*self.addresses.get(self.address.key(row)?)?)?,
                host: self.hosts.value(self.host.key(row)?),
                path: self.path.is_valid(row).then(|| self.path.value(row)),
            })
        })
    }
}
