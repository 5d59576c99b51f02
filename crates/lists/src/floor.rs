//! A trust's floor in the data folder: its key is pinned once, then only newer issues that this key
//! signed are taken, each as a whole (`lists/floor/VERSION.toml`).
//!
//! ```text
//! floor = 1
//! …
//! # signature 9f86d081…
//! ```
//! The signature is Ed25519 (RFC 8032) over every byte before its line, which is a remark to whoever
//! reads the rest. What the rest says is the caller's to read: here it is a text with a trust's name
//! and a version.

use std::fs;
use std::io;
use std::path::PathBuf;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use jiff::Timestamp;

use crate::bundle::SigningKey;
use crate::error::{FloorError, ListsError};
use crate::manifest::{FloorIssue, FloorMark};
use crate::store::Lists;
use crate::{disk, good};

/// The largest floor that is read, in bytes.
pub(crate) const FLOOR_MAX: usize = 1 << 20;
/// Issues that are kept, for what was in force on a day.
const ISSUES_MAX: usize = 50;
const SIGNATURE: &[u8] = b"# signature ";

/// What the text of a floor says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorHead {
    /// The trust's name.
    pub trust: String,
    /// Goes up with each issue.
    pub version: u64,
}

/// Reads the head of a floor out of its text; what is wrong with it, in words.
pub type ReadFloor<'r> = &'r dyn Fn(&str) -> Result<FloorHead, String>;

/// The floor that the data folder is pinned to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFloor {
    /// The trust's name.
    pub trust: String,
    /// Its public key.
    pub publisher: [u8; 32],
    /// The issue in force: its version, when it was taken in, and its text. `None`: none yet.
    pub issue: Option<HeldIssue>,
}

/// An issue of a floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldIssue {
    /// Its version.
    pub version: u64,
    /// When it was taken in.
    pub taken: Timestamp,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
    /// Its text, with the signature.
    pub text: String,
}

/// Signs a text, as a trust does its floor and a school its status: the signature stands in a last line.
/// A signature that is there already gives way.
pub fn sign_text(text: &str, key: &SigningKey) -> Vec<u8> {
    let mut signed = without_signature(text.as_bytes()).to_vec();
    if !signed.ends_with(b"\n") {
        signed.push(b'\n');
    }
    let signature = hex::encode(key.sign(&signed));
    signed.extend_from_slice(SIGNATURE);
    signed.extend_from_slice(signature.as_bytes());
    signed.push(b'\n');
    signed
}

/// SHA-256 of a signed floor's file, in hexadecimal: issues of one version are told apart by it.
pub fn floor_sha256(signed: &[u8]) -> String {
    good::sha256(signed)
}

/// The text above the line with the signature, or the whole where there is none.
fn without_signature(bytes: &[u8]) -> &[u8] {
    split(bytes).map_or(bytes, |(text, _)| text)
}

/// The text and its signature.
fn split(bytes: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let start = body.iter().rposition(|byte| *byte == b'\n')? + 1;
    let line = body.get(start..)?.strip_prefix(SIGNATURE)?;
    let signature = hex::decode(line.trim_ascii()).ok()?;
    Some((bytes.get(..start)?, signature))
}

/// The text above the signature, once that holds.
///
/// # Errors
/// [`FloorError`] for one that is not signed by this key, too large or no text.
pub fn signed_text<'b>(bytes: &'b [u8], signer: &[u8; 32]) -> Result<&'b str, FloorError> {
    checked(bytes, signer)?;
    std::str::from_utf8(without_signature(bytes)).map_err(|_| FloorError::NotSigned)
}

/// The signed text, once its signature holds. Nothing of it is read before.
fn checked<'b>(bytes: &'b [u8], publisher: &[u8; 32]) -> Result<&'b str, FloorError> {
    if bytes.len() > FLOOR_MAX {
        return Err(FloorError::TooLarge);
    }
    let (text, signature) = split(bytes).ok_or(FloorError::NotSigned)?;
    UnparsedPublicKey::new(&ED25519, publisher)
        .verify(text, &signature)
        .map_err(|_| FloorError::WrongSignature)?;
    std::str::from_utf8(bytes).map_err(|_| FloorError::NotSigned)
}

/// An issue of the floor that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloorTaken {
    /// Its version.
    pub version: u64,
    /// It is the issue in force, whose file had been lost or damaged.
    pub again: bool,
}

impl Lists {
    /// Pins a trust's name and Ed25519 public key. Repeating it with the same changes nothing and
    /// gives `false`.
    ///
    /// # Errors
    /// [`ListsError::FloorThere`] when another trust or another key is pinned.
    pub fn floor_pin(&self, trust: &str, publisher: [u8; 32]) -> Result<bool, ListsError> {
        let _lock = self.lock()?;
        match self.floor_mark() {
            Some(mark) if mark.trust == trust && mark.key() == Some(publisher) => Ok(false),
            Some(mark) => Err(ListsError::FloorThere(mark.trust)),
            None => {
                self.set_floor_mark(Some(FloorMark {
                    trust: trust.to_owned(),
                    publisher: hex::encode(publisher),
                    issues: Vec::new(),
                }))?;
                Ok(true)
            }
        }
    }

