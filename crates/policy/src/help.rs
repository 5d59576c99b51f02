//! Help and reporting services that every school in the country knows (FIL-13). Of these no trust's floor
//! says anything: its categories come from lists, and lists mistake help for what it helps against. They
//! are whole hosts, of services alone, and part of Pharos: no school and no trust adds to them.
//!
//! Sealed lists stand above them, as above everything.

use pharos_catalogue::{Address, Host};

/// Whole hosts, each with all hosts below it. Each publishes help alone: none hosts what others write
/// without looking at it first, searches the web or leads round a filter.
pub const WELL_KNOWN_HELP: [&str; 18] = [
    "beateatingdisorders.org.uk",
    "ceop.police.uk",
    "ceopeducation.co.uk",
    "childline.org.uk",
    "childrenscommissioner.gov.uk",
    "giveusashout.org",
    "iwf.org.uk",
    "nationaldahelpline.org.uk",
    "nspcc.org.uk",
    "papyrus-uk.org",
    "rapecrisis.org.uk",
    "reportharmfulcontent.com",
    "samaritans.org",
    "stopitnow.org.uk",
    "switchboard.lgbt",
    "talktofrank.com",
    "victimsupport.org.uk",
    "youngminds.org.uk",
];

/// Whether a host is, or lies below, one of [`WELL_KNOWN_HELP`].
pub fn is_well_known_help(host: &Host) -> bool {
    addresses().any(|help| host.is_within(help.host()))
}

/// [`WELL_KNOWN_HELP`] as addresses.
pub(crate) fn addresses() -> impl Iterator<Item = Address> {
    WELL_KNOWN_HELP
        .iter()
        .filter_map(|host| Some(Address::of_host(Host::parse(host).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-13: every name of the list is a host, each once, and covers no other.
    #[test]
    fn fil_13_well_known_help_is_whole_hosts() {
        let all: Vec<Address> = addresses().collect();
        assert_eq!(all.len(), WELL_KNOWN_HELP.len());
        assert!(WELL_KNOWN_HELP.is_sorted());
        for (n, help) in all.iter().enumerate() {
            let others = all.iter().enumerate().filter(|(other, _)| *other != n);
            for (_, other) in others {
                assert!(!help.host().is_within(other.host()), "{help:?} {other:?}");
            }
        }
        let known = |host: &str| is_well_known_help(&Host::parse(host).unwrap());
        assert!(known("childline.org.uk") && known("www.childline.org.uk"));
        assert!(
            !known("org.uk") && !known("notchildline.org.uk") && !known("childline.org.uk.test")
        );
    }
}
