//! Running all faces in one process.

pub(crate) mod ai_tools;
mod dns;
mod noticed;
mod public_name;
mod status;
mod upstreams;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, bail};
use async_trait::async_trait;
use pharos_activity::Sink;
use pharos_filter::Filter;
use pharos_notify::{BaseUrl, Credentials, MailSettings, Mailer, Post, Security};
use pharos_pack::MailTls;
use pharos_proxy::{
    CertificateAuthority, Fixed, HelpLine, PacConfig, ProxyConfig, SignInAnswer, Transparent,
    Words, pac, trust_steps,
};
use pharos_scan::tools::LiveTools;
use pharos_service::{App, Prober, School, SystemClock};
use pharos_web::{PacFile, ProxyName};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_util::sync::CancellationToken;

pub(crate) use dns::start_dns;
pub(crate) use upstreams::ProxyNames;

use crate::cli::{Faces, Off, ServeArgs};
use crate::folder::Folder;
use crate::output::Output;
use crate::prober::{FaceProber, Listening};
use crate::watch::watched;
use crate::wire::{self, Opened};
use crate::{descriptors, operator, ports, resident, sample, standby};

/// `pharos serve`
pub(crate) async fn run(args: ServeArgs, output: &mut Output) -> anyhow::Result<u8> {
    let ground = wire::ground(Folder::open(&args.data)?, "serve", Arc::new(SystemClock))?;
    let opened = match ground.rise().await.map_err(|fallen| *fallen) {
        Ok(opened) => opened,
        Err((ground, wire::Grounded::ForGood(error))) => {
            ground.close();
            return Err(error);
        }
        Err((ground, wire::Grounded::ForNow(error))) => {
            match standby::wait(ground, error, &args.faces, output).await? {
                Some(opened) => opened,
                None => return Ok(0),
            }
        }
    };
    let opened = Arc::new(opened);
    for sentence in &opened.recovered {
        output.problem(&format!("put right at start: {sentence}"));
    }
    for sentence in &opened.refusing {
        output.problem(&format!("EVERYTHING IS REFUSED: {sentence}"));
    }
    let running = start(&opened, &args.faces, Mail::Send).await?;
    output.say(format!("Pharos runs for {}.", opened.app.school().name));
    running.tell(output);
    if let Err(error) = resident::let_go_of_the_start() {
        tracing::debug!(%error, "what only the start needed stays in memory");
    }
    wait_for_the_end().await?;
    running.stop().await;
    finish(opened).await;
    Ok(0)
}

/// Closes the data folder when nothing uses it any more.
pub(crate) async fn finish(opened: Arc<Opened>) {
    opened.close().await;
}

/// Ctrl-C or the service manager's stop.
pub(crate) async fn wait_for_the_end() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done.context("Ctrl-C cannot be heard"),
        _ = terminate.recv() => Ok(()),
    }
}

/// The faces while they run.
pub(crate) struct Running {
    pub(crate) web: Option<SocketAddr>,
    pub(crate) proxy: Option<SocketAddr>,
    pub(crate) dns: Option<SocketAddr>,
    pub(crate) block_page: Option<SocketAddr>,
    pub(crate) radius: Option<SocketAddr>,
    pub(crate) syslog: Option<SocketAddr>,
    pub(crate) dot: Option<SocketAddr>,
    pub(crate) doh: Option<SocketAddr>,
    pub(crate) has_upstreams: bool,
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Where everything listens.
    pub(crate) fn tell(&self, output: &mut Output) {
        let mut line = |what: &str, at: Option<SocketAddr>| {
            output.say(match at {
                Some(at) => format!("  {what:<10} {at}"),
                None => format!("  {what:<10} off"),
            });
        };
        line("pages", self.web);
        line("proxy", self.proxy);
        if let Some(page) = self.block_page {
            line("block page", Some(page));
        }
        if let Some(radius) = self.radius {
            line("RADIUS", Some(radius));
        }
        if let Some(syslog) = self.syslog {
            line("syslog", Some(syslog));
        }
        line("DNS", self.dns);
        if self.dot.is_some() {
            line("DoT", self.dot);
        }
        if self.doh.is_some() {
            line("DoH", self.doh);
        }
        if self.dns.is_some() && !self.has_upstreams {
            output.say("  DNS has no upstream (--dns-upstream ADDR): it answers what the filter decides, and nothing from outside.");
        }
    }

