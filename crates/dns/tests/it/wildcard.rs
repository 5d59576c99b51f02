//! A socket bound to all addresses answers from the one that was asked, as no client takes an answer
//! from another (RFC 2181 section 4.1).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::client::{A, decode, exchange_from, question};
use crate::school::{PAGE_V4, PUPIL, STAFF, School, person, until};
use crate::upstream::ORDINARY;

/// Set for the run inside a network of its own.
const INSIDE: &str = "PHAROS_TEST_INSIDE_NAMESPACE";

/// One socket for all addresses of a family.
fn school(all: &str) -> School {
    School::start_with(|config| {
        config.listen = vec![SocketAddr::new(all.parse().unwrap(), 0)];
        config.limits.workers = 1;
    })
}

/// Answers of every kind, at once and later, alone and many together, arrive on sockets that take them
/// from the address asked alone.
fn answers_from_each(school: &School, device: IpAddr, own: &[IpAddr]) {
    let port = school.dns().port();
    for (number, own) in own.iter().enumerate() {
        let at = SocketAddr::new(*own, port);
        let new = format!("n{number}.example.org");
        for round in ["by an upstream", "from the cache"] {
            let answer = exchange_from(device, at, &question(1, &new, A));
            assert_eq!(answer.ips(), [ORDINARY], "{own} {round}");
        }
        assert!(!exchange_from(device, at, &question(1, "localhost", A)).is_empty());
    }
    let clients: Vec<UdpSocket> = (0..24_u16)
        .map(|number| {
            let client = UdpSocket::bind((device, 0)).unwrap();
            let patience = Some(Duration::from_secs(10));
            client.set_read_timeout(patience).unwrap();
            let own = own[usize::from(number / 2) % own.len()];
            client.connect((own, port)).unwrap();
            let name = if number % 5 == 0 {
                "many.example.org"
            } else {
                "n0.example.org"
            };
            client.send(&question(number, name, A)).unwrap();
            client
        })
        .collect();
    for (number, client) in clients.iter().enumerate() {
        let mut buffer = [0; 512];
        let length = client.recv(&mut buffer).unwrap();
        let answer = decode(&buffer[..length]);
        assert_eq!(usize::from(answer.id), number);
        assert_eq!(answer.ips(), [ORDINARY]);
    }
}

#[test]
fn fil_01_answers_leave_from_the_address_that_was_asked() {
    let school = school("0.0.0.0");
    let own = ["127.0.0.1", "127.0.0.2", "127.3.2.1"].map(|ip| ip.parse().unwrap());
    answers_from_each(&school, STAFF.into(), &own);
    let blocked = exchange_from(
        PUPIL.into(),
        (Ipv4Addr::new(127, 0, 0, 2), school.dns().port()).into(),
        &question(7, "www.bets.test", A),
    );
    assert_eq!(blocked.ips(), [PAGE_V4]);
}

/// The same over IPv6, in a network of its own: loopback has one address elsewhere.
#[test]
fn fil_01_answers_leave_from_the_address_that_was_asked_over_ipv6() {
    // Whoever is not root may be so in a world of their own.
    let ways: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];
    let can = |way: &&&[&str]| {
        let made = Command::new("unshare")
            .args(**way)
            .args(["ip", "-V"])
            .output();
        made.is_ok_and(|made| made.status.success())
    };
    let Some(way) = ways.iter().find(can) else {
        let real = std::env::var_os("PHAROS_TEST_REAL").is_some_and(|value| value == "1");
        assert!(
            !real,
            "PHAROS_TEST_REAL=1, but no network namespace can be made"
        );
        eprintln!("left out: network namespaces and iproute2 are needed");
        return;
    };
    let inside = "wildcard::in_a_network_of_its_own";
    let output = Command::new("unshare")
        .args(*way)
        .arg(std::env::current_exe().unwrap())
        .args([inside, "--exact", "--nocapture", "--ignored"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}\n{problems}"
    );
}

#[test]
#[ignore = "runs inside a namespace, started by its namesake"]
fn in_a_network_of_its_own() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    let ip = |arguments: &str| {
        let words = arguments.split_whitespace();
        let done = Command::new("ip").args(words).status().unwrap();
        assert!(done.success(), "ip {arguments}");
    };
    ip("link set lo up");
    let own = ["fd00:5c::1", "fd00:5c::2", "fd00:5c::3"];
    for own in own {
        ip(&format!("-6 address add {own}/128 dev lo nodad"));
    }
    let own = own.map(|own| own.parse::<IpAddr>().unwrap());
    until("the addresses can be used", || {
        own.iter().all(|own| UdpSocket::bind((*own, 0)).is_ok())
    });
    let school = school("::");
    let hour = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let teacher = person(13);
    school
        .filter
        .addresses()
        .sign_in(own[2], teacher, None, hour);
    answers_from_each(&school, own[2], &own);
}
