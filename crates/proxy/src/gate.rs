//! The gate before hyper: a stream wrapper that reads each request head strictly, keeps the
//! client's deadlines, and lets only what it has understood through.
//!
//! A head that is refused is replaced by a small well-formed request under a name that no client
//! can guess, so that the refusal is answered in order, with a page, by the same service that
//! answers everything else. After it nothing more is read.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::chunks::Chunks;
use crate::clock::Clock;
use crate::config::Limits;
use crate::doors::{Door, Seat};
use crate::head::{self, Framing, HeadEnd, Refusal};

/// Most bytes read and thrown away after a refusal, so that the client still sees the answer.
const LINGER_BYTES: usize = 256 * 1024;
/// Longest time spent so.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// Most bytes read at once into the caller's buffer.
const DIRECT_MOST: usize = 64 * 1024;

/// Requests that a client may take back beyond those it let be answered.
const TAKEN_BACK_MOST: u64 = 100;

/// What gate and service of one client connection share.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// Grows with every request and every piece of a body: whether anything goes on.
    moved: AtomicU64,
    /// Requests that the client took back before they were answered, less those answered.
    taken_back: AtomicU64,
    too_many: Notify,
    refusal: Mutex<Option<Refusal>>,
    /// Where it is noted since when nothing goes on.
    seat: Option<Arc<Seat>>,
    /// A head has begun, or the protocol changes: something goes on though nothing is answered.
    begun: AtomicBool,
    /// A clock that no request uses just now; its timer runs on from request to request.
    clock: Mutex<Option<Clock>>,
}

impl Desk {
    /// The desk of a connection that came through this door.
    pub(crate) fn at(door: Option<&Door>) -> Arc<Self> {
        Arc::new(Self {
            seat: door.map(|door| Arc::clone(door.seat())),
            ..Self::default()
        })
    }

    /// Requests are served from now on, and until what is given is dropped.
    pub(crate) fn serves(self: &Arc<Self>) -> Serving {
        self.rests();
        Serving(Arc::clone(self))
    }

    /// Notes that nothing goes on, where that is so.
    fn rests(&self) {
        if let Some(seat) = &self.seat
            && !self.is_busy()
            && !self.begun.load(Ordering::Relaxed)
        {
            seat.rests();
        }
    }

    fn works(&self) {
        if let Some(seat) = &self.seat {
            seat.works();
        }
    }

    /// The first bytes of a head are there.
    fn begins(&self) {
        self.begun.store(true, Ordering::Relaxed);
        self.works();
    }

    /// A head is whole; what it asks for is counted as busy next.
    fn has_begun(&self) {
        self.begun.store(false, Ordering::Relaxed);
    }

    /// The refusal that the gate has put in place of a request, once.
    pub(crate) fn take_refusal(&self) -> Option<Refusal> {
        self.refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// A clock for a request: that of one before, where it is free.
    pub(crate) fn clock(&self) -> Clock {
        let mut kept = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take().unwrap_or_default()
    }

    /// Takes a clock back for the next request.
    pub(crate) fn put_back(&self, mut clock: Clock) {
        clock.stop();
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock);
    }

    /// Whether a request is being answered.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// A figure that grows while anything goes on.
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Counts a request as answered, or as taken back before it was.
    pub(crate) fn settle(&self, answered: bool) {
        if answered {
            let less = |now: u64| Some(now.saturating_sub(1));
            let _ = self
                .taken_back
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        } else if self.taken_back.fetch_add(1, Ordering::Relaxed) >= TAKEN_BACK_MOST {
            self.too_many.notify_one();
        }
    }

    /// Waits until far more requests were taken back than answered.
    pub(crate) async fn too_many_taken_back(&self) {
        self.too_many.notified().await;
    }

    fn refuse(&self, refusal: Refusal) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
    }
}

/// Requests are served while it lives; a connection without it is at work.
#[derive(Debug)]
pub(crate) struct Serving(Arc<Desk>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.works();
    }
}

/// Marks a request as being answered for as long as it lives: the idle clock stands still.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Desk>);

impl Busy {
    pub(crate) fn new(desk: &Arc<Desk>) -> Self {
        desk.busy.fetch_add(1, Ordering::Relaxed);
        desk.works();
        desk.moved.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(desk))
    }

    /// What gate and service of the connection share.
    pub(crate) fn desk(&self) -> &Desk {
        &self.0
    }

    /// Something of the request or its answer has moved.
    pub(crate) fn moved(&self) {
        self.0.moved.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.rests();
        }
    }
}

/// The gate's own bounds, cut from [`Limits`].
#[derive(Debug, Clone, Copy)]
struct Bounds {
    head_bytes: usize,
    headers: usize,
    head_time: Duration,
    idle: Duration,
    stall: Duration,
}

