//! Pharos: runs a school's online safety policy. One binary, one data folder.

mod cli;
mod commands;
mod descriptors;
mod folder;
mod local;
mod operator;
mod output;
mod own_certificate;
mod ports;
mod prober;
mod resident;

mod sample;
mod serve;
mod standby;
mod watch;
mod wire;

use std::process::ExitCode;

use clap::Parser;
use output::Output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    start_log(&cli);
    // The first provider installed counts; a second call only says that one is there.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut output = Output::terminal(cli.json);
    let code = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(local::run(cli, &mut output)),
        Err(error) => {
            output.problem(&format!("the system gives no threads to run on: {error}"));
            2
        }
    };
    ExitCode::from(code)
}

/// Logs go to standard error; what a program reads goes to standard output.
fn start_log(cli: &cli::Cli) {
    let level = if cli.verbose {
        "pharos=debug,info"
    } else {
        "warn"
    };
    let filter =
        tracing_subscriber::EnvFilter::try_from_env("PHAROS_LOG").unwrap_or_else(|_| level.into());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::env::var_os("PHAROS_LOG_JSON").is_some() {
        log.json().init()
    } else {
        log.with_target(false).init()
    }
}
