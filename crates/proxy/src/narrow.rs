//! Safe search and restricted video on the way out (SRCH-01, SRCH-02): the tables are the
//! filter's, here they meet headers and addresses.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use pharos_catalogue::{Address, Host};
use pharos_filter::engines::{self, Rewrite};
use pharos_policy::Narrowing;

const YOUTUBE_RESTRICT: HeaderName = HeaderName::from_static("youtube-restrict");

/// Where a connection goes instead of the host asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dial {
    /// The host itself.
    Host,
    /// Another name, under the same certificate.
    Name(&'static str),
    /// A fixed address.
    Address(IpAddr),
}

/// Where to connect so that the engine's strict servers answer; the server name stays.
pub(crate) fn dial(host: &Host, narrowing: Narrowing) -> Dial {
    match engines::rewrite(host, narrowing) {
        None => Dial::Host,
        Some(Rewrite::Name(name)) => Dial::Name(name),
        Some(Rewrite::Address(ip)) => Dial::Address(IpAddr::V4(ip)),
    }
}

/// The path and query to ask for instead.
pub(crate) fn path(address: &Address, narrowing: Narrowing) -> Option<String> {
    engines::narrowed_path(address, narrowing)
}

/// Sets the video site's header and takes away any copy that the client sent.
pub(crate) fn headers(headers: &mut HeaderMap, host: &Host, narrowing: Narrowing) {
    headers.remove(YOUTUBE_RESTRICT);
    if let Some(level) = engines::youtube_header(host, narrowing) {
        headers.insert(YOUTUBE_RESTRICT, HeaderValue::from_static(level));
    }
}
