//! Files between the look and the yes: kept in memory, few, for a short time.

use std::collections::VecDeque;
use std::sync::Mutex;

use axum::extract::Multipart;
use jiff::{SignedDuration, Timestamp};
use pharos_school::PersonId;
use pharos_service::Error;

/// The largest upload, in bytes.
pub(crate) const UPLOAD_BYTES_MAX: usize = 32 << 20;
/// How many uploads wait at once; the oldest goes first.
const KEPT_MAX: usize = 4;
/// How long an upload waits.
const KEPT: SignedDuration = SignedDuration::from_mins(30);

/// An uploaded file.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Uploads that wait for a yes, one for each person.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    kept: Mutex<VecDeque<(PersonId, Timestamp, Upload)>>,
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

    /// Takes the owner's upload, if it still waits.
    pub(crate) fn take(&self, owner: PersonId, now: Timestamp) -> Option<Upload> {
        let mut kept = self
            .kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let at = kept
            .iter()
            .position(|(whose, at, _)| *whose == owner && now.duration_since(*at) < KEPT)?;
        kept.remove(at).map(|(_, _, upload)| upload)
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
                let bytes = field.bytes().await.map_err(cut)?.to_vec();
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
            bytes: vec![1],
        };
        uploads.keep(person(1), file("a"), at);
        uploads.keep(person(1), file("b"), at);
        assert!(uploads.take(person(2), at).is_none());
        assert_eq!(uploads.take(person(1), at).unwrap().name, "b");
        assert!(uploads.take(person(1), at).is_none());
        uploads.keep(person(1), file("c"), at);
        assert!(uploads.take(person(1), at + KEPT).is_none());
        for n in 10..20 {
            uploads.keep(person(n), file("d"), at);
        }
        assert!(uploads.take(person(10), at).is_none());
        assert!(uploads.take(person(19), at).is_some());
    }

    fn uuid(n: u128) -> uuid::Uuid {
        uuid::Uuid::from_u128(n)
    }
}
