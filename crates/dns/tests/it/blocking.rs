//! What is blocked, and how it is said.

use std::net::Ipv4Addr;

use pharos_catalogue::{Address, Host};
use pharos_dns::{BlockAnswer, DnsConfig};

use crate::client::{
    A, AAAA, HTTPS, NOERROR, NXDOMAIN, SERVFAIL, SOA, SVCB, TXT, ask, ask_from, exchange,
    plain_question,
};
use crate::school::{PAGE_V4, PAGE_V6, PUPIL, STAFF, School, YOUNGEST, snapshot, until};
use crate::upstream::ORDINARY;

fn nxdomain(config: &mut DnsConfig) {
    config.block = BlockAnswer::NxDomain;
}

/// FIL-17: with no policy and lists in force nothing is let through, whatever it is; once there
/// are some, service begins unaided. The block page's own name is there from the start.
#[test]
fn fil_17_nothing_is_answered_before_lists_are_in_force() {
    let school = School::start_not_ready(|_| {});
    for name in [
        "example.org",
        "www.bets.test",
        "use-application-dns.net",
        "www.google.com",
    ] {
        for kind in [A, AAAA, HTTPS, TXT] {
            let answer = ask_from(PUPIL, school.dns(), name, kind);
            assert_eq!(
                (answer.rcode, answer.ede_code()),
                (SERVFAIL, Some(14)),
                "{name}"
            );
            assert!(answer.answers.is_empty());
        }
    }
    assert_eq!(
        school.upstream.times_asked("example.org"),
        0,
        "nothing leaves the school either"
    );
    assert_eq!(school.counts().not_ready, 16);
    assert_eq!(
        ask(school.dns(), "pharos.harbourmouth.internal", A).ips(),
        [PAGE_V4]
    );
    school.filter.install(snapshot(1));
    assert_eq!(ask(school.dns(), "example.org", A).ips(), [ORDINARY]);
}

/// FIL-17: a new policy or list is put in force under load, and no question is answered late,
/// loosely or not at all.
#[test]
fn fil_17_a_swap_disturbs_no_answer() {
    let school = School::start();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut version = 2;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                school.filter.install(snapshot(version));
                version += 1;
            }
        });
        for round in 0..300 {
            let blocked = ask_from(PUPIL, school.dns(), &format!("n{round}.bets.test"), A);
            assert_eq!(blocked.ips(), [PAGE_V4]);
            let allowed = ask_from(PUPIL, school.dns(), &format!("n{round}.example.org"), A);
            assert_eq!(allowed.ips(), [ORDINARY]);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(school.events.last().policy_version > 1);
}

/// FIL-01, FIL-14: a blocked name leads to the block page; other record types are empty, so that no
/// service record leads past it. Sub-domains and letter case make no difference.
#[test]
fn fil_01_a_blocked_name_leads_to_the_block_page() {
    let school = School::start();
    for name in ["bets.test", "WWW.Bets.TEST", "a.b.c.bets.test"] {
        let v4 = ask_from(PUPIL, school.dns(), name, A);
        assert_eq!(v4.ips(), [PAGE_V4], "{name}");
        assert_eq!(
            v4.answers[0].owner, name,
            "the letter case asked for is kept"
        );
        assert!(v4.answers[0].ttl <= 60, "a change of policy shows soon");
        assert_eq!(v4.ede_code(), Some(15));
        assert_eq!(ask_from(PUPIL, school.dns(), name, AAAA).ips(), [PAGE_V6]);
        for kind in [HTTPS, SVCB, TXT] {
            let other = ask_from(PUPIL, school.dns(), name, kind);
            assert!(
                other.is_empty() && other.authority[0].kind == SOA,
                "{name} {kind}"
            );
        }
    }
    assert_eq!(
        ask_from(PUPIL, school.dns(), "notbets.test", A).ips(),
        [ORDINARY]
    );
    assert_eq!(school.upstream.times_asked("bets.test"), 0);
    assert_eq!(
        ask_from(STAFF, school.dns(), "www.bets.test", A).ips(),
        [ORDINARY]
    );
}

