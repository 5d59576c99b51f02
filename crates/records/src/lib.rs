//! Storage port for records: traits, rows and errors; no SQL.
