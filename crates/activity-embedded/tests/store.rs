//! What is recorded is found, by person and device, whether it is in a head or in a segment.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

use std::time::Duration;

use common::{START, all, at, calm, event, every, nobody, open, person, pupil, runtime};
use jiff::Timestamp;
use pharos_activity::{Event, Query, Retention, SEALED_HOST, Store, StoreError};
use pharos_activity_embedded::{Config, Embedded, OpenError};
use pharos_school::{Face, Who};
use proptest::prelude::*;

/// MON-01: two pupils use one computer in turn; each one's requests appear under their own name
/// and the shared device; the device history shows both, in order.
#[tokio::test]
async fn mon_01_two_pupils_one_computer() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), calm());
    let turns = [
        (1, "first.example"),
        (1, "second.example"),
        (2, "third.example"),
        (1, "fourth.example"),
        (2, "fifth.example"),
    ];
    for (index, (who, host)) in turns.iter().enumerate() {
        opened
            .sink
            .record(event(index as i64 * 1000, pupil(*who, "library-3"), host));
        if index == 2 {
            // Part of the story is in a sealed segment, part in the head.
            opened.store.seal().await.unwrap();
        }
    }
    opened
        .sink
        .record(event(9000, pupil(2, "library-4"), "elsewhere.example"));
    opened.store.flush().await.unwrap();

    let hosts = |found: &[pharos_activity::Stored]| {
        found
            .iter()
            .rev()
            .map(|s| s.event.host.to_string())
            .collect::<Vec<_>>()
    };
    let first = all(
        &*opened.store,
        Query {
            person: Some(person(1)),
            ..every()
        },
    )
    .await;
    assert_eq!(
        hosts(&first),
        ["first.example", "second.example", "fourth.example"]
    );
    assert!(
        first
            .iter()
            .all(|s| s.event.who.device().is_some_and(|d| &**d == "library-3"))
    );
    let second = all(
        &*opened.store,
        Query {
            person: Some(person(2)),
            ..every()
        },
    )
    .await;
    assert_eq!(
        hosts(&second),
        ["third.example", "fifth.example", "elsewhere.example"]
    );
    let device = all(
        &*opened.store,
        Query {
            device: Some("library-3".into()),
            ..every()
        },
    )
    .await;
    assert_eq!(hosts(&device), turns.map(|(_, host)| host));
    let people: Vec<_> = device.iter().rev().map(|s| s.event.who.person()).collect();
    assert_eq!(people, turns.map(|(who, _)| Some(person(who))));
    // Time, address, verdict, rule and volume came back as they were.
    assert_eq!(
        first[0].event,
        event(3000, pupil(1, "library-3"), "fourth.example")
    );
}

/// MON-14, FIL-03: a hit on a sealed list leaves time, person and device, and no byte of the
/// address anywhere in the folder, even where a face forgot to leave it out.
#[tokio::test]
async fn mon_14_a_sealed_hit_leaves_no_address_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), calm());
    let hit = Event {
        path: Some("/unmistakable-path.jpg".into()),
        search: Some("unmistakable words".into()),
        sealed: Some("test-list".into()),
        categories: vec!["illegal-images".into()].into(),
        action: "block",
        ..event(0, pupil(1, "library-3"), "unmistakable.example")
    };
    opened.sink.record(hit);
    opened.store.flush().await.unwrap();
    assert_eq!(
        files_with(folder.path(), b"unmistakable"),
        Vec::<String>::new()
    );
    opened.store.seal().await.unwrap();
    assert_eq!(
        files_with(folder.path(), b"unmistakable"),
        Vec::<String>::new()
    );
    let found = all(
        &*opened.store,
        Query {
            only_sealed: true,
            ..every()
        },
    )
    .await;
    let kept = &found[0].event;
    assert_eq!(
        (&*kept.host, &kept.path, &kept.search),
        (SEALED_HOST, &None, &None)
    );
    assert_eq!((kept.at, kept.who.person()), (at(0), Some(person(1))));
    assert_eq!(
        kept.who.device().map(|d| d.to_string()),
        Some("library-3".into())
    );
}

