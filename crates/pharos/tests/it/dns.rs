//! The resolver with the clients that people have: dig and kdig.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::clients::{dig, kdig};
use crate::support::server::{ADA, INES, Server};
use crate::support::upstream::{ADDRESS, Upstream};
use crate::support::{have, wait_for};

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
