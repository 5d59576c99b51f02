//! What Pharos looks after by itself: lists that grow old, viewing that looks odd, dates that come
//! near (FIL-04, AUD-05, REV-02, REP-01). Each is a notice, sent once a day at most.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::{SignedDuration, Span, ToSpan};
use pharos_access::{Actor, Target, act};
use pharos_lists::{Fetched, ListUrl, SealedFetched};
use pharos_records::NewNotice;
use pharos_school::{Person, PersonId, Role};

use crate::{App, Error, NewList};

/// So many people looked at within [`ODD_WITHIN`] is odd (AUD-05).
const ODD_PEOPLE: usize = 40;
/// The stretch of time that is looked at for odd viewing.
const ODD_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// As many look-ups of one hour as are read; beyond that the newest count.
const LOOKUPS_MAX: usize = 10_000;
/// How many days before a review its people are reminded.
const REMIND_DAYS: i32 = 30;

/// The dates that governance waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatesDue {
    /// The policy's next review: the day on its front page, or `rev.interval` months after its
    /// approval, whichever is sooner (REV-02). `None` for a draft that says neither.
    pub review: Option<Date>,
    /// The governors' next report: one interval of `rep.governors` after the end of the last one
    /// kept, or after the policy's approval while there is none (REP-01).
    pub report: Option<Date>,
}

impl App {
    /// Tells the technical team and leadership about every list that is older than it may be, a
    /// sealed one that is empty, and a subscribed one that was never brought in (FIL-04). Each of
    /// them hears of each list once a day. Gives the names of the stale lists.
    ///
    /// # Errors
    /// When the lists cannot be read or the notices not be queued.
    pub async fn alarm_stale_lists(&self) -> Result<Vec<String>, Error> {
        let stale = self.stale_lists()?;
        let to = self
            .holders(&[Role::Technical, Role::Leadership, Role::Head])
            .await?;
        let today = self.today();
        let mut notices = Vec::new();
        for list in &stale {
            notices.extend(self.notices_to(
                &to,
                "list-stale",
                &format!("/lists/{list}/{today}"),
                self.now(),
            )?);
        }
        self.queue_notices(&notices).await?;
        Ok(stale)
    }

    /// Reads again every subscribed list that is due: by its `refresh_hours`, or by its wait after a
    /// failure (FIL-04). One with an address is fetched from its publisher, one with a path read from
    /// this machine. A list that is refused stays as it was; the refusal is logged and told to the
    /// technical team once a day, and the list grows stale. Gives the names of those that were read.
    ///
    /// # Errors
    /// Never for a single list; [`Error::Denied`] when the system may not change lists.
    pub async fn refresh_due_lists(&self) -> Result<Vec<String>, Error> {
        let (school, held) = (self.school(), self.list_status());
        let mut read = Vec::new();
        for wanted in &school.pack.lists {
            let Some(source) = &wanted.source else {
                continue;
            };
            let every = SignedDuration::from_hours(i64::from(wanted.refresh_hours));
            let due = if ListUrl::is_url(source) {
                self.fetch_due(wanted)
            } else {
                Path::new(source).is_absolute()
                    && !held
                        .iter()
                        .any(|list| list.name == wanted.name && list.age < every)
            };
            if !due {
                continue;
            }
            match self
                .refresh_list(&Actor::system("jobs"), &wanted.name)
                .await
            {
                Ok(_) => read.push(wanted.name.clone()),
                Err(denied @ Error::Denied(_)) => return Err(denied),
                Err(error) => {
                    tracing::warn!(list = %wanted.name, %error, "a list was not refreshed; the last good one stays");
                    self.tell_of_refusal(&wanted.name).await?;
                }
            }
        }
        read.extend(self.refresh_due_sealed().await?);
        if self.refresh_due_floor().await? {
            read.push("floor".to_owned());
        }
        Ok(read)
    }

