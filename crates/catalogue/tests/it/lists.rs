//! Publishers' formats.

use pharos_catalogue::{Format, LINE_MAX, PROBLEMS_MAX, Parser, Tally, parse};

fn read(format: Format, text: &str) -> (Vec<String>, Tally) {
    let mut entries = Vec::new();
    let tally = parse(format, text.as_bytes(), &mut |entry| {
        let category = entry
            .category
            .map(|name| format!("{name}: "))
            .unwrap_or_default();
        entries.push(format!(
            "{category}{}{}",
            entry.host,
            entry.path.unwrap_or("")
        ));
    });
    // Read in small pieces the result is the same.
    for size in [1, 7] {
        let mut again = Vec::new();
        let mut parser = Parser::new(format);
        let mut each = |entry: &pharos_catalogue::Entry<'_>| {
            let category = entry
                .category
                .map(|name| format!("{name}: "))
                .unwrap_or_default();
            again.push(format!(
                "{category}{}{}",
                entry.host,
                entry.path.unwrap_or("")
            ));
        };
        text.as_bytes()
            .chunks(size)
            .for_each(|piece| parser.feed(piece, &mut each));
        assert_eq!(parser.finish(&mut each), tally);
        assert_eq!(again, entries);
    }
    (entries, tally)
}

