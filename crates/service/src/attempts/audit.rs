//! One audit as its reader may see it, the list of audits, and chasing what is overdue.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use pharos_access::{Act, Actor, Target, act};
use pharos_casework::Harm;
use pharos_governance::AuditFact;
use pharos_ledger::Detail;
use pharos_monitor::Severity;
use pharos_school::{PersonId, Role};
use serde::{Deserialize, Serialize};

use super::{AttemptResponse, AuditInterval, AuditPeriod, AuditSigned};
use crate::weeks::Pupil;
use crate::{App, Error};

/// So many pupils stand in one audit; further ones are counted.
const PUPILS_MAX: usize = 200;
/// So many of them are named on one page: fewer than make the viewing of records odd (AUD-05).
const PAGE: usize = 25;
/// So many periods stand on the list.
const LISTED: usize = 8;
/// School days for an audit where the pack says nothing.
const AUDIT_DAYS: i64 = 10;

/// One audit on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Its period.
    pub period: AuditPeriod,
    /// Whether the period is over.
    pub over: bool,
    /// Whether it waits for a signature beyond `mon.attempt_audit_days` school days.
    pub overdue: bool,
    /// Signatures, newest first.
    pub signed: Vec<AuditSigned>,
}

/// What a pupil tried for on one theme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThemeTried {
    /// The theme.
    pub theme: Harm,
    /// How serious.
    pub severity: Severity,
    /// How many attempts.
    pub attempts: u64,
    /// The last of them.
    pub last: Timestamp,
}

/// A pupil whose attempts stand out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedPupil {
    /// Who.
    pub person: PersonId,
    /// By theme, the one with most attempts first.
    pub themes: Vec<ThemeTried>,
    /// What followed, newest first.
    #[serde(skip)]
    pub responses: Vec<AttemptResponse>,
    /// The sign-in name, for a search of their activity; empty for one who is no longer known.
    #[serde(skip)]
    pub username: String,
}

impl AuditedPupil {
    /// As it is kept with the signature: what followed has entries of its own.
    pub(super) fn bare(self) -> Self {
        Self {
            responses: Vec::new(),
            username: String::new(),
            ..self
        }
    }

    /// Repetition on what is serious first, then what is worth knowing.
    fn rank(&self) -> (bool, u64, Option<Severity>, Option<Timestamp>) {
        let serious = |tried: &&ThemeTried| tried.severity > Severity::Low;
        let is_serious = self.themes.iter().any(|tried| serious(&tried));
        let attempts = self
            .themes
            .iter()
            .filter(|tried| !is_serious || serious(tried))
            .map(|tried| tried.attempts);
        (
            is_serious,
            attempts.max().unwrap_or_default(),
            self.themes.iter().map(|tried| tried.severity).max(),
            self.themes.iter().map(|tried| tried.last).max(),
        )
    }
}

/// The audit of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptAudit {
    /// Which, and how it stands.
    pub line: AuditLine,
    /// Pupils whose attempts stand out, as many as one page names: of those with a serious theme who
    /// tried most often for one first (what is grave even once has raised its alert at once), then of
    /// those with themes that are worth knowing.
    pub pupils: Vec<AuditedPupil>,
    /// Which page it is, from 1 on.
    pub page: usize,
    /// How many pages there are, at least 1.
    pub pages: usize,
    /// Pupils on all pages.
    pub total: usize,
    /// Pupils for whom nothing was noted yet, those who are not named among them.
    pub unanswered: usize,
    /// Further ones who are not named. They move up as something is noted for those above.
    pub more: usize,
    /// Whether it is known that something followed for those who are not named, unless `unanswered` says
    /// otherwise. An audit that was signed before this was asked does not say.
    pub more_known: bool,
    /// Attempts of pupils in worrying categories.
    pub attempts: u64,
    /// Whether everything of the period was counted.
    pub whole: bool,
    /// Before this day the activity of the period is no longer kept.
    pub kept_from: Option<Date>,
}

/// Whom a reader is shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named {
    /// Everybody on this page.
    Page(usize),
    /// One pupil.
    One(PersonId),
    /// Nobody: it is looked at by the system, to be kept with a signature.
    Nobody,
}

