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
use crate::connection::{Client, Inside, close, host_agrees, identify, serve_inside};
use crate::counts::add;
use crate::failure::Failure;
use crate::forward::{self, Target, block, failed};
use crate::gate::Gate;
use crate::hello::{self, Hello};
use crate::intercept;
use crate::judge::{Verdict, judge};
use crate::narrow;
use crate::tally::Tally;

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
    let ports = &shared.config.connect_ports;
    if !ports.is_empty() && !ports.contains(&target.port) {
        return close(
            shared
                .pages
                .problem(&Failure::Port.explain(), Some(target.host.as_str())),
        );
    }
    match judge(
        &shared.filter,
        (&target.host, None),
        &who,
        client.from,
        Face::Tunnel,
        Timestamp::now(),
    ) {
        Ok(verdict) => {
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
            close(failed(&tunnel.client, failure, &tunnel.target, tally))
        }
    }
}

/// Answers 200 and hands the bare stream on.
fn accept<F, W>(mut request: Request<Incoming>, work: W) -> Response<Answer>
where
    W: FnOnce(TcpStream, Bytes) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrade.await.map(bare) {
            Ok(Some((stream, front))) => work(stream, front).await,
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

impl Tunnel {
    /// Whether the proxy looks into this connection: it can, and the policy does not forbid it.
    fn looks_inside(&self) -> bool {
        let decision = &self.verdict.decision;
        let can = self
            .client
            .shared()
            .mint
            .as_ref()
            .is_some_and(|mint| mint.authority().may_sign(self.target.host.as_str()));
        can && decision.inspect && decision.action != Action::Tunnel
    }

    async fn look_inside(self, mut stream: TcpStream, front: Bytes) {
        let Some((hello, front)) = self.hello(&mut stream, front).await else {
            return;
        };
        let stream = InFront::new(front, stream);
        match hello {
            Hello::Tls { server_name } if self.names_agree(server_name.as_deref()) => {
                intercept::look_inside(self, stream).await
            }
            Hello::Http => self.serve_plain(stream).await,
            Hello::Tls { .. } => self.refuse("server-name-disagrees"),
            Hello::Other => self.refuse("no-web-traffic"),
        }
    }

    async fn pass_untouched(self, mut stream: TcpStream, front: Bytes, origin: TcpStream) {
        let shared = Arc::clone(self.client.shared());
        let Some((hello, front)) = self.hello(&mut stream, front).await else {
            return;
        };
        let stream = InFront::new(front, stream);
        let untouched =
            self.verdict.decision.action == Action::Tunnel || !self.verdict.decision.inspect;
        match hello {
            Hello::Tls { server_name } if !self.names_agree(server_name.as_deref()) => {
                return self.refuse("server-name-disagrees");
            }
            Hello::Http if !untouched => return self.serve_plain(stream).await,
            Hello::Other if !untouched => return self.refuse("no-web-traffic"),
            _ => {}
        }
        add(&shared.counts.tunnels);
        let tally = Tally::new(self.verdict.event(), &shared.sink);
        // Room for splice(2): both ends are bare sockets here.
        pass_bytes(
            stream,
            origin,
            tally,
            shared.config.limits.stall,
            &self.client.worker.stop,
        )
        .await;
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
    async fn serve_plain(self, stream: InFront<TcpStream>) {
        let target = Target {
            tls: false,
            ..self.target
        };
        let inside = Inside {
            target,
            who: self.who,
            trouble: None,
        };
        let client = Client::new(
            &self.client.worker,
            self.client.from,
            Some(inside),
            self.client.door.clone(),
        );
        serve_inside(client, stream).await;
    }

    fn names_agree(&self, server_name: Option<&str>) -> bool {
        server_name.is_none_or(|name| Host::parse(name).is_ok_and(|host| host == self.target.host))
    }

    /// Ends the tunnel and records why, under the name asked for.
    pub(crate) fn refuse(&self, why: &'static str) {
        let shared = self.client.shared();
        add(&shared.counts.mismatched);
        self.record_end(why);
    }

    /// Records a connection that came to nothing.
    pub(crate) fn record_end(&self, why: &'static str) {
        let mut event = self.verdict.event();
        event.action = Action::Block.name();
        event.rule = why.into();
        self.client.shared().sink.record(event);
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
