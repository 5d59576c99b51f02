//! Running all faces in one process.

pub(crate) mod ai_tools;
mod dns;
mod intake;
mod mail;
mod noticed;
mod proxy;
mod public_name;
mod status;
mod upstreams;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use pharos_proxy::{CertificateAuthority, PacConfig, pac, trust_steps};
use pharos_service::{App, Prober, School, SystemClock};
use pharos_web::{PacFile, ProxyName};
use tokio_util::sync::CancellationToken;

pub(crate) use dns::start_dns;
use intake::{keep_network, remember_network, start_intake};
pub(crate) use mail::mailer;
use mail::post;
pub(crate) use proxy::{Behind, start_proxy};
use proxy::{ProxySignIn, words};
pub(crate) use upstreams::{ProxyNames, tls as upstream_tls};

use crate::cli::{Faces, Off, ServeArgs};
use crate::folder::Folder;
use crate::output::Output;
use crate::prober::{FaceProber, Listening};
use crate::watch::watched;
use crate::wire::{self, Opened};
use crate::{operator, ports, resident, sample, standby};

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
    let upstream_tls = upstreams::tls(&upstreams, &faces.trust)?;
    // The block page alone asks no origin, so that nobody need find any.
    let proxy_names = on(Off::Proxy)
        .then(|| ProxyNames::start(&upstreams, upstream_tls.clone(), &stop))
        .transpose()?;
    let names = proxy_names.as_ref().and_then(|names| names.of(&upstreams));
    let dns = on(Off::Dns)
        .then(|| {
            let own = Some((&authority, &*school));
            start_dns(
                faces,
                (upstreams, upstream_tls),
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
