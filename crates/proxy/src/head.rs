//! The strict reading of a request head (RFC 9112): whatever two readers could understand
//! differently is refused before anything acts on it.

use std::mem::MaybeUninit;

use http::Uri;

/// Header lines for which there is room without asking for memory.
const HEADERS_USUAL: usize = 100;
/// The longest target that may be plain, in bytes.
const PLAIN_MOST: usize = 8 * 1024;

/// How the body after a head is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No body.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks (RFC 9112, section 7.1).
    Chunked,
    /// What follows is no HTTP: `CONNECT`, or an upgrade that the origin may grant.
    Raw,
}

/// Why a request head or its body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// Not an HTTP/1 request.
    Malformed,
    /// The head is longer than the bound.
    TooLarge,
    /// More header lines than the bound.
    TooMany,
    /// `Content-Length` beside `Transfer-Encoding`.
    BothLengths,
    /// More than one `Content-Length`, or one with several values.
    ManyLengths,
    /// `Content-Length` is not a plain number.
    BadLength,
    /// A transfer coding other than a single `chunked`.
    BadCoding,
    /// A folded header line.
    Folded,
    /// A line end without a carriage return, or a bare carriage return or NUL.
    BadLineEnd,
    /// HTTP/1.1 without `Host`, or more than one.
    BadHost,
    /// The head did not arrive in time.
    Slow,
}

impl Refusal {
    /// The status that answers it.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Refusal::TooLarge | Refusal::TooMany => 431,
            Refusal::BadCoding => 501,
            Refusal::Slow => 408,
            _ => 400,
        }
    }

    /// A stable name for logs and counts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Refusal::Malformed => "malformed-request",
            Refusal::TooLarge => "head-too-large",
            Refusal::TooMany => "too-many-headers",
            Refusal::BothLengths => "length-and-coding",
            Refusal::ManyLengths => "several-lengths",
            Refusal::BadLength => "bad-length",
            Refusal::BadCoding => "unknown-transfer-coding",
            Refusal::Folded => "folded-header",
            Refusal::BadLineEnd => "bad-line-end",
            Refusal::BadHost => "bad-host-header",
            Refusal::Slow => "slow-request",
        }
    }

    /// What was wrong, in a sentence for the page.
    pub(crate) const fn explain(self) -> &'static str {
        match self {
            Refusal::Malformed => {
                "What the program on this device sent is not a valid web request."
            }
            Refusal::TooLarge => "The request's headers are larger than the filter accepts.",
            Refusal::TooMany => "The request has more header lines than the filter accepts.",
            Refusal::BothLengths => {
                "The request gives its length in two ways that may disagree (Content-Length and Transfer-Encoding)."
            }
            Refusal::ManyLengths => "The request gives more than one Content-Length.",
            Refusal::BadLength => "The request's Content-Length is not a plain number.",
            Refusal::BadCoding => "The request uses a transfer coding other than chunked.",
            Refusal::Folded => "The request has a header folded over several lines.",
            Refusal::BadLineEnd => "The request's header lines do not end as HTTP asks.",
            Refusal::BadHost => "The request must carry exactly one Host header.",
            Refusal::Slow => "The request's headers did not arrive in time.",
        }
    }
}

/// Where the head in these bytes ends, looked for without reading any byte twice.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeadEnd {
    scanned: usize,
    line_start: usize,
}

impl HeadEnd {
    /// Goes on scanning; the length of the head with its empty line once it is complete.
    pub(crate) fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        while self.scanned < bytes.len() {
            if self.scanned > self.line_start && bytes[self.scanned - 1] != b'\r' {
                self.scanned += plain(&bytes[self.scanned..]);
            }
            let at = self.scanned;
            if at == bytes.len() {
                break;
            }
            self.scanned += 1;
            match bytes[at] {
                b'\n' if at == self.line_start || bytes[at - 1] != b'\r' => {
                    return Err(Refusal::BadLineEnd);
                }
                other if other != b'\n' && at > 0 && bytes[at - 1] == b'\r' => {
                    return Err(Refusal::BadLineEnd);
                }
                b'\n' if at - 1 == self.line_start => return Ok(Some(at + 1)),
                b'\n' => self.line_start = at + 1,
                b' ' | b'\t' if at == self.line_start && at > 0 => return Err(Refusal::Folded),
                0 => return Err(Refusal::BadLineEnd),
                _ => {}
            }
        }
        Ok(None)
    }
}

/// How many bytes can be passed over eight by eight: all that are no control character.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    let (eights, _) = bytes.as_chunks::<8>();
    let is_plain = |eight: &&[u8; 8]| {
        let eight = u64::from_le_bytes(**eight);
        eight.wrapping_sub(ONES * 0x20) & !eight & (ONES * 0x80) == 0
    };
    8 * eights.iter().take_while(is_plain).count()
}

