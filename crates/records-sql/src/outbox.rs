//! The queue of notices and other work.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Permit, Subject, act};
use pharos_ledger::Detail;
use pharos_records::{Job, NewNotice, Outbox, QueueFigures, Result};
use pharos_school::NoticeId;

use crate::audit::rows;
use crate::db::{Row, args};
use crate::store::{Act, Store, is_for};

const DUE: &str = "SELECT id, kind, queued_at, attempts, body FROM outbox WHERE done_at IS NULL AND failed_at IS NULL AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1) ORDER BY due_at, id LIMIT $2";
const LEASE: &str = "UPDATE outbox SET leased_until = $2, attempts = attempts + 1 WHERE id = $1 AND attempts = $3 AND done_at IS NULL AND failed_at IS NULL AND (leased_until IS NULL OR leased_until <= $4)";
const FIGURES: &str = "SELECT CAST(COALESCE(SUM(CASE WHEN failed_at IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS waiting, CAST(COALESCE(SUM(CASE WHEN failed_at IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT) AS failed, MIN(CASE WHEN failed_at IS NULL THEN queued_at END) AS oldest FROM outbox WHERE done_at IS NULL";

#[async_trait]
impl Outbox for Store {
    async fn enqueue(
        &self,
        permit: &Permit<act::Housekeep>,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let count = i64::try_from(notices.len()).unwrap_or(i64::MAX);
        let mut act = self
            .act(permit, "school", Detail::new().number("notices", count), at)
            .await?;
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await
    }

    async fn lease_jobs(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: usize,
    ) -> Result<Vec<Job>> {
        let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
        // Most calls find nothing: do not take the writer for that.
        if self
            .read()
            .await?
            .all("outbox", DUE, args![now, 1_i64])
            .await?
            .is_empty()
        {
            return Ok(vec![]);
        }
        let mut tx = self.housekeeping().await?;
        let mut jobs = Vec::new();
        for row in tx.all("outbox", DUE, args![now, rows(limit)]).await? {
            let job = self.job_of(&row, until)?;
            if tx
                .run(LEASE, args![job.id, until, job.attempt - 1, now])
                .await?
                == 1
            {
                jobs.push(job);
            }
        }
        tx.commit().await?;
        Ok(jobs)
    }

    async fn finish_job(&self, job: &Job, at: Timestamp) -> Result<bool> {
        let mut tx = self.housekeeping().await?;
        const DONE: &str = "UPDATE outbox SET done_at = $3, leased_until = NULL WHERE id = $1 AND attempts = $2 AND done_at IS NULL";
        let done = tx.run(DONE, args![job.id, job.attempt, at]).await?;
        tx.commit().await?;
        Ok(done == 1)
    }

    async fn fail_job(
        &self,
        job: &Job,
        again: Option<Timestamp>,
        problem: &str,
        at: Timestamp,
    ) -> Result<bool> {
        let mut tx = self.housekeeping().await?;
        const FAILED: &str = "UPDATE outbox SET leased_until = NULL, due_at = $3, failed_at = $4, problem = $5 WHERE id = $1 AND attempts = $2 AND done_at IS NULL";
        let given_up = again.is_none().then_some(at);
        let problem: String = problem.chars().take(500).collect();
        let done = tx
            .run(
                FAILED,
                args![job.id, job.attempt, again.unwrap_or(at), given_up, problem],
            )
            .await?;
        tx.commit().await?;
        Ok(done == 1)
    }

    async fn queue(&self) -> Result<QueueFigures> {
        let row = self.read().await?.one("outbox", FIGURES, vec![]).await?;
        let Some(row) = row else {
            return Ok(QueueFigures::default());
        };
        Ok(QueueFigures {
            waiting: row.int("waiting")?,
            failed: row.int("failed")?,
            oldest: row.opt_time("oldest")?,
        })
    }
}

impl Store {
    /// Queues notices in the transaction of their cause. One with a key already queued is left out.
    pub(crate) async fn queue_notices(
        &self,
        act: &mut Act,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()> {
        const ADD: &str = "INSERT INTO outbox (id, kind, key, due_at, queued_at, attempts, body) VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT DO NOTHING";
        for notice in notices {
            let body = self.seal("outbox", &notice.id.to_string(), "body", &notice.body)?;
            act.run(
                ADD,
                args![
                    notice.id,
                    &notice.kind,
                    &notice.key,
                    notice.due_at,
                    at,
                    body
                ],
            )
            .await?;
        }
        Ok(())
    }

    fn job_of(&self, row: &Row, leased_until: Timestamp) -> Result<Job> {
        let id: NoticeId = row.parsed("id")?;
        Ok(Job {
            id,
            kind: row.text("kind")?,
            queued_at: row.time("queued_at")?,
            attempt: row.int("attempts")? + 1,
            leased_until,
            body: self.unseal("outbox", &id.to_string(), "body", &row.bytes("body")?)?,
        })
    }
}
