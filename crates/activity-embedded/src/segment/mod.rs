//! Sealed segments: Parquet files sorted by person and time, readable by any Parquet tool.
//!
//! Rows of nobody known come first. Categories of one event are one text with the ASCII unit
//! separator (0x1F) between them. Times are UTC to the millisecond.

mod columns;
mod filter;
mod order;
mod read;
mod rows;
mod visits;
mod words;
mod write;

pub(crate) use filter::Narrow;
pub(crate) use order::Rows;
pub(crate) use read::{Open, Place};
pub(crate) use visits::Visits;
pub(crate) use write::write;

/// Why a segment could not be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SegmentError {
    /// The disk.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file or its contents.
    #[error("{0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A column that is missing, of another type, or holds what cannot be.
    #[error("column {0} is not as expected")]
    Column(&'static str),
}

impl From<arrow::error::ArrowError> for SegmentError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Parquet(parquet::errors::ParquetError::ArrowError(error.to_string()))
    }
}

impl SegmentError {
    /// As an I/O error, for where only those are told apart (a full disk, a file gone).
    pub(crate) fn into_io(self) -> std::io::Error {
        match self {
            SegmentError::Io(error) => error,
            // The writer wraps the disk's own errors; find them again.
            SegmentError::Parquet(parquet::errors::ParquetError::External(inner)) => {
                match inner.downcast::<std::io::Error>() {
                    Ok(error) => *error,
                    Err(other) => std::io::Error::other(other),
                }
            }
            other => std::io::Error::other(other),
        }
    }
}