enum Phase {
    Head {
        end: HeadEnd,
        since: Option<Instant>,
    },
    Length(u64),
    Chunked(Chunks),
    Raw,
    Refused,
}

/// A client's stream behind the gate.
pub(crate) struct Gate<S> {
    io: S,
    /// Read but not yet understood.
    raw: BytesMut,
    /// Understood, to be handed to hyper.
    ready: Bytes,
    phase: Phase,
    desk: Arc<Desk>,
    bounds: Bounds,
    refusal_path: Arc<str>,
    read_clock: Clock,
    write_clock: Clock,
    linger: Option<usize>,
}

impl<S> Gate<S> {
    /// Puts the gate before a stream. `refusal_path` is the random path of substituted requests.
    pub(crate) fn new(io: S, desk: Arc<Desk>, limits: &Limits, refusal_path: Arc<str>) -> Self {
        Self {
            io,
            raw: BytesMut::new(),
            ready: Bytes::new(),
            phase: Phase::head(),
            desk,
            bounds: Bounds {
                head_bytes: limits.head_bytes,
                headers: limits.headers,
                head_time: limits.head_time,
                idle: limits.idle,
                stall: limits.stall,
            },
            refusal_path,
            read_clock: Clock::default(),
            write_clock: Clock::default(),
            linger: None,
        }
    }

