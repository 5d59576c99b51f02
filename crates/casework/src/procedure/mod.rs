//! Procedures: what must be done for each kind of incident, as versioned data (PRO-01).
//!
//! A procedure is read from TOML with [`Procedure::parse`]. A school may make it stricter with
//! [`tighten`]; nothing it writes can make it looser.

mod read;
mod shipped;
mod tighten;
mod toml_walk;

use std::fmt;

use jiff::civil::Date;
use pharos_school::Role;
use serde::{Deserialize, Serialize};

use crate::Agency;

pub use shipped::{concern, filter_breach, shipped};
pub use tighten::{Change, tighten};

/// Which procedure, in which version: what a case names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcedureRef {
    /// Its id, such as `filter-breach`.
    pub id: String,
    /// Its version: the shipped number, and after a plus sign the school's own.
    pub version: String,
}

impl fmt::Display for ProcedureRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.id, self.version)
    }
}

/// Something wrong in a procedure file: where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

/// Where a procedure comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Short id that steps cite.
    pub id: String,
    /// Title.
    pub title: String,
    /// Edition.
    pub edition: String,
    /// When the procedure was last held against it.
    pub checked: Date,
}

/// A procedure: ordered steps, prohibitions, closing conditions, letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// Which, in which version.
    pub reference: ProcedureRef,
    /// Title for people.
    pub title: String,
    /// When to use it, in one or two sentences.
    pub when_to_use: String,
    /// Edition of the procedure, such as `2026`.
    pub edition: String,
    /// When it was last checked against its sources.
    pub checked: Date,
    /// Its sources.
    pub sources: Vec<Source>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What is refused.
    pub forbids: Vec<Forbid>,
    /// What must be so before the case closes.
    pub closing: Vec<Closing>,
    /// Letters to parents and suppliers.
    pub letters: Vec<Letter>,
    /// When nothing but a safety reason stands against telling the parents. The school's setting,
    /// not part of the procedure's text.
    pub parent_duty: ParentDuty,
    /// Whether deliberate access goes on the pupil's file as well as under the behaviour policy
    /// (`bre.deliberate`, BRE-08). The school's setting, like the one above.
    pub deliberate_on_file: bool,
}

/// When parents must be told, so that only a safety reason stands against it (`bre.parents`,
/// `con.parent_duty`; BRE-06, CON-09). The lead always keeps a written reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParentDuty {
    /// Every time.
    #[default]
    Always,
    /// Where it was deliberate, so that it is about behaviour; otherwise the lead weighs it.
    IfBehaviour,
    /// The lead weighs each case.
    LeadWeighs,
}

impl Procedure {
    /// Reads a procedure, or says everything that is wrong with it.
    ///
    /// # Errors
    /// Every problem found, in the order of lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        read::procedure(text)
    }

    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The step that is done in this way.
    pub fn step_done_by(&self, done_by: &DoneBy) -> Option<&Step> {
        self.steps.iter().find(|step| step.done_by == *done_by)
    }

    /// The letter with this id.
    pub fn letter(&self, id: &str) -> Option<&Letter> {
        self.letters.iter().find(|letter| letter.id == id)
    }
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The name used in procedure files and stored entries.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// Who does a step.
    Party {
        /// Whoever reported it.
        Reporter => "reporter",
        /// The safeguarding lead or a deputy.
        Lead => "lead",
        /// A deputy.
        Deputy => "deputy",
        /// The head.
        Head => "head",
        /// Leadership.
        Leadership => "leadership",
        /// The technical team.
        Technical => "technical",
        /// Form teacher, house staff or other pastoral staff.
        Pastoral => "pastoral",
        /// The office.
        Office => "office",
        /// The chair of governors.
        Chair => "chair",
        /// Pharos does it by itself.
        Pharos => "pharos",
    }
}

impl Party {
    /// The words shown to people.
    pub const fn title(self) -> &'static str {
        match self {
            Party::Reporter => "Whoever reports it",
            Party::Lead => "Safeguarding lead or deputy",
            Party::Deputy => "Deputy lead",
            Party::Head => "Head",
            Party::Leadership => "Leadership",
            Party::Technical => "Technical team",
            Party::Pastoral => "Pastoral staff",
            Party::Office => "Office",
            Party::Chair => "Chair of governors",
            Party::Pharos => "Pharos",
        }
    }

    /// The roles that make somebody one of these. `Reporter` is any member of staff and the pupil
    /// or parent who reported; `Pharos` is nobody.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Party::Reporter => &[
                Role::Staff,
                Role::Teacher,
                Role::Tutor,
                Role::HouseStaff,
                Role::Office,
                Role::Technical,
                Role::Leadership,
                Role::Head,
                Role::Lead,
                Role::Deputy,
                Role::OnlineLead,
            ],
            Party::Lead => &[Role::Lead, Role::Deputy],
            Party::Deputy => &[Role::Deputy],
            Party::Head => &[Role::Head],
            Party::Leadership => &[Role::Leadership, Role::Head],
            Party::Technical => &[Role::Technical],
            Party::Pastoral => &[Role::Tutor, Role::HouseStaff, Role::Teacher],
            Party::Office => &[Role::Office],
            Party::Chair => &[Role::Chair],
            Party::Pharos => &[],
        }
    }
}

