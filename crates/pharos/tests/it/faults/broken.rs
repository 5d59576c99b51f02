//! Broken files, a dead upstream, a second server: refused by name, and nothing harmed.

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use super::{blocked, files, scratch};
use crate::support::clients::dig;
use crate::support::server::{ADA, Server, folder, on, pharos};
use crate::support::{copy_folder, have, pack};

/// CFG-03: a broken pack is refused as a whole; the one in force stays.
#[test]
fn fault_a_broken_pack_changes_nothing() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let _server = Server::serve(&data, &[]);
    let broken = scratch.path().join("pack");
    copy_folder(&pack(), &broken);
    let school = broken.join("school.toml");
    let text = fs::read_to_string(&school).unwrap();
    fs::write(
        &school,
        text.replacen("[fil.categories]", "[fil.categries]", 1),
    )
    .unwrap();
    let version = || {
        on(
            &data,
            &[
                "explain",
                "--json",
                "--url",
                "https://gambling.pharos.test/",
            ],
        )
        .json()["policy_version"]
            .clone()
    };
    let before = version();
    let refused = on(
        &data,
        &[
            "pack",
            "install",
            "--why",
            "a try",
            broken.to_str().unwrap(),
        ],
    );
    assert!(refused.code > 0, "{refused:?}");
    assert!(refused.err.contains("school.toml:"), "{}", refused.err);
    assert_eq!(version(), before);
    assert!(blocked(&data, "https://gambling.pharos.test/"));
}

/// FIL-03, FIL-17: at a start without its sealed list everything is refused, and said so; the
/// publisher's bundle mends it while the server runs.
#[test]
fn fil_03_at_a_start_without_its_sealed_list_everything_is_refused() {
    if !have(&["dig"]) {
        return;
    }
    let scratch = scratch();
    let data = folder(scratch.path());
    let key = pharos_lists::SigningKey::from_seed(&[9; 32]).unwrap();
    let head = pharos_lists::BundleHead {
        owner: "Invented Foundation".to_owned(),
        name: "iwf-test".to_owned(),
        version: 3,
        issued: jiff::Timestamp::now(),
        entries: 0,
    };
    let bundle = scratch.path().join("bundle");
    let bytes = pharos_lists::make_bundle(&head, "sealed-place.example\n", &key);
    fs::write(&bundle, bytes).unwrap();
    let public = scratch.path().join("publisher.key");
    fs::write(&public, hex::encode(key.public())).unwrap();
    let (bundle, public) = (bundle.to_str().unwrap(), public.to_str().unwrap());
    let import = ["lists", "sealed", "import", "--list", "iwf-test"];
    on(
        &data,
        &[&import[..], &["--publisher", public, bundle]].concat(),
    )
    .ended(0);
    fs::remove_file(data.join("lists/sealed/iwf-test.sealed")).unwrap();

    let server = Server::serve(&data, &[]);
    let told = server.complained();
    assert!(
        told.contains("EVERYTHING IS REFUSED") && told.contains("iwf-test"),
        "{told}"
    );
    let asked = |name: &str| dig(&server, "127.0.0.1", &[name, "A"]).out;
    for name in [
        "sealed-place.example",
        "gambling.pharos.test",
        "anything.example",
    ] {
        let answer = asked(name);
        assert!(
            !answer.contains("NOERROR") || answer.contains("ANSWER: 0"),
            "{name}: {answer}"
        );
    }
    on(&data, &[&import[..], &[bundle]].concat()).ended(0);
    assert!(blocked(&data, "https://gambling.pharos.test/"));
    assert!(blocked(&data, "https://sealed-place.example/"));
}

