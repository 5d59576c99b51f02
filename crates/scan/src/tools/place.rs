//! Where in JSON a text stands.
//!
//! ```text
//! messages[-1].content.parts[]   keys, any element, the last element
//! choices[0].delta.content       one element
//! *.text                         any key
//! [1]![0][0]                     `!`: the string is JSON again, and there it goes on
//! .                              the value itself
//! v where p=*/parts/*            only where a field `p` that stands before is like that, or none does
//! ```

use super::glob::is_like;

/// The most places of one side of an exchange.
pub const PLACES_MAX: usize = 32;
/// The most steps of one place.
const STEPS_MAX: usize = 16;
/// The longest key, in bytes.
pub(super) const KEY_MAX: usize = 64;
/// The longest value that a condition looks at, in bytes; of a longer one the beginning.
pub(super) const GUARD_MAX: usize = 128;
/// The most conditions of one place.
const GUARDS_MAX: usize = 4;

/// One step on the way to a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The field of this name.
    Key(Box<str>),
    /// Any field.
    AnyKey,
    /// One element.
    Index(u32),
    /// Any element.
    AnyIndex,
    /// The last element: what one before it said does not count.
    Last,
    /// The string is JSON again.
    Inside,
}

/// A condition: a field that stands before, in the same object or one around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guard {
    pub(super) key: Box<str>,
    pattern: Box<str>,
}

impl Guard {
    pub(super) fn holds(&self, value: &[u8]) -> bool {
        is_like(self.pattern.as_bytes(), value)
    }
}

/// Where a text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The field of a form that it stands in.
    pub(super) field: Option<Box<str>>,
    pub(super) steps: Box<[Step]>,
    pub(super) guards: Box<[Guard]>,
    /// Each time the whole text so far, not what is new.
    pub(super) whole: bool,
}

/// The places of one side of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Places {
    all: Vec<Place>,
}

impl Places {
    /// Adds one.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn add(&mut self, place: Place) -> Result<(), String> {
        if self.all.len() >= PLACES_MAX {
            return Err(format!(
                "more than {PLACES_MAX} places; the rest is not read"
            ));
        }
        self.all.push(place);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Place> {
        self.all.get(number)
    }

    /// The places, as bits, that begin in this field of a form, or in the body itself.
    pub(super) fn of_field(&self, field: Option<&[u8]>) -> u32 {
        self.bits(u32::MAX, |place| {
            place.field.as_deref().map(str::as_bytes) == field
        })
    }

    /// Those among `live` for which this holds.
    pub(super) fn bits(&self, live: u32, holds: impl Fn(&Place) -> bool) -> u32 {
        let mut bits = 0;
        for (number, place) in self.all.iter().enumerate() {
            let bit = 1 << number;
            if live & bit != 0 && holds(place) {
                bits |= bit;
            }
        }
        bits
    }

    /// The numbers of the places in a set.
    pub(super) fn numbers(&self, bits: u32) -> impl Iterator<Item = usize> + use<> {
        (0..self.all.len()).filter(move |number| bits & (1 << number) != 0)
    }

    /// Whether any condition looks at a field of this name.
    pub(super) fn looks_at(&self, key: &[u8]) -> bool {
        self.guards().any(|(_, guard)| guard.key.as_bytes() == key)
    }

    /// All conditions, each with a number of its own.
    pub(super) fn guards(&self) -> impl Iterator<Item = (u16, &Guard)> {
        self.all.iter().enumerate().flat_map(|(number, place)| {
            let guards = place.guards.iter().enumerate();
            guards.map(move |(n, guard)| (guard_number(number, n), guard))
        })
    }
}

/// The number of the n-th condition of a place.
pub(super) fn guard_number(place: usize, n: usize) -> u16 {
    u16::try_from(place * GUARDS_MAX + n).unwrap_or(u16::MAX)
}

