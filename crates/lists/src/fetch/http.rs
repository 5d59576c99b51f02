//! One file over HTTP/1.1, if it has changed. Everything is bounded: bytes, time, silence, redirects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, ETAG, HOST, HeaderMap, HeaderName, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::FetchError;
use super::url::ListUrl;

/// Bounds on one fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Bytes of one file.
    pub bytes_max: u64,
    /// How long the whole may take.
    pub whole: Duration,
    /// How long the publisher may say nothing.
    pub silence: Duration,
    /// How many redirects are followed.
    pub redirects_max: usize,
}

impl Default for FetchLimits {
    /// 256 MiB, half an hour, half a minute of silence, five redirects.
    fn default() -> Self {
        Self {
            bytes_max: 256 << 20,
            whole: Duration::from_secs(30 * 60),
            silence: Duration::from_secs(30),
            redirects_max: 5,
        }
    }
}

/// By what the publisher tells versions of a file apart; sent back with the next question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validators {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// Which certificates publishers are known by.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

impl Trust {
    /// The certificates this machine trusts; Mozilla's where it has none of its own.
    ///
    /// # Errors
    /// [`FetchError::NoTls`].
    pub fn of_this_machine() -> Result<Self, FetchError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Self::of(roots)
    }

    /// These certificates and no others.
    ///
    /// # Errors
    /// [`FetchError::NoTls`].
    pub fn of(roots: RootCertStore) -> Result<Self, FetchError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| FetchError::NoTls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

/// What the publisher answered.
pub(super) enum Answer {
    /// The file is as it was.
    NotModified,
    /// It was handed on; by this it is known next time.
    Whole(Validators),
}

/// Fetches a file and hands its pieces on.
pub(super) async fn get(
    url: &ListUrl,
    known: &Validators,
    limits: &FetchLimits,
    trust: &Trust,
    each: &mut dyn FnMut(&[u8]) -> Result<(), FetchError>,
) -> Result<Answer, FetchError> {
    let work = get_within(url, known, limits, trust, each);
    match timeout(limits.whole, work).await {
        Ok(result) => result,
        Err(_) => Err(FetchError::TookTooLong(limits.whole.as_secs())),
    }
}

async fn get_within(
    url: &ListUrl,
    known: &Validators,
    limits: &FetchLimits,
    trust: &Trust,
    each: &mut dyn FnMut(&[u8]) -> Result<(), FetchError>,
) -> Result<Answer, FetchError> {
    let mut url = url.clone();
    for _ in 0..=limits.redirects_max {
        let response = ask(&url, known, limits, trust).await?;
        match response.status() {
            StatusCode::OK => return body(response, limits, each).await.map(Answer::Whole),
            StatusCode::NOT_MODIFIED if *known != Validators::default() => {
                return Ok(Answer::NotModified);
            }
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = text(response.headers(), &LOCATION).ok_or(FetchError::BadUrl)?;
                url = url.redirected(&location)?;
            }
            status => {
                return Err(FetchError::Status {
                    host: url.bare_host().to_owned(),
                    status: status.as_u16(),
                });
            }
        }
    }
    Err(FetchError::TooManyRedirects(limits.redirects_max))
}

async fn ask(
    url: &ListUrl,
    known: &Validators,
    limits: &FetchLimits,
    trust: &Trust,
) -> Result<Response<Incoming>, FetchError> {
    let unreachable = |error: std::io::Error| FetchError::Unreachable {
        host: url.bare_host().to_owned(),
        why: error.to_string(),
    };
    let tcp = timeout(
        limits.silence,
        TcpStream::connect((url.bare_host(), url.port())),
    )
    .await
    .map_err(|_| FetchError::Silent(limits.silence.as_secs()))?
    .map_err(unreachable)?;
    if !url.is_secure() {
        return send(tcp, url, known, limits).await;
    }
    let name = ServerName::try_from(url.bare_host().to_owned()).map_err(|_| FetchError::BadUrl)?;
    let connector = TlsConnector::from(Arc::clone(&trust.0));
    let tls = timeout(limits.silence, connector.connect(name, tcp))
        .await
        .map_err(|_| FetchError::Silent(limits.silence.as_secs()))?
        .map_err(unreachable)?;
    send(tls, url, known, limits).await
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    url: &ListUrl,
    known: &Validators,
    limits: &FetchLimits,
) -> Result<Response<Incoming>, FetchError> {
    let broken = |error: hyper::Error| FetchError::Broken {
        host: url.bare_host().to_owned(),
        why: error.to_string(),
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Ends with the body, or when it is dropped; what goes wrong shows in the body as well.
    tokio::spawn(async move { drop(connection.await) });
    let mut request = Request::get(url.target())
        .header(HOST, url.authority())
        .header(USER_AGENT, concat!("pharos/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*")
        // What is compressed is compressed as a file; a second wrapping would only hide its size.
        .header(ACCEPT_ENCODING, "identity");
    for (name, value) in [
        (IF_NONE_MATCH, &known.etag),
        (IF_MODIFIED_SINCE, &known.last_modified),
    ] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::BadUrl)?;
    timeout(limits.silence, sender.send_request(request))
        .await
        .map_err(|_| FetchError::Silent(limits.silence.as_secs()))?
        .map_err(broken)
}

async fn body(
    response: Response<Incoming>,
    limits: &FetchLimits,
    each: &mut dyn FnMut(&[u8]) -> Result<(), FetchError>,
) -> Result<Validators, FetchError> {
    let validators = Validators {
        etag: text(response.headers(), &ETAG),
        last_modified: text(response.headers(), &LAST_MODIFIED),
    };
    let declared = text(response.headers(), &CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let too_large = || FetchError::TooLarge(limits.bytes_max);
    if declared.is_some_and(|bytes: u64| bytes > limits.bytes_max) {
        return Err(too_large());
    }
    let mut left = limits.bytes_max;
    let mut body = response.into_body();
    loop {
        let frame = timeout(limits.silence, body.frame())
            .await
            .map_err(|_| FetchError::Silent(limits.silence.as_secs()))?;
        let Some(frame) = frame else {
            return Ok(validators);
        };
        let frame = frame.map_err(|error| FetchError::CutShort(error.to_string()))?;
        if let Some(piece) = frame.data_ref() {
            left = left.checked_sub(piece.len() as u64).ok_or_else(too_large)?;
            each(piece)?;
        }
    }
}

/// A header's value, where it is text of a sensible length.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    const VALUE_MAX: usize = 2048;
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= VALUE_MAX).then(|| value.to_owned())
}
