//! Safe search and restricted video on the way out (SRCH-01, SRCH-02): the tables are the
//! filter's, here they meet headers and addresses.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use pharos_catalogue::{Address, Host};
use pharos_filter::engines::{self, Rewrite};
use pharos_policy::{Narrowing, Policy};

use crate::headers::remove_all;

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

/// Headers by which services keep people to accounts of their organisation. A client could send
/// its own and so choose another: taken away from every request.
const TENANT_HEADERS: [HeaderName; 11] = [
    HeaderName::from_static("restrict-access-to-tenants"),
    HeaderName::from_static("restrict-access-context"),
    HeaderName::from_static("sec-restrict-tenant-access-policy"),
    HeaderName::from_static("x-googapps-allowed-domains"),
    HeaderName::from_static("x-slack-allowed-workspaces-requester"),
    HeaderName::from_static("x-slack-allowed-workspaces"),
    HeaderName::from_static("x-dropbox-allowed-team-ids"),
    HeaderName::from_static("chatgpt-allowed-workspace-id"),
    HeaderName::from_static("openai-allowed-organization-ids"),
    HeaderName::from_static("anthropic-allowed-org-ids"),
    HeaderName::from_static("sec-github-allowed-enterprise"),
];

/// Sets the headers that hold services to the school's accounts, and takes away any copy that the
/// client sent.
pub(crate) fn tenants(headers: &mut HeaderMap, host: &Host, policy: &Policy) {
    remove_all(headers, &TENANT_HEADERS);
    for tenant in policy.tenants() {
        headers.remove(&*tenant.header);
    }
    for tenant in policy.tenants().iter().filter(|tenant| tenant.is_for(host)) {
        if let (Ok(name), Ok(value)) = (
            tenant.header.parse::<HeaderName>(),
            HeaderValue::from_str(&tenant.value),
        ) {
            headers.append(name, value);
        }
    }
}

/// Sets the video site's header and takes away any copy that the client sent.
pub(crate) fn headers(headers: &mut HeaderMap, host: &Host, narrowing: Option<Narrowing>) {
    headers.remove(YOUTUBE_RESTRICT);
    let level = narrowing.and_then(|narrowing| engines::youtube_header(host, narrowing));
    if let Some(level) = level {
        headers.insert(YOUTUBE_RESTRICT, HeaderValue::from_static(level));
    }
}
