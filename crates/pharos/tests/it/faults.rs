//! What breaks, breaks loudly and loses nothing: broken files, a second server, kill -9, a full disk.

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::clients::{Session, curl, dig};
use crate::support::server::{ADA, Server, folder, on, pharos, program};
use crate::support::{copy_folder, find, have, left_out, pack, wait_for};

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn blocked(data: &Path, url: &str) -> bool {
    match on(data, &["explain", "--user", "ada.quill", "--url", url]) {
        ran if ran.code == 1 => true,
        ran => {
            ran.ended(0);
            false
        }
    }
}

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

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
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

/// Design "Failure", PRO-12: on a full disk the filter keeps answering, nothing is acknowledged that
/// could not be written, and with room again everything goes on.
#[test]
fn fault_a_full_disk_stops_no_answer() {
    if !have(&["curl", "dig"]) {
        return;
    }
    let scratch = scratch();
    let Some(disk) = SmallDisk::mount(&scratch.path().join("disk"), "96m") else {
        left_out("a small disk cannot be mounted here (that needs root)");
        return;
    };
    let data = folder(&disk.place);
    let server = Server::serve(&data, &[]);
    let teacher = Session::sign_in(server.web, "ines.castellano");
    let report = |words: &str| teacher.post("/report", &[("what", words), ("danger", "no")]);
    let room = report("Written while there was room.").unwrap();
    assert!(matches!(room.status, 200 | 303), "{room:?}");
    let filler = disk.place.join("filler");
    fill(&filler);
    for _ in 0..3 {
        let page = curl(&[
            "--interface",
            ADA,
            "-x",
            &format!("http://{}", server.proxy),
            "http://weapons.pharos.test/",
        ]);
        assert_eq!(page.status, 403, "{page:?}");
        assert!(
            dig(&server, ADA, &["gambling.pharos.test"])
                .out
                .contains("EDE: 15")
        );
    }
    let mut refused = false;
    for number in 0..200 {
        fill(&filler);
        let answer = report(&format!(
            "{number}: {}",
            "Written on a full disk. ".repeat(200)
        ))
        .unwrap();
        assert!(
            matches!(answer.status, 200 | 303) || answer.status >= 500,
            "{answer:?}"
        );
        if answer.status >= 500 {
            refused = true;
            assert!(
                answer.body.contains("999")
                    || answer.body.contains("tell")
                    || answer.body.contains("again"),
                "{}",
                answer.body
            );
            break;
        }
    }
    assert!(refused, "it was said that nothing could be written");
    fs::remove_file(&filler).unwrap();
    wait_for("reports to be taken again", || {
        let answer = report("There is room again.").unwrap();
        assert!(
            answer.status == 200 || answer.status == 303 || answer.status >= 500,
            "{answer:?}"
        );
        (answer.status < 500).then_some(())
    });
    assert!(
        dig(&server, ADA, &["gambling.pharos.test"])
            .out
            .contains("EDE: 15")
    );
    server.command(&["audit", "verify"]).ended(0);
    drop(server);
    on(&data, &["audit", "verify"]).ended(0);
}

/// Writes until there is no room.
fn fill(file: &Path) {
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .unwrap();
    for size in [1 << 20, 1 << 12, 64, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// A disk that is soon full; unmounted when dropped.
struct SmallDisk {
    place: std::path::PathBuf,
}

impl SmallDisk {
    fn mount(place: &Path, size: &str) -> Option<Self> {
        find("mount")?;
        fs::create_dir_all(place).unwrap();
        let done = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=0700"),
                "tmpfs",
            ])
            .arg(place)
            .stderr(Stdio::null())
            .status()
            .ok()?;
        done.success().then(|| Self {
            place: place.to_owned(),
        })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that is just ending may still hold a file.
        drop(Command::new("umount").arg("-l").arg(&self.place).status());
    }
}
