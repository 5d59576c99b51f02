//! What can go wrong in a store of records.

use pharos_access::{Act, Subject};

/// The result of every storage function.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. Nothing of the act has happened when one of these is returned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A stored value makes no sense: somebody changed the database, or a program error.
    #[error(
        "table {table}, row {row}: {column} {problem}; the row was not used: run `pharos audit verify`, then restore the last backup or call for help"
    )]
    Nonsense {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// The column.
        column: &'static str,
        /// What is wrong, without the value.
        problem: String,
    },
    /// The permit is for another thing than the one to be changed: a mistake in the program.
    #[error("a permit for {act} on {subject} was used for {wanted}; nothing was changed")]
    WrongPermit {
        /// The permit's act.
        act: Act,
        /// The permit's subject.
        subject: Subject,
        /// What it was used for.
        wanted: Subject,
    },
    /// The act wants a reason and none came with the permit.
    #[error("{act} needs a reason; nothing was changed")]
    NoReason {
        /// The act.
        act: Act,
    },
    /// Nobody decides their own request (ROLE-06).
    #[error("nobody may decide their own request; ask a colleague. Nothing was changed")]
    OwnMatter,
    /// Somebody else changed it first.
    #[error("{what} was changed meanwhile; look at it again and repeat. Nothing was changed")]
    Conflict {
        /// What.
        what: String,
    },
    /// What should be changed is not there.
    #[error("{what} does not exist; nothing was changed")]
    Absent {
        /// What.
        what: String,
    },
    /// The input is outside what the store takes.
    #[error("{what}: {problem}; nothing was changed")]
    Refused {
        /// What.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The database was written by a newer Pharos.
    #[error(
        "the database {place} is of version {found}, and this Pharos knows only versions up to {known}; install the newer Pharos again, or restore a backup made by this one"
    )]
    TooNew {
        /// The database, without password.
        place: String,
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The disk is full or a quota is reached.
    #[error(
        "no room to write to {place}; make room (old backups, logs) and repeat. Nothing was changed"
    )]
    Full {
        /// The database, without password.
        place: String,
    },
    /// The database file is damaged or no database.
    #[error(
        "{place} is damaged or not a database of Pharos ({problem}); keep it aside and run `pharos restore` with the last backup into an empty folder"
    )]
    Broken {
        /// The database, without password.
        place: String,
        /// What the engine said.
        problem: String,
    },
    /// The database cannot be reached or opened.
    #[error(
        "cannot reach the database {place}: {problem}; check that it runs, the address and the rights"
    )]
    Unreachable {
        /// The database, without password.
        place: String,
        /// What the engine said.
        problem: String,
    },
    /// Sealed data cannot be opened or sealed.
    #[error("table {table}, row {row}: {problem}")]
    Sealed {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
        /// What the vault said.
        problem: String,
    },
    /// Anything else from the engine.
    #[error("the database refused while {doing}: {problem}; nothing was changed")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// What the engine said.
        problem: String,
    },
}
