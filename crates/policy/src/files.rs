//! Kinds of files that are downloaded, and what a policy says about them (FIL-19).

use std::fmt;

use pharos_catalogue::Host;
use serde::{Deserialize, Serialize};

use crate::spec::Undecided;
use crate::{Policy, Subject};

/// What a downloaded file is, by what it does on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// What a device runs as it is: PE, ELF, Mach-O, Java archives, DOS programs.
    Programs,
    /// What puts programs on a device: MSI, MSIX, deb, rpm, pkg.
    Installers,
    /// Text that a device runs: batch, PowerShell, shell, VBScript, shortcuts.
    Scripts,
    /// Applications for phones and tablets: APK, IPA.
    MobileApps,
    /// Additions to a browser: CRX, XPI.
    Extensions,
    /// Images of discs, which are opened like a drive: ISO, DMG, VHD.
    DiskImages,
    /// Office documents that carry macros, and the old formats that may.
    MacroDocuments,
    /// Files that hold files: ZIP, RAR, 7z, tar, gzip.
    Archives,
    /// Documents without macros: PDF, the newer Office formats.
    Documents,
    /// Anything else that is sent as a file rather than as a page.
    Other,
}

impl FileKind {
    /// Every kind, the most harmful first.
    pub const ALL: &'static [FileKind] = &[
        FileKind::Programs,
        FileKind::Installers,
        FileKind::Scripts,
        FileKind::MobileApps,
        FileKind::Extensions,
        FileKind::DiskImages,
        FileKind::MacroDocuments,
        FileKind::Archives,
        FileKind::Documents,
        FileKind::Other,
    ];

    /// The name used in packs, events and logs.
    pub const fn name(self) -> &'static str {
        match self {
            FileKind::Programs => "programs",
            FileKind::Installers => "installers",
            FileKind::Scripts => "scripts",
            FileKind::MobileApps => "mobile-apps",
            FileKind::Extensions => "extensions",
            FileKind::DiskImages => "disk-images",
            FileKind::MacroDocuments => "macro-documents",
            FileKind::Archives => "archives",
            FileKind::Documents => "documents",
            FileKind::Other => "other",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Some kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FileKinds(u16);

impl FileKinds {
    /// Whether the kind is among them.
    pub const fn contains(self, kind: FileKind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }

    /// Whether none is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those too.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl FromIterator<FileKind> for FileKinds {
    fn from_iter<I: IntoIterator<Item = FileKind>>(kinds: I) -> Self {
        let bits = kinds.into_iter().map(|kind| 1 << kind as u16);
        Self(bits.fold(0, |all, bit: u16| all | bit))
    }
}

/// The anti-virus engine, and what is scanned with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Antivirus {
    /// Where it listens: `host:port`, or the path of a Unix socket; `None`: there is none.
    pub engine: Option<Box<str>>,
    /// What is held back until it is scanned.
    pub kinds: FileKinds,
    /// The most that is held back for one file, in bytes.
    pub bytes_max: u64,
    /// What becomes of a file that is larger.
    pub larger: Undecided,
    /// What becomes of a file while the engine does not answer.
    pub away: Undecided,
}

/// The compiled form of `downloads`, without what is blocked for whom.
#[derive(Debug, Default)]
pub(crate) struct Downloads {
    pub(crate) antivirus: Antivirus,
    pub(crate) sites: Vec<Host>,
}

impl Policy {
    /// The anti-virus engine and what is scanned with it.
    pub fn antivirus(&self) -> &Antivirus {
        &self.downloads.antivirus
    }

    /// Whether files from this host are neither blocked by their kind nor scanned: where devices
    /// fetch their updates.
    pub fn is_download_site(&self, host: &Host) -> bool {
        self.downloads.sites.iter().any(|own| host.is_within(own))
    }

    /// Whether what this reader downloads is looked at.
    pub fn judges_downloads(&self, subject: &Subject) -> bool {
        let antivirus = &self.downloads.antivirus;
        !subject.blocked_files.is_empty()
            || (antivirus.engine.is_some() && !antivirus.kinds.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-19: every kind has a name of its own, and a set holds what was put into it alone.
    #[test]
    fn fil_19_kinds_have_names_and_make_sets() {
        for kind in FileKind::ALL {
            assert_eq!(FileKind::named(kind.name()), Some(*kind));
            let alone: FileKinds = [*kind].into_iter().collect();
            let held = FileKind::ALL.iter().filter(|other| alone.contains(**other));
            assert_eq!(held.collect::<Vec<_>>(), [kind]);
        }
        assert!(FileKinds::default().is_empty());
    }
}
