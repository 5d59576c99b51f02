//! One server on one data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The lock's file in the data folder. It stays there; only the lock on it counts.
const NAME: &str = "lock";

/// Why the folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another server has it.
    #[error("{} is in use by another Pharos ({holder}); stop that one first, or give this one another --data folder", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// Who: `process 1234, since …`.
        holder: String,
    },
    /// The file could not be made or locked.
    #[error("cannot lock {}: {source}; check the folder and its rights", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// The data folder is ours until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Locks a data folder for `what` (`serve`, `restore`), and notes process and purpose in the
    /// lock's file.
    ///
    /// # Errors
    /// [`LockError::Held`] names the holder.
    pub fn take(folder: &Path, what: &str) -> Result<Self, LockError> {
        let failed = |source| LockError::Io {
            folder: folder.to_owned(),
            source,
        };
        let path = folder.join(NAME);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    folder: folder.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        write!(file, "process {}, {what}", std::process::id()).map_err(failed)?;
        file.flush().map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(200).read_to_string(&mut text));
    match read {
        Ok(length) if length > 0 => text.trim().to_owned(),
        _ => "an unknown process".to_owned(),
    }
}
