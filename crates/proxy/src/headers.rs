//! Headers that stop at a proxy (RFC 9110, section 7.6), and the loop mark.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Removed in both directions: they speak about one connection only.
const HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

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
    // What most of them name is taken out below.
    let names_more = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
    if headers.get_all(header::CONNECTION).iter().any(names_more) {
        strip_named(headers);
    }
    remove_all(headers, &HOP_BY_HOP);
}

/// Takes out what a `Connection` line names.
fn strip_named(headers: &mut HeaderMap) {
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
}

/// Takes these out. One look over the names that are there costs less than one search for each.
pub(crate) fn remove_all(headers: &mut HeaderMap, names: &[HeaderName]) {
    let mut lengths = 0_u64;
    for name in headers.keys() {
        lengths |= length_bit(name);
    }
    for name in names {
        if lengths & length_bit(name) != 0 && headers.keys().any(|there| there == name) {
            headers.remove(name);
        }
    }
}

fn length_bit(name: &HeaderName) -> u64 {
    1 << (name.as_str().len() % 64)
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
    lists(header::UPGRADE, "websocket") && lists(header::CONNECTION, "upgrade")
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

    /// What is not of the same name stays, also where its length is the same.
    #[test]
    fn exactly_these_are_removed() {
        let mut headers = map(&[
            ("via", "a"),
            ("age", "1"),
            ("x-private", "1"),
            ("x-pryvate", "2"),
        ]);
        headers.append("via", HeaderValue::from_static("b"));
        remove_all(
            &mut headers,
            &[
                header::VIA,
                header::TE,
                HeaderName::from_static("x-private"),
            ],
        );
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["age", "x-pryvate"]);
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
