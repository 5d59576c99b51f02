//! How a decision to narrow becomes a name, an address or a header (SRCH-01, SRCH-02).
//!
//! Faces ask here and hold no table of their own.

use std::net::Ipv4Addr;

use form_urlencoded::Serializer;
use pharos_catalogue::{Address, Host};
use pharos_policy::{Narrowing, SearchSite, YouTube};
use pharos_scan::engines::{Strict, engine_of};

pub use pharos_scan::engines::{ENGINES, Engine, EngineId, engine_named};

/// What the resolver answers in place of a search engine's own records. Answer AAAA and HTTPS
/// questions for a rewritten name from the target, or with no data; never with the engine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// A CNAME to this name, followed by its own addresses.
    Name(&'static str),
    /// This address; AAAA and HTTPS questions get no data.
    Address(Ipv4Addr),
}

/// The header that holds the video site to a level where the proxy inspects.
pub const YOUTUBE_HEADER: &str = "YouTube-Restrict";

/// What a name is answered with for somebody narrowed like this; `None`: as it is. The proxy dials
/// the same name for a tunnel that it does not look into, keeping the server name.
pub fn rewrite(host: &Host, narrowing: Narrowing) -> Option<Rewrite> {
    let engine = engine_of(host)?.engine();
    if !engine.rewrites(host) {
        return None;
    }
    match (engine.strict, narrowing.youtube) {
        (Strict::Levels { .. }, YouTube::Off) => None,
        (Strict::Levels { moderate, .. }, YouTube::Moderate) => Some(Rewrite::Name(moderate)),
        (Strict::Levels { strict, .. }, YouTube::Strict) => Some(Rewrite::Name(strict)),
        (Strict::ByName(name), _) if narrowing.safe_search => Some(Rewrite::Name(name)),
        (Strict::ByAddress(ip), _) if narrowing.safe_search => Some(Rewrite::Address(ip)),
        _ => None,
    }
}

/// The path and query to ask for instead, with the engine's strict switch set once and any other
/// value of it taken away; `None`: as it is. Only for the address line, not for bodies.
pub fn narrowed_path(address: &Address, narrowing: Narrowing) -> Option<String> {
    let engine = engine_of(address.host())?.engine();
    let (switch, value) = engine.switch.filter(|_| narrowing.safe_search)?;
    let (path, query) = match address.path()?.split_once('?') {
        Some((path, query)) => (path, query),
        None => return None,
    };
    let mut pairs = Serializer::new(String::with_capacity(query.len() + 16));
    let (mut already, mut others) = (0, false);
    for (name, old) in form_urlencoded::parse(query.as_bytes()) {
        if name.eq_ignore_ascii_case(switch) {
            already += 1;
            others |= old != value || name != switch;
        } else {
            pairs.append_pair(&name, &old);
        }
    }
    if already == 1 && !others {
        return None;
    }
    pairs.append_pair(switch, value);
    Some(format!("{path}?{}", pairs.finish()))
}

/// The value of [`YOUTUBE_HEADER`] for a host, after any copy that the client sent has been taken
/// away; `None`: no header.
pub fn youtube_header(host: &Host, narrowing: Narrowing) -> Option<&'static str> {
    let engine = engine_of(host)?.engine();
    match narrowing.youtube {
        YouTube::Strict if engine.is_video() => Some("Strict"),
        YouTube::Moderate if engine.is_video() => Some("Moderate"),
        _ => None,
    }
}

