//! Commands, on a stopped data folder and on a running one: what they print and how they end.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::server::{Ran, Server, finish, folder, on, pharos};
use crate::support::{copy_folder, have, pack, wait_for};

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// FIL-16, FIL-01: the rules for the router name the pack's networks and further resolvers from a
/// file; a host left alone is not looked into, and what the proxy noticed is asked while it runs.
#[test]
fn fil_16_the_network_around_the_filter_is_told_and_changed() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let rules = on(&data, &["network", "rules", "--dns-port", "53"])
        .ended(0)
        .out;
    for part in [
        "10.20.2.0/23",
        "tcp dport { 80, 443 } redirect to :3129",
        "udp dport 53 redirect to :53",
        "udp dport { 500, 1194, 1701, 4500, 51820 }",
        "tcp dport { 3389, 5900, 5938, 6568 }",
    ] {
        assert!(rules.contains(part), "{part}: {rules}");
    }
    let open = [
        "network",
        "rules",
        "--leave-open",
        "remote-control",
        "--log",
    ];
    let some = on(&data, &open).ended(0).out;
    assert!(!some.contains("3389") && some.contains("51820"), "{some}");
    assert!(some.contains("log prefix \"pharos vpn: "), "{some}");
    let odd = ["network", "rules", "--leave-open", "teleport"];
    assert!(on(&data, &odd).ended(2).err.contains("teleport is no way"));
    assert!(!rules.contains("127.0.1."), "{rules}");
    let more = scratch.path().join("doh.txt");
    fs::write(&more, "192.0.2.53 # a resolver\n\n2001:db8::53\n").unwrap();
    let more = more.to_str().unwrap();
    let told = [
        "network",
        "rules",
        "--tproxy",
        "--subnet",
        "10.9.0.0/16",
        "--doh",
        more,
    ];
    let rules = on(&data, &told).ended(0).out;
    for part in [
        "10.9.0.0/16",
        "tproxy ip to :3129",
        "192.0.2.53",
        "2001:db8::53",
    ] {
        assert!(rules.contains(part), "{part}: {rules}");
    }
    fs::write(more, "not an address\n").unwrap();
    assert!(on(&data, &told).ended(2).err.contains("line 1"));
    let left = on(
        &data,
        &[
            "network",
            "leave-alone",
            "--host",
            "app.example",
            "--days",
            "30",
            "--why",
            "It trusts its own certificate only",
        ],
    );
    assert!(
        left.ended(0)
            .out
            .contains("app.example is not looked into for 30 days")
    );
    let url = "https://app.example/";
    let explained = on(
        &data,
        &["explain", "--json", "--user", "ada.quill", "--url", url],
    );
    assert_eq!(explained.ended(0).json()["inspect"], false);
    let nobody = on(&data, &["network", "proposals"]).ended(2);
    assert!(nobody.err.contains("no proxy is running"), "{}", nobody.err);
    let server = Server::serve(&data, &[]);
    let noticed = on(&data, &["network", "proposals"]).ended(0);
    assert!(
        noticed.out.contains("No host has failed"),
        "{}",
        noticed.out
    );
    drop(server);
}

