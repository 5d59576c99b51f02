//! Hourly counts by group, action and category, kept beside each segment, so that a dashboard
//! reads kilobytes and not events.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_activity::Tally;
use rapidhash::fast::RandomState;

use crate::codec::{Row, Shared};
use crate::frame::checksum;

const FIRST: &str = "pharos-activity-hours 1";
const HOUR_MS: i64 = 3_600_000;

type Key = (i64, Option<Arc<str>>, Arc<str>, Option<Arc<str>>);

/// Counts being added up, event by event. Events that count alike share one entry, found by one
/// look-up; a school's thousand events of an hour are a few dozen of those.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    alike: Vec<Alike>,
    /// Where each stands, by what makes it.
    places: HashMap<Box<str>, usize, RandomState>,
    /// The one counted last: the next is mostly the same.
    last: usize,
    key: String,
    joined: String,
}

#[derive(Debug)]
struct Alike {
    hour: i64,
    group: Option<Box<str>>,
    action: Box<str>,
    categories: Box<str>,
    events: u64,
    bytes: u64,
}

impl Alike {
    fn is_of(&self, hour: i64, row: &Row<'_>, categories: &str) -> bool {
        self.hour == hour
            && self.group.as_deref() == row.group
            && *self.action == *row.action
            && *self.categories == *categories
    }
}

impl Counting {
    /// Counts one event: once for its group and action, and once for each of its categories.
    pub(crate) fn add(&mut self, row: &Row<'_>) {
        let hour = row.at_ms.div_euclid(HOUR_MS);
        let bytes = row.bytes_up.saturating_add(row.bytes_down);
        row.categories.join(&mut self.joined);
        let place = match self.alike.get(self.last) {
            Some(alike) if alike.is_of(hour, row, &self.joined) => self.last,
            _ => self.place(hour, row),
        };
        self.last = place;
        if let Some(alike) = self.alike.get_mut(place) {
            alike.events += 1;
            alike.bytes = alike.bytes.saturating_add(bytes);
        }
    }

    /// Where events like this one are counted; their categories stand joined already.
    fn place(&mut self, hour: i64, row: &Row<'_>) -> usize {
        self.key.clear();
        // Writing into a String cannot fail.
        let _ = write!(self.key, "{hour}");
        for part in [row.group.unwrap_or("\0"), row.action, &self.joined] {
            self.key.push('\u{1e}');
            self.key.push_str(part);
        }
        if let Some(place) = self.places.get(self.key.as_str()) {
            return *place;
        }
        let place = self.alike.len();
        self.alike.push(Alike {
            hour,
            group: row.group.map(Box::from),
            action: row.action.into(),
            categories: self.joined.as_str().into(),
            events: 0,
            bytes: 0,
        });
        self.places.insert(self.key.as_str().into(), place);
        place
    }

    /// The counts.
    pub(crate) fn done(self) -> Rollup {
        let (mut rollup, mut shared) = (Rollup::default(), Shared::default());
        for alike in self.alike {
            let group = alike.group.map(|group| shared.text(&group));
            let action = shared.text(&alike.action);
            let categories = shared.list(&alike.categories);
            for category in std::iter::once(None).chain(categories.iter().cloned().map(Some)) {
                let key = (alike.hour, group.clone(), Arc::clone(&action), category);
                let sum = rollup.0.entry(key).or_default();
                sum.0 += alike.events;
                sum.1 = sum.1.saturating_add(alike.bytes);
            }
        }
        rollup
    }
}

/// Counts added up.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Rollup(BTreeMap<Key, (u64, u64)>);

impl Rollup {
    /// Adds another roll-up's hours that begin in `from..to`.
    pub(crate) fn merge(&mut self, other: &Rollup, from: Timestamp, to: Timestamp) {
        for (key, (events, bytes)) in &other.0 {
            let Ok(hour) = Timestamp::from_millisecond(key.0 * HOUR_MS) else {
                continue;
            };
            if from <= hour && hour < to {
                let sum = self.0.entry(key.clone()).or_default();
                sum.0 += events;
                sum.1 = sum.1.saturating_add(*bytes);
            }
        }
    }

    /// The counts as the port gives them.
    pub(crate) fn into_tallies(self) -> Vec<Tally> {
        let tally = |((hour, group, action, category), (events, bytes)): (Key, (u64, u64))| {
            let hour = Timestamp::from_millisecond(hour * HOUR_MS).ok()?;
            Some(Tally {
                hour,
                group,
                action,
                category,
                events,
                bytes,
            })
        };
        self.0.into_iter().filter_map(tally).collect()
    }

    /// One line an entry, tab-separated, with a checksum line at the end.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{FIRST}\n");
        for ((hour, group, action, category), (events, bytes)) in &self.0 {
            let (group, category) = (word(group.as_deref()), word(category.as_deref()));
            // Writing into a String cannot fail.
            let _ = writeln!(
                text,
                "{hour}\t{group}\t{}\t{category}\t{events}\t{bytes}",
                plain(action)
            );
        }
        let crc = checksum(text.as_bytes());
        let _ = writeln!(text, "crc {crc:08x}");
        text
    }

    /// Reads it back; `None` where anything is wrong.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (body, crc) = text.strip_suffix('\n')?.rsplit_once("crc ")?;
        if u32::from_str_radix(crc, 16).ok()? != checksum(body.as_bytes()) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != FIRST {
            return None;
        }
        let mut rollup = Self::default();
        for line in lines {
            let words: Vec<&str> = line.split('\t').collect();
            let [hour, group, action, category, events, bytes] = words[..] else {
                return None;
            };
            let key = (
                hour.parse().ok()?,
                unword(group)?,
                action.into(),
                unword(category)?,
            );
            rollup
                .0
                .insert(key, (events.parse().ok()?, bytes.parse().ok()?));
        }
        Some(rollup)
    }
}

/// Without the characters that shape the file.
fn plain(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

fn word(text: Option<&str>) -> String {
    text.map_or_else(|| "-".into(), |text| format!("={}", plain(text)))
}

fn unword(text: &str) -> Option<Option<Arc<str>>> {
    match text {
        "-" => Some(None),
        text => Some(Some(text.strip_prefix('=')?.into())),
    }
}
