//! What somebody is worried about: the concern form as a value (CON-02, BRE-01, BRE-02).

use std::collections::BTreeSet;

use jiff::Timestamp;
use pharos_school::{AlertId, CaseId, PersonId};
use serde::{Deserialize, Serialize};

use crate::{Harm, RiskArea};

/// Longest text of one field, in characters.
pub const TEXT_CHARS_MAX: usize = 20_000;
/// Most people named in one concern.
pub const INVOLVED_MAX: usize = 50;
/// Most web addresses in one concern.
pub const ADDRESSES_MAX: usize = 50;

/// Who is worried (CON-01). Nobody needs an account to be one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reporter {
    /// A pupil of the school, signed in.
    Pupil {
        /// The pupil.
        person: PersonId,
    },
    /// A member of staff, signed in.
    Staff {
        /// The member of staff.
        person: PersonId,
    },
    /// A parent or carer with an account.
    Parent {
        /// The parent.
        person: PersonId,
    },
    /// Somebody without an account: parent, visitor, neighbour.
    Outside {
        /// The name given, if any.
        name: Option<String>,
        /// How to answer them, if they want that.
        contact: Option<String>,
    },
    /// A person whom Pharos cannot name, at a device that is not signed in.
    NotKnown,
    /// Pharos itself, from an alert that the lead opened.
    Pharos,
}

impl Reporter {
    /// The person, where it is one the school knows.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Reporter::Pupil { person }
            | Reporter::Staff { person }
            | Reporter::Parent { person } => Some(*person),
            Reporter::Outside { .. } | Reporter::NotKnown | Reporter::Pharos => None,
        }
    }
}

/// Somebody named in a concern. Outsiders and screen names get no account by being named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Whom {
    /// A pupil on the roll.
    Pupil {
        /// The pupil.
        person: PersonId,
    },
    /// A pupil of this school named in words and not yet matched with the roll; the lead matches
    /// them before the case closes.
    PupilByName {
        /// As written by the reporter.
        name: String,
    },
    /// A member of staff.
    Staff {
        /// The member of staff.
        person: PersonId,
    },
    /// A parent the school knows.
    Parent {
        /// The parent.
        person: PersonId,
    },
    /// Somebody who was a pupil here.
    FormerPupil {
        /// As far as known.
        name: String,
    },
    /// A pupil of another school.
    PupilElsewhere {
        /// As far as known.
        name: String,
        /// Their school, as far as known.
        school: String,
    },
    /// Anybody else.
    Outsider {
        /// Who they are, as far as known.
        description: String,
    },
    /// Somebody known only by a screen name.
    ScreenName {
        /// The name on screen.
        name: String,
        /// The service it was seen on.
        service: String,
    },
    /// A device whose user is not known.
    Device {
        /// Its label or address.
        label: String,
    },
}

impl Whom {
    /// The person's id, where the school knows them.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Whom::Pupil { person } | Whom::Staff { person } | Whom::Parent { person } => {
                Some(*person)
            }
            _ => None,
        }
    }

    /// The pupil's id, for a pupil on the roll.
    pub fn pupil(&self) -> Option<PersonId> {
        match self {
            Whom::Pupil { person } => Some(*person),
            _ => None,
        }
    }

    /// Whether somebody beyond this school is concerned: the police or the adviser are spoken to
    /// before anyone outside is contacted (first-call rule).
    pub fn is_beyond_school(&self) -> bool {
        matches!(self, Whom::PupilElsewhere { .. })
    }
}

/// The part somebody had in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Harmed, or may have been.
    Harmed,
    /// Alleged to have harmed. An allegation, not a finding.
    AllegedToHaveHarmed,
    /// Used the device or account when unsuitable material was reached.
    ReachedMaterial,
    /// Saw or heard it.
    Witness,
    /// Anything else; the account says what.
    Other,
}

impl Part {
    /// The words shown to people.
    pub const fn title(self) -> &'static str {
        match self {
            Part::Harmed => "Harmed",
            Part::AllegedToHaveHarmed => "Alleged to have harmed",
            Part::ReachedMaterial => "Reached the material",
            Part::Witness => "Witness",
            Part::Other => "Other",
        }
    }
}

/// Somebody and their part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Involved {
    /// Who.
    pub whom: Whom,
    /// In what part.
    pub part: Part,
}

impl Involved {
    /// Whether the case is about this person, so that they never see it whatever their role
    /// (CON-14): everybody named except staff and parents who only saw or heard it.
    pub fn is_subject(&self) -> bool {
        match (&self.whom, self.part) {
            (Whom::Staff { .. } | Whom::Parent { .. }, Part::Witness | Part::Other) => false,
            _ => self.whom.person().is_some(),
        }
    }
}

/// Where it happened. The same procedure runs wherever that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Site {
    /// At school.
    OnSite,
    /// At home or elsewhere.
    OffSite,
    /// Not known.
    NotKnown,
}

/// Whose equipment was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Equipment {
    /// The school's.
    School,
    /// The pupil's own.
    Own,
    /// The family's.
    Family,
    /// Somebody else's.
    Another,
    /// Not known.
    NotKnown,
}

/// Where the concern came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// The concern form.
    Form,
    /// Staff report that something got through the filter (BRE-02).
    GotThrough,
    /// The report control on a block page; an honest report is not misbehaviour (BRE-01).
    BlockPage {
        /// The reference printed on the page.
        reference: String,
    },
    /// An alert that was opened as a concern.
    Alert {
        /// The alert.
        alert: AlertId,
    },
    /// A case in which something may be illegal: it goes on under its own procedure (BRE-07).
    MayBeIllegal {
        /// The case.
        case: CaseId,
    },
    /// Another case in which a worry was found (BRE-09).
    Case {
        /// The other case.
        case: CaseId,
    },
}

