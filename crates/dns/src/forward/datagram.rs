//! Questions over UDP, over a handful of sockets at a time.
//!
//! A forger has to guess the port beside the id and the letter case (RFC 5452 section 9.2). The
//! kernel takes a random port for each socket, connecting it shuts out all other senders, and no
//! socket is used for more than a few questions.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep};

use super::dice::Dice;
use super::open::{Open, Ticket};
use crate::counts::Tally;

/// Sockets to one upstream at a time, per worker: one is chosen by chance for each question.
const SOCKETS: usize = 32;
/// Questions asked over one socket.
const USES: u32 = 64;
/// A socket without an answer for so long is given up, at the latest after twice that.
const QUIET: Duration = Duration::from_secs(5);
/// Largest answer taken; we ask for at most 1,232 bytes.
const ANSWER_MAX: usize = 4_096;
/// Datagrams read with one system call. Fewer than these: none is left, and the call that would tell is
/// saved.
const AT_ONCE: usize = 4;

/// The sockets to one upstream.
pub(super) struct Datagrams {
    at: SocketAddr,
    lines: RefCell<[Option<Rc<Line>>; SOCKETS]>,
    inbox: Rc<RefCell<Inbox>>,
}

struct Line {
    socket: UdpSocket,
    open: Rc<RefCell<Open>>,
    uses: Cell<u32>,
}

impl Line {
    fn is_usable(&self) -> bool {
        self.uses.get() < USES && !self.open.borrow().is_closed()
    }
}

impl Datagrams {
    pub(super) fn new(at: SocketAddr) -> Self {
        Self {
            at,
            lines: RefCell::default(),
            inbox: Rc::default(),
        }
    }

    /// Sends a question; where its answer will come.
    pub(super) fn send(
        &self,
        message: &mut [u8],
        dice: &mut Dice,
        tally: &Arc<Tally>,
    ) -> io::Result<Ticket> {
        let [chance] = dice.throw().ok_or(io::ErrorKind::Unsupported)?;
        let line = self.line(usize::from(chance) % SOCKETS, tally)?;
        Open::send(&line.open, message, dice, |message| {
            line.uses.set(line.uses.get() + 1);
            // Not by the runtime, which does not know yet that a new socket takes a datagram.
            let sent = SockRef::from(&line.socket).send(message);
            // Such as "port unreachable" for an earlier question: the next may fare better.
            sent.map(drop)
                .inspect_err(|_| line.open.borrow_mut().close())
        })
    }

    fn line(&self, place: usize, tally: &Arc<Tally>) -> io::Result<Rc<Line>> {
        let mut lines = self.lines.borrow_mut();
        let line = &mut lines[place];
        if let Some(line) = line.as_ref().filter(|line| line.is_usable()) {
            return Ok(Rc::clone(line));
        }
        let socket = Socket::new(
            Domain::for_address(self.at),
            Type::DGRAM.nonblocking(),
            Some(Protocol::UDP),
        )?;
        socket.connect(&self.at.into())?;
        let opened = Rc::new(Line {
            socket: UdpSocket::from_std(socket.into())?,
            open: Rc::default(),
            uses: Cell::new(0),
        });
        *line = Some(Rc::clone(&opened));
        let (line, inbox, tally) = (
            Rc::clone(&opened),
            Rc::clone(&self.inbox),
            Arc::clone(tally),
        );
        tokio::task::spawn_local(Box::pin(listen(line, inbox, tally)));
        Ok(opened)
    }
}

/// Hears answers until the socket is used up and nobody waits any more.
async fn listen(line: Rc<Line>, inbox: Rc<RefCell<Inbox>>, tally: Arc<Tally>) {
    let used_up = || line.uses.get() >= USES && line.open.borrow().is_empty();
    // One timer for many answers: setting one for each would cost more than reading it.
    let mut quiet = pin!(sleep(QUIET));
    let mut heard = false;
    while !used_up() {
        tokio::select! {
            biased;
            readable = line.socket.readable() => if readable.is_err() {
                break;
            },
            () = &mut quiet => {
                // One with a question under way ends with that question's time at the latest.
                if !heard && line.open.borrow().is_empty() {
                    break;
                }
                heard = false;
                quiet.as_mut().reset(Instant::now() + QUIET);
                continue;
            }
        }
        heard = true;
        let read = line.socket.try_io(Interest::READABLE, || {
            inbox.borrow_mut().read(&line, &tally)
        });
        match read {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    line.open.borrow_mut().close();
}

/// Where the answers of all sockets are read, of one after the other.
struct Inbox {
    headers: MultiHeaders<()>,
    answers: Box<[[u8; ANSWER_MAX]; AT_ONCE]>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            headers: MultiHeaders::preallocate(AT_ONCE, None),
            answers: Box::new([[0; ANSWER_MAX]; AT_ONCE]),
        }
    }
}

impl Inbox {
    /// Reads what waits on a socket and hands it on.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is left; whatever else ends the socket.
    fn read(&mut self, line: &Line, tally: &Tally) -> io::Result<()> {
        let mut slices = self
            .answers
            .each_mut()
            .map(|answer| [IoSliceMut::new(&mut answer[..])]);
        let (socket, flags) = (line.socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        let received = recvmmsg(socket, &mut self.headers, &mut slices, flags, None)?;
        let mut open = line.open.borrow_mut();
        let mut count = 0;
        for message in received {
            count += 1;
            open.hear(message.iovs().next().unwrap_or_default(), tally)?;
        }
        match count {
            AT_ONCE => Ok(()),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::open::Heard;
    use super::*;

    /// FIL-17: however many answers wait on a socket, each comes to whoever asked, whatever empty or foreign
    /// datagrams stand among them.
    #[tokio::test]
    async fn fil_17_every_answer_that_waits_is_read() {
        const QUESTION: &[u8] = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x04test\0\0\x01\0\x01";
        for count in [0, 1, 3, 4, 5, 9] {
            let upstream = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(upstream.local_addr().unwrap()).unwrap();
            socket.set_nonblocking(true).unwrap();
            let at = socket.local_addr().unwrap();
            let line = Line {
                socket: UdpSocket::from_std(socket).unwrap(),
                open: Rc::default(),
                uses: Cell::new(0),
            };
            let (mut dice, tally) = (Dice::default(), Tally::default());
            let mut tickets: Vec<_> = (0..count)
                .map(|_| {
                    Open::send(&line.open, &mut QUESTION.to_vec(), &mut dice, |_| Ok(())).unwrap()
                })
                .collect();
            for (number, ticket) in tickets.iter().enumerate() {
                let mut answer = QUESTION.to_vec();
                answer[..2].copy_from_slice(&ticket.id.to_be_bytes());
                upstream.send_to(&answer, at).unwrap();
                match number {
                    1 => upstream.send_to(&[], at).unwrap(),
                    2 => upstream.send_to(b"from nobody", at).unwrap(),
                    _ => continue,
                };
            }
            let mut inbox = Inbox::default();
            let mut reads = 0;
            while inbox.read(&line, &tally).is_ok() {
                reads += 1;
                assert!(reads < 20, "never ends");
            }
            for ticket in &mut tickets {
                let heard = ticket.answer.try_recv();
                assert!(matches!(heard, Ok(Heard::Answer(_))), "{count}: {heard:?}");
            }
            assert!(line.open.borrow().is_empty());
        }
    }
}
