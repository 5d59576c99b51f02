//! What kind of file an answer is: by the name it is given, the name in the address, its media
//! type, and its first bytes (FIL-19). Pure; whatever a site says or sends, the stricter reading
//! counts.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{self, HeaderMap};
use pharos_policy::FileKind;

use crate::magic;

/// How many of the first bytes of a page are held back to be looked at.
const PAGE_WINDOW: usize = 64;
/// How long.
const PAGE_TIME: Duration = Duration::from_secs(2);
/// How long the first bytes of a file are waited for.
const FILE_TIME: Duration = Duration::from_secs(30);

/// Media types that say nothing of what follows.
const OPAQUE: &[&str] = &[
    "",
    "application/octet-stream",
    "application/x-octet-stream",
    "binary/octet-stream",
    "application/download",
    "application/x-download",
    "application/force-download",
    "application/unknown",
    "application/binary",
];

/// Kinds by how a file's name ends.
const ENDINGS: &[(FileKind, &[&str])] = &[
    (
        FileKind::Programs,
        &[
            "exe", "com", "scr", "pif", "dll", "sys", "ocx", "cpl", "drv", "efi", "jar", "run",
            "appimage", "elf", "gadget",
        ],
    ),
    (
        FileKind::Installers,
        &[
            "msi",
            "msp",
            "mst",
            "msu",
            "msix",
            "msixbundle",
            "appx",
            "appxbundle",
            "appinstaller",
            "deb",
            "rpm",
            "pkg",
            "mpkg",
            "snap",
            "flatpak",
            "flatpakref",
        ],
    ),
    (
        FileKind::Scripts,
        &[
            "bat",
            "cmd",
            "ps1",
            "psm1",
            "psd1",
            "vbs",
            "vbe",
            "jse",
            "wsf",
            "wsh",
            "wsc",
            "sct",
            "hta",
            "sh",
            "bash",
            "zsh",
            "command",
            "reg",
            "scf",
            "lnk",
            "msc",
            "ahk",
            "applescript",
            "scpt",
            "jnlp",
            "desktop",
        ],
    ),
    (
        FileKind::MobileApps,
        &["apk", "apkm", "apks", "xapk", "aab", "ipa"],
    ),
    (FileKind::Extensions, &["crx", "xpi"]),
    (
        FileKind::DiskImages,
        &["iso", "img", "dmg", "vhd", "vhdx", "vmdk", "toast", "wim"],
    ),
    (
        FileKind::MacroDocuments,
        &[
            "doc", "dot", "docm", "dotm", "xls", "xlt", "xla", "xlsm", "xltm", "xlam", "xlsb",
            "ppt", "pot", "pps", "pptm", "potm", "ppsm", "ppam",
        ],
    ),
    (
        FileKind::Archives,
        &[
            "zip", "rar", "7z", "gz", "tgz", "tar", "bz2", "tbz", "xz", "txz", "zst", "lz", "lzma",
            "cab", "ace", "arj", "lzh",
        ],
    ),
    (
        FileKind::Documents,
        &[
            "pdf", "docx", "dotx", "xlsx", "xltx", "pptx", "ppsx", "potx", "odt", "ods", "odp",
            "rtf", "epub",
        ],
    ),
];

/// Endings that are part of a page as well: they count where a file is handed over by that name.
const HANDED_OVER: &[(&str, FileKind)] = &[("js", FileKind::Scripts), ("mjs", FileKind::Scripts)];

