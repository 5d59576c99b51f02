//! Serving while the records are away (FIL-17): resolver and proxy run on what was last known, the
//! technical team is told, and the start is tried again until it succeeds.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pharos_activity::BlockDesk;
use pharos_dns::Upstream;
use pharos_notify::{Kind, Post, Security};
use pharos_proxy::{HelpLine, SignInAnswer, Words};
use pharos_service::Desk;
use pharos_service::standby::{LastKnown, StoodBy, tell_technical};
use tokio_util::sync::CancellationToken;

use crate::cli::{Faces, Off};
use crate::output::Output;
use crate::serve::{
    Behind, ProxyNames, ai_tools, mailer, start_dns, start_proxy, upstream_tls, wait_for_the_end,
};
use crate::wire::{self, Ground, Grounded, Opened};

/// How often the start is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(3);

/// Serves on what was last known until the records answer. `None`: told to stop first.
pub(crate) async fn wait(
    mut ground: Ground,
    why: anyhow::Error,
    faces: &Faces,
    output: &mut Output,
) -> anyhow::Result<Option<Opened>> {
    tracing::error!(why = %format!("{why:#}"), "the records are away; the filter stands by");
    output.problem(&format!("the records cannot be used: {why:#}"));
    let StoodBy {
        known,
        footing,
        mut until,
    } = ground.stand_by()?;
    output.problem(&format!(
        "standing by: {}; the start is tried again every {} seconds",
        footing.says(),
        AGAIN_AFTER.as_secs()
    ));
    let standing = Standing::start(&ground, known.as_ref(), faces, output)?;
    let alarm = Alarm::of(known.as_ref(), faces);
    alarm.tell(Kind::FilterStandby).await;
    let end = wait_for_the_end();
    tokio::pin!(end);
    loop {
        tokio::select! {
            ended = &mut end => {
                standing.stop().await;
                ground.close();
                return ended.map(|()| None);
            }
            () = tokio::time::sleep(AGAIN_AFTER) => {}
        }
        if until.is_some_and(|until| until <= ground.now()) {
            // A search tool's assessment has run out while the records were away (SRCH-03).
            match ground.stand_by() {
                Ok(stood) => until = stood.until,
                Err(error) => tracing::error!(%error, "what runs out today cannot be closed yet"),
            }
        }
        match ground.rise().await.map_err(|fallen| *fallen) {
            Ok(opened) => {
                standing.stop().await;
                alarm.tell(Kind::FilterBack).await;
                output.say("The records answer again.");
                return Ok(Some(opened));
            }
            Err((same, Grounded::ForNow(error))) => {
                tracing::warn!(error = %format!("{error:#}"), "the records are still away");
                ground = same;
            }
            Err((same, Grounded::ForGood(error))) => {
                standing.stop().await;
                same.close();
                return Err(error);
            }
        }
    }
}

/// The two faces that go on.
struct Standing {
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Standing {
    fn start(
        ground: &Ground,
        known: Option<&LastKnown>,
        faces: &Faces,
        output: &mut Output,
    ) -> anyhow::Result<Self> {
        let (stop, mut tasks) = (CancellationToken::new(), Vec::new());
        let on = |face| !faces.off.contains(&face);
        let school = known.map_or("The school", |known| known.school.as_str());
        let upstreams: Vec<Upstream> = if faces.dns_upstream.is_empty() {
            let written = known.iter().flat_map(|known| &known.upstreams);
            written.filter_map(|written| written.parse().ok()).collect()
        } else {
            faces.dns_upstream.clone()
        };
        let tls = upstream_tls(&upstreams, &faces.trust)?;
        if on(Off::Proxy) || !faces.block_page.is_empty() {
            let names = on(Off::Proxy)
                .then(|| ProxyNames::start(&upstreams, tls.clone(), &stop))
                .transpose()?;
            let authority = wire::authority(ground.folder(), school, Vec::new())?;
            let web_url = web_url(faces);
            let behind = Behind {
                words: words(school, known),
                intranet: Vec::new(),
                web_url: &web_url,
                authority: &authority,
                names: names.and_then(|names| names.of(&upstreams)),
                filter: ground.filter(),
                desk: Arc::new(Desk::default()) as Arc<dyn BlockDesk>,
                sign_in: Arc::new(NobodySignsIn),
                tools: Arc::new(ai_tools::known(faces.ai_tools.as_deref())?.into()),
                view: None,
            };
            let at = start_proxy(faces, behind, &ground.sink, &stop, &mut tasks)?;
            if let Some(at) = at.proxy {
                output.say(format!("  proxy   {at} (standing by)"));
            }
        }
        if on(Off::Dns) {
            let (filter, sink) = (ground.filter(), &ground.sink);
            let asked = (upstreams, tls);
            let at = start_dns(faces, asked, filter, None, sink, &stop, &mut tasks)?;
            output.say(format!("  DNS     {} (standing by)", at.plain));
        }
        Ok(Self { stop, tasks })
    }

    async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a face ended with a fault");
            }
        }
    }
}

fn words(school: &str, known: Option<&LastKnown>) -> Words {
    let lines = known.into_iter().flat_map(|known| &known.help_lines);
    Words {
        school: school.to_owned(),
        help_lines: lines
            .map(|(name, reach)| HelpLine {
                name: name.clone(),
                reach: reach.clone(),
                url: None,
            })
            .collect(),
        ..Words::default()
    }
}

fn web_url(faces: &Faces) -> String {
    let told = faces.web_url.clone();
    told.unwrap_or_else(|| format!("http://{}", faces.web))
        .trim_end_matches('/')
        .to_owned()
}

/// Accounts lie in the records: until they answer, nobody can prove who they are.
struct NobodySignsIn;

#[async_trait]
impl pharos_proxy::SignIn for NobodySignsIn {
    async fn check(&self, _: &str, _: &str, _: IpAddr) -> SignInAnswer {
        SignInAnswer::Later
    }
}

/// The way to the technical team that needs no records.
struct Alarm {
    post: Option<Arc<dyn Post>>,
    technical: Vec<String>,
}

impl Alarm {
    fn of(known: Option<&LastKnown>, faces: &Faces) -> Self {
        let mail = known.and_then(|known| known.mail.as_ref());
        let post = mail.and_then(|mail| {
            let security = match mail.tls.as_str() {
                "none" => Security::None,
                "starttls" => Security::StartTls,
                _ => Security::Tls,
            };
            mailer(
                &mail.smtp,
                security,
                &mail.from,
                mail.user.as_deref(),
                &web_url(faces),
            )
            .inspect_err(|error| tracing::error!(%error, "no mail can be sent"))
            .ok()
        });
        let technical = known
            .map(|known| known.technical.clone())
            .unwrap_or_default();
        Self { post, technical }
    }

    async fn tell(&self, kind: Kind) {
        let Some(post) = &self.post else {
            tracing::error!(
                "no mail server is known: the technical team hears of this from the log alone"
            );
            return;
        };
        let now = jiff::Timestamp::now();
        let reached = tell_technical(post.as_ref(), &self.technical, kind, now).await;
        tracing::info!(reached, "the technical team was told");
    }
}
