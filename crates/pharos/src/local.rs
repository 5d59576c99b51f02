//! Carrying out what was typed: here, or by the server that has the data folder.

use std::path::Path;

use anyhow::Context;

use crate::cli::{Cli, Command, OnData, PackCommand, Request, WithData};
use crate::folder::Folder;
use crate::output::Output;
use crate::{commands, operator, sample, serve, wire};

/// Carries out a command; gives the exit status: 0 success, 1 "the answer is no", 2 usage or
/// configuration.
pub(crate) async fn run(cli: Cli, output: &mut Output) -> u8 {
    let done = match cli.command {
        Command::Try(args) => sample::try_it(args, output).await,
        Command::Init(args) => commands::init::run(args, output).await,
        Command::Serve(args) => serve::run(args, output).await,
        Command::Scan(args) => commands::scan::run(&args, output),
        Command::Radius(args) => commands::radius::run(&args, output),
        Command::Restore(args) => commands::backup::restore(args, output).await,
        Command::Pack {
            command: PackCommand::Check { dir, floor },
        } => commands::pack::check(&dir, floor.as_deref(), output),
        Command::Pack {
            command: PackCommand::Install(on),
        } => with_data(on, Request::PackInstall, output).await,
        Command::Trust { command } => commands::trust::run(&command, output),
        Command::Operator(command) => operate(command, output).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            output.problem(&format!("{error:#}"));
            2
        }
    }
}

async fn operate(command: WithData, output: &mut Output) -> anyhow::Result<u8> {
    match command {
        WithData::Explain(on) => with_data(on, Request::Explain, output).await,
        WithData::Lists(on) => with_data(on, Request::Lists, output).await,
        WithData::People(on) => with_data(on, Request::People, output).await,
        WithData::Check(on) => with_data(on, Request::Check, output).await,
        WithData::Report(on) => with_data(on, Request::Report, output).await,
        WithData::Backup(on) => with_data(on, Request::Backup, output).await,
        WithData::WhatIf(on) => with_data(on, Request::WhatIf, output).await,
        WithData::Changes(on) => with_data(on, Request::Changes, output).await,
        WithData::Audit(on) => with_data(on, Request::Audit, output).await,
        WithData::Limits(on) => with_data(on, Request::Limits, output).await,
        WithData::Doctor(on) => with_data(on, Request::Doctor, output).await,
        WithData::Keys(on) => with_data(on, Request::Keys, output).await,
        WithData::Password(on) => with_data(on, Request::Password, output).await,
        WithData::Network(on) => with_data(on, Request::Network, output).await,
        WithData::Roaming(on) => with_data(on, Request::Roaming, output).await,
        WithData::Floor(on) => with_data(on, Request::Floor, output).await,
    }
}

async fn with_data<T: clap::Args>(
    on: OnData<T>,
    request: impl FnOnce(T) -> Request,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let here = std::env::current_dir().context("the current folder cannot be found")?;
    let request = absolute(request(on.args), &here);
    let data = here.join(&on.data);
    if let Some(code) = operator::ask(&data.join("control.sock"), &request, output).await? {
        return Ok(code);
    }
    let opened = wire::open(Folder::open(&data)?, "a command").await?;
    for sentence in &opened.recovered {
        output.problem(&format!("put right at start: {sentence}"));
    }
    for sentence in &opened.refusing {
        output.problem(&format!("EVERYTHING IS REFUSED: {sentence}"));
    }
    let code = commands::run(&opened, request, output).await;
    opened.close().await;
    Ok(code)
}

/// The server has another current folder: paths travel whole.
fn absolute(mut request: Request, here: &Path) -> Request {
    use crate::cli::{
        FloorCommand, ListsCommand, NetworkCommand, PeopleCommand, ReportCommand, SealedCommand,
    };
    match &mut request {
        Request::Explain(args) => args.text = args.text.as_ref().map(|text| here.join(text)),
        Request::Lists(args) => match &mut args.command {
            ListsCommand::Import { path, .. } => *path = here.join(&path),
            ListsCommand::Sealed {
                command:
                    SealedCommand::Import {
                        bundle, publisher, ..
                    },
            } => {
                *bundle = here.join(&bundle);
                if let Some(publisher) = publisher {
                    *publisher = here.join(&publisher);
                }
            }
            _ => {}
        },
        Request::People(args) => {
            if let PeopleCommand::Import { path, .. } = &mut args.command {
                *path = here.join(&path);
            }
        }
        Request::Report(args) => {
            let ReportCommand::Governors { out, .. } = &mut args.command;
            *out = here.join(&out);
        }
        Request::Backup(args) => args.file = here.join(&args.file),
        Request::Network(args) => {
            if let NetworkCommand::Rules { doh: Some(doh), .. } = &mut args.command {
                *doh = here.join(&doh);
            }
        }
        Request::Floor(args) => match &mut args.command {
            FloorCommand::Import { file } => *file = here.join(&file),
            FloorCommand::Report { out } => *out = here.join(&out),
            _ => {}
        },
        Request::PackInstall(args) => args.dir = here.join(&args.dir),
        Request::WhatIf(args) => args.pack = here.join(&args.pack),
        Request::Changes(args) => args.out = args.out.as_ref().map(|out| here.join(out)),
        _ => {}
    }
    request
}
