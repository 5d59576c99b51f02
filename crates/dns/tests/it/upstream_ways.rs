//! Upstreams by every way: one Pharos in front of another stands in for resolvers over TLS and
//! HTTPS, real ones in front of the plain.

use std::sync::Arc;

use pharos_catalogue::Host;
use pharos_dns::{Client, Upstream};
use pharos_filter::{FixedEntry, Owner};
use tokio_util::sync::CancellationToken;

use crate::client::{A, SERVFAIL, ask};
use crate::encrypted::{Identity, NAME, client_config, encrypted, identity};
use crate::school::{School, person};
use crate::upstream::{Mood, ORDINARY, OVER_V6, Upstream as StandIn};

/// A school with encrypted listeners that takes this machine for the staff's device, which may see all that is asked
/// for here.
fn outer_school(identity: &Arc<Identity>) -> School {
    let outer = School::start_with(encrypted(identity));
    outer.filter.addresses().set_fixed([FixedEntry {
        range: "127.0.0.1/32".parse().unwrap(),
        owner: Owner::Person(person(13)),
        device: None,
    }]);
    outer
}

/// A school whose upstream is another one's encrypted listener.
fn behind(make: impl FnOnce(&School) -> Upstream, name_checked: bool) -> (School, School) {
    let identity = identity(if name_checked { NAME } else { "other.example" });
    let outer = outer_school(&identity);
    let upstream = make(&outer);
    let tls = Arc::new(client_config(&identity, None));
    let inner = School::start_with(|config| {
        config.upstreams = vec![upstream];
        config.upstream_tls = Some(tls);
        config.limits.upstream_timeout = std::time::Duration::from_secs(5);
    });
    (inner, outer)
}

fn name() -> Host {
    Host::parse(NAME).unwrap()
}

#[test]
fn questions_go_over_tls() {
    let (inner, outer) = behind(|outer| Upstream::Tls(outer.tls(), name()), true);
    for n in 0..20 {
        assert_eq!(
            ask(inner.dns(), &format!("n{n}.example.org"), A).ips(),
            [ORDINARY]
        );
    }
    let counts = outer.counts();
    assert_eq!((counts.tls, counts.udp), (20, 0));
    assert!(
        counts.tcp_connections <= 2,
        "one connection for each worker"
    );
}

#[test]
fn questions_go_over_https() {
    let way = |outer: &School| Upstream::Https(outer.https(), name(), "/dns-query".into());
    let (inner, outer) = behind(way, true);
    for n in 0..20 {
        assert_eq!(
            ask(inner.dns(), &format!("n{n}.example.org"), A).ips(),
            [ORDINARY]
        );
    }
    let counts = outer.counts();
    assert_eq!((counts.https, counts.udp), (20, 0));
    assert!(
        counts.tcp_connections <= 2,
        "one connection for each worker"
    );
}

#[test]
fn questions_go_over_tcp() {
    let (inner, outer) = behind(|outer| Upstream::Tcp(outer.dns()), true);
    for n in 0..20 {
        assert_eq!(
            ask(inner.dns(), &format!("n{n}.example.org"), A).ips(),
            [ORDINARY]
        );
    }
    assert_eq!((outer.counts().tcp, outer.counts().udp), (20, 0));
}

/// An upstream whose certificate is another's is not talked to.
#[test]
fn an_upstream_with_a_wrong_certificate_is_not_believed() {
    let (inner, outer) = behind(|outer| Upstream::Tls(outer.tls(), name()), false);
    let answer = ask(inner.dns(), "example.org", A);
    assert_eq!((answer.rcode, outer.counts().tls), (SERVFAIL, 0));
}

/// The letter case of a question has to come back; an answer in another is not believed, and the
/// question is asked again where it cannot be forged.
#[test]
fn an_answer_in_other_letter_case_is_asked_again_over_tcp() {
    let school = School::start();
    school.upstream.becomes(Mood::LosesCase);
    assert_eq!(ask(school.dns(), "forged.example.org", A).ips(), [ORDINARY]);
    assert!(school.upstream.asked_over_tcp("forged.example.org"));
    assert_eq!(school.counts().upstream_case, 1);
}