impl App {
    /// How often attempts are audited; `None`: the school has switched it off.
    pub fn audit_interval(&self) -> Option<AuditInterval> {
        let school = self.school();
        AuditInterval::named(&school.pack.text_of("mon.attempt_audit", "half-termly"))
    }

    /// The last audits, that of the period under way first. Empty where they are switched off.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn attempt_audits(&self, actor: &Actor) -> Result<Vec<AuditLine>, Error> {
        let permit = self.may::<act::ReadAttempts>(actor, Target::School).await?;
        let mut signed: BTreeMap<String, Vec<AuditSigned>> = BTreeMap::new();
        for (key, one, _) in self.signatures(&permit).await? {
            signed.entry(key).or_default().push(one);
        }
        let first = self.first_pack_day().await?;
        let mut lines = Vec::new();
        let mut day = Some(self.today());
        while let Some(on) = day.filter(|_| lines.len() < LISTED) {
            let Some(interval) = self.audit_interval() else {
                break;
            };
            let period = interval.period_of(&self.school().pack.filter.calendar, on);
            day = (period.from > first).then(|| period.from.saturating_sub(1.day()));
            let signed = signed.remove(&period.to_string()).unwrap_or_default();
            lines.push(self.audit_line(period, signed));
        }
        Ok(lines)
    }

    /// One page of the audit of a period, from 1 on; the nearest one where there is none. Whom it names leaves a look-up each before it is shown (AUD-05).
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a period that is none or still to come.
    pub async fn attempt_audit(
        &self,
        actor: &Actor,
        period: AuditPeriod,
        page: usize,
    ) -> Result<AttemptAudit, Error> {
        self.audit_of(actor, period, Named::Page(page)).await
    }

    /// The same for one pupil alone, with one look-up.
    ///
    /// # Errors
    /// As [`App::attempt_audit`]; [`Error::NotFound`] for a pupil who does not stand there.
    pub async fn attempt_audit_of(
        &self,
        actor: &Actor,
        period: AuditPeriod,
        person: PersonId,
    ) -> Result<(AuditLine, AuditedPupil), Error> {
        let audit = self.audit_of(actor, period, Named::One(person)).await?;
        let pupil = audit.pupils.into_iter().next().ok_or(Error::NotFound)?;
        Ok((audit.line, pupil))
    }

    /// The audit with those who are to be named; with [`Named::Nobody`] with everybody.
    pub(super) async fn audit_of(
        &self,
        actor: &Actor,
        period: AuditPeriod,
        named: Named,
    ) -> Result<AttemptAudit, Error> {
        let permit = self.may::<act::ReadAttempts>(actor, Target::School).await?;
        let period = self.audited_period(period)?;
        let mut signed = Vec::new();
        let mut kept = None;
        for (key, one, body) in self.signatures(&permit).await? {
            if key == period.to_string() {
                signed.push(one);
                kept.get_or_insert(body);
            }
        }
        let bounds = period.bounds(&self.zone());
        let (found, more, more_known, attempts, whole) = match kept {
            Some(body) => {
                let known = body.more == 0 || body.all_answered;
                (body.pupils, body.more, known, body.attempts, body.whole)
            }
            None => {
                let (blocked, out) = self.count_blocked_between(bounds, true).await?;
                (by_pupil(out), 0, true, blocked.attempts, blocked.whole)
            }
        };
        let mut responses: BTreeMap<PersonId, Vec<AttemptResponse>> = BTreeMap::new();
        for response in self.responses_in(&permit, period).await? {
            responses.entry(response.person).or_default().push(response);
        }
        let mut all = Vec::new();
        for mut pupil in found {
            if self.may_watch(actor, pupil.person).await? {
                pupil.responses = responses.remove(&pupil.person).unwrap_or_default();
                all.push(pupil);
            }
        }
        // Everybody counts, and may be looked at alone, whether or not there is room to name them.
        let unanswered = all.iter().filter(|one| one.responses.is_empty()).count();
        if let Named::One(only) = named {
            all.retain(|one| one.person == only);
        }
        let (all, beyond) = named_first(all, PUPILS_MAX);
        let pages = all.len().div_ceil(PAGE).max(1);
        let page = match named {
            Named::Page(page) => page.clamp(1, pages),
            Named::One(_) | Named::Nobody => 1,
        };
        let mut audit = AttemptAudit {
            line: self.audit_line(period, signed),
            pupils: Vec::new(),
            page,
            pages,
            total: all.len(),
            unanswered,
            more: more + beyond,
            more_known,
            attempts,
            whole,
            kept_from: self.kept_from(bounds.0),
        };
        audit.pupils = match named {
            Named::Nobody => {
                return Ok(AttemptAudit {
                    pupils: all,
                    ..audit
                });
            }
            Named::One(_) => all,
            Named::Page(_) => all.into_iter().skip((page - 1) * PAGE).take(PAGE).collect(),
        };
        let detail = Detail::new().text("attempts", &period.to_string());
        for pupil in &mut audit.pupils {
            self.records()
                .note(&permit, Some(pupil.person), &detail, self.now())
                .await?;
            let known = self.known_person(pupil.person).await?;
            pupil.username = known.map(|known| known.username).unwrap_or_default();
        }
        Ok(audit)
    }

    /// The audits that wait for a signature, oldest first; none for those who may not sign.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn audits_to_sign(&self, actor: &Actor) -> Result<Vec<AuditLine>, Error> {
        if !self.could(actor, Act::AuditAttempts) {
            return Ok(Vec::new());
        }
        let mut lines = self.attempt_audits(actor).await?;
        lines.retain(|line| line.over && line.signed.is_empty());
        lines.reverse();
        Ok(lines)
    }

    /// Tells those who hear of alerts first on the first school day after a period that its audit
    /// waits, reminds them after `mon.attempt_audit_days` school days, and tells the head after as many
    /// again. Each hears once of each. Gives the periods that are overdue.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn chase_attempt_audits(&self) -> Result<Vec<AuditPeriod>, Error> {
        let lines = self.attempt_audits(&Actor::system("jobs")).await?;
        let waiting = lines
            .into_iter()
            .filter(|line| line.over && line.signed.is_empty());
        let (mut notices, mut late) = (Vec::new(), Vec::new());
        for line in waiting {
            let path = format!("/attempts/{}", line.period);
            let passed = self.school_days_between(line.period.to, self.today());
            if passed < 1 {
                continue;
            }
            let readers = self.week_readers().await?;
            notices.extend(self.notices_to(&readers, "audit-ready", &path, self.now())?);
            if !line.overdue {
                continue;
            }
            late.push(line.period);
            notices.extend(self.notices_to(&readers, "audit-waiting", &path, self.now())?);
            if passed > 2 * self.audit_days() {
                let head = self.holders(&[Role::Head]).await?;
                notices.extend(self.notices_to(&head, "audit-missed", &path, self.now())?);
            }
        }
        self.queue_notices(&notices).await?;
        Ok(late)
    }

    /// For the clauses: audits that are not signed, or that ended or were signed a short time ago.
    pub(crate) async fn audit_facts(
        &self,
        system: &Actor,
        since: Timestamp,
    ) -> Result<Option<Vec<AuditFact>>, Error> {
        if self.audit_interval().is_none() {
            return Ok(None);
        }
        let over = self.attempt_audits(system).await?.into_iter();
        let facts = over.filter(|line| line.over).map(|line| AuditFact {
            from: line.period.from,
            ended_at: line.period.bounds(&self.zone()).1,
            signed_at: line.signed.iter().map(|signed| signed.at).min(),
        });
        Ok(Some(
            facts
                .filter(|audit| {
                    audit.signed_at.is_none_or(|at| at >= since) || audit.ended_at >= since
                })
                .collect(),
        ))
    }

    fn audit_line(&self, period: AuditPeriod, signed: Vec<AuditSigned>) -> AuditLine {
        let today = self.today();
        let over = period.to < today;
        AuditLine {
            period,
            over,
            overdue: over
                && signed.is_empty()
                && self.school_days_between(period.to, today) > self.audit_days(),
            signed,
        }
    }

    fn audit_days(&self) -> i64 {
        let pack = &self.school().pack;
        pack.number_of("mon.attempt_audit_days", AUDIT_DAYS)
    }

    /// The whole period of its first day.
    pub(super) fn audited_period(&self, named: AuditPeriod) -> Result<AuditPeriod, Error> {
        let interval = self.audit_interval().ok_or(Error::NotFound)?;
        let calendar = &self.school().pack.filter.calendar;
        let period = interval.period_of(calendar, named.from);
        if period.from != named.from || period.from > self.today() {
            return Err(Error::NotFound);
        }
        Ok(period)
    }

    /// The first day whose activity is still kept, where the period began before it.
    fn kept_from(&self, from: Timestamp) -> Option<Date> {
        let days = i64::from(self.school().activity_days);
        let first = self.today().saturating_sub(days.days());
        (from.to_zoned(self.zone()).date() < first).then_some(first)
    }
}

