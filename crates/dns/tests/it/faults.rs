//! Upstreams that fail.

use std::net::UdpSocket;

use crate::client::{A, NOERROR, SERVFAIL, ask, ask_from, question};
use crate::school::{PAGE_V4, PUPIL, School, until};
use crate::upstream::{Mood, ORDINARY, Upstream};

/// FIL-17: while no upstream answers, the last known answer is served past its end and says so
/// (RFC 8767); blocks go on unchanged; service comes back unaided.
#[test]
fn fil_17_with_the_upstream_down_the_last_known_answer_is_served() {
    let school = School::start();
    assert_eq!(ask(school.dns(), "short.test", A).ips(), [ORDINARY]);
    school.upstream.becomes(Mood::Silent);
    until("the answer is past its end", || {
        let answer = ask(school.dns(), "short.test", A);
        assert_eq!(
            (answer.rcode, answer.ips()),
            (NOERROR, vec![ORDINARY.into()])
        );
        answer.ede_code() == Some(3)
    });
    let failed = ask(school.dns(), "never-seen.test", A);
    assert_eq!((failed.rcode, failed.ede_code()), (SERVFAIL, Some(23)));
    let again = ask(school.dns(), "never-seen.test", A);
    assert_eq!(
        (again.rcode, again.ede_code()),
        (SERVFAIL, Some(22)),
        "remembered (RFC 9520)"
    );
    assert_eq!(
        ask_from(PUPIL, school.dns(), "www.bets.test", A).ips(),
        [PAGE_V4]
    );
    school.upstream.becomes(Mood::Honest);
    until("it is fresh again", || {
        ask(school.dns(), "short.test", A).ede.is_none()
    });
    until("names are looked up again", || {
        ask(school.dns(), "never-seen.test", A).ips() == [ORDINARY]
    });
}

#[test]
fn a_dead_upstream_is_passed_by_for_the_next() {
    let dead = UdpSocket::bind("127.0.0.1:0").unwrap();
    let refuses = Upstream::start();
    refuses.becomes(Mood::ServFail);
    let addresses = vec![dead.local_addr().unwrap(), refuses.address];
    let school = School::start_with(|config| {
        config
            .upstreams
            .splice(..0, addresses.into_iter().map(Into::into));
    });
    for n in 0..6 {
        assert_eq!(
            ask(school.dns(), &format!("n{n}.example.org"), A).ips(),
            [ORDINARY]
        );
    }
    let counts = school.counts();
    assert!(
        counts.upstream_down >= 1,
        "the dead one is rested: {counts:?}"
    );
    assert!(
        counts.upstream_errors < 6 + 1,
        "and not waited for each time"
    );
}

/// FIL-17: with no upstream at all the filter still decides, and says what it cannot do.
#[test]
fn fil_17_without_any_upstream_the_filter_still_decides() {
    let school = School::start_with(|config| config.upstreams.clear());
    let answer = ask(school.dns(), "example.org", A);
    assert_eq!((answer.rcode, answer.ede_code()), (SERVFAIL, Some(22)));
    assert_eq!(
        ask_from(PUPIL, school.dns(), "www.bets.test", A).ips(),
        [PAGE_V4]
    );
    assert_eq!(school.counts().no_upstream, 1);
}

/// At the bound of questions under way, further ones are turned away at once and counted; blocks
/// and cached answers go on.
#[test]
fn questions_under_way_are_bounded() {
    let school = School::start_with(|config| {
        config.limits.workers = 1;
        config.limits.flights_max = 8;
        config.limits.upstream_timeout = std::time::Duration::from_secs(5);
    });
    assert_eq!(ask(school.dns(), "cached.example.org", A).ips(), [ORDINARY]);
    school.upstream.becomes(Mood::Silent);
    let client = UdpSocket::bind((PUPIL, 0)).unwrap();
    for n in 0..20 {
        client
            .send_to(&question(n, &format!("n{n}.example.org"), A), school.dns())
            .unwrap();
    }
    until("the rest is turned away", || {
        school.counts().overloaded == 12
    });
    assert_eq!(
        ask_from(PUPIL, school.dns(), "www.bets.test", A).ips(),
        [PAGE_V4]
    );
    assert_eq!(ask(school.dns(), "cached.example.org", A).ips(), [ORDINARY]);
}

/// FIL-17: a fault in the program while answering costs that answer, not the service.
#[test]
fn fil_17_a_fault_in_the_program_does_not_end_the_service() {
    let school = School::start_with(|config| config.limits.workers = 1);
    school.events.trips_over("trip.example.org");
    let client = UdpSocket::bind((PUPIL, 0)).unwrap();
    until("a worker has met the fault and is back", || {
        client
            .send_to(&question(1, "trip.example.org", A), school.dns())
            .unwrap();
        school.counts().worker_restarts > 0
    });
    school.events.trips_over("nothing");
    assert_eq!(ask(school.dns(), "example.org", A).ips(), [ORDINARY]);
    assert_eq!(ask(school.dns(), "trip.example.org", A).ips(), [ORDINARY]);
    assert_eq!(
        ask_from(PUPIL, school.dns(), "www.bets.test", A).ips(),
        [PAGE_V4]
    );
}
