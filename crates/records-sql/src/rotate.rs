//! Changing the school's key: everything sealed is wrapped anew.

use std::path::Path;

use jiff::Timestamp;
use pharos_access::{Permit, act};
use pharos_ledger::Detail;
use pharos_records::Error;
use pharos_vault::{MasterKey, Place, write_ring};

use crate::BackupError;
use crate::db::Value;
use crate::migrate::NEWEST;
use crate::store::Store;
use crate::tables::{Holds, TABLES, Table};

impl Store {
    /// Makes a new school key, writes the key ring, wraps every sealed value anew, and then drops
    /// the old key from the ring. Safe to repeat when it was interrupted: until the end the ring
    /// holds both keys. Gives the number of values wrapped.
    ///
    /// # Errors
    /// [`BackupError`]; what was wrapped so far stays readable.
    pub async fn rotate_school_key(
        &self,
        permit: &Permit<act::Backup>,
        ring: &Path,
        master: &MasterKey,
        at: Timestamp,
    ) -> Result<u64, BackupError> {
        let next = self.vault().with_new_school_key()?;
        let detail = Detail::new().number("school_key", i64::from(next.active()));
        let act = self.act(permit, "keys", detail, at).await?;
        write_ring(ring, &next, master)?;
        self.use_vault(next);
        act.commit().await?;
        let mut count = 0;
        for table in TABLES {
            count += self.reseal_table(table).await?;
        }
        let only_new = self.vault().without_old_keys();
        write_ring(ring, &only_new, master)?;
        self.use_vault(only_new);
        Ok(count)
    }

    /// One table in one transaction.
    async fn reseal_table(&self, table: &'static Table) -> Result<u64, Error> {
        let sealed: Vec<&'static str> = table
            .columns_at(NEWEST)
            .filter(|(_, holds)| *holds == Holds::Sealed)
            .map(|(name, _)| name)
            .collect();
        if sealed.is_empty() {
            return Ok(0);
        }
        let sql = format!(
            "SELECT {}, {} FROM {}",
            table.key.join(", "),
            sealed.join(", "),
            table.name
        );
        let mut tx = self.housekeeping().await?;
        let rows = tx.all_built(table.name, sql, vec![]).await?;
        let mut count = 0;
        for row in &rows {
            let key = table
                .key
                .iter()
                .map(|name| crate::backup::value_of(row, name, holds(table, name)))
                .collect::<Result<Vec<Value>, Error>>()?;
            let name = key.iter().map(shown).collect::<Vec<_>>().join("/");
            for column in &sealed {
                let Some(old) = row.opt_bytes(column)? else {
                    continue;
                };
                let new = self
                    .vault()
                    .reseal(Place::new(table.name, &name, column), &old);
                let new = new.map_err(|error| Error::Sealed {
                    table: table.name,
                    row: name.clone(),
                    problem: error.to_string(),
                })?;
                let Some(new) = new else { continue };
                let mut args = vec![Value::from(new)];
                args.extend(key.iter().cloned());
                tx.run_built(update(table, column), args).await?;
                count += 1;
            }
        }
        tx.commit().await?;
        Ok(count)
    }
}

fn update(table: &Table, column: &str) -> String {
    let wheres: Vec<String> = table
        .key
        .iter()
        .zip(2..)
        .map(|(name, n)| format!("{name} = ${n}"))
        .collect();
    format!(
        "UPDATE {} SET {column} = $1 WHERE {}",
        table.name,
        wheres.join(" AND ")
    )
}

fn holds(table: &Table, name: &str) -> Holds {
    table
        .columns_at(NEWEST)
        .find(|(column, _)| *column == name)
        .map_or(Holds::Text, |(_, holds)| holds)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Int(Some(number)) => number.to_string(),
        Value::Text(Some(text)) => text.clone(),
        _ => String::new(),
    }
}
