//! `pharos pack …`

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use pharos_pack::{FILE_BYTES_MAX, FILES_MAX, Options, Severity, load_with};
use pharos_records::Origin;
use pharos_service::{Brought, PackFiles};

use super::{operator, refused};
use crate::cli::PackInstallArgs;
use crate::output::Output;
use crate::wire::Opened;

/// Everything that is wrong or noteworthy, and what asks for less than the floor it is to stand on. 0
/// when it can be used, 1 when not.
pub(crate) fn check(dir: &Path, floor: Option<&Path>, output: &mut Output) -> anyhow::Result<u8> {
    let floor = match floor {
        Some(file) => match super::trust::floor_in(file, output)? {
            Some(floor) => Some(floor),
            None => return Ok(1),
        },
        None => None,
    };
    let options = Options {
        today: Some(jiff::Zoned::now().date()),
        floor: floor.as_ref(),
        ..Options::default()
    };
    let loaded = load_with(&read(dir)?, &options);
    if output.json {
        output.json(&loaded.problems);
    } else {
        for problem in &loaded.problems {
            output.say(problem.to_string());
        }
        let count = |severity| loaded.count(severity);
        output.say(format!(
            "{} errors, {} warnings, {} notes",
            count(Severity::Error),
            count(Severity::Warning),
            count(Severity::Note)
        ));
        if !loaded.below_floor.is_empty() {
            let lines = loaded.below_floor.len();
            output.say(format!(
                "{lines} lines ask for less than the trust's floor: they are without effect"
            ));
        }
    }
    Ok(u8::from(loaded.pack.is_none()))
}

pub(super) async fn install(
    opened: &Opened,
    args: &PackInstallArgs,
    output: &mut Output,
) -> anyhow::Result<u8> {
    match opened
        .app
        .bring_pack(&operator(), &read(&args.dir)?, &args.why, Origin::Command)
        .await
    {
        Ok(Brought::InForce(number)) => {
            output.say(format!("version {number} is in force"));
            Ok(0)
        }
        Ok(Brought::Waits(number)) => {
            output.say(format!(
                "it changes filtering or monitoring: change {number} waits for its assessments at {}/changes/{number}",
                opened.app.web_url()
            ));
            Ok(0)
        }
        Err(error) => refused(error, output),
    }
}

/// The files of a pack's folder. `people/` and hidden files are not part of the pack.
pub(crate) fn read(dir: &Path) -> anyhow::Result<PackFiles> {
    let mut files = PackFiles::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let at = dir.join(&folder);
        for entry in std::fs::read_dir(&at)
            .with_context(|| format!("the folder {} cannot be read", at.display()))?
        {
            let entry = entry?;
            let name = entry.file_name();
            let path = folder.join(&name);
            let kind = entry.file_type()?;
            if name.to_string_lossy().starts_with('.')
                || path == Path::new("people")
                || kind.is_symlink()
            {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let size = usize::try_from(entry.metadata()?.len()).unwrap_or(usize::MAX);
            if size > FILE_BYTES_MAX {
                bail!(
                    "{} is larger than {FILE_BYTES_MAX} bytes; a pack holds text only",
                    dir.join(&path).display()
                );
            }
            if files.len() >= FILES_MAX {
                bail!(
                    "{} holds more than {FILES_MAX} files; is it a policy pack?",
                    dir.display()
                );
            }
            let bytes = std::fs::read(dir.join(&path))
                .with_context(|| format!("{} cannot be read", dir.join(&path).display()))?;
            files.insert(path.to_string_lossy().replace('\\', "/"), bytes);
        }
    }
    Ok(files)
}
