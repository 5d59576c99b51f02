//! `pharos try`: ready quickly, everything answering, nothing left behind.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::clients::{Session, curl, dig};
use crate::support::have;
use crate::support::server::{ADA, Server, entries};

/// Part 15: everything answers as soon as it says that it is ready; it says where to click, whom
/// to sign in as, which lines show a block, and that there is no upstream.
#[test]
fn part_15_the_sample_school_is_ready_on_all_faces() {
    if !have(&["curl", "dig"]) {
        return;
    }
    let server = Server::sample();
    println!(
        "pharos try was ready after {:?} (asked for: 3 s)",
        server.took
    );
    assert!(server.took < Duration::from_secs(30), "{:?}", server.took);
    let said = server.said();
    for wanted in [
        "ruth.okafor",
        "ada.quill",
        "mirela.dobre",
        "curl --interface 127.0.1.8",
        "dig @127.0.0.1",
        "gambling.pharos.test",
        "no DNS upstream",
        "lists import",
    ] {
        assert!(said.contains(wanted), "{wanted} is not in:\n{said}");
    }
    let page = curl(&["-L", &server.page("/")]);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("Harbourmouth"), "{}", page.body);
    let blocked = curl(&[
        "--interface",
        ADA,
        "-x",
        &format!("http://{}", server.proxy),
        "http://gambling.pharos.test/",
    ]);
    assert_eq!(blocked.status, 403, "{blocked:?}");
    assert!(
        dig(&server, ADA, &["gambling.pharos.test"])
            .out
            .contains("EDE: 15")
    );
}

/// Part 15: people of the sample week can sign in, and the week is there.
#[test]
fn part_15_a_week_of_life_is_there() {
    let server = Server::shared();
    let lead = Session::sign_in(server.web, "ruth.okafor");
    let inbox = lead.get("/inbox").unwrap();
    assert_eq!(inbox.status, 200);
    assert!(inbox.body.contains("Noor Rahimi"), "{}", inbox.body);
    let cases = lead.get("/cases").unwrap();
    assert_eq!(cases.status, 200);
    assert!(cases.body.contains("/cases/"), "{}", cases.body);
}

/// Part 15: `pharos try --pack` opens every shipped school with its own roll: it says whom of that school
/// to sign in as, and the week's alerts are about its own pupils.
#[test]
fn part_15_every_shipped_school_opens_with_its_own_roll() {
    for (pack, lead, pupils) in [
        ("ashdale-academy", "mina.farrow", ["Rawson", "Ibbotson"]),
        ("larkfield-house", "clara.venn", ["Hale", "Stokes"]),
    ] {
        let folder = crate::support::pack().with_file_name(pack);
        let server = Server::sample_with(&["--pack", folder.to_str().unwrap()]);
        let said = server.said();
        assert!(
            said.contains(lead) && !said.contains("ruth.okafor"),
            "{said}"
        );
        let lead = Session::sign_in(server.web, lead);
        let inbox = lead.get("/inbox").unwrap();
        assert_eq!(inbox.status, 200, "{pack}");
        assert!(
            pupils.iter().any(|pupil| inbox.body.contains(pupil)),
            "{pack}: {}",
            inbox.body
        );
        let cases = lead.get("/cases").unwrap();
        assert!(cases.body.contains("/cases/"), "{pack}: {}", cases.body);
    }
}

/// Part 15: Ctrl-C leaves nothing behind, unless a place for the data was given.
#[test]
fn part_15_ctrl_c_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::start_by(scratch.path(), &["try"], |command| {
        command.env("TMPDIR", scratch.path());
    });
    assert_eq!(
        entries(scratch.path()).len(),
        1,
        "its own folder while it runs"
    );
    let (status, _) = server.end(Signal::SIGINT);
    assert_eq!(status.code(), Some(0));
    assert_eq!(entries(scratch.path()), [""; 0], "nothing is left");

    let data = scratch.path().join("kept");
    let server = Server::start_by(
        &data,
        &["try", "--data", data.to_str().unwrap()],
        |command| {
            command.env("TMPDIR", scratch.path());
        },
    );
    let (status, _) = server.end(Signal::SIGTERM);
    assert_eq!(status.code(), Some(0));
    assert_eq!(entries(scratch.path()), ["kept"]);
    let again = Server::serve(&data, &[]);
    assert!(
        again.complained().is_empty(),
        "a clean end leaves nothing to put right: {}",
        again.complained()
    );
}