/// FIL-03, FIL-04: a list manifest that another hand has changed, here so that a list and the sealed list
/// that must be there are forgotten, is noticed at the start and told to the technical team; the last good one
/// is in force, and so it is when the manifest was taken away. With both it and its marked copy changed nothing starts.
#[test]
fn fil_04_a_manifest_that_another_hand_has_changed_gives_way_to_the_last_good_one() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let manifest = data.join("lists/manifest.json");
    let good = fs::read(&manifest).unwrap();
    let mut forgetful: serde_json::Value = serde_json::from_slice(&good).unwrap();
    assert!(!forgetful["lists"].as_array().unwrap().is_empty());
    forgetful["lists"] = serde_json::json!([]);
    forgetful["catalogue"] = serde_json::json!(0);
    forgetful["catalogue_sha256"] = serde_json::json!("");
    let harms: [(&str, &dyn Fn()); 2] = [
        ("changed by another hand", &|| {
            fs::write(&manifest, forgetful.to_string()).unwrap();
        }),
        ("was missing", &|| fs::remove_file(&manifest).unwrap()),
    ];
    assert_eq!(notices_waiting(&data), 0);
    for (said, harm) in harms {
        harm();
        // Without jobs, so that notices wait where they can be counted.
        let server = Server::serve(&data, &["--off", "jobs"]);
        let told = server.complained();
        assert!(
            told.contains(said) && told.contains("the last good one is in force"),
            "{told}"
        );
        assert!(blocked(&data, "https://gambling.pharos.test/"), "{said}");
        assert_eq!(fs::read(&manifest).unwrap(), good, "it is written again");
        let team = 2;
        assert_eq!(notices_waiting(&data), team, "{said}: once a day each");
        drop(server);
    }
    fs::write(&manifest, forgetful.to_string()).unwrap();
    fs::write(data.join("lists/manifest.good"), "no longer").unwrap();
    let refused = on(&data, &["lists", "status"]);
    assert!(
        refused.code != 0 && refused.err.contains("restore lists/ from a backup"),
        "{refused:?}"
    );
}

/// How many notices wait to be sent, as `pharos doctor` says.
fn notices_waiting(data: &Path) -> usize {
    let said = on(data, &["doctor"]).out;
    let line = said.lines().find(|line| line.contains("notices: "));
    let number = line.and_then(|line| {
        let (_, rest) = line.split_once("notices: ")?;
        rest.split(' ').next()?.parse().ok()
    });
    number.unwrap_or_else(|| panic!("{said}"))
}

/// FIL-04: garbage is no list; and a compiled catalogue that was damaged on disk is compiled anew.
#[test]
fn fault_a_broken_list_and_a_damaged_catalogue() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let garbage = scratch.path().join("garbage.txt");
    fs::write(&garbage, b"\x00\xff\xfe not\tnames \x07\n***\n").unwrap();
    let refused = on(
        &data,
        &[
            "lists",
            "import",
            "--list",
            "g",
            "--category",
            "gambling",
            garbage.to_str().unwrap(),
        ],
    );
    assert!(
        refused.code > 0 && refused.err.contains("garbage.txt"),
        "{refused:?}"
    );
    let mut damaged = 0;
    for file in files(&data.join("lists")) {
        let bytes = fs::read(&file).unwrap();
        if file
            .extension()
            .is_some_and(|ending| ending == "catalogue" || ending == "bin" || ending == "cat")
            || bytes.len() > 1000 && !bytes.is_ascii()
        {
            let mut bytes = bytes;
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x55;
            fs::write(&file, bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0, "no compiled file found under lists/");
    let ran = on(
        &data,
        &[
            "explain",
            "--user",
            "ada.quill",
            "--url",
            "https://gambling.pharos.test/",
        ],
    );
    assert_eq!(ran.code, 1, "blocked all the same: {ran:?}");
    assert!(
        ran.err.contains("put right at start: lists:"),
        "it says what it mended: {}",
        ran.err
    );
}

/// ACC-10: a OneRoster zip that was cut off, or holds garbage, changes nobody.
#[test]
fn fault_a_broken_oneroster_zip_changes_nobody() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let count = || {
        on(&data, &["people", "list", "--json"])
            .ended(0)
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    let before = count();
    let mut bytes = Vec::new();
    {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(&mut bytes));
        for file in files(&pack().join("people")) {
            zip.start_file(
                file.file_name().unwrap().to_string_lossy(),
                zip::write::SimpleFileOptions::default(),
            )
            .unwrap();
            zip.write_all(&fs::read(&file).unwrap()).unwrap();
        }
        zip.finish().unwrap();
    }
    let import = |bytes: &[u8]| {
        let file = scratch.path().join("roll.zip");
        fs::write(&file, bytes).unwrap();
        on(
            &data,
            &["people", "import", "--json", file.to_str().unwrap()],
        )
    };
    let whole = import(&bytes).ended(0).json();
    assert_eq!(
        whole["unchanged"], before,
        "the whole zip is the roll as it is: {whole}"
    );
    let cut = import(&bytes[..bytes.len() * 2 / 3]).ended(2);
    assert!(cut.err.contains("zip"), "{}", cut.err);
    let mut flipped = bytes.clone();
    for at in (200..flipped.len()).step_by(97) {
        flipped[at] ^= 0xa5;
    }
    assert_eq!(import(&flipped).code, 2);
    assert_eq!(count(), before);
}

