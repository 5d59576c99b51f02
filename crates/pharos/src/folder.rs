//! The data folder: keys, database, lists, activity, in fixed places.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use pharos_records_sql::Database;
use pharos_vault::{MasterKey, Opener, Sealer, Vault, read_ring, write_ring};
use serde::{Deserialize, Serialize};

/// What `pharos.toml` in the data folder says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FolderFile {
    /// `postgres://…`; without it the records are in a SQLite file in the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<String>,
    /// Where the master key is; without it, `keys/master.key` in the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) master_key: Option<PathBuf>,
}

/// A data folder with its keys open.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) file: FolderFile,
    pub(crate) master: MasterKey,
    pub(crate) vault: Vault,
}

impl Folder {
    /// Makes a new folder with new keys. Refuses one that is already somebody's.
    pub(crate) fn create(path: &Path, file: FolderFile) -> anyhow::Result<Self> {
        if path.join("keys").exists() {
            bail!(
                "{} is a data folder already; use it with `pharos serve --data`, or choose another place",
                path.display()
            );
        }
        make_dir(path)?;
        make_dir(&path.join("keys"))?;
        let master = MasterKey::fresh()?;
        let folder = Self {
            path: path.to_owned(),
            vault: Vault::fresh()?,
            master,
            file,
        };
        folder.master.to_new_file(&folder.master_path())?;
        write_ring(&folder.ring_path(), &folder.vault, &folder.master)?;
        let text = toml::to_string(&folder.file).context("pharos.toml cannot be written")?;
        write_private(&path.join("pharos.toml"), text.as_bytes())?;
        Ok(folder)
    }

    /// Opens a folder.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if !path.join("keys").exists() {
            bail!(
                "{} is not a data folder; make one with `pharos init --data {} --pack DIR`",
                path.display(),
                path.display()
            );
        }
        let file_path = path.join("pharos.toml");
        let file: FolderFile = match fs::read_to_string(&file_path) {
            Ok(text) => toml::from_str(&text)
                .with_context(|| format!("{} cannot be read", file_path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => FolderFile::default(),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("{} cannot be read", file_path.display()));
            }
        };
        let master = master_key(path, &file)?;
        let vault = read_ring(&path.join("keys/ring"), &master)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            master,
            vault,
        })
    }

    /// Where the records are.
    pub(crate) fn database(&self) -> Database {
        match std::env::var("PHAROS_DATABASE")
            .ok()
            .or_else(|| self.file.database.clone())
        {
            Some(url) => Database::Postgres(url),
            None => Database::Sqlite(self.path.join("records.sqlite")),
        }
    }

    /// Where the control socket is.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// Where the key ring is.
    pub(crate) fn ring_path(&self) -> PathBuf {
        self.path.join("keys/ring")
    }

    /// Where the master key is, in words.
    pub(crate) fn master_place(&self) -> String {
        self.master_path().display().to_string()
    }

    fn master_path(&self) -> PathBuf {
        self.file
            .master_key
            .clone()
            .unwrap_or_else(|| self.path.join("keys/master.key"))
    }

    /// A secret kept sealed in `keys/NAME`, made by `make` when it is not there yet.
    pub(crate) fn secret(
        &self,
        name: &'static str,
        make: impl FnOnce() -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<Vec<u8>> {
        if let Some(plain) = self.read_secret(name)? {
            return Ok(plain);
        }
        let plain = make()?;
        self.write_secret(name, &plain)?;
        Ok(plain)
    }

    /// A kept secret, if it is there. Sealed under the master key itself, so that a new school key
    /// leaves it as it is.
    pub(crate) fn read_secret(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        read_sealed(&self.path.join("keys").join(name), &self.master)
    }

    /// Keeps a secret in `keys/NAME`, in place of the one before.
    pub(crate) fn write_secret(&self, name: &str, plain: &[u8]) -> anyhow::Result<()> {
        write_sealed(&self.path.join("keys").join(name), plain, &self.master)
    }
}

/// A file sealed under the master key; `None` where there is none.
pub(crate) fn read_sealed(path: &Path, master: &MasterKey) -> anyhow::Result<Option<Vec<u8>>> {
    let sealed = match fs::read(path) {
        Ok(sealed) => sealed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
    };
    let mut plain = Vec::new();
    let opened = Opener::new(sealed.as_slice(), master)
        .and_then(|mut opener| opener.read_to_end(&mut plain));
    opened.with_context(|| format!("{} cannot be opened: it is damaged or belongs to another master key; restore it from a backup", path.display()))?;
    Ok(Some(plain))
}

/// Writes a file sealed under the master key, aside and then in place.
pub(crate) fn write_sealed(path: &Path, plain: &[u8], master: &MasterKey) -> anyhow::Result<()> {
    let mut sealer = Sealer::new(Vec::new(), master)?;
    sealer.write_all(plain)?;
    write_private(path, &sealer.finish()?)
}

/// The key that the operator holds: from the environment, else from its file.
fn master_key(path: &Path, file: &FolderFile) -> anyhow::Result<MasterKey> {
    if let Ok(text) = std::env::var("PHAROS_MASTER_KEY") {
        return Ok(MasterKey::parse(
            &text,
            "the environment variable PHAROS_MASTER_KEY",
        )?);
    }
    let at = file
        .master_key
        .clone()
        .unwrap_or_else(|| path.join("keys/master.key"));
    Ok(MasterKey::from_file(&at)?)
}

/// Makes a folder that only its owner may enter.
pub(crate) fn make_dir(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the folder {} cannot be made", path.display()))
}

/// Writes a file that only its owner may read: aside, onto the disk, then in place.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let aside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().with_context(|| format!("{} cannot be written", path.display()))
}