fn files_with(folder: &std::path::Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if std::fs::read(&path)
            .unwrap()
            .windows(needle.len())
            .any(|part| part == needle)
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// PRIV-03: past their time events go, counted, with proof; a held person's stay; a file at the
/// boundary keeps what is younger; the hourly counts follow.
#[tokio::test]
async fn priv_03_retention_deletes_with_proof_and_keeps_what_is_held() {
    const DAY: i64 = 86_400_000;
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), calm());
    let sealed_days = [0..3, 3..6, 6..9];
    for days in sealed_days {
        for day in days {
            for who in [1, 2, 3] {
                opened.sink.record(event(
                    day * DAY + who as i64,
                    pupil(who, "laptop"),
                    "site.example",
                ));
            }
        }
        opened.store.seal().await.unwrap();
    }
    opened
        .sink
        .record(event(4 * DAY, pupil(3, "laptop"), "late-arrival.example"));
    let retention = Retention {
        before: at(5 * DAY),
        hold: vec![person(2)],
    };
    let deleted = opened.store.retain(&retention).await.unwrap();
    // Days 0 to 4 of pupils 1 and 3, and the one still in the head; pupil 2's five days are held.
    assert_eq!((deleted.events, deleted.held), (11, 5));
    assert_eq!(
        (deleted.oldest, deleted.newest),
        (Some(at(1)), Some(at(4 * DAY + 3)))
    );
    assert_eq!((deleted.files_removed, deleted.files_rewritten), (1, 2));
    let left = all(&*opened.store, every()).await;
    assert_eq!(left.len(), 5 + 4 * 3);
    assert!(
        left.iter()
            .all(|s| s.event.at >= at(5 * DAY) || s.event.who.person() == Some(person(2)))
    );
    let summary = opened
        .store
        .summary(Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    assert_eq!(summary.events(None), 17);
    // Nothing more to do, and nothing comes back after a restart.
    assert_eq!(opened.store.retain(&retention).await.unwrap().events, 0);
    drop((opened.sink, opened.store));
    let again = open(folder.path(), calm());
    assert_eq!(again.recovered.problems, Vec::<String>::new());
    assert_eq!(all(&*again.store, every()).await, left);
    // Without a hold whole files go unread.
    let deleted = again
        .store
        .retain(&Retention {
            before: at(100 * DAY),
            hold: Vec::new(),
        })
        .await
        .unwrap();
    assert_eq!((deleted.events, deleted.files_rewritten), (17, 0));
    assert_eq!(
        std::fs::read_dir(folder.path().join("segments"))
            .unwrap()
            .count(),
        0
    );
}

/// AUD-05, MON-01: hourly counts by group, action and category name no person and agree with the
/// events, from roll-ups beside segments, from the head, and counted anew when a roll-up is lost.
#[tokio::test]
async fn hourly_counts_agree_with_the_events() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), calm());
    for index in 0..200 {
        let mut one = event(
            index * 60_000,
            pupil(index as u128 % 7, "laptop"),
            "site.example",
        );
        one.action = if index % 5 == 0 { "block" } else { "allow" };
        one.categories = if index % 2 == 0 {
            vec!["games".into(), "video".into()].into()
        } else {
            Vec::new().into()
        };
        opened.sink.record(one);
        if index == 120 {
            opened.store.seal().await.unwrap();
        }
    }
    opened.store.flush().await.unwrap();
    let whole = opened
        .store
        .summary(Timestamp::MIN, Timestamp::MAX)
        .await
        .unwrap();
    assert_eq!((whole.events(None), whole.events(Some("block"))), (200, 40));
    assert_eq!(
        (
            whole.in_category("games", None),
            whole.in_category("video", Some("block"))
        ),
        (100, 20)
    );
    let hour = whole.tallies[0].hour + Duration::from_secs(3600);
    let one = opened
        .store
        .summary(hour, hour + Duration::from_secs(3600))
        .await
        .unwrap();
    assert_eq!(one.events(None), 60);
    for file in std::fs::read_dir(folder.path().join("segments")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "hours") {
            std::fs::write(path, "damaged").unwrap();
        }
    }
    assert_eq!(
        opened
            .store
            .summary(Timestamp::MIN, Timestamp::MAX)
            .await
            .unwrap(),
        whole
    );
}

#[tokio::test]
async fn a_damaged_segment_is_named_and_the_rest_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), calm());
    opened.sink.record(event(0, pupil(1, "a"), "one.example"));
    opened.store.seal().await.unwrap();
    opened.sink.record(event(1, pupil(1, "a"), "two.example"));
    opened.store.seal().await.unwrap();
    std::fs::write(
        folder.path().join("segments/000000000001-1.parquet"),
        "not a segment",
    )
    .unwrap();
    let found = opened.store.search(&every()).await.unwrap();
    assert_eq!(found.events.len(), 1);
    assert!(
        found.missing[0].contains("000000000001-1.parquet"),
        "{:?}",
        found.missing
    );
    drop((opened.sink, opened.store));
    let again = open(folder.path(), calm());
    assert!(
        again.recovered.problems[0].contains("000000000001-1.parquet"),
        "{:?}",
        again.recovered
    );
    assert!(again.store.status().problem.is_some());
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), calm());
    assert!(matches!(
        Embedded::open(folder.path(), calm()),
        Err(OpenError::InUse(_))
    ));
    drop((first.sink, first.store));
    assert!(Embedded::open(folder.path(), calm()).is_ok());
}

#[tokio::test]
async fn a_limit_beyond_the_bound_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), calm());
    let query = Query {
        limit: 1_000_000,
        ..Query::default()
    };
    assert!(matches!(
        opened.store.search(&query).await,
        Err(StoreError::BadQuery(_))
    ));
}

