//! Stores of what is added to browsers: extensions and user scripts (FIL-19).
//!
//! A small set that must always be right, as with the ways round; more come as category lists.
//! Hosts that only bring updates to what is installed already (`clients2.google.com`,
//! `edge.microsoft.com`) are none: devices are kept up to date by them, and what is new there is a
//! file of the kind `extensions` (`fil.downloads`).

use std::sync::LazyLock;

use pharos_catalogue::Host;
use pharos_scan::Glance;

/// Whether a host, or one that it stands below, is a store of extensions or user scripts.
/// Allocates nothing.
pub fn is_extension_store(host: &Host) -> bool {
    let glance = &*GLANCE;
    let mut name = host.as_str();
    loop {
        if glance.may_hold(name) && NAMES.binary_search(&name).is_ok() {
            return true;
        }
        // Labels are short: byte by byte is quicker than a search made for long texts.
        let Some(dot) = name.bytes().position(|byte| byte == b'.') else {
            return false;
        };
        name = &name[dot + 1..];
    }
}

static GLANCE: LazyLock<Glance> = LazyLock::new(|| NAMES.iter().copied().collect());

/// Sorted by name. The stores of the browsers' makers, of their kin, of user scripts, and sites
/// that hand extensions out beside the stores.
static NAMES: &[&str] = &[
    "addons.basilisk-browser.org",
    "addons.mozilla.org",
    "addons.opera.com",
    "addons.palemoon.org",
    "chromewebstore.google.com",
    "crx4chrome.com",
    "crxextractor.com",
    "greasyfork.org",
    "microsoftedge.microsoft.com",
    "openuserjs.org",
    "safari-extensions.apple.com",
    "sleazyfork.org",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-19: stores are known with all below them; where devices fetch updates is none.
    #[test]
    fn fil_19_stores_of_extensions_are_known_by_name() {
        assert!(NAMES.is_sorted());
        for name in NAMES {
            let below = format!("www.{name}");
            for host in [name, below.as_str()] {
                assert!(is_extension_store(&Host::parse(host).unwrap()), "{host}");
            }
        }
        for host in [
            "clients2.google.com",
            "edge.microsoft.com",
            "notaddons.mozilla.org",
            "www.google.com",
            "mozilla.org",
            "192.0.2.1",
        ] {
            assert!(!is_extension_store(&Host::parse(host).unwrap()), "{host}");
        }
    }
}
