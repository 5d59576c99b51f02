//! Reviews of weeks.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use pharos_access::{Permit, Subject, act};
use pharos_ledger::Detail;
use pharos_records::{MAX_ROWS, NewWeekReview, Result, WeekReview, Weeks};
use uuid::Uuid;

use crate::audit::rows;
use crate::db::{Row, args};
use crate::store::{Store, is_for};

const SINCE: &str = "SELECT id, week, at, by_person, body FROM week_review WHERE week >= $1 ORDER BY at DESC, id LIMIT $2";

#[async_trait]
impl Weeks for Store {
    async fn add_week_review(
        &self,
        permit: &Permit<act::ReviewWeek>,
        review: &NewWeekReview,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let body = self.seal("week_review", &review.id.to_string(), "body", &review.body)?;
        let subject = format!("week:{}", review.week);
        let mut act = self.act(permit, subject, Detail::new(), at).await?;
        act.run(
            "INSERT INTO week_review (id, week, at, by_person, body) VALUES ($1, $2, $3, $4, $5)",
            args![review.id, review.week, at, permit.actor().id(), body],
        )
        .await?;
        act.commit().await
    }

    async fn week_reviews(
        &self,
        permit: &Permit<act::ReadWeek>,
        since: Date,
    ) -> Result<Vec<WeekReview>> {
        is_for(permit, Subject::School)?;
        let found = self
            .read()
            .await?
            .all("week_review", SINCE, args![since, rows(MAX_ROWS)])
            .await?;
        found.iter().map(|row| self.week_review_of(row)).collect()
    }
}

impl Store {
    fn week_review_of(&self, row: &Row) -> Result<WeekReview> {
        let id: Uuid = row.parsed("id")?;
        Ok(WeekReview {
            review: NewWeekReview {
                id,
                week: row.parsed("week")?,
                body: self.unseal("week_review", &id.to_string(), "body", &row.bytes("body")?)?,
            },
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
        })
    }
}
