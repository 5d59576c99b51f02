//! A query as conditions on columns, so that only the columns asked about are read first.

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMillisecondType};
use arrow::record_batch::RecordBatch;
use jiff::Timestamp;
use pharos_activity::{Cursor, Query, contains};

use super::SegmentError;
use super::columns::Column;
use crate::codec::SEPARATOR;

/// Conditions on time and texts, as the columns hold them.
#[derive(Debug, Clone)]
pub(crate) struct Narrow {
    from: i64,
    to: i64,
    before: Option<(i64, u64)>,
    /// The person's id as the column has it.
    pub(super) person: Option<String>,
    words: Vec<(Column, Words)>,
}

#[derive(Debug, Clone)]
enum Words {
    Is(Vec<String>),
    Contains(String),
    AnyPart(Vec<String>),
    Present,
}

impl Words {
    fn holds(&self, text: &str) -> bool {
        match self {
            Words::Is(any) => any.iter().any(|one| one == text),
            Words::Contains(part) => contains(text, part),
            Words::AnyPart(any) => text
                .split(SEPARATOR)
                .any(|have| any.iter().any(|want| want == have)),
            Words::Present => true,
        }
    }
}

/// The first millisecond not before `time`.
fn ceiling(time: Timestamp) -> i64 {
    let down = time.as_nanosecond().div_euclid(1_000_000) as i64;
    down + i64::from(i128::from(down) * 1_000_000 < time.as_nanosecond())
}

impl Narrow {
    pub(crate) fn new(query: &Query, after: Option<Cursor>) -> Self {
        let mut words = Vec::new();
        let mut need = |column, condition| words.push((column, condition));
        let texts =
            |list: &[Box<str>]| list.iter().map(|text| text.to_string()).collect::<Vec<_>>();
        if let Some(device) = &query.device {
            need(Column::Device, Words::Is(vec![device.to_string()]));
        }
        if let Some(address) = query.address {
            need(Column::Address, Words::Is(vec![address.to_string()]));
        }
        if !query.actions.is_empty() {
            need(Column::Action, Words::Is(texts(&query.actions)));
        }
        if !query.faces.is_empty() {
            need(
                Column::Face,
                Words::Is(
                    query
                        .faces
                        .iter()
                        .map(|face| face.name().to_owned())
                        .collect(),
                ),
            );
        }
        if !query.categories.is_empty() {
            need(Column::Categories, Words::AnyPart(texts(&query.categories)));
        }
        if let Some(host) = &query.host {
            need(Column::Host, Words::Contains(host.to_string()));
        }
        if let Some(search) = &query.search {
            need(Column::Search, Words::Contains(search.to_string()));
        } else if query.only_searches {
            need(Column::Search, Words::Present);
        }
        if query.only_sealed {
            need(Column::Sealed, Words::Present);
        }
        Self {
            from: query.from.map_or(i64::MIN, ceiling),
            to: query.to.map_or(i64::MAX, ceiling),
            before: after.map(|cursor| (cursor.at.as_millisecond(), cursor.number)),
            person: query.person.map(|person| person.to_string()),
            words,
        }
    }

    /// Whether anything between these times can match.
    pub(crate) fn overlaps(&self, oldest: i64, newest: i64) -> bool {
        newest >= self.from && oldest < self.to && self.before.is_none_or(|(at, _)| oldest <= at)
    }

    /// The columns read to decide.
    pub(super) fn columns(&self) -> Vec<usize> {
        let mut columns = vec![Column::At.index(), Column::Number.index()];
        if self.person.is_some() {
            columns.push(Column::Person.index());
        }
        columns.extend(self.words.iter().map(|(column, _)| column.index()));
        columns
    }

    /// Calls `each` with place, time and number of every row of the batch that matches.
    pub(super) fn rows(
        &self,
        batch: &RecordBatch,
        mut each: impl FnMut(usize, i64, u64),
    ) -> Result<(), SegmentError> {
        let at = column(batch, Column::At)?
            .as_primitive_opt::<TimestampMillisecondType>()
            .ok_or(SegmentError::Column("at"))?
            .values();
        let number = column(batch, Column::Number)?
            .as_primitive_opt::<Int64Type>()
            .ok_or(SegmentError::Column("number"))?
            .values();
        let mut yes: Vec<bool> = at
            .iter()
            .zip(number)
            .map(|(at, number)| {
                *at >= self.from
                    && *at < self.to
                    && self
                        .before
                        .is_none_or(|place| (*at, number.cast_unsigned()) < place)
            })
            .collect();
        if let Some(person) = &self.person {
            keep(
                &mut yes,
                column(batch, Column::Person)?,
                &|text| text == person,
                Column::Person,
            )?;
        }
        for (wanted, condition) in &self.words {
            keep(
                &mut yes,
                column(batch, *wanted)?,
                &|text| condition.holds(text),
                *wanted,
            )?;
        }
        for (row, _) in yes.iter().enumerate().filter(|(_, yes)| **yes) {
            each(row, at[row], number[row].cast_unsigned());
        }
        Ok(())
    }
}

fn column(batch: &RecordBatch, column: Column) -> Result<&dyn Array, SegmentError> {
    let array = batch
        .column_by_name(column.name())
        .ok_or(SegmentError::Column(column.name()))?;
    Ok(array.as_ref())
}

/// Clears `yes` where the text of the row does not hold. A dictionary's values are asked once.
fn keep(
    yes: &mut [bool],
    array: &dyn Array,
    holds: &dyn Fn(&str) -> bool,
    named: Column,
) -> Result<(), SegmentError> {
    let wrong = || SegmentError::Column(named.name());
    if let Some(texts) = array.as_string_opt::<i32>() {
        for (row, yes) in yes.iter_mut().enumerate() {
            *yes = *yes && texts.is_valid(row) && holds(texts.value(row));
        }
        return Ok(());
    }
    let dictionary = array.as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
    let values: &StringArray = dictionary.values().as_string_opt().ok_or_else(wrong)?;
    let good: Vec<bool> = values
        .iter()
        .map(|value| value.is_some_and(holds))
        .collect();
    for (row, yes) in yes.iter_mut().enumerate() {
        *yes = *yes
            && dictionary
                .key(row)
                .is_some_and(|key| good.get(key).copied().unwrap_or(false));
    }
    Ok(())
}
