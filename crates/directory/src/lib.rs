//! Who is at the school: rolls read from files, and what a new roll would change (ACC-10).
//!
//! Two formats are read: **OneRoster 1.2 CSV** (a folder or a zip, bulk or delta) and one
//! **plain CSV** ([`plain`] documents the header). Nothing here stores anything: the edge reads
//! bytes ([`read_path`]), [`parse`] makes an [`Incoming`] of them and lists every problem with file,
//! line and column, and [`diff`] says what would join, change and leave. Any problem means
//! that nothing is applied; [`preview`] does both steps and reports all problems in one go.
//!
//! Beside the rolls it reads what the network tells of devices: DHCP leases ([`leases`]), RADIUS
//! accounting ([`radius`]), and joins both to who is at an address ([`presence`]).
//!
//! Bounds on outside input are in [`Limits`]; what lies beyond them is refused with a message.

mod change;
mod files;
mod incoming;
pub mod leases;
mod oneroster;
pub mod plain;
pub mod presence;
mod problem;
pub mod radius;
mod resolve;
mod sheet;

pub use change::{Changed, Hold, LOCAL_PREFIX, Roll, RollChange, diff, preview};
pub use files::{FileSet, Limits, ReadError, read_path, read_zip};
pub use incoming::{
    Incoming, IncomingClass, IncomingEnrolment, IncomingPerson, IncomingRole, Mode, Origin, Parsed,
};
pub use pharos_school::{Mac, NotAMac};
pub use problem::{LineProblem, PROBLEMS_MAX, Problems};

/// How far an import has come, for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file being read, or `matching` while the roll is compared with the present one.
    pub stage: &'a str,
    /// Rows done over all files.
    pub rows: u64,
    /// Bytes of CSV read over all files.
    pub bytes: u64,
    /// Bytes of CSV in all files.
    pub bytes_total: u64,
}

/// Reads a roll from the files of a folder, a zip or one plain CSV. Never fails as a whole: what
/// could be read is in [`Parsed::incoming`], what is wrong in [`Parsed::problems`].
///
/// A set with a `users.csv` or `manifest.csv` is taken as OneRoster; otherwise there must be
/// exactly one CSV file, read as plain CSV.
pub fn parse(files: &FileSet, limits: &Limits, progress: &mut dyn FnMut(Progress<'_>)) -> Parsed {
    let mut problems = Problems::new();
    let mut reading = sheet::Reading::new(files.total_bytes(), limits, progress);
    let incoming = if files.get("users.csv").is_some() || files.get("manifest.csv").is_some() {
        oneroster::read(files, &mut reading, &mut problems)
    } else {
        plain::read_only_file(files, &mut reading, &mut problems)
    };
    Parsed { incoming, problems }
}

/// Reads bytes of unknown kind: a zip by its signature, otherwise one plain CSV. Made for
/// fuzzing and for uploads without a name; accepts any bytes and never panics.
pub fn parse_bytes(bytes: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    let files = if bytes.starts_with(b"PK") {
        read_zip(std::io::Cursor::new(bytes), limits)?
    } else {
        FileSet::from_files([("roll.csv".to_owned(), bytes.to_vec())])
    };
    Ok(parse(&files, limits, &mut |_| {}))
}
