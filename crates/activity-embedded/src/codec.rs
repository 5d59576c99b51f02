//! Events as bytes in the head and the spool, with a version byte and plain names inside, so that
//! a later version can still read them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_activity::{Event, Stored, action_word};
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Unknown, Who};
use uuid::Uuid;

const VERSION: u8 = 1;
/// Texts shared between events are forgotten beyond this many, to bound the table.
const MOST_SHARED: usize = 16_384;

const CONFIDENCES: [Confidence; 3] = [Confidence::None, Confidence::Likely, Confidence::Certain];
pub(crate) fn face_named(name: &str) -> Option<Face> {
    Face::ALL.into_iter().find(|face| face.name() == name)
}

/// Who from the stored names: `source` and `confidence` for somebody, `unknown` for nobody.
pub(crate) fn who_named(
    person: Option<PersonId>,
    source: &str,
    confidence: &str,
    unknown: &str,
    device: Option<Arc<str>>,
) -> Option<Who> {
    match person {
        Some(person) => Some(Who::Known {
            person,
            source: IdentitySource::ALL
                .into_iter()
                .find(|s| s.name() == source)?,
            confidence: CONFIDENCES.into_iter().find(|c| c.name() == confidence)?,
            device,
        }),
        None => Some(Who::Unknown {
            why: Unknown::ALL.into_iter().find(|u| u.name() == unknown)?,
            device,
        }),
    }
}

/// Keeps one copy of texts that come again and again.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    texts: HashMap<Box<str>, Arc<str>>,
    lists: HashMap<Box<str>, Arc<[Arc<str>]>>,
    /// Room to join categories in.
    joined: String,
}

impl Shared {
    pub(crate) fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        if self.texts.len() >= MOST_SHARED {
            self.texts.clear();
        }
        let fresh: Arc<str> = text.into();
        self.texts.insert(text.into(), Arc::clone(&fresh));
        fresh
    }

    /// The list written as one text with [`SEPARATOR`] between its parts.
    pub(crate) fn list(&mut self, joined: &str) -> Arc<[Arc<str>]> {
        if let Some(known) = self.lists.get(joined) {
            return Arc::clone(known);
        }
        if self.lists.len() >= MOST_SHARED {
            self.lists.clear();
        }
        let parts = joined.split(SEPARATOR).filter(|part| !part.is_empty());
        let fresh: Arc<[Arc<str>]> = parts.map(Arc::from).collect();
        self.lists.insert(joined.into(), Arc::clone(&fresh));
        fresh
    }

    fn categories(&mut self, categories: &Categories<'_>) -> Arc<[Arc<str>]> {
        let mut joined = std::mem::take(&mut self.joined);
        categories.join(&mut joined);
        let list = self.list(&joined);
        self.joined = joined;
        list
    }
}

/// Stands between the categories of one event (ASCII unit separator).
pub(crate) const SEPARATOR: char = '\u{1f}';

