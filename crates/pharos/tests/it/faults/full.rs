//! A full disk.

use std::fs;
use std::io::Write;
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
