//! Origin connections kept for the next request: per worker, keyed by origin, bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use pharos_catalogue::Host;

use crate::body::Upload;
use crate::narrow::Dial;

/// One origin: a connection to it may serve any request for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OriginKey {
    pub(crate) tls: bool,
    /// The host that is dialled: differs from the host asked for when a search engine is narrowed.
    pub(crate) dial: Box<str>,
    /// The host that the certificate must name.
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
}

impl OriginKey {
    pub(crate) fn new(tls: bool, host: &Host, port: u16, dial: &Dial) -> Self {
        let dial = match dial {
            Dial::Host => host.as_str().into(),
            Dial::Name(name) => (*name).into(),
            Dial::Address(ip) => ip.to_string().into(),
        };
        Self {
            tls,
            dial,
            host: host.as_str().into(),
            port,
        }
    }
}

pub(crate) type Sender = SendRequest<Upload>;

struct Idle {
    sender: Sender,
    since: Instant,
}

/// The kept connections of one worker.
pub(crate) struct Pool {
    idle: Mutex<HashMap<OriginKey, Vec<Idle>>>,
    per_origin: usize,
    most: usize,
    patience: Duration,
}

impl Pool {
    pub(crate) fn new(per_origin: usize, most: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            per_origin,
            most,
            patience,
        })
    }

    /// A live connection to the origin, the most recently used first.
    pub(crate) fn take(&self, key: &OriginKey) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let list = idle.get_mut(key)?;
        let found = loop {
            match list.pop() {
                Some(entry) if entry.since.elapsed() < self.patience && entry.sender.is_ready() => {
                    break Some(entry.sender);
                }
                Some(_) => {}
                None => break None,
            }
        };
        if list.is_empty() {
            idle.remove(key);
        }
        found
    }

    /// Whether a live connection is kept: its certificate was good a moment ago.
    pub(crate) fn has(&self, key: &OriginKey) -> bool {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.get(key).is_some_and(|list| {
            list.iter()
                .any(|entry| entry.since.elapsed() < self.patience && entry.sender.is_ready())
        })
    }

    /// Keeps a connection; one that does not fit is closed.
    pub(crate) fn put(&self, key: OriginKey, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.values().map(Vec::len).sum::<usize>() >= self.most {
            drop_stale(&mut idle, self.patience);
            if idle.values().map(Vec::len).sum::<usize>() >= self.most {
                return;
            }
        }
        let list = idle.entry(key).or_default();
        if list.len() < self.per_origin {
            list.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
    }

    /// Closes what has been unused for too long; called by the worker now and then.
    pub(crate) fn sweep(&self) {
        drop_stale(
            &mut self.idle.lock().unwrap_or_else(PoisonError::into_inner),
            self.patience,
        );
    }
}

fn drop_stale(idle: &mut HashMap<OriginKey, Vec<Idle>>, patience: Duration) {
    idle.retain(|_, list| {
        list.retain(|entry| entry.since.elapsed() < patience && !entry.sender.is_closed());
        !list.is_empty()
    });
}

/// Where a connection goes back to after its answer.
#[derive(Clone)]
pub(crate) enum Home {
    /// To all clients of the worker.
    Shared(Arc<Pool>),
    /// To this client's connection only: it carried NTLM or Negotiate.
    Own(Arc<Mutex<Option<(OriginKey, Sender)>>>),
}

/// A connection in use.
pub(crate) struct Lease {
    pub(crate) sender: Sender,
    pub(crate) key: OriginKey,
    pub(crate) home: Home,
}

impl Lease {
    /// Puts the connection back as soon as it is ready for another request.
    pub(crate) fn give_back(self) {
        let Lease {
            mut sender,
            key,
            home,
        } = self;
        if sender.is_ready() {
            keep(home, key, sender);
            return;
        }
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                keep(home, key, sender);
            }
        });
    }
}

fn keep(home: Home, key: OriginKey, sender: Sender) {
    match home {
        Home::Shared(pool) => pool.put(key, sender),
        Home::Own(slot) => {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, sender))
        }
    }
}