    /// Takes a newer issue of the floor; where the file of the one in force is missing or damaged,
    /// that issue once more. Gives its version and whether it came once more.
    ///
    /// # Errors
    /// [`ListsError::Floor`] with the reason; the last good issue stays in force.
    pub fn floor_take(
        &self,
        signed: &[u8],
        read: ReadFloor<'_>,
        now: Timestamp,
    ) -> Result<FloorTaken, ListsError> {
        let _lock = self.lock()?;
        let mut mark = self.floor_mark().ok_or(ListsError::NoTrust)?;
        let publisher = mark.key().ok_or(ListsError::NoTrust)?;
        let text = checked(signed, &publisher)?;
        let head = read(text).map_err(FloorError::Wrong)?;
        if head.trust != mark.trust {
            return Err(FloorError::OtherTrust(head.trust).into());
        }
        let held = mark.issues.first().map_or(0, |issue| issue.version);
        let sha256 = good::sha256(signed);
        let first = mark.issues.first();
        let same = first.is_some_and(|issue| issue.sha256 == sha256);
        if head.version == held && first.is_some() && !same {
            return Err(FloorError::SameVersion(held).into());
        }
        let again = head.version == held && same && self.floor_is_gone();
        if head.version <= held && !again {
            let offered = head.version;
            return Err(FloorError::NotNewer { offered, held }.into());
        }
        let path = self.floor_path(head.version);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| ListsError::io("create", folder, error))?;
        }
        disk::replace(&path, signed)?;
        if !again {
            mark.issues.insert(
                0,
                FloorIssue {
                    version: head.version,
                    sha256,
                    taken: now,
                    untold: true,
                },
            );
            for old in mark.issues.split_off(mark.issues.len().min(ISSUES_MAX)) {
                // What cannot be removed is read no more.
                let _ = fs::remove_file(self.floor_path(old.version));
            }
            self.set_floor_mark(Some(mark))?;
        }
        Ok(FloorTaken {
            version: head.version,
            again,
        })
    }

    /// Versions of kept issues that were taken in and of which the change log may not know: noting them
    /// was cut short. The oldest first.
    pub fn floor_untold(&self) -> Vec<(u64, Timestamp)> {
        let issues = self.floor_mark().map(|mark| mark.issues);
        let untold = issues.into_iter().flatten().rev();
        untold
            .filter(|issue| issue.untold)
            .map(|issue| (issue.version, issue.taken))
            .collect()
    }

    /// The change log knows of an issue now.
    ///
    /// # Errors
    /// [`ListsError`] when the manifest cannot be written.
    pub fn floor_told(&self, version: u64) -> Result<(), ListsError> {
        let _lock = self.lock()?;
        let Some(mut mark) = self.floor_mark() else {
            return Ok(());
        };
        let mut issues = mark.issues.iter_mut();
        match issues.find(|issue| issue.version == version && issue.untold) {
            Some(issue) => issue.untold = false,
            None => return Ok(()),
        }
        self.set_floor_mark(Some(mark))
    }

    /// The name of the trust that is pinned, whether its floor can be read or not.
    pub fn floor_trust(&self) -> Option<String> {
        self.floor_mark().map(|mark| mark.trust)
    }

    /// The version of the issue in force, whether its file can be read or not.
    pub fn floor_version(&self) -> Option<u64> {
        let mark = self.floor_mark()?;
        mark.issues.first().map(|issue| issue.version)
    }

    /// The floor in force; `None` where no trust is pinned.
    ///
    /// # Errors
    /// [`ListsError::FloorGone`] when its file is missing or is not the one that was taken in: a
    /// filter without it must not be put in force.
    pub fn floor(&self) -> Result<Option<HeldFloor>, ListsError> {
        self.floor_at(Timestamp::MAX)
    }

    /// The floor that was in force at a time, as far as it is kept.
    ///
    /// # Errors
    /// As [`Lists::floor`].
    pub fn floor_at(&self, at: Timestamp) -> Result<Option<HeldFloor>, ListsError> {
        let Some(mark) = self.floor_mark() else {
            return Ok(None);
        };
        let publisher = mark.key().ok_or(ListsError::NoTrust)?;
        let issue = match mark.issues.iter().find(|issue| issue.taken <= at) {
            Some(issue) => Some(self.floor_issue(&mark.trust, issue)?),
            None => None,
        };
        Ok(Some(HeldFloor {
            trust: mark.trust,
            publisher,
            issue,
        }))
    }

    /// Lets go of the trust and its floor, such as when a school leaves it. Gives whether there was
    /// one.
    ///
    /// # Errors
    /// [`ListsError`] when the manifest cannot be written.
    pub fn floor_leave(&self) -> Result<bool, ListsError> {
        let _lock = self.lock()?;
        let there = self.floor_mark().is_some();
        if there {
            self.set_floor_mark(None)?;
            // The mark is what counts.
            let _ = fs::remove_dir_all(self.root().join("floor"));
        }
        Ok(there)
    }

    /// Whether the issue in force cannot be read as it was taken in.
    pub(crate) fn floor_is_gone(&self) -> bool {
        self.floor().is_err()
    }

    fn floor_issue(&self, trust: &str, issue: &FloorIssue) -> Result<HeldIssue, ListsError> {
        let path = self.floor_path(issue.version);
        let gone = || ListsError::FloorGone(trust.to_owned());
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone()),
            Err(error) => return Err(ListsError::io("read", &path, error)),
        };
        if good::sha256(&bytes) != issue.sha256 {
            return Err(gone());
        }
        Ok(HeldIssue {
            version: issue.version,
            taken: issue.taken,
            sha256: issue.sha256.clone(),
            text: String::from_utf8(bytes).map_err(|_| gone())?,
        })
    }

    fn floor_path(&self, version: u64) -> PathBuf {
        self.root().join("floor").join(format!("{version}.toml"))
    }
}

impl FloorMark {
    pub(crate) fn key(&self) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        hex::decode_to_slice(&self.publisher, &mut key).ok()?;
        Some(key)
    }
}
