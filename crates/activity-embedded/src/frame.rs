//! The append-only log under head and spool: frames of length, checksum and payload.
//!
//! `length: u32 LE, CRC-32 of the payload: u32 LE, payload`. A frame cut short by a crash fails
//! its length or checksum; reading goes on at the next whole frame, if there is one.

use pharos_activity::Stored;

use crate::codec::{self, Row, Shared};

/// First bytes of a head file.
pub(crate) const MAGIC: &[u8; 8] = b"PHACT\0\0\x01";
/// Bytes before the payload.
const FRAME: usize = 8;
/// Longest payload that is believed; the bounds on events keep real ones far below.
const MOST: usize = 64 << 10;

/// CRC-32 as in IEEE 802.3.
pub(crate) use crc32fast::hash as checksum;

/// Appends one event as a frame.
pub(crate) fn push(out: &mut Vec<u8>, stored: &Stored) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME]);
    codec::encode(out, stored);
    let payload = &out[start + FRAME..];
    let (length, crc) = (payload.len() as u32, checksum(payload));
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + FRAME].copy_from_slice(&crc.to_le_bytes());
}

/// What reading a log gave.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// The whole events, in the order written.
    pub(crate) events: Vec<Stored>,
    /// Where the last whole frame ends; what lies behind is a torn tail.
    pub(crate) good: usize,
    /// Bytes between whole frames that could not be read.
    pub(crate) skipped: usize,
}

/// Reads all whole frames of `bytes`, beginning at `start`.
pub(crate) fn read(bytes: &[u8], start: usize, shared: &mut Shared) -> Read {
    let mut events = Vec::new();
    let walked = each(bytes, start, |_, row| events.extend(row.stored(shared)));
    Read { events, ..walked }
}

/// Walks over all whole frames of `bytes`, beginning at `start`: each event with the place of its
/// frame, for [`at`]. [`Read::events`] stays empty.
pub(crate) fn each<'a>(
    bytes: &'a [u8],
    start: usize,
    mut take: impl FnMut(usize, Row<'a>),
) -> Read {
    let mut result = Read {
        good: start.min(bytes.len()),
        ..Read::default()
    };
    let mut place = result.good;
    while place < bytes.len() {
        match frame(&bytes[place..]) {
            Some((row, length)) => {
                result.skipped += place - result.good;
                take(place, row);
                place += length;
                result.good = place;
            }
            None => place += 1,
        }
    }
    result
}

/// The event of the frame at this place.
pub(crate) fn at(bytes: &[u8], place: usize) -> Option<Row<'_>> {
    Some(frame(bytes.get(place..)?)?.0)
}

/// The event of the frame at this place, which has been read before.
pub(crate) fn again(bytes: &[u8], place: usize) -> Option<Row<'_>> {
    let (head, rest) = bytes.get(place..)?.split_first_chunk::<FRAME>()?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    codec::decode(rest.get(..length)?)
}

/// Where the frames of a head file begin.
pub(crate) fn first(bytes: &[u8]) -> usize {
    if bytes.starts_with(MAGIC) {
        MAGIC.len()
    } else {
        0
    }
}

fn frame(bytes: &[u8]) -> Option<(Row<'_>, usize)> {
    let (head, rest) = bytes.split_first_chunk::<FRAME>()?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let crc = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if length == 0 || length > MOST {
        return None;
    }
    let payload = rest.get(..length)?;
    if checksum(payload) != crc {
        return None;
    }
    let row = codec::decode(payload)?;
    // What cannot become an event is not one, whatever its checksum says.
    row.is_readable().then_some((row, FRAME + length))
}
