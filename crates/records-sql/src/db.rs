//! Two typed engines behind one small set of calls: the same SQL text, our own values and rows.

use std::fmt::Display;
use std::str::FromStr;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use pharos_records::{Error, Result};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Transaction};

use crate::fault::fault;

/// The pools of one database.
pub(crate) enum Pools {
    /// SQLite: one writer, several readers.
    Sqlite {
        /// At most one connection.
        writer: SqlitePool,
        /// Read only.
        readers: SqlitePool,
    },
    /// PostgreSQL.
    Postgres(PgPool),
}

/// An open transaction on either engine. Rolled back when dropped.
pub(crate) enum Tx {
    /// SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// A value to be bound. No booleans, dates or ids: those are numbers and text, so that both engines
/// keep the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text or null.
    Text(Option<String>),
    /// A number or null.
    Int(Option<i64>),
    /// Bytes or null.
    Bytes(Option<Vec<u8>>),
}

/// `args![a, b]`: values from anything that [`Value`] is made from.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Value::from($value)),*] };
}
pub(crate) use args;

macro_rules! bound {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $args {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Int(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

impl Pools {
    /// A consistent view for reading.
    pub(crate) async fn read(&self, place: &str) -> Result<Tx> {
        match self {
            Self::Sqlite { readers, .. } => readers.begin().await.map(Tx::Sqlite),
            Self::Postgres(pool) => pool
                .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                .await
                .map(Tx::Postgres),
        }
        .map_err(|error| fault(place, "beginning to read", &error))
    }

    /// A transaction for writing.
    pub(crate) async fn write(&self, place: &str) -> Result<Tx> {
        match self {
            Self::Sqlite { writer, .. } => {
                writer.begin_with("BEGIN IMMEDIATE").await.map(Tx::Sqlite)
            }
            Self::Postgres(pool) => pool.begin().await.map(Tx::Postgres),
        }
        .map_err(|error| fault(place, "beginning to write", &error))
    }
}

impl Tx {
    /// Runs a statement; gives the number of rows it touched.
    pub(crate) async fn run(&mut self, sql: &'static str, args: Vec<Value>) -> Result<u64> {
        self.run_str(sql.into_sql_str(), args).await
    }

    /// Runs SQL put together from our own constants (never from input).
    pub(crate) async fn run_built(&mut self, sql: String, args: Vec<Value>) -> Result<u64> {
        self.run_str(AssertSqlSafe(sql).into_sql_str(), args).await
    }

    async fn run_str(&mut self, sql: SqlStr, args: Vec<Value>) -> Result<u64> {
        match self {
            Self::Sqlite(tx) => bound!(sql, args)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()),
            Self::Postgres(tx) => bound!(sql, args)
                .execute(&mut **tx)
                .await
                .map(|done| done.rows_affected()),
        }
        .map_err(|error| fault("", "writing", &error))
    }

    /// All rows of a query.
    pub(crate) async fn all(
        &mut self,
        table: &'static str,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Vec<Row>> {
        self.all_str(table, sql.into_sql_str(), args).await
    }

    /// All rows of a query put together from our own constants.
    pub(crate) async fn all_built(
        &mut self,
        table: &'static str,
        sql: String,
        args: Vec<Value>,
    ) -> Result<Vec<Row>> {
        self.all_str(table, AssertSqlSafe(sql).into_sql_str(), args)
            .await
    }

    async fn all_str(
        &mut self,
        table: &'static str,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(tx) => {
                let rows = bound!(sql, args).fetch_all(&mut **tx).await;
                rows.map(|rows| {
                    rows.into_iter()
                        .map(|row| Row {
                            table,
                            inner: Inner::Sqlite(row),
                        })
                        .collect()
                })
            }
            Self::Postgres(tx) => {
                let rows = bound!(sql, args).fetch_all(&mut **tx).await;
                rows.map(|rows| {
                    rows.into_iter()
                        .map(|row| Row {
                            table,
                            inner: Inner::Postgres(row),
                        })
                        .collect()
                })
            }
        }
        .map_err(|error| fault("", "reading", &error))
    }

    /// The first row of a query.
    pub(crate) async fn one(
        &mut self,
        table: &'static str,
        sql: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<Row>> {
        Ok(self.all(table, sql, args).await?.into_iter().next())
    }

    /// Hands every row of a query to `each`, without keeping them.
    pub(crate) async fn each(
        &mut self,
        table: &'static str,
        sql: String,
        each: &mut (dyn FnMut(Row) -> Result<()> + Send),
    ) -> Result<()> {
        let sql = AssertSqlSafe(sql).into_sql_str();
        let failed = |error: sqlx::Error| fault("", "reading", &error);
        match self {
            Self::Sqlite(tx) => {
                let mut rows = sqlx::query(sql).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    each(Row {
                        table,
                        inner: Inner::Sqlite(row),
                    })?;
                }
            }
            Self::Postgres(tx) => {
                let mut rows = sqlx::query(sql).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    each(Row {
                        table,
                        inner: Inner::Postgres(row),
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Makes it so.
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
        .map_err(|error| fault("", "committing", &error))
    }
}

enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A row read. Values that make no sense become [`Error::Nonsense`] with table and row; the row is
/// named by its first column, which is the key in all our queries.
pub(crate) struct Row {
    table: &'static str,
    inner: Inner,
}

macro_rules! column {
    ($self:expr, $column:expr, $type:ty) => {
        match &$self.inner {
            Inner::Sqlite(row) => row.try_get::<$type, _>($column),
            Inner::Postgres(row) => row.try_get::<$type, _>($column),
        }
    };
}

impl Row {
    /// The row's key, for messages.
    pub(crate) fn key(&self) -> String {
        column!(self, 0, String)
            .or_else(|_| column!(self, 0, i64).map(|number| number.to_string()))
            .unwrap_or_else(|_| "?".to_owned())
    }

    /// An error about this row.
    pub(crate) fn nonsense(&self, column: &'static str, problem: impl Display) -> Error {
        Error::Nonsense {
            table: self.table,
            row: self.key(),
            column,
            problem: problem.to_string(),
        }
    }

    pub(crate) fn opt_text(&self, column: &'static str) -> Result<Option<String>> {
        column!(self, column, Option<String>).map_err(|_| self.nonsense(column, "is not text"))
    }

    pub(crate) fn opt_int(&self, column: &'static str) -> Result<Option<i64>> {
        column!(self, column, Option<i64>).map_err(|_| self.nonsense(column, "is not a number"))
    }

    pub(crate) fn opt_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>> {
        column!(self, column, Option<Vec<u8>>).map_err(|_| self.nonsense(column, "is not bytes"))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String> {
        self.opt_text(column)?
            .ok_or_else(|| self.nonsense(column, "is missing"))
    }

    pub(crate) fn int(&self, column: &'static str) -> Result<i64> {
        self.opt_int(column)?
            .ok_or_else(|| self.nonsense(column, "is missing"))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>> {
        self.opt_bytes(column)?
            .ok_or_else(|| self.nonsense(column, "is missing"))
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp> {
        self.opt_time(column)?
            .ok_or_else(|| self.nonsense(column, "is missing"))
    }

    pub(crate) fn opt_time(&self, column: &'static str) -> Result<Option<Timestamp>> {
        let Some(micros) = self.opt_int(column)? else {
            return Ok(None);
        };
        Timestamp::from_microsecond(micros)
            .map(Some)
            .map_err(|_| self.nonsense(column, "is not a time"))
    }

    /// Something written with `Display` and read with `FromStr`: ids, dates, year groups.
    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T> {
        self.opt_parsed(column)?
            .ok_or_else(|| self.nonsense(column, "is missing"))
    }

    pub(crate) fn opt_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>> {
        let Some(text) = self.opt_text(column)? else {
            return Ok(None);
        };
        text.parse()
            .map(Some)
            .map_err(|_| self.nonsense(column, "is not what it should be"))
    }

    /// A word of a fixed set.
    pub(crate) fn word<T>(
        &self,
        column: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        read(&self.text(column)?)
            .ok_or_else(|| self.nonsense(column, "is a word Pharos does not know"))
    }

    /// A list written by [`joined`].
    pub(crate) fn list<T: FromStr, C: FromIterator<T>>(&self, column: &'static str) -> Result<C> {
        let text = self.text(column)?;
        let parse = |word: &str| {
            word.parse()
                .map_err(|_| self.nonsense(column, "holds something it should not"))
        };
        text.split(' ')
            .filter(|word| !word.is_empty())
            .map(parse)
            .collect()
    }
}

/// A list in one column: ids or words without spaces.
pub(crate) fn joined<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    words.join(" ")
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}
impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}
impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}
impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}
impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(Some(i64::from(flag)))
    }
}
impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Int(Some(time.as_microsecond()))
    }
}
impl From<Option<Timestamp>> for Value {
    fn from(time: Option<Timestamp>) -> Self {
        Self::Int(time.map(Timestamp::as_microsecond))
    }
}
impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}
impl From<Option<Vec<u8>>> for Value {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        Self::Bytes(bytes)
    }
}

/// Ids are stored as text.
macro_rules! by_text {
    ($($id:ty),+) => {$(
        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Self::Text(Some(id.to_string()))
            }
        }
        impl From<Option<$id>> for Value {
            fn from(id: Option<$id>) -> Self {
                Self::Text(id.map(|id| id.to_string()))
            }
        }
    )+};
}
by_text!(
    pharos_school::PersonId,
    pharos_school::ClassId,
    pharos_school::CaseId,
    pharos_school::EntryId,
    pharos_school::AlertId,
    pharos_school::RequestId,
    pharos_school::CheckId,
    pharos_school::NoticeId,
    pharos_school::YearGroup,
    jiff::civil::Date,
    uuid::Uuid
);
