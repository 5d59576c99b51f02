//! RADIUS accounting (RFC 2866): what a Wi-Fi controller or switch tells of who joined and left.
//!
//! Bytes in, values out; sockets are elsewhere. A packet counts only when its Request Authenticator
//! proves the shared secret, and its Message-Authenticator too where it carries one.

mod md5;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Mac;
use md5::{hmac_md5, is_same, md5};

/// The longest packet (RFC 2866).
pub const PACKET_MAX: usize = 4_096;
/// The shortest: its header.
const HEADER: usize = 20;
/// The most attributes read from one packet; a packet of the longest size cannot hold many more
/// that mean anything.
const ATTRIBUTES_MAX: usize = 256;
/// The longest text kept from an attribute, in bytes.
const TEXT_MAX: usize = 253;

const ACCOUNTING_REQUEST: u8 = 4;
const ACCOUNTING_RESPONSE: u8 = 5;
const STATUS_SERVER: u8 = 12;

/// Attribute numbers.
mod attribute {
    pub(super) const USER_NAME: u8 = 1;
    pub(super) const NAS_IP_ADDRESS: u8 = 4;
    pub(super) const FRAMED_IP_ADDRESS: u8 = 8;
    pub(super) const FILTER_ID: u8 = 11;
    pub(super) const CALLING_STATION_ID: u8 = 31;
    pub(super) const NAS_IDENTIFIER: u8 = 32;
    pub(super) const PROXY_STATE: u8 = 33;
    pub(super) const ACCT_STATUS_TYPE: u8 = 40;
    pub(super) const ACCT_SESSION_ID: u8 = 44;
    pub(super) const MESSAGE_AUTHENTICATOR: u8 = 80;
    pub(super) const NAS_IPV6_ADDRESS: u8 = 95;
    pub(super) const FRAMED_IPV6_ADDRESS: u8 = 168;
}

/// Why a packet counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no packet of RADIUS: too short, too long, or its parts do not fit in it.
    #[error("not a RADIUS packet")]
    Malformed,
    /// It is a packet of another kind than accounting.
    #[error("not an accounting request; only accounting is served on this port")]
    OtherKind,
    /// The sender does not know the shared secret, or the packet was changed on its way.
    #[error(
        "the shared secret is not the same on both sides, or the packet was changed on its way"
    )]
    WrongSecret,
}

/// What a packet tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// A session began.
    Start,
    /// A session is over.
    Stop,
    /// A session goes on.
    Interim,
    /// The access point or switch began: all of its sessions before are over.
    On,
    /// It stops: all of its sessions are over.
    Off,
}

/// One accounting request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounting {
    /// What happened.
    pub status: Status,
    /// The session's id at its access point.
    pub session: String,
    /// The name that was signed in with.
    pub user: Option<String>,
    /// The device's addresses, where the sender knows them: at most one of IPv4, and several of IPv6.
    pub addresses: Vec<IpAddr>,
    /// The device's hardware address.
    pub mac: Option<Mac>,
    /// The group that the RADIUS server named.
    pub group: Option<String>,
    /// Which access point, switch or controller.
    pub access_point: String,
}

/// A packet whose secret was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// An accounting request; `None` where its kind says nothing about sessions.
    Accounting(Option<Accounting>),
    /// The sender only asks whether somebody is there (RFC 5997).
    AreYouThere,
}

/// The most IPv6 addresses taken from one packet.
const ADDRESSES_MAX: usize = 8;

/// Reads a datagram from a client with this secret, and makes the answer that acknowledges it.
///
/// # Errors
/// Why it counts for nothing; nothing is answered then (RFC 2866, section 3).
pub fn read(datagram: &[u8], secret: &[u8]) -> Result<(Packet, Vec<u8>), Refused> {
    let packet = Raw::of(datagram)?;
    match packet.code {
        ACCOUNTING_REQUEST => {
            packet.check_request(secret)?;
            packet.check_message(secret, &[0; 16])?;
            Ok((
                Packet::Accounting(accounting(&packet)),
                packet.answer(secret, false),
            ))
        }
        STATUS_SERVER => {
            // Its authenticator is random: the Message-Authenticator alone proves the secret.
            if packet.find(attribute::MESSAGE_AUTHENTICATOR).is_none() {
                return Err(Refused::WrongSecret);
            }
            packet.check_message(secret, packet.authenticator)?;
            Ok((Packet::AreYouThere, packet.answer(secret, true)))
        }
        _ => Err(Refused::OtherKind),
    }
}

