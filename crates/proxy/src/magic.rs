//! What kind of file its first bytes show (FIL-19). Signatures: the formats' own specifications.

use pharos_policy::FileKind;

/// How many of the first bytes are looked at: an ISO image names itself at byte 32,769.
pub(crate) const WINDOW: usize = 33 * 1024;

/// Beginnings that tell by themselves.
const BEGINNINGS: &[(&[u8], FileKind)] = &[
    (b"\x7fELF", FileKind::Programs),
    (b"\xfe\xed\xfa\xce", FileKind::Programs),
    (b"\xfe\xed\xfa\xcf", FileKind::Programs),
    (b"\xce\xfa\xed\xfe", FileKind::Programs),
    (b"\xcf\xfa\xed\xfe", FileKind::Programs),
    // Mach-O for several machines, and Java classes.
    (b"\xca\xfe\xba\xbe", FileKind::Programs),
    // The DOS program of printable letters that the anti-virus test file is.
    (b"X5O!P%@AP[4", FileKind::Programs),
    (b"!<arch>\ndebian-binary", FileKind::Installers),
    (b"\xed\xab\xee\xdb", FileKind::Installers),
    (b"xar!\0", FileKind::Installers),
    (b"hsqs", FileKind::Installers),
    (b"L\0\0\0\x01\x14\x02\0", FileKind::Scripts),
    (b"#!", FileKind::Scripts),
    (b"Cr24", FileKind::Extensions),
    (b"conectix", FileKind::DiskImages),
    (b"vhdxfile", FileKind::DiskImages),
    (b"KDMV", FileKind::DiskImages),
    // An Apple disk image compressed in the usual way; its own name stands at its end.
    (b"x\x01s\rbb`", FileKind::DiskImages),
    (b"Rar!\x1a\x07", FileKind::Archives),
    (b"7z\xbc\xaf\x27\x1c", FileKind::Archives),
    (b"\x1f\x8b\x08", FileKind::Archives),
    (b"BZh", FileKind::Archives),
    (b"\xfd7zXZ\0", FileKind::Archives),
    (b"\x28\xb5\x2f\xfd", FileKind::Archives),
    (b"MSCF\0\0\0\0", FileKind::Archives),
    (b"%PDF-", FileKind::Documents),
    (b"{\\rtf", FileKind::Documents),
];

/// Names inside a ZIP file that tell what it is, in this order.
const INSIDE: &[(&[u8], FileKind)] = &[
    (b"AndroidManifest.xml", FileKind::MobileApps),
    (b"classes.dex", FileKind::MobileApps),
    (b".app/Info.plist", FileKind::MobileApps),
    (b"META-INF/MANIFEST.MF", FileKind::Programs),
    (b"AppxManifest.xml", FileKind::Installers),
    (b"AppxBundleManifest.xml", FileKind::Installers),
    (b"META-INF/mozilla.rsa", FileKind::Extensions),
    (b"vbaProject.bin", FileKind::MacroDocuments),
    (b"[Content_Types].xml", FileKind::Documents),
    (
        b"mimetypeapplication/vnd.oasis.opendocument",
        FileKind::Documents,
    ),
    (b"mimetypeapplication/epub+zip", FileKind::Documents),
];

const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// The class of an installer's root: {000C1084-0000-0000-C000-000000000046}.
const MSI_CLASS: &[u8] = b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";

/// The kind; `office` where names or type say that it is an old Office document.
pub(crate) fn kind(bytes: &[u8], office: bool) -> Option<FileKind> {
    if bytes.starts_with(b"MZ") && bytes.iter().take(64).any(|byte| *byte == 0) {
        return Some(FileKind::Programs);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        let inside = INSIDE.iter().find(|(name, _)| holds(bytes, name));
        return Some(inside.map_or(FileKind::Archives, |(_, kind)| *kind));
    }
    if bytes.starts_with(OLE) {
        return Some(of_ole(bytes, office));
    }
    if at(bytes, 32_769, b"CD001") {
        return Some(FileKind::DiskImages);
    }
    if at(bytes, 257, b"ustar") {
        return Some(FileKind::Archives);
    }
    let found = BEGINNINGS
        .iter()
        .find(|(beginning, _)| bytes.starts_with(beginning));
    found.map(|(_, kind)| *kind)
}

/// Whether bytes that show this kind show it even where a page was said to come.
pub(crate) const fn is_certain(kind: FileKind) -> bool {
    matches!(
        kind,
        FileKind::Programs
            | FileKind::Installers
            | FileKind::MobileApps
            | FileKind::Extensions
            | FileKind::DiskImages
    )
}