/// FIL-01: the same with names that do not exist; a client without EDNS gets no EDNS back.
#[test]
fn fil_01_a_blocked_name_does_not_exist_where_so_configured() {
    let school = School::start_with(nxdomain);
    for kind in [A, AAAA, HTTPS] {
        let answer = ask_from(PUPIL, school.dns(), "www.bets.test", kind);
        assert_eq!((answer.rcode, answer.ede_code()), (NXDOMAIN, Some(15)));
        assert!(answer.authority[0].ttl <= 60);
    }
    let plain = exchange(PUPIL, school.dns(), &plain_question(9, "www.bets.test", A));
    assert_eq!(
        (plain.rcode, plain.ede, plain.bytes[11]),
        (NXDOMAIN, None, 0)
    );
}

/// FIL-03: a sealed entry is blocked for everyone, and its answer cannot be told from any other
/// block; the event does not hold the name.
#[test]
fn fil_03_a_sealed_name_looks_like_any_other_block() {
    let school = School::start();
    // Names of one length, so that the answers can be compared byte for byte.
    let (sealed, listed) = (
        "www.list-2026-11-22.pharos.test",
        "www.an-ordinary-entry.bets.test",
    );
    assert_eq!(sealed.len(), listed.len());
    let rest = |name: &str| {
        let answer = ask_from(PUPIL, school.dns(), name, A);
        answer.bytes[12 + sealed.len() + 2..].to_vec()
    };
    assert_eq!(rest(sealed), rest(listed));
    for device in [PUPIL, STAFF, YOUNGEST, Ipv4Addr::LOCALHOST] {
        assert_eq!(ask_from(device, school.dns(), sealed, A).ips(), [PAGE_V4]);
        let event = school.events.last();
        assert_eq!(
            (&*event.host, event.sealed.as_deref()),
            ("sealed", Some("test-list"))
        );
        assert!(!format!("{event:?}").contains("pharos.test"));
    }
    assert_eq!(school.upstream.times_asked(sealed), 0);
}

/// FIL-16: browser canary and private relay do not exist, for anybody; discovery of encrypted
/// resolvers is empty; known encrypted resolvers are blocked. All of it is on record.
#[test]
fn fil_16_ways_round_the_filter_are_closed_and_recorded() {
    let school = School::start();
    for name in [
        "use-application-dns.net",
        "mask.icloud.com",
        "mask-h2.icloud.com",
        "dns.google",
        "mozilla.cloudflare-dns.com",
    ] {
        for kind in [A, AAAA, HTTPS] {
            let answer = ask_from(PUPIL, school.dns(), name, kind);
            assert_eq!(answer.rcode, NXDOMAIN, "{name} {kind}");
            assert!(answer.answers.is_empty());
        }
        let event = school.events.last();
        assert_eq!((&*event.host, event.action), (name, "block"));
        assert_eq!(event.who.device().map(AsRef::as_ref), Some("ada"));
        assert_eq!(school.upstream.times_asked(name), 0);
    }
    assert_eq!(
        ask_from(STAFF, school.dns(), "use-application-dns.net", A).rcode,
        NXDOMAIN
    );
    let discovery = ask_from(PUPIL, school.dns(), "_dns.resolver.arpa", SVCB);
    assert!(discovery.is_empty());
    assert_eq!(school.counts().avoidance, 17);
}

/// FIL-16, FIL-14: the site of a known tunnel is blocked as any site is, with the page that says why.
#[test]
fn fil_16_a_known_tunnel_leads_to_the_block_page() {
    let school = School::start();
    for name in [
        "my.nordvpn.com",
        "www.torproject.org",
        "www-bets-test.translate.goog",
    ] {
        assert_eq!(
            ask_from(PUPIL, school.dns(), name, A).ips(),
            [PAGE_V4],
            "{name}"
        );
        let event = school.events.last();
        assert_eq!(
            (&*event.host, event.action, &*event.rule),
            (name, "block", "avoidance")
        );
        assert_eq!(school.upstream.times_asked(name), 0);
    }
}

