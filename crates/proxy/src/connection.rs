//! One client connection: who asks, for what, and who answers.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use pharos_catalogue::Host;
use pharos_school::{Face, IdentitySource, Who};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;

use crate::block_page::{self, AtBlockPage};
use crate::body::Answer;
use crate::config::Limits;
use crate::counts::add;
use crate::doors::Door;
use crate::failure::{Explained, Failure};
use crate::forward::{self, Target};
use crate::gate::{Busy, Desk, Gate};
use crate::head::Refusal;
use crate::http2;
use crate::identity::Identified;
use crate::judge::judge;
use crate::own_pages;
use crate::pages::plain;
use crate::pool::OwnOrigin;
use crate::server::{Shared, Worker};
use crate::transparent;
use crate::tunnel;

/// The header lines of one request that the library takes unless it is told of more.
const LIBRARY_HEADERS: usize = 100;

/// One client connection, or one connection inside a tunnel.
pub(crate) struct Client {
    pub(crate) worker: Arc<Worker>,
    pub(crate) from: IpAddr,
    pub(crate) desk: Arc<Desk>,
    /// An origin connection that carried NTLM or Negotiate for this client.
    pub(crate) own_origin: OwnOrigin,
    /// Set inside a tunnel: the one origin that is spoken to.
    pub(crate) inside: Option<Inside>,
    /// Set where the client knows nothing of a proxy: the address that it meant.
    pub(crate) meant: Option<SocketAddr>,
    /// Set at the block page's own listener: nothing is passed on from there.
    pub(crate) at_block_page: Option<AtBlockPage>,
    /// Keeps the connection counted for as long as anything of it lives, tunnels too.
    pub(crate) door: Option<Arc<Door>>,
}

/// What is fixed for a connection inside a tunnel.
pub(crate) struct Inside {
    pub(crate) target: Target,
    pub(crate) who: Who,
    /// Why the origin cannot be spoken to; shown as a page.
    pub(crate) trouble: Option<Failure>,
    /// Set where the client speaks HTTP/2.
    pub(crate) http2: Option<Http2>,
}

/// What many requests at once on one connection share.
pub(crate) struct Http2 {
    /// Bounds the HTTP/1.1 connections that they open.
    pub(crate) places: Arc<Semaphore>,
    /// Held while one opens a connection that the others may use too.
    pub(crate) opening: tokio::sync::Mutex<()>,
}

impl Http2 {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.http1_per_http2)),
            opening: tokio::sync::Mutex::default(),
        }
    }
}

impl Client {
    pub(crate) fn new(
        worker: &Arc<Worker>,
        from: IpAddr,
        inside: Option<Inside>,
        door: Option<Arc<Door>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            worker: Arc::clone(worker),
            from,
            desk: Desk::at(door.as_deref()),
            own_origin: Arc::default(),
            inside,
            meant: None,
            at_block_page: None,
            door,
        })
    }

    /// A client that knows nothing of a proxy and meant this address.
    pub(crate) fn meant(
        worker: &Arc<Worker>,
        from: IpAddr,
        meant: SocketAddr,
        door: Option<Arc<Door>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            worker: Arc::clone(worker),
            from,
            desk: Desk::at(door.as_deref()),
            own_origin: Arc::default(),
            inside: None,
            meant: Some(meant),
            at_block_page: None,
            door,
        })
    }

    /// A client that a blocked name has led to the block page.
    pub(crate) fn at_block_page(
        worker: &Arc<Worker>,
        from: IpAddr,
        at: AtBlockPage,
        door: Door,
    ) -> Arc<Self> {
        Arc::new(Self {
            worker: Arc::clone(worker),
            from,
            desk: Desk::at(Some(&door)),
            own_origin: Arc::default(),
            inside: None,
            meant: None,
            at_block_page: Some(at),
            door: Some(Arc::new(door)),
        })
    }

    /// Waits until the connection is asked to make room for another.
    pub(crate) async fn asked_to_leave(&self) {
        match &self.door {
            Some(door) => door.asked_to_leave().await,
            None => std::future::pending().await,
        }
    }

    /// Set where the client speaks HTTP/2.
    pub(crate) fn http2(&self) -> Option<&Http2> {
        self.inside.as_ref()?.http2.as_ref()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.worker.shared
    }
}

