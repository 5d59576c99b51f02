//! Notices: queued in the transaction of their cause, sent by the jobs, never carrying more than a
//! kind and a link.

use jiff::{SignedDuration, Timestamp};
use pharos_notify::{Kind, Notice, Place, Post, Severity};
use pharos_records::NewNotice;
use pharos_school::{NoticeId, Person, Role};
use serde::{Deserialize, Serialize};

use crate::clock::new_uuid;
use crate::overrides::json;
use crate::{App, Error};

/// How long one worker keeps a notice before another may take it.
const LEASE: SignedDuration = SignedDuration::from_secs(120);
/// How many notices are sent in one turn.
const AT_ONCE: usize = 50;
/// How often a notice is tried.
const ATTEMPTS_MAX: i64 = 14;

/// What a queued notice says. No names, no words of a case: the link asks for sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeBody {
    /// The stored form's version.
    pub v: u16,
    /// To whom: an e-mail address of the school.
    pub to: String,
    /// The kind, which chooses the fixed text: `alert`, `concern`, `request` …
    pub kind: String,
    /// The page to open, as a path.
    pub path: String,
}

impl NoticeBody {
    /// The notice as it is sent: fixed words and a link. `None` for a body that no longer fits.
    pub fn notice(&self, id: NoticeId, at: Timestamp) -> Option<Notice> {
        let (kind, severity) = words(&self.kind);
        Some(Notice {
            id,
            at,
            to: self.to.clone(),
            kind,
            severity,
            place: place(&self.path)?,
        })
    }
}

/// Which fixed words a queued kind stands for.
fn words(kind: &str) -> (Kind, Severity) {
    match kind {
        "alert-worse" => (Kind::Alert, Severity::Urgent),
        "alert" | "alert-passed-on" => (Kind::Alert, Severity::Attention),
        "concern" => (Kind::Concern, Severity::Urgent),
        "emergency-access" | "odd-viewing" => (Kind::OddViewing, Severity::Attention),
        "network-gap" => (Kind::NetworkGap, Severity::Attention),
        "list-stale" | "list-refused" | "breach-filter" => (Kind::ListStale, Severity::Attention),
        "check-failed" => (Kind::CheckFailed, Severity::Urgent),
        "trouble" => (Kind::Trouble, Severity::Urgent),
        "provider-due" => (Kind::StepDue, Severity::Attention),
        "week-ready" => (Kind::ReportReady, Severity::Attention),
        "review-due" | "change-review" | "week-waiting" | "week-missed" | "audit-ready"
        | "audit-waiting" | "audit-missed" | "hand-test-due" | "hand-test-missed" => {
            (Kind::ReviewDue, Severity::Attention)
        }
        "approval" => (Kind::Approval, Severity::Attention),
        "membership" | "membership-over" => (Kind::MembershipChanged, Severity::Information),
        "request" => (Kind::SiteRequest, Severity::Information),
        "request-answered" => (Kind::RequestAnswered, Severity::Information),
        chase if chase.starts_with("alert-chase") => (Kind::AlertOverdue, Severity::Urgent),
        block if block.starts_with("block-partial") => (Kind::StepDue, Severity::Urgent),
        many if many.starts_with("concern-many") => (Kind::Concern, Severity::Urgent),
        chase if chase.starts_with("concern-chase") => (Kind::Concern, Severity::Urgent),
        _ => (Kind::StepDue, Severity::Attention),
    }
}

fn place(path: &str) -> Option<Place> {
    if let Some(id) = path.strip_prefix("/alerts/") {
        return id.parse().ok().map(Place::Alert);
    }
    if let Some(id) = path.strip_prefix("/cases/") {
        return id.parse().ok().map(Place::Case);
    }
    if let Some(id) = path.strip_prefix("/checks/") {
        return id.parse().ok().map(Place::Check);
    }
    if let Some(monday) = path.strip_prefix("/weeks/") {
        return monday.parse().ok().map(Place::Week);
    }
    if let Some(from) = path.strip_prefix("/attempts/") {
        return from.parse().ok().map(Place::Attempts);
    }
    for (prefix, place) in [
        ("/lists", Place::Lists),
        ("/checks", Place::Checks),
        ("/network/status", Place::Status),
        ("/network", Place::Network),
        ("/policy", Place::Policy),
        ("/reports", Place::Reports),
        ("/changes", Place::Changes),
    ] {
        if path.starts_with(prefix) {
            return Some(place);
        }
    }
    match path.strip_prefix("/requests/") {
        Some("mine") => Some(Place::Inbox),
        Some(id) => id.parse().ok().map(Place::Request),
        None => Some(Place::Inbox),
    }
}

impl App {
    /// Sends the notices that are due; what fails is tried again later, each time after a longer
    /// wait, and given up after a day of tries. Gives how many went out.
    ///
    /// # Errors
    /// When the queue cannot be read or written.
    pub async fn send_notices(&self, post: &dyn Post) -> Result<usize, Error> {
        let mut sent = 0;
        for job in self
            .records()
            .lease_jobs(self.now(), LEASE, AT_ONCE)
            .await?
        {
            let body = serde_json::from_slice::<NoticeBody>(&job.body).ok();
            let Some(notice) = body.and_then(|body| body.notice(job.id, job.queued_at)) else {
                self.records()
                    .fail_job(&job, None, "the stored notice does not read", self.now())
                    .await?;
                continue;
            };
            match post.send(&notice).await {
                Ok(_) => {
                    self.records().finish_job(&job, self.now()).await?;
                    sent += 1;
                }
                Err(error) => {
                    let wait = SignedDuration::from_secs(30 << job.attempt.clamp(0, 8));
                    let again =
                        (error.retry && job.attempt < ATTEMPTS_MAX).then_some(self.now() + wait);
                    self.records()
                        .fail_job(&job, again, &error.what, self.now())
                        .await?;
                    tracing::warn!(attempt = job.attempt, what = %error.what, "a notice was not taken by the mail server");
                }
            }
        }
        Ok(sent)
    }

    /// One notice for each of these people who has an address.
    pub(crate) fn notices_to(
        &self,
        people: &[Person],
        kind: &str,
        path: &str,
        due_at: Timestamp,
    ) -> Result<Vec<NewNotice>, Error> {
        people
            .iter()
            .filter_map(|person| person.email.as_ref().map(|email| (person, email)))
            .map(|(person, email)| {
                let body = NoticeBody {
                    v: 1,
                    to: email.clone(),
                    kind: kind.to_owned(),
                    path: path.to_owned(),
                };
                Ok(NewNotice {
                    id: NoticeId::from_uuid(new_uuid()),
                    kind: "mail".to_owned(),
                    key: Some(format!("{kind}:{path}:{}", person.id)),
                    due_at,
                    body: json(&body)?,
                })
            })
            .collect()
    }

    /// Everybody on the roll with any of these roles.
    pub(crate) async fn holders(&self, roles: &[Role]) -> Result<Vec<Person>, Error> {
        let roll = self.known_roll().await?;
        Ok(roll
            .into_iter()
            .filter(|person| person.is_active() && roles.iter().any(|role| person.is(*role)))
            .collect())
    }
}
