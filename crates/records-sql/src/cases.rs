//! Cases.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{About, CaseFacts, Involved, Part, Partition, Permit, Subject, Warrant, act};
use pharos_ledger::Detail;
use pharos_records::{
    Case, CaseChange, CaseEntry, CaseFile, CaseFilter, CaseNumber, Cases, Error, MAX_ROWS, NewCase,
    NewEntry, NewNotice, Receipt, Result,
};
use pharos_school::{CaseId, PersonId};

use crate::db::{Row, Tx, args, joined};
use crate::store::{Act, Store, is_for};

const ONE: &str = "SELECT id, number, opened_at, last_at, closed_at, kind, partition_name, state, outcome, title, involved, conflicts, readers, raised_by, acknowledged_at, owner, due_at, rank, from_alert, entries FROM case_file WHERE id = $1";
const LIST: &str = "SELECT id, number, opened_at, last_at, closed_at, kind, partition_name, state, outcome, title, involved, conflicts, readers, raised_by, acknowledged_at, owner, due_at, rank, from_alert, entries FROM case_file WHERE opened_at >= $1 AND opened_at < $2 ORDER BY rank DESC, opened_at, id";
const DUE: &str = "SELECT id, number, opened_at, last_at, closed_at, kind, partition_name, state, outcome, title, involved, conflicts, readers, raised_by, acknowledged_at, owner, due_at, rank, from_alert, entries FROM case_file WHERE due_at <= $1 AND closed_at IS NULL ORDER BY due_at, id LIMIT 1000";
const NUMBERS: &str = "SELECT id, kind, partition_name, state, outcome, opened_at, acknowledged_at, closed_at FROM case_file WHERE opened_at >= $1 AND opened_at < $2 ORDER BY opened_at, id";
const RECEIPTS: &str = "SELECT id, number, opened_at, acknowledged_at FROM case_file WHERE raised_by = $1 ORDER BY opened_at DESC, id LIMIT 500";

