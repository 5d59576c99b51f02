//! Large content in numbered parts with a mark on the last, so that a part changed, moved or
//! missing is noticed. Made for backups; opened with the master key alone.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use crate::key::{Key, TAG};
use crate::{Error, MasterKey};

/// Plain bytes in one part.
pub const CHUNK_BYTES: usize = 256 * 1024;
const MARK: &[u8; 8] = b"PHAROSB1";
/// Nonce, key and tag.
const WRAPPED: usize = 12 + 32 + TAG;

/// Writes a sealed stream: mark, wrapped file key, then parts of [`CHUNK_BYTES`] and 16 bytes of
/// tag. Call [`Sealer::finish`]; a stream without it does not open.
pub struct Sealer<W: Write> {
    to: W,
    key: Key,
    part: u64,
    buffer: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Begins a stream under a fresh key, wrapped by the master key.
    ///
    /// # Errors
    /// When the system gives no randomness or the writer fails.
    pub fn new(mut to: W, master: &MasterKey) -> io::Result<Self> {
        let key = Key::fresh().map_err(io::Error::other)?;
        let mut header = MARK.to_vec();
        master
            .0
            .seal(MARK, key.bytes(), &mut header)
            .map_err(io::Error::other)?;
        to.write_all(&header)?;
        Ok(Self {
            to,
            key,
            part: 0,
            buffer: Vec::with_capacity(CHUNK_BYTES + TAG),
        })
    }

    /// Writes the last part and gives the writer back.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.part(true)?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn part(&mut self, last: bool) -> io::Result<()> {
        self.key
            .seal_with(nonce(self.part, last), MARK, &mut self.buffer)
            .map_err(io::Error::other)?;
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        self.part += 1;
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == CHUNK_BYTES {
            self.part(false)?;
        }
        let take = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer
            .extend_from_slice(bytes.get(..take).unwrap_or_default());
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Reads a sealed stream. Gives a part only after it was checked; fails with
/// [`Error::DamagedPart`] inside the [`io::Error`] when one was changed or the end is missing.
pub struct Opener<R: Read> {
    from: R,
    key: Key,
    part: u64,
    done: bool,
    next: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
}

impl<R: Read> Opener<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::DamagedPart`] or the reader's error, inside the [`io::Error`].
    pub fn new(mut from: R, master: &MasterKey) -> io::Result<Self> {
        let mut header = Vec::new();
        from.by_ref()
            .take((MARK.len() + WRAPPED) as u64)
            .read_to_end(&mut header)?;
        let wrapped = header
            .strip_prefix(MARK)
            .filter(|wrapped| wrapped.len() == WRAPPED)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, Error::DamagedPart(0)))?;
        let key = master
            .0
            .open(MARK, wrapped)
            .and_then(|plain| Key::from_slice(&plain));
        let key = key.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, Error::WrongKey))?;
        let mut opener = Self {
            from,
            key,
            part: 0,
            done: false,
            next: Vec::new(),
            plain: Zeroizing::default(),
            at: 0,
        };
        opener.next = opener.fetch()?;
        Ok(opener)
    }

    fn fetch(&mut self) -> io::Result<Vec<u8>> {
        let mut part = Vec::new();
        self.from
            .by_ref()
            .take((CHUNK_BYTES + TAG) as u64)
            .read_to_end(&mut part)?;
        Ok(part)
    }

    /// Opens the next part. One part is read ahead, because the last is marked as such.
    fn advance(&mut self) -> io::Result<()> {
        let following = self.fetch()?;
        let sealed = std::mem::replace(&mut self.next, following);
        let last = self.next.is_empty();
        let plain = self.key.open_with(nonce(self.part, last), MARK, &sealed);
        self.plain = plain.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                Error::DamagedPart(self.part + 1),
            )
        })?;
        (self.at, self.done) = (0, last);
        self.part += 1;
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() && !self.done {
            self.advance()?;
        }
        let rest = self.plain.get(self.at..).unwrap_or_default();
        let take = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..take), rest.get(..take)) {
            to.copy_from_slice(from);
        }
        self.at += take;
        Ok(take)
    }
}

/// The part's number, and 1 at the end of the last.
fn nonce(part: u64, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    if let Some(number) = nonce.first_chunk_mut::<8>() {
        *number = part.to_be_bytes();
    }
    nonce[11] = u8::from(last);
    nonce
}
