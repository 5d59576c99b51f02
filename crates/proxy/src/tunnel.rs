//! `CONNECT`: decided by host, then tunnelled untouched or looked into.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use pharos_catalogue::Host;
use pharos_policy::Action;
use pharos_school::{Face, Who};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::body::Answer;
use crate::bytes_in_front::InFront;
use crate::connection::{
    Client, Inside, Serving, close, host_agrees, identify, serve_inside, short,
};
use crate::counts::add;
use crate::failure::Failure;
use crate::forward::{self, Target, failed};
use crate::gate::Gate;
use crate::hello::{self, Foreign, Hello, TlsHello};
use crate::intercept;
use crate::judge::{Verdict, judge};
use crate::narrow;
use crate::refuse::block;
use crate::splice;
use crate::tally::Tally;

/// Why a connection ends that had to be looked into and could not be.
pub(crate) const UNSEEN: &str = "sealed-page-unseen";

/// One accepted tunnel on its way to being passed on or looked into.
pub(crate) struct Tunnel {
    pub(crate) client: Arc<Client>,
    pub(crate) target: Target,
    pub(crate) who: Who,
    pub(crate) verdict: Verdict,
}

/// Answers a `CONNECT`.
pub(crate) async fn connect(client: &Arc<Client>, request: Request<Incoming>) -> Response<Answer> {
    let shared = client.shared();
    let target = match Target::of(request.uri(), 443) {
        Some(target)
            if names_host_and_port(&request) && host_part_agrees(request.headers(), &target) =>
        {
            target
        }
        _ => {
            add(&shared.counts.refused_requests);
            return close(shared.pages.problem(&Failure::Disagree.explain(), None));
        }
    };
    let who = match identify(client, request.headers()).await {
        Ok(who) => who,
        Err(response) => return response,
    };
    match judge(
        &shared.filter,
        (&target.host, None),
        &who,
        client.from,
        Face::Tunnel,
        Timestamp::now(),
    ) {
        Ok(verdict) => {
            let ports = &shared.config.connect_ports;
            if !ports.is_empty() && !ports.contains(&target.port) {
                let mut event = verdict.avoided(&format!("port-{}", target.port));
                // Programs of the school's own that know no better stay inside.
                if is_inside(&target.host) {
                    event = verdict.event();
                    event.action = Action::Block.name();
                    event.rule = Failure::Port.code().into();
                }
                shared.sink.record(event);
                let explained = Failure::Port.explain();
                return close(shared.pages.problem(&explained, Some(target.host.as_str())));
            }
            decided(
                Tunnel {
                    client: Arc::clone(client),
                    target,
                    who,
                    verdict,
                },
                request,
            )
            .await
        }
        Err(failure) => {
            add(&shared.counts.not_ready);
            close(forward::retry_later(
                shared.pages.problem(&failure.explain(), None),
            ))
        }
    }
}

async fn decided(tunnel: Tunnel, request: Request<Incoming>) -> Response<Answer> {
    let shared = Arc::clone(tunnel.client.shared());
    if tunnel.looks_inside() {
        return accept(request, move |stream, front| {
            tunnel.look_inside(stream, front)
        });
    }
    if tunnel.must_not_pass() {
        tunnel.record_end(UNSEEN);
        return close(short(StatusCode::FORBIDDEN));
    }
    if matches!(tunnel.verdict.decision.action, Action::Block | Action::Warn) {
        // Nothing can be shown inside a connection that is not looked into: browsers show their
        // own error, other programs this answer.
        return close(block(&tunnel.client, &tunnel.verdict, request.headers()));
    }
    let dial = narrow::dial(&tunnel.target.host, tunnel.verdict.decision.narrowing);
    match shared
        .origins
        .reach(&tunnel.target.host, tunnel.target.port, &dial)
        .await
    {
        Ok(origin) => accept(request, move |stream, front| {
            tunnel.pass_untouched(stream, front, origin)
        }),
        Err(failure) => {
            let tally = Tally::new(tunnel.verdict.event(), &shared.sink);
            let band = tunnel.verdict.band(shared.pages.words());
            close(failed(&tunnel.client, failure, &tunnel.target, tally, band))
        }
    }
}

/// Answers 200 and hands the bare stream on, to what gives what then serves it.
fn accept<F, W>(mut request: Request<Incoming>, work: W) -> Response<Answer>
where
    W: FnOnce(TcpStream, Bytes) -> F + Send + 'static,
    F: Future<Output = Option<Serving>> + Send,
{
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrade.await.map(bare) {
            Ok(Some((stream, front))) => {
                // Boxed, so that it is gone while the connection is served.
                if let Some(serving) = Box::pin(work(stream, front)).await {
                    serving.await;
                }
            }
            Ok(None) => tracing::error!("a tunnel arrived on a stream that is not ours"),
            Err(error) => tracing::debug!(%error, "a client left before its tunnel was open"),
        }
    });
    let mut response = Response::new(Answer::page(""));
    *response.status_mut() = StatusCode::OK;
    response
}

