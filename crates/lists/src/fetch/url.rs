//! Addresses that lists are fetched from.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use hyper::Uri;

use super::FetchError;

/// Where a list, its checksum or its signature is: `https` from anywhere, `http` from this machine
/// or where the school says so in so many words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListUrl {
    secure: bool,
    host: String,
    port: u16,
    target: String,
    /// Whether plain `http` to other machines was allowed.
    plain_allowed: bool,
}

impl ListUrl {
    /// Reads an address. `plain_allowed`: `http` may go to other machines.
    ///
    /// # Errors
    /// [`FetchError::BadUrl`] and [`FetchError::NotSecure`].
    pub fn parse(text: &str, plain_allowed: bool) -> Result<Self, FetchError> {
        let uri: Uri = text.parse().map_err(|_| FetchError::BadUrl)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(FetchError::BadUrl),
        };
        let authority = uri.authority().ok_or(FetchError::BadUrl)?;
        // A password in an address ends up in logs: publishers that want one are not supported.
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(FetchError::BadUrl);
        }
        let url = Self {
            secure,
            host: authority.host().to_owned(),
            port: authority
                .port_u16()
                .unwrap_or(if secure { 443 } else { 80 }),
            target: uri
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            plain_allowed,
        };
        if secure || plain_allowed || url.is_this_machine() {
            Ok(url)
        } else {
            Err(FetchError::NotSecure(url.host))
        }
    }

    /// Whether a source in a pack is an address rather than a file.
    pub fn is_url(text: &str) -> bool {
        text.starts_with("https://") || text.starts_with("http://")
    }

    /// Where a redirect leads. Never from `https` to `http`.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, FetchError> {
        let next = if location.contains("://") {
            location.to_owned()
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{}://{rest}", self.scheme())
        } else if location.starts_with('/') {
            format!("{}://{}{location}", self.scheme(), self.authority())
        } else {
            let path = self.target.split('?').next().unwrap_or("/");
            let folder = &path[..path.rfind('/').map_or(0, |at| at + 1)];
            format!(
                "{}://{}/{}{location}",
                self.scheme(),
                self.authority(),
                folder.trim_start_matches('/')
            )
        };
        let next = Self::parse(&next, self.plain_allowed)?;
        if self.secure && !next.secure {
            return Err(FetchError::NotSecure(next.host));
        }
        Ok(next)
    }

    fn is_this_machine(&self) -> bool {
        let bare = self.bare_host();
        bare == "localhost"
            || bare
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback())
    }

    /// The host without the brackets of an IPv6 address.
    pub(super) fn bare_host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.secure
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as the request line has them.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> String {
        let host = match self.bare_host().parse::<Ipv6Addr>() {
            Ok(ip) => format!("[{ip}]"),
            Err(_) => self.host.clone(),
        };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The last part of the path, made fit for a file name.
    pub(crate) fn file_name(&self) -> String {
        let path = self.target.split('?').next().unwrap_or("");
        let last = path.rsplit('/').next().unwrap_or("");
        let name: String = last
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
            .take(100)
            .collect();
        let name = name.trim_start_matches('.');
        if name.is_empty() { "list" } else { name }.to_owned()
    }
}

/// Without the query, which may hold a subscriber's token.
impl fmt::Display for ListUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or("/");
        write!(f, "{}://{}{path}", self.scheme(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-04: lists come over https; http is for this machine, or said in so many words.
    #[test]
    fn fil_04_only_secure_addresses_are_taken() {
        let ok = |text| ListUrl::parse(text, false).map(|url| url.to_string());
        assert_eq!(
            ok("https://lists.example/a/adult.tar.gz?token=1").unwrap(),
            "https://lists.example/a/adult.tar.gz"
        );
        for this in [
            "http://127.0.0.1:8000/x",
            "http://localhost/x",
            "http://[::1]:81/x",
        ] {
            assert_eq!(ok(this).unwrap(), this);
        }
        assert!(matches!(
            ok("http://lists.example/x"),
            Err(FetchError::NotSecure(host)) if host == "lists.example"
        ));
        assert!(ListUrl::parse("http://lists.example/x", true).is_ok());
        for bad in [
            "ftp://lists.example/x",
            "https://user:word@lists.example/x",
            "lists.example",
            "https://",
            "file:///etc/passwd",
        ] {
            assert!(matches!(ok(bad), Err(FetchError::BadUrl)), "{bad}");
        }
    }

    /// FIL-04: a redirect never leads from https to http.
    #[test]
    fn fil_04_redirects_stay_secure() {
        let url = ListUrl::parse("https://lists.example/a/b.gz?c", true).unwrap();
        let to = |location| url.redirected(location).map(|url| url.to_string());
        assert_eq!(to("/d.gz").unwrap(), "https://lists.example/d.gz");
        assert_eq!(to("d.gz").unwrap(), "https://lists.example/a/d.gz");
        assert_eq!(to("//two.example/d").unwrap(), "https://two.example/d");
        assert_eq!(
            to("https://two.example/d").unwrap(),
            "https://two.example/d"
        );
        assert!(matches!(
            to("http://lists.example/d"),
            Err(FetchError::NotSecure(_))
        ));
        assert_eq!(url.file_name(), "b.gz");
        assert_eq!(
            ListUrl::parse("https://lists.example/..", false)
                .unwrap()
                .file_name(),
            "list"
        );
    }
}
