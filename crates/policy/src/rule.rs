//! One rule of any layer, ready to be weighed.

use std::sync::Arc;

use jiff::Timestamp;
use pharos_catalogue::CategorySet;
use pharos_school::{ClassId, PersonId};

use crate::hours::Active;
use crate::sets::{GroupSet, HoursSet, PlaceSet};
use crate::subject::{Standing, Subject};
use crate::{Action, Layer, PhaseMode, Weight};

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) layer: Layer,
    pub(crate) action: Action,
    pub(crate) audience: Audience,
    pub(crate) categories: CategorySet,
    pub(crate) everything: bool,
    /// Only in these hours; empty: always.
    pub(crate) hours: Option<HoursSet>,
    pub(crate) except_hours: HoursSet,
    /// Only in these places; `None`: anywhere.
    pub(crate) places: Option<PlaceSet>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    /// The only kind of rule that opens anything in adult-led mode.
    pub(crate) adult_session: bool,
    /// Only while the timetable has the person in front of a class (FIL-10).
    pub(crate) teaching: bool,
    /// Says only that the site is never looked into.
    pub(crate) never_inspect: bool,
    pub(crate) over: Option<Arc<str>>,
    /// Its number in the floor that it is part of.
    pub(crate) floor: Option<usize>,
}

/// For whom a rule is.
#[derive(Debug, Default)]
pub(crate) struct Audience {
    pub(crate) everyone: bool,
    pub(crate) groups: GroupSet,
    pub(crate) except: GroupSet,
    pub(crate) people: Box<[PersonId]>,
    pub(crate) classes: Box<[ClassId]>,
}

impl Audience {
    /// For everyone without exception.
    pub(crate) fn everyone() -> Self {
        Self {
            everyone: true,
            ..Self::default()
        }
    }

    /// Whether the rule is for this subject. For an unknown user a restriction is theirs when it
    /// could be any pupil's, and an allowance only when it is everyone's.
    pub(crate) fn holds(&self, subject: &Subject, restricts: bool) -> bool {
        if subject.standing == Standing::Unknown {
            return if restricts {
                self.everyone || self.groups.meets(subject.groups) || self.names(subject)
            } else {
                self.everyone && self.except.is_empty()
            };
        }
        (self.everyone || self.groups.meets(subject.groups) || self.names(subject))
            && !self.except.meets(subject.groups)
    }

    /// Whether the person or one of their classes is named. A person may stand behind an unknown user:
    /// at a device that is left out of the scope.
    fn names(&self, subject: &Subject) -> bool {
        let person = subject.person;
        person.is_some_and(|person| self.people.contains(&person))
            || self
                .classes
                .iter()
                .any(|class| subject.classes.contains(class))
    }
}

impl Rule {
    /// Whether it can only tighten.
    pub(crate) fn restricts(&self) -> bool {
        self.action >= Action::Narrow
    }

    pub(crate) fn is_for(&self, subject: &Subject) -> bool {
        if let Some(number) = self.floor {
            return subject.floor.contains(number);
        }
        // In the group layer an unknown user is given nothing: not even what is everyone's.
        let gives = subject.standing == Standing::Unknown
            && self.layer == Layer::Group
            && !self.restricts();
        !gives && self.audience.holds(subject, self.restricts())
    }

    /// `None`: it speaks; else why not. Audience, hours and places, cheapest first.
    pub(crate) fn silent_because(&self, subject: &Subject, now: &impl Moment) -> Option<Weight> {
        if self.from.is_some_and(|from| now.time() < from) {
            return Some(Weight::NotYet);
        }
        if self.until.is_some_and(|until| until <= now.time()) {
            return Some(Weight::Expired);
        }
        if subject.mode == PhaseMode::AdultLed && self.is_muted_by_adult_led() {
            return Some(Weight::OtherMode);
        }
        if self
            .places
            .is_some_and(|places| !now.places().meets(places))
        {
            return Some(Weight::OtherPlace);
        }
        if self.teaching && !now.teaching() {
            return Some(Weight::OtherHours);
        }
        let bound = self.hours.is_some() || !self.except_hours.is_empty();
        (bound && !self.is_its_hour(now.hours())).then_some(Weight::OtherHours)
    }

    fn is_muted_by_adult_led(&self) -> bool {
        match self.layer {
            Layer::Exception => true,
            Layer::LessonList => !self.adult_session,
            _ => false,
        }
    }

    /// Where nobody is known a restriction holds if it would for boarders or for day pupils, an
    /// allowance only if for both.
    fn is_its_hour(&self, active: Active) -> bool {
        let (on, off) = if self.restricts() {
            (active.any, active.all)
        } else {
            (active.all, active.any)
        };
        self.hours.is_none_or(|hours| on.meets(hours)) && !off.meets(self.except_hours)
    }
}

/// When and where a question is asked, worked out only as far as some rule asks.
pub(crate) trait Moment {
    fn time(&self) -> Timestamp;
    fn hours(&self) -> Active;
    fn places(&self) -> PlaceSet;
    /// Whether the timetable has the person in front of a class.
    fn teaching(&self) -> bool;
}
