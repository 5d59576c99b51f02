//! Broken, newer, older, locked, full, killed: a clear word and nothing half done.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pharos_access::{Target, act};
use pharos_records::{Cases, Checks, Error, Outbox, People, Settings, Verdict};
use pharos_records_sql::{DataLock, Database, LockError, Store};
use pharos_vault::{MasterKey, Vault, read_ring, write_ring};

use crate::world::{HEAD, LEAD, TUTOR, World, at, entry, facts, id, new_case};

/// A database from a newer Pharos is refused before anything is read from it.
pub(crate) async fn a_newer_database_is_refused(world: &World) {
    world
        .raw("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'future', true, '', 0)")
        .await;
    let refused = Store::open(&world.database, world.vault.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(refused, Error::TooNew { found: 99, .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("install the newer Pharos"),
        "{refused}"
    );
}

/// A database left by version 1 is brought up to date with everything in it.
pub(crate) async fn a_database_of_version_one_is_brought_up_to_date(world: &World) {
    world
        .store
        .set_setting(&world.permit(HEAD), "a", Some("kept"), at(1))
        .await
        .unwrap();
    world
        .raw("DROP TABLE report; DROP INDEX case_due; ALTER TABLE outbox DROP COLUMN problem; DELETE FROM _sqlx_migrations WHERE version = 2;")
        .await;
    let store = Store::open(&world.database, world.vault.clone())
        .await
        .unwrap();
    assert_eq!(store.setting("a").await.unwrap().unwrap().value, "kept");
    assert_eq!(store.reports(&world.permit(HEAD)).await.unwrap(), []);
    assert_eq!(store.queue().await.unwrap().waiting, 0);
    assert!(matches!(
        pharos_records::Audit::verify_ledger(&store).await.unwrap(),
        Verdict::Whole(_)
    ));
    store.close().await;
}

/// The file that version 1 wrote, kept as SQL text, opens. Fails when a published migration is
/// edited, because its checksum is in the file.
#[tokio::test]
async fn a_file_of_version_one_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(include_str!("../fixtures/v1.sql"))
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let store = Store::open(&Database::Sqlite(path), Vault::fresh().unwrap())
        .await
        .unwrap();
    let pupil = store.person(id(8)).await.unwrap().unwrap();
    assert_eq!(pupil.full_name(), "Tamsin Okafor-Lyle");
    store.close().await;
}

/// A damaged or foreign file gives a sentence that says what to do, and stays as it was.
#[tokio::test]
async fn a_broken_database_file_is_named_and_left_alone() {
    let world = World::sqlite().await;
    world.store.close().await;
    let Database::Sqlite(path) = &world.database else {
        unreachable!()
    };
    let mut bytes = fs::read(path).unwrap();
    for (name, damage) in [("foreign", 0), ("torn", 4096)] {
        bytes[damage..damage + 2000].fill(0x5a);
        let broken = world.folder.path().join(name);
        fs::write(&broken, &bytes).unwrap();
        let database = Database::Sqlite(broken.clone());
        let refused = match Store::open(&database, world.vault.clone()).await {
            Ok(store) => store
                .roll()
                .await
                .map(drop)
                .and(store.settings().await.map(drop))
                .unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(refused, Error::Broken { .. }), "{name}: {refused}");
        assert!(refused.to_string().contains("pharos restore"), "{refused}");
        assert_eq!(fs::read(&broken).unwrap(), bytes, "{name} is as it was");
        if name == "foreign" {
            bytes = fs::read(path).unwrap();
        }
    }
}

/// A folder that is not there, a server that is not there.
#[tokio::test]
async fn an_unreachable_database_is_named_without_its_password() {
    for (database, shows) in [
        (
            Database::Sqlite("/nonexistent/records.db".into()),
            "/nonexistent/records.db",
        ),
        (
            Database::Postgres("postgres://pharos:s3cret-word@127.0.0.1:1/x".to_owned()),
            "postgres://127.0.0.1:1/x",
        ),
    ] {
        let refused = Store::open(&database, Vault::fresh().unwrap())
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::Unreachable { .. }), "{refused:?}");
        let said = format!("{refused} {refused:?} {database:?}");
        assert!(
            said.contains(shows) && !said.contains("s3cret-word"),
            "{said}"
        );
    }
}