    /// The same for sealed lists (FIL-03): the bundles that the pack names a source for.
    async fn refresh_due_sealed(&self) -> Result<Vec<String>, Error> {
        let (school, mut read) = (self.school(), Vec::new());
        for wanted in &school.pack.sealed {
            if !self.sealed_due(wanted) {
                continue;
            }
            match self
                .fetch_sealed(&Actor::system("jobs"), &wanted.name)
                .await
            {
                Ok(SealedFetched::Taken(_)) => read.push(wanted.name.clone()),
                Ok(SealedFetched::AsItWas) => {}
                Err(denied @ Error::Denied(_)) => return Err(denied),
                Err(error) => {
                    tracing::warn!(list = %wanted.name, %error, "a sealed list was not fetched; the last good issue stays");
                    self.tell_of_refusal(&wanted.name).await?;
                }
            }
        }
        Ok(read)
    }

    /// Reads one subscribed list again from where the pack says it comes from.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a list that is not subscribed or has no source;
    /// [`Error::Refused`] with what is wrong.
    pub async fn refresh_list(&self, actor: &Actor, list: &str) -> Result<Fetched, Error> {
        let school = self.school();
        let wanted = school.pack.lists.iter().find(|wanted| wanted.name == list);
        let source = wanted.and_then(|wanted| Some((wanted, wanted.source.as_ref()?)));
        let (wanted, source) = source.ok_or(Error::NotFound)?;
        if ListUrl::is_url(source) {
            return self.fetch_list(actor, list).await;
        }
        if !Path::new(source).is_absolute() {
            return Err(Error::Refused(format!(
                "The list {list} comes from {source:?}, which is neither an address nor a whole path on this machine."
            )));
        }
        let new = NewList {
            list: list.to_owned(),
            category: wanted.category.clone(),
            format: wanted.format.clone(),
            path: PathBuf::from(source),
            ..NewList::default()
        };
        let report = self.import_list(actor, new).await?;
        Ok(Fetched::Taken(Box::new(report)))
    }

    pub(crate) async fn tell_of_refusal(&self, list: &str) -> Result<(), Error> {
        let to = self.holders(&[Role::Technical]).await?;
        let path = format!("/lists/{list}/refused/{}", self.today());
        let notices = self.notices_to(&to, "list-refused", &path, self.now())?;
        self.queue_notices(&notices).await
    }

    /// The lists that need attention, by name.
    ///
    /// # Errors
    /// When the sealed slot cannot be read.
    pub fn stale_lists(&self) -> Result<Vec<String>, Error> {
        let (school, held) = (self.school(), self.list_status());
        let mut stale: BTreeSet<String> = held
            .iter()
            .filter(|list| list.stale)
            .map(|list| list.name.clone())
            .collect();
        for wanted in &school.pack.lists {
            let allowed = SignedDuration::from_hours(24 * i64::from(wanted.alert_days));
            if held
                .iter()
                .find(|list| list.name == wanted.name)
                .is_none_or(|list| list.age > allowed)
            {
                stale.insert(wanted.name.clone());
            }
        }
        let sealed = self.sealed_status()?;
        stale.extend(self.sealed_wanting(&sealed));
        stale.extend(
            sealed
                .into_iter()
                .filter(|list| list.stale)
                .map(|list| list.name),
        );
        Ok(stale.into_iter().collect())
    }

    /// Tells the lead and the head when somebody looked at the records of many people within an
    /// hour; never the one who looked (AUD-05). Gives who that was.
    ///
    /// # Errors
    /// When the look-ups cannot be read or the notices not be queued.
    pub async fn odd_viewing(&self) -> Result<Vec<PersonId>, Error> {
        let permit = self
            .may::<act::ReadLookups>(&Actor::system("jobs"), Target::School)
            .await?;
        let rows = self
            .records()
            .lookups(&permit, None, self.now() - ODD_WITHIN, LOOKUPS_MAX)
            .await?;
        let mut seen: BTreeMap<PersonId, BTreeSet<PersonId>> = BTreeMap::new();
        for row in rows {
            if let (Some(by), Some(about)) = (row.by, row.about)
                && by != about
            {
                seen.entry(by).or_default().insert(about);
            }
        }
        let odd: Vec<PersonId> = seen
            .into_iter()
            .filter(|(_, people)| people.len() >= ODD_PEOPLE)
            .map(|(by, _)| by)
            .collect();
        let told = self.holders(&[Role::Lead, Role::Head]).await?;
        let today = self.today();
        let mut notices = Vec::new();
        for by in &odd {
            let to: Vec<Person> = told
                .iter()
                .filter(|person| person.id != *by)
                .cloned()
                .collect();
            notices.extend(self.notices_to(
                &to,
                "odd-viewing",
                &format!("/inbox/{by}/{today}"),
                self.now(),
            )?);
        }
        self.queue_notices(&notices).await?;
        Ok(odd)
    }

