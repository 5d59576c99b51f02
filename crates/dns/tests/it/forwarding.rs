//! Cache, forgeries, truncation, service records.

use std::net::UdpSocket;
use std::time::Duration;

use crate::client::{A, HTTPS, NXDOMAIN, SERVFAIL, TXT, ask, plain_question, question};
use crate::client::{exchange, tcp, tcp_receive, tcp_send};
use crate::school::{PUPIL, School, until};
use crate::upstream::{Mood, ORDINARY};

#[test]
fn an_answer_is_fetched_once_and_served_to_all() {
    let school = School::start();
    for _ in 0..5 {
        let answer = ask(school.dns(), "example.org", A);
        assert_eq!(answer.ips(), [ORDINARY]);
        assert!(answer.answers[0].ttl <= 300);
        assert_eq!(ask(school.dns(), "absent.test", A).rcode, NXDOMAIN);
        assert!(ask(school.dns(), "example.org", 15).is_empty());
    }
    assert_eq!(
        ask(school.dns(), "EXAMPLE.org", A).answers[0].owner,
        "EXAMPLE.org"
    );
    assert_eq!(
        school.upstream.times_asked("example.org"),
        2,
        "A once, MX once"
    );
    assert_eq!(school.upstream.times_asked("absent.test"), 1);
    assert_eq!(
        ask(school.dns(), "text.test", TXT).answers[0].data,
        b"\x05hello"
    );
}

/// FIL-01: a popular name is fetched again before it ends, with one question to the upstream each time,
/// while everybody is answered at once.
#[test]
fn fil_01_popular_names_are_fetched_ahead_with_one_question() {
    let school = School::start_with(|config| {
        config.limits.upstream_timeout = Duration::from_secs(5);
    });
    until("it was fetched ahead", || {
        assert_eq!(ask(school.dns(), "short.test", A).ips(), [ORDINARY]);
        school.counts().renewed > 0
    });
    let counts = school.counts();
    let fetched = counts.forwarded - counts.joined + counts.renewed;
    until("the last question has come", || {
        school.upstream.times_asked("short.test") as u64 >= fetched
    });
    assert_eq!(school.upstream.times_asked("short.test") as u64, fetched);
}

/// RFC 5452: an answer with another id, for another question or from another source is not taken;
/// the real one that follows is.
#[test]
fn forged_answers_are_not_taken() {
    for mood in [Mood::WrongId, Mood::WrongQuestion, Mood::OtherSource] {
        let school = School::start();
        school.upstream.becomes(mood);
        assert_eq!(
            ask(school.dns(), "example.org", A).ips(),
            [ORDINARY],
            "{mood:?}"
        );
        let seen = u64::from(mood != Mood::OtherSource);
        assert_eq!(
            school.counts().upstream_bad,
            seen,
            "{mood:?}: the kernel keeps off strangers"
        );
    }
}

#[test]
fn questions_to_the_upstream_have_random_ids_and_ports() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let upstream = socket.local_addr().unwrap();
    let school = School::start_with(|config| config.upstreams = vec![upstream.into()]);
    let client = UdpSocket::bind((PUPIL, 0)).unwrap();
    let (mut ids, mut ports) = (Vec::new(), Vec::new());
    for n in 0..16 {
        client
            .send_to(&question(n, &format!("n{n}.example.org"), A), school.dns())
            .unwrap();
    }
    let mut buffer = [0; 512];
    while ids.len() < 16 {
        let (_, from) = socket.recv_from(&mut buffer).unwrap();
        ids.push(u16::from_be_bytes([buffer[0], buffer[1]]));
        ports.push(from.port());
    }
    let steps = |numbers: &[u16]| {
        numbers
            .windows(2)
            .filter(|pair| pair[1].abs_diff(pair[0]) <= 2)
            .count()
    };
    assert!(steps(&ids) < 4 && steps(&ports) < 8, "{ids:?} {ports:?}");
    ports.sort_unstable();
    ports.dedup();
    assert!(
        ports.len() >= 5,
        "one of many ports is taken by chance: {ports:?}"
    );
}

#[test]
fn a_truncated_answer_is_fetched_over_tcp() {
    let school = School::start();
    school.upstream.becomes(Mood::Truncates);
    assert_eq!(ask(school.dns(), "example.org", A).ips(), [ORDINARY]);
    assert!(school.upstream.asked_over_tcp("example.org"));
}

/// RFC 6891, 7766: what does not fit the client's datagram is cut, and whole over TCP.
#[test]
fn a_large_answer_is_cut_over_udp_and_whole_over_tcp() {
    let school = School::start();
    let cut = exchange(PUPIL, school.dns(), &plain_question(1, "big.test", A));
    assert!(cut.truncated && cut.answers.is_empty() && cut.bytes.len() <= 512);
    assert_eq!(
        ask(school.dns(), "big.test", A).ips().len(),
        60,
        "fits 1,232 bytes"
    );
    let mut stream = tcp(school.dns());
    tcp_send(&mut stream, &plain_question(1, "big.test", A));
    assert_eq!(tcp_receive(&mut stream).unwrap().ips().len(), 60);
    assert_eq!(school.counts().truncated, 1);
}

#[test]
fn an_alias_circle_is_a_failure_not_a_loop() {
    let school = School::start();
    let answer = ask(school.dns(), "circle.test", A);
    assert_eq!((answer.rcode, answer.ede_code()), (SERVFAIL, Some(22)));
    assert_eq!(school.counts().upstream_bad, 1);
}

/// FIL-16: no key for an encrypted hello, no HTTP/3 and no address hint reaches a device.
#[test]
fn fil_16_service_records_come_without_keys_http3_and_hints() {
    let school = School::start();
    let answer = ask(school.dns(), "service.test", HTTPS);
    assert_eq!(answer.answers[0].data, b"\0\x01\0\0\x01\0\x03\x02h2");
    assert_eq!(school.counts().service_records_edited, 1);
}

/// The same question from many devices is asked once.
#[test]
fn one_question_is_asked_once_however_many_wait() {
    let school = School::start_with(|config| {
        config.limits.workers = 1;
        config.limits.upstream_timeout = Duration::from_millis(1_500);
    });
    school.upstream.becomes(Mood::Silent);
    let clients: Vec<_> = (0..20)
        .map(|n| {
            let client = UdpSocket::bind((PUPIL, 0)).unwrap();
            client
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            client
                .send_to(&question(n, "example.org", A), school.dns())
                .unwrap();
            client
        })
        .collect();
    // The last may join before the first has left.
    until("all wait, and one has left", || {
        school.counts().joined == 19 && school.upstream.times_asked("example.org") > 0
    });
    assert_eq!(school.upstream.times_asked("example.org"), 1);
    school.upstream.becomes(Mood::Honest);
    for (n, client) in clients.iter().enumerate() {
        let mut buffer = [0; 512];
        let length = client.recv(&mut buffer).unwrap();
        let answer = crate::client::decode(&buffer[..length]);
        assert_eq!(
            (usize::from(answer.id), answer.ips()),
            (n, vec![ORDINARY.into()])
        );
    }
    assert_eq!(
        school.upstream.times_asked("example.org"),
        2,
        "the first try was not answered"
    );
}
