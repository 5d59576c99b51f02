//! IPv4 numbers in every spelling that browsers accept (WHATWG URL, "IPv4 parser"): decimal, octal
//! and hexadecimal parts, one to four of them.

use std::net::Ipv4Addr;

/// Whether the last label is a number, so that the host must be an IPv4 address or nothing.
pub(crate) fn ends_in_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    if last.is_empty() {
        return false;
    }
    last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Reads a lower-case host that [`ends_in_number`]; `None` when it is no address.
pub(crate) fn parse(host: &str) -> Option<Ipv4Addr> {
    let count = host.split('.').count();
    if count > 4 {
        return None;
    }
    let mut address: u64 = 0;
    for (index, part) in host.split('.').enumerate() {
        let number = number(part)?;
        let left = 4 - index;
        if index + 1 == count {
            // The last number fills all the bytes that are left.
            if number >= 1 << (8 * left) {
                return None;
            }
            address |= number;
        } else {
            if number > 255 {
                return None;
            }
            address |= number << (8 * (left - 1));
        }
    }
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

fn number(part: &str) -> Option<u64> {
    let (digits, radix) = match part.strip_prefix("0x") {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if part.len() > 1 && part.starts_with('0') => (&part[1..], 8),
        None => (part, 10),
    };
    if digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}
