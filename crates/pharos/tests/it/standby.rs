//! Starting while the records are away (FIL-17): the real binary, dig, curl, and a mail server that
//! only listens.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::support::clients::{curl, dig};
use crate::support::server::{ADA, INES, Server, pharos};
use crate::support::{copy_folder, have, pack, wait_for};

/// Takes every mail and keeps its text.
fn mail_server() -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, said) = (
        listener.local_addr().unwrap().port(),
        Arc::new(Mutex::new(String::new())),
    );
    let into = Arc::clone(&said);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            drop(stream.write_all(b"220 here\r\n"));
            let Ok(reading) = stream.try_clone() else {
                continue;
            };
            let mut in_data = false;
            for line in BufReader::new(reading).lines().map_while(Result::ok) {
                into.lock().unwrap().push_str(&format!("{line}\n"));
                let answer: &[u8] = match (in_data, line.as_str()) {
                    (true, ".") => {
                        in_data = false;
                        b"250 taken\r\n"
                    }
                    (true, _) => continue,
                    (false, "DATA") => {
                        in_data = true;
                        b"354 go on\r\n"
                    }
                    (false, "QUIT") => b"221 bye\r\n",
                    _ => b"250 ok\r\n",
                };
                if stream.write_all(answer).is_err() {
                    break;
                }
            }
        }
    });
    (port, said)
}

/// A data folder whose pack names this mail server.
fn folder(scratch: &Path, port: u16) -> PathBuf {
    let own = scratch.join("pack");
    copy_folder(&pack(), &own);
    let text = std::fs::read_to_string(own.join("school.toml")).unwrap();
    std::fs::write(
        own.join("school.toml"),
        text.replace("127.0.0.1:1025", &format!("127.0.0.1:{port}")),
    )
    .unwrap();
    let data = scratch.join("data");
    pharos(&[
        "init",
        "--sample",
        "--pack",
        own.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ])
    .ended(0);
    data
}

/// Takes the database away: what stands in its place cannot be opened.
fn take_records(data: &Path) {
    for end in ["", "-wal", "-shm"] {
        let path = data.join(format!("records.sqlite{end}"));
        if path.exists() {
            std::fs::rename(&path, data.join(format!("aside{end}"))).unwrap();
        }
    }
    std::fs::create_dir(data.join("records.sqlite")).unwrap();
}

fn give_records_back(data: &Path) {
    std::fs::remove_dir(data.join("records.sqlite")).unwrap();
    for end in ["-wal", "-shm", ""] {
        let aside = data.join(format!("aside{end}"));
        if aside.exists() {
            std::fs::rename(aside, data.join(format!("records.sqlite{end}"))).unwrap();
        }
    }
}

fn blocked(server: &Server, from: &str, name: &str) -> bool {
    dig(server, from, &[name]).out.contains("EDE: 15")
}

/// FIL-17: started without its records, the filter goes on by the last good policy on resolver and
/// proxy, the technical team is told by mail, and service returns unaided when the records do.
#[test]
fn fil_17_a_start_without_records_goes_on_and_returns_unaided() {
    if !have(&["curl", "dig"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let (port, mails) = mail_server();
    let data = folder(scratch.path(), port);
    take_records(&data);
    let server = Server::serve(&data, &[]);
    assert!(
        server
            .complained()
            .contains("standing by: the filter decides by policy version 1"),
        "{}",
        server.complained()
    );
    assert!(blocked(&server, ADA, "weapons.pharos.test"), "a pupil");
    assert!(
        !blocked(&server, INES, "weapons.pharos.test"),
        "a teacher, known without records"
    );
    assert!(
        blocked(&server, "127.0.7.7", "weapons.pharos.test"),
        "nobody knows who"
    );
    wait_for("the mail to the technical team", || {
        let said = mails.lock().unwrap().clone();
        (said.contains("kofi.adeyemi@") && said.contains("cannot reach its records")).then_some(())
    });
    give_records_back(&data);
    wait_for("normal service", || {
        server
            .said()
            .contains("Pharos runs for Harbourmouth School")
            .then_some(())
    });
    assert_eq!(
        curl(&[&server.page("/sign-in")]).status,
        200,
        "the pages are back"
    );
    wait_for("the resolver after its change", || {
        blocked(&server, ADA, "gambling.pharos.test").then_some(())
    });
    wait_for("the mail that all is well", || {
        mails
            .lock()
            .unwrap()
            .contains("has its records again")
            .then_some(())
    });
}

/// FIL-17: with no policy at all to go by a pupil is refused with a plain message on resolver and
/// proxy, staff follow `fil.fail_mode`, and help stays open.
#[test]
fn fil_17_without_any_policy_pupils_are_refused_and_staff_follow_the_setting() {
    if !have(&["curl", "dig"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let (port, _) = mail_server();
    let data = folder(scratch.path(), port);
    take_records(&data);
    std::fs::write(data.join("standby/policy"), b"damaged").unwrap();
    let server = Server::serve(&data, &[]);
    assert!(
        server
            .complained()
            .contains("pupils are blocked, staff reach known-safe sites"),
        "{}",
        server.complained()
    );
    let own = "portal.harbourmouth.sch.example";
    assert!(
        blocked(&server, ADA, own) && blocked(&server, ADA, "example.org"),
        "a pupil"
    );
    assert!(
        !blocked(&server, INES, own),
        "a teacher on the school's own site"
    );
    assert!(blocked(&server, INES, "example.org"), "a teacher elsewhere");
    assert!(!blocked(&server, ADA, "childline.org.uk"), "help");
    let proxy = format!("http://{}", server.proxy);
    let refused = curl(&["--interface", ADA, "-x", &proxy, "http://example.org/"]);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(
        refused.body.contains("no rules to go by"),
        "{}",
        refused.body
    );
    assert!(refused.body.contains("Childline"), "{}", refused.body);
}
