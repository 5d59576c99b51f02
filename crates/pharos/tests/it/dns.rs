//! The resolver with the clients that people have: dig and kdig.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hickory_proto::rr::{RData, RecordType, rdata};

use crate::support::browser::{Driver, TOOLS as BROWSER};
use crate::support::clients::{Fetched, curl, dig, kdig};
use crate::support::server::{ADA, INES, Server, folder, free_port, pharos, program};
use crate::support::upstream::{ADDRESS, Upstream};
use crate::support::{copy_folder, have, pack, wait_for};

const TOOLS: &[&str] = &["dig", "kdig"];

/// Part 6, FIL-01: a blocked name, however it is written, leads to the block page with an Extended
/// DNS Error; over UDP and TCP, for dig and for kdig.
#[test]
fn fil_01_a_blocked_name_is_answered_with_the_block_page_and_the_reason() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    for name in ["gambling.pharos.test", "WWW.Gambling.Pharos.TEST."] {
        for way in ["+notcp", "+tcp"] {
            for said in [
                dig(&server, ADA, &[way, name]).out,
                kdig(&server, ADA, &["+edns", way, name]).out,
            ] {
                assert!(
                    said.contains("127.0.0.1"),
                    "the block page's address: {said}"
                );
                assert!(
                    said.contains("Blocked by the school's online safety policy"),
                    "{said}"
                );
            }
        }
    }
}

/// FIL-14, BRE-01, REQ-01: the address that the resolver gives for a blocked name answers with the
/// block page in words for the reader, over HTTP and, with the school's certificate, HTTPS; its
/// links lead to asking and reporting; nothing is passed on.
#[test]
fn fil_14_where_a_blocked_name_leads_there_is_the_block_page() {
    if !have(&["dig", "curl"]) {
        return;
    }
    let server = Server::shared();
    let page_at = server.block_page();
    let told = dig(&server, ADA, &["+short", "gambling.pharos.test"]).out;
    assert_eq!(told.trim(), page_at.ip().to_string());
    let authority = server.data.join("keys/authority.pem");
    let visit = |from: &str, url: &str| {
        // As a device does that believes the resolver, on the port that the sample took.
        let resolved = |port: u16| format!("gambling.pharos.test:{port}:{}", told.trim());
        curl(&[
            "--interface",
            from,
            "--noproxy",
            "*",
            "--cacert",
            authority.to_str().unwrap(),
            "--resolve",
            &resolved(page_at.port()),
            url,
        ])
    };
    let port = page_at.port();
    let plain = format!("http://gambling.pharos.test:{port}/win?today=1");
    let page = visit(ADA, &plain);
    assert_eq!(page.status, 403, "{page:?}");
    assert!(page.body.contains("gambling.pharos.test"), "{}", page.body);
    let link = |end: &str| {
        let links = page.body.split("href=\"").skip(1);
        let mut links = links.filter_map(|rest| rest.split('"').next());
        links.find(|link| link.ends_with(end)).unwrap().to_owned()
    };
    // Asking needs a name: who is not certainly known is sent to sign in first.
    for (end, status) in [("/ask", 303), ("/report", 200)] {
        let form = curl(&["--interface", ADA, &link(end)]);
        assert_eq!(form.status, status, "{form:?}");
    }
    let secure = visit(ADA, &format!("https://gambling.pharos.test:{port}/win"));
    assert_eq!(secure.status, 403, "{secure:?}");
    let youngest = visit("127.0.1.1", &plain);
    let title = |page: &Fetched| page.body.split("<h1>").nth(1).unwrap()[..20].to_owned();
    assert_ne!(title(&page), title(&youngest), "words for the age");
    let icon = curl(&[
        "--interface",
        ADA,
        "--noproxy",
        "*",
        "-H",
        "Accept: image/*",
        "-H",
        "Host: gambling.pharos.test",
        &format!("http://{page_at}/favicon.ico"),
    ]);
    assert_eq!(icon.status, 403, "{icon:?}");
    assert!(!icon.body.contains("<html"), "{}", icon.body);
}

