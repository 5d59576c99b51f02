//! Files of leases, looked at by polling: servers append to them, write them anew, and put new ones
//! in their place.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pharos_directory::leases::{FILE_BYTES_MAX, LeaseFormat, LeaseReader, Leases};
use pharos_service::App;
use tokio_util::sync::CancellationToken;

use crate::LeaseSource;

/// What tells one state of a file from another: which file it is, how long, and when changed last.
type Mark = (u64, u64, i64, i64);

/// Looks at a source until told to stop, and hands on what it holds whenever it changed.
pub(crate) async fn watch(source: LeaseSource, every: Duration, app: App, stop: CancellationToken) {
    let name = source.path.display().to_string();
    let mut turn = tokio::time::interval(every);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last: Option<Vec<Option<Mark>>> = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = turn.tick() => {}
        }
        let (paths, before) = (parts(&source), last.clone());
        let (format, own) = (source.format, name.clone());
        let looked =
            tokio::task::spawn_blocking(move || look(format, &own, &paths, before.as_deref()));
        match looked.await {
            Ok(Ok(Some((marks, leases)))) => {
                last = Some(marks);
                app.take_leases(&name, leases);
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                last = None;
                app.leases_unread(&name, error.to_string());
            }
            Err(error) => tracing::error!(%error, "a look at the leases ended with a fault"),
        }
    }
}

/// The files of a source, oldest first. While Kea tidies up, the past is in `.2` and `.1`.
fn parts(source: &LeaseSource) -> Vec<PathBuf> {
    let beside = |end: &str| {
        let mut name = source.path.clone().into_os_string();
        name.push(end);
        PathBuf::from(name)
    };
    match source.format {
        LeaseFormat::Kea => vec![beside(".2"), beside(".1"), source.path.clone()],
        LeaseFormat::Isc | LeaseFormat::Dnsmasq => vec![source.path.clone()],
    }
}

/// Reads the files if any of them changed. The last one must be there.
fn look(
    format: LeaseFormat,
    name: &str,
    paths: &[PathBuf],
    before: Option<&[Option<Mark>]>,
) -> std::io::Result<Option<(Vec<Option<Mark>>, Leases)>> {
    let marks: Vec<Option<Mark>> = paths.iter().map(|path| mark(path)).collect();
    if before == Some(marks.as_slice()) {
        return Ok(None);
    }
    let mut reader = LeaseReader::new(format);
    for (number, path) in paths.iter().enumerate() {
        match read(path) {
            Ok(bytes) => reader.read(name, &bytes),
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && number + 1 < paths.len() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some((marks, reader.finish())))
}

fn mark(path: &Path) -> Option<Mark> {
    let is = std::fs::metadata(path).ok()?;
    Some((is.ino(), is.len(), is.mtime(), is.mtime_nsec()))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    if length > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!(
            "the file has {length} bytes; {FILE_BYTES_MAX} is the most that is read"
        )));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
