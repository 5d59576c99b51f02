//! The ledger and the look-ups.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Denied, Permit, Subject, Warrant, act};
use pharos_ledger::{Detail, Entry, Hash, Head, Line, verify};
use pharos_records::{Audit, Error, LedgerFilter, Lookup, MAX_ROWS, ONCE_MAX, Result, Verdict};
use pharos_school::PersonId;

use crate::db::{Row, Tx, args};
use crate::store::{Act, Store, head_of, is_for};

/// Rows in one page of the check.
const PAGE: i64 = 5_000;

/// Lines of an act and a subject since a time, newest first.
const ALIKE: &str = "SELECT seq, detail FROM ledger WHERE act = $1 AND subject = $2 AND at >= $3 ORDER BY seq DESC LIMIT $4";

#[async_trait]
impl Audit for Store {
    async fn note(
        &self,
        warrant: &Warrant,
        about: Option<PersonId>,
        detail: &Detail,
        at: Timestamp,
    ) -> Result<()> {
        let mut act = self
            .act(warrant, warrant.subject(), detail.clone(), at)
            .await?;
        if let Some(person) = about {
            self.look_up(&mut act, warrant, &[person], at).await?;
        }
        act.commit().await
    }

    async fn note_once(
        &self,
        warrant: &Warrant,
        detail: &Detail,
        same: (&Detail, Timestamp),
        at: Timestamp,
    ) -> Result<bool> {
        let (same, since) = (same.0.to_json(), same.1);
        let subject = warrant.subject().to_string();
        let mut opening = self.begin().await?;
        let wanted = args![
            warrant.act().name(),
            subject.as_str(),
            since,
            rows(ONCE_MAX)
        ];
        for row in opening.all("ledger", ALIKE, wanted).await? {
            if Detail::has_all(&row.text("detail")?, &same) {
                return Ok(false);
            }
        }
        let act = opening.note(warrant, subject, detail.clone(), at).await?;
        act.commit().await?;
        Ok(true)
    }

    async fn note_refusal(&self, denied: &Denied, at: Timestamp) -> Result<()> {
        let detail = Detail::new()
            .flag("refused", true)
            .text("why", denied.why.name());
        let line = Line::new(
            at,
            &denied.actor.to_string(),
            denied.act.name(),
            &denied.subject.to_string(),
            &detail,
        );
        self.begin().await?.line(line).await?.commit().await
    }

    async fn note_stranger(
        &self,
        what: &'static str,
        detail: &Detail,
        at: Timestamp,
    ) -> Result<()> {
        let line = Line::new(at, "stranger", what, "school", detail);
        self.begin().await?.line(line).await?.commit().await
    }

    async fn ledger(
        &self,
        permit: &Permit<act::ReadLedger>,
        filter: &LedgerFilter,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        is_for(permit, Subject::School)?;
        const PAGE_OF: &str = "SELECT seq, at, actor, act, subject, detail, prev, hash FROM ledger WHERE seq < $1 AND ($2 = '' OR actor = $2) AND act LIKE $3 AND ($4 = '' OR subject = $4) ORDER BY seq DESC LIMIT $5";
        let before = filter
            .before
            .and_then(|seq| i64::try_from(seq).ok())
            .unwrap_or(i64::MAX);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        // Acts are written with letters, dots and hyphens: other signs match nothing.
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let act: String = text(&filter.act)
            .chars()
            .filter(plain)
            .chain(['%'])
            .collect();
        let args = args![
            before,
            text(&filter.actor),
            act,
            text(&filter.subject),
            rows(limit)
        ];
        let found = self.read().await?.all("ledger", PAGE_OF, args).await?;
        found.iter().map(entry_of).collect()
    }

    async fn verify_ledger(&self) -> Result<Verdict> {
        let mut tx = self.read().await?;
        let Some(head) = self.marked_head(&mut tx).await? else {
            return Ok(Verdict::HeadForged);
        };
        let entries = match all_entries(&mut tx).await? {
            Ok(entries) => entries,
            Err(unreadable) => return Ok(unreadable),
        };
        if head.is_none() && entries.is_empty() {
            return Ok(Verdict::Whole(None));
        }
        let head = head.unwrap_or(Head {
            seq: 0,
            hash: Hash::ZERO,
        });
        Ok(match verify(entries, Some(&head)) {
            Ok(head) => Verdict::Whole(head),
            Err(broken) => Verdict::Broken(broken),
        })
    }

    async fn lookups(
        &self,
        permit: &Permit<act::ReadLookups>,
        about: Option<PersonId>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lookup>> {
        is_for(permit, Subject::School)?;
        const LIST: &str = "SELECT id, at, by_person, act, subject, about, reason FROM lookup WHERE at >= $1 AND ($2 = '' OR about = $2) ORDER BY at DESC, id DESC LIMIT $3";
        let about = about.map(|id| id.to_string()).unwrap_or_default();
        let found = self
            .read()
            .await?
            .all("lookup", LIST, args![since, about, rows(limit)])
            .await?;
        found.iter().map(|row| self.lookup_of(row)).collect()
    }
}

/// A limit as both engines take it.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit.min(MAX_ROWS)).unwrap_or(0)
}

