//! Where names lead that the resolver blocks: a listener that answers with the block page.
//!
//! Devices come here in the belief that this is the site itself. Nothing is ever passed on from
//! here, so this is no proxy, open or other. The resolver has recorded the look-up already, so no
//! event is made of the visit; only a sealed hit that the name alone does not show is recorded.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use jiff::Timestamp;
use pharos_catalogue::Host;
use pharos_policy::Action;
use pharos_school::Face;
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::body::Answer;
use crate::bytes_in_front::InFront;
use crate::connection::{Client, close, disagree, serve};
use crate::counts::add;
use crate::doors::Door;
use crate::failure::Failure;
use crate::forward::{self, Target};
use crate::hello::{self, Hello, TlsHello};
use crate::intercept::distrusts_us;
use crate::judge::{Verdict, judge};
use crate::own_pages;
use crate::pages::plain;
use crate::refuse;
use crate::server::{Shared, Worker};

/// How long a device may still believe what the resolver told it, in seconds, with some to spare.
const BELIEVED_S: u16 = 60;

/// What is known of a connection to the block page before its first request.
pub(crate) struct AtBlockPage {
    /// The name that the certificate was made for, where the connection is encrypted.
    name: Option<Host>,
}

/// Serves one connection. Plain HTTP is answered with a page; TLS too, where the name asked for is
/// blocked and the school's authority may sign it. Everything else is reset at once, which a
/// browser shows sooner than a silence.
pub(crate) async fn take(worker: Arc<Worker>, mut stream: TcpStream, from: IpAddr, door: Door) {
    let patience = worker.shared.config.limits.handshake;
    let Ok((hello, front)) = hello::peek(&mut stream, Bytes::new(), patience).await else {
        return;
    };
    match hello {
        Hello::Http => {
            let client = Client::at_block_page(&worker, from, AtBlockPage { name: None }, door);
            serve(client, InFront::new(front, stream)).await;
        }
        Hello::Tls(hello) => tls(&worker, stream, front, &hello, from, door).await,
        Hello::Other(_) => reset(&stream),
    }
}