fn problems(tally: &Tally) -> Vec<String> {
    tally.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn plain_lists() {
    let (entries, tally) = read(
        Format::Domains,
        "\u{feff}Example.org\r\n\n# a comment\n! another\n*.example.net\n.example.com  # inline\n\
         two words.example\nbad_name!.example\nco.uk\ncom\nhttp://example.org/path/\n192.0.2.7\nbücher.example\n",
    );
    assert_eq!(
        entries,
        [
            "example.org",
            "example.net",
            "example.com",
            "example.org/path",
            "192.0.2.7",
            "xn--bcher-kva.example"
        ]
    );
    assert_eq!((tally.lines, tally.entries, tally.malformed), (13, 6, 4));
    assert_eq!(
        problems(&tally),
        [
            "line 7: more than one word on the line",
            "line 8: the host is not a valid name or IP address",
            "line 9: the name is a public suffix: it would cover everybody's sites under it",
            "line 10: the name is a public suffix: it would cover everybody's sites under it",
        ]
    );
    assert!(!tally.looks_cut_short());
}

#[test]
fn addresses_with_paths() {
    let (entries, tally) = read(
        Format::Urls,
        "example.org/a/../B/\nhttps://user@example.org:8443/x?y=1#z\nexample.net/\nexample.net/%zz\n",
    );
    assert_eq!(
        entries,
        [
            "example.org/b",
            "example.org/x?y=1",
            "example.net",
            "example.net/%25zz"
        ]
    );
    assert_eq!(tally.malformed, 0);
}

#[test]
fn hosts_files() {
    let (entries, tally) = read(
        Format::Hosts,
        "# Number of unique domains: 3\n127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\n\
         fe80::1%lo0 localhost\n0.0.0.0 0.0.0.0\n0.0.0.0 ads.example.org tracker.example.org # why\n\
         :: example.net\nexample.com\n0.0.0.0\n0.0.0.0 bad..name.example\n",
    );
    assert_eq!(
        entries,
        ["ads.example.org", "tracker.example.org", "example.net"]
    );
    assert_eq!(
        (tally.malformed, tally.unused, tally.declared),
        (3, 5, Some(3))
    );
    assert!(!tally.falls_short());
}

#[test]
fn response_policy_zones() {
    let zone = "\
$TTL 2h\n$ORIGIN rpz.example.net.\n@ IN SOA localhost. root.localhost. (\n   7 ; serial\n   6h 1h 1w\n   2h )\n\
\x20     IN NS localhost.\n\
; Entries: 7\n\
bad.example.org        CNAME .\n\
*.bad.example.org      CNAME .\n\
nodata.example.org 300 IN CNAME *.\n\
dropped.example.org IN 300 CNAME rpz-drop.\n\
walled.example.org  CNAME garden.example.net.\n\
local.example.org   A 192.0.2.1\n\
\x20                   AAAA 2001:db8::1\n\
absolute.example.com.rpz.example.net. CNAME .\n\
good.example.org    CNAME rpz-passthru.\n\
24.0.2.0.192.rpz-ip CNAME .\n\
note.example.org    TXT \"a ; b (\"\n\
elsewhere.test.     CNAME .\n\
nonsense\n\
$INCLUDE other.zone\n";
    let (entries, tally) = read(Format::Rpz, zone);
    assert_eq!(
        entries,
        [
            "bad.example.org",
            "bad.example.org",
            "nodata.example.org",
            "dropped.example.org",
            "walled.example.org",
            "local.example.org",
            "local.example.org",
            "absolute.example.com",
        ]
    );
    assert_eq!(
        (tally.malformed, tally.unused, tally.declared),
        (2, 3, Some(7))
    );
    assert_eq!(
        problems(&tally),
        [
            "line 17: a kind of rule that is not used here",
            "line 18: a kind of rule that is not used here",
            "line 20: the record is not in the zone",
            "line 21: not a zone record",
            "line 22: a kind of rule that is not used here",
        ]
    );
}

#[test]
fn a_zone_named_by_its_soa_and_one_without_any() {
    let (entries, _) = read(
        Format::Rpz,
        "rpz.test. 60 IN SOA a. b. 1 2 3 4 5\nx.example.rpz.test. CNAME .\ny.example CNAME .\n",
    );
    assert_eq!(entries, ["x.example", "y.example"]);
    let (entries, _) = read(Format::Rpz, "x.example CNAME .\nsub CNAME .\n");
    assert_eq!(entries, ["x.example"]);
}

#[test]
fn a_parenthesis_left_open_cannot_swallow_a_zone() {
    let text = format!(
        "$ORIGIN rpz.test.\n@ SOA a. b. (\n{}",
        "x.example CNAME .\n".repeat(200)
    );
    let (entries, tally) = read(Format::Rpz, &text);
    assert_eq!(entries.len(), 200 - 65);
    assert_eq!(tally.malformed, 1);
    let (_, tally) = read(Format::Rpz, "@ SOA a. b. (\n");
    assert_eq!(tally.malformed, 1);
}

#[test]
fn our_own_sections() {
    let (entries, tally) = read(
        Format::Sections,
        "lost.example\n@gaming\nexample.org\n@Bad Name\nlost.example\n@chat\nexample.net/x\n",
    );
    assert_eq!(entries, ["gaming: example.org", "chat: example.net/x"]);
    assert_eq!(tally.malformed, 3);
}

/// FIL-04: bad lines are counted and shown, and a list cut short is seen to be.
#[test]
fn fil_04_problems_are_counted_and_a_cut_list_is_seen() {
    let (_, tally) = read(Format::Domains, &"bad..name\n".repeat(500));
    assert_eq!((tally.malformed, tally.problems.len()), (500, PROBLEMS_MAX));
    let (entries, tally) = read(Format::Domains, "example.org\nexample.ne");
    assert_eq!(entries.len(), 2);
    assert!(tally.ends_mid_line && tally.looks_cut_short());
    let (_, tally) = read(Format::Domains, "# Entries: 1,000\nexample.org\n");
    assert!(tally.falls_short());
    let long = format!(
        "{}\nexample.org\n{}",
        "a".repeat(LINE_MAX + 1),
        "b".repeat(3 * LINE_MAX)
    );
    let (entries, tally) = read(Format::Domains, &long);
    assert_eq!(
        (entries.len(), tally.malformed, tally.ends_mid_line),
        (1, 2, true)
    );
    let tally = parse(Format::Domains, b"\xff\xfe\nexample.org\n", &mut |_| {});
    assert_eq!((tally.entries, tally.malformed), (1, 1));
}

#[test]
fn formats_are_recognised() {
    let detect = |text: &str| Format::detect(text.as_bytes());
    assert_eq!(
        detect("# x\nexample.org\nexample.net\n"),
        Some(Format::Domains)
    );
    assert_eq!(detect("example.org\nexample.net/x\n"), Some(Format::Urls));
    assert_eq!(
        detect("# x\n127.0.0.1 localhost\n0.0.0.0 example.org\n"),
        Some(Format::Hosts)
    );
    assert_eq!(
        detect("; zone\nx.example CNAME .\ny.example 60 IN CNAME .\n"),
        Some(Format::Rpz)
    );
    assert_eq!(
        detect("$TTL 300\n@ SOA a. b. 1 2 3 4 5\n"),
        Some(Format::Rpz)
    );
    assert_eq!(
        detect("# own\n@gaming\nexample.org\n"),
        Some(Format::Sections)
    );
    assert_eq!(detect("<html><body>Not found</body></html>\n"), None);
    assert_eq!(detect(""), None);
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
    }
}
