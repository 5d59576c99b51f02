//! Fetching from publishers that are honest, and from those that are not (FIL-04).

use std::io::Write as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pharos_catalogue::Address;
use pharos_lists::{
    FetchError, FetchLimits, FetchStatus, Fetched, Fetching, Guard, ListUrl, Lists, ListsError,
    Refusal, SigningKey, Subscription, Trust, UnpackLimits,
};

use crate::publisher::{Does, Publisher};
use crate::{Folder, categories, hours, names, now};

fn subscription(publisher: &Publisher, path: &str) -> Subscription {
    subscribed(&publisher.url(path))
}

fn subscribed(url: &str) -> Subscription {
    Subscription {
        list: "games".to_owned(),
        url: ListUrl::parse(url, false).unwrap(),
        checksum: None,
        signature: None,
        category: Some("gaming".to_owned()),
        format: None,
        renames: Vec::new(),
        every: hours(24),
        allowed_age: hours(72),
        guard: Guard::default(),
    }
}

/// An empty list folder, and a publisher whose file of fifty names can be fetched into it.
fn publishes(path: &str) -> (Folder, Lists, Publisher, Subscription) {
    let folder = Folder::new();
    let lists = folder.open();
    let publisher = Publisher::start();
    publisher.does(path, Does::Serves(names(0, 50).into(), "\"one\""));
    let from = subscription(&publisher, path);
    (folder, lists, publisher, from)
}

fn fetching() -> Fetching {
    Fetching {
        trust: Trust::of(rustls::RootCertStore::empty()).unwrap(),
        limits: FetchLimits {
            bytes_max: 1 << 20,
            silence: Duration::from_millis(300),
            ..FetchLimits::default()
        },
        unpack: UnpackLimits::default(),
    }
}

fn fetch(lists: &Lists, from: &Subscription, at: Timestamp) -> Result<Fetched, FetchError> {
    lists.fetch(from, &fetching(), at, 0)
}

