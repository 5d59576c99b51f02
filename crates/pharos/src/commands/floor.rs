//! `pharos floor …`: the floor of the trust that the school belongs to.

use std::path::Path;

use anyhow::Context;
use pharos_lists::{SigningKey, sign_text};
use pharos_service::{FloorFetched, FloorStanding};

use super::{operator, refused};
use crate::cli::FloorCommand;
use crate::output::Output;
use crate::wire::Opened;

/// The file of the key that signs the school's reports.
const REPORT_KEY: &str = "trust-report";

pub(super) async fn run(
    opened: &Opened,
    command: FloorCommand,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let app = &opened.app;
    match command {
        FloorCommand::Join { trust, key } => {
            let mut pinned = [0; 32];
            hex::decode_to_slice(key.trim(), &mut pinned)
                .context("--key is no public key: 64 hexadecimal digits are expected")?;
            match app.join_trust(&operator(), &trust, pinned).await {
                Ok(true) => output.say(format!(
                    "The key of {trust} is pinned. Take its floor in: pharos floor import FILE"
                )),
                Ok(false) => output.say(format!("The key of {trust} is pinned already.")),
                Err(error) => return refused(error, output),
            }
            Ok(0)
        }
        FloorCommand::Import { file } => {
            let signed = std::fs::read(&file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            match app.import_floor(&operator(), &signed).await {
                Ok(version) => {
                    output.say(format!("Issue {version} of the floor is in force."));
                    status(opened, output).await
                }
                Err(error) => refused(error, output),
            }
        }
        FloorCommand::Fetch => match app.fetch_floor(&operator()).await {
            Ok(FloorFetched::AsItWas) => {
                output.say("The trust has nothing newer.");
                Ok(0)
            }
            Ok(FloorFetched::Taken(version) | FloorFetched::TakenAgain(version)) => {
                output.say(format!("Issue {version} of the floor is in force."));
                Ok(0)
            }
            Err(pharos_service::Error::NotFound) => {
                output.problem("The pack names no source: write [trust] with name and source into school.toml, or take the floor in with `pharos floor import`.");
                Ok(1)
            }
            Err(error) => refused(error, output),
        },
        FloorCommand::Status => status(opened, output).await,
        FloorCommand::Report { out } => report(opened, &out, output).await,
        FloorCommand::Leave { why } => match app.leave_trust(&operator(), &why).await {
            Ok(()) => {
                output.say("The trust's floor is no longer in force, and its key no longer pinned. Tell the trust.");
                Ok(0)
            }
            Err(error) => refused(error, output),
        },
    }
}

async fn status(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let standing = match opened.app.floor_standing(&operator()).await {
        Ok(standing) => standing,
        Err(error) => return refused(error, output),
    };
    let key = hex::encode(report_key(opened)?.public());
    let Some(standing) = standing else {
        output.say("The school belongs to no trust, and no floor is in force.");
        return Ok(0);
    };
    if output.json {
        output.json(&serde_json::json!({
            "trust": standing.trust,
            "trust_key": standing.key,
            "signed": standing.signed,
            "in_force": standing.in_force,
            "sha256": standing.sha256,
            "version": standing.floor.as_ref().map(|floor| floor.version),
            "issued": standing.floor.as_ref().map(|floor| floor.issued.to_string()),
            "taken": standing.taken,
            "looked": standing.looked,
            "trouble": standing.trouble,
            "stale": standing.stale,
            "below": standing.below,
            "waiting": standing.waiting,
            "closed_help": standing.closed_help,
            "school_key": key,
        }));
    } else {
        say(&standing, output);
        output.say(format!("The key that signs this school's reports: {key}"));
    }
    Ok(u8::from(is_wrong(&standing)))
}

fn is_wrong(standing: &FloorStanding) -> bool {
    standing.floor.is_none() || standing.trouble.is_some() || standing.stale
}

fn say(standing: &FloorStanding, output: &mut Output) {
    let trust = &standing.trust;
    match &standing.floor {
        None => output.problem(&format!("{trust}: no issue of its floor was taken in yet.")),
        Some(floor) => {
            let kept = if standing.signed {
                "signed by the trust: no version of the pack drops it"
            } else {
                "in the school's own pack, unsigned: a new version of the pack can drop it"
            };
            output.say(format!(
                "{trust}: floor {} of {}, approved by {}; {kept}",
                floor.version, floor.issued, floor.approved_by
            ));
        }
    }
    if let Some(trouble) = &standing.trouble {
        output.problem(trouble);
    }
    if standing.stale {
        output.problem("The trust's source was not seen for too long.");
    }
    for problem in &standing.below {
        output.say(format!("below the floor, without effect: {problem}"));
    }
    if !standing.waiting.is_empty() {
        output.say(format!(
            "No list in force carries these categories of the floor, so that nothing is blocked by them: {}",
            standing.waiting.join(", ")
        ));
    }
    if !standing.closed_help.is_empty() {
        output.problem(&format!(
            "The floor closes these help sites of the school, or its pages of Pharos; ask the trust to name them in its [[help]]: {}",
            standing.closed_help.join(", ")
        ));
    }
}

async fn report(opened: &Opened, out: &Path, output: &mut Output) -> anyhow::Result<u8> {
    let report = match opened.app.school_report(&operator()).await {
        Ok(report) => report,
        Err(error) => return refused(error, output),
    };
    let text = serde_json::to_string_pretty(&report)?;
    let key = report_key(opened)?;
    std::fs::write(out, sign_text(&text, &key))
        .with_context(|| format!("{} cannot be written", out.display()))?;
    output.say(format!(
        "{}: how the school stands, signed by {}. It names nobody.",
        out.display(),
        hex::encode(key.public())
    ));
    Ok(0)
}

/// The key that signs the school's reports, made when it is first asked for.
fn report_key(opened: &Opened) -> anyhow::Result<SigningKey> {
    let seed = opened.folder.secret(REPORT_KEY, || {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).context("the system gives no random numbers")?;
        Ok(seed.to_vec())
    })?;
    let seed: [u8; 32] = seed
        .as_slice()
        .try_into()
        .ok()
        .context("keys/trust-report is damaged; restore it from a backup")?;
    Ok(SigningKey::from_seed(&seed)?)
}
