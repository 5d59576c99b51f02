//! Backup and restore (PRIV-08): one encrypted file, proved by reading it back; a restore checks
//! all of it before it writes anything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use pharos_access::{Permit, act};
use pharos_ledger::Detail;
use pharos_records::{Audit, Error, Verdict};
use pharos_vault::{MasterKey, Vault};

use crate::archive::{self, ArchiveInfo, Part, Writer};
use crate::db::{Row, Tx, Value};
use crate::migrate::NEWEST;
use crate::store::{Database, Store};
use crate::tables::{Holds, TABLES, Table};

/// What the key ring's file is called in a data folder.
const RING_NAME: &str = "keys/ring";
/// What an unfinished restore is called.
const UNFINISHED: &str = ".restoring";
/// Rows written in one transaction's statement during a restore.
const BATCH: usize = 50;

/// A file that goes into the backup beside the database.
#[derive(Debug, Clone)]
pub struct ExtraFile {
    /// Its path inside the data folder, with `/`: `lists/manifest.toml`.
    pub name: String,
    /// Where it is now.
    pub path: PathBuf,
}

/// What to back up, and where to.
#[derive(Debug)]
pub struct BackupPlan<'a> {
    /// The archive; an existing one is replaced once the new one is whole.
    pub to: &'a Path,
    /// Seals the archive and wraps the key ring in it.
    pub master: &'a MasterKey,
    /// Files beside the database: lists' manifest, packs, activity segments.
    pub files: &'a [ExtraFile],
    /// Now.
    pub at: Timestamp,
}

/// What a restore brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the archive held.
    pub info: ArchiveInfo,
    /// What the check of the audit log said; always whole, else the restore fails.
    pub ledger: Verdict,
}

/// A backup or restore did not happen. Whatever was there before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database.
    #[error(transparent)]
    Records(#[from] Error),
    /// The keys.
    #[error(transparent)]
    Vault(#[from] pharos_vault::Error),
    /// A file.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The archive is changed, cut short, or the key is another one.
    #[error("the archive {} cannot be used: {problem}; nothing was restored", path.display())]
    Archive {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The folder has something in it.
    #[error("{} is not empty; a restore goes into an empty folder. Nothing was restored", .0.display())]
    NotEmpty(PathBuf),
    /// The database has something in it.
    #[error(
        "the database {0} is not empty; a restore goes into an empty one. Nothing was restored"
    )]
    DatabaseNotEmpty(String),
    /// The audit log in the archive does not verify.
    #[error("the audit log in the archive was tampered with ({0:?}); nothing was restored")]
    Ledger(Verdict),
}

impl Store {
    /// Makes a consistent, encrypted archive of the database and the named files, reads it back to
    /// its end, and puts it in place. Works while the server runs.
    ///
    /// # Errors
    /// [`BackupError`]; an older archive of the same name then stays as it was.
    pub async fn backup(
        &self,
        permit: &Permit<act::Backup>,
        plan: &BackupPlan<'_>,
    ) -> Result<ArchiveInfo, BackupError> {
        let files = i64::try_from(plan.files.len()).unwrap_or(i64::MAX);
        self.act(
            permit,
            "backup",
            Detail::new().number("files", files),
            plan.at,
        )
        .await?
        .commit()
        .await?;
        let aside = plan.to.with_extension("unfinished");
        let written = self.write_archive(plan, &aside, NEWEST).await;
        let done = written
            .and_then(|()| check_archive(&aside, plan.master))
            .and_then(|info| {
                fs::rename(&aside, plan.to)
                    .map_err(|source| file_error("put in place", plan.to, source))?;
                Ok(info)
            });
        if done.is_err() {
            // Best effort: the error that matters is the one already in hand.
            let _ = fs::remove_file(&aside);
        }
        done
    }

