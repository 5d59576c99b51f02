//! One request sent to its origin, on a connection that is there or on a new one.

use std::error::Error;
use std::sync::Arc;
use std::sync::PoisonError;
use std::task::Poll;

use http::header;
use http::{Method, Request, Response};
use hyper::body::{Body, Incoming};
use tokio::sync::OwnedSemaphorePermit;

use crate::body::Upload;
use crate::connection::Client;
use crate::failure::Failure;
use crate::forward::Target;
use crate::headers;
use crate::narrow::Dial;
use crate::pool::{Home, Lease, OriginKey, Sender};
use crate::tally::Tally;
use crate::wire;

/// An answer with the connection that it comes on.
type Answered = (Response<Incoming>, Lease);

/// Where one request goes.
struct Way<'a> {
    client: &'a Client,
    target: &'a Target,
    dial: &'a Dial,
    key: Arc<OriginKey>,
    /// It carries NTLM or Negotiate, which belong to a connection.
    binds: bool,
    /// The client may be answered by HTTP/2.
    http2: bool,
}

/// Sends the request on a kept connection or a new one. A kept one may have been closed by the
/// origin meanwhile: what was not sent, and what may safely be sent twice, is sent again once.
pub(crate) async fn exchange(
    client: &Client,
    mut request: Box<Request<Upload>>,
    target: &Target,
    dial: &Dial,
    tally: &Arc<Tally>,
) -> Result<Answered, Failure> {
    let binds = headers::binds_connection(request.headers());
    let mut way = Way {
        client,
        target,
        dial,
        key: OriginKey::new(target.tls, &target.host, target.port, dial),
        binds,
        http2: target.tls
            && client.http2().is_some()
            && !binds
            && !request.headers().contains_key(header::UPGRADE),
    };
    let mut kept = way.kept().await?;
    loop {
        let was_kept = kept.is_some();
        let (lease, copy) = match kept.take() {
            Some(lease) => (lease, again(&request, tally)),
            None => {
                // Boxed: most requests find a connection, and take no room for opening one.
                let lease = Box::pin(way.opened()).await?;
                // A new connection fails only for cause, save where the origin asks for another.
                let copy = lease.sender.is_http2().then(|| again(&request, tally));
                (lease, copy.flatten())
            }
        };
        let unsent = match send(client, lease, request, target, tally).await {
            Ok(answered) => return Ok(answered),
            Err(unsent) => unsent,
        };
        let another = unsent.wants_http1 && way.http2;
        if another {
            client.worker.pool.wants_http1(&way.key);
            way.http2 = false;
        }
        if !was_kept && !another {
            return Err(unsent.failure);
        }
        request = match (unsent.request, copy) {
            (Some(request), _) => request,
            (None, Some(copy)) if unsent.failure == Failure::BrokenAnswer => copy,
            _ => return Err(unsent.failure),
        };
    }
}

impl Way<'_> {
    /// A connection that is there already.
    async fn kept(&self) -> Result<Option<Lease>, Failure> {
        let sender = match take_own(self.client, &self.key) {
            Some(sender) => sender,
            None if self.binds => return Ok(None),
            None => match self.client.worker.pool.take(&self.key, self.http2) {
                Some(sender) => sender,
                None => return Ok(None),
            },
        };
        let place = if sender.is_http2() {
            None
        } else {
            self.place().await?
        };
        Ok(Some(self.lease(sender, place)))
    }

    /// A new connection, or one that another request of the same client has opened meanwhile.
    async fn opened(&self) -> Result<Lease, Failure> {
        let pool = &self.client.worker.pool;
        if let Some(many) = self.client.http2().filter(|_| self.http2)
            && pool.speaks_http2(&self.key)
        {
            let _turn = many.opening.lock().await;
            return match pool.take(&self.key, true) {
                Some(sender) if sender.is_http2() => Ok(self.lease(sender, None)),
                _ => self.open(None).await,
            };
        }
        let place = self.place().await?;
        if place.is_some()
            && !self.binds
            && let Some(sender) = pool.take(&self.key, self.http2)
        {
            let place = place.filter(|_| !sender.is_http2());
            return Ok(self.lease(sender, place));
        }
        self.open(place).await
    }

    async fn open(&self, place: Option<OwnedSemaphorePermit>) -> Result<Lease, Failure> {
        let pool = &self.client.worker.pool;
        let http2 = self.http2 && pool.may_speak_http2(&self.key);
        let origins = &self.client.shared().origins;
        let sender = origins
            .open(&self.key, &self.target.host, self.dial, http2)
            .await?;
        let place = match &sender {
            Sender::One(_) => place,
            Sender::Many(shared) => {
                pool.put(Arc::clone(&self.key), Sender::Many(shared.clone()));
                None
            }
        };
        Ok(self.lease(sender, place))
    }

    /// Requests of one HTTP/2 client share a bounded number of HTTP/1.1 connections.
    async fn place(&self) -> Result<Option<OwnedSemaphorePermit>, Failure> {
        let Some(many) = self.client.http2() else {
            return Ok(None);
        };
        let place = Arc::clone(&many.places).acquire_owned();
        let patience = self.client.shared().config.limits.first_byte;
        match tokio::time::timeout(patience, place).await {
            Ok(Ok(place)) => Ok(Some(place)),
            _ => Err(Failure::Silent),
        }
    }

    fn lease(&self, sender: Sender, place: Option<OwnedSemaphorePermit>) -> Lease {
        let home = if self.binds {
            Home::Own(Arc::clone(&self.client.own_origin))
        } else {
            Home::Shared(Arc::clone(&self.client.worker.pool))
        };
        Lease {
            sender,
            key: Arc::clone(&self.key),
            home,
            place,
        }
    }
}

