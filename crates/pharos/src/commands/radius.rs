//! `pharos radius`: the secrets that RADIUS clients share with Pharos, sealed in the data folder.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::{Context, bail};

use crate::cli::RadiusArgs;
use crate::folder::Folder;
use crate::output::Output;

/// Where the secrets are kept, under the folder's keys.
const FILE: &str = "radius";
/// A secret's length in bytes.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;
/// As much as is read of a file or standard input.
const READ_MAX: u64 = 4_096;

/// Keeps a client's secret; a running server uses it from its next start.
pub(crate) fn run(args: &RadiusArgs, output: &mut Output) -> anyhow::Result<u8> {
    let folder = Folder::open(&args.data)?;
    let secret = match &args.secret_file {
        Some(path) => {
            let file = std::fs::File::open(path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            read(file)?
        }
        None => read(std::io::stdin())?,
    };
    if !LENGTH.contains(&secret.len()) {
        bail!(
            "a secret has {} to {} characters; this one has {}. Make one with `openssl rand -hex 24`",
            LENGTH.start(),
            LENGTH.end(),
            secret.len()
        );
    }
    let mut secrets = secrets(&folder)?;
    secrets.insert(args.name.clone(), secret);
    folder.write_secret(FILE, &serde_json::to_vec(&secrets)?)?;
    output.say(format!(
        "The secret of {} is kept, sealed. A running server uses it from its next start.",
        args.name
    ));
    Ok(0)
}

/// Every client's secret, by name.
pub(crate) fn secrets(folder: &Folder) -> anyhow::Result<BTreeMap<String, String>> {
    match folder.read_secret(FILE)? {
        Some(bytes) => serde_json::from_slice(&bytes)
            .context("keys/radius is damaged; give the secrets again with `pharos radius NAME`"),
        None => Ok(BTreeMap::new()),
    }
}

fn read(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(READ_MAX)
        .read_to_string(&mut text)
        .context("the secret cannot be read")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
