//! What a case says now, read from its entries (CON-06).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use pharos_school::{CaseId, EntryId, PersonId};

use crate::concern::{Concern, Involved, Part, Reporter, Whom};
use crate::entry::{
    Agency, Author, Entry, LessonKind, Level, Method, Outcome, RecordKind, WhyNotTold,
};
use crate::procedure::Flag;
use crate::{Harm, ProcedureRef};

mod replay;

pub use replay::Broken;

/// When, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When it was recorded.
    pub at: Timestamp,
    /// By whom.
    pub by: Author,
}

/// How a ticked step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ticked {
    /// Done.
    Done {
        /// When it was recorded, by whom.
        mark: Mark,
        /// When it was done.
        done_at: Timestamp,
        /// What was done.
        note: String,
    },
    /// Declined with a reason.
    Declined {
        /// When, by whom.
        mark: Mark,
        /// Why.
        reason: String,
    },
}

/// A decision as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// When, by whom.
    pub mark: Mark,
    /// The options taken.
    pub options: Vec<String>,
    /// Why.
    pub reason: String,
    /// What it marks the case as.
    pub sets: Vec<Flag>,
}

/// The lead's classification as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    /// When, by whom.
    pub mark: Mark,
    /// Which kind of record.
    pub record: RecordKind,
    /// How serious.
    pub level: Level,
    /// Harm types.
    pub harm: Vec<Harm>,
    /// Why.
    pub reason: String,
}

/// A contact with a parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentContact {
    /// When it was recorded, by whom.
    pub mark: Mark,
    /// When it took place.
    pub contacted_at: Timestamp,
    /// How.
    pub method: Method,
    /// The letter used.
    pub letter: Option<String>,
}

/// The lead's decision not to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTold {
    /// When, by whom.
    pub mark: Mark,
    /// The ground.
    pub why: WhyNotTold,
    /// In words.
    pub reason: String,
    /// Not yet, looked at again then; `None`: not at all.
    pub review: Option<Date>,
}

/// How it stands with one pupil's parents (BRE-06, CON-09).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParentsOf {
    /// Every contact, in order.
    pub contacts: Vec<ParentContact>,
    /// The last decision not to tell, if any.
    pub not_told: Option<NotTold>,
    /// How many answers came.
    pub replies: u32,
}

/// How the parents question of one pupil stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParentsStanding {
    /// Nothing recorded.
    Undecided,
    /// Told.
    Told(Timestamp),
    /// Not yet, with a reason; looked at again on the date.
    NotYet(Date),
    /// Not told, by the lead, with a reason.
    NotTold(Timestamp),
}

impl ParentsOf {
    /// How it stands: a contact outweighs a decision not to tell.
    pub fn standing(&self) -> ParentsStanding {
        match (self.contacts.first(), &self.not_told) {
            (Some(first), _) => ParentsStanding::Told(first.contacted_at),
            (
                None,
                Some(NotTold {
                    review: Some(date), ..
                }),
            ) => ParentsStanding::NotYet(*date),
            (None, Some(not_told)) => ParentsStanding::NotTold(not_told.mark.at),
            (None, None) => ParentsStanding::Undecided,
        }
    }
}

/// An action as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionState {
    /// The entry that set it.
    pub id: EntryId,
    /// When, by whom.
    pub mark: Mark,
    /// What.
    pub what: String,
    /// Who does it.
    pub owner: PersonId,
    /// By when.
    pub due: Date,
    /// When it was done or cancelled.
    pub settled_at: Option<Timestamp>,
}

/// A referral as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralState {
    /// Its entry.
    pub id: EntryId,
    /// When it was recorded, by whom.
    pub mark: Mark,
    /// To whom.
    pub agency: Agency,
    /// When it was made.
    pub referred_at: Timestamp,
    /// Their reference.
    pub reference: Option<String>,
    /// When an answer is chased.
    pub follow_up: Option<Date>,
    /// When the answer came.
    pub answered_at: Option<Timestamp>,
}

/// The lasting fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// Made.
    Made {
        /// When, by whom.
        mark: Mark,
        /// The filter change.
        change: String,
    },
    /// Not needed.
    NotNeeded {
        /// When, by whom.
        mark: Mark,
        /// Why.
        reason: String,
    },
}

