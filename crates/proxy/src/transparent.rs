//! Connections that the network sends here although their clients know nothing of a proxy.
//!
//! The address that a client meant is known from the kernel; the name comes from the client and
//! could be a lie. So the two must belong together: the name must lead to the address, as the
//! resolvers of the proxy see it. What is dialled is the name.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use pharos_catalogue::Host;
use pharos_policy::Action;
use pharos_school::{Face, Who};
use socket2::SockRef;
use tokio::net::TcpStream;

use crate::bytes_in_front::InFront;
use crate::config::Mismatch;
use crate::connection::{Client, Serving, serve};
use crate::counts::add;
use crate::doors::Door;
use crate::failure::Failure;
use crate::forward::Target;
use crate::hello::{self, Foreign, Hello, TlsHello};
use crate::intercept;
use crate::judge::judge;
use crate::narrow;
use crate::server::Worker;
use crate::tally::Tally;
use crate::tunnel::{Tunnel, UNSEEN};

/// Public names under which real names are hidden (RFC 9849): browsers send a meaningless
/// encrypted hello to every server, so only these tell a hidden name from none.
const PUBLIC_NAMES: [&str; 3] = ["cloudflare-ech.com", "public.tls-ech.dev", "cover.defo.ie"];

/// How connections come to a listening address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Clients were told of the proxy.
    Told,
    /// Rewritten by a `redirect` rule.
    Redirect,
    /// Kept as they are by a `tproxy` rule.
    Tproxy,
    /// Led here by the resolver, in place of a blocked site.
    BlockPage,
}

