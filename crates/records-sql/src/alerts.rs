//! Alerts.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pharos_access::{About, AlertFacts, Permit, Subject, Watched, act};
use pharos_ledger::Detail;
use pharos_records::{
    Alert, AlertChange, AlertEntry, AlertFile, AlertFilter, AlertState, Alerts, Error, MAX_ROWS,
    NewAlert, NewNotice, Raised, Result,
};
use pharos_school::AlertId;

use crate::db::{Row, Tx, args, joined};
use crate::store::{Act, Store, is_for};

const ONE: &str = "SELECT id, at, last_at, seen, rule, rule_version, rank, about, about_kind, assigned, key, state, acknowledged_by, acknowledged_at, chase_at, chased, closed_at, case_id, entries, body FROM alert WHERE id = $1";
const LIST: &str = "SELECT id, at, last_at, seen, rule, rule_version, rank, about, about_kind, assigned, key, state, acknowledged_by, acknowledged_at, chase_at, chased, closed_at, case_id, entries, body FROM alert WHERE ($1 = '' OR about = $1) AND at >= $2 AND at < $3 ORDER BY rank DESC, at, id";
const DUE: &str = "SELECT id, at, last_at, seen, rule, rule_version, rank, about, about_kind, assigned, key, state, acknowledged_by, acknowledged_at, chase_at, chased, closed_at, case_id, entries, body FROM alert WHERE chase_at <= $1 AND state <> 'closed' ORDER BY chase_at, id LIMIT 1000";

/// How long an alert that somebody has answered takes in more of the same.
const ANSWERED_FOR: SignedDuration = SignedDuration::from_hours(24);

