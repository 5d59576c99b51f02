//! Reading a publisher's list into a stored version of ours.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use pharos_catalogue::{Entry, Format, Parser, Problem, Tally, category_for_folder, is_plain_name};

use crate::build::for_each_piece;
use crate::disk::Aside;
use crate::error::{ListsError, Refusal};
use crate::guard::{Guard, Watching};
use crate::manifest::Version;

/// The most entries of one list.
pub(crate) const ENTRIES_MAX: u64 = 20_000_000;
/// Problems kept in the manifest and in reports.
const PROBLEMS_MAX: usize = 100;
/// Categories smaller than this may shrink as they like.
const SHRINK_FROM: u64 = 20;
/// Lists smaller than this may grow as they like.
const GROW_FROM: u64 = 1000;
/// A larger list that becomes so many times as large is looked at by a person first.
const GROW_TIMES: u64 = 10;

/// Where nothing is watched for.
static NO_GUARD: Guard = Guard {
    protected: Vec::new(),
    must_hold: Vec::new(),
    must_not_hold: Vec::new(),
};

/// What to import.
#[derive(Debug, Clone)]
pub struct Import<'a> {
    /// The list's name here.
    pub list: &'a str,
    /// The category of all its entries; needed where the list itself has none.
    pub category: Option<&'a str>,
    /// Its format; guessed from its beginning when `None`.
    pub format: Option<Format>,
    /// A file, or a folder of category folders as UT1 and squidGuard lay them out.
    pub path: &'a Path,
    /// The list's own category names with ours, for folders and sections.
    pub renames: &'a [(String, String)],
    /// What it must and must not hold, and what it may never block.
    pub guard: &'a Guard,
    /// What to accept that is refused otherwise.
    pub accept: Accept,
    /// How old it may become before it is stale (FIL-04); `None` keeps what it was, 72 hours at
    /// first.
    pub allowed_age: Option<SignedDuration>,
}

impl<'a> Import<'a> {
    /// An import with nothing special.
    pub fn new(list: &'a str, path: &'a Path) -> Self {
        Self {
            list,
            category: None,
            format: None,
            path,
            renames: &[],
            guard: &NO_GUARD,
            accept: Accept::default(),
            allowed_age: None,
        }
    }
}

/// What a person has looked at and accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accept {
    /// The list, or a category of it, lost more than half of its entries.
    pub shrink: bool,
    /// A file has no line end at its end.
    pub unterminated: bool,
    /// The list became more than ten times as large.
    pub growth: bool,
    /// It is the version that somebody went back from.
    pub rolled_back: bool,
}

/// A line that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The file, relative to what was imported.
    pub file: String,
    /// The line and what is wrong with it.
    pub problem: Problem,
}

impl std::fmt::Display for FileProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {}", self.file, self.problem)
    }
}

/// What an import or a step back did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The list.
    pub list: String,
    /// Its version now in force.
    pub version: u64,
    /// The format it was read in.
    pub format: String,
    /// Lines read.
    pub lines: u64,
    /// Entries in it.
    pub entries: u64,
    /// Entries of the version before, where there is one.
    pub previous_entries: Option<u64>,
    /// Malformed lines.
    pub malformed: u64,
    /// Rules of the format that are not used.
    pub unused: u64,
    /// Entries left out because they would block a protected name.
    pub protected: u64,
    /// The first of them.
    pub protected_names: Vec<String>,
    /// Entries by category.
    pub categories: BTreeMap<String, u64>,
    /// The first problems.
    pub problems: Vec<FileProblem>,
    /// Files that are in the folder but of no use here (expressions and the like), and links.
    pub skipped: Vec<String>,
    /// The catalogue now in force.
    pub catalogue_version: u64,
    /// The content is the same as before; only its date was renewed.
    pub unchanged: bool,
}

/// One file to read, and the category of its entries.
struct Part {
    path: PathBuf,
    shown: String,
    format: Option<Format>,
    category: Option<String>,
}

/// A version written aside, not yet in force.
pub(crate) struct Staged {
    pub(crate) version: Version,
    pub(crate) problems: Vec<FileProblem>,
    pub(crate) skipped: Vec<String>,
    pub(crate) protected_names: Vec<String>,
}

