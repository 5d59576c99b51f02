//! The proxy with curl: HTTP, HTTPS, sign-in, errors, PAC.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use pharos_testkit::origin::{Origin, Reply, TestCa, Validity};

use crate::support::clients::{Fetched, curl};
use crate::support::have;
use crate::support::server::{ADA, INES, PASSWORD, Server};

const TOOLS: &[&str] = &["curl"];

fn through(server: &Server, from: &str, more: &[&str]) -> Fetched {
    let proxy = format!("http://{}", server.proxy);
    let mut arguments = vec!["--interface", from, "-x", &proxy];
    arguments.extend(more);
    curl(&arguments)
}

/// FIL-01, FIL-14: the block page over HTTP says what, why, a reference, and what can be done; its
/// links carry neither the address nor a name.
#[test]
fn fil_14_the_block_page_over_http() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    let page = through(&server, ADA, &["http://gambling.pharos.test/"]);
    assert_eq!(page.status, 403, "{page:?}");
    assert!(page.kind.starts_with("text/html"));
    assert!(
        page.body.contains("gambling.pharos.test") && page.body.contains("Reference"),
        "{}",
        page.body
    );
    let links: Vec<&str> = page
        .body
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let own = format!("http://{}/blocked/", server.web);
    assert!(
        links
            .iter()
            .any(|link| link.starts_with(&own) && link.ends_with("/ask")),
        "{links:?}"
    );
    assert!(
        links
            .iter()
            .any(|link| link.starts_with(&own) && link.ends_with("/report")),
        "{links:?}"
    );
    assert!(
        links
            .iter()
            .all(|link| !link.contains("gambling") && !link.contains("ada")),
        "{links:?}"
    );
}

/// FIL-14: the links of a block page work for a device whose browser sends everything through the
/// proxy, although the pages stand on a private address; no other private address is reached so.
#[test]
fn fil_14_the_links_of_a_block_page_work_through_the_proxy() {
    if !have(TOOLS) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    let folder = data.to_str().unwrap();
    let pack = crate::support::pack();
    let init = [
        "init",
        "--sample",
        "--pack",
        pack.to_str().unwrap(),
        "--data",
        folder,
    ];
    crate::support::server::pharos(&init).ended(0);
    let server = Server::serve(&data, &[]);
    let page = through(&server, ADA, &["http://gambling.pharos.test/"]);
    let ask = page
        .body
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|link| link.ends_with("/ask"))
        .unwrap();
    let asked = through(&server, ADA, &[ask]);
    assert!([200, 303].contains(&asked.status), "{asked:?}");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("http://{}/", other.local_addr().unwrap());
    let refused = through(&server, INES, &[&elsewhere]);
    assert!([403, 502].contains(&refused.status), "{refused:?}");
    let pac = curl(&[&format!("http://{}/proxy.pac", server.proxy)]);
    assert!(pac.body.contains("host === \"127.0.0.1\""), "{pac:?}");
}

/// FIL-14: the words fit the reader's age.
#[test]
fn fil_14_the_words_fit_the_reader() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    let title = |from| {
        let page = through(&server, from, &["http://gambling.pharos.test/"]);
        assert_eq!(page.status, 403, "{page:?}");
        page.body
            .split("<h1>")
            .nth(1)
            .unwrap()
            .split("</h1>")
            .next()
            .unwrap()
            .to_owned()
    };
    assert_ne!(
        title("127.0.1.1"),
        title("127.0.1.12"),
        "early years and the sixth form"
    );
}

/// FIL-01: HTTPS is blocked with a page as well, signed by the school's own authority, which the
/// proxy hands out itself.
#[test]
fn fil_01_the_block_page_over_https() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    let handed_out = curl(&[&format!("http://{}/ca.pem", server.proxy)]);
    assert_eq!(handed_out.status, 200, "{handed_out:?}");
    assert_eq!(
        handed_out.body.trim(),
        std::fs::read_to_string(server.data.join("keys/authority.pem"))
            .unwrap()
            .trim()
    );
    let authority = server.data.join("keys/authority.pem");
    let page = through(
        &server,
        ADA,
        &[
            "--cacert",
            authority.to_str().unwrap(),
            "https://gambling.pharos.test/deep?q=1",
        ],
    );
    assert_eq!((page.connect, page.status), (200, 403), "{page:?}");
    assert!(page.body.contains("gambling.pharos.test"), "{}", page.body);
    let stranger = through(&server, ADA, &["https://gambling.pharos.test/"]);
    assert_eq!(
        stranger.exit, 60,
        "without the authority curl trusts nothing: {stranger:?}"
    );
}

