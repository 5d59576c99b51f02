//! One request with a whole address: decided, then passed on or answered with a page.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use pharos_catalogue::Host;
use pharos_policy::Action;
use pharos_school::{Face, Who};

use crate::body::{Answer, Flow, Upload};
use crate::connection::{Client, close, short};
use crate::counts::add;
use crate::exchange::exchange;
use crate::failure::Failure;
use crate::gate::Clock;
use crate::go_on;
use crate::headers;
use crate::judge::{Verdict, judge};
use crate::narrow;
use crate::pages::{Stop, plain};
use crate::pool::Lease;
use crate::tally::Tally;
use crate::text::{self, Held, Reading, Stopped};
use crate::tunnel;
use crate::wire;
use crate::words::{self, AgeBand};

/// Most bytes of the form behind "go on".
const FORM_MOST: usize = 16 * 1024;

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
    let token = headers::take_cookie(request.headers_mut(), go_on::COOKIE);
    match verdict.decision.action {
        Action::Block => block(client, &verdict, request.headers()),
        Action::Warn if request.method() == Method::POST && request.uri().path() == go_on::PATH => {
            go_on_after_warning(client, &verdict, &target, request).await
        }
        Action::Warn => match token {
            Some(token) if went_on(client, &verdict, &token) => {
                pass(client, request, &target, verdict, trouble).await
            }
            _ => warn(client, &verdict, &request),
        },
        Action::Allow | Action::Narrow | Action::Tunnel => {
            pass(client, request, &target, verdict, trouble).await
        }
    }
}

/// The block page, or a short word for what is not a page; the event either way.
pub(crate) fn block(
    client: &Client,
    verdict: &Verdict,
    request: &http::HeaderMap,
) -> Response<Answer> {
    let tally = Tally::new(verdict.event(), &client.shared().sink);
    block_as(client, verdict, wants_page(request), tally)
}

/// The same for a request whose event is already being counted: what it says or what was answered
/// is over the threshold.
fn stop(client: &Client, verdict: &Verdict, page: bool, tally: Arc<Tally>) -> Response<Answer> {
    tally.become_event(verdict.event());
    block_as(client, verdict, page, tally)
}

fn block_as(client: &Client, verdict: &Verdict, page: bool, tally: Arc<Tally>) -> Response<Answer> {
    let shared = client.shared();
    add(&shared.counts.blocked);
    let band = verdict.band(shared.pages.words());
    let distress = verdict.text().is_some_and(|over| over.distress);
    let mut response = if &*verdict.decision.rule == pharos_policy::NOTICE_RULE {
        // MON-09: devices that probe for a sign-in page open the one they are led to.
        shared.pages.to_notice()
    } else if !page && distress {
        plain(
            StatusCode::FORBIDDEN,
            "text/plain; charset=utf-8",
            shared.pages.words().care_in_short(band),
        )
    } else if !page {
        short(StatusCode::FORBIDDEN)
    } else {
        let why = words::why(verdict, band);
        let reference = shared.desk.open(verdict.blocked(&why));
        let stop = Stop {
            band,
            host: verdict.address().host().as_str(),
            why: &why,
            reference,
            unknown: verdict.who.person().is_none(),
        };
        if verdict.is_sealed() {
            shared.pages.sealed(band, reference)
        } else if distress {
            shared.pages.care(&stop)
        } else {
            shared.pages.block(&stop)
        }
    };
    response.body_mut().hold_tally(tally);
    response
}

fn warn(client: &Client, verdict: &Verdict, request: &Request<Incoming>) -> Response<Answer> {
    let shared = client.shared();
    add(&shared.counts.blocked);
    let tally = Tally::new(verdict.event(), &shared.sink);
    let mut response = if wants_page(request.headers()) {
        let band = verdict.band(shared.pages.words());
        let why = words::why(verdict, band);
        let reference = shared.desk.open(verdict.blocked(&why));
        let host = verdict.address().host().as_str();
        let token = verdict.may_go_on().then(|| {
            shared
                .go_on
                .token(&verdict.who, client.from, host, verdict.now)
        });
        let to = request
            .uri()
            .path_and_query()
            .map_or("/", PathAndQuery::as_str);
        let unknown = verdict.who.person().is_none();
        shared.pages.warn(
            &Stop {
                band,
                host,
                why: &why,
                reference,
                unknown,
            },
            token,
            to,
        )
    } else {
        short(StatusCode::FORBIDDEN)
    };
    response.body_mut().hold_tally(tally);
    response
}

fn went_on(client: &Client, verdict: &Verdict, token: &str) -> bool {
    let host = verdict.address().host().as_str();
    verdict.may_go_on()
        && client
            .shared()
            .go_on
            .holds(token, &verdict.who, client.from, host, verdict.now)
}

