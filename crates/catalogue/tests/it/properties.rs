//! What holds for any input: one form, nothing slips past, no look-alike matches, no reader breaks.

use std::collections::BTreeSet;

use pharos_catalogue::{Address, Catalogue, Format, Host, SealedKey, SealedList, parse};
use proptest::prelude::*;

use crate::{catalogue, compiled};

fn label() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?"
}

fn name() -> impl Strategy<Value = String> {
    (prop::collection::vec(label(), 1..4), "[a-z]{2,5}")
        .prop_map(|(labels, last)| format!("{}.{last}x.test", labels.join(".")))
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-zA-Z0-9_~-]{1,6}", 1..5)
        .prop_map(|parts| format!("/{}", parts.join("/")))
}

/// How a host may be disguised without leading anywhere else.
fn disguised_host(host: &str, choices: &[u8]) -> String {
    let mut out = String::new();
    for (at, c) in host.chars().enumerate() {
        match choices.get(at).copied().unwrap_or(0) % 5 {
            1 => out.push(c.to_ascii_uppercase()),
            2 => out.push_str(&format!("%{:02x}", u32::from(c))),
            3 if c.is_ascii_lowercase() => out.push(char::from_u32(u32::from(c) + 0xFEE0).unwrap()),
            3 if c == '.' => out.push('\u{3002}'),
            _ => out.push(c),
        }
    }
    out
}

