//! Evidence: self-checks, standings of clauses, frozen reports (AUD-02, REV-09, REP-01).

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use pharos_access::{Permit, act};
use pharos_school::{CheckId, PersonId};
use uuid::Uuid;

use crate::Result;

/// A finished self-check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckRun {
    /// Its id, made at the edge.
    pub id: CheckId,
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
    /// Probes that gave what the policy wants.
    pub passed: i64,
    /// Probes that did not.
    pub failed: i64,
    /// Every probe with its result, as versioned JSON.
    pub results: String,
}

/// A stored self-check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// The run.
    pub run: NewCheckRun,
    /// Who started it; `None` for the schedule.
    pub by: Option<PersonId>,
}

/// How a clause stood at a time. A row is stored only when something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingRow {
    /// The clause's id in the pack.
    pub clause: String,
    /// `met`, `at-risk`, `not-met`, `attested`.
    pub standing: String,
    /// Figures and links to evidence, as versioned JSON.
    pub figures: String,
    /// The pack's version.
    pub pack: i64,
    /// Since when.
    pub at: Timestamp,
}

/// A report to be frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    /// Its id, made at the edge.
    pub id: Uuid,
    /// `governors` and so on.
    pub kind: String,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Its figures, as versioned JSON. No names.
    pub figures: String,
    /// The PDF, if made; at most 32 MiB.
    pub pdf: Option<Vec<u8>>,
}

/// A frozen report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenReport {
    /// The report.
    pub report: NewReport,
    /// When it was made.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<PersonId>,
}

/// Evidence.
#[async_trait]
pub trait Checks: Send + Sync {
    /// Keeps a self-check.
    async fn record_check(
        &self,
        permit: &Permit<act::RunCheck>,
        run: &NewCheckRun,
        at: Timestamp,
    ) -> Result<()>;

    /// Self-checks, newest first.
    async fn checks(&self, permit: &Permit<act::ReadChecks>, limit: usize)
    -> Result<Vec<CheckRun>>;

    /// One self-check.
    async fn check(
        &self,
        permit: &Permit<act::ReadChecks>,
        id: CheckId,
    ) -> Result<Option<CheckRun>>;

    /// Keeps how clauses stand; those whose standing did not change leave no row. Gives how many
    /// changed; when none did, no ledger line is written either.
    async fn record_standings(
        &self,
        permit: &Permit<act::RecordStanding>,
        standings: &[StandingRow],
        at: Timestamp,
    ) -> Result<usize>;

    /// How every clause stands, by clause.
    async fn standings(&self, permit: &Permit<act::ReadPolicy>) -> Result<Vec<StandingRow>>;

    /// How one clause stood over time, newest first.
    async fn standing_history(
        &self,
        permit: &Permit<act::ReadPolicy>,
        clause: &str,
        limit: usize,
    ) -> Result<Vec<StandingRow>>;

    /// Keeps a report for good.
    async fn freeze_report(
        &self,
        permit: &Permit<act::MakeReport>,
        report: &NewReport,
        at: Timestamp,
    ) -> Result<()>;

    /// Frozen reports without their PDFs, newest first.
    async fn reports(&self, permit: &Permit<act::ReadReport>) -> Result<Vec<FrozenReport>>;

    /// One frozen report.
    async fn report(
        &self,
        permit: &Permit<act::ReadReport>,
        id: Uuid,
    ) -> Result<Option<FrozenReport>>;
}
