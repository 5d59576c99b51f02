//! An upstream's answer: checked against the question, cut down to what belongs to it, and
//! written anew. No byte of an upstream's layout reaches a client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smallvec::SmallVec;

use super::message::DO;
use super::name::{self, Name};
use super::{code, svcb, u16_at, u32_at};

/// Records looked at in one answer; more is malformed for our purposes.
const RECORDS_MAX: u16 = 1_024;
/// CNAME steps followed.
const CHAIN_MAX: usize = 16;
/// Addresses remembered for rewriting.
const ADDRESSES_MAX: usize = 32;

/// Why an upstream's answer is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bad {
    /// Another id, another question, or no answer at all: somebody else's, or a forgery. Keep
    /// waiting for the real one.
    NotOurs,
    /// Cannot be read, or leads in a circle.
    Malformed,
    /// The upstream says that it cannot or will not answer.
    Refuses,
    /// Cut short: ask again over TCP.
    Truncated,
}

/// A checked answer in the form it is cached in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Response {
    /// NOERROR or NXDOMAIN.
    pub(crate) rcode: u8,
    /// Records after the question, in the form they stand in a message whose question has this name.
    pub(crate) body: Vec<u8>,
    /// Answer records and authority records in `body`.
    pub(crate) counts: (u16, u16),
    /// Where in the message (not in `body`) each time to live stands.
    pub(crate) ttl_at: SmallVec<[u16; 8]>,
    /// Seconds it may be kept; `None` where it must not be (a negative answer without SOA).
    pub(crate) ttl: Option<u32>,
    /// Where CNAMEs and service records lead, in wire form.
    pub(crate) leads_to: Vec<Name>,
    /// Addresses of the type asked for.
    pub(crate) addresses: SmallVec<[IpAddr; 4]>,
    /// Something was taken out of a service record.
    pub(crate) edited: bool,
}

impl Response {
    /// Takes seconds off every time to live in a message that carries it.
    pub(crate) fn grow_older(&self, message: &mut [u8], seconds: u32) {
        self.each_ttl(message, |ttl| ttl.saturating_sub(seconds));
    }

    /// Changes every time to live in a message that carries it.
    pub(crate) fn each_ttl(&self, message: &mut [u8], change: impl Fn(u32) -> u32) {
        for at in &self.ttl_at {
            let at = usize::from(*at);
            if let Some(ttl) = message.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
                *ttl = change(u32::from_be_bytes(*ttl)).to_be_bytes();
            }
        }
    }
}

struct Record<'a> {
    owner: Name,
    kind: u16,
    class: u16,
    ttl: u32,
    /// Where the record's data starts, and the data.
    at: usize,
    data: &'a [u8],
}

/// Whether the message carries exactly this question (name compared without letter case).
pub(crate) fn question_matches(message: &[u8], key: &[u8]) -> bool {
    let (name, kind) = split(key);
    u16_at(message, 4) == Some(1)
        && name::read(message, 12).is_some_and(|(asked, after)| {
            asked.as_slice() == name
                && u16_at(message, after) == Some(kind)
                && u16_at(message, after + 2) == Some(code::IN)
        })
}

fn split(key: &[u8]) -> (&[u8], u16) {
    let at = key.len().saturating_sub(3);
    (&key[..at], u16_at(key, at).unwrap_or_default())
}

/// Reads an answer to the question `key` that was sent with `id`.
///
/// # Errors
/// [`Bad`] says what to do instead.
pub(crate) fn read(message: &[u8], id: u16, key: &[u8]) -> Result<Response, Bad> {
    let flags = match (u16_at(message, 0), u16_at(message, 2)) {
        (Some(theirs), Some(flags)) if theirs == id && flags & 0xf800 == 0x8000 => flags,
        _ => return Err(Bad::NotOurs),
    };
    if !question_matches(message, key) {
        return Err(Bad::NotOurs);
    }
    if flags & 0x0200 != 0 {
        return Err(Bad::Truncated);
    }
    let rcode = (flags & 0x000f) as u8;
    if !matches!(rcode, code::NOERROR | code::NXDOMAIN) {
        return Err(Bad::Refuses);
    }
    let (name, _) = split(key);
    let at = 12 + name.len() + 4;
    let (answers, at) = records(message, at, 6).ok_or(Bad::Malformed)?;
    let (authority, _) = records(message, at, 8).ok_or(Bad::Malformed)?;
    Builder::new(message, key).build(rcode, &answers, &authority)
}

