//! One request with a whole address: decided, then passed on or answered with a page.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use pharos_catalogue::Host;
use pharos_policy::Action;
use pharos_school::{Face, Who};

use crate::ai::Use;
use crate::body::{Answer, Flow, Upload};
use crate::connection::{Client, close};
use crate::counts::add;
use crate::download::{self, Download, Refused};
use crate::exchange::exchange;
use crate::failure::Failure;
use crate::file_kind;
use crate::go_on;
use crate::headers;
use crate::judge::{Verdict, judge, note_extension};
use crate::narrow::{self, Dial};
use crate::pool::Lease;
use crate::refuse::{self, Reader, block, go_on_after_warning, stop, warn, went_on};
use crate::socket::{self, Watcher};
use crate::strangers;
use crate::tally::Tally;
use crate::text::{self, Held, Reading, Reads, Stopped};
use crate::tunnel;
use crate::wire;
use crate::words::AgeBand;

/// The origin that a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) tls: bool,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// Answers one request: asks the filter, then passes on, narrows, warns or blocks.
pub(crate) async fn forward(
    client: &Arc<Client>,
    mut request: Request<Incoming>,
    target: Target,
    who: Who,
    trouble: Option<Failure>,
) -> Response<Answer> {
    let shared = client.shared();
    if headers::has_come_round(request.headers(), &shared.mark) {
        add(&shared.counts.loops);
        return close(
            shared
                .pages
                .problem(&Failure::Loop.explain(), Some(target.host.as_str())),
        );
    }
    let face = if target.tls { Face::Https } else { Face::Http };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    let verdict = match judge(
        &shared.filter,
        (&target.host, Some(path)),
        &who,
        client.from,
        face,
        Timestamp::now(),
    ) {
        Ok(verdict) => verdict,
        Err(failure) => {
            add(&shared.counts.not_ready);
            return retry_later(shared.pages.problem(&failure.explain(), None));
        }
    };
    let verdict = strangers::stops(client, &verdict, request.headers()).unwrap_or(verdict);
    let token = headers::take_cookie(request.headers_mut(), go_on::COOKIE);
    let gone_on = token.is_some_and(|token| went_on(client, &verdict, &token));
    let goes_on = request.method() == Method::POST && request.uri().path() == go_on::PATH;
    match verdict.decision.action {
        Action::Block => match refuse::elsewhere(client, &verdict, &request) {
            Some(sent) => sent,
            None => block(client, &verdict, request.headers()),
        },
        Action::Warn if goes_on => go_on_after_warning(client, &verdict, &target, request).await,
        // The text of a page can be warned about on a host that is open.
        _ if goes_on && verdict.reads_text().is_some() => {
            go_on_after_warning(client, &verdict, &target, request).await
        }
        Action::Warn if !gone_on => {
            let tally = Tally::new(verdict.event(), &shared.sink);
            warn(client, &verdict, &Reader::of(&request, None), tally)
        }
        Action::Warn | Action::Allow | Action::Narrow | Action::Tunnel => {
            let asked = Asked {
                trouble,
                gone_on,
                tool: Use::of(client, &verdict, &request),
            };
            // Boxed: a future is copied whole into the one that waits for it, and this is a large one.
            Box::pin(pass(client, request, &target, verdict, asked)).await
        }
    }
}

/// What is known of a request that is to pass.
struct Asked {
    trouble: Option<Failure>,
    /// Its reader has gone on after a warning of this host.
    gone_on: bool,
    /// The tool of generative AI that it is for.
    tool: Option<Use>,
}

