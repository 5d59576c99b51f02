//! Setting a document as PDF: tagged, PDF/UA-1 and PDF/A-2a, no network, no files.

use std::sync::LazyLock;

use serde::Serialize;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use crate::Document;

/// Most letters and blocks of one document; a longer one is refused, to bound time and memory.
const MOST_BYTES: usize = 8 << 20;

/// A document could not be set.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It is too long.
    #[error(
        "the document is too long to be set ({0} bytes of text, at most {MOST_BYTES}); choose a shorter period"
    )]
    TooLong(usize),
    /// Typesetting failed.
    #[error("the document could not be set: {0}; this is a fault in Pharos, please report it")]
    Setting(String),
    /// A table could not be written.
    #[error("the table could not be written: {0}")]
    Table(String),
}

/// The PDF of a document.
///
/// # Errors
/// Where it is too long; anything else is a fault in the template.
pub fn pdf(document: &Document) -> Result<Vec<u8>, ReportError> {
    let data = serde_json::to_vec(&Data::from(document))
        .map_err(|error| ReportError::Setting(error.to_string()))?;
    if data.len() > MOST_BYTES {
        return Err(ReportError::TooLong(data.len()));
    }
    let world = Desk {
        data: Bytes::new(data),
    };
    let result = set(&world);
    // The typesetter keeps results for the next run, personal data among them.
    typst::comemo::evict(0);
    result
}

fn set(world: &Desk) -> Result<Vec<u8>, ReportError> {
    let pages = typst::compile(world)
        .output
        .map_err(|errors| failed(&errors))?;
    let standards = PdfStandards::new(&[PdfStandard::A_2a, PdfStandard::Ua_1])
        .map_err(|error| ReportError::Setting(error.message().to_string()))?;
    let options = PdfOptions {
        creator: Smart::Custom(Some("Pharos".into())),
        standards,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&pages, &options).map_err(|errors| failed(&errors))
}

fn failed(errors: &[SourceDiagnostic]) -> ReportError {
    let words: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    ReportError::Setting(words.join("; "))
}

/// The document as the template reads it.
#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    document: &'a Document,
    year: i16,
    month: i8,
    day: i8,
}

impl<'a> From<&'a Document> for Data<'a> {
    fn from(document: &'a Document) -> Self {
        let made = document.made;
        Self {
            document,
            year: made.year(),
            month: made.month(),
            day: made.day(),
        }
    }
}

struct Fonts {
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

static FONTS: LazyLock<Fonts> = LazyLock::new(|| {
    let fonts: Vec<Font> = typst_assets::fonts()
        .flat_map(|data| Font::iter(Bytes::new(data)))
        .collect();
    Fonts {
        book: LazyHash::new(FontBook::from_fonts(&fonts)),
        fonts,
    }
});

static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));

fn file(name: &str) -> Option<FileId> {
    let path = VirtualPath::new(name).ok()?;
    Some(RootedPath::new(VirtualRoot::Project, path).intern())
}

static DATA: LazyLock<Option<FileId>> = LazyLock::new(|| file("/data.json"));

static TEMPLATE: LazyLock<Source> =
    LazyLock::new(|| Source::detached(include_str!("template.typ")));

/// Everything the typesetter can see: the template, the data and the built-in fonts.
struct Desk {
    data: Bytes,
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONTS.book
    }

    fn main(&self) -> FileId {
        TEMPLATE.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == TEMPLATE.id() {
            Ok(TEMPLATE.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if Some(id) == *DATA {
            Ok(self.data.clone())
        } else {
            Err(FileError::AccessDenied)
        }
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}