/// FIL-06: a text is judged as what somebody would read at an address, and the school's own dictionary
/// that blocks it is named.
#[test]
fn fil_06_explain_names_the_schools_own_dictionaries() {
    let scratch = scratch();
    let (own, data) = (scratch.path().join("pack"), scratch.path().join("data"));
    copy_folder(&pack(), &own);
    let written = fs::read_to_string(own.join("school.toml")).unwrap();
    let written = format!("{written}\n[categories]\ncalm-seas = \"Calm seas\"\n");
    fs::write(own.join("school.toml"), written).unwrap();
    fs::create_dir(own.join("dictionaries")).unwrap();
    let calm = "dictionary calm-seas\nversion 1\n\
         threshold early 40, prep 60, secondary 90, sixth 120, adult 180\n95 calm sea\n";
    fs::write(own.join("dictionaries/calm.txt"), calm).unwrap();
    let (own, at) = (own.to_str().unwrap(), data.to_str().unwrap());
    pharos(&["init", "--sample", "--pack", own, "--data", at]).ended(0);
    let page = scratch.path().join("page.html");
    fs::write(&page, "<p>A calm <b>sea</b>").unwrap();
    let url = "https://quiet-library.example/";
    let ask = ["explain", "--user", "ada.quill", "--url", url];
    let plain = on(&data, &ask).ended(0).out;
    let judged = "by the shipped dictionaries and the school's own dictionaries/calm.txt";
    assert!(plain.contains(judged), "{plain}");
    let told = [&ask[..], &["--text", page.to_str().unwrap()]].concat();
    let said = on(&data, &told).ended(1).out;
    for part in [
        "by the rule \"page-text\"",
        "list dictionaries/calm.txt",
        "points by dictionaries/calm.txt; not over without it",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// FIL-11: `explain --json` prints one object of this shape, and the exit status is the answer;
/// the same on a stopped folder and through the server.
#[test]
fn fil_11_explain_says_why_and_ends_with_the_answer() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let check = || {
        let ask = |user: &str, url: &str| {
            on(
                &data,
                &[
                    "explain",
                    "--json",
                    "--user",
                    user,
                    "--url",
                    url,
                    "--at",
                    "2027-11-09T10:15:00Z",
                ],
            )
        };
        let blocked = ask("ada.quill", "https://www.gambling.pharos.test/roulette")
            .ended(1)
            .json();
        assert_eq!(blocked["action"], "block");
        assert_eq!(blocked["user"], "ada.quill");
        assert_eq!(blocked["categories"][0], "gambling");
        assert!(!blocked["rule"].as_str().unwrap().is_empty());
        for key in ["identity", "policy_version", "list_versions"] {
            assert!(!blocked[key].is_null(), "{key}: {blocked}");
        }
        let reason = &blocked["reasons"][0];
        assert!(
            !reason["list"].is_null() && !reason["entry"].is_null(),
            "{reason}"
        );
        let allowed = ask("ines.castellano", "https://quiet-library.example/")
            .ended(0)
            .json();
        assert_eq!(allowed["action"], "allow");
        let unknown = on(
            &data,
            &[
                "explain",
                "--json",
                "--url",
                "https://gambling.pharos.test/",
            ],
        )
        .ended(1)
        .json();
        assert!(unknown["user"].is_null(), "{unknown}");
        let nobody = ask("no.one", "https://quiet-library.example/").ended(2);
        assert!(
            nobody.err.contains("pharos people list"),
            "what to do next: {}",
            nobody.err
        );
        (blocked["rule"].clone(), blocked["policy_version"].clone())
    };
    let stopped = check();
    let _server = Server::serve(&data, &[]);
    assert_eq!(
        check(),
        stopped,
        "through the server the answer is the same"
    );
}

/// FIL-02, Part 4: import, status and roll-back, stopped and running; a list that shrank by more
/// than half is refused and the last good one stays.
#[test]
fn fil_02_lists_come_in_and_go_back() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let file = scratch.path().join("list.txt");
    let file = file.to_str().unwrap();
    let write = |names: &[&str]| fs::write(file, names.join("\n") + "\n").unwrap();
    let blocked =
        |host: &str| on(&data, &["explain", "--user", "ada.quill", "--url", host]).code == 1;
    let import = || {
        on(
            &data,
            &[
                "lists",
                "import",
                "--json",
                "--list",
                "mine",
                "--category",
                "gambling",
                file,
            ],
        )
    };

    write(&[
        "one.dice.example",
        "two.dice.example",
        "three.dice.example",
        "not a name!",
    ]);
    let first = import().ended(0).json();
    assert_eq!(
        (&first["entries"], &first["malformed"]),
        (&3.into(), &1.into()),
        "{first}"
    );
    assert!(blocked("https://www.two.dice.example/"));

    let server = Server::serve(&data, &[]);
    write(&[
        "one.dice.example",
        "two.dice.example",
        "three.dice.example",
        "four.dice.example",
    ]);
    import().ended(0);
    assert!(blocked("https://four.dice.example/"));
    write(&["one.dice.example"]);
    let shrunk = import();
    assert_eq!(shrunk.code, 1, "{shrunk:?}");
    assert!(
        shrunk.err.contains("half") || shrunk.err.contains("--accept-shrink"),
        "{}",
        shrunk.err
    );
    assert!(
        blocked("https://four.dice.example/"),
        "the last good list stays"
    );
    on(&data, &["lists", "roll-back", "mine"]).ended(0);
    assert!(!blocked("https://four.dice.example/"), "as it was before");
    let status = on(&data, &["lists", "status", "--json"]).ended(0).json();
    let mine = status
        .as_array()
        .unwrap()
        .iter()
        .find(|list| list["list"] == "mine")
        .unwrap()
        .clone();
    assert_eq!(mine["entries"], 3, "{mine}");
    drop(server);
    let stopped = on(&data, &["lists", "status", "--json"]).ended(0).json();
    assert!(
        stopped
            .as_array()
            .unwrap()
            .iter()
            .any(|list| list["list"] == "mine" && list["entries"] == 3),
        "{stopped}"
    );
    let missing = on(
        &data,
        &[
            "lists",
            "import",
            "--list",
            "x",
            "--category",
            "gambling",
            "/nowhere/list.txt",
        ],
    );
    assert!(
        missing.code > 0 && missing.err.contains("/nowhere/list.txt"),
        "{missing:?}"
    );
}

