//! Canonical hosts: the one form that lists and requests are both brought to (FIL-03, FIL-04).
//!
//! The steps follow the host parser of the WHATWG URL standard (percent-decoding, UTS 46
//! non-transitional processing, IPv4 numbers in every spelling, IPv6 in brackets), and are then
//! narrowed to what DNS can carry (RFC 1035 §2.3.4: labels up to 63 octets, names up to 253), so
//! that a name a browser would reach and the name on a list become the same text.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::address::AddressError;
use crate::ipv4;

/// The longest host text that is looked at, in bytes, before decoding.
pub(crate) const HOST_TEXT_MAX: usize = 1024;
/// RFC 1035: the longest name without its trailing dot, in octets.
const NAME_MAX: usize = 253;
/// RFC 1035: the longest label, in octets.
const LABEL_MAX: usize = 63;

/// A canonical host: a lower-case ASCII name (IDNA processed, no trailing dot) or an IP address
/// (IPv4 in dotted decimal, IPv6 in brackets; an IPv4-mapped IPv6 address becomes the IPv4 one).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Box<str>);

impl Host {
    /// Brings a host to its canonical form (case, trailing dots, percent-encoding, IDNA, brackets,
    /// odd IPv4 spellings such as `0x7f.1`).
    ///
    /// # Errors
    /// [`AddressError`] when it is empty, too long or not a host.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(host) = Self::canonical(text) {
            return Ok(host);
        }
        let mut out = String::with_capacity(text.len());
        canonical_host(text, &mut out)?;
        Ok(Self(out.into_boxed_str()))
    }

    /// The host of a name that has its canonical form already; `None` for any other text, which
    /// [`Host::parse`] may still bring to it.
    pub fn canonical(text: &str) -> Option<Self> {
        is_canonical_name(text.as_bytes()).then(|| Self(text.into()))
    }

    /// The host of an IP address.
    pub fn of_ip(ip: IpAddr) -> Self {
        let mut out = String::new();
        write_ip(ip, &mut out);
        Self(out.into_boxed_str())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The IP address, where the host is one rather than a name.
    pub fn ip(&self) -> Option<IpAddr> {
        // No canonical name ends in a digit-only label, so names fail here at their last byte.
        match self.0.as_bytes().last() {
            Some(b']' | b'0'..=b'9') => self.0.trim_matches(['[', ']']).parse().ok(),
            _ => None,
        }
    }

    /// Whether this host is `other` or lies under it (`a.example.org` is within `example.org`;
    /// `badexample.org` is not). An IP address lies only within itself.
    pub fn is_within(&self, other: &Host) -> bool {
        match self.0.strip_suffix(other.as_str()) {
            Some("") => true,
            Some(rest) => rest.ends_with('.') && other.ip().is_none(),
            None => false,
        }
    }

    /// Which kind of public suffix this name is: one below which others have their names. `None` for a name
    /// of somebody's own, for an IP address and for a single word that is no top-level domain.
    pub fn suffix(&self) -> Option<Suffix> {
        if self.ip().is_some() {
            return None;
        }
        // Where whatever stands below it is a suffix (`*.sch.uk`), it is one too.
        let below = format!("a.{}", self.0);
        [self.as_str(), &below].into_iter().find_map(|name| {
            let suffix = psl::suffix(name.as_bytes())?;
            if suffix.as_bytes().len() != name.len() {
                return None;
            }
            Some(match suffix.typ()? {
                psl::Type::Icann => Suffix::Registry,
                psl::Type::Private => Suffix::Hosting,
            })
        })
    }

    /// The host itself, then each name above it: `a.b.c`, `b.c`, `c`. An IP address yields only
    /// itself.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        suffixes(&self.0).map(|at| &self.0[at..])
    }
}

/// What makes a name a public suffix (publicsuffix.org).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    /// A registry's: anybody can register below it, such as `co.uk` or `school`.
    Registry,
    /// A hosting service's: its customers' sites lie below it, such as `github.io`.
    Hosting,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where each suffix of a canonical host begins, longest first; only 0 for an IP address.
pub(crate) fn suffixes(host: &str) -> impl Iterator<Item = usize> + '_ {
    let dots = if is_ip_text(host) { "" } else { host };
    std::iter::once(0).chain(
        dots.bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'.')
            .map(|(at, _)| at + 1),
    )
}

