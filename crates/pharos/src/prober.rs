//! The self-check's hands: real datagrams and real proxy requests from loopback addresses of its own.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{Name, RData, RecordType};
use pharos_service::{Prober, Seen};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};

/// How long one probe may take.
const PROBE_MAX: Duration = Duration::from_secs(6);
/// As much of an answer as is looked at.
const ANSWER_BYTES_MAX: usize = 4096;
/// Extended DNS Errors that say "blocked by the operator" (RFC 8914: 15 Blocked, 16 Censored, 17 Filtered).
const BLOCKED: [u16; 3] = [15, 16, 17];

/// Where the faces listen; `None` for a face that is off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaceProber {
    pub(crate) dns: Option<SocketAddr>,
    pub(crate) proxy: Option<SocketAddr>,
}

#[async_trait]
impl Prober for FaceProber {
    async fn look_up(&self, from: IpAddr, host: &str) -> Seen {
        let Some(dns) = self.dns else {
            return not_tried("the resolver is off");
        };
        match tokio::time::timeout(PROBE_MAX, look_up(from, dns, host)).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => not_tried(&error.to_string()),
            Err(_) => not_tried("the resolver did not answer in time"),
        }
    }

    async fn fetch(&self, from: IpAddr, url: &str) -> Seen {
        let Some(proxy) = self.proxy else {
            return not_tried("the proxy is off");
        };
        match tokio::time::timeout(PROBE_MAX, fetch(from, proxy, url)).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => not_tried(&error.to_string()),
            Err(_) => not_tried("the proxy did not answer in time"),
        }
    }
}

fn not_tried(why: &str) -> Seen {
    Seen::NotTried(why.to_owned())
}

/// An address of the same family as the face; the probe's own is IPv4 loopback.
fn source(from: IpAddr, face: SocketAddr) -> SocketAddr {
    SocketAddr::new(
        if face.is_ipv4() {
            from
        } else {
            IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)
        },
        0,
    )
}

async fn look_up(from: IpAddr, dns: SocketAddr, host: &str) -> std::io::Result<Seen> {
    let socket = UdpSocket::bind(source(from, dns)).await?;
    socket.connect(dns).await?;
    let name = Name::from_ascii(format!("{host}.")).map_err(std::io::Error::other)?;
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(name, RecordType::A));
    query.set_edns(Edns::new());
    let id = query.metadata.id;
    socket
        .send(&query.to_vec().map_err(std::io::Error::other)?)
        .await?;
    let mut buffer = [0; ANSWER_BYTES_MAX];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let Ok(answer) = Message::from_vec(&buffer[..length]) else {
            continue;
        };
        if answer.metadata.id == id {
            return Ok(judge(&answer));
        }
    }
}

fn judge(answer: &Message) -> Seen {
    if extended_error(answer).is_some_and(|code| BLOCKED.contains(&code)) {
        return match answer.answers.is_empty() {
            true => Seen::Nothing,
            false => Seen::Blocked,
        };
    }
    let alias = answer.answers.iter().find_map(|record| match &record.data {
        RData::CNAME(target) => Some(target.0.to_ascii().trim_end_matches('.').to_owned()),
        _ => None,
    });
    alias.map_or(Seen::Through, Seen::Narrowed)
}

/// The Extended DNS Error of an answer (option 15, RFC 8914).
fn extended_error(answer: &Message) -> Option<u16> {
    let edns = answer.edns.as_ref()?;
    match edns.options().get(EdnsCode::Unknown(15))? {
        EdnsOption::Unknown(15, bytes) => bytes
            .first_chunk::<2>()
            .map(|code| u16::from_be_bytes(*code)),
        _ => None,
    }
}

async fn fetch(from: IpAddr, proxy: SocketAddr, url: &str) -> std::io::Result<Seen> {
    let socket = if proxy.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.bind(source(from, proxy))?;
    let mut stream = socket.connect(proxy).await?;
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let request = format!(
        "GET {url} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Pharos self-check\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0; 16];
    stream.read_exact(&mut head).await?;
    // The block page answers 403; everything that went through, or failed behind the proxy, does not.
    Ok(if head.starts_with(b"HTTP/1.1 403") {
        Seen::Blocked
    } else {
        Seen::Through
    })
}
