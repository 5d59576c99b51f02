//! Concerns, cases and procedures as state machines over entries that only grow.
