//! Signed bundles of sealed lists.
//!
//! ```text
//! pharos-sealed-bundle 1
//! {"owner":"Invented Watch Foundation","name":"iwf","version":7,"issued":"2026-11-22T06:00:00Z","entries":2}
//! whole-host.example
//! shared.example/bad/page
//! signature 9f86d081…
//! ```
//! The signature is Ed25519 (RFC 8032) over every byte before the line that holds it.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use jiff::Timestamp;
use pharos_catalogue::{Entry, Format, Tally, parse};
use serde::{Deserialize, Serialize};

const FIRST_LINE: &str = "pharos-sealed-bundle 1";
/// The largest bundle that is read, in bytes.
pub(crate) const BUNDLE_MAX: usize = 256 << 20;

/// Why a bundle is not taken. Quotes nothing of its entries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not a bundle, or cut short.
    #[error("it is no sealed bundle, or it was cut short: fetch it again")]
    NotABundle,
    /// The signature is not by the pinned key over this content.
    #[error(
        "its signature is not the publisher's: fetch it again, and tell the publisher if it stays so"
    )]
    WrongSignature,
    /// Meant for another list.
    #[error("it is for the list \"{0}\"")]
    OtherList(String),
    /// Not newer than what is in force.
    #[error(
        "it has version {offered} and version {held} is in force: an older or equal version is never taken"
    )]
    NotNewer {
        /// The bundle's version.
        offered: u64,
        /// The version in force.
        held: u64,
    },
    /// The count in its head is not the count of its lines.
    #[error("it should have {declared} entries and has {found}")]
    WrongCount {
        /// What the head says.
        declared: u64,
        /// What is there.
        found: u64,
    },
    /// Nothing in it.
    #[error("it has no entries")]
    Empty,
    /// Larger than the bound.
    #[error("it is larger than {} MiB", BUNDLE_MAX >> 20)]
    TooLarge,
    /// Not even a signing key.
    #[error("the signing key is not usable")]
    BadKey,
}

/// The head of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleHead {
    /// Who publishes the list.
    pub owner: String,
    /// The list's name.
    pub name: String,
    /// Goes up with each issue.
    pub version: u64,
    /// When it was issued.
    pub issued: Timestamp,
    /// Lines with entries; set by [`make_bundle`].
    #[serde(default)]
    pub entries: u64,
}

/// A publisher's key, for test publishers and demonstrations.
pub struct SigningKey(Ed25519KeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(secret)")
    }
}

impl SigningKey {
    /// From 32 random bytes.
    ///
    /// # Errors
    /// [`BundleError::BadKey`].
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, BundleError> {
        Ed25519KeyPair::from_seed_unchecked(seed)
            .map(Self)
            .map_err(|_| BundleError::BadKey)
    }

    /// Signs any bytes.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }

    /// The public key that schools pin.
    pub fn public(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap_or_default()
    }
}

/// Makes a signed bundle from entries, one a line; blank lines and comments are dropped.
pub fn make_bundle(head: &BundleHead, entries: &str, key: &SigningKey) -> Vec<u8> {
    let lines: Vec<&str> = entries
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let head = BundleHead {
        entries: lines.len() as u64,
        ..head.clone()
    };
    let head = serde_json::to_string(&head).unwrap_or_default();
    let mut text = format!("{FIRST_LINE}\n{head}\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    sign(text.into_bytes(), key)
}

/// Puts the publisher's signature below a text that ends with a line end.
pub(crate) fn sign(mut text: Vec<u8>, key: &SigningKey) -> Vec<u8> {
    let signature = hex::encode(key.sign(&text));
    text.extend_from_slice(format!("signature {signature}\n").as_bytes());
    text
}

/// A bundle whose signature holds.
pub(crate) struct Checked<'a> {
    pub(crate) head: BundleHead,
    entries: &'a [u8],
}

impl<'a> Checked<'a> {
    /// Checks the signature first, and reads nothing before that.
    pub(crate) fn open(bytes: &'a [u8], publisher: &[u8; 32]) -> Result<Self, BundleError> {
        if bytes.len() > BUNDLE_MAX {
            return Err(BundleError::TooLarge);
        }
        let body = bytes.strip_suffix(b"\n").ok_or(BundleError::NotABundle)?;
        let last = body
            .iter()
            .rposition(|byte| *byte == b'\n')
            .ok_or(BundleError::NotABundle)?;
        let (signed, line) = bytes.split_at(last + 1);
        let signature = line
            .strip_prefix(b"signature ")
            .and_then(|hex| hex::decode(hex.trim_ascii()).ok())
            .ok_or(BundleError::NotABundle)?;
        UnparsedPublicKey::new(&ED25519, publisher)
            .verify(signed, &signature)
            .map_err(|_| BundleError::WrongSignature)?;
        Self::read(signed).ok_or(BundleError::NotABundle)
    }

    fn read(signed: &'a [u8]) -> Option<Self> {
        let rest = signed
            .strip_prefix(FIRST_LINE.as_bytes())?
            .strip_prefix(b"\n")?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let head = serde_json::from_slice(&rest[..end]).ok()?;
        Some(Self {
            head,
            entries: &rest[end + 1..],
        })
    }

    /// Hands each entry on; malformed ones are counted, none is quoted.
    pub(crate) fn entries(&self, each: &mut dyn FnMut(&Entry<'_>)) -> Result<Tally, BundleError> {
        let tally = parse(Format::Urls, self.entries, each);
        let found = tally.entries + tally.malformed;
        if found != self.head.entries {
            return Err(BundleError::WrongCount {
                declared: self.head.entries,
                found,
            });
        }
        if tally.entries == 0 {
            return Err(BundleError::Empty);
        }
        Ok(tally)
    }
}
