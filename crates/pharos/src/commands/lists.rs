//! `pharos lists …`

use std::path::Path;

use anyhow::Context;
use pharos_catalogue::SealedStatus;
use pharos_lists::{Fetched, Report, SealedFetched};
use pharos_service::NewList;

use super::{operator, refused};
use crate::cli::{ListsCommand, SealedCommand};
use crate::output::Output;
use crate::wire::Opened;

pub(super) async fn run(
    opened: &Opened,
    command: ListsCommand,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let app = &opened.app;
    match command {
        ListsCommand::Import {
            list,
            category,
            format,
            accept_shrink,
            accept_unterminated,
            accept_growth,
            accept_rolled_back,
            path,
        } => {
            output.progress(format!("reading {}", path.display()));
            let new = NewList {
                list,
                category,
                format,
                path,
                accept_shrink,
                accept_unterminated,
                accept_growth,
                accept_rolled_back,
            };
            told(app.import_list(&operator(), new).await, output)
        }
        ListsCommand::RollBack { list } => {
            told(app.roll_back_list(&operator(), &list).await, output)
        }
        ListsCommand::Refresh { list } => refresh(opened, list.as_deref(), output).await,
        ListsCommand::Status => status(opened, output),
        ListsCommand::Sealed {
            command: SealedCommand::Status,
        } => sealed_status(opened, output),
        ListsCommand::Sealed {
            command:
                SealedCommand::Import {
                    list,
                    bundle,
                    owner,
                    publisher,
                },
        } => {
            if let Some(file) = &publisher {
                let key = public_key(file)?;
                let owner = owner.unwrap_or_else(|| list.clone());
                if let Err(error) = app.add_sealed(&operator(), &list, &owner, key).await {
                    return refused(error, output);
                }
            }
            let bytes = std::fs::read(&bundle)
                .with_context(|| format!("{} cannot be read", bundle.display()))?;
            match app.import_sealed(&operator(), &list, &bytes).await {
                Ok(status) => {
                    sealed_taken(&status, output);
                    Ok(0)
                }
                Err(error) => refused(error, output),
            }
        }
    }
}

fn sealed_taken(status: &SealedStatus, output: &mut Output) {
    output.say(format!(
        "{}: {} entries, issue {} of {}, in force for everyone",
        status.name, status.entries, status.version, status.issued
    ));
}

/// A publisher's Ed25519 public key: 64 hexadecimal digits in a file.
fn public_key(file: &Path) -> anyhow::Result<[u8; 32]> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    let mut key = [0; 32];
    hex::decode_to_slice(text.trim(), &mut key).with_context(|| {
        format!(
            "{} holds no public key: 64 hexadecimal digits are expected",
            file.display()
        )
    })?;
    Ok(key)
}

fn told(done: Result<Report, pharos_service::Error>, output: &mut Output) -> anyhow::Result<u8> {
    let report = match done {
        Ok(report) => report,
        Err(error) => return refused(error, output),
    };
    if output.json {
        output.json(&serde_json::json!({
            "list": report.list, "version": report.version, "entries": report.entries, "malformed": report.malformed,
            "lines": report.lines, "format": report.format, "catalogue_version": report.catalogue_version, "unchanged": report.unchanged,
        }));
        return Ok(0);
    }
    let before = report
        .previous_entries
        .map_or_else(String::new, |before| format!(" (before: {before})"));
    output.say(format!(
        "{} version {}: {} entries{before} from {} lines, read as {}; in force",
        report.list, report.version, report.entries, report.lines, report.format
    ));
    if report.protected > 0 {
        output.problem(&format!(
            "{} entries would have blocked protected names and were left out: {}",
            report.protected,
            report.protected_names.join(", ")
        ));
    }
    if report.malformed > 0 {
        output.problem(&format!(
            "{} malformed lines were left out; the first:",
            report.malformed
        ));
        for problem in report.problems.iter().take(10) {
            output.problem(&format!("  {problem}"));
        }
    }
    Ok(0)
}