fn bare(upgraded: Upgraded) -> Option<(TcpStream, Bytes)> {
    let parts = upgraded.downcast::<TokioIo<Gate<TcpStream>>>().ok()?;
    let (stream, left) = parts.io.into_inner().into_parts();
    let mut front = parts.read_buf.to_vec();
    front.extend_from_slice(&left);
    Some((stream, front.into()))
}

/// How a hello compares with the host asked for.
enum Fits {
    Yes,
    /// The real name is hidden.
    Hidden,
    No,
}

impl Tunnel {
    /// Whether the proxy looks into this connection: it can, and the policy does not forbid it.
    pub(crate) fn looks_inside(&self) -> bool {
        let decision = &self.verdict.decision;
        let can = self
            .client
            .shared()
            .mint
            .as_ref()
            .is_some_and(|mint| mint.authority().may_sign(self.target.host.as_str()));
        can && decision.inspect && decision.action != Action::Tunnel
    }

    /// Whether the connection would have to be looked into and cannot be: a sealed page could lie in
    /// it (FIL-03). A proxy that looks into nothing at all passes it, as DNS does; `docs/limits.md`
    /// and the page of limits say so.
    pub(crate) fn must_not_pass(&self) -> bool {
        let looks = self.client.shared().mint.is_some();
        looks && self.verdict.decision.must_inspect && !self.looks_inside()
    }

    async fn look_inside(self, mut stream: TcpStream, front: Bytes) -> Option<Serving> {
        let (hello, front) = self.hello(&mut stream, front).await?;
        let stream = InFront::new(front, stream);
        match hello {
            Hello::Tls(hello) => match self.fits(&hello) {
                Fits::Yes => return intercept::look_inside(self, stream, hello.http2, None).await,
                Fits::Hidden => self.hidden(stream, &hello).await,
                Fits::No => self.refuse("server-name-disagrees"),
            },
            Hello::Http => return Some(self.serve_plain(stream)),
            Hello::Other(foreign) => self.refuse_foreign(foreign),
        }
        None
    }

    async fn pass_untouched(
        self,
        mut stream: TcpStream,
        front: Bytes,
        origin: TcpStream,
    ) -> Option<Serving> {
        let (hello, front) = self.hello(&mut stream, front).await?;
        let untouched =
            self.verdict.decision.action == Action::Tunnel || !self.verdict.decision.inspect;
        let stream = InFront::new(front, stream);
        match hello {
            Hello::Tls(hello) => match self.fits(&hello) {
                Fits::Yes => return Some(self.pass(stream, origin)),
                Fits::Hidden => self.hidden(stream, &hello).await,
                Fits::No => self.refuse("server-name-disagrees"),
            },
            Hello::Http if !untouched => return Some(self.serve_plain(stream)),
            Hello::Other(foreign) if !untouched => self.refuse_foreign(foreign),
            _ => return Some(self.pass(stream, origin)),
        }
        None
    }

    /// Passes bytes on, untouched and counted.
    pub(crate) fn pass(self, stream: InFront<TcpStream>, origin: TcpStream) -> Serving {
        let shared = self.client.shared();
        add(&shared.counts.tunnels);
        let tally = Tally::new(self.verdict.event(), &shared.sink);
        self.splice(stream, origin, tally)
    }

    /// Nothing of the decision is kept meanwhile, and so no policy or list that is out of force.
    fn splice(self, stream: InFront<TcpStream>, origin: TcpStream, tally: Arc<Tally>) -> Serving {
        let (front, stream) = stream.into_parts();
        let client = self.client;
        Box::pin(async move {
            let worker = &client.worker;
            let stall = worker.shared.config.limits.stall;
            let client = (&stream, front);
            splice::pass(client, &origin, &tally, stall, &worker.pipes, &worker.stop).await;
        })
    }

    /// Passes on untouched what should have been looked into but cannot be: the policy names the
    /// host for that, and the event says so.
    pub(crate) async fn pass_unreachable(self, stream: InFront<TcpStream>) -> Option<Serving> {
        let shared = Arc::clone(self.client.shared());
        let dial = narrow::dial(&self.target.host, self.verdict.decision.narrowing);
        let (host, port) = (&self.target.host, self.target.port);
        match shared.origins.reach(host, port, &dial).await {
            Ok(origin) => {
                add(&shared.counts.tunnels);
                add(&shared.counts.unreachable_tunnelled);
                let tally = Tally::new(self.verdict.event(), &shared.sink);
                tally.end_as(Action::Tunnel.name(), "not-inspected-tls-unreachable");
                Some(self.splice(stream, origin, tally))
            }
            Err(failure) => {
                shared.count(failure);
                self.record_end(failure.code());
                None
            }
        }
    }

    /// A connection whose real server name is hidden is never passed on; a browser is led to come
    /// again without hiding it, where the policy says so.
    pub(crate) async fn hidden(&self, stream: InFront<TcpStream>, hello: &TlsHello) {
        add(&self.client.shared().counts.hidden_names);
        match &hello.server_name {
            Some(public) if !hello.encrypted_name => {
                intercept::fall_back(self, stream, public).await;
                self.record_avoided("encrypted-hello");
            }
            _ => self.record_avoided("encrypted-server-name"),
        }
    }