impl Store {
    /// Leaves a look-up of each person; of nobody in particular when there are none.
    pub(crate) async fn look_up(
        &self,
        act: &mut Act,
        warrant: &Warrant,
        about: &[PersonId],
        at: Timestamp,
    ) -> Result<()> {
        let people: Vec<Option<PersonId>> = if about.is_empty() {
            vec![None]
        } else {
            about.iter().copied().map(Some).collect()
        };
        for (number, person) in people.into_iter().enumerate() {
            let id = format!("{:020}-{number}", act.seq);
            let reason =
                self.seal_opt("lookup", &id, "reason", warrant.reason().map(str::as_bytes))?;
            let (by, subject) = (warrant.actor().id(), warrant.subject().to_string());
            act.run(
                "INSERT INTO lookup (id, at, by_person, act, subject, about, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                args![id, at, by, warrant.act().name(), subject, person, reason],
            )
            .await?;
        }
        Ok(())
    }

    fn lookup_of(&self, row: &Row) -> Result<Lookup> {
        let id = row.text("id")?;
        Ok(Lookup {
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
            act: row.text("act")?,
            subject: row.text("subject")?,
            about: row.opt_parsed("about")?,
            reason: self.unseal_opt_text(row, "lookup", &id, "reason")?,
        })
    }

    /// The head, if its keyed mark is right; the inner `None` is a head before the first entry.
    async fn marked_head(&self, tx: &mut Tx) -> Result<Option<Option<Head>>> {
        const ONE: &str = "SELECT id, seq, hash, mark FROM ledger_head WHERE id = 1";
        let Some(row) = tx.one("ledger_head", ONE, vec![]).await? else {
            return Ok(None);
        };
        let Ok(head) = head_of(&row) else {
            return Ok(None);
        };
        let marked = head.unwrap_or(Head {
            seq: 0,
            hash: Hash::ZERO,
        });
        Ok(self
            .head_mark_holds(&marked, &row.bytes("mark")?)
            .then_some(head))
    }
}

/// Every entry in order, read in pages. About 400 bytes an entry while the check runs.
async fn all_entries(tx: &mut Tx) -> Result<std::result::Result<Vec<Entry>, Verdict>> {
    const PAGE_OF: &str = "SELECT seq, at, actor, act, subject, detail, prev, hash FROM ledger WHERE seq > $1 ORDER BY seq LIMIT $2";
    let mut entries = Vec::new();
    let mut after = i64::MIN;
    loop {
        let rows = tx.all("ledger", PAGE_OF, args![after, PAGE]).await?;
        for row in &rows {
            after = row.int("seq")?;
            match entry_of(row) {
                Ok(entry) => entries.push(entry),
                Err(Error::Nonsense {
                    column, problem, ..
                }) => {
                    let seq = u64::try_from(after).unwrap_or(0);
                    return Ok(Err(Verdict::Unreadable {
                        seq,
                        problem: format!("{column} {problem}"),
                    }));
                }
                Err(error) => return Err(error),
            }
        }
        if rows.is_empty() {
            return Ok(Ok(entries));
        }
    }
}

fn entry_of(row: &Row) -> Result<Entry> {
    let hash = |column| -> Result<Hash> {
        row.bytes(column)?
            .try_into()
            .map(Hash)
            .map_err(|_| row.nonsense(column, "is not 32 bytes"))
    };
    Ok(Entry {
        seq: u64::try_from(row.int("seq")?).map_err(|_| row.nonsense("seq", "is negative"))?,
        line: Line {
            at: row.time("at")?,
            actor: row.text("actor")?,
            act: row.text("act")?,
            subject: row.text("subject")?,
            detail: row.text("detail")?,
        },
        prev: hash("prev")?,
        hash: hash("hash")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// REQ-04: what is noted once is looked for by an index: the head of the ledger is held meanwhile.
    #[tokio::test]
    async fn req_04_what_is_noted_once_is_found_without_going_through_the_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let database = crate::Database::Sqlite(folder.path().join("records.db"));
        let store = crate::Store::open(&database, pharos_vault::Vault::fresh().unwrap())
            .await
            .unwrap();
        let plan = format!("EXPLAIN QUERY PLAN {ALIKE}");
        let mut read = store.read().await.unwrap();
        let wanted = args!["policy.install", "school", Timestamp::MIN, rows(ONCE_MAX)];
        let steps = read.all_built("ledger", plan, wanted).await.unwrap();
        let steps: Vec<String> = steps
            .iter()
            .map(|row| row.text("detail").unwrap())
            .collect();
        assert!(
            steps
                .iter()
                .any(|step| step.contains("ledger_act (act=? AND at>?)")),
            "{steps:?}"
        );
    }
}
