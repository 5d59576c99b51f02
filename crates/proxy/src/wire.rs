//! The same request as HTTP/1.1 and as HTTP/2 write it.

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri, Version};
use pharos_catalogue::Host;

use crate::failure::Failure;

/// The client takes trailers (gRPC asks for them).
#[derive(Debug, Clone, Copy)]
struct TakesTrailers;

/// Notes what HTTP/2 may pass on of the header `TE`, before it is taken away.
pub(crate) fn note_trailers<B>(request: &mut Request<B>) {
    if request
        .headers()
        .get(header::TE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"))
    {
        request.extensions_mut().insert(TakesTrailers);
    }
}

/// HTTP/2 sends cookies in a line each; one line is what every origin reads (RFC 9113, section
/// 8.2.3).
pub(crate) fn join_cookies(headers: &mut HeaderMap) -> Result<(), Failure> {
    let mut lines = headers.get_all(header::COOKIE).iter();
    if lines.next().is_none() || lines.next().is_none() {
        return Ok(());
    }
    let lines: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let joined = HeaderValue::from_bytes(&lines.join(&b"; "[..])).map_err(|_| Failure::Internal)?;
    headers.insert(header::COOKIE, joined);
    Ok(())
}

/// The path in the request line, the host in `Host`.
pub(crate) fn as_http1<B>(request: &mut Request<B>) -> Result<(), Failure> {
    *request.version_mut() = Version::HTTP_11;
    request.headers_mut().remove(header::TE);
    let Some(authority) = request.uri().authority() else {
        return Ok(());
    };
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Failure::Internal)?;
    let path = request.uri().path_and_query().cloned();
    request.headers_mut().insert(header::HOST, host);
    *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
    Ok(())
}

/// The whole address in the request, no `Host` beside it. `host` stands in for a missing one.
pub(crate) fn as_http2<B>(request: &mut Request<B>, host: &Host) -> Result<(), Failure> {
    *request.version_mut() = Version::HTTP_2;
    if request.extensions().get::<TakesTrailers>().is_some() {
        let trailers = HeaderValue::from_static("trailers");
        request.headers_mut().insert(header::TE, trailers);
    }
    let named = request.headers_mut().remove(header::HOST);
    if request.uri().authority().is_some() {
        return Ok(());
    }
    let named = named.as_ref().map(HeaderValue::as_bytes);
    let authority = Authority::try_from(named.unwrap_or(host.as_str().as_bytes()))
        .map_err(|_| Failure::Internal)?;
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::builder()
        .scheme(Scheme::HTTPS)
        .authority(authority)
        .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
        .build()
        .map_err(|_| Failure::Internal)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-01: a request says the same to either kind of origin, and can go from one to the other.
    #[test]
    fn fil_01_a_request_is_the_same_on_either_wire() {
        let host = Host::parse("harbour.test").unwrap();
        let mut request = Request::builder()
            .uri("/tides?day=2")
            .header("Host", "harbour.test:8443")
            .header("TE", "trailers")
            .header("Cookie", "a=1")
            .header("Cookie", "b=2")
            .body(())
            .unwrap();
        note_trailers(&mut request);
        request.headers_mut().remove(header::TE);
        join_cookies(request.headers_mut()).unwrap();
        for _ in 0..2 {
            as_http2(&mut request, &host).unwrap();
            assert_eq!(request.uri(), "https://harbour.test:8443/tides?day=2");
            assert!(!request.headers().contains_key(header::HOST));
            assert_eq!(request.headers()[header::TE], "trailers");
            assert_eq!(request.headers()[header::COOKIE], "a=1; b=2");
            as_http1(&mut request).unwrap();
            assert_eq!(request.uri(), "/tides?day=2");
            assert_eq!(request.headers()[header::HOST], "harbour.test:8443");
            assert!(!request.headers().contains_key(header::TE));
        }
        request.headers_mut().remove(header::HOST);
        *request.uri_mut() = Uri::from_static("*");
        as_http2(&mut request, &host).unwrap();
        assert_eq!(request.uri().authority().unwrap(), "harbour.test");
    }
}
