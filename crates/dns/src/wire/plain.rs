//! A plain question, as nearly all are: one name of usual length, recursion wanted, at most EDNS without
//! options. Read without copying more than the name, and answered from what is ready.

use super::message::{CD, DO, UDP_MAX};
use super::name::plain_end;
use super::reply::{Ede, Fit};
use super::{Response, code};

/// The longest name that is read this way.
pub(crate) const PLAIN_NAME_MAX: usize = 64;
/// Bytes of a header.
const HEAD: usize = 12;
/// Header and counts behind the id, but for the byte of flags that answers set and the last one: a
/// question, recursion wanted, one name.
const ASKS: u8 = 1;
const COUNTS: [u8; 7] = [0, 1, 0, 0, 0, 0, 0];
/// An OPT record without options.
const OPT: usize = 11;
/// An Extended DNS Error before its text.
const EDE_HEAD: usize = 6;

/// What was read.
pub(crate) struct Plain<'a> {
    /// Header and question, as they were sent.
    start: &'a [u8],
    /// The name in lower case.
    pub(crate) name: &'a [u8],
    /// Type and flags, as [`super::Asked::sort`] gives them.
    pub(crate) sort: [u8; 3],
    /// Where it speaks EDNS: the largest datagram it takes.
    edns: Option<u16>,
}

impl<'a> Plain<'a> {
    /// Reads a message, with room for its name; `None` where it is anything else than a plain
    /// question, well-formed or not.
    pub(crate) fn read(message: &'a [u8], room: &'a mut [u8; PLAIN_NAME_MAX]) -> Option<Self> {
        let (head, rest) = message.split_first_chunk::<HEAD>()?;
        if head[2] != ASKS || head[4..11] != COUNTS {
            return None;
        }
        let end = plain_end(0, PLAIN_NAME_MAX, |at| rest.get(at).copied())?;
        let name = room.get_mut(..=end)?;
        name.copy_from_slice(rest.get(..=end)?);
        // The bytes that hold a length are all below the letters.
        name.make_ascii_lowercase();
        let (kind, rest) = rest.get(end + 1..)?.split_first_chunk::<4>()?;
        let turned_away = matches!(
            u16::from_be_bytes([kind[0], kind[1]]),
            code::OPT | code::TKEY..=code::ANY
        );
        if turned_away || kind[2..] != code::IN.to_be_bytes() {
            return None;
        }
        let mut flags = if head[3] & 0x10 != 0 { CD } else { 0 };
        let edns = match (head[11], rest) {
            (0, []) => None,
            (1, [0, 0, 41, high, low, _, 0, bits, _, 0, 0]) => {
                flags |= if bits & 0x80 != 0 { DO } else { 0 };
                Some(u16::from_be_bytes([*high, *low]).clamp(512, UDP_MAX))
            }
            _ => return None,
        };
        Some(Self {
            start: message.get(..HEAD + end + 5)?,
            name,
            sort: [kind[0], kind[1], flags],
            edns,
        })
    }

    /// The record type asked for.
    pub(crate) fn kind(&self) -> u16 {
        let [high, low, _] = self.sort;
        u16::from_be_bytes([high, low])
    }

    /// Writes an answer so many seconds old, with a reason for those who speak EDNS; whether it fits.
    /// Where it does not nothing is written that counts.
    pub(crate) fn write(
        &self,
        out: &mut Vec<u8>,
        (made, age_s): (&Response, u32),
        ede: Option<Ede>,
        fit: Fit,
    ) -> bool {
        let limit = match fit {
            Fit::Stream | Fit::Encrypted => u16::MAX,
            Fit::Datagram => self.edns.unwrap_or(512),
        };
        let why = ede.map_or(0, |Ede(_, text)| EDE_HEAD + text.len());
        let extra = self.edns.map_or(0, |_| OPT + why);
        let length = self.start.len() + made.body.len() + extra;
        if length > usize::from(limit) {
            return false;
        }
        out.clear();
        out.extend_from_slice(self.start);
        out.extend_from_slice(&made.body);
        let [_, _, flags] = self.sort;
        let checking_disabled = (flags & CD) << 4;
        let [answers, authority] = [made.counts.0, made.counts.1].map(u16::to_be_bytes);
        if let Some(head) = out.first_chunk_mut::<HEAD>() {
            head[2] = 0x80 | ASKS;
            head[3] = 0x80 | checking_disabled | made.rcode;
            head[6..8].copy_from_slice(&answers);
            head[8..10].copy_from_slice(&authority);
        }
        if age_s > 0 {
            made.grow_older(out, age_s);
        }
        if self.edns.is_some() {
            let [high, low] = UDP_MAX.to_be_bytes();
            let signatures = if flags & DO != 0 { 0x80 } else { 0 };
            out.extend_from_slice(&[0, 0, 41, high, low, 0, 0, signatures, 0]);
            let word = |word: usize| u16::try_from(word).unwrap_or(u16::MAX).to_be_bytes();
            out.extend_from_slice(&word(why));
            if let Some(Ede(info, text)) = ede {
                for field in [code::EDE.to_be_bytes(), word(why - 4), info.to_be_bytes()] {
                    out.extend_from_slice(&field);
                }
                out.extend_from_slice(text.as_bytes());
            }
        }
        true
    }
}
