//! Clients of a forward proxy: one thread, each client asks again as soon as it has its answer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;

/// Clients that are still waiting this long after the end are left.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a client does again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `GET http://host/path` on a connection that is kept.
    Plain,
    /// `CONNECT`, TLS from the beginning (nothing resumed), one `GET`, close.
    TlsNew,
    /// `CONNECT` and TLS once, then one `GET` after another.
    TlsKept,
    /// `CONNECT` once, and nothing more: open tunnels.
    Hold,
    /// `CONNECT` and TLS once, and nothing more: open intercepted connections.
    HoldTls,
}

impl FromStr for Kind {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "plain" => Self::Plain,
            "tls-new" => Self::TlsNew,
            "tls-kept" => Self::TlsKept,
            "hold" => Self::Hold,
            "hold-tls" => Self::HoldTls,
            _ => bail!("{text:?} is no kind of load: plain, tls-new, tls-kept, hold or hold-tls"),
        })
    }
}

/// What to ask.
pub struct Plan {
    /// The proxy.
    pub proxy: SocketAddr,
    /// The address to come from.
    pub from: IpAddr,
    /// What each client does.
    pub kind: Kind,
    /// Asked in a mixed order, the same in every run.
    pub hosts: Vec<String>,
    /// Asked of each host.
    pub path: String,
    /// At once.
    pub clients: usize,
    /// How long.
    pub seconds: f64,
}

struct Answer {
    status: u16,
    bytes: u64,
    kept: bool,
}

#[derive(Default)]
struct Told {
    took_us: Vec<u64>,
    bytes: u64,
    failed: u64,
    statuses: BTreeMap<u16, u64>,
}

struct Client {
    plan: Rc<Plan>,
    tls: TlsConnector,
    told: Rc<RefCell<Told>>,
    end: Instant,
    /// Which host comes next (xorshift).
    dice: u64,
}

/// Runs all clients and prints one line: words and numbers in turn.
pub fn run(plan: Plan) -> Result<()> {
    ensure!(!plan.hosts.is_empty(), "the file of hosts is empty");
    let (plan, told) = (Rc::new(plan), Rc::<RefCell<Told>>::default());
    let tls = trusting()?;
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if matches!(plan.kind, Kind::Hold | Kind::HoldTls) {
        return LocalSet::new().block_on(&runtime, hold(&plan, &tls));
    }
    LocalSet::new().block_on(&runtime, async {
        let end = start + Duration::from_secs_f64(plan.seconds);
        let clients: Vec<_> = (1..=plan.clients as u64)
            .map(|number| Client {
                plan: Rc::clone(&plan),
                tls: tls.clone(),
                told: Rc::clone(&told),
                end,
                dice: number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            })
            .map(|client| tokio::task::spawn_local(client.work()))
            .collect();
        let all = async {
            for client in clients {
                let _ = client.await;
            }
        };
        let _ = tokio::time::timeout_at((end + PATIENCE).into(), all).await;
    });
    told.borrow_mut().print(start.elapsed());
    Ok(())
}

