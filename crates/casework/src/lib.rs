//! Concerns and cases as state machines over entries that only grow, and the procedures they run.
//!
//! A case is a list of dated [`Entry`] values. [`CaseState::replay`] reads them; [`act`] turns a
//! [`Command`] into new ones or a [`Refusal`] that says why and what to do. What must be done, by
//! whom, by when, and what is forbidden, is data: a [`Procedure`], read from TOML, versioned,
//! with its sources. A school may [`tighten`] a procedure and can never loosen it.
//!
//! Nothing here does I/O, reads a clock or makes an id: time and ids come in as arguments.

mod act;
mod address;
mod calendar;
mod chart;
mod chase;
mod clocks;
mod closing;
mod command;
mod concern;
mod entry;
mod forbid;
mod gaps;
mod harm;
mod letter;
mod procedure;
mod state;
mod steps;

pub use act::{ENTRIES_MAX, Refusal, act, open, tells};
pub use address::{WITHHELD, broken_up, shown_address};
pub use calendar::{Calendar, WeekCalendar};
pub use chart::{Chart, Row, chart, clock_words};
pub use chase::{ChaseSettings, NoticeDue, Rung, chase};
pub use clocks::{Clock, Due, due, overran, step_due};
pub use closing::{Missing, missing_to_close};
pub use command::{Command, Hand};
pub use concern::{
    ADDRESSES_MAX, Concern, Equipment, FormProblem, INVOLVED_MAX, Involved, Origin, Part, Reporter,
    Site, TEXT_CHARS_MAX, ToldInPerson, Whom, danger_instruction,
};
pub use entry::{
    Agency, Author, ENTRY_VERSION, Entry, EntryBody, LessonKind, Level, Media, Method, Outcome,
    ReasonAgainst, RecordKind, WhyNotTold,
};
pub use forbid::{may_attach, prohibitions};
pub use gaps::{Gaps, gaps};
pub use harm::{Harm, RiskArea, UnknownHarm};
pub use letter::{BlanksLeft, blanks, fill};
pub use procedure::{
    Act, Change, Choice, Closing, Decision, DoneBy, Escalation, Flag, Forbid, Force, Letter, Limit,
    Need, ParentDuty, Party, Phase, Problem, Procedure, ProcedureRef, Source, Step, StepClock,
    When, concern, filter_breach, shipped, tighten,
};
pub use state::{
    ActionState, Broken, CaseState, Classification, ClosedState, ContainedAddress, Fix,
    LessonState, Made, Mark, NotTold, ParentContact, ParentsOf, ParentsStanding, ReferralState,
    SupportState, Ticked,
};
pub use steps::{
    Standing, StepNow, applies, done_at, flags, owed_outcome, standing, steps, supported,
};
