//! `pharos backup`, `pharos restore`, `pharos keys rotate`

use std::path::{Path, PathBuf};

use anyhow::Context;
use pharos_records_sql::{BackupPlan, DataLock, Database, ExtraFile, restore as restore_archive};
use pharos_vault::{MasterKey, read_ring};

use super::{operator, refused};
use crate::cli::RestoreArgs;
use crate::folder::{FolderFile, make_dir, write_private};
use crate::output::Output;
use crate::wire::Opened;

/// Folders whose files go into a backup beside the database. The activity's lock and spool stay out.
const FOLDERS: &[&str] = &["lists", "activity"];
/// Single files that do.
const FILES: &[&str] = &[
    "keys/sealed-lists",
    "keys/list-manifest",
    "keys/trust-report",
    "keys/authority.key",
    "keys/authority.pem",
    "keys/radius",
    "keys/network",
    "pharos.toml",
];

/// Makes a whole, encrypted backup, and reads it back.
pub(super) async fn make(opened: &Opened, to: &Path, output: &mut Output) -> anyhow::Result<u8> {
    let permit = match opened.app.backup_permit(&operator()).await {
        Ok(permit) => permit,
        Err(error) => return refused(error, output),
    };
    output.progress("putting the files together");
    // Everything up to now goes into segments, which do not change; the head does, under our hands.
    opened.activity.seal().await?;
    // A list that is being brought in is finished first, and none begins before the end.
    let _held = opened.app.hold_lists().await?;
    let files = extra_files(&opened.folder.path)?;
    let plan = BackupPlan {
        to,
        master: &opened.folder.master,
        files: &files,
        at: jiff::Timestamp::now(),
    };
    let info = opened.records.backup(&permit, &plan).await?;
    output.say(format!("{} written and read back: {} rows, {} files. It opens only with the master key; keep that elsewhere.", to.display(), info.rows, info.files));
    Ok(0)
}

/// Where events are that came after the last seal, and what is being written.
const UNDER_WAY: &[&str] = &["activity/head", "lists/incoming"];

/// Every file of the data folder that belongs in a backup.
fn extra_files(data: &Path) -> anyhow::Result<Vec<ExtraFile>> {
    let mut files = Vec::new();
    for name in FILES {
        let path = data.join(name);
        if path.is_file() {
            files.push(ExtraFile {
                name: (*name).to_owned(),
                path,
            });
        }
    }
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(data.join(&folder)) else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if UNDER_WAY
                .iter()
                .any(|under_way| path == Path::new(under_way))
            {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if entry.file_name() != "lock"
                && entry.file_name() != "spool.log"
                && path
                    .extension()
                    .is_none_or(|ending| ending != "tmp" && ending != "part")
            {
                files.push(ExtraFile {
                    name: path.to_string_lossy().into_owned(),
                    path: entry.path(),
                });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Brings a backup back into an empty folder. Everything is checked before anything is put in place.
pub(crate) async fn restore(args: RestoreArgs, output: &mut Output) -> anyhow::Result<u8> {
    let master = MasterKey::from_file(&args.master_key)?;
    make_dir(&args.data)?;
    let lock = DataLock::take(&args.data, "restore")?;
    let database = match &args.database {
        Some(url) => Database::Postgres(url.clone()),
        None => Database::Sqlite(args.data.join("records.sqlite")),
    };
    output.progress("checking the backup, then putting it in place");
    let restored = restore_archive(&args.file, &master, &args.data, &database).await?;
    settle(&args, &master)?;
    drop(lock);
    output.say(format!(
        "{} restored into {}: {} rows, {} files; the audit log verifies. Start it with `pharos serve --data {}`.",
        args.file.display(),
        args.data.display(),
        restored.info.rows,
        restored.info.files,
        args.data.display()
    ));
    Ok(0)
}

/// Looks whether the key ring opens, and writes where its master key and the database are.
fn settle(args: &RestoreArgs, master: &MasterKey) -> anyhow::Result<()> {
    read_ring(&args.data.join("keys/ring"), master)?;
    let key = std::fs::canonicalize(&args.master_key).context("the master key's place")?;
    let file = FolderFile {
        database: args.database.clone(),
        master_key: Some(key),
    };
    write_private(
        &args.data.join("pharos.toml"),
        toml::to_string(&file)?.as_bytes(),
    )
}

/// Seals everything under a new school key.
pub(super) async fn rotate(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let permit = match opened.app.backup_permit(&operator()).await {
        Ok(permit) => permit,
        Err(error) => return refused(error, output),
    };
    output.progress("sealing everything under a new key");
    let folder = &opened.folder;
    let count = opened
        .records
        .rotate_school_key(
            &permit,
            &folder.ring_path(),
            &folder.master,
            jiff::Timestamp::now(),
        )
        .await?;
    output.say(format!(
        "{count} values sealed under a new school key; the old one is gone. Make a new backup."
    ));
    Ok(0)
}
