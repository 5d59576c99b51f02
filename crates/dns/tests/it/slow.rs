//! Ten thousand clients that open a connection and do not get on with it.
//!
//! Each test runs this very test program again for itself, so that descriptors and memory are those
//! of its own clients and resolver alone.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::client::{A, ask, question, tcp, tcp_receive, tcp_send};
use crate::encrypted::{NAME, encrypted, identity};
use crate::school::{PAGE_V4, School, until};
use crate::upstream::ORDINARY;

/// Set for the run by itself.
const ALONE: &str = "PHAROS_TEST_ALONE";
/// Clients wanted; fewer where the system gives fewer descriptors, of which each takes two here.
const CLIENTS: usize = 10_000;
/// Descriptors for everything else.
const OTHERS: u64 = 200;
/// Patience of the resolver in seconds: the first in which all clients can be connected.
const PATIENCE: [u64; 3] = [5, 20, 60];
/// Connections before it is waited until the resolver has taken them.
const STEP: usize = 100;

/// Runs one ignored test of this program by itself.
fn alone(test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--ignored"])
        .env(ALONE, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}\n{problems}"
    );
    // Figures for whoever looks.
    print!("{told}");
}

/// As many clients as descriptors allow.
fn clients() -> usize {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    CLIENTS.min(usize::try_from(most.saturating_sub(OTHERS) / 2).unwrap_or(CLIENTS))
}

/// Bytes of memory that this process has written to.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    kib.unwrap() * 1024
}

/// A client that begins as told and gets no further.
fn slow(number: usize, at: SocketAddr, begins: &[u8]) -> TcpStream {
    // So many from one address as one may have.
    let [.., high, low] = (number / 16).to_be_bytes();
    let from = SocketAddr::from((Ipv4Addr::new(127, 20, high, low), 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&from.into()).unwrap();
    socket.connect(&at.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.write_all(begins).unwrap();
    stream
}

/// All are connected at once, none disturbs a client that gets on, each costs no more than so many
/// bytes, and each is cut off in the end; whether all could be connected within the patience.
fn holds(patience: u64, over: fn(&School) -> SocketAddr, begins: &[u8], bytes: usize) -> bool {
    let own = identity(NAME);
    let school = School::start_with(|config| {
        encrypted(&own)(config);
        config.limits.tcp_idle = Duration::from_secs(patience);
        config.limits.tcp_connections_max = 2 * CLIENTS;
    });
    assert_eq!(ask(school.dns(), "example.org", A).ips(), [ORDINARY]);
    let wanted = clients();
    let before = memory();
    let mut open = Vec::with_capacity(wanted);
    while open.len() < wanted {
        for _ in 0..STEP.min(wanted - open.len()) {
            open.push(slow(open.len(), over(&school), begins));
        }
        until("they are taken", || {
            school.counts().tcp_connections >= open.len() as u64
        });
    }
    assert_eq!(ask(school.dns(), "example.org", A).ips(), [ORDINARY]);
    assert_eq!(ask(school.dns(), "www.bets.test", A).ips(), [PAGE_V4]);
    let mut quick = tcp(school.dns());
    tcp_send(&mut quick, &question(2, "new.example.org", A));
    assert_eq!(tcp_receive(&mut quick).unwrap().ips(), [ORDINARY]);
    let each = memory().saturating_sub(before) / wanted;
    let counts = school.counts();
    if counts.tcp_closed > 0 {
        return false;
    }
    assert_eq!(counts.tcp_turned_away, 0);
    assert!(each <= bytes, "{each} bytes for each of {wanted} clients");
    println!("{wanted} slow clients, {each} bytes each");
    drop(quick);
    until("every one is cut off", || {
        school.counts().tcp_closed > wanted as u64
    });
    for stream in &mut open {
        // The end, or a reset: never an answer.
        assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
    }
    assert_eq!(ask(school.dns(), "example.org", A).ips(), [ORDINARY]);
    true
}

fn holds_somehow(over: fn(&School) -> SocketAddr, begins: &[u8], bytes: usize) {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let held = PATIENCE
        .into_iter()
        .any(|patience| holds(patience, over, begins, bytes));
    assert!(held, "the clients could not be connected in time");
}

/// FIL-17: ten thousand clients over TCP that have sent half of a question's length hold nobody up, cost
/// a bounded amount each, and are cut off at the deadline.
#[test]
fn fil_17_ten_thousand_slow_clients_over_tcp_hold_nobody_up() {
    alone("slow::slow_over_tcp");
}

/// FIL-17: the same of ten thousand that begin DNS over TLS with the beginning of a hello.
#[test]
fn fil_17_ten_thousand_slow_clients_over_tls_hold_nobody_up() {
    alone("slow::slow_over_tls");
}

#[test]
#[ignore = "run by itself, by its namesake"]
fn slow_over_tcp() {
    holds_somehow(School::dns, &[0], 16 << 10);
}

#[test]
#[ignore = "run by itself, by its namesake"]
fn slow_over_tls() {
    holds_somehow(
        School::tls,
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        32 << 10,
    );
}
