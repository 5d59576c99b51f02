//! What a client says first inside a tunnel, read without being consumed.
//!
//! The hello of TLS is read here by itself (RFC 8446, section 4.1.2), strictly and without copying:
//! a tunnel that is passed on untouched needs nothing more of TLS than the name asked for, and
//! whether a part of the hello is hidden. Where the proxy looks inside, the TLS library reads the
//! same bytes again and the two readings must agree.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes of a TLS hello, record headers included: the largest of today, with keys that
/// withstand quantum computers and a ticket, stay below 8 KiB.
const HELLO_MOST: usize = 32 * 1024;
/// Most bytes of one record (RFC 8446, section 5.1).
const RECORD_MOST: usize = 1 << 14;

/// How Secure Shell begins.
const SSH: &[u8] = b"SSH-";

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
/// RFC 9849; browsers send a meaningless one to every server, so its being there says little.
const ENCRYPTED_HELLO: u16 = 0xfe0d;
/// The drafts before it, which hid the name without a stand-in.
const ENCRYPTED_NAME: u16 = 0xffce;

/// What the client wants to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hello {
    /// TLS.
    Tls(TlsHello),
    /// It looks like a plain HTTP request (browsers open `ws:` through `CONNECT`).
    Http,
    /// Something else, or nothing in time.
    Other(Foreign),
}

/// What is said that is no web traffic, as far as its first bytes tell (FIL-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// Nothing at all.
    Silent,
    /// Secure Shell (RFC 4253, section 4.2).
    Ssh,
    /// OpenVPN over TCP: a length, then the first packet of a session.
    OpenVpn,
    /// Another proxy (RFC 1928, section 3).
    Socks,
    /// Remote desktop: TPKT around a connection request (MS-RDPBCGR, section 2.2.1.1).
    RemoteDesktop,
    /// Something else.
    Unknown,
}

impl Foreign {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => Foreign::Silent,
            [b'S', b'S', b'H', b'-', ..] => Foreign::Ssh,
            [0, length, 0x38 | 0x50, ..] if *length >= 14 => Foreign::OpenVpn,
            [5, methods, rest @ ..] if *methods > 0 && rest.len() == usize::from(*methods) => {
                Foreign::Socks
            }
            [3, 0, _, _, _, 0xe0, ..] => Foreign::RemoteDesktop,
            _ => Foreign::Unknown,
        }
    }

    /// The rule's name in events.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Foreign::Silent => "nothing-said",
            Foreign::Ssh => "no-web-traffic-ssh",
            Foreign::OpenVpn => "no-web-traffic-openvpn",
            Foreign::Socks => "no-web-traffic-socks",
            Foreign::RemoteDesktop => "no-web-traffic-remote-desktop",
            Foreign::Unknown => "no-web-traffic",
        }
    }
}

/// What a TLS hello asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TlsHello {
    /// The server name, as sent: in any case, and maybe with a dot at its end.
    pub(crate) server_name: Option<String>,
    /// Whether HTTP/2 is offered.
    pub(crate) http2: bool,
    /// Whether there is an encrypted hello, real or meaningless.
    pub(crate) encrypted_hello: bool,
    /// Whether there is an encrypted server name of the drafts.
    pub(crate) encrypted_name: bool,
}

/// Waits for the first bytes and tells what they are; gives all bytes read back.
pub(crate) async fn peek(
    io: &mut (impl AsyncRead + Unpin),
    front: Bytes,
    patience: Duration,
) -> io::Result<(Hello, Bytes)> {
    let mut seen = BytesMut::from(&front[..]);
    let hello = match tokio::time::timeout(patience, read_hello(io, &mut seen)).await {
        Ok(hello) => hello?,
        Err(_) => Hello::Other(Foreign::of(&seen)),
    };
    Ok((hello, seen.freeze()))
}

pub(crate) async fn read_hello(
    io: &mut (impl AsyncRead + Unpin),
    seen: &mut BytesMut,
) -> io::Result<Hello> {
    loop {
        match read(seen) {
            Reading::Done(hello) => return Ok(hello),
            Reading::More if seen.len() > HELLO_MOST => {
                return Ok(Hello::Other(Foreign::of(seen)));
            }
            Reading::More => {}
        }
        seen.reserve(2 * 1024);
        if io.read_buf(seen).await? == 0 {
            return Ok(Hello::Other(Foreign::of(seen)));
        }
    }
}

enum Reading {
    More,
    Done(Hello),
}

