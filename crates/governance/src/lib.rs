//! Clauses of the written policy, the controls bound to them, and how they stand.
//!
//! A [`Control`] is a named, parametrised promise. [`assess`] holds it against [`Facts`], plain
//! figures gathered elsewhere, and says how it stands, in figures, in a sentence, and with links
//! to the evidence. A clause is as good as its worst control. [`GovernorsReport`] counts a period
//! without naming anyone. Nothing here does I/O or reads a clock.

mod assess;
mod clause;
mod control;
mod facts;
mod report;
mod suppress;

pub use assess::{Assessment, Evidence, Figure, Standing, assess};
pub use clause::{Clause, ClauseAssessment, StandingChange, assess_clause, changes};
pub use control::{CONTROL_NAMES, Control, ControlError, Within};
pub use facts::{
    AlertFact, Attestation, AuditFact, BreachFact, Facts, HandFact, ParentsFact, ParentsNow, Probe,
    ProbeResult, ScopeFact, SealedListFact, SettingFact, Subject, SupervisedFact,
};
pub use report::{
    AlertFigures, CaseFigures, CheckFigures, ClauseLine, GovernorsReport, Label, ListLine,
    NotALabel, Period, ReportInput, Table, TimeFigure,
};
pub use suppress::{Cells, Count, suppress};
