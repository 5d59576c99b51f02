//! The block desk: what a block page may say later, found again by a short opaque reference.

use std::fmt::{self, Write};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_school::{Face, Who};

/// Letters of a reference: Crockford's base 32, without I, L, O and U, so that it can be read out.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters in one reference: 50 bits.
const LENGTH: u32 = 10;

/// A short opaque name for one block, printed on the page as `K7Q2M-9XD4T` and used in the link
/// `{web}/blocked/{reference}`, so that neither an address nor a name stands in a URL.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference(u64);

impl Reference {
    /// The reference made from the low 50 bits of a random number drawn at the edge.
    pub const fn from_random(bits: u64) -> Self {
        Self(bits & ((1 << (LENGTH * 5)) - 1))
    }

    /// The 50 bits, for use as a key.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..LENGTH).rev() {
            if place == LENGTH / 2 - 1 {
                f.write_char('-')?;
            }
            let letter = LETTERS[(self.0 >> (place * 5)) as usize & 31];
            f.write_char(char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reference:{self}")
    }
}

/// The text is not a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a block reference: expected ten letters and digits such as K7Q2M-9XD4T, as printed on the block page"
)]
pub struct ParseReferenceError;

impl FromStr for Reference {
    type Err = ParseReferenceError;

    /// Reads what people type: case, spaces and hyphens do not matter, O reads as 0, I and L as 1.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut bits, mut count) = (0_u64, 0);
        for byte in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            let letter = match byte.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            };
            let value = LETTERS
                .iter()
                .position(|l| *l == letter)
                .ok_or(ParseReferenceError)?;
            count += 1;
            if count > LENGTH {
                return Err(ParseReferenceError);
            }
            bits = bits << 5 | value as u64;
        }
        if count == LENGTH {
            Ok(Self(bits))
        } else {
            Err(ParseReferenceError)
        }
    }
}

/// Everything a block page, an "ask for this site" and a "something is wrong" need later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// When it was decided.
    pub at: Timestamp,
    /// Who was behind it.
    pub who: Who,
    /// The policy group that the decision was made for.
    pub group: Option<Arc<str>>,
    /// The device's network address.
    pub address: IpAddr,
    /// The face that decided.
    pub face: Face,
    /// The host asked for; `None` where a sealed list was hit (MON-14, FIL-03).
    pub host: Option<Box<str>>,
    /// Path and query, where the face sees them; `None` for sealed hits and name-only faces.
    pub path: Option<Box<str>>,
    /// `block`, or `warn` where the reader may go on (`policy::Action::name`).
    pub action: &'static str,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// The names of the categories found; empty for sealed hits.
    pub categories: Arc<[Arc<str>]>,
    /// Why, in a plain sentence for the reader.
    pub why: Box<str>,
    /// Whether the reader may ask for the site to be opened (never for sealed hits).
    pub may_ask: bool,
    /// The policy version in force.
    pub policy_version: u64,
    /// The catalogue version in force.
    pub catalogue_version: u64,
}

/// Keeps blocks for as long as their pages may be open; bounded, the oldest go first.
pub trait BlockDesk: Send + Sync + 'static {
    /// Takes in one block and names it. Never blocks on I/O.
    fn open(&self, blocked: Blocked) -> Reference;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_back_as_people_type_it() {
        for bits in [0, 1, u64::MAX, 0x0123_4567_89AB_CDEF] {
            let reference = Reference::from_random(bits);
            let text = reference.to_string();
            assert_eq!(text.len(), 11, "{text}");
            assert_eq!(text.parse(), Ok(reference));
            assert_eq!(
                text.to_lowercase()
                    .replace('-', " ")
                    .replace('0', "o")
                    .parse(),
                Ok(reference)
            );
        }
        for wrong in ["", "K7Q2M", "K7Q2M-9XD4T-1", "K7Q2M-9XD4U", "ééééé-ééééé"] {
            assert_eq!(
                wrong.parse::<Reference>(),
                Err(ParseReferenceError),
                "{wrong}"
            );
        }
    }
}
