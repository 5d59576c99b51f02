//! What somebody asks a case to do.

use jiff::Timestamp;
use jiff::civil::Date;
use pharos_school::{CaseId, EntryId, PersonId, Role};

use crate::concern::{Involved, Whom};
use crate::entry::{
    Agency, Author, LessonKind, Level, Media, Method, Outcome, ReasonAgainst, RecordKind,
    WhyNotTold,
};
use crate::procedure::Act;
use crate::{Harm, ProcedureRef};

/// Whose hand acts, and in which roles. Reading rights are settled before, in `access`; the roles
/// here decide which acts of a procedure are theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hand {
    /// Who.
    pub author: Author,
    /// The roles held, including those the person stands in for today.
    pub roles: Vec<Role>,
}

impl Hand {
    /// A person with roles.
    pub fn person(person: PersonId, roles: &[Role]) -> Self {
        Self {
            author: Author::Person { person },
            roles: roles.to_vec(),
        }
    }

    /// Somebody without an account.
    pub fn outside() -> Self {
        Self {
            author: Author::Outside,
            roles: Vec::new(),
        }
    }

    /// Pharos itself.
    pub fn pharos() -> Self {
        Self {
            author: Author::Pharos,
            roles: Vec::new(),
        }
    }

    /// Whether any of the roles is held.
    pub fn has(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }
}

/// What is asked. Each becomes one or more entries, or a [`crate::Refusal`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "each field means what the entry of the same name says"
)]
pub enum Command {
    /// I have seen it.
    Acknowledge,
    /// Is anyone in immediate danger?
    AnswerDanger { yes: bool },
    /// The 999 or 101 call.
    RecordCall {
        number: String,
        called_at: Timestamp,
        reference: Option<String>,
    },
    /// A ticked step.
    DoStep {
        step: String,
        note: String,
        done_at: Option<Timestamp>,
    },
    /// An "if appropriate" step not taken.
    DeclineStep { step: String, reason: String },
    /// A decision; `decision` is the step's id.
    Decide {
        decision: String,
        about: Option<PersonId>,
        options: Vec<String>,
        reason: String,
        against: Vec<ReasonAgainst>,
    },
    /// What kind of incident it is.
    Classify {
        procedure: ProcedureRef,
        record: RecordKind,
        level: Level,
        harm: Vec<Harm>,
        reason: String,
    },
    /// It may be illegal (BRE-07).
    MarkMayBeIllegal { reason: String },
    /// Somebody more is involved.
    AddPerson { involved: Involved },
    /// Who a name stands for.
    IdentifyPerson { was: Whom, is: Whom },
    /// A contact with a parent.
    TellParent {
        pupil: PersonId,
        parent: String,
        contacted_at: Timestamp,
        method: Method,
        said: String,
        letter: Option<String>,
        response: Option<String>,
    },
    /// What a parent answered.
    ParentReplies { pupil: PersonId, text: String },
    /// Parents not told, or not yet.
    DoNotTellParents {
        pupil: PersonId,
        why: WhyNotTold,
        reason: String,
        review: Option<Date>,
    },
    /// Something to do.
    SetAction {
        what: String,
        owner: PersonId,
        due: Date,
    },
    /// It was done.
    FinishAction { action: EntryId, note: String },
    /// It is no longer wanted.
    CancelAction { action: EntryId, reason: String },
    /// To an agency.
    Refer {
        agency: Agency,
        contact: String,
        referred_at: Timestamp,
        shared: String,
        reference: Option<String>,
        follow_up: Option<Date>,
    },
    /// What it answered.
    RecordAnswer { referral: EntryId, answer: String },
    /// To the supplier.
    ReportToSupplier {
        supplier: String,
        text: String,
        reference: Option<String>,
    },
    /// What the supplier answered.
    RecordSupplierAnswer { answer: String },
    /// The address was blocked for everyone, or for the people of some campuses alone; `change` names
    /// the filter change.
    Contain {
        address: String,
        change: String,
        campuses: Vec<String>,
    },
    /// The lasting fix.
    RecordFix { what: String, change: String },
    /// No fix is needed.
    NoFixNeeded { reason: String },
    /// The fix was tried.
    RecordRetest {
        group: String,
        held: bool,
        evidence: String,
    },
    /// A note.
    AddNote { text: String },
    /// A correction.
    Correct { of: EntryId, text: String },
    /// Support for a child.
    GiveSupport {
        pupil: PersonId,
        what: String,
        review: Option<Date>,
    },
    /// A sanction.
    GiveSanction {
        pupil: PersonId,
        what: String,
        care: String,
    },
    /// The outcome for one person.
    RecordOutcome {
        person: PersonId,
        outcome: Outcome,
        note: String,
    },
    /// A worry found here became its own concern.
    LinkConcern { case: CaseId },
    /// Debrief; `held_on: None` says that none was needed, and why.
    HoldDebrief { held_on: Option<Date>, text: String },
    /// A lesson.
    AddLesson {
        kind: LessonKind,
        text: String,
        owner: Option<PersonId>,
        due: Option<Date>,
    },
    /// The child's view.
    RecordChildView { pupil: PersonId, text: String },
    /// The second reader agrees.
    SecondRead { note: String },
    /// Attach a file: asked before any byte is received. `shows_child` answers "does it show a
    /// child undressed or in a sexual way?": `Some(false)` alone lets a picture in.
    Attach {
        name: String,
        media: Media,
        fingerprint: String,
        source: String,
        shows_child: Option<bool>,
    },
    /// Anything else that somebody tries; refused where forbidden.
    Try { act: Act },
    /// Close.
    Close { outcome: Outcome, reason: String },
    /// Open again.
    Reopen { reason: String },
}
