//! One entry a line: plain lists, UT1 and squidGuard files, and our own sections.

use crate::address;
use crate::compile::is_plain_name;
use crate::host::{self, canonical_host};
use crate::parse::hosts::leads_with_ip;
use crate::parse::{Entry, Format, Tally, Trouble, rpz};
use crate::path;

/// Buffers that are used again for every line.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    host: String,
    path: String,
    category: String,
}

/// A line of [`Format::Domains`] or [`Format::Urls`].
pub(crate) fn plain(
    text: &str,
    scratch: &mut Scratch,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Entry<'_>),
) {
    let Some(word) = content(text, tally) else {
        return;
    };
    match word {
        Ok(word) => entry(word, None, scratch, tally, each),
        Err(what) => tally.malformed(what),
    }
}

/// A line of [`Format::Sections`].
pub(crate) fn sections(
    text: &str,
    scratch: &mut Scratch,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Entry<'_>),
) {
    if let Some(name) = text.strip_prefix('@') {
        scratch.category.clear();
        if is_plain_name(name) {
            scratch.category.push_str(name);
        } else {
            tally.malformed(Trouble::BadCategory);
        }
        return;
    }
    let Some(word) = content(text, tally) else {
        return;
    };
    let category = std::mem::take(&mut scratch.category);
    match word {
        Ok(_) if category.is_empty() => tally.malformed(Trouble::BadCategory),
        Ok(word) => entry(word, Some(&category), scratch, tally, each),
        Err(what) => tally.malformed(what),
    }
    scratch.category = category;
}

/// The one word of a line; `None` for blank lines and comments.
fn content<'a>(text: &'a str, tally: &mut Tally) -> Option<Result<&'a str, Trouble>> {
    if text.is_empty() {
        return None;
    }
    if text.starts_with(['#', '!', ';']) || text.starts_with("//") {
        tally.comment(text);
        return None;
    }
    let mut words = text.split_ascii_whitespace();
    let word = words.next()?;
    Some(match words.next() {
        Some(more) if !more.starts_with(['#', ';']) => Err(Trouble::MoreWords),
        _ => Ok(word),
    })
}

/// Brings one entry to its canonical form and hands it on.
pub(crate) fn entry(
    word: &str,
    category: Option<&str>,
    scratch: &mut Scratch,
    tally: &mut Tally,
    each: &mut dyn FnMut(&Entry<'_>),
) {
    let word = word
        .strip_prefix("*.")
        .or_else(|| word.strip_prefix('.'))
        .unwrap_or(word);
    match canonical(word, scratch) {
        Ok(()) => {
            tally.entries += 1;
            let path = (!scratch.path.is_empty()).then_some(scratch.path.as_str());
            each(&Entry {
                category,
                host: &scratch.host,
                path,
            });
        }
        Err(what) => tally.malformed(what),
    }
}

fn canonical(word: &str, scratch: &mut Scratch) -> Result<(), Trouble> {
    scratch.path.clear();
    // Almost every line of a large list is a bare name.
    let (host, raw_path) = if word.contains(['/', ':', '@', '\\', '?', '#']) {
        address::split(word)?
    } else {
        (word, "")
    };
    canonical_host(host, &mut scratch.host)?;
    if !raw_path.is_empty() {
        path::canonical_path(raw_path, &mut scratch.path);
        path::entry_path(&mut scratch.path).ok_or(Trouble::LongPath)?;
    }
    if scratch.path.is_empty() && is_public_suffix(&scratch.host) {
        return Err(Trouble::PublicSuffix);
    }
    Ok(())
}

/// A name under which anybody can register: a list that had one would block half the web. Private
/// suffixes (hosting services) may be listed.
fn is_public_suffix(name: &str) -> bool {
    if host::is_ip_text(name) {
        return false;
    }
    if !name.contains('.') {
        return true;
    }
    // No public suffix of the ICANN section has more than four labels.
    name.bytes().filter(|byte| *byte == b'.').count() <= 3
        && psl::suffix(name.as_bytes()).is_some_and(|suffix| {
            suffix.as_bytes().len() == name.len() && suffix.typ() == Some(psl::Type::Icann)
        })
}

/// See [`Format::detect`].
pub(crate) fn detect(sample: &[u8]) -> Option<Format> {
    const LINES: usize = 2000;
    let (mut zone, mut hosts, mut urls, mut names) = (0u32, 0u32, 0u32, 0u32);
    let mut scratch = Scratch::default();
    for line in sample.split(|byte| *byte == b'\n').take(LINES) {
        let Ok(text) = std::str::from_utf8(line) else {
            continue;
        };
        let text = text.trim_start_matches('\u{feff}').trim_ascii();
        if text.strip_prefix('@').is_some_and(is_plain_name) {
            return Some(Format::Sections);
        }
        if rpz::looks_like_a_zone_line(text) {
            zone += 1;
        } else if leads_with_ip(text) {
            hosts += 1;
        } else if let Some(Ok(word)) = content(text, &mut Tally::default()) {
            let word = word
                .strip_prefix("*.")
                .or_else(|| word.strip_prefix('.'))
                .unwrap_or(word);
            match canonical(word, &mut scratch) {
                Ok(()) if scratch.path.is_empty() => names += 1,
                Ok(()) => urls += 1,
                Err(_) => {}
            }
        }
    }
    let most = zone.max(hosts).max(names + urls);
    match most {
        0 => None,
        _ if most == zone => Some(Format::Rpz),
        _ if most == hosts => Some(Format::Hosts),
        _ if urls > 0 => Some(Format::Urls),
        _ => Some(Format::Domains),
    }
}
