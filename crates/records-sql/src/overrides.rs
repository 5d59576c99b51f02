//! Overrides.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, Warrant, act};
use pharos_ledger::Detail;
use pharos_records::{
    Error, NewNotice, NewOverride, OF_KIND_MAX, Override, OverrideKind, Overrides, Result,
};
use pharos_school::PersonId;
use uuid::Uuid;

use crate::audit::rows;
use crate::db::{Row, Tx, args};
use crate::store::{Act, Store, is_for};

const IN_FORCE: &str = "SELECT id, kind, body, from_at, until_at, review_at, why, request, at, by_person, ended_at, ended_by, reviewed_at, reviewed_by FROM override_entry WHERE ended_at IS NULL AND (until_at IS NULL OR until_at > $1) ORDER BY at, id";
const SINCE: &str = "SELECT id, kind, body, from_at, until_at, review_at, why, request, at, by_person, ended_at, ended_by, reviewed_at, reviewed_by FROM override_entry WHERE at >= $1 ORDER BY at DESC, id LIMIT $2";

const OF_KIND: &str = "SELECT id, kind, body, from_at, until_at, review_at, why, request, at, by_person, ended_at, ended_by, reviewed_at, reviewed_by FROM override_entry WHERE kind = $1 AND at >= $2 AND (at < $3 OR (at = $4 AND id > $5)) ORDER BY at DESC, id LIMIT $6";
const ONE: &str = "SELECT id, kind, body, from_at, until_at, review_at, why, request, at, by_person, ended_at, ended_by, reviewed_at, reviewed_by FROM override_entry WHERE id = $1";
/// So many rows are read in one go.
const PAGE: usize = 2_000;

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

    async fn add_membership(
        &self,
        permit: &Permit<act::AddException>,
        member: PersonId,
        new: &NewOverride,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        check(new, OverrideKind::Membership)?;
        if permit.actor().id() == Some(member) {
            return Err(Error::OwnMatter);
        }
        let detail = Detail::new()
            .text("kind", new.kind.name())
            .text("content", &self.override_content(permit, new, at));
        let mut act = self
            .act(permit, format!("override:{}", new.id), detail, at)
            .await?;
        self.insert_override(&mut act, permit, new, at).await?;
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await
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

    async fn overrides_of(
        &self,
        permit: &Permit<act::ReadPolicy>,
        kind: OverrideKind,
        since: Timestamp,
    ) -> Result<Vec<Override>> {
        is_for(permit, Subject::School)?;
        let mut all: Vec<Override> = Vec::new();
        let (mut before, mut behind) = (Timestamp::MAX, String::new());
        while all.len() < OF_KIND_MAX {
            let wanted = args![
                kind.name(),
                since,
                before,
                before,
                behind.clone(),
                rows(PAGE)
            ];
            let found = self
                .read()
                .await?
                .all("override_entry", OF_KIND, wanted)
                .await?;
            for row in &found {
                all.push(self.override_of(row)?);
            }
            match all.last() {
                Some(last) if found.len() == PAGE => {
                    (before, behind) = (last.at, last.id.to_string());
                }
                _ => break,
            }
        }
        Ok(all)
    }

    async fn override_by_id(
        &self,
        permit: &Permit<act::ReadPolicy>,
        id: Uuid,
    ) -> Result<Option<Override>> {
        is_for(permit, Subject::School)?;
        let mut tx = self.read().await?;
        let row = tx.one("override_entry", ONE, args![id]).await?;
        row.map(|row| self.override_of(&row)).transpose()
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
    let must_end = matches!(
        kind,
        OverrideKind::Exception | OverrideKind::LessonList | OverrideKind::Membership
    );
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
            .text("for", &warrant.subject().to_string())
            .text("content", &self.override_content(warrant, new, at));
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

    /// The mark of what an override says and who made it when.
    pub(crate) fn override_content(
        &self,
        warrant: &Warrant,
        new: &NewOverride,
        at: Timestamp,
    ) -> String {
        self.content_of(&Override {
            id: new.id,
            kind: new.kind,
            body: new.body.clone(),
            from: new.from,
            until: new.until,
            review_at: None,
            why: new.why.clone(),
            request: new.request,
            at,
            by: warrant.actor().id(),
            ended_at: None,
            ended_by: None,
            reviewed_at: None,
            reviewed_by: None,
        })
    }

    fn content_of(&self, stored: &Override) -> String {
        let head = format!(
            "{} {} {} {:?} {} {:?}",
            stored.id,
            stored.kind.name(),
            stored.from.as_microsecond(),
            stored.until.map(Timestamp::as_microsecond),
            stored.at.as_microsecond(),
            stored.by.map(|id| id.to_string()),
        );
        let fields = [head.as_bytes(), stored.why.as_bytes(), &stored.body];
        self.content("override_entry", &fields)
    }

    /// The first override from a time on whose mark is not known.
    pub(crate) async fn override_unknown(
        &self,
        tx: &mut Tx,
        first: i64,
        known: &mut (dyn FnMut(&str) -> bool + Send),
    ) -> Result<Option<String>> {
        const FROM: &str = "SELECT id, kind, body, from_at, until_at, review_at, why, request, at, by_person, ended_at, ended_by, reviewed_at, reviewed_by FROM override_entry WHERE at >= $1 AND id > $2 ORDER BY id LIMIT 2000";
        let mut last = String::new();
        loop {
            let found = tx
                .all("override_entry", FROM, args![first, last.clone()])
                .await?;
            for row in &found {
                last = row.text("id")?;
                if !known(&self.content_of(&self.override_of(row)?)) {
                    return Ok(Some(last));
                }
            }
            if found.is_empty() {
                return Ok(None);
            }
        }
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
            reviewed_at: row.opt_time("reviewed_at")?,
            reviewed_by: row.opt_parsed("reviewed_by")?,
        })
    }
}