/// PRIV-08: a database file that is no database stops the start, says which file, and is not
/// touched.
#[test]
fn fault_a_damaged_database_is_named_and_left_alone() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let file = data.join("records.sqlite");
    let damage: Vec<u8> = b"this is no database".repeat(1000);
    for beside in ["records.sqlite-wal", "records.sqlite-shm"] {
        drop(fs::remove_file(data.join(beside)));
    }
    fs::write(&file, &damage).unwrap();
    let ran = on(
        &data,
        &[
            "serve",
            "--web",
            "127.0.0.1:0",
            "--proxy",
            "127.0.0.1:0",
            "--dns",
            "127.0.0.1:0",
        ],
    )
    .ended(2);
    assert!(ran.err.contains("records.sqlite"), "{}", ran.err);
    assert!(
        ran.err.contains("restore") || ran.err.contains("backup"),
        "what to do: {}",
        ran.err
    );
    assert_eq!(fs::read(&file).unwrap(), damage);
}

/// FIL-16: a school certificate that cannot be read stops the start with the file's name, instead
/// of a proxy that nobody trusts.
#[test]
fn fault_a_broken_certificate_is_named() {
    let scratch = scratch();
    let data = folder(scratch.path());
    for name in ["keys/authority.pem", "keys/authority.key"] {
        let file = data.join(name);
        let good = fs::read(&file).unwrap();
        fs::write(
            &file,
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        let ran = on(
            &data,
            &[
                "serve",
                "--web",
                "127.0.0.1:0",
                "--proxy",
                "127.0.0.1:0",
                "--dns",
                "127.0.0.1:0",
            ],
        )
        .ended(2);
        assert!(ran.err.contains("authority"), "{name}: {}", ran.err);
        assert!(ran.err.contains("backup"), "what to do: {}", ran.err);
        fs::write(&file, good).unwrap();
    }
    fs::remove_file(data.join("keys/authority.pem")).unwrap();
    let ran = on(
        &data,
        &[
            "serve",
            "--web",
            "127.0.0.1:0",
            "--proxy",
            "127.0.0.1:0",
            "--dns",
            "127.0.0.1:0",
        ],
    )
    .ended(2);
    assert!(ran.err.contains("authority.pem"), "{}", ran.err);
}

/// Part 6: with a dead upstream blocks and safe search go on, and the rest fails with the reason.
#[test]
fn fault_a_dead_upstream_stops_no_block() {
    if !have(&["dig"]) {
        return;
    }
    let dead = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = dead.local_addr().unwrap().to_string();
    drop(dead);
    let server = Server::sample_with(&["--dns-upstream", &address]);
    assert!(
        dig(&server, ADA, &["gambling.pharos.test"])
            .out
            .contains("EDE: 15")
    );
    assert!(
        dig(&server, ADA, &["www.google.com"])
            .out
            .contains("forcesafesearch.google.com")
    );
    let said = dig(&server, ADA, &["quiet-library.example"]).out;
    assert!(
        said.contains("SERVFAIL") && (said.contains("EDE: 22") || said.contains("EDE: 23")),
        "{said}"
    );
}

/// Design "Failure": a second server on one data folder refuses, names the first, and harms
/// nothing.
#[test]
fn fault_a_second_server_on_one_folder_is_refused() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let server = Server::serve(&data, &[]);
    let second = on(
        &data,
        &[
            "serve",
            "--web",
            "127.0.0.1:0",
            "--proxy",
            "127.0.0.1:0",
            "--dns",
            "127.0.0.1:0",
        ],
    )
    .ended(2);
    assert!(
        second.err.contains(&format!("process {}", server.pid())),
        "{}",
        second.err
    );
    assert!(
        second.err.contains("stop that one"),
        "what to do: {}",
        second.err
    );
    server.command(&["people", "list"]).ended(0);
    let key = data.join("keys/master.key");
    let restore = pharos(&[
        "restore",
        "/nowhere",
        "--data",
        data.to_str().unwrap(),
        "--master-key",
        key.to_str().unwrap(),
    ]);
    assert_eq!(restore.code, 2, "{restore:?}");
    drop(server);
    let _next = Server::serve(&data, &[]);
}
