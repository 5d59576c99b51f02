//! A client's question.

use super::name::{self, Bytes};
use super::{code, u16_at};

/// The asker will check signatures itself ("checking disabled", RFC 4035).
pub(crate) const CD: u8 = 1;
/// The asker wants signatures (the DO bit, RFC 3225).
pub(crate) const DO: u8 = 2;
/// Other records in a question that are looked at in search of OPT.
const EXTRAS_MAX: u16 = 8;
/// Largest datagram we send or invite, whatever the client claims (RFC 9715 section 3).
pub(crate) const UDP_MAX: u16 = 1_232;

/// One well-formed question, owned, so that it can wait for an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The client's message id.
    pub(crate) id: u16,
    /// Whether recursion was wanted.
    pub(crate) recurse: bool,
    /// The question section as sent, letter case kept (RFC 1035 section 4.1.2).
    pub(crate) question: Bytes,
    /// Lower-case name, type and the [`CD`] and [`DO`] bits: what answers are cached under.
    pub(crate) key: Bytes,
    /// The record type asked for.
    pub(crate) kind: u16,
    /// The class asked for.
    pub(crate) class: u16,
    /// What the client said by EDNS, if it did.
    pub(crate) edns: Option<Edns>,
    /// The server cookie to answer with, where the client sent one of its own.
    pub(crate) server_cookie: Option<[u8; 16]>,
}

/// What a client says in its OPT record (RFC 6891).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edns {
    /// Largest datagram it takes, already held to 512..=1232.
    pub(crate) size: u16,
    /// It wants signatures.
    pub(crate) signatures: bool,
    /// Its cookie.
    pub(crate) cookie: Option<Cookie>,
    /// It pads its questions, so that lengths tell nothing, and wants the same of answers.
    pub(crate) padded: bool,
}

/// A client's cookie, with the server's that it was given before (RFC 7873 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cookie {
    pub(crate) client: [u8; 8],
    /// `None` too where it is not of our form.
    pub(crate) server: Option<[u8; 16]>,
}

impl Asked {
    /// A question for the root.
    pub(crate) fn of_root(kind: u16) -> Self {
        let [high, low] = kind.to_be_bytes();
        Self {
            id: 0,
            recurse: true,
            question: Bytes::from_slice(&[0, high, low, 0, 1]),
            key: key(Bytes::from_slice(&[0]), kind, 0),
            kind,
            class: code::IN,
            edns: None,
            server_cookie: None,
        }
    }

    /// The lower-case name in wire form.
    pub(crate) fn name(&self) -> &[u8] {
        &self.key[..self.key.len() - 3]
    }

    /// Type and flags: what the key has behind the name.
    pub(crate) fn sort(&self) -> [u8; 3] {
        self.key.last_chunk().copied().unwrap_or_default()
    }

    /// The key of the same asker's question for another name and type.
    pub(crate) fn key_of(&self, name: &[u8], kind: u16) -> Bytes {
        let flags = self.key.last().copied().unwrap_or_default();
        key(Bytes::from_slice(name), kind, flags)
    }
}

fn key(name: Bytes, kind: u16, flags: u8) -> Bytes {
    let [high, low] = kind.to_be_bytes();
    let mut key = name;
    key.extend_from_slice(&[high, low, flags]);
    key
}

/// Why a message gets no real answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reject {
    /// Not a question at all: answering could start a loop between two servers.
    Silent,
    /// Answer with this code and nothing else.
    Code(u8),
    /// An EDNS version we do not speak (RFC 6891 section 6.1.3).
    BadVersion,
}

/// Reads a client's message.
///
/// # Errors
/// [`Reject`] says what to answer instead: nothing to answers and fragments, NOTIMP to other
/// opcodes, FORMERR to all but exactly one question (RFC 9619), BADVERS to EDNS above version 0.
pub(crate) fn parse(message: &[u8]) -> Result<Asked, Reject> {
    let flags = u16_at(message, 2).ok_or(Reject::Silent)?;
    let counts: [u16; 4] = match message.get(4..12) {
        Some(c) => [0, 2, 4, 6].map(|i| u16::from_be_bytes([c[i], c[i + 1]])),
        None => return Err(Reject::Silent),
    };
    if flags & 0x8000 != 0 {
        return Err(Reject::Silent);
    }
    if flags & 0x7800 != 0 {
        return Err(Reject::Code(code::NOTIMP));
    }
    if counts[0] != 1 || counts[1] != 0 || counts[2] != 0 || counts[3] > EXTRAS_MAX {
        return Err(Reject::Code(code::FORMERR));
    }
    let mut asked = read_question(message, flags).ok_or(Reject::Code(code::FORMERR))?;
    read_extras(message, &mut asked, counts[3])?;
    Ok(asked)
}

fn read_question(message: &[u8], flags: u16) -> Option<Asked> {
    let (name, after) = name::read(message, 12)?;
    let kind = u16_at(message, after)?;
    let class = u16_at(message, after + 2)?;
    let question = Bytes::from_slice(message.get(12..after + 4)?);
    let checking_disabled = if flags & 0x0010 != 0 { CD } else { 0 };
    Some(Asked {
        id: u16_at(message, 0)?,
        recurse: flags & 0x0100 != 0,
        question,
        key: key(name, kind, checking_disabled),
        kind,
        class,
        edns: None,
        server_cookie: None,
    })
}

/// Looks for the one OPT record; anything else is passed over.
fn read_extras(message: &[u8], asked: &mut Asked, count: u16) -> Result<(), Reject> {
    let malformed = Reject::Code(code::FORMERR);
    let mut at = 12 + asked.question.len();
    for _ in 0..count {
        let owner = at;
        at = name::skip(message, at).ok_or(malformed)?;
        let fixed = message.get(at..at + 10).ok_or(malformed)?;
        let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        at += 10 + length;
        if at > message.len() {
            return Err(malformed);
        }
        if u16::from_be_bytes([fixed[0], fixed[1]]) != code::OPT {
            continue;
        }
        if message[owner] != 0 || asked.edns.is_some() {
            return Err(malformed);
        }
        if fixed[5] != 0 {
            return Err(Reject::BadVersion);
        }
        let size = u16::from_be_bytes([fixed[2], fixed[3]]).clamp(512, UDP_MAX);
        let signatures = fixed[6] & 0x80 != 0;
        let options = &message[at - length..at];
        let (cookie, padded) = read_options(options).ok_or(malformed)?;
        if signatures && let Some(last) = asked.key.last_mut() {
            *last |= DO;
        }
        asked.edns = Some(Edns {
            size,
            signatures,
            cookie,
            padded,
        });
    }
    Ok(())
}

/// The options we act on. `None`: malformed, a cookie of an impossible length included (RFC 7873
/// section 5.2.2).
fn read_options(mut options: &[u8]) -> Option<(Option<Cookie>, bool)> {
    let (mut cookie, mut padded) = (None, false);
    while !options.is_empty() {
        let option = u16_at(options, 0)?;
        let length = usize::from(u16_at(options, 2)?);
        let value = options.get(4..4 + length)?;
        options = &options[4 + length..];
        match option {
            code::COOKIE if cookie.is_none() => {
                if !matches!(length, 8 | 16..=40) {
                    return None;
                }
                let (client, server) = value.split_first_chunk()?;
                cookie = Some(Cookie {
                    client: *client,
                    server: server.try_into().ok(),
                });
            }
            code::PADDING => padded = true,
            _ => {}
        }
    }
    Some((cookie, padded))
}
