//! What the resolver is told at start.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use pharos_catalogue::{Host, Upstream};
use rustls::ClientConfig;
use rustls::server::ResolvesServerCert;

/// The resolver's settings. `DnsConfig::default()` listens nowhere and has no upstream; give it at
/// least one `listen` address.
#[derive(Debug, Clone)]
pub struct DnsConfig {
    /// Addresses to answer on, UDP and TCP. Port 0 takes a free port (the same for both).
    pub listen: Vec<SocketAddr>,
    /// Resolvers to forward to, in order of preference. Empty: only what the filter and the local
    /// names decide is answered; everything else is SERVFAIL with Extended DNS Error 22.
    pub upstreams: Vec<Upstream>,
    /// How the certificates of upstreams over TLS and HTTPS are checked; without it they count as
    /// not to be reached.
    pub upstream_tls: Option<Arc<ClientConfig>>,
    /// What a blocked name is answered with.
    pub block: BlockAnswer,
    /// Names this resolver answers itself, before any decision: the block page's own name.
    pub local_names: Vec<LocalName>,
    /// Encrypted listeners; none without.
    pub encrypted: Option<Encrypted>,
    /// Networks that may ask. Others are REFUSED, so that this is never an open resolver.
    pub clients: Vec<IpNet>,
    /// Bounds and times.
    pub limits: Limits,
}

impl Default for DnsConfig {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            upstreams: Vec::new(),
            upstream_tls: None,
            block: BlockAnswer::NxDomain,
            local_names: Vec::new(),
            encrypted: None,
            clients: private_networks(),
            limits: Limits::default(),
        }
    }
}

/// DNS over TLS and over HTTPS.
#[derive(Debug, Clone)]
pub struct Encrypted {
    /// Addresses to answer DNS over TLS on (RFC 7858; usually port 853).
    pub tls: Vec<SocketAddr>,
    /// Addresses to answer DNS over HTTPS on (RFC 8484).
    pub https: Vec<SocketAddr>,
    /// The certificate, asked for at every handshake so that it can be renewed.
    pub certificate: Arc<dyn ResolvesServerCert>,
    /// The name in the certificate: told to devices that ask for encrypted resolvers (RFC 9462).
    pub name: Host,
}

/// What a blocked name is answered with, always with an Extended DNS Error where the client
/// speaks EDNS (RFC 8914).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockAnswer {
    /// The name does not exist.
    NxDomain,
    /// The block page's addresses; a family without one, and every other record type, gets an
    /// empty answer.
    Page {
        /// For A questions.
        v4: Option<Ipv4Addr>,
        /// For AAAA questions.
        v6: Option<Ipv6Addr>,
    },
}

/// A name answered from the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalName {
    /// The name, for example `pharos.harbourmouth.internal`. Names below it do not exist.
    pub name: Host,
    /// Its IPv4 address.
    pub v4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub v6: Option<Ipv6Addr>,
}

/// Bounds and times. At a bound the resolver answers SERVFAIL or REFUSED (or closes a TCP
/// connection) and counts it in [`crate::Counts`]; it never waits or grows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Worker threads, one socket each; 0 takes one per processor.
    pub workers: usize,
    /// Bytes of answers kept in the cache, all workers together.
    pub cache_bytes: u64,
    /// Longest time an answer is kept as fresh, in seconds.
    pub ttl_max_s: u32,
    /// Longest time a negative answer is kept, in seconds (RFC 2308 section 5).
    pub negative_ttl_max_s: u32,
    /// How long after its end an answer may still be served while no upstream answers, in seconds
    /// (RFC 8767 section 5).
    pub stale_max_s: u32,
    /// A client with a stale answer at hand waits no longer than this (RFC 8767 section 5).
    pub stale_after: Duration,
    /// How long one upstream is waited for before the next is tried.
    pub upstream_timeout: Duration,
    /// Questions a second that one address of [`DnsConfig::clients`] may ask over UDP, per worker;
    /// 0 takes any number. Some hundreds of people behind one address ask some hundreds a second.
    pub client_per_s: u32,
    /// Questions a second from one network outside (IPv4 /24, IPv6 /56) that are even refused;
    /// beyond them nothing is said, so that this resolver is no use in an attack on others.
    pub outsider_per_s: u32,
    /// Whether loopback addresses, which nobody outside can send from, are held to a limit too.
    pub limits_loopback: bool,
    /// Questions under way to upstreams, per worker.
    pub flights_max: usize,
    /// Clients waiting for one question, per worker.
    pub waiters_max: usize,
    /// Questions one client address may have under way, per worker.
    pub per_client_max: usize,
    /// TCP connections, per worker.
    pub tcp_connections_max: usize,
    /// TCP connections from one address, per worker.
    pub tcp_per_client_max: usize,
    /// Unanswered questions on one TCP connection before reading stops.
    pub tcp_pipeline_max: usize,
    /// A TCP or TLS connection without a whole question for this long is closed, however slowly bytes
    /// drip in; a client that does not read its answers for this long too.
    pub tcp_idle: Duration,
    /// A connection over HTTPS on which no request came to its end for so long is closed.
    pub https_idle: Duration,
    /// Time to live of blocked, narrowed and local answers, in seconds: short, so that a change of
    /// policy shows at once.
    pub decided_ttl_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: 0,
            cache_bytes: 32 << 20,
            ttl_max_s: 86_400,
            negative_ttl_max_s: 3_600,
            stale_max_s: 86_400,
            stale_after: Duration::from_millis(1_800),
            upstream_timeout: Duration::from_millis(1_100),
            client_per_s: 5_000,
            outsider_per_s: 20,
            limits_loopback: false,
            flights_max: 4_096,
            waiters_max: 256,
            per_client_max: 1_024,
            tcp_connections_max: 4_096,
            tcp_per_client_max: 32,
            tcp_pipeline_max: 64,
            tcp_idle: Duration::from_secs(10),
            https_idle: Duration::from_secs(60),
            decided_ttl_s: 30,
        }
    }
}

/// Loopback, private, link-local and shared address space (RFC 1918, 6598, 4193, 3927).
fn private_networks() -> Vec<IpNet> {
    let v4 = [
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
    ];
    let v6 = [
        (Ipv6Addr::LOCALHOST, 128),
        (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
        (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    ];
    let v4 = v4
        .into_iter()
        .filter_map(|(ip, bits)| IpNet::new(ip.into(), bits).ok());
    let v6 = v6
        .into_iter()
        .filter_map(|(ip, bits)| IpNet::new(ip.into(), bits).ok());
    v4.chain(v6).collect()
}
