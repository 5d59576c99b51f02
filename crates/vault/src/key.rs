//! Raw keys, and the master key that the operator holds.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::Error;

/// What the key file is called when it lies in the data folder.
pub const KEY_FILE_NAME: &str = "master.key";

/// The first word of the key file.
const MARK: &str = "pharos-key-1";

/// Bytes of the tag of AES-256-GCM.
pub(crate) const TAG: usize = 16;

/// A 256-bit key, wiped when dropped.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(crate) fn fresh() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    pub(crate) fn from_slice(slice: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        (slice.len() == 32).then(|| bytes.copy_from_slice(slice))?;
        Some(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals under a fresh random nonce: nonce, ciphertext, tag are appended to `out`.
    pub(crate) fn seal(&self, aad: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce)?;
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        let tag = self.aead()?.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            out.get_mut(start..).unwrap_or_default(),
        )?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Opens what [`Key::seal`] appended; `None` if it was changed.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        self.open_with(*nonce, aad, rest)
    }

    /// Opens ciphertext and tag under a known nonce.
    pub(crate) fn open_with(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let key = self.aead().ok()?;
        let plain = key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut buffer,
            )
            .ok()?
            .len();
        buffer.truncate(plain);
        Some(buffer)
    }

    /// Seals `buffer` in place under a nonce that the caller never uses twice for this key.
    pub(crate) fn seal_with(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        Ok(self
            .aead()?
            .seal_in_place_append_tag(nonce, Aad::from(aad), buffer)?)
    }

    fn aead(&self) -> Result<LessSafeKey, Error> {
        Ok(LessSafeKey::new(UnboundKey::new(
            &AES_256_GCM,
            self.bytes(),
        )?))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// The key that the operator holds. Whoever has it and a backup can read everything; without it
/// nobody can, the makers of Pharos included.
#[derive(Clone)]
pub struct MasterKey(pub(crate) Key);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// A new random key.
    ///
    /// # Errors
    /// [`Error::Crypto`] when the system gives no randomness.
    pub fn fresh() -> Result<Self, Error> {
        Key::fresh().map(Self)
    }

    /// Reads `pharos-key-1 <64 hexadecimal digits>`, as in the key file; for a key handed over in
    /// an environment variable. `from` is named in the error.
    ///
    /// # Errors
    /// [`Error::NotAKey`].
    pub fn parse(text: &str, from: &str) -> Result<Self, Error> {
        let wrong = || Error::NotAKey(from.to_owned());
        let mut words = text.split_ascii_whitespace();
        let (mark, digits, end) = (words.next(), words.next(), words.next());
        if mark != Some(MARK) || end.is_some() {
            return Err(wrong());
        }
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits.ok_or_else(wrong)?, bytes.as_mut_slice())
            .map_err(|_| wrong())?;
        Key::from_slice(bytes.as_slice())
            .map(Self)
            .ok_or_else(wrong)
    }

    /// Reads the key file, which only its owner may be able to read (mode 0600 or stricter).
    ///
    /// # Errors
    /// [`Error::KeyFile`], [`Error::KeyFileOpen`], [`Error::NotAKey`].
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::KeyFile {
            doing: "read",
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
            return Err(Error::KeyFileOpen(path.to_owned()));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(4096).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Writes the key to a new file with mode 0600, and sees it onto the disk.
    ///
    /// # Errors
    /// [`Error::KeyFileExists`]: an existing key is never overwritten. [`Error::KeyFile`].
    pub fn to_new_file(&self, path: &Path) -> Result<(), Error> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => Error::KeyFileExists(path.to_owned()),
            _ => Error::KeyFile {
                doing: "write",
                path: path.to_owned(),
                source,
            },
        };
        let digits = Zeroizing::new(hex::encode(self.0.bytes()));
        let line = Zeroizing::new(format!("{MARK} {}\n", digits.as_str()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        file.write_all(line.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(failed)
    }
}
