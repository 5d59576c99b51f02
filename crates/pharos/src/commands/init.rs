//! `pharos init`

use pharos_service::SystemClock;
use std::sync::Arc;

use crate::cli::InitArgs;
use crate::folder::{Folder, FolderFile};
use crate::output::Output;
use crate::{sample, wire};

/// Makes a new data folder from a policy pack.
pub(crate) async fn run(args: InitArgs, output: &mut Output) -> anyhow::Result<u8> {
    let files = super::pack::read(&args.pack)?;
    let loaded = pharos_pack::load(&files);
    if loaded.pack.is_none() {
        return super::pack::check(&args.pack, None, output);
    }
    let folder = Folder::create(
        &args.data,
        FolderFile {
            database: args.database,
            master_key: args.master_key,
        },
    )?;
    let opened = wire::first(folder, &files, Arc::new(SystemClock)).await?;
    opened.app.import_sample_list(&super::operator()).await?;
    let school = opened.app.school();
    wire::authority(&opened.folder, &school.name, sample::never_sign(&school))?;
    if args.sample {
        sample::people(&opened, &args.pack.join("people")).await?;
        sample::week(&opened).await?;
    }
    output.say(format!(
        "{} is ready for {}.",
        args.data.display(),
        school.name
    ));
    output.say(format!("Keep a copy of the master key ({}) away from this machine: without it nothing here, and no backup, can be read.", opened.folder.master_place()));
    output.say(format!("Next: pharos serve --data {}", args.data.display()));
    opened.close().await;
    Ok(0)
}
