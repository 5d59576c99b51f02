//! The open database: pools, vault, and the only ways to a transaction.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use pharos_access::{Subject, Warrant};
use pharos_ledger::{Detail, Entry, Hash, Head, Line};
use pharos_records::{Error, Result};
use pharos_vault::{Place, Vault};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::db::{Pools, Row, Tx, Value, args};
use crate::fault::fault;
use crate::migrate::{self, NEWEST};

/// What the keyed mark of the ledger's head is for.
const HEAD_MARK: &str = "ledger head";

/// Where the records are.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file; made when absent.
    Sqlite(PathBuf),
    /// A PostgreSQL address: `postgres://user:password@host/database`.
    Postgres(String),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl Database {
    /// The database in words, without password.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                format!("postgres://{}", host.split('?').next().unwrap_or_default())
            }
        }
    }
}

/// Records in a database. Give it out as `Arc<dyn pharos_records::Records>`.
pub struct Store {
    pub(crate) pools: Pools,
    pub(crate) place: String,
    vault: RwLock<Arc<Vault>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.place)
    }
}

impl Store {
    /// Opens the database, makes it when absent, and brings it up to date.
    ///
    /// # Errors
    /// [`Error::TooNew`], [`Error::Broken`], [`Error::Unreachable`], [`Error::Full`].
    pub async fn open(database: &Database, vault: Vault) -> Result<Self> {
        let (store, fresh) = Self::open_at(database, vault, NEWEST).await?;
        if fresh {
            store.mark_empty().await?;
        }
        Ok(store)
    }

    /// Opens at an older version: for restores. Says whether the database was empty.
    pub(crate) async fn open_at(
        database: &Database,
        vault: Vault,
        version: i64,
    ) -> Result<(Self, bool)> {
        let place = database.place();
        let pools = match database {
            Database::Sqlite(path) => sqlite(path, &place).await?,
            Database::Postgres(url) => postgres(url, &place).await?,
        };
        let fresh = migrate::migrate(&pools, &place, version).await?;
        Ok((
            Self {
                pools,
                place,
                vault: RwLock::new(Arc::new(vault)),
            },
            fresh,
        ))
    }

    /// Closes all connections; waits for those in use. SQLite folds its write-ahead log in.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// Marks the head of a ledger that is empty because the database is new. Later an empty ledger
    /// without this mark is tampering.
    pub(crate) async fn mark_empty(&self) -> Result<()> {
        let head = Head {
            seq: 0,
            hash: Hash::ZERO,
        };
        let mark = self.head_mark(&head);
        let mut tx = self.housekeeping().await?;
        tx.run(
            "UPDATE ledger_head SET hash = $1, mark = $2 WHERE id = 1 AND seq = 0",
            args![head.hash.0.to_vec(), mark],
        )
        .await?;
        tx.commit().await
    }

    /// A consistent view for reading.
    pub(crate) async fn read(&self) -> Result<Tx> {
        self.pools.read(&self.place).await
    }

    /// A transaction without a ledger line: sessions' last use, throttling, leases, seals. Never
    /// for what people do.
    pub(crate) async fn housekeeping(&self) -> Result<Tx> {
        self.pools.write(&self.place).await
    }

