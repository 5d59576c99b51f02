//! TCP: pipelining, slow and greedy clients, the end.

use std::io::{Read, Write};
use std::time::Duration;

use crate::client::{A, ask, plain_question, question, tcp, tcp_from, tcp_receive, tcp_send};
use crate::school::{SIXTH, STAFF, School, YOUNGEST, until};
use crate::upstream::{Mood, ORDINARY};

/// RFC 7766: many questions at once; a slow one does not hold up the rest.
#[test]
fn answers_on_one_connection_come_as_they_are_ready() {
    let school = School::start_with(|config| {
        config.limits.upstream_timeout = Duration::from_millis(1_500);
    });
    assert_eq!(ask(school.dns(), "example.org", A).ips(), [ORDINARY]);
    school.upstream.becomes(Mood::Silent);
    let mut stream = tcp(school.dns());
    tcp_send(&mut stream, &question(1, "slow.test", A));
    for id in 2..40 {
        tcp_send(&mut stream, &question(id, "example.org", A));
    }
    for id in 2..40 {
        assert_eq!(tcp_receive(&mut stream).unwrap().id, id);
    }
    school.upstream.becomes(Mood::Honest);
    let slow = tcp_receive(&mut stream).unwrap();
    assert_eq!((slow.id, slow.ips()), (1, vec![ORDINARY.into()]));
}

/// A client that asks and closes its side at once still gets its answers.
#[test]
fn a_half_closed_connection_gets_its_answers() {
    let school = School::start();
    let mut stream = tcp(school.dns());
    tcp_send(&mut stream, &question(1, "example.org", A));
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(tcp_receive(&mut stream).unwrap().ips(), [ORDINARY]);
}

/// A client that drips bytes, says nothing or talks nonsense is closed.
#[test]
fn slow_idle_and_senseless_clients_are_closed() {
    let school = School::start_with(|config| config.limits.tcp_idle = Duration::from_millis(300));
    let mut idle = tcp(school.dns());
    let mut drips = tcp(school.dns());
    let mut nonsense = tcp(school.dns());
    nonsense.write_all(&[0xff; 64]).unwrap();
    let mut byte = [0];
    for piece in plain_question(1, "example.org", A) {
        if drips.write_all(&[0, 60, piece]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(idle.read(&mut byte).unwrap_or(0), 0);
    assert_eq!(drips.read(&mut byte).unwrap_or(0), 0);
    assert_eq!(nonsense.read(&mut byte).unwrap_or(0), 0);
    until("all three are closed", || school.counts().tcp_closed == 3);
}

#[test]
fn connections_are_bounded_by_client() {
    let school = School::start_with(|config| {
        config.limits.workers = 1;
        config.limits.tcp_per_client_max = 4;
    });
    let mut open: Vec<_> = (0..4).map(|_| tcp(school.dns())).collect();
    until("four are open", || school.counts().tcp_connections == 4);
    let mut fifth = tcp(school.dns());
    assert_eq!(fifth.read(&mut [0]).unwrap_or(0), 0, "turned away");
    tcp_send(&mut open[0], &question(1, "example.org", A));
    assert_eq!(tcp_receive(&mut open[0]).unwrap().ips(), [ORDINARY]);
    drop(open);
    until("places are given back", || school.counts().tcp_closed == 4);
    let mut again = tcp(school.dns());
    tcp_send(&mut again, &question(1, "example.org", A));
    assert_eq!(tcp_receive(&mut again).unwrap().ips(), [ORDINARY]);
}

/// FIL-17: where all places are taken, whoever has the most gives up the oldest: clients that hold many
/// connections and do nothing keep nobody out.
#[test]
fn fil_17_clients_that_hold_every_place_keep_nobody_out() {
    let school = School::start_with(|config| {
        config.limits.workers = 1;
        config.limits.tcp_connections_max = 8;
        config.limits.tcp_per_client_max = 4;
    });
    let mut held: Vec<_> = [STAFF, SIXTH, SIXTH, SIXTH, SIXTH, STAFF, STAFF, YOUNGEST]
        .map(|device| tcp_from(device, school.dns()))
        .into();
    until("all places are taken", || {
        school.counts().tcp_connections == 8
    });
    for (made, gone) in [(1, 1), (2, 0)] {
        let mut quick = tcp(school.dns());
        tcp_send(&mut quick, &question(made, "example.org", A));
        assert_eq!(tcp_receive(&mut quick).unwrap().ips(), [ORDINARY]);
        assert_eq!(held[gone].read(&mut [0]).unwrap_or(0), 0, "made room");
        assert_eq!(school.counts().tcp_made_room, u64::from(made));
        held.remove(gone);
        held.push(quick);
    }
    // All others are still served.
    for stream in &mut held {
        tcp_send(stream, &question(9, "www.bets.test", A));
        assert_eq!(tcp_receive(stream).unwrap().id, 9);
    }
    assert_eq!(school.counts().tcp_turned_away, 0);
}

/// When the end is asked for, every thread ends and the port is free again.
#[test]
fn the_end_is_orderly() {
    let mut school = School::start();
    let (dns, counts) = (school.dns(), school.counter());
    assert_eq!(ask(dns, "example.org", A).ips(), [ORDINARY]);
    school.end();
    assert!(
        std::net::UdpSocket::bind(dns).is_ok(),
        "the port is free again"
    );
    assert_eq!(counts().udp, 1);
}
