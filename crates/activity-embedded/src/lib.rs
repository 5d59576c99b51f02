//! Activity events in Parquet segments with a crash-safe head.