    /// Stops all faces and waits for them.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a face ended with a fault");
            }
        }
    }
}

/// Whether notices leave the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mail {
    /// By the pack's mail server.
    Send,
    /// They wait in the queue: a sample school writes to nobody.
    Keep,
}

/// Starts every face that is on. The filter has its snapshot already: no face answers before that.
pub(crate) async fn start(
    opened: &Arc<Opened>,
    faces: &Faces,
    mail: Mail,
) -> anyhow::Result<Running> {
    let faces = &Faces {
        web: ports::settle(faces.web)
            .with_context(|| format!("no page can be served on {}", faces.web))?,
        proxy: ports::settle(faces.proxy)
            .with_context(|| format!("the proxy cannot listen on {}", faces.proxy))?,
        ..faces.clone()
    };
    let app = &opened.app;
    let school = app.school();
    let stop = CancellationToken::new();
    let mut tasks = Vec::new();
    remember_network(opened);
    let sink = watched(app, Arc::clone(&opened.sink), &stop, &mut tasks);
    let on = |face| !faces.off.contains(&face);
    let web_url = web_url(faces, &school);
    app.tell_web_url(web_url.clone());
    if faces.web_url.is_some() {
        // The pages' own name stays reachable: the policy in force has to know it.
        app.rebuild().await?;
    }
    let authority = wire::authority(&opened.folder, &school.name, sample::never_sign(&school))?;

    let upstreams = upstreams::of(faces, &school);
    let has_upstreams = !upstreams.is_empty();
    let proxy_names = ProxyNames::start(&upstreams, &faces.trust, &stop)?;
    let names = proxy_names.of(&upstreams);
    let dns = on(Off::Dns)
        .then(|| {
            let own = Some((&authority, &*school));
            start_dns(
                faces,
                upstreams,
                app.filter(),
                own,
                &sink,
                &stop,
                &mut tasks,
            )
        })
        .transpose()?;
    let (dns, dot, doh, dns_view, change) = match dns {
        Some(at) => (
            Some(at.plain),
            at.tls,
            at.https,
            Some(at.view),
            Some(at.change),
        ),
        None => (None, None, None, None, None),
    };
    app.know_tools(ai_tools::own(faces.ai_tools.as_deref())?)?;
    if let Err(error) = app.recount_mail().await {
        tracing::warn!(%error, "how long pupils were at mail today could not be counted anew");
    }
    let proxied = (on(Off::Proxy) || !faces.block_page.is_empty())
        .then(|| {
            let behind = Behind {
                words: words(&school),
                intranet: school.pack.school.domains.clone(),
                web_url: &web_url,
                authority: &authority,
                names,
                filter: app.filter(),
                desk: app.desk(),
                sign_in: Arc::new(ProxySignIn(app.clone())),
                tools: app.tools(),
                view: Some(&opened.proxy),
            };
            start_proxy(faces, behind, &sink, &stop, &mut tasks)
        })
        .transpose()?;
    let (proxy, block_page, transparent) = match proxied {
        Some(at) => (at.proxy, at.block_page, at.transparent),
        None => (None, None, Vec::new()),
    };

    if let Some(view) = opened.proxy.get() {
        noticed::tell(app, view);
    }
    let intake = start_intake(faces, opened, &school, &sink, &stop, &mut tasks).await?;
    let told = pharos_service::Faces {
        dns: dns.is_some(),
        dns_has_upstream: has_upstreams,
        doh: doh.is_some(),
        block_page: block_page.is_some(),
        proxy: proxy.is_some(),
        inspects: proxy.is_some(),
        transparent: !faces.transparent.is_empty(),
        jobs: on(Off::Jobs),
        radius: intake.radius.is_some(),
        syslog: intake.syslog.is_some(),
        lease_files: school.pack.network.leases.len(),
    };
    app.tell_faces(told.clone());
    let asking = (opened.proxy.get().cloned(), proxy_names);
    upstreams::follow(app, faces, change, asking, told);

    let listening = Listening {
        dns: dns.into_iter().collect(),
        dot: dot.into_iter().collect(),
        doh: doh.into_iter().collect(),
        proxy: proxy.into_iter().collect(),
        transparent,
        tproxy: faces.tproxy,
        dns_name: dns_name(faces, &school),
    };
    let prober = FaceProber::new(listening, &authority, app.desk(), &web_url)?;
    let prober: Arc<dyn Prober> = Arc::new(prober);
    // Set once: a second start in one process keeps the first, which is the same faces.
    drop(opened.prober.set(Arc::clone(&prober)));

    let web = match on(Off::Web) {
        true => Some(start_web(faces, proxy, &authority, app, &prober, &stop, &mut tasks).await?),
        false => None,
    };
    app.tell_running(status::ask(status::Asked {
        listens: vec![
            (status::RESOLVER, Vec::from_iter(dns)),
            ("Resolver, encrypted", dot.into_iter().chain(doh).collect()),
            (status::PROXY, Vec::from_iter(proxy)),
            ("Proxy, transparent", faces.transparent.clone()),
            ("Block page", Vec::from_iter(block_page)),
            ("Pages", Vec::from_iter(web)),
            ("RADIUS", Vec::from_iter(intake.radius)),
            ("Syslog", Vec::from_iter(intake.syslog)),
        ],
        dns: dns_view,
        proxy: opened.proxy.get().cloned(),
        doh: doh.map(|at| {
            let name = crate::own_certificate::name(faces.dns_name.as_deref(), &school);
            match at.port() {
                443 => format!("https://{name}"),
                port => format!("https://{name}:{port}"),
            }
        }),
        folder: opened.folder.path.clone(),
    }));
    if on(Off::Jobs) {
        let post = match mail {
            Mail::Send => post(&school, &web_url)?,
            Mail::Keep => None,
        };
        let jobs = pharos_jobs::Jobs {
            app: app.clone(),
            post,
            prober,
        };
        tasks.push(tokio::spawn(pharos_jobs::run(jobs, stop.clone())));
    }
    tasks.push(operator::listen(
        &opened.folder.socket(),
        Arc::clone(opened),
        stop.clone(),
    )?);
    tasks.push(tokio::spawn(keep_network(Arc::clone(opened), stop.clone())));
    Ok(Running {
        web,
        proxy,
        block_page,
        dns,
        radius: intake.radius,
        syslog: intake.syslog,
        dot,
        doh,
        has_upstreams,
        stop,
        tasks,
    })
}