/// Reads one section; `count_at` is where the header holds its length.
fn records(message: &[u8], mut at: usize, count_at: usize) -> Option<(Vec<Record<'_>>, usize)> {
    let count = u16_at(message, count_at).filter(|count| *count <= RECORDS_MAX)?;
    let mut found = Vec::with_capacity(usize::from(count.min(32)));
    for _ in 0..count {
        let (owner, after) = name::read(message, at)?;
        let length = usize::from(u16_at(message, after + 8)?);
        let start = after + 10;
        let data = message.get(start..start + length)?;
        found.push(Record {
            owner,
            kind: u16_at(message, after)?,
            class: u16_at(message, after + 2)?,
            // RFC 2181 section 8: a set top bit means zero.
            ttl: u32_at(message, after + 4)
                .filter(|ttl| ttl >> 31 == 0)
                .unwrap_or(0),
            at: start,
            data,
        });
        at = start + length;
    }
    Some((found, at))
}

struct Builder<'a> {
    message: &'a [u8],
    kind: u16,
    signatures: bool,
    /// Length of header and question, before `body`.
    base: usize,
    /// The name asked for and its CNAME targets, each with the offset it was written at.
    chain: Vec<(Name, Option<u16>)>,
    made: Response,
}

impl<'a> Builder<'a> {
    fn new(message: &'a [u8], key: &[u8]) -> Self {
        let (name, kind) = split(key);
        Self {
            message,
            kind,
            signatures: key.last().is_some_and(|flags| flags & DO != 0),
            base: 12 + name.len() + 4,
            chain: vec![(Name::from_slice(name), Some(12))],
            made: Response::default(),
        }
    }