impl Fix {
    /// When it was recorded.
    pub fn at(&self) -> Timestamp {
        match self {
            Fix::Made { mark, .. } | Fix::NotNeeded { mark, .. } => mark.at,
        }
    }
}

/// An address blocked at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainedAddress {
    /// When, by whom.
    pub mark: Mark,
    /// The address.
    pub address: String,
    /// The filter change.
    pub change: String,
    /// The campuses that it is blocked at alone; empty: for everyone.
    pub campuses: Vec<String>,
}

/// Support for one child.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SupportState {
    /// When it was opened by a decision.
    pub opened_at: Option<Timestamp>,
    /// When support was last recorded.
    pub given_at: Option<Timestamp>,
    /// When it is looked at again.
    pub review: Option<Date>,
}

/// A lesson learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonState {
    /// Its entry.
    pub id: EntryId,
    /// When, by whom.
    pub mark: Mark,
    /// What it changes.
    pub kind: LessonKind,
    /// In words.
    pub text: String,
    /// Who does it.
    pub owner: Option<PersonId>,
    /// By when.
    pub due: Option<Date>,
}

/// How it was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedState {
    /// When, by whom.
    pub mark: Mark,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it may close.
    pub reason: String,
}

/// A case as its entries say it stands. Made by [`CaseState::replay`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseState {
    /// The case.
    pub case: CaseId,
    /// The concern as reported.
    pub concern: Concern,
    /// When and by whom it was reported.
    pub reported: Mark,
    /// The procedure it runs, in its version.
    pub procedure: ProcedureRef,
    /// How many entries it has.
    pub entries: u32,
    /// When the last entry was recorded.
    pub last_at: Timestamp,
    /// Who acknowledged it first.
    pub acknowledged: Option<Mark>,
    /// The answer to the danger question.
    pub danger: Option<(bool, Mark)>,
    /// The emergency or police call.
    pub called: Option<Mark>,
    /// Ticked steps.
    pub ticked: BTreeMap<String, Ticked>,
    /// Decisions, by step and pupil.
    pub decisions: BTreeMap<(String, Option<PersonId>), Made>,
    /// The classification, while it stands.
    pub classified: Option<Classification>,
    /// Everyone involved, the reported and the added.
    pub involved: Vec<Involved>,
    /// Parents, by pupil.
    pub parents: BTreeMap<PersonId, ParentsOf>,
    /// Actions, in order.
    pub actions: Vec<ActionState>,
    /// Referrals, in order.
    pub referrals: Vec<ReferralState>,
    /// When the supplier was told, and when they answered.
    pub supplier: (Option<Mark>, Option<Mark>),
    /// Addresses blocked at once.
    pub contained: Vec<ContainedAddress>,
    /// The fix.
    pub fix: Option<Fix>,
    /// The last retest, and whether the block held.
    pub retest: Option<(Mark, bool)>,
    /// Pupils with a standing behaviour entry.
    pub behaviour: BTreeMap<PersonId, Mark>,
    /// Support, by pupil.
    pub support: BTreeMap<PersonId, SupportState>,
    /// Sanctions, by pupil.
    pub sanctions: BTreeMap<PersonId, Mark>,
    /// Outcomes, by person.
    pub outcomes: BTreeMap<PersonId, (Outcome, Mark)>,
    /// Concerns that grew from this one.
    pub linked: Vec<CaseId>,
    /// The debrief, and the date it was held (`None`: none was needed).
    pub debrief: Option<(Mark, Option<Date>)>,
    /// Lessons, in order.
    pub lessons: Vec<LessonState>,
    /// Pupils whose view was recorded.
    pub views: BTreeMap<PersonId, Mark>,
    /// The second reader.
    pub second_read: Option<Mark>,
    /// How it was closed, while it is.
    pub closed: Option<ClosedState>,
    /// How often it was opened again.
    pub reopened: u32,
    /// How many forbidden attempts were refused.
    pub refused: u32,
    /// Every entry's author, for corrections.
    pub authors: BTreeMap<EntryId, Author>,
    /// When each mark was first set, whether or not it still stands.
    flags_first: BTreeMap<Flag, Timestamp>,
}

