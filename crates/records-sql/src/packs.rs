//! Versions of the policy pack.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, Warrant, act};
use pharos_ledger::Detail;
use pharos_records::{Error, NewPack, PackHead, PackState, PackVersion, Packs, Result};
use pharos_school::PersonId;

use crate::db::{Row, Tx, args};
use crate::store::{Act, Store, is_for};

/// The largest pack, in bytes.
const MAX_FILES: usize = 32 * 1024 * 1024;
const IN_FORCE: &str = "SELECT number, at, by_person, why, assessment, replay, digest, state, decided_by, decided_at, files FROM pack WHERE state = 'in-force'";
const ONE: &str = "SELECT number, at, by_person, why, assessment, replay, digest, state, decided_by, decided_at, files FROM pack WHERE number = $1";
const HEADS: &str = "SELECT number, at, by_person, why, assessment, replay, digest, state, decided_by, decided_at FROM pack ORDER BY number DESC";

#[async_trait]
impl Packs for Store {
    async fn propose_pack(
        &self,
        permit: &Permit<act::ProposePolicy>,
        pack: &NewPack,
        at: Timestamp,
    ) -> Result<i64> {
        is_for(permit, Subject::School)?;
        if pack.files.len() > MAX_FILES {
            return Err(Error::Refused {
                what: "the policy pack".to_owned(),
                problem: "is larger than 32 MiB".to_owned(),
            });
        }
        let mut opening = self.begin().await?;
        let last = opening
            .one(
                "pack",
                "SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) AS number FROM pack",
                vec![],
            )
            .await?;
        let number = last.map_or(Ok(0), |row| row.int("number"))? + 1;
        let detail = Detail::new()
            .number("version", number)
            .text("digest", &pack.digest)
            .text(
                "content",
                &self.pack_content(number, at, permit.actor().id(), &pack.why, &pack.files),
            );
        let mut act = opening
            .note(permit, format!("pack:{number}"), detail, at)
            .await?;
        let assessment = pack.assessment.as_deref().map(str::as_bytes);
        let assessment = self.seal_opt("pack", &number.to_string(), "assessment", assessment)?;
        act.run(
            "INSERT INTO pack (number, at, by_person, why, assessment, replay, digest, state, decided_by, decided_at, files) VALUES ($1, $2, $3, $4, $5, $6, $7, 'proposed', NULL, NULL, $8)",
            args![number, at, permit.actor().id(), &pack.why, assessment, &pack.replay, &pack.digest, pack.files.clone()],
        )
        .await?;
        act.commit().await?;
        Ok(number)
    }

    async fn install_pack(
        &self,
        permit: &Permit<act::InstallPolicy>,
        number: i64,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let mut act = self
            .act(
                permit,
                format!("pack:{number}"),
                Detail::new().flag("in_force", true),
                at,
            )
            .await?;
        self.pack_in_force_by(&mut act, permit, number, at).await?;
        act.commit().await
    }

    async fn refuse_pack(
        &self,
        permit: &Permit<act::InstallPolicy>,
        number: i64,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        self.refuse(permit, number, at).await
    }

    async fn pack_in_force(&self) -> Result<Option<PackVersion>> {
        let row = self.read().await?.one("pack", IN_FORCE, vec![]).await?;
        row.map(|row| self.version_of(&row)).transpose()
    }

    async fn pack(&self, number: i64) -> Result<Option<PackVersion>> {
        let row = self.read().await?.one("pack", ONE, args![number]).await?;
        row.map(|row| self.version_of(&row)).transpose()
    }

    async fn packs(&self, permit: &Permit<act::ReadPolicy>) -> Result<Vec<PackHead>> {
        is_for(permit, Subject::School)?;
        let rows = self.read().await?.all("pack", HEADS, vec![]).await?;
        rows.iter().map(|row| self.pack_head_of(row)).collect()
    }
}

impl Store {
    /// Puts a version in force within an act that is noted already.
    pub(crate) async fn pack_in_force_by(
        &self,
        act: &mut Act,
        warrant: &Warrant,
        number: i64,
        at: Timestamp,
    ) -> Result<()> {
        const BEFORE: &str =
            "UPDATE pack SET state = 'past' WHERE state = 'in-force' AND number <> $1";
        act.run(BEFORE, args![number]).await?;
        const TO: &str = "UPDATE pack SET state = 'in-force', decided_by = $2, decided_at = $3 WHERE number = $1 AND state <> 'refused'";
        if act.run(TO, args![number, warrant.actor().id(), at]).await? == 0 {
            return Err(absent(number));
        }
        Ok(())
    }

    /// The mark of what a version says and who brought it when.
    fn pack_content(
        &self,
        number: i64,
        at: Timestamp,
        by: Option<PersonId>,
        why: &str,
        files: &[u8],
    ) -> String {
        let head = format!(
            "{number} {} {:?}",
            at.as_microsecond(),
            by.map(|id| id.to_string())
        );
        self.content("pack", &[head.as_bytes(), why.as_bytes(), files])
    }

    /// The first version from a time on whose mark is not known.
    pub(crate) async fn pack_unknown(
        &self,
        tx: &mut Tx,
        first: i64,
        known: &mut (dyn FnMut(&str) -> bool + Send),
    ) -> Result<Option<String>> {
        const NEXT: &str = "SELECT number, at, by_person, why, assessment, replay, digest, state, decided_by, decided_at, files FROM pack WHERE at >= $1 AND number > $2 ORDER BY number LIMIT 1";
        let mut after = 0;
        while let Some(row) = tx.one("pack", NEXT, args![first, after]).await? {
            let version = self.version_of(&row)?;
            let head = &version.head;
            after = head.number;
            let mark = self.pack_content(after, head.at, head.by, &head.why, &version.files);
            if !known(&mark) {
                return Ok(Some(after.to_string()));
            }
        }
        Ok(None)
    }

    async fn refuse(&self, warrant: &Warrant, number: i64, at: Timestamp) -> Result<()> {
        let mut act = self
            .act(
                warrant,
                format!("pack:{number}"),
                Detail::new().flag("refused_version", true),
                at,
            )
            .await?;
        const TO: &str = "UPDATE pack SET state = 'refused', decided_by = $2, decided_at = $3 WHERE number = $1 AND state = 'proposed'";
        if act.run(TO, args![number, warrant.actor().id(), at]).await? == 0 {
            return Err(absent(number));
        }
        act.commit().await
    }

    fn version_of(&self, row: &Row) -> Result<PackVersion> {
        Ok(PackVersion {
            head: self.pack_head_of(row)?,
            files: row.bytes("files")?,
        })
    }

    fn pack_head_of(&self, row: &Row) -> Result<PackHead> {
        let number = row.int("number")?;
        Ok(PackHead {
            number,
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
            why: row.text("why")?,
            assessment: self.unseal_opt_text(row, "pack", &number.to_string(), "assessment")?,
            replay: row.opt_text("replay")?,
            digest: row.text("digest")?,
            state: row.word("state", PackState::from_name)?,
            decided_by: row.opt_parsed("decided_by")?,
            decided_at: row.opt_time("decided_at")?,
        })
    }
}

fn absent(number: i64) -> Error {
    Error::Absent {
        what: format!("version {number} of the policy pack, waiting to be decided,"),
    }
}
