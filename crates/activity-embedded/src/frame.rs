//! The append-only log under head and spool: frames of length, checksum and payload.
//!
//! `length: u32 LE, CRC-32 of the payload: u32 LE, payload`. A frame cut short by a crash fails
//! its length or checksum; reading goes on at the next whole frame, if there is one.

use pharos_activity::Stored;

use crate::codec::{self, Shared};

/// First bytes of a head file.
pub(crate) const MAGIC: &[u8; 8] = b"PHACT\0\0\x01";
/// Bytes before the payload.
const FRAME: usize = 8;
/// Longest payload that is believed; the bounds on events keep real ones far below.
const MOST: usize = 64 << 10;

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                0xEDB8_8320 ^ (value >> 1)
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// CRC-32 as in IEEE 802.3.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8)
    })
}

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
    let walked = each(bytes, start, shared, |_, stored| events.push(stored));
    Read { events, ..walked }
}

/// Walks over all whole frames of `bytes`, beginning at `start`: each event with the place of its
/// frame, for [`at`]. [`Read::events`] stays empty.
pub(crate) fn each(
    bytes: &[u8],
    start: usize,
    shared: &mut Shared,
    mut take: impl FnMut(usize, Stored),
) -> Read {
    let mut result = Read {
        good: start.min(bytes.len()),
        ..Read::default()
    };
    let mut place = result.good;
    while place < bytes.len() {
        match frame(&bytes[place..], shared) {
            Some((stored, length)) => {
                result.skipped += place - result.good;
                take(place, stored);
                place += length;
                result.good = place;
            }
            None => place += 1,
        }
    }
    result
}

/// The event of the frame at this place.
pub(crate) fn at(bytes: &[u8], place: usize, shared: &mut Shared) -> Option<Stored> {
    Some(frame(bytes.get(place..)?, shared)?.0)
}

/// Where the frames of a head file begin.
pub(crate) fn first(bytes: &[u8]) -> usize {
    if bytes.starts_with(MAGIC) {
        MAGIC.len()
    } else {
        0
    }
}

fn frame(bytes: &[u8], shared: &mut Shared) -> Option<(Stored, usize)> {
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
    Some((codec::decode(payload, shared)?, FRAME + length))
}