    /// `version` is the one that the database is at.
    async fn write_archive(
        &self,
        plan: &BackupPlan<'_>,
        aside: &Path,
        version: i64,
    ) -> Result<(), BackupError> {
        let failed = |source| file_error("write", aside, source);
        let ring = self.vault().ring(plan.master)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(aside).map_err(failed)?;
        let mut writer = Writer::new(file, plan.master, version, plan.at, &ring).map_err(failed)?;
        let mut tx = self.read().await?;
        for table in TABLES {
            if table.columns_at(version).next().is_some() {
                dump(&mut tx, table, version, &mut writer).await?;
            }
        }
        for extra in plan.files {
            let read = |source| file_error("read", &extra.path, source);
            let from = File::open(&extra.path).map_err(read)?;
            let length = from.metadata().map_err(read)?.len();
            writer.file(&extra.name, length, from).map_err(read)?;
        }
        writer.finish().map_err(failed)
    }
}

async fn dump(
    tx: &mut Tx,
    table: &'static Table,
    version: i64,
    writer: &mut Writer,
) -> Result<(), BackupError> {
    let columns: Vec<_> = table.columns_at(version).collect();
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "SELECT {} FROM {} ORDER BY {}",
        names.join(", "),
        table.name,
        table.key.join(", ")
    );
    let mut each = |row: Row| {
        let values = columns
            .iter()
            .map(|(name, holds)| value_of(&row, name, *holds))
            .collect::<Result<Vec<_>, _>>()?;
        writer.row(table, &values).map_err(|error| Error::Engine {
            doing: "writing the archive",
            problem: error.to_string(),
        })
    };
    Ok(tx.each(table.name, sql, &mut each).await?)
}

pub(crate) fn value_of(row: &Row, name: &'static str, holds: Holds) -> Result<Value, Error> {
    Ok(match holds {
        Holds::Int => Value::Int(row.opt_int(name)?),
        Holds::Text => Value::Text(row.opt_text(name)?),
        Holds::Bytes | Holds::Sealed => Value::Bytes(row.opt_bytes(name)?),
    })
}

/// Reads an archive to its end without using anything of it: the test restore's first half.
///
/// # Errors
/// [`BackupError::Archive`].
pub fn check_archive(path: &Path, master: &MasterKey) -> Result<ArchiveInfo, BackupError> {
    let mut each = |part: Part<'_>| match part {
        Part::Ring(ring) => Vault::open(ring, master)
            .map(drop)
            .map_err(io::Error::other),
        Part::File(name) if !is_inside(name) => {
            Err(io::Error::other("a file's path leads out of the folder"))
        }
        _ => Ok(()),
    };
    archive::read(path, master, &mut each).map_err(|error| BackupError::Archive {
        path: path.to_owned(),
        problem: error.to_string(),
    })
}

/// Restores an archive into an empty (or absent) folder, and into `database`, which must be empty;
/// a SQLite file lies in the folder or beside it. The whole archive is checked first, the audit log
/// before the folder's files are put in place.
///
/// # Errors
/// [`BackupError`]; then the folder is as empty as it was.
pub async fn restore(
    archive: &Path,
    master: &MasterKey,
    folder: &Path,
    database: &Database,
) -> Result<Restored, BackupError> {
    let info = check_archive(archive, master)?;
    if info.version > NEWEST {
        let place = format!("in the archive {}", archive.display());
        return Err(Error::TooNew {
            place,
            found: info.version,
            known: NEWEST,
        }
        .into());
    }
    fs::create_dir_all(folder).map_err(|source| file_error("make", folder, source))?;
    let mut inside = fs::read_dir(folder).map_err(|source| file_error("read", folder, source))?;
    // The lock of the restoring command itself is no content.
    if inside.any(|entry| entry.is_ok_and(|entry| entry.file_name() != "lock")) {
        return Err(BackupError::NotEmpty(folder.to_owned()));
    }
    // Before anything is written, so that what a failure clears away is only our own.
    if let Database::Sqlite(path) = database
        && path.exists()
    {
        return Err(BackupError::DatabaseNotEmpty(database.place()));
    }
    let aside = folder.join(UNFINISHED);
    let done = restore_aside(archive, master, &aside, folder, database).await;
    if done.is_err() {
        clear(&aside, database);
    }
    Ok(Restored {
        info,
        ledger: done?,
    })
}

