//! The way to the upstreams for whoever needs addresses and answers nobody: the proxy looks origins up
//! by it, so that names go out as the school said (over TLS, over HTTPS), never in the clear beside it.
//!
//! One thread of its own with the same lines to the upstreams as a worker has; nothing is kept here.

use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pharos_catalogue::Upstream;
use rustls::ClientConfig;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio_util::sync::CancellationToken;

use crate::cache::Clock;
use crate::config::Limits;
use crate::counts::Tally;
use crate::forward::{Lines, Upstreams, resolve};
use crate::wire::{Bytes, Ede, Response, code, name};

/// Questions that wait to be sent; whoever asks beyond that waits.
const WAITING_MAX: usize = 256;
/// Questions under way; beyond that they wait.
const UNDER_WAY_MAX: usize = 1_024;
/// How long the second kind of address is waited for once the first is there.
const SECOND: Duration = Duration::from_millis(150);

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// IPv4 addresses.
    pub v4: Vec<IpAddr>,
    /// IPv6 addresses.
    pub v6: Vec<IpAddr>,
    /// How long that may be remembered; `None` where nothing says so.
    pub ttl: Option<Duration>,
}

/// Asks upstreams for addresses.
#[derive(Debug)]
pub struct Client {
    questions: mpsc::Sender<Question>,
    upstreams: Arc<ArcSwap<Upstreams>>,
}

#[derive(Debug)]
struct Question {
    key: Bytes,
    answer: oneshot::Sender<Result<Response, Ede>>,
}

impl Client {
    /// Starts its thread, which ends with `stop` or with the client. `tls` checks the certificates of
    /// upstreams over TLS and HTTPS; without it those count as not to be reached.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        upstreams: &[Upstream],
        tls: Option<Arc<ClientConfig>>,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let upstreams = Arc::new(ArcSwap::from_pointee(Upstreams::new(upstreams, tls)));
        let (questions, asked) = mpsc::channel(WAITING_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let theirs = Arc::clone(&upstreams);
        std::thread::Builder::new()
            .name("dns-client".to_owned())
            .spawn(move || {
                let serving = serve(asked, theirs);
                LocalSet::new().block_on(&runtime, stop.run_until_cancelled(serving));
            })?;
        Ok(Self {
            questions,
            upstreams,
        })
    }

    /// Asks these from now on; questions under way are still answered by those before.
    pub fn change(&self, upstreams: &[Upstream], tls: Option<Arc<ClientConfig>>) {
        let upstreams = Upstreams::new(upstreams, tls);
        self.upstreams.store(Arc::new(upstreams));
    }

    /// The addresses of a name, both kinds; none where it has none. The longest wait is that for all
    /// upstreams in turn.
    ///
    /// # Errors
    /// When the name is none, or no upstream gave a usable answer.
    pub async fn look_up(&self, name: &str) -> io::Result<Looked> {
        let (mut v4, mut v6) = (
            std::pin::pin!(self.ask(name, code::A)),
            std::pin::pin!(self.ask(name, code::AAAA)),
        );
        let (first, second) = tokio::select! {
            first = &mut v4 => {
                let has_some = first.as_ref().is_ok_and(|answer| !answer.addresses.is_empty());
                let second = if has_some {
                    tokio::time::timeout(SECOND, v6).await.ok()
                } else {
                    Some(v6.await)
                };
                (Some(first), second)
            }
            second = &mut v6 => (Some(v4.await), Some(second)),
        };
        let mut looked = Looked::default();
        let mut fault = None;
        for (answer, into) in [(first, &mut looked.v4), (second, &mut looked.v6)] {
            match answer {
                Some(Ok(answer)) => {
                    into.extend(answer.addresses);
                    let ttl = answer.ttl.map(|ttl| Duration::from_secs(u64::from(ttl)));
                    looked.ttl = match (looked.ttl, ttl) {
                        (Some(one), Some(other)) => Some(one.min(other)),
                        (one, other) => one.or(other),
                    };
                }
                Some(Err(error)) => fault = Some(error),
                None => {}
            }
        }
        match fault {
            Some(error) if looked.v4.is_empty() && looked.v6.is_empty() => Err(error),
            _ => Ok(looked),
        }
    }

    async fn ask(&self, name: &str, kind: u16) -> io::Result<Response> {
        let mut key = name::from_dotted(name).ok_or(io::ErrorKind::InvalidInput)?;
        key.extend_from_slice(&kind.to_be_bytes());
        // Neither signatures nor unchecked answers are asked for.
        key.push(0);
        let (answer, heard) = oneshot::channel();
        let gone = |_| io::Error::other("the client of the upstreams has ended");
        let question = Question { key, answer };
        self.questions
            .send(question)
            .await
            .map_err(|_| io::Error::other("the client of the upstreams has ended"))?;
        heard
            .await
            .map_err(gone)?
            .map_err(|why| io::Error::other(format!("no upstream answered: {}", why.1)))
    }
}

/// Sends questions on their way until nobody is left to ask.
async fn serve(mut asked: mpsc::Receiver<Question>, upstreams: Arc<ArcSwap<Upstreams>>) {
    let (clock, tally) = (Rc::new(Clock::start()), Arc::new(Tally::default()));
    let patience = Limits::default().upstream_timeout;
    let room = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let mut lines = Rc::new(Lines::new(upstreams.load_full()));
    while let Some(Question { key, mut answer }) = asked.recv().await {
        let now = upstreams.load_full();
        if !Arc::ptr_eq(&now, lines.upstreams()) {
            lines = Rc::new(Lines::new(now));
        }
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let (lines, clock, tally) = (Rc::clone(&lines), Rc::clone(&clock), Arc::clone(&tally));
        spawn_local(async move {
            let _place = place;
            tokio::select! {
                // Nobody waits for it any more.
                () = answer.closed() => {}
                found = resolve(&clock, patience, &tally, &lines, &key) => drop(answer.send(found)),
            }
        });
    }
}