/// The warning page's button: the token becomes a cookie of this host, for a short time.
async fn go_on_after_warning(
    client: &Client,
    verdict: &Verdict,
    target: &Target,
    request: Request<Incoming>,
) -> Response<Answer> {
    let shared = client.shared();
    let Ok(form) = Limited::new(request.into_body(), FORM_MOST).collect().await else {
        return close(
            shared
                .pages
                .problem(&Failure::BrokenRequest.explain(), None),
        );
    };
    let form = form.to_bytes();
    let field = |wanted: &str| {
        form_urlencoded::parse(&form)
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    let (token, to) = (
        field("token").unwrap_or_default(),
        field("to").unwrap_or_default(),
    );
    if !went_on(client, verdict, &token) {
        return short(StatusCode::FORBIDDEN);
    }
    let secure = if target.tls { "; Secure" } else { "" };
    let cookie = format!(
        "{}={token}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
        go_on::COOKIE,
        go_on::LASTS.as_secs()
    );
    let mut response = plain(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    let headers = response.headers_mut();
    if let (Ok(cookie), Ok(location)) = (
        HeaderValue::from_str(&cookie),
        HeaderValue::from_str(go_on::safe_return(&to)),
    ) {
        headers.insert(header::SET_COOKIE, cookie);
        headers.insert(header::LOCATION, location);
    }
    response
        .body_mut()
        .hold_tally(Tally::new(verdict.event(), &shared.sink));
    response
}

/// Passes the request on and its answer back.
async fn pass(
    client: &Arc<Client>,
    mut request: Request<Incoming>,
    target: &Target,
    verdict: Verdict,
    trouble: Option<Failure>,
) -> Response<Answer> {
    let shared = client.shared();
    let mut event = verdict.event();
    if verdict.decision.action == Action::Warn {
        event.rule = format!("{} (went on after the warning)", event.rule).into();
    }
    let band = verdict.band(shared.pages.words());
    let tally = Tally::new(event, &shared.sink);
    if let Some(trouble) = trouble {
        return failed(client, trouble, target, tally, band);
    }
    let websocket = headers::wants_websocket(request.headers()) && request.body().is_end_stream();
    let on_client = websocket.then(|| hyper::upgrade::on(&mut request));
    let dial = narrow::dial(&target.host, verdict.decision.narrowing);
    let broken = Arc::new(AtomicBool::new(false));
    let page = wants_page(request.headers());
    let verdict = Arc::new(verdict);
    let (parts, mut body) = match prepare(client, request, &verdict, websocket) {
        Ok(prepared) => prepared,
        Err(failure) => return failed(client, failure, target, tally, band),
    };
    let begun = match text::upload(client, &verdict, &parts.headers, &mut body).await {
        Ok(begun) => begun,
        // The rest of what the client sends is not read.
        Err(verdict) => return close(stop(client, &verdict, page, tally)),
    };
    let stopped = begun.reading.as_ref().map(Reading::stopped);
    let upload = Upload::new(body, begun, Arc::clone(&tally), Arc::clone(&broken));
    let request = Request::from_parts(parts, upload);
    let exchanged = exchange(client, request, target, &dial, &tally).await;
    if let Some(verdict) = taken(stopped.as_ref()) {
        add(&client.shared().counts.texts_stopped);
        return close(stop(client, &verdict, page, tally));
    }
    match exchanged {
        Ok((response, lease)) => {
            let response = finish(
                client,
                response,
                lease,
                Arc::clone(&tally),
                on_client,
                (target, band),
            );
            match text::answer(client, &verdict, response).await {
                Ok(response) => response,
                Err(verdict) => stop(client, &verdict, page, tally),
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
    let named = request.uri().authority().map(without_user);
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
    let narrowing = verdict.decision.narrowing;
    let host = verdict.address().host();
    narrow::headers(&mut parts.headers, host, narrowing);
    if client.shared().config.dictionaries.is_some() && verdict.reads_text().is_some() {
        text::keep_readable_codings(&mut parts.headers);
    }
    narrow::tenants(&mut parts.headers, host, verdict.policy());
    headers::add_via(&mut parts.headers, &client.shared().via);
    let path = narrow::path(verdict.address(), narrowing);
    let path = path
        .as_deref()
        .or(parts.uri.path_and_query().map(PathAndQuery::as_str))
        .unwrap_or("/");
    let path = if path.starts_with('/') || path == "*" {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    parts.uri = path.parse::<Uri>().map_err(|_| Failure::Internal)?;
    parts.version = Version::HTTP_11;
    wire::join_cookies(&mut parts.headers)?;
    if !parts.headers.contains_key(header::HOST) {
        let value = named.as_deref().unwrap_or(host.as_str());
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
    on_client: Option<OnUpgrade>,
    (target, band): (&Target, AgeBand),
) -> Response<Answer> {
    let shared = client.shared();
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return match on_client {
            Some(on_client) if headers::wants_websocket(response.headers()) => {
                switch(client, response, tally, on_client)
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
        clock: Clock::default(),
        busy: None,
        held: Held::new(),
        reading: None,
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

/// A WebSocket: from here on bytes are passed both ways and counted.
fn switch(
    client: &Arc<Client>,
    mut response: Response<Incoming>,
    tally: Arc<Tally>,
    on_client: OnUpgrade,
) -> Response<Answer> {
    let on_origin = hyper::upgrade::on(&mut response);
    let (worker, stall) = (
        Arc::clone(&client.worker),
        client.shared().config.limits.stall,
    );
    let counted = Arc::clone(&tally);
    tokio::spawn(async move {
        if let (Ok(client), Ok(origin)) = (on_client.await, on_origin.await) {
            tunnel::pass_bytes(
                TokioIo::new(client),
                TokioIo::new(origin),
                counted,
                stall,
                &worker.stop,
            )
            .await;
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

/// Host and port of an authority.
fn without_user(authority: &Authority) -> String {
    let text = authority.as_str();
    text.rsplit_once('@')
        .map_or(text, |(_, host)| host)
        .to_owned()
}

pub(crate) fn retry_later(mut response: Response<Answer>) -> Response<Answer> {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

/// Whether the answer will be read by a person: a page, not a picture or a script.
fn wants_page(headers: &http::HeaderMap) -> bool {
    if let Some(destination) = headers.get("sec-fetch-dest") {
        return destination == "document";
    }
    match headers.get(header::ACCEPT).map(HeaderValue::as_bytes) {
        None | Some(b"*/*") => true,
        Some(accept) => accept.windows(9).any(|part| part == b"text/html"),
    }
}
