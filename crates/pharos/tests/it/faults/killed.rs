//! kill -9 at bad moments: nothing acknowledged is lost, nothing is half there.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{blocked, files, scratch};
use crate::support::clients::{Session, curl};
use crate::support::server::{ADA, Server, folder, on, program};
use crate::support::{copy_folder, have, pack, wait_for};

/// AUD-01, CON-06, design "Failure": killed while the lead writes entries into a case, again and
/// again: every entry that was acknowledged is there, none is half there, the audit log verifies,
/// and the next start says that it was cut off.
#[test]
fn fault_kill_9_in_a_case_entry_loses_nothing_acknowledged() {
    let scratch = scratch();
    let data = scratch.path().join("data");
    let first = Server::start(&data, &["try", "--data", data.to_str().unwrap()]);
    let mut session = Session::sign_in(first.web, "ruth.okafor");
    let case = open_case(&session);
    drop(first);
    let mut kept: Vec<String> = Vec::new();
    for round in 0..3 {
        let server = Server::serve(&data, &[]);
        assert!(
            server.complained().contains("cut off"),
            "the last one was killed: {}",
            server.complained()
        );
        session = session.at(server.web);
        let (writing, path) = (session.clone(), case.clone());
        let writer = std::thread::spawn(move || write_until_gone(&writing, &path, round));
        let before = entries(&session, &case);
        wait_for("some entries", || {
            (entries(&session, &case) > before + 3).then_some(())
        });
        kill_9(&server);
        kept.extend(writer.join().unwrap());
        drop(server);
    }
    let server = Server::serve(&data, &[]);
    session = session.at(server.web);
    let page = session.get(&case).unwrap().body;
    assert!(kept.len() > 9, "{}", kept.len());
    for note in &kept {
        assert!(
            page.contains(note.as_str()),
            "{note} was acknowledged and is gone"
        );
    }
    server.command(&["audit", "verify"]).ended(0);
}