/// A reset instead of an orderly end.
fn reset(stream: &TcpStream) {
    // Where this fails the connection is closed as any other: later, not otherwise.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

async fn tls(
    worker: &Arc<Worker>,
    stream: TcpStream,
    front: Bytes,
    hello: &TlsHello,
    from: IpAddr,
    door: Door,
) {
    let shared = &worker.shared;
    let name = hello.server_name.as_deref().map(Host::parse);
    let (Some(Ok(name)), false) = (name, hello.encrypted_name) else {
        return reset(&stream);
    };
    let Some(config) = speak_as(shared, &name, from) else {
        return reset(&stream);
    };
    let handshake = TlsAcceptor::from(config).accept(InFront::new(front, stream));
    match tokio::time::timeout(shared.config.limits.handshake, handshake).await {
        Ok(Ok(stream)) => {
            let read = stream.get_ref().1.server_name().map(Host::parse);
            if !matches!(read, Some(Ok(read)) if read == name) {
                return add(&shared.counts.mismatched);
            }
            add(&shared.counts.inspected);
            let client =
                Client::at_block_page(worker, from, AtBlockPage { name: Some(name) }, door);
            serve(client, stream).await;
        }
        Ok(Err(error)) if distrusts_us(&error) => add(&shared.counts.distrusted),
        Ok(Err(_)) | Err(_) => {}
    }
}

/// The TLS configuration for a name that is blocked for this device; never for any other name, nor
/// for one whose connections are never opened.
fn speak_as(shared: &Shared, name: &Host, from: IpAddr) -> Option<Arc<ServerConfig>> {
    let mint = shared.mint.as_ref()?;
    let verdict = by_name(shared, name, from).ok()?;
    let signs = mint.authority().may_sign(name.as_str());
    if !stops(&verdict) || !verdict.decision.inspect || !signs {
        return None;
    }
    let config = mint
        .config_for(name.as_str(), verdict.now)
        .inspect_err(|error| tracing::error!(%error, "no certificate could be minted"))
        .ok()?;
    let mut config = ServerConfig::clone(&config);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(Arc::new(config))
}

/// What the resolver says of the name: it sees no more of an address than that, and where it leads.
fn by_name(shared: &Shared, host: &Host, from: IpAddr) -> Result<Verdict, Failure> {
    let now = Timestamp::now();
    let who = shared.filter.identify(from, now);
    let verdict = judge(&shared.filter, (host, None), &who, from, Face::Dns, now)?;
    if stops(&verdict) {
        return Ok(verdict);
    }
    Ok(verdict.knowing_where_it_leads(&shared.filter.aliases().places(host)))
}

/// Whether the resolver leads the name here: nobody can go on after a warning in a name look-up.
fn stops(verdict: &Verdict) -> bool {
    matches!(verdict.decision.action, Action::Block | Action::Warn)
}

/// Answers one request for whatever site the device believes to be here.
pub(crate) fn answer(
    client: &Client,
    at: &AtBlockPage,
    request: &Request<Incoming>,
) -> Response<Answer> {
    let shared = client.shared();
    if request.method() == Method::CONNECT || request.uri().authority().is_some() {
        return close(shared.pages.problem(&Failure::Unsupported.explain(), None));
    }
    let host = match (named(request.headers()), &at.name) {
        (Some(host), None) => host,
        (Some(host), Some(name)) if host == *name => host,
        _ => return close(disagree(shared)),
    };
    if host.ip().is_some() {
        // Somebody has opened this very address.
        return own_pages::answer(
            shared,
            request.method(),
            request.uri().path(),
            request.headers(),
        );
    }
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    let found = decide(shared, (&host, path), client.from, at.name.is_some());
    let page = refuse::wants_page(request.headers());
    match found {
        Ok((verdict, true)) => match refuse::sent_elsewhere(&verdict, request) {
            Some(sent) => sent,
            None => refuse::block_page(client, &verdict, page),
        },
        Ok((verdict, false)) if page => open_now(shared, &verdict, &host),
        Ok(_) => again_later(plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "text/plain; charset=utf-8",
            "Not blocked any more. Try again in a minute.\n",
        )),
        Err(failure) => {
            add(&shared.counts.not_ready);
            forward::retry_later(shared.pages.problem(&failure.explain(), None))
        }
    }
}

/// The site that the Host header names, whatever the port.
fn named(headers: &HeaderMap) -> Option<Host> {
    let text = headers.get(header::HOST)?.to_str().ok()?;
    let uri = Some(text).filter(|text| !text.contains('@'))?;
    Target::of(&uri.parse::<Uri>().ok()?, 80).map(|target| target.host)
}

/// What holds for the whole address, and whether it stops the reader. The whole address counts
/// where it is blocked, so that a report carries it; else the name alone, as the resolver decides.
fn decide(
    shared: &Shared,
    (host, path): (&Host, &str),
    from: IpAddr,
    encrypted: bool,
) -> Result<(Verdict, bool), Failure> {
    let name = by_name(shared, host, from)?;
    let face = if encrypted { Face::Https } else { Face::Http };
    let (who, now) = (name.who.clone(), name.now);
    let whole = judge(&shared.filter, (host, Some(path)), &who, from, face, now)?;
    if whole.is_sealed() && !name.is_sealed() {
        shared.sink.record(whole.event());
    }
    Ok(if whole.decision.action == Action::Block {
        (whole, true)
    } else {
        let stopped = stops(&name);
        (name, stopped)
    })
}

/// The page for a name that is not blocked (any more) for this reader. It leads nowhere by itself,
/// so that no device goes round in circles while it believes the resolver's older answer.
fn open_now(shared: &Shared, verdict: &Verdict, host: &Host) -> Response<Answer> {
    let band = verdict.band(shared.pages.words());
    again_later(shared.pages.open_now(band, host.as_str()))
}

fn again_later(mut response: Response<Answer>) -> Response<Answer> {
    let after = HeaderValue::from(BELIEVED_S);
    response.headers_mut().insert(header::RETRY_AFTER, after);
    close(response)
}
