//! Canonical hosts and web addresses: the one form that lists and requests are both brought to.

use std::fmt;
use std::net::IpAddr;

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
    /// The scheme is not `http` or `https`.
    #[error("only http and https addresses are understood")]
    BadScheme,
}

/// A canonical host: a lower-case ASCII name (IDNA processed, no trailing dot) or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Box<str>);

impl Host {
    /// Brings a host to its canonical form (case, trailing dot, IDNA, brackets, odd IPv4 spellings).
    ///
    /// # Errors
    /// [`AddressError`] when it is empty, too long or not a host.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_end_matches('.').to_ascii_lowercase();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        Ok(Self(text.into()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The IP address, where the host is one rather than a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.trim_matches(['[', ']']).parse().ok()
    }

    /// Whether this host is `other` or lies under it (`a.example.org` is within `example.org`;
    /// `badexample.org` is not).
    pub fn is_within(&self, other: &Host) -> bool {
        self.0
            .strip_suffix(other.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
    /// (percent-decoding once where safe, dot segments, empty segments).
    pub fn with_path(host: Host, raw_path: &str) -> Self {
        Self { host, path: Some(raw_path.into()) }
    }

    /// Reads what a person or a list wrote: with or without scheme, userinfo, port, path.
    ///
    /// # Errors
    /// [`AddressError`] when there is no usable host in it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = Host::parse(host)?;
        Ok(if path.is_empty() { Self::of_host(host) } else { Self::with_path(host, path) })
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The canonical path and query, starting with `/`; `None` where it cannot be seen.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.host, self.path.as_deref().unwrap_or(""))
    }
}