/// A request as a client would send it: for tests and the fuzzer's corpus.
pub fn request(id: u8, attributes: &[(u8, &[u8])], secret: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in attributes {
        push(&mut body, *kind, value);
    }
    let mut packet = head(ACCOUNTING_REQUEST, id, body.len());
    packet.extend_from_slice(&[0; 16]);
    packet.extend_from_slice(&body);
    let mark = md5(&[&packet, secret]);
    packet[4..HEADER].copy_from_slice(&mark);
    packet
}

/// Whether an answer acknowledges a request: for tests.
pub fn is_answer_to(answer: &[u8], request: &[u8], secret: &[u8]) -> bool {
    let (Ok(answer), Ok(request)) = (Raw::of(answer), Raw::of(request)) else {
        return false;
    };
    let mark = md5(&[
        &answer.bytes[..4],
        request.authenticator,
        answer.attributes,
        secret,
    ]);
    answer.code == ACCOUNTING_RESPONSE
        && answer.id == request.id
        && is_same(&mark, answer.authenticator)
}

/// A packet with its parts where they lie.
struct Raw<'a> {
    code: u8,
    id: u8,
    authenticator: &'a [u8; 16],
    /// Header and attributes, without what stood behind them in the datagram.
    bytes: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> Raw<'a> {
    fn of(datagram: &'a [u8]) -> Result<Self, Refused> {
        let [code, id, high, low, ..] = *datagram else {
            return Err(Refused::Malformed);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(HEADER..=PACKET_MAX).contains(&length) {
            return Err(Refused::Malformed);
        }
        // What stands behind the length is padding (RFC 2865, section 3).
        let bytes = datagram.get(..length).ok_or(Refused::Malformed)?;
        let (head, attributes) = bytes.split_at(HEADER);
        let authenticator = head
            .get(4..HEADER)
            .and_then(|part| part.first_chunk())
            .ok_or(Refused::Malformed)?;
        let raw = Self {
            code,
            id,
            authenticator,
            bytes,
            attributes,
        };
        let mut at = 0;
        let mut count = 0;
        while at < attributes.len() {
            let length = attributes.get(at + 1).copied().map_or(0, usize::from);
            count += 1;
            if length < 2 || at + length > attributes.len() || count > ATTRIBUTES_MAX {
                return Err(Refused::Malformed);
            }
            at += length;
        }
        Ok(raw)
    }

    /// Every attribute: its number, where its value begins in the attributes, and its value.
    fn each(&self) -> impl Iterator<Item = (u8, usize, &'a [u8])> {
        let attributes = self.attributes;
        let mut at = 0;
        std::iter::from_fn(move || {
            let kind = *attributes.get(at)?;
            let length = usize::from(*attributes.get(at + 1)?).max(2);
            let value = attributes.get(at + 2..at + length)?;
            let begins = at + 2;
            at += length;
            Some((kind, begins, value))
        })
    }

    fn find(&self, wanted: u8) -> Option<&'a [u8]> {
        self.each()
            .find(|(kind, _, _)| *kind == wanted)
            .map(|(_, _, value)| value)
    }

    fn text(&self, wanted: u8) -> Option<String> {
        let value = self.find(wanted)?;
        let text: String = String::from_utf8_lossy(value.get(..TEXT_MAX).unwrap_or(value))
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn check_request(&self, secret: &[u8]) -> Result<(), Refused> {
        let mark = md5(&[&self.bytes[..4], &[0; 16], self.attributes, secret]);
        if is_same(&mark, self.authenticator) {
            Ok(())
        } else {
            Err(Refused::WrongSecret)
        }
    }

    /// Checks the Message-Authenticator, if there is one: over the packet with itself as zeros and
    /// with this in the place of the authenticator.
    fn check_message(&self, secret: &[u8], authenticator: &[u8; 16]) -> Result<(), Refused> {
        let Some((_, at, value)) = self
            .each()
            .find(|(kind, _, _)| *kind == attribute::MESSAGE_AUTHENTICATOR)
        else {
            return Ok(());
        };
        let value: &[u8; 16] = value.try_into().map_err(|_| Refused::Malformed)?;
        let (before, after) = (&self.attributes[..at], &self.attributes[at + 16..]);
        let mark = hmac_md5(
            secret,
            &[&self.bytes[..4], authenticator, before, &[0; 16], after],
        );
        if is_same(&mark, value) {
            Ok(())
        } else {
            Err(Refused::WrongSecret)
        }
    }

    /// The acknowledgement: with every Proxy-State sent back in order, and signed where asked.
    fn answer(&self, secret: &[u8], sign: bool) -> Vec<u8> {
        let mut body = Vec::new();
        let sign_at = sign.then(|| {
            push(&mut body, attribute::MESSAGE_AUTHENTICATOR, &[0; 16]);
            2
        });
        for (kind, _, value) in self.each() {
            if kind == attribute::PROXY_STATE {
                push(&mut body, kind, value);
            }
        }
        let start = head(ACCOUNTING_RESPONSE, self.id, body.len());
        if let Some(at) = sign_at {
            let mark = hmac_md5(secret, &[&start, self.authenticator, &body]);
            body[at..at + 16].copy_from_slice(&mark);
        }
        let mark = md5(&[&start, self.authenticator, &body, secret]);
        [start.as_slice(), &mark, &body].concat()
    }
}

