//! Origin connections kept for the next request: per worker, keyed by origin, bounded.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use rapidhash::fast::RandomState;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use pharos_catalogue::Host;

use crate::body::Upload;
use crate::narrow::Dial;

/// Requests at once on one HTTP/2 connection: what most servers allow.
const STREAMS_MOST: usize = 100;
/// Origins remembered for the protocol they speak.
const KNOWN_MOST: usize = 4_096;

/// One origin: a connection to it may serve any request for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OriginKey {
    pub(crate) tls: bool,
    /// The host that is dialled, where it is not the host asked for: a search engine is narrowed.
    pub(crate) dial: Option<Box<str>>,
    /// The host that the certificate must name.
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
}

impl OriginKey {
    pub(crate) fn new(tls: bool, host: &Host, port: u16, dial: &Dial) -> Arc<Self> {
        let dial = match dial {
            Dial::Host => None,
            Dial::Name(name) => Some((*name).into()),
            Dial::Address(ip) => Some(ip.to_string().into()),
        };
        Arc::new(Self {
            tls,
            dial,
            host: host.as_str().into(),
            port,
        })
    }
}

/// A request on its way; its answer, or why none came, with the request where it was not sent.
pub(crate) type Sending =
    Pin<Box<dyn Future<Output = Result<Response<Incoming>, TrySendError<Request<Upload>>>> + Send>>;

/// A way to send requests to an origin.
pub(crate) enum Sender {
    /// HTTP/1.1: one request at a time.
    One(http1::SendRequest<Upload>),
    /// HTTP/2: many at once.
    Many(Shared),
}

/// One of the users of an HTTP/2 connection; the connection ends after the last.
#[derive(Clone)]
pub(crate) struct Shared {
    sender: http2::SendRequest<Upload>,
    users: Arc<()>,
}

impl Shared {
    pub(crate) fn new(sender: http2::SendRequest<Upload>) -> Self {
        Self {
            sender,
            users: Arc::default(),
        }
    }
}

impl Sender {
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Sender::One(sender) => sender.is_ready(),
            Sender::Many(shared) => shared.sender.is_ready(),
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Sender::One(sender) => sender.is_closed(),
            Sender::Many(shared) => shared.sender.is_closed(),
        }
    }

    /// Whether requests on it are written as HTTP/2 writes them.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Sender::Many(_))
    }

    /// Sends a request; boxed, as a request in the future of another takes its room over again.
    pub(crate) fn send(&mut self, request: Request<Upload>) -> Sending {
        match self {
            Sender::One(sender) => Box::pin(sender.try_send_request(request)),
            Sender::Many(shared) => Box::pin(shared.sender.try_send_request(request)),
        }
    }
}

struct Idle {
    sender: http1::SendRequest<Upload>,
    since: Instant,
}

/// An HTTP/2 connection, in use or not.
struct Open {
    shared: Shared,
    used: Instant,
}

impl Open {
    fn in_use(&self) -> usize {
        Arc::strong_count(&self.shared.users) - 1
    }

    fn is_stale(&self, patience: Duration) -> bool {
        self.shared.sender.is_closed() || (self.in_use() == 0 && self.used.elapsed() >= patience)
    }
}

#[derive(Default)]
struct Kept {
    one: HashMap<Arc<OriginKey>, Vec<Idle>, RandomState>,
    /// How many connections there are in `one`.
    ones: usize,
    many: HashMap<Arc<OriginKey>, Vec<Open>, RandomState>,
    /// Origins that were seen to speak HTTP/2: the next requests wait for one connection.
    speak_http2: HashSet<Arc<OriginKey>, RandomState>,
    /// Origins that answered over HTTP/2 that they want HTTP/1.1.
    want_http1: HashSet<Arc<OriginKey>, RandomState>,
}

impl Kept {
    fn count(&self) -> usize {
        self.ones + self.many.values().map(Vec::len).sum::<usize>()
    }

    fn drop_stale(&mut self, patience: Duration) {
        self.one.retain(|_, list| {
            list.retain(|entry| entry.since.elapsed() < patience && !entry.sender.is_closed());
            !list.is_empty()
        });
        self.ones = self.one.values().map(Vec::len).sum();
        self.many.retain(|_, list| {
            list.retain(|open| !open.is_stale(patience));
            !list.is_empty()
        });
        for known in [&mut self.speak_http2, &mut self.want_http1] {
            if known.len() > KNOWN_MOST {
                known.clear();
            }
        }
    }
}

/// The kept connections of one worker.
pub(crate) struct Pool {
    kept: Mutex<Kept>,
    per_origin: usize,
    most: usize,
    patience: Duration,
}