fn disguised_path(path: &str, choices: &[u8]) -> String {
    let mut out = String::new();
    for (at, c) in path.chars().enumerate() {
        match (c, choices.get(at).copied().unwrap_or(0) % 8) {
            ('/', 1) => out.push_str("//"),
            ('/', 2) => out.push_str("/./"),
            ('/', 3) => out.push_str("/x/../"),
            ('/', 4) => out.push_str("/x/%2e%2E/"),
            ('/', 5) => out.push('\\'),
            ('/', 6) => out.push_str("%2f"),
            (c, 1 | 2) if c != '/' => out.push_str(&format!("%{:02X}", u32::from(c))),
            (c, 3 | 4) if c != '/' => out.push_str(&format!("%{:02x}", u32::from(c))),
            (c, 5) if c.is_ascii_alphabetic() => out.push(if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }),
            _ => out.push(c),
        }
    }
    if out.starts_with('/') || out.starts_with('\\') {
        out
    } else {
        format!("/{out}")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// The canonical form of a canonical form is itself, for any text at all.
    #[test]
    fn canonical_forms_are_stable(text in "\\PC{0,60}", host in "[-a-zA-Z0-9.%_\\[\\]:xßü。]{1,30}",
        raw in "[-a-zA-Z0-9./%?#&;=+ \\\\]{0,60}")
    {
        for text in [&text, &host] {
            if let Ok(host) = Host::parse(text) {
                prop_assert_eq!(Host::parse(host.as_str()), Ok(host.clone()));
            }
            if let Ok(address) = Address::parse(text) {
                prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
            }
        }
        let once = Address::with_path(Host::parse("example.org").unwrap(), &raw);
        let twice = Address::with_path(once.host().clone(), once.path().unwrap());
        prop_assert_eq!(once, twice);
    }

    /// FIL-02, FIL-03: no spelling of a listed address slips past the catalogue or a sealed list.
    #[test]
    fn no_spelling_slips_past(
        host in name(),
        path in path(),
        below in prop::option::of(label()),
        choices in prop::collection::vec(any::<u8>(), 100),
        userinfo in prop::option::of("[a-z.:]{1,8}"),
        port in prop::option::of(1u16..),
        tail in prop::sample::select(vec!["", "/", "/more", "?q=1", "#part", "/?x", ";v=2"]),
    ) {
        let listed = format!("{host}{path}\n");
        let lists = catalogue(&[("urls", "violence", &listed)]);
        let hosts = catalogue(&[("names", "violence", &format!("{host}\n"))]);
        let key = SealedKey::new([3; 32]);
        let mut builder = pharos_catalogue::SealedBuilder::new(&key);
        parse(Format::Urls, listed.as_bytes(), &mut |entry| builder.add(entry));
        let bytes = builder.finish(pharos_catalogue::SealedInfo {
            owner: "o".into(), name: "n".into(), version: 1, issued: crate::now(),
            imported: crate::now(), allowed_age: jiff::SignedDuration::from_hours(1), entries: 0,
            checksum: [0; 32], publisher: [0; 32],
        }).unwrap();
        let sealed = pharos_catalogue::SealedLists::new(
            key.clone(), vec![SealedList::open(&bytes, &key).unwrap()]);

        let below = below.map(|label| format!("{label}.")).unwrap_or_default();
        let asked = format!(
            "HttP://{}{}{}{}{}{}",
            userinfo.map(|text| format!("{text}@")).unwrap_or_default(),
            disguised_host(&format!("{below}{host}"), &choices),
            if choices[99] % 2 == 0 { "." } else { "" },
            port.map(|port| format!(":{port}")).unwrap_or_default(),
            disguised_path(&path, &choices[30..]),
            tail,
        );
        let address = Address::parse(&asked).unwrap();
        prop_assert!(!lists.lookup(&address).is_empty(), "{} misses {}", asked, listed);
        prop_assert!(!hosts.lookup(&address).is_empty(), "{} misses {}", asked, host);
        prop_assert!(sealed.lookup(&address).is_some(), "{} misses sealed {}", asked, listed);
    }

    /// A name that only looks like a listed one, from either end, never matches.
    #[test]
    fn look_alikes_never_match(host in name(), prefix in label(), suffix in label(), path in path()) {
        let lists = catalogue(&[("n", "gaming", &format!("{host}\n"))]);
        for other in [
            format!("{prefix}{host}"),
            format!("{host}{suffix}"),
            format!("{host}.{suffix}.example"),
            host.split_once('.').unwrap().1.to_owned(),
        ] {
            let Ok(other) = Host::parse(&other) else { continue };
            prop_assert!(lists.lookup_host(&other).is_empty(), "{} matches {}", other, host);
        }
        let lists = catalogue(&[("u", "gaming", &format!("{host}{path}\n"))]);
        for other in [format!("{host}{path}x"), format!("{host}/elsewhere{path}"), host.clone()] {
            let other = Address::parse(&other).unwrap();
            prop_assert!(lists.lookup(&other).is_empty(), "{} matches {}{}", other, host, path);
        }
    }

    /// The compiled file answers as a plain set of names would.
    #[test]
    fn the_compiled_file_agrees_with_a_plain_model(
        listed in prop::collection::btree_set("([ab]\\.){0,4}[ab]", 0..30),
        asked in prop::collection::vec("([ab]\\.){0,5}[ab]", 1..30),
    ) {
        let full = |name: &str| format!("{name}.example");
        let text: String = listed.iter().map(|name| full(name) + "\n").collect();
        let names: BTreeSet<String> = listed.iter().map(|name| full(name)).collect();
        let lists = catalogue(&[("n", "gaming", &text)]);
        for name in asked {
            let host = Host::parse(&full(&name)).unwrap();
            let expected = host.parents().any(|parent| names.contains(parent));
            prop_assert_eq!(!lists.lookup_host(&host).is_empty(), expected, "{}", host);
        }
    }

    /// FIL-04: a text counts as canonical already exactly where it is plain labels, none of them an A-label and
    /// the last no number; it is then the host it is read as, as it stands.
    #[test]
    fn fil_04_what_is_canonical_already_is_known_as_such(
        labels in prop::collection::vec(
            prop_oneof![
                "[a-z0-9_-]{0,5}", "(xn--|0x|x|xn-)[a-z0-9-]{0,3}", "[0-9]{1,3}", "[a-z%A-Z:.]{1,3}",
                "a{60,66}",
            ],
            0..8,
        ),
    ) {
        let text = labels.join(".");
        let good = |label: &str| {
            let plain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_');
            (1..=63).contains(&label.len()) && label.chars().all(plain)
        };
        let last = text.rsplit('.').next().unwrap_or_default();
        let expected = text.len() <= 253
            && text.split('.').all(good)
            && !text.contains("xn--")
            && !last.starts_with("0x")
            && !last.ends_with(|c: char| c.is_ascii_digit());
        let host = Host::canonical(&text);
        prop_assert_eq!(host.is_some(), expected, "{}", text);
        if let Some(host) = host {
            prop_assert_eq!(host.as_str(), text.as_str());
            prop_assert_eq!(Ok(host), Host::parse(&text));
        }
    }

    /// Readers of outside bytes neither panic nor loop, and count every line.
    #[test]
    fn readers_survive_anything(bytes in prop::collection::vec(any::<u8>(), 0..400),
        text in "[-a-z0-9.*@/$;()\" \\t\\nCNAMESOIX]{0,300}", at in any::<prop::sample::Index>())
    {
        for format in Format::ALL {
            for bytes in [&bytes[..], text.as_bytes()] {
                let mut seen = 0;
                let tally = parse(format, bytes, &mut |entry| {
                    seen += 1;
                    assert_eq!(Host::parse(entry.host).unwrap().as_str(), entry.host);
                });
                prop_assert_eq!(tally.entries, seen);
            }
        }
        Format::detect(&bytes);
        let _ = Catalogue::open(bytes.as_slice());
        let _ = SealedList::open(&bytes, &SealedKey::new([0; 32]));
        let mut file = compiled(&[("n", "gaming", "example.org\n")]);
        let at = at.index(file.len());
        file[at] = file[at].wrapping_add(1);
        prop_assert!(Catalogue::open(file.as_slice()).is_err());
    }
}
