//! Fetching the issues of a trust's floor by their timetable, as bundles of sealed lists are fetched:
//! the pinned key decides whether what comes is taken.

use jiff::{SignedDuration, Timestamp};

use super::http::Validators;
use super::sealed::{SealedFrom, found};
use super::state::{Book, Memory};
use super::{FetchError, FetchStatus, Fetching, UnderWay};
use crate::error::{FloorError, ListsError};
use crate::floor::{FLOOR_MAX, ReadFloor};
use crate::store::Lists;

/// The floor's page in the book of fetches: a name that no list has.
pub(super) const BOOK_PAGE: &str = "floor:";

/// What a fetch of the floor came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloorFetched {
    /// The trust has nothing newer.
    AsItWas,
    /// An issue was taken in: its version.
    Taken(u64),
    /// The issue in force, whose file had been lost or damaged, was taken in once more: its version.
    TakenAgain(u64),
}

impl Lists {
    /// Whether the floor is due: by its interval, by its wait after a failure, or because it cannot
    /// be read although the last fetch went well.
    pub fn floor_fetch_due(&self, from: &SealedFrom, now: Timestamp) -> bool {
        let book = Book::read(&self.book());
        let Some(memory) = book.0.get(BOOK_PAGE) else {
            return true;
        };
        memory.url != from.to_string()
            || memory.next.is_none_or(|next| next <= now)
            || (memory.failures == 0 && self.floor_is_gone())
    }

    /// How fetching the floor goes; `None` where it was never fetched.
    pub fn floor_fetch_status(&self) -> Option<FetchStatus> {
        let memory = Book::read(&self.book()).0.remove(BOOK_PAGE)?;
        Some(memory.status("floor".to_owned(), false))
    }

    /// Fetches the newest issue of the floor and takes it in. Blocking, as [`Lists::fetch`]. `chance`
    /// is random and spreads the next fetch.
    ///
    /// # Errors
    /// [`FetchError`]; the last good issue stays in force, and the next try is put off.
    pub fn fetch_floor(
        &self,
        (from, every): (&SealedFrom, SignedDuration),
        fetching: &Fetching,
        read: ReadFloor<'_>,
        (now, chance): (Timestamp, u64),
    ) -> Result<FloorFetched, FetchError> {
        let _turn = UnderWay::begin(self, BOOK_PAGE).ok_or_else(|| ListsError::Busy {
            path: self.root().to_owned(),
        })?;
        let mut memory = self.floor_memory(from);
        if self.floor_is_gone() {
            // What is missing or damaged is wanted whole.
            memory.validators = Validators::default();
        }
        let result = match self.floor_from(from, fetching, &memory.validators, read, now) {
            Ok((fetched, validators)) => {
                memory.succeeded(validators, every, now, chance);
                Ok(fetched)
            }
            Err(error) => {
                memory.failed(error.to_string(), every, now, chance);
                Err(error)
            }
        };
        self.remember(BOOK_PAGE, memory)?;
        result
    }

    /// Remembers a fetch that failed before anything was asked for, as when the key that the pack names
    /// is not the pinned one: the next try is put off, and the trouble shows. `chance` as in
    /// [`Lists::fetch_floor`].
    ///
    /// # Errors
    /// [`ListsError`] when the book of fetches cannot be written.
    pub fn floor_fetch_failed(
        &self,
        (from, every): (&SealedFrom, SignedDuration),
        trouble: String,
        (now, chance): (Timestamp, u64),
    ) -> Result<(), ListsError> {
        let mut memory = self.floor_memory(from);
        memory.failed(trouble, every, now, chance);
        self.remember(BOOK_PAGE, memory)
    }

    /// What is remembered of a source; another source begins anew.
    fn floor_memory(&self, from: &SealedFrom) -> Memory {
        let url = from.to_string();
        let page = Book::read(&self.book()).0.remove(BOOK_PAGE);
        let mut memory = page.filter(|memory| memory.url == url).unwrap_or_default();
        memory.url = url;
        memory
    }

    fn floor_from(
        &self,
        from: &SealedFrom,
        fetching: &Fetching,
        known: &Validators,
        read: ReadFloor<'_>,
        now: Timestamp,
    ) -> Result<(FloorFetched, Validators), FetchError> {
        let most = FLOOR_MAX as u64;
        let Some((bytes, validators)) = found(self.root(), from, fetching, known, most)? else {
            return Ok((FloorFetched::AsItWas, known.clone()));
        };
        match self.floor_take(&bytes, read, now) {
            Ok(taken) if taken.again => Ok((FloorFetched::TakenAgain(taken.version), validators)),
            Ok(taken) => Ok((FloorFetched::Taken(taken.version), validators)),
            // Signed by the pinned key, and the issue in force.
            Err(ListsError::Floor(FloorError::NotNewer { offered, held })) if offered == held => {
                Ok((FloorFetched::AsItWas, validators))
            }
            Err(error) => Err(error.into()),
        }
    }
}
