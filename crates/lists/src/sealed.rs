//! Sealed lists of the data folder (FIL-03): added once with the publisher's key, then only ever
//! replaced by newer issues that this key signed.

use std::collections::BTreeSet;
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
use crate::manifest::SealedMark;
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
        let pinned = match self.mark(name).and_then(|mark| mark.publisher()) {
            Some(pinned) => Some(pinned),
            None => self
                .open_sealed(name, key)?
                .map(|list| list.info().publisher),
        };
        if let Some(pinned) = pinned {
            return if pinned == publisher {
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
        let mark = SealedMark::of(&info);
        let sealed = SealedBuilder::new(key)
            .finish(info)
            .map_err(|why| sealed(name, why))?;
        self.write_sealed(name, &sealed)?;
        self.set_marks([(name.to_owned(), mark)])
    }

    /// Takes a newer issue of a sealed list; where the list's file is missing or damaged, the issue
    /// that was in force once more. Its text is dropped and wiped once it is sealed; the
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
        let held = self.held(name, key, now)?;
        let refuse = |why| ListsError::Bundle {
            name: name.to_owned(),
            why,
        };
        let checked = Checked::open(bundle, &held.publisher).map_err(refuse)?;
        check_head(&checked, &held).map_err(refuse)?;
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
            ..held
        };
        let file = builder.finish(info).map_err(|why| sealed(name, why))?;
        let list = SealedList::open(&file, key).map_err(|why| sealed(name, why))?;
        self.write_sealed(name, &file)?;
        self.set_marks([(name.to_owned(), SealedMark::of(list.info()))])?;
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

    /// All sealed lists, for the filter. One that is missing, cannot be opened or is older than it
    /// was is an error, never left out: a filter without it must not start (FIL-03).
    ///
    /// # Errors
    /// [`ListsError::Sealed`], [`ListsError::SealedMissing`], [`ListsError::SealedOlder`] or
    /// [`ListsError::Io`].
    pub fn sealed_lists(&self, key: &SealedKey) -> Result<SealedLists, ListsError> {
        let mut lists = Vec::new();
        for (_, list) in self.each_sealed(key)? {
            lists.push(list?);
        }
        self.mark_unmarked(&lists);
        Ok(SealedLists::new(key.clone(), lists))
    }

    /// Count, date, age and checksum of each sealed list; of one that cannot be used what is wrong.
    ///
    /// # Errors
    /// [`ListsError::Io`] when the folder cannot be read.
    pub fn sealed_status(
        &self,
        key: &SealedKey,
        now: Timestamp,
    ) -> Result<Vec<SealedStatus>, ListsError> {
        let each = self.each_sealed(key)?.into_iter();
        Ok(each
            .map(|(name, list)| match list {
                Ok(list) => list.info().status(now),
                Err(error) => self.broken(name, &error),
            })
            .collect())
    }

    /// Every sealed list that is there or must be, by name.
    #[expect(clippy::type_complexity, reason = "a name and what came of opening it")]
    fn each_sealed(
        &self,
        key: &SealedKey,
    ) -> Result<Vec<(String, Result<SealedList, ListsError>)>, ListsError> {
        let folder = self.root().join("sealed");
        let read = |error| ListsError::io("read", &folder, error);
        let marks = self.marks();
        let mut names: BTreeSet<String> = marks.keys().cloned().collect();
        match fs::read_dir(&folder) {
            Ok(entries) => {
                for entry in entries {
                    let name = entry.map_err(read)?.file_name();
                    let name = name.to_string_lossy();
                    names.extend(name.strip_suffix(".sealed").map(str::to_owned));
                }
            }
            // Gone with all that was in it: each list is then missing by itself.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !marks.is_empty() => {}
            Err(error) => return Err(read(error)),
        }
        let open = |name: &String| match (self.open_sealed(name, key)?, marks.get(name)) {
            (None, _) => Err(ListsError::SealedMissing(name.clone())),
            (Some(list), Some(mark)) if list.info().version < mark.version => {
                Err(ListsError::SealedOlder(name.clone()))
            }
            (Some(list), Some(mark)) if mark.publisher() != Some(list.info().publisher) => {
                Err(sealed(name, pharos_catalogue::SealedError::Tampered))
            }
            (Some(list), _) => Ok(list),
        };
        Ok(names
            .iter()
            .map(|name| (name.clone(), open(name)))
            .collect())
    }

    /// How a list that cannot be used stands: red.
    fn broken(&self, name: String, error: &ListsError) -> SealedStatus {
        let mark = self.mark(&name);
        SealedStatus {
            owner: mark
                .as_ref()
                .map(|mark| mark.owner.clone())
                .unwrap_or_default(),
            version: mark.map_or(0, |mark| mark.version),
            name,
            issued: Timestamp::UNIX_EPOCH,
            entries: 0,
            checksum: String::new(),
            age: SignedDuration::ZERO,
            stale: true,
            test_entry: String::new(),
            trouble: Some(error.to_string()),
        }
    }

    /// What a new issue is held against: the list, or, where its file is missing or damaged, what the
    /// manifest says of it. Then the issue that was in force may come once more, and none before it.
    fn held(&self, name: &str, key: &SealedKey, now: Timestamp) -> Result<SealedInfo, ListsError> {
        let mark = self.mark(name);
        match (self.open_sealed(name, key), mark) {
            (Ok(Some(list)), mark)
                if mark
                    .as_ref()
                    .is_none_or(|mark| list.info().version >= mark.version) =>
            {
                Ok(list.info().clone())
            }
            (Err(error), None) => Err(error),
            (_, None) => Err(ListsError::UnknownList(name.to_owned())),
            (_, Some(mark)) => mark
                .info(name, now)
                .ok_or_else(|| ListsError::SealedMissing(name.to_owned())),
        }
    }

    fn mark(&self, name: &str) -> Option<SealedMark> {
        self.marks().remove(name)
    }

    /// Lists of a folder from before there were marks get theirs. When another process is changing
    /// the lists, it is done at the next turn.
    fn mark_unmarked(&self, lists: &[SealedList]) {
        let marks = self.marks();
        let new: Vec<_> = lists
            .iter()
            .map(SealedList::info)
            .filter(|info| !marks.contains_key(&*info.name))
            .map(|info| (info.name.to_string(), SealedMark::of(info)))
            .collect();
        if !new.is_empty()
            && let Ok(_lock) = self.lock()
        {
            let _ = self.set_marks(new);
        }
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

    fn write_sealed(&self, name: &str, bytes: &[u8]) -> Result<(), ListsError> {
        let path = self.sealed_path(name);
        // The folder may have been taken away with what was in it.
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| ListsError::io("create", folder, error))?;
        }
        disk::replace(&path, bytes)
    }

    fn sealed_path(&self, name: &str) -> PathBuf {
        self.root().join("sealed").join(format!("{name}.sealed"))
    }
}

impl SealedMark {
    fn of(info: &SealedInfo) -> Self {
        Self {
            owner: info.owner.to_string(),
            publisher: hex::encode(info.publisher),
            version: info.version,
            allowed_age_hours: info.allowed_age.as_hours(),
        }
    }

    fn publisher(&self) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        hex::decode_to_slice(&self.publisher, &mut key).ok()?;
        Some(key)
    }

    /// The list as it was just before the issue that was in force.
    fn info(&self, name: &str, now: Timestamp) -> Option<SealedInfo> {
        Some(SealedInfo {
            owner: self.owner.as_str().into(),
            name: name.into(),
            version: self.version.saturating_sub(1),
            issued: Timestamp::UNIX_EPOCH,
            imported: now,
            // Bounded so that no stored number overflows the conversion: ten years.
            allowed_age: SignedDuration::from_hours(self.allowed_age_hours.clamp(0, 87_600)),
            entries: 0,
            checksum: [0; 32],
            publisher: self.publisher()?,
        })
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
