//! Names that passed by themselves and were blocked for where they lead (FIL-16), and the rule by
//! which a place led to counts.
//!
//! The resolver alone sees where a name leads; the block page is asked for the name. So the resolver
//! notes what it has blocked so, and the page decides by it anew for its own reader. Nothing noted
//! here is a decision, and nothing here opens anything.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use pharos_catalogue::{Address, Host};
use pharos_policy::{Action, Decision, Layer};

/// Names in the younger half of what is remembered; with the older half as many again. Who fills it on
/// purpose takes away the reason on a page, until the name is looked up again.
const HALF: usize = 1_024;
/// Places remembered for one name: different people may be blocked for different ones.
const PLACES: usize = 4;

type Noted = HashMap<Host, Vec<Address>>;

/// Names that were blocked for where they lead, with those places.
#[derive(Debug, Default)]
pub struct Aliases(RwLock<Halves>);

#[derive(Debug, Default)]
struct Halves {
    young: Noted,
    old: Noted,
}

impl Aliases {
    /// Notes that a name was blocked for a place it leads to.
    pub fn note(&self, name: &Host, place: &Address) {
        let is_there = |noted: &Noted| {
            let places = noted.get(name);
            places.is_some_and(|places| places.contains(place) || places.len() >= PLACES)
        };
        if is_there(&self.0.read().unwrap_or_else(PoisonError::into_inner).young) {
            return;
        }
        let mut halves = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if halves.young.len() >= HALF {
            halves.old = std::mem::take(&mut halves.young);
        }
        let older = halves.old.remove(name);
        let places = halves.young.entry(name.clone()).or_default();
        if let Some(older) = older {
            *places = older;
        }
        if places.len() < PLACES && !places.contains(place) {
            places.push(place.clone());
        }
    }

    /// The places for which a name was blocked lately; none for every other name.
    pub fn places(&self, name: &Host) -> Vec<Address> {
        let halves = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let noted = halves.young.get(name).or_else(|| halves.old.get(name));
        noted.cloned().unwrap_or_default()
    }
}

/// Whether a name is blocked for a place it leads to, by what is decided on each for the same asker.
///
/// Content networks stand on no allow-list, so a place is blocked only by a rule that names it (a
/// sealed list, a list entry, a category), not by a default; and what was let through by a layer
/// that comes before the place's block stays open (FIL-06).
pub fn is_blocked_by(name: &Decision, place: &Decision) -> bool {
    let named = place.sealed.is_some()
        || place.reasons.first().is_some_and(|reason| {
            reason.list.is_some() || reason.entry.is_some() || reason.category.is_some()
        });
    place.action == Action::Block
        && named
        && (place.layer == Layer::Sealed || place.layer <= name.layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    fn place(text: &str) -> Address {
        Address::of_host(host(text))
    }

    /// FIL-16: what was noted last is remembered however many names are made up, and never more
    /// than the bound.
    #[test]
    fn fil_16_what_leads_to_blocked_places_is_remembered_within_bounds() {
        let aliases = Aliases::default();
        assert!(aliases.places(&host("shop.example")).is_empty());
        for number in 0..8 {
            aliases.note(&host("shop.example"), &place(&format!("p{number}.example")));
            aliases.note(&host("shop.example"), &place("p0.example"));
        }
        let kept = aliases.places(&host("shop.example"));
        assert_eq!(kept.len(), PLACES);
        assert_eq!(kept[0], place("p0.example"));
        for number in 0..HALF - 1 {
            aliases.note(&host(&format!("n{number}.example")), &place("bets.example"));
        }
        // The next one begins a new half, and the name asked for again goes along with it.
        aliases.note(&host("next.example"), &place("bets.example"));
        assert_eq!(aliases.places(&host("shop.example")), kept);
        aliases.note(&host("shop.example"), &place("p0.example"));
        for number in 0..2 * HALF {
            aliases.note(&host(&format!("m{number}.example")), &place("bets.example"));
            let halves = aliases.0.read().unwrap();
            assert!(halves.young.len() <= HALF && halves.old.len() <= HALF);
        }
        assert!(aliases.places(&host("shop.example")).is_empty());
        let last = host(&format!("m{}.example", 2 * HALF - 1));
        assert_eq!(aliases.places(&last), [place("bets.example")]);
    }
}
