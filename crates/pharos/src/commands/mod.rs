//! The commands: each one use case or two, then words.

pub(crate) mod backup;
pub(crate) mod init;
pub(crate) mod pack;
pub(crate) mod radius;
pub(crate) mod scan;
pub(crate) mod trust;

mod changes;
mod doctor;
mod explain;
mod floor;
mod limits;
mod lists;
mod network;
mod people;
mod report;
mod roaming;
mod scan_corpus;

use pharos_access::Actor;
use pharos_records::Verdict;
use pharos_service::Error;

use crate::cli::{AuditCommand, KeysCommand, Request};
use crate::output::Output;
use crate::wire::Opened;

/// Whoever types commands on the server.
pub(crate) fn operator() -> Actor {
    Actor::system("operator")
}

/// Carries out a request on an open data folder; gives the exit status.
pub(crate) async fn run(opened: &Opened, request: Request, output: &mut Output) -> u8 {
    let done = match request {
        Request::Explain(args) => explain::run(opened, &args, output).await,
        Request::Lists(args) => lists::run(opened, args.command, output).await,
        Request::People(args) => people::run(opened, args.command, output).await,
        Request::Check(_) => report::check(opened, output).await,
        Request::Report(args) => report::run(opened, args.command, output).await,
        Request::Backup(args) => backup::make(opened, &args.file, output).await,
        Request::Audit(args) => match args.command {
            AuditCommand::Verify => verify(opened, output).await,
        },
        Request::Limits(_) => limits::run(opened, output).await,
        Request::Doctor(_) => doctor::run(opened, output).await,
        Request::Keys(args) => match args.command {
            KeysCommand::Rotate => backup::rotate(opened, output).await,
        },
        Request::Password(args) => people::password(opened, &args.user, output).await,
        Request::WhatIf(args) => changes::what_if(opened, &args, output).await,
        Request::Changes(args) => changes::log(opened, &args, output).await,
        Request::Network(args) => network::run(opened, args.command, output).await,
        Request::Roaming(args) => roaming::run(opened, args.command, output).await,
        Request::Floor(args) => floor::run(opened, args.command, output).await,
        Request::PackInstall(args) => pack::install(opened, &args, output).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            output.problem(&format!("{error:#}"));
            2
        }
    }
}

async fn verify(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let (word, text) = match opened.app.verify_ledger().await? {
        Verdict::Whole(None) => ("whole", "The audit log is empty and whole.".to_owned()),
        Verdict::Whole(Some(head)) => ("whole", format!("The audit log is whole: {} entries, none altered, removed or out of order.", head.seq)),
        Verdict::Broken(broken) => ("broken", format!("The audit log was tampered with: {broken}. Keep the data folder as it is and restore the last backup beside it to compare.")),
        Verdict::HeadForged => ("broken", "The end of the audit log was replaced: its mark is not ours. Entries may be missing from the end. Compare with the last backup.".to_owned()),
        Verdict::Unreadable { seq, problem } => ("broken", format!("Entry {seq} of the audit log cannot be read: {problem}. Compare with the last backup.")),
    };
    let (word, text) = match (word, opened.app.verify_changes().await?) {
        ("whole", Some(altered)) => (
            "broken",
            format!(
                "The change log was altered: {} {} {}. Keep the data folder as it is and restore the last backup beside it to compare.",
                altered.table, altered.row, altered.problem
            ),
        ),
        (word, _) => (word, text),
    };
    let whole = word == "whole";
    if output.json {
        output.json(&serde_json::json!({ "result": word, "text": text }));
    } else if whole {
        output.say(text);
    } else {
        output.problem(&text);
    }
    Ok(u8::from(!whole))
}

/// A use case's "no" as an exit status: 1 for a no, 2 for a fault.
pub(crate) fn refused(error: Error, output: &mut Output) -> anyhow::Result<u8> {
    match error {
        Error::Unavailable { .. } => Err(anyhow::anyhow!("{error}")),
        Error::Invalid(problems) => {
            for problem in problems {
                output.problem(&problem.text);
            }
            Ok(2)
        }
        other => {
            output.problem(&other.to_string());
            Ok(1)
        }
    }
}
