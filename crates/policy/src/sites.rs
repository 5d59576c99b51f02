//! Every site that any rule names, in one table by host.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use pharos_catalogue::{Address, Host};
use rapidhash::fast::RapidHasher;

/// One site of one rule.
#[derive(Debug)]
pub(crate) struct Entry {
    site: Address,
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
        if self.site.covers(address) {
            Meets::Yes
        } else if address.path().is_none() {
            // It is on this host or above it, so only the path can be what is missing.
            Meets::Unseen
        } else {
            Meets::No
        }
    }
}

/// Fixed keys: the keys are the school's own, and same input gives same output.
type FixedHash = BuildHasherDefault<RapidHasher<'static>>;

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    by_host: HashMap<Box<str>, Vec<Entry>, FixedHash>,
}

impl Sites {
    pub(crate) fn add(&mut self, site: &Address, rule: usize, text: &str) {
        let entries = self.by_host.entry(site.host().as_str().into()).or_default();
        entries.push(Entry {
            site: site.clone(),
            rule,
            text: text.into(),
        });
    }

    /// Whether there is any entry on the host or on a domain above it.
    pub(crate) fn holds_any(&self, host: &Host) -> bool {
        !self.by_host.is_empty() && host.parents().any(|name| self.by_host.contains_key(name))
    }

    /// Every entry on the address's host and on the domains above it, nearest first. Allocates
    /// nothing.
    pub(crate) fn on(&self, address: &Address) -> impl Iterator<Item = &Entry> {
        let host = (!self.by_host.is_empty()).then(|| address.host());
        host.into_iter()
            .flat_map(Host::parents)
            .filter_map(|name| self.by_host.get(name))
            .flatten()
    }
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
