//! DHCP leases from the files that servers keep: ISC dhcpd, Kea, dnsmasq (MON-02).
//!
//! The files are read by polling, may be cut in the middle of a line that is being written, and
//! hold names that devices chose for themselves. Everything is bounded; what cannot be read is
//! told with its line, and the rest counts.

mod dnsmasq;
mod isc;
mod kea;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;

use crate::problem::Problems;
use crate::{LineProblem, Mac};

/// The most leases kept from one file. Further addresses are counted as a problem.
pub const LEASES_MAX: usize = 65_536;
/// The most bytes of one file that are read; a longer file is refused.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// The longest line; a longer one is passed over and told.
const LINE_MAX: usize = 8_192;
/// The longest name of a device, in characters; a longer one is cut.
const NAME_MAX: usize = 63;

/// Who writes the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaseFormat {
    /// ISC dhcpd: `dhcpd.leases`, `dhcpd6.leases`.
    Isc,
    /// Kea's memfile: `kea-leases4.csv`, `kea-leases6.csv`.
    Kea,
    /// dnsmasq: `dnsmasq.leases`.
    Dnsmasq,
}

impl LeaseFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Isc, Self::Kea, Self::Dnsmasq];

    /// The name used in packs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Isc => "isc",
            Self::Kea => "kea",
            Self::Dnsmasq => "dnsmasq",
        }
    }
}

impl fmt::Display for LeaseFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LeaseFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| format!("{text:?} is not isc, kea or dnsmasq"))
    }
}

/// One lease as the server last wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address given out.
    pub address: IpAddr,
    /// The device's hardware address, where the file tells it.
    pub mac: Option<Mac>,
    /// What the device calls itself: its own word, not proof of anything.
    pub name: Option<String>,
    /// When it was given out or last renewed, where the file tells it.
    pub since: Option<Timestamp>,
    /// When it runs out; the latest time there is for a lease without end.
    pub until: Timestamp,
    /// Whether the server counts it as given out; `false` for released, declined and expired ones.
    pub is_active: bool,
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leases {
    /// The last word on each address, by address.
    pub leases: Vec<Lease>,
    /// What could not be read.
    pub problems: Vec<LineProblem>,
    /// How many problems there were, those not kept among them.
    pub problems_count: u64,
}

/// Reads lease files one after another; later lines outweigh earlier ones, later files earlier
/// files. Never fails as a whole.
#[derive(Debug)]
pub struct LeaseReader {
    format: LeaseFormat,
    last: std::collections::BTreeMap<IpAddr, Lease>,
    problems: Problems,
}

impl LeaseReader {
    /// A reader of one server's files.
    pub fn new(format: LeaseFormat) -> Self {
        Self {
            format,
            last: std::collections::BTreeMap::new(),
            problems: Problems::new(),
        }
    }

    /// Reads one file; `file` is its name for problems.
    pub fn read(&mut self, file: &str, bytes: &[u8]) {
        let mut out = Out {
            file,
            last: &mut self.last,
            problems: &mut self.problems,
            is_full: false,
        };
        match self.format {
            LeaseFormat::Isc => isc::read(bytes, &mut out),
            LeaseFormat::Kea => kea::read(bytes, &mut out),
            LeaseFormat::Dnsmasq => dnsmasq::read(bytes, &mut out),
        }
    }

    /// What the files hold together.
    pub fn finish(self) -> Leases {
        Leases {
            leases: self.last.into_values().collect(),
            problems_count: self.problems.count(),
            problems: self.problems.iter().cloned().collect(),
        }
    }
}

/// Reads one file.
pub fn read_leases(format: LeaseFormat, file: &str, bytes: &[u8]) -> Leases {
    let mut reader = LeaseReader::new(format);
    reader.read(file, bytes);
    reader.finish()
}

/// Where the formats put what they find.
struct Out<'a> {
    file: &'a str,
    last: &'a mut std::collections::BTreeMap<IpAddr, Lease>,
    problems: &'a mut Problems,
    is_full: bool,
}

impl Out<'_> {
    fn lease(&mut self, line: u64, mut lease: Lease) {
        lease.address = lease.address.to_canonical();
        if self.last.len() >= LEASES_MAX && !self.last.contains_key(&lease.address) {
            if !self.is_full {
                self.is_full = true;
                let text = format!(
                    "more than {LEASES_MAX} addresses: this lease and further ones are passed over; split the pool over several files"
                );
                self.problem(line, text);
            }
            return;
        }
        self.last.insert(lease.address, lease);
    }

    fn problem(&mut self, line: u64, message: impl Into<String>) {
        self.problems.push(self.file, line, "", message);
    }
}

/// A line of a file: its number from 1, its text, and whether its end was written already.
struct Line<'a> {
    number: u64,
    text: &'a str,
    is_whole: bool,
}

/// The lines of a file. One that is too long or not UTF-8 is told and passed over.
fn lines<'a>(bytes: &'a [u8], out: &mut Out<'_>) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, is_whole) = match end {
            Some(end) => (&rest[..end], true),
            None => (rest, false),
        };
        rest = end.map_or(&[][..], |end| &rest[end + 1..]);
        if line.len() > LINE_MAX {
            out.problem(
                number,
                format!(
                    "a line of {} bytes is passed over; {LINE_MAX} is the most",
                    line.len()
                ),
            );
            continue;
        }
        match std::str::from_utf8(line) {
            Ok(text) => lines.push(Line {
                number,
                text: text.trim_end_matches('\r'),
                is_whole,
            }),
            Err(_) => out.problem(number, "a line that is not UTF-8 is passed over"),
        }
    }
    lines
}

/// A time in seconds since 1970; anything beyond what can be said reads as the latest time.
fn from_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// A device's name for itself: letters, digits, `-`, `_`, `.` and spaces, cut to [`NAME_MAX`];
/// `None` where nothing is left.
fn name(text: &str) -> Option<String> {
    let clean: String = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ' | '\''))
        .take(NAME_MAX)
        .collect();
    let clean = clean.trim();
    (!clean.is_empty() && clean != "*").then(|| clean.to_owned())
}

/// Bytes written as hexadecimal pairs with colons between.
fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    if text.len() > 400 {
        return None;
    }
    text.split(':')
        .map(|pair| {
            u8::from_str_radix(pair, 16)
                .ok()
                .filter(|_| pair.len() == 2)
        })
        .collect()
}