    /// The stream and what was read from it but not consumed.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        let mut left = BytesMut::from(&*self.ready);
        left.extend_from_slice(&self.raw);
        (self.io, left.freeze())
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.desk.refuse(refusal);
        self.phase = Phase::Refused;
        self.raw = BytesMut::new();
        self.ready = format!(
            "GET {} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n",
            self.refusal_path
        )
        .into();
    }

    /// Understands as much of the raw bytes as can be; whether more must be read.
    fn understand(&mut self) -> io::Result<bool> {
        match &mut self.phase {
            Phase::Head { end, since } => {
                // RFC 9112, section 2.2: an empty line before the request line is passed over.
                if self.raw.starts_with(b"\r\n") && *end == HeadEnd::default() {
                    self.raw.advance(2);
                }
                if self.raw.is_empty() {
                    return Ok(true);
                }
                if since.is_none() {
                    *since = Some(Instant::now());
                    self.desk.begins();
                }
                match end.find(&self.raw) {
                    Ok(Some(length)) if length <= self.bounds.head_bytes => self.admit(length),
                    Ok(None) if self.raw.len() <= self.bounds.head_bytes => return Ok(true),
                    Ok(_) => self.refuse(Refusal::TooLarge),
                    Err(refusal) => self.refuse(refusal),
                }
            }
            Phase::Length(left) => {
                if self.raw.is_empty() {
                    return Ok(true);
                }
                let take = usize::try_from(*left)
                    .unwrap_or(usize::MAX)
                    .min(self.raw.len());
                *left -= take as u64;
                let done = *left == 0;
                self.ready = self.raw.split_to(take).freeze();
                if done {
                    self.phase = Phase::head();
                }
            }
            Phase::Chunked(chunks) => {
                if self.raw.is_empty() {
                    return Ok(true);
                }
                let (take, done) = chunks.follow(&self.raw).map_err(|_| {
                    io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the request body breaks the rules of chunked coding",
                    )
                })?;
                self.ready = self.raw.split_to(take).freeze();
                if done {
                    self.phase = Phase::head();
                }
            }
            Phase::Raw => {
                if self.raw.is_empty() {
                    return Ok(true);
                }
                self.ready = self.raw.split().freeze();
            }
            Phase::Refused => return Ok(true),
        }
        Ok(false)
    }

    fn admit(&mut self, length: usize) {
        match head::check(&self.raw[..length], self.bounds.headers) {
            Err(refusal) => self.refuse(refusal),
            Ok(framing) => {
                self.ready = self.raw.split_to(length).freeze();
                if framing != Framing::Raw {
                    self.desk.has_begun();
                }
                self.phase = match framing {
                    Framing::None => Phase::head(),
                    Framing::Length(length) => Phase::Length(length),
                    Framing::Chunked => Phase::Chunked(Chunks::new()),
                    Framing::Raw => Phase::Raw,
                };
            }
        }
    }

    /// Looks at the clock while nothing arrives: a slow head is refused, a silent connection ends.
    fn poll_clock(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Late>> {
        let (deadline, late) = match &self.phase {
            Phase::Head {
                since: Some(since), ..
            } => (Some(*since + self.bounds.head_time), Late::Head),
            Phase::Head { since: None, .. } => (None, Late::Idle),
            Phase::Length(_) | Phase::Chunked(_) => (None, Late::Body),
            // Whoever passes the bytes on keeps the clock for both directions.
            Phase::Raw | Phase::Refused => return Poll::Pending,
        };
        let patience = if matches!(late, Late::Idle) {
            self.bounds.idle
        } else {
            self.bounds.stall
        };
        loop {
            std::task::ready!(self.read_clock.poll(cx, deadline, patience));
            self.read_clock.stop();
            let waiting_for_us = matches!(late, Late::Idle) && self.desk.is_busy();
            if !waiting_for_us {
                return Poll::Ready(Ok(late));
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Late {
    Head,
    Idle,
    Body,
}

impl Phase {
    fn head() -> Self {
        Phase::Head {
            end: HeadEnd::default(),
            since: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = &mut *self;
        loop {
            if !gate.ready.is_empty() {
                let take = gate.ready.len().min(out.remaining());
                out.put_slice(&gate.ready[..take]);
                gate.ready.advance(take);
                if gate.ready.is_empty() {
                    // Lets go of the memory, so that it takes what is read next.
                    gate.ready = Bytes::new();
                }
                return Poll::Ready(Ok(()));
            }
            if !gate.understand()? {
                continue;
            }
            if let Phase::Refused = gate.phase {
                return Poll::Pending;
            }
            match gate.poll_more(cx, out)? {
                Poll::Ready(More::Direct) => return Poll::Ready(Ok(())),
                Poll::Ready(More::Raw) => gate.read_clock.stop(),
                Poll::Pending => match std::task::ready!(gate.poll_clock(cx))? {
                    Late::Head => gate.refuse(Refusal::Slow),
                    Late::Idle => return Poll::Ready(Ok(())),
                    Late::Body => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                },
            }
        }
    }
}

enum More {
    /// Bytes, or the end of the stream, are in the caller's buffer.
    Direct,
    /// Bytes are in `raw`.
    Raw,
}

impl<S: AsyncRead + Unpin> Gate<S> {
    /// Reads more: bodies of known length straight into the caller's buffer, all else into `raw`.
    fn poll_more(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> io::Result<Poll<More>> {
        let most = match self.phase {
            Phase::Length(left) => usize::try_from(left).unwrap_or(usize::MAX),
            Phase::Raw => usize::MAX,
            _ => 0,
        };
        if most > 0 {
            let room = most.min(out.remaining()).min(DIRECT_MOST);
            let mut part = ReadBuf::new(out.initialize_unfilled_to(room));
            let read = match Pin::new(&mut self.io).poll_read(cx, &mut part) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(result) => {
                    result?;
                    part.filled().len()
                }
            };
            self.read_clock.stop();
            out.advance(read);
            if let Phase::Length(left) = &mut self.phase {
                *left -= read as u64;
                if *left == 0 {
                    self.phase = Phase::head();
                }
            }
            return Ok(Poll::Ready(More::Direct));
        }
        let mut space = [MaybeUninit::uninit(); 8 * 1024];
        let mut buffer = ReadBuf::uninit(&mut space);
        match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(result) => {
                result?;
                if buffer.filled().is_empty() {
                    return Ok(Poll::Ready(More::Direct));
                }
                self.raw.extend_from_slice(buffer.filled());
                Ok(Poll::Ready(More::Raw))
            }
        }
    }

    /// Waits until something is said; `false` where the client leaves, or stays silent for too long.
    /// Before it nothing needs to be there that reads requests.
    pub(crate) async fn begun(&mut self) -> bool {
        std::future::poll_fn(|cx| {
            let mut nothing = ReadBuf::new(&mut []);
            match self.poll_more(cx, &mut nothing) {
                Ok(Poll::Ready(More::Raw)) => {
                    self.read_clock.stop();
                    Poll::Ready(true)
                }
                Ok(Poll::Pending) => self.poll_clock(cx).map(|_| false),
                Ok(Poll::Ready(More::Direct)) | Err(_) => Poll::Ready(false),
            }
        })
        .await
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::uninit(); 8 * 1024];
        loop {
            let left = self.linger.get_or_insert(LINGER_BYTES);
            let mut buffer = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && *left > 0 => {
                    *left = left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.read_clock.poll(cx, None, LINGER_TIME),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gate<S> {
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
        if self.linger.is_none() {
            std::task::ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.read_clock.stop();
        }
        if matches!(self.phase, Phase::Refused) {
            std::task::ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S> Gate<S> {
    /// A client that stops reading is let go after the stall time.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write_clock.stop();
            return result;
        }
        std::task::ready!(self.write_clock.poll(cx, None, self.bounds.stall));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
