//! Bytes of any charset to UTF-8 while they stream past.
//!
//! A mark at the beginning counts above the header, the header above a `meta` line in the first
//! kilobyte (Encoding and HTML standards). Where none speaks the text is taken for UTF-8, and the
//! folding reads what is none as windows-1252.

use encoding_rs::{Decoder, Encoding, UTF_8};

use super::media::{Kind, Media, SNIFF_BYTES, sniff};

/// Text is decoded in pieces of this size.
const PIECE: usize = 4096;

/// What a body is in, and how far that is known.
pub(super) enum Charset {
    /// The first bytes are being gathered.
    Start { media: Media, held: Vec<u8> },
    /// UTF-8, passed on as it is.
    Plain,
    /// Decoded.
    Decode(Box<Decoder>),
}

impl std::fmt::Debug for Charset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Charset::Start { .. } => "Start",
            Charset::Plain => "Plain",
            Charset::Decode(_) => "Decode",
        })
    }
}

/// What comes out.
pub(super) enum Read<'a> {
    /// What the body is; comes once, before any text.
    Kind(Option<Kind>),
    /// A piece of text in UTF-8.
    Text(&'a [u8]),
}

impl Charset {
    pub(super) fn new(mut media: Media) -> Self {
        media.charset = media
            .charset
            .filter(|label| Encoding::for_label(label.as_bytes()).is_some());
        Charset::Start {
            media,
            held: Vec::new(),
        }
    }