/// Kinds by media type, without its parameters.
const MEDIA: &[(FileKind, &[&str])] = &[
    (
        FileKind::Programs,
        &[
            "application/x-msdownload",
            "application/x-msdos-program",
            "application/x-dosexec",
            "application/vnd.microsoft.portable-executable",
            "application/exe",
            "application/x-exe",
            "application/x-executable",
            "application/x-elf",
            "application/x-sharedlib",
            "application/x-mach-binary",
            "application/java-archive",
            "application/x-java-archive",
        ],
    ),
    (
        FileKind::Installers,
        &[
            "application/x-msi",
            "application/x-ms-installer",
            "application/msix",
            "application/msixbundle",
            "application/appx",
            "application/vnd.ms-appx",
            "application/vnd.debian.binary-package",
            "application/x-debian-package",
            "application/x-deb",
            "application/x-rpm",
            "application/x-redhat-package-manager",
            "application/vnd.apple.installer+xml",
        ],
    ),
    (
        FileKind::Scripts,
        &[
            "application/x-sh",
            "application/x-shellscript",
            "text/x-shellscript",
            "text/x-sh",
            "application/x-bat",
            "application/bat",
            "application/x-powershell",
            "text/x-powershell",
            "text/vbscript",
            "application/hta",
            "application/x-ms-shortcut",
            "application/x-java-jnlp-file",
        ],
    ),
    (
        FileKind::MobileApps,
        &[
            "application/vnd.android.package-archive",
            "application/x-ios-app",
        ],
    ),
    (
        FileKind::Extensions,
        &["application/x-chrome-extension", "application/x-xpinstall"],
    ),
    (
        FileKind::DiskImages,
        &[
            "application/x-iso9660-image",
            "application/x-cd-image",
            "application/x-apple-diskimage",
            "application/x-raw-disk-image",
            "application/x-vhd",
        ],
    ),
    (
        FileKind::MacroDocuments,
        &[
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.ms-word.document.macroenabled.12",
            "application/vnd.ms-excel.sheet.macroenabled.12",
            "application/vnd.ms-excel.sheet.binary.macroenabled.12",
            "application/vnd.ms-powerpoint.presentation.macroenabled.12",
        ],
    ),
    (
        FileKind::Archives,
        &[
            "application/zip",
            "application/x-zip-compressed",
            "application/x-zip",
            "application/vnd.rar",
            "application/x-rar-compressed",
            "application/x-7z-compressed",
            "application/gzip",
            "application/x-gzip",
            "application/x-tar",
            "application/x-bzip2",
            "application/x-xz",
            "application/zstd",
            "application/vnd.ms-cab-compressed",
        ],
    ),
    (
        FileKind::Documents,
        &[
            "application/pdf",
            "application/rtf",
            "text/rtf",
            "application/epub+zip",
        ],
    ),
];

/// Beginnings of media types of documents, which have long names.
const DOCUMENTS: &[&str] = &[
    "application/vnd.openxmlformats-officedocument.",
    "application/vnd.oasis.opendocument.",
];

/// What a request tells of the file that its answer may be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// By the last part of the path.
    by_path: Option<FileKind>,
    /// A page fetches it for itself, rather than a reader for keeping.
    for_a_page: bool,
}

impl Asked {
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let to = headers.get("sec-fetch-dest").map(|to| to.as_bytes());
        Self {
            by_path: by_ending(&unescaped(name)),
            for_a_page: to.is_some_and(|to| {
                let kept: [&[u8]; 5] = [b"document", b"iframe", b"frame", b"object", b"embed"];
                !kept.contains(&to)
            }),
        }
    }

    /// The kind that the address itself names.
    pub(crate) fn by_path(&self) -> Option<FileKind> {
        self.by_path
    }
}

/// How an answer presents itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// The kind by names and media type.
    pub(crate) kind: Option<FileKind>,
    /// A page, or a part of one: shown in the browser, whatever its address is called.
    page: bool,
    /// An old Office document by its name or type.
    office: bool,
    /// Sent as a file rather than as a page, by what is said alone.
    other: bool,
}

impl Told {
    /// What the head of an answer says.
    pub(crate) fn of(asked: &Asked, headers: &HeaderMap) -> Self {
        let media = media(headers);
        let page = is_page(&media);
        let disposition = Disposition::of(headers);
        let opaque = OPAQUE.contains(&media.as_str());
        let by_path = asked.by_path.filter(|_| !page || disposition.attached);
        let by_media = by_media(&media);
        let kinds = [disposition.kind, by_path, by_media];
        let kind = kinds.into_iter().flatten().min();
        let office = kinds.contains(&Some(FileKind::MacroDocuments));
        Self {
            kind,
            page: page && !disposition.attached,
            office,
            other: disposition.attached || (opaque && !asked.for_a_page),
        }
    }

    /// How many of the first bytes are needed to tell more, and how long they are waited for: what
    /// may be written slowly for a page is not kept from it for long.
    pub(crate) fn look(&self) -> (usize, Duration) {
        match (self.page, self.other) {
            (true, _) => (PAGE_WINDOW, PAGE_TIME),
            (false, false) => (magic::WINDOW, PAGE_TIME),
            (false, true) => (magic::WINDOW, FILE_TIME),
        }
    }

    /// The kind, now that its first bytes are there; the stricter of what is said and what is seen.
    pub(crate) fn with_beginning(&self, bytes: &[u8]) -> Option<FileKind> {
        let seen = magic::kind(bytes, self.office).filter(|kind| {
            // Within a page a few strange bytes make no archive or script.
            !self.page || magic::is_certain(*kind)
        });
        let kind = [self.kind, seen].into_iter().flatten().min();
        kind.or(self.other.then_some(FileKind::Other))
    }
}

