//! The control socket: commands typed beside a running server are carried out by the server.
//!
//! A Unix socket in the data folder that only its owner can open. One request a connection, as one
//! line of JSON; the answer is lines of JSON, the last one the exit status.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use crate::cli::Request;
use crate::commands;
use crate::output::{Line, Output};
use crate::wire::Opened;

/// The longest request, in bytes.
const REQUEST_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    json: bool,
    request: Request,
}

/// Sends a request to the server of a data folder; `None` when none is running there.
pub(crate) async fn ask(
    socket: &Path,
    request: &Request,
    output: &mut Output,
) -> anyhow::Result<Option<u8>> {
    let Ok(stream) = UnixStream::connect(socket).await else {
        return Ok(None);
    };
    let (read, mut write) = stream.into_split();
    let mut text = serde_json::to_vec(&Envelope {
        json: output.json,
        request: request.clone(),
    })?;
    text.push(b'\n');
    write
        .write_all(&text)
        .await
        .context("the running server does not listen")?;
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines
        .next_line()
        .await
        .context("the running server stopped answering")?
    {
        match serde_json::from_str(&line).context("the running server is of another version")? {
            Line::End(code) => return Ok(Some(code)),
            line => output.line(line),
        }
    }
    anyhow::bail!("the running server ended before the work was done; look at its log")
}

/// Listens until told to stop.
pub(crate) fn listen(
    socket: &Path,
    opened: Arc<Opened>,
    stop: CancellationToken,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    // Ours by the data folder's lock: what is left of an earlier server may go.
    if let Err(error) = std::fs::remove_file(socket)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("{} cannot be replaced", socket.display()));
    }
    let listener = UnixListener::bind(socket)
        .with_context(|| format!("the control socket {} cannot be made", socket.display()))?;
    std::fs::set_permissions(socket, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let path = socket.to_owned();
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(tokio::spawn(answer(stream, Arc::clone(&opened)))),
                    Err(error) => tracing::warn!(%error, "the control socket"),
                },
            }
        }
        drop(std::fs::remove_file(path));
    }))
}

async fn answer(stream: UnixStream, opened: Arc<Opened>) {
    let (read, mut write) = stream.into_split();
    let mut text = String::new();
    let mut reader = BufReader::new(read.take(REQUEST_BYTES_MAX));
    if reader.read_line(&mut text).await.is_err() {
        return;
    }
    let (lines, mut from) = tokio::sync::mpsc::unbounded_channel();
    let work = tokio::spawn(async move {
        let end = match serde_json::from_str::<Envelope>(&text) {
            Ok(envelope) => {
                let mut output = Output::channel(envelope.json, lines.clone());
                commands::run(&opened, envelope.request, &mut output).await
            }
            Err(error) => {
                drop(lines.send(Line::Problem(format!("the request cannot be read ({error}); is the command of another version than the server?"))));
                2
            }
        };
        drop(lines.send(Line::End(end)));
    });
    while let Some(line) = from.recv().await {
        let Ok(mut bytes) = serde_json::to_vec(&line) else {
            continue;
        };
        bytes.push(b'\n');
        if write.write_all(&bytes).await.is_err() {
            break;
        }
    }
    if let Err(error) = work.await {
        tracing::error!(%error, "a command ended with a fault");
    }
}
