//! The journal: entries that are added and never changed.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, Warrant, act};
use pharos_ledger::Detail;
use pharos_records::{
    Journal, JournalEntry, JournalFilter, JournalHold, JournalKind, MAX_ROWS, NOTES_MAX,
    NewJournalEntry, Result,
};
use pharos_school::PersonId;
use uuid::Uuid;

use crate::audit::rows;
use crate::db::{Row, args};
use crate::store::{Store, is_for};

/// Empty text stands for a condition that is not asked for.
const FIND: &str = "SELECT id, part_of, about, at, by_person, body FROM journal WHERE kind = $1 AND ($2 = '' OR part_of = $3) AND ($4 = '' OR about = $5) AND at >= $6 ORDER BY at DESC, id LIMIT $7";

/// One person's own entries, and whatever belongs to them.
const OWN: &str = "SELECT id, part_of, about, at, by_person, body FROM journal WHERE kind = $1 AND at >= $2 AND (by_person = $3 OR part_of IN (SELECT id FROM journal WHERE kind = $4 AND by_person = $5)) ORDER BY at DESC, id LIMIT $6";

/// Entries of a kind made since a time, page by page, newest first.
const SINCE: &str = "SELECT id, part_of, about, at, by_person, body FROM journal WHERE kind = $1 AND at >= $2 AND (at < $3 OR (at = $4 AND id > $5)) ORDER BY at DESC, id LIMIT $6";

/// One entry with what belongs to it.
const ONE: &str = "SELECT id, part_of, about, at, by_person, body FROM journal WHERE kind = $1 AND (id = $2 OR part_of = $3) ORDER BY at DESC, id LIMIT $4";

/// Entries made before a time, page by page.
const OLD: &str = "SELECT id, part_of, about, at FROM journal WHERE at < $1 AND (at > $2 OR (at = $3 AND id > $4)) ORDER BY at, id LIMIT $5";
/// So many rows are read in one go for figures.
const PAGE: usize = 2_000;
/// The most pages looked through in one turn.
const PAGES_MAX: usize = 50;

#[async_trait]
impl Journal for Store {
    async fn add_attempt_response(
        &self,
        permit: &Permit<act::AuditAttempts>,
        entry: &NewJournalEntry,
        at: Timestamp,
    ) -> Result<()> {
        self.add_entry(permit, JournalKind::AttemptResponse, entry, at)
            .await
    }

    async fn sign_attempt_audit(
        &self,
        permit: &Permit<act::AuditAttempts>,
        entry: &NewJournalEntry,
        at: Timestamp,
    ) -> Result<()> {
        self.add_entry(permit, JournalKind::AttemptAudit, entry, at)
            .await
    }

