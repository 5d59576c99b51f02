//! Bringing a database to this program's version; refusing one from a newer program.

use pharos_records::{Error, Result};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::db::Pools;
use crate::fault::fault;

const TEXTS: &[(i64, &str, &str)] = &[
    (1, "first", include_str!("../migrations/0001_first.sql")),
    (
        2,
        "reports and job problems",
        include_str!("../migrations/0002_reports_and_job_problems.sql"),
    ),
    (
        3,
        "policy changes",
        include_str!("../migrations/0003_policy_changes.sql"),
    ),
    (
        4,
        "sessions without a secret",
        include_str!("../migrations/0004_sessions_without_a_secret.sql"),
    ),
    (
        5,
        "week reviews",
        include_str!("../migrations/0005_week_reviews.sql"),
    ),
    (6, "journal", include_str!("../migrations/0006_journal.sql")),
    (7, "indexes", include_str!("../migrations/0007_indexes.sql")),
];

/// The version that this program knows.
pub(crate) const NEWEST: i64 = 7;

/// Runs what is missing, up to `target`; says whether the database was empty.
pub(crate) async fn migrate(pools: &Pools, place: &str, target: i64) -> Result<bool> {
    let found = version(pools, place).await?;
    if found > NEWEST {
        return Err(Error::TooNew {
            place: place.to_owned(),
            found,
            known: NEWEST,
        });
    }
    let run = match pools {
        Pools::Sqlite { writer, .. } => migrator("BLOB", "x''").run_to(target, writer).await,
        Pools::Postgres(pool) => migrator("BYTEA", "''::bytea").run_to(target, pool).await,
    };
    match run {
        Ok(()) => Ok(found == 0),
        Err(MigrateError::Execute(error)) => Err(fault(place, "bringing it up to date", &error)),
        Err(error) => Err(Error::Broken {
            place: place.to_owned(),
            problem: error.to_string(),
        }),
    }
}

fn migrator(bytes: &str, empty: &str) -> Migrator {
    let migrations = TEXTS.iter().map(|(version, name, text)| {
        let sql = text.replace("{BYTES}", bytes).replace("{EMPTY}", empty);
        Migration::new(
            *version,
            (*name).into(),
            MigrationType::Simple,
            AssertSqlSafe(sql).into_sql_str(),
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // A newer database was refused above; an older target (a restore) leaves later versions out.
    migrator.set_ignore_missing(true);
    migrator
}

/// The database's version; 0 for an empty one.
pub(crate) async fn version(pools: &Pools, place: &str) -> Result<i64> {
    const MAX: &str = "SELECT CAST(COALESCE(MAX(version), 0) AS BIGINT) FROM _sqlx_migrations";
    let failed = |error: sqlx::Error| fault(place, "opening it", &error);
    match pools {
        Pools::Sqlite { writer, .. } => {
            const HAS: &str = "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
            let has: i64 = sqlx::query_scalar(HAS)
                .fetch_one(writer)
                .await
                .map_err(failed)?;
            if has == 0 {
                Ok(0)
            } else {
                sqlx::query_scalar(MAX)
                    .fetch_one(writer)
                    .await
                    .map_err(failed)
            }
        }
        Pools::Postgres(pool) => {
            const HAS: &str = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'";
            let has: i64 = sqlx::query_scalar(HAS)
                .fetch_one(pool)
                .await
                .map_err(failed)?;
            if has == 0 {
                Ok(0)
            } else {
                sqlx::query_scalar(MAX)
                    .fetch_one(pool)
                    .await
                    .map_err(failed)
            }
        }
    }
}
