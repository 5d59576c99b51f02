//! Reading a segment in two steps: first the few columns that decide, then whole rows of the
//! winners only.

use std::fs::File;
use std::path::Path;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use pharos_activity::Stored;

use super::columns::{Column, SCHEMA};
use super::{Narrow, SegmentError, rows};
use crate::codec::Shared;

/// Where a row stands in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) group: usize,
    pub(crate) row: usize,
}

/// A segment file open for reading; it stays readable when the file is removed meanwhile.
pub(crate) struct Open {
    file: File,
    metadata: ArrowReaderMetadata,
}

impl Open {
    /// Opens the file and checks that it is a segment.
    pub(crate) fn at(path: &Path) -> Result<Self, SegmentError> {
        let file = File::open(path)?;
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        if metadata.schema().fields() != SCHEMA.fields() {
            return Err(SegmentError::Column("list"));
        }
        Ok(Self { file, metadata })
    }

    fn builder(&self, group: usize) -> Result<ParquetRecordBatchReaderBuilder<File>, SegmentError> {
        let file = self.file.try_clone()?;
        Ok(
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(vec![group])
                .with_batch_size(1 << 16),
        )
    }

    /// Calls `each` with time, number and place of every row that matches.
    pub(crate) fn matching(
        &self,
        narrow: &Narrow,
        mut each: impl FnMut(i64, u64, Place),
    ) -> Result<(), SegmentError> {
        let groups = self.metadata.metadata().row_groups();
        let mask = ProjectionMask::leaves(self.metadata.parquet_schema(), narrow.columns());
        for (group, facts) in groups.iter().enumerate() {
            if !self.may_hold(narrow, group, facts)? {
                continue;
            }
            let reader = self.builder(group)?.with_projection(mask.clone()).build()?;
            let mut first = 0;
            for batch in reader {
                let batch = batch?;
                narrow.rows(&batch, |row, at, number| {
                    each(
                        at,
                        number,
                        Place {
                            group,
                            row: first + row,
                        },
                    )
                })?;
                first += batch.num_rows();
            }
        }
        Ok(())
    }

    /// Whether statistics and bloom filter leave room for a match in this row group.
    fn may_hold(
        &self,
        narrow: &Narrow,
        group: usize,
        facts: &RowGroupMetaData,
    ) -> Result<bool, SegmentError> {
        if let Some(Statistics::Int64(times)) = facts.column(Column::At.index()).statistics()
            && let (Some(oldest), Some(newest)) = (times.min_opt(), times.max_opt())
            && !narrow.overlaps(*oldest, *newest)
        {
            return Ok(false);
        }
        let Some(person) = &narrow.person else {
            return Ok(true);
        };
        if let Some(people) = facts.column(Column::Person.index()).statistics() {
            if people.null_count_opt() == Some(facts.num_rows().max(0).cast_unsigned()) {
                return Ok(false);
            }
            if let (Some(first), Some(last)) = (people.min_bytes_opt(), people.max_bytes_opt())
                && !(first <= person.as_bytes() && person.as_bytes() <= last)
            {
                return Ok(false);
            }
        }
        let bloom = self
            .builder(group)?
            .get_row_group_column_bloom_filter(group, Column::Person.index())?;
        Ok(bloom.is_none_or(|bloom| bloom.check(person.as_str())))
    }

    /// The whole events at these places, in file order.
    pub(crate) fn fetch(
        &self,
        mut places: Vec<Place>,
        shared: &mut Shared,
    ) -> Result<Vec<Stored>, SegmentError> {
        places.sort_unstable();
        let mut events = Vec::with_capacity(places.len());
        for chunk in places.chunk_by(|a, b| a.group == b.group) {
            let Some(group) = chunk.first().map(|place| place.group) else {
                continue;
            };
            let rows = self.metadata.metadata().row_group(group).num_rows().max(0) as usize;
            let ranges = chunk.iter().map(|place| place.row..place.row + 1);
            let selection = RowSelection::from_consecutive_ranges(ranges, rows);
            for batch in self.builder(group)?.with_row_selection(selection).build()? {
                rows::events(&batch?, shared, &mut events)?;
            }
        }
        Ok(events)
    }

    /// Every event, row group by row group.
    pub(crate) fn each_group(
        &self,
        shared: &mut Shared,
        mut each: impl FnMut(Vec<Stored>),
    ) -> Result<(), SegmentError> {
        for group in 0..self.metadata.metadata().num_row_groups() {
            let mut events = Vec::new();
            for batch in self.builder(group)?.build()? {
                rows::events(&batch?, shared, &mut events)?;
            }
            each(events);
        }
        Ok(())
    }

    /// How many row groups there are.
    pub(crate) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// What was asked for in one row group, batch by batch.
    pub(crate) fn visits(
        &self,
        group: usize,
        each: &mut dyn FnMut(&super::Visits),
    ) -> Result<(), SegmentError> {
        let columns = super::Visits::COLUMNS.map(Column::index);
        let mask = ProjectionMask::leaves(self.metadata.parquet_schema(), columns);
        for batch in self.builder(group)?.with_projection(mask).build()? {
            each(&super::Visits::of(&batch?)?);
        }
        Ok(())
    }
}