/// Passes the request on and its answer back.
async fn pass(
    client: &Arc<Client>,
    mut request: Request<Incoming>,
    target: &Target,
    verdict: Verdict,
    asked: Asked,
) -> Response<Answer> {
    let shared = client.shared();
    let mut event = verdict.event();
    if verdict.decision.action == Action::Warn {
        event.rule = format!("{} (went on after the warning)", event.rule).into();
    }
    let band = verdict.band(shared.pages.words());
    let tally = Tally::new(event, &shared.sink);
    let tool = asked.tool.as_ref();
    let reader = Reader::of(&request, tool.and_then(Use::of_prompt));
    if let Some(forbidden) = tool.and_then(|tool| tool.forbidden(&verdict, &request)) {
        Box::pin(text::drop_upload(request.into_body())).await;
        return close(stop(client, &forbidden, &reader, tally));
    }
    if let Some(trouble) = asked.trouble {
        // FIL-16: a name that does not lead to the address it is asked for at.
        if trouble == Failure::Misdirected {
            tally.become_event(verdict.avoided(trouble.code()));
        }
        return failed(client, trouble, target, tally, band);
    }
    let websocket = headers::wants_websocket(request.headers()) && request.body().is_end_stream();
    let on_client = websocket.then(|| hyper::upgrade::on(&mut request));
    let dial = verdict
        .narrowing()
        .map_or(Dial::Host, |how| narrow::dial(&target.host, how));
    let broken = Arc::new(AtomicBool::new(false));
    let verdict = Arc::new(verdict);
    let (mut parts, mut body) = match prepare(client, request, &verdict, websocket) {
        Ok(prepared) => prepared,
        Err(failure) => return failed(client, failure, target, tally, band),
    };
    let asked_file = verdict.looks_at_downloads().then(|| {
        let path = verdict.address().path().unwrap_or("/");
        let file = file_kind::Asked::of(path, &parts.headers);
        download::ask_for_all(&verdict, &file, &mut parts.headers);
        file
    });
    let reads = Reads {
        client,
        verdict: &verdict,
        tool,
        warns: reader.page && !asked.gone_on,
    };
    let socket = on_client.map(|on_client| Socket {
        on_client,
        watcher: Watcher::of(&reads),
    });
    if socket
        .as_ref()
        .is_some_and(|socket| socket.watcher.is_some())
    {
        socket::keep_readable(&mut parts.headers);
    }
    if tool.and_then(Use::exchange).is_some() && reads.judged().is_some() {
        text::ask_for_bare(&mut parts.headers);
    }
    let begun = match text::upload(&reads, &parts.headers, &mut body, &tally).await {
        Ok(begun) => begun,
        // The rest of what the client sends is not read.
        Err(verdict) => return close(stop(client, &verdict, &reader, tally)),
    };
    let stopped = begun.reading.as_ref().map(Reading::stopped);
    let upload = Upload::new(body, begun, Arc::clone(&tally), Arc::clone(&broken));
    let request = Box::new(Request::from_parts(parts, upload));
    let exchanged = exchange(client, request, target, &dial, &tally).await;
    if let Some(verdict) = taken(stopped.as_ref()) {
        return close(stop(client, &verdict, &reader, tally));
    }
    match exchanged {
        Ok((response, lease)) => {
            note_extension(&client.shared().filter, &verdict, &response);
            let response = finish(
                client,
                response,
                lease,
                Arc::clone(&tally),
                socket,
                (target, band),
            );
            let response = match text::answer(&reads, response).await {
                Ok(response) => response,
                Err(verdict) => return stop(client, &verdict, &reader, tally),
            };
            let Some(file) = asked_file else {
                return response;
            };
            let download = Download {
                client,
                verdict: &verdict,
                tally: &tally,
                asked: file,
            };
            match download.judge(response).await {
                Ok(response) => response,
                Err(Refused::Stopped(verdict)) => stop(client, &verdict, &reader, tally),
                Err(Refused::Failed(failure)) => failed(client, failure, target, tally, band),
            }
        }
        Err(_) if broken.load(Ordering::Relaxed) => {
            close(failed(client, Failure::BrokenRequest, target, tally, band))
        }
        Err(failure) => failed(client, failure, target, tally, band),
    }
}

/// The verdict that stopped an upload on its way.
fn taken(stopped: Option<&Stopped>) -> Option<Verdict> {
    stopped?
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

/// Turns the client's request into the one for the origin.
fn prepare(
    client: &Client,
    mut request: Request<Incoming>,
    verdict: &Verdict,
    websocket: bool,
) -> Result<(Parts, Incoming), Failure> {
    wire::note_trailers(&mut request);
    let (mut parts, body) = request.into_parts();
    headers::strip_hop_by_hop(&mut parts.headers);
    parts.headers.remove(header::EXPECT);
    if websocket {
        parts
            .headers
            .insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        parts
            .headers
            .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    let narrowing = verdict.narrowing();
    let host = verdict.address().host();
    narrow::headers(&mut parts.headers, host, narrowing);
    let reads_text =
        text::dictionaries(client, verdict).is_some() && verdict.reads_text().is_some();
    if reads_text || verdict.looks_at_downloads() {
        text::keep_readable_codings(&mut parts.headers);
    }
    narrow::tenants(&mut parts.headers, host, verdict.policy());
    headers::add_via(&mut parts.headers, &client.shared().via);
    let asked = std::mem::take(&mut parts.uri);
    let named = asked.authority().cloned();
    let narrowed = narrowing.and_then(|how| narrow::path(verdict.address(), how));
    parts.uri = match narrowed {
        None => only_path(asked)?,
        Some(path) => with_root(path.into())
            .parse()
            .map_err(|_| Failure::Internal)?,
    };
    parts.version = Version::HTTP_11;
    wire::join_cookies(&mut parts.headers)?;
    if !parts.headers.contains_key(header::HOST) {
        let named = named.as_ref().map(without_user);
        let value = named.unwrap_or(host.as_str());
        let value = HeaderValue::from_str(value).map_err(|_| Failure::Internal)?;
        parts.headers.insert(header::HOST, value);
    }
    Ok((parts, body))
}

fn finish(
    client: &Arc<Client>,
    mut response: Response<Incoming>,
    lease: Lease,
    tally: Arc<Tally>,
    socket: Option<Socket>,
    (target, band): (&Target, AgeBand),
) -> Response<Answer> {
    let shared = client.shared();
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return match socket {
            Some(socket) if headers::wants_websocket(response.headers()) => {
                switch(client, response, tally, socket)
            }
            _ => failed(client, Failure::BrokenAnswer, target, tally, band),
        };
    }
    // An origin must not ask for the password that belongs to the proxy.
    if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        return failed(client, Failure::BrokenAnswer, target, tally, band);
    }
    clean(&mut response, &shared.via);
    let (mut parts, inner) = response.into_parts();
    parts.version = Version::HTTP_11;
    let mut flow = Flow {
        inner,
        tally,
        lease: Some(lease),
        patience: shared.config.limits.stall,
        clock: client.desk.clock(),
        busy: None,
        held: Held::new(),
        reading: None,
        is_over: false,
        breaks: false,
        memory: None,
    };
    if flow.inner.is_end_stream() {
        flow.give_back();
    }
    Response::from_parts(parts, Answer::Flow(Box::new(flow)))
}

