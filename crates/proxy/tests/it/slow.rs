//! Ten thousand clients that open a connection to the proxy and do not get on with it.
//!
//! The test runs this very test program again for itself, so that descriptors and memory are those of
//! its own clients and proxy alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pharos_testkit::origin::{Origin, Reply, TestCa};
use pharos_testkit::tools::have;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{School, text, wait_for};

/// Set for the run by itself.
const ALONE: &str = "PHAROS_TEST_ALONE";
/// Clients wanted; fewer where the system gives fewer descriptors, of which each takes two here.
const CLIENTS: usize = 10_000;
/// Descriptors for everything else.
const OTHERS: u64 = 200;
/// Patience of the proxy in seconds: the first in which all clients can be connected.
const PATIENCE: [u64; 3] = [5, 20, 60];
/// Connections before it is waited until the proxy has taken them.
const STEP: usize = 100;
/// Most that one may cost.
const BYTES: usize = 32 << 10;
/// How they begin: with nothing, with half a head, with a tunnel and half a hello in it.
const BEGINNINGS: [&[u8]; 3] = [
    b"",
    b"GET http://harbour.test/ HTTP/1.1\r\nHost: har",
    b"CONNECT harbour.test:443 HTTP/1.1\r\nHost: harbour.test:443\r\n\r\n\x16\x03\x01\x02\0\x01\0\x01\xfc",
];

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

async fn slow(number: usize, at: SocketAddr) -> TcpStream {
    // Half as many from one address as one may have.
    let [.., high, low] = (number / 256).to_be_bytes();
    let from = IpAddr::V4(Ipv4Addr::new(127, 20, high, low));
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(at).await.unwrap();
    let begins = BEGINNINGS[number % BEGINNINGS.len()];
    stream.write_all(begins).await.unwrap();
    stream
}

/// FIL-17: ten thousand clients that say nothing, half a request, or half a hello inside a tunnel hold
/// nobody up, cost a bounded amount each, and are cut off at the deadline.
#[tokio::test]
async fn fil_17_ten_thousand_slow_clients_hold_nobody_up() {
    if !have(&["curl"]) {
        return;
    }
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["slow::slow_clients", "--exact", "--nocapture", "--ignored"])
        .env(ALONE, "1")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let told = text(&output);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}\n{problems}"
    );
    // Figures for whoever looks.
    eprint!("{problems}");
}

#[tokio::test]
#[ignore = "run by itself, by its namesake"]
async fn slow_clients() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    for patience in PATIENCE {
        if holds(Duration::from_secs(patience)).await {
            return;
        }
    }
    panic!("the clients could not be connected in time");
}

/// Whether all could be connected within the patience; then the rest holds too.
async fn holds(patience: Duration) -> bool {
    let origin = Origin::http(|_| Reply::page("open")).await;
    let school = School::with(&[("harbour.test", &origin)], TestCa::new(), |config| {
        config.limits.head_time = patience;
        config.limits.idle = patience;
        config.limits.handshake = patience;
    });
    assert_eq!(text(&school.curl(&["http://harbour.test/"]).await), "open");
    let wanted = clients();
    let before = memory();
    let begun = school.figures().connections;
    let mut open = Vec::with_capacity(wanted);
    while open.len() < wanted {
        for _ in 0..STEP.min(wanted - open.len()) {
            open.push(slow(open.len(), school.proxy).await);
        }
        let taken = begun + open.len() as u64;
        wait_for(|| (school.figures().connections >= taken).then_some(())).await;
    }
    // The tunnels are open, and nothing but their first answer has come.
    for tunnel in open.iter_mut().skip(2).step_by(BEGINNINGS.len()) {
        let mut head = [0; 12];
        tunnel.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
    }
    let quick = text(&school.curl(&["http://harbour.test/"]).await);
    assert_eq!(quick, "open");
    let blocked = text(&school.curl(&["https://blocked.test/"]).await);
    assert!(blocked.contains("This site is blocked"), "{blocked}");
    let each = memory().saturating_sub(before) / wanted;
    let all_there = open.iter().all(|stream| {
        let waiting = stream.try_read(&mut [0; 1_024]);
        let ended = matches!(waiting, Ok(0));
        !ended && (waiting.is_err() || stream.try_read(&mut [0; 1]).is_err())
    });
    if !all_there {
        return false;
    }
    assert_eq!(school.figures().turned_away, 0);
    assert!(each <= BYTES, "{each} bytes for each of {wanted} clients");
    eprintln!("{wanted} slow clients, {each} bytes each");
    for (number, mut stream) in open.into_iter().enumerate() {
        // What was not told before it is over: only who has begun a request is told why.
        let mut last = Vec::new();
        let _ = stream.read_to_end(&mut last).await;
        let told = last.starts_with(b"HTTP/1.1 408 ");
        assert_eq!(told, number % BEGINNINGS.len() == 1, "{number}");
    }
    assert_eq!(text(&school.curl(&["http://harbour.test/"]).await), "open");
    true
}