impl Pool {
    pub(crate) fn new(per_origin: usize, most: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::default(),
            per_origin,
            most,
            patience,
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A live connection to the origin, the most recently used first; where `http2` is wanted, a
    /// shared one before any other.
    pub(crate) fn take(&self, key: &OriginKey, http2: bool) -> Option<Sender> {
        let kept = &mut *self.kept();
        if http2
            && let Some(list) = kept.many.get_mut(key)
            && let Some(open) = list
                .iter_mut()
                .find(|open| !open.shared.sender.is_closed() && open.in_use() < STREAMS_MOST)
        {
            open.used = Instant::now();
            return Some(Sender::Many(open.shared.clone()));
        }
        // A list that is empty now stays for the next; the sweep takes it away.
        let list = kept.one.get_mut(key)?;
        while let Some(entry) = list.pop() {
            kept.ones -= 1;
            if entry.since.elapsed() < self.patience && entry.sender.is_ready() {
                return Some(Sender::One(entry.sender));
            }
        }
        None
    }

    /// Whether a live connection is kept: its certificate was good a moment ago.
    pub(crate) fn has(&self, key: &OriginKey, http2: bool) -> bool {
        let kept = self.kept();
        let one = kept.one.get(key).is_some_and(|list| {
            list.iter()
                .any(|entry| entry.since.elapsed() < self.patience && entry.sender.is_ready())
        });
        one || (http2
            && kept
                .many
                .get(key)
                .is_some_and(|list| list.iter().any(|open| !open.is_stale(self.patience))))
    }

    /// Keeps a connection; one that does not fit is closed after its last use.
    pub(crate) fn put(&self, key: Arc<OriginKey>, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let kept = &mut *self.kept();
        if let Sender::Many(shared) = &sender
            && let Some(list) = kept.many.get_mut(&key)
            && let Some(open) = list
                .iter_mut()
                .find(|open| Arc::ptr_eq(&open.shared.users, &shared.users))
        {
            open.used = Instant::now();
            return;
        }
        if kept.count() >= self.most {
            kept.drop_stale(self.patience);
            if kept.count() >= self.most {
                return;
            }
        }
        match sender {
            Sender::One(sender) => {
                let list = kept.one.entry(key).or_default();
                if list.len() < self.per_origin {
                    kept.ones += 1;
                    list.push(Idle {
                        sender,
                        since: Instant::now(),
                    });
                }
            }
            Sender::Many(shared) => {
                kept.speak_http2.insert(Arc::clone(&key));
                let list = kept.many.entry(key).or_default();
                if list.len() < self.per_origin {
                    list.push(Open {
                        shared,
                        used: Instant::now(),
                    });
                }
            }
        }
    }

    /// Whether the origin was seen to speak HTTP/2: one new connection will serve many requests.
    pub(crate) fn speaks_http2(&self, key: &OriginKey) -> bool {
        self.kept().speak_http2.contains(key)
    }

    /// The origin wants HTTP/1.1 for what was asked (RFC 9113, section 7, `HTTP_1_1_REQUIRED`).
    pub(crate) fn wants_http1(&self, key: &Arc<OriginKey>) {
        let mut kept = self.kept();
        kept.want_http1.insert(Arc::clone(key));
        kept.speak_http2.remove(key);
        kept.many.remove(key);
    }

    /// Whether HTTP/2 may be offered to the origin.
    pub(crate) fn may_speak_http2(&self, key: &OriginKey) -> bool {
        !self.kept().want_http1.contains(key)
    }

    /// Closes what has been unused for too long; called by the worker now and then.
    pub(crate) fn sweep(&self) {
        self.kept().drop_stale(self.patience);
    }
}

/// A client's own connection to an origin: one that carried NTLM or Negotiate for it.
pub(crate) type OwnOrigin = Arc<Mutex<Option<(Arc<OriginKey>, Sender)>>>;

/// Where a connection goes back to after its answer.
#[derive(Clone)]
pub(crate) enum Home {
    /// To all clients of the worker.
    Shared(Arc<Pool>),
    /// To this client's connection only: it carried NTLM or Negotiate.
    Own(OwnOrigin),
}

/// A connection in use.
pub(crate) struct Lease {
    pub(crate) sender: Sender,
    pub(crate) key: Arc<OriginKey>,
    pub(crate) home: Home,
    /// One of the places that an HTTP/2 client has on HTTP/1.1 connections.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// Puts the connection back as soon as it is ready for another request.
    pub(crate) fn give_back(self) {
        let Lease {
            sender,
            key,
            home,
            place,
        } = self;
        let mut sender = match sender {
            Sender::One(sender) if !sender.is_ready() => sender,
            ready => {
                keep(home, key, ready);
                // Whoever waits for the place finds the connection.
                drop(place);
                return;
            }
        };
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                keep(home, key, Sender::One(sender));
            }
            drop(place);
        });
    }
}

fn keep(home: Home, key: Arc<OriginKey>, sender: Sender) {
    match home {
        Home::Shared(pool) => pool.put(key, sender),
        Home::Own(slot) => {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, sender))
        }
    }
}
