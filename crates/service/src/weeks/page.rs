//! One week as a reader of it may see it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pharos_access::{Actor, Target, act};
use pharos_casework::Harm;
use pharos_ledger::Detail;
use pharos_monitor::Severity;
use pharos_records::{Alert, AlertFilter, AlertState};
use pharos_school::{AlertId, CheckId, PersonId, Who};

use super::blocked::Pupil;
use super::{Blocked, Week, WeekRead};
use crate::alerts::AlertBody;
use crate::{App, Error};

/// So many pupils who stand out are named on one page.
const NAMED_MAX: usize = 12;
/// So many alerts that still want somebody are shown one by one.
const ALERTS_MAX: usize = 15;

/// A week's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeekReport {
    /// Which week.
    pub week: Week,
    /// Whether it is over.
    pub over: bool,
    /// When its figures were kept; `None`: counted now.
    pub made: Option<Timestamp>,
    /// Alerts by kind and seriousness, the most serious first.
    pub alerts: Vec<AlertLine>,
    /// Alerts of the week that are not closed, the most serious first.
    pub open: Vec<AlertSeen>,
    /// Further open alerts that are not shown one by one.
    pub open_more: usize,
    /// What pupils were kept from.
    pub blocked: Blocked,
    /// The same of the week before; `None` where nothing is kept of it.
    pub blocked_before: Blocked,
    /// Pupils whose attempts in worrying categories stand out, the most serious first.
    pub stand_out: Vec<StandsOut>,
    /// Further ones who are not named.
    pub stand_out_more: usize,
    /// Requests for sites.
    pub requests: RequestLine,
    /// Self-checks.
    pub checks: CheckLine,
    /// What is wrong with Pharos itself, in words.
    pub troubles: Vec<String>,
    /// Who reviewed it, newest first.
    pub reviews: Vec<WeekRead>,
}

/// Alerts of one kind and seriousness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertLine {
    /// The kind of harm.
    pub theme: Harm,
    /// How serious.
    pub severity: Severity,
    /// Raised in the week.
    pub raised: u64,
    /// Of these, raised by a search or by what an AI tool was asked.
    pub searches: u64,
    /// Raised in the week before.
    pub before: u64,
    /// Of the week's: nobody has acknowledged them.
    pub waiting: u64,
    /// Somebody works on them.
    pub in_hand: u64,
    /// Closed with an explanation.
    pub explained: u64,
    /// They became a concern.
    pub concerns: u64,
}

/// An alert that is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSeen {
    /// The alert.
    pub id: AlertId,
    /// When.
    pub at: Timestamp,
    /// Who was behind it, and how sure that is.
    pub who: Who,
    /// The kind of harm.
    pub theme: Harm,
    /// How serious.
    pub severity: Severity,
    /// Whether a search raised it.
    pub search: bool,
    /// Whether somebody works on it.
    pub in_hand: bool,
}

/// A pupil whose attempts stand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandsOut {
    /// Who.
    pub person: PersonId,
    /// The sign-in name, for a search of their activity.
    pub username: String,
    /// What the attempts were about.
    pub theme: Harm,
    /// How serious.
    pub severity: Severity,
    /// How many attempts.
    pub attempts: u64,
    /// The last of them.
    pub last: Timestamp,
}

/// Requests for sites.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestLine {
    /// Waiting now.
    pub waiting: u64,
    /// The oldest that waits.
    pub oldest: Option<Timestamp>,
}

/// Self-checks of the week.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckLine {
    /// Runs.
    pub runs: u64,
    /// Those in which something was not as promised, newest first.
    pub failed: Vec<(CheckId, Timestamp, i64)>,
    /// Tests by hand.
    pub hand: u64,
    /// Those that did not find what was promised, newest first.
    pub hand_failed: Vec<(CheckId, Timestamp, i64)>,
}

impl App {
    /// A week's report. Whom it names leaves a look-up each before it is shown (AUD-05).
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a week that is still to come.
    pub async fn week_report(&self, actor: &Actor, week: Week) -> Result<WeekReport, Error> {
        let permit = self.may::<act::ReadWeek>(actor, Target::School).await?;
        let this = Week::of(self.today());
        if week > this {
            return Err(Error::NotFound);
        }
        let (alerts, open, open_more) = self.alerts_of(actor, week).await?;
        let kept = self.kept_week(week).await?;
        let (blocked, out) = match &kept {
            Some((blocked, _)) => (blocked.clone(), self.count_blocked(week, true).await?.1),
            None => self.count_blocked(week, false).await?,
        };
        let blocked_before = match self.kept_week(week.before()).await? {
            Some((blocked, _)) => blocked,
            None => self.count_blocked(week.before(), false).await?.0,
        };
        let (stand_out, stand_out_more) = self.may_name(actor, out).await?;
        let named: BTreeSet<PersonId> = stand_out
            .iter()
            .map(|pupil| pupil.person)
            .chain(open.iter().filter_map(|alert| alert.who.person()))
            .collect();
        let detail = Detail::new().text("week", &week.to_string());
        for person in named {
            self.records()
                .note(&permit, Some(person), &detail, self.now())
                .await?;
        }
        let troubles = match &kept {
            Some((blocked, _)) => blocked.troubles.clone(),
            None => self.troubles_now().await?,
        };
        Ok(WeekReport {
            week,
            over: week < this,
            made: kept.map(|(_, made)| made),
            alerts,
            open,
            open_more,
            blocked,
            blocked_before,
            stand_out,
            stand_out_more,
            requests: self.request_line(actor).await?,
            checks: self.check_line(week).await?,
            troubles,
            reviews: self.reviews_of(&permit, week).await?,
        })
    }

