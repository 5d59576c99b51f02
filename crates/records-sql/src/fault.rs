//! What an engine's error means for people.

use pharos_records::Error;

/// Sorts an engine's error by what there is to do about it.
pub(crate) fn fault(place: &str, doing: &'static str, error: &sqlx::Error) -> Error {
    let (place, problem) = (named(place), error.to_string());
    match error {
        sqlx::Error::Database(inner) => match inner.code().as_deref() {
            // SQLITE_FULL; a write or the growing of the shared index refused; PostgreSQL disk_full.
            Some("13" | "778" | "4874" | "53100") => Error::Full { place },
            // SQLITE_CORRUPT and its kinds, SQLITE_NOTADB; PostgreSQL data_corrupted, index_corrupted.
            Some("11" | "267" | "523" | "779" | "26" | "XX001" | "XX002") => {
                Error::Broken { place, problem }
            }
            // SQLITE_CANTOPEN and its kinds, SQLITE_READONLY, SQLITE_PERM; refused sign-in, no such database.
            Some("14" | "1294" | "8" | "3" | "28P01" | "28000" | "3D000") => {
                Error::Unreachable { place, problem }
            }
            // SQLITE_BUSY; PostgreSQL serialization_failure, deadlock_detected, unique_violation.
            Some("5" | "517" | "40001" | "40P01" | "23505" | "1555" | "2067") => Error::Conflict {
                what: format!("the data ({doing})"),
            },
            _ => Error::Engine { doing, problem },
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Configuration(_) => Error::Unreachable { place, problem },
        _ => Error::Engine { doing, problem },
    }
}

fn named(place: &str) -> String {
    if place.is_empty() {
        "the database".to_owned()
    } else {
        place.to_owned()
    }
}
