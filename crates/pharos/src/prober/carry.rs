//! Carrying bytes to a face: datagrams, streams, TLS under the school's own authority and no other.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use hickory_proto::op::Message;
use pharos_proxy::CertificateAuthority;
use pharos_service::Way;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::door::Door;

/// As much of an answer as is looked at, in bytes.
const ANSWER_MAX: usize = 128 * 1024;

/// Trust in the school's own authority alone: a certificate of anybody else means that a connection
/// was not looked into.
#[derive(Clone)]
pub(super) struct Trust {
    web: Arc<ClientConfig>,
    dot: Arc<ClientConfig>,
}

impl Trust {
    pub(super) fn only(authority: &CertificateAuthority) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(authority.certificate_der().clone())
            .context("the school's own certificate cannot be trusted by its own check")?;
        let with = |protocol: &[u8]| -> anyhow::Result<Arc<ClientConfig>> {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            config.alpn_protocols = vec![protocol.to_vec()];
            Ok(Arc::new(config))
        };
        Ok(Self {
            web: with(b"http/1.1")?,
            dot: with(b"dot")?,
        })
    }

    /// Encrypts a stream to whoever proves to be `name` by the school's authority.
    pub(super) async fn open(
        &self,
        stream: TcpStream,
        name: &str,
        dot: bool,
    ) -> io::Result<TlsStream<TcpStream>> {
        let config = if dot { &self.dot } else { &self.web };
        let name = name.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await
    }
}

/// A stream from one of the check's own addresses.
pub(super) async fn stream(from: IpAddr, door: Door) -> io::Result<TcpStream> {
    let socket = match door.at {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(door.source(from))?;
    socket.connect(door.at).await
}

/// A way to the resolver.
pub(super) struct Line<'a> {
    pub(super) from: IpAddr,
    pub(super) door: Door,
    pub(super) way: Way,
    pub(super) trust: &'a Trust,
    /// The name in the resolver's certificate.
    pub(super) name: Option<&'a str>,
    /// The secret of a device's own path.
    pub(super) device: Option<&'a str>,
}

impl Line<'_> {
    /// Asks one question.
    pub(super) async fn ask(&self, query: &Message) -> io::Result<Message> {
        let packet = query.to_vec().map_err(io::Error::other)?;
        match self.way {
            Way::Dns => self.by_datagram(query, &packet).await,
            Way::DnsTcp => {
                let mut stream = stream(self.from, self.door).await?;
                framed(&mut stream, &packet).await
            }
            Way::Dot => {
                let mut stream = self.encrypted(true).await?;
                framed(&mut stream, &packet).await
            }
            _ => {
                let mut stream = self.encrypted(false).await?;
                self.by_post(&mut stream, &packet).await
            }
        }
    }

    async fn by_datagram(&self, query: &Message, packet: &[u8]) -> io::Result<Message> {
        let socket = UdpSocket::bind(self.door.source(self.from)).await?;
        socket.connect(self.door.at).await?;
        socket.send(packet).await?;
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).await?;
            if let Ok(answer) = Message::from_vec(&buffer[..length])
                && answer.metadata.id == query.metadata.id
            {
                return Ok(answer);
            }
        }
    }

    async fn encrypted(&self, dot: bool) -> io::Result<TlsStream<TcpStream>> {
        let stream = stream(self.from, self.door).await?;
        let at = self.door.at.ip().to_string();
        self.trust.open(stream, self.name.unwrap_or(&at), dot).await
    }

    async fn by_post(
        &self,
        stream: &mut TlsStream<TcpStream>,
        packet: &[u8],
    ) -> io::Result<Message> {
        let path = match self.device {
            Some(secret) => format!("/dns-query/{secret}"),
            None => "/dns-query".to_owned(),
        };
        let host = self.name.unwrap_or("resolver");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/dns-message\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            packet.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(packet).await?;
        let answer = Http::read(stream).await?;
        if answer.status != 200 {
            let what = format!("DNS over HTTPS answered {}", answer.status);
            return Err(io::Error::other(what));
        }
        Message::from_vec(&answer.body).map_err(io::Error::other)
    }
}

/// One question and answer on a stream (RFC 1035, section 4.2.2).
async fn framed(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    packet: &[u8],
) -> io::Result<Message> {
    let length = u16::try_from(packet.len()).map_err(io::Error::other)?;
    stream
        .write_all(&[&length.to_be_bytes()[..], packet].concat())
        .await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Message::from_vec(&answer).map_err(io::Error::other)
}

/// An answer of HTTP/1.1, as far as the check reads it.
#[derive(Debug, Default)]
pub(super) struct Http {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Http {
    /// Reads the head, and the body up to its length or the end; what is longer is cut.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut all = Vec::new();
        let mut piece = [0; 8 * 1024];
        let mut whole = None;
        while all.len() < whole.unwrap_or(ANSWER_MAX) {
            // Some close without taking leave once everything is said.
            let length = match stream.read(&mut piece).await {
                Ok(length) => length,
                Err(_) if whole.is_some() => 0,
                Err(error) => return Err(error),
            };
            if length == 0 {
                break;
            }
            all.extend_from_slice(&piece[..length]);
            if whole.is_none()
                && let Some(head) = head_of(&all)
            {
                let body =
                    field(head, "content-length").and_then(|length| length.parse::<usize>().ok());
                let end = head.len() + 4;
                whole =
                    Some(body.map_or(ANSWER_MAX, |body| end.saturating_add(body).min(ANSWER_MAX)));
                // The head alone tells of an open tunnel.
                if body.is_none() && head.starts_with("HTTP/1.1 200") {
                    break;
                }
            }
        }
        let head = head_of(&all).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let status = head
            .split_ascii_whitespace()
            .nth(1)
            .and_then(|code| code.parse().ok());
        Ok(Self {
            status: status.ok_or_else(|| io::Error::other("the answer is no HTTP"))?,
            location: field(head, "location").map(str::to_owned),
            body: all.get(head.len() + 4..).unwrap_or_default().to_vec(),
        })
    }
}

fn head_of(all: &[u8]) -> Option<&str> {
    let end = all.windows(4).position(|four| four == b"\r\n\r\n")?;
    std::str::from_utf8(&all[..end]).ok()
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUD-02: an answer is read to its length whatever it says, and one that never ends is cut.
    #[tokio::test]
    async fn aud_02_answers_are_read_within_bounds() {
        let read = async |bytes: &[u8]| {
            let mut bytes = bytes;
            Http::read(&mut bytes).await
        };
        let page = read(
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nLocation: /a\r\n\r\npage and more",
        )
        .await
        .unwrap();
        assert_eq!(
            (page.status, &page.body[..4], page.location.as_deref()),
            (403, &b"page"[..], Some("/a"))
        );
        let endless = [
            b"HTTP/1.1 502 Bad\r\n\r\n".to_vec(),
            vec![b'x'; 3 * ANSWER_MAX],
        ]
        .concat();
        let cut = read(&endless).await.unwrap();
        assert!(cut.body.len() < 2 * ANSWER_MAX, "{}", cut.body.len());
        for broken in [
            &b""[..],
            b"HTTP/1.1 200",
            b"\xff\xff\r\n\r\n",
            b"no http\r\n\r\n",
        ] {
            assert!(read(broken).await.is_err(), "{broken:?}");
        }
    }
}
