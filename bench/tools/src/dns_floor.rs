//! The least a resolver can do: answer any question from what it holds. Shows what the machine can
//! do at all, and stands in for the internet behind the resolvers.
//!
//! A gets 127.0.0.80, where the origin of the web benches listens; other types are answered "there is
//! none" with what makes that worth keeping (SOA, RFC 2308), as for most names without an AAAA.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use anyhow::Result;

/// Longest question taken; longer ones are let go.
const QUESTION_MAX: usize = 512;
/// Where every name leads.
const ADDRESS: [u8; 4] = [127, 0, 0, 80];
/// A record after its name: type A, class IN, one hour, four bytes.
const A_RECORD: [u8; 10] = [0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4];
/// A record with its name (the root): type SOA, class IN, one hour, 22 bytes; two root names, a
/// serial, three times nothing, and one hour for what does not exist.
const SOA_RECORD: [u8; 33] = [
    0, 0, 6, 0, 1, 0, 0, 0x0e, 0x10, 0, 22, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0x0e, 0x10,
];

/// Answers until the process is ended.
pub fn run(at: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(at)?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || over_tcp(stream));
        }
    });
    let socket = UdpSocket::bind(at)?;
    let mut buffer = [0; 2 * QUESTION_MAX];
    loop {
        let (length, from) = socket.recv_from(&mut buffer[..QUESTION_MAX])?;
        if let Some(length) = answer(&mut buffer, length) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    }
}

fn over_tcp(mut stream: TcpStream) -> Option<()> {
    let mut buffer = [0; 2 * QUESTION_MAX];
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let length = usize::from(u16::from_be_bytes(length));
        stream.read_exact(buffer.get_mut(..length)?).ok()?;
        let length = answer(&mut buffer, length)?;
        let mut whole = (length as u16).to_be_bytes().to_vec();
        whole.extend_from_slice(&buffer[..length]);
        stream.write_all(&whole).ok()?;
    }
}

/// Turns the question in the buffer into its answer; returns the answer's length, nothing for what
/// is no question. What follows the first question (EDNS) is cut off.
fn answer(buffer: &mut [u8; 2 * QUESTION_MAX], length: usize) -> Option<usize> {
    let mut at = 12;
    while *buffer[..length].get(at)? != 0 {
        at += 1 + usize::from(buffer[at]);
    }
    let kind = buffer[..length].get(at + 1..at + 5)?;
    let address = kind == [0, 1, 0, 1];
    let end = at + 5;
    buffer[2] = 0x84 | (buffer[2] & 1); // an answer, with authority, "recursion desired" as asked
    buffer[3] = 0x80;
    buffer[6..12].copy_from_slice(&[0, u8::from(address), 0, u8::from(!address), 0, 0]);
    let record = match address {
        true => [&[0xc0, 12][..], &A_RECORD, &ADDRESS].concat(),
        false => SOA_RECORD.to_vec(),
    };
    buffer[end..end + record.len()].copy_from_slice(&record);
    Some(end + record.len())
}
