//! Every site that any rule names, in one table by host.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use pharos_catalogue::{Address, Host};

/// One site of one rule.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Canonical path prefix; `None`: the whole host and all below it.
    path: Option<Box<str>>,
    /// The rule's number.
    pub(crate) rule: usize,
    /// As written.
    pub(crate) text: Arc<str>,
}

/// How an entry meets an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meets {
    /// It holds the address.
    Yes,
    /// It names a path on this host, and the address shows none.
    Unseen,
    /// Another path.
    No,
}

impl Entry {
    pub(crate) fn meets(&self, address: &Address) -> Meets {
        match (&self.path, address.path()) {
            (None, _) => Meets::Yes,
            (Some(_), None) => Meets::Unseen,
            (Some(prefix), Some(path)) if is_below(path, prefix) => Meets::Yes,
            (Some(_), Some(_)) => Meets::No,
        }
    }
}

/// Whether a path is the prefix or lies below it: `/news` holds `/news`, `/news/x` and `/news?x`,
/// never `/newsletter`; `/watch?v=1` holds `/watch?v=1&t=2`.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| {
        rest.is_empty() || prefix.ends_with('/') || rest.starts_with(['/', '?', '&', '#'])
    })
}

/// Fixed keys: the keys are the school's own, and same input gives same output.
type FixedHash = BuildHasherDefault<DefaultHasher>;

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    by_host: HashMap<Box<str>, Vec<Entry>, FixedHash>,
}

impl Sites {
    pub(crate) fn add(&mut self, site: &Address, rule: usize, text: &str) {
        let path = site.path().filter(|path| *path != "/").map(Box::from);
        self.by_host
            .entry(site.host().as_str().into())
            .or_default()
            .push(Entry {
                path,
                rule,
                text: text.into(),
            });
    }

    /// Every entry on the address's host and on the domains above it, nearest first. Allocates
    /// nothing.
    pub(crate) fn on(&self, address: &Address) -> impl Iterator<Item = &Entry> {
        let mut rest = (!self.by_host.is_empty()).then(|| address.host().as_str());
        let is_name = !looks_like_ip(address.host());
        std::iter::from_fn(move || {
            let name = rest?;
            rest = name
                .split_once('.')
                .filter(|_| is_name)
                .map(|(_, above)| above);
            Some(name)
        })
        .filter_map(|name| self.by_host.get(name))
        .flatten()
    }
}

fn looks_like_ip(host: &Host) -> bool {
    host.as_str()
        .ends_with(|last: char| last.is_ascii_digit() || last == ']')
        && host.ip().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(site: &str, address: &str) -> bool {
        let mut sites = Sites::default();
        sites.add(&Address::parse(site).unwrap(), 0, site);
        let address = Address::parse(address).unwrap();
        sites
            .on(&address)
            .any(|entry| entry.meets(&address) == Meets::Yes)
    }

    #[test]
    fn a_site_holds_what_lies_below_it_and_no_look_alike() {
        for (site, address, expected) in [
            ("example.org", "https://example.org/", true),
            ("example.org", "https://www.example.org/a", true),
            ("example.org", "https://notexample.org/", false),
            ("example.org", "https://example.org.evil.test/", false),
            ("example.org/news", "https://example.org/news", true),
            (
                "example.org/news",
                "https://www.example.org/news/today",
                true,
            ),
            ("example.org/news", "https://example.org/newsletter", false),
            ("example.org/news", "example.org", false),
            ("v.test/watch?v=1", "https://v.test/watch?v=1&t=2", true),
            ("v.test/watch?v=1", "https://v.test/watch?v=12", false),
            ("0.0.1", "https://10.0.0.1/", false),
            ("10.0.0.1", "https://10.0.0.1/x", true),
        ] {
            assert_eq!(holds(site, address), expected, "{site} {address}");
        }
    }
}
