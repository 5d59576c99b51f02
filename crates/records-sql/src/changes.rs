//! Changes under change control, and the check of the whole change log against the ledger.
//!
//! Every row of the log leaves a keyed mark of its content in its ledger line; the check makes the
//! marks anew and compares.

use std::collections::HashMap;
use std::fmt::Write as _;

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Act as Deed, Permit, Subject, Warrant, act};
use pharos_ledger::Detail;
use pharos_records::{
    Altered, Change, ChangeEntry, ChangeKind, ChangeState, ChangeStep, Changes, Effect, Error,
    NewChange, NewNotice, NewOverride, Origin, OverrideKind, Result,
};
use pharos_school::PersonId;
use uuid::Uuid;

use crate::audit::rows;
use crate::db::{Row, Tx, args};
use crate::store::{Act, Store, is_for};

/// Rows in one page of the check.
const PAGE: i64 = 2_000;
/// The most that one change or entry may hold, in bytes.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What marks are made for.
const CONTENT: &str = "change log";

const BY_ID: &str = "SELECT id, number, at, by_person, kind, state, origin, effect, pack, opened, until_at, review_at, decided_at, decided_by, body FROM policy_change WHERE id = $1";
const BY_NUMBER: &str = "SELECT id, number, at, by_person, kind, state, origin, effect, pack, opened, until_at, review_at, decided_at, decided_by, body FROM policy_change WHERE number = $1";
const SINCE: &str = "SELECT id, number, at, by_person, kind, state, origin, effect, pack, opened, until_at, review_at, decided_at, decided_by, body FROM policy_change WHERE at >= $1 ORDER BY number DESC LIMIT $2";
const DUE: &str = "SELECT id, number, at, by_person, kind, state, origin, effect, pack, opened, until_at, review_at, decided_at, decided_by, body FROM policy_change WHERE state = 'in-force' AND (review_at <= $1 OR until_at <= $1) ORDER BY number LIMIT 500";
const PAGE_OF: &str = "SELECT id, number, at, by_person, kind, state, origin, effect, pack, opened, until_at, review_at, decided_at, decided_by, body FROM policy_change WHERE number > $1 ORDER BY number LIMIT $2";
const ENTRIES: &str = "SELECT id, change_id, seq, at, by_person, kind, body FROM change_entry WHERE change_id = $1 ORDER BY seq";
const LAST_NUMBER: &str =
    "SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) AS number FROM policy_change";

