//! Datagrams in, datagrams out, many with one system call.
//!
//! As many questions as are waiting are read at once; answers leave some at a time, from buffers that are
//! there from the start. A socket bound to all addresses answers from the address that was asked, as a client
//! takes no answer from another (RFC 2181 section 4.1).

use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::rc::Rc;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage,
    recvmmsg, sendmmsg, sendmsg, setsockopt, sockopt,
};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::counts::add;
use crate::forward::{ReplyTo, depart, renew};
use crate::worker::{Client, Over, Verdict, Worker, answer};

/// Datagrams read with one system call, and answered before other tasks of this worker get their turn.
const BATCH: usize = 64;
/// Answers that leave together, however many questions are left of a batch: the first of a burst do not wait
/// for the last. Carrying a datagram costs far more than its share of a call.
const LEAVING: usize = 16;
/// A question is short; what is longer is cut by the kernel and fails to parse.
const QUESTION_MAX: usize = 1_500;
/// Room for the address that a datagram was sent to: one control message of either family.
const CONTROL_MAX: usize = 64;

/// The address of ours that was asked, where the socket is bound to all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// The socket is bound to one address: the kernel knows.
    Bound,
    V4(Ipv4Addr),
    /// With the interface, which a link-local address needs.
    V6(Ipv6Addr, u32),
}

/// A socket with what it takes to answer on it.
pub(crate) struct Door {
    socket: UdpSocket,
    /// Whether [`Via`] has to be read from each datagram.
    wildcard: bool,
    v4: bool,
}

impl Door {
    /// Takes over a bound, non-blocking socket.
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let bound = socket.local_addr()?;
        let wildcard = bound.ip().is_unspecified();
        if wildcard && bound.is_ipv4() {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        } else if wildcard {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        Ok(Self {
            socket: UdpSocket::from_std(socket)?,
            wildcard,
            v4: bound.is_ipv4(),
        })
    }

    fn fd(&self) -> RawFd {
        self.socket.as_fd().as_raw_fd()
    }

    /// Sends one answer later than its batch. A full buffer or a client that is gone is the
    /// client's loss: it asks again.
    pub(crate) fn send(&self, answer: &[u8], to: SocketAddr, via: Via) -> io::Result<()> {
        let to = SockaddrStorage::from(to);
        let slices = [IoSlice::new(answer)];
        with_control(via, |control| {
            sendmsg(
                self.fd(),
                &slices,
                control,
                MsgFlags::MSG_DONTWAIT,
                Some(&to),
            )
        })?;
        Ok(())
    }
}

/// Serves one socket for ever. Errors of single datagrams (a client gone away) are passed over.
pub(crate) async fn serve(door: Rc<Door>, rc: Rc<RefCell<Worker>>) {
    let mut incoming = Incoming::new(door.wildcard);
    let mut outgoing = Outgoing::new(&door);
    loop {
        if door.socket.readable().await.is_err() {
            tokio::task::yield_now().await;
            continue;
        }
        // Fewer than a whole batch: none is left, and saying so saves the call that would tell.
        let _ = door.socket.try_io(Interest::READABLE, || {
            let full = incoming.batch(&door, &rc, &mut outgoing)?;
            if full {
                Ok(())
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        });
        tokio::task::yield_now().await;
    }
}

/// Where questions are received.
struct Incoming {
    headers: MultiHeaders<SockaddrStorage>,
    questions: Box<[[u8; QUESTION_MAX]]>,
    wildcard: bool,
}

impl Incoming {
    fn new(wildcard: bool) -> Self {
        Self {
            headers: Self::headers(wildcard),
            questions: vec![[0; QUESTION_MAX]; BATCH].into_boxed_slice(),
            wildcard,
        }
    }

    fn headers(wildcard: bool) -> MultiHeaders<SockaddrStorage> {
        MultiHeaders::preallocate(BATCH, wildcard.then(|| Vec::with_capacity(CONTROL_MAX)))
    }

    /// Receives what waits, answers it and sends the answers; whether more may be waiting.
    fn batch(
        &mut self,
        door: &Rc<Door>,
        rc: &Rc<RefCell<Worker>>,
        outgoing: &mut Outgoing,
    ) -> io::Result<bool> {
        let mut chunks = self.questions.iter_mut();
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
            let chunk = chunks.next().map(|chunk| &mut chunk[..]);
            [IoSliceMut::new(chunk.unwrap_or_default())]
        });
        let received = recvmmsg(
            door.fd(),
            &mut self.headers,
            &mut slices,
            MsgFlags::MSG_DONTWAIT,
            None,
        )
        .map_err(io::Error::from)?;
        let mut guard = rc.borrow_mut();
        let worker = &mut *guard;
        let now = worker.shared.clock.now();
        let mut count = 0;
        let mut blind = false;
        for message in received {
            count += 1;
            let via = if self.wildcard {
                via(&message)
            } else {
                Some(Via::Bound)
            };
            let (Some(to), Some(via)) = (message.address, via) else {
                blind |= via.is_none();
                add(&worker.tally.dropped);
                continue;
            };
            let Some(from) = standard(&to).filter(|from| from.port() != 0) else {
                add(&worker.tally.dropped);
                continue;
            };
            let question = message.iovs().next().unwrap_or_default();
            let client = Client::new(from.ip(), Over::Udp);
            match answer(worker, question, client, now) {
                Verdict::Silent => {}
                Verdict::Reply => {
                    outgoing.add(&mut worker.out, to, via);
                    if outgoing.waiting >= LEAVING {
                        outgoing.leave(door, worker);
                    }
                }
                Verdict::Forward(pending) => {
                    let reply_to = ReplyTo::Udp(Rc::clone(door), from, via);
                    depart(rc, worker, pending, reply_to, now);
                }
            }
        }
        outgoing.leave(door, worker);
        if !worker.renewals.is_empty() {
            renew(rc, worker);
        }
        if blind {
            // The kernel shortens the room for control messages to what it last used; begin anew.
            self.headers = Self::headers(self.wildcard);
        }
        Ok(count == BATCH)
    }
}

