//! The check of a chain.

use crate::{Entry, Hash, Head};

/// How far a moved row is searched from its old place, in rows.
const SEARCH: u64 = 100_000;

/// What was done to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The row's content is not what was written.
    Edited,
    /// The row is missing.
    Removed,
    /// The row is not where it was written.
    Reordered,
    /// The row comes after the last one that the system wrote.
    Added,
}

impl Kind {
    /// The word in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Removed => "removed",
            Self::Reordered => "moved",
            Self::Added => "added",
        }
    }
}

/// The chain does not hold: the first row that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the audit log was tampered with: row {seq} was {}; keep the database file as it is, tell the head, and compare with the last backup",
    kind.name()
)]
pub struct Broken {
    /// The row's number in the chain.
    pub seq: u64,
    /// What was done.
    pub kind: Kind,
}

/// Walks a chain in the order of its rows and says where it ends. `head` is the end that was kept
/// apart; its keyed mark must be checked by the caller, who has the key. Takes one pass and constant
/// memory; an empty chain is whole when there is no head.
///
/// # Errors
/// [`Broken`] names the first row that was edited, removed, moved or added.
pub fn verify(
    entries: impl IntoIterator<Item = Entry>,
    head: Option<&Head>,
) -> Result<Option<Head>, Broken> {
    let mut entries = entries.into_iter();
    let mut last: Option<Head> = None;
    while let Some(entry) = entries.next() {
        let (want, prev) = last.map_or((1, Hash::ZERO), |head| (head.seq + 1, head.hash));
        if head.is_none_or(|head| want > head.seq) {
            return Err(Broken {
                seq: entry.seq,
                kind: Kind::Added,
            });
        }
        if entry.seq != want {
            return Err(missing(want, entry, entries));
        }
        if entry.true_hash() != entry.hash {
            return Err(altered(&entry, prev, entries));
        }
        if entry.prev != prev {
            // This row is as it was written, so it is the one before whose hash was made anew.
            return Err(Broken {
                seq: want.saturating_sub(1).max(1),
                kind: Kind::Edited,
            });
        }
        last = Some(entry.head());
    }
    at_end(last, head)
}

fn at_end(last: Option<Head>, head: Option<&Head>) -> Result<Option<Head>, Broken> {
    let Some(head) = head else { return Ok(last) };
    match last {
        Some(last) if last == *head => Ok(Some(last)),
        Some(last) if last.seq == head.seq => Err(Broken {
            seq: last.seq,
            kind: Kind::Edited,
        }),
        Some(last) => Err(Broken {
            seq: last.seq + 1,
            kind: Kind::Removed,
        }),
        None => Err(Broken {
            seq: 1,
            kind: Kind::Removed,
        }),
    }
}

/// Another row stands where `want` should: is it further on, or gone?
fn missing(want: u64, found: Entry, rest: impl Iterator<Item = Entry>) -> Broken {
    let later = std::iter::once(found)
        .chain(rest)
        .any(|entry| entry.seq == want);
    Broken {
        seq: want,
        kind: if later {
            Kind::Reordered
        } else {
            Kind::Removed
        },
    }
}

/// The row's content does not give its hash: was it written at another place, or edited?
fn altered(entry: &Entry, prev: Hash, rest: impl Iterator<Item = Entry>) -> Broken {
    let here = entry.seq;
    if entry.prev == prev || came_from(entry).is_none() {
        return Broken {
            seq: here,
            kind: Kind::Edited,
        };
    }
    // The row of another place stands here under this number. Moved, if this number's own row
    // stands further on under another; else removed, and the rest numbered anew.
    let elsewhere = rest
        .into_iter()
        .any(|entry| entry.seq != here && entry.hash_as(here) == entry.hash);
    Broken {
        seq: here,
        kind: if elsewhere {
            Kind::Reordered
        } else {
            Kind::Removed
        },
    }
}

fn came_from(entry: &Entry) -> Option<u64> {
    let (from, to) = (
        entry.seq.saturating_sub(SEARCH).max(1),
        entry.seq.saturating_add(SEARCH),
    );
    (from..=to).find(|seq| entry.hash_as(*seq) == entry.hash)
}