    /// Reads on.
    pub(super) fn push(&mut self, bytes: &[u8], put: &mut impl FnMut(Read<'_>)) {
        match self {
            Charset::Start { media, held } => {
                let enough = match media.kind {
                    Kind::Html | Kind::Xml if media.charset.is_none() => SNIFF_BYTES,
                    Kind::Unknown => SNIFF_BYTES,
                    _ => 3,
                };
                let take = enough.saturating_sub(held.len()).min(bytes.len());
                held.extend_from_slice(&bytes[..take]);
                if held.len() >= enough {
                    self.begin(put);
                    self.push(&bytes[take..], put);
                }
            }
            Charset::Plain => {
                for piece in bytes.chunks(PIECE) {
                    put(Read::Text(piece));
                }
            }
            Charset::Decode(decoder) => decode(decoder, bytes, false, put),
        }
    }

    /// Ends the body.
    pub(super) fn finish(&mut self, put: &mut impl FnMut(Read<'_>)) {
        if let Charset::Start { .. } = self {
            self.begin(put);
        }
        if let Charset::Decode(decoder) = self {
            decode(decoder, b"", true, put);
        }
        *self = Charset::Plain;
    }

    fn begin(&mut self, put: &mut impl FnMut(Read<'_>)) {
        let Charset::Start { media, held } = std::mem::replace(self, Charset::Plain) else {
            return;
        };
        let markup = matches!(media.kind, Kind::Html | Kind::Xml | Kind::Unknown);
        let kind = match media.kind {
            Kind::Unknown => sniff(&held),
            known => Some(known),
        };
        let found = match Encoding::for_bom(&held) {
            Some((found, _)) => Some(found),
            None => media
                .charset
                .as_deref()
                .and_then(|label| Encoding::for_label(label.as_bytes()))
                .or_else(|| if markup { declared(&held) } else { None }),
        };
        put(Read::Kind(kind));
        if let Some(found) = found.filter(|found| *found != UTF_8) {
            *self = Charset::Decode(Box::new(found.new_decoder_with_bom_removal()));
        }
        self.push(&held, put);
    }
}

fn decode(decoder: &mut Decoder, mut bytes: &[u8], last: bool, put: &mut impl FnMut(Read<'_>)) {
    let mut text = [0; PIECE];
    loop {
        let (result, read, written, _) = decoder.decode_to_utf8(bytes, &mut text, last);
        put(Read::Text(&text[..written]));
        bytes = &bytes[read..];
        if result == encoding_rs::CoderResult::InputEmpty {
            return;
        }
    }
}

/// The charset that a `meta` line or an XML declaration in the first bytes names.
fn declared(start: &[u8]) -> Option<&'static Encoding> {
    let start = start.to_ascii_lowercase();
    let mut rest = &*start;
    while let Some(at) = find(rest, b"<") {
        rest = &rest[at + 1..];
        if rest.starts_with(b"!--") {
            rest = find(rest, b"-->").map_or(&b""[..], |end| &rest[end..]);
            continue;
        }
        let end = find(rest, b">").unwrap_or(rest.len());
        let tag = &rest[..end];
        let name: &[u8] = match tag {
            [b'm', b'e', b't', b'a', ..] => b"charset",
            [b'?', b'x', b'm', b'l', ..] => b"encoding",
            _ => continue,
        };
        let Some(at) = find(tag, name) else { continue };
        let value = tag[at + name.len()..].trim_ascii_start();
        let Some(value) = value.strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let value = value
            .strip_prefix(b"\"")
            .or(value.strip_prefix(b"'"))
            .unwrap_or(value);
        let end = value
            .iter()
            .position(|b| {
                matches!(b, b'"' | b'\'' | b';' | b'/' | b'>' | b'?') || b.is_ascii_whitespace()
            })
            .unwrap_or(value.len());
        if let Some(found) = Encoding::for_label(&value[..end]) {
            // A text that could be read so far is in no UTF-16.
            return Some(if found.is_ascii_compatible() {
                found
            } else {
                UTF_8
            });
        }
    }
    None
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|part| part == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, pieces: &[&[u8]]) -> String {
        let mut charset = Charset::new(Media::of(Some(header)).unwrap());
        let mut all = Vec::new();
        let mut put = |read: Read<'_>| {
            if let Read::Text(text) = read {
                all.extend_from_slice(text);
            }
        };
        pieces
            .iter()
            .for_each(|piece| charset.push(piece, &mut put));
        charset.finish(&mut put);
        String::from_utf8_lossy(&all).into_owned()
    }

    /// FIL-02: a page is read in the charset in which browsers read it.
    #[test]
    fn fil_02_pages_are_read_in_their_charset() {
        let wide: Vec<u8> = "\u{feff}na\u{ef}ve"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for (header, body, wanted) in [
            (
                "text/html",
                &b"<meta charset=iso-8859-2>\xb1"[..],
                "\u{105}",
            ),
            (
                "text/html",
                b"<!-- <meta charset=utf-8> --><meta content='text/html; charset=koi8-r'>\xc1",
                "\u{430}",
            ),
            (
                "text/html",
                b"<?xml version='1.0' encoding='windows-1251'?>\xe0",
                "\u{430}",
            ),
            (
                "text/html; charset=shift_jis",
                b"<meta charset=utf-8>\x82\xa0",
                "\u{3042}",
            ),
            ("text/plain; charset=utf-16be", b"\0a\0b", "ab"),
            ("text/html; charset=latin1", &wide, "na\u{ef}ve"),
            (
                "text/html; charset=latin1",
                b"\xef\xbb\xbfcaf\xc3\xa9",
                "caf\u{e9}",
            ),
            (
                "text/html",
                b"<meta charset=utf-16>caf\xc3\xa9",
                "caf\u{e9}",
            ),
            (
                "text/html; charset=nonsense",
                b"<meta charset=big5>\xa4\xa4",
                "\u{4e2d}",
            ),
            ("", &wide, "na\u{ef}ve"),
        ] {
            let text = read(header, &[body]);
            assert!(text.ends_with(wanted), "{header}: {text:?}");
            for cut in 0..body.len() {
                assert_eq!(
                    read(header, &[&body[..cut], &body[cut..]]),
                    text,
                    "{header} cut at {cut}"
                );
            }
        }
    }
}