/// FIL-16: what is allowed and inspected passes both ways; the origin's certificate is checked
/// before one is made for the client.
#[test]
fn fil_16_an_allowed_site_passes_and_its_certificate_is_checked() {
    if !have(TOOLS) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let ca = TestCa::new();
    let say = |_: &pharos_testkit::origin::Asked| Reply::page("the tide tables");
    let good = runtime.block_on(Origin::https(
        ca.server(&["tides.example"], Validity::Now),
        say,
    ));
    let old = runtime.block_on(Origin::https(
        ca.server(&["old-tides.example"], Validity::Expired),
        say,
    ));
    let plain = runtime.block_on(Origin::http(say));
    let scratch = tempfile::tempdir().unwrap();
    let trust = scratch.path().join("origins.pem");
    std::fs::write(&trust, ca.pem()).unwrap();
    let fix = [
        format!("tides.example={}", good.address()),
        format!("old-tides.example={}", old.address()),
        format!("plain-tides.example={}", plain.address()),
    ];
    let server = Server::sample_with(&[
        "--allow-private-origins",
        "--trust",
        trust.to_str().unwrap(),
        "--fix",
        &fix[0],
        "--fix",
        &fix[1],
        "--fix",
        &fix[2],
    ]);
    let authority = server.data.join("keys/authority.pem");
    let https = |url: &str| {
        through(
            &server,
            INES,
            &["--cacert", authority.to_str().unwrap(), url],
        )
    };
    let page = https("https://tides.example/today");
    assert_eq!(
        (page.status, page.body.as_str()),
        (200, "the tide tables"),
        "{page:?}"
    );
    assert_eq!(good.asked().last().unwrap().target(), "/today");
    let page = https("https://old-tides.example/");
    assert_eq!(page.status, 502, "{page:?}");
    assert!(page.body.contains("certificate"), "{}", page.body);
    assert_eq!(
        old.asked().len(),
        0,
        "nothing was sent to a site that cannot prove itself"
    );
    let page = through(&server, INES, &["http://plain-tides.example/"]);
    assert_eq!(
        (page.status, page.body.as_str()),
        (200, "the tide tables"),
        "{page:?}"
    );
}

/// MON-02: a name and password given to the proxy count; wrong ones do not.
#[test]
fn mon_02_sign_in_at_the_proxy() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    let from = "127.0.7.21";
    let nobody = through(&server, from, &["http://weapons.pharos.test/"]);
    assert_eq!(
        nobody.status, 403,
        "nobody known: the strictest rules: {nobody:?}"
    );
    let teacher = through(
        &server,
        from,
        &[
            "-U",
            &format!("ines.castellano:{PASSWORD}"),
            "http://weapons.pharos.test/",
        ],
    );
    assert_ne!(teacher.status, 403, "a teacher: {teacher:?}");
    let pupil = through(
        &server,
        from,
        &[
            "-U",
            &format!("ada.quill:{PASSWORD}"),
            "http://weapons.pharos.test/",
        ],
    );
    assert_eq!(pupil.status, 403, "{pupil:?}");
    let wrong = through(
        &server,
        from,
        &[
            "-U",
            "ines.castellano:guess-work-here",
            "http://weapons.pharos.test/",
        ],
    );
    assert!(matches!(wrong.status, 403 | 407), "{wrong:?}");
}

/// ACC-11: wrong passwords at one device make that device wait, and nobody at another.
#[test]
fn acc_11_wrong_passwords_at_one_device_stop_nobody_else() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    let ask = |from: &str, name: &str, password: &str| {
        let user = format!("{name}:{password}");
        through(&server, from, &["-U", &user, "http://weapons.pharos.test/"])
    };
    let at = "127.0.7.22";
    for n in 0..5 {
        let wrong = ask(at, &format!("nobody.{n}"), "guess-work-here");
        assert_eq!(wrong.status, 407, "{wrong:?}");
    }
    let waits = ask(at, "owen.pryce", PASSWORD);
    assert_eq!(waits.status, 429, "the device waits: {waits:?}");
    assert!(waits.body.contains("wait"), "{}", waits.body);
    let other = ask("127.0.7.23", "owen.pryce", PASSWORD);
    assert!(
        !matches!(other.status, 403 | 407 | 429),
        "a teacher at another device: {other:?}"
    );
}

/// FIL-17: what cannot be understood or reached gets a clear answer.
#[test]
fn fil_17_errors_are_clear_answers() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::sample_with(&[
        "--allow-private-origins",
        "--fix",
        "gone.example=127.0.0.1:1",
    ]);
    let dead = through(&server, INES, &["http://gone.example/"]);
    assert_eq!(dead.status, 502, "{dead:?}");
    assert!(dead.body.contains("gone.example"), "{}", dead.body);
    let huge = format!("X-Huge: {}", "a".repeat(90_000));
    let huge = through(&server, INES, &["-H", &huge, "http://gone.example/"]);
    assert!((400..500).contains(&huge.status), "{huge:?}");
    for (garbage, status) in [
        ("GARBAGE\r\n\r\n", "400"),
        (
            "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "400",
        ),
    ] {
        let mut stream = TcpStream::connect(server.proxy).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream.write_all(garbage.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert_eq!(said.split(' ').nth(1), Some(status), "{garbage:?}: {said}");
    }
}

/// Part 7: the PAC file names this proxy and has no way past it.
#[test]
fn part_7_the_pac_file_names_the_proxy() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    for path in ["/proxy.pac", "/wpad.dat"] {
        let pac = curl(&[&format!("http://{}{path}", server.proxy)]);
        assert_eq!(pac.status, 200, "{pac:?}");
        assert!(
            pac.kind.starts_with("application/x-ns-proxy-autoconfig"),
            "{}",
            pac.kind
        );
        assert!(
            pac.body
                .contains(&format!("return \"PROXY {}\"", server.proxy)),
            "{}",
            pac.body
        );
    }
}
