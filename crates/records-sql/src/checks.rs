//! Self-checks, standings of clauses, frozen reports.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, act};
use pharos_ledger::Detail;
use pharos_records::{
    CheckRun, Checks, Error, FrozenReport, NewCheckRun, NewReport, Result, StandingRow,
};
use pharos_school::CheckId;
use uuid::Uuid;

use crate::audit::rows;
use crate::db::{Row, args};
use crate::store::{Store, is_for};

const CHECK: &str =
    "SELECT id, from_at, to_at, passed, failed, results, by_person FROM check_run WHERE id = $1";
const CHECKS: &str = "SELECT id, from_at, to_at, passed, failed, results, by_person FROM check_run ORDER BY from_at DESC, id LIMIT $1";
/// For each clause its newest row.
const NOW: &str = "SELECT s.clause, s.at, s.standing, s.figures, s.pack FROM standing s JOIN (SELECT clause, MAX(at) AS at FROM standing GROUP BY clause) newest ON newest.clause = s.clause AND newest.at = s.at ORDER BY s.clause";
const HISTORY: &str = "SELECT clause, at, standing, figures, pack FROM standing WHERE clause = $1 ORDER BY at DESC LIMIT $2";
const REPORT: &str =
    "SELECT id, kind, from_on, to_on, figures, pdf, at, by_person FROM report WHERE id = $1";
const REPORTS: &str =
    "SELECT id, kind, from_on, to_on, figures, at, by_person FROM report ORDER BY at DESC, id";
/// The largest PDF, in bytes.
const MAX_PDF: usize = 32 * 1024 * 1024;

#[async_trait]
impl Checks for Store {
    async fn record_check(
        &self,
        permit: &Permit<act::RunCheck>,
        run: &NewCheckRun,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let detail = Detail::new()
            .number("passed", run.passed)
            .number("failed", run.failed);
        let mut act = self
            .act(permit, format!("check:{}", run.id), detail, at)
            .await?;
        act.run(
            "INSERT INTO check_run (id, from_at, to_at, passed, failed, results, by_person) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![run.id, run.from, run.to, run.passed, run.failed, &run.results, permit.actor().id()],
        )
        .await?;
        act.commit().await
    }

    async fn checks(
        &self,
        permit: &Permit<act::ReadChecks>,
        limit: usize,
    ) -> Result<Vec<CheckRun>> {
        is_for(permit, Subject::School)?;
        let found = self
            .read()
            .await?
            .all("check_run", CHECKS, args![rows(limit)])
            .await?;
        found.iter().map(check_of).collect()
    }

    async fn check(
        &self,
        permit: &Permit<act::ReadChecks>,
        id: CheckId,
    ) -> Result<Option<CheckRun>> {
        is_for(permit, Subject::School)?;
        let row = self
            .read()
            .await?
            .one("check_run", CHECK, args![id])
            .await?;
        row.map(|row| check_of(&row)).transpose()
    }

    async fn record_standings(
        &self,
        permit: &Permit<act::RecordStanding>,
        standings: &[StandingRow],
        at: Timestamp,
    ) -> Result<usize> {
        is_for(permit, Subject::School)?;
        let mut opening = self.begin().await?;
        let now = opening.all("standing", NOW, vec![]).await?;
        let now: Vec<StandingRow> = now.iter().map(standing_of).collect::<Result<_>>()?;
        let now: BTreeMap<&str, &StandingRow> =
            now.iter().map(|row| (row.clause.as_str(), row)).collect();
        let is_news = |new: &&StandingRow| {
            now.get(new.clause.as_str())
                .is_none_or(|old| old.standing != new.standing || old.pack != new.pack)
        };
        let news: Vec<&StandingRow> = standings.iter().filter(is_news).collect();
        if news.is_empty() {
            return Ok(0);
        }
        let detail = Detail::new().number("changed", i64::try_from(news.len()).unwrap_or(i64::MAX));
        let mut act = opening.note(permit, "school", detail, at).await?;
        const ADD: &str = "INSERT INTO standing (clause, at, standing, figures, pack) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (clause, at) DO UPDATE SET standing = excluded.standing, figures = excluded.figures, pack = excluded.pack";
        for row in &news {
            act.run(
                ADD,
                args![&row.clause, row.at, &row.standing, &row.figures, row.pack],
            )
            .await?;
        }
        act.commit().await?;
        Ok(news.len())
    }

