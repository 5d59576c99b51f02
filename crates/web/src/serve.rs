//! Connections, within bounds: a slow or greedy client is closed or turned away and takes nothing
//! from the other faces of the process.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::behind::Behind;
use crate::state::OwnSide;

/// How long answers under way may go on when the pages stop.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 49\r\nRetry-After: 5\r\nConnection: close\r\n\r\nToo many connections are open. Please try again.\n";

/// Bounds of what clients may hold open.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections in all. Each takes one descriptor of the process, which the other faces need too.
    pub connections: usize,
    /// Connections from one address; web servers in front are not bound by it.
    pub connections_per_address: usize,
    /// How long the head of a request may take, and how long a connection may wait for one.
    pub head_time: Duration,
    /// How long a client may take none of an answer.
    pub stall_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 400,
            connections_per_address: 48,
            head_time: Duration::from_secs(20),
            stall_time: Duration::from_secs(30),
        }
    }
}

/// Accepts until the token is cancelled, then lets the answers under way be given.
pub(crate) async fn serve(
    listener: TcpListener,
    pages: Router,
    behind: Behind,
    limits: Limits,
    stop: CancellationToken,
) {
    let (doors, tasks) = (Arc::new(Doors::default()), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let alone = !behind.is_front(peer.ip());
                let Some(door) = doors.open(peer.ip().to_canonical(), alone, &limits) else {
                    // One try: a connection too many gets no more of our time than this.
                    drop(stream.try_write(TURNED_AWAY));
                    continue;
                };
                let (pages, stop) = (pages.clone(), stop.clone());
                tasks.spawn(async move {
                    talk(stream, peer, pages, limits, stop).await;
                    drop(door);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the pages could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(LAST_WORDS, tasks.wait())
        .await
        .is_err()
    {
        tracing::debug!("connections to the pages that are still open are cut off");
    }
}

async fn talk(
    stream: TcpStream,
    peer: SocketAddr,
    pages: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    drop(stream.set_nodelay(true));
    let own = stream.local_addr().ok().map(|local| OwnSide(local.ip()));
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        if let Some(own) = own {
            request.extensions_mut().insert(own);
        }
        pages.clone().oneshot(request)
    });
    let io = TokioIo::new(Patient::new(stream, limits.stall_time));
    let mut talk = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(io, service)
    );
    let ended = tokio::select! {
        ended = talk.as_mut() => ended,
        () = stop.cancelled() => {
            talk.as_mut().graceful_shutdown();
            talk.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the pages ended early");
    }
}

/// Open connections: in all and by address.
#[derive(Default)]
struct Doors(Mutex<Open>);

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    turned_away: u64,
}

impl Doors {
    fn open(self: &Arc<Self>, from: IpAddr, alone: bool, limits: &Limits) -> Option<Door> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = open.by_address.get(&from).copied().unwrap_or(0);
        let too_many = alone && here >= limits.connections_per_address;
        if open.all >= limits.connections || too_many {
            open.turned_away += 1;
            if open.turned_away.is_power_of_two() {
                let so_far = open.turned_away;
                tracing::warn!(
                    so_far,
                    "the pages turned connections away: too many are open"
                );
            }
            return None;
        }
        open.all += 1;
        open.by_address.insert(from, here + 1);
        Some(Door {
            doors: Arc::clone(self),
            from,
        })
    }
}

/// One open connection, counted until dropped.
struct Door {
    doors: Arc<Doors>,
    from: IpAddr,
}

impl Drop for Door {
    fn drop(&mut self) {
        let mut open = self.doors.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        if let Some(here) = open.by_address.get_mut(&self.from) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                open.by_address.remove(&self.from);
            }
        }
    }
}

/// A stream whose client is let go when it takes nothing for too long.
struct Patient<S> {
    io: S,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(io: S, patience: Duration) -> Self {
        Self {
            io,
            patience,
            stalled: None,
        }
    }

    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