#[async_trait]
impl Changes for Store {
    async fn draft_change(
        &self,
        permit: &Permit<act::ProposePolicy>,
        new: &NewChange,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64> {
        is_for(permit, Subject::School)?;
        let (mut act, number) = self
            .insert_change(permit, new, ChangeState::Draft, at)
            .await?;
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await?;
        Ok(number)
    }

    async fn add_change_step(
        &self,
        warrant: &Warrant,
        change: Uuid,
        step: ChangeStep,
        body: &[u8],
        at: Timestamp,
    ) -> Result<()> {
        is_for(warrant, Subject::School)?;
        check_act(warrant, step)?;
        let mut opening = self.begin().await?;
        let row = opening.one("policy_change", BY_ID, args![change]).await?;
        let row = row.ok_or_else(absent)?;
        let draft = row.word("state", ChangeState::from_name)? == ChangeState::Draft;
        let before = opening.all("change_entry", ENTRIES, args![change]).await?;
        let for_drafts = matches!(
            step,
            ChangeStep::Educational | ChangeStep::Technical | ChangeStep::Consent
        );
        if for_drafts != draft {
            return Err(Error::Conflict {
                what: "the change".to_owned(),
            });
        }
        if for_drafts {
            check_sides(warrant, step, &before)?;
        }
        let entry = self.entry(change, before.len(), warrant, step, body, at)?;
        let mut act = opening
            .note(warrant, subject(row.int("number")?), entry.detail(), at)
            .await?;
        self.insert_step(&mut act, &entry).await?;
        act.commit().await
    }

    async fn install_change(
        &self,
        permit: &Permit<act::InstallPolicy>,
        change: Uuid,
        opens: Option<&NewOverride>,
        consent: bool,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let mut opening = self.begin().await?;
        let row = opening.one("policy_change", BY_ID, args![change]).await?;
        let row = row.ok_or_else(absent)?;
        if row.word("state", ChangeState::from_name)? != ChangeState::Draft {
            return Err(Error::Conflict {
                what: "the change".to_owned(),
            });
        }
        let before = opening.all("change_entry", ENTRIES, args![change]).await?;
        check_ready(&before, consent)?;
        let pack = row.opt_int("pack")?;
        let entry = self.entry(
            change,
            before.len(),
            permit,
            ChangeStep::PutInForce,
            b"",
            at,
        )?;
        let detail = match pack {
            Some(pack) => entry.detail().number("pack", pack),
            None => entry.detail(),
        };
        // Two marks would not fit one name: an opened site's own line follows in the same act.
        let detail = match opens {
            Some(opens) => detail.text("opens", &self.override_content(permit, opens, at)),
            None => detail,
        };
        let mut act = opening
            .note(permit, subject(row.int("number")?), detail, at)
            .await?;
        if let Some(pack) = pack {
            self.pack_in_force_by(&mut act, permit, pack, at).await?;
        }
        if let Some(opens) = opens {
            crate::overrides::check(opens, OverrideKind::Exception)?;
            self.insert_override(&mut act, permit, opens, at).await?;
        }
        act.run(
            "UPDATE policy_change SET state = 'in-force', decided_at = $2, decided_by = $3, opened = $4 WHERE id = $1",
            args![change, at, permit.actor().id(), opens.map(|opens| opens.id)],
        )
        .await?;
        self.insert_step(&mut act, &entry).await?;
        act.commit().await
    }

    async fn withdraw_change(
        &self,
        permit: &Permit<act::ProposePolicy>,
        change: Uuid,
        why: &str,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let mut opening = self.begin().await?;
        let row = opening.one("policy_change", BY_ID, args![change]).await?;
        let row = row.ok_or_else(absent)?;
        if row.word("state", ChangeState::from_name)? != ChangeState::Draft {
            return Err(Error::Conflict {
                what: "the change".to_owned(),
            });
        }
        let before = opening.all("change_entry", ENTRIES, args![change]).await?;
        let step = ChangeStep::Withdrawn;
        let entry = self.entry(change, before.len(), permit, step, why.as_bytes(), at)?;
        let mut act = opening
            .note(permit, subject(row.int("number")?), entry.detail(), at)
            .await?;
        let by = permit.actor().id();
        act.run(
            "UPDATE policy_change SET state = 'withdrawn', decided_at = $2, decided_by = $3 WHERE id = $1",
            args![change, at, by],
        )
        .await?;
        if let Some(pack) = row.opt_int("pack")? {
            const REFUSE: &str = "UPDATE pack SET state = 'refused', decided_by = $2, decided_at = $3 WHERE number = $1 AND state = 'proposed'";
            act.run(REFUSE, args![pack, by, at]).await?;
        }
        self.insert_step(&mut act, &entry).await?;
        act.commit().await
    }

    async fn record_change(
        &self,
        permit: &Permit<act::InstallPolicy>,
        new: &NewChange,
        at: Timestamp,
    ) -> Result<i64> {
        is_for(permit, Subject::School)?;
        let (mut act, number) = self
            .insert_change(permit, new, ChangeState::InForce, at)
            .await?;
        if let Some(pack) = new.pack {
            self.pack_in_force_by(&mut act, permit, pack, at).await?;
        }
        act.commit().await?;
        Ok(number)
    }

    async fn record_tightening(
        &self,
        permit: &Permit<act::EmergencyBlock>,
        new: &NewChange,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64> {
        is_for(permit, Subject::School)?;
        let problem = match (new.effect, new.review_at) {
            (Effect::Opens | Effect::Both, _) => Some("opens something"),
            (_, None) => Some("has no time by which it is looked at"),
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(Error::Refused {
                what: "the change".to_owned(),
                problem: problem.to_owned(),
            });
        }
        let (mut act, number) = self
            .insert_change(permit, new, ChangeState::InForce, at)
            .await?;
        if let Some(pack) = new.pack {
            self.pack_in_force_by(&mut act, permit, pack, at).await?;
        }
        self.queue_notices(&mut act, notices, at).await?;
        act.commit().await?;
        Ok(number)
    }

    async fn review_override(
        &self,
        permit: &Permit<act::ReviewChange>,
        id: Uuid,
        next: Option<Timestamp>,
        body: &[u8],
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let mut opening = self.begin().await?;
        let before = opening.all("change_entry", ENTRIES, args![id]).await?;
        let entry = self.entry(id, before.len(), permit, ChangeStep::Reviewed, body, at)?;
        let mut act = opening
            .note(permit, format!("override:{id}"), entry.detail(), at)
            .await?;
        const TO: &str = "UPDATE override_entry SET reviewed_at = $2, reviewed_by = $3, review_at = $4 WHERE id = $1 AND ended_at IS NULL";
        if act
            .run(TO, args![id, at, permit.actor().id(), next])
            .await?
            == 0
        {
            return Err(absent());
        }
        self.insert_step(&mut act, &entry).await?;
        act.commit().await
    }

    async fn review_change(
        &self,
        permit: &Permit<act::ReviewChange>,
        change: Uuid,
        next: Option<Timestamp>,
        body: &[u8],
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let mut opening = self.begin().await?;
        let row = opening.one("policy_change", BY_ID, args![change]).await?;
        let row = row.ok_or_else(absent)?;
        let before = opening.all("change_entry", ENTRIES, args![change]).await?;
        let entry = self.entry(change, before.len(), permit, ChangeStep::Reviewed, body, at)?;
        let mut act = opening
            .note(permit, subject(row.int("number")?), entry.detail(), at)
            .await?;
        act.run(
            "UPDATE policy_change SET review_at = $2 WHERE id = $1",
            args![change, next],
        )
        .await?;
        self.insert_step(&mut act, &entry).await?;
        act.commit().await
    }

    async fn change(&self, number: i64) -> Result<Option<Change>> {
        let row = self
            .read()
            .await?
            .one("policy_change", BY_NUMBER, args![number])
            .await?;
        row.map(|row| self.change_of(&row)).transpose()
    }

    async fn changes(
        &self,
        permit: &Permit<act::ReadPolicy>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Change>> {
        is_for(permit, Subject::School)?;
        let mut tx = self.read().await?;
        let found = tx
            .all("policy_change", SINCE, args![since, rows(limit)])
            .await?;
        found.iter().map(|row| self.change_of(row)).collect()
    }

    async fn changes_due(
        &self,
        permit: &Permit<act::Housekeep>,
        now: Timestamp,
    ) -> Result<Vec<Change>> {
        is_for(permit, Subject::School)?;
        let found = self
            .read()
            .await?
            .all("policy_change", DUE, args![now])
            .await?;
        found.iter().map(|row| self.change_of(row)).collect()
    }

    async fn change_entries(&self, of: Uuid) -> Result<Vec<ChangeEntry>> {
        let found = self
            .read()
            .await?
            .all("change_entry", ENTRIES, args![of])
            .await?;
        found.iter().map(|row| self.change_entry_of(row)).collect()
    }

    async fn verify_changes(&self) -> Result<Option<Altered>> {
        let mut tx = self.read().await?;
        let mut known = marks(&mut tx).await?;
        let found = match self.rows_unknown(&mut tx, &mut known).await {
            Err(
                Error::Nonsense {
                    table,
                    row,
                    problem,
                    ..
                }
                | Error::Sealed {
                    table,
                    row,
                    problem,
                },
            ) => Some(Altered {
                table,
                row,
                problem,
            }),
            other => other?,
        };
        Ok(found.or_else(|| known.gone()))
    }
}

/// The marks that the ledger holds, each with whether a row was found for it.
struct Marks {
    by_mark: HashMap<String, (String, bool)>,
    /// The first line with a mark: older rows have none.
    first: Option<i64>,
}

impl Marks {
    fn take(&mut self, mark: &str) -> bool {
        self.by_mark.get_mut(mark).is_some_and(|(_, seen)| {
            *seen = true;
            true
        })
    }

    fn gone(&self) -> Option<Altered> {
        let mut gone: Vec<&String> = self
            .by_mark
            .values()
            .filter(|(_, seen)| !seen)
            .map(|(subject, _)| subject)
            .collect();
        gone.sort();
        gone.first().map(|subject| Altered {
            table: "policy_change",
            row: (*subject).clone(),
            problem: "is known to the ledger and is gone or altered".to_owned(),
        })
    }
}

/// Reads every mark of the ledger, in pages.
async fn marks(tx: &mut Tx) -> Result<Marks> {
    const LINES: &str = "SELECT seq, at, subject, detail FROM ledger WHERE seq > $1 AND (detail LIKE '%\"content\":%' OR detail LIKE '%\"opens\":%') ORDER BY seq LIMIT $2";
    let mut marks = Marks {
        by_mark: HashMap::new(),
        first: None,
    };
    let mut after = i64::MIN;
    loop {
        let lines = tx.all("ledger", LINES, args![after, PAGE]).await?;
        for line in &lines {
            after = line.int("seq")?;
            let at = line.int("at")?;
            marks.first = Some(marks.first.map_or(at, |first| first.min(at)));
            let (subject, detail) = (line.text("subject")?, line.text("detail")?);
            for name in ["\"content\":\"", "\"opens\":\""] {
                if let Some(mark) = detail
                    .split(name)
                    .nth(1)
                    .and_then(|rest| rest.split('"').next())
                {
                    marks
                        .by_mark
                        .insert(mark.to_owned(), (subject.clone(), false));
                }
            }
        }
        if lines.is_empty() {
            return Ok(marks);
        }
    }
}

/// A step ready to be written.
struct Step {
    id: String,
    change: Uuid,
    seq: i64,
    at: Timestamp,
    by: Option<PersonId>,
    step: ChangeStep,
    body: Vec<u8>,
    mark: String,
}

impl Step {
    fn detail(&self) -> Detail {
        Detail::new()
            .text("step", self.step.name())
            .text("content", &self.mark)
    }
}

impl Store {
    async fn insert_change(
        &self,
        warrant: &Warrant,
        new: &NewChange,
        state: ChangeState,
        at: Timestamp,
    ) -> Result<(Act, i64)> {
        check_length(&new.body)?;
        let mut opening = self.begin().await?;
        let last = opening.one("policy_change", LAST_NUMBER, vec![]).await?;
        let number = last.map_or(Ok(0), |row| row.int("number"))? + 1;
        let row = Change {
            id: new.id,
            number,
            at,
            by: warrant.actor().id(),
            kind: new.kind,
            state,
            origin: new.origin,
            effect: new.effect,
            pack: new.pack,
            opened: None,
            until: new.until,
            review_at: new.review_at,
            decided_at: (state == ChangeState::InForce).then_some(at),
            decided_by: warrant
                .actor()
                .id()
                .filter(|_| state == ChangeState::InForce),
            body: new.body.clone(),
        };
        let detail = Detail::new()
            .text("kind", new.kind.name())
            .text("origin", new.origin.name())
            .text("effect", new.effect.name())
            .text("content", &self.change_content(&row));
        let mut act = opening.note(warrant, subject(number), detail, at).await?;
        let body = self.seal("policy_change", &new.id.to_string(), "body", &new.body)?;
        act.run(
            "INSERT INTO policy_change (id, number, at, by_person, kind, state, origin, effect, pack, until_at, review_at, decided_at, decided_by, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            args![row.id, number, at, row.by, row.kind.name(), state.name(), row.origin.name(), row.effect.name(), optional(row.pack), row.until, row.review_at, row.decided_at, row.decided_by, body],
        )
        .await?;
        Ok((act, number))
    }

    fn entry(
        &self,
        change: Uuid,
        before: usize,
        warrant: &Warrant,
        step: ChangeStep,
        body: &[u8],
        at: Timestamp,
    ) -> Result<Step> {
        check_length(body)?;
        let seq = i64::try_from(before).unwrap_or(i64::MAX - 1) + 1;
        let by = warrant.actor().id();
        let entry = ChangeEntry {
            seq,
            at,
            by,
            step,
            body: body.to_vec(),
        };
        Ok(Step {
            id: format!("{change}/{seq}"),
            change,
            seq,
            at,
            by,
            step,
            mark: self.entry_content(&change.to_string(), &entry),
            body: entry.body,
        })
    }

    async fn insert_step(&self, act: &mut Act, step: &Step) -> Result<()> {
        let body = self.seal("change_entry", &step.id, "body", &step.body)?;
        act.run(
            "INSERT INTO change_entry (id, change_id, seq, at, by_person, kind, body) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![step.id.clone(), step.change, step.seq, step.at, step.by, step.step.name(), body],
        )
        .await?;
        Ok(())
    }

    /// The keyed mark of a row's content.
    pub(crate) fn content(&self, table: &str, fields: &[&[u8]]) -> String {
        let mut bytes = Vec::new();
        for field in [table.as_bytes()].iter().chain(fields) {
            bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
            bytes.extend_from_slice(field);
        }
        self.vault()
            .mark(CONTENT, &bytes)
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a string never fails.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }

    fn change_content(&self, change: &Change) -> String {
        let head = format!(
            "{} {} {} {:?} {} {} {} {:?} {:?}",
            change.id,
            change.number,
            change.at.as_microsecond(),
            change.by.map(|id| id.to_string()),
            change.kind.name(),
            change.origin.name(),
            change.effect.name(),
            change.pack,
            change.until.map(Timestamp::as_microsecond),
        );
        self.content("policy_change", &[head.as_bytes(), &change.body])
    }

    fn entry_content(&self, change: &str, entry: &ChangeEntry) -> String {
        let head = format!(
            "{change} {} {} {:?} {}",
            entry.seq,
            entry.at.as_microsecond(),
            entry.by.map(|id| id.to_string()),
            entry.step.name(),
        );
        self.content("change_entry", &[head.as_bytes(), &entry.body])
    }

    async fn rows_unknown(&self, tx: &mut Tx, known: &mut Marks) -> Result<Option<Altered>> {
        let unknown = |table: &'static str, row: String| {
            Some(Altered {
                table,
                row,
                problem: "is not as the ledger knows it".to_owned(),
            })
        };
        let mut after = 0;
        loop {
            let found = tx.all("policy_change", PAGE_OF, args![after, PAGE]).await?;
            for row in &found {
                let change = self.change_of(row)?;
                after = change.number;
                if !known.take(&self.change_content(&change)) {
                    return Ok(unknown("policy_change", change.number.to_string()));
                }
            }
            if found.is_empty() {
                break;
            }
        }
        const STEPS: &str = "SELECT id, change_id, seq, at, by_person, kind, body FROM change_entry WHERE id > $1 ORDER BY id LIMIT $2";
        let mut last = String::new();
        loop {
            let found = tx
                .all("change_entry", STEPS, args![last.clone(), PAGE])
                .await?;
            for row in &found {
                last = row.text("id")?;
                let entry = self.change_entry_of(row)?;
                if !known.take(&self.entry_content(&row.text("change_id")?, &entry)) {
                    return Ok(unknown("change_entry", last));
                }
            }
            if found.is_empty() {
                break;
            }
        }
        let first = known.first.unwrap_or(i64::MAX);
        if let Some(row) = self
            .override_unknown(tx, first, &mut |mark| known.take(mark))
            .await?
        {
            return Ok(unknown("override_entry", row));
        }
        let pack = self
            .pack_unknown(tx, first, &mut |mark| known.take(mark))
            .await?;
        Ok(pack.and_then(|row| unknown("pack", row)))
    }

    fn change_of(&self, row: &Row) -> Result<Change> {
        let id: Uuid = row.parsed("id")?;
        Ok(Change {
            id,
            number: row.int("number")?,
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
            kind: row.word("kind", ChangeKind::from_name)?,
            state: row.word("state", ChangeState::from_name)?,
            origin: row.word("origin", Origin::from_name)?,
            effect: row.word("effect", Effect::from_name)?,
            pack: row.opt_int("pack")?,
            opened: row.opt_parsed("opened")?,
            until: row.opt_time("until_at")?,
            review_at: row.opt_time("review_at")?,
            decided_at: row.opt_time("decided_at")?,
            decided_by: row.opt_parsed("decided_by")?,
            body: self.unseal(
                "policy_change",
                &id.to_string(),
                "body",
                &row.bytes("body")?,
            )?,
        })
    }

    fn change_entry_of(&self, row: &Row) -> Result<ChangeEntry> {
        let id = row.text("id")?;
        Ok(ChangeEntry {
            seq: row.int("seq")?,
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
            step: row.word("kind", ChangeStep::from_name)?,
            body: self.unseal("change_entry", &id, "body", &row.bytes("body")?)?,
        })
    }
}

fn subject(number: i64) -> String {
    format!("change:{number}")
}

fn optional(number: Option<i64>) -> crate::db::Value {
    crate::db::Value::Int(number)
}

fn check_length(body: &[u8]) -> Result<()> {
    if body.len() <= BODY_BYTES_MAX {
        return Ok(());
    }
    Err(Error::Refused {
        what: "the change".to_owned(),
        problem: format!("is longer than {BODY_BYTES_MAX} bytes"),
    })
}

/// The act that a step stands for.
fn check_act(warrant: &Warrant, step: ChangeStep) -> Result<()> {
    let wanted = match step {
        ChangeStep::Educational | ChangeStep::Technical => Deed::AssessChange,
        ChangeStep::Consent => Deed::ConsentChange,
        ChangeStep::Reviewed => Deed::ReviewChange,
        ChangeStep::PutInForce
        | ChangeStep::Verified
        | ChangeStep::Withdrawn
        | ChangeStep::Undone => Deed::InstallPolicy,
    };
    if warrant.act() == wanted {
        return Ok(());
    }
    Err(Error::Refused {
        what: format!("the step {:?} of a change", step.name()),
        problem: format!("wants a permit for {wanted}, not for {}", warrant.act()),
    })
}

/// Each side once, and never both by one person (REQ-03).
fn check_sides(warrant: &Warrant, step: ChangeStep, before: &[Row]) -> Result<()> {
    let other = match step {
        ChangeStep::Educational => Some(ChangeStep::Technical),
        ChangeStep::Technical => Some(ChangeStep::Educational),
        _ => None,
    };
    for row in before {
        let there = row.word("kind", ChangeStep::from_name)?;
        if there == step {
            return Err(Error::Refused {
                what: "the change".to_owned(),
                problem: "has this assessment or consent already".to_owned(),
            });
        }
        let by: Option<PersonId> = row.opt_parsed("by_person")?;
        if Some(there) == other && by == warrant.actor().id() {
            return Err(Error::Refused {
                what: "the second assessment".to_owned(),
                problem: "must be by somebody else than the first".to_owned(),
            });
        }
    }
    Ok(())
}

/// Both assessments by two people, and consent where it is asked for.
fn check_ready(before: &[Row], consent: bool) -> Result<()> {
    let mut by_step: HashMap<ChangeStep, Option<PersonId>> = HashMap::new();
    for row in before {
        by_step.insert(
            row.word("kind", ChangeStep::from_name)?,
            row.opt_parsed("by_person")?,
        );
    }
    let wants = |problem: &str| {
        Err(Error::Refused {
            what: "the change".to_owned(),
            problem: problem.to_owned(),
        })
    };
    match (
        by_step.get(&ChangeStep::Educational),
        by_step.get(&ChangeStep::Technical),
    ) {
        (None, _) => wants("has no risk assessment by somebody with teaching experience"),
        (_, None) => wants("has no risk assessment by somebody with technical experience"),
        (Some(a), Some(b)) if a == b => wants("was assessed on both sides by one person"),
        _ if consent && !by_step.contains_key(&ChangeStep::Consent) => {
            wants("has no consent by the school's leadership")
        }
        _ => Ok(()),
    }
}

fn absent() -> Error {
    Error::Absent {
        what: "a change with this number".to_owned(),
    }
}