/// ACC-10: the roll comes in twice with the same result; a bad line is named by file and line and
/// changes nothing.
#[test]
fn acc_10_the_roll_comes_in_whole_or_not_at_all() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let people = scratch.path().join("people");
    copy_folder(&pack().join("people"), &people);
    let people_path = people.to_str().unwrap().to_owned();
    let again = on(&data, &["people", "import", "--json", &people_path])
        .ended(0)
        .json();
    assert_eq!(
        (&again["joined"], &again["changed"], &again["left"]),
        (&0.into(), &0.into(), &0.into()),
        "{again}"
    );
    let count = || {
        on(&data, &["people", "list", "--json"])
            .ended(0)
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    let before = count();
    assert!(before > 50, "{before}");
    let users = people.join("users.csv");
    let text = fs::read_to_string(&users).unwrap();
    let broken = text
        .replacen("ada.quill", "ada.quill\"", 1)
        .replacen("hm-1002", "", 1);
    fs::write(&users, broken).unwrap();
    let _server = Server::serve(&data, &[]);
    let refused = on(&data, &["people", "import", &people_path]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("users.csv:"), "{}", refused.err);
    assert_eq!(count(), before, "nothing was changed");
}

/// REV-09, SRCH-05: the self-check tries the running faces as each kind of user; without faces it
/// says so.
#[test]
fn srch_05_the_check_tries_the_real_faces() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let stopped = on(&data, &["check"]).ended(2);
    assert!(stopped.err.contains("pharos serve"), "{}", stopped.err);
    let server = Server::serve(&data, &[]);
    let ran = server.command(&["check", "--json"]);
    let result = ran.json();
    assert_eq!(result["failed"], 0, "{result:#}");
    assert!(result["passed"].as_u64().unwrap() > 5, "{result}");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!result["id"].is_null(), "kept as evidence");
}