fn head(code: u8, id: u8, body: usize) -> Vec<u8> {
    let length = u16::try_from(HEADER + body).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    vec![code, id, high, low]
}

fn push(body: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let value = value.get(..TEXT_MAX).unwrap_or(value);
    body.push(kind);
    body.push(u8::try_from(value.len() + 2).unwrap_or(u8::MAX));
    body.extend_from_slice(value);
}

fn accounting(packet: &Raw<'_>) -> Option<Accounting> {
    let status = match packet.find(attribute::ACCT_STATUS_TYPE)? {
        [0, 0, 0, 1] => Status::Start,
        [0, 0, 0, 2] => Status::Stop,
        [0, 0, 0, 3] => Status::Interim,
        [0, 0, 0, 7] => Status::On,
        [0, 0, 0, 8] => Status::Off,
        _ => return None,
    };
    let mut addresses = Vec::new();
    for (kind, _, value) in packet.each() {
        let found = match kind {
            attribute::FRAMED_IP_ADDRESS => v4(value),
            attribute::FRAMED_IPV6_ADDRESS => v6(value),
            _ => None,
        };
        if let Some(found) = found
            && addresses.len() < ADDRESSES_MAX
            && !addresses.contains(&found)
        {
            addresses.push(found);
        }
    }
    let access_point = packet
        .text(attribute::NAS_IDENTIFIER)
        .or_else(|| {
            packet
                .find(attribute::NAS_IP_ADDRESS)
                .and_then(v4)
                .or_else(|| packet.find(attribute::NAS_IPV6_ADDRESS).and_then(v6))
                .map(|address| address.to_string())
        })
        .unwrap_or_default();
    Some(Accounting {
        status,
        session: packet.text(attribute::ACCT_SESSION_ID).unwrap_or_default(),
        user: packet.text(attribute::USER_NAME),
        addresses,
        mac: packet
            .text(attribute::CALLING_STATION_ID)
            .and_then(|text| Mac::leading(&text)),
        group: packet.text(attribute::FILTER_ID),
        access_point,
    })
}

/// An address of a device; the all-zero and all-one "not known" of some controllers is none.
fn v4(value: &[u8]) -> Option<IpAddr> {
    let bytes: [u8; 4] = value.try_into().ok()?;
    let address = Ipv4Addr::from(bytes);
    (!address.is_unspecified() && !address.is_broadcast() && !address.is_multicast())
        .then_some(IpAddr::V4(address))
}

fn v6(value: &[u8]) -> Option<IpAddr> {
    let bytes: [u8; 16] = value.try_into().ok()?;
    let address = Ipv6Addr::from(bytes);
    (!address.is_unspecified() && !address.is_multicast()).then_some(IpAddr::V6(address))
}