    /// Begins an act: takes the ledger's head, so that acts come one after the other. Can only read
    /// until [`Opening::note`] has written the line.
    pub(crate) async fn begin(&self) -> Result<Opening<'_>> {
        let mut tx = self.pools.write(&self.place).await?;
        tx.run("UPDATE ledger_head SET seq = seq WHERE id = 1", vec![])
            .await?;
        Ok(Opening { store: self, tx })
    }

    /// Begins an act and writes its line.
    pub(crate) async fn act(
        &self,
        warrant: &Warrant,
        subject: impl Display + Send,
        detail: Detail,
        at: Timestamp,
    ) -> Result<Act> {
        self.begin().await?.note(warrant, subject, detail, at).await
    }

    pub(crate) fn vault(&self) -> Arc<Vault> {
        Arc::clone(
            &self
                .vault
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }

    pub(crate) fn use_vault(&self, vault: Vault) {
        *self
            .vault
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(vault);
    }

    pub(crate) fn seal(
        &self,
        table: &'static str,
        row: &str,
        column: &'static str,
        plain: &[u8],
    ) -> Result<Vec<u8>> {
        let sealed = self.vault().seal(Place::new(table, row, column), plain);
        sealed.map_err(|error| Error::Sealed {
            table,
            row: row.to_owned(),
            problem: error.to_string(),
        })
    }

    pub(crate) fn seal_opt(
        &self,
        table: &'static str,
        row: &str,
        column: &'static str,
        plain: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>> {
        plain
            .map(|plain| self.seal(table, row, column, plain))
            .transpose()
    }

    pub(crate) fn unseal(
        &self,
        table: &'static str,
        row: &str,
        column: &'static str,
        sealed: &[u8],
    ) -> Result<Vec<u8>> {
        let plain = self.vault().unseal(Place::new(table, row, column), sealed);
        plain
            .map(|plain| plain.to_vec())
            .map_err(|error| Error::Sealed {
                table,
                row: row.to_owned(),
                problem: error.to_string(),
            })
    }

    pub(crate) fn unseal_text(
        &self,
        row: &Row,
        table: &'static str,
        key: &str,
        column: &'static str,
    ) -> Result<String> {
        let plain = self.unseal(table, key, column, &row.bytes(column)?)?;
        String::from_utf8(plain).map_err(|_| row.nonsense(column, "is not text"))
    }

    pub(crate) fn unseal_opt_text(
        &self,
        row: &Row,
        table: &'static str,
        key: &str,
        column: &'static str,
    ) -> Result<Option<String>> {
        match row.opt_bytes(column)? {
            Some(_) => self.unseal_text(row, table, key, column).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn head_mark(&self, head: &Head) -> Vec<u8> {
        self.vault().mark(HEAD_MARK, &head.bytes()).to_vec()
    }

    pub(crate) fn head_mark_holds(&self, head: &Head, mark: &[u8]) -> bool {
        self.vault().mark_holds(HEAD_MARK, &head.bytes(), mark)
    }
}

/// An act that has begun and not yet been noted.
pub(crate) struct Opening<'a> {
    store: &'a Store,
    tx: Tx,
}

impl Opening<'_> {
    /// Reads before the line is written.
    pub(crate) async fn all(
        &mut self,
        table: &'static str,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Vec<Row>> {
        self.tx.all(table, sql, args).await
    }

    /// Reads one row before the line is written.
    pub(crate) async fn one(
        &mut self,
        table: &'static str,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<Row>> {
        self.tx.one(table, sql, args).await
    }

    /// Writes the line; from here on the act may write.
    pub(crate) async fn note(
        self,
        warrant: &Warrant,
        subject: impl Display + Send,
        detail: Detail,
        at: Timestamp,
    ) -> Result<Act> {
        let detail = match warrant.reason() {
            Some(_) => detail.flag("reason_given", true),
            None => detail,
        };
        let line = Line::new(
            at,
            &warrant.actor().to_string(),
            warrant.act().name(),
            &subject.to_string(),
            &detail,
        );
        self.line(line).await
    }

    /// Writes a line that no warrant stands for: refusals, strangers.
    pub(crate) async fn line(mut self, line: Line) -> Result<Act> {
        let entry = line.chain(self.head().await?.as_ref());
        let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
        insert_entry(&mut self.tx, &entry).await?;
        let mark = self.store.head_mark(&entry.head());
        self.tx
            .run(
                "UPDATE ledger_head SET seq = $1, hash = $2, mark = $3 WHERE id = 1",
                args![seq, entry.hash.0.to_vec(), mark],
            )
            .await?;
        Ok(Act { tx: self.tx, seq })
    }

    async fn head(&mut self) -> Result<Option<Head>> {
        let row = self
            .tx
            .one(
                "ledger_head",
                "SELECT id, seq, hash FROM ledger_head WHERE id = 1",
                vec![],
            )
            .await?;
        let Some(row) = row else {
            return Err(Error::Nonsense {
                table: "ledger_head",
                row: "1".to_owned(),
                column: "seq",
                problem: "is missing".to_owned(),
            });
        };
        head_of(&row)
    }
}

/// The head in its row; `None` before the first entry.
pub(crate) fn head_of(row: &Row) -> Result<Option<Head>> {
    let seq = u64::try_from(row.int("seq")?).map_err(|_| row.nonsense("seq", "is negative"))?;
    if seq == 0 {
        return Ok(None);
    }
    let hash = row
        .bytes("hash")?
        .try_into()
        .map_err(|_| row.nonsense("hash", "is not 32 bytes"))?;
    Ok(Some(Head {
        seq,
        hash: Hash(hash),
    }))
}

async fn insert_entry(tx: &mut Tx, entry: &Entry) -> Result<()> {
    let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
    let (line, prev, hash) = (&entry.line, entry.prev.0.to_vec(), entry.hash.0.to_vec());
    tx.run(
        "INSERT INTO ledger (seq, at, actor, act, subject, detail, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![seq, line.at, &line.actor, &line.act, &line.subject, &line.detail, prev, hash],
    )
    .await?;
    Ok(())
}

/// An act whose line is written. Rolled back with its line when dropped.
pub(crate) struct Act {
    pub(crate) tx: Tx,
    /// The line's number.
    pub(crate) seq: i64,
}

impl std::ops::Deref for Act {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl std::ops::DerefMut for Act {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

impl Act {
    /// Makes it so.
    pub(crate) async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }
}

/// The permit must be for the very thing that it is used on.
pub(crate) fn is_for(warrant: &Warrant, wanted: Subject) -> Result<()> {
    if warrant.subject() == wanted {
        return Ok(());
    }
    Err(Error::WrongPermit {
        act: warrant.act(),
        subject: warrant.subject(),
        wanted,
    })
}

async fn sqlite(path: &Path, place: &str) -> Result<Pools> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: what was acknowledged survives a power cut, not only a crash.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("secure_delete", "ON")
        .busy_timeout(Duration::from_secs(10));
    let failed = |error: sqlx::Error| fault(place, "opening it", &error);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(60))
        // A full disk ends a transaction inside SQLite, and the rollback that follows finds none:
        // the connection's own count is wrong from then on. Such a connection is not used again.
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options.clone().create_if_missing(true))
        .await
        .map_err(failed)?;
    let readers = SqlitePoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(30))
        .connect_lazy_with(options.pragma("query_only", "ON"));
    Ok(Pools::Sqlite { writer, readers })
}

async fn postgres(url: &str, place: &str) -> Result<Pools> {
    let failed = |error: sqlx::Error| fault(place, "opening it", &error);
    let options: PgConnectOptions = url.parse().map_err(failed)?;
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(30))
        .connect_with(options.application_name("pharos"))
        .await
        .map_err(failed)?;
    Ok(Pools::Postgres(pool))
}