fn take_own(client: &Client, key: &Arc<OriginKey>) -> Option<Sender> {
    let mut own = client
        .own_origin
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    match own.take() {
        Some((own_key, sender)) if own_key == *key && sender.is_ready() => Some(sender),
        _ => None,
    }
}

/// A copy of a request that may be sent twice: without a body and without effects.
fn again(request: &Request<Upload>, tally: &Arc<Tally>) -> Option<Box<Request<Upload>>> {
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if !safe || !request.body().is_end_stream() || request.headers().contains_key(header::UPGRADE) {
        return None;
    }
    let mut copy = Box::new(Request::new(Upload::empty(Arc::clone(tally))));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

/// A request that came to nothing.
struct Unsent {
    failure: Failure,
    /// The request, where nothing of it was sent.
    request: Option<Box<Request<Upload>>>,
    /// The origin asks for HTTP/1.1.
    wants_http1: bool,
}

impl Unsent {
    fn of(failure: Failure) -> Self {
        Self {
            failure,
            request: None,
            wants_http1: false,
        }
    }
}

async fn send(
    client: &Client,
    mut lease: Lease,
    mut request: Box<Request<Upload>>,
    target: &Target,
    tally: &Arc<Tally>,
) -> Result<Answered, Unsent> {
    if lease.sender.is_http2() {
        wire::as_http2(&mut request, &target.host).map_err(Unsent::of)?;
    } else {
        wire::as_http1(&mut request).map_err(Unsent::of)?;
    }
    let patience = client.shared().config.limits.first_byte;
    let mut sent = tally.sent();
    let mut clock = client.desk.clock();
    let result = {
        let mut answer = lease.sender.send(*request);
        std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(result) = answer.as_mut().poll(cx) {
                    return Poll::Ready(Some(result));
                }
                std::task::ready!(clock.poll(cx, None, patience));
                if tally.sent() == sent {
                    return Poll::Ready(None);
                }
                // The clock starts again for as long as the upload moves.
                sent = tally.sent();
                clock.stop();
            }
        })
        .await
    };
    client.desk.put_back(clock);
    let Some(result) = result else {
        return Err(Unsent::of(Failure::Silent));
    };
    match result {
        Ok(response) => {
            if !lease.sender.is_http2() && headers::binds_connection(response.headers()) {
                lease.home = Home::Own(Arc::clone(&client.own_origin));
            }
            Ok((response, lease))
        }
        Err(mut error) => Err(Unsent {
            failure: Failure::BrokenAnswer,
            request: error.take_message().map(Box::new),
            wants_http1: wants_http1(error.error()),
        }),
    }
}

/// RFC 9113, section 7: the origin answers this request over HTTP/1.1 only.
fn wants_http1(error: &hyper::Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<h2::Error>())
        .and_then(h2::Error::reason)
        == Some(h2::Reason::HTTP_1_1_REQUIRED)
}
