//! What a list must hold, must not hold, and may never block (FIL-04).
//!
//! Publishers make mistakes and are broken into. A school names a few addresses that every good
//! version of a list has and a few that none may have; and nobody outside may block the school's own
//! names or the sites where children find help.

use std::collections::{HashMap, HashSet};

use pharos_catalogue::{Address, Entry, Host};

use crate::error::Refusal;

/// The most addresses of each kind that are watched for.
pub const GUARDED_MAX: usize = 1000;
/// Names of left-out entries that are reported.
const TOLD_MAX: usize = 20;

/// What is watched for while a list is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// Hosts that no list may block: entries for them, for a name above and for a name below them
    /// are left out and reported.
    pub protected: Vec<Host>,
    /// Addresses that the list has to block.
    pub must_hold: Vec<Address>,
    /// Addresses that the list must not block.
    pub must_not_hold: Vec<Address>,
}

/// A [`Guard`] at work on one list.
pub(crate) struct Watching<'a> {
    guard: &'a Guard,
    protected: HashSet<&'a str>,
    above_protected: HashSet<&'a str>,
    /// Watched addresses by each host under which an entry could meet them.
    watched: HashMap<&'a str, Vec<Watched<'a>>>,
    held: HashSet<usize>,
    pub(crate) left_out: u64,
    pub(crate) left_out_names: Vec<String>,
}

#[derive(Clone, Copy)]
struct Watched<'a> {
    address: &'a Address,
    /// Its place: `must_hold` first, then `must_not_hold`.
    number: usize,
}

impl<'a> Watching<'a> {
    pub(crate) fn new(guard: &'a Guard) -> Self {
        let protected = || guard.protected.iter().take(GUARDED_MAX);
        let mut watched: HashMap<&str, Vec<Watched<'_>>> = HashMap::new();
        let all = guard.must_hold.iter().take(GUARDED_MAX).enumerate();
        let offset = guard.must_hold.len();
        let all = all.chain(
            guard
                .must_not_hold
                .iter()
                .take(GUARDED_MAX)
                .enumerate()
                .map(|(number, address)| (offset + number, address)),
        );
        for (number, address) in all {
            for host in address.host().parents() {
                watched
                    .entry(host)
                    .or_default()
                    .push(Watched { address, number });
            }
        }
        Self {
            guard,
            protected: protected().map(Host::as_str).collect(),
            above_protected: protected().flat_map(Host::parents).collect(),
            watched,
            held: HashSet::new(),
            left_out: 0,
            left_out_names: Vec::new(),
        }
    }

    /// Whether an entry may be taken; notes what it meets.
    pub(crate) fn admits(&mut self, entry: &Entry<'_>) -> bool {
        if self.is_protected(entry.host) {
            self.left_out += 1;
            if self.left_out_names.len() < TOLD_MAX {
                self.left_out_names.push(entry.host.to_owned());
            }
            return false;
        }
        if let Some(watched) = self.watched.get(entry.host)
            && let Ok(rule) = Address::parse(&format!("{}{}", entry.host, entry.path.unwrap_or("")))
        {
            let met = watched.iter().filter(|watch| rule.covers(watch.address));
            self.held.extend(met.map(|watch| watch.number));
        }
        true
    }

    fn is_protected(&self, host: &str) -> bool {
        if self.protected.is_empty() {
            return false;
        }
        self.above_protected.contains(host)
            || self.protected.contains(host)
            || host
                .match_indices('.')
                .any(|(dot, _)| self.protected.contains(&host[dot + 1..]))
    }

    /// Why the list as a whole is not to be trusted.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let must_not = self.guard.must_hold.len();
        if let Some(number) = self.held.iter().copied().filter(|n| *n >= must_not).min() {
            let address = self.guard.must_not_hold.get(number - must_not)?;
            return Some(Refusal::HoldsForbidden(address.to_string()));
        }
        let missing = (0..must_not.min(GUARDED_MAX)).find(|n| !self.held.contains(n))?;
        let address = self.guard.must_hold.get(missing)?;
        Some(Refusal::LacksCanary(address.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>(host: &'a str, path: Option<&'a str>) -> Entry<'a> {
        Entry {
            category: None,
            host,
            path,
        }
    }

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    /// FIL-04: help sites and the school's own names are never blocked by a list, from above, below or itself.
    #[test]
    fn fil_04_protected_names_are_left_out_and_told() {
        let guard = Guard {
            protected: vec![host("listening.example"), host("school.sch.example")],
            ..Guard::default()
        };
        let mut watching = Watching::new(&guard);
        let taken = |watching: &mut Watching<'_>, name| watching.admits(&entry(name, None));
        assert!(!taken(&mut watching, "listening.example"));
        assert!(!taken(&mut watching, "chat.listening.example"));
        assert!(!taken(&mut watching, "sch.example"), "a name above one");
        assert!(!watching.admits(&entry("listening.example", Some("/page"))));
        assert!(taken(&mut watching, "notlistening.example"));
        assert!(taken(&mut watching, "other.sch.example"));
        assert_eq!(watching.left_out, 4);
        assert_eq!(watching.left_out_names[2], "sch.example");
    }

    /// FIL-04: a canary is met as the filter would meet it: by its host, a name above, or its path.
    #[test]
    fn fil_04_canaries_are_met_as_the_filter_would_meet_them() {
        let guard = Guard {
            must_hold: vec![
                address("www.bad.example"),
                address("mixed.example/bad/page"),
            ],
            must_not_hold: vec![address("good.example")],
            ..Guard::default()
        };
        let mut watching = Watching::new(&guard);
        assert!(matches!(watching.refusal(), Some(Refusal::LacksCanary(_))));
        assert!(watching.admits(&entry("bad.example", None)));
        assert!(watching.admits(&entry("mixed.example", Some("/other"))));
        assert_eq!(
            watching.refusal(),
            Some(Refusal::LacksCanary("mixed.example/bad/page".into()))
        );
        assert!(watching.admits(&entry("mixed.example", Some("/bad"))));
        assert_eq!(watching.refusal(), None);
        assert!(watching.admits(&entry("good.example", Some("/only-this"))));
        assert_eq!(watching.refusal(), None, "a page is not the site");
        assert!(watching.admits(&entry("good.example", None)));
        assert_eq!(
            watching.refusal(),
            Some(Refusal::HoldsForbidden("good.example".into()))
        );
    }
}
