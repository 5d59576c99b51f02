//! Guessing is slowed down (ACC-11). Every try is counted as wrong before it is made, under the name
//! and under the address; a right one takes its own count back and nobody else's.
//!
//! Tries under one name or one address are made one after the other, so that people who share an
//! address and are right do not hold each other up.
//!
//! Where a name has signed in before, wrong tries from elsewhere do not count: else anybody could
//! shut somebody out at their own device by guessing at another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use pharos_ledger::Detail;
use pharos_records::{CountedTry, Pace, Tried};
use pharos_school::Person;
use tokio::sync::MutexGuard;

use crate::{App, Error};

/// Wrong tries are forgotten half an hour after the last.
const WINDOW: SignedDuration = SignedDuration::from_mins(30);
/// For one name.
const BY_NAME: Pace = Pace {
    free: 5,
    window: WINDOW,
    wait_max_s: 600,
};
/// For one address, which many people may share who mistype.
const BY_ADDRESS: Pace = Pace {
    free: 5,
    window: WINDOW,
    wait_max_s: 60,
};
/// Queues for tries; names, and addresses, that share one only wait a little longer.
const QUEUES: usize = 128;
/// Places kept where somebody has signed in; beyond it the one not seen for longest goes.
const PLACES_MAX: usize = 20_000;
/// How long such a place is known.
const PLACE_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// A hash of what is counted: neither table nor memory names anybody.
type Mark = [u8; 16];

/// Tries under way, and where names have signed in. In memory: after a start every place is new.
pub(crate) struct Tries {
    addresses: Vec<tokio::sync::Mutex<()>>,
    names: Vec<tokio::sync::Mutex<()>>,
    places: Mutex<HashMap<Mark, Timestamp>>,
}

impl Default for Tries {
    fn default() -> Self {
        let queues = || (0..QUEUES).map(|_| tokio::sync::Mutex::default()).collect();
        Self {
            addresses: queues(),
            names: queues(),
            places: Mutex::default(),
        }
    }
}

impl Tries {
    /// Waits for the turn of this address, then of this name: whoever waits for an address keeps
    /// no name waiting.
    async fn turn(&self, address: &Mark, name: &Mark) -> Option<[MutexGuard<'_, ()>; 2]> {
        let queue = |mark: &Mark| usize::from(mark[0]) % QUEUES;
        let address = self.addresses.get(queue(address))?.lock().await;
        let name = self.names.get(queue(name))?.lock().await;
        Some([address, name])
    }

    fn knows(&self, place: &Mark, now: Timestamp) -> bool {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places
            .get(place)
            .is_some_and(|at| now.duration_since(*at) < PLACE_KEPT)
    }

    fn learn(&self, place: Mark, now: Timestamp) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= PLACES_MAX && !places.contains_key(&place) {
            let oldest = places
                .iter()
                .min_by_key(|(_, at)| **at)
                .map(|(place, _)| *place);
            oldest.map(|oldest| places.remove(&oldest));
        }
        places.insert(place, now);
    }
}

/// A try under way, counted as wrong until it is known to be right.
pub(super) struct Try<'a> {
    counted: Vec<CountedTry>,
    name: Mark,
    place: Mark,
    _turn: Option<[MutexGuard<'a, ()>; 2]>,
}

impl App {
    /// Begins a try of this name from this address.
    ///
    /// # Errors
    /// [`Error::Throttled`]; then nothing was counted.
    pub(super) async fn begin_try(&self, name: &str, from: IpAddr) -> Result<Try<'_>, Error> {
        let name = name.trim().to_lowercase();
        let from = from.to_canonical();
        let place = mark(&format!("place:{from} {name}"));
        let address = mark(&format!("address:{from}"));
        let name = mark(&format!("name:{name}"));
        let tries = &self.inner().tries;
        let turn = tries.turn(&address, &name).await;
        let now = self.now();
        let who = match tries.knows(&place, now) {
            true => place,
            false => name,
        };
        let keys = [
            (hex::encode(address), BY_ADDRESS),
            (hex::encode(who), BY_NAME),
        ];
        match self.records().count_try(&keys, now).await? {
            Tried::Counted(counted) => Ok(Try {
                counted,
                name,
                place,
                _turn: turn,
            }),
            Tried::Wait { wait_s } => Err(Error::Throttled { wait_s }),
        }
    }

    /// Begins a try, and looks whose name and password these are. A wrong one stays counted and is
    /// noted.
    ///
    /// # Errors
    /// [`Error::Throttled`], or when the records cannot be read.
    pub(super) async fn try_password(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<Option<(Person, Try<'_>)>, Error> {
        let tried = self.begin_try(name, from).await?;
        match self.check_password(name, password).await? {
            Some(person) => Ok(Some((person, tried))),
            None => {
                self.note_wrong_try().await?;
                Ok(None)
            }
        }
    }

    /// The try was not wrong so far, but has not proved anything yet either.
    pub(super) async fn take_back(&self, tried: Try<'_>) -> Result<(), Error> {
        Ok(self.records().take_back_try(&tried.counted).await?)
    }

    /// The try was right: what was counted for this name is forgotten, at this address only this try.
    pub(super) async fn right_try(&self, tried: Try<'_>) -> Result<(), Error> {
        self.records().take_back_try(&tried.counted).await?;
        for mark in [tried.name, tried.place] {
            self.records().clear_failures(&hex::encode(mark)).await?;
        }
        self.inner().tries.learn(tried.place, self.now());
        Ok(())
    }

    /// The password was right, and nothing more was asked for. Where there is a second factor that
    /// proves little: whoever guesses at the code knows the password, and must not free their own
    /// guesses with it.
    pub(super) async fn right_password(
        &self,
        person: &Person,
        tried: Try<'_>,
    ) -> Result<(), Error> {
        let credential = self.records().credential(person.id).await?;
        match credential.and_then(|credential| credential.totp_secret) {
            Some(_) => self.take_back(tried).await,
            None => self.right_try(tried).await,
        }
    }

    /// A line in the ledger for a wrong try, without the name: it may be a password typed too early.
    pub(super) async fn note_wrong_try(&self) -> Result<(), Error> {
        Ok(self
            .records()
            .note_stranger(
                "session.open",
                &Detail::new().text("result", "refused"),
                self.now(),
            )
            .await?)
    }

    /// Forgets tries so old that they count no more; says how many.
    pub(super) async fn sweep_tries(&self) -> Result<u64, Error> {
        let before = self.now() - WINDOW;
        Ok(self.records().sweep_failures(before).await?)
    }
}

fn mark(text: &str) -> Mark {
    let mut mark = [0; 16];
    mark.copy_from_slice(&digest::digest(&digest::SHA256, text.as_bytes()).as_ref()[..16]);
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ACC-11: the places known are bounded; the one not seen for longest is forgotten first.
    #[test]
    fn acc_11_places_known_are_bounded() {
        let tries = Tries::default();
        let start: Timestamp = "2026-11-10T10:00:00Z".parse().unwrap();
        let place = |n: usize| mark(&format!("place:{n}"));
        for n in 0..=PLACES_MAX {
            let seconds = i64::try_from(n).unwrap();
            tries.learn(place(n), start + SignedDuration::from_secs(seconds));
        }
        assert_eq!(tries.places.lock().unwrap().len(), PLACES_MAX);
        assert!(!tries.knows(&place(0), start) && tries.knows(&place(1), start));
        assert!(!tries.knows(&place(1), start + PLACE_KEPT + SignedDuration::from_secs(1)));
    }
}
