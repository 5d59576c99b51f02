//! Waits until a resolver answers, and until it blocks what it was told to block: not all begin
//! with both.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::dns_load::question;

/// Names tried.
const SAMPLE: usize = 200;
/// Where the stand-in internet leads every name: an answer with this is not blocked.
const OPEN: [u8; 4] = [127, 0, 0, 80];

/// Prints the seconds until the first answer and until all sampled names are blocked; fails when the
/// server ends or the time is over.
pub fn wait(server: SocketAddr, from: IpAddr, file: &str, pid: u32, seconds: f64) -> Result<()> {
    let start = Instant::now();
    let text = std::fs::read_to_string(file)?;
    let mut left: Vec<Vec<u8>> = text
        .lines()
        .step_by(text.lines().count().div_ceil(SAMPLE))
        .filter_map(question)
        .collect();
    let socket = UdpSocket::bind((from, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let process = PathBuf::from(format!("/proc/{pid}/exe"));
    let mut first = None;
    while !left.is_empty() {
        if std::fs::read_link(&process).is_err() {
            bail!("the server ended before it answered");
        }
        if start.elapsed().as_secs_f64() > seconds {
            bail!(
                "after {seconds} s {} of {SAMPLE} names are not blocked",
                left.len()
            );
        }
        // One silence ends the round: the rest would be silent too.
        let mut silent = false;
        left.retain(|question| {
            let blocked = if silent {
                None
            } else {
                asked(&socket, question)
            };
            silent = blocked.is_none();
            if !silent {
                first.get_or_insert_with(|| start.elapsed());
            }
            blocked != Some(true)
        });
        if !left.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    println!(
        "first_s {:.2} blocked_s {:.2}",
        first.unwrap_or_default().as_secs_f64(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Whether the name is blocked; nothing without an answer.
fn asked(socket: &UdpSocket, question: &[u8]) -> Option<bool> {
    let mut answer = [0; 512];
    socket.send(question).ok()?;
    let length = socket.recv(&mut answer).ok()?;
    let refused = answer[3] & 15 == 5 || answer[3] & 15 == 2;
    (!refused).then(|| {
        !answer[12..length.max(12)]
            .windows(4)
            .any(|window| window == OPEN)
    })
}
