//! A trust's floor in the data folder: pinned, signed, only ever newer (FIL-04, FIL-06).

use std::fs;
use std::time::Duration;

use jiff::Timestamp;
use pharos_lists::{
    FetchLimits, Fetching, FloorError, FloorFetched, FloorHead, ListUrl, Lists, ListsError,
    SealedFrom, SigningKey, Trust, UnpackLimits, floor_sha256, sign_text,
};

use crate::publisher::{Does, Publisher};
use crate::{Folder, hours, now};

const TRUST: &str = "Saltmarsh Learning Trust";

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32]).unwrap()
}

/// Two lines that this test reads as a floor.
fn text(version: u64) -> String {
    format!("{TRUST}\n{version}\n")
}

fn issue(version: u64) -> Vec<u8> {
    sign_text(&text(version), &key())
}

fn read(text: &str) -> Result<FloorHead, String> {
    let mut lines = text.lines();
    let trust = lines.next().unwrap_or_default().to_owned();
    let version = lines.next().and_then(|line| line.parse().ok());
    version
        .map(|version| FloorHead { trust, version })
        .ok_or_else(|| "line 2 is no version".to_owned())
}

fn take(lists: &Lists, bytes: &[u8]) -> Result<u64, ListsError> {
    let taken = lists.floor_take(bytes, &read, now());
    taken.map(|taken| taken.version)
}

fn in_force(lists: &Lists) -> Option<u64> {
    Some(lists.floor().unwrap()?.issue?.version)
}

fn joined(folder: &Folder) -> Lists {
    let lists = folder.open();
    assert!(lists.floor_pin(TRUST, key().public()).unwrap());
    lists
}

/// FIL-06: a signed issue is in force, also after a restart, with the text as its trust wrote it.
#[test]
fn fil_06_a_signed_floor_is_in_force() {
    let folder = Folder::new();
    let lists = folder.open();
    assert_eq!(lists.floor().unwrap(), None);
    assert!(matches!(take(&lists, &issue(1)), Err(ListsError::NoTrust)));
    drop(lists);
    let lists = joined(&folder);
    assert_eq!(in_force(&lists), None);
    assert_eq!(take(&lists, &issue(1)).unwrap(), 1);
    drop(lists);
    let held = folder.open().floor().unwrap().unwrap();
    assert_eq!(
        (held.trust.as_str(), held.publisher),
        (TRUST, key().public())
    );
    let issue = held.issue.unwrap();
    assert!(issue.text.starts_with(&text(1)), "{}", issue.text);
    assert_eq!(issue.taken, now());
}

