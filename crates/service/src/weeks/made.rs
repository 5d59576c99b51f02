//! Making the report of a week on the first school day after it, telling whoever hears of alerts
//! first, and chasing its review.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use pharos_access::{Act, Actor, Target, act};
use pharos_activity::{MAX_LIMIT, Query};
use pharos_monitor::RuleSet;
use pharos_records::{FrozenReport, NewReport};
use pharos_school::{Person, Role};

use super::blocked::{Counter, Pupil, Worries};
use super::{Blocked, Week, is_school_day};
use crate::clock::new_uuid;
use crate::help_visits::HelpVisits;
use crate::{App, Error};

/// Under this kind the figures of a week are kept among the reports.
const KIND: &str = "week";
/// Not before this hour of the school day: nobody reads it at midnight.
const FROM_HOUR: i8 = 6;
/// So many weeks are made up for at once, after holidays or a long stop.
const WEEKS_MAX: usize = 8;
/// So many weeks back a missing review is chased.
const CHASED_WEEKS: i64 = 6;
/// So many pages of blocked attempts are read for one week; beyond that the newest part is counted.
const PAGES_MAX: usize = 30;
/// A site that nobody was kept from in so many days before the week is new.
const NEW_WITHIN: SignedDuration = SignedDuration::from_hours(24 * 28);
/// School days for a review where the pack says nothing.
const REVIEW_DAYS: i64 = 3;

impl App {
    /// Makes the reports that are due: on the first school day after a week, and in the holidays of
    /// none; what passed in between is made up for. Those who hear of alerts first are told, with a
    /// link alone. Gives the weeks that were made.
    ///
    /// # Errors
    /// When activity or records cannot be read or written.
    pub async fn make_week_reports(&self) -> Result<Vec<Week>, Error> {
        let now = self.now().to_zoned(self.zone());
        let school = self.school();
        if now.hour() < FROM_HOUR || !is_school_day(&school.pack.filter.calendar, now.date()) {
            return Ok(Vec::new());
        }
        let system = Actor::system("figures");
        let kept: BTreeSet<Week> = self
            .kept_weeks()
            .await?
            .into_iter()
            .map(|(w, _)| w)
            .collect();
        let last = Week::of(now.date()).before();
        let first = self.first_week().await?;
        let mut due = Vec::new();
        let mut week = last;
        while due.len() < WEEKS_MAX && week >= first && !kept.contains(&week) {
            due.push(week);
            week = week.before();
        }
        due.reverse();
        for week in &due {
            self.make_week_report(&system, *week).await?;
        }
        Ok(due)
    }

    async fn make_week_report(&self, system: &Actor, week: Week) -> Result<(), Error> {
        let (mut blocked, _) = self.count_blocked(week, false).await?;
        let from = week.bounds(&self.zone()).0;
        blocked.new_sites = self.new_among(&blocked.sites, from).await?;
        blocked.troubles = self.troubles_now().await?;
        let permit = self.may::<act::MakeReport>(system, Target::School).await?;
        let figures = serde_json::to_string(&blocked)
            .map_err(|error| Error::unavailable("writing a week's figures", &error))?;
        let report = NewReport {
            id: new_uuid(),
            kind: KIND.to_owned(),
            from: week.monday(),
            to: week.sunday(),
            figures,
            pdf: None,
        };
        self.records()
            .freeze_report(&permit, &report, self.now())
            .await?;
        let to = self.week_readers().await?;
        let notices = self.notices_to(&to, "week-ready", &format!("/weeks/{week}"), self.now())?;
        self.queue_notices(&notices).await
    }

