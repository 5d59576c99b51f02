//! Who reviewed the logs of which week, what they found and what followed (MON-10).

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use pharos_access::{Permit, act};
use pharos_school::PersonId;
use uuid::Uuid;

use crate::Result;

/// A review to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWeekReview {
    /// Its id, made at the edge.
    pub id: Uuid,
    /// The week's Monday.
    pub week: Date,
    /// What was found and what followed, as versioned JSON. Sealed.
    pub body: Vec<u8>,
}

/// A kept review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeekReview {
    /// The review.
    pub review: NewWeekReview,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<PersonId>,
}

/// Reviews of weeks. They are added, never changed: a second look at a week is a second review.
#[async_trait]
pub trait Weeks: Send + Sync {
    /// Keeps a review.
    async fn add_week_review(
        &self,
        permit: &Permit<act::ReviewWeek>,
        review: &NewWeekReview,
        at: Timestamp,
    ) -> Result<()>;

    /// Reviews of the weeks that begin on this day or later, newest first.
    async fn week_reviews(
        &self,
        permit: &Permit<act::ReadWeek>,
        since: Date,
    ) -> Result<Vec<WeekReview>>;
}