/// FIL-16: other upstreams are asked from the moment they are told, by every way; what is remembered
/// stays, a failure of those before does not, and none at all is said as such.
#[test]
fn fil_16_other_upstreams_are_asked_from_the_moment_they_are_told() {
    let identity = identity(NAME);
    let outer = outer_school(&identity);
    let school = School::start_with(|config| {
        config.limits.upstream_timeout = std::time::Duration::from_secs(2);
    });
    let change = school.changer();
    assert_eq!(ask(school.dns(), "first.example.org", A).ips(), [ORDINARY]);
    let asked = school.counts().forwarded;
    school.upstream.becomes(Mood::Silent);
    assert_eq!(ask(school.dns(), "lost.example.org", A).rcode, SERVFAIL);
    let tls = Arc::new(client_config(&identity, None));
    change(&[Upstream::Tls(outer.tls(), name())], Some(tls));
    for name in ["first", "lost", "second"] {
        let name = format!("{name}.example.org");
        assert_eq!(ask(school.dns(), &name, A).ips(), [ORDINARY], "{name}");
    }
    assert_eq!(outer.counts().tls, 2, "the first is remembered");
    assert!(school.counts().forwarded > asked);
    change(&[], None);
    assert_eq!(ask(school.dns(), "third.example.org", A).rcode, SERVFAIL);
    assert_eq!(school.counts().no_upstream, 1);
    change(&[Upstream::Plain(outer.dns())], None);
    assert_eq!(ask(school.dns(), "third.example.org", A).ips(), [ORDINARY]);
    assert_eq!(outer.counts().udp, 1);
}

/// FIL-16: whoever needs addresses and answers nobody, as the proxy does, asks by the same ways: over TLS,
/// with the certificate checked, and nothing in the clear; others from the moment they are told.
#[test]
fn fil_16_addresses_are_looked_up_by_the_same_ways() {
    let identity = identity(NAME);
    let outer = outer_school(&identity);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stop = CancellationToken::new();
    let over_tls = [Upstream::Tls(outer.tls(), name())];
    let tls = Arc::new(client_config(&identity, None));
    let client = Client::start(&over_tls, Some(Arc::clone(&tls)), stop.clone()).unwrap();
    let looked = |name: &str| runtime.block_on(client.look_up(name));
    for n in 0..5 {
        let found = looked(&format!("n{n}.example.org")).unwrap();
        assert_eq!(found.v4, [ORDINARY]);
        assert!(found.ttl.is_some());
    }
    let counts = outer.counts();
    assert_eq!((counts.tls, counts.udp), (10, 0), "both kinds of address");
    assert_eq!(counts.tcp_connections, 1);

    // A resolver under another name is not believed, and nobody else is asked.
    let other = [Upstream::Tls(
        outer.tls(),
        Host::parse("other.example").unwrap(),
    )];
    client.change(&other, Some(tls));
    assert!(looked("one.example.org").is_err());
    assert_eq!((outer.counts().tls, outer.counts().udp), (10, 0));
    let https = [Upstream::Https(outer.https(), name(), "/dns-query".into())];
    client.change(&https, Some(Arc::new(client_config(&identity, None))));
    assert_eq!(looked("two.example.org").unwrap().v4, [ORDINARY]);
    assert_eq!((outer.counts().https, outer.counts().udp), (2, 0));
    assert!(looked(&"x".repeat(64)).is_err(), "no label is so long");
    stop.cancel();
    assert!(looked("three.example.org").is_err(), "it has ended");
}

/// FIL-16: an answer for IPv4 that is lost on the way does not hold up whoever has IPv6 addresses that
/// this machine can reach: it would be asked for again until the upstream counts as failed.
#[test]
fn fil_16_a_lost_answer_does_not_hold_up_a_look_up() {
    let upstream = StandIn::start();
    upstream.becomes(Mood::LosesA);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stop = CancellationToken::new();
    let client = Client::start(&[upstream.address.into()], None, stop).unwrap();
    let looked = runtime
        .block_on(client.look_up("lost.example.org"))
        .unwrap();
    assert_eq!((looked.v4, looked.v6), (vec![], vec![OVER_V6.into()]));
    assert_eq!(looked.ttl, None, "asked for again soon");
    let asked = upstream.times_asked("lost.example.org");
    assert_eq!(asked, 2, "each kind once: the lost one was not asked again");
}
