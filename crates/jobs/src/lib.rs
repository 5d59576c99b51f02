//! Schedules and notices.
