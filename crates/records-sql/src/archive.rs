//! The archive of a backup: one sealed stream of tables and files, checked to its end before
//! anything in it is used.
//!
//! Inside the seal: a first line; then records, each a byte that says what it is. Lengths are
//! big-endian; every table and the whole end with their counts, so that a short archive is noticed
//! even by a program error.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use jiff::Timestamp;
use pharos_vault::{MasterKey, Opener, Sealer};

use crate::db::Value;
use crate::tables::{Holds, TABLES, Table};

const FIRST_LINE: &[u8] = b"pharos archive 1\n";
/// The longest text or bytes in one value: the largest pack is 32 MiB.
const MAX_VALUE: u64 = 64 * 1024 * 1024;
/// The longest key ring or file name.
const MAX_NAME: u64 = 1024 * 1024;

/// What an archive says about itself and holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveInfo {
    /// When it was made.
    pub made_at: Timestamp,
    /// The version of the database in it.
    pub version: i64,
    /// Rows of the database.
    pub rows: u64,
    /// Other files.
    pub files: u64,
    /// Entries of the audit log among the rows.
    pub ledger_entries: u64,
}

/// What a reader of an archive is handed, in order.
pub(crate) enum Part<'a> {
    /// The key ring.
    Ring(&'a str),
    /// A row of a table.
    Row(&'static Table, Vec<Value>),
    /// A file begins: its name. Its bytes follow.
    File(&'a str),
    /// Bytes of the file.
    Bytes(&'a [u8]),
}

/// Writes an archive.
pub(crate) struct Writer {
    to: Sealer<BufWriter<File>>,
    rows: u64,
    files: u64,
}

impl Writer {
    pub(crate) fn new(
        file: File,
        master: &MasterKey,
        version: i64,
        made_at: Timestamp,
        ring: &str,
    ) -> io::Result<Self> {
        let mut to = Sealer::new(BufWriter::new(file), master)?;
        to.write_all(FIRST_LINE)?;
        to.write_all(&version.to_be_bytes())?;
        to.write_all(&made_at.as_microsecond().to_be_bytes())?;
        write_bytes(&mut to, ring.as_bytes())?;
        Ok(Self {
            to,
            rows: 0,
            files: 0,
        })
    }

    pub(crate) fn row(&mut self, table: &Table, values: &[Value]) -> io::Result<()> {
        let number = TABLES
            .iter()
            .position(|t| t.name == table.name)
            .unwrap_or(usize::MAX);
        self.to
            .write_all(&[b'R', u8::try_from(number).unwrap_or(u8::MAX)])?;
        self.to.write_all(&(values.len() as u64).to_be_bytes())?;
        for value in values {
            write_value(&mut self.to, value)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Copies exactly `length` bytes: a file that grows meanwhile is cut there, one that shrank is
    /// an error.
    pub(crate) fn file(&mut self, name: &str, length: u64, from: impl Read) -> io::Result<()> {
        self.to.write_all(b"F")?;
        write_bytes(&mut self.to, name.as_bytes())?;
        self.to.write_all(&length.to_be_bytes())?;
        let copied = io::copy(&mut from.take(length), &mut self.to)?;
        self.files += 1;
        if copied == length {
            Ok(())
        } else {
            Err(io::Error::other(
                "a file became shorter while it was copied",
            ))
        }
    }

    /// Ends the archive and sees it onto the disk.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.to.write_all(b"E")?;
        self.to.write_all(&self.rows.to_be_bytes())?;
        self.to.write_all(&self.files.to_be_bytes())?;
        let file = self
            .to
            .finish()?
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()
    }
}

/// Reads a whole archive and hands out its parts; an error at any place means that nothing of it
/// may be trusted.
pub(crate) fn read(
    path: &Path,
    master: &MasterKey,
    each: &mut dyn FnMut(Part<'_>) -> io::Result<()>,
) -> io::Result<ArchiveInfo> {
    let mut from = BufReader::new(Opener::new(BufReader::new(File::open(path)?), master)?);
    let mut first = [0; FIRST_LINE.len()];
    from.read_exact(&mut first)?;
    if first != FIRST_LINE {
        return Err(wrong("it is no archive of Pharos, or of a newer one"));
    }
    let version = read_int(&mut from)?;
    let made_at = Timestamp::from_microsecond(read_int(&mut from)?)
        .map_err(|_| wrong("its date makes no sense"))?;
    each(Part::Ring(&read_text(&mut from, MAX_NAME)?))?;
    let mut info = ArchiveInfo {
        made_at,
        version,
        rows: 0,
        files: 0,
        ledger_entries: 0,
    };
    loop {
        match read_byte(&mut from)? {
            b'R' => {
                let (table, values) = read_row(&mut from, version)?;
                info.rows += 1;
                info.ledger_entries += u64::from(table.name == "ledger");
                each(Part::Row(table, values))?;
            }
            b'F' => {
                read_file(&mut from, each)?;
                info.files += 1;
            }
            b'E' => break,
            _ => return Err(wrong("it holds a record this Pharos does not know")),
        }
    }
    let counts = (
        read_int(&mut from)?.cast_unsigned(),
        read_int(&mut from)?.cast_unsigned(),
    );
    if counts != (info.rows, info.files) || from.read(&mut [0])? != 0 {
        return Err(wrong("its counts do not agree"));
    }
    Ok(info)
}

fn read_row(from: &mut impl Read, version: i64) -> io::Result<(&'static Table, Vec<Value>)> {
    let table = TABLES
        .get(usize::from(read_byte(from)?))
        .ok_or_else(|| wrong("it holds a table this Pharos does not know"))?;
    let columns: Vec<_> = table.columns_at(version).collect();
    if u64::try_from(columns.len()).ok() != Some(read_int(from)?.cast_unsigned()) {
        return Err(wrong("a table has other columns than this Pharos knows"));
    }
    let values = columns
        .iter()
        .map(|(_, holds)| read_value(from, *holds))
        .collect::<io::Result<_>>()?;
    Ok((table, values))
}

fn read_file(
    from: &mut impl Read,
    each: &mut dyn FnMut(Part<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let name = read_text(from, MAX_NAME)?;
    let mut left = read_int(from)?.cast_unsigned();
    each(Part::File(&name))?;
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        let want = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let bytes = buffer.get_mut(..want).unwrap_or_default();
        from.read_exact(bytes)?;
        each(Part::Bytes(bytes))?;
        left -= want as u64;
    }
    Ok(())
}

fn write_value(to: &mut impl Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Text(None) | Value::Int(None) | Value::Bytes(None) => to.write_all(&[0]),
        Value::Int(Some(number)) => to
            .write_all(&[1])
            .and_then(|()| to.write_all(&number.to_be_bytes())),
        Value::Text(Some(text)) => to
            .write_all(&[1])
            .and_then(|()| write_bytes(to, text.as_bytes())),
        Value::Bytes(Some(bytes)) => to.write_all(&[1]).and_then(|()| write_bytes(to, bytes)),
    }
}

fn read_value(from: &mut impl Read, holds: Holds) -> io::Result<Value> {
    let there = read_byte(from)? != 0;
    Ok(match holds {
        Holds::Int => Value::Int(there.then(|| read_int(from)).transpose()?),
        Holds::Text => Value::Text(there.then(|| read_text(from, MAX_VALUE)).transpose()?),
        Holds::Bytes | Holds::Sealed => {
            Value::Bytes(there.then(|| read_bytes(from, MAX_VALUE)).transpose()?)
        }
    })
}

fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&(bytes.len() as u64).to_be_bytes())?;
    to.write_all(bytes)
}

fn read_byte(from: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn read_int(from: &mut impl Read) -> io::Result<i64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(i64::from_be_bytes(bytes))
}

fn read_bytes(from: &mut impl Read, max: u64) -> io::Result<Vec<u8>> {
    let length = read_int(from)?.cast_unsigned();
    if length > max {
        return Err(wrong("a value is longer than any Pharos writes"));
    }
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn read_text(from: &mut impl Read, max: u64) -> io::Result<String> {
    String::from_utf8(read_bytes(from, max)?).map_err(|_| wrong("a text is not UTF-8"))
}

fn wrong(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.to_owned())
}