async fn restore_aside(
    archive: &Path,
    master: &MasterKey,
    aside: &Path,
    folder: &Path,
    database: &Database,
) -> Result<Verdict, BackupError> {
    let (vault, version) = unpack_files(archive, master, aside)?;
    let (store, fresh) = Store::open_at(database, vault.clone(), version).await?;
    if !fresh {
        store.close().await;
        return Err(BackupError::DatabaseNotEmpty(database.place()));
    }
    let filled = fill(&store, archive, master, version).await;
    store.close().await;
    filled?;
    let store = Store::open(database, vault).await?;
    let verdict = store.verify_ledger().await;
    store.close().await;
    let verdict = verdict?;
    if !matches!(verdict, Verdict::Whole(_)) {
        return Err(BackupError::Ledger(verdict));
    }
    put_in_place(aside, folder)?;
    Ok(verdict)
}

/// Writes the key ring and the files aside; gives the open keys and the database's version.
fn unpack_files(
    archive: &Path,
    master: &MasterKey,
    aside: &Path,
) -> Result<(Vault, i64), BackupError> {
    fs::create_dir_all(aside).map_err(|source| file_error("make", aside, source))?;
    let (mut vault, mut file) = (None, None::<File>);
    let mut each = |part: Part<'_>| match part {
        Part::Ring(ring) => {
            vault = Some(Vault::open(ring, master).map_err(io::Error::other)?);
            let path = aside.join(RING_NAME);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            new_file(&path)?.write_all(ring.as_bytes())
        }
        Part::Row(..) => Ok(()),
        Part::File(name) => {
            let path = aside.join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            file = Some(new_file(&path)?);
            Ok(())
        }
        Part::Bytes(bytes) => file.as_mut().map_or(Ok(()), |file| file.write_all(bytes)),
    };
    let info = archive::read(archive, master, &mut each)
        .map_err(|source| file_error("unpack", archive, source))?;
    let vault = vault.ok_or_else(|| BackupError::Archive {
        path: archive.to_owned(),
        problem: "it has no key ring".to_owned(),
    })?;
    Ok((vault, info.version))
}

/// Writes all rows in one transaction.
async fn fill(
    store: &Store,
    archive: &Path,
    master: &MasterKey,
    version: i64,
) -> Result<(), BackupError> {
    // The archive is read on a thread of its own; a few batches wait at most.
    let (send, mut batches) = tokio::sync::mpsc::channel::<Batch>(8);
    let (path, master) = (archive.to_owned(), master.clone());
    let reader = tokio::task::spawn_blocking(move || send_rows(&path, &master, &send));
    let mut tx = store.housekeeping().await?;
    tx.run("DELETE FROM ledger_head", vec![]).await?;
    while let Some((table, rows)) = batches.recv().await {
        insert_rows(&mut tx, table, version, rows).await?;
    }
    let read = reader
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|source| file_error("unpack", archive, source))?;
    Ok(tx.commit().await?)
}

type Batch = (&'static Table, Vec<Vec<Value>>);

fn send_rows(
    archive: &Path,
    master: &MasterKey,
    to: &tokio::sync::mpsc::Sender<Batch>,
) -> io::Result<()> {
    let mut batch: Option<Batch> = None;
    let gone = |_| io::Error::other("the database stopped taking rows");
    let mut each = |part: Part<'_>| {
        let Part::Row(table, values) = part else {
            return Ok(());
        };
        match &mut batch {
            Some((of, rows)) if of.name == table.name && rows.len() < BATCH => rows.push(values),
            _ => {
                if let Some(full) = batch.replace((table, vec![values])) {
                    to.blocking_send(full).map_err(gone)?;
                }
            }
        }
        Ok(())
    };
    archive::read(archive, master, &mut each)?;
    batch.map_or(Ok(()), |last| to.blocking_send(last).map_err(gone))
}

