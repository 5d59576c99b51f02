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
}

/// Stands between the categories of one event (ASCII unit separator).
pub(crate) const SEPARATOR: char = '\u{1f}';

/// The categories of one event as one text.
pub(crate) fn joined(categories: &[Arc<str>], out: &mut String) {
    out.clear();
    for (index, category) in categories.iter().enumerate() {
        if index > 0 {
            out.push(SEPARATOR);
        }
        out.push_str(category);
    }
}

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

/// Reads one event back; `None` where the bytes are not one.
pub(crate) fn decode(bytes: &[u8], shared: &mut Shared) -> Option<Stored> {
    let mut from = Bytes(bytes);
    if from.byte()? != VERSION {
        return None;
    }
    let running = from.number()?;
    let at = Timestamp::from_millisecond(from.number()?.cast_signed()).ok()?;
    let known = from.byte()? == 1;
    let person = if known {
        Some(PersonId::from_uuid(Uuid::from_bytes(from.array()?)))
    } else {
        None
    };
    let first = from.text()?;
    let second = if known { from.text()? } else { "" };
    let device = from.maybe()?.map(|device| shared.text(device));
    let who = who_named(person, first, second, first, device)?;
    let group = from.maybe()?.map(|group| shared.text(group));
    let address = match from.byte()? {
        4 => IpAddr::from(from.array::<4>()?),
        6 => IpAddr::from(from.array::<16>()?),
        _ => return None,
    };
    let face = face_named(from.text()?)?;
    let host = from.text()?.into();
    let path = from.maybe()?.map(Box::from);
    let action = action_word(from.text()?);
    let rule = shared.text(from.text()?);
    let categories = from.list(shared)?;
    let policy_version = from.number()?;
    let catalogue_version = from.number()?;
    let bytes_up = from.number()?;
    let bytes_down = from.number()?;
    let search = from.maybe()?.map(Box::from);
    let sealed = from.maybe()?.map(|list| shared.text(list));
    let event = Event {
        at,
        who,
        group,
        address,
        face,
        host,
        path,
        action,
        rule,
        categories,
        policy_version,
        catalogue_version,
        search,
        sealed,
        bytes_up,
        bytes_down,
    };
    from.0.is_empty().then_some(Stored {
        number: running,
        event,
    })
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

    fn list(&mut self, shared: &mut Shared) -> Option<Arc<[Arc<str>]>> {
        let mut whole = String::new();
        for index in 0..self.number()? {
            if index > 0 {
                whole.push(SEPARATOR);
            }
            whole.push_str(self.text()?);
        }
        Some(shared.list(&whole))
    }
}
