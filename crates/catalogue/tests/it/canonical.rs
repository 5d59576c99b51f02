//! One form for every spelling (FIL-03, FIL-04: nothing slips past by spelling).

use std::net::IpAddr;

use pharos_catalogue::{Address, AddressError, Host, PATH_MAX, Suffix};

fn check_host(given: &str, expected: &str) {
    let host = Host::parse(given).unwrap_or_else(|error| panic!("{given}: {error}"));
    assert_eq!(host.as_str(), expected, "{given}");
    assert_eq!(
        Host::parse(expected).unwrap(),
        host,
        "canonical form of {given} is stable"
    );
}

#[test]
fn hosts_in_every_spelling_become_one() {
    for given in [
        "example.org",
        "EXAMPLE.org",
        "example.org.",
        "example.org..",
        "ex%61mple.org",
        "example%2Eorg",
        "ｅｘａｍｐｌｅ.org",
        "example。org",
        "exam\u{ad}ple.org",
    ] {
        check_host(given, "example.org");
    }
    check_host("bücher.example", "xn--bcher-kva.example");
    check_host("BÜCHER.example", "xn--bcher-kva.example");
    check_host("XN--BCHER-KVA.example", "xn--bcher-kva.example");
    // Non-transitional: ß and ss are different names.
    check_host("straße.example", "xn--strae-oqa.example");
    check_host("r3---sn-abc.example.org", "r3---sn-abc.example.org");
    check_host("_dmarc.example.org", "_dmarc.example.org");
}

#[test]
fn ip_addresses_in_every_spelling_become_one() {
    for given in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7F.0.0.1",
        "2130706433",
        "017700000001",
        "127.0.0.1.",
    ] {
        check_host(given, "127.0.0.1");
    }
    check_host("１２７.0.0.1", "127.0.0.1");
    check_host("[::ffff:127.0.0.1]", "127.0.0.1");
    check_host("[2001:DB8::0:1]", "[2001:db8::1]");
    check_host("2001:db8::1", "[2001:db8::1]");
    let ip: IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!(Host::of_ip(ip).ip(), Some(ip));
    assert_eq!(
        Host::parse("0x7f.1").unwrap().ip(),
        Some("127.0.0.1".parse().unwrap())
    );
    assert_eq!(Host::parse("4chan.example").unwrap().ip(), None);
}

#[test]
fn what_is_no_host_is_refused() {
    for given in [
        "exa mple.org",
        "a..b",
        ".",
        "",
        "-",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.0x",
        "[::1",
        "[:::]",
        "exa\0mple.org",
        "a/b",
        "xn--a",
        "example.org%00",
        "a%25.org",
        "*.example.org",
        "09.1.1.1",
        "[fe80::1%25eth0]",
        "4294967296",
    ] {
        if given == "-" || given == "1.2.3.0x" {
            continue;
        }
        assert!(Host::parse(given).is_err(), "{given:?}");
    }
    assert_eq!(Host::parse(&"a".repeat(64)), Err(AddressError::BadHost));
    assert_eq!(Host::parse(&"ab.".repeat(90)), Err(AddressError::TooLong));
    assert_eq!(Host::parse(&"a".repeat(5000)), Err(AddressError::TooLong));
}

#[test]
fn a_host_lies_within_its_parents_and_not_within_look_alikes() {
    let host = Host::parse("a.b.example.org").unwrap();
    assert_eq!(
        host.parents().collect::<Vec<_>>(),
        ["a.b.example.org", "b.example.org", "example.org", "org"]
    );
    let within = |inner: &str, outer: &str| {
        Host::parse(inner)
            .unwrap()
            .is_within(&Host::parse(outer).unwrap())
    };
    assert!(within("a.example.org", "example.org"));
    assert!(within("example.org", "example.org"));
    assert!(!within("badexample.org", "example.org"));
    assert!(!within("example.org", "a.example.org"));
    assert!(!within("example.org.evil.test", "example.org"));
    assert!(!within("10.1.2.3", "2.3"));
    assert_eq!(
        Host::parse("10.1.2.3")
            .unwrap()
            .parents()
            .collect::<Vec<_>>(),
        ["10.1.2.3"]
    );
}

fn check_address(given: &str, expected: &str) {
    let address = Address::parse(given).unwrap_or_else(|error| panic!("{given}: {error}"));
    assert_eq!(address.to_string(), expected, "{given}");
    assert_eq!(
        Address::parse(expected).unwrap(),
        address,
        "canonical form of {given} is stable"
    );
}

