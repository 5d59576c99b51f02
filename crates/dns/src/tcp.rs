//! DNS over TCP (RFC 7766): many questions on one connection, answered as they are ready.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use crate::counts::add;
use crate::forward::{ReplyTo, depart, renew};
use crate::worker::{Client, Over, Verdict, Worker, answer};

/// Longest question taken; real ones have some dozens of bytes.
const QUESTION_MAX: usize = 4_096;
/// Pause after the system refused a connection (out of file handles).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Open connections of one worker.
#[derive(Default)]
pub(crate) struct Connections {
    all: usize,
    /// Those of each client, the oldest first.
    by_client: HashMap<IpAddr, VecDeque<Seat>>,
    /// The number of the latest.
    latest: u64,
}

/// What one connection holds.
struct Seat {
    number: u64,
    /// Told when another needs the place more.
    leave: Rc<Notify>,
}

impl Connections {
    /// Takes the oldest connection from the client that has the most, so that clients which hold many
    /// and do nothing with them keep out nobody but themselves.
    fn make_room(&mut self) {
        let age = |seats: &VecDeque<Seat>| Reverse(seats.front().map_or(0, |seat| seat.number));
        let most = self
            .by_client
            .values_mut()
            .max_by_key(|seats| (seats.len(), age(seats)));
        if let Some(seat) = most.and_then(VecDeque::pop_front) {
            seat.leave.notify_one();
            self.all = self.all.saturating_sub(1);
        }
    }
}

/// The connections that all listeners of a worker have taken.
pub(crate) type Open = Rc<RefCell<Connections>>;

/// Takes connections for ever, within bounds; each is served by `serve`.
pub(crate) async fn listen<F: Future<Output = ()> + 'static>(
    listener: TcpListener,
    rc: Rc<RefCell<Worker>>,
    open: Open,
    serve: impl Fn(TcpStream, IpAddr, Rc<RefCell<Worker>>) -> F,
) {
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(place) = Place::take(&rc, &open, from.ip()) else {
            add(&rc.borrow().tally.tcp_turned_away);
            continue;
        };
        add(&rc.borrow().tally.tcp_connections);
        // Where this fails answers come a little later.
        let _ = stream.set_nodelay(true);
        let serving = serve(stream, from.ip(), Rc::clone(&rc));
        let rc = Rc::clone(&rc);
        tokio::task::spawn_local(async move {
            tokio::select! {
                biased;
                () = serving => {}
                () = place.leave.notified() => {}
            }
            drop(place);
            add(&rc.borrow().tally.tcp_closed);
        });
    }
}

/// Serves one connection without TLS.
pub(crate) async fn plain(stream: TcpStream, ip: IpAddr, rc: Rc<RefCell<Worker>>) {
    let (reader, writer) = stream.into_split();
    connection(reader, writer, (ip, Over::Tcp), &rc).await;
}

/// One connection's place among those allowed; given back when dropped.
struct Place {
    open: Open,
    client: IpAddr,
    number: u64,
    leave: Rc<Notify>,
}

impl Place {
    fn take(rc: &Rc<RefCell<Worker>>, open: &Open, client: IpAddr) -> Option<Self> {
        let worker = rc.borrow();
        let limits = &worker.shared.config.limits;
        let mut connections = open.borrow_mut();
        let mine = connections.by_client.get(&client).map_or(0, VecDeque::len);
        if mine >= limits.tcp_per_client_max {
            return None;
        }
        if connections.all >= limits.tcp_connections_max {
            add(&worker.tally.tcp_made_room);
            connections.make_room();
        }
        connections.all += 1;
        connections.latest += 1;
        let (number, leave) = (connections.latest, Rc::new(Notify::new()));
        let seat = Seat {
            number,
            leave: Rc::clone(&leave),
        };
        connections
            .by_client
            .entry(client)
            .or_default()
            .push_back(seat);
        Some(Self {
            open: Rc::clone(open),
            client,
            number,
            leave,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.open.borrow_mut();
        let Some(mine) = connections.by_client.get_mut(&self.client) else {
            return;
        };
        let seat = mine.iter().position(|seat| seat.number == self.number);
        // None where it had to leave: it is not counted any more.
        let left = seat.and_then(|seat| mine.remove(seat)).is_some();
        if mine.is_empty() {
            connections.by_client.remove(&self.client);
        }
        connections.all = connections.all.saturating_sub(usize::from(left));
    }
}

/// Reads questions until the client is done, idle, too slow, or talks nonsense.
pub(crate) async fn connection(
    mut reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin + 'static,
    (ip, over): (IpAddr, Over),
    rc: &Rc<RefCell<Worker>>,
) {
    let limits = rc.borrow().shared.config.limits;
    let (queue, answers) = mpsc::channel(limits.tcp_pipeline_max.max(1));
    let writing = tokio::task::spawn_local(write(writer, answers, limits.tcp_idle));
    let mut question = Vec::new();
    loop {
        // The whole question has to be there in time, so that dripping bytes gains nothing.
        let deadline = Instant::now() + limits.tcp_idle;
        let read = timeout_at(deadline, next_question(&mut reader, &mut question)).await;
        if !matches!(read, Ok(Some(()))) {
            break;
        }
        // No more questions are read while as many answers are owed as the queue holds.
        let Ok(Ok(place)) = timeout(limits.tcp_idle, queue.clone().reserve_owned()).await else {
            break;
        };
        if !one(rc, &question, Client::new(ip, over), place) {
            break;
        }
    }
    drop(queue);
    if timeout(limits.tcp_idle, writing).await.is_err() {
        tracing::debug!("a TCP client did not take its answers in time");
    }
}

/// Answers or forwards one question; false closes the connection.
fn one(
    rc: &Rc<RefCell<Worker>>,
    question: &[u8],
    client: Client,
    place: mpsc::OwnedPermit<Vec<u8>>,
) -> bool {
    let mut guard = rc.borrow_mut();
    let worker = &mut *guard;
    let now = worker.shared.clock.now();
    match answer(worker, question, client, now) {
        Verdict::Silent => return false,
        Verdict::Reply => {
            place.send(worker.out.clone());
        }
        Verdict::Forward(pending) => depart(rc, worker, pending, ReplyTo::Tcp(place), now),
    }
    if !worker.renewals.is_empty() {
        renew(rc, worker);
    }
    true
}

async fn next_question(
    reader: &mut (impl AsyncRead + Unpin),
    question: &mut Vec<u8>,
) -> Option<()> {
    let length = usize::from(reader.read_u16().await.ok()?);
    if !(12..=QUESTION_MAX).contains(&length) {
        return None;
    }
    question.resize(length, 0);
    reader.read_exact(question).await.ok().map(|_| ())
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut answers: mpsc::Receiver<Vec<u8>>,
    limit: Duration,
) {
    let mut framed = Vec::new();
    while let Some(answer) = answers.recv().await {
        let Ok(length) = u16::try_from(answer.len()) else {
            continue;
        };
        framed.clear();
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(&answer);
        if !matches!(timeout(limit, writer.write_all(&framed)).await, Ok(Ok(()))) {
            return;
        }
    }
    // Says over TLS that this is the end and nothing was cut off.
    let _ = timeout(limit, writer.shutdown()).await;
}
