//! What need-to-know is decided on: whom a record is about, and what kind of record it is.

use std::collections::BTreeSet;
use std::fmt;

use pharos_school::{AlertId, CaseId, Person, PersonId, RequestId, Role};

/// What somebody is, where a record is about them. Decides the route (MON-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// A pupil, a parent, a visitor: the ordinary route.
    Pupil,
    /// A member of staff other than the head: the staff route.
    Staff,
    /// The head: the chair of governors.
    Head,
}

impl About {
    /// What this person counts as.
    pub fn of(person: &Person) -> Self {
        if person.is(Role::Head) {
            Self::Head
        } else if person.is_staff() {
            Self::Staff
        } else {
            Self::Pupil
        }
    }

    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pupil => "pupil",
            Self::Staff => "staff",
            Self::Head => "head",
        }
    }

    /// The reverse of [`About::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pupil, Self::Staff, Self::Head]
            .into_iter()
            .find(|about| about.name() == name)
    }
}

/// A person watched: whose activity is asked for, whom an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watched {
    /// The person.
    pub id: PersonId,
    /// What they are.
    pub about: About,
}

impl Watched {
    /// The person, as the roll has them.
    pub fn of(person: &Person) -> Self {
        Self {
            id: person.id,
            about: About::of(person),
        }
    }
}

/// What part somebody has in a case (CON-02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Was harmed or is at risk.
    Harmed,
    /// Is alleged to have harmed.
    Alleged,
    /// Saw or heard it. The case is not about them.
    Witness,
    /// Some other part.
    Other,
}

impl Part {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Harmed => "harmed",
            Self::Alleged => "alleged",
            Self::Witness => "witness",
            Self::Other => "other",
        }
    }

    /// The reverse of [`Part::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Harmed, Self::Alleged, Self::Witness, Self::Other]
            .into_iter()
            .find(|part| part.name() == name)
    }
}

/// A person with a part in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Involved {
    /// The person.
    pub id: PersonId,
    /// What they are.
    pub about: About,
    /// Their part.
    pub part: Part,
}

/// The two kinds of record that CON-05 keeps apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    /// Safeguarding: lead, deputies, head.
    Safeguarding,
    /// Other incidents: the online safety lead as well.
    Incident,
}

impl Partition {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safeguarding => "safeguarding",
            Self::Incident => "incident",
        }
    }

    /// The reverse of [`Partition::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Safeguarding, Self::Incident]
            .into_iter()
            .find(|p| p.name() == name)
    }
}

/// What need-to-know needs of a case (CON-14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFacts {
    /// The case.
    pub id: CaseId,
    /// Safeguarding or other incident.
    pub partition: Partition,
    /// Everybody with a part in it.
    pub involved: Vec<Involved>,
    /// People kept out though the case is not about them: a relation, a close colleague.
    pub conflicts: BTreeSet<PersonId>,
    /// People named as readers, beyond the role.
    pub readers: BTreeSet<PersonId>,
    /// Who raised it; sees a receipt only.
    pub raised_by: Option<PersonId>,
}

impl CaseFacts {
    /// Whether the case is about this person: any part but witness.
    pub fn is_about(&self, person: PersonId) -> bool {
        self.involved
            .iter()
            .any(|i| i.id == person && i.part != Part::Witness)
    }

    /// The route: the highest standing among those alleged to have harmed or with an unclear part.
    /// A member of staff who was only harmed does not take the case off the ordinary route.
    pub fn route(&self) -> About {
        self.involved
            .iter()
            .filter(|i| matches!(i.part, Part::Alleged | Part::Other))
            .map(|i| i.about)
            .max()
            .unwrap_or(About::Pupil)
    }
}

/// What need-to-know needs of an alert (MON-13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFacts {
    /// The alert.
    pub id: AlertId,
    /// Whom it is about; `None` while nobody could be named.
    pub about: Option<Watched>,
    /// People to whom this alert was given: a tutor sees only those.
    pub assigned: BTreeSet<PersonId>,
}

/// Which roles take what goes off the ordinary route. Set by the school.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// Who gets alerts about and activity of staff (`mon.staff_recipient`). Default: the head. Alerts reach
    /// the head in the end wherever they go first, and are open to the head.
    pub staff_alerts: BTreeSet<Role>,
    /// Who takes cases about staff. Default: the head and the lead, both told by ROLE-06.
    pub staff_cases: BTreeSet<Role>,
    /// Who takes what is about the head. Default: the chair of governors.
    pub head: BTreeSet<Role>,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            staff_alerts: BTreeSet::from([Role::Head]),
            staff_cases: BTreeSet::from([Role::Head, Role::Lead]),
            head: BTreeSet::from([Role::Chair]),
        }
    }
}

/// What an act is aimed at, with the facts that decide.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// The school as a whole.
    School,
    /// One person's own things.
    Own(PersonId),
    /// A person watched.
    Person(Watched),
    /// An alert.
    Alert(&'a AlertFacts),
    /// A case.
    Case(&'a CaseFacts),
}

/// What a permit is for, as the ledger writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The school as a whole.
    School,
    /// A person.
    Person(PersonId),
    /// An alert.
    Alert(AlertId),
    /// A case.
    Case(CaseId),
    /// A request for a site.
    Request(RequestId),
}

impl Target<'_> {
    /// What this target is called in the ledger.
    pub fn subject(&self) -> Subject {
        match self {
            Self::School => Subject::School,
            Self::Own(id) => Subject::Person(*id),
            Self::Person(watched) => Subject::Person(watched.id),
            Self::Alert(facts) => Subject::Alert(facts.id),
            Self::Case(facts) => Subject::Case(facts.id),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::School => f.write_str("school"),
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Alert(id) => write!(f, "alert:{id}"),
            Self::Case(id) => write!(f, "case:{id}"),
            Self::Request(id) => write!(f, "request:{id}"),
        }
    }
}
