//! A full disk.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use super::scratch;
use crate::support::clients::{Session, curl, dig};
use crate::support::server::{ADA, Server, folder, on};
use crate::support::{find, have, left_out, wait_for};

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

/// FIL-17: where the system gives a process few open files at first, the server takes as many as it
/// may: clients that hold more connections than it was given stop nobody's answer.
#[test]
fn fil_17_few_open_files_at_first_stop_no_answer() {
    if !have(&["curl", "dig"]) {
        return;
    }
    const AT_FIRST: usize = 128;
    let scratch = scratch();
    let data = folder(scratch.path());
    let few = |command: &mut Command| {
        let mut shell = Command::new("sh");
        let limited = format!("ulimit -S -n {AT_FIRST}; exec \"$0\" \"$@\"");
        shell.args(["-c", &limited]).arg(command.get_program());
        shell.args(command.get_args()).stdin(Stdio::null());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        *command = shell;
    };
    let arguments = ["serve", "--data", data.to_str().unwrap()];
    let server = Server::start_by(&data, &arguments, few);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[3], words[4], "{limits}");
    let begins = b"GET http://gambling.pharos.test/ HTTP/1.1\r\nHost: gam";
    let held: Vec<TcpStream> = (0..3 * AT_FIRST)
        .map(|_| {
            let mut stream = TcpStream::connect(server.proxy).unwrap();
            stream.write_all(begins).unwrap();
            stream
        })
        .collect();
    let proxy = format!("http://{}", server.proxy);
    let page = curl(&[
        "--interface",
        ADA,
        "-x",
        &proxy,
        "http://gambling.pharos.test/",
    ]);
    assert_eq!(page.status, 403, "{page:?}");
    let looked = dig(&server, ADA, &["+tcp", "gambling.pharos.test"]).out;
    assert!(looked.contains("EDE: 15"), "{looked}");
    drop(held);
}
