//! Canonical web addresses: host and path with query, in the one form that lists and requests share.

use std::fmt;

use crate::host::Host;
use crate::path;

/// The longest address text that is read, in bytes.
pub const ADDRESS_MAX: usize = 65_536;

/// Why a text is no host or address. Never quotes the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("the address is empty")]
    Empty,
    /// Longer than the bound.
    #[error("the address is too long")]
    TooLong,
    /// Not a host name or an IP address.
    #[error("the host is not a valid name or IP address")]
    BadHost,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
    /// The scheme is not `http` or `https` (nor their WebSocket forms).
    #[error("only http and https addresses are understood")]
    BadScheme,
}

/// A canonical web address: host and, where the face can see it, path with query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    host: Host,
    path: Option<Box<str>>,
}

impl Address {
    /// An address of which only the host can be seen (DNS, uninspected tunnels).
    pub fn of_host(host: Host) -> Self {
        Self { host, path: None }
    }

    /// Host plus the raw path and query as the client sent them; brought to canonical form here
    /// (percent-decoding once where safe, dot segments, empty segments, no fragment). A path
    /// longer than [`crate::PATH_MAX`] bytes is cut at a separator.
    pub fn with_path(host: Host, raw_path: &str) -> Self {
        let mut out = String::with_capacity(raw_path.len() + 1);
        path::canonical_path(raw_path, &mut out);
        Self {
            host,
            path: Some(out.into_boxed_str()),
        }
    }

    /// Reads what a person or a list wrote: with or without scheme, userinfo, port, path. Blanks
    /// around it, and tabs and line ends within, are removed as browsers do.
    ///
    /// # Errors
    /// [`AddressError`] when there is no usable host in it, its port is no port, or its scheme is
    /// not of the web.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > ADDRESS_MAX {
            return Err(AddressError::TooLong);
        }
        let text = text.trim_matches(|c: char| c <= ' ');
        if text.contains(['\t', '\n', '\r']) {
            return Self::parse_clean(&text.replace(['\t', '\n', '\r'], ""));
        }
        Self::parse_clean(text)
    }

    fn parse_clean(text: &str) -> Result<Self, AddressError> {
        let (host, path) = split(text)?;
        let host = Host::parse(host)?;
        Ok(if path.is_empty() {
            Self::of_host(host)
        } else {
            Self::with_path(host, path)
        })
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The canonical path and query, starting with `/`; `None` where it cannot be seen.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Whether a rule written for this address holds for `request`: the same host or one under it,
    /// and, where the rule has a path, a path that begins with it (whole segments, case folded).
    /// A rule with a path does not hold where the request's path cannot be seen.
    pub fn covers(&self, request: &Address) -> bool {
        request.host.is_within(&self.host)
            && match (self.path(), request.path()) {
                (None | Some("/"), _) => true,
                (Some(_), None) => false,
                (Some(rule), Some(path)) => path::path_covers(rule, path),
            }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host, self.path().unwrap_or(""))
    }
}

/// Splits an address into the raw host and the raw rest (empty, or from its first `/`, `\`, `?` or
/// `#` on), dropping scheme, userinfo and port.
pub(crate) fn split(text: &str) -> Result<(&str, &str), AddressError> {
    let rest = without_scheme(text)?;
    let (authority, path) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    // Everything before the last @ is userinfo: in `http://example.org@other.test/` the host is
    // `other.test`.
    let host_port = authority.rsplit('@').next().unwrap_or(authority);
    let host = without_port(host_port)?;
    if host.is_empty() {
        Err(AddressError::Empty)
    } else {
        Ok((host, path))
    }
}

fn without_scheme(text: &str) -> Result<&str, AddressError> {
    const WEB: [&str; 4] = ["http", "https", "ws", "wss"];
    let slashes = |rest: &'_ str| rest.starts_with(['/', '\\']);
    match text.split_once(':') {
        Some((scheme, rest)) if WEB.iter().any(|web| web.eq_ignore_ascii_case(scheme)) => {
            // A host called `http` with a port is less likely than `http:example.org`, which
            // browsers take for an address.
            Ok(rest.trim_start_matches(['/', '\\']))
        }
        Some((scheme, rest)) if slashes(rest) && is_scheme(scheme) => {
            // `example.org:/path` has an empty port; `ftp://` is another scheme.
            if rest.starts_with("//") {
                Err(AddressError::BadScheme)
            } else {
                Ok(text)
            }
        }
        _ => Ok(text.trim_start_matches(['/', '\\'])),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Removes `:port`. A bare IPv6 address (two colons or more, no brackets) has none.
fn without_port(host_port: &str) -> Result<&str, AddressError> {
    if host_port.starts_with('[') {
        let Some(end) = host_port.find(']') else {
            return Err(AddressError::BadHost);
        };
        let (host, port) = host_port.split_at(end + 1);
        return check_port(port.strip_prefix(':').or(port.is_empty().then_some(""))).map(|()| host);
    }
    match host_port.split_once(':') {
        None => Ok(host_port),
        Some((_, port)) if port.contains(':') => Ok(host_port),
        Some((host, port)) => check_port(Some(port)).map(|()| host),
    }
}

fn check_port(port: Option<&str>) -> Result<(), AddressError> {
    match port {
        Some("") => Ok(()),
        Some(digits)
            if digits.bytes().all(|byte| byte.is_ascii_digit())
                && digits
                    .trim_start_matches('0')
                    .parse::<u16>()
                    .is_ok_and(|port| port > 0) =>
        {
            Ok(())
        }
        _ => Err(AddressError::BadPort),
    }
}
