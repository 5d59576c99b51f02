//! One sealed value: its place, its layout.

use std::fmt;

use zeroize::Zeroizing;

use crate::Error;
use crate::key::{Key, TAG};

/// The first bytes of a sealed value, with the version of the layout.
const MARK: &[u8; 4] = b"PHS1";
/// Nonce, data key and tag.
const WRAPPED: usize = 12 + 32 + TAG;

/// Where a value belongs. It opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's key, as text.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
}

impl<'a> Place<'a> {
    /// A place.
    pub const fn new(table: &'a str, row: &'a str, column: &'a str) -> Self {
        Self { table, row, column }
    }

    /// What the cipher binds the value to: each part with its length, so that no two places look
    /// the same.
    fn aad(&self, key_id: Option<u32>) -> Vec<u8> {
        let mut aad = MARK.to_vec();
        for part in [self.table, self.row, self.column] {
            aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
            aad.extend_from_slice(part.as_bytes());
        }
        if let Some(id) = key_id {
            aad.extend_from_slice(&id.to_be_bytes());
        }
        aad
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "table {}, row {}, column {}",
            self.table, self.row, self.column
        )
    }
}

/// Layout: mark (4), school key number (4), wrapped data key (60), sealed content (n + 28).
pub(crate) fn seal(
    key_id: u32,
    school: &Key,
    place: Place<'_>,
    plain: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(8 + WRAPPED + plain.len() + 12 + TAG);
    out.extend_from_slice(MARK);
    out.extend_from_slice(&key_id.to_be_bytes());
    let data_key = Key::fresh()?;
    school.seal(&place.aad(Some(key_id)), data_key.bytes(), &mut out)?;
    data_key.seal(&place.aad(None), plain, &mut out)?;
    Ok(out)
}

pub(crate) fn key_id(sealed: &[u8]) -> Option<u32> {
    let (id, _) = sealed.strip_prefix(MARK)?.split_first_chunk::<4>()?;
    Some(u32::from_be_bytes(*id))
}

pub(crate) fn open(school: &Key, place: Place<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let id = key_id(sealed)?;
    let (wrapped, content) = sealed.get(8..)?.split_at_checked(WRAPPED)?;
    let data_key = Key::from_slice(&school.open(&place.aad(Some(id)), wrapped)?)?;
    data_key.open(&place.aad(None), content)
}

/// The same content under another school key: only the data key is wrapped anew.
pub(crate) fn rewrap(
    from: &Key,
    to_id: u32,
    to: &Key,
    place: Place<'_>,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, Error> {
    let Some(id) = key_id(sealed) else {
        return Ok(None);
    };
    let Some((wrapped, content)) = sealed
        .get(8..)
        .and_then(|rest| rest.split_at_checked(WRAPPED))
    else {
        return Ok(None);
    };
    let Some(data_key) = from.open(&place.aad(Some(id)), wrapped) else {
        return Ok(None);
    };
    let mut out = Vec::with_capacity(sealed.len());
    out.extend_from_slice(MARK);
    out.extend_from_slice(&to_id.to_be_bytes());
    to.seal(&place.aad(Some(to_id)), &data_key, &mut out)?;
    out.extend_from_slice(content);
    Ok(Some(out))
}
