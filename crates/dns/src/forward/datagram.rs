//! Questions over UDP, over a handful of sockets at a time.
//!
//! A forger has to guess the port beside the id and the letter case (RFC 5452 section 9.2). The
//! kernel takes a random port for each socket, connecting it shuts out all other senders, and no
//! socket is used for more than a few questions.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::dice::Dice;
use super::open::{Open, Ticket};
use crate::counts::Tally;

/// Sockets to one upstream at a time, per worker: one is chosen by chance for each question.
const SOCKETS: usize = 32;
/// Questions asked over one socket.
const USES: u32 = 64;
/// A socket without an answer for so long is given up.
const QUIET: Duration = Duration::from_secs(5);
/// Largest answer taken; we ask for at most 1,232 bytes.
const ANSWER_MAX: usize = 4_096;

/// The sockets to one upstream.
pub(super) struct Datagrams {
    at: SocketAddr,
    lines: RefCell<[Option<Rc<Line>>; SOCKETS]>,
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
        tokio::task::spawn_local(listen(Rc::clone(&opened), Arc::clone(tally)));
        Ok(opened)
    }
}

/// Hears answers until the socket is used up and nobody waits any more.
async fn listen(line: Rc<Line>, tally: Arc<Tally>) {
    let mut buffer = [0; ANSWER_MAX];
    let used_up = || line.uses.get() >= USES && line.open.borrow().is_empty();
    while !used_up() {
        let Ok(Ok(length)) = timeout(QUIET, line.socket.recv(&mut buffer)).await else {
            break;
        };
        let heard = line.open.borrow_mut().hear(&buffer[..length], &tally);
        if heard.is_err() {
            break;
        }
    }
    line.open.borrow_mut().close();
}
