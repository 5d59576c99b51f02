//! Every table with its columns: for backups, restores and the change of keys. A test compares it
//! with what the migrations make.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Text.
    Text,
    /// A number.
    Int,
    /// Bytes as they are.
    Bytes,
    /// Bytes sealed through the vault.
    Sealed,
}

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its key. Sealed values are bound to the key's columns joined by `/`.
    pub(crate) key: &'static [&'static str],
    /// Its columns, each with what it holds and the migration that made it.
    columns: &'static [(&'static str, Holds, i64)],
}

macro_rules! table {
    ($name:literal, $since:literal, [$($key:literal),+], $($column:ident $holds:ident $($at:literal)?),+ $(,)?) => {
        Table {
            name: $name,
            key: &[$($key),+],
            columns: &[$((stringify!($column), Holds::$holds, table!(@ $since $($at)?)),)+],
        }
    };
    (@ $since:literal) => { $since };
    (@ $since:literal $at:literal) => { $at };
}

/// Columns that a migration took away: table, column, and the version from which it is gone. They
/// stay in [`TABLES`], so that archives from before it can be restored.
const GONE: &[(&str, &str, i64)] = &[("session", "csrf", 4)];

impl Table {
    /// The columns that the table had at a version, in order.
    pub(crate) fn columns_at(
        &self,
        version: i64,
    ) -> impl Iterator<Item = (&'static str, Holds)> + use<> {
        let table = self.name;
        let gone = move |column: &str| {
            GONE.iter()
                .any(|(of, name, at)| *of == table && *name == column && version >= *at)
        };
        self.columns
            .iter()
            .filter(move |(name, _, since)| *since <= version && !gone(name))
            .map(|(name, holds, _)| (*name, *holds))
    }
}

/// Every table, in the order of a restore.
pub(crate) const TABLES: &[Table] = &[
    table!("ledger", 1, ["seq"], seq Int, at Int, actor Text, act Text, subject Text, detail Text, prev Bytes, hash Bytes),
    table!("ledger_head", 1, ["id"], id Int, seq Int, hash Bytes, mark Bytes),
    table!("lookup", 1, ["id"], id Text, at Int, by_person Text, act Text, subject Text, about Text, reason Sealed),
    table!("person", 1, ["id"], id Text, source_id Text, username Text, given_name Text, family_name Text, email Sealed,
        roles Text, year Text, house Text, classes Text, guardians Text, left_on Text),
    table!("class", 1, ["id"], id Text, source_id Text, title Text, year Text, is_form Int),
    table!("credential", 1, ["person"], person Text, password_hash Sealed, password_at Int, must_change Int,
        totp_secret Sealed, totp_step Int),
    table!("session", 1, ["token"], token Text, person Text, since Int, last_used Int, until_at Int, second_factor Int,
        csrf Sealed, device Text),
    table!("failure", 1, ["key"], key Text, failures Int, since Int, last_at Int),
    table!("pack", 1, ["number"], number Int, at Int, by_person Text, why Text, assessment Sealed, replay Text, digest Text,
        state Text, decided_by Text, decided_at Int, files Bytes),
    table!("alert", 1, ["id"], id Text, at Int, last_at Int, seen Int, rule Text, rule_version Text, rank Int, about Text,
        about_kind Text, assigned Text, key Text, state Text, acknowledged_by Text, acknowledged_at Int, chase_at Int,
        chased Int, closed_at Int, case_id Text, entries Int, body Sealed),
    table!("alert_entry", 1, ["alert", "seq"], alert Text, seq Int, at Int, by_person Text, kind Text, body Sealed),
    table!("case_file", 1, ["id"], id Text, number Int, opened_at Int, last_at Int, closed_at Int, kind Text,
        partition_name Text, state Text, outcome Text, title Sealed, involved Text, conflicts Text, readers Text,
        raised_by Text, acknowledged_at Int, owner Text, due_at Int, rank Int, from_alert Text, entries Int),
    table!("case_entry", 1, ["id"], id Text, case_id Text, seq Int, at Int, by_person Text, kind Text, body Sealed),
    table!("site_request", 1, ["id"], id Text, at Int, by_person Text, address Sealed, purpose Sealed, class Text,
        wanted_until Int, state Text, decided_by Text, decided_at Int, decision Sealed, categories Sealed 3, endorsed_by Text 3,
        endorsed_at Int 3, endorsement Sealed 3, relied_on Sealed 3),
    table!("override_entry", 1, ["id"], id Text, kind Text, body Sealed, from_at Int, until_at Int, review_at Int,
        why Sealed, request Text, at Int, by_person Text, ended_at Int, ended_by Text, reviewed_at Int 3, reviewed_by Text 3),
    table!("check_run", 1, ["id"], id Text, from_at Int, to_at Int, passed Int, failed Int, results Text, by_person Text),
    table!("standing", 1, ["clause", "at"], clause Text, at Int, standing Text, figures Text, pack Int),
    table!("setting", 1, ["name"], name Text, value Sealed, at Int, by_person Text),
    table!("outbox", 1, ["id"], id Text, kind Text, key Text, due_at Int, queued_at Int, attempts Int, leased_until Int,
        done_at Int, failed_at Int, body Sealed, problem Text 2),
    table!("policy_change", 3, ["id"], id Text, number Int, at Int, by_person Text, kind Text, state Text, origin Text,
        effect Text, pack Int, opened Text, until_at Int, review_at Int, decided_at Int, decided_by Text, body Sealed),
    table!("change_entry", 3, ["id"], id Text, change_id Text, seq Int, at Int, by_person Text, kind Text, body Sealed),
    table!("report", 2, ["id"], id Text, kind Text, from_on Text, to_on Text, figures Text, pdf Bytes, at Int, by_person Text),
    table!("week_review", 5, ["id"], id Text, week Text, at Int, by_person Text, body Sealed),
    table!("journal", 6, ["id"], id Text, kind Text, part_of Text, about Text, at Int, by_person Text, body Sealed),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::TABLES;

    /// PRIV-08: a backup holds every table and column that the migrations make.
    #[tokio::test]
    async fn priv_08_no_table_or_column_is_left_out_of_a_backup() {
        let folder = tempfile::tempdir().unwrap();
        let database = crate::Database::Sqlite(folder.path().join("records.db"));
        let store = crate::Store::open(&database, pharos_vault::Vault::fresh().unwrap())
            .await
            .unwrap();
        const MADE: &str = "SELECT m.name || '.' || c.name AS at FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> '_sqlx_migrations'";
        let rows = store
            .read()
            .await
            .unwrap()
            .all("schema", MADE, vec![])
            .await
            .unwrap();
        let made: BTreeSet<String> = rows.iter().map(|row| row.text("at").unwrap()).collect();
        let known = TABLES.iter().flat_map(|table| {
            table
                .columns_at(crate::migrate::NEWEST)
                .map(move |(name, _)| format!("{}.{name}", table.name))
        });
        assert_eq!(made, known.collect());
    }
}
