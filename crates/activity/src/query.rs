//! What may be asked of a store, and what comes back.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_school::{Face, PersonId};
use serde::{Deserialize, Serialize};

use crate::Event;

/// Most events one search returns; more are had by the cursor.
pub const MAX_LIMIT: usize = 10_000;

/// A search: every condition given must hold. The answer is newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Only this person.
    pub person: Option<PersonId>,
    /// Only this device, by its label.
    pub device: Option<Box<str>>,
    /// Only this network address.
    pub address: Option<IpAddr>,
    /// At or after this time.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// Any of these categories; empty for all.
    pub categories: Vec<Box<str>>,
    /// Any of these actions; empty for all.
    pub actions: Vec<Box<str>>,
    /// Any of these faces; empty for all.
    pub faces: Vec<Face>,
    /// The host contains this text, whatever the case.
    pub host: Option<Box<str>>,
    /// The search words contain this text, whatever the case.
    pub search: Option<Box<str>>,
    /// Only events that carry search words.
    pub only_searches: bool,
    /// Only hits on sealed lists.
    pub only_sealed: bool,
    /// At most this many events, up to [`MAX_LIMIT`].
    pub limit: usize,
    /// Go on behind this place, as given by [`Found::next`].
    pub after: Option<Cursor>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            person: None,
            device: None,
            address: None,
            from: None,
            to: None,
            categories: Vec::new(),
            actions: Vec::new(),
            faces: Vec::new(),
            host: None,
            search: None,
            only_searches: false,
            only_sealed: false,
            limit: 100,
            after: None,
        }
    }
}

impl Query {
    /// Whether the event meets every condition, cursor and limit aside. The one meaning of a
    /// query: engines that push conditions down must agree with it.
    pub fn matches(&self, event: &Event) -> bool {
        self.person
            .is_none_or(|person| event.who.person() == Some(person))
            && self
                .device
                .as_deref()
                .is_none_or(|device| event.who.device().is_some_and(|d| **d == *device))
            && self.address.is_none_or(|address| event.address == address)
            && self.from.is_none_or(|from| event.at >= from)
            && self.to.is_none_or(|to| event.at < to)
            && self.matches_words(event)
            && self.matches_kind(event)
    }

    fn matches_words(&self, event: &Event) -> bool {
        self.host
            .as_deref()
            .is_none_or(|part| contains(&event.host, part))
            && self.search.as_deref().is_none_or(|part| {
                event
                    .search
                    .as_deref()
                    .is_some_and(|words| contains(words, part))
            })
            && (!self.only_searches || event.search.is_some())
    }

    fn matches_kind(&self, event: &Event) -> bool {
        (self.actions.is_empty() || self.actions.iter().any(|action| **action == *event.action))
            && (self.faces.is_empty() || self.faces.contains(&event.face))
            && (self.categories.is_empty()
                || event
                    .categories
                    .iter()
                    .any(|have| self.categories.iter().any(|want| **want == **have)))
            && (!self.only_sealed || event.sealed.is_some())
    }
}

/// Whether `text` contains `part`, whatever the case.
pub fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

/// A place in the newest-first order: the time and the store's running number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    /// When the last event shown was decided.
    pub at: Timestamp,
    /// Its running number.
    pub number: u64,
}

/// One event with its place in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The store's running number: later events have higher ones.
    pub number: u64,
    /// The event.
    pub event: Event,
}

impl Stored {
    /// The place of this event in the newest-first order.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            at: self.event.at,
            number: self.number,
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The events, newest first.
    pub events: Vec<Stored>,
    /// Where to go on, if there are more.
    pub next: Option<Cursor>,
    /// Parts of the store that could not be read, in words; the answer lacks what they hold.
    pub missing: Vec<String>,
}

/// How many events match, without fetching them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counted {
    /// How many.
    pub events: u64,
    /// The oldest of them.
    pub oldest: Option<Timestamp>,
    /// The newest of them.
    pub newest: Option<Timestamp>,
    /// Parts of the store that could not be read, in words; the count lacks what they hold.
    pub missing: Vec<String>,
}

/// Events of one hour by group, action and category. No person is in a tally.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tally {
    /// The start of the hour.
    pub hour: Timestamp,
    /// The policy group; `None` where none applied.
    pub group: Option<Arc<str>>,
    /// The action.
    pub action: Arc<str>,
    /// The category; `None` counts every event of the group and action once, so that events in
    /// several categories are not counted twice in a total.
    pub category: Option<Arc<str>>,
    /// How many events.
    pub events: u64,
    /// Bytes both ways.
    pub bytes: u64,
}

/// Hourly counts over a period, sorted by hour, group, action and category.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The counts.
    pub tallies: Vec<Tally>,
    /// Parts of the store that could not be read, in words.
    pub missing: Vec<String>,
}

impl Summary {
    /// How many events, each counted once; `action` narrows to one action.
    pub fn events(&self, action: Option<&str>) -> u64 {
        self.totals()
            .filter(|t| action.is_none_or(|a| *t.action == *a))
            .map(|t| t.events)
            .sum()
    }

    /// How many events fell into this category; `action` narrows to one action.
    pub fn in_category(&self, category: &str, action: Option<&str>) -> u64 {
        self.tallies
            .iter()
            .filter(|t| {
                t.category.as_deref() == Some(category) && action.is_none_or(|a| *t.action == *a)
            })
            .map(|t| t.events)
            .sum()
    }

    fn totals(&self) -> impl Iterator<Item = &Tally> {
        self.tallies.iter().filter(|tally| tally.category.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;

    /// MON-01: search by person, device, time, category, action, host and search words.
    #[test]
    fn mon_01_every_condition_narrows() {
        let mut one = event(5);
        one.search = Some("Fractions Worksheet".into());
        let all = Query::default();
        assert!(all.matches(&one));
        let yes: [fn(&mut Query, &Event); 6] = [
            |q, e| q.person = e.who.person(),
            |q, e| q.device = e.who.device().map(|d| (&**d).into()),
            |q, e| q.from = Some(e.at),
            |q, e| q.categories = vec![(&*e.categories[0]).into()],
            |q, _| q.search = Some("FRACTIONS".into()),
            |q, _| q.host = Some("MATHS".into()),
        ];
        let no: [fn(&mut Query, &Event); 6] = [
            |q, _| q.person = Some(PersonId::from_uuid(uuid::Uuid::from_u128(99))),
            |q, _| q.device = Some("another".into()),
            |q, e| q.to = Some(e.at),
            |q, _| q.categories = vec!["gambling".into()],
            |q, _| q.actions = vec!["block".into()],
            |q, _| q.only_sealed = true,
        ];
        for set in yes {
            let mut query = Query::default();
            set(&mut query, &one);
            assert!(query.matches(&one), "{query:?}");
        }
        for set in no {
            let mut query = Query::default();
            set(&mut query, &one);
            assert!(!query.matches(&one), "{query:?}");
        }
    }
}
