//! Syslog over UDP and TCP: one message a datagram (RFC 5426); over TCP with its length before it or
//! a line end behind it (RFC 6587).

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use pharos_activity::Sink;
use pharos_monitor::firewall::{self, Cut, FRAME_MAX, MESSAGE_MAX, cut};
use pharos_service::App;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::CannotListen;

/// Connections at once; the next waits.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may stay silent.
const SILENT_MAX: Duration = Duration::from_secs(3600);
/// How often another port is tried where any will do and UDP's is taken for TCP.
const PORTS_TRIED: usize = 16;

/// Where messages go.
#[derive(Clone)]
pub(crate) struct Hub {
    pub(crate) app: App,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) from: Arc<[IpNet]>,
}

impl Hub {
    fn takes(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.from.iter().any(|range| range.contains(&from))
    }

    fn take(&self, message: &[u8], from: IpAddr) {
        if let Some(told) = firewall::read(message)
            && let Some(event) = self.app.firewall_event(&told, from.to_canonical())
        {
            self.sink.record(event);
        }
    }
}

/// Listens on one port, UDP and TCP; gives where, and the work of each.
pub(crate) async fn listen(
    at: SocketAddr,
    hub: Hub,
    stop: CancellationToken,
) -> Result<
    (
        SocketAddr,
        impl Future<Output = ()>,
        impl Future<Output = ()>,
    ),
    CannotListen,
> {
    let (udp, tcp, bound) = bind(at).await.map_err(|source| CannotListen {
        what: "syslog",
        at,
        source,
    })?;
    Ok((
        bound,
        datagrams(udp, hub.clone(), stop.clone()),
        connections(tcp, hub, stop),
    ))
}

async fn bind(at: SocketAddr) -> std::io::Result<(UdpSocket, TcpListener, SocketAddr)> {
    let mut tried = 0;
    loop {
        let udp = UdpSocket::bind(at).await?;
        let bound = udp.local_addr()?;
        // A flood of events comes in bursts: let some of it wait in the system.
        drop(socket2::SockRef::from(&udp).set_recv_buffer_size(1 << 20));
        match TcpListener::bind(bound).await {
            Ok(tcp) => return Ok((udp, tcp, bound)),
            Err(_) if at.port() == 0 && tried < PORTS_TRIED => tried += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn datagrams(socket: UdpSocket, hub: Hub, stop: CancellationToken) {
    let mut buffer = vec![0; FRAME_MAX];
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        let Ok((length, from)) = received else {
            continue;
        };
        if hub.takes(from.ip()) {
            hub.take(buffer.get(..length).unwrap_or_default(), from.ip());
        }
    }
}

async fn connections(listener: TcpListener, hub: Hub, stop: CancellationToken) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut open = tokio::task::JoinSet::new();
    loop {
        let seat = tokio::select! {
            () = stop.cancelled() => break,
            seat = Arc::clone(&seats).acquire_owned() => seat,
        };
        let Ok(seat) = seat else { break };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next(), if !open.is_empty() => continue,
        };
        let Ok((stream, from)) = accepted else {
            // Out of descriptors: others close soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if !hub.takes(from.ip()) {
            continue;
        }
        let (hub, stop) = (hub.clone(), stop.clone());
        open.spawn(async move {
            let _seat = seat;
            let mut frames = Frames::new(stream);
            loop {
                let frame = tokio::select! {
                    () = stop.cancelled() => return,
                    frame = tokio::time::timeout(SILENT_MAX, frames.next()) => frame,
                };
                match frame {
                    Ok(Ok(Some(message))) => hub.take(&message, from.ip()),
                    _ => return,
                }
            }
        });
    }
    open.shutdown().await;
}

/// Messages out of a stream.
struct Frames<S> {
    stream: S,
    held: Vec<u8>,
    ended: bool,
}

impl<S: AsyncRead + Unpin> Frames<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            held: Vec::new(),
            ended: false,
        }
    }

    /// The next message; `None` at the end, or where a sender keeps to neither form.
    async fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        loop {
            match cut(&self.held, self.ended) {
                Cut::Frame { from, to, next } => {
                    let message = self.held.get(from..to.min(from + MESSAGE_MAX));
                    let message = message.unwrap_or_default().to_vec();
                    self.held.drain(..next.min(self.held.len()));
                    if !message.is_empty() {
                        return Ok(Some(message));
                    }
                }
                Cut::More if self.ended || self.held.len() > FRAME_MAX => return Ok(None),
                Cut::More => {
                    let read = self.stream.read_buf(&mut self.held).await?;
                    self.ended = read == 0;
                }
                Cut::Broken => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8]) -> Vec<String> {
        let mut frames = Frames::new(bytes);
        let mut all = Vec::new();
        while let Ok(Some(message)) = frames.next().await {
            all.push(String::from_utf8_lossy(&message).into_owned());
        }
        all
    }

    /// MON-05: both ways of cutting a stream, mixed, and an end without a line end.
    #[tokio::test]
    async fn mon_05_a_stream_is_cut_by_length_or_by_line() {
        assert_eq!(
            all(b"<13>one\n11 <13>two\nand<13>three\0\n<13>four").await,
            ["<13>one", "<13>two\nand", "<13>three", "<13>four"]
        );
    }

    /// FIL-17: a length that is none, or too long, ends the connection; nothing is held for ever.
    #[tokio::test]
    async fn fil_17_a_stream_of_neither_form_is_closed() {
        assert_eq!(all(b"99999999 <13>x").await, Vec::<String>::new());
        assert_eq!(all(b"70000 <13>x").await, Vec::<String>::new());
        assert_eq!(
            all(&vec![b'<'; FRAME_MAX + 100]).await,
            Vec::<String>::new()
        );
        assert_eq!(all(b"12 short").await, Vec::<String>::new());
    }
}
