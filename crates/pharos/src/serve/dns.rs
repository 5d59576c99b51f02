//! Starting the resolver: what blocked names are answered with, its certificate, its upstreams.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, bail};
use pharos_activity::Sink;
use pharos_dns::{BlockAnswer, DnsConfig, Encrypted, LocalName, Upstream};
use pharos_filter::Filter;
use pharos_proxy::CertificateAuthority;
use pharos_service::School;
use rustls::ClientConfig;
use tokio_util::sync::CancellationToken;

use super::status::DnsView;
use super::upstreams::Change;
use crate::cli::Faces;
use crate::descriptors;
use crate::own_certificate::{self, OwnCertificate};

/// Where the resolver answers.
pub(crate) struct DnsAt {
    pub(crate) plain: SocketAddr,
    pub(crate) tls: Option<SocketAddr>,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) view: DnsView,
    /// Has others asked outside.
    pub(crate) change: Change,
}

/// `upstreams` come with how encrypted ones of them are asked. `own` makes the certificate for DNS over
/// TLS and HTTPS; without it there is neither.
pub(crate) fn start_dns(
    faces: &Faces,
    (upstreams, upstream_tls): (Vec<Upstream>, Option<Arc<ClientConfig>>),
    filter: &Arc<Filter>,
    own: Option<(&Arc<CertificateAuthority>, &School)>,
    sink: &Arc<dyn Sink>,
    stop: &CancellationToken,
    tasks: &mut Vec<tokio::task::JoinHandle<()>>,
) -> anyhow::Result<DnsAt> {
    let mut config = DnsConfig {
        listen: vec![faces.dns],
        upstream_tls,
        upstreams,
        block: block_answer(faces)?,
        ..DnsConfig::default()
    };
    config.limits.client_per_s = faces.dns_client_limit;
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let connections = descriptors::share().dns / workers;
    let most = &mut config.limits.tcp_connections_max;
    *most = connections.clamp(1, *most);
    if let Some((authority, school)) = own {
        encrypt(&mut config, faces, authority, school)?;
    }
    let running = pharos_dns::start(config, Arc::clone(filter), Arc::clone(sink), stop.clone())
        .with_context(|| format!("the resolver cannot listen on {}", faces.dns))?;
    let at = DnsAt {
        plain: running.addresses().first().copied().unwrap_or(faces.dns),
        tls: running.tls().first().copied(),
        https: running.https().first().copied(),
        view: DnsView {
            counts: Box::new(running.counter()),
            health: Box::new(running.health()),
        },
        change: Box::new(running.changer()),
    };
    tasks.push(tokio::spawn(running.join()));
    Ok(at)
}

/// Blocked names lead to the block page; where none listens, they do not exist.
fn block_answer(faces: &Faces) -> anyhow::Result<BlockAnswer> {
    if let Some(every) = faces.block_page.iter().find(|at| at.ip().is_unspecified()) {
        bail!(
            "--block-page {every} names no address of this machine: blocked names must lead to one, such as 10.0.0.5:80"
        );
    }
    let ips = || faces.block_page.iter().map(SocketAddr::ip);
    let v4 = ips().find_map(|ip| match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    let v6 = ips().find_map(|ip| match ip {
        IpAddr::V6(ip) => Some(ip),
        IpAddr::V4(_) => None,
    });
    Ok(match (v4, v6) {
        (None, None) => BlockAnswer::NxDomain,
        (v4, v6) => BlockAnswer::Page { v4, v6 },
    })
}

/// DNS over TLS and HTTPS under the school's own certificate, and the resolver's name answered by
/// itself.
fn encrypt(
    config: &mut DnsConfig,
    faces: &Faces,
    authority: &Arc<CertificateAuthority>,
    school: &School,
) -> anyhow::Result<()> {
    if faces.dot.is_empty() && faces.doh.is_empty() {
        return Ok(());
    }
    let name = own_certificate::host(faces.dns_name.as_deref(), school)?;
    let listening = faces.dot.iter().chain(&faces.doh).chain([&faces.dns]);
    let mut ips: Vec<IpAddr> = listening.map(SocketAddr::ip).collect();
    ips.retain(|ip| !ip.is_unspecified());
    ips.sort_unstable();
    ips.dedup();
    let addresses = ips.iter().map(ToString::to_string);
    let names = std::iter::once(name.to_string()).chain(addresses).collect();
    let v4 = ips.iter().find_map(|ip| match ip {
        IpAddr::V4(ip) => Some(*ip),
        IpAddr::V6(_) => None,
    });
    let v6 = ips.iter().find_map(|ip| match ip {
        IpAddr::V6(ip) => Some(*ip),
        IpAddr::V4(_) => None,
    });
    if !ips.is_empty() {
        config.local_names.push(LocalName {
            name: name.clone(),
            v4,
            v6,
        });
    }
    config.encrypted = Some(Encrypted {
        tls: faces.dot.clone(),
        https: faces.doh.clone(),
        certificate: Arc::new(OwnCertificate::new(Arc::clone(authority), names)?),
        name,
    });
    Ok(())
}
