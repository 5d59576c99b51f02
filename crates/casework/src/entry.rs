//! Entries: the only thing a case is made of. They are added, never changed (CON-06).

use jiff::Timestamp;
use jiff::civil::Date;
use pharos_school::{CaseId, EntryId, PersonId};
use serde::{Deserialize, Serialize};

use crate::concern::{Concern, Involved, Whom};
use crate::procedure::Flag;
use crate::{Harm, ProcedureRef};

mod kinds;

pub use kinds::{
    Agency, LessonKind, Level, Media, Method, Outcome, ReasonAgainst, RecordKind, WhyNotTold,
};

/// The version of the stored form that this code writes.
pub const ENTRY_VERSION: u16 = 1;

/// Whose hand wrote an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Author {
    /// A person the school knows.
    Person {
        /// Who.
        person: PersonId,
    },
    /// Somebody without an account, or unknown at a device.
    Outside,
    /// Pharos itself: what follows from a rule.
    Pharos,
}

impl Author {
    /// The person, if it is one.
    pub fn person(self) -> Option<PersonId> {
        match self {
            Author::Person { person } => Some(person),
            Author::Outside | Author::Pharos => None,
        }
    }
}

/// One dated entry of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of the stored form.
    pub v: u16,
    /// Its own id.
    pub id: EntryId,
    /// The case it belongs to.
    pub case: CaseId,
    /// Its number in the case, from 1, without gaps.
    pub seq: u32,
    /// When it was recorded, by the server's clock.
    pub at: Timestamp,
    /// Who wrote it.
    pub by: Author,
    /// What it says.
    pub body: EntryBody,
}