/// Serves requests on a stream until it ends or the proxy stops.
pub(crate) async fn serve(
    client: Arc<Client>,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let shared = Arc::clone(client.shared());
    let stop = client.worker.stop.clone();
    let mut gate = Gate::new(
        io,
        Arc::clone(&client.desk),
        &shared.config.limits,
        Arc::clone(&shared.refusal_path),
    );
    let asked = Arc::clone(&client);
    let _serving = client.desk.serves();
    let begun = tokio::select! {
        biased;
        begun = gate.begun() => begun,
        () = stop.cancelled() => false,
        () = asked.asked_to_leave() => false,
    };
    if begun {
        // Boxed: many connections are opened to be there in time, and nothing is asked on them.
        Box::pin(serve_requests(client, gate)).await;
    } else {
        // It is closed either way; in order, where the other side still hears it.
        let _ = gate.shutdown().await;
    }
}

/// The rest of [`serve`], once something was said.
async fn serve_requests(
    client: Arc<Client>,
    gate: Gate<impl AsyncRead + AsyncWrite + Unpin + Send + 'static>,
) {
    let (asked, stop) = (Arc::clone(&client), client.worker.stop.clone());
    let shared = Arc::clone(client.shared());
    let service = service_fn(move |request| {
        let client = Arc::clone(&client);
        // Boxed: a connection that is idle keeps no room for a request.
        Box::pin(async move { Ok::<_, Infallible>(answer(&client, request).await) })
    });
    let limits = &shared.config.limits;
    let mut framing = http1::Builder::new();
    framing
        .preserve_header_case(true)
        .header_read_timeout(None)
        .max_buf_size(limits.head_bytes + 64 * 1024);
    if limits.headers > LIBRARY_HEADERS {
        // The gate counts them; the library has to be told only where it would stop at fewer.
        framing.max_headers(limits.headers);
    }
    let connection = framing
        .serve_connection(TokioIo::new(gate), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => Some(ended),
        () = stop.cancelled() => None,
        () = asked.asked_to_leave() => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            // What is being answered is answered to its end.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client connection ended early");
    }
}

