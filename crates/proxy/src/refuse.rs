//! What is answered where a request does not go through: the block page, the warning page with its
//! way on, help where somebody may be in distress, and words for programs.

use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use pharos_policy::Action;
use pharos_policy::spec::OtherTools;
use pharos_scan::tools::Tool;

use crate::body::Answer;
use crate::connection::{Client, close, short};
use crate::counts::add;
use crate::failure::Failure;
use crate::forward::Target;
use crate::go_on;
use crate::judge::Verdict;
use crate::pages::{Stop, plain};
use crate::tally::Tally;
use crate::words;

/// Most bytes of the form behind "go on".
const FORM_MOST: usize = 16 * 1024;

/// The block page, or a short word for what is not a page; the event either way.
pub(crate) fn block(
    client: &Client,
    verdict: &Verdict,
    request: &http::HeaderMap,
) -> Response<Answer> {
    let tally = Tally::new(verdict.event(), &client.shared().sink);
    block_as(client, verdict, wants_page(request), tally)
}

/// Sends whoever asks for a search tool that is not approved to the one that is, where the policy
/// says so and a person reads the answer; the event says so (SRCH-03).
pub(crate) fn elsewhere(
    client: &Client,
    verdict: &Verdict,
    request: &Request<Incoming>,
) -> Option<Response<Answer>> {
    let mut response = sent_elsewhere(verdict, request)?;
    let shared = client.shared();
    add(&shared.counts.blocked);
    let tally = Tally::new(verdict.event(), &shared.sink);
    if let Some((name, _)) = verdict.instead() {
        tally.adds(&format!("sent to {name}"));
    }
    response.body_mut().hold_tally(tally);
    Some(response)
}

/// The same without an event.
pub(crate) fn sent_elsewhere(
    verdict: &Verdict,
    request: &Request<Incoming>,
) -> Option<Response<Answer>> {
    let asks = request.method() == Method::GET && wants_page(request.headers());
    if !asks || verdict.policy().other_tools() != OtherTools::Redirect {
        return None;
    }
    let (_, at) = verdict.instead()?;
    let at = HeaderValue::from_str(&at).ok()?;
    let mut response = plain(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    response.headers_mut().insert(header::LOCATION, at);
    Some(response)
}

/// How a refusal will be read.
pub(crate) struct Reader {
    /// By a person, as a page.
    pub(crate) page: bool,
    /// By a program of a tool of generative AI.
    pub(crate) tool: Option<Arc<Tool>>,
    /// Where the request was for, to go on there after a warning.
    to: Option<PathAndQuery>,
}

impl Reader {
    /// Of the answer to this request; `tool` where it carries a prompt.
    pub(crate) fn of(request: &Request<Incoming>, tool: Option<&Arc<Tool>>) -> Self {
        let headers = request.headers();
        // A program that says nothing of what it takes gets a page; one that sends a prompt does
        // not.
        let page = wants_page(headers) && (tool.is_none() || asks_for_html(headers));
        Self {
            page,
            tool: tool.filter(|_| !page).cloned(),
            to: request.uri().path_and_query().cloned(),
        }
    }

    fn to(&self) -> &str {
        self.to.as_ref().map_or("/", PathAndQuery::as_str)
    }
}

/// The same for a request whose event is already being counted: what it says or what was answered
/// is over the threshold, or a tool may not be used so.
pub(crate) fn stop(
    client: &Client,
    verdict: &Verdict,
    reader: &Reader,
    tally: Arc<Tally>,
) -> Response<Answer> {
    let told = reader.tool.as_ref().and_then(|tool| {
        let words = client.shared().pages.words();
        tool.refusal(&words.refusal(verdict, verdict.band(words)))
    });
    if let Some(told) = told {
        add(&client.shared().counts.blocked);
        tally.become_event(verdict.event());
        let mut response = plain(StatusCode::FORBIDDEN, "application/json", told);
        response.body_mut().hold_tally(tally);
        return response;
    }
    if verdict.decision.action == Action::Warn {
        return warn(client, verdict, reader, tally);
    }
    tally.become_event(verdict.event());
    block_as(client, verdict, reader.page, tally)
}

fn block_as(client: &Client, verdict: &Verdict, page: bool, tally: Arc<Tally>) -> Response<Answer> {
    let mut response = block_page(client, verdict, page);
    response.body_mut().hold_tally(tally);
    response
}

/// The block page in the reader's words, or a short word for what is not a page; makes no event.
pub(crate) fn block_page(client: &Client, verdict: &Verdict, page: bool) -> Response<Answer> {
    let shared = client.shared();
    add(&shared.counts.blocked);
    let band = verdict.band(shared.pages.words());
    let distress = verdict.text().is_some_and(|over| over.distress);
    if &*verdict.decision.rule == pharos_policy::NOTICE_RULE {
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
            instead: verdict.instead(),
        };
        if verdict.is_sealed() {
            shared.pages.sealed(band, reference)
        } else if distress {
            shared.pages.care(&stop)
        } else {
            shared.pages.block(&stop)
        }
    }
}

/// The warning page, or a short word for what is not a page. The event is the warning's.
pub(crate) fn warn(
    client: &Client,
    verdict: &Verdict,
    reader: &Reader,
    tally: Arc<Tally>,
) -> Response<Answer> {
    let shared = client.shared();
    add(&shared.counts.blocked);
    tally.become_event(verdict.event());
    let mut response = if reader.page {
        let band = verdict.band(shared.pages.words());
        let why = words::why(verdict, band);
        let reference = shared.desk.open(verdict.blocked(&why));
        let host = verdict.address().host().as_str();
        let token = verdict.may_go_on().then(|| {
            shared
                .go_on
                .token(&verdict.who, client.from, host, verdict.now)
        });
        let unknown = verdict.who.person().is_none();
        shared.pages.warn(
            &Stop {
                band,
                host,
                why: &why,
                reference,
                unknown,
                instead: None,
            },
            token,
            reader.to(),
        )
    } else {
        short(StatusCode::FORBIDDEN)
    };
    response.body_mut().hold_tally(tally);
    response
}

/// Whether a reader has gone on after a warning of this host a short time ago.
pub(crate) fn went_on(client: &Client, verdict: &Verdict, token: &str) -> bool {
    let host = verdict.address().host().as_str();
    let go_on = &client.shared().go_on;
    verdict.who.person().is_some()
        && go_on.holds(token, &verdict.who, client.from, host, verdict.now)
}

/// The warning page's button: the token becomes a cookie of this host, for a short time.
pub(crate) async fn go_on_after_warning(
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

/// Whether the answer will be read by a person: a page, not a picture or a script.
pub(crate) fn wants_page(headers: &http::HeaderMap) -> bool {
    if let Some(destination) = headers.get("sec-fetch-dest") {
        return destination == "document";
    }
    match headers.get(header::ACCEPT).map(HeaderValue::as_bytes) {
        None | Some(b"*/*") => true,
        Some(_) => asks_for_html(headers),
    }
}

fn asks_for_html(headers: &http::HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).map(HeaderValue::as_bytes);
    accept.is_some_and(|accept| accept.windows(9).any(|part| part == b"text/html"))
}