/// Installers and old Office documents are both OLE files; the class of the root tells them apart.
fn of_ole(bytes: &[u8], office: bool) -> FileKind {
    let number = |from: usize, to: usize| {
        let bytes = bytes.get(from..to)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0u64, |number, byte| number << 8 | u64::from(*byte)),
        )
    };
    let class = || {
        let sector = number(30, 32).filter(|shift| (7..=16).contains(shift))?;
        let directory = number(48, 52)?.checked_add(1)? << sector;
        let from = usize::try_from(directory).ok()?.checked_add(80)?;
        bytes.get(from..from + 16)
    };
    match class() {
        Some(MSI_CLASS) => FileKind::Installers,
        Some(_) => FileKind::MacroDocuments,
        // It cannot be seen: what was said decides, and where nothing was the stricter.
        None if office => FileKind::MacroDocuments,
        None => FileKind::Installers,
    }
}

fn at(bytes: &[u8], from: usize, wanted: &[u8]) -> bool {
    bytes
        .get(from..)
        .is_some_and(|rest| rest.starts_with(wanted))
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(mut bytes: Vec<u8>, from: usize, what: &[u8]) -> Vec<u8> {
        if bytes.len() < from + what.len() {
            bytes.resize(from + what.len(), 0);
        }
        bytes[from..from + what.len()].copy_from_slice(what);
        bytes
    }

    fn ole(class: &[u8]) -> Vec<u8> {
        let bytes = with(OLE.to_vec(), 30, &9u16.to_le_bytes());
        let bytes = with(bytes, 48, &3u32.to_le_bytes());
        with(bytes, (3 + 1) * 512 + 80, class)
    }

    /// FIL-19: every format that is listed is known by its own first bytes.
    #[test]
    fn fil_19_formats_are_known_by_their_first_bytes() {
        for (bytes, wanted) in [
            (
                with(b"MZ".to_vec(), 128, b"PE\0\0"),
                Some(FileKind::Programs),
            ),
            (b"MZ, a page that begins so".to_vec(), None),
            (b"\x7fELF\x02\x01\x01".to_vec(), Some(FileKind::Programs)),
            (b"\xcf\xfa\xed\xfe".to_vec(), Some(FileKind::Programs)),
            (ole(MSI_CLASS), Some(FileKind::Installers)),
            (ole(&[6; 16]), Some(FileKind::MacroDocuments)),
            (
                with(b"PK\x03\x04".to_vec(), 30, b"AndroidManifest.xml"),
                Some(FileKind::MobileApps),
            ),
            (
                with(b"PK\x03\x04".to_vec(), 30, b"META-INF/MANIFEST.MF"),
                Some(FileKind::Programs),
            ),
            (
                with(b"PK\x03\x04".to_vec(), 30, b"Payload/A.app/Info.plist"),
                Some(FileKind::MobileApps),
            ),
            (
                with(b"PK\x03\x04".to_vec(), 30, b"[Content_Types].xml"),
                Some(FileKind::Documents),
            ),
            (
                with(
                    b"PK\x03\x04[Content_Types].xml".to_vec(),
                    900,
                    b"word/vbaProject.bin",
                ),
                Some(FileKind::MacroDocuments),
            ),
            (
                with(b"PK\x03\x04".to_vec(), 30, b"holiday.jpg"),
                Some(FileKind::Archives),
            ),
            (
                b"!<arch>\ndebian-binary   ".to_vec(),
                Some(FileKind::Installers),
            ),
            (b"\xed\xab\xee\xdb\x03".to_vec(), Some(FileKind::Installers)),
            (b"#!/usr/bin/env bash\n".to_vec(), Some(FileKind::Scripts)),
            (
                with(Vec::new(), 32_769, b"CD001"),
                Some(FileKind::DiskImages),
            ),
            (b"x\x01s\rbb`\x60".to_vec(), Some(FileKind::DiskImages)),
            (
                with(b"a.txt".to_vec(), 257, b"ustar"),
                Some(FileKind::Archives),
            ),
            (b"Cr24\x03\0\0\0".to_vec(), Some(FileKind::Extensions)),
            (b"%PDF-1.7".to_vec(), Some(FileKind::Documents)),
            (b"<!doctype html>".to_vec(), None),
            (Vec::new(), None),
        ] {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).into_owned();
            assert_eq!(kind(&bytes, false), wanted, "{shown}");
        }
    }
}