/// Whether a canonical host is an IP address rather than a name.
pub(crate) fn is_ip_text(canonical: &str) -> bool {
    match canonical.as_bytes().last() {
        Some(b']') => true,
        Some(b'0'..=b'9') => ipv4::ends_in_number(canonical),
        _ => false,
    }
}

/// Writes the canonical form of `text` into `out`, which is cleared first. The list parsers use
/// this to bring millions of names to their form without an allocation each.
pub(crate) fn canonical_host(text: &str, out: &mut String) -> Result<(), AddressError> {
    out.clear();
    if text.len() > HOST_TEXT_MAX {
        return Err(AddressError::TooLong);
    }
    if is_canonical_name(text.as_bytes()) {
        out.push_str(text);
        return Ok(());
    }
    if let Some(inside) = bracketed(text) {
        let ip: Ipv6Addr = inside.parse().map_err(|_| AddressError::BadHost)?;
        write_ip(IpAddr::V6(ip), out);
        return Ok(());
    }
    name_or_ipv4(text, out)
}

/// The text between IPv6 brackets; a bare IPv6 address counts as bracketed.
fn bracketed(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('[') {
        return Some(rest.strip_suffix(']').unwrap_or(""));
    }
    (text.bytes().filter(|byte| *byte == b':').count() >= 2).then_some(text)
}

fn name_or_ipv4(text: &str, out: &mut String) -> Result<(), AddressError> {
    let decoded: Cow<'_, [u8]> = percent_encoding::percent_decode_str(text).into();
    if is_plain_ascii(&decoded) {
        out.extend(
            decoded
                .iter()
                .map(|byte| char::from(byte.to_ascii_lowercase())),
        );
    } else {
        let name = Uts46::new()
            .to_ascii(
                &decoded,
                AsciiDenyList::URL,
                Hyphens::Allow,
                DnsLength::Ignore,
            )
            .map_err(|_| AddressError::BadHost)?;
        out.push_str(&name);
    }
    // After IDNA, because other full stops (U+3002 and the like) become dots there.
    out.truncate(out.trim_end_matches('.').len());
    if out.is_empty() {
        return Err(AddressError::Empty);
    }
    if ipv4::ends_in_number(out) {
        let ip = ipv4::parse(out).ok_or(AddressError::BadHost)?;
        out.clear();
        write_ip(IpAddr::V4(ip), out);
        return Ok(());
    }
    if out.len() > NAME_MAX {
        return Err(AddressError::TooLong);
    }
    if has_good_labels(out.as_bytes()) {
        Ok(())
    } else {
        Err(AddressError::BadHost)
    }
}

/// ASCII without an A-label: UTS 46 would do no more than lower the case.
fn is_plain_ascii(bytes: &[u8]) -> bool {
    bytes.is_ascii()
        && !bytes
            .windows(4)
            .any(|four| four.eq_ignore_ascii_case(b"xn--"))
}

/// Whether the text is already a canonical name, so that nothing needs doing: good labels, of which the
/// last is no number. A-labels are sent the long way, so that an ill-formed one is refused. In one pass, as
/// each name asked for is looked at.
fn is_canonical_name(bytes: &[u8]) -> bool {
    if bytes.len() > NAME_MAX {
        return false;
    }
    let mut label = 0usize;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => label += 1,
            b'-' if bytes[..=at].ends_with(b"xn--") => return false,
            b'-' => label += 1,
            b'.' if label > 0 => label = 0,
            _ => return false,
        }
        if label > LABEL_MAX {
            return false;
        }
    }
    let (_, last) = bytes.split_at(bytes.len() - label);
    // `0x…` as the last label is taken for an IPv4 number by the WHATWG host parser.
    label > 0 && !last.starts_with(b"0x") && !last.last().is_some_and(u8::is_ascii_digit)
}

/// One or more non-empty labels of `a-z 0-9 - _`, each up to 63 octets.
fn has_good_labels(bytes: &[u8]) -> bool {
    let mut label = 0usize;
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
            b'.' if label > 0 => label = 0,
            _ => return false,
        }
        if label > LABEL_MAX {
            return false;
        }
    }
    label > 0
}

fn write_ip(ip: IpAddr, out: &mut String) {
    use fmt::Write as _;
    // Writing into a String cannot fail.
    let _ = match ip.to_canonical() {
        IpAddr::V4(ip) => write!(out, "{ip}"),
        IpAddr::V6(ip) => write!(out, "[{ip}]"),
    };
}
