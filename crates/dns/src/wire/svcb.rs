//! HTTPS and SVCB records (RFC 9460) without what would lead round the filter.
//!
//! Taken out: `ech` (RFC 9849), since an encrypted hello hides the name from the proxy; HTTP/3
//! in `alpn`, since QUIC passes no proxy; address hints, since they would let a client reach a
//! name whose own addresses were never asked for, and so never decided.

use super::name::{self, Name};
use super::u16_at;

const MANDATORY: u16 = 0;
pub(crate) const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
pub(crate) const PORT: u16 = 3;
pub(crate) const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
pub(crate) const IPV6_HINT: u16 = 6;
/// RFC 9461.
pub(crate) const DOH_PATH: u16 = 7;

/// The name a record leads to; `None` where it is the owner itself.
pub(super) fn target(data: &[u8]) -> Option<Name> {
    let (name, _) = name::read(data, 2)?;
    (name.len() > 1).then_some(name)
}

/// The record's data with those parts taken out; `None` where nothing usable is left (or could
/// be read): the record is then left out whole.
pub(super) fn narrow(data: &[u8]) -> Option<Vec<u8>> {
    // The target is never compressed (RFC 9460 section 2.2).
    let start = plain_name_end(data, 2)?;
    let mut kept: Vec<(u16, Vec<u8>)> = Vec::new();
    let mut at = start;
    while at < data.len() {
        let key = u16_at(data, at)?;
        let length = usize::from(u16_at(data, at + 2)?);
        let value = data.get(at + 4..at + 4 + length)?;
        at += 4 + length;
        match key {
            ECH | IPV4_HINT | IPV6_HINT => {}
            ALPN => {
                let value = without_http3(value)?;
                if !value.is_empty() {
                    kept.push((ALPN, value));
                }
            }
            _ => kept.push((key, value.to_vec())),
        }
    }
    let has = |kept: &[(u16, Vec<u8>)], key| kept.iter().any(|(k, _)| *k == key);
    if has(&kept, NO_DEFAULT_ALPN) && !has(&kept, ALPN) {
        return None;
    }
    let keys: Vec<u16> = kept.iter().map(|(key, _)| *key).collect();
    if let Some((_, value)) = kept.iter_mut().find(|(key, _)| *key == MANDATORY) {
        *value = only_present(value, &keys);
    }
    kept.retain(|(key, value)| *key != MANDATORY || !value.is_empty());
    let mut made = data[..start].to_vec();
    for (key, value) in kept {
        made.extend_from_slice(&key.to_be_bytes());
        made.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
        made.extend_from_slice(&value);
    }
    Some(made)
}

/// Where an uncompressed name ends.
fn plain_name_end(data: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*data.get(at)?) {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + length,
            _ => return None,
        }
    }
}

/// An `alpn` value without the protocols that run over QUIC.
fn without_http3(mut value: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    while let Some((&length, rest)) = value.split_first() {
        let protocol = rest.get(..usize::from(length))?;
        if !(protocol == b"h3" || protocol.starts_with(b"h3-") || protocol.starts_with(b"hq-")) {
            kept.push(length);
            kept.extend_from_slice(protocol);
        }
        value = &rest[protocol.len()..];
    }
    Some(kept)
}

fn only_present(mandatory: &[u8], keys: &[u16]) -> Vec<u8> {
    let present = |pair: &&[u8]| keys.contains(&u16::from_be_bytes([pair[0], pair[1]]));
    mandatory
        .chunks_exact(2)
        .filter(present)
        .flatten()
        .copied()
        .collect()
}