/// What an entry says. New kinds may be added; the meaning of a stored one never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum EntryBody {
    /// The concern as reported; always the first entry.
    Report {
        /// The form.
        concern: Box<Concern>,
        /// The procedure that starts with it.
        procedure: ProcedureRef,
    },
    /// Somebody has seen it: stops the chase (CON-03).
    Acknowledged,
    /// Is anyone in immediate danger? (PRO-12)
    ImmediateDanger {
        /// The answer.
        yes: bool,
    },
    /// The emergency or police call that was made.
    EmergencyCall {
        /// The number called: 999 or 101.
        number: String,
        /// When the call was made.
        called_at: Timestamp,
        /// The log or incident number.
        reference: Option<String>,
    },
    /// A step of the procedure was done.
    StepDone {
        /// The step.
        step: String,
        /// What was done, by whom.
        note: String,
        /// When, if not now.
        done_at: Option<Timestamp>,
    },
    /// An "if appropriate" step was not taken, with the reason (PRO-01).
    StepDeclined {
        /// The step.
        step: String,
        /// Why not.
        reason: String,
    },
    /// A decision, with the reason for the road taken and for those not taken.
    DecisionMade {
        /// The decision.
        decision: String,
        /// For whom; `None` for the case as a whole.
        about: Option<PersonId>,
        /// The options taken.
        options: Vec<String>,
        /// Why.
        reason: String,
        /// Why not the others.
        against: Vec<ReasonAgainst>,
        /// What the options set (written so that reading needs no procedure).
        sets: Vec<Flag>,
    },
    /// What kind of incident this is; starts the procedure of that kind (PRO-01).
    Classified {
        /// The procedure from here on.
        procedure: ProcedureRef,
        /// Which kind of record.
        record: RecordKind,
        /// How serious.
        level: Level,
        /// Harm types.
        harm: Vec<Harm>,
        /// Why.
        reason: String,
    },
    /// The matter may be illegal: reports outside start, uploads end, nobody looks (BRE-07).
    MarkedMayBeIllegal {
        /// Why it is thought so; nothing about the content beyond what is needed.
        reason: String,
    },
    /// Somebody more is involved.
    PersonAdded {
        /// Who, in what part.
        involved: Involved,
    },
    /// Somebody named in words was matched with the roll, or found to be from elsewhere.
    PersonIdentified {
        /// As first written.
        was: Whom,
        /// Who it is.
        is: Whom,
    },
    /// A contact with a parent (BRE-06, REF-06).
    ParentContact {
        /// The pupil concerned.
        pupil: PersonId,
        /// The parent, in words.
        parent: String,
        /// When.
        contacted_at: Timestamp,
        /// How.
        method: Method,
        /// What was said.
        said: String,
        /// The letter used, if any.
        letter: Option<String>,
        /// What they answered.
        response: Option<String>,
    },
    /// A parent's answer, or a worry of their own (REF-06).
    ParentReply {
        /// The pupil concerned.
        pupil: PersonId,
        /// What they wrote or said.
        text: String,
    },
    /// The lead decided not to tell the parents, or not yet (CON-09).
    ParentsNotTold {
        /// The pupil concerned.
        pupil: PersonId,
        /// The ground.
        why: WhyNotTold,
        /// The written safety reason.
        reason: String,
        /// `Some`: not yet, looked at again on this date, and chased. `None`: not at all.
        review: Option<Date>,
    },
    /// Something to do, with owner and due date (CON-06).
    Action {
        /// What.
        what: String,
        /// Who does it.
        owner: PersonId,
        /// By when.
        due: Date,
    },
    /// An action was done.
    ActionDone {
        /// The entry that set it.
        action: EntryId,
        /// What came of it.
        note: String,
    },
    /// An action is no longer wanted.
    ActionCancelled {
        /// The entry that set it.
        action: EntryId,
        /// Why.
        reason: String,
    },
    /// A referral or report to a body outside (REF-02).
    Referral {
        /// Which.
        agency: Agency,
        /// Route and person spoken to.
        contact: String,
        /// When.
        referred_at: Timestamp,
        /// What was shared; for the IWF the address alone.
        shared: String,
        /// Their reference.
        reference: Option<String>,
        /// When an answer is chased.
        follow_up: Option<Date>,
    },
    /// What the agency answered or decided.
    ReferralAnswered {
        /// The referral's entry.
        referral: EntryId,
        /// The answer.
        answer: String,
    },
    /// The supplier of list, filter or connection was told that their list was at fault (BRE-05).
    SupplierReport {
        /// Which supplier.
        supplier: String,
        /// What was sent.
        text: String,
        /// Their reference.
        reference: Option<String>,
    },
    /// The supplier's answer.
    SupplierAnswer {
        /// What they said.
        answer: String,
    },
    /// An address was blocked at once, before review (BRE-04).
    Contained {
        /// The address. Shown broken up, and only to those who need it (BRE-10).
        address: String,
        /// The filter change it made.
        change: String,
        /// The campuses that it is blocked at alone, as people call them; empty: for everyone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        campuses: Vec<String>,
    },
    /// The lasting fix in the filter.
    FixMade {
        /// What was changed.
        what: String,
        /// The filter change, with its risk assessment.
        change: String,
    },
    /// It was decided that the filter needs no change.
    FixNotNeeded {
        /// Why.
        reason: String,
    },
    /// The fix was tried from the group concerned.
    Retested {
        /// From which group.
        group: String,
        /// Whether the block held.
        held: bool,
        /// The check that tried it, or who tried it how; never by opening the page.
        evidence: String,
    },
    /// A note.
    Note {
        /// The text.
        text: String,
    },
    /// A correction stands beside the entry it corrects (CON-06).
    Correction {
        /// The entry corrected.
        of: EntryId,
        /// What is right.
        text: String,
    },
    /// Deliberate access: from here it is a matter of the behaviour policy (BRE-08).
    BehaviourEntry {
        /// The pupil.
        pupil: PersonId,
        /// Why.
        reason: String,
        /// Whether it stands on the pupil's file too, as the school's setting was then. Entries
        /// without the field were made when all did.
        #[serde(default = "yes")]
        on_file: bool,
    },
    /// The decision was changed: the behaviour entry no longer stands.
    BehaviourWithdrawn {
        /// The pupil.
        pupil: PersonId,
        /// Why.
        reason: String,
    },
    /// Support opened for a child: accidental access (BRE-08, CON-11).
    SupportOpened {
        /// The pupil.
        pupil: PersonId,
        /// Why.
        reason: String,
    },
    /// Support given or offered to a child, and whether it was taken up (CON-11).
    SupportGiven {
        /// The pupil.
        pupil: PersonId,
        /// What.
        what: String,
        /// When it is looked at again.
        review: Option<Date>,
    },
    /// A sanction under the behaviour policy, with the care taken (BRE-08).
    Sanction {
        /// The pupil.
        pupil: PersonId,
        /// What.
        what: String,
        /// How harm to others is avoided.
        care: String,
    },
    /// The outcome for one child or adult.
    OutcomeFor {
        /// Who.
        person: PersonId,
        /// How it ended for them.
        outcome: Outcome,
        /// In words, with the support.
        note: String,
    },
    /// A safeguarding worry found here went to the lead as a concern of its own (BRE-09).
    LinkedConcern {
        /// The other case.
        case: CaseId,
    },
    /// What was learnt, talked through (CON-13).
    Debrief {
        /// When it was held; `None` when the lead decided that none was needed.
        held_on: Option<Date>,
        /// Who took part, what was said; or why none was needed.
        text: String,
    },
    /// A lesson and the change it asks for (CON-13).
    Lesson {
        /// What it changes.
        kind: LessonKind,
        /// What was learnt, and what is to be done.
        text: String,
        /// Who does it; needed unless nothing changes.
        owner: Option<PersonId>,
        /// By when; needed unless nothing changes.
        due: Option<Date>,
    },
    /// How the child sees the way it was handled.
    ChildView {
        /// Whose view.
        pupil: PersonId,
        /// In their words.
        text: String,
    },
    /// A second reader agrees that it may close.
    SecondReading {
        /// What they found.
        note: String,
    },
    /// A permitted attachment; the bytes are kept apart, sealed.
    Attached {
        /// Its name, as given.
        name: String,
        /// What kind of file.
        media: Media,
        /// Fingerprint of the bytes, so that it can be proved unaltered.
        fingerprint: String,
        /// Where it came from.
        source: String,
    },
    /// An attempt that the procedure forbids was refused (PRO-01, BRE-07).
    Refused {
        /// What was tried.
        attempt: String,
        /// Why it was refused.
        why: String,
    },
    /// Closed, with the outcome and the reasons.
    Closed {
        /// How it ended.
        outcome: Outcome,
        /// Why it may close.
        reason: String,
    },
    /// Opened again.
    Reopened {
        /// Why.
        reason: String,
    },
}

fn yes() -> bool {
    true
}
