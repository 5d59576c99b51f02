//! Starting the proxy, or only its block page: whom it asks, what it says, whom it trusts.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, bail};
use async_trait::async_trait;
use pharos_activity::Sink;
use pharos_filter::Filter;
use pharos_proxy::{
    CertificateAuthority, Fixed, HelpLine, ProxyConfig, SignInAnswer, Transparent, Words,
};
use pharos_scan::tools::LiveTools;
use pharos_service::{App, School};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_util::sync::CancellationToken;

use super::{ai_tools, public_name};
use crate::cli::{Faces, Off};
use crate::descriptors;

/// What stands behind the proxy.
pub(crate) struct Behind<'a> {
    pub(crate) words: Words,
    pub(crate) intranet: Vec<String>,
    pub(crate) web_url: &'a str,
    pub(crate) authority: &'a Arc<CertificateAuthority>,
    /// Who finds the addresses of names; `None` for the resolvers of the machine.
    pub(crate) names: Option<Arc<dyn pharos_proxy::Names>>,
    pub(crate) filter: &'a Arc<Filter>,
    pub(crate) desk: Arc<dyn pharos_activity::BlockDesk>,
    pub(crate) sign_in: Arc<dyn pharos_proxy::SignIn>,
    /// The tools of generative AI that are known.
    pub(crate) tools: Arc<LiveTools>,
    /// Where what the proxy tells of itself is put.
    pub(crate) view: Option<&'a OnceLock<pharos_proxy::View>>,
}

/// Where the proxy listens, and its block page for blocked names.
pub(crate) struct ProxyAt {
    pub(crate) proxy: Option<SocketAddr>,
    pub(crate) block_page: Option<SocketAddr>,
    /// Where the network sends connections.
    pub(crate) transparent: Vec<SocketAddr>,
}

/// Starts the proxy, or where it is off only the block page for blocked names.
pub(crate) fn start_proxy(
    faces: &Faces,
    behind: Behind<'_>,
    sink: &Arc<dyn Sink>,
    stop: &CancellationToken,
    tasks: &mut Vec<tokio::task::JoinHandle<()>>,
) -> anyhow::Result<ProxyAt> {
    let off = faces.off.contains(&Off::Proxy);
    let transparent = faces.transparent.iter().map(|listen| Transparent {
        listen: *listen,
        tproxy: faces.tproxy,
    });
    let limits = pharos_proxy::Limits::default();
    let config = ProxyConfig {
        limits: pharos_proxy::Limits {
            connections: limits.connections.min(descriptors::share().proxy),
            ..limits
        },
        transparent: transparent.filter(|_| !off).collect(),
        block_pages: faces.block_page.clone(),
        names: behind.names,
        listen: Vec::from_iter((!off).then_some(faces.proxy)),
        web: behind.web_url.to_owned(),
        public: public_name::of_proxy(faces.proxy_name.as_deref(), faces.proxy, behind.web_url)
            .unwrap_or_default(),
        intranet: behind.intranet,
        words: behind.words,
        authority: Some(Arc::clone(behind.authority)),
        allow_private_origins: faces.allow_private_origins,
        fixed: fixed(&faces.fix)?,
        extra_roots: extra_roots(&faces.trust)?,
        dictionaries: Some(Arc::new(pharos_scan::Dictionaries::built_in()?)),
        tools: Some(behind.tools),
        watch: Some(Arc::new(ai_tools::watch_list()?)),
        ..ProxyConfig::default()
    };
    let running = pharos_proxy::start(
        config,
        Arc::clone(behind.filter),
        Arc::clone(sink),
        behind.desk,
        behind.sign_in,
        stop.clone(),
    )
    .context("the proxy cannot listen")?;
    let at = ProxyAt {
        proxy: running.addresses().first().copied().filter(|_| !off),
        block_page: running.block_pages().first().copied(),
        transparent: running.addresses().iter().skip(1).copied().collect(),
    };
    if let Some(view) = behind.view {
        // Set once, as the prober is.
        drop(view.set(running.view()));
    }
    tasks.push(tokio::task::spawn_blocking(move || running.join()));
    Ok(at)
}

/// The school's words for block pages.
pub(super) fn words(school: &School) -> Words {
    let pack = &school.pack;
    let line = |help: &pharos_pack::HelpService| HelpLine {
        name: help.name.clone(),
        reach: help
            .call
            .clone()
            .or_else(|| help.about.clone())
            .unwrap_or_default(),
        url: help.sites.first().map(|site| format!("https://{site}/")),
    };
    Words {
        school: school.name.clone(),
        pupil: pack.words.word("pupil").to_owned(),
        lead: format!("the {}", pack.words.word("lead")),
        adult: school.adult_to_tell(),
        help_lines: pack.help.iter().map(line).collect(),
        ..Words::default()
    }
}

fn fixed(told: &[String]) -> anyhow::Result<BTreeMap<String, Fixed>> {
    told.iter()
        .map(|text| {
            let wrong = || anyhow::anyhow!("--fix {text:?} is not host=ip or host=ip:port");
            let (host, to) = text.split_once('=').ok_or_else(wrong)?;
            let fixed = match (to.parse::<SocketAddr>(), to.parse::<IpAddr>()) {
                (Ok(socket), _) => Fixed {
                    ip: socket.ip(),
                    port: Some(socket.port()),
                },
                (_, Ok(ip)) => Fixed { ip, port: None },
                _ => return Err(wrong()),
            };
            Ok((host.to_lowercase(), fixed))
        })
        .collect()
}

pub(super) fn extra_roots(
    files: &[impl AsRef<Path>],
) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let mut roots = Vec::new();
    for file in files {
        let file = file.as_ref();
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(file)
            .with_context(|| format!("{} cannot be read", file.display()))?
        {
            roots.push(
                certificate
                    .with_context(|| format!("{} holds a damaged certificate", file.display()))?,
            );
        }
        if roots.len() == before {
            bail!("{} holds no certificate in PEM form", file.display());
        }
    }
    Ok(roots)
}

/// The proxy's own sign-in asks the school's accounts.
pub(super) struct ProxySignIn(pub(super) App);

#[async_trait]
impl pharos_proxy::SignIn for ProxySignIn {
    async fn check(&self, user: &str, password: &str, from: IpAddr) -> SignInAnswer {
        match self.0.check_name_and_password(user, password, from).await {
            Ok(Some(person)) => SignInAnswer::Right(person),
            Ok(None) => SignInAnswer::Wrong,
            Err(pharos_service::Error::Throttled { .. }) => SignInAnswer::Later,
            Err(error) => {
                tracing::warn!(%error, "a sign-in over the proxy could not be checked");
                SignInAnswer::Later
            }
        }
    }
}
