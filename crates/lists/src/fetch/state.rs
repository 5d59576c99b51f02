//! What is remembered between fetches: when the next one is due, and by what the publisher tells
//! versions apart. Kept in `lists/fetch.json`; without it everything is fetched anew, and no more.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::FetchStatus;
use super::http::Validators;
use crate::disk;
use crate::error::ListsError;

/// The wait after a first failure; it doubles with each further one.
const RETRY_FIRST: SignedDuration = SignedDuration::from_mins(10);
/// The longest wait after a failure, unless the list's own interval is shorter.
const RETRY_MAX: SignedDuration = SignedDuration::from_hours(6);

/// What is remembered of one list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Where it came from: another address begins anew.
    pub(super) url: String,
    pub(super) validators: Validators,
    /// What was asked of what came: the validators hold for that alone.
    pub(super) terms: String,
    /// Failures since the last success.
    pub(super) failures: u32,
    /// Not before this.
    pub(super) next: Option<Timestamp>,
    /// When the publisher last answered with something usable, be it "as it was".
    pub(super) last_good: Option<Timestamp>,
    /// What went wrong last.
    pub(super) trouble: Option<String>,
}

impl Memory {
    /// How fetching goes, under the name that people know.
    pub(super) fn status(self, list: String, sealed: bool) -> FetchStatus {
        FetchStatus {
            list,
            sealed,
            url: self.url,
            next: self.next,
            last_good: self.last_good,
            failures: self.failures,
            trouble: self.trouble,
        }
    }

    pub(super) fn succeeded(
        &mut self,
        validators: Validators,
        every: SignedDuration,
        now: Timestamp,
        chance: u64,
    ) {
        self.validators = validators;
        self.failures = 0;
        self.trouble = None;
        self.last_good = Some(now);
        self.next = Some(soon(now, every, chance));
    }

    pub(super) fn failed(
        &mut self,
        trouble: String,
        every: SignedDuration,
        now: Timestamp,
        chance: u64,
    ) {
        let doublings = self.failures.min(10);
        let wait = RETRY_FIRST
            .checked_mul(1 << doublings)
            .unwrap_or(RETRY_MAX)
            .min(RETRY_MAX)
            .min(every);
        self.failures = self.failures.saturating_add(1);
        self.trouble = Some(trouble);
        self.next = Some(soon(now, wait, chance));
    }
}

/// A time about `wait` from now, never later: up to a fifth sooner, so that not every school in the
/// country asks in the same second. `chance` is random.
fn soon(now: Timestamp, wait: SignedDuration, chance: u64) -> Timestamp {
    let whole = u64::try_from(wait.as_millis()).unwrap_or(0);
    let sooner = chance % (whole / 5 + 1);
    let wait = i64::try_from(whole - sooner).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_millis(wait))
        .unwrap_or(Timestamp::MAX)
}

/// Everything that is remembered, by list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book(pub(super) BTreeMap<String, Memory>);

impl Book {
    /// What cannot be read is begun anew.
    pub(super) fn read(path: &Path) -> Self {
        fs::read(path)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), ListsError> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        disk::replace(path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-04: after a failure it is tried again soon, then less often, never at the same second everywhere.
    #[test]
    fn fil_04_failures_wait_longer_each_time_and_never_past_the_interval() {
        let now: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let day = SignedDuration::from_hours(24);
        let mut memory = Memory::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            memory.failed("it is gone".into(), day, now, 0);
            waits.push(memory.next.unwrap().duration_since(now).as_mins());
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 360, 360]);
        memory.failed("it is gone".into(), SignedDuration::from_hours(1), now, 0);
        assert_eq!(memory.next.unwrap().duration_since(now).as_mins(), 60);
        memory.succeeded(Validators::default(), day, now, u64::MAX);
        let wait = memory.next.unwrap().duration_since(now);
        assert!(wait <= day && wait >= day * 4 / 5, "{wait:#}");
        assert_eq!((memory.failures, memory.trouble), (0, None));
    }
}
