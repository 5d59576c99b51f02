//! Writing files so that a crash leaves the old one or the new one, never half of one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::ListsError;

/// Ends the names of files that are being written.
pub(crate) const PART: &str = ".part";

/// A file being written beside its place. Dropped before [`Aside::commit`], it is removed.
pub(crate) struct Aside {
    file: Option<BufWriter<File>>,
    part: PathBuf,
    target: PathBuf,
}

impl Aside {
    pub(crate) fn create(target: &Path) -> Result<Self, ListsError> {
        let mut part = target.as_os_str().to_owned();
        part.push(PART);
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(|error| ListsError::io("create", &part, error))?;
        Ok(Self {
            file: Some(BufWriter::with_capacity(1 << 16, file)),
            part,
            target: target.to_owned(),
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ListsError> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.write_all(bytes)
            .map_err(|error| ListsError::io("write", &self.part, error))
    }

    /// Flushes to disk, renames into place, flushes the folder.
    pub(crate) fn commit(mut self) -> Result<(), ListsError> {
        let result = self.flush_and_rename();
        if let Err(error) = result {
            return Err(ListsError::io("write", &self.part, error));
        }
        if let Some(folder) = self.target.parent() {
            sync_folder(folder)?;
        }
        Ok(())
    }

    fn flush_and_rename(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let written = file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| {
                file.sync_all()?;
                fs::rename(&self.part, &self.target)
            });
        if written.is_err() {
            // Best effort: what stays is removed at the next opening.
            let _ = fs::remove_file(&self.part);
        }
        written
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // Not flushed: the file goes anyway.
            let _ = file.into_parts();
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Writes a whole file aside and puts it in place.
pub(crate) fn replace(target: &Path, bytes: &[u8]) -> Result<(), ListsError> {
    let mut aside = Aside::create(target)?;
    aside.write(bytes)?;
    aside.commit()
}

/// Makes renames in a folder last.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), ListsError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| ListsError::io("flush", folder, error))
}