/// Two servers on one data folder: the second refuses and says which process has it.
#[test]
fn a_second_server_is_refused_and_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = DataLock::take(folder.path(), "serve").unwrap();
    let refused = DataLock::take(folder.path(), "serve").unwrap_err();
    assert!(matches!(refused, LockError::Held { .. }));
    let me = format!("process {}, serve", std::process::id());
    assert!(refused.to_string().contains(&me), "{refused}");
    drop(first);
    DataLock::take(folder.path(), "restore").unwrap();
}

const CHILD: &str = "PHAROS_TEST_CHILD_FOLDER";

/// A folder with database and keys for a child process.
async fn child_folder() -> (World, PathBuf) {
    let world = World::sqlite().await;
    let folder = world.folder.path().to_owned();
    world
        .master
        .to_new_file(&folder.join("master.key"))
        .unwrap();
    write_ring(&folder.join("keys"), &world.vault, &world.master).unwrap();
    world.store.close().await;
    (world, folder)
}

async fn child_store(folder: &Path) -> Store {
    let master = MasterKey::from_file(&folder.join("master.key")).unwrap();
    let vault = read_ring(&folder.join("keys"), &master).unwrap();
    Store::open(&Database::Sqlite(folder.join("records.db")), vault)
        .await
        .unwrap()
}

fn child(test: &str, folder: &Path, limit: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("trap '' XFSZ; {limit} exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, folder);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// The part of the two tests below that runs in a process of its own; does nothing by itself.
#[tokio::test]
async fn child_writes_until_it_is_stopped() {
    let Ok(folder) = std::env::var(CHILD) else {
        return;
    };
    let store = child_store(Path::new(&folder)).await;
    let rules = std::sync::Arc::<pharos_access::Rules>::default();
    let case = new_case(1, &[]);
    let actor = pharos_access::Actor::system("test");
    let write = rules
        .may::<act::WriteCase>(&actor, Target::Case(&facts(&case)))
        .unwrap();
    for n in 0.. {
        let entries = [entry(n, &"x".repeat(2000))];
        let known = i64::try_from(n).unwrap();
        match store
            .append_entries(&write, known, &entries, &Default::default(), &[], at(2))
            .await
        {
            Ok(count) => println!("\nkept {count}"),
            Err(error) => {
                println!("\nfailed {} {error}", matches!(error, Error::Full { .. }));
                return;
            }
        }
    }
}

/// How many entries the case has after the child, having checked that the chain is whole.
async fn entries_after(world: &World) -> i64 {
    let store = Store::open(&world.database, world.vault.clone())
        .await
        .unwrap();
    assert!(matches!(
        pharos_records::Audit::verify_ledger(&store).await.unwrap(),
        Verdict::Whole(_)
    ));
    let case = new_case(1, &[]);
    let read = world
        .try_permit::<act::ReadCase>(LEAD, Target::Case(&facts(&case)))
        .unwrap();
    let file = store.case(&read, at(9)).await.unwrap().unwrap();
    store.close().await;
    file.case.entries
}

async fn with_a_case(world: &World) {
    let store = Store::open(&world.database, world.vault.clone())
        .await
        .unwrap();
    store
        .open_case(&world.permit(TUTOR), &new_case(1, &[]), &[], &[], at(1))
        .await
        .unwrap();
    store.close().await;
}

/// kill -9 in the middle of case entries: what was acknowledged is there, nothing is half there.
#[tokio::test]
async fn kill_9_loses_no_acknowledged_entry() {
    let (world, folder) = child_folder().await;
    with_a_case(&world).await;
    let mut child = child("faults::child_writes_until_it_is_stopped", &folder, "")
        .spawn()
        .unwrap();
    let mut kept = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(count) = line.unwrap().strip_prefix("kept ") {
            kept = count.parse::<i64>().unwrap();
        }
        if kept >= 40 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(kept >= 40, "the child wrote");
    let there = entries_after(&world).await;
    assert!(there >= kept, "{there} < {kept}");
}

/// A full disk: the act that did not fit is refused in plain words, and those before are whole.
#[tokio::test]
async fn a_full_disk_is_said_and_nothing_is_half_applied() {
    let (world, folder) = child_folder().await;
    with_a_case(&world).await;
    let done = child(
        "faults::child_writes_until_it_is_stopped",
        &folder,
        "ulimit -f 2500;",
    )
    .output()
    .unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let kept = said
        .lines()
        .filter_map(|line| line.strip_prefix("kept "))
        .next_back()
        .unwrap();
    assert!(
        said.contains("failed true no room to write"),
        "{}",
        &said[said.len().saturating_sub(400)..]
    );
    assert_eq!(entries_after(&world).await, kept.parse::<i64>().unwrap());
}