/// The name in the certificate of the encrypted resolver, where there is one.
fn dns_name(faces: &Faces, school: &School) -> Option<String> {
    if faces.dot.is_empty() && faces.doh.is_empty() {
        return None;
    }
    let name = crate::own_certificate::host(faces.dns_name.as_deref(), school).ok()?;
    Some(name.to_string())
}

/// Where intake listens.
struct Listens {
    radius: Option<SocketAddr>,
    syslog: Option<SocketAddr>,
}

/// What other machines tell: files of leases, RADIUS accounting, syslog.
async fn start_intake(
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

fn remember_network(opened: &Opened) {
    match opened.folder.read_secret(NETWORK_FILE) {
        Ok(Some(bytes)) => opened.app.remember_network(&bytes),
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%error, "what was known of devices cannot be opened; it is learnt anew");
        }
    }
}

/// Writes what is known of devices every few minutes, and at the end.
async fn keep_network(opened: Arc<Opened>, stop: CancellationToken) {
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

async fn start_web(
    faces: &Faces,
    proxy: Option<SocketAddr>,
    authority: &CertificateAuthority,
    app: &App,
    prober: &Arc<dyn Prober>,
    stop: &CancellationToken,
    tasks: &mut Vec<tokio::task::JoinHandle<()>>,
) -> anyhow::Result<SocketAddr> {
    let direct = app.school().pack.school.domains.clone();
    let name = match proxy {
        None => ProxyName::None,
        Some(at) => match public_name::of_proxy(faces.proxy_name.as_deref(), at, app.web_url()) {
            Some(name) => ProxyName::Told(name),
            None => ProxyName::AsAsked(at.port()),
        },
    };
    let config = pharos_web::Config {
        listen: faces.web,
        secure_cookies: faces
            .web_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://")),
        behind: faces.web_behind.clone(),
        own: vec![faces.proxy.ip(), faces.web.ip()],
        limits: pharos_web::Limits::default(),
        network: pharos_web::NetworkFacts {
            proxy: name,
            certificate_pem: authority.certificate_pem().to_owned(),
            certificate_der: authority.certificate_der().to_vec(),
            fingerprint: authority.fingerprint(),
            pac: PacFile(Some(Arc::new(move |proxy| {
                pac(&PacConfig {
                    proxy: proxy.to_owned(),
                    fallbacks: Vec::new(),
                    direct: direct.clone(),
                })
            }))),
            trust: trust_steps()
                .iter()
                .map(|steps| pharos_web::TrustSteps {
                    platform: steps.platform.to_owned(),
                    steps: steps.steps.iter().map(ToString::to_string).collect(),
                })
                .collect(),
        },
        prober: Some(Arc::clone(prober)),
    };
    let running = pharos_web::start(config, app.clone(), stop.clone())
        .await
        .with_context(|| format!("the pages cannot listen on {}", faces.web))?;
    let at = running.address;
    tasks.push(tokio::spawn(async move {
        if let Err(error) = running.join.await {
            tracing::error!(%error, "the pages ended with a fault");
        }
    }));
    Ok(at)
}

/// The school's words for block pages.
fn words(school: &School) -> Words {
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

/// The address of the pages for links: as told, as the pack says, else where they listen.
fn web_url(faces: &Faces, school: &School) -> String {
    let told = faces.web_url.clone().or_else(|| {
        school
            .pack
            .network
            .web
            .clone()
            .filter(|_| !faces.web.ip().is_loopback())
    });
    told.unwrap_or_else(|| format!("http://{}", faces.web))
        .trim_end_matches('/')
        .to_owned()
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

fn extra_roots(files: &[impl AsRef<Path>]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
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

/// The mail server, by its parts; its password comes from the environment, never from a file.
fn post(school: &School, web_url: &str) -> anyhow::Result<Option<Arc<dyn Post>>> {
    let Some(mail) = &school.pack.mail else {
        return Ok(None);
    };
    let security = match mail.tls {
        MailTls::None => Security::None,
        MailTls::StartTls => Security::StartTls,
        MailTls::Tls => Security::Tls,
    };
    mailer(
        &mail.smtp,
        security,
        &mail.from,
        mail.user.as_deref(),
        web_url,
    )
    .map(Some)
}

pub(crate) fn mailer(
    smtp: &str,
    security: Security,
    from: &str,
    user: Option<&str>,
    web_url: &str,
) -> anyhow::Result<Arc<dyn Post>> {
    let wrong = || format!("[mail] smtp = {smtp:?} is not host:port");
    let (host, port) = smtp.rsplit_once(':').with_context(wrong)?;
    let web: BaseUrl = web_url.parse()?;
    let credentials = user.map(|user| Credentials {
        user: user.to_owned(),
        password: std::env::var("PHAROS_SMTP_PASSWORD")
            .unwrap_or_default()
            .into(),
    });
    let settings = MailSettings {
        host: host.to_owned(),
        port: port.parse().with_context(wrong)?,
        security,
        credentials,
        from: from.to_owned(),
        web,
        trust: None,
        limit: std::time::Duration::from_secs(30),
    };
    Ok(Arc::new(Mailer::new(settings)?))
}

/// The proxy's own sign-in asks the school's accounts.
struct ProxySignIn(App);

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
