//! The memory map: the one place of the workspace with `unsafe`.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::error::ListsError;

/// A file of ours, mapped read-only.
#[derive(Debug)]
pub struct MappedFile(Mmap);

impl MappedFile {
    /// Maps a whole file.
    ///
    /// # Errors
    /// [`ListsError::Io`] when it cannot be opened or mapped.
    #[expect(unsafe_code, reason = "a memory map has no safe constructor")]
    pub fn open(path: &Path) -> Result<Self, ListsError> {
        let file = File::open(path).map_err(|error| ListsError::io("open", path, error))?;
        // SAFETY: the map is sound as long as nobody changes or shortens the file under it. Compiled
        // catalogues are written under another name, renamed into place once complete, and never
        // opened for writing again; replaced ones are unlinked, which leaves their contents to the
        // maps that still hold them. Only someone with write access to the data folder could break
        // this, who could as well replace the program; the operator's manual says so.
        let map = unsafe { Mmap::map(&file) };
        map.map(Self)
            .map_err(|error| ListsError::io("map", path, error))
    }
}

impl AsRef<[u8]> for MappedFile {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
