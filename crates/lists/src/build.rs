//! From stored entries to the compiled file.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use aws_lc_rs::digest;
use jiff::Timestamp;
use pharos_catalogue::{CompileError, Compiler, Entry, Format, ListNumber, Parser, Section};

use crate::error::ListsError;
use crate::manifest::{ListEntry, Manifest, Version, source_file};

/// How much of a file is read at once.
pub(crate) const PIECE: usize = 1 << 16;

/// Compiles the current versions of all lists of a manifest.
pub(crate) fn compile(
    manifest: &Manifest,
    sources: &Path,
    now: Timestamp,
) -> Result<Vec<u8>, ListsError> {
    let mut compiler = Compiler::new(manifest.seed, manifest.catalogue, now);
    let total: u64 = manifest.lists.iter().map(|list| list.current.entries).sum();
    compiler.expect_entries(usize::try_from(total).unwrap_or(0));
    for list in &manifest.lists {
        let number = compiler.list(&list.name, list.current.version, list.current.imported_at)?;
        add_list(&mut compiler, number, list, sources)?;
    }
    Ok(compiler.finish()?)
}

fn add_list(
    compiler: &mut Compiler,
    number: ListNumber,
    list: &ListEntry,
    sources: &Path,
) -> Result<(), ListsError> {
    let path = sources.join(source_file(&list.name, list.current.version));
    let mut sections: HashMap<String, Section> = HashMap::new();
    let mut last: Option<(String, Section)> = None;
    let mut failed: Option<CompileError> = None;
    let mut each = |entry: &Entry<'_>| {
        let Some(category) = entry.category else {
            return;
        };
        let section = match &last {
            Some((name, section)) if name == category => *section,
            _ => match section_of(compiler, number, &mut sections, category) {
                Ok(section) => {
                    last = Some((category.to_owned(), section));
                    section
                }
                Err(error) => {
                    failed.get_or_insert(error);
                    return;
                }
            },
        };
        compiler.add(section, entry);
    };
    let sha256 = read_entries(&path, &mut each)?;
    match failed {
        Some(error) => Err(error.into()),
        None if sha256 != list.current.sha256 => Err(ListsError::SourceDamaged(list.name.clone())),
        None => Ok(()),
    }
}

fn section_of(
    compiler: &mut Compiler,
    list: ListNumber,
    known: &mut HashMap<String, Section>,
    category: &str,
) -> Result<Section, CompileError> {
    if let Some(section) = known.get(category) {
        return Ok(*section);
    }
    let section = compiler.section(list, category)?;
    known.insert(category.to_owned(), section);
    Ok(section)
}

/// Reads stored entries and gives the SHA-256 of the file.
fn read_entries(path: &Path, each: &mut dyn FnMut(&Entry<'_>)) -> Result<String, ListsError> {
    let mut digest = digest::Context::new(&digest::SHA256);
    let mut parser = Parser::new(Format::Sections);
    for_each_piece(path, &mut |piece| {
        digest.update(piece);
        parser.feed(piece, each);
        Ok(())
    })?;
    parser.finish(each);
    Ok(hex::encode(digest.finish()))
}

/// Whether the stored entries of a version are there and whole.
pub(crate) fn is_whole(sources: &Path, list: &str, version: &Version) -> bool {
    let path = sources.join(source_file(list, version.version));
    read_entries(&path, &mut |_| {}).is_ok_and(|sha256| sha256 == version.sha256)
}

/// Hands a file on in pieces.
pub(crate) fn for_each_piece(
    path: &Path,
    each: &mut dyn FnMut(&[u8]) -> Result<(), ListsError>,
) -> Result<(), ListsError> {
    let mut file = File::open(path).map_err(|error| ListsError::io("open", path, error))?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ListsError::io("read", path, error)),
        };
        each(&piece[..read])?;
    }
}