fn read(bytes: &[u8]) -> Reading {
    match bytes.first() {
        None => return Reading::More,
        Some(0x16) => {}
        Some(b'S') if bytes.len() < SSH.len() && SSH.starts_with(bytes) => return Reading::More,
        Some(b'S') if bytes.starts_with(SSH) => {
            return Reading::Done(Hello::Other(Foreign::Ssh));
        }
        Some(letter) if letter.is_ascii_uppercase() => return Reading::Done(Hello::Http),
        Some(_) => return Reading::Done(Hello::Other(Foreign::of(bytes))),
    }
    match handshake(bytes) {
        Err(End::Short) => Reading::More,
        Err(End::Broken) => Reading::Done(Hello::Other(Foreign::Unknown)),
        Ok(message) => Reading::Done(match client_hello(&message) {
            Ok(hello) => Hello::Tls(hello),
            Err(_) => Hello::Other(Foreign::Unknown),
        }),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The bytes end before the hello does.
    Short,
    /// They are no hello.
    Broken,
}

/// The first handshake message out of its records: borrowed where it stands in one record.
fn handshake(mut bytes: &[u8]) -> Result<Cow<'_, [u8]>, End> {
    let mut whole: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    loop {
        let wanted = match *whole {
            [1, a, b, c, ..] => 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)),
            [1] | [1, _] | [1, _, _] | [] => 4,
            _ => return Err(End::Broken),
        };
        if wanted > HELLO_MOST {
            return Err(End::Broken);
        }
        if whole.len() >= wanted && wanted > 4 {
            return Ok(match whole {
                Cow::Borrowed(part) => Cow::Borrowed(&part[..wanted]),
                Cow::Owned(mut part) => {
                    part.truncate(wanted);
                    Cow::Owned(part)
                }
            });
        }
        let [0x16, 3, _, high, low, rest @ ..] = bytes else {
            return Err(match bytes {
                [] | [0x16] | [0x16, 3] | [0x16, 3, _] | [0x16, 3, _, _] => End::Short,
                _ => End::Broken,
            });
        };
        let length = usize::from(*high) << 8 | usize::from(*low);
        if length == 0 || length > RECORD_MOST {
            return Err(End::Broken);
        }
        if rest.len() < length {
            // What is broken at the start need not be waited for.
            return Err(match rest.first() {
                Some(kind) if whole.is_empty() && *kind != 1 => End::Broken,
                _ => End::Short,
            });
        }
        let (record, after) = rest.split_at(length);
        if whole.is_empty() {
            whole = Cow::Borrowed(record);
        } else {
            whole.to_mut().extend_from_slice(record);
        }
        bytes = after;
    }
}

/// Reads a whole ClientHello message with its four bytes of header.
fn client_hello(message: &[u8]) -> Result<TlsHello, End> {
    let mut left = Fields(message.get(4..).ok_or(End::Broken)?);
    left.take(2 + 32)?;
    left.list8()?;
    left.list16()?;
    left.list8()?;
    let mut found = TlsHello::default();
    if left.0.is_empty() {
        return Ok(found);
    }
    let mut extensions = Fields(left.list16()?);
    let mut names = 0;
    while !extensions.0.is_empty() {
        let kind = extensions.number()?;
        let data = extensions.list16()?;
        match kind {
            SERVER_NAME => {
                names += 1;
                found.server_name = Some(server_name(data)?);
            }
            ALPN => found.http2 = offers_http2(data)?,
            ENCRYPTED_HELLO => found.encrypted_hello = true,
            ENCRYPTED_NAME => found.encrypted_name = true,
            _ => {}
        }
    }
    // Two names are understood differently by different readers.
    if names > 1 || !left.0.is_empty() {
        return Err(End::Broken);
    }
    Ok(found)
}

