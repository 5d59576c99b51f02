//! Who reviewed a week, what was found and what followed (MON-10).

use jiff::{Timestamp, ToSpan};
use pharos_access::{Actor, Target, act};
use pharos_records::{NewWeekReview, WeekReview};
use pharos_school::PersonId;
use serde::{Deserialize, Serialize};

use super::Week;
use crate::clock::new_uuid;
use crate::overrides::json;
use crate::{App, Error, Problem, SignedIn};

/// The stored form's version.
const VERSION: u16 = 1;
/// The shortest finding, in characters: "Nothing unusual" is one.
const WORDS_MIN: usize = 5;
/// The longest text, in characters.
const WORDS_MAX: usize = 20_000;
/// So many weeks stand on the list of weeks.
const LISTED: usize = 12;

#[derive(Debug, Serialize, Deserialize)]
struct Body {
    v: u16,
    found: String,
    followed: String,
}

/// A review as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeekRead {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<PersonId>,
    /// What was found.
    pub found: String,
    /// What followed.
    pub followed: String,
}

/// One week on the list of weeks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeekLine {
    /// Which week.
    pub week: Week,
    /// Whether it is over.
    pub over: bool,
    /// When its report was made.
    pub made: Option<Timestamp>,
    /// Its reviews, newest first.
    pub reviews: Vec<WeekRead>,
}

impl App {
    /// Notes that somebody reviewed a week. A second look at the same week is a second review.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] without words; [`Error::Refused`] for a week that is not
    /// over: part of it would go unread.
    pub async fn review_week(
        &self,
        me: &SignedIn,
        week: Week,
        found: &str,
        followed: &str,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::ReviewWeek>(&me.actor, Target::School)
            .await?;
        if week >= Week::of(self.today()) {
            return Err(Error::Refused(
                "This week is not over. Review it when it is, from Monday on.".to_owned(),
            ));
        }
        let mut wrong = Vec::new();
        for (field, text, missing) in [
            (
                "found",
                found,
                "Say what you found. \u{201c}Nothing unusual\u{201d} is an answer.",
            ),
            (
                "followed",
                followed,
                "Say what followed. \u{201c}Nothing was needed\u{201d} is an answer.",
            ),
        ] {
            let length = text.trim().chars().count();
            if length < WORDS_MIN {
                wrong.push(Problem::field(field, missing));
            } else if length > WORDS_MAX {
                wrong.push(Problem::field(field, "Write at most 20,000 characters."));
            }
        }
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        let review = NewWeekReview {
            id: new_uuid(),
            week: week.monday(),
            body: json(&Body {
                v: VERSION,
                found: found.trim().to_owned(),
                followed: followed.trim().to_owned(),
            })?,
        };
        Ok(self
            .records()
            .add_week_review(&permit, &review, self.now())
            .await?)
    }

    /// The weeks that wait for a review, oldest first; none for those who may not read them.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn weeks_to_review(&self, actor: &Actor) -> Result<Vec<Week>, Error> {
        if !self.could(actor, pharos_access::Act::ReviewWeek) {
            return Ok(Vec::new());
        }
        let waiting = self.unreviewed(actor).await?;
        Ok(waiting.into_iter().map(|(week, _)| week).collect())
    }

    /// The last weeks, this one first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn weeks(&self, actor: &Actor) -> Result<Vec<WeekLine>, Error> {
        let this = Week::of(self.today());
        let weeks: Vec<Week> = std::iter::successors(Some(this), |week| Some(week.before()))
            .take(LISTED)
            .collect();
        let since = weeks.last().copied().unwrap_or(this);
        let permit = self.may::<act::ReadWeek>(actor, Target::School).await?;
        let reviews = self.records().week_reviews(&permit, since.monday()).await?;
        let kept = self.kept_weeks().await?;
        weeks
            .into_iter()
            .map(|week| {
                let of_week = |review: &&WeekReview| Week::of(review.review.week) == week;
                Ok(WeekLine {
                    week,
                    over: week < this,
                    made: kept
                        .iter()
                        .find(|(kept, _)| *kept == week)
                        .map(|(_, report)| report.at),
                    reviews: reviews
                        .iter()
                        .filter(of_week)
                        .map(read)
                        .collect::<Result<_, Error>>()?,
                })
            })
            .collect()
    }

    pub(super) async fn reviews_of(
        &self,
        permit: &pharos_access::Permit<act::ReadWeek>,
        week: Week,
    ) -> Result<Vec<WeekRead>, Error> {
        let next = week.monday().saturating_add(7.days());
        self.records()
            .week_reviews(permit, week.monday())
            .await?
            .iter()
            .filter(|review| review.review.week < next)
            .map(read)
            .collect()
    }
}

fn read(stored: &WeekReview) -> Result<WeekRead, Error> {
    let body: Body = serde_json::from_slice(&stored.review.body)
        .map_err(|error| Error::unavailable("a stored review of a week", &error))?;
    Ok(WeekRead {
        at: stored.at,
        by: stored.by,
        found: body.found,
        followed: body.followed,
    })
}
