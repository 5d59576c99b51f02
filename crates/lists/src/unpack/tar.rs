//! Tar archives, read as a stream: POSIX ustar and pax, and GNU's long names.
//!
//! Source: POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Header Block"; the GNU tar
//! manual, "Basic Tar Format". A header that does not add up is damage; kinds of entries other
//! than plain files are passed over.

use std::io::{self, Read};

use super::{Target, UnpackError, damaged, safe_path};

const BLOCK: usize = 512;
/// The longest name or pax header that is read.
const EXTRA_MAX: u64 = 64 << 10;

/// Whether the first block of a file is a tar header.
pub(super) fn is_tar(start: &[u8]) -> bool {
    start
        .first_chunk::<BLOCK>()
        .is_some_and(|block| block[257..262] == *b"ustar" && adds_up(block))
}

/// Unpacks every plain file.
pub(super) fn unpack(mut from: impl Read, target: &mut Target<'_>) -> Result<(), UnpackError> {
    let mut long_name: Option<String> = None;
    // Entries that are not files count as well: an archive of a billion folders ends here.
    let mut entries_left = target.limits.files_max.saturating_mul(4);
    loop {
        let mut block = [0; BLOCK];
        match from.read_exact(&mut block) {
            Ok(()) => {}
            // Some writers leave out the two empty blocks at the end, or one of them.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return if target.files.is_empty() {
                    Err(UnpackError::Damaged(
                        "it ends within its first entry".into(),
                    ))
                } else {
                    Err(UnpackError::Damaged("its end mark is missing".into()))
                };
            }
            Err(error) => return Err(damaged(error)),
        }
        if block.iter().all(|byte| *byte == 0) {
            // To the end, so that a broken checksum of the gzip around it shows.
            io::copy(&mut from.by_ref().take(16 << 20), &mut io::sink()).map_err(damaged)?;
            return Ok(());
        }
        entries_left = entries_left
            .checked_sub(1)
            .ok_or(UnpackError::TooManyFiles(target.limits.files_max))?;
        if !adds_up(&block) {
            return Err(UnpackError::Damaged("a header does not add up".into()));
        }
        let size = number(&block[124..136])
            .ok_or_else(|| UnpackError::Damaged("a size is no number".into()))?;
        match block[156] {
            b'0' | 0 | b'7' => {
                let name = long_name.take().unwrap_or_else(|| name(&block));
                if name.ends_with('/') {
                    // How archives older than POSIX write a folder.
                    safe_path(&name)?;
                    skip(&mut from, padded(size))?;
                    continue;
                }
                let mut content = Exactly {
                    from: &mut from,
                    left: size,
                };
                target.file(&name, &mut content)?;
                skip(&mut from, padded(size) - size)?;
            }
            b'L' => long_name = Some(text(&mut from, size)?),
            b'x' => long_name = pax_path(&text(&mut from, size)?).or(long_name),
            kind => {
                if kind == b'5' {
                    safe_path(&long_name.take().unwrap_or_else(|| name(&block)))?;
                } else if kind != b'g' {
                    long_name = None;
                }
                skip(&mut from, padded(size))?;
            }
        }
    }
}

/// Reads exactly so many bytes; fewer are damage, not an end.
struct Exactly<'a, R> {
    from: &'a mut R,
    left: u64,
}

impl<R: Read> Read for Exactly<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.from.read(&mut into[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

fn padded(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64)
}

fn skip(from: &mut impl Read, bytes: u64) -> Result<(), UnpackError> {
    let mut gone = Exactly { from, left: bytes };
    io::copy(&mut gone, &mut io::sink()).map_err(damaged)?;
    Ok(())
}

/// The sum of all bytes of the header, its own field taken as blanks.
fn adds_up(block: &[u8; BLOCK]) -> bool {
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    number(&block[148..156]) == Some(sum)
}

/// An octal number, blanks and zeroes around it; or GNU's binary form. Bounded well below overflow.
fn number(field: &[u8]) -> Option<u64> {
    const MOST: u64 = 1 << 40;
    let value = match field {
        [0x80, rest @ ..] => {
            let (high, low) = rest.split_last_chunk::<8>()?;
            if high.iter().any(|byte| *byte != 0) {
                return None;
            }
            u64::from_be_bytes(*low)
        }
        _ => {
            let text = std::str::from_utf8(field).ok()?;
            let digits = text.trim_matches(|c: char| c == ' ' || c == '\0');
            if digits.is_empty() {
                0
            } else if digits.bytes().all(|byte| byte.is_ascii_digit()) {
                u64::from_str_radix(digits, 8).ok()?
            } else {
                return None;
            }
        }
    };
    (value <= MOST).then_some(value)
}

fn name(block: &[u8; BLOCK]) -> String {
    let until_zero = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0);
        String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
    };
    let name = until_zero(&block[..100]);
    // GNU's own format keeps other things where POSIX keeps the front of the name.
    let posix = block[257..263] == *b"ustar\0";
    match until_zero(&block[345..500]) {
        prefix if posix && !prefix.is_empty() => format!("{prefix}/{name}"),
        _ => name,
    }
}

fn text(from: &mut impl Read, size: u64) -> Result<String, UnpackError> {
    if size > EXTRA_MAX {
        return Err(UnpackError::Damaged("a name is too long".into()));
    }
    let mut bytes = Vec::new();
    Exactly { from, left: size }
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    skip(from, padded(size) - size)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_end_matches('\0').to_owned())
}

/// The path in a pax header: lines of `LENGTH KEY=VALUE`.
fn pax_path(text: &str) -> Option<String> {
    let mut path = None;
    let mut rest = text;
    while let Some((length, _)) = rest.split_once(' ') {
        let length: usize = length.parse().ok()?;
        let line = rest.get(..length)?;
        let (_, pair) = line.split_once(' ')?;
        if let Some(value) = pair.strip_prefix("path=") {
            path = Some(value.trim_end_matches('\n').to_owned());
        }
        rest = rest.get(length..)?;
    }
    path
}
