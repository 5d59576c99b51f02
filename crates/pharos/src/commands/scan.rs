//! `pharos scan`: a page's score, phrase by phrase.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use pharos_scan::{
    AgeBand, Dictionaries, Dictionary, Kind, Media, PageScan, PhraseList, Report, Sets, Vocabulary,
};
use serde_json::json;

use super::scan_corpus;
use crate::cli::ScanArgs;
use crate::output::Output;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// The most dictionaries of one folder.
const DICTIONARIES_MAX: usize = 1_000;
/// The most phrases printed for one category; `--json` prints all.
const PHRASES_SHOWN: usize = 40;

/// Explains a page, or measures a folder of pages. 0 when the page passes, 1 when it would be
/// blocked.
pub(crate) fn run(args: &ScanArgs, output: &mut Output) -> anyhow::Result<u8> {
    if let (Some(list), Some(category)) = (&args.import_phrases, &args.category) {
        return import(list, category, &args.language, output);
    }
    let dictionaries = match &args.pack {
        Some(pack) => of_pack(pack)?,
        None => Arc::new(dictionaries(args.dictionaries.as_deref())?),
    };
    if dictionaries.is_empty() {
        bail!(
            "there are no dictionaries to read a page against; name a folder with --dictionaries"
        );
    }
    let age = args.age.into();
    if let Some(corpus) = &args.corpus {
        return scan_corpus::run(&dictionaries, corpus, age, args.list, output);
    }
    let Some(file) = &args.file else {
        bail!("name a file to read, - for standard input, or --corpus with a folder");
    };
    let bytes = read(file)?;
    let media = match &args.kind {
        Some(kind) => Media::of(Some(kind))
            .with_context(|| format!("--type {kind:?} is nothing that text is looked for in"))?,
        None => media_of(file),
    };
    let report = report(&dictionaries, media, &bytes);
    let blocked = report.over(age).next().is_some();
    if output.json {
        let over: Vec<_> = report.over(age).map(|found| &found.category).collect();
        output.json(&json!({
            "age": age.name(),
            "blocked": blocked,
            "over": over,
            "words": report.words,
            "categories": report.categories,
        }));
    } else {
        print(&report, age, output);
    }
    Ok(u8::from(blocked))
}

/// Writes a phrase list as a dictionary to standard output; what was left out is told.
fn import(list: &Path, category: &str, language: &str, output: &mut Output) -> anyhow::Result<u8> {
    let phrases = PhraseList::parse(&read(list)?);
    let text = phrases.to_dictionary(category, language);
    if let Err(problems) = Dictionary::parse(&text) {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        bail!("the dictionary would not read: {}", lines.join("; "));
    }
    for (line, file) in &phrases.includes {
        output.problem(&format!("line {line} includes {file}: import it by itself"));
    }
    for (line, why) in &phrases.left_out {
        output.problem(&format!("line {line} is left out: {why}"));
    }
    if phrases.left_out_count > phrases.left_out.len() {
        let more = phrases.left_out_count - phrases.left_out.len();
        output.problem(&format!("and {more} more lines are left out"));
    }
    if phrases.beginnings > 0 {
        output.problem(&format!(
            "{} phrases matched inside words; they now match words that begin so",
            phrases.beginnings
        ));
    }
    output.say(text.trim_end());
    Ok(0)
}

/// Reads one page against the dictionaries.
pub(super) fn report(dictionaries: &Arc<Dictionaries>, media: Media, bytes: &[u8]) -> Report {
    let mut scan = PageScan::new(dictionaries, media);
    scan.push(bytes);
    scan.finish();
    scan.report()
}

/// What a file is, from its name; told from its beginning where that says nothing.
pub(super) fn media_of(file: &Path) -> Media {
    let extension = file.extension().unwrap_or_default().to_ascii_lowercase();
    Media::plain(match extension.to_str().unwrap_or_default() {
        "html" | "htm" => Kind::Html,
        "xhtml" | "xml" | "rss" | "atom" => Kind::Xml,
        "json" | "jsonl" | "ndjson" => Kind::Json,
        "txt" | "md" | "csv" => Kind::Text,
        _ => Kind::Unknown,
    })
}

