//! The lists of a data folder: the one who changes them, and the one who reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;
use pharos_catalogue::{Catalogue, SharedBytes, sample_list};

use crate::LoadedCatalogue;
use crate::build;
use crate::disk;
use crate::error::{ListsError, Refusal};
use crate::good::{self, Keeper, ManifestFound, ManifestKey};
use crate::import::{self, Import, Report, Staged};
use crate::manifest::{
    FloorMark, ListEntry, Manifest, PREVIOUS_MAX, ROLLED_BACK_MAX, SealedMark, Version,
    catalogue_file, source_file,
};
use crate::memory::CatalogueMemory;
use crate::status::ListStatus;

/// FIL-04, settings table: a list is stale after three days.
const ALLOWED_AGE_HOURS: i64 = 72;

/// What opening found after a crash, for the log and the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Files that an interrupted change left behind; removed.
    pub removed: Vec<String>,
    /// Why the catalogue had to be compiled anew, where it had to.
    pub rebuilt: Option<String>,
    /// Lists whose current entries were damaged and that went back to an earlier version.
    pub rolled_back: Vec<String>,
    /// What was wrong with the manifest, where something was; the last good one is in force.
    pub manifest: Option<ManifestFound>,
}

/// While it is there, nobody changes the lists: imports answer [`ListsError::Busy`].
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "dropping it releases the lock")] File);

/// The lists of one data folder. Threads share it; one process at a time changes it.
#[derive(Debug)]
pub struct Lists {
    root: PathBuf,
    keeper: Mutex<Keeper>,
    manifest: Mutex<Manifest>,
    current: RwLock<Arc<LoadedCatalogue>>,
    book: Mutex<()>,
    /// Lists that are being fetched right now.
    pub(crate) under_way: Mutex<BTreeSet<String>>,
}

impl Lists {
    /// Opens the lists under `dir` (the data folder's `lists`, made when it is missing), removes
    /// what an interrupted change left behind, and maps the catalogue. A damaged catalogue is
    /// compiled anew. The manifest bears no mark: see [`Lists::open_marked`].
    ///
    /// # Errors
    /// [`ListsError`]. The filter must then not start (FIL-17).
    pub fn open(dir: &Path, now: Timestamp) -> Result<(Self, Recovery), ListsError> {
        Self::open_by(dir, None, now)
    }

    /// As [`Lists::open`], with a key under which the manifest is marked: one that another hand has
    /// changed or taken away is told ([`Recovery::manifest`]), and the last good one is in force. A
    /// catalogue that is not the manifest's is compiled anew.
    ///
    /// # Errors
    /// As [`Lists::open`]; [`ListsError::ManifestMark`] and [`ListsError::ManifestCopyMissing`] where
    /// the last good manifest is not to be had.
    pub fn open_marked(
        dir: &Path,
        key: ManifestKey,
        now: Timestamp,
    ) -> Result<(Self, Recovery), ListsError> {
        Self::open_by(dir, Some(key), now)
    }

    fn open_by(
        dir: &Path,
        key: Option<ManifestKey>,
        now: Timestamp,
    ) -> Result<(Self, Recovery), ListsError> {
        let marks_first = key.as_ref().is_some_and(|key| !key.is_known());
        for folder in [dir.to_owned(), dir.join("sources"), dir.join("sealed")] {
            fs::create_dir_all(&folder)
                .map_err(|error| ListsError::io("create", &folder, error))?;
        }
        let keeper = Keeper::new(dir, key);
        let (manifest, found) = match keeper.read()? {
            Some(read) => read,
            None if had_manifest(dir)? => {
                return Err(ListsError::ManifestMissing {
                    path: dir.join("manifest.json"),
                });
            }
            None => (Manifest::new(random_seed()?), None),
        };
        let lists = Self {
            root: dir.to_owned(),
            keeper: Mutex::new(keeper),
            manifest: Mutex::new(manifest),
            current: RwLock::new(Arc::new(Catalogue::empty())),
            book: Mutex::new(()),
            under_way: Mutex::new(BTreeSet::new()),
        };
        let mut recovery = Recovery {
            manifest: found,
            ..Recovery::default()
        };
        // While another process changes the lists, its files are no leftovers.
        let lock = lists.lock().ok();
        if lock.is_some() {
            let manifest = lists.manifest().clone();
            if found.is_some() || marks_first {
                lists.save(manifest.clone())?;
            }
            recovery.removed = lists.sweep(&manifest)?;
            let incoming = dir.join("incoming");
            if incoming.exists() {
                fs::remove_dir_all(&incoming)
                    .map_err(|error| ListsError::io("remove", &incoming, error))?;
            }
        }
        let mapped = lists.map(&lists.manifest().clone());
        match mapped {
            Ok(catalogue) => lists.put_in_force(catalogue),
            Err(error) if lock.is_some() => {
                recovery.rebuilt = Some(error.to_string());
                recovery.rolled_back = lists.rebuild(now)?;
            }
            Err(error) => return Err(error),
        }
        Ok((lists, recovery))
    }

