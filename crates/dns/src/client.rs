//! The way to the upstreams for whoever needs addresses and answers nobody: the proxy looks origins up
//! by it, so that names go out as the school said (over TLS, over HTTPS), never in the clear beside it.
//!
//! One thread of its own with the same lines to the upstreams as a worker has; nothing is kept here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
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
/// How long IPv4 is waited for once IPv6 is there. A network may tell of a way for IPv6 that leads nowhere
/// further on: IPv4 alone helps then, though it comes late.
const LATE: Duration = Duration::from_millis(500);

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// IPv4 addresses.
    pub v4: Vec<IpAddr>,
    /// IPv6 addresses.
    pub v6: Vec<IpAddr>,
    /// How long that may be remembered; `None` where nothing says so, or one kind did not come in time.
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
        let (v4, v6) = (self.ask(name, code::A), self.ask(name, code::AAAA));
        gather(v4, v6, leads_anywhere).await
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

/// Both kinds of address. Where those of one kind are there and `lead` somewhere from this machine, the
/// others are waited for only a moment (RFC 8305 section 3), whichever came first; what is known without
/// them says of itself that it is not to be remembered for long.
async fn gather(
    v4: impl Future<Output = io::Result<Response>>,
    v6: impl Future<Output = io::Result<Response>>,
    lead: impl Fn(&[IpAddr]) -> bool,
) -> io::Result<Looked> {
    let (v4, v6) = (std::pin::pin!(v4), std::pin::pin!(v6));
    let (mut first, mut second) = (v4, v6);
    let (v4, v6) = tokio::select! {
        v4 = &mut first => {
            let v6 = soon(&v4, second, SECOND, lead).await;
            (Some(v4), v6)
        }
        v6 = &mut second => {
            let v4 = soon(&v6, first, LATE, lead).await;
            (v4, Some(v6))
        }
    };
    let whole = v4.is_some() && v6.is_some();
    let mut looked = Looked::default();
    let mut fault = None;
    for (answer, into) in [(v4, &mut looked.v4), (v6, &mut looked.v6)] {
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
    looked.ttl = looked.ttl.filter(|_| whole);
    match fault {
        Some(error) if looked.v4.is_empty() && looked.v6.is_empty() => Err(error),
        _ => Ok(looked),
    }
}

/// The other kind of address; `None` where it did not come soon and can be done without.
async fn soon(
    known: &io::Result<Response>,
    mut other: Pin<&mut impl Future<Output = io::Result<Response>>>,
    moment: Duration,
    lead: impl Fn(&[IpAddr]) -> bool,
) -> Option<io::Result<Response>> {
    if let Ok(other) = tokio::time::timeout(moment, &mut other).await {
        return Some(other);
    }
    match known {
        Ok(known) if lead(&known.addresses) => None,
        _ => Some(other.await),
    }
}

/// Whether this machine has a way to any of these: on a network of one kind of address those of the
/// other lead nowhere. Nothing is sent.
fn leads_anywhere(addresses: &[IpAddr]) -> bool {
    addresses.iter().any(|address| {
        let any: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = std::net::UdpSocket::bind((any, 0));
        socket.is_ok_and(|socket| socket.connect((*address, 443)).is_ok())
    })
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

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn answer(addresses: &[&str]) -> io::Result<Response> {
        Ok(Response {
            addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
            ttl: Some(300),
            ..Response::default()
        })
    }

    fn gathered(
        v4: impl Future<Output = io::Result<Response>>,
        v6: impl Future<Output = io::Result<Response>>,
        lead: impl Fn(&[IpAddr]) -> bool,
    ) -> Looked {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(gather(v4, v6, lead)).unwrap()
    }

    /// FIL-16: whichever kind of address comes first and leads somewhere, the other is not waited for
    /// when it is lost, and what is known is not remembered for long.
    #[test]
    fn fil_16_a_lost_answer_of_either_kind_is_not_waited_for() {
        let (one, other) = (answer(&["192.0.2.1"]), answer(&["2001:db8::1"]));
        let looked = gathered(ready(one), pending(), |_| true);
        assert_eq!((looked.v4.len(), looked.v6.len(), looked.ttl), (1, 0, None));
        let looked = gathered(pending(), ready(other), |_| true);
        assert_eq!((looked.v4.len(), looked.v6.len(), looked.ttl), (0, 1, None));
    }

    /// FIL-16: where those that came lead nowhere from here, or there are none, the others are waited for.
    #[test]
    fn fil_16_addresses_that_lead_nowhere_do_not_stand_for_the_others() {
        let late = |answer| async {
            tokio::time::sleep(LATE * 2).await;
            answer
        };
        let only_v4_leads = |addresses: &[IpAddr]| addresses.iter().any(IpAddr::is_ipv4);
        let both = Looked {
            v4: vec!["192.0.2.1".parse().unwrap()],
            v6: vec!["2001:db8::1".parse().unwrap()],
            ttl: Some(Duration::from_secs(300)),
        };
        let v4 = late(answer(&["192.0.2.1"]));
        assert_eq!(
            gathered(v4, ready(answer(&["2001:db8::1"])), only_v4_leads),
            both
        );
        let v6 = late(answer(&["2001:db8::1"]));
        let none = gathered(ready(answer(&[])), v6, |addresses| !addresses.is_empty());
        assert_eq!((none.v4, none.v6), (vec![], both.v6));
    }

    /// Loopback is always to be reached; an address that no packet can be sent to is not.
    #[test]
    fn an_address_leads_somewhere_where_the_machine_has_a_way() {
        assert!(leads_anywhere(&[Ipv4Addr::LOCALHOST.into()]));
        assert!(!leads_anywhere(&["255.255.255.255".parse().unwrap()]));
        assert!(!leads_anywhere(&[]));
    }
}
