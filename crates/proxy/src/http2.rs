//! HTTP/2 towards the client, inside a connection that is looked into (RFC 9113).
//!
//! The library reads frames and heads strictly: no upper case, no connection headers, no line
//! ends in values, one body length. What is bounded here is what a client can make the proxy hold:
//! streams, head bytes, windows, requests taken back, time without anything going on.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::Answer;
use crate::config::Limits;
use crate::connection::{Client, answer};
use crate::counts::add;

/// What a client may upload on one stream before the origin has taken it, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same for one connection.
const WINDOW: u32 = 1024 * 1024;
/// Bytes of one answer held while the client does not take them.
const SEND_MOST: usize = 64 * 1024;
/// How long answers under way may go on after the connection has been told to end.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Frames for requests already taken back that are borne before the connection ends.
const RESETS_PENDING: usize = 20;

/// Serves requests on an HTTP/2 stream until it ends, nothing goes on any more, or the proxy
/// stops.
pub(crate) async fn serve(
    client: Arc<Client>,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let shared = Arc::clone(client.shared());
    let (limits, desk) = (&shared.config.limits, Arc::clone(&client.desk));
    let stop = client.worker.stop.clone();
    let (asked, _serving) = (Arc::clone(&client), desk.serves());
    let service = service_fn(move |request| {
        let client = Arc::clone(&client);
        async move { Ok::<_, Infallible>(one(&client, request).await) }
    });
    let connection = framing(limits).serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    let (mut moved, mut quiet) = (desk.moved(), Duration::ZERO);
    let look = limits.idle / 2;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = stop.cancelled() => {}
            () = asked.asked_to_leave() => {
                if desk.is_busy() {
                    // A request came first: it is answered, and no further one is taken.
                    connection.as_mut().graceful_shutdown();
                    continue;
                }
            }
            () = desk.too_many_taken_back() => {
                add(&shared.counts.turned_away);
                tracing::debug!("a client took back too many requests");
                return;
            }
            () = tokio::time::sleep(look) => {
                let now = desk.moved();
                quiet = if now == moved { quiet + look } else { Duration::ZERO };
                moved = now;
                if desk.is_busy() {
                    if quiet < limits.stall {
                        continue;
                    }
                    return;
                }
                if quiet < limits.idle {
                    continue;
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        match tokio::time::timeout(LAST_WORDS, connection.as_mut()).await {
            Ok(ended) => break ended,
            Err(_) => return,
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client connection ended early");
    }
}

/// How HTTP/2 is read from clients, with what bounds it.
pub(crate) fn framing(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut framing = http2::Builder::new(TokioExecutor::new());
    framing
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(SEND_MOST)
        .max_pending_accept_reset_streams(RESETS_PENDING)
        .keep_alive_interval(limits.idle / 3)
        .keep_alive_timeout(limits.idle / 3);
    framing
}

/// One request: answered, or taken back by the client on the way.
async fn one(client: &Arc<Client>, request: Request<Incoming>) -> Response<Answer> {
    let mut settled = Settled {
        client,
        answered: false,
    };
    let mut response = answer(client, request).await;
    settled.answered = true;
    without_connection(response.headers_mut());
    response
}

struct Settled<'a> {
    client: &'a Arc<Client>,
    answered: bool,
}

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        self.client.desk.settle(self.answered);
    }
}

/// RFC 9113, section 8.2.2: nothing about connections in a message.
fn without_connection(headers: &mut HeaderMap) {
    headers.remove(header::CONNECTION);
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::UPGRADE);
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}
