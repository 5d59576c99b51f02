//! Unpacking what publishers send: gzip, xz, bzip2, zstd, tar and zip, within bounds.
//!
//! Only plain files are written, under names made of plain parts, below one folder. Links, devices
//! and names that lead out of the folder are never followed: a name that tries is a reason to refuse
//! the whole archive, a link is left out (UT1's archives have some).

mod packed;
mod tar;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use zip::ZipArchive;

use self::packed::Packing;
use crate::error::ListsError;

/// Bounds on what an archive may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of all files together.
    pub bytes_max: u64,
    /// Files.
    pub files_max: usize,
}

impl Default for UnpackLimits {
    /// 2 GiB and 20,000 files: UT1 whole is some 150 MB in a few hundred.
    fn default() -> Self {
        Self {
            bytes_max: 2 << 30,
            files_max: 20_000,
        }
    }
}

/// Why an archive is not taken.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Damaged or cut short.
    #[error("the archive is damaged or cut short ({0}): it is fetched again at the next try")]
    Damaged(String),
    /// Larger than the bound once unpacked.
    #[error(
        "the archive unpacks to more than {0} bytes: raise size_max_mb of the list if that is right"
    )]
    TooLarge(u64),
    /// More files than the bound.
    #[error("the archive holds more than {0} files")]
    TooManyFiles(usize),
    /// A name that leads out of the folder, or is no name for a file.
    #[error("the archive names a file outside itself or with no usable name: tell its publisher")]
    BadName,
    /// A kind of archive that is not read.
    #[error("{0} archives are not read: use the publisher's tar.gz, tar.xz, gz or zip")]
    NotRead(&'static str),
    /// It asks for more memory than the bound, in MiB, to be read.
    #[error(
        "the archive asks for more than {0} MiB of memory to be unpacked: use the publisher's gz or zip"
    )]
    Memory(u32),
    /// No plain file in it.
    #[error("the archive holds no file")]
    Empty,
    /// The files could not be written.
    #[error(transparent)]
    Disk(#[from] ListsError),
}

/// Unpacks `file` into `folder`, which is there and empty, and gives what to import: the file
/// itself when it is no archive, the one file that was in it, or the folder that has the categories.
///
/// # Errors
/// [`UnpackError`]; what was written by then is the caller's to remove.
pub fn unpack(file: &Path, folder: &Path, limits: UnpackLimits) -> Result<PathBuf, UnpackError> {
    let open = || File::open(file).map_err(|error| ListsError::io("open", file, error));
    let mut magic = Vec::new();
    open()?
        .take(512)
        .read_to_end(&mut magic)
        .map_err(|error| ListsError::io("read", file, error))?;
    let mut target = Target::new(folder, limits);
    let reader = BufReader::with_capacity(1 << 16, open()?);
    match kind(&magic) {
        Kind::Plain => return Ok(file.to_owned()),
        Kind::Refused(name) => return Err(UnpackError::NotRead(name)),
        Kind::Tar => tar::unpack(reader, &mut target)?,
        Kind::Zip => from_zip(reader, &mut target)?,
        Kind::Packed(packing) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            packed::unpack(reader, packing, &name, &mut target)?;
        }
    }
    target.contents()
}

