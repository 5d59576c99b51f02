//! The self-check against the running faces, whole and with faults planted in them.

use std::path::{Path, PathBuf};

use hickory_proto::rr::rdata::svcb::{Alpn, EchConfigList, SVCB, SvcParamKey, SvcParamValue};
use hickory_proto::rr::rdata::{A, CNAME, HTTPS};
use hickory_proto::rr::{Name, RData, RecordType};
use pharos_testkit::origin::{Origin, Reply};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::server::{Server, free_port};
use crate::support::upstream::{ADDRESS, Upstream};
use crate::support::{copy_folder, pack};

/// What the world outside says: as large engines have it, an alias of their own; and an HTTPS record
/// that tells how to hide the name and invites to QUIC.
fn outside(name: &str, kind: RecordType) -> Vec<RData> {
    let address = || RData::A(A(ADDRESS));
    match (name, kind) {
        ("www.bing.com", RecordType::A) => {
            let alias = Name::from_ascii("www-www.bing.com.trafficmanager.example.").unwrap();
            vec![RData::CNAME(CNAME(alias)), address()]
        }
        ("crypto.cloudflare.com", RecordType::HTTPS) => {
            let parameters = vec![
                (
                    SvcParamKey::Alpn,
                    SvcParamValue::Alpn(Alpn(vec!["h3".into(), "h2".into()])),
                ),
                (
                    SvcParamKey::EchConfigList,
                    SvcParamValue::EchConfigList(EchConfigList(vec![0, 4, 1, 2, 3, 4])),
                ),
            ];
            vec![RData::HTTPS(HTTPS(SVCB::new(1, Name::root(), parameters)))]
        }
        (_, RecordType::A) => vec![address()],
        _ => Vec::new(),
    }
}

/// A copy of the sample pack with some of its settings written otherwise.
fn pack_with(folder: &Path, changes: &[(&str, &str)]) -> PathBuf {
    let own = folder.join("pack");
    copy_folder(&pack(), &own);
    let file = own.join("school.toml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (before, after) in changes {
        assert!(text.contains(before), "{before}");
        text = text.replacen(before, after, 1);
    }
    std::fs::write(&file, text).unwrap();
    own
}

/// Runs the check.
fn checked(server: &Server) -> (i32, Value) {
    let ran = server.command(&["check", "--json"]);
    (ran.code, ran.json())
}

/// How many events are stored as activity.
fn stored(server: &Server) -> u64 {
    let said = server.command(&["doctor"]).out;
    let line = said.lines().find(|line| line.contains("events stored"));
    let line = line.unwrap_or_else(|| panic!("{said}"));
    let number = line.split("activity: ").nth(1).unwrap_or_default();
    let number = number.split(' ').next().unwrap_or_default();
    number.parse().unwrap_or_else(|_| panic!("{line}"))
}

/// The rows of a kind, by result.
fn rows<'a>(result: &'a Value, kind: &str, name: &str, wanted: &str) -> Vec<&'a Value> {
    let rows = result["results"]["rows"].as_array().unwrap().iter();
    rows.filter(|row| {
        row["kind"] == kind && (name.is_empty() || row["name"] == name) && row["result"] == wanted
    })
    .collect()
}