/// What goes on for as long as a connection is open. What it took to get there is not part of it.
pub(crate) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// [`serve`] for a stream inside a tunnel, boxed because connections stand within connections.
pub(crate) fn serve_inside(
    client: Arc<Client>,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Serving {
    if client.http2().is_some() {
        Box::pin(http2::serve(client, io))
    } else {
        Box::pin(serve(client, io))
    }
}

pub(crate) async fn answer(client: &Arc<Client>, request: Request<Incoming>) -> Response<Answer> {
    let busy = Busy::new(&client.desk);
    add(&client.shared().counts.requests);
    let connect = request.method() == Method::CONNECT;
    let may_switch = connect || request.headers().contains_key(header::UPGRADE);
    let mut response = route(client, request).await;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS
        || (connect && response.status().is_success());
    if may_switch && !switched {
        // The gate reads no head behind a request that may change protocol, so there is none.
        response = close(response);
    }
    response.body_mut().hold_busy(busy);
    response
}

async fn route(client: &Arc<Client>, request: Request<Incoming>) -> Response<Answer> {
    let shared = client.shared();
    if *request.uri().path() == *shared.refusal_path {
        let refusal = client.desk.take_refusal().unwrap_or(Refusal::Malformed);
        add(&shared.counts.refused_requests);
        tracing::debug!(refusal = refusal.name(), "a request was refused");
        return close(shared.pages.problem(&explain_refusal(refusal), None));
    }
    if client.http2().is_some() && too_many_headers(request.headers(), shared.config.limits.headers)
    {
        add(&shared.counts.refused_requests);
        return shared
            .pages
            .problem(&explain_refusal(Refusal::TooMany), None);
    }
    if matches!(*request.method(), Method::TRACE) {
        return close(shared.pages.problem(&Failure::Unsupported.explain(), None));
    }
    if let Some(at) = &client.at_block_page {
        return block_page::answer(client, at, &request);
    }
    match &client.inside {
        Some(inside) => inside_a_tunnel(client, inside, request).await,
        None if client.meant.is_some() => unasked(client, request).await,
        None if request.method() == Method::CONNECT => tunnel::connect(client, request).await,
        None if request.uri().scheme().is_some() => absolute(client, request).await,
        None => own_pages::answer(
            shared,
            request.method(),
            request.uri().path(),
            request.headers(),
        ),
    }
}

async fn absolute(client: &Arc<Client>, request: Request<Incoming>) -> Response<Answer> {
    let shared = client.shared();
    if request.uri().scheme_str() != Some("http") {
        return shared.pages.problem(&Failure::Unsupported.explain(), None);
    }
    let target = match Target::of(request.uri(), 80) {
        Some(target) if host_agrees(request.headers(), &target, 80) => target,
        _ => return close(disagree(shared)),
    };
    if is_our_name(shared, &target) {
        return own_pages::answer(
            shared,
            request.method(),
            request.uri().path(),
            request.headers(),
        );
    }
    match identify(client, request.headers()).await {
        Ok(who) => forward::forward(client, request, target, who, None).await,
        Err(response) => response,
    }
}

/// A request that the network sent here: the Host header says whom it is for, and must lead to
/// the address that the client meant.
async fn unasked(client: &Arc<Client>, request: Request<Incoming>) -> Response<Answer> {
    let shared = client.shared();
    let Some(meant) = client.meant else {
        return close(disagree(shared));
    };
    if request.method() == Method::CONNECT
        || request
            .uri()
            .scheme_str()
            .is_some_and(|scheme| scheme != "http")
    {
        return close(shared.pages.problem(&Failure::Unsupported.explain(), None));
    }
    let named = match (
        request.uri().authority(),
        request.headers().get(header::HOST),
    ) {
        (Some(_), _) => Target::of(request.uri(), 80),
        (None, Some(host)) => host
            .to_str()
            .ok()
            .filter(|text| !text.contains('@'))
            .and_then(|text| text.parse::<Uri>().ok())
            .and_then(|uri| Target::of(&uri, 80)),
        (None, None) => Some(Target {
            tls: false,
            host: Host::of_ip(meant.ip()),
            port: meant.port(),
        }),
    };
    let target = match named {
        Some(target)
            if target.port == meant.port() && host_agrees(request.headers(), &target, 80) =>
        {
            target
        }
        _ => return close(disagree(shared)),
    };
    let trouble = if transparent::agrees(client, &target.host).await {
        None
    } else {
        add(&shared.counts.misdirected);
        Some(Failure::Misdirected)
    };
    let who = shared.filter.identify(client.from, Timestamp::now());
    forward::forward(client, request, target, who, trouble).await
}

/// HTTP/2 cuts cookies into a line each: they do not count.
fn too_many_headers(headers: &HeaderMap, most: usize) -> bool {
    headers.len() - headers.get_all(header::COOKIE).iter().count() > most
}

/// Whether the address is the one under which devices know this proxy.
fn is_our_name(shared: &Shared, target: &Target) -> bool {
    let name = target.host.as_str();
    let begins = shared.config.public.get(..name.len());
    if !begins.is_some_and(|begins| begins.eq_ignore_ascii_case(name)) {
        return false;
    }
    let (host, port) = shared
        .config
        .public
        .rsplit_once(':')
        .unwrap_or((&shared.config.public, "80"));
    host.eq_ignore_ascii_case(name) && port.parse() == Ok(target.port)
}

async fn inside_a_tunnel(
    client: &Arc<Client>,
    inside: &Inside,
    request: Request<Incoming>,
) -> Response<Answer> {
    let shared = client.shared();
    let target = inside.target.clone();
    let default_port = if target.tls { 443 } else { 80 };
    let scheme_fits = request
        .uri()
        .scheme_str()
        .is_none_or(|scheme| scheme == if target.tls { "https" } else { "http" });
    let same = match Target::of(request.uri(), default_port) {
        Some(named) => named.host == target.host && named.port == target.port,
        None => request.uri().authority().is_none(),
    };
    if request.method() == Method::CONNECT {
        return close(shared.pages.problem(&Failure::Unsupported.explain(), None));
    }
    let names_agree = same && host_agrees(request.headers(), &target, default_port);
    let who = match &inside.who {
        Who::Known {
            source: IdentitySource::ProxySignIn,
            ..
        } => inside.who.clone(),
        _ => shared.filter.identify(client.from, Timestamp::now()),
    };
    if !scheme_fits || !names_agree {
        // FIL-16: inside the connection to one site another one is asked for.
        if !names_agree
            && let Ok(verdict) = judge(
                &shared.filter,
                (&target.host, None),
                &who,
                client.from,
                if target.tls { Face::Https } else { Face::Http },
                Timestamp::now(),
            )
        {
            shared
                .sink
                .record(verdict.avoided(Failure::Disagree.code()));
        }
        return close(disagree(shared));
    }
    forward::forward(client, request, target, who, inside.trouble).await
}

/// Who asks; or the 407 or 429 that answers instead.
pub(crate) async fn identify(
    client: &Arc<Client>,
    headers: &HeaderMap,
) -> Result<Who, Response<Answer>> {
    let shared = client.shared();
    let found = shared
        .identity
        .identify(
            &shared.filter,
            headers,
            client.from,
            Timestamp::now(),
            &shared.counts,
        )
        .await;
    match found {
        Identified::Who(who) => Ok(who),
        Identified::Ask => Err(ask(shared, &ASK)),
        Identified::Unknown => Err(ask(shared, &ASK_OTHERWISE)),
        Identified::Wait => {
            let explained = Explained {
                status: 429,
                code: "sign-in-wait",
                title: "Please wait before you sign in",
                what: "Several wrong passwords were tried from this device or for this name, or passwords cannot be checked just now.",
                next: "Wait a minute, then try again with the right one.",
            };
            let mut response = shared.pages.problem(&explained, None);
            let seconds = shared.config.limits.sign_in_wait.as_secs();
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Err(response)
        }
    }
}

const ASK: Explained = Explained {
    status: 407,
    code: "sign-in",
    title: "Please sign in",
    what: "The filter has to know who is using this device.",
    next: "Type your school name and password when the browser asks, or sign in below.",
};

/// For programs that sign in by Kerberos, NTLM or the like.
const ASK_OTHERWISE: Explained = Explained {
    status: 407,
    code: "sign-in-method",
    title: "The filter does not know this way of signing in",
    what: "The program on this device offered a sign-in by Kerberos (Negotiate), NTLM or another method. The filter takes a name and password only.",
    next: "Type your school name and password when the browser asks, or sign in below. Network team: switch integrated sign-in to the proxy off for this program.",
};

/// The 407 that offers what the proxy can check.
fn ask(shared: &Shared, explained: &Explained) -> Response<Answer> {
    let mut response = shared.pages.problem_with(explained, None, true);
    response.headers_mut().insert(
        header::PROXY_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"School web filter\", charset=\"UTF-8\""),
    );
    response
}