/// Reads every subscribed list, or one, again from where its pack entry says it comes from.
async fn refresh(opened: &Opened, only: Option<&str>, output: &mut Output) -> anyhow::Result<u8> {
    let mut code = 0;
    let mut any = false;
    for list in &opened.app.school().pack.lists {
        if only.is_some_and(|only| only != list.name) || list.source.is_none() {
            continue;
        }
        any = true;
        output.progress(format!("reading {}", list.name));
        let outcome = match opened.app.refresh_list(&operator(), &list.name).await {
            Ok(Fetched::AsItWas) => {
                output.say(format!("{}: its publisher has nothing newer", list.name));
                0
            }
            Ok(Fetched::Taken(report)) => told(Ok(*report), output)?,
            Err(error) => refused(error, output)?,
        };
        code = code.max(outcome);
    }
    for list in &opened.app.school().pack.sealed {
        if only.is_some_and(|only| only != list.name) {
            continue;
        }
        any = true;
        output.progress(format!("fetching {}", list.name));
        let outcome = match opened.app.fetch_sealed(&operator(), &list.name).await {
            Ok(SealedFetched::AsItWas) => {
                output.say(format!("{}: its publisher has nothing newer", list.name));
                0
            }
            Ok(SealedFetched::Taken(report)) => {
                sealed_taken(&report.status, output);
                0
            }
            Err(error) => refused(error, output)?,
        };
        code = code.max(outcome);
    }
    if let (false, Some(only)) = (any, only) {
        output.problem(&format!(
            "{only} is no subscribed list with a source: add it to [[fil.lists]] or [[fil.bundles]] of the pack"
        ));
        return Ok(1);
    }
    if !any {
        output.say("No list of the pack has a source; add one to [[fil.lists]], or bring lists in with `pharos lists import`.");
    }
    Ok(code)
}

fn status(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let lists = opened.app.list_status();
    if output.json {
        let rows: Vec<_> = lists
            .iter()
            .map(|list| {
                serde_json::json!({
                    "list": list.name, "version": list.version, "entries": list.entries, "malformed": list.malformed, "imported_at": list.imported_at,
                    "stale": list.stale, "left_out": list.protected, "sha256": list.sha256, "categories": list.categories, "earlier": list.earlier,
                })
            })
            .collect();
        output.json(&rows);
        return Ok(0);
    }
    if lists.is_empty() {
        output.say(
            "No lists yet. Bring one in: pharos lists import --list NAME --category CATEGORY FILE",
        );
    }
    for list in lists {
        let stale = if list.stale {
            "  STALE: bring in a newer copy"
        } else {
            ""
        };
        output.say(format!(
            "{}  version {}  {} entries  {} hours old{stale}",
            list.name,
            list.version,
            list.entries,
            list.age.as_hours()
        ));
    }
    for fetch in opened.app.fetch_status() {
        if let Some(trouble) = fetch.trouble {
            output.problem(&format!(
                "{}: not fetched {} times in a row, next try {}: {trouble}",
                fetch.list,
                fetch.failures,
                fetch
                    .next
                    .map_or_else(|| "soon".to_owned(), |next| next.to_string())
            ));
        }
    }
    sealed_status(opened, output)
}

fn sealed_status(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let lists = match opened.app.sealed_status() {
        Ok(lists) => lists,
        Err(error) => return refused(error, output),
    };
    if output.json {
        let rows: Vec<_> = lists
            .iter()
            .map(|list| serde_json::json!({ "list": list.name, "owner": list.owner, "entries": list.entries, "issued": list.issued, "checksum": list.checksum, "stale": list.stale, "trouble": list.trouble }))
            .collect();
        output.json(&rows);
        return Ok(0);
    }
    if lists.is_empty() {
        output.say("Sealed lists: none. Without membership of their publishers a school does not have them; clauses that promise them are not met.");
    }
    for list in lists {
        if let Some(trouble) = &list.trouble {
            output.problem(&format!("sealed: {} CANNOT BE USED: {trouble}", list.name));
            continue;
        }
        let stale = if list.stale { "  STALE" } else { "" };
        output.say(format!(
            "sealed: {} ({})  {} entries  issued {}, {} hours ago  checksum {}{stale}",
            list.name,
            list.owner,
            list.entries,
            list.issued,
            list.age.as_hours(),
            list.checksum
        ));
    }
    Ok(0)
}
