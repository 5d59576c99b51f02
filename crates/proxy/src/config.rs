//! What the proxy is told at start.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pharos_scan::tools::LiveTools;
use pharos_scan::{Dictionaries, WatchList};
use rustls_pki_types::CertificateDer;

use crate::resolve::Names;
use crate::{CertificateAuthority, Words};

/// Whether the proxy asks for name and password (HTTP Basic over the proxy, RFC 7617).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignInMode {
    /// Never asked; what a client sends is ignored and never passed on.
    Off,
    /// A client that sends a name and password is signed in; nobody is asked.
    #[default]
    Offered,
    /// Whoever the address map does not know is asked (407) and gets nothing until signed in.
    Required,
}

/// A host whose network address the school has fixed, as in a hosts file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// Where the host is.
    pub ip: IpAddr,
    /// The port to use instead of the one asked for.
    pub port: Option<u16>,
}

/// An address at which connections arrive whose clients know nothing of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transparent {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether a `tproxy` rule sends them here, which keeps the address that the client meant
    /// (`IP_TRANSPARENT`, needs `CAP_NET_ADMIN`); otherwise a `redirect` rule (`SO_ORIGINAL_DST`).
    pub tproxy: bool,
}

/// What becomes of a connection whose name does not lead to the address that the client meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mismatch {
    /// It is refused.
    #[default]
    Refuse,
    /// The name alone counts: it is what is decided on and what is dialled.
    DialName,
}

/// Everything the proxy is told at start.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// Where to listen; port 0 picks a free one, the same for all workers.
    pub listen: Vec<SocketAddr>,
    /// Where connections arrive whose clients know nothing of a proxy.
    pub transparent: Vec<Transparent>,
    /// What becomes of them where name and address do not belong together.
    pub mismatch: Mismatch,
    /// Where the names lead that the resolver blocks (usually port 80, and 443 where devices trust
    /// the school's certificate): answered with the block page, never passed on.
    pub block_pages: Vec<SocketAddr>,
    /// Worker threads, each with its own runtime and its own pool of origin connections;
    /// 0 for one per core.
    pub workers: usize,
    /// The address of Pharos's own web pages without a slash at the end, such as
    /// `https://pharos.harbourmouth.sch.example`; links on block pages begin with it.
    pub web: String,
    /// The host and port that devices are told to use as their proxy (PAC file, instructions); empty
    /// where it listens on every address: then the name or address under which it was asked.
    pub public: String,
    /// The school's words on the pages.
    pub words: Words,
    /// The school's certificate authority; `None` switches interception off.
    pub authority: Option<Arc<CertificateAuthority>>,
    /// Name and password over the proxy.
    pub sign_in: SignInMode,
    /// Whether origins on loopback, private and link-local addresses may be reached. Off in a
    /// school: otherwise the proxy would be a way round the school's own firewall.
    pub allow_private_origins: bool,
    /// Host names on the school's own network that may be reached although their address is
    /// private.
    pub intranet: Vec<String>,
    /// Hosts with a fixed address, looked up before DNS. Lower case.
    pub fixed: BTreeMap<String, Fixed>,
    /// Who finds the addresses of origins; `None` for the system's resolvers.
    pub names: Option<Arc<dyn Names>>,
    /// Roots trusted for origins beside the system's, in DER: a school's own services, tests.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// What page text is read against, for whom the policy asks for it (`fil.page_text`); `None`
    /// reads none.
    pub dictionaries: Option<Arc<Dictionaries>>,
    /// The tools of generative AI that are known; `None` knows none, and reads what is sent to them
    /// in the generic way alone.
    pub tools: Option<Arc<LiveTools>>,
    /// The words that are watched for: of a long prompt the part with them is kept.
    pub watch: Option<Arc<WatchList>>,
    /// Ports that `CONNECT` may reach; empty for every port (tests).
    pub connect_ports: Vec<u16>,
    /// Bounds on what strangers can make the proxy spend.
    pub limits: Limits,
}

