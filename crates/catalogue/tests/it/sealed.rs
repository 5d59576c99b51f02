//! Sealed lists (FIL-03).

use jiff::{SignedDuration, Timestamp};
use pharos_catalogue::{
    Address, Format, Host, SealedBuilder, SealedError, SealedInfo, SealedKey, SealedList,
    SealedLists, parse,
};

use crate::{address, now};

const ENTRIES: &str = "\
whole-host.example
http://Shared.example:8080/Bad/%70age/
shared.example/other?id=7
[2001:db8::5]/x
";

fn key(byte: u8) -> SealedKey {
    SealedKey::new([byte; 32])
}

fn info(name: &str, issued: &str) -> SealedInfo {
    SealedInfo {
        owner: "Invented Watch Foundation".into(),
        name: name.into(),
        version: 4,
        issued: issued.parse().unwrap(),
        imported: now(),
        allowed_age: SignedDuration::from_hours(48),
        entries: 0,
        checksum: [0xAB; 32],
        publisher: [1; 32],
    }
}

fn sealed_bytes(name: &str, issued: &str, text: &str) -> Vec<u8> {
    let key = key(7);
    let mut builder = SealedBuilder::new(&key);
    parse(Format::Urls, text.as_bytes(), &mut |entry| {
        builder.add(entry)
    });
    builder.finish(info(name, issued)).unwrap()
}

fn lists() -> SealedLists {
    let open = |bytes: Vec<u8>| SealedList::open(&bytes, &key(7)).unwrap();
    SealedLists::new(
        key(7),
        vec![
            open(sealed_bytes(
                "first",
                "2026-11-20T00:00:00Z",
                "elsewhere.example\n",
            )),
            open(sealed_bytes("second", "2026-11-22T06:00:00Z", ENTRIES)),
        ],
    )
}

/// FIL-03: an address on a sealed list is found in every spelling; its neighbours are not.
#[test]
fn fil_03_sealed_entries_match_in_every_spelling() {
    let lists = lists();
    for (inside, list, whole_host) in [
        ("elsewhere.example", 0, true),
        ("http://sub.Whole-Host.example.:99/any/thing", 1, true),
        ("http://shared.example/bad/page", 1, false),
        ("http://u:p@shared.example/x/../BAD//%70ag%65/1?x", 1, false),
        ("https://www.shared.example/other?id=7&more", 1, false),
        ("http://[2001:DB8:0::5]:8080/x/y", 1, false),
    ] {
        let found = lists
            .lookup(&address(inside))
            .unwrap_or_else(|| panic!("{inside}"));
        assert_eq!(
            (found.list, found.whole_host, found.test_entry),
            (list, whole_host, false)
        );
    }
    for outside in [
        "badwhole-host.example",
        "whole-host.example.test",
        "shared.example",
        "shared.example/",
        "shared.example/bad",
        "shared.example/bad/pages",
        "shared.example/other?id=77",
        "http://[2001:db8::6]/x",
        "example",
    ] {
        assert_eq!(lists.lookup(&address(outside)), None, "{outside}");
    }
    let of_host = Address::of_host(Host::parse("shared.example").unwrap());
    assert_eq!(
        lists.lookup(&of_host),
        None,
        "without a path a path entry cannot be told"
    );
    assert!(lists.needs_path(&Host::parse("www.shared.example").unwrap()));
    assert!(!lists.needs_path(&Host::parse("whole-host.example").unwrap()));
    assert_eq!(
        SealedLists::default().lookup(&address("whole-host.example")),
        None
    );
}

/// FIL-03: nothing of an entry can be read back: not from the file, not from the opened list, not
/// from what the screen shows.
#[test]
fn fil_03_nothing_can_be_read_back() {
    let bytes = sealed_bytes("second", "2026-11-22T06:00:00Z", ENTRIES);
    let list = SealedList::open(&bytes, &key(7)).unwrap();
    let lists = SealedLists::new(key(7), vec![list]);
    let shown = format!(
        "{lists:?} {:?} {}",
        lists.status(now()),
        String::from_utf8_lossy(&bytes)
    );
    for secret in ["whole-host", "whole", "shared", "page", "other", "2001"] {
        assert!(
            !shown.to_lowercase().contains(secret),
            "{secret} can be read"
        );
    }
    // Another school's file has other bytes for the same entries.
    let other = key(8);
    let mut builder = SealedBuilder::new(&other);
    parse(Format::Urls, ENTRIES.as_bytes(), &mut |entry| {
        builder.add(entry)
    });
    let theirs = builder
        .finish(info("second", "2026-11-22T06:00:00Z"))
        .unwrap();
    let pieces = |bytes: &[u8]| -> std::collections::BTreeSet<Vec<u8>> {
        bytes[bytes.len() - 32 - 5 * 16..bytes.len() - 32]
            .chunks(16)
            .map(<[u8]>::to_vec)
            .collect()
    };
    assert!(pieces(&bytes).is_disjoint(&pieces(&theirs)));
}

/// FIL-03: the screen has count, date, age and checksum; a stale or empty list says so.
#[test]
fn fil_03_status_shows_count_date_and_checksum_only() {
    let status = lists().status("2026-11-22T09:00:00Z".parse().unwrap());
    assert_eq!(status.len(), 2);
    assert_eq!((status[0].entries, status[1].entries), (1, 4));
    assert_eq!(status[1].checksum, "ab".repeat(32));
    assert_eq!(status[1].age, SignedDuration::from_hours(3));
    assert!(status[0].stale && !status[1].stale);
    let empty =
        SealedList::open(&sealed_bytes("none", "2026-11-22T06:00:00Z", ""), &key(7)).unwrap();
    assert!(empty.info().status(now()).stale);
}

/// FIL-03: each list blocks a dated address of its own, which proves that this very issue is live.
#[test]
fn fil_03_a_dated_test_entry_proves_the_list_live() {
    let lists = lists();
    let test = |text: &str| {
        lists
            .lookup(&address(text))
            .map(|found| (found.list, found.test_entry))
    };
    assert_eq!(
        test("http://list-2026-11-20.first.pharos.test/"),
        Some((0, true))
    );
    assert_eq!(test("list-2026-11-22.second.pharos.test"), Some((1, true)));
    assert_eq!(test("list-2026-11-22.pharos.test"), Some((1, true)));
    assert_eq!(test("list-2026-11-21.second.pharos.test"), None);
    let names: Vec<_> = lists.infos().map(SealedInfo::test_entry).collect();
    assert_eq!(
        names,
        [
            "list-2026-11-20.first.pharos.test",
            "list-2026-11-22.second.pharos.test"
        ]
    );
}

/// FIL-03: a sealed file changed anywhere, or sealed under another key, is refused.
#[test]
fn fil_03_a_changed_sealed_file_is_refused() {
    let good = sealed_bytes("second", "2026-11-22T06:00:00Z", ENTRIES);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(SealedList::open(&bad, &key(7)).is_err(), "byte {at}");
    }
    for len in 0..good.len() {
        assert!(
            SealedList::open(&good[..len], &key(7)).is_err(),
            "cut to {len}"
        );
    }
    assert_eq!(
        SealedList::open(&good, &key(8)).unwrap_err(),
        SealedError::OtherKey
    );
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    assert_eq!(
        SealedList::open(&bad, &key(7)).unwrap_err(),
        SealedError::Tampered
    );
    assert_eq!(format!("{:?}", key(7)), "SealedKey(secret)");
    let early: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let list = SealedList::open(&good, &key(7)).unwrap();
    assert_eq!(list.info().status(early).age, SignedDuration::ZERO);
}
