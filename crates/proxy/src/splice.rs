//! Bytes between two bare sockets where nothing is looked into.
//!
//! Short exchanges go through one buffer that the whole worker shares; a stream is moved by
//! `splice(2)` through a pipe, without a copy into this process. A waiting tunnel holds neither
//! buffer nor pipe, so ten thousand of them cost little more than their sockets.

use std::cell::RefCell;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use nix::fcntl::{OFlag, SpliceFFlags, splice};
use nix::unistd::pipe2;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::tally::Tally;

/// The shared buffer. A read that fills it is taken for a stream.
const BUFFER: usize = 16 * 1024;
/// Most bytes asked of one `splice`: what a pipe holds by default.
const PIPE: usize = 64 * 1024;
/// A splice that moves less than this was not worth its pipe.
const TRICKLE: usize = 4 * 1024;
/// Unused pipes kept for the next stream.
const KEPT: usize = 64;

thread_local! {
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into());
}

/// The pipes of one worker, bounded: beyond the bound streams are copied instead.
#[derive(Debug)]
pub(crate) struct Pipes {
    idle: Mutex<Vec<Pipe>>,
    out: AtomicUsize,
    most: usize,
}

#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipes {
    /// At most so many pipes in use at once.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            out: AtomicUsize::new(0),
            most,
        })
    }

    fn take(&self) -> Option<Pipe> {
        if self.out.load(Ordering::Relaxed) >= self.most {
            return None;
        }
        let kept = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let pipe = match kept {
            Some(pipe) => pipe,
            None => {
                let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).ok()?;
                Pipe { read, write }
            }
        };
        self.out.fetch_add(1, Ordering::Relaxed);
        Some(pipe)
    }

    /// Takes an empty pipe back.
    fn give_back(&self, pipe: Pipe) {
        self.out.fetch_sub(1, Ordering::Relaxed);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(pipe);
        }
    }

    /// A pipe with bytes in it is closed, not kept.
    fn lose(&self, pipe: Pipe) {
        self.out.fetch_sub(1, Ordering::Relaxed);
        drop(pipe);
    }
}

/// One direction.
struct Way<'a> {
    pipes: &'a Pipes,
    /// Read but not yet written.
    held: Bytes,
    pipe: Option<Pipe>,
    in_pipe: usize,
    stream: bool,
    ended: bool,
    shut: bool,
}

impl<'a> Way<'a> {
    fn new(pipes: &'a Pipes, held: Bytes) -> Self {
        Self {
            pipes,
            held,
            pipe: None,
            in_pipe: 0,
            stream: false,
            ended: false,
            shut: false,
        }
    }

    /// Moves what can be moved; ready when the sender has ended and the receiver knows it.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &TcpStream,
        to: &TcpStream,
        count: impl Fn(usize),
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_held(cx, to))?;
            if self.ended {
                if !self.shut {
                    self.shut = true;
                    // A receiver that has gone already needs not be told.
                    let _ = SockRef::from(to).shutdown(Shutdown::Write);
                }
                self.rest();
                return Poll::Ready(Ok(()));
            }
            let Poll::Ready(ready) = from.poll_read_ready(cx) else {
                self.rest();
                return Poll::Pending;
            };
            ready?;
            let moved = if self.stream {
                self.splice_in(from)
            } else {
                self.copy(from, to)
            };
            match moved {
                Ok(0) => self.ended = true,
                Ok(some) => count(some),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Writes what was read before.
    fn poll_held(&mut self, cx: &mut Context<'_>, to: &TcpStream) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            ready!(to.poll_write_ready(cx))?;
            match to.try_write(&self.held) {
                Ok(written) => self.held.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        while let (Some(pipe), true) = (&self.pipe, self.in_pipe > 0) {
            ready!(to.poll_write_ready(cx))?;
            let moved = to.try_io(Interest::WRITABLE, || {
                move_bytes(&pipe.read, to.as_fd(), self.in_pipe)
            });
            match moved {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(moved) => self.in_pipe -= moved.min(self.in_pipe),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn copy(&mut self, from: &TcpStream, to: &TcpStream) -> io::Result<usize> {
        SHARED.with_borrow_mut(|buffer| {
            let read = read_some(from, buffer)?;
            self.stream = read == buffer.len();
            let written = match to.try_write(&buffer[..read]) {
                _ if read == 0 => 0,
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            if written < read {
                self.held = Bytes::copy_from_slice(&buffer[written..read]);
            }
            Ok(read)
        })
    }

    fn splice_in(&mut self, from: &TcpStream) -> io::Result<usize> {
        if self.pipe.is_none() {
            self.pipe = self.pipes.take();
        }
        let Some(pipe) = &self.pipe else {
            // No pipe to be had: this stream is copied.
            self.stream = false;
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let moved = from.try_io(Interest::READABLE, || {
            move_bytes(from, pipe.write.as_fd(), PIPE)
        })?;
        self.in_pipe = moved;
        self.stream = moved >= TRICKLE;
        Ok(moved)
    }

    /// Nothing to do for now: an empty pipe goes back.
    fn rest(&mut self) {
        if self.in_pipe == 0
            && let Some(pipe) = self.pipe.take()
        {
            self.pipes.give_back(pipe);
        }
    }
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        if let Some(pipe) = self.pipe.take() {
            if self.in_pipe == 0 {
                self.pipes.give_back(pipe);
            } else {
                self.pipes.lose(pipe);
            }
        }
    }
}

/// Reads what is there. A short read has emptied the socket, which is noted, so that no second
/// read is spent on finding that out.
fn read_some(from: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut short = None;
    let read = from.try_io(Interest::READABLE, || {
        let read = (&*SockRef::from(from)).read(buffer)?;
        if read == 0 || read == buffer.len() {
            return Ok(read);
        }
        short = Some(read);
        Err(io::ErrorKind::WouldBlock.into())
    });
    short.map_or(read, Ok)
}

fn move_bytes(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
    let flags = SpliceFFlags::SPLICE_F_MOVE | SpliceFFlags::SPLICE_F_NONBLOCK;
    splice(from, None, to, None, most, flags).map_err(io::Error::from)
}

/// Passes bytes both ways until both sides have ended, nothing moves for the stall time, or the
/// proxy stops. `front` was read from the client already. A side that breaks off is broken off to
/// the other as well, so that a cut answer does not look whole.
pub(crate) async fn pass(
    (client, front): (&TcpStream, Bytes),
    origin: &TcpStream,
    tally: &Tally,
    stall: Duration,
    pipes: &Pipes,
    stop: &CancellationToken,
) {
    tally.up(front.len());
    let mut up = Way::new(pipes, front);
    let mut down = Way::new(pipes, Bytes::new());
    let moving = std::future::poll_fn(|cx| {
        let sent = up.poll(cx, client, origin, |bytes| tally.up(bytes));
        let received = down.poll(cx, origin, client, |bytes| tally.down(bytes));
        match (sent, received) {
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(Ok(())),
            (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    });
    let mut moving = std::pin::pin!(moving);
    let mut moved = tally.moved();
    let clock = tokio::time::sleep(stall);
    let mut clock = std::pin::pin!(clock);
    let broken = loop {
        tokio::select! {
            biased;
            ended = moving.as_mut() => break ended.is_err(),
            () = clock.as_mut() => {
                let now = tally.moved();
                if now == moved {
                    break false;
                }
                moved = now;
                clock.as_mut().reset(tokio::time::Instant::now() + stall);
            }
            () = stop.cancelled() => break true,
        }
    };
    if broken {
        for side in [client, origin] {
            let _ = SockRef::from(side).set_linger(Some(Duration::ZERO));
        }
    }
}
