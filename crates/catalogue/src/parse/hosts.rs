//! Hosts files: an IP address, then names (`hosts(5)`). The address is where the publisher sends
//! blocked names to, commonly 0.0.0.0 or 127.0.0.1; it is not used.

use std::net::IpAddr;

use crate::parse::line::{Scratch, entry};
use crate::parse::{Entry, Tally, Trouble};

/// Names that hosts files carry for the machine itself.
const LOCAL: [&str; 12] = [
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
];

pub(crate) fn line(
    text: &str,
    scratch: &mut Scratch,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Entry<'_>),
) {
    if text.starts_with('#') {
        tally.comment(text);
        return;
    }
    let text = text.split('#').next().unwrap_or("");
    let mut words = text.split_ascii_whitespace();
    let Some(first) = words.next() else { return };
    if !is_ip(first) {
        return tally.malformed(Trouble::NotAHostsLine);
    }
    let mut any = false;
    for name in words {
        any = true;
        let is_local = LOCAL.iter().any(|local| local.eq_ignore_ascii_case(name));
        if is_local || name == "ip6-allhosts" || is_ip(name) {
            tally.local_name();
        } else {
            entry(name, None, scratch, tally, each);
        }
    }
    if !any {
        tally.malformed(Trouble::NotAHostsLine);
    }
}

/// `fe80::1%lo0` is common in files from a Mac.
fn is_ip(word: &str) -> bool {
    word.split('%')
        .next()
        .unwrap_or(word)
        .parse::<IpAddr>()
        .is_ok()
}

/// Whether a line has the shape of a hosts line.
pub(crate) fn leads_with_ip(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    words.next().is_some_and(is_ip) && words.next().is_some_and(|next| !next.starts_with('#'))
}