/// Reads a complete head strictly and tells how its body is framed.
pub(crate) fn check(head: &[u8], most_headers: usize) -> Result<Framing, Refusal> {
    let (mut few, mut many) = ([const { MaybeUninit::uninit() }; HEADERS_USUAL], Vec::new());
    let room = match few.get_mut(..most_headers) {
        Some(room) => room,
        None => {
            many.reserve_exact(most_headers);
            &mut many.spare_capacity_mut()[..most_headers]
        }
    };
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, room) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooMany),
        _ => return Err(Refusal::Malformed),
    }
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(Refusal::Malformed);
    };
    if !is_plain(target) && target.parse::<Uri>().is_err() {
        return Err(Refusal::Malformed);
    }
    let seen = Seen::read(request.headers)?;
    if seen.hosts > 1 || (minor == 1 && seen.hosts == 0) {
        return Err(Refusal::BadHost);
    }
    seen.framing(method, minor)
}

/// Whether a target is of the kind that nearly all are, a path or an address with a bare host, and has
/// nothing in it that would have to be parsed to know that it is well formed.
fn is_plain(target: &str) -> bool {
    let path = match target.strip_prefix("http://") {
        None => target,
        Some(rest) => {
            let in_host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
            let host = rest.bytes().take_while(in_host).count();
            if host == 0 {
                return false;
            }
            &rest[host..]
        }
    };
    let in_path = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'/' | b'.' | b'-' | b'_' | b'~' | b'%' | b'?' | b'&' | b'=' | b'+'
            )
            || matches!(
                byte,
                b',' | b';' | b':' | b'@' | b'!' | b'$' | b'*' | b'(' | b')'
            )
    };
    target.len() <= PLAIN_MOST && path.starts_with('/') && path.bytes().all(in_path)
}

/// The header lines that matter to framing.
#[derive(Default)]
struct Seen {
    length: Option<u64>,
    chunked: bool,
    hosts: usize,
    upgrade: bool,
}

impl Seen {
    fn read(headers: &[httparse::Header<'_>]) -> Result<Self, Refusal> {
        let mut seen = Self::default();
        for header in headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                if seen.length.is_some() {
                    return Err(Refusal::ManyLengths);
                }
                seen.length = Some(plain_number(header.value)?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                if seen.chunked || !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::BadCoding);
                }
                seen.chunked = true;
            } else if header.name.eq_ignore_ascii_case("host") {
                seen.hosts += 1;
            } else if header.name.eq_ignore_ascii_case("upgrade") {
                seen.upgrade = true;
            }
        }
        Ok(seen)
    }

    fn framing(&self, method: &str, minor: u8) -> Result<Framing, Refusal> {
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Refusal::BothLengths),
            (None, true) if minor == 0 => Err(Refusal::BadCoding),
            (_, _) if method == "CONNECT" => match self.length {
                None | Some(0) if !self.chunked => Ok(Framing::Raw),
                _ => Err(Refusal::Malformed),
            },
            (None, true) => Ok(Framing::Chunked),
            (Some(length), false) if length > 0 => Ok(Framing::Length(length)),
            (_, false) if self.upgrade => Ok(Framing::Raw),
            (_, false) => Ok(Framing::None),
        }
    }
}

