//! Questions over HTTPS (RFC 8484), HTTP/2 alone: one connection, a stream for each question.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Mutex;

use super::stream::{Way, tls};
use crate::doh::Local;

const MESSAGE: &str = "application/dns-message";

/// The connection to one upstream; opened when there is a question.
pub(super) struct Https {
    way: Way,
    uri: Uri,
    sender: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Https {
    /// `None` where name and path make no address.
    pub(super) fn new(way: Way, name: &str, path: &str) -> Option<Self> {
        let at: SocketAddr = way.at;
        let authority = match at.port() {
            443 => name.to_owned(),
            port => format!("{name}:{port}"),
        };
        let uri = Uri::builder().scheme("https").authority(authority);
        Some(Self {
            way,
            uri: uri.path_and_query(path).build().ok()?,
            sender: Mutex::default(),
        })
    }

    /// Asks one question, whose id is 0 (RFC 8484 section 4.1).
    pub(super) async fn ask(&self, question: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut sender = self.sender().await?;
        let request = Request::post(self.uri.clone())
            .header(CONTENT_TYPE, MESSAGE)
            .header(ACCEPT, MESSAGE)
            .body(Full::from(question))
            .map_err(io::Error::other)?;
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        if response.status() != StatusCode::OK {
            let what = format!("the upstream answered {}", response.status());
            return Err(io::Error::other(what));
        }
        let body = Limited::new(response.into_body(), usize::from(u16::MAX));
        let body = body.collect().await.map_err(io::Error::other)?;
        Ok(body.to_bytes().to_vec())
    }

    async fn sender(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let mut kept = self.sender.lock().await;
        if let Some(sender) = kept.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let stream = tls(&self.way).await?;
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other("the upstream does not speak HTTP/2"));
        }
        let (sender, connection) = http2::Builder::new(Local)
            .timer(TokioTimer::new())
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a DNS upstream ended");
            }
        });
        *kept = Some(sender.clone());
        Ok(sender)
    }
}