/// REP-01: the governors' report as PDF, with figures and without names.
#[test]
fn rep_01_the_governors_report_is_a_pdf_without_names() {
    if !have(&["pdftotext"]) {
        return;
    }
    let server = Server::shared();
    let scratch = scratch();
    let file = scratch.path().join("report.pdf");
    server
        .command(&[
            "report",
            "governors",
            "--from",
            &days_ago(360),
            "--to",
            &days_ago(0),
            "--out",
            file.to_str().unwrap(),
        ])
        .ended(0);
    let mut command = Command::new("pdftotext");
    command.args(["-layout", file.to_str().unwrap(), "-"]);
    let text = finish(command).ended(0).out;
    assert!(text.contains("Harbourmouth School"), "{text}");
    for name in ["Quill", "Rahimi", "Arden"] {
        assert!(!text.contains(name), "{name} is in the report:\n{text}");
    }
    let wrong = server
        .command(&[
            "report",
            "governors",
            "--from",
            "last week",
            "--to",
            "2026-12-31",
            "--out",
            file.to_str().unwrap(),
        ])
        .ended(2);
    assert!(
        wrong.err.contains("2026-09-01"),
        "how to write it: {}",
        wrong.err
    );
}

/// AUD-01, PRIV-08: a backup of a running folder opens in a clean one with the key, and only with
/// it; what comes back is what was there, and the audit log verifies.
#[test]
fn priv_08_a_backup_comes_back_whole_and_only_with_the_key() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let server = Server::serve(&data, &[]);
    let file = scratch.path().join("school.backup");
    let file = file.to_str().unwrap();
    server.command(&["backup", file]).ended(0);
    let whole: Ran = server.command(&["audit", "verify", "--json"]).ended(0);
    assert_eq!(whole.json()["result"], "whole");
    let people = server
        .command(&["people", "list", "--json"])
        .ended(0)
        .json();
    drop(server);
    let bytes = fs::read(file).unwrap();
    for secret in ["Okafor", "ada.quill"] {
        assert!(
            !bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes()),
            "{secret} can be read in the backup"
        );
    }

    let clean = scratch.path().join("clean");
    let key = data.join("keys/master.key");
    let other = other_key(scratch.path());
    let wrong = pharos(&[
        "restore",
        file,
        "--data",
        clean.to_str().unwrap(),
        "--master-key",
        other.to_str().unwrap(),
    ]);
    assert!(wrong.code > 0 && wrong.err.contains("key"), "{wrong:?}");
    let clean = scratch.path().join("clean-2");
    pharos(&[
        "restore",
        file,
        "--data",
        clean.to_str().unwrap(),
        "--master-key",
        key.to_str().unwrap(),
    ])
    .ended(0);
    assert_eq!(
        on(&clean, &["people", "list", "--json"]).ended(0).json(),
        people
    );
    on(&clean, &["audit", "verify"]).ended(0);
    on(
        &clean,
        &[
            "explain",
            "--user",
            "ada.quill",
            "--url",
            "https://gambling.pharos.test/",
        ],
    )
    .ended(1);
    let server = Server::serve(&clean, &[]);
    assert_eq!(
        crate::support::clients::Session::sign_in(server.web, "ines.castellano")
            .get("/")
            .unwrap()
            .status,
        200
    );

    let damaged = scratch.path().join("damaged.backup");
    let mut bytes = bytes;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let third = scratch.path().join("clean-3");
    let refused = pharos(&[
        "restore",
        damaged.to_str().unwrap(),
        "--data",
        third.to_str().unwrap(),
        "--master-key",
        key.to_str().unwrap(),
    ]);
    assert!(
        refused.code > 0 && !third.join("records.sqlite").exists(),
        "{refused:?}"
    );
}

