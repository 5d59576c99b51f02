//! Whom the resolver and the proxy ask outside: as the command says, else as the pack in force says,
//! from the moment it comes into force.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::bail;
use async_trait::async_trait;
use pharos_dns::{Client, Looked, Upstream};
use pharos_proxy::{Addresses, Names, View};
use pharos_service::{App, School, WhenInForce};
use rustls::ClientConfig;
use tokio_util::sync::CancellationToken;

use super::proxy::extra_roots;
use crate::cli::Faces;

/// Has the resolver ask others.
pub(crate) type Change = Box<dyn Fn(&[Upstream], Option<Arc<ClientConfig>>) + Send + Sync>;

/// Those to ask: the command goes first.
pub(super) fn of(faces: &Faces, school: &School) -> Vec<Upstream> {
    if faces.dns_upstream.is_empty() {
        school.pack.upstreams().to_vec()
    } else {
        faces.dns_upstream.clone()
    }
}

/// The resolver's own way to the upstreams, for the proxy.
#[derive(Debug)]
struct ByUpstreams(Client);

#[async_trait]
impl Names for ByUpstreams {
    async fn look_up(&self, name: &str) -> io::Result<Addresses> {
        let Looked { v4, v6, ttl } = self.0.look_up(name).await?;
        Ok(Addresses { v4, v6, life: ttl })
    }
}

/// By what way the proxy finds origins: as the resolver asks outside. Where nobody is named, the
/// machine's resolvers are asked.
#[derive(Debug, Clone)]
pub(crate) struct ProxyNames(Arc<ByUpstreams>);

impl ProxyNames {
    /// `tls` is how encrypted ones of these upstreams are asked.
    pub(crate) fn start(
        upstreams: &[Upstream],
        tls: Option<Arc<ClientConfig>>,
        stop: &CancellationToken,
    ) -> io::Result<Self> {
        let client = Client::start(upstreams, tls, stop.clone())?;
        Ok(Self(Arc::new(ByUpstreams(client))))
    }

    /// To be asked for these upstreams; `None` where there are none.
    pub(crate) fn of(&self, upstreams: &[Upstream]) -> Option<Arc<dyn Names>> {
        (!upstreams.is_empty()).then(|| Arc::clone(&self.0) as Arc<dyn Names>)
    }
}

/// Follows the pack: what another version of it names is asked as soon as that is in force. `told`
/// is what was last told of the faces.
pub(super) fn follow(
    app: &App,
    faces: &Faces,
    change: Option<Change>,
    (proxy, names): (Option<View>, Option<ProxyNames>),
    told: pharos_service::Faces,
) {
    if !faces.dns_upstream.is_empty() {
        return;
    }
    let trust = faces.trust.clone();
    let last = Mutex::new(app.school().pack.upstreams().to_vec());
    app.tell_when_in_force(WhenInForce(Arc::new(move |app, school| {
        let upstreams = school.pack.upstreams();
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == upstreams {
            return;
        }
        let tls = match tls(upstreams, &trust) {
            Ok(tls) => tls,
            Err(error) => {
                tracing::error!(%error, "the resolvers of the new policy cannot be asked; those before still are");
                return;
            }
        };
        if let Some(names) = &names {
            names.0.0.change(upstreams, tls.clone());
            if let Some(proxy) = &proxy {
                proxy.ask_names(names.of(upstreams));
            }
        }
        if let Some(change) = &change {
            change(upstreams, tls);
        }
        app.tell_faces(pharos_service::Faces {
            dns_has_upstream: !upstreams.is_empty(),
            ..told.clone()
        });
        tracing::info!(count = upstreams.len(), "names are looked up where the new policy says");
        *last = upstreams.to_vec();
    })));
}

/// How certificates of encrypted upstreams are checked: by the machine's own roots and those told.
pub(crate) fn tls(
    upstreams: &[Upstream],
    trust: &[PathBuf],
) -> anyhow::Result<Option<Arc<ClientConfig>>> {
    if !upstreams.iter().any(Upstream::is_encrypted) {
        return Ok(None);
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(extra_roots(trust)?);
    if roots.is_empty() {
        bail!(
            "no certificate authority is trusted here, so no encrypted DNS upstream can be: install ca-certificates or give --trust FILE"
        );
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(Arc::new(config)))
}
