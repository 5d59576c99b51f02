//! The lists that forms of a case offer, in the school's words.

use pharos_casework::{
    Agency, Harm, LessonKind, Level, Method, Outcome, ParentDuty, Part, RecordKind, RiskArea,
    WhyNotTold,
};
use serde::Serialize;

use crate::components::Choice;

/// The stored name of a unit variant.
fn name(value: impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// An answer for each variant; the one given is chosen.
fn list<T: Copy + Serialize>(
    all: &[T],
    words: impl Fn(T) -> &'static str,
    given: &str,
) -> Vec<Choice> {
    all.iter()
        .map(|value| {
            let stored = name(*value);
            let chosen = stored == given;
            Choice::new(stored, words(*value)).chosen(chosen)
        })
        .collect()
}

pub(in crate::pages) fn parts(given: &str) -> Vec<Choice> {
    list(
        &[
            Part::Harmed,
            Part::AllegedToHaveHarmed,
            Part::ReachedMaterial,
            Part::Witness,
            Part::Other,
        ],
        Part::title,
        given,
    )
}

pub(super) fn methods(given: &str) -> Vec<Choice> {
    list(
        &[
            Method::InPerson,
            Method::Telephone,
            Method::Letter,
            Method::Message,
            Method::Portal,
        ],
        method,
        given,
    )
}

/// A way of contact in words.
pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::InPerson => "In person",
        Method::Telephone => "By telephone",
        Method::Letter => "By letter",
        Method::Message => "By a message that says only “please call”, or carries a link",
        Method::Portal => "On an agency's own form",
    }
}

/// The grounds that a form offers; what the procedure would refuse in every case is not among them.
pub(super) fn grounds(given: &str, duty: ParentDuty) -> Vec<Choice> {
    let mut all = vec![
        WhyNotTold::RiskToChild,
        WhyNotTold::AgencyAskedToWait,
        WhyNotTold::WouldHarmInvestigation,
        WhyNotTold::ChildObjects,
        WhyNotTold::ParentIsSubject,
    ];
    if duty != ParentDuty::Always {
        all.push(WhyNotTold::NotNeeded);
    }
    list(&all, ground, given)
}

/// A ground for not telling, in words.
pub(super) fn ground(why: WhyNotTold) -> &'static str {
    match why {
        WhyNotTold::RiskToChild => "Telling them would put the child at risk",
        WhyNotTold::AgencyAskedToWait => "The police or social care asked us to wait",
        WhyNotTold::WouldHarmInvestigation => "Telling them would harm an investigation",
        WhyNotTold::ChildObjects => "A child able to decide objects, and this was weighed",
        WhyNotTold::ParentIsSubject => "The parent is themselves the worry",
        WhyNotTold::NotNeeded => "No safety reason: weighed, and not needed",
    }
}

/// Every agency.
pub(super) const AGENCIES: [Agency; 9] = [
    Agency::Police,
    Agency::SocialCare,
    Agency::Iwf,
    Agency::Ceop,
    Agency::Adviser,
    Agency::Lado,
    Agency::Prevent,
    Agency::OtherSchool,
    Agency::Other,
];

pub(super) fn agencies(given: &str) -> Vec<Choice> {
    list(&AGENCIES, Agency::title, given)
}

pub(super) fn outcomes(given: &str) -> Vec<Choice> {
    list(Outcome::ALL, Outcome::title, given)
}

pub(super) fn records(given: &str) -> Vec<Choice> {
    list(
        &[
            RecordKind::Safeguarding,
            RecordKind::Behaviour,
            RecordKind::Technical,
        ],
        record,
        given,
    )
}

/// A kind of record in words.
pub(super) fn record(record: RecordKind) -> &'static str {
    match record {
        RecordKind::Safeguarding => "Safeguarding concern",
        RecordKind::Behaviour => "Behaviour",
        RecordKind::Technical => "Technical",
    }
}

pub(super) fn levels(given: &str) -> Vec<Choice> {
    list(&[Level::Low, Level::Medium, Level::High], level, given)
}

/// A level in words.
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Low => "Low",
        Level::Medium => "Medium",
        Level::High => "High: closing needs a second reader",
    }
}

pub(super) fn lessons(given: &str) -> Vec<Choice> {
    let all = [
        LessonKind::None,
        LessonKind::Policy,
        LessonKind::Curriculum,
        LessonKind::Filtering,
        LessonKind::Training,
        LessonKind::Procedure,
    ];
    list(&all, lesson, given)
}

/// What a lesson changes, in words.
pub(super) fn lesson(kind: LessonKind) -> &'static str {
    match kind {
        LessonKind::None => "Nothing needs to change",
        LessonKind::Policy => "The policy",
        LessonKind::Curriculum => "What we teach",
        LessonKind::Filtering => "The filter or what it watches for",
        LessonKind::Training => "Training",
        LessonKind::Procedure => "A procedure",
    }
}

/// Harm types, several may be chosen.
pub(in crate::pages) fn harms(chosen: impl Fn(&str) -> bool) -> Vec<Choice> {
    Harm::ALL
        .iter()
        .map(|harm| Choice::new(harm.name(), harm.title()).chosen(chosen(harm.name())))
        .collect()
}

/// Risk areas, several may be chosen.
pub(in crate::pages) fn risks(chosen: impl Fn(&str) -> bool) -> Vec<Choice> {
    let hint = |area: RiskArea| match area {
        RiskArea::Content => "something seen",
        RiskArea::Contact => "somebody met, or a program that acts like somebody",
        RiskArea::Conduct => "something done",
        RiskArea::Commerce => "gambling, scams, unfair selling",
    };
    RiskArea::ALL
        .iter()
        .map(|area| {
            Choice::new(area.name(), area.title())
                .hint(hint(*area))
                .chosen(chosen(area.name()))
        })
        .collect()
}

/// Who somebody is to the school.
pub(in crate::pages) fn kinds(given: &str) -> Vec<Choice> {
    [
        ("pupil", "A pupil here"),
        ("staff", "A member of staff"),
        ("parent", "A parent or carer"),
        ("former-pupil", "A former pupil"),
        ("pupil-elsewhere", "A pupil of another school"),
        ("outsider", "Somebody else"),
        ("screen-name", "Known only by a screen name"),
    ]
    .into_iter()
    .map(|(value, text)| Choice::new(value, text).chosen(value == given))
    .collect()
}
