//! What is answered without anybody being asked, and what is refused.

use std::net::Ipv4Addr;

use crate::client::{
    A, AAAA, FORMERR, NOERROR, NXDOMAIN, REFUSED, ask, ask_from, exchange, plain_question, question,
};
use crate::school::School;

const DEVICE: Ipv4Addr = crate::school::PUPIL;

#[test]
fn zone_transfers_other_classes_and_cache_probes_are_refused() {
    let school = School::start();
    for kind in [252, 251, 253, 254, 249] {
        assert_eq!(
            ask(school.dns(), "example.org", kind).rcode,
            REFUSED,
            "type {kind}"
        );
    }
    let mut chaos = plain_question(1, "version.bind", 16);
    let at = chaos.len() - 1;
    chaos[at] = 3;
    assert_eq!(exchange(DEVICE, school.dns(), &chaos).rcode, REFUSED);
    let mut probe = question(1, "example.org", A);
    probe[2] = 0;
    assert_eq!(exchange(DEVICE, school.dns(), &probe).rcode, REFUSED);
    assert_eq!(school.upstream.times_asked("example.org"), 0);
}

/// RFC 8482: ANY gets one small record.
#[test]
fn any_gets_a_minimal_answer() {
    let school = School::start();
    let answer = ask(school.dns(), "example.org", 255);
    assert_eq!(
        (answer.rcode, answer.answers.len(), answer.answers[0].kind),
        (NOERROR, 1, 13)
    );
    assert!(answer.bytes.len() < 100);
}

#[test]
fn malformed_questions_get_formerr_and_answers_get_nothing() {
    let school = School::start();
    let mut two = question(1, "example.org", A);
    two[5] = 2;
    assert_eq!(exchange(DEVICE, school.dns(), &two).rcode, FORMERR);
    let mut update = plain_question(1, "example.org", A);
    update[2] = 0x28;
    assert_eq!(exchange(DEVICE, school.dns(), &update).rcode, 4);
    let mut version = question(1, "example.org", A);
    let at = version.len() - 5;
    version[at] = 1;
    let answer = exchange(DEVICE, school.dns(), &version);
    assert_eq!(
        (answer.rcode, answer.bytes[12 + 5]),
        (16, 1),
        "BADVERS is 16: 1 in OPT, 0 in the header"
    );
    // An answer sent to us gets none: two servers must never answer each other for ever.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut echoed = question(1, "example.org", A);
    echoed[2] |= 0x80;
    socket.send_to(&echoed, school.dns()).unwrap();
    crate::school::until("it is dropped", || school.counts().dropped == 1);
}

/// Not an open resolver: who is not in the school's networks is refused, blocked name or not.
#[test]
fn outsiders_are_refused() {
    let school =
        School::start_with(|config| config.clients = vec!["127.0.0.8/29".parse().unwrap()]);
    let outside = ask_from(Ipv4Addr::LOCALHOST, school.dns(), "example.org", A);
    assert_eq!((outside.rcode, outside.ede_code()), (REFUSED, Some(18)));
    let inside = ask(school.dns(), "example.org", A);
    assert_eq!(inside.rcode, NOERROR);
}

/// PRIV: questions about the school's own devices do not leave it (RFC 6303).
#[test]
fn private_reverse_names_stay_in_the_school() {
    let school = School::start();
    assert_eq!(
        ask(school.dns(), "4.3.2.10.in-addr.arpa", 12).rcode,
        NXDOMAIN
    );
    assert_eq!(school.upstream.times_asked("4.3.2.10.in-addr.arpa"), 0);
    assert_eq!(
        ask(school.dns(), "localhost", A).ips(),
        [Ipv4Addr::LOCALHOST]
    );
    assert!(ask(school.dns(), "pharos.harbourmouth.internal", AAAA).is_empty());
}

/// A second server on the same port is refused with a message that says what to do.
#[test]
fn a_port_in_use_is_an_error_that_helps() {
    let school = School::start();
    let config = pharos_dns::DnsConfig {
        listen: vec![school.dns()],
        ..Default::default()
    };
    let sink = std::sync::Arc::<crate::school::Kept>::default();
    let filter = std::sync::Arc::clone(&school.filter);
    let stop = tokio_util::sync::CancellationToken::new();
    let error = pharos_dns::start(config, filter, sink, stop)
        .unwrap_err()
        .to_string();
    assert!(error.contains(&school.dns().to_string()), "{error}");
    assert!(error.contains("another resolver"), "{error}");
}
