//! Stand-in web sites on loopback that behave, and misbehave, as a test asks.
//!
//! They speak raw bytes, so that a test sees exactly what arrived and can send what no decent
//! server would. Certificates come from a certificate authority made for the test.

#![expect(
    clippy::unwrap_used,
    reason = "a test helper: what fails here fails the test"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A free port of this machine.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The head, byte for byte, with its empty line.
    pub head: String,
    /// The body as it was framed on the wire (chunks are not taken apart).
    pub body: Vec<u8>,
    /// Which of the origin's connections it came on, counted from 1.
    pub connection: usize,
    /// The server name of the TLS hello, where there was one.
    pub server_name: Option<String>,
}

impl Asked {
    /// The method.
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// The target of the request line.
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The first header of this name; case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// What an origin does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A complete answer; the connection stays open.
    Page {
        /// Status line after `HTTP/1.1`, such as `200 OK`.
        status: &'static str,
        /// Header lines.
        headers: Vec<(String, String)>,
        /// The body; its length is announced.
        body: Vec<u8>,
    },
    /// Exactly these bytes; the connection stays open.
    Raw(Vec<u8>),
    /// Exactly these bytes, then the connection is closed.
    RawClose(Vec<u8>),
    /// These bytes, then nothing more for ever.
    Stall(Vec<u8>),
    /// These bytes again and again without end.
    Endless(Vec<u8>, Vec<u8>),
    /// `101 Switching Protocols`, then every byte is sent back.
    Echo,
}

impl Reply {
    /// A page with status 200.
    pub fn page(body: impl Into<Vec<u8>>) -> Self {
        Reply::Page {
            status: "200 OK",
            headers: vec![("Content-Type".into(), "text/plain".into())],
            body: body.into(),
        }
    }
}

type Script = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A stand-in web site on a port of its own; it ends when dropped.
pub struct Origin {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Origin {
    /// A plain HTTP site.
    pub async fn http(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(LOOPBACK, None, Arc::new(script)).await
    }

    /// The same at a fixed address.
    pub async fn http_at(
        at: SocketAddr,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(at, None, Arc::new(script)).await
    }

    /// An HTTPS site with this certificate.
    pub async fn https(
        config: Arc<ServerConfig>,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::https_at(LOOPBACK, config, script).await
    }

    /// The same at a fixed address.
    pub async fn https_at(
        at: SocketAddr,
        config: Arc<ServerConfig>,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(at, Some(TlsAcceptor::from(config)), Arc::new(script)).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn start(at: SocketAddr, tls: Option<TlsAcceptor>, script: Script) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (log, count) = (Arc::clone(&asked), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let (tls, script, log) = (tls.clone(), Arc::clone(&script), Arc::clone(&log));
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, number, None, script, log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let name = stream.get_ref().1.server_name().map(str::to_owned);
                                serve(stream, number, name, script, log).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            asked,
            connections,
            task,
        }
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    server_name: Option<String>,
    script: Script,
    log: Arc<Mutex<Vec<Asked>>>,
) {
    let mut buffer = Vec::new();
    while let Some((head, body)) = read_request(&mut stream, &mut buffer).await {
        let asked = Asked {
            head,
            body,
            connection,
            server_name: server_name.clone(),
        };
        log.lock().unwrap().push(asked.clone());
        let reply = script(&asked);
        if !play(&mut stream, reply, asked.method() == "HEAD").await {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// Whether the connection stays open.
async fn play(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    reply: Reply,
    head_only: bool,
) -> bool {
    match reply {
        Reply::Page {
            status,
            headers,
            body,
        } => {
            let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
            for (name, value) in headers {
                text += &format!("{name}: {value}\r\n");
            }
            text += "\r\n";
            let mut bytes = text.into_bytes();
            if !head_only {
                bytes.extend(body);
            }
            stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok()
        }
        Reply::Raw(bytes) => stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok(),
        Reply::RawClose(bytes) => {
            let _ = stream.write_all(&bytes).await;
            false
        }
        Reply::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            let mut space = [0; 64];
            while matches!(stream.read(&mut space).await, Ok(n) if n > 0) {}
            false
        }
        Reply::Endless(first, again) => {
            if stream.write_all(&first).await.is_err() {
                return false;
            }
            while stream.write_all(&again).await.is_ok() {
                tokio::time::sleep(Duration::from_micros(50)).await;
            }
            false
        }
        Reply::Echo => {
            let hello = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            if stream.write_all(hello).await.is_err() {
                return false;
            }
            let mut space = [0; 4096];
            loop {
                match stream.read(&mut space).await {
                    Ok(n) if n > 0 => {
                        if stream.write_all(&space[..n]).await.is_err()
                            || stream.flush().await.is_err()
                        {
                            return false;
                        }
                    }
                    _ => return false,
                }
            }
        }
    }
}

async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> Option<(String, Vec<u8>)> {
    let end = loop {
        if let Some(at) = find(buffer, b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end);
    let lower = head.to_ascii_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|value| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    let chunked = lower.contains("transfer-encoding: chunked");
    let body_end = loop {
        let done = if chunked {
            find(buffer, b"0\r\n\r\n").map(|at| at + 5)
        } else {
            Some(length)
        };
        match done {
            Some(end) if buffer.len() >= end => break end,
            _ if stream.read_buf(buffer).await.ok()? == 0 => return None,
            _ => {}
        }
    };
    let body = buffer.drain(..body_end).collect();
    Some((head, body))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

/// When a test certificate is valid, seen from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Yesterday to next month.
    Now,
    /// It ran out yesterday.
    Expired,
    /// It begins tomorrow.
    NotYet,
}

/// A certificate authority made for one test.
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl TestCa {
    /// Makes one.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let signed = params.self_signed(&key).unwrap();
        Self {
            certificate: signed.der().clone(),
            pem: signed.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Its certificate, to be trusted.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// The same as text (PEM), for programs that read a file.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server configuration with a certificate for these names.
    pub fn server(&self, names: &[&str], validity: Validity) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf(names, validity).signed_by(&key, &self.issuer).unwrap();
        config(vec![certificate.der().clone(), self.certificate()], &key)
    }

    /// A certificate chain for these names, and its key.
    pub fn chain(
        &self,
        names: &[&str],
        validity: Validity,
    ) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf(names, validity).signed_by(&key, &self.issuer).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone(), self.certificate()], private)
    }
}

/// A server configuration with a certificate that nobody signed but itself.
pub fn self_signed(names: &[&str]) -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let certificate = leaf(names, Validity::Now).self_signed(&key).unwrap();
    config(vec![certificate.der().clone()], &key)
}

fn leaf(names: &[&str], validity: Validity) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let day = |days: i64| {
        let seconds = jiff::Timestamp::now().as_second() + days * 86_400;
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(seconds).unwrap())
    };
    let (from, until) = match validity {
        Validity::Now => (-1, 30),
        Validity::Expired => (-30, -1),
        Validity::NotYet => (1, 30),
    };
    params.not_before = day(from);
    params.not_after = day(until);
    params
}

fn config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}
