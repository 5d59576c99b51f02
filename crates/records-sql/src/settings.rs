//! Settings.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, act};
use pharos_ledger::Detail;
use pharos_records::{Result, SettingRow, Settings};

use crate::db::{Row, args};
use crate::store::{Store, is_for};

#[async_trait]
impl Settings for Store {
    async fn setting(&self, name: &str) -> Result<Option<SettingRow>> {
        const ONE: &str = "SELECT name, value, at, by_person FROM setting WHERE name = $1";
        let row = self.read().await?.one("setting", ONE, args![name]).await?;
        row.map(|row| self.setting_of(&row)).transpose()
    }

    async fn settings(&self) -> Result<Vec<SettingRow>> {
        const LIST: &str = "SELECT name, value, at, by_person FROM setting ORDER BY name";
        let rows = self.read().await?.all("setting", LIST, vec![]).await?;
        rows.iter().map(|row| self.setting_of(row)).collect()
    }

    async fn set_setting(
        &self,
        permit: &Permit<act::ChangeSettings>,
        name: &str,
        value: Option<&str>,
        at: Timestamp,
    ) -> Result<()> {
        is_for(permit, Subject::School)?;
        let detail = Detail::new()
            .text("name", name)
            .flag("removed", value.is_none());
        let mut act = self
            .act(permit, format!("setting:{name}"), detail, at)
            .await?;
        match value {
            Some(value) => {
                let sealed = self.seal("setting", name, "value", value.as_bytes())?;
                const SET: &str = "INSERT INTO setting (name, value, at, by_person) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at, by_person = excluded.by_person";
                act.run(SET, args![name, sealed, at, permit.actor().id()])
                    .await?;
            }
            None => {
                act.run("DELETE FROM setting WHERE name = $1", args![name])
                    .await?;
            }
        }
        act.commit().await
    }
}

impl Store {
    fn setting_of(&self, row: &Row) -> Result<SettingRow> {
        let name = row.text("name")?;
        Ok(SettingRow {
            value: self.unseal_text(row, "setting", &name, "value")?,
            name,
            at: row.time("at")?,
            by: row.opt_parsed("by_person")?,
        })
    }
}
