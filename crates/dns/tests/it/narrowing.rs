//! Safe search and restricted video by name.

use std::net::{IpAddr, Ipv4Addr};

use crate::client::{A, AAAA, CNAME, HTTPS, SVCB, TXT, ask, ask_from};
use crate::school::{NO_VIDEO, PAGE_V4, PUPIL, SIXTH, STAFF, School};
use crate::upstream::ORDINARY;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// SRCH-01: the engine's ordinary name is a real alias of its forced-filter name, with that one's
/// addresses, for every country, both address families, whatever the browser is set to.
#[test]
fn srch_01_search_names_lead_to_the_strict_servers() {
    let school = School::start();
    for (name, target, v4, v6) in [
        (
            "www.google.com",
            "forcesafesearch.google.com",
            "216.239.38.120",
            true,
        ),
        (
            "www.google.co.uk",
            "forcesafesearch.google.com",
            "216.239.38.120",
            true,
        ),
        (
            "www.google.de",
            "forcesafesearch.google.com",
            "216.239.38.120",
            true,
        ),
        ("www.bing.com", "strict.bing.com", "192.0.2.120", false),
        (
            "duckduckgo.com",
            "safe.duckduckgo.com",
            "192.0.2.121",
            false,
        ),
    ] {
        let answer = ask_from(PUPIL, school.dns(), name, A);
        assert_eq!(
            (answer.answers[0].kind, answer.answers[0].owner.as_str()),
            (CNAME, name)
        );
        assert_eq!(answer.answers[0].target, target);
        assert_eq!(answer.answers[1].owner, target);
        assert_eq!(answer.ips(), [ip(v4)]);
        let answer = ask_from(PUPIL, school.dns(), name, AAAA);
        assert_eq!(
            answer.answers[0].target, target,
            "also where it has no such address"
        );
        assert_eq!(answer.ips().is_empty(), !v6, "{name}");
        assert_eq!(school.events.last().action, "narrow");
        assert_eq!(
            school.upstream.times_asked(name),
            0,
            "the real name is never looked up"
        );
        for kind in [HTTPS, SVCB, TXT] {
            assert!(
                ask_from(PUPIL, school.dns(), name, kind).is_empty(),
                "{name} {kind}"
            );
        }
    }
    assert_eq!(
        ask_from(STAFF, school.dns(), "www.google.com", A).ips(),
        [ORDINARY]
    );
}

/// SRCH-01: hosts of an engine that its strict servers do not stand for are blocked by name for those
/// who are held to safe search, and are nobody's way round it; staff may search there.
#[test]
fn srch_01_side_doors_of_search_engines_are_shut() {
    let school = School::start();
    for name in [
        "html.duckduckgo.com",
        "lite.duckduckgo.com",
        "noai.duckduckgo.com",
        "cn.bing.com",
    ] {
        for device in [PUPIL, SIXTH] {
            for kind in [A, HTTPS] {
                let answer = ask_from(device, school.dns(), name, kind);
                let page: &[IpAddr] = if kind == A { &[PAGE_V4.into()] } else { &[] };
                assert_eq!(answer.ips(), page, "{name}");
                assert_eq!(answer.ede_code(), Some(15), "{name}");
            }
        }
        assert_eq!(school.upstream.times_asked(name), 0, "{name}");
        let answer = ask_from(STAFF, school.dns(), name, A);
        assert_eq!(answer.ips(), [ORDINARY], "{name}");
    }
}

/// SRCH-02: for a group allowed the video service its name leads to the restricted one, at the
/// group's own level; for a group not allowed it, the site is blocked.
#[test]
fn srch_02_video_is_restricted_at_the_level_of_the_group() {
    let school = School::start();
    for name in [
        "www.youtube.com",
        "m.youtube.com",
        "youtubei.googleapis.com",
    ] {
        let level = |device| {
            ask_from(device, school.dns(), name, A).answers[0]
                .target
                .clone()
        };
        assert_eq!(level(PUPIL), "restrict.youtube.com", "{name}");
        assert_eq!(level(SIXTH), "restrictmoderate.youtube.com", "{name}");
        assert_eq!(
            ask_from(STAFF, school.dns(), name, A).ips(),
            [ORDINARY],
            "{name}"
        );
        assert_eq!(ask(school.dns(), name, A).ips(), [ip("216.239.38.120")]);
    }
    assert_eq!(
        ask_from(NO_VIDEO, school.dns(), "www.youtube.com", A).ips(),
        [PAGE_V4]
    );
    assert!(ask_from(PUPIL, school.dns(), "www.youtube.com", HTTPS).is_empty());
}

/// SRCH-01, FIL-17: where the strict name cannot be looked up, the answer is the alias without an
/// address, never the engine's own address.
#[test]
fn srch_01_without_upstream_the_alias_stands_alone() {
    let school = School::start_with(|config| config.upstreams.clear());
    for kind in [A, AAAA] {
        let answer = ask_from(PUPIL, school.dns(), "www.google.com", kind);
        assert_eq!(answer.answers.len(), 1);
        assert_eq!(answer.answers[0].target, "forcesafesearch.google.com");
        assert_eq!(answer.ede_code(), Some(22));
    }
}

/// SRCH-01: an engine that publishes an address instead of a name.
#[test]
fn srch_01_an_engine_held_by_address() {
    let school = School::start();
    let strict = Ipv4Addr::new(213, 180, 193, 56);
    assert_eq!(
        ask_from(PUPIL, school.dns(), "www.yandex.ru", A).ips(),
        [strict]
    );
    assert!(ask_from(PUPIL, school.dns(), "www.yandex.ru", AAAA).is_empty());
}
