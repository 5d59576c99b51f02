//! What can go wrong, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Sealing or opening failed. Never holds key or content.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key file cannot be read or written.
    #[error("cannot {doing} the key file {}: {source}; check the path and the rights", path.display())]
    KeyFile {
        /// `read` or `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// There is a key file already; overwriting it would lose everything sealed with it.
    #[error("{} exists already and is not overwritten; move it to a safe place first", .0.display())]
    KeyFileExists(PathBuf),
    /// Others on the machine could read the key file.
    #[error("other users can read the key file {}; run: chmod 600 {}", .0.display(), .0.display())]
    KeyFileOpen(PathBuf),
    /// The file or text is not a master key.
    #[error(
        "{0} is not a Pharos master key: expected one line that begins with pharos-key-1; use the file that `pharos init` made"
    )]
    NotAKey(String),
    /// The key ring is not one.
    #[error("the key ring is damaged in line {line}; restore it from the last backup")]
    Ring {
        /// The line, from 1.
        line: usize,
    },
    /// The master key does not open the key ring.
    #[error(
        "this master key does not open the school's key ring; use the key file that belongs to this data folder or backup"
    )]
    WrongKey,
    /// The value was sealed with a school key that the ring no longer has.
    #[error(
        "sealed with school key {0}, which the key ring does not have; restore the key ring from the last backup"
    )]
    UnknownKey(u32),
    /// The value was changed, cut short, or belongs elsewhere.
    #[error(
        "a sealed value in {0} was changed or belongs elsewhere; restore it from the last backup"
    )]
    Damaged(String),
    /// A sealed file was changed or is cut short.
    #[error("the sealed file is changed or cut short in part {0}; use another copy")]
    DamagedPart(u64),
    /// The system gave no randomness, or the crypto library refused.
    #[error("the system's cryptography refused to work; nothing was written")]
    Crypto,
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}