fn status(lists: &Lists) -> FetchStatus {
    lists.fetch_status().remove(0)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn refusal(result: Result<Fetched, FetchError>) -> Refusal {
    match result {
        Err(FetchError::Lists(error)) => match *error {
            ListsError::Refused { why, .. } => why,
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    }
}

/// FIL-04: a new version from a publisher is in force after the next fetch; an unchanged one is not
/// sent again and keeps the list fresh.
#[test]
fn fil_04_a_new_version_is_in_force_after_the_next_fetch() {
    let (folder, lists, publisher, from) = publishes("/games.txt");
    assert!(lists.fetch_due(&from, now()), "never fetched");
    assert!(
        matches!(fetch(&lists, &from, now()).unwrap(), Fetched::Taken(report) if report.entries == 50)
    );
    assert_eq!(categories(&lists.catalogue(), "site49.example"), ["gaming"]);
    assert!(!lists.fetch_due(&from, now() + hours(23)));
    assert!(lists.fetch_due(&from, now() + hours(24)));

    // As it was: the publisher sends nothing, and the list is as fresh as if it had come again.
    let later = now() + hours(70);
    assert_eq!(fetch(&lists, &from, later).unwrap(), Fetched::AsItWas);
    assert!(!lists.status(later + hours(71))[0].stale);
    assert_eq!(lists.catalogue().version(), 1, "nothing was compiled");

    publisher.does("/games.txt", Does::Serves(names(0, 60).into(), "\"two\""));
    assert!(matches!(
        fetch(&lists, &from, later + hours(24)).unwrap(),
        Fetched::Taken(_)
    ));
    assert_eq!(categories(&lists.catalogue(), "site59.example"), ["gaming"]);
    assert_eq!(publisher.asked("/games.txt"), 3);
    assert_eq!(status(&lists).trouble, None);
    let left: Vec<_> = folder
        .names()
        .into_iter()
        .filter(|name| name.contains("incoming"))
        .collect();
    assert_eq!(left, [""; 0], "nothing is left of what was fetched");
}

/// FIL-04: whatever a publisher or the network does wrong, the old list is kept, the reason is told,
/// and the next try is put off.
#[test]
fn fil_04_what_goes_wrong_on_the_way_leaves_the_old_list_in_force() {
    let (folder, lists, publisher, from) = publishes("/l");
    fetch(&lists, &from, now()).unwrap();

    let mut truncated = gzip(names(0, 5000).as_bytes());
    truncated.truncate(truncated.len() / 2);
    let bomb = gzip(&vec![b'\n'; 9 << 20]);
    let unfinished = "site1.example\nsite2.exam";
    type Expected = fn(&FetchError) -> bool;
    let ways: Vec<(&str, Does, Expected)> = vec![
        ("cut short", Does::CutsShort(names(0, 50).into()), |e| {
            matches!(e, FetchError::CutShort(_))
        }),
        ("silent", Does::Stalls, |e| {
            matches!(e, FetchError::Silent(_) | FetchError::CutShort(_))
        }),
        ("endless", Does::NeverEnds, |e| {
            matches!(e, FetchError::TooLarge(_))
        }),
        ("announced too large", Does::Announces(1 << 40), |e| {
            matches!(e, FetchError::TooLarge(_))
        }),
        ("in circles", Does::Redirects("/l".into()), |e| {
            matches!(e, FetchError::TooManyRedirects(5))
        }),
        (
            "to plain http elsewhere",
            Does::Redirects("http://lists.example/l".into()),
            |e| matches!(e, FetchError::NotSecure(_)),
        ),
        (
            "to nowhere",
            Does::Redirects("ftp://lists.example/l".into()),
            |e| matches!(e, FetchError::BadUrl),
        ),
        ("gone", Does::Says(404), |e| {
            matches!(e, FetchError::Status { status: 404, .. })
        }),
        ("in trouble", Does::Says(503), |e| {
            matches!(e, FetchError::Status { status: 503, .. })
        }),
        ("not HTTP", Does::Babbles, |e| {
            matches!(e, FetchError::Broken { .. })
        }),
        ("damaged archive", Does::Serves(truncated, "\"2\""), |e| {
            matches!(e, FetchError::Unpack(_))
        }),
        ("bomb", Does::Serves(bomb, "\"3\""), |e| {
            matches!(e, FetchError::Unpack(_))
        }),
        (
            "ends mid-line",
            Does::Serves(unfinished.into(), "\"4\""),
            |e| matches!(e, FetchError::Lists(_)),
        ),
        ("empty", Does::Serves(Vec::new(), "\"5\""), |e| {
            matches!(e, FetchError::Lists(_))
        }),
        ("shrunk", Does::Serves(names(0, 10).into(), "\"6\""), |e| {
            matches!(e, FetchError::Lists(_))
        }),
    ];
    let mut tight = fetching();
    tight.unpack.bytes_max = 8 << 20;
    for (failures, (way, does, expected)) in ways.into_iter().enumerate() {
        publisher.does("/l", does);
        let error = lists
            .fetch(&from, &tight, now() + hours(24), 0)
            .unwrap_err();
        assert!(expected(&error), "{way}: {error}");
        assert_eq!(
            categories(&lists.catalogue(), "site49.example"),
            ["gaming"],
            "{way}"
        );
        assert_eq!(lists.catalogue().version(), 1, "{way}");
        let status = status(&lists);
        assert_eq!(status.failures as usize, failures + 1, "{way}");
        assert_eq!(status.trouble.unwrap(), error.to_string(), "{way}");
        assert!(
            status.next.unwrap() > now() + hours(24),
            "{way}: not at once again"
        );
        assert!(
            !folder.names().iter().any(|name| name.contains("incoming")),
            "{way}"
        );
    }
    // The publisher mends itself, and so does the list.
    publisher.does("/l", Does::Serves(names(0, 51).into(), "\"7\""));
    fetch(&lists, &from, now() + hours(25)).unwrap();
    assert_eq!(categories(&lists.catalogue(), "site50.example"), ["gaming"]);
    assert_eq!((status(&lists).failures, status(&lists).trouble), (0, None));
}

/// FIL-04: a publisher that stops: the list stays in force and grows stale at its set age.
#[test]
fn fil_04_a_publisher_that_stops_makes_the_list_stale_at_its_age() {
    let (folder, lists, publisher, from) = publishes("/l");
    fetch(&lists, &from, now()).unwrap();
    publisher.stop();
    let error = fetch(&lists, &from, now() + hours(24)).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    assert!(!lists.status(now() + hours(72))[0].stale);
    assert!(lists.status(now() + hours(72) + SignedDuration::from_mins(1))[0].stale);
    assert_eq!(categories(&lists.catalogue(), "site1.example"), ["gaming"]);
    // The wait is remembered over a restart.
    drop(lists);
    let lists = folder.open();
    assert!(!lists.fetch_due(&from, now() + hours(24)));
    assert!(lists.fetch_due(&from, now() + hours(25)));
}

/// FIL-04: a checksum or a signature that the school asks for has to be right.
#[test]
fn fil_04_checksum_and_signature_are_kept_to() {
    let (_folder, lists, publisher, mut from) = publishes("/l.txt");
    let file: Vec<u8> = names(0, 50).into();
    let url = |path: &str| ListUrl::parse(&publisher.url(path), false).unwrap();
    from.checksum = Some(url("/sums"));
    publisher.does("/sums", Does::Serves(b"nothing".to_vec(), "\"s\""));
    assert!(matches!(
        fetch(&lists, &from, now()),
        Err(FetchError::NoChecksum(_))
    ));
    let wrong = format!("{}  l.txt\n", "00".repeat(32));
    publisher.does("/sums", Does::Serves(wrong.into(), "\"s\""));
    assert!(matches!(
        fetch(&lists, &from, now()),
        Err(FetchError::WrongChecksum)
    ));
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file);
    let right = format!("{}  other\n{} *l.txt\n", "11".repeat(32), hex::encode(sum));
    publisher.does("/sums", Does::Serves(right.into(), "\"s\""));
    fetch(&lists, &from, now()).unwrap();

    let key = SigningKey::from_seed(&[4; 32]).unwrap();
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[4; 32]).unwrap();
    let newer: Vec<u8> = names(0, 55).into();
    publisher.does("/l.txt", Does::Serves(newer.clone(), "\"two\""));
    from.checksum = None;
    from.signature = Some((url("/l.txt.sig"), key.public()));
    let refused = |lists: &Lists| {
        let result = fetch(lists, &from, now());
        assert!(result.is_err(), "{result:?}");
        assert_eq!(lists.catalogue().version(), 1);
    };
    refused(&lists);
    publisher.does(
        "/l.txt.sig",
        Does::Serves(pair.sign(&file).as_ref().to_vec(), "\"s\""),
    );
    refused(&lists);
    publisher.does(
        "/l.txt.sig",
        Does::Serves(b"not a signature".to_vec(), "\"s\""),
    );
    refused(&lists);
    let right = hex::encode(pair.sign(&newer));
    publisher.does("/l.txt.sig", Does::Serves(right.into(), "\"s\""));
    fetch(&lists, &from, now()).unwrap();
    assert_eq!(categories(&lists.catalogue(), "site54.example"), ["gaming"]);
}