impl Way {
    /// The address that the client meant; `None` where it meant none but ours.
    pub(crate) fn meant(self, stream: &TcpStream) -> io::Result<Option<SocketAddr>> {
        let local = stream.local_addr()?;
        match self {
            Way::Told | Way::BlockPage => Ok(None),
            Way::Tproxy => Ok(Some(canonical(local))),
            Way::Redirect => {
                let socket = SockRef::from(stream);
                // An IPv4 connection to an IPv6 socket is answered by the IPv4 option.
                let found = if local.ip().to_canonical().is_ipv4() {
                    socket.original_dst_v4()
                } else {
                    socket.original_dst_v6()
                }?;
                Ok(found
                    .as_socket()
                    .map(canonical)
                    .filter(|meant| *meant != canonical(local)))
            }
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Serves one connection whose client meant `meant`.
pub(crate) async fn take(
    worker: Arc<Worker>,
    stream: TcpStream,
    from: SocketAddr,
    meant: SocketAddr,
    door: Arc<Door>,
) {
    // Boxed, so that it is gone while the connection is served.
    if let Some(serving) = Box::pin(begin(worker, stream, from, meant, door)).await {
        serving.await;
    }
}

/// What serves a connection, by what is said first on it.
async fn begin(
    worker: Arc<Worker>,
    mut stream: TcpStream,
    from: SocketAddr,
    meant: SocketAddr,
    door: Arc<Door>,
) -> Option<Serving> {
    let patience = worker.shared.config.limits.handshake;
    let (hello, front) = hello::peek(&mut stream, Bytes::new(), patience)
        .await
        .ok()?;
    let from = from.ip().to_canonical();
    let client = Client::meant(&worker, from, meant, Some(door));
    match hello {
        Hello::Http => Some(Box::pin(serve(client, InFront::new(front, stream)))),
        Hello::Tls(hello) => {
            let host = match hello.server_name.as_deref().map(Host::parse) {
                None => Host::of_ip(meant.ip()),
                Some(Ok(host)) => host,
                // A name that is none leads nowhere.
                Some(Err(_)) => {
                    let of_address = Host::of_ip(meant.ip());
                    match tunnel(&client, of_address, meant) {
                        Some(tunnel) => tunnel.refuse("server-name-disagrees"),
                        None => add(&worker.shared.counts.mismatched),
                    }
                    return None;
                }
            };
            tls(tunnel(&client, host, meant)?, stream, front, hello).await
        }
        Hello::Other(foreign) => {
            let tunnel = tunnel(&client, Host::of_ip(meant.ip()), meant)?;
            other(tunnel, stream, front, foreign).await
        }
    }
}

/// Asks the filter about the host; nothing while no policy is in force (FIL-17).
fn tunnel(client: &Arc<Client>, host: Host, meant: SocketAddr) -> Option<Tunnel> {
    let shared = client.shared();
    let now = Timestamp::now();
    let who: Who = shared.filter.identify(client.from, now);
    let asked = judge(
        &shared.filter,
        (&host, None),
        &who,
        client.from,
        Face::Tunnel,
        now,
    );
    let Ok(verdict) = asked else {
        add(&shared.counts.not_ready);
        return None;
    };
    let target = Target {
        tls: true,
        host,
        port: meant.port(),
    };
    Some(Tunnel {
        client: Arc::clone(client),
        target,
        who,
        verdict,
    })
}

async fn tls(tunnel: Tunnel, stream: TcpStream, front: Bytes, hello: TlsHello) -> Option<Serving> {
    let shared = Arc::clone(tunnel.client.shared());
    let stream = InFront::new(front, stream);
    let public = tunnel.target.host.as_str();
    if hello.encrypted_name || (hello.encrypted_hello && PUBLIC_NAMES.contains(&public)) {
        tunnel.hidden(stream, &hello).await;
        return None;
    }
    if hello.encrypted_hello {
        add(&shared.counts.encrypted_hellos);
    }
    let misdirected = !agrees(&tunnel.client, &tunnel.target.host).await;
    if misdirected {
        add(&shared.counts.misdirected);
        if !tunnel.looks_inside() {
            tunnel.record_avoided(Failure::Misdirected.code());
            return None;
        }
    }
    if tunnel.looks_inside() {
        let trouble = misdirected.then_some(Failure::Misdirected);
        return intercept::look_inside(tunnel, stream, hello.http2, trouble).await;
    }
    if tunnel.must_not_pass() {
        tunnel.record_end(UNSEEN);
        return None;
    }
    untouched(tunnel, stream).await
}

/// What is neither TLS nor HTTP passes only where the address is never looked into.
async fn other(
    tunnel: Tunnel,
    stream: TcpStream,
    front: Bytes,
    foreign: Foreign,
) -> Option<Serving> {
    let decision = &tunnel.verdict.decision;
    if decision.inspect && decision.action != Action::Tunnel {
        tunnel.refuse_foreign(foreign);
        return None;
    }
    untouched(tunnel, InFront::new(front, stream)).await
}

/// Passes on what is not looked into, where it is not blocked.
async fn untouched(tunnel: Tunnel, stream: InFront<TcpStream>) -> Option<Serving> {
    let shared = Arc::clone(tunnel.client.shared());
    let decision = &tunnel.verdict.decision;
    if matches!(decision.action, Action::Block | Action::Warn) {
        add(&shared.counts.blocked);
        drop(Tally::new(tunnel.verdict.event(), &shared.sink));
        return None;
    }
    let dial = narrow::dial(&tunnel.target.host, decision.narrowing);
    let (host, port) = (&tunnel.target.host, tunnel.target.port);
    match shared.origins.reach(host, port, &dial).await {
        Ok(origin) => Some(tunnel.pass(stream, origin)),
        Err(failure) => {
            shared.count(failure);
            tunnel.record_end(failure.code());
            None
        }
    }
}

/// Whether the name leads to the address that the client meant, or need not.
pub(crate) async fn agrees(client: &Client, host: &Host) -> bool {
    let shared = client.shared();
    match client.meant {
        Some(meant) if shared.config.mismatch == Mismatch::Refuse => {
            shared.origins.leads_to(host, meant.ip()).await
        }
        _ => true,
    }
}
