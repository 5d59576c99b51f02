//! The DNS message as far as a forwarding filter needs it (RFC 1035, 6891, 8914, 9460).
//!
//! Everything a stranger can send is read here, with bounds, and never trusted further.

mod message;
pub(crate) mod name;
mod plain;
mod reply;
mod response;
pub(crate) mod svcb;

pub(crate) use message::{Asked, CD, Cookie, DO, Reject, UDP_MAX, parse};
pub(crate) use name::{Bytes, Name};
pub(crate) use plain::{PLAIN_NAME_MAX, Plain};
pub(crate) use reply::{Ede, Fit, Reply, refuse_raw};
pub(crate) use response::{Bad, Response, read};

/// Record types and codes used here.
pub(crate) mod code {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const HINFO: u16 = 13;
    pub(crate) const MX: u16 = 15;
    pub(crate) const RP: u16 = 17;
    pub(crate) const AFSDB: u16 = 18;
    pub(crate) const RT: u16 = 21;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const SRV: u16 = 33;
    pub(crate) const KX: u16 = 36;
    pub(crate) const DNAME: u16 = 39;
    pub(crate) const OPT: u16 = 41;
    pub(crate) const RRSIG: u16 = 46;
    pub(crate) const NSEC: u16 = 47;
    pub(crate) const NSEC3: u16 = 50;
    pub(crate) const SVCB: u16 = 64;
    pub(crate) const HTTPS: u16 = 65;
    pub(crate) const TKEY: u16 = 249;
    pub(crate) const MAILA: u16 = 254;
    pub(crate) const ANY: u16 = 255;
    pub(crate) const IN: u16 = 1;

    /// EDNS options (RFC 7873, 7830, 8914).
    pub(crate) const COOKIE: u16 = 10;
    pub(crate) const PADDING: u16 = 12;
    pub(crate) const EDE: u16 = 15;

    pub(crate) const NOERROR: u8 = 0;
    pub(crate) const FORMERR: u8 = 1;
    pub(crate) const SERVFAIL: u8 = 2;
    pub(crate) const NXDOMAIN: u8 = 3;
    pub(crate) const NOTIMP: u8 = 4;
    pub(crate) const REFUSED: u8 = 5;
    /// Above four bits: the rest stands in OPT (RFC 7873).
    pub(crate) const BADCOOKIE: u8 = 23;
}

/// Two bytes, big-endian, or `None` past the end.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

/// Four bytes, big-endian, or `None` past the end.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests;