fn plain_number(value: &[u8]) -> Result<u64, Refusal> {
    let value = value.trim_ascii();
    if value.contains(&b',') {
        return Err(Refusal::ManyLengths);
    }
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::BadLength);
    }
    Ok(value
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Framing, Refusal> {
        let mut end = HeadEnd::default();
        match end.find(text.as_bytes())? {
            Some(length) => check(&text.as_bytes()[..length], 16),
            None => Err(Refusal::Slow),
        }
    }

    /// FIL-01: a byte that ends no line where it stands is seen at every place of a long line, and so is
    /// the end of the head.
    #[test]
    fn fil_01_bad_bytes_are_seen_wherever_they_stand() {
        for at in 0..40 {
            let long = format!("{}\u{e9}\t{}", "a".repeat(at), "b".repeat(40 - at));
            let head = format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {long}\r\n\r\n");
            let find = |text: &str| HeadEnd::default().find(text.as_bytes());
            assert_eq!(find(&format!("{head}GET")), Ok(Some(head.len())), "{at}");
            for bad in ["\0", "\r", "\n", "\r\r", "\r\0", "\n\n"] {
                let broken = head.replace('\u{e9}', bad);
                assert_eq!(find(&broken), Err(Refusal::BadLineEnd), "{at} {bad:?}");
            }
            let folded = head.replace('\u{e9}', "\r\n ");
            assert_eq!(find(&folded), Err(Refusal::Folded), "{at}");
        }
    }

    /// FIL-01: every request that two readers could frame differently is refused, so that none
    /// can hide behind another. One row per known trick.
    #[test]
    fn fil_01_smuggling_tricks_are_refused() {
        let host = "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\n";
        for (lines, wanted) in [
            (
                "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                Refusal::BothLengths,
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
                Refusal::BothLengths,
            ),
            (
                "Content-Length: 4\r\nContent-Length: 4\r\n",
                Refusal::ManyLengths,
            ),
            (
                "Content-Length: 4\r\ncontent-length: 5\r\n",
                Refusal::ManyLengths,
            ),
            ("Content-Length: 4, 4\r\n", Refusal::ManyLengths),
            ("Content-Length: +4\r\n", Refusal::BadLength),
            ("Content-Length: -4\r\n", Refusal::BadLength),
            ("Content-Length: 0x4\r\n", Refusal::BadLength),
            ("Content-Length: 4 4\r\n", Refusal::BadLength),
            ("Content-Length:\r\n", Refusal::BadLength),
            (
                "Content-Length: 99999999999999999999999\r\n",
                Refusal::BadLength,
            ),
            ("Transfer-Encoding: xchunked\r\n", Refusal::BadCoding),
            ("Transfer-Encoding: gzip, chunked\r\n", Refusal::BadCoding),
            (
                "Transfer-Encoding: chunked, identity\r\n",
                Refusal::BadCoding,
            ),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                Refusal::BadCoding,
            ),
            ("Transfer-Encoding: \"chunked\"\r\n", Refusal::BadCoding),
            ("Transfer-Encoding : chunked\r\n", Refusal::Malformed),
            ("Transfer-Encoding\r\n", Refusal::Malformed),
            ("X: 1\r\n Content-Length: 4\r\n", Refusal::Folded),
            ("X: 1\r\n\tContent-Length: 4\r\n", Refusal::Folded),
            ("X: 1\nContent-Length: 4\r\n", Refusal::BadLineEnd),
            ("X: 1\rContent-Length: 4\r\n", Refusal::BadLineEnd),
            ("X: \0\r\n", Refusal::BadLineEnd),
            ("Host: b.test\r\n", Refusal::BadHost),
            ("Content Length: 4\r\n", Refusal::Malformed),
        ] {
            assert_eq!(
                read(&format!("{host}{lines}\r\n")),
                Err(wanted),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn request_lines_are_read_strictly() {
        for (line, wanted) in [
            ("GET http://a.test/ HTTP/1.1\r\n\r\n", Err(Refusal::BadHost)),
            (
                "GET http://a.test/ HTTP/2.0\r\nHost: a.test\r\n\r\n",
                Err(Refusal::Malformed),
            ),
            (
                "GET  http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
                Err(Refusal::Malformed),
            ),
            (
                "GET http://a.test/\r\nHost: a.test\r\n\r\n",
                Err(Refusal::Malformed),
            ),
            (
                "G@T http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
                Err(Refusal::Malformed),
            ),
            (
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
                Err(Refusal::BadCoding),
            ),
            (
                "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nContent-Length: 3\r\n\r\n",
                Err(Refusal::Malformed),
            ),
            (
                "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
                Ok(Framing::Raw),
            ),
            (
                "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n",
                Ok(Framing::Raw),
            ),
            ("GET / HTTP/1.0\r\n\r\n", Ok(Framing::None)),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n",
                Ok(Framing::Length(7)),
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
                Ok(Framing::Chunked),
            ),
        ] {
            assert_eq!(read(line), wanted, "{line:?}");
        }
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(16));
        assert_eq!(read(&many), Err(Refusal::TooMany));
    }

    /// FIL-01: what is taken for well formed at a glance is so.
    #[test]
    fn fil_01_plain_targets_are_few_and_well_formed() {
        for target in [
            "/",
            "/a/b.c?d=%20&e=f+g",
            "http://a.test/",
            "http://A-1.test/x?y#",
        ] {
            assert_eq!(is_plain(target), !target.contains('#'), "{target}");
            assert!(target.parse::<Uri>().is_ok(), "{target}");
        }
        for target in [
            "",
            "*",
            "a.test:80",
            "http://",
            "http:///",
            "http://a.test",
            "http://a.test:80/",
            "http://a@b.test/",
            "https://a.test/",
            "HTTP://a.test/",
            "?a",
            "/\u{e9}",
            "/a b",
            "/\"",
            "/{",
            "/[",
            "/\\",
        ] {
            assert!(!is_plain(target), "{target}");
        }
        assert!(!is_plain(&format!("/{}", "a".repeat(PLAIN_MOST))));
    }

    proptest! {
        #[test]
        fn fil_01_plain_targets_are_well_formed(target in "(http://)?[ -~]{0,12}(/[ -~]{0,12})?") {
            prop_assert!(!is_plain(&target) || target.parse::<Uri>().is_ok());
        }

        /// FIL-01: no bytes make the reader panic, and where the head ends does not depend on how
        /// the bytes were cut into pieces.
        #[test]
        fn fil_01_pieces_do_not_change_the_reading(bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b'a'), any::<u8>()], 0..80), cut in 0_usize..80) {
            let mut whole = HeadEnd::default();
            let at_once = whole.find(&bytes);
            let mut pieces = HeadEnd::default();
            let first = pieces.find(&bytes[..cut.min(bytes.len())]);
            let in_pieces = match first { Ok(None) => pieces.find(&bytes), other => other };
            prop_assert_eq!(at_once.is_ok_and(|end| end.is_some()), in_pieces.is_ok_and(|end| end.is_some()));
            if let Ok(Some(end)) = at_once {
                let _ = check(&bytes[..end], 8);
            }
        }
    }
}