/// Answers on their way out.
struct Outgoing {
    headers: MultiHeaders<SockaddrStorage>,
    answers: Vec<Vec<u8>>,
    to: [Option<SockaddrStorage>; LEAVING],
    via: [Via; LEAVING],
    waiting: usize,
}

impl Outgoing {
    fn new(door: &Door) -> Self {
        // The kernel wants the room for control messages filled to the last byte.
        let control = match (door.wildcard, door.v4) {
            (false, _) => None,
            (true, true) => Some(cmsg_space!(libc::in_pktinfo)),
            (true, false) => Some(cmsg_space!(libc::in6_pktinfo)),
        };
        Self {
            headers: MultiHeaders::preallocate(LEAVING, control),
            answers: (0..LEAVING).map(|_| Vec::with_capacity(1_280)).collect(),
            to: [None; LEAVING],
            via: [Via::Bound; LEAVING],
            waiting: 0,
        }
    }

    /// Takes an answer, leaving an empty buffer for the next.
    fn add(&mut self, answer: &mut Vec<u8>, to: SockaddrStorage, via: Via) {
        let at = self.waiting;
        if let (Some(place), Some(address), Some(way)) = (
            self.answers.get_mut(at),
            self.to.get_mut(at),
            self.via.get_mut(at),
        ) {
            std::mem::swap(place, answer);
            *address = Some(to);
            *way = via;
            self.waiting += 1;
        }
    }

    /// Sends all that wait. What the kernel will not take is dropped and counted, like any datagram.
    fn leave(&mut self, door: &Door, worker: &Worker) {
        let waiting = std::mem::take(&mut self.waiting);
        let mut at = 0;
        while at < waiting {
            let via = self.via[at];
            let alike = self.via[at..waiting]
                .iter()
                .take_while(|v| **v == via)
                .count();
            match self.send(door, at, at + alike, via) {
                Ok(sent) if sent > 0 => at += sent,
                Err(Errno::EINTR) => {}
                _ => {
                    add(&worker.tally.send_errors);
                    at += 1;
                }
            }
        }
    }

    /// Sends those from `from` to `to`, which all leave by one address; how many went.
    fn send(&mut self, door: &Door, from: usize, to: usize, via: Via) -> nix::Result<usize> {
        let answers = &self.answers;
        let slices: [[IoSlice<'_>; 1]; LEAVING] = std::array::from_fn(|at| {
            let answer = answers.get(from + at).map_or(&[][..], Vec::as_slice);
            [IoSlice::new(answer)]
        });
        let (headers, addresses) = (&mut self.headers, &self.to[from..to]);
        with_control(via, |control| {
            let flags = MsgFlags::MSG_DONTWAIT;
            let slices = &slices[..to - from];
            sendmmsg(door.fd(), headers, slices, addresses, control, flags).map(Iterator::count)
        })
    }
}

/// Runs `send` with the control message that sets the address an answer comes from.
fn with_control<T>(via: Via, send: impl FnOnce(&[ControlMessage<'_>]) -> T) -> T {
    match via {
        Via::Bound => send(&[]),
        Via::V4(source) => send(&[ControlMessage::Ipv4PacketInfo(&libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr {
                s_addr: u32::from(source).to_be(),
            },
            ipi_addr: libc::in_addr { s_addr: 0 },
        })]),
        Via::V6(source, interface) => send(&[ControlMessage::Ipv6PacketInfo(&libc::in6_pktinfo {
            ipi6_addr: libc::in6_addr {
                s6_addr: source.octets(),
            },
            ipi6_ifindex: interface,
        })]),
    }
}

/// The address of ours that a datagram was sent to.
fn via(message: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<Via> {
    message.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Via::V4(Ipv4Addr::from(u32::from_be(
            info.ipi_spec_dst.s_addr,
        )))),
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            // Elsewhere the route decides which interface an answer leaves by.
            let interface = if address.is_unicast_link_local() {
                info.ipi6_ifindex
            } else {
                0
            };
            Some(Via::V6(address, interface))
        }
        _ => None,
    })
}

fn standard(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    }
    address
        .as_sockaddr_in6()
        .map(|v6| SocketAddr::V6((*v6).into()))
}
