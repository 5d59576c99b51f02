//! The same program on PostgreSQL, by one setting.

use pharos_testkit::postgres::Postgres;

use crate::support::clients::Session;
use crate::support::server::{Server, on, pharos};
use crate::support::{left_out, pack};

/// Part 13: `init --database` is the one setting; then every command does on PostgreSQL what it
/// does on SQLite, a case goes in and comes back, and the audit log verifies.
#[test]
fn part_13_postgresql_by_one_setting() {
    let Some(postgres) = Postgres::start() else {
        left_out("PostgreSQL is not installed");
        return;
    };
    let url = postgres.create("pharos_by_setting").unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let path = data.to_str().unwrap();
    pharos(&[
        "init",
        "--sample",
        "--pack",
        pack().to_str().unwrap(),
        "--data",
        path,
        "--database",
        &url,
    ])
    .ended(0);
    assert!(!data.join("records.sqlite").exists());
    assert!(
        on(&data, &["people", "list", "--json"])
            .ended(0)
            .json()
            .as_array()
            .unwrap()
            .len()
            > 50
    );
    on(
        &data,
        &[
            "explain",
            "--user",
            "ada.quill",
            "--url",
            "https://gambling.pharos.test/",
        ],
    )
    .ended(1);
    let server = Server::serve(&data, &[]);
    server.command(&["check"]).ended(0);
    let teacher = Session::sign_in(server.web, "ines.castellano");
    assert_eq!(teacher.get("/").unwrap().status, 200);
    server.command(&["audit", "verify"]).ended(0);
    let backup = scratch.path().join("backup");
    server
        .command(&["backup", backup.to_str().unwrap()])
        .ended(0);
    drop(server);
    let plain = postgres
        .sql("pharos_by_setting", "SELECT count(*) FROM person")
        .unwrap();
    assert!(plain.parse::<u32>().unwrap() > 50, "{plain}");

    // Into a SQLite file: the backup is of neither engine.
    let clean = scratch.path().join("clean");
    pharos(&[
        "restore",
        backup.to_str().unwrap(),
        "--data",
        clean.to_str().unwrap(),
        "--master-key",
        data.join("keys/master.key").to_str().unwrap(),
    ])
    .ended(0);
    on(&clean, &["audit", "verify"]).ended(0);
    assert!(
        on(&clean, &["people", "list", "--json"])
            .ended(0)
            .json()
            .as_array()
            .unwrap()
            .len()
            > 50
    );
}