/// As many as there is room for, in the order given, and how many are left out. Those for whom something
/// was noted give up their place first, so that whoever waits moves up (MON-11).
fn named_first(mut all: Vec<AuditedPupil>, most: usize) -> (Vec<AuditedPupil>, usize) {
    let beyond = all.len().saturating_sub(most);
    let answered = all.iter().filter(|one| !one.responses.is_empty()).count();
    // The last of those with a response go first, then the last of all.
    let mut answered_stay = answered.saturating_sub(beyond);
    all.retain(|one| {
        if one.responses.is_empty() {
            return true;
        }
        let stays = answered_stay > 0;
        answered_stay = answered_stay.saturating_sub(1);
        stays
    });
    all.truncate(most);
    (all, beyond)
}

/// Pupils with everything they tried for, who tried most often for one theme first.
fn by_pupil(out: Vec<Pupil>) -> Vec<AuditedPupil> {
    let mut pupils: BTreeMap<PersonId, AuditedPupil> = BTreeMap::new();
    for tried in out {
        let pupil = pupils.entry(tried.person).or_insert_with(|| AuditedPupil {
            person: tried.person,
            themes: Vec::new(),
            responses: Vec::new(),
            username: String::new(),
        });
        pupil.themes.push(ThemeTried {
            theme: tried.theme,
            severity: tried.severity,
            attempts: tried.attempts,
            last: tried.last,
        });
    }
    let mut pupils: Vec<AuditedPupil> = pupils.into_values().collect();
    for pupil in &mut pupils {
        pupil
            .themes
            .sort_by_key(|tried| std::cmp::Reverse((tried.attempts, tried.severity)));
    }
    pupils.sort_by_key(|pupil| std::cmp::Reverse(pupil.rank()));
    pupils
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempts::ResponseKind;

    fn pupil(number: u128, answered: bool) -> AuditedPupil {
        let person = PersonId::from_uuid(uuid::Uuid::from_u128(number));
        let response = AttemptResponse {
            person,
            period: "2026-11-02".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            by: None,
            kind: ResponseKind::Advice,
            words: "Talked about it.".to_owned(),
        };
        AuditedPupil {
            person,
            themes: Vec::new(),
            responses: Vec::from_iter(answered.then_some(response)),
            username: String::new(),
        }
    }

    /// MON-11: where more pupils stand out than are named, those who wait for a response are named
    /// before those who have one; the order stays, and nobody is lost from the count.
    #[test]
    fn mon_11_whoever_waits_moves_up() {
        let named = |answered: &[bool], most| {
            let all = (0..).zip(answered);
            let all = all.map(|(number, answered)| pupil(number, *answered));
            let (named, beyond) = named_first(all.collect(), most);
            let ids = named.iter().map(|one| one.person.as_uuid().as_u128());
            (ids.collect::<Vec<_>>(), beyond)
        };
        assert_eq!(named(&[false; 5], 3), (vec![0, 1, 2], 2));
        assert_eq!(
            named(&[true, false, true, false, false], 3),
            (vec![1, 3, 4], 2),
            "the last two move up"
        );
        assert_eq!(
            named(&[true, false, true, true, false], 3),
            (vec![0, 1, 4], 2),
            "the first with a response keeps what place is left"
        );
        assert_eq!(named(&[true; 5], 3), (vec![0, 1, 2], 2));
        assert_eq!(named(&[true, false], 3), (vec![0, 1], 0));
    }
}
