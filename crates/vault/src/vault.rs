//! The school's keys, and what is done with them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::key::Key;
use crate::{Error, MasterKey, Place, value};

/// The first line of the key ring.
const MARK: &str = "pharos-ring-1";
/// The most keys a ring may hold: one a month for two centuries.
const MAX_KEYS: usize = 2400;

/// The school's keys, open for use.
#[derive(Clone)]
pub struct Vault {
    keys: BTreeMap<u32, Key>,
    active: u32,
    marks: Key,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault(school key {})", self.active)
    }
}

impl Vault {
    /// A new school's keys.
    ///
    /// # Errors
    /// [`Error::Crypto`] when the system gives no randomness.
    pub fn fresh() -> Result<Self, Error> {
        Ok(Self {
            keys: BTreeMap::from([(1, Key::fresh()?)]),
            active: 1,
            marks: Key::fresh()?,
        })
    }

    /// Opens a key ring.
    ///
    /// # Errors
    /// [`Error::Ring`] when it is damaged, [`Error::WrongKey`] when the master key is another one.
    pub fn open(ring: &str, master: &MasterKey) -> Result<Self, Error> {
        let mut lines = ring.lines().zip(1..);
        if lines.next().map(|(line, _)| line.trim()) != Some(MARK) {
            return Err(Error::Ring { line: 1 });
        }
        let (mut keys, mut marks) = (BTreeMap::new(), None);
        for (line, number) in lines.take(MAX_KEYS) {
            let (name, sealed) = line.split_once(' ').ok_or(Error::Ring { line: number })?;
            let sealed = hex::decode(sealed.trim()).map_err(|_| Error::Ring { line: number })?;
            let plain = master
                .0
                .open(&ring_aad(name), &sealed)
                .ok_or(Error::WrongKey)?;
            let key = Key::from_slice(&plain).ok_or(Error::Ring { line: number })?;
            match name.parse::<u32>() {
                Ok(id) => {
                    keys.insert(id, key);
                }
                Err(_) if name == "marks" => marks = Some(key),
                Err(_) => return Err(Error::Ring { line: number }),
            }
        }
        let marks = marks.ok_or(Error::Ring { line: 2 })?;
        let active = keys
            .keys()
            .next_back()
            .copied()
            .ok_or(Error::Ring { line: 3 })?;
        Ok(Self {
            keys,
            active,
            marks,
        })
    }

    /// The key ring as text, wrapped by a master key: for its file and for backups. Handing it a
    /// new master key is how the master key is changed.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn ring(&self, master: &MasterKey) -> Result<String, Error> {
        let mut text = format!("{MARK}\n");
        let named = self.keys.iter().map(|(id, key)| (id.to_string(), key));
        for (name, key) in std::iter::once(("marks".to_owned(), &self.marks)).chain(named) {
            let mut sealed = Vec::new();
            master.0.seal(&ring_aad(&name), key.bytes(), &mut sealed)?;
            text.push_str(&format!("{name} {}\n", hex::encode(sealed)));
        }
        Ok(text)
    }

    /// The same vault with a new school key for everything sealed from now on. Write its ring
    /// before using it, then [`Vault::reseal`] what older keys sealed.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn with_new_school_key(&self) -> Result<Self, Error> {
        let mut next = self.clone();
        next.active += 1;
        next.keys.insert(next.active, Key::fresh()?);
        Ok(next)
    }

    /// The same vault without the older school keys, once nothing is sealed with them any more.
    #[must_use]
    pub fn without_old_keys(&self) -> Self {
        let mut next = self.clone();
        next.keys.retain(|id, _| *id == self.active);
        next
    }

    /// The number of the school key in use.
    pub fn active(&self) -> u32 {
        self.active
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// [`Error::Crypto`].
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let key = self
            .keys
            .get(&self.active)
            .ok_or(Error::UnknownKey(self.active))?;
        value::seal(self.active, key, place, plain)
    }

    /// Opens a value at its place.
    ///
    /// # Errors
    /// [`Error::UnknownKey`], [`Error::Damaged`].
    pub fn unseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let damaged = || Error::Damaged(place.to_string());
        let id = value::key_id(sealed).ok_or_else(damaged)?;
        let key = self.keys.get(&id).ok_or(Error::UnknownKey(id))?;
        value::open(key, place, sealed).ok_or_else(damaged)
    }

    /// The value under the school key in use; `None` when it already is.
    ///
    /// # Errors
    /// [`Error::UnknownKey`], [`Error::Damaged`].
    pub fn reseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let damaged = || Error::Damaged(place.to_string());
        let id = value::key_id(sealed).ok_or_else(damaged)?;
        if id == self.active {
            return Ok(None);
        }
        let from = self.keys.get(&id).ok_or(Error::UnknownKey(id))?;
        let to = self
            .keys
            .get(&self.active)
            .ok_or(Error::UnknownKey(self.active))?;
        value::rewrap(from, self.active, to, place, sealed)?
            .ok_or_else(damaged)
            .map(Some)
    }

    /// A keyed mark (HMAC-SHA-256) over bytes, for `use_for`: shows that this school's server wrote
    /// them. Survives the change of school and master key.
    pub fn mark(&self, use_for: &str, bytes: &[u8]) -> [u8; 32] {
        let mut context =
            hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.marks.bytes()));
        context.update(&(use_for.len() as u64).to_be_bytes());
        context.update(use_for.as_bytes());
        context.update(bytes);
        let mut mark = [0; 32];
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }

    /// Whether a keyed mark is right, in constant time.
    pub fn mark_holds(&self, use_for: &str, bytes: &[u8], mark: &[u8]) -> bool {
        verify_slices_are_equal(&self.mark(use_for, bytes), mark).is_ok()
    }
}

fn ring_aad(name: &str) -> Vec<u8> {
    format!("{MARK} {name}").into_bytes()
}

/// Reads and opens the key ring's file.
///
/// # Errors
/// [`Error::KeyFile`] and those of [`Vault::open`].
pub fn read_ring(path: &Path, master: &MasterKey) -> Result<Vault, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::KeyFile {
        doing: "read",
        path: path.to_owned(),
        source,
    })?;
    Vault::open(&text, master)
}

/// Writes the key ring to its file: aside, onto the disk, then in place of the old one.
///
/// # Errors
/// [`Error::KeyFile`], [`Error::Crypto`].
pub fn write_ring(path: &Path, vault: &Vault, master: &MasterKey) -> Result<(), Error> {
    let text = vault.ring(master)?;
    let aside = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        path.parent()
            .map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
    };
    write().map_err(|source| Error::KeyFile {
        doing: "write",
        path: path.to_owned(),
        source,
    })
}
