//! A face that listens: what other machines of the school tell of devices and people (MON-02,
//! MON-05). It holds no rules: it reads within bounds and hands on to the use cases.
//!
//! Three sources, each on its own: files of DHCP leases, looked at every few seconds; RADIUS
//! accounting over UDP from clients that share a secret; syslog over UDP and TCP from senders that
//! the pack names. Nothing of it can hold the filter up.

mod leases;
mod radius;
mod syslog;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use pharos_activity::Sink;
use pharos_directory::leases::LeaseFormat;
use pharos_service::App;
use secrecy::SecretSlice;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The files of one DHCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSource {
    /// Who writes them.
    pub format: LeaseFormat,
    /// The file that is appended to or written anew.
    pub path: PathBuf,
}

/// Somebody who may send RADIUS accounting.
#[derive(Debug, Clone)]
pub struct RadiusClient {
    /// Its name in the pack.
    pub name: String,
    /// Where its packets come from.
    pub range: IpNet,
    /// The secret that it shares.
    pub secret: SecretSlice<u8>,
}

/// Everything that the face is told at start.
#[derive(Debug, Clone)]
pub struct IntakeConfig {
    /// Files of leases.
    pub leases: Vec<LeaseSource>,
    /// How often they are looked at.
    pub look_every: Duration,
    /// Where RADIUS accounting is listened for.
    pub radius: Option<SocketAddr>,
    /// Who may send it; of several ranges that hold an address the longest counts.
    pub radius_clients: Vec<RadiusClient>,
    /// Where syslog is listened for, UDP and TCP.
    pub syslog: Option<SocketAddr>,
    /// Who may send it.
    pub syslog_from: Vec<IpNet>,
}

impl Default for IntakeConfig {
    fn default() -> Self {
        Self {
            leases: Vec::new(),
            look_every: Duration::from_secs(5),
            radius: None,
            radius_clients: Vec::new(),
            syslog: None,
            syslog_from: Vec::new(),
        }
    }
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be listened for on {at}")]
pub struct CannotListen {
    /// What.
    pub what: &'static str,
    /// Where.
    pub at: SocketAddr,
    /// Why.
    pub source: std::io::Error,
}

/// The face while it runs.
#[derive(Debug)]
pub struct Intake {
    /// Where RADIUS accounting is listened for.
    pub radius: Option<SocketAddr>,
    /// Where syslog is listened for.
    pub syslog: Option<SocketAddr>,
    tasks: JoinSet<()>,
}

impl Intake {
    /// Waits until everything has stopped, after the token was cancelled.
    pub async fn join(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the intake ended with a fault");
            }
        }
    }
}

/// Starts what is configured; returns once everything listens.
///
/// # Errors
/// [`CannotListen`].
pub async fn start(
    config: IntakeConfig,
    app: App,
    sink: Arc<dyn Sink>,
    stop: CancellationToken,
) -> Result<Intake, CannotListen> {
    let mut tasks = JoinSet::new();
    for source in config.leases {
        tasks.spawn(leases::watch(
            source,
            config.look_every,
            app.clone(),
            stop.clone(),
        ));
    }
    let radius = match config.radius {
        Some(at) => {
            let (bound, task) =
                radius::listen(at, config.radius_clients, app.clone(), stop.clone()).await?;
            tasks.spawn(task);
            Some(bound)
        }
        None => None,
    };
    let syslog = match config.syslog {
        Some(at) => {
            let hub = syslog::Hub {
                app,
                sink,
                from: config.syslog_from.into(),
            };
            let (bound, udp, tcp) = syslog::listen(at, hub, stop).await?;
            tasks.spawn(udp);
            tasks.spawn(tcp);
            Some(bound)
        }
        None => None,
    };
    Ok(Intake {
        radius,
        syslog,
        tasks,
    })
}
