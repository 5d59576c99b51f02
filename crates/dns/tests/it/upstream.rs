//! A stand-in for the resolver upstream: answers from a small zone, or misbehaves on demand.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};

use crate::client::{self, A, AAAA, CNAME, HTTPS, SOA, TXT, name_at, wire_name};

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Honest,
    /// Takes questions and says nothing.
    Silent,
    /// A forged answer with another id goes before the real one.
    WrongId,
    /// A forged answer to another question goes before the real one.
    WrongQuestion,
    /// A forged answer from another port goes before the real one.
    OtherSource,
    /// A forged answer in other letter case goes before the real one.
    LosesCase,
    /// Everything is cut short over UDP.
    Truncates,
    ServFail,
    /// Questions for A are lost on the way; each name has the address [`OVER_V6`].
    LosesA,
}

/// The address in forged answers.
pub const FORGED: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);
/// The IPv6 address of everything while A is lost: one that every machine has a way to.
pub const OVER_V6: std::net::Ipv6Addr = std::net::Ipv6Addr::LOCALHOST;
/// The address of everything without an entry of its own.
pub const ORDINARY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

pub struct Upstream {
    pub address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<Mutex<Vec<(String, u16, bool)>>>,
}

impl Upstream {
    pub fn start() -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let upstream = Self {
            address: udp.local_addr().unwrap(),
            mood: Arc::new(Mutex::new(Mood::Honest)),
            asked: Arc::default(),
        };
        let (mood, asked) = (Arc::clone(&upstream.mood), Arc::clone(&upstream.asked));
        std::thread::spawn(move || serve_udp(&udp, &mood, &asked));
        let asked = Arc::clone(&upstream.asked);
        std::thread::spawn(move || serve_tcp(&tcp, &asked));
        upstream
    }

    pub fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How often this was asked, over UDP and TCP.
    pub fn times_asked(&self, name: &str) -> usize {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|(asked, ..)| asked == name)
            .count()
    }

    pub fn asked_over_tcp(&self, name: &str) -> bool {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .any(|(asked, _, tcp)| asked == name && *tcp)
    }
}

fn serve_udp(udp: &UdpSocket, mood: &Mutex<Mood>, asked: &Mutex<Vec<(String, u16, bool)>>) {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut buffer = [0; 4_096];
    while let Ok((length, from)) = udp.recv_from(&mut buffer) {
        let question = &buffer[..length];
        let (name, kind) = name_and_kind(question);
        asked.lock().unwrap().push((name, kind, false));
        let forged = |question: &[u8]| reply(question, 0, &[address(SELF, FORGED)], &[]);
        let mood = *mood.lock().unwrap();
        match mood {
            Mood::Silent => continue,
            Mood::LosesA if kind == A => continue,
            Mood::LosesA => {
                let address = record(SELF, AAAA, 300, &OVER_V6.octets());
                udp.send_to(&reply(question, 0, &[address], &[]), from)
                    .unwrap();
                continue;
            }
            Mood::WrongId => {
                let mut forged = forged(question);
                forged[0] ^= 0x55;
                udp.send_to(&forged, from).unwrap();
            }
            Mood::WrongQuestion => {
                let id = u16::from_be_bytes([question[0], question[1]]);
                let other = client::question(id, "bank.example", A);
                udp.send_to(&forged(&other), from).unwrap();
            }
            Mood::LosesCase => {
                let mut forged = forged(question);
                let end = 12 + client::wire_name(&name_at(question, 12).0).len();
                forged[12..end].make_ascii_uppercase();
                if forged[12..end] == question[12..end] {
                    forged[12..end].make_ascii_lowercase();
                }
                udp.send_to(&forged, from).unwrap();
            }
            Mood::OtherSource => {
                other.send_to(&forged(question), from).unwrap();
            }
            Mood::ServFail => {
                udp.send_to(&reply(question, 2, &[], &[]), from).unwrap();
                continue;
            }
            Mood::Truncates => {
                let mut cut = reply(question, 0, &[], &[]);
                cut[2] |= 2;
                udp.send_to(&cut, from).unwrap();
                continue;
            }
            Mood::Honest => {}
        }
        let mut answer = honest(question);
        if answer.len() > 1_232 {
            answer = reply(question, 0, &[], &[]);
            answer[2] |= 2;
        }
        udp.send_to(&answer, from).unwrap();
    }
}

fn serve_tcp(tcp: &TcpListener, asked: &Mutex<Vec<(String, u16, bool)>>) {
    while let Ok((mut stream, _)) = tcp.accept() {
        let mut length = [0; 2];
        let Ok(()) = stream.read_exact(&mut length) else {
            continue;
        };
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        let Ok(()) = stream.read_exact(&mut question) else {
            continue;
        };
        let (name, kind) = name_and_kind(&question);
        asked.lock().unwrap().push((name, kind, true));
        let answer = honest(&question);
        let mut framed = (answer.len() as u16).to_be_bytes().to_vec();
        framed.extend(answer);
        let _ = stream.write_all(&framed);
    }
}