/// Appends the event to `out`.
pub(crate) fn encode(out: &mut Vec<u8>, stored: &Stored) {
    let event = &stored.event;
    out.push(VERSION);
    number(out, stored.number);
    number(out, event.at.as_millisecond().cast_unsigned());
    match &event.who {
        Who::Known {
            person,
            source,
            confidence,
            ..
        } => {
            out.push(1);
            out.extend_from_slice(person.as_uuid().as_bytes());
            text(out, source.name());
            text(out, confidence.name());
        }
        Who::Unknown { why, .. } => {
            out.push(0);
            text(out, why.name());
        }
    }
    maybe(out, event.who.device().map(|device| &**device));
    maybe(out, event.group.as_deref());
    match event.address {
        IpAddr::V4(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.push(6);
            out.extend_from_slice(&address.octets());
        }
    }
    text(out, event.face.name());
    text(out, &event.host);
    maybe(out, event.path.as_deref());
    text(out, event.action);
    text(out, &event.rule);
    number(out, event.categories.len() as u64);
    for category in event.categories.iter() {
        text(out, category);
    }
    for value in [
        event.policy_version,
        event.catalogue_version,
        event.bytes_up,
        event.bytes_down,
    ] {
        number(out, value);
    }
    maybe(out, event.search.as_deref());
    maybe(out, event.sealed.as_deref());
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn maybe(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => number(out, 0),
        Some(text) => {
            number(out, text.len() as u64 + 1);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// One event as it stands in a log or in memory: nothing is copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) number: u64,
    pub(crate) at_ms: i64,
    pub(crate) identity: Identity<'a>,
    pub(crate) device: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
    pub(crate) address: IpAddr,
    pub(crate) face: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: Option<&'a str>,
    pub(crate) action: &'a str,
    pub(crate) rule: &'a str,
    pub(crate) categories: Categories<'a>,
    pub(crate) policy_version: u64,
    pub(crate) catalogue_version: u64,
    pub(crate) bytes_up: u64,
    pub(crate) bytes_down: u64,
    pub(crate) search: Option<&'a str>,
    pub(crate) sealed: Option<&'a str>,
}

/// Who, by stored names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Identity<'a> {
    Known {
        person: PersonId,
        source: &'a str,
        confidence: &'a str,
    },
    Unknown(&'a str),
}

impl Identity<'_> {
    pub(crate) fn person(&self) -> Option<PersonId> {
        match self {
            Identity::Known { person, .. } => Some(*person),
            Identity::Unknown(_) => None,
        }
    }
}

/// The categories of one event, in a log or in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Categories<'a> {
    /// So many texts follow one another.
    Stored(u64, &'a [u8]),
    /// As events hold them.
    Held(&'a [Arc<str>]),
}

impl Categories<'_> {
    /// As one text with [`SEPARATOR`] between them.
    pub(crate) fn join(&self, out: &mut String) {
        out.clear();
        self.each(|category| {
            if !out.is_empty() {
                out.push(SEPARATOR);
            }
            out.push_str(category);
        });
    }

    fn each(&self, mut take: impl FnMut(&str)) {
        match self {
            Categories::Held(categories) => categories.iter().for_each(|category| take(category)),
            Categories::Stored(count, bytes) => {
                let mut from = Bytes(bytes);
                for _ in 0..*count {
                    // They were read through once.
                    let Some(category) = from.text() else { return };
                    take(category);
                }
            }
        }
    }
}

impl<'a> Row<'a> {
    pub(crate) fn of(stored: &'a Stored) -> Self {
        let event = &stored.event;
        Self {
            number: stored.number,
            at_ms: event.at.as_millisecond(),
            identity: match &event.who {
                Who::Known {
                    person,
                    source,
                    confidence,
                    ..
                } => Identity::Known {
                    person: *person,
                    source: source.name(),
                    confidence: confidence.name(),
                },
                Who::Unknown { why, .. } => Identity::Unknown(why.name()),
            },
            device: event.who.device().map(|device| &**device),
            group: event.group.as_deref(),
            address: event.address,
            face: event.face.name(),
            host: &event.host,
            path: event.path.as_deref(),
            action: event.action,
            rule: &event.rule,
            categories: Categories::Held(&event.categories),
            policy_version: event.policy_version,
            catalogue_version: event.catalogue_version,
            bytes_up: event.bytes_up,
            bytes_down: event.bytes_down,
            search: event.search.as_deref(),
            sealed: event.sealed.as_deref(),
        }
    }

    /// Whether its time and names mean something here.
    pub(crate) fn is_readable(&self) -> bool {
        let (person, (source, confidence, unknown)) = self.names();
        Timestamp::from_millisecond(self.at_ms).is_ok()
            && face_named(self.face).is_some()
            && who_named(person, source, confidence, unknown, None).is_some()
    }

    fn names(&self) -> (Option<PersonId>, (&'a str, &'a str, &'a str)) {
        match self.identity {
            Identity::Known {
                person,
                source,
                confidence,
            } => (Some(person), (source, confidence, "")),
            Identity::Unknown(why) => (None, ("", "", why)),
        }
    }

    /// When it was, to the millisecond.
    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.at_ms).unwrap_or_default()
    }

    /// The event in memory of its own; `None` where a name in it means nothing here.
    pub(crate) fn stored(&self, shared: &mut Shared) -> Option<Stored> {
        let (person, (source, confidence, unknown)) = self.names();
        let device = self.device.map(|device| shared.text(device));
        let event = Event {
            at: Timestamp::from_millisecond(self.at_ms).ok()?,
            who: who_named(person, source, confidence, unknown, device)?,
            group: self.group.map(|group| shared.text(group)),
            address: self.address,
            face: face_named(self.face)?,
            host: self.host.into(),
            path: self.path.map(Box::from),
            action: action_word(self.action),
            rule: shared.text(self.rule),
            categories: shared.categories(&self.categories),
            policy_version: self.policy_version,
            catalogue_version: self.catalogue_version,
            search: self.search.map(Box::from),
            sealed: self.sealed.map(|list| shared.text(list)),
            bytes_up: self.bytes_up,
            bytes_down: self.bytes_down,
        };
        Some(Stored {
            number: self.number,
            event,
        })
    }
}

/// Reads one event; `None` where the bytes are not one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Row<'_>> {
    let mut from = Bytes(bytes);
    if from.byte()? != VERSION {
        return None;
    }
    let number = from.number()?;
    let at_ms = from.number()?.cast_signed();
    let identity = if from.byte()? == 1 {
        Identity::Known {
            person: PersonId::from_uuid(Uuid::from_bytes(from.array()?)),
            source: from.text()?,
            confidence: from.text()?,
        }
    } else {
        Identity::Unknown(from.text()?)
    };
    let device = from.maybe()?;
    let group = from.maybe()?;
    let address = match from.byte()? {
        4 => IpAddr::from(from.array::<4>()?),
        6 => IpAddr::from(from.array::<16>()?),
        _ => return None,
    };
    let row = Row {
        number,
        at_ms,
        identity,
        device,
        group,
        address,
        face: from.text()?,
        host: from.text()?,
        path: from.maybe()?,
        action: from.text()?,
        rule: from.text()?,
        categories: from.categories()?,
        policy_version: from.number()?,
        catalogue_version: from.number()?,
        bytes_up: from.number()?,
        bytes_down: from.number()?,
        search: from.maybe()?,
        sealed: from.maybe()?,
    };
    from.0.is_empty().then_some(row)
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a str> {
        let (first, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        std::str::from_utf8(first).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        self.take(length)
    }

    fn maybe(&mut self) -> Option<Option<&'a str>> {
        match self.number()? {
            0 => Some(None),
            length => Some(Some(self.take(length - 1)?)),
        }
    }

    fn categories(&mut self) -> Option<Categories<'a>> {
        let count = self.number()?;
        let before = self.0;
        for _ in 0..count {
            self.text()?;
        }
        let length = before.len() - self.0.len();
        Some(Categories::Stored(count, before.get(..length)?))
    }
}
