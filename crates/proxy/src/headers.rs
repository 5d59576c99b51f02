//! Headers that stop at a proxy (RFC 9110, section 7.6), and the loop mark.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Removed in both directions: they speak about one connection only.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

const UNNAMED_HOP_BY_HOP: [&str; 3] = ["keep-alive", "proxy-connection", "http2-settings"];

/// Headers that a `Connection` line cannot remove: it would change whom the request is for, or
/// how it is framed and narrowed.
const NEVER_NAMED: [&str; 7] = [
    "host",
    "content-length",
    "transfer-encoding",
    "via",
    "cookie",
    "authorization",
    "youtube-restrict",
];

/// Takes out what must not cross the proxy.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !NEVER_NAMED.contains(&name.as_str()))
        .filter_map(|name| name.parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    for name in UNNAMED_HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether the client asks to change to WebSocket: the only upgrade that is passed on.
pub(crate) fn wants_websocket(headers: &HeaderMap) -> bool {
    let lists = |name: HeaderName, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(word))
    };
    lists(header::CONNECTION, "upgrade") && lists(header::UPGRADE, "websocket")
}

/// Whether our own mark is already there: the request has come round.
pub(crate) fn has_come_round(headers: &HeaderMap, mark: &str) -> bool {
    headers.get_all(header::VIA).iter().any(|value| {
        value
            .as_bytes()
            .windows(mark.len())
            .any(|part| part == mark.as_bytes())
    })
}

/// Adds our mark.
pub(crate) fn add_via(headers: &mut HeaderMap, mark: &HeaderValue) {
    headers.append(header::VIA, mark.clone());
}

/// Whether a connection speaks an authentication that belongs to the connection and not to the
/// request (NTLM, Negotiate): it must never be shared between clients.
pub(crate) fn binds_connection(headers: &HeaderMap) -> bool {
    [header::AUTHORIZATION, header::WWW_AUTHENTICATE]
        .iter()
        .any(|name| {
            headers.get_all(name).iter().any(|value| {
                let value = value.as_bytes();
                [&b"NTLM"[..], b"Negotiate"].iter().any(|scheme| {
                    value.len() >= scheme.len()
                        && value[..scheme.len()].eq_ignore_ascii_case(scheme)
                })
            })
        })
}

/// Takes one cookie out of the `Cookie` lines; its value, where it was there.
pub(crate) fn take_cookie(headers: &mut HeaderMap, name: &str) -> Option<String> {
    if !headers.contains_key(header::COOKIE) {
        return None;
    }
    let mut found = None;
    let mut kept = Vec::new();
    for line in headers.get_all(header::COOKIE) {
        let Ok(text) = line.to_str() else {
            kept.push(line.clone());
            continue;
        };
        let others: Vec<&str> = text
            .split(';')
            .map(str::trim)
            .filter(|pair| match pair.split_once('=') {
                Some((key, value)) if key == name => {
                    found = Some(value.to_owned());
                    false
                }
                _ => true,
            })
            .collect();
        if let Ok(value) = HeaderValue::from_str(&others.join("; "))
            && !value.is_empty()
        {
            kept.push(value);
        }
    }
    if found.is_some() {
        headers.remove(header::COOKIE);
        for value in kept {
            headers.append(header::COOKIE, value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn hop_by_hop_headers_stop_here() {
        let mut headers = map(&[
            ("connection", "close, X-Private, Host, Content-Length"),
            ("x-private", "1"),
            ("host", "a.test"),
            ("content-length", "3"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("accept", "*/*"),
        ]);
        strip_hop_by_hop(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "content-length", "host"]);
    }

    #[test]
    fn one_cookie_is_taken_and_the_others_stay() {
        let mut headers = map(&[("cookie", "a=1; pharos_go=xyz; b=2")]);
        assert_eq!(
            take_cookie(&mut headers, "pharos_go").as_deref(),
            Some("xyz")
        );
        assert_eq!(headers[header::COOKIE], "a=1; b=2");
        let mut only = map(&[("cookie", "pharos_go=xyz")]);
        take_cookie(&mut only, "pharos_go");
        assert!(!only.contains_key(header::COOKIE));
    }

    #[test]
    fn connection_bound_authentication_is_seen() {
        assert!(binds_connection(&map(&[("www-authenticate", "NTLM")])));
        assert!(binds_connection(&map(&[(
            "authorization",
            "negotiate YII"
        )])));
        assert!(!binds_connection(&map(&[("authorization", "Basic Zm9v")])));
    }
}