/// RFC 6066, section 3: one name of one kind.
fn server_name(data: &[u8]) -> Result<String, End> {
    let mut outer = Fields(data);
    let mut list = Fields(outer.list16()?);
    let kind = list.take(1)?;
    let name = list.list16()?;
    let plain = name.iter().all(u8::is_ascii_graphic) && !name.is_empty();
    if kind != [0] || !list.0.is_empty() || !outer.0.is_empty() || !plain {
        return Err(End::Broken);
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

fn offers_http2(data: &[u8]) -> Result<bool, End> {
    let mut list = Fields(Fields(data).list16()?);
    let mut offered = false;
    while !list.0.is_empty() {
        offered |= list.list8()? == b"h2";
    }
    Ok(offered)
}

/// Length-prefixed fields one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], End> {
        let (field, rest) = self.0.split_at_checked(length).ok_or(End::Broken)?;
        self.0 = rest;
        Ok(field)
    }

    fn number(&mut self) -> Result<u16, End> {
        match self.take(2)? {
            [high, low] => Ok(u16::from_be_bytes([*high, *low])),
            _ => Err(End::Broken),
        }
    }

    fn list8(&mut self) -> Result<&'a [u8], End> {
        let length = self.take(1)?.first().copied().unwrap_or(0);
        self.take(usize::from(length))
    }

    fn list16(&mut self) -> Result<&'a [u8], End> {
        let length = self.number()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        bytes
    }

    fn name(text: &str) -> Vec<u8> {
        let mut list = vec![0];
        list.extend((text.len() as u16).to_be_bytes());
        list.extend(text.as_bytes());
        let mut data = (list.len() as u16).to_be_bytes().to_vec();
        data.extend(list);
        extension(SERVER_NAME, &data)
    }

    fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
        let extensions = extensions.concat();
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(0);
        body.extend([0, 2, 0x13, 1, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1, 0];
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(body);
        message
    }

    /// The message in records of at most so many bytes.
    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let record = |part: &[u8]| {
            let mut bytes = vec![0x16, 3, 1];
            bytes.extend((part.len() as u16).to_be_bytes());
            bytes.extend(part);
            bytes
        };
        message.chunks(size).flat_map(record).collect()
    }

    fn told(bytes: &[u8]) -> Option<Hello> {
        match read(bytes) {
            Reading::Done(hello) => Some(hello),
            Reading::More => None,
        }
    }

    fn real_hello() -> Vec<u8> {
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = "harbour.test".try_into().unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    /// FIL-16: a real hello is read, however it arrives.
    #[test]
    fn fil_16_a_real_hello_is_read() {
        let bytes = real_hello();
        let wanted = Hello::Tls(TlsHello {
            server_name: Some("harbour.test".to_owned()),
            http2: true,
            ..TlsHello::default()
        });
        for end in 0..bytes.len() {
            assert_eq!(told(&bytes[..end]), None, "{end}");
        }
        assert_eq!(told(&bytes), Some(wanted.clone()));
        for size in [1, 3, 4, 5, 100] {
            assert_eq!(told(&records(&bytes[5..], size)), Some(wanted.clone()));
        }
    }

    /// FIL-16: hidden names are noticed, and a hello that two readers could read differently is
    /// none.
    #[test]
    fn fil_16_hidden_and_doubled_names_are_noticed() {
        let read = |extensions: &[Vec<u8>]| told(&records(&message(extensions), 4096));
        let hidden = read(&[name("cloudflare-ech.com"), extension(0xfe0d, &[0; 60])]);
        assert!(
            matches!(&hidden, Some(Hello::Tls(hello)) if hello.encrypted_hello && !hello.encrypted_name)
        );
        let old = read(&[extension(0xffce, &[0; 60])]);
        assert!(
            matches!(&old, Some(Hello::Tls(hello)) if hello.encrypted_name && hello.server_name.is_none())
        );
        let two_in_one = {
            let mut list = vec![0, 0, 1, b'a', 0, 0, 1, b'b'];
            let mut data = (list.len() as u16).to_be_bytes().to_vec();
            data.append(&mut list);
            extension(SERVER_NAME, &data)
        };
        for broken in [
            read(&[name("a.test"), name("b.test")]),
            read(&[name("")]),
            read(&[name("a b")]),
            read(&[name("a\0.test")]),
            read(&[two_in_one]),
            told(&records(&[2, 0, 0, 1, 0], 16)),
            told(&[0x16, 3, 1, 0, 0]),
            told(&[0x16, 3, 1, 0x40, 1]),
            told(&[0x16, 2, 1, 0, 1]),
            told(&records(&[1, 0xff, 0, 0, 0], 16)),
            told(b"\x80\x2e\x01\x03\x01"),
            told(b"ssh"),
        ] {
            assert_eq!(broken, Some(Hello::Other(Foreign::Unknown)));
        }
        assert_eq!(told(b"GET / HTTP/1.1\r\n"), Some(Hello::Http));
        assert_eq!(told(b""), None);
    }

    proptest! {
        /// FIL-16: no bytes make the reader panic, and it never reads another name than the TLS
        /// library does.
        #[test]
        fn fil_16_two_readers_read_the_same_name(at in 0_usize..400, byte: u8, cut in 1_usize..600) {
            let mut bytes = real_hello();
            let last = bytes.len() - 1;
            bytes[at.min(last)] = byte;
            let bytes = &bytes[..cut.min(bytes.len())];
            if let Some(Hello::Tls(ours)) = told(bytes) {
                let mut acceptor = rustls::server::Acceptor::default();
                let mut rest = bytes;
                while !rest.is_empty() && acceptor.read_tls(&mut rest).is_ok() {}
                if let Ok(Some(accepted)) = acceptor.accept() {
                    // The library leaves out a dot at the end; whoever compares names parses both.
                    let plain = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
                    let theirs = accepted.client_hello().server_name().map(plain);
                    prop_assert_eq!(ours.server_name.as_deref().map(plain), theirs);
                }
            }
        }
    }
}
