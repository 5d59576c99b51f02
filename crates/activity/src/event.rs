//! One decision, as it is kept (MON-01).

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_school::{Face, Who};

/// The host stored for a hit on a sealed list: the address itself is never kept (MON-14, FIL-03).
pub const SEALED_HOST: &str = "sealed";

/// Longest host kept, in bytes; longer ones are cut at a character.
pub const MAX_HOST: usize = 253;
/// Longest path with query kept, in bytes; longer ones are cut at a character.
pub const MAX_PATH: usize = 2048;
/// Longest search text kept, in bytes; longer ones are cut at a character.
pub const MAX_SEARCH: usize = 512;
/// Most categories kept with one event.
pub const MAX_CATEGORIES: usize = 32;

/// The names an action may have, as `policy::Action::name` gives them.
const ACTIONS: [&str; 5] = ["allow", "narrow", "warn", "block", "tunnel"];

/// The shared word for a stored action; a word written by a newer version reads as `other`.
pub fn action_word(text: &str) -> &'static str {
    ACTIONS
        .into_iter()
        .find(|action| *action == text)
        .unwrap_or("other")
}

/// One decision by one face: who, what, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it was decided; stores keep it to the millisecond.
    pub at: Timestamp,
    /// Who was behind it, how that is known and how sure it is.
    pub who: Who,
    /// The policy group that the decision was made for, such as `pupils`; `None` where none applied.
    pub group: Option<Arc<str>>,
    /// The device's network address.
    pub address: IpAddr,
    /// The face that decided.
    pub face: Face,
    /// The host asked for; [`SEALED_HOST`] where a sealed list was hit (MON-14, FIL-03).
    pub host: Box<str>,
    /// Path and query, where the face sees them; `None` for sealed hits and name-only faces.
    pub path: Option<Box<str>>,
    /// What was done: `allow`, `narrow`, `warn`, `block` or `tunnel` (`policy::Action::name`).
    pub action: &'static str,
    /// The rule that decided.
    pub rule: Arc<str>,
    /// The names of the categories found.
    pub categories: Arc<[Arc<str>]>,
    /// The policy version in force.
    pub policy_version: u64,
    /// The catalogue version in force.
    pub catalogue_version: u64,
    /// The search words, where the request was a search and inspection is lawful (SRCH-04).
    pub search: Option<Box<str>>,
    /// The sealed list that was hit, by name.
    pub sealed: Option<Arc<str>>,
    /// Bytes from client to origin.
    pub bytes_up: u64,
    /// Bytes from origin to client.
    pub bytes_down: u64,
}

impl Event {
    /// The event as it may be kept: a sealed hit loses its address and words whatever the face
    /// left in (MON-14), and over-long texts are cut. Every store passes events through here.
    #[must_use]
    pub fn fit_to_keep(mut self) -> Self {
        if self.sealed.is_some() {
            self.host = SEALED_HOST.into();
            self.path = None;
            self.search = None;
        }
        cut(&mut self.host, MAX_HOST);
        if let Some(path) = &mut self.path {
            cut(path, MAX_PATH);
        }
        if let Some(search) = &mut self.search {
            cut(search, MAX_SEARCH);
        }
        if self.categories.len() > MAX_CATEGORIES {
            self.categories = self
                .categories
                .iter()
                .take(MAX_CATEGORIES)
                .cloned()
                .collect();
        }
        self
    }
}

fn cut(text: &mut Box<str>, most: usize) {
    if text.len() > most {
        *text = text[..text.floor_char_boundary(most)].into();
    }
}

/// Where faces hand events in: never blocks, never fails; what cannot be queued is spooled and
/// counted by the engine behind it.
pub trait Sink: Send + Sync + 'static {
    /// Takes one event off the hot path.
    fn record(&self, event: Event);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;

    /// MON-14, FIL-03: a sealed hit keeps time, person and device, and nothing of the address.
    #[test]
    fn mon_14_a_sealed_hit_keeps_no_address() {
        let mut hit = event(0);
        hit.host = "bad.example".into();
        hit.path = Some("/picture.jpg".into());
        hit.search = Some("words".into());
        hit.sealed = Some("iwf".into());
        let kept = hit.clone().fit_to_keep();
        assert_eq!(&*kept.host, SEALED_HOST);
        assert_eq!((kept.path, kept.search), (None, None));
        assert_eq!(
            (kept.at, kept.who, kept.address),
            (hit.at, hit.who, hit.address)
        );
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let mut long = event(0);
        long.path = Some("é".repeat(3000).into());
        let kept = long.fit_to_keep();
        let path = kept.path.unwrap_or_default();
        assert!(path.len() <= MAX_PATH && path.chars().all(|c| c == 'é'));
    }
}