/// The groups of a row.
fn groups(result: &Value, row: &Value) -> Vec<String> {
    let users = row["users"].as_array().unwrap().iter();
    users
        .map(|user| {
            result["results"]["users"][usize::try_from(user.as_u64().unwrap()).unwrap()]["group"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// SRCH-05, AUD-02, FIL-03, FIL-16: on a filter that keeps its promises everything holds, through every
/// face that is there, though engines have aliases of their own and the world invites to hidden names.
#[test]
fn aud_02_a_whole_filter_passes_through_every_face() {
    let upstream = Upstream::saying(300, outside);
    let at = || format!("127.0.0.1:{}", free_port());
    let (dot, doh) = (at(), at());
    let server = Server::sample_with(&[
        "--dot",
        &dot,
        "--doh",
        &doh,
        "--dns-upstream",
        &upstream.address.to_string(),
    ]);
    let before = stored(&server);
    let (code, result) = checked(&server);
    let failed = rows(&result, "category", "", "failed");
    assert_eq!(
        (code, &result["failed"]),
        (0, &Value::from(0)),
        "{failed:#?}"
    );
    for way in [
        "dns",
        "dns-tcp",
        "dot",
        "doh",
        "doh-device",
        "proxy",
        "connect",
    ] {
        let sealed = rows(&result, "sealed", "", "passed");
        let here: Vec<_> = sealed.iter().filter(|row| row["way"] == way).collect();
        let groups: Vec<String> = here.iter().flat_map(|row| groups(&result, row)).collect();
        assert!(
            groups.iter().any(|group| group == "sixth-form"),
            "{way}: {groups:?}"
        );
        // Through the proxy the filter itself says that the list spoke.
        let proven = here
            .iter()
            .all(|row| row["seen"] == "blocked by the sealed list");
        assert_eq!(proven, matches!(way, "proxy" | "connect"), "{way}");
    }
    let held = rows(&result, "safe-search", "bing", "passed");
    assert!(
        held.iter()
            .any(|row| row["seen"] == "answered with strict.bing.com"),
        "{held:#?}"
    );
    let held = rows(&result, "safe-search", "yandex", "passed");
    assert!(
        held.iter()
            .any(|row| row["seen"] == "answered with 213.180.193.56"),
        "{held:#?}"
    );
    let hints = rows(
        &result,
        "way-round",
        "hidden names and QUIC told of in HTTPS records",
        "passed",
    );
    assert_eq!(hints.len(), 4, "by every way to ask: {hints:#?}");
    let own = rows(
        &result,
        "way-round",
        "discovery of an encrypted resolver",
        "passed",
    );
    assert_eq!(
        own.len(),
        4,
        "the school's own resolver is told of: {own:#?}"
    );
    // The faces told of every way that was tried; none of it is anybody's activity.
    let events = &result["results"]["events"];
    for (face, least) in [("dns", 1_000), ("http", 100), ("https", 10)] {
        let told = events[face].as_u64().unwrap_or(0);
        assert!(told >= least, "{face}: {events}");
    }
    let more = stored(&server).saturating_sub(before);
    assert!(more < 20, "{more} events of the check in activity");
}

/// SRCH-05, AUD-02: a promise of the written policy that the settings break is found, whatever the world
/// says in place of the filter: an engine's own alias is no strict filter, another's 403 no block.
#[test]
fn srch_05_planted_faults_are_found_whatever_the_world_says() {
    let scratch = TempDir::new().unwrap();
    let own = pack_with(
        scratch.path(),
        &[
            ("safe_dns = true", "safe_dns = false"),
            (
                "\"drugs\", \"gambling\", \"gaming\"",
                "\"drugs\", \"gaming\"",
            ),
        ],
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let casino = runtime.block_on(Origin::http(|_| Reply::Page {
        status: "403 Forbidden",
        headers: Vec::new(),
        body: b"Blocked by the school's web filter.".to_vec(),
    }));
    let upstream = Upstream::saying(300, outside);
    let server = Server::sample_with(&[
        "--pack",
        own.to_str().unwrap(),
        "--dns-upstream",
        &upstream.address.to_string(),
        "--allow-private-origins",
        "--fix",
        &format!("gambling.pharos.test={}", casino.address()),
    ]);
    let (code, result) = checked(&server);
    assert_eq!(code, 1);
    for (engine, seen) in [
        (
            "bing",
            "answered with www-www.bing.com.trafficmanager.example, not with strict.bing.com",
        ),
        (
            "google",
            "answered with its own address, not with forcesafesearch.google.com",
        ),
    ] {
        let failed = rows(&result, "safe-search", engine, "failed");
        // One row for all ways that saw the same, or several.
        let mine = failed.iter().filter(|row| row["seen"] == seen);
        let groups: Vec<_> = mine.flat_map(|row| groups(&result, row)).collect();
        assert!(
            groups.iter().any(|group| group == "sixth-form"),
            "{engine}: {groups:?} of {failed:#?}"
        );
    }
    let failed = rows(&result, "category", "gambling", "failed");
    let through = failed.iter().find(|row| row["way"] == "proxy");
    let through = through.unwrap_or_else(|| panic!("{failed:#?}"));
    assert_eq!(
        through["seen"],
        "let through: answered 403 by somebody else"
    );
    assert!(
        !casino.asked().is_empty(),
        "it was the casino that answered"
    );
    assert!(
        rows(&result, "category", "pornography", "failed").is_empty(),
        "what was not touched holds"
    );
}