/// What `Content-Disposition` says (RFC 6266).
struct Disposition {
    attached: bool,
    kind: Option<FileKind>,
}

impl Disposition {
    fn of(headers: &HeaderMap) -> Self {
        let mut told = Self {
            attached: false,
            kind: None,
        };
        for value in headers.get_all(header::CONTENT_DISPOSITION) {
            let text = String::from_utf8_lossy(value.as_bytes());
            let way = text.split(';').next().unwrap_or_default().trim();
            // Whatever is not said to be shown is kept, as in browsers.
            told.attached |= !way.is_empty() && !way.eq_ignore_ascii_case("inline");
            for name in names(&text) {
                let handed = HANDED_OVER
                    .iter()
                    .find(|(ending, _)| told.attached && ending_of(&name) == *ending);
                let kind = by_ending(&name).or(handed.map(|(_, kind)| *kind));
                told.kind = [told.kind, kind].into_iter().flatten().min();
            }
        }
        if !told.attached {
            told.kind = None;
        }
        told
    }
}

/// The file names in a `Content-Disposition`, both ways of writing one.
fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find("filename") {
        let Some(after) = rest.get(at + "filename".len()..) else {
            break;
        };
        let extended = after.starts_with('*');
        let value = after.trim_start_matches('*').trim_start();
        rest = after;
        let Some(value) = value.strip_prefix('=') else {
            continue;
        };
        let value = value.trim_start();
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default(),
            None => value.split(';').next().unwrap_or_default(),
        };
        let value = if extended {
            value.rsplit('\'').next().unwrap_or_default()
        } else {
            value
        };
        names.push(unescaped(value).into_owned());
        if names.len() == 8 {
            break;
        }
    }
    names
}

fn by_ending(name: &str) -> Option<FileKind> {
    let ending = ending_of(name);
    let found = ENDINGS
        .iter()
        .find(|(_, endings)| endings.contains(&ending.as_str()));
    found.map(|(kind, _)| *kind)
}

/// What stands after the last dot, as a device reads it: dots and blanks at the end do not count.
fn ending_of(name: &str) -> String {
    let name = name.trim_end_matches(|letter: char| {
        letter == '.' || letter.is_whitespace() || letter.is_control()
    });
    match name.rsplit_once('.') {
        Some((_, ending)) if ending.len() <= 16 => ending.to_ascii_lowercase(),
        _ => String::new(),
    }
}

fn by_media(media: &str) -> Option<FileKind> {
    let found = MEDIA.iter().find(|(_, types)| types.contains(&media));
    let long = || {
        let document = DOCUMENTS.iter().any(|begin| media.starts_with(begin));
        document.then_some(FileKind::Documents)
    };
    found.map(|(kind, _)| *kind).or_else(long)
}

/// The media type without parameters, in lower case; empty where there is none.
fn media(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.as_bytes());
    let text = String::from_utf8_lossy(value.unwrap_or_default()).to_ascii_lowercase();
    let essence = text.split([';', ',']).next().unwrap_or_default();
    essence.trim().to_owned()
}

/// Whether browsers show it, or use it in a page, and never keep it as a file. Plain text is not
/// among them: it is looked into before it is shown.
fn is_page(media: &str) -> bool {
    let (family, kind) = media.split_once('/').unwrap_or((media, ""));
    match family {
        "image" | "audio" | "video" | "font" | "multipart" | "model" => true,
        "text" => by_media(media).is_none() && kind != "plain",
        "application" => {
            let known = matches!(
                kind,
                "json"
                    | "javascript"
                    | "x-javascript"
                    | "ecmascript"
                    | "xml"
                    | "wasm"
                    | "x-mpegurl"
                    | "vnd.apple.mpegurl"
                    | "x-protobuf"
                    | "protobuf"
                    | "grpc"
                    | "grpc-web"
                    | "grpc-web+proto"
                    | "font-woff"
                    | "x-www-form-urlencoded"
            );
            known
                || ((kind.ends_with("+json") || kind.ends_with("+xml"))
                    && by_media(media).is_none())
        }
        _ => false,
    }
}

