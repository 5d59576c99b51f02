//! What other machines tell of the network: files of leases, RADIUS accounting, syslog. What is learnt of
//! devices by it is kept.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use pharos_activity::Sink;
use pharos_service::School;
use tokio_util::sync::CancellationToken;

use crate::cli::Faces;
use crate::wire::Opened;

/// Where intake listens.
pub(super) struct Listens {
    pub(super) radius: Option<SocketAddr>,
    pub(super) syslog: Option<SocketAddr>,
}

/// What other machines tell: files of leases, RADIUS accounting, syslog.
pub(super) async fn start_intake(
    faces: &Faces,
    opened: &Opened,
    school: &School,
    sink: &Arc<dyn Sink>,
    stop: &CancellationToken,
    tasks: &mut Vec<tokio::task::JoinHandle<()>>,
) -> anyhow::Result<Listens> {
    let network = &school.pack.network;
    let leases = network.leases.iter().map(|file| {
        let format = file.format.parse().map_err(anyhow::Error::msg)?;
        Ok(pharos_intake::LeaseSource {
            format,
            path: file.path.clone().into(),
        })
    });
    let mut secrets = match faces.radius {
        Some(_) => crate::commands::radius::secrets(&opened.folder)?,
        None => BTreeMap::new(),
    };
    let mut radius_clients = Vec::new();
    for client in network.radius.iter().filter(|_| faces.radius.is_some()) {
        match secrets.remove(&client.name) {
            Some(secret) => radius_clients.push(pharos_intake::RadiusClient {
                name: client.name.clone(),
                range: client.range,
                secret: secret.into_bytes().into(),
            }),
            None => tracing::warn!(
                client = %client.name,
                "no secret is kept for this RADIUS client, so its packets count for nothing; give it with `pharos radius NAME`"
            ),
        }
    }
    let config = pharos_intake::IntakeConfig {
        leases: leases.collect::<anyhow::Result<_>>()?,
        radius: faces.radius,
        radius_clients,
        syslog: faces.syslog,
        syslog_from: network.syslog_from.clone(),
        ..pharos_intake::IntakeConfig::default()
    };
    let running =
        pharos_intake::start(config, opened.app.clone(), Arc::clone(sink), stop.clone()).await?;
    let listens = Listens {
        radius: running.radius,
        syslog: running.syslog,
    };
    tasks.push(tokio::spawn(running.join()));
    Ok(listens)
}

/// The sealed file with what is known of devices.
const NETWORK_FILE: &str = "network";
/// How often it is written.
const NETWORK_EVERY: std::time::Duration = std::time::Duration::from_secs(300);

pub(super) fn remember_network(opened: &Opened) {
    match opened.folder.read_secret(NETWORK_FILE) {
        Ok(Some(bytes)) => opened.app.remember_network(&bytes),
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%error, "what was known of devices cannot be opened; it is learnt anew");
        }
    }
}

/// Writes what is known of devices every few minutes, and at the end.
pub(super) async fn keep_network(opened: Arc<Opened>, stop: CancellationToken) {
    let mut turn = tokio::time::interval(NETWORK_EVERY);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    turn.tick().await;
    loop {
        let ends = tokio::select! {
            () = stop.cancelled() => true,
            _ = turn.tick() => false,
        };
        let own = Arc::clone(&opened);
        let written = tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
            own.folder
                .write_secret(NETWORK_FILE, &own.app.keep_network()?)
        })
        .await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "what is known of devices cannot be kept");
            }
            Err(error) => tracing::error!(%error, "keeping what is known of devices"),
        }
        if ends {
            return;
        }
    }
}