/// FIL-16: an innocent name that is only an alias of a blocked one is blocked like it, also when
/// the answer comes from the cache; who may visit the target may visit the alias.
#[test]
fn fil_16_an_alias_of_a_blocked_name_is_blocked() {
    let school = School::start();
    assert_eq!(
        ask_from(STAFF, school.dns(), "innocent.example", A).ips(),
        [ORDINARY]
    );
    for _ in 0..2 {
        assert_eq!(
            ask_from(PUPIL, school.dns(), "innocent.example", A).ips(),
            [PAGE_V4]
        );
        let event = school.events.last();
        assert_eq!(
            (&*event.host, event.action, &*event.rule),
            ("innocent.example", "block", "no-gambling")
        );
        assert_eq!(
            event
                .categories
                .iter()
                .map(AsRef::as_ref)
                .collect::<Vec<_>>(),
            ["gambling"]
        );
    }
    assert_eq!(school.upstream.times_asked("innocent.example"), 1);
    assert_eq!(school.counts().cloaked, 2);
    let aliases = school.filter.aliases();
    let places = |name: &str| aliases.places(&Host::parse(name).unwrap());
    let target = Address::of_host(Host::parse("eu.bets.test").unwrap());
    assert_eq!(places("innocent.example"), [target], "for the block page");
    assert!(places("library.example").is_empty());
}

/// FIL-07: an allow-list does not have to name the content network behind an allowed site.
#[test]
fn fil_07_an_allowed_site_may_stand_on_a_content_network() {
    let school = School::start();
    let answer = ask_from(YOUNGEST, school.dns(), "library.example", A);
    assert_eq!(
        (answer.rcode, answer.ips()),
        (NOERROR, vec![ORDINARY.into()])
    );
    assert_eq!(
        ask_from(YOUNGEST, school.dns(), "edge.cdn.test", A).ips(),
        [PAGE_V4]
    );
}

/// FIL-16: what cannot be decided by name is not looked up; odd labels in front of a blocked host do
/// not open it.
#[test]
fn fil_16_odd_names_do_not_slip_past() {
    let school = School::start();
    for name in [
        "_443._tcp.www.bets.test",
        "_dns.bets.test",
        "a b.bets.test",
        "é.bets.test",
    ] {
        assert_eq!(
            ask_from(PUPIL, school.dns(), name, A).ips(),
            [PAGE_V4],
            "{name}"
        );
    }
    assert_eq!(
        ask_from(PUPIL, school.dns(), "", A).rcode,
        crate::client::REFUSED
    );
}

/// FIL-17: a device whose user is unknown gets the strictest policy of all groups.
#[test]
fn fil_17_an_unknown_device_gets_the_strictest_policy() {
    let school = School::start();
    for name in ["www.bets.test", "www.youtube.com", "example.org"] {
        let unknown = ask_from(Ipv4Addr::LOCALHOST, school.dns(), name, A);
        assert_eq!(
            unknown.ips(),
            [PAGE_V4],
            "{name}: the youngest have an allow-list only"
        );
    }
}

/// MON-01: every decision is recorded with person, device, name, action, rule, versions and bytes.
#[test]
fn mon_01_every_decision_becomes_an_event() {
    let school = School::start();
    ask_from(PUPIL, school.dns(), "example.org", A);
    ask_from(Ipv4Addr::LOCALHOST, school.dns(), "example.org", A);
    ask_from(Ipv4Addr::LOCALHOST, school.dns(), "www.bets.test", A);
    until("three events are recorded", || {
        school.events.all().len() == 3
    });
    let [first, other, blocked] = <[_; 3]>::try_from(school.events.all()).unwrap();
    assert_eq!(
        (&*first.host, first.action, &*other.host),
        ("example.org", "allow", "example.org")
    );
    assert_eq!(other.who.person(), None);
    assert!(first.who.person().is_some() && first.address == PUPIL);
    assert_eq!((first.policy_version, first.catalogue_version), (1, 7));
    assert!(first.bytes_up > 12 && first.bytes_down > first.bytes_up);
    assert_eq!((&*blocked.host, blocked.action), ("www.bets.test", "block"));
    assert_eq!(
        blocked.who.person(),
        None,
        "an unknown device is not given a name"
    );
}
