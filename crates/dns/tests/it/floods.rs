//! Floods: what one sender costs is bounded, and nothing here is of use against others.

use std::net::{Ipv4Addr, UdpSocket};

use crate::client::{
    A, BADCOOKIE, NOERROR, REFUSED, TXT, decode, exchange, plain_question, question, tcp,
    tcp_receive, tcp_send, with_option,
};
use crate::school::{PUPIL, SIXTH, School, until};

fn limited() -> School {
    School::start_with(|config| {
        config.limits.workers = 1;
        config.limits.client_per_s = 10;
        config.limits.outsider_per_s = 5;
        config.limits.limits_loopback = true;
    })
}

/// Sends all at once and gives what came back when the resolver had seen all.
fn flood(school: &School, device: Ipv4Addr, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let socket = UdpSocket::bind((device, 0)).unwrap();
    let before = school.counts();
    for message in messages {
        socket.send_to(message, school.dns()).unwrap();
    }
    let asked = messages.len() as u64;
    until("all are counted", || {
        school.counts().udp >= before.udp + asked
    });
    socket.set_nonblocking(true).unwrap();
    let mut answers = Vec::new();
    let mut buffer = [0; 4_096];
    let expected = || {
        let now = school.counts();
        (asked - (now.limited - before.limited) + (now.slipped - before.slipped)) as usize
    };
    until("all answers are there", || {
        while let Ok(length) = socket.recv(&mut buffer) {
            answers.push(buffer[..length].to_vec());
        }
        answers.len() >= expected()
    });
    answers
}

/// FIL-17: of a burst every question is answered, however many wait at once: fewer and more than are
/// read together, and than leave together.
#[test]
fn fil_17_every_question_of_a_burst_is_answered() {
    let school = School::start_with(|config| config.limits.workers = 1);
    for count in [1, 15, 16, 17, 33, 64, 65, 130] {
        let questions: Vec<_> = (0..count)
            .map(|n| question(n, &format!("n{n}.bets.test"), A))
            .collect();
        let answers = flood(&school, PUPIL, &questions);
        let mut ids: Vec<_> = answers.iter().map(|bytes| decode(bytes).id).collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..count).collect::<Vec<_>>());
    }
}

/// Beyond its allowance a client gets nothing, or what sends a real one to TCP; others are not
/// touched, and over TCP it is served.
#[test]
fn a_flood_from_one_address_is_bounded() {
    let school = limited();
    let questions: Vec<_> = (0..300).map(|n| question(n, "www.bets.test", A)).collect();
    let answers = flood(&school, PUPIL, &questions);
    let whole = answers
        .iter()
        .filter(|bytes| !decode(bytes).truncated)
        .count();
    let cut = answers.len() - whole;
    assert!((20..=40).contains(&whole), "{whole}");
    assert!(cut >= 100 && whole + cut <= 180, "{cut} of 300");
    for answer in answers.iter().filter(|bytes| decode(bytes).truncated) {
        assert!(
            answer.len() <= questions[0].len(),
            "no longer than the question"
        );
    }
    let other = exchange(SIXTH, school.dns(), &question(1, "example.org", A));
    assert_eq!(other.rcode, NOERROR);
    let mut stream = tcp(school.dns());
    tcp_send(&mut stream, &question(2, "example.org", A));
    assert_eq!(tcp_receive(&mut stream).unwrap().answers.len(), 1);
}

/// A client that speaks of cookies is told ours, and goes on with it; one that floods all the same
/// meets an end, too.
#[test]
fn a_client_that_proves_its_address_goes_on() {
    let school = limited();
    let cookie = |value: &[u8]| with_option(question(1, "www.bets.test", A), 10, value);
    let answers = flood(&school, PUPIL, &vec![cookie(b"harbour!"); 200]);
    let mut bad = answers
        .iter()
        .map(|bytes| decode(bytes))
        .filter(|a| a.rcode == BADCOOKIE);
    let ours = bad
        .next_back()
        .expect("who is beyond is told of cookies")
        .cookie
        .unwrap();
    let proven = flood(&school, PUPIL, &vec![cookie(&ours); 30]);
    assert_eq!(proven.len(), 30);
    assert!(proven.iter().all(|bytes| decode(bytes).rcode == NOERROR));
    let endless = flood(&school, PUPIL, &vec![cookie(&ours); 400]);
    assert!(endless.len() < 120, "{}", endless.len());
}

/// From outside: refused a few times, then silence; never an answer larger than twice the question.
#[test]
fn this_resolver_amplifies_nothing() {
    let school = School::start_with(|config| {
        config.clients = vec!["127.0.0.11/32".parse().unwrap()];
        config.limits.workers = 1;
        config.limits.outsider_per_s = 5;
        config.limits.limits_loopback = true;
    });
    let outside = Ipv4Addr::new(127, 0, 7, 7);
    for message in [
        question(1, "big.test", TXT),
        plain_question(1, "big.test", 255),
    ] {
        let answers = flood(&school, outside, &vec![message.clone(); 300]);
        let bytes: usize = answers.iter().map(Vec::len).sum();
        assert!(
            bytes < message.len() * 300,
            "{bytes} bytes for 300 questions"
        );
        for answer in &answers {
            assert!(answer.len() <= message.len() * 3);
            let answer = decode(answer);
            assert!(answer.truncated || answer.rcode == REFUSED);
        }
    }
    // The school itself gets no answer over UDP beyond 1,232 bytes, and ANY gets one record.
    let any = exchange(PUPIL, school.dns(), &question(2, "big.test", 255));
    assert!(any.answers.len() == 1 && any.bytes.len() < 120);
}
