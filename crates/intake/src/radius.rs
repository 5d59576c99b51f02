//! The accounting port of RADIUS: datagrams from known clients to sessions, each acknowledged once
//! it counts (RFC 2866).

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pharos_directory::radius::{PACKET_MAX, Packet, Refused, read};
use pharos_service::{App, RadiusCounts};
use secrecy::ExposeSecret;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use crate::{CannotListen, RadiusClient};

/// How long an answer is kept for a request that comes again.
const AGAIN_WITHIN: Duration = Duration::from_secs(30);
/// The most answers kept for that.
const ANSWERS_MAX: usize = 4_096;

/// Requests answered lately: the same again is answered the same, and counts once.
#[derive(Debug, Default)]
struct Answered {
    by_request: HashMap<(SocketAddr, [u8; 20]), Vec<u8>>,
    order: VecDeque<(Instant, (SocketAddr, [u8; 20]))>,
}

impl Answered {
    fn find(&mut self, from: SocketAddr, head: [u8; 20], now: Instant) -> Option<&Vec<u8>> {
        while self
            .order
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) >= AGAIN_WITHIN)
        {
            self.drop_oldest();
        }
        self.by_request.get(&(from, head))
    }

    fn keep(&mut self, from: SocketAddr, head: [u8; 20], answer: Vec<u8>, now: Instant) {
        if self.order.len() >= ANSWERS_MAX {
            self.drop_oldest();
        }
        self.order.push_back((now, (from, head)));
        self.by_request.insert((from, head), answer);
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.by_request.remove(&key);
        }
    }
}

/// Listens; gives where, and the work to be done.
pub(crate) async fn listen(
    at: SocketAddr,
    clients: Vec<RadiusClient>,
    app: App,
    stop: CancellationToken,
) -> Result<(SocketAddr, impl Future<Output = ()>), CannotListen> {
    let cannot = |source| CannotListen {
        what: "RADIUS accounting",
        at,
        source,
    };
    let socket = UdpSocket::bind(at).await.map_err(cannot)?;
    let bound = socket.local_addr().map_err(cannot)?;
    Ok((bound, serve(socket, clients, app, stop)))
}

async fn serve(socket: UdpSocket, clients: Vec<RadiusClient>, app: App, stop: CancellationToken) {
    let mut buffer = vec![0; PACKET_MAX + 1];
    let mut answered = Answered::default();
    let mut counts = RadiusCounts::default();
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        // An error here is about a datagram sent before (ICMP); the socket goes on.
        let Ok((length, from)) = received else {
            continue;
        };
        let datagram = buffer.get(..length).unwrap_or_default();
        let answer = take(datagram, from, &clients, &app, &mut answered, &mut counts);
        app.count_radius(counts);
        if let Some(answer) = answer
            && let Err(error) = socket.send_to(&answer, from).await
        {
            tracing::debug!(%error, "an accounting answer could not be sent");
        }
    }
}

/// What a datagram is answered with; nothing where it counts for nothing.
fn take(
    datagram: &[u8],
    from: SocketAddr,
    clients: &[RadiusClient],
    app: &App,
    answered: &mut Answered,
    counts: &mut RadiusCounts,
) -> Option<Vec<u8>> {
    let Some(client) = client_at(clients, from.ip()) else {
        counts.strangers += 1;
        return None;
    };
    let head: [u8; 20] = match datagram.first_chunk() {
        Some(head) => *head,
        None => {
            counts.malformed += 1;
            return None;
        }
    };
    let now = Instant::now();
    if let Some(answer) = answered.find(from, head, now) {
        counts.again += 1;
        return Some(answer.clone());
    }
    match read(datagram, client.secret.expose_secret()) {
        Ok((Packet::Accounting(told), answer)) => {
            if let Some(told) = told {
                app.take_accounting(&told);
            }
            counts.taken += 1;
            answered.keep(from, head, answer.clone(), now);
            Some(answer)
        }
        Ok((Packet::AreYouThere, answer)) => Some(answer),
        Err(why) => {
            let count = match why {
                Refused::WrongSecret => &mut counts.wrong_secret,
                Refused::Malformed | Refused::OtherKind => &mut counts.malformed,
            };
            *count += 1;
            if count.is_power_of_two() {
                tracing::warn!(client = %client.name, %why, so_far = *count, "an accounting packet counts for nothing");
            }
            None
        }
    }
}

/// The client at an address: of several ranges the longest prefix.
fn client_at(clients: &[RadiusClient], from: IpAddr) -> Option<&RadiusClient> {
    let from = from.to_canonical();
    clients
        .iter()
        .filter(|client| client.range.contains(&from))
        .max_by_key(|client| client.range.prefix_len())
}