    /// The lists folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The catalogue in force. Who holds it keeps it whole, whatever is swapped in meanwhile.
    pub fn catalogue(&self) -> Arc<LoadedCatalogue> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads a list, compiles all lists aside, and puts the result in force.
    ///
    /// # Errors
    /// [`ListsError`]; the last good lists then stay in force.
    pub fn import(&self, import: &Import<'_>, now: Timestamp) -> Result<Report, ListsError> {
        let _lock = self.lock()?;
        let mut manifest = self.fresh_manifest()?;
        let known = manifest.list(import.list);
        let number = known.map_or(0, |list| list.last_version) + 1;
        let before = known.map(|list| list.current.clone());
        let target = self.sources().join(source_file(import.list, number));
        let staged = import::stage(import, number, before.as_ref(), &target, now)?;
        let gone_back_from =
            known.is_some_and(|list| list.rolled_back.contains(&staged.version.sha256));
        if gone_back_from && !import.accept.rolled_back {
            remove_quietly(&target);
            return Err(ListsError::Refused {
                list: import.list.to_owned(),
                why: Refusal::RolledBack,
            });
        }
        let unchanged = before
            .as_ref()
            .is_some_and(|before| before.sha256 == staged.version.sha256);
        let mut report = report(import.list, &staged, before.as_ref(), unchanged);
        let done = if unchanged {
            renew(&mut manifest, import, now);
            self.save(manifest).map(|()| remove_quietly(&target))
        } else {
            enter(&mut manifest, import, staged.version);
            self.build_and_commit(manifest, now)
                .inspect_err(|_| remove_quietly(&target))
        };
        done?;
        report.catalogue_version = self.manifest().catalogue;
        if let (true, Some(before)) = (unchanged, before) {
            report.version = before.version;
        }
        Ok(report)
    }

    /// Imports the built-in sample list of fictional sites as list `sample`.
    ///
    /// # Errors
    /// As [`Lists::import`].
    pub fn import_sample(&self, now: Timestamp) -> Result<Report, ListsError> {
        let path = self.root.join("built-in-sample.list");
        fs::write(&path, sample_list()).map_err(|error| ListsError::io("write", &path, error))?;
        let result = self.import(&Import::new("sample", &path), now);
        remove_quietly(&path);
        result
    }

    /// Goes back to the version before the one in force.
    ///
    /// # Errors
    /// [`ListsError::UnknownList`], [`ListsError::NothingToRollBack`], or as in [`Lists::import`].
    pub fn roll_back(&self, list: &str, now: Timestamp) -> Result<Report, ListsError> {
        let _lock = self.lock()?;
        let mut manifest = self.fresh_manifest()?;
        let entry = manifest
            .list_mut(list)
            .ok_or_else(|| ListsError::UnknownList(list.to_owned()))?;
        if entry.previous.is_empty() {
            return Err(ListsError::NothingToRollBack(list.to_owned()));
        }
        let version = entry.previous.remove(0);
        let dropped = std::mem::replace(&mut entry.current, version.clone());
        entry.rolled_back.insert(0, dropped.sha256.clone());
        entry.rolled_back.truncate(ROLLED_BACK_MAX);
        self.build_and_commit(manifest, now)?;
        self.forget_validators(list);
        let staged = Staged {
            version,
            problems: Vec::new(),
            skipped: Vec::new(),
            protected_names: Vec::new(),
        };
        let mut report = report(list, &staged, Some(&dropped), false);
        report.catalogue_version = self.manifest().catalogue;
        Ok(report)
    }

    /// Whether there is a list of that name.
    pub fn has(&self, list: &str) -> bool {
        self.manifest().list(list).is_some()
    }

    /// The publisher says that the version in force is still its newest.
    ///
    /// # Errors
    /// [`ListsError::UnknownList`], or when the manifest cannot be written.
    pub(crate) fn renew(&self, list: &str, now: Timestamp) -> Result<(), ListsError> {
        let _lock = self.lock()?;
        let mut manifest = self.fresh_manifest()?;
        let entry = manifest
            .list_mut(list)
            .ok_or_else(|| ListsError::UnknownList(list.to_owned()))?;
        entry.current.imported_at = now;
        self.save(manifest)
    }

    /// Held while the book of fetches is changed.
    pub(crate) fn book_turn(&self) -> MutexGuard<'_, ()> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a list out.
    ///
    /// # Errors
    /// [`ListsError::UnknownList`], or as in [`Lists::import`].
    pub fn remove(&self, list: &str, now: Timestamp) -> Result<(), ListsError> {
        let _lock = self.lock()?;
        let mut manifest = self.fresh_manifest()?;
        let before = manifest.lists.len();
        manifest.lists.retain(|entry| entry.name != list);
        if manifest.lists.len() == before {
            return Err(ListsError::UnknownList(list.to_owned()));
        }
        self.build_and_commit(manifest, now)
    }

