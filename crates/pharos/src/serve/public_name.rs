//! The name under which devices reach the proxy, for the set-up file and the page How to connect.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use pharos_catalogue::Host;

/// Host and port under which devices reach the proxy: as told, else the address that it listens on,
/// else, where that is every address of the machine, the host of the pages. `None` where nothing says
/// which name or address devices know.
pub(super) fn of_proxy(told: Option<&str>, listens: SocketAddr, web_url: &str) -> Option<String> {
    let port = listens.port();
    if let Some(told) = told {
        return Some(with_port(told, port));
    }
    if !listens.ip().is_unspecified() {
        return Some(listens.to_string());
    }
    let rest = web_url.split_once("://").map_or(web_url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = Host::parse(without_port(authority)).ok()?;
    let says_nothing = host
        .as_str()
        .trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .map_or(host.as_str() == "localhost", |ip| {
            ip.is_unspecified() || ip.is_loopback()
        });
    (!says_nothing).then(|| format!("{}:{port}", host.as_str()))
}

fn with_port(told: &str, port: u16) -> String {
    if let Ok(v6) = told.parse::<Ipv6Addr>() {
        return format!("[{v6}]:{port}");
    }
    if without_port(told) == told {
        format!("{told}:{port}")
    } else {
        told.to_owned()
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') && port.parse::<u16>().is_ok() => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIL-01: devices are never told of an address that is none.
    #[test]
    fn fil_01_devices_are_told_a_name_that_leads_somewhere() {
        let every: SocketAddr = "0.0.0.0:3128".parse().unwrap();
        let every_six: SocketAddr = "[::]:3128".parse().unwrap();
        let one: SocketAddr = "10.0.0.2:3128".parse().unwrap();
        for (told, listens, web, expected) in [
            (None, one, "http://x.example", Some("10.0.0.2:3128")),
            (
                Some("filter.example"),
                every,
                "http://x.example",
                Some("filter.example:3128"),
            ),
            (
                Some("filter.example:80"),
                one,
                "http://x.example",
                Some("filter.example:80"),
            ),
            (Some("2001:db8::1"), every, "", Some("[2001:db8::1]:3128")),
            (
                None,
                every,
                "https://pharos.example:8443/",
                Some("pharos.example:3128"),
            ),
            (
                None,
                every_six,
                "http://[2001:db8::2]:8080",
                Some("[2001:db8::2]:3128"),
            ),
            (None, every, "http://0.0.0.0:8080", None),
            (None, every_six, "http://[::]:8080", None),
            (None, every, "http://127.0.0.1:8080", None),
            (None, every, "http://localhost:8080", None),
        ] {
            assert_eq!(
                of_proxy(told, listens, web).as_deref(),
                expected,
                "{told:?} {listens} {web}"
            );
        }
    }
}
