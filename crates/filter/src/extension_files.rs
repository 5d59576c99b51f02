//! Files of Firefox's store that it led to from the address of an extension which the school installs
//! (FIL-19): their numbers say nothing of what is in them, so that they are decided on as that address.
//!
//! Nothing noted here opens anything by itself: the policy in force decides on the address it came from.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use pharos_catalogue::Address;

/// Files remembered; at the bound the one noted longest ago gives way.
const FILES_MAX: usize = 512;
/// How long one is remembered: a browser follows at once, and asks again where the line broke.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// The files by their numbers.
#[derive(Debug, Default)]
pub struct ExtensionFiles(Mutex<HashMap<u64, (Address, Timestamp)>>);

impl ExtensionFiles {
    /// Notes that the store led from an extension's address to a file.
    pub fn note(&self, file: u64, from: &Address, now: Timestamp) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= FILES_MAX && !files.contains_key(&file) {
            let oldest = files.iter().min_by_key(|(_, (_, at))| *at);
            let oldest = oldest.map(|(file, _)| *file);
            oldest.and_then(|file| files.remove(&file));
        }
        files.insert(file, (from.clone(), now));
    }

    /// The address that the store led from to a file lately.
    pub fn came_from(&self, file: u64, now: Timestamp) -> Option<Address> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, at) = files.get(&file)?;
        (now.duration_since(*at).abs() < KEPT).then(|| from.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-19: a file is known for an hour, and as many as there may be.
    #[test]
    fn fil_19_files_of_the_store_are_remembered_within_bounds() {
        let files = ExtensionFiles::default();
        let from = Address::parse("addons.mozilla.org/firefox/downloads/latest/a/").unwrap();
        let start: Timestamp = "2026-11-02T10:00:00Z".parse().unwrap();
        for n in 0..600 {
            files.note(n, &from, start + SignedDuration::from_secs(n as i64));
        }
        let now = start + SignedDuration::from_secs(600);
        assert_eq!(files.came_from(0, now), None, "gave way");
        assert_eq!(files.came_from(599, now), Some(from.clone()));
        assert_eq!(files.came_from(599, now + KEPT), None, "too long ago");
        assert_eq!(files.came_from(1_000, now), None);
        assert_eq!(files.0.lock().unwrap().len(), FILES_MAX);
    }
}
