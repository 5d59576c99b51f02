//! Sizes and bounds of the engine.

use std::time::Duration;

/// Sizes and bounds; the defaults suit a school of 1,500 people on a small machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Events waiting for the writer thread; beyond it they go to the spool. About 350 bytes each.
    pub queue: usize,
    /// Most bytes of the spool file; beyond it events are dropped and counted.
    pub spool_bytes: u64,
    /// How often the head is synced to disk at most: what a power cut may lose.
    pub sync_every: Duration,
    /// A head with this many events is sealed into a segment. Its log, about 120 bytes an event, is
    /// held in memory while it is.
    pub seal_events: usize,
    /// A head whose events span this much time is sealed into a segment.
    pub seal_span: Duration,
    /// Rows of one row group of a segment.
    pub row_group: usize,
    /// Heads that may wait for sealing (say, on a full disk) before the queue is held back.
    pub waiting_heads: usize,
    /// Searches that may run at one time; others wait.
    pub searches: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue: 16_384,
            spool_bytes: 64 << 20,
            sync_every: Duration::from_millis(500),
            seal_events: 131_072,
            seal_span: Duration::from_secs(24 * 3600),
            row_group: 65_536,
            waiting_heads: 4,
            searches: 2,
        }
    }
}