    async fn hello(&self, stream: &mut TcpStream, front: Bytes) -> Option<(Hello, Bytes)> {
        let patience = self.client.shared().config.limits.handshake;
        match hello::peek(stream, front, patience).await {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::debug!(%error, "a client left inside its tunnel");
                None
            }
        }
    }

    /// Browsers open `ws:` through `CONNECT`: plain HTTP inside is answered as plain HTTP.
    fn serve_plain(self, stream: InFront<TcpStream>) -> Serving {
        let target = Target {
            tls: false,
            ..self.target
        };
        let inside = Inside {
            target,
            who: self.who,
            trouble: None,
            http2: None,
        };
        let client = Client::new(
            &self.client.worker,
            self.client.from,
            Some(inside),
            self.client.door.clone(),
        );
        serve_inside(client, stream)
    }

    /// Whether the hello asks for the host that was asked for.
    fn fits(&self, hello: &TlsHello) -> Fits {
        if hello.encrypted_hello {
            add(&self.client.shared().counts.encrypted_hellos);
        }
        if hello.encrypted_name {
            Fits::Hidden
        } else if self.names_agree(hello.server_name.as_deref()) {
            Fits::Yes
        } else if hello.encrypted_hello {
            Fits::Hidden
        } else {
            Fits::No
        }
    }

    /// Whether a TLS server name is the host asked for; no name at all is.
    pub(crate) fn names_agree(&self, server_name: Option<&str>) -> bool {
        server_name.is_none_or(|name| Host::parse(name).is_ok_and(|host| host == self.target.host))
    }

    /// Ends the tunnel and records why, under the name asked for.
    pub(crate) fn refuse(&self, why: &'static str) {
        let shared = self.client.shared();
        add(&shared.counts.mismatched);
        self.record_avoided(why);
    }

    /// Ends a tunnel in which no web traffic is spoken. One in which nothing is said at all is no
    /// way round; nor is the app of a site that the lists know for what it is.
    pub(crate) fn refuse_foreign(&self, foreign: Foreign) {
        let rule = foreign.rule();
        if foreign == Foreign::Silent || (foreign == Foreign::Unknown && self.verdict.is_listed()) {
            add(&self.client.shared().counts.mismatched);
            return self.record_end(rule);
        }
        self.refuse(rule);
    }

    /// Records a connection that was refused as a way round the filter.
    pub(crate) fn record_avoided(&self, why: &'static str) {
        self.client.shared().sink.record(self.verdict.avoided(why));
    }

    /// Records a connection that came to nothing.
    pub(crate) fn record_end(&self, why: &'static str) {
        let mut event = self.verdict.event();
        event.action = Action::Block.name();
        event.rule = why.into();
        self.client.shared().sink.record(event);
    }
}

/// Whether a host is a machine inside: a private address, or a name without a dot.
fn is_inside(host: &Host) -> bool {
    let name = host.as_str();
    match name.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(v4)) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        Ok(std::net::IpAddr::V6(v6)) => v6.is_unique_local() || v6.is_loopback(),
        Err(_) => !name.contains('.'),
    }
}

/// RFC 9110, section 9.3.6: host and port, nothing else.
fn names_host_and_port(request: &Request<Incoming>) -> bool {
    let uri = request.uri();
    uri.scheme().is_none()
        && uri.authority().is_some_and(|authority| {
            authority.port().is_some() && !authority.as_str().contains('@')
        })
}

/// Some clients leave the port out of Host; the name must agree all the same.
fn host_part_agrees(headers: &HeaderMap, target: &Target) -> bool {
    host_agrees(headers, target, target.port)
}

/// Passes bytes both ways until both sides have ended, nothing moves any more, or the proxy stops.
pub(crate) async fn pass_bytes<A, B>(
    client: A,
    origin: B,
    tally: Arc<Tally>,
    stall: Duration,
    stop: &CancellationToken,
) where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let mut client = Counting {
        io: client,
        tally: Arc::clone(&tally),
        side: Side::Client,
    };
    let mut origin = Counting {
        io: origin,
        tally: Arc::clone(&tally),
        side: Side::Origin,
    };
    let mut copy = std::pin::pin!(tokio::io::copy_bidirectional_with_sizes(
        &mut client,
        &mut origin,
        16 * 1024,
        32 * 1024
    ));
    let mut moved = tally.moved();
    loop {
        tokio::select! {
            ended = tokio::time::timeout(stall, copy.as_mut()) => match ended {
                Err(_) if tally.moved() > moved => moved = tally.moved(),
                _ => return,
            },
            () = stop.cancelled() => return,
        }
    }
}

enum Side {
    Client,
    Origin,
}

struct Counting<S> {
    io: S,
    tally: Arc<Tally>,
    side: Side,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counting<S> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        out: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = out.filled().len();
        std::task::ready!(std::pin::Pin::new(&mut self.io).poll_read(cx, out))?;
        let read = out.filled().len() - before;
        match self.side {
            Side::Client => self.tally.up(read),
            Side::Origin => self.tally.down(read),
        }
        std::task::Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counting<S> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
