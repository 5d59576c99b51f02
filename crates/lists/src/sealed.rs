//! Sealed lists of the data folder (FIL-03): added once with the publisher's key, then only ever
//! replaced by newer issues that this key signed.

use std::fs;
use std::io;
use std::path::PathBuf;

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use pharos_catalogue::{
    SealedBuilder, SealedInfo, SealedKey, SealedList, SealedLists, SealedStatus, is_plain_name,
};
use zeroize::Zeroizing;

use crate::bundle::{BundleError, Checked};
use crate::disk;
use crate::error::ListsError;
use crate::store::Lists;

/// What an import of a bundle did. Nothing of its entries but their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedReport {
    /// The list as it now stands.
    pub status: SealedStatus,
    /// Lines of the bundle that are no addresses; the publisher should be told.
    pub malformed: u64,
}

impl Lists {
    /// Adds an empty sealed list and pins its publisher's Ed25519 public key for good. Repeating it
    /// with the same key changes nothing.
    ///
    /// # Errors
    /// [`ListsError::SealedThere`] when the list is there with another key.
    pub fn sealed_add(
        &self,
        name: &str,
        owner: &str,
        publisher: [u8; 32],
        allowed_age: SignedDuration,
        key: &SealedKey,
        now: Timestamp,
    ) -> Result<(), ListsError> {
        let _lock = self.lock()?;
        if !is_plain_name(name) {
            return Err(ListsError::BadName(name.to_owned()));
        }
        if let Some(list) = self.open_sealed(name, key)? {
            let same = list.info().publisher == publisher;
            return if same {
                Ok(())
            } else {
                Err(ListsError::SealedThere(name.to_owned()))
            };
        }
        let info = SealedInfo {
            owner: owner.into(),
            name: name.into(),
            version: 0,
            issued: Timestamp::UNIX_EPOCH,
            imported: now,
            allowed_age,
            entries: 0,
            checksum: [0; 32],
            publisher,
        };
        let sealed = SealedBuilder::new(key)
            .finish(info)
            .map_err(|why| sealed(name, why))?;
        disk::replace(&self.sealed_path(name), &sealed)
    }

    /// Takes a newer issue of a sealed list. Its text is dropped and wiped once it is sealed; the
    /// caller should wipe its own copy.
    ///
    /// # Errors
    /// [`ListsError::Bundle`] with the reason; the last good version stays in force.
    pub fn sealed_import(
        &self,
        name: &str,
        bundle: &[u8],
        key: &SealedKey,
        now: Timestamp,
    ) -> Result<SealedReport, ListsError> {
        let _lock = self.lock()?;
        let held = self
            .open_sealed(name, key)?
            .ok_or_else(|| ListsError::UnknownList(name.to_owned()))?;
        let refuse = |why| ListsError::Bundle {
            name: name.to_owned(),
            why,
        };
        let checked = Checked::open(bundle, &held.info().publisher).map_err(refuse)?;
        check_head(&checked, held.info()).map_err(refuse)?;
        let mut builder = SealedBuilder::new(key);
        let tally = checked
            .entries(&mut |entry| builder.add(entry))
            .map_err(refuse)?;
        let info = SealedInfo {
            owner: checked.head.owner.as_str().into(),
            version: checked.head.version,
            issued: checked.head.issued,
            imported: now,
            checksum: digest::digest(&digest::SHA256, bundle)
                .as_ref()
                .try_into()
                .unwrap_or_default(),
            ..held.info().clone()
        };
        let file = builder.finish(info).map_err(|why| sealed(name, why))?;
        let list = SealedList::open(&file, key).map_err(|why| sealed(name, why))?;
        disk::replace(&self.sealed_path(name), &file)?;
        Ok(SealedReport {
            status: list.info().status(now),
            malformed: tally.malformed,
        })
    }

    /// [`Lists::sealed_import`] from a file, wiping what was read.
    ///
    /// # Errors
    /// As there, and [`ListsError::Io`].
    pub fn sealed_import_file(
        &self,
        name: &str,
        path: &std::path::Path,
        key: &SealedKey,
        now: Timestamp,
    ) -> Result<SealedReport, ListsError> {
        let size = fs::metadata(path)
            .map_err(|error| ListsError::io("read", path, error))?
            .len();
        if size > crate::bundle::BUNDLE_MAX as u64 {
            return Err(ListsError::Bundle {
                name: name.to_owned(),
                why: BundleError::TooLarge,
            });
        }
        let bundle =
            Zeroizing::new(fs::read(path).map_err(|error| ListsError::io("read", path, error))?);
        self.sealed_import(name, &bundle, key, now)
    }

    /// All sealed lists, for the filter. One that cannot be opened is an error, never left out: a
    /// filter without it must not start (FIL-03).
    ///
    /// # Errors
    /// [`ListsError::Sealed`] or [`ListsError::Io`].
    pub fn sealed_lists(&self, key: &SealedKey) -> Result<SealedLists, ListsError> {
        let folder = self.root().join("sealed");
        let read = |error| ListsError::io("read", &folder, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(read)? {
            let name = entry
                .map_err(read)?
                .file_name()
                .to_string_lossy()
                .into_owned();
            names.extend(name.strip_suffix(".sealed").map(str::to_owned));
        }
        names.sort();
        let mut lists = Vec::new();
        for name in names {
            lists.extend(self.open_sealed(&name, key)?);
        }
        Ok(SealedLists::new(key.clone(), lists))
    }

    /// Count, date, age and checksum of each sealed list.
    ///
    /// # Errors
    /// As [`Lists::sealed_lists`].
    pub fn sealed_status(
        &self,
        key: &SealedKey,
        now: Timestamp,
    ) -> Result<Vec<SealedStatus>, ListsError> {
        Ok(self.sealed_lists(key)?.status(now))
    }

    fn open_sealed(&self, name: &str, key: &SealedKey) -> Result<Option<SealedList>, ListsError> {
        let path = self.sealed_path(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ListsError::io("read", &path, error)),
        };
        let list = SealedList::open(&bytes, key).map_err(|why| sealed(name, why))?;
        // A file put under another list's name would silently change which list it is.
        if &*list.info().name != name {
            return Err(sealed(name, pharos_catalogue::SealedError::Tampered));
        }
        Ok(Some(list))
    }

    fn sealed_path(&self, name: &str) -> PathBuf {
        self.root().join("sealed").join(format!("{name}.sealed"))
    }
}

fn check_head(bundle: &Checked<'_>, held: &SealedInfo) -> Result<(), BundleError> {
    if *bundle.head.name != *held.name {
        return Err(BundleError::OtherList(bundle.head.name.clone()));
    }
    if bundle.head.version <= held.version {
        let offered = bundle.head.version;
        return Err(BundleError::NotNewer {
            offered,
            held: held.version,
        });
    }
    Ok(())
}

fn sealed(name: &str, why: pharos_catalogue::SealedError) -> ListsError {
    ListsError::Sealed {
        name: name.to_owned(),
        why,
    }
}
