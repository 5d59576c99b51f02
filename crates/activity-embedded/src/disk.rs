//! Files as this engine needs them: private to the service account (0600), written aside, synced
//! and renamed; and a seam where tests put a disk that fills up.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Opens files for appending. The real one is [`RealDisk`]; tests fill theirs up.
pub(crate) trait Disk: Send + Sync + 'static {
    /// Opens or makes a log to append to.
    fn append(&self, path: &Path) -> io::Result<Box<dyn Log>>;

    /// Puts whole contents under a name: aside, synced, renamed.
    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
}

/// A file that is appended to.
pub(crate) trait Log: Send + 'static {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file back to this length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// The real disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn append(&self, path: &Path) -> io::Result<Box<dyn Log>> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        Ok(Box::new(RealLog(file)))
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let aside = path.with_added_extension("tmp");
        let mut file = private(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&aside, path)?;
        sync_parent(path)
    }
}

struct RealLog(File);

impl Log for RealLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
}

/// A new empty file that only this account may read; an old one of the name goes.
pub(crate) fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .write(true)
        .read(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// A folder that only this account may enter.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Makes a rename or a new name in the folder of `path` last.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes a file; that it is gone already is fine.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