    /// Each list with its age, counts and problems.
    pub fn status(&self, now: Timestamp) -> Vec<ListStatus> {
        self.manifest()
            .lists
            .iter()
            .map(|list| ListStatus::of(list, now))
            .collect()
    }

    /// Puts in force what another process changed; `true` when there was something.
    ///
    /// # Errors
    /// [`ListsError`]; what was in force stays.
    pub fn reload(&self) -> Result<bool, ListsError> {
        let Some((manifest, _)) = self.keeper().read()? else {
            return Ok(false);
        };
        if manifest == *self.manifest() {
            return Ok(false);
        }
        let changed = manifest.catalogue != self.manifest().catalogue;
        if changed {
            self.put_in_force(self.map(&manifest)?);
        }
        *self.manifest() = manifest;
        Ok(changed)
    }

    /// Compiles, writes aside, checks what was written, and commits by replacing the manifest.
    fn build_and_commit(&self, mut manifest: Manifest, now: Timestamp) -> Result<(), ListsError> {
        manifest.catalogue += 1;
        let path = self.root.join(catalogue_file(manifest.catalogue));
        let compiled = build::compile(&manifest, &self.sources(), now)?;
        manifest.catalogue_sha256 = good::sha256(&compiled);
        disk::replace(&path, &compiled)?;
        drop(compiled);
        let result = self.map(&manifest).and_then(|catalogue| {
            self.save(manifest)?;
            Ok(catalogue)
        });
        let catalogue = result.inspect_err(|_| remove_quietly(&path))?;
        self.put_in_force(catalogue);
        // What cannot be removed now is removed at the next opening.
        let manifest = self.manifest().clone();
        let _ = self.sweep(&manifest);
        Ok(())
    }

    fn save(&self, manifest: Manifest) -> Result<(), ListsError> {
        self.keeper().write(&manifest)?;
        *self.manifest() = manifest;
        Ok(())
    }

    /// Compiles anew from the stored entries; a list whose entries are damaged goes back to its
    /// newest whole version.
    fn rebuild(&self, now: Timestamp) -> Result<Vec<String>, ListsError> {
        let mut manifest = self.manifest().clone();
        let mut rolled_back = Vec::new();
        for list in &mut manifest.lists {
            let sources = self.sources();
            while !build::is_whole(&sources, &list.name, &list.current) {
                if list.previous.is_empty() {
                    return Err(ListsError::SourceDamaged(list.name.clone()));
                }
                list.current = list.previous.remove(0);
                if !rolled_back.contains(&list.name) {
                    rolled_back.push(list.name.clone());
                }
            }
        }
        self.build_and_commit(manifest, now)?;
        Ok(rolled_back)
    }

    fn map(&self, manifest: &Manifest) -> Result<LoadedCatalogue, ListsError> {
        if manifest.catalogue == 0 {
            return Ok(Catalogue::empty());
        }
        let file = CatalogueMemory::read(&self.root.join(catalogue_file(manifest.catalogue)))?;
        let wanted = &manifest.catalogue_sha256;
        if !wanted.is_empty() && good::sha256(file.as_ref()) != *wanted {
            return Err(ListsError::CatalogueChanged);
        }
        Ok(Catalogue::open(SharedBytes::new(file))?)
    }