fn name_and_kind(question: &[u8]) -> (String, u16) {
    let (name, after) = name_at(question, 12);
    (
        // Asked in mixed letter case, to be counted without.
        name.to_lowercase(),
        u16::from_be_bytes([question[after], question[after + 1]]),
    )
}

const SELF: &[u8] = &[0xc0, 12];

fn record(owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut record = owner.to_vec();
    record.extend_from_slice(&kind.to_be_bytes());
    record.extend_from_slice(&[0, 1]);
    record.extend_from_slice(&ttl.to_be_bytes());
    record.extend_from_slice(&(data.len() as u16).to_be_bytes());
    record.extend_from_slice(data);
    record
}

fn address(owner: &[u8], ip: Ipv4Addr) -> Vec<u8> {
    record(owner, A, 300, &ip.octets())
}

fn reply(question: &[u8], rcode: u8, answers: &[Vec<u8>], authority: &[Vec<u8>]) -> Vec<u8> {
    let (_, after) = name_at(question, 12);
    let mut message = question[..after + 4].to_vec();
    message[2] = 0x81;
    message[3] = 0x80 | rcode;
    message[6..8].copy_from_slice(&(answers.len() as u16).to_be_bytes());
    message[8..10].copy_from_slice(&(authority.len() as u16).to_be_bytes());
    message[10..12].copy_from_slice(&[0, 0]);
    message.extend(answers.concat());
    message.extend(authority.concat());
    message
}

/// The zone.
fn honest(question: &[u8]) -> Vec<u8> {
    let (name, kind) = name_and_kind(question);
    let alias = |target: &str, more: Vec<u8>| {
        let wire = wire_name(target);
        reply(question, 0, &[record(SELF, CNAME, 300, &wire), more], &[])
    };
    let soa = || {
        let mut data = vec![0, 0];
        data.extend(
            [1u32, 3_600, 600, 86_400, 60]
                .iter()
                .flat_map(|field| field.to_be_bytes()),
        );
        record(&wire_name("test"), SOA, 60, &data)
    };
    let a = |ip: Ipv4Addr| reply(question, 0, &[address(SELF, ip)], &[]);
    match (name.as_str(), kind) {
        ("absent.test", _) => reply(question, 3, &[], &[soa()]),
        ("short.test", A) => reply(question, 0, &[record(SELF, A, 1, &ORDINARY.octets())], &[]),
        ("forcesafesearch.google.com" | "restrict.youtube.com", A) => {
            a(Ipv4Addr::new(216, 239, 38, 120))
        }
        ("forcesafesearch.google.com", AAAA) => {
            let ip = "2001:4860:4802:32::78"
                .parse::<std::net::Ipv6Addr>()
                .unwrap();
            reply(question, 0, &[record(SELF, AAAA, 300, &ip.octets())], &[])
        }
        ("restrictmoderate.youtube.com", A) => a(Ipv4Addr::new(216, 239, 38, 119)),
        ("strict.bing.com", A) => {
            let target = "strict-bing-com.a-0001.a-msedge.test";
            alias(
                target,
                address(&wire_name(target), Ipv4Addr::new(192, 0, 2, 120)),
            )
        }
        ("safe.duckduckgo.com", A) => a(Ipv4Addr::new(192, 0, 2, 121)),
        ("innocent.example", A) => {
            let target = "eu.bets.test";
            alias(target, address(&wire_name(target), ORDINARY))
        }
        ("library.example", A) => {
            let target = "edge.cdn.test";
            alias(target, address(&wire_name(target), ORDINARY))
        }
        ("circle.test", A) => {
            let other = wire_name("elcric.test");
            let back = record(&other, CNAME, 300, SELF);
            reply(question, 0, &[record(SELF, CNAME, 300, &other), back], &[])
        }
        ("big.test", A) => {
            let many: Vec<_> = (0..60)
                .map(|n| address(SELF, Ipv4Addr::new(192, 0, 2, n)))
                .collect();
            reply(question, 0, &many, &[])
        }
        ("service.test", HTTPS) => {
            let data: &[u8] = b"\0\x01\0\
                \0\x01\0\x06\x02h3\x02h2\
                \0\x04\0\x04\xc0\0\x02\x01\
                \0\x05\0\x05a key";
            reply(question, 0, &[record(SELF, HTTPS, 300, data)], &[])
        }
        ("text.test", TXT) => reply(question, 0, &[record(SELF, TXT, 300, b"\x05hello")], &[]),
        (_, A) => a(ORDINARY),
        _ => reply(question, 0, &[], &[soa()]),
    }
}