impl CaseState {
    /// When an address was first blocked for everyone. A block at some campuses alone leaves the others
    /// exposed, and counts for nothing here (BRE-04).
    pub fn contained_at(&self) -> Option<Timestamp> {
        let all = self.contained.iter().find(|one| one.campuses.is_empty());
        all.map(|one| one.mark.at)
    }

    /// Whether the case is marked so now.
    pub fn has(&self, flag: Flag) -> bool {
        match flag {
            // Once it may be illegal, the protections stay for good.
            Flag::MayBeIllegal => self.flags_first.contains_key(&flag),
            Flag::LevelHigh => self
                .classified
                .as_ref()
                .is_some_and(|c| c.level == Level::High),
            Flag::BeyondSchool => {
                self.decided(flag) || self.involved.iter().any(|i| i.whom.is_beyond_school())
            }
            _ => self.decided(flag),
        }
    }

    /// When the mark was first set, if it stands.
    pub fn since(&self, flag: Flag) -> Option<Timestamp> {
        self.has(flag).then(|| {
            self.flags_first
                .get(&flag)
                .copied()
                .unwrap_or(self.reported.at)
        })
    }

    fn decided(&self, flag: Flag) -> bool {
        self.decisions
            .values()
            .any(|made| made.sets.contains(&flag))
    }

    /// The pupils on the roll who are involved, each once.
    pub fn pupils(&self) -> BTreeSet<PersonId> {
        self.involved
            .iter()
            .filter_map(|i| i.whom.pupil())
            .collect()
    }

    /// The pupils on the roll whose own access is in question: not those who were harmed by it,
    /// saw it or are named otherwise.
    pub fn reached(&self) -> BTreeSet<PersonId> {
        let parts = [Part::ReachedMaterial, Part::AllegedToHaveHarmed];
        self.involved
            .iter()
            .filter(|i| parts.contains(&i.part))
            .filter_map(|i| i.whom.pupil())
            .collect()
    }

    /// The people the case is about: they never see it, whatever their role (CON-14).
    pub fn subjects(&self) -> BTreeSet<PersonId> {
        self.involved
            .iter()
            .filter(|i| i.is_subject())
            .filter_map(|i| i.whom.person())
            .collect()
    }

    /// Names written in words that stand for a pupil of this school and are not matched yet.
    pub fn unmatched(&self) -> Vec<&str> {
        self.involved
            .iter()
            .filter_map(|i| match &i.whom {
                Whom::PupilByName { name } => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// How the parents question of a pupil stands.
    pub fn parents_of(&self, pupil: PersonId) -> ParentsStanding {
        self.parents
            .get(&pupil)
            .map_or(ParentsStanding::Undecided, ParentsOf::standing)
    }

    /// The decision that stands for a pupil: their own, or the one for the case as a whole.
    pub fn decision(&self, step: &str, about: Option<PersonId>) -> Option<&Made> {
        let own = about.and_then(|_| self.decisions.get(&(step.to_owned(), about)));
        own.or_else(|| self.decisions.get(&(step.to_owned(), None)))
    }

    /// When somebody at the school first knew (CLK-02).
    pub fn first_known_at(&self) -> Timestamp {
        let told = self.concern.told_lead.as_ref().map(|told| told.at);
        [self.concern.first_known_at, told]
            .into_iter()
            .flatten()
            .fold(self.reported.at, Timestamp::min)
    }

    /// Whether a pupil reported it themselves: an honest report is not misbehaviour (BRE-01).
    pub fn is_pupil_reported(&self) -> bool {
        matches!(self.concern.reporter, Reporter::Pupil { .. })
    }

    /// Whether any harm type, reported or classified, may mean sexual imagery of children.
    pub fn may_be_imagery(&self) -> bool {
        let classified = self.classified.iter().flat_map(|c| c.harm.iter());
        self.concern
            .harm
            .iter()
            .chain(classified)
            .any(|harm| harm.may_be_imagery())
    }

    /// Actions not yet done or cancelled.
    pub fn open_actions(&self) -> impl Iterator<Item = &ActionState> {
        self.actions
            .iter()
            .filter(|action| action.settled_at.is_none())
    }

    /// Reads a case from its entries, in the order of their numbers.
    ///
    /// # Errors
    /// [`Broken`] says which entry does not fit: a gap, another case, no report first.
    pub fn replay(entries: &[Entry]) -> Result<Self, Broken> {
        replay::replay(entries)
    }
}
