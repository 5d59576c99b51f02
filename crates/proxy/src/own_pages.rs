//! What the proxy answers when its own address is opened: the configuration file, the
//! certificate, a word about itself.

use http::{HeaderMap, Method, Response, StatusCode, header};
use pharos_catalogue::Host;

use crate::body::Answer;
use crate::failure::Failure;
use crate::pac::{PacConfig, pac};
use crate::pages::plain;
use crate::server::Shared;

/// Answers a request in origin form.
pub(crate) fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Response<Answer> {
    if method != Method::GET && method != Method::HEAD {
        return shared.pages.problem(&Failure::Unsupported.explain(), None);
    }
    let authority = shared.mint.as_ref().map(|mint| mint.authority());
    match (path, authority) {
        ("/", _) => shared
            .pages
            .about(authority.map(|authority| authority.fingerprint())),
        ("/proxy.pac" | "/wpad.dat", _) => plain(
            StatusCode::OK,
            "application/x-ns-proxy-autoconfig",
            pac(&pac_config(shared, headers)),
        ),
        ("/ca.crt", Some(authority)) => plain(
            StatusCode::OK,
            "application/x-x509-ca-cert",
            authority.certificate_der().to_vec(),
        ),
        ("/ca.pem", Some(authority)) => plain(
            StatusCode::OK,
            "application/x-pem-file",
            authority.certificate_pem().to_owned(),
        ),
        _ => plain(
            StatusCode::NOT_FOUND,
            "text/plain; charset=utf-8",
            "Not found. This is the web filter; see /\n",
        ),
    }
}

fn pac_config(shared: &Shared, headers: &HeaderMap) -> PacConfig {
    let asked_as = || {
        let named = headers.get(header::HOST)?.to_str().ok()?;
        let named: http::uri::Authority = named.parse().ok()?;
        let host = Host::parse(named.host()).ok()?;
        Some(format!(
            "{}:{}",
            host.as_str(),
            named.port_u16().unwrap_or(80)
        ))
    };
    let public = &shared.config.public;
    let told = Some(public.clone()).filter(|name| !name.is_empty());
    let mut direct = shared.config.intranet.clone();
    direct.extend(shared.config.own_pages().map(|(host, _)| host));
    PacConfig {
        proxy: told.or_else(asked_as).unwrap_or_default(),
        fallbacks: Vec::new(),
        direct,
    }
}