#[async_trait]
impl Alerts for Store {
    async fn raise_alert(
        &self,
        permit: &Permit<act::RaiseAlert>,
        alert: &NewAlert,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<Raised> {
        is_for(permit, Subject::School)?;
        // What somebody has answered takes in more of the same for a day, and only while its case
        // is open: a repetition after that must be seen anew (MON-04).
        const LIKE_IT: &str = "SELECT id FROM alert WHERE key = $1 AND (state = 'open' OR (state <> 'closed' AND last_at >= $2 \
             AND NOT EXISTS (SELECT 1 FROM case_file WHERE case_file.id = alert.case_id AND case_file.closed_at IS NOT NULL))) ORDER BY at LIMIT 1";
        let mut opening = self.begin().await?;
        let again = opening
            .one("alert", LIKE_IT, args![&alert.key, at - ANSWERED_FOR])
            .await?;
        let again: Option<AlertId> = again.map(|row| row.parsed("id")).transpose()?;
        let id = again.unwrap_or(alert.id);
        let detail = Detail::new()
            .text("rule", &alert.rule)
            .number("rank", alert.rank)
            .flag("again", again.is_some());
        let mut act = opening.note(permit, Subject::Alert(id), detail, at).await?;
        let body = self.seal("alert", &id.to_string(), "body", &alert.body)?;
        if again.is_some() {
            const AGAIN: &str = "UPDATE alert SET seen = seen + 1, last_at = $2, body = $3, rank = CASE WHEN rank < $4 THEN $4 ELSE rank END WHERE id = $1";
            act.run(AGAIN, args![id, at, body, alert.rank]).await?;
            act.commit().await?;
            return Ok(Raised::Again(id));
        }
        insert(&mut act, alert, body, at).await?;
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await?;
        Ok(Raised::New(id))
    }

    async fn alert_facts(&self, id: AlertId) -> Result<Option<AlertFacts>> {
        const FACTS: &str = "SELECT id, about, about_kind, assigned FROM alert WHERE id = $1";
        let row = self.read().await?.one("alert", FACTS, args![id]).await?;
        row.map(|row| {
            Ok(AlertFacts {
                id,
                about: watched_of(&row)?,
                assigned: row.list("assigned")?,
            })
        })
        .transpose()
    }

    async fn alert(
        &self,
        permit: &Permit<act::ReadAlert>,
        at: Timestamp,
    ) -> Result<Option<AlertFile>> {
        let id = alert_id(permit)?;
        let mut act = self
            .act(permit, permit.subject(), Detail::new(), at)
            .await?;
        let Some(alert) = self.alert_in(&mut act, id).await? else {
            return Ok(None);
        };
        let about: Vec<_> = alert.about.iter().map(|watched| watched.id).collect();
        self.look_up(&mut act, permit, &about, at).await?;
        let entries = self.alert_entries(&mut act, id).await?;
        act.commit().await?;
        Ok(Some(AlertFile { alert, entries }))
    }

    async fn alerts(
        &self,
        permit: &Permit<act::ListAlerts>,
        filter: &AlertFilter,
    ) -> Result<Vec<Alert>> {
        is_for(permit, Subject::School)?;
        let limit = if filter.limit == 0 {
            MAX_ROWS
        } else {
            filter.limit.min(MAX_ROWS)
        };
        self.seen_alerts(permit, filter, limit).await
    }

    async fn count_alerts(
        &self,
        permit: &Permit<act::ListAlerts>,
        filter: &AlertFilter,
    ) -> Result<usize> {
        is_for(permit, Subject::School)?;
        Ok(self.seen_alerts(permit, filter, usize::MAX).await?.len())
    }

    async fn append_alert(
        &self,
        permit: &Permit<act::HandleAlert>,
        kind: &str,
        body: &[u8],
        change: &AlertChange,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64> {
        let id = alert_id(permit)?;
        let mut act = self
            .act(
                permit,
                permit.subject(),
                Detail::new().text("entry", kind),
                at,
            )
            .await?;
        let alert = self.alert_in(&mut act, id).await?;
        let mut alert = alert.ok_or_else(|| Error::Absent {
            what: "the alert".to_owned(),
        })?;
        if alert.state == AlertState::Closed {
            return Err(Error::Conflict {
                what: "the alert is closed and".to_owned(),
            });
        }
        const LAST: &str =
            "SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) AS seq FROM alert_entry WHERE alert = $1";
        let last = act.one("alert_entry", LAST, args![id]).await?;
        let seq = last.map_or(Ok(0), |row| row.int("seq"))? + 1;
        let sealed = self.seal("alert_entry", &format!("{id}/{seq}"), "body", body)?;
        act.run(
            "INSERT INTO alert_entry (alert, seq, at, by_person, kind, body) VALUES ($1, $2, $3, $4, $5, $6)",
            args![id, seq, at, permit.actor().id(), kind, sealed],
        )
        .await?;
        apply(&mut alert, change, permit, at);
        update(&mut act, &alert, seq).await?;
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await?;
        Ok(seq)
    }

    async fn alerts_to_chase(
        &self,
        permit: &Permit<act::Housekeep>,
        now: Timestamp,
    ) -> Result<Vec<Alert>> {
        is_for(permit, Subject::School)?;
        let rows = self.read().await?.all("alert", DUE, args![now]).await?;
        rows.iter().map(|row| self.alert_of(row)).collect()
    }
}

impl Store {
    /// The alerts that the asker may know of: the one place where lists and counts are filtered.
    async fn seen_alerts(
        &self,
        permit: &Permit<act::ListAlerts>,
        filter: &AlertFilter,
        limit: usize,
    ) -> Result<Vec<Alert>> {
        let about = filter.about.map(|id| id.to_string()).unwrap_or_default();
        let since = filter.since.unwrap_or(Timestamp::MIN);
        let until = filter.until.unwrap_or(Timestamp::MAX);
        let rows = self
            .read()
            .await?
            .all("alert", LIST, args![about, since, until])
            .await?;
        let mut seen = Vec::new();
        for row in &rows {
            let facts = AlertFacts {
                id: row.parsed("id")?,
                about: watched_of(row)?,
                assigned: row.list("assigned")?,
            };
            let state = row.word("state", AlertState::from_name)?;
            let wanted = filter.states.is_empty() || filter.states.contains(&state);
            if wanted && permit.sees_alert(&facts) {
                seen.push(self.alert_of(row)?);
            }
            if seen.len() >= limit {
                break;
            }
        }
        Ok(seen)
    }

    async fn alert_in(&self, tx: &mut Tx, id: AlertId) -> Result<Option<Alert>> {
        tx.one("alert", ONE, args![id])
            .await?
            .map(|row| self.alert_of(&row))
            .transpose()
    }

    async fn alert_entries(&self, tx: &mut Tx, id: AlertId) -> Result<Vec<AlertEntry>> {
        const LIST: &str = "SELECT alert, seq, at, by_person, kind, body FROM alert_entry WHERE alert = $1 ORDER BY seq";
        let rows = tx.all("alert_entry", LIST, args![id]).await?;
        let entry = |row: &Row| {
            let seq = row.int("seq")?;
            Ok(AlertEntry {
                seq,
                at: row.time("at")?,
                by: row.opt_parsed("by_person")?,
                kind: row.text("kind")?,
                body: self.unseal(
                    "alert_entry",
                    &format!("{id}/{seq}"),
                    "body",
                    &row.bytes("body")?,
                )?,
            })
        };
        rows.iter().map(entry).collect()
    }

    fn alert_of(&self, row: &Row) -> Result<Alert> {
        let id: AlertId = row.parsed("id")?;
        Ok(Alert {
            id,
            at: row.time("at")?,
            last_at: row.time("last_at")?,
            count: row.int("seen")?,
            rule: row.text("rule")?,
            rule_version: row.text("rule_version")?,
            rank: row.int("rank")?,
            about: watched_of(row)?,
            assigned: row.list("assigned")?,
            state: row.word("state", AlertState::from_name)?,
            acknowledged_by: row.opt_parsed("acknowledged_by")?,
            acknowledged_at: row.opt_time("acknowledged_at")?,
            chase_at: row.opt_time("chase_at")?,
            chased: row.int("chased")?,
            closed_at: row.opt_time("closed_at")?,
            case: row.opt_parsed("case_id")?,
            body: self.unseal("alert", &id.to_string(), "body", &row.bytes("body")?)?,
        })
    }
}

fn alert_id(warrant: &pharos_access::Warrant) -> Result<AlertId> {
    match warrant.subject() {
        Subject::Alert(id) => Ok(id),
        subject => Err(Error::WrongPermit {
            act: warrant.act(),
            subject,
            wanted: subject,
        }),
    }
}

fn watched_of(row: &Row) -> Result<Option<Watched>> {
    match row.opt_parsed("about")? {
        Some(id) => Ok(Some(Watched {
            id,
            about: row.word("about_kind", About::from_name)?,
        })),
        None => Ok(None),
    }
}

async fn insert(act: &mut Act, alert: &NewAlert, body: Vec<u8>, at: Timestamp) -> Result<()> {
    let about = alert.about.map(|watched| watched.id);
    let kind = alert.about.map(|watched| watched.about.name().to_owned());
    act.run(
        "INSERT INTO alert (id, at, last_at, seen, rule, rule_version, rank, about, about_kind, assigned, key, state, chase_at, chased, entries, body) VALUES ($1, $2, $2, 1, $3, $4, $5, $6, $7, $8, $9, 'open', $10, 0, 0, $11)",
        args![alert.id, at, &alert.rule, &alert.rule_version, alert.rank, about, kind, joined(&alert.assigned), &alert.key, alert.chase_at, body],
    )
    .await?;
    Ok(())
}

fn apply(
    alert: &mut Alert,
    change: &AlertChange,
    permit: &Permit<act::HandleAlert>,
    at: Timestamp,
) {
    if let Some(state) = change.state {
        if state != AlertState::Open && alert.acknowledged_at.is_none() {
            alert.acknowledged_at = Some(at);
            alert.acknowledged_by = permit.actor().id();
        }
        if state == AlertState::Closed {
            alert.closed_at = Some(at);
            alert.chase_at = None;
        }
        alert.state = state;
    }
    if let Some(assigned) = &change.assigned {
        alert.assigned = BTreeSet::clone(assigned);
    }
    if let Some(chase_at) = change.chase_at {
        alert.chase_at = chase_at;
    }
    alert.chased += i64::from(change.chased);
    alert.rank = change.rank.unwrap_or(alert.rank);
}

async fn update(act: &mut Act, alert: &Alert, entries: i64) -> Result<()> {
    act.run(
        "UPDATE alert SET state = $2, assigned = $3, acknowledged_by = $4, acknowledged_at = $5, chase_at = $6, chased = $7, closed_at = $8, rank = $9, entries = $10 WHERE id = $1",
        args![alert.id, alert.state.name(), joined(&alert.assigned), alert.acknowledged_by, alert.acknowledged_at, alert.chase_at, alert.chased, alert.closed_at, alert.rank, entries],
    )
    .await?;
    Ok(())
}