/// What an origin says about connections, other protocols and pinned keys stops here.
fn clean(response: &mut Response<Incoming>, via: &HeaderValue) {
    let headers = response.headers_mut();
    headers::strip_hop_by_hop(headers);
    headers.remove(header::ALT_SVC);
    headers.remove(header::PUBLIC_KEY_PINS);
    headers::add_via(headers, via);
}

/// A WebSocket that is asked for.
struct Socket {
    on_client: OnUpgrade,
    /// What reads it.
    watcher: Option<Watcher>,
}

/// A WebSocket: from here on its messages are read, or bytes are passed both ways and counted.
fn switch(
    client: &Arc<Client>,
    mut response: Response<Incoming>,
    tally: Arc<Tally>,
    socket: Socket,
) -> Response<Answer> {
    let Socket { on_client, watcher } = socket;
    if watcher.is_some() {
        socket::keep_readable(response.headers_mut());
    }
    let on_origin = hyper::upgrade::on(&mut response);
    let (worker, stall) = (
        Arc::clone(&client.worker),
        client.shared().config.limits.stall,
    );
    let counted = Arc::clone(&tally);
    tokio::spawn(async move {
        let (Ok(client), Ok(origin)) = (on_client.await, on_origin.await) else {
            return;
        };
        let (client, origin) = (TokioIo::new(client), TokioIo::new(origin));
        let stop = &worker.stop;
        match watcher {
            Some(watcher) => {
                socket::pass_messages(client, origin, watcher, &counted, stall, stop).await;
            }
            None => tunnel::pass_bytes(client, origin, counted, stall, stop).await,
        }
    });
    clean(&mut response, &client.shared().via);
    let (mut parts, _) = response.into_parts();
    parts
        .headers
        .insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    parts
        .headers
        .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let mut body = Answer::page("");
    body.hold_tally(tally);
    Response::from_parts(parts, body)
}

/// The page about a failure, and the event of the request that failed.
pub(crate) fn failed(
    client: &Client,
    failure: Failure,
    target: &Target,
    tally: Arc<Tally>,
    band: AgeBand,
) -> Response<Answer> {
    let shared = client.shared();
    shared.count(failure);
    if !failure.is_origins() {
        tally.end_as(Action::Block.name(), failure.code());
    }
    let explained = failure.explain_to(band);
    let mut response = shared
        .pages
        .problem_for(&explained, target.host.as_str(), band);
    response.body_mut().hold_tally(tally);
    response
}

/// The path and query of an address, as they stand in a request line.
fn only_path(uri: Uri) -> Result<Uri, Failure> {
    match uri.into_parts().path_and_query {
        // It may be empty and only be shown so: `http://site.example#part`.
        Some(path) if path.as_str() == "/" => Ok(Uri::from_static("/")),
        Some(path) if path.as_str().starts_with('/') => Ok(path.into()),
        Some(path) => with_root(path.as_str().into())
            .parse()
            .map_err(|_| Failure::Internal),
        None => Ok(Uri::from_static("/")),
    }
}

/// Every path begins at the root, save the star that asks about a whole server.
fn with_root(path: Cow<'_, str>) -> Cow<'_, str> {
    if path.starts_with('/') || path == "*" {
        path
    } else {
        format!("/{path}").into()
    }
}

/// Host and port of an authority.
fn without_user(authority: &Authority) -> &str {
    let text = authority.as_str();
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}

pub(crate) fn retry_later(mut response: Response<Answer>) -> Response<Answer> {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-17: an origin is asked for a path, however little of one the client names.
    #[test]
    fn fil_17_an_origin_is_always_asked_for_a_path() {
        for (asked, wanted) in [
            ("http://site.example", "/"),
            ("http://site.example/", "/"),
            ("http://site.example#part", "/"),
            ("http://site.example?q=1", "/?q=1"),
            ("http://site.example/a?q=1#part", "/a?q=1"),
        ] {
            let path = only_path(asked.parse().unwrap()).unwrap_or_else(|_| panic!("{asked}"));
            assert_eq!(path.to_string(), wanted, "{asked}");
        }
    }
}
