//! Canonical paths with queries, and the prefixes of them that list entries are matched by.
//!
//! The form is for matching, never for forwarding: where servers differ (an encoded slash, two
//! slashes, a backslash) the reading is taken under which an entry still matches.

/// The longest canonical path with query that is kept, in bytes; the rest is cut off at the last
/// separator before it. Entries are far shorter ([`ENTRY_PATH_MAX`]), so nothing is lost to them.
pub const PATH_MAX: usize = 8192;
/// The longest path of a list entry, in bytes; longer ones are counted as malformed.
pub const ENTRY_PATH_MAX: usize = 2048;
/// The most prefixes of a path that are looked up; entries with more separators are malformed.
pub const PREFIXES_MAX: usize = 64;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The canonical form of a raw path with query and fragment: percent-encoding undone once where
/// that is safe and otherwise in one spelling, `.`, `..` and empty segments resolved, the fragment
/// dropped. Always starts with `/`.
pub(crate) fn canonical_path(raw: &str, out: &mut String) {
    out.clear();
    if is_canonical(raw) {
        out.push_str(raw);
        bound(out);
    } else {
        make_canonical(raw, out);
    }
}

/// Whether a path is as it would become, seen at a glance: no query, no escape, no dot that begins a
/// segment, no empty segment.
fn is_canonical(raw: &str) -> bool {
    let mut before = b' ';
    raw.starts_with('/')
        && raw.bytes().all(|byte| {
            let begins = before == b'/';
            before = byte;
            match byte {
                b'/' | b'.' => !begins,
                _ => Part::Path.keeps(byte),
            }
        })
}

fn make_canonical(raw: &str, out: &mut String) {
    let raw = raw.split('#').next().unwrap_or("");
    let (path, query) = raw.split_once('?').unwrap_or((raw, ""));
    let mut decoded = String::with_capacity(path.len());
    decode(path, Part::Path, &mut decoded);
    resolve_segments(&decoded, out);
    if !query.is_empty() {
        let before = out.len();
        out.push('?');
        decode(query, Part::Query, out);
        if out.len() == before + 1 {
            out.truncate(before);
        }
    }
    bound(out);
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Path,
    Query,
}

impl Part {
    /// Bytes that stand for themselves. RFC 3986 §3.3 `pchar` and `/`; in queries `?` as well.
    fn keeps(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
            || b"-._~!$&'()*+,;=:@/".contains(&byte)
            || (byte == b'?' && self == Self::Query)
    }

    /// What an escaped byte becomes: itself where it means the same unescaped, else `None`.
    fn unescaped(self, byte: u8) -> Option<u8> {
        match self {
            Self::Path if byte == b'\\' => Some(b'/'),
            // Escaped, these are data in a query; bare, they divide it.
            Self::Query if b"&=+".contains(&byte) => None,
            _ => self.keeps(byte).then_some(byte),
        }
    }
}

/// Undoes percent-encoding once. A byte that may not stand bare is written as `%XX`, whether it
/// came escaped or bare; a `%` that begins no escape is written `%25`.
fn decode(raw: &str, part: Part, out: &mut String) {
    let bytes = raw.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            // The URL standard removes these wherever they stand.
            b'\t' | b'\n' | b'\r' => {}
            b'%' => match escape(bytes, at) {
                Some(value) => {
                    at += 2;
                    match part.unescaped(value) {
                        Some(plain) => out.push(char::from(plain)),
                        None => push_escape(value, out),
                    }
                }
                None => out.push_str("%25"),
            },
            b'\\' if part == Part::Path => out.push('/'),
            _ if part.keeps(byte) => out.push(char::from(byte)),
            _ => push_escape(byte, out),
        }
    }
}