impl Default for ProxyConfig {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 3128))],
            transparent: Vec::new(),
            block_pages: Vec::new(),
            mismatch: Mismatch::default(),
            workers: 0,
            web: "http://127.0.0.1:8080".to_owned(),
            public: "127.0.0.1:3128".to_owned(),
            words: Words::default(),
            authority: None,
            sign_in: SignInMode::default(),
            allow_private_origins: false,
            intranet: Vec::new(),
            fixed: BTreeMap::new(),
            names: None,
            extra_roots: Vec::new(),
            dictionaries: None,
            tools: None,
            watch: None,
            connect_ports: vec![80, 443, 8080, 8443],
            limits: Limits::default(),
        }
    }
}

impl ProxyConfig {
    /// Host and port of Pharos's own pages, from [`web`](Self::web); `None` where it is no address.
    pub(crate) fn own_pages(&self) -> Option<(String, u16)> {
        let web: http::Uri = self.web.parse().ok()?;
        let host = web.host()?.to_ascii_lowercase();
        let usual = if web.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        Some((host, web.port_u16().unwrap_or(usual)))
    }

    /// Whether this is where the links on block pages lead; that must be reached through the proxy
    /// too, wherever the pages stand.
    pub(crate) fn is_own_page(&self, host: &str, port: u16) -> bool {
        self.own_pages()
            .is_some_and(|(own, at)| own == host && at == port)
    }
}

/// Bounds; what happens at each is a clear answer where one can still be given, and a count in
/// [`crate::Figures`].
#[derive(Debug, Clone)]
pub struct Limits {
    /// Client connections at once over all workers; then the one that has been idle longest is
    /// closed for the next, and where all are at work the next gets a short 503.
    pub connections: usize,
    /// Client connections at once from one network address; then one of its own is closed in the same
    /// way.
    pub connections_per_address: usize,
    /// Bytes of one request head; more is answered 431.
    pub head_bytes: usize,
    /// Header lines of one request; more is answered 431.
    pub headers: usize,
    /// Requests at once on one HTTP/2 connection.
    pub streams: u32,
    /// HTTP/1.1 connections to origins at once for one HTTP/2 connection of a client.
    pub http1_per_http2: usize,
    /// Time from the first byte of a head to its last; more is answered 408.
    pub head_time: Duration,
    /// Time a kept-alive connection may stay silent before it is closed.
    pub idle: Duration,
    /// Time for a client's TLS hello and handshake.
    pub handshake: Duration,
    /// Time to look up and reach an origin, TLS handshake included.
    pub connect: Duration,
    /// Time an origin may take to begin its answer.
    pub first_byte: Duration,
    /// Time a body, a blocked write or a tunnel may stay without any progress.
    pub stall: Duration,
    /// Time an unused origin connection is kept for the next request.
    pub pool_idle: Duration,
    /// Time for one file to come and be scanned.
    pub scan: Duration,
    /// Memory of all files together that are held back while they are scanned, in bytes.
    pub scan_memory: usize,
    /// Unused origin connections kept per origin and worker.
    pub pool_per_origin: usize,
    /// Unused origin connections kept per worker.
    pub pool: usize,
    /// Pipes of 64 KiB for tunnels that stream, per worker; beyond it tunnels copy.
    pub pipes: usize,
    /// Bytes of one origin response head; more is answered with the 502 page.
    pub response_head_bytes: usize,
    /// Minted certificates kept.
    pub minted: usize,
    /// Texts known again by their hashes, in which nothing was found.
    pub known_texts: usize,
    /// How long a checked name and password is remembered (as a keyed hash only).
    pub sign_in_kept: Duration,
    /// Wrong passwords from one address or for one name before both wait.
    pub sign_in_tries: u32,
    /// How long they wait.
    pub sign_in_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_address: 512,
            head_bytes: 64 * 1024,
            headers: 100,
            streams: 100,
            http1_per_http2: 16,
            head_time: Duration::from_secs(15),
            idle: Duration::from_secs(90),
            handshake: Duration::from_secs(15),
            connect: Duration::from_secs(12),
            first_byte: Duration::from_secs(90),
            stall: Duration::from_secs(300),
            pool_idle: Duration::from_secs(30),
            scan: Duration::from_secs(600),
            scan_memory: 256 << 20,
            pool_per_origin: 32,
            pool: 2_048,
            pipes: 256,
            response_head_bytes: 128 * 1024,
            minted: 4_096,
            known_texts: 8_192,
            sign_in_kept: Duration::from_secs(300),
            sign_in_tries: 10,
            sign_in_wait: Duration::from_secs(60),
        }
    }
}