/// What the policy needs to know about a host as a search site. An engine that is held only by its
/// address line can be held where the path is seen.
pub(crate) fn search_site(address: &Address) -> Option<SearchSite> {
    let id = engine_of(address.host())?;
    let engine = id.engine();
    let strict = engine.strict_at(address.host());
    Some(SearchSite {
        engine: id.0,
        enforceable: match strict {
            Strict::ByName(_) | Strict::ByAddress(_) | Strict::Levels { .. } | Strict::ByDesign => {
                true
            }
            Strict::ByAddressLine => address.path().is_some(),
            Strict::Never => false,
        },
        by_path: strict == Strict::ByAddressLine && address.path().is_none(),
        video: engine.is_video(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Narrowing = Narrowing::STRICTEST;
    const MODERATE: Narrowing = Narrowing {
        safe_search: false,
        youtube: YouTube::Moderate,
    };
    const OFF: Narrowing = Narrowing {
        safe_search: false,
        youtube: YouTube::Off,
    };

    /// SRCH-01, SRCH-02: each engine's name is answered with its strict servers' name.
    #[test]
    fn srch_01_names_are_answered_with_the_strict_servers() {
        for (host, narrowing, answer) in [
            (
                "www.google.co.uk",
                STRICT,
                Some(Rewrite::Name("forcesafesearch.google.com")),
            ),
            ("www.google.co.uk", MODERATE, None),
            (
                "www.bing.com",
                STRICT,
                Some(Rewrite::Name("strict.bing.com")),
            ),
            (
                "duckduckgo.com",
                STRICT,
                Some(Rewrite::Name("safe.duckduckgo.com")),
            ),
            (
                "www.youtube.com",
                STRICT,
                Some(Rewrite::Name("restrict.youtube.com")),
            ),
            (
                "m.youtube.com",
                MODERATE,
                Some(Rewrite::Name("restrictmoderate.youtube.com")),
            ),
            ("www.youtube.com", OFF, None),
            (
                "yandex.ru",
                STRICT,
                Some(Rewrite::Address(Ipv4Addr::new(213, 180, 193, 56))),
            ),
            (
                "www.yandex.ru",
                STRICT,
                Some(Rewrite::Address(Ipv4Addr::new(213, 180, 193, 56))),
            ),
            ("forcesafesearch.google.com", STRICT, None),
            ("example.org", STRICT, None),
        ] {
            assert_eq!(
                rewrite(&Host::parse(host).unwrap(), narrowing),
                answer,
                "{host}"
            );
        }
    }

    /// SRCH-01: a host of an engine for which its strict servers do not answer is no way round: it is
    /// held where its address is seen and changed, or not at all, and is then for those to whom
    /// safe search does not apply.
    #[test]
    fn srch_01_hosts_that_the_strict_servers_do_not_stand_for_are_no_way_round() {
        for (host, in_address) in [
            ("cn.bing.com", true),
            ("noai.duckduckgo.com", true),
            ("html.duckduckgo.com", false),
            ("lite.duckduckgo.com", false),
        ] {
            let host = Host::parse(host).unwrap();
            assert_eq!(rewrite(&host, STRICT), None, "{host:?}");
            let by_name = search_site(&Address::of_host(host.clone())).unwrap();
            assert!(!by_name.enforceable, "{host:?}");
            assert_eq!(by_name.by_path, in_address, "{host:?}");
            let address = Address::with_path(host.clone(), "/?q=tides&kp=-2&adlt=off");
            let whole = search_site(&address).unwrap();
            assert_eq!(whole.enforceable, in_address, "{host:?}");
            let narrowed = narrowed_path(&address, STRICT).unwrap();
            let strict = narrowed.ends_with("kp=1") || narrowed.ends_with("adlt=strict");
            assert!(strict, "{narrowed}");
        }
    }

    /// SRCH-01, SRCH-02: the engines that are asked for by fewer, each by the name its own help or the
    /// public rule files give.
    #[test]
    fn srch_01_every_engine_with_strict_servers_is_led_to_them() {
        let yandex = Rewrite::Address(Ipv4Addr::new(213, 180, 193, 56));
        for (host, answer) in [
            (
                "search.brave.com",
                Rewrite::Name("forcesafe.search.brave.com"),
            ),
            ("pixabay.com", Rewrite::Name("safesearch.pixabay.com")),
            ("edgeservices.bing.com", Rewrite::Name("strict.bing.com")),
            (
                "www.ecosia.org",
                Rewrite::Name("strict-safe-search.ecosia.org"),
            ),
            (
                "www.youtube-nocookie.com",
                Rewrite::Name("restrict.youtube.com"),
            ),
            (
                "youtubei.googleapis.com",
                Rewrite::Name("restrict.youtube.com"),
            ),
            ("start.duckduckgo.com", Rewrite::Name("safe.duckduckgo.com")),
            ("ya.ru", yandex),
            ("xn--d1acpjx3f.xn--p1ai", yandex),
            ("yandex.com.tr", yandex),
        ] {
            assert_eq!(
                rewrite(&Host::parse(host).unwrap(), STRICT),
                Some(answer),
                "{host}"
            );
        }
        // Held by its address alone: by name it is blocked, in every country.
        for (address, enforceable) in [
            ("fr.search.yahoo.com", false),
            ("https://fr.search.yahoo.com/search?p=tides", true),
            ("https://eu.startpage.com/sp/search?query=tides", false),
        ] {
            let site = search_site(&Address::parse(address).unwrap()).unwrap();
            assert_eq!(site.enforceable, enforceable, "{address}");
        }
        let yahoo = Address::parse("https://de.search.yahoo.com/search?p=tides&vm=i").unwrap();
        assert_eq!(
            narrowed_path(&yahoo, STRICT).unwrap(),
            "/search?p=tides&vm=r"
        );
    }

    #[test]
    fn srch_01_the_switch_is_set_once_and_cannot_be_unset() {
        let path = |text: &str| {
            let address = Address::parse(text).unwrap();
            narrowed_path(&address, STRICT)
        };
        assert_eq!(
            path("https://www.google.com/search?q=tides&safe=off").unwrap(),
            "/search?q=tides&safe=active"
        );
        assert_eq!(
            path("https://www.bing.com/search?adlt=off&q=tides&adlt=strict").unwrap(),
            "/search?q=tides&adlt=strict"
        );
        assert_eq!(
            path("https://www.google.com/search?q=tides&safe=active"),
            None
        );
        assert_eq!(path("https://example.org/?q=tides"), None);
        assert_eq!(path("https://www.google.com/"), None);
    }

    #[test]
    fn srch_02_the_video_header_follows_the_level() {
        let header = |host: &str, narrowing| youtube_header(&Host::parse(host).unwrap(), narrowing);
        assert_eq!(header("www.youtube.com", STRICT), Some("Strict"));
        assert_eq!(header("www.youtube.com", MODERATE), Some("Moderate"));
        assert_eq!(header("www.youtube.com", OFF), None);
        assert_eq!(header("www.google.com", STRICT), None);
    }
}
