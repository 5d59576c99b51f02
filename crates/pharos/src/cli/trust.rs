//! What can be typed of a trust of several schools: on the trust's side, and on a school's.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

/// What a trust can do, without a data folder.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Make the key that signs the trust's floor; what schools pin is printed
    Key {
        /// The new file; whoever has it signs for the trust
        file: PathBuf,
    },
    /// Everything that is wrong in a floor, by line
    Check {
        /// The floor
        floor: PathBuf,
    },
    /// Sign a floor, so that schools take it in
    Sign {
        /// The trust's key file
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The floor
        floor: PathBuf,
        /// The signed floor
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// How each school stands, from the reports that they signed (`pharos floor report`)
    Overview {
        /// The folder with the schools' reports
        dir: PathBuf,
        /// One school a line: the 64 digits of its key, then its name
        #[arg(long, value_name = "FILE")]
        schools: PathBuf,
        /// The floor that all should stand on
        #[arg(long, value_name = "FILE")]
        floor: Option<PathBuf>,
        /// The trust's public key (64 hexadecimal digits): the floor given is the signed file as it is
        /// published, and schools must hold that very issue under this key
        #[arg(long, value_name = "DIGITS", requires = "floor")]
        key: Option<String>,
        /// A report older than this counts as missing
        #[arg(long, default_value_t = 8)]
        days: u32,
    },
}

/// `pharos floor …`
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct FloorArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: FloorCommand,
}

/// What a school can do about its trust's floor.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub(crate) enum FloorCommand {
    /// Pin the trust's key: from then on only what it signed is taken in
    Join {
        /// The trust's name, as it stands in its floor
        #[arg(long)]
        trust: String,
        /// Its public key: 64 hexadecimal digits
        #[arg(long)]
        key: String,
    },
    /// Take in a signed issue of the floor
    Import {
        /// The signed floor
        file: PathBuf,
    },
    /// Fetch the newest issue from where the pack says
    Fetch,
    /// Which floor is in force, and which lines of the pack ask for less
    Status,
    /// What the school tells its trust, signed, without anybody's name
    Report {
        /// The report
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Let go of the trust and its floor, such as when the school leaves it
    Leave {
        /// Why
        #[arg(long)]
        why: String,
    },
}