/// All files are for the service account alone.
#[cfg(unix)]
#[tokio::test]
async fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let opened = open(folder.path(), calm());
    opened.sink.record(event(0, pupil(1, "a"), "one.example"));
    opened.store.seal().await.unwrap();
    for place in ["head", "segments", "."] {
        for entry in std::fs::read_dir(folder.path().join(place)).unwrap() {
            let facts = entry.unwrap().metadata().unwrap();
            let wide = facts.permissions().mode() & 0o077;
            assert!(wide == 0 || facts.len() == 0, "{place} {wide:o}");
        }
    }
}

#[derive(Debug, Clone)]
struct Sketch {
    ms: i64,
    who: u8,
    device: u8,
    host: u8,
    kind: u8,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    (0..50_i64, 0..5_u8, 0..3_u8, 0..4_u8, any::<u8>()).prop_map(|(ms, who, device, host, kind)| {
        Sketch {
            ms,
            who,
            device,
            host,
            kind,
        }
    })
}

fn drawn(sketch: &Sketch) -> Event {
    let device = ["a", "b", "c"][usize::from(sketch.device)];
    let who: Who = if sketch.who == 0 {
        nobody((sketch.kind.is_multiple_of(2)).then_some(device))
    } else {
        pupil(sketch.who.into(), device)
    };
    let mut event = event(
        sketch.ms,
        who,
        ["maths.example", "games.test", "Ünï.example", "x"][usize::from(sketch.host)],
    );
    event.action = ["allow", "block", "narrow", "warn"][usize::from(sketch.kind % 4)];
    event.face = [Face::Dns, Face::Https, Face::Tunnel][usize::from(sketch.kind % 3)];
    event.categories = match sketch.kind % 5 {
        0 => Vec::new().into(),
        1 => vec!["games".into()].into(),
        _ => vec!["games".into(), "video".into()].into(),
    };
    event.search = (sketch.kind.is_multiple_of(7)).then(|| "Long Division".into());
    event.path = (sketch.kind.is_multiple_of(2)).then(|| "/p".into());
    event
}

fn question() -> impl Strategy<Value = Query> {
    let part = |n: u8| prop::option::weighted(0.3, 0..n);
    (
        part(6),
        part(3),
        part(4),
        part(4),
        (part(50), part(50)),
        part(3),
        1..8_usize,
    )
        .prop_map(
            |(who, device, host, action, (from, to), kind, limit)| Query {
                person: who.map(|who| person(who.into())),
                device: device.map(|d| ["a", "b", "c"][usize::from(d)].into()),
                host: host.map(|h| ["MATHS", ".test", "ünï", "example"][usize::from(h)].into()),
                actions: action
                    .map(|a| ["allow", "block", "narrow", "warn"][usize::from(a)].into())
                    .into_iter()
                    .collect(),
                from: from.map(|ms| at(i64::from(ms))),
                to: to.map(|ms| at(i64::from(ms))),
                categories: if kind == Some(0) {
                    vec!["video".into()]
                } else {
                    Vec::new()
                },
                faces: if kind == Some(1) {
                    vec![Face::Dns]
                } else {
                    Vec::new()
                },
                search: (kind == Some(2)).then(|| "division".into()),
                limit,
                ..Query::default()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// MON-01: however events are spread over head and segments, a search finds exactly those that
    /// match, newest first, page by page; and the count agrees.
    #[test]
    fn mon_01_search_agrees_with_looking_at_every_event(
        sketches in prop::collection::vec(sketch(), 0..300),
        seals in prop::collection::btree_set(0..300_usize, 0..4),
        queries in prop::collection::vec(question(), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(folder.path(), Config { row_group: 32, ..calm() });
        runtime().block_on(async {
            let events: Vec<Event> = sketches.iter().map(drawn).collect();
            for (index, event) in events.iter().enumerate() {
                opened.sink.record(event.clone());
                if seals.contains(&index) {
                    opened.store.seal().await.unwrap();
                }
            }
            opened.store.flush().await.unwrap();
            for query in queries {
                let mut expected: Vec<(usize, &Event)> = events.iter().enumerate().filter(|(_, e)| query.matches(e)).collect();
                expected.sort_by_key(|(index, event)| std::cmp::Reverse((event.at, *index)));
                let expected: Vec<&Event> = expected.into_iter().map(|(_, event)| event).collect();
                let counted = opened.store.count(&query).await.unwrap();
                assert_eq!(counted.events, expected.len() as u64, "{query:?}");
                let found = all(&*opened.store, query.clone()).await;
                let found: Vec<&Event> = found.iter().map(|stored| &stored.event).collect();
                assert_eq!(found, expected, "{query:?}");
            }
        });
    }
}

#[test]
fn times_begin_where_the_tests_say() {
    assert_eq!(at(0).as_millisecond(), START);
}
