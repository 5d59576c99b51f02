//! Notices and other work queued in the transaction of its cause, done at least once.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pharos_access::{Permit, act};
use pharos_school::NoticeId;

use crate::Result;

/// Work to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    /// Its id, made at the edge.
    pub id: NoticeId,
    /// What sort of work: `mail`, `webhook` and so on.
    pub kind: String,
    /// Work with the same key is queued once; `None` always queues.
    pub key: Option<String>,
    /// Not before.
    pub due_at: Timestamp,
    /// A small JSON object: whom, which template, which link. Sealed.
    pub body: Vec<u8>,
}

/// Work taken on lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: NoticeId,
    /// What sort.
    pub kind: String,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// 1 for the first attempt.
    pub attempt: i64,
    /// The end of the lease: after it another worker may take the job.
    pub leased_until: Timestamp,
    /// JSON.
    pub body: Vec<u8>,
}

/// How the queue stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueFigures {
    /// Not done.
    pub waiting: i64,
    /// Given up.
    pub failed: i64,
    /// The oldest that waits.
    pub oldest: Option<Timestamp>,
}

/// The queue.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Queues work that has no other cause: reminders.
    async fn enqueue(
        &self,
        permit: &Permit<act::Housekeep>,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()>;

    /// Takes up to `limit` due jobs for `lease`. Each is given to one worker at a time.
    async fn lease_jobs(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: usize,
    ) -> Result<Vec<Job>>;

    /// A job is done. False when its lease was lost to another worker.
    async fn finish_job(&self, job: &Job, at: Timestamp) -> Result<bool>;

    /// A job failed; `again` is when to try once more, `None` to give up. `problem` holds no
    /// personal data and is cut to 500 characters. False when its lease was lost.
    async fn fail_job(
        &self,
        job: &Job,
        again: Option<Timestamp>,
        problem: &str,
        at: Timestamp,
    ) -> Result<bool>;

    /// How the queue stands.
    async fn queue(&self) -> Result<QueueFigures>;
}
