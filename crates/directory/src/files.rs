//! The edge: files of a roll from a folder, a zip or a single CSV, all within bounds.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

/// Bounds on what an import may bring. Beyond them the import is refused, not cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file after unpacking.
    pub file_bytes_max: u64,
    /// Bytes of all files after unpacking.
    pub total_bytes_max: u64,
    /// Entries of a zip or folder looked at.
    pub entries_max: usize,
    /// Unpacked to packed size of one zip entry; real CSV stays below about 30.
    pub ratio_max: u64,
    /// Rows of one file.
    pub rows_max: u64,
    /// Bytes of one field.
    pub field_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 128 << 20,
            total_bytes_max: 256 << 20,
            entries_max: 256,
            ratio_max: 200,
            rows_max: 1_000_000,
            field_bytes_max: 16 << 10,
        }
    }
}

/// A folder, zip or file could not be read as a roll.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// What was being read.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Not a zip, or a damaged one.
    #[error(
        "the zip file cannot be read ({0}): export it again, or unpack it and import the folder"
    )]
    Zip(#[from] zip::result::ZipError),
    /// An entry's name would leave the folder.
    #[error(
        "the zip holds an entry with the unsafe name {0}: refused, because it points outside the archive; export it again"
    )]
    UnsafeName(String),
    /// Two entries with one name.
    #[error(
        "the zip holds {0} twice: refused, because it is unclear which one counts; export it again"
    )]
    Twice(String),
    /// A bound of [`Limits`] was passed.
    #[error(
        "{what} is larger than allowed ({limit}): refused; if the file is right, raise the limit or split it"
    )]
    TooLarge {
        /// Which file, or the whole set.
        what: String,
        /// The bound passed.
        limit: String,
    },
    /// Nothing to read.
    #[error(
        "{0} holds no CSV file: expected users.csv and roles.csv (OneRoster 1.2) or one plain CSV"
    )]
    Nothing(PathBuf),
}

/// The CSV files of a roll by lower-case file name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSet {
    files: BTreeMap<String, Vec<u8>>,
}

impl FileSet {
    /// From names and bytes already in memory; names are lower-cased.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files = files
            .into_iter()
            .map(|(name, bytes)| (name.to_ascii_lowercase(), bytes))
            .collect();
        Self { files }
    }

    /// The bytes of one file.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Every file by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Bytes of all files together.
    pub fn total_bytes(&self) -> u64 {
        self.files.values().map(|bytes| bytes.len() as u64).sum()
    }
}

/// Reads a folder of CSV files, a zip of them, or one CSV file.
///
/// # Errors
/// [`ReadError`] when the files cannot be read or pass a bound; the message says what to do.
pub fn read_path(path: &Path, limits: &Limits) -> Result<FileSet, ReadError> {
    let failed = |source| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(failed)?.is_dir() {
        return read_folder(path, limits);
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut signature = [0_u8; 2];
    let read = file.read(&mut signature).map_err(failed)?;
    file.rewind().map_err(failed)?;
    if &signature[..read] == b"PK" {
        return read_zip(file, limits);
    }
    let name = path.file_name().map_or_else(
        || "roll.csv".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let bytes = read_bounded(file, limits.file_bytes_max, &name).map_err(|error| error.at(path))?;
    Ok(FileSet::from_files([(name, bytes)]))
}

fn read_folder(path: &Path, limits: &Limits) -> Result<FileSet, ReadError> {
    let failed = |source| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    let mut set = FileSet::default();
    for (seen, entry) in fs::read_dir(path).map_err(failed)?.enumerate() {
        if seen >= limits.entries_max {
            return Err(too_large(
                &path.display().to_string(),
                &format!("{} entries", limits.entries_max),
            ));
        }
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        if !is_csv(&name) || !entry.path().is_file() {
            continue;
        }
        let room = limits
            .file_bytes_max
            .min(limits.total_bytes_max.saturating_sub(set.total_bytes()));
        let file = File::open(entry.path()).map_err(failed)?;
        let bytes = read_bounded(file, room, &name).map_err(|error| error.at(&entry.path()))?;
        if set.files.insert(name.clone(), bytes).is_some() {
            return Err(ReadError::Twice(name));
        }
    }
    if set.files.is_empty() {
        return Err(ReadError::Nothing(path.to_owned()));
    }
    Ok(set)
}

/// Reads the CSV entries of a zip. Names that point outside, entries that unpack beyond
/// [`Limits::ratio_max`] or the size bounds, and doubled names are refused.
///
/// # Errors
/// [`ReadError`], naming the entry.
pub fn read_zip<R: Read + Seek>(reader: R, limits: &Limits) -> Result<FileSet, ReadError> {
    let mut archive = zip::ZipArchive::new(reader)?;
    if archive.len() > limits.entries_max {
        return Err(too_large(
            "the zip",
            &format!("{} entries", limits.entries_max),
        ));
    }
    let mut set = FileSet::default();
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let Some(name) = safe_name(entry.name())? else {
            continue;
        };
        let packed = entry.compressed_size().max(1);
        let by_ratio = packed.saturating_mul(limits.ratio_max).max(1 << 20);
        let room = limits
            .file_bytes_max
            .min(limits.total_bytes_max.saturating_sub(set.total_bytes()))
            .min(by_ratio);
        let bytes = read_bounded(entry, room, &name).map_err(|error| error.at(Path::new(&name)))?;
        if set.files.insert(name.clone(), bytes).is_some() {
            return Err(ReadError::Twice(name));
        }
    }
    if set.files.is_empty() {
        return Err(ReadError::Nothing(PathBuf::from("the zip")));
    }
    Ok(set)
}

/// The plain lower-case file name of a CSV entry; `None` for folders and files of other kinds.
fn safe_name(entry: &str) -> Result<Option<String>, ReadError> {
    let parts: Vec<&str> = entry.split(['/', '\\']).collect();
    let leaves = parts.contains(&"..")
        || entry.starts_with(['/', '\\'])
        || entry.contains('\0')
        || parts.first().is_some_and(|first| first.ends_with(':'));
    if leaves {
        return Err(ReadError::UnsafeName(crate::problem::quoted(entry)));
    }
    let name = parts
        .last()
        .copied()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let hidden = parts.first() == Some(&"__MACOSX") || name.starts_with('.');
    Ok((is_csv(&name) && !hidden).then_some(name))
}

fn is_csv(name: &str) -> bool {
    name.ends_with(".csv")
}

enum BoundedError {
    Io(io::Error),
    TooLarge(ReadError),
}

impl BoundedError {
    fn at(self, path: &Path) -> ReadError {
        match self {
            BoundedError::Io(source) => ReadError::Io {
                path: path.to_owned(),
                source,
            },
            BoundedError::TooLarge(error) => error,
        }
    }
}

fn read_bounded(reader: impl Read, bytes_max: u64, name: &str) -> Result<Vec<u8>, BoundedError> {
    let mut bytes = Vec::new();
    reader
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(BoundedError::Io)?;
    if bytes.len() as u64 > bytes_max {
        return Err(BoundedError::TooLarge(too_large(
            name,
            &format!("{bytes_max} bytes"),
        )));
    }
    Ok(bytes)
}

fn too_large(what: &str, limit: &str) -> ReadError {
    ReadError::TooLarge {
        what: what.to_owned(),
        limit: limit.to_owned(),
    }
}
