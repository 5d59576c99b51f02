//! The school's key for sealed lists, and what is derived from it.

use std::fmt;

use aws_lc_rs::hmac;
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// What an entry stands for; part of what is hashed, so that one never passes for another.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// The host and all names under it.
    Host,
    /// A path prefix on the host.
    Path,
    /// Says that entries with paths lie on the host.
    PathsBelow,
}

/// The secret under which one school keeps its sealed lists. Never shown, never written.
#[derive(Clone)]
pub struct SealedKey {
    entries: hmac::Key,
    files: hmac::Key,
    quick: RapidSecrets,
    id: [u8; 8],
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedKey(secret)")
    }
}

impl SealedKey {
    /// From 32 random bytes that the operator's master key guards.
    pub fn new(secret: [u8; 32]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let derive = |purpose: &str| hmac::sign(&master, purpose.as_bytes());
        let key = |purpose| hmac::Key::new(hmac::HMAC_SHA256, derive(purpose).as_ref());
        let eight = |purpose| {
            let tag = derive(purpose);
            tag.as_ref().first_chunk::<8>().copied().unwrap_or_default()
        };
        Self {
            entries: key("pharos sealed list: entries, 1"),
            files: key("pharos sealed list: files, 1"),
            quick: RapidSecrets::seed(u64::from_le_bytes(eight("pharos sealed list: quick, 1"))),
            id: eight("pharos sealed list: key id, 1"),
        }
    }

    /// Tells keys apart without revealing anything of them.
    pub(super) fn id(&self) -> [u8; 8] {
        self.id
    }

    /// The keyed hash of an entry, 128 bits.
    pub(super) fn entry(&self, kind: Kind, name: &str, path: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.entries);
        context.update(match kind {
            Kind::Host => b"h",
            Kind::Path => b"p",
            Kind::PathsBelow => b"m",
        });
        context.update(name.as_bytes());
        context.update(b"\0");
        context.update(path);
        context
            .sign()
            .as_ref()
            .first_chunk()
            .copied()
            .unwrap_or_default()
    }

    /// The hash behind the Bloom filter.
    pub(super) fn quick(&self, name: &str) -> u64 {
        rapidhash_v3_seeded(name.as_bytes(), &self.quick)
    }

    /// The code that guards a sealed file against change.
    pub(super) fn file_code(&self, contents: &[u8]) -> hmac::Tag {
        hmac::sign(&self.files, contents)
    }

    pub(super) fn check_file(&self, contents: &[u8], code: &[u8]) -> bool {
        hmac::verify(&self.files, contents, code).is_ok()
    }
}
