//! Dated overrides of the policy: exceptions, emergency blocks, lesson lists, restrictions.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, act};
use pharos_school::{PersonId, RequestId};
use uuid::Uuid;

use crate::{NewNotice, Result};

/// What an override does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OverrideKind {
    /// Opens an address for some people for some time (REQ-02).
    Exception,
    /// Blocks an address for everyone (REQ-05, BRE-04).
    EmergencyBlock,
    /// Keeps a class to a list of sites.
    LessonList,
    /// Narrows one person's access.
    Restriction,
    /// Makes one person a member of an exception group for some time (REQ-06).
    Membership,
}

impl OverrideKind {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exception => "exception",
            Self::EmergencyBlock => "emergency-block",
            Self::LessonList => "lesson-list",
            Self::Restriction => "restriction",
            Self::Membership => "membership",
        }
    }

    /// The reverse of [`OverrideKind::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Exception,
            Self::EmergencyBlock,
            Self::LessonList,
            Self::Restriction,
            Self::Membership,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }
}

/// An override to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOverride {
    /// Its id, made at the edge.
    pub id: Uuid,
    /// What it does.
    pub kind: OverrideKind,
    /// Addresses, groups, people, as versioned JSON in `policy`'s words. Sealed.
    pub body: Vec<u8>,
    /// From when.
    pub from: Timestamp,
    /// Until when; `None` only for emergency blocks and restrictions, which are reviewed instead.
    pub until: Option<Timestamp>,
    /// When somebody must look at it again.
    pub review_at: Option<Timestamp>,
    /// Why. Sealed.
    pub why: String,
    /// The request it answers.
    pub request: Option<RequestId>,
}

/// A stored override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Its id.
    pub id: Uuid,
    /// What it does.
    pub kind: OverrideKind,
    /// Versioned JSON.
    pub body: Vec<u8>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Option<Timestamp>,
    /// When somebody must look at it again.
    pub review_at: Option<Timestamp>,
    /// Why.
    pub why: String,
    /// The request it answers.
    pub request: Option<RequestId>,
    /// When it was made.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<PersonId>,
    /// When it was ended before its time.
    pub ended_at: Option<Timestamp>,
    /// By whom.
    pub ended_by: Option<PersonId>,
    /// When somebody last looked at it again.
    pub reviewed_at: Option<Timestamp>,
    /// Who.
    pub reviewed_by: Option<PersonId>,
}

/// The most overrides of one kind that are read at once: more than two thousand a school day for 90 days.
pub const OF_KIND_MAX: usize = 200_000;

/// Overrides.
#[async_trait]
pub trait Overrides: Send + Sync {
    /// Opens a site. Refused unless the kind is an exception with an end.
    async fn add_exception(
        &self,
        permit: &Permit<act::AddException>,
        new: &NewOverride,
        at: Timestamp,
    ) -> Result<()>;

    /// Makes somebody a member of an exception group. Refused unless the kind is a membership with
    /// an end, and never for oneself ([`crate::Error::OwnMatter`]).
    async fn add_membership(
        &self,
        permit: &Permit<act::AddException>,
        member: PersonId,
        new: &NewOverride,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()>;

    /// Blocks an address for everyone. Refused unless the kind is an emergency block.
    async fn add_emergency_block(
        &self,
        permit: &Permit<act::EmergencyBlock>,
        new: &NewOverride,
        at: Timestamp,
    ) -> Result<()>;

    /// Keeps a class to a list. Refused unless the kind is a lesson list with an end.
    async fn add_lesson_list(
        &self,
        permit: &Permit<act::LessonList>,
        new: &NewOverride,
        at: Timestamp,
    ) -> Result<()>;

    /// Restricts the permit's person. Refused unless the kind is a restriction.
    async fn add_restriction(
        &self,
        permit: &Permit<act::RestrictPerson>,
        new: &NewOverride,
        at: Timestamp,
    ) -> Result<()>;

    /// Ends an override now.
    async fn end_override(
        &self,
        permit: &Permit<act::EndOverride>,
        id: Uuid,
        at: Timestamp,
    ) -> Result<()>;

    /// What is in force at `now` or begins later, oldest first: for building the filter's snapshot.
    async fn overrides_in_force(&self, now: Timestamp) -> Result<Vec<Override>>;

    /// Every override of one kind made in the time, newest first, ended ones included: for figures, which
    /// must not lack any. At most [`OF_KIND_MAX`]; the newest stay.
    async fn overrides_of(
        &self,
        permit: &Permit<act::ReadPolicy>,
        kind: OverrideKind,
        since: Timestamp,
    ) -> Result<Vec<Override>>;

    /// One override, ended or not.
    async fn override_by_id(
        &self,
        permit: &Permit<act::ReadPolicy>,
        id: Uuid,
    ) -> Result<Option<Override>>;

    /// Overrides made in the time, newest first, ended ones included: the change log.
    async fn overrides(
        &self,
        permit: &Permit<act::ReadPolicy>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Override>>;
}
