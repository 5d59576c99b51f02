//! `pharos people …`, `pharos password`

use pharos_directory::{Limits, RollChange, read_path};
use pharos_service::ImportError;

use super::{operator, refused};
use crate::cli::PeopleCommand;
use crate::output::Output;
use crate::wire::Opened;

pub(super) async fn run(
    opened: &Opened,
    command: PeopleCommand,
    output: &mut Output,
) -> anyhow::Result<u8> {
    match command {
        PeopleCommand::List => list(opened, output).await,
        PeopleCommand::Import {
            path,
            preview,
            approve,
        } => import(opened, &path, preview, approve, output).await,
    }
}

async fn import(
    opened: &Opened,
    path: &std::path::Path,
    preview: bool,
    approve: bool,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let files = read_path(path, &Limits::default())?;
    let (send, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let mut progress = move |step: pharos_directory::Progress<'_>| {
        let share = (step.bytes * 100)
            .checked_div(step.bytes_total)
            .unwrap_or(100);
        drop(send.send(format!("{}: {} rows, {share} %", step.stage, step.rows)));
    };
    let app = &opened.app;
    let done = if preview {
        app.preview_roll(&operator(), files, &mut progress)
            .await
            .map(|change| (change, None))
    } else {
        app.import_roll(&operator(), files, approve, &mut progress)
            .await
            .map(|(change, outcome)| (change, Some(outcome)))
    };
    while let Ok(line) = lines.try_recv() {
        output.progress(line);
    }
    match done {
        Ok((change, outcome)) => {
            told(&change, outcome.is_some(), output);
            Ok(0)
        }
        Err(ImportError::Problems(problems)) => {
            output.problem("nothing was brought in; mend these and try again:");
            for problem in problems.iter() {
                output.problem(&format!("  {problem}"));
            }
            Ok(2)
        }
        Err(ImportError::Held(change)) => {
            told(&change, false, output);
            for hold in &change.holds {
                output.problem(&format!("{hold} (--approve)"));
            }
            Ok(1)
        }
        Err(ImportError::Other(error)) => refused(error, output),
    }
}

fn told(change: &RollChange, applied: bool, output: &mut Output) {
    if output.json {
        output.json(&serde_json::json!({
            "applied": applied, "joined": change.joined.len(), "changed": change.changed.len(), "left": change.left.len(),
            "unchanged": change.unchanged, "classes": change.classes.len(),
        }));
    } else {
        output.say(format!(
            "{}: {}",
            if applied {
                "brought in"
            } else {
                "would change"
            },
            change.summary()
        ));
    }
}

async fn list(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let people = opened.app.everybody(&operator()).await?;
    if output.json {
        let rows: Vec<_> = people
            .iter()
            .map(|person| serde_json::json!({ "username": person.username, "name": person.full_name(), "roles": person.roles, "year": person.year, "house": person.house }))
            .collect();
        output.json(&rows);
        return Ok(0);
    }
    for person in people {
        let roles: Vec<_> = person.roles.iter().map(|role| role.name()).collect();
        let year = person
            .year
            .map_or_else(String::new, |year| format!("  Year {year}"));
        output.say(format!(
            "{:<14} {:<28} {}{year}",
            person.username,
            person.full_name(),
            roles.join(", ")
        ));
    }
    Ok(0)
}

/// A first password, printed once.
pub(super) async fn password(
    opened: &Opened,
    user: &str,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let Some(person) = opened.app.person_named(user).await? else {
        anyhow::bail!("nobody on the roll has the sign-in name {user:?}; see `pharos people list`");
    };
    let mut bytes = [0_u8; 10];
    getrandom::fill(&mut bytes)?;
    let password = format!("{}-{}", hex::encode(&bytes[..5]), hex::encode(&bytes[5..]));
    match opened
        .app
        .reset_password(&operator(), person.id, &password, true)
        .await
    {
        Ok(()) => {
            output.say(format!(
                "{password}\nThis is shown once. {} must change it when signing in.",
                person.full_name()
            ));
            Ok(0)
        }
        Err(error) => refused(error, output),
    }
}