impl Client {
    async fn work(mut self) {
        while Instant::now() < self.end {
            let done = match self.plan.kind {
                Kind::Plain => self.plain().await,
                _ => self.inside_tls().await,
            };
            if done.is_err() {
                self.told.borrow_mut().failed += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// Keeps one connection until the proxy closes it or the time is over.
    async fn plain(&mut self) -> io::Result<()> {
        let mut stream = BufReader::with_capacity(65_536, self.reach().await?);
        loop {
            let host = self.host();
            let target = format!("http://{host}{}", self.plan.path);
            if !self.ask(&mut stream, &target, &host, true).await? {
                return Ok(());
            }
        }
    }

    async fn inside_tls(&mut self) -> io::Result<()> {
        let host = self.host();
        let began = Instant::now();
        let mut stream = BufReader::new(self.reach().await?);
        stream
            .write_all(
                format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").as_bytes(),
            )
            .await?;
        let status = head(&mut stream).await?.status;
        if status != 200 {
            self.told.borrow_mut().count(
                &Answer {
                    status,
                    bytes: 0,
                    kept: false,
                },
                began,
            );
            return Ok(());
        }
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let stream = self.tls.connect(name, stream.into_inner()).await?;
        let mut stream = BufReader::with_capacity(65_536, stream);
        let path = self.plan.path.clone();
        if self.plan.kind == Kind::TlsNew {
            let answer = get(&mut stream, &path, &host, false).await?;
            self.told.borrow_mut().count(&answer, began);
            return Ok(());
        }
        while self.ask(&mut stream, &path, &host, true).await? {}
        Ok(())
    }

    async fn reach(&self) -> io::Result<TcpStream> {
        reach(self.plan.from, self.plan.proxy).await
    }

    /// Whether the connection may be asked again.
    async fn ask<S>(
        &self,
        stream: &mut BufReader<S>,
        target: &str,
        host: &str,
        keep: bool,
    ) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let began = Instant::now();
        let answer = get(stream, target, host, keep).await?;
        self.told.borrow_mut().count(&answer, began);
        Ok(answer.kept && Instant::now() < self.end)
    }

    fn host(&mut self) -> String {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.plan.hosts[(self.dice % self.plan.hosts.len() as u64) as usize].clone()
    }
}

async fn reach(from: IpAddr, proxy: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // The kernel picks the port when it connects, so that one may serve several pairs of addresses.
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(proxy).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Connections that come from one address: proxies bound what one device may open.
const FROM_ONE: usize = 200;

/// Opens as many connections as there are clients, says how many, and keeps them for the time.
async fn hold(plan: &Plan, tls: &TlsConnector) -> Result<()> {
    let (mut bare, mut inside) = (Vec::new(), Vec::new());
    for number in 0..plan.clients {
        let IpAddr::V4(first) = plan.from else {
            bail!("hold needs an IPv4 address to come from");
        };
        let from = IpAddr::from(u32::from(first).wrapping_add((number / FROM_ONE) as u32).to_be_bytes());
        let host = &plan.hosts[number % plan.hosts.len()];
        let mut stream = BufReader::new(reach(from, plan.proxy).await?);
        let asked = format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n");
        stream.write_all(asked.as_bytes()).await?;
        let status = head(&mut stream).await?.status;
        ensure!(status == 200, "connection {number} was answered {status}");
        let mut stream = stream.into_inner();
        if plan.kind == Kind::Hold {
            // What is no TLS and no HTTP: a proxy that looks at the first bytes has them.
            stream.write_all(&[1]).await?;
            bare.push(stream);
        } else {
            let name = ServerName::try_from(host.clone())?;
            inside.push(tls.connect(name, stream).await?);
        }
    }
    println!("held {}", bare.len() + inside.len());
    tokio::time::sleep(Duration::from_secs_f64(plan.seconds)).await;
    Ok(())
}

async fn get<S>(
    stream: &mut BufReader<S>,
    target: &str,
    host: &str,
    keep: bool,
) -> io::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connection = if keep { "keep-alive" } else { "close" };
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) bench\r\nAccept: text/html,*/*\r\nConnection: {connection}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let head = head(stream).await?;
    let bytes = body(stream, head.body).await?;
    Ok(Answer {
        status: head.status,
        bytes,
        kept: head.kept && head.body != Body::UntilClose,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Of(u64),
    Chunked,
    UntilClose,
}

struct Head {
    status: u16,
    body: Body,
    kept: bool,
}

async fn head<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<Head> {
    let first = line(stream).await?;
    let status = first
        .get(9..12)
        .and_then(|status| status.parse().ok())
        .ok_or(ErrorKind::InvalidData)?;
    let mut head = Head {
        status,
        body: Body::UntilClose,
        kept: first.starts_with("http/1.1"),
    };
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else {
            return Ok(head);
        };
        let value = value.trim();
        match name {
            "content-length" => head.body = Body::Of(value.parse().map_err(io::Error::other)?),
            "transfer-encoding" if value.contains("chunked") => head.body = Body::Chunked,
            "connection" | "proxy-connection" if value.contains("close") => head.kept = false,
            _ => {}
        }
    }
}

async fn body<S: AsyncRead + Unpin>(stream: &mut BufReader<S>, body: Body) -> io::Result<u64> {
    match body {
        Body::Of(length) => pass_over(stream, length).await,
        Body::UntilClose => pass_over(stream, u64::MAX).await,
        Body::Chunked => {
            let mut all = 0;
            loop {
                let size = u64::from_str_radix(
                    line(stream).await?.split(';').next().unwrap_or_default(),
                    16,
                )
                .map_err(io::Error::other)?;
                pass_over(stream, size).await?;
                line(stream).await?;
                all += size;
                if size == 0 {
                    return Ok(all);
                }
            }
        }
    }
}

/// Reads `length` bytes away; with no end named, to the end of the stream.
async fn pass_over<S: AsyncRead + Unpin>(
    stream: &mut BufReader<S>,
    length: u64,
) -> io::Result<u64> {
    let mut passed = 0;
    while passed < length {
        let here = stream.fill_buf().await?.len() as u64;
        if here == 0 {
            return if length == u64::MAX {
                Ok(passed)
            } else {
                Err(ErrorKind::UnexpectedEof.into())
            };
        }
        let taken = here.min(length - passed);
        stream.consume(taken as usize);
        passed += taken;
    }
    Ok(passed)
}

/// The next line in lower case, without its end.
async fn line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<String> {
    let mut line = Vec::with_capacity(128);
    if stream.take(8_192).read_until(b'\n', &mut line).await? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(line.trim_ascii_end()).to_ascii_lowercase())
}

impl Told {
    fn count(&mut self, answer: &Answer, began: Instant) {
        self.took_us.push(began.elapsed().as_micros() as u64);
        self.bytes += answer.bytes;
        *self.statuses.entry(answer.status).or_default() += 1;
    }

    fn print(&mut self, took: Duration) {
        self.took_us.sort_unstable();
        let within = |share: f64| {
            self.took_us
                .get((self.took_us.len() as f64 * share) as usize)
                .or(self.took_us.last())
                .copied()
                .unwrap_or_default()
        };
        let statuses: Vec<String> = self
            .statuses
            .iter()
            .map(|(status, count)| format!("{status}:{count}"))
            .collect();
        println!(
            "per_second {:.1} answers {} failed {} megabytes {:.1} p50_us {} p99_us {} statuses {}",
            self.took_us.len() as f64 / took.as_secs_f64(),
            self.took_us.len(),
            self.failed,
            self.bytes as f64 / 1e6,
            within(0.5),
            within(0.99),
            statuses.join(","),
        );
    }
}

/// A TLS client that believes anybody (it measures; it does not visit) and resumes nothing.
fn trusting() -> Result<TlsConnector> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