#[async_trait]
impl Cases for Store {
    async fn open_case(
        &self,
        permit: &Permit<act::RaiseConcern>,
        case: &NewCase,
        entries: &[NewEntry],
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64> {
        is_for(permit, Subject::School)?;
        let mut opening = self.begin().await?;
        let last = opening
            .one(
                "case_file",
                "SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) AS number FROM case_file",
                vec![],
            )
            .await?;
        let number = last.map_or(Ok(0), |row| row.int("number"))? + 1;
        let detail = Detail::new()
            .text("kind", &case.kind)
            .number("number", number);
        let mut act = opening
            .note(permit, Subject::Case(case.id), detail, at)
            .await?;
        let header = header_of(case, number, at);
        self.insert_case(&mut act, &header).await?;
        self.write_entries(&mut act, permit, case.id, 0, entries)
            .await?;
        self.queue_notices(&mut act, notices, at).await?;
        if let Some(alert) = case.from_alert {
            act.run(
                "UPDATE alert SET case_id = $2 WHERE id = $1",
                args![alert, case.id],
            )
            .await?;
        }
        act.commit().await?;
        Ok(number)
    }

    async fn case_facts(&self, id: CaseId) -> Result<Option<CaseFacts>> {
        const FACTS: &str = "SELECT id, partition_name, involved, conflicts, readers, raised_by FROM case_file WHERE id = $1";
        let row = self
            .read()
            .await?
            .one("case_file", FACTS, args![id])
            .await?;
        row.map(|row| facts_of(&row)).transpose()
    }

    async fn case(
        &self,
        permit: &Permit<act::ReadCase>,
        at: Timestamp,
    ) -> Result<Option<CaseFile>> {
        self.open_file(permit, Detail::new(), &[], at).await
    }

    async fn export_case(
        &self,
        permit: &Permit<act::ExportCase>,
        at: Timestamp,
    ) -> Result<Option<CaseFile>> {
        self.open_file(permit, Detail::new().flag("export", true), &[], at)
            .await
    }

    async fn emergency_case(
        &self,
        permit: &Permit<act::EmergencyCase>,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<Option<CaseFile>> {
        if permit
            .reason()
            .is_none_or(|reason| reason.trim().is_empty())
        {
            return Err(Error::NoReason { act: permit.act() });
        }
        self.open_file(permit, Detail::new().flag("emergency", true), notices, at)
            .await
    }

    async fn case_to_write(&self, permit: &Permit<act::WriteCase>) -> Result<Option<CaseFile>> {
        let id = case_id(permit)?;
        let mut tx = self.read().await?;
        self.file_in(&mut tx, id).await
    }

    async fn append_entries(
        &self,
        permit: &Permit<act::WriteCase>,
        known: i64,
        entries: &[NewEntry],
        change: &CaseChange,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64> {
        let id = case_id(permit)?;
        let mut act = self
            .act(permit, permit.subject(), entries_detail(entries), at)
            .await?;
        let mut case = self.case_in(&mut act, id).await?.ok_or_else(absent)?;
        if case.entries != known {
            return Err(Error::Conflict {
                what: "the case".to_owned(),
            });
        }
        apply(&mut case, change);
        (case.entries, case.last_at) = (known + i64::try_from(entries.len()).unwrap_or(0), at);
        self.write_entries(&mut act, permit, id, known, entries)
            .await?;
        self.update_case(&mut act, &case).await?;
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await?;
        Ok(case.entries)
    }

    async fn share_case(
        &self,
        permit: &Permit<act::ShareCase>,
        readers: &BTreeSet<PersonId>,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()> {
        let id = case_id(permit)?;
        let count = i64::try_from(readers.len()).unwrap_or(i64::MAX);
        let mut act = self
            .act(
                permit,
                permit.subject(),
                Detail::new().number("readers", count),
                at,
            )
            .await?;
        let done = act
            .run(
                "UPDATE case_file SET readers = $2 WHERE id = $1",
                args![id, joined(readers)],
            )
            .await?;
        if done == 0 {
            return Err(absent());
        }
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await
    }

    async fn cases(
        &self,
        permit: &Permit<act::ListCases>,
        filter: &CaseFilter,
    ) -> Result<Vec<Case>> {
        is_for(permit, Subject::School)?;
        let limit = if filter.limit == 0 {
            MAX_ROWS
        } else {
            filter.limit.min(MAX_ROWS)
        };
        let (since, until) = period(filter);
        let rows = self
            .read()
            .await?
            .all("case_file", LIST, args![since, until])
            .await?;
        let mut seen = Vec::new();
        for row in &rows {
            if is_seen(permit, filter, row)? {
                seen.push(self.case_of(row)?);
            }
            if seen.len() >= limit {
                break;
            }
        }
        Ok(seen)
    }

    async fn case_number(
        &self,
        permit: &Permit<act::ListCases>,
        id: CaseId,
    ) -> Result<Option<i64>> {
        is_for(permit, Subject::School)?;
        let row = self.read().await?.one("case_file", ONE, args![id]).await?;
        match row {
            Some(row) if is_seen(permit, &CaseFilter::default(), &row)? => {
                Ok(Some(row.int("number")?))
            }
            _ => Ok(None),
        }
    }

    async fn count_cases(
        &self,
        permit: &Permit<act::ListCases>,
        filter: &CaseFilter,
    ) -> Result<usize> {
        is_for(permit, Subject::School)?;
        let (since, until) = period(filter);
        let rows = self
            .read()
            .await?
            .all("case_file", LIST, args![since, until])
            .await?;
        let mut count = 0;
        for row in &rows {
            count += usize::from(is_seen(permit, filter, row)?);
        }
        Ok(count)
    }

    async fn case_numbers(
        &self,
        permit: &Permit<act::CountCases>,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<CaseNumber>> {
        is_for(permit, Subject::School)?;
        let rows = self
            .read()
            .await?
            .all("case_file", NUMBERS, args![since, until])
            .await?;
        rows.iter().map(number_of).collect()
    }

    async fn receipts(&self, permit: &Permit<act::ReadReceipt>) -> Result<Vec<Receipt>> {
        let Subject::Person(person) = permit.subject() else {
            return Ok(vec![]);
        };
        let rows = self
            .read()
            .await?
            .all("case_file", RECEIPTS, args![person])
            .await?;
        let receipt = |row: &Row| {
            Ok(Receipt {
                number: row.int("number")?,
                at: row.time("opened_at")?,
                acknowledged_at: row.opt_time("acknowledged_at")?,
            })
        };
        rows.iter().map(receipt).collect()
    }

    async fn cases_due(
        &self,
        permit: &Permit<act::Housekeep>,
        now: Timestamp,
    ) -> Result<Vec<Case>> {
        is_for(permit, Subject::School)?;
        let rows = self.read().await?.all("case_file", DUE, args![now]).await?;
        rows.iter().map(|row| self.case_of(row)).collect()
    }
}

impl Store {
    /// Opens a case with ledger line, look-ups and notices.
    async fn open_file(
        &self,
        warrant: &Warrant,
        detail: Detail,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<Option<CaseFile>> {
        let id = case_id(warrant)?;
        let mut act = self.act(warrant, warrant.subject(), detail, at).await?;
        let Some(file) = self.file_in(&mut act, id).await? else {
            return Ok(None);
        };
        let about: Vec<PersonId> = file
            .case
            .involved
            .iter()
            .map(|involved| involved.id)
            .collect();
        self.look_up(&mut act, warrant, &about, at).await?;
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await?;
        Ok(Some(file))
    }

    async fn file_in(&self, tx: &mut Tx, id: CaseId) -> Result<Option<CaseFile>> {
        const LIST: &str = "SELECT id, seq, at, by_person, kind, body FROM case_entry WHERE case_id = $1 ORDER BY seq";
        let Some(case) = self.case_in(tx, id).await? else {
            return Ok(None);
        };
        let rows = tx.all("case_entry", LIST, args![id]).await?;
        let entries: Vec<CaseEntry> = rows
            .iter()
            .map(|row| self.entry_of(row))
            .collect::<Result<_>>()?;
        if i64::try_from(entries.len()).ok() != Some(case.entries) {
            return Err(Error::Nonsense {
                table: "case_file",
                row: id.to_string(),
                column: "entries",
                problem: format!("says {}, but there are {}", case.entries, entries.len()),
            });
        }
        Ok(Some(CaseFile { case, entries }))
    }

    async fn case_in(&self, tx: &mut Tx, id: CaseId) -> Result<Option<Case>> {
        tx.one("case_file", ONE, args![id])
            .await?
            .map(|row| self.case_of(&row))
            .transpose()
    }

    async fn insert_case(&self, act: &mut Act, case: &Case) -> Result<()> {
        let title = self.seal(
            "case_file",
            &case.id.to_string(),
            "title",
            case.title.as_bytes(),
        )?;
        act.run(
            "INSERT INTO case_file (id, number, opened_at, last_at, kind, partition_name, state, title, involved, conflicts, readers, raised_by, owner, due_at, rank, from_alert, entries) VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0)",
            args![case.id, case.number, case.opened_at, &case.kind, case.partition.name(), &case.state, title, involved_text(&case.involved), joined(&case.conflicts), joined(&case.readers), case.raised_by, case.owner, case.due_at, case.rank, case.from_alert],
        )
        .await?;
        Ok(())
    }

    async fn update_case(&self, act: &mut Act, case: &Case) -> Result<()> {
        let title = self.seal(
            "case_file",
            &case.id.to_string(),
            "title",
            case.title.as_bytes(),
        )?;
        act.run(
            "UPDATE case_file SET last_at = $2, closed_at = $3, kind = $4, partition_name = $5, state = $6, outcome = $7, title = $8, involved = $9, conflicts = $10, acknowledged_at = $11, owner = $12, due_at = $13, rank = $14 WHERE id = $1",
            args![case.id, case.last_at, case.closed_at, &case.kind, case.partition.name(), &case.state, &case.outcome, title, involved_text(&case.involved), joined(&case.conflicts), case.acknowledged_at, case.owner, case.due_at, case.rank],
        )
        .await?;
        Ok(())
    }

    async fn write_entries(
        &self,
        act: &mut Act,
        warrant: &Warrant,
        case: CaseId,
        known: i64,
        entries: &[NewEntry],
    ) -> Result<()> {
        for (entry, seq) in entries.iter().zip(known + 1..) {
            let body = self.seal("case_entry", &entry.id.to_string(), "body", &entry.body)?;
            act.run(
                "INSERT INTO case_entry (id, case_id, seq, at, by_person, kind, body) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                args![entry.id, case, seq, entry.at, warrant.actor().id(), &entry.kind, body],
            )
            .await?;
        }
        let count = known + i64::try_from(entries.len()).unwrap_or(0);
        act.run(
            "UPDATE case_file SET entries = $2 WHERE id = $1",
            args![case, count],
        )
        .await?;
        Ok(())
    }

    fn entry_of(&self, row: &Row) -> Result<CaseEntry> {
        let id: pharos_school::EntryId = row.parsed("id")?;
        Ok(CaseEntry {
            id,
            seq: row.int("seq")?,
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
            kind: row.text("kind")?,
            body: self.unseal("case_entry", &id.to_string(), "body", &row.bytes("body")?)?,
        })
    }

    fn case_of(&self, row: &Row) -> Result<Case> {
        let facts = facts_of(row)?;
        Ok(Case {
            id: facts.id,
            number: row.int("number")?,
            opened_at: row.time("opened_at")?,
            last_at: row.time("last_at")?,
            closed_at: row.opt_time("closed_at")?,
            kind: row.text("kind")?,
            partition: facts.partition,
            state: row.text("state")?,
            outcome: row.opt_text("outcome")?,
            title: self.unseal_text(row, "case_file", &facts.id.to_string(), "title")?,
            involved: facts.involved,
            conflicts: facts.conflicts,
            readers: facts.readers,
            raised_by: facts.raised_by,
            acknowledged_at: row.opt_time("acknowledged_at")?,
            owner: row.opt_parsed("owner")?,
            due_at: row.opt_time("due_at")?,
            rank: row.int("rank")?,
            from_alert: row.opt_parsed("from_alert")?,
            entries: row.int("entries")?,
        })
    }
}

/// Whether a row is wanted and may be known to the asker: the one place where lists and counts are
/// filtered.
fn is_seen(permit: &Permit<act::ListCases>, filter: &CaseFilter, row: &Row) -> Result<bool> {
    let facts = facts_of(row)?;
    let open = row.opt_int("closed_at")?.is_none();
    let wanted = filter.open.is_none_or(|want| want == open)
        && filter
            .involves
            .is_none_or(|person| facts.involved.iter().any(|i| i.id == person))
        && (filter.kind.is_none() || filter.kind == row.opt_text("kind")?);
    Ok(wanted && permit.sees_case(&facts))
}

fn period(filter: &CaseFilter) -> (Timestamp, Timestamp) {
    (
        filter.since.unwrap_or(Timestamp::MIN),
        filter.until.unwrap_or(Timestamp::MAX),
    )
}

fn header_of(case: &NewCase, number: i64, at: Timestamp) -> Case {
    let case = case.clone();
    Case {
        id: case.id,
        number,
        opened_at: at,
        last_at: at,
        closed_at: None,
        kind: case.kind,
        partition: case.partition,
        state: case.state,
        outcome: None,
        title: case.title,
        involved: case.involved,
        conflicts: case.conflicts,
        readers: case.readers,
        raised_by: case.raised_by,
        acknowledged_at: None,
        owner: case.owner,
        due_at: case.due_at,
        rank: case.rank,
        from_alert: case.from_alert,
        entries: 0,
    }
}

fn apply(case: &mut Case, change: &CaseChange) {
    macro_rules! take {
        ($($field:ident),+) => {$(
            if let Some(value) = &change.$field {
                case.$field = value.clone();
            }
        )+};
    }
    take!(
        kind, partition, state, title, involved, conflicts, due_at, rank
    );
    case.outcome = change.outcome.clone().or_else(|| case.outcome.take());
    case.owner = change.owner.or(case.owner);
    case.acknowledged_at = case.acknowledged_at.or(change.acknowledged_at);
    case.closed_at = change.closed_at.or(case.closed_at);
}

fn entries_detail(entries: &[NewEntry]) -> Detail {
    let mut kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    kinds.dedup();
    let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    Detail::new()
        .number("entries", count)
        .text("kinds", &kinds.join(" "))
}

fn case_id(warrant: &Warrant) -> Result<CaseId> {
    match warrant.subject() {
        Subject::Case(id) => Ok(id),
        subject => Err(Error::WrongPermit {
            act: warrant.act(),
            subject,
            wanted: subject,
        }),
    }
}

fn facts_of(row: &Row) -> Result<CaseFacts> {
    let words: Vec<String> = row.list("involved")?;
    let involved = words
        .iter()
        .map(|word| involved_of(word).ok_or_else(|| row.nonsense("involved", "cannot be read")));
    Ok(CaseFacts {
        id: row.parsed("id")?,
        partition: row.word("partition_name", Partition::from_name)?,
        involved: involved.collect::<Result<_>>()?,
        conflicts: row.list("conflicts")?,
        readers: row.list("readers")?,
        raised_by: row.opt_parsed("raised_by")?,
    })
}

/// `<id>:<what they are>:<part>`, separated by spaces.
fn involved_text(involved: &[Involved]) -> String {
    joined(
        involved
            .iter()
            .map(|i| format!("{}:{}:{}", i.id, i.about.name(), i.part.name())),
    )
}

fn involved_of(word: &str) -> Option<Involved> {
    let mut parts = word.split(':');
    let (id, about, part) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Involved {
        id: id.parse().ok()?,
        about: About::from_name(about)?,
        part: Part::from_name(part)?,
    })
}

fn number_of(row: &Row) -> Result<CaseNumber> {
    Ok(CaseNumber {
        kind: row.text("kind")?,
        partition: row.word("partition_name", Partition::from_name)?,
        state: row.text("state")?,
        outcome: row.opt_text("outcome")?,
        opened_at: row.time("opened_at")?,
        acknowledged_at: row.opt_time("acknowledged_at")?,
        closed_at: row.opt_time("closed_at")?,
    })
}

fn absent() -> Error {
    Error::Absent {
        what: "the case".to_owned(),
    }
}
