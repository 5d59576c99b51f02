//! Between the password and the code: a half session, kept here so that the password need not
//! travel twice. It opens nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use pharos_school::PersonId;

use crate::Error;
use crate::clock::random_bytes;

/// How long the code may take.
const HALF_KEPT: SignedDuration = SignedDuration::from_mins(5);
/// Half sessions at once; beyond it the oldest goes.
const HALVES_MAX: usize = 4_096;

/// What the form with the code carries: 256 random bits in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct HalfSession(String);

impl HalfSession {
    /// The text of the field.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whatever a browser sent.
    pub fn from_field(text: &str) -> Self {
        Self(text.chars().take(128).collect())
    }

    fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref());
        hash
    }
}

impl std::fmt::Debug for HalfSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HalfSession(…)")
    }
}

/// All half sessions, in memory: after a start everybody begins again.
#[derive(Default)]
pub(crate) struct Halves {
    kept: Mutex<HashMap<[u8; 32], (PersonId, Timestamp)>>,
}

impl Halves {
    /// Somebody's password was right.
    pub(super) fn open(&self, person: PersonId, now: Timestamp) -> Result<HalfSession, Error> {
        let half = HalfSession(hex::encode(random_bytes::<32>()?));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= HALVES_MAX {
            kept.retain(|_, (_, since)| now.duration_since(*since) < HALF_KEPT);
        }
        if kept.len() >= HALVES_MAX {
            let oldest = kept
                .iter()
                .min_by_key(|(_, (_, since))| *since)
                .map(|(hash, _)| *hash);
            oldest.map(|oldest| kept.remove(&oldest));
        }
        kept.insert(half.hash(), (person, now));
        Ok(half)
    }

    /// Whose it is, while it lasts.
    pub(super) fn whose(&self, half: &HalfSession, now: Timestamp) -> Option<PersonId> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&half.hash())
            .filter(|(_, since)| now.duration_since(*since) < HALF_KEPT)
            .map(|(person, _)| *person)
    }

    /// It is used up.
    pub(super) fn close(&self, half: &HalfSession) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&half.hash());
    }

    /// The person's password was changed: none of theirs lasts.
    pub(super) fn close_all_of(&self, person: PersonId) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (whose, _)| *whose != person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ACC-11: half sessions are bounded, short, and end with the password.
    #[test]
    fn acc_11_half_sessions_are_few_and_short() {
        let halves = Halves::default();
        let start: Timestamp = "2026-11-10T10:00:00Z".parse().unwrap();
        let person = |n: u128| PersonId::from_uuid(uuid::Uuid::from_u128(n));
        let first = halves.open(person(1), start).unwrap();
        assert_eq!(halves.whose(&first, start), Some(person(1)));
        assert_eq!(halves.whose(&first, start + HALF_KEPT), None);
        let second = halves.open(person(1), start).unwrap();
        halves.close_all_of(person(1));
        assert_eq!(halves.whose(&second, start), None);
        let later = start + SignedDuration::from_secs(1);
        let oldest = halves.open(person(2), start).unwrap();
        for _ in 0..HALVES_MAX {
            halves.open(person(3), later).unwrap();
        }
        assert_eq!(halves.kept.lock().unwrap().len(), HALVES_MAX);
        assert_eq!(halves.whose(&oldest, later), None);
    }
}