/// FIL-14, FIL-16: a name that is blocked only because it is an alias of a blocked one leads to a block
/// page with the real reason, over HTTP and HTTPS, and not to "try again"; for a teacher who may go
/// where it leads it is answered as it is.
#[test]
fn fil_14_an_alias_of_a_blocked_name_shows_the_real_reason() {
    if !have(&["dig", "curl"]) {
        return;
    }
    let upstream = Upstream::start_with(300, &[("tides.example", "weapons.pharos.test")]);
    let server = Server::sample_with(&["--dns-upstream", &upstream.address.to_string()]);
    let said = dig(&server, INES, &["+short", "tides.example"]).out;
    assert!(said.contains(&ADDRESS.to_string()), "a teacher: {said}");
    let told = dig(&server, ADA, &["+short", "tides.example"]).out;
    let page_at = server.block_page();
    assert_eq!(told.trim(), page_at.ip().to_string());
    let authority = server.data.join("keys/authority.pem");
    for scheme in ["http", "https"] {
        let (port, ip) = (page_at.port(), told.trim());
        let page = curl(&[
            "--interface",
            ADA,
            "--noproxy",
            "*",
            "--cacert",
            authority.to_str().unwrap(),
            "--resolve",
            &format!("tides.example:{port}:{ip}"),
            &format!("{scheme}://tides.example:{port}/today"),
        ]);
        assert_eq!(page.status, 403, "{page:?}");
        for words in ["tides.example", "leads to another site", "weapons"] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        assert!(!page.body.contains("page again"), "{}", page.body);
    }
}

/// FIL-14: a pupil's browser that the resolver has led here shows the page, without a warning about
/// certificates, and the report is sent from it with two presses.
#[test]
fn fil_14_a_browser_led_by_the_resolver_shows_the_block_page() {
    if !have(BROWSER) || !have(&["certutil"]) {
        return;
    }
    let server = Server::sample();
    let driver = Driver::start();
    driver.trust(&server.data.join("keys/authority.pem"));
    let rules = format!("MAP *.pharos.test {}", server.block_page());
    let browser = driver.browser_that_finds(&rules);
    for scheme in ["http", "https"] {
        browser.go(&format!("{scheme}://gambling.pharos.test/win"));
        browser.says("gambling.pharos.test");
        browser.says("Ask for this");
    }
    browser.click("a[href$='/report']");
    browser.click("main form[action*='/report'] button");
    browser.says("Thank you for telling us");
}

/// FIL-15, FIL-14: a browser that asks the school's resolver over HTTPS, by the path of its device, is led
/// to the block page as in school; at a path that was taken back it finds nothing any more.
#[test]
fn fil_15_a_browser_asks_over_https_by_the_path_of_its_device() {
    if !have(BROWSER) || !have(&["certutil"]) {
        return;
    }
    let at = format!("127.0.0.1:{}", free_port());
    let server = Server::sample_with(&["--doh", &at]);
    let driver = Driver::start();
    driver.trust(&server.data.join("keys/authority.pem"));
    let device = [
        "roaming",
        "add",
        "--label",
        "Ada's laptop",
        "--user",
        "ada.quill",
    ];
    let made = server
        .command(&[&device[..], &["--json"]].concat())
        .ended(0)
        .json();
    let word = |key: &str| made[key].as_str().unwrap().to_owned();
    let browser = driver.browser_that_asks(&format!("https://{at}{}{{?dns}}", word("path")));
    let port = server.block_page().port();
    browser.go(&format!("http://gambling.pharos.test:{port}/win"));
    browser.says("gambling.pharos.test");
    browser.says("Ask for this");
    let revoke = ["roaming", "revoke", &word("id")];
    server.command(&revoke).ended(0);
    let other = driver.browser_that_asks(&format!("https://{at}{}{{?dns}}", word("path")));
    let gone = other.fails(&format!("http://gambling.pharos.test:{port}/win"));
    assert!(gone.contains("ERR_NAME_NOT_RESOLVED"), "{gone}");
}

/// FIL-01: where no block page is served, a blocked name does not exist, so that no browser waits
/// at a door that nobody opens.
#[test]
fn fil_01_without_a_block_page_blocked_names_do_not_exist() {
    if !have(TOOLS) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let data = folder(scratch.path());
    let server = Server::serve(&data, &[]);
    let said = dig(&server, ADA, &["gambling.pharos.test"]).out;
    assert!(
        said.contains("NXDOMAIN") && said.contains("EDE: 15"),
        "{said}"
    );
}