async fn insert_rows(
    tx: &mut Tx,
    table: &Table,
    version: i64,
    rows: Vec<Vec<Value>>,
) -> Result<(), Error> {
    let names: Vec<&str> = table.columns_at(version).map(|(name, _)| name).collect();
    let values = crate::people::rows_of(rows.len(), names.len());
    let sql = format!(
        "INSERT INTO {} ({}) VALUES {values}",
        table.name,
        names.join(", ")
    );
    tx.run_built(sql, rows.into_iter().flatten().collect())
        .await?;
    Ok(())
}

fn put_in_place(aside: &Path, folder: &Path) -> Result<(), BackupError> {
    let failed = |source| file_error("put in place", folder, source);
    for entry in fs::read_dir(aside).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        fs::rename(entry.path(), folder.join(entry.file_name())).map_err(failed)?;
    }
    fs::remove_dir(aside).map_err(failed)?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

/// Takes away what a failed restore wrote. Best effort: the error in hand matters more.
fn clear(aside: &Path, database: &Database) {
    let _ = fs::remove_dir_all(aside);
    if let Database::Sqlite(path) = database {
        for ending in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            let _ = fs::remove_file(PathBuf::from(name));
        }
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Whether a name from an archive stays inside the folder it is unpacked in.
fn is_inside(name: &str) -> bool {
    !name.is_empty()
        && Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

fn file_error(doing: &'static str, path: &Path, source: io::Error) -> BackupError {
    BackupError::File {
        doing,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use pharos_records::{SignIn, TokenHash};

    use super::*;

    /// PRIV-08: an archive from before a column was taken away is restored and brought up to date.
    #[tokio::test]
    async fn priv_08_an_archive_of_an_older_version_is_restored() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| Database::Sqlite(folder.path().join(name));
        let (vault, master) = (Vault::fresh().unwrap(), MasterKey::fresh().unwrap());
        let (store, _) = Store::open_at(&place("old.db"), vault, 3).await.unwrap();
        store.mark_empty().await.unwrap();
        let (token, person) = ("07".repeat(32), uuid::Uuid::from_u128(8).to_string());
        let mut tx = store.housekeeping().await.unwrap();
        for sql in [
            format!(
                "INSERT INTO person (id, source_id, username, given_name, family_name, roles, classes, guardians) VALUES ('{person}', 's', 'tamsin', 'Tamsin', 'Okafor-Lyle', 'pupil', '', '')"
            ),
            format!(
                "INSERT INTO session (token, person, since, last_used, until_at, second_factor, csrf, device) VALUES ('{token}', '{person}', 0, 0, 9000000000000000, 0, x'00', 'phone')"
            ),
        ] {
            tx.run_built(sql, vec![]).await.unwrap();
        }
        tx.commit().await.unwrap();
        let archive = folder.path().join("old.pharos");
        let plan = BackupPlan {
            to: &archive,
            master: &master,
            files: &[],
            at: Timestamp::UNIX_EPOCH,
        };
        store.write_archive(&plan, &archive, 3).await.unwrap();
        store.close().await;
        let (into, new) = (folder.path().join("into"), place("new.db"));
        let restored = restore(&archive, &master, &into, &new).await.unwrap();
        assert_eq!(restored.info.version, 3);
        let ring = fs::read_to_string(into.join(RING_NAME)).unwrap();
        let vault = Vault::open(&ring, &master).unwrap();
        let store = Store::open(&new, vault).await.unwrap();
        let found = store
            .session(TokenHash([7; 32]), Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        assert_eq!(found.unwrap().device, "phone");
        store.close().await;
    }
}