named! {
    /// What a case can be marked as by a decision; steps and prohibitions hang on these.
    Flag {
        /// Somebody reached it on purpose.
        Deliberate => "deliberate",
        /// It was reached by accident.
        Accidental => "accidental",
        /// It may be illegal.
        MayBeIllegal => "may-be-illegal",
        /// A supplier's list was at fault.
        SupplierAtFault => "supplier-at-fault",
        /// The filter was got round.
        Bypass => "bypass",
        /// More than one group was affected.
        SeveralGroups => "several-groups",
        /// It has happened before.
        Recurrence => "recurrence",
        /// Other schools, the public or an offence are involved.
        BeyondSchool => "beyond-school",
        /// A safeguarding worry about a child was found.
        Worry => "worry",
        /// The lead set the level to high.
        LevelHigh => "level-high",
        /// A crime is suspected that is not urgent.
        CrimeSuspected => "crime-suspected",
        /// It was found on the school's own devices or systems.
        FoundOnDevices => "found-on-devices",
        /// A member of staff is said to be involved.
        StaffInvolved => "staff-involved",
        /// Nobody is sure whether it is a crime, or what to do.
        AdviceNeeded => "advice-needed",
    }
}

/// When a step or a prohibition applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// Always.
    Always,
    /// Once the case is marked so.
    If(Flag),
    /// While the lead has not yet said what kind of incident it is.
    Unclassified,
    /// When a pupil is involved.
    Pupil,
}

/// How strongly a clock binds (CLK-02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Force {
    /// Pharos's own figure; a school may change it.
    Default,
    /// Guidance sets it; a school may only shorten it.
    Guidance,
    /// The law sets it; a school may only shorten it.
    Law,
}

/// How long a step may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// At once: elapsed time is shown from the start, and the step is late after a minute.
    Now,
    /// So many minutes, day and night.
    Minutes(u32),
    /// By the end of the same school day.
    SchoolDay,
    /// So many working days.
    WorkingDays(u16),
}

/// Who is told when a clock has run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escalation {
    /// Minutes after the clock's start.
    pub after_minutes: u32,
    /// Who.
    pub to: Party,
}

/// A step's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepClock {
    /// How long.
    pub limit: Limit,
    /// What the shipped procedure sets, where a school shortened it: the earlier of the two counts.
    pub bound: Option<Limit>,
    /// How strongly it binds.
    pub force: Force,
    /// The step whose completion starts it; `None`: the report, or the moment the step applies.
    pub after: Option<String>,
    /// Who is told when it runs on.
    pub escalate: Vec<Escalation>,
}

/// Whether a step may be declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// May be declined, with a reason.
    IfAppropriate,
    /// No decline button.
    Required,
}

/// What counts as doing a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoneBy {
    /// Somebody says so, with a note.
    Tick,
    /// The acknowledgement.
    Acknowledge,
    /// The answer to "is anyone in immediate danger", and the call if yes.
    Danger,
    /// The classification.
    Classify,
    /// A decision with reasons.
    Decision(Box<Decision>),
    /// A parent contact, or the lead's reason, for every pupil involved.
    Parents,
    /// A referral or report to the agency.
    Referral(Agency),
    /// The address is blocked for everyone.
    Contain,
    /// The fix is made, or not needed with a reason.
    Fix,
    /// The fix held when tried again.
    Retest,
    /// The supplier is told.
    SupplierReport,
    /// The supplier has answered.
    SupplierAnswer,
    /// Support for every pupil involved.
    Support,
    /// A sanction decided for every pupil whose access was deliberate.
    Sanction,
    /// An outcome for every child and adult the case is about.
    Outcomes,
    /// Every action done or cancelled.
    Actions,
    /// The debrief.
    Debrief,
    /// At least one lesson.
    Lessons,
    /// The child's view.
    ChildView,
    /// The second reader.
    SecondReading,
    /// A linked concern for the lead.
    LinkedConcern,
    /// Pharos fills it in by itself.
    Prefilled,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its id, shared by procedures that share the step.
    pub id: String,
    /// What to do.
    pub text: String,
    /// What the school added.
    pub school_note: Option<String>,
    /// Who does it.
    pub who: Vec<Party>,
    /// By when.
    pub clock: Option<StepClock>,
    /// Whether later steps stay locked until it is done or declined with a reason.
    pub gate: bool,
    /// Never held back by a gate: containment, emergency, reports of illegal material.
    pub urgent: bool,
    /// Required or if appropriate.
    pub need: Need,
    /// When it applies.
    pub when: When,
    /// What counts as doing it.
    pub done_by: DoneBy,
    /// What to write down.
    pub records: Vec<String>,
    /// Where it comes from.
    pub sources: Vec<String>,
    /// The group it stands in on the chart: start, work, parents, close.
    pub phase: Phase,
}

