//! Downloads, as written (FIL-19).

use serde::{Deserialize, Serialize};

use crate::FileKind;

/// What may be downloaded, and what is scanned first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DownloadsSpec {
    /// Kinds of files blocked by group. For whoever matches none, none.
    pub block: Vec<FileBlockSpec>,
    /// Whole hosts from which files come unblocked and unscanned: where devices fetch their updates.
    pub sites: Vec<String>,
    /// The anti-virus engine.
    pub antivirus: AntivirusSpec,
}

/// Kinds of files that some may not download. Devices whose user is unknown count as pupils.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileBlockSpec {
    /// For whom. Empty: for everyone.
    #[serde(default)]
    pub groups: Vec<String>,
    /// But not for those who are in any of these groups: they have permission.
    #[serde(default)]
    pub except: Vec<String>,
    /// The kinds.
    pub kinds: Vec<FileKind>,
}

/// The anti-virus engine, and what is scanned with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AntivirusSpec {
    /// Where it listens: `host:port`, or the path of a Unix socket. `None`: nothing is scanned.
    pub engine: Option<String>,
    /// What is held back until it is scanned.
    pub kinds: Vec<FileKind>,
    /// The most that is held back for one file, in MiB.
    pub mb_max: u32,
    /// What becomes of a file that is larger.
    pub larger: Undecided,
    /// What becomes of a file while the engine does not answer.
    pub away: Undecided,
}

impl Default for AntivirusSpec {
    fn default() -> Self {
        Self {
            engine: None,
            kinds: Vec::new(),
            mb_max: 32,
            larger: Undecided::Block,
            away: Undecided::Block,
        }
    }
}

/// What becomes of a file that could not be scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undecided {
    /// It is blocked.
    #[default]
    Block,
    /// It passes, and its event says that it was not scanned.
    Allow,
}