    /// The dates that governance waits for; they name nobody.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn dates_due(&self) -> Result<DatesDue, Error> {
        let school = self.school();
        let page = &school.pack.front_page;
        let months = school.pack.number_of("rev.interval", 12);
        let by_interval = page
            .approved_on
            .and_then(|on| on.checked_add(Span::new().try_months(months).ok()?).ok());
        let review = [page.review_on, by_interval].into_iter().flatten().min();
        let kept = self.frozen_reports(&Actor::system("figures")).await?;
        let last = kept
            .iter()
            .filter(|report| report.report.kind == "governors")
            .map(|report| report.report.to)
            .max();
        let interval = match school.pack.text_of("rep.governors", "termly").as_str() {
            "half-termly" => 7.weeks(),
            "yearly" => 52.weeks(),
            _ => 17.weeks(),
        };
        let report = last
            .or(page.approved_on)
            .and_then(|from| from.checked_add(interval).ok());
        Ok(DatesDue { review, report })
    }

    /// Reminds of a review a month ahead and again once it is late, then governors as well; and of
    /// the governors' report when it is due (REV-02, REP-01). Each once. Gives how many notices
    /// there are by now.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn remind_of_dates(&self) -> Result<usize, Error> {
        let (due, today) = (self.dates_due().await?, self.today());
        let mut notices = Vec::new();
        if let Some(on) = due.review {
            let ahead = on.checked_sub(REMIND_DAYS.days()).unwrap_or(on);
            if today >= ahead {
                let to = self
                    .holders(&[Role::Lead, Role::Head, Role::Leadership])
                    .await?;
                notices.extend(self.notices_to(
                    &to,
                    "review-due",
                    &format!("/policy/{on}"),
                    self.now(),
                )?);
            }
            if today > on {
                let to = self
                    .holders(&[Role::Head, Role::Leadership, Role::Governor, Role::Chair])
                    .await?;
                notices.extend(self.notices_to(
                    &to,
                    "review-due",
                    &format!("/policy/{on}/late"),
                    self.now(),
                )?);
            }
        }
        if let Some(on) = due.report.filter(|on| today >= *on) {
            let to = self.holders(&[Role::Lead, Role::Head]).await?;
            notices.extend(self.notices_to(
                &to,
                "report-due",
                &format!("/reports/{on}"),
                self.now(),
            )?);
        }
        notices.extend(self.assessments_due(today).await?);
        self.queue_notices(&notices).await?;
        Ok(notices.len())
    }

    /// A task for whoever owns the assessment of a search tool and for the technical team, a month before
    /// it runs out and the tool is closed, and again when it has (SRCH-03).
    async fn assessments_due(&self, today: Date) -> Result<Vec<NewNotice>, Error> {
        let mut notices = Vec::new();
        let school = self.school();
        for one in &school.pack.assessments {
            let ahead = one.expires.checked_sub(REMIND_DAYS.days());
            if today < ahead.unwrap_or(one.expires) {
                continue;
            }
            let mut to: Vec<Person> = self.person_named(&one.owner).await?.into_iter().collect();
            let mut path = format!("/policy/assessments/{}/{}", one.tool, one.expires);
            if one.has_expired(today) {
                path.push_str("/late");
            }
            to.extend(self.holders(&[Role::Technical]).await?);
            to.sort_by_key(|person| person.id);
            to.dedup_by_key(|person| person.id);
            notices.extend(self.notices_to(&to, "assessment-due", &path, self.now())?);
        }
        Ok(notices)
    }

    pub(crate) async fn queue_notices(&self, notices: &[NewNotice]) -> Result<(), Error> {
        if notices.is_empty() {
            return Ok(());
        }
        let permit = self
            .may::<act::Housekeep>(&Actor::system("jobs"), Target::School)
            .await?;
        Ok(self.records().enqueue(&permit, notices, self.now()).await?)
    }

    pub(crate) fn today(&self) -> Date {
        self.now().to_zoned(self.zone()).date()
    }
}