named! {
    /// Where a step stands on the chart.
    Phase {
        /// At once.
        Start => "start",
        /// What this kind of incident asks.
        Work => "work",
        /// Telling parents.
        Parents => "parents",
        /// Before closing.
        Close => "close",
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its options.
    pub options: Vec<Choice>,
    /// Whether several may be taken together.
    pub many: bool,
    /// Whether it is made for each pupil involved.
    pub per_pupil: bool,
    /// Whether each road not taken needs its reason; the road taken always does.
    pub reasons_against: bool,
}

/// One option of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its id.
    pub id: String,
    /// In words.
    pub text: String,
    /// What choosing it marks the case as.
    pub sets: Vec<Flag>,
}

named! {
    /// An act that a procedure can forbid. The code refuses it; none has a function that does it.
    Act {
        /// Attaching any file.
        Attach => "attach",
        /// Attaching a picture, a video or an unknown kind of file.
        AttachPictures => "attach-pictures",
        /// Viewing the material.
        View => "view",
        /// Copying, printing or capturing the material.
        Copy => "copy",
        /// Sending the material on.
        Forward => "forward",
        /// Opening the page again to check it.
        OpenPage => "open-page",
        /// Deleting an entry or linked record.
        Delete => "delete",
        /// Changing an entry.
        Edit => "edit",
        /// Sending what the case says by e-mail or push.
        SendContent => "send-content",
        /// Unblocking without the lead's vetting.
        Unblock => "unblock",
        /// The technical team reading safeguarding notes.
        TechnicalReadsNotes => "technical-reads-notes",
        /// Showing the case to somebody it is about.
        ShowToSubject => "show-to-subject",
        /// Approving one's own request to read.
        ApproveOwnAccess => "approve-own-access",
        /// Asking a pupil to show, send or look for the material.
        AskPupilToShow => "ask-pupil-to-show",
        /// Contact outside before the police or the adviser were spoken to.
        ContactOutsideFirst => "contact-outside-first",
        /// Closing with something undecided.
        CloseUndecided => "close-undecided",
    }
}

/// A prohibition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbid {
    /// What is refused.
    pub act: Act,
    /// When.
    pub when: When,
    /// Why, in words for the person refused.
    pub why: String,
    /// What to do instead.
    pub instead: String,
}

named! {
    /// What must be so before a case closes.
    Closing {
        /// The danger question is answered.
        DangerAnswered => "danger-answered",
        /// Somebody acknowledged it.
        Acknowledged => "acknowledged",
        /// The lead classified it.
        Classified => "classified",
        /// Every step that applies is done, or declined where that is allowed.
        Steps => "steps",
        /// Every decision that applies is made.
        Decisions => "decisions",
        /// Everyone named in words is matched or known to be from elsewhere.
        PeopleIdentified => "people-identified",
        /// Every pupil involved has the parents decision.
        Parents => "parents",
        /// The fix is made and held, or not needed with a reason.
        Fix => "fix",
        /// An outcome for every child and adult it is about.
        Outcomes => "outcomes",
        /// Every action is done or cancelled.
        Actions => "actions",
        /// Every referral is answered.
        Referrals => "referrals",
        /// Debrief held, or the reason why none was needed.
        Debrief => "debrief",
        /// At least one lesson, even if it is that nothing changes.
        Lessons => "lessons",
        /// A second reader where the level is high.
        SecondReader => "second-reader",
    }
}

/// A letter or message template; text as data, with `{placeholders}` (REF-06).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its id.
    pub id: String,
    /// Title for the list.
    pub title: String,
    /// To whom: parent or supplier.
    pub to: String,
    /// The text.
    pub text: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