/// FIL-01, FIL-14: with the proxy off, the resolver and its block page stand alone.
#[test]
fn fil_14_the_block_page_needs_no_proxy() {
    if !have(&["dig", "curl"]) {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let data = folder(scratch.path());
    let server = Server::serve(&data, &["--off", "proxy", "--block-page", "127.0.0.1:0"]);
    let at = server.block_page();
    let told = dig(&server, ADA, &["+short", "gambling.pharos.test"]).out;
    assert_eq!(told.trim(), "127.0.0.1");
    let page = curl(&[
        "--interface",
        ADA,
        "-H",
        "Host: gambling.pharos.test",
        &format!("http://{at}/"),
    ]);
    assert_eq!(page.status, 403, "{page:?}");
    assert!(page.body.contains("gambling.pharos.test"), "{}", page.body);
    let closed = std::net::TcpStream::connect(server.proxy);
    assert!(closed.is_err(), "the proxy is off");
    let refused = program()
        .args(["serve", "--data"])
        .arg(&data)
        .args(["--block-page", "0.0.0.0:80"])
        .output()
        .unwrap();
    assert!(!refused.status.success());
}

/// MON-02, FIL-05: the address map says who asks; staff are not under the rules for pupils, and
/// whoever is unknown is under the strictest.
#[test]
fn mon_02_who_asks_decides() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    let blocked = |from: &str| {
        dig(&server, from, &["weapons.pharos.test"])
            .out
            .contains("EDE: 15")
    };
    assert!(blocked(ADA), "a pupil");
    assert!(!blocked(INES), "a teacher");
    assert!(blocked("127.0.7.7"), "nobody knows who");
}

/// SRCH-01, SRCH-02: search engines lead to their strict servers, YouTube to its restricted one,
/// for both address families.
#[test]
fn srch_01_search_names_are_aliases_of_the_strict_ones() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    for (name, strict) in [
        ("www.google.com", "forcesafesearch.google.com."),
        ("www.google.co.uk", "forcesafesearch.google.com."),
        ("www.bing.com", "strict.bing.com."),
        ("duckduckgo.com", "safe.duckduckgo.com."),
        ("www.youtube.com", "restrict.youtube.com."),
    ] {
        for kind in ["A", "AAAA"] {
            let said = dig(&server, ADA, &["+noall", "+answer", name, kind]).out;
            assert!(
                said.contains("CNAME") && said.contains(strict),
                "{name} {kind}: {said}"
            );
            let said = kdig(&server, ADA, &[name, kind]).out;
            assert!(said.contains(strict), "{name} {kind} for kdig: {said}");
        }
    }
}

/// FIL-16: the ways round by name are shut: the browsers' canary, private relay, HTTPS hints.
#[test]
fn fil_16_the_ways_round_are_shut() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    for name in [
        "use-application-dns.net",
        "mask.icloud.com",
        "mask-h2.icloud.com",
    ] {
        let said = dig(&server, ADA, &[name]).out;
        assert!(
            said.contains("NXDOMAIN") || (said.contains("NOERROR") && said.contains("ANSWER: 0")),
            "{name}: {said}"
        );
    }
    let said = dig(&server, ADA, &["www.google.com", "HTTPS"]).out;
    assert!(!said.contains("ech=") && !said.contains("alpn="), "{said}");
}

/// Part 6, OPS-07: with no upstream the resolver decides all the same, and says why the rest fails.
#[test]
fn ops_07_without_an_upstream_it_says_so() {
    if !have(TOOLS) {
        return;
    }
    let server = Server::shared();
    let said = dig(&server, INES, &["quiet-library.example"]).out;
    assert!(
        said.contains("SERVFAIL") && said.contains("No upstream resolver is configured"),
        "{said}"
    );
}