    async fn standings(&self, permit: &Permit<act::ReadPolicy>) -> Result<Vec<StandingRow>> {
        is_for(permit, Subject::School)?;
        let found = self.read().await?.all("standing", NOW, vec![]).await?;
        found.iter().map(standing_of).collect()
    }

    async fn standing_history(
        &self,
        permit: &Permit<act::ReadPolicy>,
        clause: &str,
        limit: usize,
    ) -> Result<Vec<StandingRow>> {
        is_for(permit, Subject::School)?;
        let found = self
            .read()
            .await?
            .all("standing", HISTORY, args![clause, rows(limit)])
            .await?;
        found.iter().map(standing_of).collect()
    }

    async fn freeze_report(
        &self,
        permit: &Permit<act::MakeReport>,
        report: &NewReport,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        if report.pdf.as_ref().is_some_and(|pdf| pdf.len() > MAX_PDF) {
            return Err(Error::Refused {
                what: "the report".to_owned(),
                problem: "is larger than 32 MiB".to_owned(),
            });
        }
        let detail = Detail::new()
            .text("kind", &report.kind)
            .text("from", &report.from.to_string())
            .text("to", &report.to.to_string());
        let mut act = self
            .act(permit, format!("report:{}", report.id), detail, at)
            .await?;
        act.run(
            "INSERT INTO report (id, kind, from_on, to_on, figures, pdf, at, by_person) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            args![report.id, &report.kind, report.from, report.to, &report.figures, report.pdf.clone(), at, permit.actor().id()],
        )
        .await?;
        act.commit().await
    }

    async fn reports(&self, permit: &Permit<act::ReadReport>) -> Result<Vec<FrozenReport>> {
        is_for(permit, Subject::School)?;
        let found = self.read().await?.all("report", REPORTS, vec![]).await?;
        found.iter().map(|row| report_of(row, None)).collect()
    }

    async fn report(
        &self,
        permit: &Permit<act::ReadReport>,
        id: Uuid,
    ) -> Result<Option<FrozenReport>> {
        is_for(permit, Subject::School)?;
        let row = self.read().await?.one("report", REPORT, args![id]).await?;
        row.map(|row| report_of(&row, row.opt_bytes("pdf")?))
            .transpose()
    }
}

fn check_of(row: &Row) -> Result<CheckRun> {
    let run = NewCheckRun {
        id: row.parsed("id")?,
        from: row.time("from_at")?,
        to: row.time("to_at")?,
        passed: row.int("passed")?,
        failed: row.int("failed")?,
        results: row.text("results")?,
    };
    Ok(CheckRun {
        run,
        by: row.opt_parsed("by_person")?,
    })
}

fn standing_of(row: &Row) -> Result<StandingRow> {
    Ok(StandingRow {
        clause: row.text("clause")?,
        standing: row.text("standing")?,
        figures: row.text("figures")?,
        pack: row.int("pack")?,
        at: row.time("at")?,
    })
}

fn report_of(row: &Row, pdf: Option<Vec<u8>>) -> Result<FrozenReport> {
    let report = NewReport {
        id: row.parsed("id")?,
        kind: row.text("kind")?,
        from: row.parsed("from_on")?,
        to: row.parsed("to_on")?,
        figures: row.text("figures")?,
        pdf,
    };
    Ok(FrozenReport {
        report,
        at: row.time("at")?,
        by: row.opt_parsed("by_person")?,
    })
}
