//! One entry, its canonical bytes and its hash.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;

use crate::Detail;

/// A SHA-256 value, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// What the first entry has before it.
    pub const ZERO: Self = Self([0; 32]);
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: expected 64 hexadecimal digits")]
pub struct NotAHash;

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotAHash)?;
        Ok(Self(bytes))
    }
}

/// What is to be noted: an entry before it has its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, to the microsecond.
    pub at: Timestamp,
    /// Who: `person:<id>` or `system:<name>`.
    pub actor: String,
    /// The act, by its name in the acts table, such as `case.read`.
    pub act: String,
    /// To what: `school`, `person:<id>`, `case:<id>` and so on.
    pub subject: String,
    /// Small facts as JSON; see [`Detail`].
    pub detail: String,
}

impl Line {
    /// A line to be noted.
    pub fn new(at: Timestamp, actor: &str, act: &str, subject: &str, detail: &Detail) -> Self {
        Self {
            at,
            actor: actor.to_owned(),
            act: act.to_owned(),
            subject: subject.to_owned(),
            detail: detail.to_json(),
        }
    }

    /// The entry that this line becomes after `head`; `None` when it is the first.
    pub fn chain(self, head: Option<&Head>) -> Entry {
        let (seq, prev) = head.map_or((1, Hash::ZERO), |head| (head.seq + 1, head.hash));
        let mut entry = Entry {
            seq,
            line: self,
            prev,
            hash: Hash::ZERO,
        };
        entry.hash = entry.true_hash();
        entry
    }
}

/// One row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1 for the first, then without gaps.
    pub seq: u64,
    /// What was noted.
    pub line: Line,
    /// The hash of the entry before; [`Hash::ZERO`] for the first.
    pub prev: Hash,
    /// The hash of this entry.
    pub hash: Hash,
}

impl Entry {
    /// The hash that this entry's content gives.
    pub fn true_hash(&self) -> Hash {
        self.hash_as(self.seq)
    }

    /// The hash that this content would give at another place: tells a moved row from an edited one.
    pub(crate) fn hash_as(&self, seq: u64) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(b"pharos ledger 1\n");
        context.update(&seq.to_be_bytes());
        context.update(&self.line.at.as_microsecond().to_be_bytes());
        for text in [
            &self.line.actor,
            &self.line.act,
            &self.line.subject,
            &self.line.detail,
        ] {
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        context.update(&self.prev.0);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Hash(hash)
    }

    /// The head of a chain that ends here.
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash,
        }
    }
}

/// The end of the chain. Kept apart from the rows, with a keyed mark over [`Head::bytes`], so that
/// a missing tail is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last entry's number.
    pub seq: u64,
    /// The last entry's hash.
    pub hash: Hash,
}

impl Head {
    /// What the keyed mark is made over.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"pharos ledger head 1\n".to_vec();
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.hash.0);
        bytes
    }
}
