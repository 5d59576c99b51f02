//! The files of a pack as one run of bytes, the form in which records keep each version.
//!
//! `PHPACK1\n`, then for every file in the order of paths: length of the path and of the content
//! as little-endian `u32`, path, content. The same files always give the same bytes.

use std::collections::BTreeMap;

const MAGIC: &[u8] = b"PHPACK1\n";

/// The most bytes of an archive.
pub const ARCHIVE_BYTES_MAX: usize = 32 << 20;

/// The bytes are not an archive of a pack, or a damaged one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// It does not begin as one.
    #[error("this is not a stored policy pack")]
    NotAPack,
    /// It ends in the middle of a file or holds lengths that do not fit.
    #[error("the stored policy pack is damaged at byte {0}: restore it from a backup")]
    Damaged(usize),
    /// Larger than [`ARCHIVE_BYTES_MAX`].
    #[error("the stored policy pack is larger than {ARCHIVE_BYTES_MAX} bytes")]
    TooLarge,
}

/// Packs files by path. A file longer than 4 GiB cannot be in a pack and is left out.
pub fn to_archive(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (path, content) in files {
        let (Ok(path_length), Ok(length)) =
            (u32::try_from(path.len()), u32::try_from(content.len()))
        else {
            continue;
        };
        bytes.extend_from_slice(&path_length.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(path.as_bytes());
        bytes.extend_from_slice(content);
    }
    bytes
}

/// Unpacks what [`to_archive`] made.
///
/// # Errors
/// [`UnpackError`], with the place where it is damaged.
pub fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, UnpackError> {
    if bytes.len() > ARCHIVE_BYTES_MAX {
        return Err(UnpackError::TooLarge);
    }
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(UnpackError::NotAPack)?;
    let mut files = BTreeMap::new();
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let (path, content, after) = next_file(rest).ok_or(UnpackError::Damaged(at))?;
        files.insert(path, content);
        rest = after;
    }
    Ok(files)
}

fn next_file(bytes: &[u8]) -> Option<(String, Vec<u8>, &[u8])> {
    let (path_length, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (path, rest) =
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*path_length)).ok()?)?;
    let (content, rest) =
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((
        std::str::from_utf8(path).ok()?.to_owned(),
        content.to_vec(),
        rest,
    ))
}