/// FIL-04, FIL-06: another hand's signature, a changed word, an older issue, another trust's and one
/// that does not read are refused, and the last good one stays.
#[test]
fn fil_06_what_the_trust_did_not_issue_is_refused() {
    let folder = Folder::new();
    let lists = joined(&folder);
    take(&lists, &issue(5)).unwrap();
    let other_key = SigningKey::from_seed(&[8; 32]).unwrap();
    let changed = String::from_utf8(issue(6)).unwrap().replace('6', "7");
    let other_trust = sign_text("Other Trust\n9\n", &key());
    let unreadable = sign_text(&format!("{TRUST}\nx\n"), &key());
    let mut cut = issue(6);
    cut.truncate(cut.len() - 20);
    let refused = |bytes: &[u8]| match take(&lists, bytes) {
        Err(ListsError::Floor(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(&sign_text(&text(6), &other_key)),
        FloorError::WrongSignature
    );
    assert!(matches!(
        refused(changed.as_bytes()),
        FloorError::WrongSignature | FloorError::NotSigned
    ));
    assert_eq!(refused(text(6).as_bytes()), FloorError::NotSigned);
    assert!(matches!(
        refused(&cut),
        FloorError::WrongSignature | FloorError::NotSigned
    ));
    assert_eq!(
        refused(&other_trust),
        FloorError::OtherTrust("Other Trust".into())
    );
    assert_eq!(
        refused(&unreadable),
        FloorError::Wrong("line 2 is no version".into())
    );
    for offered in [4, 5] {
        let why = FloorError::NotNewer { offered, held: 5 };
        assert_eq!(refused(&issue(offered)), why);
    }
    assert_eq!(refused(&vec![b'x'; 2 << 20]), FloorError::TooLarge);
    assert_eq!(in_force(&lists), Some(5));
    assert_eq!(take(&lists, &issue(6)).unwrap(), 6);
}

/// FIL-06: the key is pinned: another trust or key is refused until the school has left the first.
#[test]
fn fil_06_the_trusts_key_is_pinned() {
    let folder = Folder::new();
    let lists = joined(&folder);
    assert!(
        !lists.floor_pin(TRUST, key().public()).unwrap(),
        "repeating changes nothing"
    );
    for (trust, key) in [(TRUST, [1; 32]), ("Other Trust", key().public())] {
        let error = lists.floor_pin(trust, key);
        assert!(matches!(error, Err(ListsError::FloorThere(there)) if there == TRUST));
    }
    take(&lists, &issue(3)).unwrap();
    assert!(lists.floor_leave().unwrap());
    assert!(!lists.floor_leave().unwrap());
    assert_eq!(lists.floor().unwrap(), None);
    assert!(lists.floor_pin("Other Trust", [1; 32]).unwrap());
}

/// FIL-06: a floor that is taken away, changed or put back to an older issue is an error, never no
/// floor; the issue that was in force may come once more.
#[test]
fn fil_06_a_floor_taken_away_is_an_error() {
    let folder = Folder::new();
    let lists = joined(&folder);
    take(&lists, &issue(1)).unwrap();
    take(&lists, &issue(2)).unwrap();
    let file = |version: u64| folder.lists_dir().join(format!("floor/{version}.toml"));
    let gone = |lists: &Lists| matches!(lists.floor(), Err(ListsError::FloorGone(trust)) if trust == TRUST);
    fs::copy(file(1), file(2)).unwrap();
    assert!(gone(&lists), "an older issue in its place");
    fs::write(file(2), text(2)).unwrap();
    assert!(gone(&lists), "without its signature");
    fs::remove_dir_all(folder.lists_dir().join("floor")).unwrap();
    assert!(gone(&lists) && gone(&folder.open()), "taken away");
    let error = take(&lists, &issue(1));
    assert!(matches!(
        error,
        Err(ListsError::Floor(FloorError::NotNewer { .. }))
    ));
    let again = lists.floor_take(&issue(2), &read, now()).unwrap();
    assert_eq!((again.version, again.again), (2, true));
    assert_eq!(in_force(&lists), Some(2));
    let newer = lists.floor_take(&issue(3), &read, now()).unwrap();
    assert_eq!((newer.version, newer.again), (3, false));
}

/// FIL-06: what was in force on a day is kept.
#[test]
fn fil_06_the_floor_of_an_earlier_day_is_kept() {
    let folder = Folder::new();
    let lists = joined(&folder);
    let on = |day: i64| now() + hours(24 * day);
    for (version, day) in [(1, 0), (2, 10)] {
        lists.floor_take(&issue(version), &read, on(day)).unwrap();
    }
    let then = |at: Timestamp| {
        lists
            .floor_at(at)
            .unwrap()
            .unwrap()
            .issue
            .map(|issue| issue.version)
    };
    assert_eq!(then(on(-1)), None);
    assert_eq!(then(on(5)), Some(1));
    assert_eq!(then(on(10)), Some(2));
}

/// FIL-04: a newer issue is in force after the next fetch; what is not the trust's changes nothing and
/// is told; the same issue again is nothing new.
#[test]
fn fil_04_a_newer_floor_is_in_force_after_the_next_fetch() {
    let (folder, trust) = (Folder::new(), Publisher::start());
    let lists = joined(&folder);
    let from = SealedFrom::Url(ListUrl::parse(&trust.url("/floor.toml"), false).unwrap());
    let fetch = |at: Timestamp| {
        let fetching = Fetching {
            trust: Trust::of(rustls::RootCertStore::empty()).unwrap(),
            limits: FetchLimits {
                bytes_max: 1 << 20,
                silence: Duration::from_millis(300),
                ..FetchLimits::default()
            },
            unpack: UnpackLimits::default(),
        };
        lists.fetch_floor((&from, hours(24)), &fetching, &read, (at, 0))
    };
    trust.does("/floor.toml", Does::Serves(issue(1), "\"1\""));
    assert!(lists.floor_fetch_due(&from, now()));
    assert_eq!(fetch(now()).unwrap(), FloorFetched::Taken(1));
    assert!(!lists.floor_fetch_due(&from, now() + hours(23)));
    assert!(lists.floor_fetch_due(&from, now() + hours(24)));
    assert_eq!(fetch(now() + hours(24)).unwrap(), FloorFetched::AsItWas);
    trust.does("/floor.toml", Does::Serves(text(2).into_bytes(), "\"2\""));
    assert!(fetch(now() + hours(48)).is_err());
    let status = lists.floor_fetch_status().unwrap();
    assert!(status.trouble.unwrap().contains("no signature"));
    assert_eq!(in_force(&lists), Some(1));
    trust.does("/floor.toml", Does::Serves(issue(2), "\"3\""));
    assert_eq!(fetch(now() + hours(72)).unwrap(), FloorFetched::Taken(2));
    assert_eq!(lists.fetch_status(), [], "it is no list");
}

/// FIL-04, FIL-06: an issue of the version that is held, with another content, is no "as it was": the
/// fetch fails and says so, and the issue that is held stays.
#[test]
fn fil_04_an_issue_changed_without_a_new_version_is_trouble() {
    let folder = Folder::new();
    let lists = joined(&folder);
    take(&lists, &issue(1)).unwrap();
    let changed = sign_text(&format!("{TRUST}\n1\nand more\n"), &key());
    let why = match take(&lists, &changed) {
        Err(ListsError::Floor(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why, FloorError::SameVersion(1));
    let file = folder.file("floor.toml", "");
    fs::write(&file, &changed).unwrap();
    let from = SealedFrom::File(file);
    let fetching = Fetching {
        trust: Trust::of(rustls::RootCertStore::empty()).unwrap(),
        limits: FetchLimits::default(),
        unpack: UnpackLimits::default(),
    };
    let fetched = lists.fetch_floor((&from, hours(24)), &fetching, &read, (now(), 0));
    assert!(fetched.is_err(), "{fetched:?}");
    let trouble = lists.floor_fetch_status().unwrap().trouble.unwrap();
    assert!(trouble.contains("raise the version"), "{trouble}");
    let held = lists.floor().unwrap().unwrap().issue.unwrap();
    assert_eq!(held.sha256, floor_sha256(&issue(1)));
}

/// REQ-04: an issue counts as unknown to the change log until it was noted there, over a restart too.
#[test]
fn req_04_an_issue_is_untold_until_it_is_noted() {
    let folder = Folder::new();
    let lists = joined(&folder);
    take(&lists, &issue(1)).unwrap();
    take(&lists, &issue(2)).unwrap();
    drop(lists);
    let lists = folder.open();
    let untold = |lists: &Lists| -> Vec<u64> {
        let untold = lists.floor_untold().into_iter();
        untold.map(|(version, _)| version).collect()
    };
    assert_eq!(untold(&lists), [1, 2]);
    lists.floor_told(2).unwrap();
    lists.floor_told(9).unwrap();
    assert_eq!(untold(&lists), [1]);
    lists.floor_told(1).unwrap();
    drop(lists);
    assert_eq!(untold(&folder.open()), [0; 0]);
    assert_eq!(in_force(&folder.open()), Some(2));
}
