//! The memory a compiled catalogue is read from: the one place of the workspace with `unsafe`.
//!
//! A catalogue is read at random places. In pages of 4 KB each look-up misses the processor's table
//! of addresses as well as its caches; in pages of 2 MB only the caches. Linux gives those to
//! anonymous memory that asks for them, so the file is read into such memory at once (it is read
//! through for its checksum anyway) rather than mapped. Nothing that happens to the file afterwards
//! reaches the filter.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use memmap2::{Advice, Mmap, MmapMut};
use pharos_catalogue::Memory;

use crate::error::ListsError;

/// The largest compiled file that is read, in bytes: twenty million names take a quarter of it.
const FILE_MAX: u64 = 1 << 30;
/// Memory smaller than this has no use for large pages.
const LARGE_PAGE: usize = 2 << 20;

/// A compiled catalogue in memory.
#[derive(Debug)]
pub struct CatalogueMemory(Mmap);

impl CatalogueMemory {
    /// Reads a whole file.
    ///
    /// # Errors
    /// [`ListsError::Io`] when it cannot be read, is larger than 1 GiB, or there is no memory for it.
    pub fn read(path: &Path) -> Result<Self, ListsError> {
        let failed = |doing| move |error| ListsError::io(doing, path, error);
        let mut file = File::open(path).map_err(failed("open"))?;
        let length = file.metadata().map_err(failed("read"))?.len();
        let length = usize::try_from(length.min(FILE_MAX)).unwrap_or(usize::MAX);
        let mut memory = MmapMut::map_anon(length.max(1)).map_err(failed("find memory for"))?;
        if length >= LARGE_PAGE {
            // Without large pages it is slower and nothing else.
            let _ = memory.advise(Advice::HugePage);
        }
        // A file that was cut short meanwhile ends here, one that grew fails by its checksum.
        file.read_exact(&mut memory[..length])
            .map_err(failed("read"))?;
        memory.make_read_only().map(Self).map_err(failed("keep"))
    }
}

impl AsRef<[u8]> for CatalogueMemory {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Memory for CatalogueMemory {
    #[cfg(target_arch = "x86_64")]
    #[inline]
    #[expect(unsafe_code, reason = "a prefetch has no safe form on stable Rust")]
    fn will_read(&self, places: &[usize]) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        for place in places {
            if let Some(byte) = self.0.get(*place) {
                // SAFETY: a prefetch reads and writes nothing that the program could see, and the
                // address is that of a byte of ours.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) };
            }
        }
    }
}
