//! Versions of the policy pack.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, Warrant, act};
use pharos_ledger::Detail;
use pharos_records::{Error, NewPack, PackHead, PackState, PackVersion, Packs, Result};

use crate::db::{Row, args};
use crate::store::{Store, is_for};

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
            .text("digest", &pack.digest);
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
        act.run(
            "UPDATE pack SET state = 'past' WHERE state = 'in-force' AND number <> $1",
            args![number],
        )
        .await?;
        const TO: &str = "UPDATE pack SET state = 'in-force', decided_by = $2, decided_at = $3 WHERE number = $1 AND state <> 'refused'";
        let done = act.run(TO, args![number, permit.actor().id(), at]).await?;
        if done == 0 {
            return Err(absent(number));
        }
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