/// `%41` as `A`; what is no escape stays as it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let escaped = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn told(path: &str, media: &str, disposition: &str, to: &str) -> Told {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::CONTENT_TYPE, media),
            (header::CONTENT_DISPOSITION, disposition),
        ] {
            if !value.is_empty() {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
        }
        let mut asked = HeaderMap::new();
        if !to.is_empty() {
            asked.insert("sec-fetch-dest", HeaderValue::from_str(to).unwrap());
        }
        Told::of(&Asked::of(path, &asked), &headers)
    }

    /// FIL-19: a file is told by the name it is handed over by, by its address and by its type.
    #[test]
    fn fil_19_a_file_is_told_by_what_is_said_of_it() {
        use FileKind::{
            Archives, Documents, Extensions, Installers, MacroDocuments, MobileApps, Programs,
            Scripts,
        };
        let octets = "application/octet-stream";
        for (path, media, disposition, kind) in [
            ("/a/setup.exe", octets, "", Some(Programs)),
            ("/a/setup.EXE?x=1.png", octets, "", Some(Programs)),
            ("/a/setup%2Eexe", octets, "", Some(Programs)),
            ("/a/setup.exe.", octets, "", Some(Programs)),
            (
                "/get?id=7",
                octets,
                "attachment; filename=\"Setup.msi\"",
                Some(Installers),
            ),
            (
                "/get",
                octets,
                "attachment; filename=a.txt; filename*=UTF-8''b%2ebat",
                Some(Scripts),
            ),
            (
                "/get",
                "image/png",
                "attachment; filename=\"a;b.apk\"",
                Some(MobileApps),
            ),
            (
                "/get",
                "application/x-chrome-extension",
                "",
                Some(Extensions),
            ),
            ("/app.js", "text/javascript", "", None),
            (
                "/app.js",
                "text/javascript",
                "attachment; filename=app.js",
                Some(Scripts),
            ),
            ("/files/setup.exe", "text/html; charset=utf-8", "", None),
            (
                "/files/setup.exe",
                "text/html",
                "attachment",
                Some(Programs),
            ),
            ("/www.school.com", "text/html", "", None),
            ("/install.sh", "text/plain", "", Some(Scripts)),
            ("/notes.docx", octets, "", Some(Documents)),
            ("/notes.doc", "application/msword", "", Some(MacroDocuments)),
            (
                "/x",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                "",
                Some(Documents),
            ),
            (
                "/pictures.zip",
                "application/zip",
                "inline; filename=a.exe",
                Some(Archives),
            ),
            ("/", "text/html", "", None),
        ] {
            let found = told(path, media, disposition, "").kind;
            assert_eq!(found, kind, "{path} {media} {disposition}");
        }
    }

    /// FIL-19: what is seen in the first bytes counts beside what is said, the stricter of both.
    #[test]
    fn fil_19_the_stricter_of_what_is_said_and_seen_counts() {
        use FileKind::{Archives, Installers, MacroDocuments, Other, Programs, Scripts};
        let mut dos = b"MZ\x90\0\x03".to_vec();
        dos.resize(200, 0);
        let ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1then what it holds".as_slice();
        let picture = "image/png";
        for (told, bytes, kind) in [
            (
                told("/cat.png", picture, "", "image"),
                dos.as_slice(),
                Some(Programs),
            ),
            (
                told("/", "text/html", "", ""),
                b"MZ is how this page begins, with words alone, and goes on so",
                None,
            ),
            (
                told("/cat.png", picture, "", ""),
                b"\x89PNG\r\n\x1a\n",
                None,
            ),
            (told("/get", "", "", ""), b"#!/bin/sh\n", Some(Scripts)),
            (
                told("/", "text/html", "", ""),
                b"#! is how this page begins",
                None,
            ),
            (
                told("/a.pdf", "application/pdf", "", ""),
                b"PK\x03\x04rest",
                Some(Archives),
            ),
            (told("/a.doc", "", "", ""), ole, Some(MacroDocuments)),
            (told("/get", "", "", ""), ole, Some(Installers)),
            (
                told("/tile", "application/octet-stream", "", "empty"),
                b"tile",
                None,
            ),
            (
                told("/tile", "application/octet-stream", "", "document"),
                b"tile",
                Some(Other),
            ),
            (
                told("/a", "text/plain", "attachment", ""),
                b"words",
                Some(Other),
            ),
        ] {
            assert_eq!(told.with_beginning(bytes), kind, "{told:?}");
        }
    }

    proptest::proptest! {
        /// FIL-19: nothing that a site says or sends stops the reading of it.
        #[test]
        fn fil_19_any_head_and_beginning_is_read(
            path in "\\PC*",
            disposition in proptest::collection::vec(0x20u8..0xff, 0..200),
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600),
        ) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&disposition) {
                headers.insert(header::CONTENT_DISPOSITION, value);
            }
            let told = Told::of(&Asked::of(&path, &HeaderMap::new()), &headers);
            let _ = told.with_beginning(&bytes);
        }
    }
}
