//! Domain names on the wire: read with bounds, lower-cased, decompressed.

use smallvec::SmallVec;

/// Bytes of a message kept beside a question; long enough inline for nearly every name.
pub(crate) type Bytes = SmallVec<[u8; 64]>;

/// The same bytes again, copied in one go: `clone` copies them one by one.
pub(crate) fn copied(bytes: &Bytes) -> Bytes {
    Bytes::from_slice(bytes)
}

/// A whole name in wire form: lower-case, uncompressed, ending in the root label; at most 255 bytes.
pub(crate) type Name = Bytes;

/// Longest name on the wire (RFC 1035 section 2.3.4).
const NAME_MAX: usize = 255;
/// Pointers followed in one name. Each must lead backwards, so loops end anyway; this keeps the
/// cost of a hostile message small.
const POINTERS_MAX: usize = 32;

/// Reads the name at `at`, following compression pointers backwards only; returns it and where
/// the record goes on.
pub(super) fn read(message: &[u8], at: usize) -> Option<(Name, usize)> {
    read_plain(message, at).or_else(|| read_compressed(message, at))
}

/// Reads a name without pointers, as those of questions are, in one go. `None` where it has some, or
/// is none.
fn read_plain(message: &[u8], at: usize) -> Option<(Name, usize)> {
    let end = plain_end(at, NAME_MAX, |at| message.get(at).copied())?;
    let wire = message.get(at..=end)?;
    let mut name = Name::from_slice(wire);
    // The bytes that hold a length are all below the letters.
    name.make_ascii_lowercase();
    Some((name, end + 1))
}

/// Where the root label of the name at `at` stands; `None` where the name has a pointer, or would be longer
/// than `most` bytes. No byte is looked at beyond them, however long a hostile name goes on.
#[inline]
pub(super) fn plain_end(
    at: usize,
    most: usize,
    mut byte: impl FnMut(usize) -> Option<u8>,
) -> Option<usize> {
    let mut end = at;
    while end - at < most {
        match usize::from(byte(end)?) {
            0 => return Some(end),
            length @ 1..=63 => end += 1 + length,
            _ => return None,
        }
    }
    None
}

fn read_compressed(message: &[u8], at: usize) -> Option<(Name, usize)> {
    let mut name = Name::new();
    let mut at = at;
    let mut after = None;
    let mut pointers = 0;
    loop {
        let length = usize::from(*message.get(at)?);
        match length {
            0 => {
                name.push(0);
                // The bytes that hold a length are all below the letters.
                name.make_ascii_lowercase();
                return (name.len() <= NAME_MAX).then_some((name, after.unwrap_or(at + 1)));
            }
            1..=63 => {
                name.extend_from_slice(message.get(at..at + 1 + length)?);
                if name.len() >= NAME_MAX {
                    return None;
                }
                at += 1 + length;
            }
            192.. => {
                let to = usize::from(super::u16_at(message, at)? & 0x3fff);
                pointers += 1;
                if to >= at || pointers > POINTERS_MAX {
                    return None;
                }
                after.get_or_insert(at + 2);
                at = to;
            }
            _ => return None,
        }
    }
}

/// Where the name at `at` ends, without reading it.
pub(crate) fn skip(message: &[u8], mut at: usize) -> Option<usize> {
    let start = at;
    loop {
        match usize::from(*message.get(at)?) {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + length,
            192.. => return message.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
        if at - start > NAME_MAX {
            return None;
        }
    }
}

/// Whether `name` is `zone` or lies under it (both in wire form).
pub(crate) fn is_within(name: &[u8], zone: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > zone.len() {
        rest = match rest.get(1 + usize::from(rest[0])..) {
            Some(rest) => rest,
            None => return false,
        };
    }
    rest == zone
}

/// The label before the root; empty for the root itself.
pub(crate) fn last_label(name: &[u8]) -> &[u8] {
    let mut last: &[u8] = &[];
    let mut rest = name;
    while let Some((&length @ 1.., after)) = rest.split_first() {
        let length = usize::from(length).min(after.len());
        (last, rest) = after.split_at(length);
    }
    last
}

/// The dotted text of the longest run of labels at the end that can be a host name; empty for the
/// root and for names without any such label.
///
/// A label with a byte outside letters, digits, `-` and (with `underscores`) `_` cannot be part of
/// a host on a list; what lies to its right still can (`_443._tcp.www.example.org`).
pub(crate) fn dotted(name: &[u8], underscores: bool) -> SmallVec<[u8; 80]> {
    let fits =
        |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || (underscores && *byte == b'_');
    let mut text = SmallVec::new();
    let mut at = 0;
    while let Some(&length @ 1..) = name.get(at) {
        let end = at + 1 + usize::from(length);
        let label = name.get(at + 1..end).unwrap_or_default();
        if !label.iter().all(fits) {
            text.clear();
        } else {
            if !text.is_empty() {
                text.push(b'.');
            }
            text.extend_from_slice(label);
        }
        at = end;
    }
    text
}

/// The dotted text of a whole name; `None` for the root, and where a dot stands within a label, so that what
/// parts the labels would no longer be known.
pub(crate) fn text(name: &[u8]) -> Option<SmallVec<[u8; 80]>> {
    let (_, labels) = name.split_first()?;
    let (_, labels) = labels.split_last()?;
    let mut text = SmallVec::from_slice(labels);
    let mut dots = 0;
    let mut at = usize::from(*name.first()?);
    while let Some(length) = text.get_mut(at) {
        let next = at + 1 + usize::from(*length);
        *length = b'.';
        dots += 1;
        at = next;
    }
    let parted = text.iter().filter(|byte| **byte == b'.').count();
    (!text.is_empty() && parted == dots).then_some(text)
}

/// The wire form of a dotted lower-case name; `None` if a label or the name is too long.
pub(crate) fn from_dotted(text: &str) -> Option<Name> {
    let mut name = Name::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| *length <= 63)?;
        name.push(length);
        name.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    name.push(0);
    (name.len() <= NAME_MAX).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-17: a name that goes on and on is given up at the 255 bytes that a name may have, whatever
    /// follows; the longest name is read.
    #[test]
    fn fil_17_a_hostile_name_is_left_at_its_bound() {
        let hostile = vec![1_u8; 60_000];
        let mut looked = Vec::new();
        let end = plain_end(12, NAME_MAX, |at| {
            looked.push(at);
            hostile.get(at).copied()
        });
        assert_eq!(end, None);
        assert!(looked.len() <= NAME_MAX && looked.iter().all(|at| *at < 12 + NAME_MAX));
        assert_eq!(read(&hostile, 12), None);

        // 126 labels of one letter and the root are 253 bytes; two more than that are one too many.
        let named = |labels: usize| [b"\x01a".repeat(labels), vec![0]].concat();
        for (labels, bytes) in [(126, Some(253)), (127, Some(255)), (128, None)] {
            let name = read(&named(labels), 0).map(|(name, _)| name.len());
            assert_eq!(name, bytes, "{labels} labels");
        }
    }

    /// FIL-04: a name behind pointers is the same name in the same lower case as one written out.
    #[test]
    fn fil_04_a_compressed_name_is_read_as_one_written_out() {
        let message = b"\x04Test\0\x03WwW\xc0\x00\x01a\xc0\x06";
        for (at, whole) in [
            (6, &b"\x03www\x04test\0"[..]),
            (12, b"\x01a\x03www\x04test\0"),
        ] {
            let (name, _) = read(message, at).unwrap();
            assert_eq!(name.as_slice(), whole);
            assert_eq!(read(whole, 0), Some((name, whole.len())));
        }
    }
}