/// PRIV-04: without the operator's key the folder does not open, and says what is missing; what is
/// personal cannot be read in the database's file.
#[test]
fn priv_04_without_the_key_nothing_opens() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let key = data.join("keys/master.key");
    let aside = scratch.path().join("master.key");
    fs::rename(&key, &aside).unwrap();
    for command in [
        &["people", "list"][..],
        &["serve"],
        &["backup", "x"],
        &["audit", "verify"],
    ] {
        let ran = on(&data, command);
        assert_eq!(ran.code, 2, "{command:?}: {ran:?}");
        assert!(ran.err.contains("master.key"), "{}", ran.err);
    }
    fs::copy(other_key(scratch.path()), &key).unwrap();
    let wrong = on(&data, &["people", "list"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let ran = finish({
        let mut command = crate::support::server::program();
        fs::remove_file(&key).unwrap();
        command.env(
            "PHAROS_MASTER_KEY",
            fs::read_to_string(&aside).unwrap().trim(),
        );
        command.args(["people", "list", "--data"]).arg(&data);
        command
    });
    assert_eq!(ran.code, 0, "from the environment it opens: {ran:?}");
}

/// A day as commands take it.
fn days_ago(days: i64) -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days))
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .to_string()
}

fn other_key(scratch: &Path) -> std::path::PathBuf {
    let other = scratch.join("other");
    wait_for("a second folder", || {
        (other.exists()
            || pharos(&[
                "init",
                "--pack",
                pack().to_str().unwrap(),
                "--data",
                other.to_str().unwrap(),
            ])
            .code
                == 0)
            .then_some(())
    });
    other.join("keys/master.key")
}

/// Design "Commands": 0 for success, 1 for "the answer is no", 2 for usage and configuration.
#[test]
fn exit_statuses_are_0_1_and_2() {
    let scratch = scratch();
    pharos(&["--version"]).ended(0);
    pharos(&["no-such-command"]).ended(2);
    let nowhere = scratch.path().join("nowhere");
    let missing = on(&nowhere, &["people", "list"]).ended(2);
    assert!(
        missing.err.contains("pharos init"),
        "what to do next: {}",
        missing.err
    );
    pharos(&["pack", "check", pack().to_str().unwrap()]).ended(0);
    pharos(&["pack", "check", nowhere.to_str().unwrap()]).ended(2);
    let data = folder(scratch.path());
    let twice = pharos(&[
        "init",
        "--pack",
        pack().to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ])
    .ended(2);
    assert!(twice.err.contains("already"), "{}", twice.err);
}

/// CFG-03: everything that is wrong in a pack, in one go, with file and line; an unknown key with
/// the nearest known one.
#[test]
fn cfg_03_pack_check_reports_everything_in_one_go() {
    let scratch = scratch();
    let broken = scratch.path().join("pack");
    copy_folder(&pack(), &broken);
    let school = broken.join("school.toml");
    let text = fs::read_to_string(&school).unwrap();
    let line = |part: &str| {
        text.lines()
            .position(|line| line.starts_with(part))
            .unwrap()
            + 1
    };
    let text2 = text
        .replacen("ack_minutes = 30", "ack_minuts = 30", 1)
        .replacen(
            "fail_mode = \"block-pupils\"",
            "fail_mode = \"open-wide\"",
            1,
        );
    assert_ne!(text, text2);
    fs::write(&school, text2).unwrap();
    let policy = broken.join("policy.md");
    let words = fs::read_to_string(&policy).unwrap();
    let words2 = words.replacen("filter.blocks(", "filter.bloks(", 1);
    assert_ne!(words, words2);
    fs::write(&policy, words2).unwrap();
    let ran = pharos(&["pack", "check", broken.to_str().unwrap()]).ended(1);
    let has = |wanted: &str| assert!(ran.out.contains(wanted), "{wanted}:\n{}", ran.out);
    has(&format!("school.toml:{}", line("ack_minutes")));
    has("ack_minutes");
    has(&format!("school.toml:{}", line("fail_mode")));
    has("policy.md:");
    let json = pharos(&["pack", "check", "--json", broken.to_str().unwrap()])
        .ended(1)
        .json();
    assert!(json.as_array().unwrap().len() >= 3, "{json}");
    let init = pharos(&[
        "init",
        "--pack",
        broken.to_str().unwrap(),
        "--data",
        scratch.path().join("d").to_str().unwrap(),
    ]);
    assert!(
        init.code > 0 && !scratch.path().join("d/keys").exists(),
        "a broken pack makes no folder: {init:?}"
    );
}
