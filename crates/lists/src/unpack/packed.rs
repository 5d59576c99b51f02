//! What is packed as one stream: gzip, xz, bzip2, zstd; in it a tar, or one file.
//!
//! A few bytes of such a stream can stand for any number, and can ask for any amount of memory to be
//! read: so what comes out is counted, also where it is passed over, and what it may ask for has a bound.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

use super::{Target, UnpackError, damaged, tar};

/// What a stream may ask for to be read, in KiB: what `xz -9` makes needs 64 MiB and some to spare.
const MEMORY_KIB: u32 = 66 << 10;
/// The same for zstd, as the power of two of its window in bytes: what it makes without `--ultra` and
/// `--long` needs 8 MiB.
const WINDOW_LOG: u32 = 26;
/// What may come out beside the files' own bytes: what stands behind the end of a tar …
const BESIDE: u64 = 16 << 20;
/// … and for each entry of it the header and what fills its last block.
const BESIDE_ENTRY: u64 = 1_024;

/// How it is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Xz,
    Bzip2,
    Zstd,
}

impl Packing {
    /// By its first bytes.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        Some(match start {
            [0x1F, 0x8B, ..] => Packing::Gzip,
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Packing::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Packing::Bzip2,
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Packing::Zstd,
            _ => return None,
        })
    }

    /// What the names of such files end with.
    const fn ending(self) -> &'static str {
        match self {
            Packing::Gzip => ".gz",
            Packing::Xz => ".xz",
            Packing::Bzip2 => ".bz2",
            Packing::Zstd => ".zst",
        }
    }
}

/// Unpacks a stream; `name` is the packed file's own.
pub(super) fn unpack(
    reader: impl BufRead,
    packing: Packing,
    name: &str,
    target: &mut Target<'_>,
) -> Result<(), UnpackError> {
    let file = name.strip_suffix(packing.ending()).unwrap_or("list");
    match packing {
        Packing::Gzip => contents(MultiGzDecoder::new(reader), file, target),
        Packing::Xz => {
            let decoder = XzReader::new_mem_limit(reader, true, MEMORY_KIB);
            contents(decoder, file, target)
        }
        Packing::Bzip2 => contents(MultiBzDecoder::new(reader), file, target),
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(reader).map_err(damaged)?;
            decoder.window_log_max(WINDOW_LOG).map_err(damaged)?;
            contents(decoder, file, target)
        }
    }
}

/// A tar within, or one file.
fn contents(decoder: impl Read, file: &str, target: &mut Target<'_>) -> Result<(), UnpackError> {
    let entries = u64::try_from(target.limits.files_max).unwrap_or(u64::MAX);
    let beside = entries.saturating_mul(4 * BESIDE_ENTRY) + BESIDE;
    let counted = Counted {
        inner: decoder,
        left: target.limits.bytes_max.saturating_add(beside),
        most: target.limits.bytes_max,
    };
    let mut inner = BufReader::with_capacity(1 << 16, counted);
    let mut start = Vec::new();
    inner
        .by_ref()
        .take(512)
        .read_to_end(&mut start)
        .map_err(damaged)?;
    let is_tar = tar::is_tar(&start);
    let whole = io::Cursor::new(start).chain(inner);
    if is_tar {
        return tar::unpack(whole, target);
    }
    target.file(file, whole)
}

/// Ends with an error where more comes out than all files and what belongs to them may have.
struct Counted<R> {
    inner: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other(Overrun(self.most)))?;
        Ok(read)
    }
}

/// More came out than the bound on all files, in bytes.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} bytes")]
struct Overrun(u64);

/// What the error of a decoder stands for, where it is no damage.
pub(super) fn is_bound(error: &io::Error) -> Option<UnpackError> {
    if let Some(Overrun(most)) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return Some(UnpackError::TooLarge(*most));
    }
    // zstd has words alone for it.
    let hungry =
        error.kind() == io::ErrorKind::OutOfMemory || error.to_string().contains("too much memory");
    hungry.then_some(UnpackError::Memory(MEMORY_KIB >> 10))
}
