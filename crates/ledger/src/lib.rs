//! The hash chain of audit entries and its check.
