//! DNS over HTTPS (RFC 8484): GET and POST, HTTP/1.1 and HTTP/2.
//!
//! `/dns-query` answers by the address that asks, like UDP. `/dns-query/<token>` is a device's own
//! path: it is known wherever it asks from, so that it has the same policy at home (FIL-15). An
//! unknown token is told apart from no path at all by nobody.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pharos_school::Who;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::server::TlsStream;

use crate::counts::add;
use crate::forward::{ReplyTo, depart, renew};
use crate::worker::{Client, Over, Verdict, Worker, answer};

/// Where questions go; also announced to devices (RFC 9461).
pub(crate) const PATH: &str = pharos_catalogue::DOH_PATH;
const MESSAGE: HeaderValue = HeaderValue::from_static("application/dns-message");
/// Longest question taken; real ones have some dozens of bytes.
const QUESTION_MAX: usize = 4_096;
/// Longest head of a request.
const HEAD_MAX: usize = 16 << 10;
/// A token has 43 characters; beyond this none is looked up.
const TOKEN_MAX: usize = 64;

/// Serves one connection until it is done, idle or broken.
pub(crate) async fn serve(stream: TlsStream<TcpStream>, ip: IpAddr, rc: Rc<RefCell<Worker>>) {
    let limits = rc.borrow().shared.config.limits;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let last = Rc::new(Cell::new(Instant::now()));
    let service = {
        let (rc, last) = (Rc::clone(&rc), Rc::clone(&last));
        service_fn(move |request| {
            let (rc, last) = (Rc::clone(&rc), Rc::clone(&last));
            async move {
                let response = respond(request, ip, &rc, limits.tcp_idle).await;
                last.set(Instant::now());
                Ok::<_, Infallible>(response)
            }
        })
    };
    let io = TokioIo::new(stream);
    if http2 {
        let connection = http2::Builder::new(Local)
            .timer(TokioTimer::new())
            .max_concurrent_streams(u32::try_from(limits.tcp_pipeline_max).unwrap_or(64))
            .max_header_list_size(HEAD_MAX as u32)
            .max_send_buf_size(64 << 10)
            .serve_connection(io, service);
        let connection = std::pin::pin!(connection);
        until_idle(connection, &last, limits.https_idle).await;
    } else {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.https_idle)
            .max_buf_size(HEAD_MAX)
            .serve_connection(io, service);
        let connection = std::pin::pin!(connection);
        until_idle(connection, &last, limits.https_idle).await;
    }
}

/// Waits for a connection's end, and ends it when no request came to its end for so long.
async fn until_idle(connection: impl Future + Unpin, last: &Cell<Instant>, idle: Duration) {
    let mut connection = connection;
    loop {
        let deadline = last.get() + idle;
        tokio::select! {
            _ = &mut connection => return,
            () = sleep_until(deadline) => {
                if last.get() + idle <= Instant::now() {
                    return;
                }
            }
        }
    }
}

async fn respond(
    request: Request<Incoming>,
    ip: IpAddr,
    rc: &Rc<RefCell<Worker>>,
    limit: Duration,
) -> Response<Full<Bytes>> {
    let client = match client(request.uri().path(), ip, rc) {
        Ok(client) => client,
        Err(status) => return bare(status),
    };
    let question = match timeout(limit, question(request)).await {
        Ok(Ok(question)) => question,
        Ok(Err(status)) => return bare(status),
        Err(_) => return bare(StatusCode::REQUEST_TIMEOUT),
    };
    let waiting = match ask(rc, &question, client) {
        Ok(answer) => return message(answer),
        Err(Some(waiting)) => waiting,
        Err(None) => return bare(StatusCode::BAD_REQUEST),
    };
    match waiting.await {
        Ok(answer) => message(answer),
        Err(_) => bare(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Who asks, by the path.
fn client(path: &str, ip: IpAddr, rc: &Rc<RefCell<Worker>>) -> Result<Client, StatusCode> {
    let rest = path.strip_prefix(PATH).ok_or(StatusCode::NOT_FOUND)?;
    if rest.is_empty() || rest == "/" {
        return Ok(Client::new(ip, Over::Https));
    }
    let token = rest
        .strip_prefix('/')
        .filter(|token| token.len() <= TOKEN_MAX);
    let who = token.and_then(|token| device(token, rc));
    match who {
        Some(who) => Ok(Client::of_device(ip, Over::Https, who)),
        None => {
            add(&rc.borrow().tally.tokens_unknown);
            Err(StatusCode::NOT_FOUND)
        }
    }
}

/// The device of a token, which is known here by its digest alone.
fn device(token: &str, rc: &Rc<RefCell<Worker>>) -> Option<Who> {
    let digest = digest(&SHA256, token.as_bytes());
    let digest: [u8; 32] = digest.as_ref().try_into().ok()?;
    let now = jiff::Timestamp::now();
    rc.borrow().shared.filter.devices().identify(&digest, now)
}

async fn question(request: Request<Incoming>) -> Result<Bytes, StatusCode> {
    match *request.method() {
        Method::GET => {
            let query = request.uri().query().unwrap_or_default();
            from_query(query).ok_or(StatusCode::BAD_REQUEST)
        }
        Method::POST => {
            if request.headers().get(CONTENT_TYPE) != Some(&MESSAGE) {
                return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            }
            let body = Limited::new(request.into_body(), QUESTION_MAX)
                .collect()
                .await;
            body.map(|body| body.to_bytes())
                .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)
        }
        _ => Err(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// The question in a query: `dns=` and base64url without padding. Other parameters are passed over.
pub(crate) fn from_query(query: &str) -> Option<Bytes> {
    let text = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("dns="))
        .filter(|text| text.len() <= QUESTION_MAX * 4 / 3)?;
    URL_SAFE_NO_PAD.decode(text).ok().map(Bytes::from)
}

/// The answer at once, or where it will come; `Err(None)`: no question.
fn ask(
    rc: &Rc<RefCell<Worker>>,
    question: &[u8],
    client: Client,
) -> Result<Vec<u8>, Option<oneshot::Receiver<Vec<u8>>>> {
    let mut guard = rc.borrow_mut();
    let worker = &mut *guard;
    let now = worker.shared.clock.now();
    let answer = match answer(worker, question, client, now) {
        Verdict::Silent => Err(None),
        Verdict::Reply => Ok(worker.out.clone()),
        Verdict::Forward(pending) => {
            let (sender, waiting) = oneshot::channel();
            depart(rc, worker, pending, ReplyTo::Https(sender), now);
            Err(Some(waiting))
        }
    };
    if !worker.renewals.is_empty() {
        renew(rc, worker);
    }
    answer
}

/// An answer. Nothing between us and the device may keep it: the next asker may be another person.
fn message(answer: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(answer));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, MESSAGE);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn bare(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let methods = HeaderValue::from_static("GET, POST");
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

/// Runs a connection's streams on its own worker's thread.
#[derive(Clone, Copy)]
pub(crate) struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async move {
            task.await;
        });
    }
}