fn escape(bytes: &[u8], at: usize) -> Option<u8> {
    let high = char::from(*bytes.get(at)?).to_digit(16)?;
    let low = char::from(*bytes.get(at + 1)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

fn push_escape(byte: u8, out: &mut String) {
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// Empty segments go first, as web servers merge slashes before they resolve `..`.
fn resolve_segments(path: &str, out: &mut String) {
    let mut ends_in_folder = true;
    for segment in path.split('/') {
        ends_in_folder = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    if ends_in_folder || out.is_empty() {
        out.push('/');
    }
}

/// Cuts to [`PATH_MAX`] so that the cut text is canonical itself: at the last separator, else
/// outside any escape.
fn bound(out: &mut String) {
    if out.len() <= PATH_MAX {
        return;
    }
    out.truncate(PATH_MAX);
    let query = out.find('?');
    let cut = match out.rfind(['/', '?', '&']) {
        Some(at) if at > 0 && query.is_none() => at + 1,
        Some(at) if at > 0 => at,
        _ => {
            let tail = PATH_MAX - 2;
            out[tail..].find('%').map_or(PATH_MAX, |at| tail + at)
        }
    };
    out.truncate(cut);
    out.truncate(out.trim_end_matches('?').len());
}

/// A path as entries are compared: at most [`ENTRY_PATH_MAX`] bytes, ASCII case folded, because
/// many servers do not tell case apart and an entry must not be slipped past by it.
pub(crate) struct Folded {
    bytes: [u8; ENTRY_PATH_MAX],
    len: usize,
    whole: bool,
}

impl Folded {
    /// Folds a canonical path.
    pub(crate) fn new(path: &str) -> Self {
        let mut bytes = [0; ENTRY_PATH_MAX];
        let len = path.len().min(ENTRY_PATH_MAX);
        for (to, from) in bytes.iter_mut().zip(path.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        Self {
            bytes,
            len,
            whole: len == path.len(),
        }
    }

    /// The prefixes an entry may equal, shortest first: those that end before a separator, and the
    /// whole. At most [`PREFIXES_MAX`] and the whole; never empty.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = &self.bytes[..self.len];
        let whole =
            (self.whole && !bytes.last().is_some_and(|byte| is_separator(*byte))).then_some(bytes);
        bytes
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(_, byte)| is_separator(**byte))
            .take(PREFIXES_MAX)
            .map(move |(at, _)| &bytes[..at])
            .chain(whole)
    }
}

/// Where one part of a path or query ends and the next begins.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'?' | b'&' | b';')
}

/// The form of an entry's canonical path under which [`Folded::prefixes`] finds it: separators at
/// its end removed, case folded. `Some("")` when the entry stands for the whole host, `None` when
/// it is too long or too deep.
pub(crate) fn entry_path(path: &mut String) -> Option<&str> {
    while path
        .as_bytes()
        .last()
        .is_some_and(|byte| is_separator(*byte))
    {
        path.pop();
    }
    path.make_ascii_lowercase();
    let separators = path
        .bytes()
        .skip(1)
        .filter(|byte| is_separator(*byte))
        .count();
    (path.len() <= ENTRY_PATH_MAX && separators < PREFIXES_MAX).then_some(path.as_str())
}

/// Whether the entry path (`rule`) is the request path or a prefix of it at a separator.
pub(crate) fn path_covers(rule: &str, request: &str) -> bool {
    let rule = rule.trim_end_matches(|c: char| u8::try_from(c).is_ok_and(is_separator));
    match (
        request.get(..rule.len()),
        request.as_bytes().get(rule.len()),
    ) {
        (Some(head), next) => {
            head.eq_ignore_ascii_case(rule) && next.is_none_or(|byte| is_separator(*byte))
        }
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// FIL-03: a path that is taken as it is would come out the same.
        #[test]
        fn fil_03_what_is_canonical_at_a_glance_is_canonical(
            parts in proptest::collection::vec(prop_oneof![
                Just("/"), Just("."), Just(".."), Just("a"), Just("B~"), Just("%41"), Just("%2f"), Just("?"), Just("#"), Just("\\"),
                Just(";x=1"), Just(" "), Just("\u{e9}"), Just("\t"),
            ], 0..8),
        ) {
            let raw = parts.concat();
            let (mut quick, mut slow) = (String::new(), String::new());
            canonical_path(&raw, &mut quick);
            make_canonical(&raw, &mut slow);
            prop_assert_eq!(quick, slow);
        }
    }
}
