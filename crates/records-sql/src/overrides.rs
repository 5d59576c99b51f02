//! Overrides.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, Warrant, act};
use pharos_ledger::Detail;
use pharos_records::{Error, NewOverride, Override, OverrideKind, Overrides, Result};
use uuid::Uuid;

use crate::audit::rows;
use crate::db::{Row, args};
use crate::store::{Act, Store, is_for};

const IN_FORCE: &str = "SELECT id, kind, body, from_at, until_at, review_at, why, request, at, by_person, ended_at, ended_by FROM override_entry WHERE ended_at IS NULL AND (until_at IS NULL OR until_at > $1) ORDER BY at, id";
const SINCE: &str = "SELECT id, kind, body, from_at, until_at, review_at, why, request, at, by_person, ended_at, ended_by FROM override_entry WHERE at >= $1 ORDER BY at DESC, id LIMIT $2";

#[async_trait]
impl Overrides for Store {
    async fn add_exception(
        &self,
        permit: &Permit<act::AddException>,
        new: &NewOverride,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        self.add_override(permit, new, OverrideKind::Exception, at)
            .await
    }

    async fn add_emergency_block(
        &self,
        permit: &Permit<act::EmergencyBlock>,
        new: &NewOverride,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        self.add_override(permit, new, OverrideKind::EmergencyBlock, at)
            .await
    }

    async fn add_lesson_list(
        &self,
        permit: &Permit<act::LessonList>,
        new: &NewOverride,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        self.add_override(permit, new, OverrideKind::LessonList, at)
            .await
    }

    async fn add_restriction(
        &self,
        permit: &Permit<act::RestrictPerson>,
        new: &NewOverride,
        at: Timestamp,
    ) -> Result<()> {
        self.add_override(permit, new, OverrideKind::Restriction, at)
            .await
    }

    async fn end_override(
        &self,
        permit: &Permit<act::EndOverride>,
        id: Uuid,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let mut act = self
            .act(permit, format!("override:{id}"), Detail::new(), at)
            .await?;
        const END: &str = "UPDATE override_entry SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL";
        if act.run(END, args![id, at, permit.actor().id()]).await? == 0 {
            return Err(Error::Absent {
                what: "an override in force with this id".to_owned(),
            });
        }
        act.commit().await
    }

    async fn overrides_in_force(&self, now: Timestamp) -> Result<Vec<Override>> {
        let found = self
            .read()
            .await?
            .all("override_entry", IN_FORCE, args![now])
            .await?;
        found.iter().map(|row| self.override_of(row)).collect()
    }

    async fn overrides(
        &self,
        permit: &Permit<act::ReadPolicy>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Override>> {
        is_for(permit, Subject::School)?;
        let found = self
            .read()
            .await?
            .all("override_entry", SINCE, args![since, rows(limit)])
            .await?;
        found.iter().map(|row| self.override_of(row)).collect()
    }
}

/// An override must be of the permit's kind, and whatever loosens or binds a class must end.
pub(crate) fn check(new: &NewOverride, kind: OverrideKind) -> Result<()> {
    let refused = |problem: &str| Error::Refused {
        what: "the override".to_owned(),
        problem: problem.to_owned(),
    };
    if new.kind != kind {
        return Err(refused("is of another kind than the permit"));
    }
    let must_end = matches!(kind, OverrideKind::Exception | OverrideKind::LessonList);
    if must_end && new.until.is_none() {
        return Err(refused("needs an end; say until when"));
    }
    if new.until.is_some_and(|until| until <= new.from) {
        return Err(refused("ends before it begins"));
    }
    Ok(())
}

impl Store {
    async fn add_override(
        &self,
        warrant: &Warrant,
        new: &NewOverride,
        kind: OverrideKind,
        at: Timestamp,
    ) -> Result<()> {
        check(new, kind)?;
        let detail = Detail::new()
            .text("kind", kind.name())
            .text("for", &warrant.subject().to_string());
        let mut act = self
            .act(warrant, format!("override:{}", new.id), detail, at)
            .await?;
        self.insert_override(&mut act, warrant, new, at).await?;
        act.commit().await
    }

    pub(crate) async fn insert_override(
        &self,
        act: &mut Act,
        warrant: &Warrant,
        new: &NewOverride,
        at: Timestamp,
    ) -> Result<()> {
        let key = new.id.to_string();
        let body = self.seal("override_entry", &key, "body", &new.body)?;
        let why = self.seal("override_entry", &key, "why", new.why.as_bytes())?;
        act.run(
            "INSERT INTO override_entry (id, kind, body, from_at, until_at, review_at, why, request, at, by_person) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            args![new.id, new.kind.name(), body, new.from, new.until, new.review_at, why, new.request, at, warrant.actor().id()],
        )
        .await?;
        Ok(())
    }

    fn override_of(&self, row: &Row) -> Result<Override> {
        let id: Uuid = row.parsed("id")?;
        let key = id.to_string();
        Ok(Override {
            id,
            kind: row.word("kind", OverrideKind::from_name)?,
            body: self.unseal("override_entry", &key, "body", &row.bytes("body")?)?,
            from: row.time("from_at")?,
            until: row.opt_time("until_at")?,
            review_at: row.opt_time("review_at")?,
            why: self.unseal_text(row, "override_entry", &key, "why")?,
            request: row.opt_parsed("request")?,
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
            ended_at: row.opt_time("ended_at")?,
            ended_by: row.opt_parsed("ended_by")?,
        })
    }
}