/// Reads the list and writes its entries aside into `target`; commits them only when nothing is
/// wrong with the list as a whole.
pub(crate) fn stage(
    import: &Import<'_>,
    number: u64,
    before: Option<&Version>,
    target: &Path,
    now: Timestamp,
) -> Result<Staged, ListsError> {
    if !is_plain_name(import.list) {
        return Err(ListsError::BadName(import.list.to_owned()));
    }
    if let Some(category) = import.category.filter(|category| !is_plain_name(category)) {
        return Err(ListsError::BadName(category.to_owned()));
    }
    let mut skipped = Vec::new();
    let parts = parts(import, &mut skipped)?;
    let mut stage = Stage::new(Aside::create(target)?, import);
    for part in &parts {
        stage.read(import, part)?;
    }
    let refuse = |why| {
        Err(ListsError::Refused {
            list: import.list.to_owned(),
            why,
        })
    };
    if let Some(why) = stage.refusal(import.accept, before) {
        return refuse(why);
    }
    let version = Version {
        version: number,
        imported_at: now,
        format: stage.formats.join(", "),
        source: shown(import.path),
        lines: stage.tally.lines,
        entries: stage.entries(),
        malformed: stage.tally.malformed,
        unused: stage.tally.unused,
        protected: stage.watching.left_out,
        categories: stage.categories,
        sha256: hex::encode(stage.digest.finish()),
        problems: stage.problems.iter().map(ToString::to_string).collect(),
    };
    stage.aside.commit()?;
    Ok(Staged {
        version,
        problems: stage.problems,
        skipped,
        protected_names: stage.watching.left_out_names,
    })
}

struct Stage<'a> {
    aside: Aside,
    digest: digest::Context,
    tally: Tally,
    categories: BTreeMap<String, u64>,
    problems: Vec<FileProblem>,
    formats: Vec<&'static str>,
    cut: Option<Refusal>,
    unfinished: Option<String>,
    last_category: String,
    watching: Watching<'a>,
    renames: &'a [(String, String)],
}

impl<'a> Stage<'a> {
    fn new(aside: Aside, import: &Import<'a>) -> Self {
        Self {
            watching: Watching::new(import.guard),
            renames: import.renames,
            aside,
            digest: digest::Context::new(&digest::SHA256),
            tally: Tally::default(),
            categories: BTreeMap::new(),
            problems: Vec::new(),
            formats: Vec::new(),
            cut: None,
            unfinished: None,
            last_category: String::new(),
        }
    }

    fn read(&mut self, import: &Import<'_>, part: &Part) -> Result<(), ListsError> {
        let format = match import.format.or(part.format) {
            Some(format) => format,
            None => detect(&part.path)?,
        };
        if format != Format::Sections && part.category.is_none() {
            return Err(ListsError::NeedsCategory {
                path: part.path.clone(),
            });
        }
        if !self.formats.contains(&format.name()) {
            self.formats.push(format.name());
        }
        let mut parser = Parser::new(format);
        let mut text = String::new();
        for_each_piece(&part.path, &mut |piece| {
            parser.feed(piece, &mut |entry| self.take(entry, part, &mut text));
            self.write(&mut text)
        })?;
        let tally = parser.finish(&mut |entry| self.take(entry, part, &mut text));
        self.write(&mut text)?;
        self.note(&tally, &part.shown);
        if self.tally.entries > ENTRIES_MAX {
            let why = Refusal::TooLarge(ENTRIES_MAX);
            return Err(ListsError::Refused {
                list: import.list.to_owned(),
                why,
            });
        }
        Ok(())
    }

    /// Writes an entry in our own format: an `@category` line wherever the category changes.
    fn take(&mut self, entry: &Entry<'_>, part: &Part, text: &mut String) {
        if !self.watching.admits(entry) {
            return;
        }
        let named = entry.category.map(|theirs| ours(self.renames, theirs));
        let category = part.category.as_deref().or(named).unwrap_or("");
        if self.last_category != category {
            text.push('@');
            text.push_str(category);
            text.push('\n');
            category.clone_into(&mut self.last_category);
        }
        match self.categories.get_mut(category) {
            Some(count) => *count += 1,
            None => {
                self.categories.insert(category.to_owned(), 1);
            }
        }
        text.push_str(entry.host);
        text.push_str(entry.path.unwrap_or(""));
        text.push('\n');
    }

    fn write(&mut self, text: &mut String) -> Result<(), ListsError> {
        self.digest.update(text.as_bytes());
        self.aside.write(text.as_bytes())?;
        text.clear();
        Ok(())
    }

    fn note(&mut self, tally: &Tally, file: &str) {
        let room = PROBLEMS_MAX.saturating_sub(self.problems.len());
        self.problems
            .extend(tally.problems.iter().take(room).map(|problem| FileProblem {
                file: file.to_owned(),
                problem: *problem,
            }));
        if let (true, Some(declared)) = (tally.falls_short(), tally.declared) {
            self.cut.get_or_insert(Refusal::FewerThanDeclared {
                file: file.to_owned(),
                declared,
                found: tally.entries,
            });
        }
        if tally.ends_mid_line {
            self.unfinished.get_or_insert(file.to_owned());
        }
        self.tally.merge(tally);
    }

    /// Entries that were taken.
    fn entries(&self) -> u64 {
        self.tally.entries.saturating_sub(self.watching.left_out)
    }

