//! How things are written on pages: times, people, actions, in the school's words and for the
//! reader's age.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pharos_casework::broken_up;
use pharos_school::{Confidence, Person, PersonId, Role, Unknown, Who};
use pharos_service::{Error, School};

use crate::state::Web;

/// A moment as people read it: `Mon 2 November 2026, 09:05`.
pub(crate) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%a %-d %B %Y, %H:%M")
        .to_string()
}

/// A day as people read it: `2 November 2026`.
pub(crate) fn day(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%-d %B %Y").to_string()
}

/// A length of time in the largest fitting unit: `3 days`, `5 hours`.
pub(crate) fn length(span: SignedDuration) -> String {
    let minutes = span.as_mins().max(0);
    let (number, unit) = match minutes {
        0..120 => (minutes, "minute"),
        120..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// The text with a capital letter at its head.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A figure with its thousands set apart.
pub(crate) fn number(figure: impl TryInto<u64>) -> String {
    let digits = figure.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something: `1 site`, `1,250 sites`.
pub(crate) fn counted(figure: impl TryInto<u64>, one: &str, many: &str) -> String {
    let figure = number(figure);
    let what = if figure == "1" { one } else { many };
    format!("{figure} {what}")
}

/// A person's name; those no longer stored are somebody.
pub(crate) async fn name(web: &Web, person: Option<PersonId>) -> Result<String, Error> {
    match person {
        None => Ok("Pharos itself".to_owned()),
        Some(id) => Ok(web
            .app
            .name_of(id)
            .await?
            .unwrap_or_else(|| "somebody no longer stored".to_owned())),
    }
}

/// A list of roles in the school's words.
pub(crate) fn roles<'a>(school: &School, roles: impl IntoIterator<Item = &'a Role>) -> String {
    let words: Vec<_> = roles
        .into_iter()
        .map(|role| school.pack.words.role(*role))
        .collect();
    words.join(", ")
}

/// What the filter did, in words.
pub(crate) fn action(name: &str) -> &'static str {
    match name {
        "allow" => "Let through",
        "block" => "Blocked",
        "narrow" => "Let through, narrowed",
        "warn" => "Warned",
        "tunnel" => "Let through, not looked into",
        _ => "Other",
    }
}

/// Who was behind a request. A guess never reads as certain; nobody reads as nobody, with the
/// reason (MON-02).
pub(crate) fn who(who: &Who, name: Option<&str>) -> String {
    match who {
        Who::Known {
            source, confidence, ..
        } => {
            let how = source.says();
            let sure = match confidence {
                Confidence::Certain => "certain",
                Confidence::Likely => "likely, not certain",
                Confidence::None => "not sure at all",
            };
            format!(
                "{} ({sure}: {how})",
                name.unwrap_or("Somebody no longer stored")
            )
        }
        Who::Unknown { why, .. } => format!("Person not known: {}", unknown(*why)),
    }
}

fn unknown(why: Unknown) -> &'static str {
    match why {
        Unknown::NoSignIn => "nobody signed in at this address",
        Unknown::Expired => "the sign-in had run out",
        Unknown::NotOnRoll => "the one named is not on the roll",
        Unknown::SharedDevice => "a shared device, and nobody signed in",
        Unknown::NoticeNotAccepted => "the notice of monitoring was not accepted there yet",
    }
}

/// An address that cannot be pressed (BRE-10).
pub(crate) fn address(host: &str, path: Option<&str>) -> String {
    broken_up(&format!(
        "{host}{}",
        path.filter(|path| *path != "/").unwrap_or("")
    ))
}

/// For whom a page is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Up to Year 2.
    Youngest,
    /// Up to Year 6, and whoever is not known.
    Middle,
    /// Older pupils.
    Older,
    /// Grown-ups.
    Adult,
}

/// For whom a page for this person is worded.
pub(crate) fn reader(person: Option<&Person>) -> Reader {
    let Some(person) = person else {
        return Reader::Middle;
    };
    let upto = |number| pharos_school::YearGroup::from_number(number);
    match person.year {
        _ if !person.is(Role::Pupil) => Reader::Adult,
        Some(year) if upto(2).is_some_and(|last| year <= last) => Reader::Youngest,
        Some(year) if upto(6).is_some_and(|last| year <= last) => Reader::Middle,
        Some(_) => Reader::Older,
        None => Reader::Middle,
    }
}

/// For whom an address is blocked: "for everyone", or "at North site alone".
pub(crate) fn blocked_for(campuses: &[String]) -> String {
    match campuses {
        [] => "for everyone".to_owned(),
        some => format!("at {} alone", some.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use pharos_school::IdentitySource;

    use super::*;

    /// MON-02: a guess is never given as certain, and nobody is nobody, with the reason.
    #[test]
    fn mon_02_a_guess_never_reads_as_certain() {
        let person = PersonId::from_uuid(Default::default());
        let known = |confidence| Who::Known {
            person,
            source: IdentitySource::AddressMap,
            confidence,
            device: None,
        };
        assert_eq!(
            who(&known(Confidence::Likely), Some("Ada Reed")),
            "Ada Reed (likely, not certain: by the school's address map)"
        );
        assert_eq!(
            who(&known(Confidence::Certain), Some("Ada Reed")),
            "Ada Reed (certain: by the school's address map)"
        );
        let nobody = Who::Unknown {
            why: Unknown::SharedDevice,
            device: None,
        };
        assert_eq!(
            who(&nobody, None),
            "Person not known: a shared device, and nobody signed in"
        );
    }

    #[test]
    fn a_length_of_time_reads_in_its_largest_unit() {
        let words: Vec<_> = [0, 60, 90 * 60, 3 * 3600, 24 * 3600 * 3]
            .map(|s| length(SignedDuration::from_secs(s)))
            .into();
        assert_eq!(
            words,
            ["0 minutes", "1 minute", "90 minutes", "3 hours", "3 days"]
        );
    }
}