    /// The alerts of a week that the reader may know of: by kind, and those that are not closed.
    async fn alerts_of(
        &self,
        actor: &Actor,
        week: Week,
    ) -> Result<(Vec<AlertLine>, Vec<AlertSeen>, usize), Error> {
        let permit = self.may::<act::ListAlerts>(actor, Target::School).await?;
        let zone = self.zone();
        let within = |week: Week| {
            let (since, until) = week.bounds(&zone);
            AlertFilter {
                since: Some(since),
                until: Some(until),
                ..AlertFilter::default()
            }
        };
        let mut lines = BTreeMap::new();
        let mut open = Vec::new();
        for alert in self.records().alerts(&permit, &within(week)).await? {
            let body = AlertBody::read(&alert.body)?;
            let noticed = &body.noticed;
            let search = alert.rule == "search-term";
            let line = line(&mut lines, noticed.theme, noticed.severity);
            line.raised += 1;
            line.searches += u64::from(search);
            *outcome(line, &alert) += 1;
            if alert.state != AlertState::Closed && alert.case.is_none() {
                open.push(AlertSeen {
                    id: alert.id,
                    at: alert.at,
                    who: noticed.who.clone(),
                    theme: noticed.theme,
                    severity: noticed.severity,
                    search,
                    in_hand: alert.state == AlertState::Acknowledged,
                });
            }
        }
        for alert in self
            .records()
            .alerts(&permit, &within(week.before()))
            .await?
        {
            let body = AlertBody::read(&alert.body)?;
            line(&mut lines, body.noticed.theme, body.noticed.severity).before += 1;
        }
        open.sort_by(|a, b| (b.severity, a.at).cmp(&(a.severity, b.at)));
        let more = open.len().saturating_sub(ALERTS_MAX);
        open.truncate(ALERTS_MAX);
        Ok((lines.into_values().collect(), open, more))
    }

    /// Those of the pupils who stand out whom the reader may watch, with their sign-in names.
    async fn may_name(
        &self,
        actor: &Actor,
        out: Vec<Pupil>,
    ) -> Result<(Vec<StandsOut>, usize), Error> {
        let (mut shown, mut more) = (Vec::new(), 0);
        for pupil in out {
            if !self.may_watch(actor, pupil.person).await? {
                continue;
            }
            if shown.len() >= NAMED_MAX {
                more += 1;
                continue;
            }
            let Some(person) = self.known_person(pupil.person).await? else {
                continue;
            };
            shown.push(StandsOut {
                person: pupil.person,
                username: person.username,
                theme: pupil.theme,
                severity: pupil.severity,
                attempts: pupil.attempts,
                last: pupil.last,
            });
        }
        Ok((shown, more))
    }

    async fn request_line(&self, actor: &Actor) -> Result<RequestLine, Error> {
        if !self.could(actor, pharos_access::Act::ReadRequests) {
            return Ok(RequestLine::default());
        }
        let waiting = self.requests(actor, true).await?;
        Ok(RequestLine {
            waiting: u64::try_from(waiting.len()).unwrap_or(u64::MAX),
            oldest: waiting.iter().map(|(request, _)| request.at).min(),
        })
    }

    async fn check_line(&self, week: Week) -> Result<CheckLine, Error> {
        let (from, to) = week.bounds(&self.zone());
        let mut line = CheckLine::default();
        for run in self.checks(&Actor::system("figures")).await? {
            if run.run.to >= from && run.run.to < to {
                line.runs += 1;
                if run.run.failed > 0 {
                    line.failed.push((run.run.id, run.run.to, run.run.failed));
                }
            }
        }
        for test in self.hand_tests(&Actor::system("figures")).await? {
            if test.run.to >= from && test.run.to < to {
                line.hand += 1;
                if test.run.failed > 0 {
                    let failed = (test.run.id, test.run.to, test.run.failed);
                    line.hand_failed.push(failed);
                }
            }
        }
        Ok(line)
    }
}

/// The line of a kind and seriousness; the most serious come first.
fn line(
    lines: &mut BTreeMap<(std::cmp::Reverse<Severity>, Harm), AlertLine>,
    theme: Harm,
    severity: Severity,
) -> &mut AlertLine {
    lines
        .entry((std::cmp::Reverse(severity), theme))
        .or_insert(AlertLine {
            theme,
            severity,
            raised: 0,
            searches: 0,
            before: 0,
            waiting: 0,
            in_hand: 0,
            explained: 0,
            concerns: 0,
        })
}

/// The figure that an alert belongs to by what became of it.
fn outcome<'a>(line: &'a mut AlertLine, alert: &Alert) -> &'a mut u64 {
    match (alert.case, alert.state) {
        (Some(_), _) => &mut line.concerns,
        (None, AlertState::Open) => &mut line.waiting,
        (None, AlertState::Acknowledged) => &mut line.in_hand,
        (None, AlertState::Closed) => &mut line.explained,
    }
}
