//! DNS response policy zones in master-file form (RFC 1035 §5; draft-vixie-dnsop-dns-rpz).
//!
//! Used: names (QNAME triggers), plain or with `*.`, whose action is NXDOMAIN (`CNAME .`), NODATA
//! (`CNAME *.`), DROP (`CNAME rpz-drop.`), or an answer of the publisher's own (another CNAME, A,
//! AAAA). A `*.` entry covers the name itself as well, as every entry here does. Counted as unused:
//! exceptions (`rpz-passthru.`, `rpz-tcp-only.`) and triggers on IP addresses and name servers.

use crate::parse::line::{Scratch, entry};
use crate::parse::{Entry, Tally, Trouble};

/// How many lines one pair of parentheses may span; after that the bracket counts as unclosed.
const PARENTHESES_LINES_MAX: u32 = 64;

/// What a zone file's lines depend on from lines before them.
#[derive(Debug, Default)]
pub(crate) struct Zone {
    /// The zone's own name without its last dot, once known from `SOA` or `$ORIGIN`.
    apex: Option<String>,
    origin: String,
    owner: String,
    open: u32,
    open_lines: u32,
}

impl Zone {
    pub(crate) fn is_inside_parentheses(&self) -> bool {
        self.open > 0
    }

    /// The name that a record's owner stands for, without the zone's name; `Ok("")` is the apex.
    fn trigger(&self) -> Result<&str, Trouble> {
        let Some(apex) = &self.apex else {
            return Ok(self.owner.trim_end_matches('.'));
        };
        match self.owner.strip_suffix(apex.as_str()) {
            Some("") => Ok(""),
            Some(rest) => rest.strip_suffix('.').ok_or(Trouble::OutOfZone),
            None => Err(Trouble::OutOfZone),
        }
    }

    /// Makes an owner absolute, without its last dot.
    fn absolute(&self, name: &str) -> String {
        let lower = name.to_ascii_lowercase();
        match lower.strip_suffix('.') {
            Some(absolute) => absolute.to_owned(),
            None if name == "@" => self.origin.clone(),
            None if self.origin.is_empty() => lower,
            None => format!("{lower}.{}", self.origin),
        }
    }
}

pub(crate) fn line(
    raw: &str,
    zone: &mut Zone,
    scratch: &mut Scratch,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Entry<'_>),
) {
    let text = without_comment(raw, tally);
    if zone.open > 0 {
        return inside_parentheses(text, zone, tally);
    }
    if text.trim_ascii().is_empty() {
        return;
    }
    let same_owner = text.starts_with([' ', '\t']);
    let mut words = text.split_ascii_whitespace();
    if !same_owner {
        let first = words.next().unwrap_or("");
        if let Some(directive) = first.strip_prefix('$') {
            return self::directive(directive, words.next(), zone, tally);
        }
        zone.owner = zone.absolute(first);
    }
    let Some((kind, data)) = kind_and_data(&mut words) else {
        return tally.malformed(Trouble::NotARecord);
    };
    count_parentheses(text, zone);
    record(kind, data, zone, scratch, tally, each);
}

fn directive(name: &str, value: Option<&str>, zone: &mut Zone, tally: &mut Tally) {
    if name.eq_ignore_ascii_case("TTL") {
        return;
    }
    match value {
        Some(value) if name.eq_ignore_ascii_case("ORIGIN") => {
            zone.origin = zone.absolute(value);
            if zone.apex.is_none() {
                zone.apex = Some(zone.origin.clone());
            }
        }
        // $INCLUDE would read another file, which no list may ask for; $GENERATE is BIND's own.
        _ => tally.unused(),
    }
}

fn record(
    kind: &str,
    data: &str,
    zone: &mut Zone,
    scratch: &mut Scratch,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Entry<'_>),
) {
    let is = |name: &str| kind.eq_ignore_ascii_case(name);
    if is("SOA") {
        if zone.apex.is_none() && !zone.owner.is_empty() {
            zone.apex = Some(zone.owner.clone());
        }
        if zone.origin.is_empty() {
            zone.origin.clone_from(&zone.owner);
        }
        return;
    }
    let passes = [
        "rpz-passthru.",
        "rpz-tcp-only.",
        "rpz-passthru",
        "rpz-tcp-only",
    ];
    if !(is("CNAME") || is("A") || is("AAAA")) {
        return; // NS, TXT and the rest of a zone say nothing about blocking.
    }
    if is("CNAME") && passes.iter().any(|pass| pass.eq_ignore_ascii_case(data)) {
        return tally.unused();
    }
    match zone.trigger() {
        Ok("") => {}
        Ok(trigger) if is_other_trigger(trigger) => tally.unused(),
        Ok(trigger) if trigger.contains('\\') => tally.malformed(Trouble::NotARecord),
        Ok(trigger) => {
            let trigger = trigger.to_owned();
            entry(&trigger, None, scratch, tally, each);
        }
        Err(what) => tally.malformed(what),
    }
}

/// Triggers on addresses, clients and name servers.
fn is_other_trigger(trigger: &str) -> bool {
    let last = trigger.rsplit('.').next().unwrap_or(trigger);
    ["rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname"].contains(&last)
}

/// Skips TTL and class, in either order, to the type and the first word of its data.
fn kind_and_data<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<(&'a str, &'a str)> {
    let kind = words.find(|word| !is_class(word) && !is_ttl(word))?;
    let known = [
        "SOA", "NS", "CNAME", "A", "AAAA", "TXT", "MX", "DNAME", "PTR", "SRV", "HTTPS",
    ];
    let data = words.next()?;
    known
        .iter()
        .any(|name| name.eq_ignore_ascii_case(kind))
        .then_some((kind, data))
}

fn is_class(word: &str) -> bool {
    ["IN", "CH", "HS"]
        .iter()
        .any(|class| class.eq_ignore_ascii_case(word))
}

/// `3600`, or with units as BIND allows: `1h30m`.
fn is_ttl(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word
            .bytes()
            .all(|b| b.is_ascii_digit() || b"smhdwSMHDW".contains(&b))
}

/// Cuts the comment off, outside quotes, and looks at it for a count of entries.
fn without_comment<'a>(raw: &'a str, tally: &mut Tally) -> &'a str {
    let mut quoted = false;
    for (at, byte) in raw.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                tally.comment(raw[at + 1..].trim());
                return &raw[..at];
            }
            _ => {}
        }
    }
    raw
}

fn count_parentheses(text: &str, zone: &mut Zone) {
    let mut quoted = false;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'(' if !quoted => zone.open += 1,
            b')' if !quoted => zone.open = zone.open.saturating_sub(1),
            _ => {}
        }
    }
    if zone.open == 0 {
        zone.open_lines = 0;
    }
}

fn inside_parentheses(text: &str, zone: &mut Zone, tally: &mut Tally) {
    zone.open_lines += 1;
    if zone.open_lines > PARENTHESES_LINES_MAX {
        zone.open = 0;
        zone.open_lines = 0;
        return tally.malformed(Trouble::OpenParenthesis);
    }
    count_parentheses(text, zone);
}

/// Whether a line has the shape of a zone record or directive.
pub(crate) fn looks_like_a_zone_line(text: &str) -> bool {
    if text.starts_with("$TTL") || text.starts_with("$ORIGIN") {
        return true;
    }
    let mut words = text.split_ascii_whitespace().skip(1);
    kind_and_data(&mut words).is_some()
}
