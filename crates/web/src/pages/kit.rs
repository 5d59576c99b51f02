//! What several pages need: posted values, durations, names of people, finding somebody on the roll.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pharos_access::Actor;
use pharos_school::{Person, PersonId};
use pharos_service::{App, Error};

use crate::components::{Choice, Errors};

/// The most fields that one form may post; more is nobody filling in one of our forms.
const FIELDS_MAX: usize = 400;

/// What a form posted, in order, with names that may come more than once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given(Vec<(String, String)>);

impl Given {
    /// Takes what was posted; fields beyond the bound are not looked at.
    pub(crate) fn new(mut pairs: Vec<(String, String)>) -> Self {
        pairs.truncate(FIELDS_MAX);
        Self(pairs)
    }

    /// The first value of a field, without blanks at either end; empty when it was not posted.
    pub(crate) fn one(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.trim())
    }

    /// The value, or `None` when nothing was written.
    pub(crate) fn maybe(&self, name: &str) -> Option<String> {
        Some(self.one(name))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    }

    /// The text as written.
    pub(crate) fn text(&self, name: &str) -> String {
        self.one(name).to_owned()
    }

    /// All values of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.trim().is_empty())
            .map(|(_, value)| value.trim())
    }

    /// Whether the field has this value among its values.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.0
            .iter()
            .any(|(key, given)| key == name && given.trim() == value)
    }

    /// Puts a value in place of what was there.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.retain(|(key, _)| key != name);
        self.0.push((name.to_owned(), value.into()));
    }
}

/// Reads a date and time as browsers post it (`2026-11-23T10:05`), in the school's zone.
pub(crate) fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let local: DateTime = text.trim().parse().ok()?;
    Some(local.to_zoned(zone.clone()).ok()?.timestamp())
}

/// A moment as the value of a date and time field.
pub(crate) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%dT%H:%M")
        .to_string()
}

/// Reads a day as browsers post it.
pub(crate) fn day(text: &str) -> Option<Date> {
    text.trim().parse().ok()
}

/// A day as people read it.
pub(crate) fn date_words(date: Date) -> String {
    date.strftime("%-d %B %Y").to_string()
}

/// How long something lasted, in two units at most: `12 min`, `3 h 20 min`, `2 days 4 h`.
pub(crate) fn lasted(time: SignedDuration) -> String {
    let minutes = time.as_mins().max(0);
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let days_word = if days == 1 { "day" } else { "days" };
    match (days, hours, rest) {
        (0, 0, 0) => "under a minute".to_owned(),
        (0, 0, rest) => format!("{rest} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, rest) => format!("{hours} h {rest} min"),
        (days, 0, _) => format!("{days} {days_word}"),
        (days, hours, _) => format!("{days} {days_word} {hours} h"),
    }
}

/// A running clock against its due time, in words and with the class of its colour.
#[derive(Debug, Clone)]
pub(crate) struct ClockWords {
    /// `due in 12 min`, `2 h late`.
    pub(crate) text: String,
    /// The class that colours it; the word says the same.
    pub(crate) class: &'static str,
}

/// What a due time means now: late, due within the hour, or later.
pub(crate) fn due_words(due: Timestamp, now: Timestamp) -> ClockWords {
    if due <= now {
        return ClockWords {
            text: format!("late by {}", lasted(now.duration_since(due))),
            class: "ph-clock ph-clock--over",
        };
    }
    let left = due.duration_since(now);
    let class = if left <= SignedDuration::from_hours(1) {
        "ph-clock ph-clock--due"
    } else {
        "ph-clock"
    };
    ClockWords {
        text: format!("due in {}", lasted(left)),
        class,
    }
}

/// Names of people by id, fetched once for a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(BTreeMap<PersonId, String>);

impl Names {
    /// Looks everybody up.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn of(app: &App, people: Vec<PersonId>) -> Result<Self, Error> {
        let wanted: BTreeSet<PersonId> = people.into_iter().collect();
        let mut names = BTreeMap::new();
        for person in wanted {
            if let Some(name) = app.name_of(person).await? {
                names.insert(person, name);
            }
        }
        Ok(Self(names))
    }

    /// The name, or words for somebody who is gone.
    pub(crate) fn get(&self, person: PersonId) -> String {
        self.0
            .get(&person)
            .cloned()
            .unwrap_or_else(|| "Somebody no longer on the roll".to_owned())
    }
}

/// What came of looking for somebody on the roll.
pub(crate) enum Picked {
    /// This one.
    One(Box<Person>),
    /// These fit in part, or several do: to be chosen from.
    Several(Vec<Choice>),
    /// Nobody fits.
    Nobody,
}

/// Finds whom a form means: the one chosen in `person`, else the only one with exactly that name or
/// sign-in name. Where the words fit only in part, somebody chooses: entries are never edited.
///
/// # Errors
/// [`Error::Denied`].
pub(crate) async fn pick(
    app: &App,
    actor: &Actor,
    given: &Given,
    words: &str,
    fits: fn(&Person) -> bool,
) -> Result<Picked, Error> {
    if let Ok(id) = given.one("person").parse::<PersonId>() {
        let person = app.person(actor, id).await?;
        return Ok(if fits(&person) {
            Picked::One(Box::new(person))
        } else {
            Picked::Nobody
        });
    }
    let found: Vec<Person> = app
        .find_people(actor, words)
        .await?
        .into_iter()
        .filter(|person| person.is_active() && fits(person))
        .collect();
    let exact = |person: &&Person| {
        person.username.eq_ignore_ascii_case(words)
            || person.full_name().eq_ignore_ascii_case(words)
    };
    if let [person] = found.iter().filter(exact).collect::<Vec<_>>()[..] {
        return Ok(Picked::One(Box::new(person.clone())));
    }
    Ok(match found.len() {
        0 => Picked::Nobody,
        _ => Picked::Several(
            found
                .iter()
                .map(|person| Choice::new(person.id.to_string(), describe(person)))
                .collect(),
        ),
    })
}

/// A person so that two of the same name can be told apart.
pub(crate) fn describe(person: &Person) -> String {
    let what = match (&person.year, person.is_staff()) {
        (Some(year), _) => format!(", year {year}"),
        (None, true) => ", staff".to_owned(),
        (None, false) => String::new(),
    };
    format!("{}{what} ({})", person.full_name(), person.username)
}

/// Errors from pairs of field and text.
pub(crate) fn errors(problems: Vec<(&'static str, String)>) -> Errors {
    let mut errors = Errors::default();
    for (field, text) in problems {
        errors.add(field, text);
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        let words = |minutes| lasted(SignedDuration::from_mins(minutes));
        assert_eq!(words(0), "under a minute");
        assert_eq!(words(12), "12 min");
        assert_eq!(words(200), "3 h 20 min");
        assert_eq!(words(1440), "1 day");
        assert_eq!(words(2 * 1440 + 245), "2 days 4 h");
    }

    #[test]
    fn posted_times_are_the_schools_times() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let at = moment("2026-07-01T10:05", &zone).unwrap();
        assert_eq!(at.to_string(), "2026-07-01T09:05:00Z");
        assert_eq!(local(at, &zone), "2026-07-01T10:05");
        assert_eq!(moment("yesterday", &zone), None);
    }

    #[test]
    fn a_late_clock_says_so_in_words() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        assert_eq!(
            due_words("2026-11-23T09:30:00Z".parse().unwrap(), now).text,
            "late by 30 min"
        );
        assert_eq!(
            due_words("2026-11-23T10:30:00Z".parse().unwrap(), now).class,
            "ph-clock ph-clock--due"
        );
    }
}