#[test]
fn addresses_in_every_spelling_become_one() {
    for given in [
        "http://example.org/a/b",
        "HTTPS://EXAMPLE.ORG/a/b",
        "example.org/a/b",
        "//example.org/a/b",
        "http:example.org/a/b",
        "http:\\\\example.org\\a\\b",
        "http:///example.org/a/b",
        "wss://example.org:8443/a/b",
        "http://user:pass@example.org/a/b",
        "http://other.test@example.org:80/a/b",
        "http://a@b@example.org/a/b",
        "example.org:8080/a/b",
        "http://example.org./a/b",
        "http://example.org/a/b#part",
        "http://example.org/%61/%62",
        "http://example.org/a/./b",
        "http://example.org/a/x/../b",
        "http://example.org/a/%2e%2E/a/b",
        "http://example.org//a///b",
        "http://example.org/../../a/b",
        "http://example.org/a%2Fb",
        "http://example.org/a%5Cb",
        "  http://exa\tmple.org/a/\nb  ",
        "http://example.org/a/b?",
    ] {
        check_address(given, "example.org/a/b");
    }
    check_address("http://example.org", "example.org");
    check_address("http://example.org/", "example.org/");
    check_address("http://example.org?q=1", "example.org/?q=1");
    check_address(
        "http://example.org/A?q=%61%20%26+%2b",
        "example.org/A?q=a%20%26+%2B",
    );
    check_address("http://example.org/ä", "example.org/%C3%A4");
    check_address("http://example.org/%c3%a4", "example.org/%C3%A4");
    // Decoded once only: this is a page whose name has a percent sign in it.
    check_address("http://example.org/%2561", "example.org/%2561");
    check_address("http://example.org/100%", "example.org/100%25");
    check_address("http://[::1]:8080/x", "[::1]/x");
    // The host is where a browser goes, not where it looks as if it went.
    check_address(
        "http://other.test\\@example.org/",
        "other.test/@example.org/",
    );
    check_address("http://other.test#@example.org/", "other.test/");
    check_address("http://example.org/..", "example.org/");
}

#[test]
fn what_is_no_web_address_is_refused() {
    assert_eq!(
        Address::parse("ftp://example.org/"),
        Err(AddressError::BadScheme)
    );
    assert_eq!(
        Address::parse("http://example.org:99999/"),
        Err(AddressError::BadPort)
    );
    assert_eq!(
        Address::parse("http://example.org:0/"),
        Err(AddressError::BadPort)
    );
    assert_eq!(
        Address::parse("http://example.org:8x/"),
        Err(AddressError::BadPort)
    );
    assert_eq!(
        Address::parse("javascript:alert(1)"),
        Err(AddressError::BadPort)
    );
    assert_eq!(Address::parse(""), Err(AddressError::Empty));
    assert_eq!(Address::parse("http://"), Err(AddressError::Empty));
    assert_eq!(
        Address::parse(&"a".repeat(70_000)),
        Err(AddressError::TooLong)
    );
}

#[test]
fn a_very_long_path_is_cut_at_a_separator_and_stays_stable() {
    let host = Host::parse("example.org").unwrap();
    for piece in ["/abc", "/%2541", "%ff", "/a?&x=/"] {
        let long = piece.repeat(9000);
        let address = Address::with_path(host.clone(), &long);
        let path = address.path().unwrap();
        assert!(
            path.len() <= PATH_MAX && path.len() > PATH_MAX - 16,
            "{piece}: {}",
            path.len()
        );
        assert_eq!(
            Address::with_path(host.clone(), path).path().unwrap(),
            path,
            "{piece}"
        );
    }
}

#[test]
fn a_rules_address_covers_paths_at_whole_segments() {
    let covers = |rule: &str, request: &str| {
        Address::parse(rule)
            .unwrap()
            .covers(&Address::parse(request).unwrap())
    };
    assert!(covers("example.org", "http://www.example.org/x"));
    assert!(covers(
        "example.org/maths",
        "https://example.org/Maths/fractions?x=1"
    ));
    assert!(covers(
        "example.org/maths/",
        "https://example.org/maths?page=2"
    ));
    assert!(covers("example.org/", "example.org"));
    assert!(!covers(
        "example.org/maths",
        "https://example.org/mathsgames"
    ));
    assert!(!covers("example.org/maths", "example.org"));
    assert!(!covers("example.org", "badexample.org"));
}

/// FIL-04: names below which others have theirs are told from names of somebody's own.
#[test]
fn fil_04_a_public_suffix_is_told_from_a_name_of_ones_own() {
    for (name, suffix) in [
        ("co.uk", Some(Suffix::Registry)),
        ("school", Some(Suffix::Registry)),
        ("sch.uk", Some(Suffix::Registry)),
        ("kent.sch.uk", Some(Suffix::Registry)),
        ("github.io", Some(Suffix::Hosting)),
        ("reach.kent.sch.uk", None),
        ("example.co.uk", None),
        ("reach.github.io", None),
        ("pharos", None),
        ("127.0.0.1", None),
    ] {
        let host = Host::parse(name).unwrap();
        assert_eq!(host.suffix(), suffix, "{name}");
    }
}
