//! A small DNS client of our own, so that every bit of an answer can be looked at.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::school::PUPIL;

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const SOA: u16 = 6;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
pub const SVCB: u16 = 64;
pub const HTTPS: u16 = 65;

pub const NOERROR: u8 = 0;
pub const FORMERR: u8 = 1;
pub const SERVFAIL: u8 = 2;
pub const NXDOMAIN: u8 = 3;
pub const REFUSED: u8 = 5;
pub const BADCOOKIE: u8 = 23;

/// Long enough for the busiest test machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub owner: String,
    pub kind: u16,
    pub ttl: u32,
    pub data: Vec<u8>,
    /// The data as a name, where it is one.
    pub target: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub id: u16,
    pub rcode: u8,
    pub truncated: bool,
    pub answers: Vec<Record>,
    pub authority: Vec<Record>,
    /// Extended DNS Error.
    pub ede: Option<(u16, String)>,
    /// Cookies of client and server.
    pub cookie: Option<Vec<u8>>,
    pub padded: bool,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn ips(&self) -> Vec<IpAddr> {
        let ip = |record: &Record| match record.kind {
            A => Some(<[u8; 4]>::try_from(record.data.as_slice()).unwrap().into()),
            AAAA => Some(<[u8; 16]>::try_from(record.data.as_slice()).unwrap().into()),
            _ => None,
        };
        self.answers.iter().filter_map(ip).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.rcode == NOERROR && self.answers.is_empty()
    }

    pub fn ede_code(&self) -> Option<u16> {
        self.ede.as_ref().map(|(code, _)| *code)
    }
}

pub fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// A question with EDNS (size 1232) and recursion wanted.
pub fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = plain_question(id, name, kind);
    message[11] = 1;
    message.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    message
}

/// A question without EDNS.
pub fn plain_question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend(wire_name(name));
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

/// Asks from the pupil's device.
pub fn ask(server: SocketAddr, name: &str, kind: u16) -> Answer {
    ask_from(PUPIL, server, name, kind)
}

/// Asks from a device of this address.
pub fn ask_from(device: Ipv4Addr, server: SocketAddr, name: &str, kind: u16) -> Answer {
    let answer = exchange(device, server, &question(0x5a5a, name, kind));
    assert_eq!(answer.id, 0x5a5a);
    answer
}

pub fn exchange(device: Ipv4Addr, server: SocketAddr, message: &[u8]) -> Answer {
    exchange_from(device.into(), server, message)
}

/// On a connected socket: what comes from another address than the one asked is never seen.
pub fn exchange_from(device: IpAddr, server: SocketAddr, message: &[u8]) -> Answer {
    let socket = UdpSocket::bind((device, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(server).unwrap();
    socket.send(message).unwrap();
    let mut buffer = [0; 65_535];
    let length = socket.recv(&mut buffer).expect("no answer");
    decode(&buffer[..length])
}

/// A connection from the pupil's device.
pub fn tcp(server: SocketAddr) -> TcpStream {
    tcp_from(PUPIL, server)
}

pub fn tcp_from(device: Ipv4Addr, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((device, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

pub fn tcp_send(stream: &mut TcpStream, message: &[u8]) {
    tcp_send_to(stream, message);
}

pub fn tcp_send_to(stream: &mut impl Write, message: &[u8]) {
    let mut framed = (message.len() as u16).to_be_bytes().to_vec();
    framed.extend_from_slice(message);
    stream.write_all(&framed).unwrap();
}

pub fn tcp_receive(stream: &mut TcpStream) -> Option<Answer> {
    tcp_receive_from(stream)
}

pub fn tcp_receive_from(stream: &mut impl Read) -> Option<Answer> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    Some(decode(&message))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub fn decode(bytes: &[u8]) -> Answer {
    let mut at = 12;
    if u16_at(bytes, 4) == 1 {
        at = name_at(bytes, at).1 + 4;
    }
    let mut sections = [Vec::new(), Vec::new(), Vec::new()];
    for (section, count_at) in sections.iter_mut().zip([6, 8, 10]) {
        for _ in 0..u16_at(bytes, count_at) {
            let (owner, after) = name_at(bytes, at);
            let length = usize::from(u16_at(bytes, after + 8));
            let start = after + 10;
            let kind = u16_at(bytes, after);
            let named = if kind == CNAME {
                name_at(bytes, start).0
            } else {
                String::new()
            };
            let ttl = [u16_at(bytes, after + 4), u16_at(bytes, after + 6)].map(u32::from);
            section.push(Record {
                owner,
                kind,
                ttl: ttl[0] << 16 | ttl[1],
                data: bytes[start..start + length].to_vec(),
                target: named,
            });
            at = start + length;
        }
    }
    assert_eq!(at, bytes.len(), "nothing may follow the last record");
    let [answers, authority, extras] = sections;
    let opt = extras.iter().find(|record| record.kind == 41);
    let options = opt.map(|opt| options(&opt.data)).unwrap_or_default();
    let option = |code| options.iter().find(|(option, _)| *option == code);
    let ede = option(15).map(|(_, value)| {
        let text = String::from_utf8(value[2..].to_vec()).unwrap();
        (u16_at(value, 0), text)
    });
    Answer {
        id: u16_at(bytes, 0),
        rcode: bytes[3] & 15 | opt.map_or(0, |opt| (opt.ttl >> 24 << 4) as u8),
        cookie: option(10).map(|(_, value)| value.clone()),
        padded: option(12).is_some(),
        truncated: bytes[2] & 2 != 0,
        answers,
        authority,
        ede,
        bytes: bytes.to_vec(),
    }
}

/// The options of an OPT record.
fn options(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let end = 4 + usize::from(u16_at(bytes, 2));
        found.push((u16_at(bytes, 0), bytes[4..end].to_vec()));
        bytes = &bytes[end..];
    }
    found
}

/// The same question with one more EDNS option.
pub fn with_option(mut question: Vec<u8>, option: u16, value: &[u8]) -> Vec<u8> {
    let length_at = question.len() - 2;
    question.extend_from_slice(&option.to_be_bytes());
    question.extend_from_slice(&(value.len() as u16).to_be_bytes());
    question.extend_from_slice(value);
    let length = (question.len() - length_at - 2) as u16;
    question[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    question
}

pub fn name_at(bytes: &[u8], mut at: usize) -> (String, usize) {
    let (mut labels, mut after) = (Vec::new(), None);
    loop {
        match bytes[at] {
            0 => return (labels.join("."), after.unwrap_or(at + 1)),
            length if length >= 192 => {
                after.get_or_insert(at + 2);
                at = usize::from(u16_at(bytes, at) & 0x3fff);
            }
            length => {
                let end = at + 1 + usize::from(length);
                labels.push(String::from_utf8_lossy(&bytes[at + 1..end]).into_owned());
                at = end;
            }
        }
    }
}