/// Part 6: what is allowed comes from the upstream, is kept, and is still answered when the
/// upstream has gone, marked as stale.
#[test]
fn part_6_allowed_names_are_forwarded_kept_and_outlive_the_upstream() {
    if !have(TOOLS) {
        return;
    }
    let upstream = Upstream::start(1);
    let server = Server::sample_with(&["--dns-upstream", &upstream.address.to_string()]);
    let ask = || dig(&server, INES, &["quiet-library.example"]).out;
    assert!(ask().contains(&ADDRESS.to_string()));
    assert!(upstream.asked() > 0);
    drop(upstream);
    let stale = wait_for("an answer from memory", || {
        let said = ask();
        said.contains("EDE: 3").then_some(said)
    });
    assert!(stale.contains(&ADDRESS.to_string()), "{stale}");
    let blocked = dig(&server, ADA, &["gambling.pharos.test"]).out;
    assert!(
        blocked.contains("EDE: 15"),
        "blocking needs no upstream: {blocked}"
    );
}

/// FIL-16: the resolvers that the pack names are asked, over TLS and with their certificate checked; the
/// command line goes first.
#[test]
fn fil_16_the_packs_encrypted_resolver_is_asked() {
    if !have(TOOLS) {
        return;
    }
    let beyond = Upstream::start(60);
    let over_tls = format!("127.0.0.1:{}", free_port());
    let outer = Server::sample_with(&[
        "--dns-upstream",
        &beyond.address.to_string(),
        "--dot",
        &over_tls,
        "--dns-name",
        "dns.outer.example",
    ]);
    let scratch = tempfile::tempdir().unwrap();
    let (own, data) = (scratch.path().join("pack"), scratch.path().join("data"));
    copy_folder(&pack(), &own);
    let written = std::fs::read_to_string(own.join("school.toml")).unwrap();
    let told = format!("[network]\ndns_upstreams = [\"tls://{over_tls}#dns.outer.example\"]\n");
    let written = written.replacen("[network]\n", &told, 1);
    std::fs::write(own.join("school.toml"), written).unwrap();
    let (own, data) = (own.to_str().unwrap(), data.to_str().unwrap());
    pharos(&["init", "--sample", "--pack", own, "--data", data]).ended(0);
    let data = std::path::Path::new(data);

    // A help site, so that the outer school's policy for a stranger lets it through.
    let ask = |server: &Server| dig(server, INES, &["childline.org.uk"]).out;
    let trusted = outer.data.join("keys/authority.pem");
    let trusting = Server::serve(data, &["--trust", trusted.to_str().unwrap()]);
    let said = ask(&trusting);
    assert!(said.contains(&ADDRESS.to_string()), "{said}");
    assert!(beyond.asked() > 0);
    drop(trusting);
    let said = ask(&Server::serve(data, &[]));
    assert!(said.contains("SERVFAIL"), "not trusted, not asked: {said}");
    let nearer = Upstream::start(60);
    let said = ask(&Server::serve(
        data,
        &["--dns-upstream", &nearer.address.to_string()],
    ));
    assert!(said.contains(&ADDRESS.to_string()), "{said}");
    assert!(nearer.asked() > 0, "the command line goes first");
}

/// FIL-16: the proxy finds origins by the encrypted resolver that the school names, with its certificate
/// checked; where that is not trusted it asks nobody else.
#[test]
fn fil_16_the_proxy_asks_by_the_encrypted_resolver_too() {
    if !have(&["curl"]) {
        return;
    }
    let origin = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = format!(
        "http://childline.org.uk:{}/",
        origin.local_addr().unwrap().port()
    );
    std::thread::spawn(move || {
        for stream in origin.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let said = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfound";
            let _ = stream.write_all(said);
        }
    });
    let beyond = Upstream::saying(60, |_, kind| {
        let address = RData::A(rdata::A(Ipv4Addr::LOCALHOST));
        Some(address)
            .filter(|_| kind == RecordType::A)
            .into_iter()
            .collect()
    });
    let over_tls = format!("127.0.0.1:{}", free_port());
    let outer = Server::sample_with(&[
        "--dns-upstream",
        &beyond.address.to_string(),
        "--dot",
        &over_tls,
        "--dns-name",
        "dns.outer.example",
        "--off",
        "jobs",
    ]);
    let told = format!("tls://{over_tls}#dns.outer.example");
    let usual = [
        "--off",
        "jobs",
        "--allow-private-origins",
        "--dns-upstream",
        &told,
    ];
    let get = |server: &Server| {
        let proxy = format!("http://{}", server.proxy);
        curl(&["--interface", INES, "-x", &proxy, &site])
    };
    let distrusting = get(&Server::sample_with(&usual));
    assert_eq!(distrusting.status, 502, "{distrusting:?}");
    assert_eq!(beyond.asked(), 0);
    let trusted = outer.data.join("keys/authority.pem");
    let trusting = [&usual[..], &["--trust", trusted.to_str().unwrap()]].concat();
    let found = get(&Server::sample_with(&trusting));
    assert_eq!(
        (found.status, found.body.as_str()),
        (200, "found"),
        "{found:?}"
    );
    assert!(beyond.asked() > 0);
}

