//! The short form of `bench/peers soak`: the same work again and again takes no more memory, no more
//! descriptors and no more threads than the first time.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

use crate::support::server::Server;
use crate::support::wait_for;

/// Questions and requests of one round; every twentieth is for something blocked.
const QUESTIONS: usize = 20_000;
const REQUESTS: usize = 1_500;
const ROUNDS: usize = 4;
/// What rounds after the second may add, in KiB: less than a byte for each question.
const SLACK_KIB: u64 = 16 * 1024;

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    memory_kib: u64,
    descriptors: usize,
    threads: usize,
}

fn held(pid: u32) -> Held {
    let of = |what: &str| format!("/proc/{pid}/{what}");
    let status = std::fs::read_to_string(of("status")).unwrap();
    let number = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    Held {
        // Code that is touched for the first time is not what is looked for here.
        memory_kib: number("RssAnon:"),
        descriptors: std::fs::read_dir(of("fd")).unwrap().count(),
        threads: number("Threads:") as usize,
    }
}

fn ask_many(server: &Server, round: usize) {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 1, 10), 0)).unwrap();
    socket.connect(server.dns).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut answer = [0; 1500];
    for number in 0..QUESTIONS {
        let name = match number % 20 {
            0 => format!("n{round}x{number}.gambling.pharos.test."),
            _ => format!("n{}.harbour.example.", number % 500),
        };
        let mut message = Message::new(number as u16, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(
            Name::from_ascii(&name).unwrap(),
            RecordType::A,
        ));
        socket.send(&message.to_vec().unwrap()).unwrap();
        // What is lost on the way is asked again by a real client; here the next answer will do.
        if socket.recv(&mut answer).is_err() {
            panic!("no answer to question {number} of round {round}");
        }
    }
}

fn visit_many(server: &Server) {
    for _ in 0..REQUESTS {
        let mut stream = TcpStream::connect(server.proxy).unwrap();
        stream
            .write_all(b"GET http://gambling.pharos.test/win HTTP/1.1\r\nHost: gambling.pharos.test\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    }
}

/// FIL-17: eighty thousand questions and six thousand requests later the server holds what it held
/// after the first half of them.
#[test]
fn fil_17_the_same_work_again_takes_no_more_memory() {
    let server = Server::sample();
    assert_eq!(server.dns.ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
    let mut seen = Vec::new();
    for round in 0..ROUNDS {
        ask_many(&server, round);
        visit_many(&server);
        // Connections that ended are let go of before it is looked.
        let settled = wait_for("connections to be let go of", || {
            let now = held(server.pid());
            let most = seen
                .first()
                .map_or(usize::MAX, |first: &Held| first.descriptors + 8);
            (now.descriptors <= most).then_some(now)
        });
        seen.push(settled);
    }
    let (warm, last) = (seen[1], seen[ROUNDS - 1]);
    assert!(
        last.memory_kib <= warm.memory_kib + SLACK_KIB,
        "memory grows: {seen:?}"
    );
    assert!(last.threads <= warm.threads + 1, "threads grow: {seen:?}");
}