/// That the lead or deputy was told in person, before or beside the form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldInPerson {
    /// Who was told.
    pub whom: String,
    /// When.
    pub at: Timestamp,
}

/// A concern as it was reported (CON-02). Kept in the case's first entry, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// Who is worried.
    pub reporter: Reporter,
    /// Where it came from.
    pub origin: Origin,
    /// The people involved and their part.
    pub involved: Vec<Involved>,
    /// What was seen, heard or said.
    pub what: String,
    /// The child's own words, verbatim.
    pub words: Option<String>,
    /// When it happened, where known.
    pub happened_at: Option<Timestamp>,
    /// When in the reporter's words, such as "about five minutes ago".
    pub happened_about: Option<String>,
    /// When somebody at the school first knew; the report's own time where not given (CLK-02).
    pub first_known_at: Option<Timestamp>,
    /// On or off site.
    pub site: Site,
    /// Where more exactly.
    pub place: Option<String>,
    /// Whose equipment.
    pub equipment: Equipment,
    /// The device, where known.
    pub device: Option<String>,
    /// Web addresses. Empty is allowed and shown as "address unknown" (BRE-02).
    pub addresses: Vec<String>,
    /// Areas of risk, where the reporter named any.
    pub risk: BTreeSet<RiskArea>,
    /// Harm types, where the reporter named any.
    pub harm: BTreeSet<Harm>,
    /// Whether anyone is in immediate danger; `None` while unanswered (PRO-12).
    pub danger: Option<bool>,
    /// Whether the lead was told in person.
    pub told_lead: Option<ToldInPerson>,
}

impl Concern {
    /// A concern with only what every concern has; the rest is filled in by name.
    pub fn new(reporter: Reporter, origin: Origin, what: impl Into<String>) -> Self {
        Self {
            reporter,
            origin,
            involved: Vec::new(),
            what: what.into(),
            words: None,
            happened_at: None,
            happened_about: None,
            first_known_at: None,
            site: Site::NotKnown,
            place: None,
            equipment: Equipment::NotKnown,
            device: None,
            addresses: Vec::new(),
            risk: BTreeSet::new(),
            harm: BTreeSet::new(),
            danger: None,
            told_lead: None,
        }
    }

    /// Everything that is wrong with the form, in the order of its fields; empty when it can be
    /// filed. Only the account itself is asked for: a report takes less than a minute.
    pub fn problems(&self, now: Timestamp) -> Vec<FormProblem> {
        let mut problems = Vec::new();
        let mut say = |field, message: String| problems.push(FormProblem { field, message });
        if self.what.trim().is_empty() {
            say("what", "Write what you saw, heard or were told.".into());
        }
        for (field, text) in self.texts() {
            if text.chars().count() > TEXT_CHARS_MAX {
                say(
                    field,
                    format!(
                        "Keep this under {TEXT_CHARS_MAX} characters; add the rest as a note to the case."
                    ),
                );
            }
        }
        if self.involved.len() > INVOLVED_MAX {
            say(
                "involved",
                format!("Name at most {INVOLVED_MAX} people here; add others to the case."),
            );
        }
        if self.addresses.len() > ADDRESSES_MAX {
            say(
                "addresses",
                format!("Give at most {ADDRESSES_MAX} addresses here; add others to the case."),
            );
        }
        for (field, at) in [
            ("happened_at", self.happened_at),
            ("first_known_at", self.first_known_at),
        ] {
            if at.is_some_and(|at| at > now) {
                say(field, "This time is in the future; check the date.".into());
            }
        }
        problems
    }

    fn texts(&self) -> Vec<(&'static str, &str)> {
        let mut texts = vec![("what", self.what.as_str())];
        let optional = [
            ("words", &self.words),
            ("happened_about", &self.happened_about),
            ("place", &self.place),
            ("device", &self.device),
        ];
        texts.extend(
            optional
                .iter()
                .filter_map(|(name, text)| text.as_deref().map(|text| (*name, text))),
        );
        texts.extend(
            self.addresses
                .iter()
                .map(|address| ("addresses", address.as_str())),
        );
        for involved in &self.involved {
            match &involved.whom {
                Whom::PupilByName { name } | Whom::FormerPupil { name } => {
                    texts.push(("involved", name))
                }
                Whom::PupilElsewhere { name, school } => {
                    texts.extend([("involved", name.as_str()), ("involved", school)])
                }
                Whom::Outsider { description } => texts.push(("involved", description)),
                Whom::ScreenName { name, service } => {
                    texts.extend([("involved", name.as_str()), ("involved", service)])
                }
                Whom::Device { label } => texts.push(("involved", label)),
                Whom::Pupil { .. } | Whom::Staff { .. } | Whom::Parent { .. } => {}
            }
        }
        texts
    }
}

/// One thing wrong with the form, in words for the person filling it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormProblem {
    /// The field's name in [`Concern`].
    pub field: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

/// What the reporter sees first: the emergency instruction stands before anything else (PRO-12).
pub fn danger_instruction(danger: Option<bool>) -> &'static str {
    match danger {
        Some(true) => {
            "Call 999 now. Stay with the child if you can. Then tell the safeguarding lead in person."
        }
        Some(false) => {
            "If you think a crime may have happened but nobody is in danger now, the police number is 101. The safeguarding lead makes that call."
        }
        None => "Is anyone in immediate danger? If yes, call 999 now, then come back to this form.",
    }
}