    async fn attempt_responses(
        &self,
        permit: &Permit<act::ReadAttempts>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>> {
        is_for(permit, Subject::School)?;
        self.entries(JournalKind::AttemptResponse, filter).await
    }

    async fn attempt_audits(
        &self,
        permit: &Permit<act::ReadAttempts>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>> {
        is_for(permit, Subject::School)?;
        self.entries(JournalKind::AttemptAudit, filter).await
    }

    async fn add_supervision(
        &self,
        permit: &Permit<act::NoteSupervision>,
        entry: &NewJournalEntry,
        at: Timestamp,
    ) -> Result<()> {
        self.add_entry(permit, JournalKind::Supervision, entry, at)
            .await
    }

    async fn supervision(
        &self,
        permit: &Permit<act::ReadSupervision>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>> {
        is_for(permit, Subject::School)?;
        self.entries(JournalKind::Supervision, filter).await
    }

    async fn add_hand_test(
        &self,
        permit: &Permit<act::HandTest>,
        entry: &NewJournalEntry,
        at: Timestamp,
    ) -> Result<()> {
        self.add_entry(permit, JournalKind::HandTest, entry, at)
            .await
    }

    async fn hand_tests(
        &self,
        permit: &Permit<act::ReadChecks>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>> {
        is_for(permit, Subject::School)?;
        self.entries(JournalKind::HandTest, filter).await
    }

    async fn forget_journal(
        &self,
        permit: &Permit<act::Housekeep>,
        before: Timestamp,
        hold: &JournalHold,
        at: Timestamp,
    ) -> Result<u64> {
        is_for(permit, Subject::School)?;
        let old = self.old_entries(before, hold).await?;
        if old.is_empty() {
            return Ok(0);
        }
        let count = i64::try_from(old.len()).unwrap_or(i64::MAX);
        let detail = Detail::new()
            .number("journal-entries", count)
            .text("before", &before.to_string());
        let mut act = self.act(permit, permit.subject(), detail, at).await?;
        for id in &old {
            act.run("DELETE FROM journal WHERE id = $1", args![id.as_str()])
                .await?;
        }
        act.commit().await?;
        Ok(old.len() as u64)
    }

    async fn supervision_since(
        &self,
        permit: &Permit<act::ReadSupervision>,
        since: Timestamp,
    ) -> Result<Vec<JournalEntry>> {
        is_for(permit, Subject::School)?;
        let kind = JournalKind::Supervision.name();
        let mut all: Vec<JournalEntry> = Vec::new();
        let (mut before, mut behind) = (Timestamp::MAX, String::new());
        while all.len() < NOTES_MAX {
            let wanted = args![kind, since, before, before, behind.clone(), rows(PAGE)];
            let found = self.read().await?.all("journal", SINCE, wanted).await?;
            for row in &found {
                all.push(self.journal_entry(row)?);
            }
            match all.last() {
                Some(last) if found.len() == PAGE => {
                    (before, behind) = (last.at, last.entry.id.to_string());
                }
                _ => break,
            }
        }
        Ok(all)
    }

    async fn supervision_of(
        &self,
        permit: &Permit<act::ReadSupervision>,
        note: Uuid,
    ) -> Result<Vec<JournalEntry>> {
        is_for(permit, Subject::School)?;
        self.entry_with_all(JournalKind::Supervision, note).await
    }

    async fn own_supervision_of(
        &self,
        permit: &Permit<act::NoteSupervision>,
        note: Uuid,
    ) -> Result<Vec<JournalEntry>> {
        is_for(permit, Subject::School)?;
        let found = self.entry_with_all(JournalKind::Supervision, note).await?;
        let me = permit.actor().id();
        let own = found
            .iter()
            .any(|row| row.entry.id == note && me.is_some() && row.by == me);
        Ok(if own { found } else { Vec::new() })
    }

    async fn own_supervision(
        &self,
        permit: &Permit<act::NoteSupervision>,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>> {
        is_for(permit, Subject::School)?;
        let Some(me) = permit.actor().id().map(|me| me.to_string()) else {
            return Ok(Vec::new());
        };
        let kind = JournalKind::Supervision.name();
        let since = filter.since.unwrap_or(Timestamp::UNIX_EPOCH);
        let wanted = args![kind, since, me.clone(), kind, me, rows(MAX_ROWS)];
        let found = self.read().await?.all("journal", OWN, wanted).await?;
        let found = found.iter().map(|row| self.journal_entry(row));
        let fits = |entry: &JournalEntry| {
            filter
                .key
                .as_ref()
                .is_none_or(|key| *key == entry.entry.key)
                && (filter.about.is_none() || filter.about == entry.entry.about)
        };
        found
            .filter(|entry| entry.as_ref().map_or(true, fits))
            .collect()
    }
}

impl Store {
    /// The ids of entries made before a time that are not on hold, oldest first; so many at once
    /// that the rest is for the next turn.
    async fn old_entries(&self, before: Timestamp, hold: &JournalHold) -> Result<Vec<String>> {
        let people: BTreeSet<String> = hold.people.iter().map(ToString::to_string).collect();
        let entries: BTreeSet<String> = hold.entries.iter().map(ToString::to_string).collect();
        let (mut old, mut last) = (Vec::new(), (Timestamp::UNIX_EPOCH, String::new()));
        let mut tx = self.read().await?;
        for _ in 0..PAGES_MAX {
            let (since, after) = last.clone();
            let page = tx
                .all(
                    "journal",
                    OLD,
                    args![before, since, since, after, rows(MAX_ROWS)],
                )
                .await?;
            for row in &page {
                last = (row.time("at")?, row.text("id")?);
                let held = people.contains(&row.text("about")?)
                    || entries.contains(&last.1)
                    || entries.contains(&row.text("part_of")?);
                if !held {
                    old.push(last.1.clone());
                }
            }
            if page.len() < MAX_ROWS || old.len() >= MAX_ROWS {
                break;
            }
        }
        Ok(old)
    }

    async fn add_entry(
        &self,
        warrant: &Warrant,
        kind: JournalKind,
        entry: &NewJournalEntry,
        at: Timestamp,
    ) -> Result<()> {
        is_for(warrant, Subject::School)?;
        let body = self.seal("journal", &entry.id.to_string(), "body", &entry.body)?;
        let about = entry.about.map(|about| about.to_string());
        let subject = format!("{}:{}", kind.name(), entry.id);
        let mut act = self.act(warrant, subject, Detail::new(), at).await?;
        act.run(
            "INSERT INTO journal (id, kind, part_of, about, at, by_person, body) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![
                entry.id,
                kind.name(),
                entry.key.as_str(),
                about.unwrap_or_default(),
                at,
                warrant.actor().id(),
                body
            ],
        )
        .await?;
        act.commit().await
    }

    async fn entries(
        &self,
        kind: JournalKind,
        filter: &JournalFilter,
    ) -> Result<Vec<JournalEntry>> {
        let text = |id: Option<PersonId>| id.map(|id| id.to_string()).unwrap_or_default();
        let key = filter.key.clone().unwrap_or_default();
        let about = text(filter.about);
        let since = filter.since.unwrap_or(Timestamp::UNIX_EPOCH);
        let found = self
            .read()
            .await?
            .all(
                "journal",
                FIND,
                args![
                    kind.name(),
                    key.clone(),
                    key,
                    about.clone(),
                    about,
                    since,
                    rows(MAX_ROWS)
                ],
            )
            .await?;
        found.iter().map(|row| self.journal_entry(row)).collect()
    }

    async fn entry_with_all(&self, kind: JournalKind, id: Uuid) -> Result<Vec<JournalEntry>> {
        let wanted = args![kind.name(), id, id, rows(MAX_ROWS)];
        let found = self.read().await?.all("journal", ONE, wanted).await?;
        found.iter().map(|row| self.journal_entry(row)).collect()
    }

    fn journal_entry(&self, row: &Row) -> Result<JournalEntry> {
        let id: Uuid = row.parsed("id")?;
        let about = row.text("about")?;
        let about = match about.as_str() {
            "" => None,
            _ => Some(row.parsed("about")?),
        };
        Ok(JournalEntry {
            entry: NewJournalEntry {
                id,
                key: row.text("part_of")?,
                about,
                body: self.unseal("journal", &id.to_string(), "body", &row.bytes("body")?)?,
            },
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
        })
    }
}
