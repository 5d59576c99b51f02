//! Whose request it is, when a web server stands in front of the pages.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The web servers in front of the pages. What anybody else says of where a request came from is
/// not believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behind(Vec<IpAddr>);

impl Behind {
    /// Behind these.
    pub(crate) fn new(fronts: &[IpAddr]) -> Self {
        Self(fronts.iter().map(IpAddr::to_canonical).collect())
    }

    /// Whether this is one of them.
    pub(crate) fn is_front(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Where the request really came from: the peer, or, when that is a web server of ours, what it
    /// wrote last into `X-Forwarded-For`, and so on from the right. What stands further left was
    /// written by others and is not looked at.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .rev()
            .flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            if !self.is_front(client) {
                break;
            }
            match address_of(hop.trim()) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }
}

/// An address, as web servers write it: with a port or without, IPv6 in brackets or not.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    bare.unwrap_or(text)
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|both| both.ip()))
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(fronts: &[&str], peer: &str, said: &[&str]) -> String {
        let fronts: Vec<IpAddr> = fronts.iter().map(|front| front.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        Behind::new(&fronts)
            .client(peer.parse().unwrap(), &headers)
            .to_string()
    }

    /// MON-02: only a web server of ours is believed, and only what it wrote itself.
    #[test]
    fn mon_02_only_the_server_in_front_says_where_a_request_came_from() {
        let fronts = ["10.0.0.9", "10.0.0.8"];
        let cases: &[(&str, &[&str], &str)] = &[
            ("10.0.3.4", &[], "10.0.3.4"),
            ("10.0.3.4", &["10.0.7.7"], "10.0.3.4"),
            ("10.0.0.9", &[], "10.0.0.9"),
            ("10.0.0.9", &["10.0.7.7"], "10.0.7.7"),
            ("::ffff:10.0.0.9", &["10.0.7.7"], "10.0.7.7"),
            ("10.0.0.9", &["10.0.1.1, 10.0.7.7"], "10.0.7.7"),
            ("10.0.0.9", &["10.0.1.1", "10.0.7.7"], "10.0.7.7"),
            ("10.0.0.9", &["10.0.1.1, 10.0.7.7, 10.0.0.8"], "10.0.7.7"),
            ("10.0.0.9", &["10.0.7.7:40123"], "10.0.7.7"),
            ("10.0.0.9", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.9", &["[2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.9", &["[2001:db8::7]:40123"], "2001:db8::7"),
            ("10.0.0.9", &["10.0.7.7, unknown"], "10.0.0.9"),
            ("10.0.0.9", &[""], "10.0.0.9"),
        ];
        for (peer, said, wanted) in cases {
            assert_eq!(client(&fronts, peer, said), *wanted, "{peer} {said:?}");
        }
        assert_eq!(client(&[], "10.0.0.9", &["10.0.7.7"]), "10.0.0.9");
    }
}