/// Reads a place as it is written behind `prompt` or `answer`.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn parse(text: &str) -> Result<Place, String> {
    let mut rest = text.trim();
    let (mut whole, mut field) = (false, None);
    loop {
        if let Some(behind) = rest.strip_prefix("whole ") {
            whole = true;
            rest = behind.trim_start();
        } else if let Some(behind) = rest.strip_prefix("field ") {
            let (name, behind) = behind
                .trim_start()
                .split_once(' ')
                .ok_or("write the name of the field and where in it the text stands, or a dot")?;
            field = Some(name.into());
            rest = behind.trim_start();
        } else {
            break;
        }
    }
    let (way, conditions) = match rest.split_once(" where ") {
        Some((way, conditions)) => (way.trim(), Some(conditions)),
        None => (rest, None),
    };
    let mut guards = Vec::new();
    for condition in conditions.into_iter().flat_map(|all| all.split(" and ")) {
        let (key, pattern) = condition
            .trim()
            .split_once('=')
            .ok_or_else(|| format!("{condition:?} is no condition: write key=value"))?;
        check_key(key)?;
        if pattern.len() > GUARD_MAX {
            return Err(format!(
                "the condition on {key} is longer than {GUARD_MAX} bytes"
            ));
        }
        guards.push(Guard {
            key: key.into(),
            pattern: pattern.into(),
        });
    }
    if guards.len() > GUARDS_MAX {
        return Err(format!("more than {GUARDS_MAX} conditions"));
    }
    Ok(Place {
        field,
        steps: steps(way)?.into(),
        guards: guards.into(),
        whole,
    })
}

fn steps(way: &str) -> Result<Vec<Step>, String> {
    if way.is_empty() {
        return Err("write where the text stands, such as messages[-1].content".to_owned());
    }
    if way == "." {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    let mut rest = way;
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('!') {
            if steps.contains(&Step::Last) {
                return Err("[-1] may only stand behind the last !".to_owned());
            }
            steps.push(Step::Inside);
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix('[') {
            let (index, behind) = behind
                .split_once(']')
                .ok_or_else(|| format!("{way:?} has a [ without ]"))?;
            steps.push(match index {
                "" => Step::AnyIndex,
                "-1" => Step::Last,
                number => Step::Index(number.parse().map_err(|_| {
                    format!("{number:?} is no element: write [], [-1] or a number")
                })?),
            });
            rest = behind;
        } else {
            let bare = rest.strip_prefix('.').unwrap_or(rest);
            if bare.len() == rest.len()
                && !steps.is_empty()
                && !matches!(steps.last(), Some(Step::Inside))
            {
                return Err(format!("write a dot before {rest:?}"));
            }
            let end = bare.find(['.', '[', '!']).unwrap_or(bare.len());
            let (key, behind) = bare.split_at(end);
            steps.push(if key == "*" {
                Step::AnyKey
            } else {
                check_key(key)?;
                Step::Key(key.into())
            });
            rest = behind;
        }
    }
    if steps.len() > STEPS_MAX {
        return Err(format!("more than {STEPS_MAX} steps"));
    }
    Ok(steps)
}

fn check_key(key: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$' | ':');
    if key.is_empty() || key.len() > KEY_MAX || !key.chars().all(plain) {
        return Err(format!(
            "{key:?} is no name of a field: use letters, digits, _ - $ and :, at most {KEY_MAX}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        let key = |name: &str| Step::Key(name.into());
        for (text, wanted) in [
            (
                "messages[-1].content.parts[]",
                vec![
                    key("messages"),
                    Step::Last,
                    key("content"),
                    key("parts"),
                    Step::AnyIndex,
                ],
            ),
            (
                "[1]![0]",
                vec![Step::Index(1), Step::Inside, Step::Index(0)],
            ),
            ("a!b", vec![key("a"), Step::Inside, key("b")]),
            ("*.text", vec![Step::AnyKey, key("text")]),
            (".", vec![]),
        ] {
            assert_eq!(parse(text).unwrap().steps.as_ref(), wanted, "{text}");
        }
        let place = parse("whole field f.req [0] where p=*/x and o=append").unwrap();
        assert!(place.whole);
        assert_eq!(place.field.as_deref(), Some("f.req"));
        assert_eq!(place.guards.len(), 2);
        assert!(place.guards[0].holds(b"a/x") && !place.guards[0].holds(b"a/y"));
        for wrong in [
            "",
            "a[",
            "a[x]",
            "a b",
            "a[-1]!b",
            "a where b",
            "[0]a",
            "field x",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