/// FIL-04: a signature, checksum, category or watched address that is asked for later is asked of what
/// is held too: the publisher's "as it was" does not let it pass for looked at.
#[test]
fn fil_04_what_is_asked_for_later_is_asked_of_what_is_held() {
    let (_folder, lists, publisher, mut from) = publishes("/l.txt");
    let file: Vec<u8> = names(0, 50).into();
    let url = |path: &str| ListUrl::parse(&publisher.url(path), false).unwrap();
    fetch(&lists, &from, now()).unwrap();
    assert_eq!(fetch(&lists, &from, now()).unwrap(), Fetched::AsItWas);

    let (theirs, other) = ([4; 32], [5; 32]);
    let signed = |seed: &[u8; 32]| {
        let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
        Does::Serves(pair.sign(&file).as_ref().to_vec(), "\"s\"")
    };
    let key = SigningKey::from_seed(&theirs).unwrap().public();
    from.signature = Some((url("/l.txt.sig"), key));
    publisher.does("/l.txt.sig", signed(&other));
    for _ in 0..2 {
        assert!(matches!(
            fetch(&lists, &from, now()),
            Err(FetchError::WrongSignature)
        ));
    }
    assert!(status(&lists).trouble.is_some());
    publisher.does("/l.txt.sig", signed(&theirs));
    assert!(matches!(
        fetch(&lists, &from, now()).unwrap(),
        Fetched::Taken(_)
    ));
    assert_eq!(fetch(&lists, &from, now()).unwrap(), Fetched::AsItWas);

    from.signature = Some((
        url("/l.txt.sig"),
        SigningKey::from_seed(&other).unwrap().public(),
    ));
    assert!(matches!(
        fetch(&lists, &from, now()),
        Err(FetchError::WrongSignature)
    ));
    from.signature = None;
    from.checksum = Some(url("/sums"));
    let wrong = format!("{}  l.txt\n", "00".repeat(32));
    publisher.does("/sums", Does::Serves(wrong.into(), "\"s\""));
    assert!(matches!(
        fetch(&lists, &from, now()),
        Err(FetchError::WrongChecksum)
    ));
    from.checksum = None;
    from.category = Some("sport".to_owned());
    assert!(matches!(
        refusal(fetch(&lists, &from, now())),
        Refusal::Shrank { .. }
    ));
    from.category = Some("gaming".to_owned());
    from.guard.must_not_hold = vec![Address::parse("site7.example").unwrap()];
    refusal(fetch(&lists, &from, now()));
}