/// Adds notes one after the other; gives those that were acknowledged.
fn write_until_gone(session: &Session, case: &str, round: usize) -> Vec<String> {
    let form = format!("{case}/do/note");
    let mut kept = Vec::new();
    for number in 0.. {
        let Ok(page) = session.get(&form) else {
            return kept;
        };
        let Some(known) = page
            .body
            .split("name=\"known\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
        else {
            return kept;
        };
        let text = format!("Entry {round}-{number} of the writer.");
        match session.post(&form, &[("known", known), ("text", &text)]) {
            Ok(answer) if answer.status == 303 => kept.push(text),
            Ok(_) => {}
            Err(_) => return kept,
        }
    }
    kept
}

fn entries(session: &Session, case: &str) -> usize {
    session
        .get(&format!("{case}/do/note"))
        .ok()
        .and_then(|page| {
            page.body
                .split("name=\"known\" value=\"")
                .nth(1)?
                .split('"')
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

/// The address of a case that is not closed.
fn open_case(session: &Session) -> String {
    let inbox = session.get("/inbox").unwrap().body;
    let concerns = inbox
        .split("Concerns, by clock")
        .nth(1)
        .unwrap_or_else(|| panic!("no concerns in:\n{inbox}"));
    let id = concerns
        .split("href=\"/cases/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    format!("/cases/{id}")
}

fn kill_9(server: &Server) {
    kill(
        Pid::from_raw(i32::try_from(server.pid()).unwrap()),
        Signal::SIGKILL,
    )
    .unwrap();
}

/// FIL-04: killed while a large list is swapped in: afterwards the old version is in force or the
/// new one, whole, and never neither.
#[test]
fn fault_kill_9_in_a_list_swap_leaves_one_whole_version() {
    let scratch = scratch();
    let data = folder(scratch.path());
    let list = scratch.path().join("list.txt");
    let write = |names: usize, version: usize| {
        let mut text = String::new();
        for number in 0..names {
            text.push_str(&format!("v{version}-{number}.swap.example\n"));
        }
        text.push_str("always.swap.example\n");
        fs::write(&list, text).unwrap();
    };
    write(1000, 0);
    let import = [
        "lists",
        "import",
        "--list",
        "swap",
        "--category",
        "gambling",
        list.to_str().unwrap(),
    ];
    on(&data, &import).ended(0);
    let mut in_force = 0;
    for version in 1..=4 {
        let server = Server::serve(&data, &[]);
        write(150_000, version);
        let before = files(&data.join("lists")).len();
        let (typed, place) = (import.map(str::to_owned), data.clone());
        let typing = std::thread::spawn(move || {
            on(
                &place,
                &typed.iter().map(String::as_str).collect::<Vec<_>>(),
            )
        });
        // At another point each time: as soon as the first, second … new file appears.
        wait_for("the import to be under way", || {
            (files(&data.join("lists")).len() >= before + version.min(2) || typing.is_finished())
                .then_some(())
        });
        kill_9(&server);
        let acknowledged = typing.join().unwrap().code == 0;
        drop(server);
        assert!(
            blocked(&data, "https://always.swap.example/"),
            "in every version"
        );
        let new = blocked(&data, &format!("https://v{version}-0.swap.example/"));
        let whole_new = blocked(&data, &format!("https://v{version}-149999.swap.example/"));
        let old = blocked(&data, &format!("https://v{in_force}-0.swap.example/"));
        assert_eq!(new, whole_new, "never half of a list");
        assert!(new != old, "the old one or the new one: {new} {old}");
        assert!(new || !acknowledged, "what was acknowledged is in force");
        if new {
            in_force = version;
        }
    }
    on(&data, &["audit", "verify"]).ended(0);
}

/// ACC-10: killed in the middle of an import: everybody came in, or nobody.
#[test]
fn fault_kill_9_in_an_import_brings_in_all_or_nobody() {
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
    let roll = scratch.path().join("people");
    copy_folder(&pack().join("people"), &roll);
    let more = 4000;
    add_pupils(&roll, more);
    let wal = data.join("records.sqlite-wal");
    let size = || fs::metadata(&wal).map_or(0, |file| file.len());
    let mut whole = false;
    for step in 1..=3_u64 {
        let mut command = program();
        command
            .args(["people", "import", "--approve"])
            .arg(&roll)
            .arg("--data")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let start = size();
        wait_for("the import to be under way", || {
            (size() > start + step * 40_000 || child.try_wait().unwrap().is_some()).then_some(())
        });
        drop(child.kill());
        child.wait().unwrap();
        let now = count();
        assert!(
            now == before || now == before + more,
            "{now} people: half an import"
        );
        whole |= now == before + more;
    }
    on(
        &data,
        &["people", "import", "--approve", roll.to_str().unwrap()],
    )
    .ended(0);
    assert_eq!(
        count(),
        before + more,
        "afterwards it goes through (was it killed in time: {})",
        !whole
    );
    on(&data, &["audit", "verify"]).ended(0);
}

fn add_pupils(roll: &Path, more: usize) {
    let template = |file: &str, like: &str| {
        let text = fs::read_to_string(roll.join(file)).unwrap();
        let line = text
            .lines()
            .find(|line| line.contains(like))
            .unwrap_or_else(|| panic!("{like} in {file}"))
            .to_owned();
        (text, line)
    };
    let (mut users, user) = template("users.csv", "ada.quill");
    let id = user.split(',').next().unwrap().to_owned();
    let (mut roles, role) = template("roles.csv", &format!(",{id},"));
    for number in 0..more {
        let new = format!("hm-extra-{number}");
        users.push_str(
            &user
                .replace(&id, &new)
                .replace("ada.quill", &format!("extra.{number}")),
        );
        users.push('\n');
        roles.push_str(&role.replace(&id, &new));
        roles.push('\n');
    }
    fs::write(roll.join("users.csv"), users).unwrap();
    fs::write(roll.join("roles.csv"), roles).unwrap();
}

/// MON-14: killed while events pour in: what the store had counted is there at the next start,
/// which says how many were not yet sealed.
#[test]
fn fault_kill_9_while_events_are_written_keeps_what_was_stored() {
    if !have(&["curl"]) {
        return;
    }
    let scratch = scratch();
    let data = folder(scratch.path());
    let server = Arc::new(Server::serve(&data, &[]));
    let before = events(&data);
    let stop = Arc::new(AtomicBool::new(false));
    let (asking, until) = (Arc::clone(&server), Arc::clone(&stop));
    let hammer = std::thread::spawn(move || {
        while !until.load(Ordering::Relaxed) {
            drop(curl(&[
                "--interface",
                ADA,
                "-x",
                &format!("http://{}", asking.proxy),
                "http://weapons.pharos.test/[1-40]",
            ]));
        }
    });
    let stored = wait_for("a few hundred events", || {
        Some(events(&data)).filter(|now| *now > before + 300)
    });
    kill_9(&server);
    stop.store(true, Ordering::Relaxed);
    hammer.join().unwrap();
    drop(server);
    let next = Server::serve(&data, &[]);
    let said = wait_for("the word of what was found", || {
        Some(next.complained()).filter(|said| said.contains("events found"))
    });
    assert!(said.contains("cut off"), "{said}");
    let after = events(&data);
    assert!(after >= stored, "{after} of {stored} events");
}

/// Events in the store, as the doctor says.
fn events(data: &Path) -> u64 {
    let said = on(data, &["doctor"]).out;
    let line = said
        .lines()
        .find(|line| line.contains("events stored"))
        .unwrap_or_else(|| panic!("{said}"));
    line.split("activity: ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}