    /// Why the list as a whole is not to be trusted (FIL-04).
    fn refusal(&mut self, accept: Accept, before: Option<&Version>) -> Option<Refusal> {
        if let (Some(file), false) = (self.unfinished.take(), accept.unterminated) {
            return Some(Refusal::EndsMidLine { file });
        }
        if let Some(cut) = self.cut.take() {
            return Some(cut);
        }
        let (entries, malformed) = (self.entries(), self.tally.malformed);
        if malformed > entries {
            return Some(Refusal::MostlyMalformed { malformed, entries });
        }
        if entries == 0 {
            return Some(Refusal::Empty);
        }
        if let Some(why) = self.watching.refusal() {
            return Some(why);
        }
        let before = before?;
        if !accept.growth && before.entries >= GROW_FROM && entries / GROW_TIMES > before.entries {
            return Some(Refusal::Grew {
                before: before.entries,
                now: entries,
            });
        }
        if accept.shrink {
            None
        } else {
            self.shrank(before)
        }
    }

    fn shrank(&self, before: &Version) -> Option<Refusal> {
        let shrank = |what: String, before: u64, now: u64| {
            (now * 2 < before).then_some(Refusal::Shrank { what, before, now })
        };
        shrank("it".to_owned(), before.entries, self.entries()).or_else(|| {
            before
                .categories
                .iter()
                .filter(|(_, count)| **count >= SHRINK_FROM)
                .find_map(|(name, count)| {
                    let now = self.categories.get(name).copied().unwrap_or(0);
                    shrank(format!("its category {name}"), *count, now)
                })
        })
    }
}

fn parts(import: &Import<'_>, skipped: &mut Vec<String>) -> Result<Vec<Part>, ListsError> {
    let path = import.path;
    let kind = fs::metadata(path).map_err(|error| ListsError::io("read", path, error))?;
    let category = import.category.map(str::to_owned);
    if kind.is_file() {
        return Ok(vec![Part {
            path: path.to_owned(),
            shown: shown(path),
            format: None,
            category,
        }]);
    }
    let mut parts = Vec::new();
    let named = |folder: &str| {
        let renamed = import.renames.iter().find(|(theirs, _)| theirs == folder);
        category
            .clone()
            .or_else(|| renamed.map(|(_, ours)| ours.clone()))
            .or_else(|| category_for_folder(folder))
    };
    let own = named(&shown(path));
    folder_parts(path, "", own, &mut parts, &mut Vec::new())?;
    for folder in sorted_entries(path)? {
        let name = shown(&folder);
        // `is_dir` of the entry itself: links in UT1 folders lead to categories that are there
        // under another name, and none may lead out of the folder.
        let is_folder = fs::symlink_metadata(&folder).is_ok_and(|kind| kind.is_dir());
        if !is_folder {
            if !["domains", "urls"].contains(&name.as_str()) {
                skipped.push(name);
            }
            continue;
        }
        let of_folder = named(&name);
        folder_parts(&folder, &format!("{name}/"), of_folder, &mut parts, skipped)?;
    }
    if parts.is_empty() {
        return Err(ListsError::NoLists {
            path: path.to_owned(),
        });
    }
    Ok(parts)
}

/// The `domains` and `urls` files of one folder.
fn folder_parts(
    folder: &Path,
    prefix: &str,
    category: Option<String>,
    parts: &mut Vec<Part>,
    skipped: &mut Vec<String>,
) -> Result<(), ListsError> {
    for path in sorted_entries(folder)? {
        let name = shown(&path);
        let kind =
            fs::symlink_metadata(&path).map_err(|error| ListsError::io("read", &path, error))?;
        let format = match name.as_str() {
            "domains" => Format::Domains,
            "urls" => Format::Urls,
            "usage" => continue,
            _ => {
                skipped.push(format!("{prefix}{name}"));
                continue;
            }
        };
        if kind.is_file() && kind.len() > 0 {
            let shown = format!("{prefix}{name}");
            parts.push(Part {
                path,
                shown,
                format: Some(format),
                category: category.clone(),
            });
        }
    }
    Ok(())
}

fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>, ListsError> {
    let read = |error| ListsError::io("read", folder, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        paths.push(entry.map_err(read)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Our name for a list's own category.
fn ours<'a>(renames: &'a [(String, String)], theirs: &'a str) -> &'a str {
    renames
        .iter()
        .find(|(name, _)| name == theirs)
        .map_or(theirs, |(_, ours)| ours)
}

fn detect(path: &Path) -> Result<Format, ListsError> {
    let mut sample = Vec::new();
    File::open(path)
        .and_then(|file| file.take(1 << 16).read_to_end(&mut sample))
        .map_err(|error| ListsError::io("read", path, error))?;
    if sample.iter().all(u8::is_ascii_whitespace) {
        // Nothing to guess from; the import then refuses it as empty.
        return Ok(Format::Domains);
    }
    Format::detect(&sample).ok_or_else(|| ListsError::UnknownFormat {
        path: path.to_owned(),
    })
}

fn shown(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
