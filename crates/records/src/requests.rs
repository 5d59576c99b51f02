//! Requests to open a blocked site (REQ-01, REQ-02).

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, act};
use pharos_school::{ClassId, PersonId, RequestId};

use crate::{NewNotice, Result};

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestState {
    /// Waits for the pupil's teacher to endorse or decline it.
    Asked,
    /// Waits for whoever vets.
    Open,
    /// The site was opened.
    Approved,
    /// It was not.
    Refused,
    /// The teacher did not pass it on.
    Declined,
}

impl RequestState {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Declined => "declined",
        }
    }

    /// The reverse of [`RequestState::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Asked,
            Self::Open,
            Self::Approved,
            Self::Refused,
            Self::Declined,
        ]
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
    /// The site's categories by the lists of that moment. Sealed.
    pub categories: Vec<String>,
    /// Whether it waits for a teacher's word first (`req.pupil_route`).
    pub to_endorse: bool,
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
    /// The site's categories when it was asked for.
    pub categories: Vec<String>,
    /// Which teacher passed it on.
    pub endorsed_by: Option<PersonId>,
    /// When.
    pub endorsed_at: Option<Timestamp>,
    /// In which words. Sealed.
    pub endorsement: Option<String>,
    /// The assessment that the decision relied on. Sealed.
    pub relied_on: Option<String>,
}

impl SiteRequest {
    /// Whether nobody has decided it yet.
    pub fn waits(&self) -> bool {
        matches!(self.state, RequestState::Asked | RequestState::Open)
    }
}

/// A teacher's word on a pupil's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsement {
    /// The request.
    pub id: RequestId,
    /// Passed on, or declined.
    pub endorsed: bool,
    /// Why.
    pub words: String,
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
    /// The assessment relied on, if any.
    pub relied_on: Option<String>,
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

    /// Passes a pupil's request on, or declines it, once; the pupil is told of a no.
    async fn endorse_request(
        &self,
        permit: &Permit<act::EndorseRequest>,
        endorsement: &Endorsement,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()>;

    /// Decides a request that waits for it, once; somebody's own never ([`crate::Error::OwnMatter`]).
    async fn decide_request(
        &self,
        permit: &Permit<act::DecideRequest>,
        decision: &RequestDecision,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()>;
}