    /// Chases reviews: those who hear of alerts first after `mon.week_review_days` school days, the
    /// head after as many again (MON-10). Each hears once of each week. Gives the weeks that wait.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn chase_week_reviews(&self) -> Result<Vec<Week>, Error> {
        let school = self.school();
        let today = self.today();
        let days = school.pack.number_of("mon.week_review_days", REVIEW_DAYS);
        let system = Actor::system("jobs");
        let mut notices = Vec::new();
        let mut late = Vec::new();
        for (week, made) in self.unreviewed(&system).await? {
            let made = made.at.to_zoned(self.zone()).date();
            let passed = self.school_days_between(made, today);
            if passed < days {
                continue;
            }
            late.push(week);
            let path = format!("/weeks/{week}");
            let readers = self.week_readers().await?;
            notices.extend(self.notices_to(&readers, "week-waiting", &path, self.now())?);
            if passed >= 2 * days {
                let head = self.holders(&[Role::Head]).await?;
                notices.extend(self.notices_to(&head, "week-missed", &path, self.now())?);
            }
        }
        self.queue_notices(&notices).await?;
        Ok(late)
    }

    /// School days after the first date, up to the second.
    pub(crate) fn school_days_between(&self, from: Date, to: Date) -> i64 {
        let calendar = &self.school().pack.filter.calendar;
        let mut day = from.saturating_add(1.day());
        let mut count = 0;
        while day <= to {
            count += i64::from(is_school_day(calendar, day));
            day = day.saturating_add(1.day());
        }
        count
    }

    /// Weeks whose report was made some weeks ago at most and that nobody has reviewed, oldest first.
    pub(super) async fn unreviewed(
        &self,
        actor: &Actor,
    ) -> Result<Vec<(Week, FrozenReport)>, Error> {
        let since = Week::of(self.today().saturating_sub((7 * CHASED_WEEKS).days()));
        let permit = self.may::<act::ReadWeek>(actor, Target::School).await?;
        let reviewed: BTreeSet<Week> = self
            .records()
            .week_reviews(&permit, since.monday())
            .await?
            .into_iter()
            .map(|review| Week::of(review.review.week))
            .collect();
        let mut waiting: Vec<_> = self
            .kept_weeks()
            .await?
            .into_iter()
            .filter(|(week, _)| *week >= since && !reviewed.contains(week))
            .collect();
        waiting.sort_by_key(|(week, _)| *week);
        Ok(waiting)
    }

    /// The weeks whose figures are kept.
    pub(super) async fn kept_weeks(&self) -> Result<Vec<(Week, FrozenReport)>, Error> {
        let reports = self.frozen_reports(&Actor::system("figures")).await?;
        Ok(reports
            .into_iter()
            .filter(|report| report.report.kind == KIND)
            .map(|report| (Week::of(report.report.from), report))
            .collect())
    }

    /// The kept figures of a week.
    pub(super) async fn kept_week(
        &self,
        week: Week,
    ) -> Result<Option<(Blocked, Timestamp)>, Error> {
        let kept = self.kept_weeks().await?;
        let Some((_, report)) = kept.into_iter().find(|(kept, _)| *kept == week) else {
            return Ok(None);
        };
        let blocked = serde_json::from_str(&report.report.figures)
            .map_err(|error| Error::unavailable("a week's kept figures", &error))?;
        Ok(Some((blocked, report.at)))
    }

    /// Counts a week's blocked attempts: all of them, or those in worrying categories alone.
    pub(super) async fn count_blocked(
        &self,
        week: Week,
        worrying: bool,
    ) -> Result<(Blocked, Vec<Pupil>), Error> {
        self.count_blocked_between(week.bounds(&self.zone()), worrying)
            .await
    }

    /// The same from a moment up to another one.
    pub(crate) async fn count_blocked_between(
        &self,
        (from, to): (Timestamp, Timestamp),
        worrying: bool,
    ) -> Result<(Blocked, Vec<Pupil>), Error> {
        let worries = Worries::of(&RuleSet::shipped());
        let snapshot = self.filter().snapshot().map_err(|_| {
            Error::Refused("No policy is in force yet, so that nobody is known here.".to_owned())
        })?;
        let roster = std::sync::Arc::clone(snapshot.roster());
        let help = HelpVisits::of(&self.school());
        let mut counter = Counter::new(&worries, &roster, &help);
        let mut whole = true;
        let sealed = Query {
            only_sealed: true,
            ..Query::default()
        };
        let listed = Query {
            actions: vec!["block".into()],
            categories: if worrying {
                worries.categories()
            } else {
                Vec::new()
            },
            ..Query::default()
        };
        // What is on a sealed list carries no category: it is asked for by itself.
        let asked = if worrying {
            vec![listed, sealed]
        } else {
            vec![listed]
        };
        for mut query in asked {
            query.from = Some(from);
            query.to = Some(to);
            query.limit = MAX_LIMIT;
            for page in 0..PAGES_MAX {
                let found = self.inner().activity.search(&query).await?;
                whole &= found.missing.is_empty();
                for stored in &found.events {
                    counter.see(&stored.event);
                }
                query.after = found.next;
                if query.after.is_none() {
                    break;
                }
                whole &= page + 1 < PAGES_MAX;
            }
        }
        Ok(counter.finish(whole))
    }

    /// Which of these sites nobody was kept from in the four weeks before.
    async fn new_among(&self, sites: &[String], from: Timestamp) -> Result<Vec<String>, Error> {
        let mut new = Vec::new();
        for site in sites {
            let query = Query {
                host: Some(site.as_str().into()),
                actions: vec!["block".into()],
                from: Some(from.checked_sub(NEW_WITHIN).unwrap_or(Timestamp::MIN)),
                to: Some(from),
                ..Query::default()
            };
            if self.inner().activity.count(&query).await?.events == 0 {
                new.push(site.clone());
            }
        }
        Ok(new)
    }

    /// What is wrong with Pharos itself now, in words.
    pub(super) async fn troubles_now(&self) -> Result<Vec<String>, Error> {
        let mut troubles = Vec::new();
        if let Some(problem) = self.activity_problem() {
            troubles.push(format!("Activity is not kept as it should be: {problem}."));
        }
        for list in self.stale_lists()? {
            troubles.push(format!("The list {list} is older than it may be."));
        }
        let queue = self.queue().await?;
        if queue.failed > 0 {
            troubles.push(format!(
                "{} could not be sent.",
                match queue.failed {
                    1 => "One notice".to_owned(),
                    many => format!("{many} notices"),
                }
            ));
        }
        Ok(troubles)
    }

    /// Those who hear of alerts first (`mon.first_recipient`) and may read the report; the lead
    /// where none of them may.
    pub(crate) async fn week_readers(&self) -> Result<Vec<Person>, Error> {
        let first: Vec<Role> = self.recipients().first.into_iter().collect();
        let rules = self.rules();
        let may = |person: &Person| {
            rules
                .decide(Act::ReadWeek, &self.actor_of(person), Target::School)
                .is_ok()
        };
        let mut readers = self.holders(&first).await?;
        readers.retain(may);
        if readers.is_empty() {
            readers = self.holders(&[Role::Lead]).await?;
            readers.retain(may);
        }
        Ok(readers)
    }

    /// The first week in which a pack was in force here.
    async fn first_week(&self) -> Result<Week, Error> {
        Ok(Week::of(self.first_pack_day().await?))
    }

    /// The day on which the first pack came here.
    pub(crate) async fn first_pack_day(&self) -> Result<Date, Error> {
        let system = Actor::system("figures");
        let permit = self.may::<act::ReadPolicy>(&system, Target::School).await?;
        let packs = self.records().packs(&permit).await?;
        let first = packs.iter().map(|pack| pack.at).min();
        let first = first.unwrap_or_else(|| self.now());
        Ok(first.to_zoned(self.zone()).date())
    }
}
