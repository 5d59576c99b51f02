//! Files between the look and the yes: kept in memory, few, for a short time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use axum::extract::Multipart;
use jiff::{SignedDuration, Timestamp};
use pharos_school::PersonId;
use pharos_service::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The largest upload, in bytes.
pub(crate) const UPLOAD_BYTES_MAX: usize = 32 << 20;
/// How many uploads wait at once; the oldest goes first.
const KEPT_MAX: usize = 4;
/// How long an upload waits.
const KEPT: SignedDuration = SignedDuration::from_mins(30);

/// How many files are taken in and looked through at once.
const READ_AT_ONCE: usize = 2;

/// An uploaded file.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) bytes: Arc<Vec<u8>>,
}

impl Upload {
    /// By which a form says which file it means: the beginning of the SHA-256 of its bytes.
    pub(crate) fn mark(&self) -> String {
        hex::encode(&digest::digest(&digest::SHA256, &self.bytes).as_ref()[..16])
    }
}

/// What waits for the yes of somebody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// The file that the form meant.
    This(T),
    /// Another one, chosen later; it goes on waiting.
    Another,
    /// None, or none any more.
    Nothing,
}

/// Uploads that wait for a yes, one for each person.
#[derive(Debug)]
pub(crate) struct Uploads {
    kept: Mutex<VecDeque<(PersonId, Timestamp, Upload)>>,
    turns: Semaphore,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            turns: Semaphore::new(READ_AT_ONCE),
        }
    }
}

impl Uploads {
    /// Keeps an upload until its owner says yes; an earlier one of theirs goes.
    pub(crate) fn keep(&self, owner: PersonId, upload: Upload, now: Timestamp) {
        let mut kept = self
            .kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.retain(|(whose, at, _)| *whose != owner && now.duration_since(*at) < KEPT);
        while kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((owner, now, upload));
    }

    /// A turn to take a file in and look through it; asked for before the file is read.
    ///
    /// # Errors
    /// [`Error::Refused`] while others are at it.
    pub(crate) fn turn(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.turns.try_acquire().map_err(|_| {
            Error::Refused(
                "Other files are being taken in just now. Try again in a minute.".to_owned(),
            )
        })
    }

    /// Takes the owner's upload with this mark, if it still waits.
    pub(crate) fn take(&self, owner: PersonId, mark: &str, now: Timestamp) -> Taken<Upload> {
        let mut kept = self
            .kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(at) = kept
            .iter()
            .position(|(whose, at, _)| *whose == owner && now.duration_since(*at) < KEPT)
        else {
            return Taken::Nothing;
        };
        if kept
            .get(at)
            .is_some_and(|(_, _, upload)| upload.mark() != mark)
        {
            return Taken::Another;
        }
        kept.remove(at)
            .map_or(Taken::Nothing, |(_, _, upload)| Taken::This(upload))
    }
}

/// The file and the texts of a posted form with one file field.
pub(crate) async fn read(
    mut form: Multipart,
) -> Result<(Option<Upload>, Vec<(String, String)>), Error> {
    let mut upload = None;
    let mut texts = Vec::new();
    let cut = |error: axum::extract::multipart::MultipartError| {
        Error::field(
            "file",
            format!(
                "The file did not arrive whole ({}). Files up to 32 MB are taken.",
                error.body_text()
            ),
        )
    };
    while let Some(field) = form.next_field().await.map_err(cut)? {
        let name = field.name().unwrap_or("").to_owned();
        match field.file_name().map(str::to_owned) {
            Some(file) => {
                let bytes = Arc::new(field.bytes().await.map_err(cut)?.to_vec());
                if !bytes.is_empty() {
                    upload = Some(Upload { name: file, bytes });
                }
            }
            None => texts.push((name, field.text().await.map_err(cut)?)),
        }
    }
    Ok((upload, texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_few_short_lived_and_only_their_owners() {
        let uploads = Uploads::default();
        let at: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let person = |n: u128| PersonId::from_uuid(uuid(n));
        let file = |name: &str| Upload {
            name: name.to_owned(),
            bytes: Arc::new(name.as_bytes().to_vec()),
        };
        let take = |owner, name: &str, at| match uploads.take(owner, &file(name).mark(), at) {
            Taken::This(upload) => Taken::This(upload.name),
            Taken::Another => Taken::Another,
            Taken::Nothing => Taken::Nothing,
        };
        uploads.keep(person(1), file("a"), at);
        uploads.keep(person(1), file("b"), at);
        assert_eq!(take(person(2), "b", at), Taken::Nothing);
        assert_eq!(take(person(1), "a", at), Taken::Another);
        assert_eq!(take(person(1), "b", at), Taken::This("b".to_owned()));
        assert_eq!(take(person(1), "b", at), Taken::Nothing);
        uploads.keep(person(1), file("c"), at);
        assert_eq!(take(person(1), "c", at + KEPT), Taken::Nothing);
        for n in 10..20 {
            uploads.keep(person(n), file("d"), at);
        }
        assert_eq!(take(person(10), "d", at), Taken::Nothing);
        assert_eq!(take(person(19), "d", at), Taken::This("d".to_owned()));
    }

    /// ACC-10: few files are taken in at once; a turn is free again when it was used.
    #[test]
    fn acc_10_few_files_are_taken_in_at_once() {
        let uploads = Uploads::default();
        let turns: Vec<_> = (0..READ_AT_ONCE).map(|_| uploads.turn().unwrap()).collect();
        assert!(matches!(uploads.turn(), Err(Error::Refused(_))));
        drop(turns);
        assert!(uploads.turn().is_ok());
    }

    fn uuid(n: u128) -> uuid::Uuid {
        uuid::Uuid::from_u128(n)
    }
}