enum Kind {
    Plain,
    /// As one stream.
    Packed(Packing),
    Tar,
    Zip,
    Refused(&'static str),
}

fn kind(start: &[u8]) -> Kind {
    if let Some(packing) = Packing::of(start) {
        return Kind::Packed(packing);
    }
    match start {
        [b'P', b'K', 3 | 5, ..] => Kind::Zip,
        [b'7', b'z', 0xBC, 0xAF, ..] => Kind::Refused("7z"),
        _ if tar::is_tar(start) => Kind::Tar,
        _ => Kind::Plain,
    }
}

fn from_zip(reader: BufReader<File>, target: &mut Target<'_>) -> Result<(), UnpackError> {
    let mut archive =
        ZipArchive::new(reader).map_err(|error| UnpackError::Damaged(error.to_string()))?;
    if archive.len() > target.limits.files_max {
        return Err(UnpackError::TooManyFiles(target.limits.files_max));
    }
    for index in 0..archive.len() {
        let entry = archive
            .by_index(index)
            .map_err(|error| UnpackError::Damaged(error.to_string()))?;
        if !entry.is_file() || entry.is_symlink() {
            // A folder comes with its files; a link is left out.
            safe_path(entry.name())?;
            continue;
        }
        let name = entry.name().to_owned();
        target.file(&name, entry)?;
    }
    Ok(())
}

/// What came out of the decoder: a bound that was met, or damage; never a fault of ours.
fn damaged(error: io::Error) -> UnpackError {
    packed::is_bound(&error).unwrap_or_else(|| UnpackError::Damaged(error.to_string()))
}

/// A path of plain parts only.
fn safe_path(name: &str) -> Result<PathBuf, UnpackError> {
    const PART_MAX: usize = 200;
    const PARTS_MAX: usize = 16;
    let mut path = PathBuf::new();
    if name.contains(['\\', '\0', ':']) || name.chars().any(char::is_control) {
        return Err(UnpackError::BadName);
    }
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) if part.len() <= PART_MAX => path.push(part),
            Component::CurDir => {}
            _ => return Err(UnpackError::BadName),
        }
    }
    if path.components().count() > PARTS_MAX {
        return Err(UnpackError::BadName);
    }
    Ok(path)
}

/// The folder files are written to, and what may still come.
struct Target<'a> {
    folder: &'a Path,
    limits: UnpackLimits,
    bytes_left: u64,
    files: Vec<PathBuf>,
}

impl<'a> Target<'a> {
    fn new(folder: &'a Path, limits: UnpackLimits) -> Self {
        Self {
            folder,
            limits,
            bytes_left: limits.bytes_max,
            files: Vec::new(),
        }
    }

    /// Writes one file; what it reads from ends where the file ends.
    fn file(&mut self, name: &str, mut from: impl Read) -> Result<(), UnpackError> {
        let path = safe_path(name)?;
        if path.as_os_str().is_empty() {
            return Err(UnpackError::BadName);
        }
        if self.files.len() >= self.limits.files_max {
            return Err(UnpackError::TooManyFiles(self.limits.files_max));
        }
        let target = self.folder.join(&path);
        let failed = |error| ListsError::io("write", &target, error);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        // Never over what is there: an archive with a name twice is refused with the file system's word.
        let mut out = BufWriter::with_capacity(1 << 16, File::create_new(&target).map_err(failed)?);
        let mut piece = vec![0; 1 << 16];
        loop {
            let read = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(damaged(error)),
            };
            self.bytes_left = self
                .bytes_left
                .checked_sub(read as u64)
                .ok_or(UnpackError::TooLarge(self.limits.bytes_max))?;
            out.write_all(&piece[..read]).map_err(failed)?;
        }
        out.flush().map_err(failed)?;
        self.files.push(path);
        Ok(())
    }

    /// What to import: the one file, or the innermost folder that holds everything.
    fn contents(&self) -> Result<PathBuf, UnpackError> {
        let one = match self.files.as_slice() {
            [] => return Err(UnpackError::Empty),
            [one] => Some(one),
            _ => None,
        };
        if let Some(one) = one
            && !["domains", "urls"]
                .contains(&one.file_name().and_then(|n| n.to_str()).unwrap_or(""))
        {
            return Ok(self.folder.join(one));
        }
        let mut common = PathBuf::new();
        let first = self.files.first().and_then(|path| path.parent());
        for part in first.into_iter().flat_map(Path::components) {
            let deeper = common.join(part);
            if !self.files.iter().all(|path| path.starts_with(&deeper)) {
                break;
            }
            common = deeper;
        }
        Ok(self.folder.join(common))
    }
}
