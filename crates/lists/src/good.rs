//! The last good manifest, kept beside the manifest with a keyed mark, so that nobody without the
//! folder's key changes what must be in force unnoticed (FIL-03, FIL-04).
//!
//! ```text
//! pharos-list-manifest 1 MARK BEFORE
//! {"format":1,…}
//! ```
//! MARK is HMAC-SHA-256 over everything else in the file; BEFORE the SHA-256 of the manifest that this
//! one replaced. It is written before the manifest: between the two a crash leaves the manifest of
//! before, which is known by BEFORE and told from a manifest that somebody changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::{digest, hmac};

use crate::disk;
use crate::error::ListsError;
use crate::manifest::Manifest;

const FIRST_WORDS: &str = "pharos-list-manifest 1";
/// Stands for the manifest before the first.
const NONE_BEFORE: &str = "-";

/// The key that manifests are marked with. The caller keeps it, sealed, outside the list folder.
#[derive(Clone)]
pub struct ManifestKey {
    key: hmac::Key,
    known: bool,
}

impl std::fmt::Debug for ManifestKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ManifestKey(secret)")
    }
}

impl ManifestKey {
    /// A key that was made just now: what lies in the folder is trusted once, and marked.
    pub fn fresh(bytes: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, bytes),
            known: false,
        }
    }

    /// Whether the manifest bears a mark under this key already.
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    /// The key of a folder whose manifest is marked.
    pub fn known(bytes: &[u8; 32]) -> Self {
        Self {
            known: true,
            ..Self::fresh(bytes)
        }
    }
}

/// What was found of the manifest at opening, beside being in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestFound {
    /// A change was cut off after its mark was written: it is completed.
    CutOff,
    /// The manifest was taken away; the last good one is in force.
    Missing,
    /// The manifest is not the one that Pharos wrote; the last good one is in force.
    Changed,
    /// The marked copy was damaged, and made anew from the manifest, which its mark fits.
    CopyDamaged,
}

/// The last good manifest.
pub(crate) struct Good {
    /// The bytes of the manifest.
    pub(crate) bytes: Vec<u8>,
    before: String,
    /// Whether the copy itself is damaged and the manifest stood in for it.
    pub(crate) copy_damaged: bool,
}

impl Good {
    /// What the manifest on disk is against the good one; `None` when all is in order.
    pub(crate) fn found(&self, manifest: Option<&[u8]>) -> Option<ManifestFound> {
        match manifest {
            _ if self.copy_damaged => Some(ManifestFound::CopyDamaged),
            Some(bytes) if bytes == self.bytes => None,
            Some(bytes) if sha256(bytes) == self.before => Some(ManifestFound::CutOff),
            Some(_) => Some(ManifestFound::Changed),
            None if self.before == NONE_BEFORE => Some(ManifestFound::CutOff),
            None => Some(ManifestFound::Missing),
        }
    }
}

/// Reads the last good manifest; `None` where there is none. `manifest` is the one on disk, which may
/// stand in for a damaged copy where the mark fits it.
pub(crate) fn read(
    path: &Path,
    key: &ManifestKey,
    manifest: Option<&[u8]>,
) -> Result<Option<Good>, ListsError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ListsError::io("read", path, error)),
    };
    let wrong = || ListsError::ManifestMark {
        path: path.to_owned(),
    };
    let (mark, before, bytes) = split(&text).ok_or_else(wrong)?;
    let fits = |bytes: &[u8]| hmac::verify(&key.key, &marked(&before, bytes), &mark).is_ok();
    if fits(bytes) {
        return Ok(Some(Good {
            bytes: bytes.to_vec(),
            before,
            copy_damaged: false,
        }));
    }
    match manifest {
        Some(manifest) if fits(manifest) => Ok(Some(Good {
            bytes: manifest.to_vec(),
            before,
            copy_damaged: true,
        })),
        _ => Err(wrong()),
    }
}

/// Writes the manifest that is to be in force, with its mark.
pub(crate) fn write(
    path: &Path,
    key: &ManifestKey,
    before: Option<&[u8]>,
    bytes: &[u8],
) -> Result<(), ListsError> {
    let before = before.map_or_else(|| NONE_BEFORE.to_owned(), sha256);
    let mark = hex::encode(hmac::sign(&key.key, &marked(&before, bytes)));
    let mut text = format!("{FIRST_WORDS} {mark} {before}\n").into_bytes();
    text.extend_from_slice(bytes);
    disk::replace(path, &text)
}

fn split(text: &[u8]) -> Option<(Vec<u8>, String, &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = text.split_at(end);
    let words = std::str::from_utf8(line).ok()?.strip_prefix(FIRST_WORDS)?;
    let (mark, before) = words.trim_start().split_once(' ')?;
    Some((hex::decode(mark).ok()?, before.to_owned(), &rest[1..]))
}

fn marked(before: &str, bytes: &[u8]) -> Vec<u8> {
    let mut text = format!("{FIRST_WORDS} {before}\n").into_bytes();
    text.extend_from_slice(bytes);
    text
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// Where the manifest is kept, and how.
#[derive(Debug, Clone)]
pub(crate) struct Keeper {
    root: PathBuf,
    /// Without one, manifests bear no mark: tools and tests.
    key: Option<ManifestKey>,
}

impl Keeper {
    pub(crate) fn new(root: &Path, key: Option<ManifestKey>) -> Self {
        Self {
            root: root.to_owned(),
            key,
        }
    }

    fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    fn copy(&self) -> PathBuf {
        self.root.join("manifest.good")
    }

    /// The manifest to go by, and what was found of it; `None` where there is none yet.
    pub(crate) fn read(&self) -> Result<Option<(Manifest, Option<ManifestFound>)>, ListsError> {
        let path = self.manifest();
        let on_disk = optional(&path)?;
        let Some(key) = self.key.as_ref().filter(|key| key.known) else {
            let manifest = on_disk.map(|bytes| Manifest::parse(&path, &bytes));
            return Ok(manifest.transpose()?.map(|manifest| (manifest, None)));
        };
        match read(&self.copy(), key, on_disk.as_deref())? {
            Some(good) => {
                let found = good.found(on_disk.as_deref());
                Ok(Some((Manifest::parse(&path, &good.bytes)?, found)))
            }
            None if on_disk.is_none() => Ok(None),
            None => Err(ListsError::ManifestCopyMissing { path: self.copy() }),
        }
    }

    /// Writes the manifest: its marked copy first, which is the moment that counts.
    pub(crate) fn write(&mut self, manifest: &Manifest) -> Result<(), ListsError> {
        let path = self.manifest();
        let bytes = manifest.to_bytes(&path)?;
        if let Some(key) = &mut self.key {
            let on_disk = optional(&path)?;
            write(
                &self.root.join("manifest.good"),
                key,
                on_disk.as_deref(),
                &bytes,
            )?;
            // What lies in the folder bears the mark of this key from now on.
            key.known = true;
        }
        disk::replace(&path, &bytes)
    }
}

fn optional(path: &Path) -> Result<Option<Vec<u8>>, ListsError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ListsError::io("read", path, error)),
    }
}