/// FIL-04: over https with a certificate that is trusted, and not with another.
#[test]
fn fil_04_https_publishers_are_known_by_their_certificates() {
    let folder = Folder::new();
    let lists = folder.open();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let publisher = Publisher::secure(made.cert.der().clone(), key);
    publisher.does("/l", Does::Serves(names(0, 50).into(), "\"one\""));
    let at = |host: &str| subscribed(&format!("https://{host}:{}/l", publisher.port()));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let trusting = Fetching {
        trust: Trust::of(roots).unwrap(),
        ..fetching()
    };
    for (how, from, with) in [
        ("unknown certificate", at("localhost"), &fetching()),
        ("another name", at("127.0.0.1"), &trusting),
    ] {
        let result = lists.fetch(&from, with, now(), 0);
        assert!(
            matches!(result, Err(FetchError::Unreachable { .. })),
            "{how}: {result:?}"
        );
    }
    assert_eq!(publisher.asked("/l"), 0);
    lists.fetch(&at("localhost"), &trusting, now(), 0).unwrap();
    assert_eq!(categories(&lists.catalogue(), "site1.example"), ["gaming"]);
}

/// FIL-04: canaries, protected names, sudden growth, and a version that was gone back from.
#[test]
fn fil_04_a_version_is_looked_at_before_it_is_accepted() {
    let folder = Folder::new();
    let lists = folder.open();
    let publisher = Publisher::start();
    let mut from = subscription(&publisher, "/l");
    let address = |text| Address::parse(text).unwrap();
    from.guard = Guard {
        protected: vec![address("listening.example").host().clone()],
        must_hold: vec![address("www.site1.example")],
        must_not_hold: vec![address("school.example")],
    };
    let serves = |text: String| publisher.does("/l", Does::Serves(text.into(), "\"any\""));
    serves(names(2, 1500));
    assert!(matches!(
        refusal(fetch(&lists, &from, now())),
        Refusal::LacksCanary(_)
    ));
    serves(names(0, 1500) + "school.example\n");
    assert!(matches!(
        refusal(fetch(&lists, &from, now())),
        Refusal::HoldsForbidden(_)
    ));
    serves(names(0, 1500) + "chat.listening.example\n");
    match fetch(&lists, &from, now()).unwrap() {
        Fetched::Taken(report) => {
            assert_eq!((report.entries, report.protected), (1500, 1));
            assert_eq!(report.protected_names, ["chat.listening.example"]);
        }
        Fetched::AsItWas => panic!("it is new"),
    }
    assert_eq!(
        categories(&lists.catalogue(), "chat.listening.example"),
        [""; 0]
    );
    assert_eq!(lists.status(now())[0].protected, 1);

    let publishes = |text: String, etag| publisher.does("/l", Does::Serves(text.into(), etag));
    publishes(names(0, 20_000), "\"grown\"");
    assert!(matches!(
        refusal(fetch(&lists, &from, now())),
        Refusal::Grew { .. }
    ));

    publishes(names(0, 1600), "\"bad\"");
    fetch(&lists, &from, now()).unwrap();
    lists.roll_back("games", now()).unwrap();
    assert_eq!(categories(&lists.catalogue(), "site1599.example"), [""; 0]);
    assert_eq!(
        refusal(fetch(&lists, &from, now() + hours(24))),
        Refusal::RolledBack,
        "it does not come back by itself, nor does \"as it was\" make the old one fresh"
    );
    publishes(names(0, 1601), "\"mended\"");
    fetch(&lists, &from, now() + hours(25)).unwrap();
}
