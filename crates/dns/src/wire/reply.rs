//! Writing an answer.

use std::net::IpAddr;

use super::message::{Asked, UDP_MAX};
use super::{code, u16_at};

/// An Extended DNS Error (RFC 8914): info code and a short text for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ede(pub(crate) u16, pub(crate) &'static str);

/// A pointer to the name in the question, which always stands at offset 12.
const QUESTION_NAME: [u8; 2] = [0xc0, 0x0c];
/// Header flag: truncated.
const TC: u8 = 0x02;
/// Encrypted answers are filled up to a multiple of this many bytes (RFC 8467 section 4.1).
const PADDED_TO: usize = 468;

/// How an answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// In one datagram: what does not fit is left out with TC set, so that the client comes back
    /// over TCP.
    Datagram,
    /// Up to 64 KiB.
    Stream,
    /// As a stream, and padded where the client pads: others can see its length.
    Encrypted,
}

/// An answer being written into a buffer that is used again and again.
pub(crate) struct Reply<'a> {
    out: &'a mut Vec<u8>,
    asked: &'a Asked,
    answers: u16,
    authority: u16,
    ede: Option<Ede>,
    rcode: u8,
    pads: bool,
}

impl<'a> Reply<'a> {
    /// Starts the answer: header and the question as it was asked.
    pub(crate) fn new(out: &'a mut Vec<u8>, asked: &'a Asked, rcode: u8) -> Self {
        out.clear();
        let checking_disabled = asked.key.last().is_some_and(|flags| flags & super::CD != 0);
        let high = 0x80 | u8::from(asked.recurse);
        let low = 0x80 | (u8::from(checking_disabled) << 4) | (rcode & 0x0f);
        let [id_high, id_low] = asked.id.to_be_bytes();
        out.extend_from_slice(&[id_high, id_low, high, low, 0, 1, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&asked.question);
        Self {
            out,
            asked,
            answers: 0,
            authority: 0,
            ede: None,
            rcode,
            pads: false,
        }
    }

    /// Says why, to clients that speak EDNS.
    pub(crate) fn because(mut self, ede: Ede) -> Self {
        self.ede = Some(ede);
        self
    }

    /// The name asked for has this address.
    pub(crate) fn address(mut self, ip: IpAddr, ttl: u32) -> Self {
        self.out.extend_from_slice(&QUESTION_NAME);
        self.record_address(ip, ttl);
        self
    }

    /// The name asked for is an alias of `target`, which has these addresses.
    pub(crate) fn alias(mut self, target: &[u8], addresses: &[IpAddr], ttl: u32) -> Self {
        self.out.extend_from_slice(&QUESTION_NAME);
        self.fixed(code::CNAME, ttl, target.len());
        let pointer = u16::try_from(self.out.len()).unwrap_or(0) | 0xc000;
        self.out.extend_from_slice(target);
        self.answers += 1;
        for ip in addresses {
            self.out.extend_from_slice(&pointer.to_be_bytes());
            self.record_address(*ip, ttl);
        }
        self
    }

    /// The minimal answer to ANY (RFC 8482 section 4.2).
    pub(crate) fn any_is_refused(mut self, ttl: u32) -> Self {
        let text = b"\x07RFC8482\x00";
        self.out.extend_from_slice(&QUESTION_NAME);
        self.fixed(code::HINFO, ttl, text.len());
        self.out.extend_from_slice(text);
        self.answers += 1;
        self
    }

    /// An SOA for the name itself, so that an empty answer is remembered for `ttl` seconds only
    /// (RFC 2308 section 5).
    pub(crate) fn negative_for(mut self, ttl: u32) -> Self {
        self.out.extend_from_slice(&QUESTION_NAME);
        self.fixed(code::SOA, ttl, 22);
        self.out.extend_from_slice(&[0, 0]);
        for field in [1, 3_600, 600, 86_400, ttl] {
            self.out.extend_from_slice(&u32::to_be_bytes(field));
        }
        self.authority += 1;
        self
    }

    /// Records already written for this question, with the counts they stand for; `patch` sees
    /// the whole message so far.
    pub(crate) fn records(
        mut self,
        body: &[u8],
        (answers, authority): (u16, u16),
        patch: impl FnOnce(&mut [u8]),
    ) -> Self {
        self.out.extend_from_slice(body);
        self.answers += answers;
        self.authority += authority;
        patch(self.out);
        self
    }

    /// Nothing but the mark that sends the client to TCP.
    pub(crate) fn over_tcp_please(self) {
        self.out[2] |= TC;
        self.finish(Fit::Datagram);
    }

    /// Writes counts and OPT. Returns whether something did not fit.
    pub(crate) fn finish(mut self, fit: Fit) -> bool {
        let limit = match (fit, self.asked.edns) {
            (Fit::Stream | Fit::Encrypted, _) => usize::from(u16::MAX),
            (Fit::Datagram, None) => 512,
            (Fit::Datagram, Some(edns)) => usize::from(edns.size),
        };
        self.pads = fit == Fit::Encrypted;
        let body_end = self.out.len();
        self.opt();
        let mut cut = false;
        if self.out.len() > limit && self.ede.take().is_some() {
            self.out.truncate(body_end);
            self.opt();
        }
        if self.out.len() > limit {
            cut = true;
            self.out.truncate(12 + self.asked.question.len());
            self.out[2] |= TC;
            (self.answers, self.authority) = (0, 0);
            self.opt();
        }
        let [answers_high, answers_low] = self.answers.to_be_bytes();
        let [authority_high, authority_low] = self.authority.to_be_bytes();
        let extras = u8::from(self.asked.edns.is_some());
        self.out[6..12].copy_from_slice(&[
            answers_high,
            answers_low,
            authority_high,
            authority_low,
            0,
            extras,
        ]);
        cut
    }

    fn opt(&mut self) {
        let Some(edns) = self.asked.edns else { return };
        let [size_high, size_low] = UDP_MAX.to_be_bytes();
        let signatures = u8::from(edns.signatures) << 7;
        let extended = self.rcode >> 4;
        self.out
            .extend_from_slice(&[0, 0, 41, size_high, size_low, extended, 0, signatures, 0]);
        let length_at = self.out.len();
        self.out.extend_from_slice(&[0, 0]);
        if let (Some(cookie), Some(server)) = (edns.cookie, self.asked.server_cookie) {
            self.option(code::COOKIE, 24);
            self.out.extend_from_slice(&cookie.client);
            self.out.extend_from_slice(&server);
        }
        if let Some(Ede(info, text)) = self.ede {
            let text = &text.as_bytes()[..text.len().min(200)];
            self.option(code::EDE, text.len() as u16 + 2);
            self.out.extend_from_slice(&info.to_be_bytes());
            self.out.extend_from_slice(text);
        }
        if self.pads && edns.padded {
            let length = self.out.len() + 4;
            let padding = length.next_multiple_of(PADDED_TO) - length;
            self.option(code::PADDING, padding as u16);
            self.out.resize(self.out.len() + padding, 0);
        }
        let length = (self.out.len() - length_at - 2) as u16;
        self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }

    fn option(&mut self, option: u16, length: u16) {
        self.out.extend_from_slice(&option.to_be_bytes());
        self.out.extend_from_slice(&length.to_be_bytes());
    }

    fn record_address(&mut self, ip: IpAddr, ttl: u32) {
        match ip {
            IpAddr::V4(ip) => {
                self.fixed(code::A, ttl, 4);
                self.out.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                self.fixed(code::AAAA, ttl, 16);
                self.out.extend_from_slice(&ip.octets());
            }
        }
        self.answers += 1;
    }

    fn fixed(&mut self, kind: u16, ttl: u32, length: usize) {
        self.out.extend_from_slice(&kind.to_be_bytes());
        self.out.extend_from_slice(&code::IN.to_be_bytes());
        self.out.extend_from_slice(&ttl.to_be_bytes());
        self.out.extend_from_slice(&(length as u16).to_be_bytes());
    }
}

/// A bare header with a code, for messages that could not be read; `extended` adds the upper
/// bits of the code by OPT (BADVERS is 16). False where there is no id to answer to.
pub(crate) fn refuse_raw(out: &mut Vec<u8>, message: &[u8], rcode: u8, extended: bool) -> bool {
    out.clear();
    let (Some(id), Some(flags)) = (u16_at(message, 0), u16_at(message, 2)) else {
        return false;
    };
    let [flags_high, _] = flags.to_be_bytes();
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&[0x80 | (flags_high & 0x79), 0x80 | (rcode & 0x0f)]);
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, u8::from(extended)]);
    if extended {
        let [size_high, size_low] = UDP_MAX.to_be_bytes();
        out.extend_from_slice(&[0, 0, 41, size_high, size_low, 1, 0, 0, 0, 0, 0]);
    }
    true
}
