//! One question to the upstreams, until one answers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::counts::{Tally, add};
use crate::says::{NO_ANSWER, NOT_REACHED};
use crate::wire::{Bad, CD, DO, Ede, Response, UDP_MAX, read};
use crate::worker::Shared;

/// Datagrams thrown away while waiting for the right one; beyond this somebody is guessing.
const STRAYS_MAX: usize = 64;

enum Failure {
    /// Nothing came back in time, or the network refused.
    Unreachable,
    /// Something came back that cannot be used.
    Unusable,
}

/// Asks the upstreams in turn.
///
/// # Errors
/// An Extended DNS Error for the client when none gave a usable answer.
pub(super) async fn resolve(shared: &Shared, tally: &Tally, key: &[u8]) -> Result<Response, Ede> {
    let upstreams = &shared.upstreams;
    let mut why = NOT_REACHED;
    let mut refused = smallvec::SmallVec::<[usize; 4]>::new();
    for at in upstreams.order(shared.clock.now().ms) {
        if refused.contains(&at) {
            continue;
        }
        let time = shared.config.limits.upstream_timeout;
        match ask(upstreams.address(at), tally, key, time).await {
            Ok(response) => {
                upstreams.answered(at);
                return Ok(response);
            }
            Err(Failure::Unusable) => {
                upstreams.answered(at);
                refused.push(at);
                why = NO_ANSWER;
            }
            Err(Failure::Unreachable) => {
                add(&tally.upstream_errors);
                if upstreams.failed(at, shared.clock.now().ms) {
                    add(&tally.upstream_down);
                    let upstream = upstreams.address(at);
                    tracing::warn!(%upstream, "a DNS upstream does not answer; trying the others");
                }
            }
        }
    }
    Err(why)
}

async fn ask(
    upstream: SocketAddr,
    tally: &Tally,
    key: &[u8],
    time: Duration,
) -> Result<Response, Failure> {
    let id = getrandom::u32().map_err(|_| Failure::Unreachable)? as u16;
    let question = question(id, key).ok_or(Failure::Unusable)?;
    let by_udp = timeout(time, over_udp(upstream, tally, id, key, &question)).await;
    match by_udp
        .map_err(|_| Failure::Unreachable)?
        .map_err(|_| Failure::Unreachable)?
    {
        Ok(response) => Ok(response),
        Err(Bad::Truncated) => {
            add(&tally.upstream_tcp);
            let by_tcp = timeout(time, over_tcp(upstream, id, key, &question)).await;
            let read = by_tcp.map_err(|_| Failure::Unreachable)?;
            read.map_err(|_| Failure::Unreachable)?
                .map_err(|bad| unusable(tally, bad))
        }
        Err(bad) => Err(unusable(tally, bad)),
    }
}

fn unusable(tally: &Tally, bad: Bad) -> Failure {
    if bad != Bad::Refuses {
        add(&tally.upstream_bad);
    }
    Failure::Unusable
}

/// A new socket for each question: the kernel takes a random port, which a forger has to guess
/// beside the id (RFC 5452 section 9.2), and connecting it shuts out all other senders.
async fn over_udp(
    upstream: SocketAddr,
    tally: &Tally,
    id: u16,
    key: &[u8],
    question: &[u8],
) -> io::Result<Result<Response, Bad>> {
    let domain = Domain::for_address(upstream);
    let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    socket.connect(&upstream.into())?;
    let socket = UdpSocket::from_std(socket.into())?;
    socket.send(question).await?;
    let mut buffer = [0; 4_096];
    for _ in 0..STRAYS_MAX {
        let length = socket.recv(&mut buffer).await?;
        match read(&buffer[..length], id, key) {
            Err(Bad::NotOurs) => add(&tally.upstream_bad),
            answer => return Ok(answer),
        }
    }
    Ok(Err(Bad::NotOurs))
}

async fn over_tcp(
    upstream: SocketAddr,
    id: u16,
    key: &[u8],
    question: &[u8],
) -> io::Result<Result<Response, Bad>> {
    let mut stream = TcpStream::connect(upstream).await?;
    let mut framed = (question.len() as u16).to_be_bytes().to_vec();
    framed.extend_from_slice(question);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(read(&answer, id, key))
}

/// The question as we ask it: lower-case, recursion wanted, our own EDNS, nothing of the client's
/// beyond name, type and the signature bits.
fn question(id: u16, key: &[u8]) -> Option<Vec<u8>> {
    let (flags, name_and_kind) = key.split_last()?;
    let mut message = Vec::with_capacity(key.len() + 32);
    message.extend_from_slice(&id.to_be_bytes());
    let checking_disabled = if flags & CD != 0 { 0x10 } else { 0 };
    message.extend_from_slice(&[0x01, checking_disabled, 0, 1, 0, 0, 0, 0, 0, 1]);
    message.extend_from_slice(name_and_kind);
    message.extend_from_slice(&[0, 1]);
    let [size_high, size_low] = UDP_MAX.to_be_bytes();
    let signatures = if flags & DO != 0 { 0x80 } else { 0 };
    message.extend_from_slice(&[0, 0, 41, size_high, size_low, 0, 0, signatures, 0, 0, 0]);
    Some(message)
}

/// Keeps an answer for everybody.
pub(super) fn keep(
    shared: &Shared,
    tally: &Tally,
    key: &[u8],
    response: Response,
) -> Arc<crate::cache::Entry> {
    if response.edited {
        add(&tally.service_records_edited);
    }
    let now = shared.clock.now();
    let entry = Arc::new(crate::cache::Entry::new(
        response,
        &shared.config.limits,
        now,
    ));
    shared.cache.keep(key.into(), &entry);
    entry
}