    fn put_in_force(&self, catalogue: LoadedCatalogue) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
    }

    /// Removes files of ours that the manifest does not speak of.
    fn sweep(&self, manifest: &Manifest) -> Result<Vec<String>, ListsError> {
        let mut wanted: BTreeSet<String> = manifest.source_files().collect();
        wanted.insert(catalogue_file(manifest.catalogue));
        let mut removed = Vec::new();
        for folder in [self.root.clone(), self.sources(), self.root.join("sealed")] {
            let read = |error| ListsError::io("read", &folder, error);
            for entry in fs::read_dir(&folder).map_err(read)? {
                let path = entry.map_err(read)?.path();
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let ours = name.ends_with(disk::PART)
                    || name.ends_with(".list")
                    || (name.starts_with("catalogue-") && name.ends_with(".bin"));
                if ours && !wanted.contains(&name) {
                    fs::remove_file(&path)
                        .map_err(|error| ListsError::io("remove", &path, error))?;
                    removed.push(name);
                }
            }
        }
        removed.sort();
        Ok(removed)
    }

    /// Waits until nobody changes the lists, and keeps it so until the result is dropped: what is
    /// copied meanwhile belongs together. Blocking: an import takes seconds.
    ///
    /// # Errors
    /// [`ListsError::Io`].
    pub fn hold(&self) -> Result<Held, ListsError> {
        let path = self.root.join("lock");
        let file = File::create(&path).map_err(|error| ListsError::io("create", &path, error))?;
        file.lock()
            .map_err(|error| ListsError::io("lock", &path, error))?;
        Ok(Held(file))
    }

    /// Held while something is changed; released when the file is dropped, also by a crash.
    pub(crate) fn lock(&self) -> Result<File, ListsError> {
        let path = self.root.join("lock");
        let file = File::create(&path).map_err(|error| ListsError::io("create", &path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(ListsError::Busy {
                path: self.root.clone(),
            }),
            Err(TryLockError::Error(error)) => Err(ListsError::io("lock", &path, error)),
        }
    }

    /// The sealed lists that must be there.
    pub(crate) fn marks(&self) -> BTreeMap<String, SealedMark> {
        self.manifest().sealed.clone()
    }

    /// Notes that sealed lists must be there. The caller holds the lock.
    pub(crate) fn set_marks(
        &self,
        marks: impl IntoIterator<Item = (String, SealedMark)>,
    ) -> Result<(), ListsError> {
        let mut manifest = self.fresh_manifest()?;
        manifest.sealed.extend(marks);
        self.save(manifest)
    }

    /// The trust whose floor must be there.
    pub(crate) fn floor_mark(&self) -> Option<FloorMark> {
        self.manifest().floor.clone()
    }

    /// Notes which floor must be there. The caller holds the lock.
    pub(crate) fn set_floor_mark(&self, mark: Option<FloorMark>) -> Result<(), ListsError> {
        let mut manifest = self.fresh_manifest()?;
        manifest.floor = mark;
        self.save(manifest)
    }

    /// The manifest as it is on disk now: another process may have changed it.
    fn fresh_manifest(&self) -> Result<Manifest, ListsError> {
        let stored = self.keeper().read()?;
        Ok(stored.map_or_else(|| self.manifest().clone(), |(manifest, _)| manifest))
    }

    fn manifest(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }
}

/// Whether there must have been a manifest: a second catalogue is only ever made from one. (The
/// first may be left by an import that was cut off.)
fn had_manifest(dir: &Path) -> Result<bool, ListsError> {
    let read = |error| ListsError::io("read", dir, error);
    for entry in fs::read_dir(dir).map_err(read)? {
        let name = entry.map_err(read)?.file_name();
        let name = name.to_string_lossy();
        let number = name
            .strip_prefix("catalogue-")
            .and_then(|rest| rest.strip_suffix(".bin"));
        if number.is_some_and(|number| number != "1") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn enter(manifest: &mut Manifest, import: &Import<'_>, version: Version) {
    let hours = import.allowed_age.map(|age| age.as_hours());
    match manifest.list_mut(import.list) {
        Some(list) => {
            list.last_version = version.version;
            list.allowed_age_hours = hours.unwrap_or(list.allowed_age_hours);
            list.previous
                .insert(0, std::mem::replace(&mut list.current, version));
            list.previous.truncate(PREVIOUS_MAX);
            list.rolled_back
                .retain(|sha256| *sha256 != list.current.sha256);
        }
        None => manifest.lists.push(ListEntry {
            name: import.list.to_owned(),
            allowed_age_hours: hours.unwrap_or(ALLOWED_AGE_HOURS),
            last_version: version.version,
            current: version,
            previous: Vec::new(),
            rolled_back: Vec::new(),
        }),
    }
}

/// The same entries came again: the list is as fresh as if it were new.
fn renew(manifest: &mut Manifest, import: &Import<'_>, now: Timestamp) {
    if let Some(list) = manifest.list_mut(import.list) {
        list.current.imported_at = now;
        if let Some(age) = import.allowed_age {
            list.allowed_age_hours = age.as_hours();
        }
    }
}

fn report(list: &str, staged: &Staged, before: Option<&Version>, unchanged: bool) -> Report {
    let version = &staged.version;
    Report {
        list: list.to_owned(),
        version: version.version,
        format: version.format.clone(),
        lines: version.lines,
        entries: version.entries,
        previous_entries: before.map(|before| before.entries),
        malformed: version.malformed,
        unused: version.unused,
        protected: version.protected,
        protected_names: staged.protected_names.clone(),
        categories: version.categories.clone(),
        problems: staged.problems.clone(),
        skipped: staged.skipped.clone(),
        catalogue_version: 0,
        unchanged,
    }
}

fn remove_quietly(path: &Path) {
    // What stays is removed at the next opening.
    let _ = fs::remove_file(path);
}

fn random_seed() -> Result<u64, ListsError> {
    let mut seed = [0; 8];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| ListsError::NoRandom)?;
    Ok(u64::from_le_bytes(seed))
}