    fn build(
        mut self,
        rcode: u8,
        answers: &[Record<'_>],
        authority: &[Record<'_>],
    ) -> Result<Response, Bad> {
        self.made.rcode = rcode;
        self.follow(answers)?;
        let mut ttl = u32::MAX;
        let mut answered = false;
        for record in answers {
            if !self.belongs(record) {
                continue;
            }
            if self.write(record, record.ttl).ok_or(Bad::Malformed)? {
                self.made.counts.0 += 1;
                ttl = ttl.min(record.ttl);
            }
            answered |= record.kind == self.kind;
        }
        self.made.ttl = Some(ttl);
        if !answered || rcode == code::NXDOMAIN {
            self.negative(authority, ttl)?;
        } else if self.signatures {
            self.proofs(authority)?;
        }
        for (name, _) in self.chain.drain(1..) {
            self.made.leads_to.push(name);
        }
        Ok(self.made)
    }

    /// Follows CNAMEs from the name asked for; a name met twice is a circle.
    fn follow(&mut self, answers: &[Record<'_>]) -> Result<(), Bad> {
        if self.kind == code::CNAME {
            return Ok(());
        }
        while let Some((last, _)) = self.chain.last() {
            let Some(step) = answers.iter().find(|record| {
                record.kind == code::CNAME && record.class == code::IN && record.owner == *last
            }) else {
                return Ok(());
            };
            let (target, _) = name::read(self.message, step.at).ok_or(Bad::Malformed)?;
            let seen = self.chain.iter().any(|(name, _)| *name == target);
            if seen || self.chain.len() > CHAIN_MAX {
                return Err(Bad::Malformed);
            }
            self.chain.push((target, None));
        }
        Ok(())
    }

    /// Whether a record of the answer section has to do with the question.
    fn belongs(&self, record: &Record<'_>) -> bool {
        let in_chain = || self.chain.iter().any(|(name, _)| *name == record.owner);
        record.class == code::IN
            && match record.kind {
                code::CNAME => in_chain(),
                code::DNAME => self
                    .chain
                    .iter()
                    .any(|(name, _)| name::is_within(name, &record.owner)),
                code::RRSIG => self.signatures && in_chain() && !self.signs_edited(record),
                kind => kind == self.kind && in_chain(),
            }
    }

    /// Signatures over service records no longer fit what we made of them.
    fn signs_edited(&self, record: &Record<'_>) -> bool {
        matches!(u16_at(record.data, 0), Some(code::SVCB | code::HTTPS))
    }

    fn negative(&mut self, authority: &[Record<'_>], answers_ttl: u32) -> Result<(), Bad> {
        let soa = authority.iter().find(|record| record.kind == code::SOA);
        let Some(soa) = soa else {
            self.made.ttl = None;
            return Ok(());
        };
        let minimum = u32_at(soa.data, soa.data.len().saturating_sub(4)).ok_or(Bad::Malformed)?;
        let ttl = soa.ttl.min(minimum);
        if self.write(soa, ttl).ok_or(Bad::Malformed)? {
            self.made.counts.1 += 1;
        }
        self.made.ttl = Some(ttl.min(answers_ttl));
        if self.signatures {
            self.proofs(authority)
        } else {
            Ok(())
        }
    }

    /// Denial-of-existence records for clients that check signatures themselves.
    fn proofs(&mut self, authority: &[Record<'_>]) -> Result<(), Bad> {
        let proof = |kind| matches!(kind, code::NSEC | code::NSEC3 | code::RRSIG);
        for record in authority
            .iter()
            .filter(|r| r.class == code::IN && proof(r.kind))
        {
            if self.write(record, record.ttl).ok_or(Bad::Malformed)? {
                self.made.counts.1 += 1;
            }
        }
        Ok(())
    }

    /// Writes one record anew. `Some(false)`: left out. `None`: malformed.
    fn write(&mut self, record: &Record<'_>, ttl: u32) -> Option<bool> {
        let service = matches!(record.kind, code::SVCB | code::HTTPS);
        let edited = if service {
            let edited = svcb::narrow(record.data);
            self.made.edited |= edited.as_deref() != Some(record.data);
            let Some(edited) = edited else {
                return Some(false);
            };
            self.made.leads_to.extend(svcb::target(&edited));
            Some(edited)
        } else {
            None
        };
        self.owner(&record.owner)?;
        self.made.body.extend_from_slice(&record.kind.to_be_bytes());
        self.made.body.extend_from_slice(&code::IN.to_be_bytes());
        self.made.ttl_at.push(self.here()?);
        self.made.body.extend_from_slice(&ttl.to_be_bytes());
        let length_at = self.made.body.len();
        self.made.body.extend_from_slice(&[0, 0]);
        match edited {
            Some(data) => self.made.body.extend_from_slice(&data),
            None => self.data(record)?,
        }
        let length = u16::try_from(self.made.body.len() - length_at - 2).ok()?;
        self.made.body[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        Some(true)
    }

    /// Where the next byte of `body` will stand in the message.
    fn here(&self) -> Option<u16> {
        u16::try_from(self.base + self.made.body.len()).ok()
    }

    fn owner(&mut self, owner: &Name) -> Option<()> {
        let here = self.here()?;
        let known = self.chain.iter_mut().find(|(name, _)| name == owner);
        match known {
            Some((_, Some(at))) => {
                self.made
                    .body
                    .extend_from_slice(&(*at | 0xc000).to_be_bytes());
                return Some(());
            }
            Some((_, at)) => *at = Some(here).filter(|here| *here < 0x4000),
            None => {}
        }
        self.made.body.extend_from_slice(owner);
        Some(())
    }

    /// A record's data with names written out in full (RFC 3597 section 4 lists the types that
    /// may arrive compressed).
    fn data(&mut self, record: &Record<'_>) -> Option<()> {
        match (record.kind, record.data.len()) {
            (code::A, 4) => {
                let octets: [u8; 4] = record.data.try_into().ok()?;
                self.remember(Ipv4Addr::from(octets).into(), record.kind);
            }
            (code::AAAA, 16) => {
                let octets: [u8; 16] = record.data.try_into().ok()?;
                self.remember(Ipv6Addr::from(octets).into(), record.kind);
            }
            (code::A | code::AAAA, _) => return None,
            _ => {}
        }
        let (before, names) = match record.kind {
            code::NS | code::CNAME | code::PTR | code::DNAME => (0, 1),
            code::MX | code::AFSDB | code::RT | code::KX => (2, 1),
            code::SRV => (6, 1),
            code::RP | code::SOA => (0, 2),
            _ => (0, 0),
        };
        self.made.body.extend_from_slice(record.data.get(..before)?);
        let mut at = record.at + before;
        for _ in 0..names {
            let here = self.here()?;
            let (name, after) = name::read(self.message, at)?;
            if record.kind == code::CNAME
                && let Some((_, unset @ None)) = self.chain.iter_mut().find(|(n, _)| *n == name)
            {
                *unset = Some(here).filter(|here| *here < 0x4000);
            }
            self.made.body.extend_from_slice(&name);
            at = after;
        }
        let rest = record.data.get(at.checked_sub(record.at)?..)?;
        let fits = match record.kind {
            code::SOA => rest.len() == 20,
            _ => names == 0 || rest.is_empty(),
        };
        self.made.body.extend_from_slice(rest);
        fits.then_some(())
    }

    fn remember(&mut self, ip: IpAddr, kind: u16) {
        if kind == self.kind && self.made.addresses.len() < ADDRESSES_MAX {
            self.made.addresses.push(ip);
        }
    }
}
