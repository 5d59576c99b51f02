//! `pharos roaming …`

use super::{operator, refused};
use crate::cli::RoamingCommand;
use crate::output::Output;
use crate::wire::Opened;

pub(super) async fn run(
    opened: &Opened,
    command: RoamingCommand,
    output: &mut Output,
) -> anyhow::Result<u8> {
    match command {
        RoamingCommand::Add { label, user, days } => {
            add(opened, &label, user.as_deref(), days, output).await
        }
        RoamingCommand::List => list(opened, output).await,
        RoamingCommand::Prolong { id, days } => {
            let operator = operator();
            let done = opened.app.prolong_roaming_device(&operator, &id, days);
            match done.await {
                Ok(()) => {
                    output.say(format!("The path holds for {days} days from now on."));
                    Ok(0)
                }
                Err(error) => refused(error, output),
            }
        }
        RoamingCommand::Revoke { id } => {
            match opened.app.revoke_roaming_device(&operator(), &id).await {
                Ok(()) => {
                    output.say("Taken back: the path opens nothing from now on.");
                    Ok(0)
                }
                Err(error) => refused(error, output),
            }
        }
    }
}

async fn add(
    opened: &Opened,
    label: &str,
    user: Option<&str>,
    days: u32,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let person = match user {
        None => None,
        Some(user) => {
            let Some(person) = opened.app.person_named(user).await? else {
                anyhow::bail!(
                    "nobody on the roll has the sign-in name {user:?}; see `pharos people list`"
                );
            };
            Some(person.id)
        }
    };
    let made = opened
        .app
        .add_roaming_device(&operator(), label, person, days)
        .await;
    match made {
        Ok(made) if output.json => {
            let path = format!("/dns-query/{}", made.token);
            output.json(&serde_json::json!({ "id": made.id, "path": path }));
            Ok(0)
        }
        Ok(made) => {
            let name = crate::own_certificate::name(None, &opened.app.school());
            output.say(format!(
                "https://{name}/dns-query/{}\nThis is shown once. Enter it on the device for DNS over HTTPS, with the port of --doh where that is not 443.",
                made.token
            ));
            Ok(0)
        }
        Err(error) => refused(error, output),
    }
}

async fn list(opened: &Opened, output: &mut Output) -> anyhow::Result<u8> {
    let devices = opened.app.roaming_devices(&operator()).await?;
    let people = opened.app.everybody(&operator()).await?;
    let user = |device: &pharos_service::RoamingDevice| {
        let owner = people
            .iter()
            .find(|person| Some(person.id) == device.person);
        owner.map(|person| person.username.clone())
    };
    if output.json {
        let rows: Vec<_> = devices
            .iter()
            .map(|device| serde_json::json!({ "id": device.id, "label": device.label, "user": user(device), "at": device.at, "until": device.until, "seen": device.seen }))
            .collect();
        output.json(&rows);
        return Ok(0);
    }
    for device in devices {
        let owner = user(&device).unwrap_or_else(|| "nobody's".to_owned());
        let zone = opened.app.zone();
        let day = |at: jiff::Timestamp| at.to_zoned(zone.clone()).date();
        let seen = device.seen.map_or_else(
            || "not seen yet".to_owned(),
            |at| format!("seen {}", day(at)),
        );
        output.say(format!(
            "{}  {:<24} {owner}, until {}, {seen}",
            device.id,
            device.label,
            day(device.until)
        ));
    }
    Ok(0)
}