/// RFC 9112, section 3.2: the Host header and the address asked for must be the same.
pub(crate) fn host_agrees(headers: &HeaderMap, target: &Target, default_port: u16) -> bool {
    let Some(value) = headers.get(header::HOST) else {
        return true;
    };
    if target.port == default_port && value.as_bytes() == target.host.as_str().as_bytes() {
        // As nearly every client writes it.
        return true;
    }
    let named = value
        .to_str()
        .ok()
        .filter(|text| !text.contains('@'))
        .and_then(|text| text.parse::<http::uri::Authority>().ok());
    named.is_some_and(|named| {
        Host::parse(named.host()).is_ok_and(|host| host == target.host)
            && named.port_u16().unwrap_or(default_port) == target.port
    })
}

impl Target {
    /// The host and port that an address names, `None` where it names none.
    pub(crate) fn of(uri: &Uri, default_port: u16) -> Option<Self> {
        let host = Host::parse(uri.host()?).ok()?;
        let port = uri
            .authority()
            .and_then(|authority| port_of(authority.as_str(), default_port))?;
        Some(Self {
            tls: default_port == 443,
            host,
            port,
        })
    }
}

/// The port of an authority; `None` where there is one that is no number from 1 to 65535.
fn port_of(authority: &str, default_port: u16) -> Option<u16> {
    let is_bare = |byte: u8| !matches!(byte, b'@' | b']' | b':');
    if authority.bytes().all(is_bare) {
        return Some(default_port);
    }
    let after_host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, rest)| rest);
    let after_host = after_host
        .rsplit_once(']')
        .map_or(after_host, |(_, rest)| rest);
    match after_host.rsplit_once(':') {
        None | Some((_, "")) => Some(default_port),
        Some((_, port)) => port.parse().ok().filter(|port| *port > 0),
    }
}

pub(crate) fn disagree(shared: &Shared) -> Response<Answer> {
    add(&shared.counts.refused_requests);
    shared.pages.problem(&Failure::Disagree.explain(), None)
}

fn explain_refusal(refusal: Refusal) -> Explained {
    Explained {
        status: refusal.status(),
        code: refusal.name(),
        title: "This request was not understood",
        what: refusal.explain(),
        next: "Load the page again. If it stays so, tell the network team which program you used, and give them the code below.",
    }
}

/// Ends the connection after this answer.
pub(crate) fn close(mut response: Response<Answer>) -> Response<Answer> {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A short refusal for what is not a page: pictures, scripts, data.
pub(crate) fn short(status: StatusCode) -> Response<Answer> {
    plain(
        status,
        "text/plain; charset=utf-8",
        "Blocked by the school's web filter.\n",
    )
}