/// Reads a file, or standard input for `-`, up to a bound.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(FILE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .context("standard input cannot be read")?;
        return Ok(bytes);
    }
    File::open(file)
        .and_then(|open| open.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
        .with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(bytes)
}

/// The shipped dictionaries with those of a pack.
fn of_pack(dir: &Path) -> anyhow::Result<Arc<Dictionaries>> {
    let loaded = pharos_pack::load(&super::pack::read(dir)?);
    let Some(pack) = loaded.pack else {
        bail!(
            "the pack has errors; `pharos pack check {}` tells them",
            dir.display()
        );
    };
    match pack.dictionaries.compiled {
        Some(all) => Ok(all),
        None => Ok(Arc::new(Dictionaries::built_in()?)),
    }
}

/// The shipped dictionaries, or those of a folder.
fn dictionaries(folder: Option<&Path>) -> anyhow::Result<Dictionaries> {
    let Some(folder) = folder else {
        return Ok(Dictionaries::built_in()?);
    };
    let listed = std::fs::read_dir(folder)
        .with_context(|| format!("the folder {} cannot be read", folder.display()))?;
    let mut files = Vec::new();
    for entry in listed.take(DICTIONARIES_MAX) {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    files.sort();
    let mut all = Vec::new();
    let mut sets = None;
    let mut words = Vocabulary::default();
    let mut wrong = Vec::new();
    for path in files {
        let text = String::from_utf8(read(&path)?)
            .with_context(|| format!("{} is not UTF-8", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let problems = if name.starts_with("sets") {
            Sets::parse(&text).map(|read| sets.get_or_insert_with(Sets::default).extend(read))
        } else if name.starts_with("vocabulary") {
            Vocabulary::parse(&text).map(|read| words = read)
        } else {
            Dictionary::parse(&text).map(|dictionary| all.push(dictionary))
        };
        for one in problems.err().into_iter().flatten() {
            wrong.push(format!("{}: {one}", path.display()));
        }
    }
    if !wrong.is_empty() {
        bail!("the dictionaries have problems:\n{}", wrong.join("\n"));
    }
    let sets = match sets {
        Some(own) => own,
        None => Dictionaries::built_in_sets()?,
    };
    Ok(Dictionaries::with_words(&all, &sets, &words)?)
}

fn print(report: &Report, age: AgeBand, output: &mut Output) {
    let over: Vec<String> = report
        .over(age)
        .map(|found| {
            let threshold = found.thresholds[age as usize];
            format!("{} {} of {threshold}", found.category, found.score)
        })
        .collect();
    if over.is_empty() {
        output.say(format!(
            "PASSES for {}; {} words read",
            age.name(),
            report.words
        ));
    } else {
        output.say(format!(
            "BLOCKED for {}: {}; {} words read",
            age.name(),
            over.join(", "),
            report.words
        ));
    }
    for found in &report.categories {
        let threshold = found.thresholds[age as usize];
        let verdict = if found.is_over(age) { "over" } else { "under" };
        let counted = match found.lines_percent {
            100 => String::new(),
            percent => format!(" (of shipped lines {percent} in 100 count)"),
        };
        output.say(format!(
            "{} ({}): {} of {threshold}, {verdict}; {} points for, {} against{counted}, {:+} by its common words",
            found.category,
            found.title,
            found.score,
            found.points_for,
            found.points_against,
            found.points_of_words
        ));
        for own in &found.own {
            output.say(format!(
                "  {:+5}  of that by the school's own {}",
                own.points, own.file
            ));
        }
        for phrase in found.phrases.iter().take(PHRASES_SHOWN) {
            let times = match phrase.times {
                1 => String::new(),
                times => format!(" ({times} times)"),
            };
            let words = match phrase.words.is_empty() {
                true => String::new(),
                false => format!(": {}", phrase.words.join(", ")),
            };
            output.say(format!(
                "  {:+5}  {}{times}{words}",
                phrase.points, phrase.phrase
            ));
        }
        if !found.loudest.is_empty() {
            let told = found.loudest.iter();
            let told = told.map(|word| format!("{} {:+}", word.phrase, word.points));
            output.say(format!(
                "         common words: {}",
                told.collect::<Vec<_>>().join(", ")
            ));
        }
        if found.phrases.len() > PHRASES_SHOWN {
            let more = found.phrases.len() - PHRASES_SHOWN;
            output.say(format!("         and {more} more; --json prints all"));
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::output::Line;

    const GAMBLING: &str = "dictionary gambling\nversion 1\ntitle Gambling\n\
        threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n95 lucky clam\n-20 lesson\n";

    /// Runs the command; its exit status and what it printed.
    fn typed(arguments: &[&str]) -> (u8, String) {
        let all = ["pharos", "scan"].iter().chain(arguments);
        let cli = Cli::try_parse_from(all).unwrap();
        let Command::Scan(args) = cli.command else {
            panic!("not read as scan");
        };
        let (to, mut lines) = tokio::sync::mpsc::unbounded_channel();
        let code = run(&args, &mut Output::channel(cli.json, to)).unwrap();
        let mut text = String::new();
        while let Ok(line) = lines.try_recv() {
            if let Line::Say(said) | Line::Problem(said) = line {
                text += &said;
                text.push('\n');
            }
        }
        (code, text)
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        write("own/gambling.txt", GAMBLING);
        write("page.html", "<p>A lucky <b>cl</b>am");
        write("calm.txt", "calm sea");
        write("pages/education/one.txt", "a calm sea");
        write("pages/education/two.html", "<p>a lucky clam");
        write("pages/gambling/one.html", "<p>a lucky clam");
        write("pages/gambling/two.txt", "nothing of the kind");
        write("list", "< lucky clam ><30>\n.Include</x>\n<open\n");
        folder
    }

    /// FIL-06: a page's score is told phrase by phrase, with threshold and verdict; the exit status
    /// is the answer for the age.
    #[test]
    fn fil_06_a_page_is_explained_phrase_by_phrase() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let own = at("own");
        let (code, text) = typed(&[&at("page.html"), "--dictionaries", &own]);
        assert_eq!(code, 1, "{text}");
        assert!(
            text.starts_with("BLOCKED for secondary: gambling 95 of 90;"),
            "{text}"
        );
        assert!(text.contains("+95  lucky clam"), "{text}");
        let (code, text) = typed(&[
            &at("page.html"),
            "--dictionaries",
            &own,
            "--age",
            "sixth",
            "--json",
        ]);
        assert_eq!(code, 0, "{text}");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["blocked"], false);
        assert_eq!(json["categories"][0]["phrases"][0]["phrase"], "lucky clam");
        let (code, text) = typed(&[&at("calm.txt"), "--dictionaries", &own]);
        assert_eq!(
            (code, text.as_str()),
            (0, "PASSES for secondary; 2 words read\n")
        );
        let (code, _) = typed(&[&at("calm.txt"), "--type", "text/html"]);
        assert_eq!(code, 0);
    }

    /// FIL-12: over-blocking and what is found are measured over folders of pages.
    #[test]
    fn fil_12_folders_of_pages_are_measured() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (code, text) = typed(&[
            "--corpus",
            &at("pages"),
            "--dictionaries",
            &at("own"),
            "--list",
        ]);
        assert_eq!(code, 0);
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("education").contains("50.0 %") && line("education").contains("0.0 %"));
        assert!(line("gambling").contains("50.0 (50.0) %"), "{text}");
        assert!(
            line("blocked for secondary").contains("two.html (gambling 95)"),
            "{text}"
        );
        assert!(line("missed for secondary").contains("two.txt"), "{text}");
    }

    /// FIL-02: a phrase list of another filter is written as a dictionary.
    #[test]
    fn fil_02_a_phrase_list_is_written_as_a_dictionary() {
        let folder = folder();
        let list = folder.path().join("list").display().to_string();
        let (code, text) = typed(&["--import-phrases", &list, "--category", "gambling"]);
        assert_eq!(code, 0);
        assert!(
            text.contains("line 2 includes /x") && text.contains("line 3 is left out"),
            "{text}"
        );
        let at = text.find("dictionary gambling").unwrap();
        assert_eq!(Dictionary::parse(&text[at..]).unwrap().entries.len(), 1);
    }
}
