//! Requests to open a blocked site (REQ-01, REQ-02).

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, act};
use pharos_school::{ClassId, PersonId, RequestId};

use crate::{NewNotice, Result};

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestState {
    /// Waits.
    Open,
    /// The site was opened.
    Approved,
    /// It was not.
    Refused,
}

impl RequestState {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }

    /// The reverse of [`RequestState::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Open, Self::Approved, Self::Refused]
            .into_iter()
            .find(|s| s.name() == name)
    }
}

/// A request to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// Its id, made at the edge.
    pub id: RequestId,
    /// The address. Sealed.
    pub address: String,
    /// What for. Sealed.
    pub purpose: String,
    /// For which class.
    pub class: Option<ClassId>,
    /// Until when it is wanted.
    pub wanted_until: Option<Timestamp>,
}

/// A stored request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRequest {
    /// Its id.
    pub id: RequestId,
    /// When.
    pub at: Timestamp,
    /// By whom; `None` when asked from a block page by somebody unknown.
    pub by: Option<PersonId>,
    /// The address.
    pub address: String,
    /// What for.
    pub purpose: String,
    /// For which class.
    pub class: Option<ClassId>,
    /// Until when it is wanted.
    pub wanted_until: Option<Timestamp>,
    /// Where it stands.
    pub state: RequestState,
    /// Who decided.
    pub decided_by: Option<PersonId>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Why. Sealed.
    pub decision: Option<String>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestDecision {
    /// The request.
    pub id: RequestId,
    /// Approved or not.
    pub approved: bool,
    /// Why.
    pub reason: String,
    /// The override that opens the site, when approved; stored in the same transaction.
    pub opens: Option<crate::NewOverride>,
}

/// Requests for sites.
#[async_trait]
pub trait Requests: Send + Sync {
    /// Stores a request by the permit's actor with its notices.
    async fn ask_for_site(
        &self,
        permit: &Permit<act::AskForSite>,
        request: &NewRequest,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()>;

    /// One request.
    async fn request(
        &self,
        permit: &Permit<act::ReadRequests>,
        id: RequestId,
    ) -> Result<Option<SiteRequest>>;

    /// Requests, oldest first; only open ones when `open`.
    async fn requests(
        &self,
        permit: &Permit<act::ReadRequests>,
        open: bool,
        limit: usize,
    ) -> Result<Vec<SiteRequest>>;

    /// One's own requests, newest first.
    async fn own_requests(&self, permit: &Permit<act::ReadReceipt>) -> Result<Vec<SiteRequest>>;

    /// Decides a request once; somebody's own never ([`crate::Error::OwnMatter`]).
    async fn decide_request(
        &self,
        permit: &Permit<act::DecideRequest>,
        decision: &RequestDecision,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()>;
}