/// FIL-16: the resolvers that another version of the pack names are asked as soon as it is in force, without
/// a new start.
#[test]
fn fil_16_other_resolvers_are_asked_as_soon_as_the_pack_is_in_force() {
    if !have(TOOLS) {
        return;
    }
    let (before, after) = (Upstream::start(60), Upstream::start(60));
    let scratch = tempfile::tempdir().unwrap();
    let (own, data) = (scratch.path().join("pack"), scratch.path().join("data"));
    copy_folder(&pack(), &own);
    let written = std::fs::read_to_string(own.join("school.toml")).unwrap();
    let names = |upstream: &Upstream| {
        let told = format!("[network]\ndns_upstreams = [\"{}\"]\n", upstream.address);
        let written = written.replacen("[network]\n", &told, 1);
        std::fs::write(own.join("school.toml"), written).unwrap();
    };
    names(&before);
    let (path, folder) = (own.to_str().unwrap(), data.to_str().unwrap());
    pharos(&["init", "--sample", "--pack", path, "--data", folder]).ended(0);
    // Without jobs, whose checks ask as well.
    let server = Server::serve(&data, &["--off", "jobs"]);
    let ask = |name: &str| dig(&server, INES, &[name]).out;
    let said = ask("one.quiet-library.example");
    assert!(said.contains(&ADDRESS.to_string()), "{said}");
    let asked = before.asked();
    assert!(asked > 0 && after.asked() == 0);
    names(&after);
    let ran = server.command(&["pack", "install", path, "--why", "Another provider"]);
    assert!(ran.ended(0).out.contains("is in force"), "no change waits");
    let said = ask("two.quiet-library.example");
    assert!(said.contains(&ADDRESS.to_string()), "{said}");
    assert_eq!(before.asked(), asked);
    assert!(after.asked() > 0);
}

/// FIL-04, Part 4: while a large list is swapped in, nobody waits and no answer is wrong.
#[test]
fn fil_04_answers_go_on_while_a_list_is_swapped_in() {
    if !have(TOOLS) {
        return;
    }
    let server = Arc::new(Server::sample());
    let list = server.data.join("swap.txt");
    let mut text = String::new();
    for number in 0..60_000 {
        writeln!(text, "s{number}.swapped.example").unwrap();
    }
    std::fs::write(&list, text).unwrap();
    let (stop, asked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (asking, until, count) = (Arc::clone(&server), Arc::clone(&stop), Arc::clone(&asked));
    let thread = std::thread::spawn(move || {
        while !until.load(Ordering::Relaxed) {
            let said = dig(&asking, ADA, &["gambling.pharos.test"]).out;
            assert!(said.contains("EDE: 15"), "{said}");
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    wait_for("the first answers", || {
        (asked.load(Ordering::Relaxed) > 1).then_some(())
    });
    let ran = server
        .command(&[
            "lists",
            "import",
            "--json",
            "--list",
            "swap",
            "--category",
            "gambling",
            list.to_str().unwrap(),
        ])
        .ended(0);
    assert_eq!(ran.json()["entries"], 60_000);
    let said = dig(&server, ADA, &["deep.s59999.swapped.example"]).out;
    assert!(
        said.contains("EDE: 15"),
        "in force once the command ends: {said}"
    );
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    assert!(asked.load(Ordering::Relaxed) > 1);
}
