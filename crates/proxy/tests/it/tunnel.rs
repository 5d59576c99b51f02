//! Tunnels that are not looked into: every byte, both ways, in any pace, and nothing else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pharos_proxy::{Fixed, Limits, ProxyConfig};
use pharos_testkit::origin::TestCa;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{School, snapshot, wait_for};

/// A school where `bank.test` is never looked into and stands at this address.
fn school(at: SocketAddr, change: impl FnOnce(&mut ProxyConfig)) -> School {
    School::with(&[], TestCa::new(), |config| {
        let fixed = Fixed {
            ip: at.ip(),
            port: Some(at.port()),
        };
        config.fixed.insert("bank.test".to_owned(), fixed);
        change(config);
    })
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}

/// Opens a tunnel to `bank.test`; the first byte says that it is no TLS and no HTTP.
async fn open(school: &School) -> TcpStream {
    let mut stream = TcpStream::connect(school.proxy).await.unwrap();
    stream
        .write_all(b"CONNECT bank.test:443 HTTP/1.1\r\nHost: bank.test:443\r\n\r\n\x01")
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200 "));
    stream
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at.wrapping_mul(31) >> 3) as u8)
        .collect()
}

/// FIL-01: megabytes pass both ways at once through a reader that pauses, none lost, none changed,
/// and each side's end reaches the other while the other still speaks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fil_01_a_tunnel_carries_every_byte_and_each_end_by_itself() {
    for pipes in [Limits::default().pipes, 0] {
        let (listener, at) = listen().await;
        let school = school(at, |config| config.limits.pipes = pipes);
        let (up, down) = (pattern(3_000_001), pattern(5_000_003));
        let wanted = up.clone();
        let answer = down.clone();
        let origin = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), 1);
            let (mut read, mut write) = stream.split();
            let sending = async {
                for part in answer[..1_000_000].chunks(7_001) {
                    write.write_all(part).await.unwrap();
                }
            };
            let reading = async {
                let mut got = Vec::new();
                read.read_to_end(&mut got).await.unwrap();
                got
            };
            let ((), got) = tokio::join!(sending, reading);
            assert!(got == wanted, "{} of {}", got.len(), wanted.len());
            // The client has ended; what is left to say still reaches it.
            write.write_all(&answer[1_000_000..]).await.unwrap();
        });
        let mut stream = open(&school).await;
        let (mut read, mut write) = stream.split();
        let sending = async {
            write.write_all(&up).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let reading = async {
            let mut got = Vec::new();
            read.read_to_end(&mut got).await.unwrap();
            got
        };
        let ((), got) = tokio::join!(sending, reading);
        assert!(got == down, "{} of {}", got.len(), down.len());
        origin.await.unwrap();
        let event = school.events(1).await.remove(0);
        assert_eq!(
            (event.bytes_up, event.bytes_down),
            (up.len() as u64 + 1, down.len() as u64)
        );
    }
}

/// An origin that breaks off is broken off to the client too: a cut answer does not look whole.
#[tokio::test]
async fn fil_17_a_broken_tunnel_does_not_look_like_an_end() {
    let (listener, at) = listen().await;
    let school = school(at, |_| {});
    let mut stream = open(&school).await;
    let (mut origin, _) = listener.accept().await.unwrap();
    assert_eq!(origin.read_u8().await.unwrap(), 1);
    origin.write_all(b"half").await.unwrap();
    let mut half = [0; 4];
    stream.read_exact(&mut half).await.unwrap();
    origin.set_zero_linger().unwrap();
    drop(origin);
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

/// A tunnel in which nothing moves is ended after the stall time; one in which a byte moves now
/// and then is not.
#[tokio::test]
async fn fil_17_a_tunnel_that_stands_still_is_ended() {
    let (listener, at) = listen().await;
    let stall = Duration::from_secs(2);
    let school = school(at, |config| config.limits.stall = stall);
    let (mut slow, mut still) = (open(&school).await, open(&school).await);
    let (mut at_slow, _) = listener.accept().await.unwrap();
    let (_at_still, _) = listener.accept().await.unwrap();
    assert_eq!(at_slow.read_u8().await.unwrap(), 1);
    let mut pulse = tokio::time::interval(stall / 20);
    let mut byte = [0];
    loop {
        tokio::select! {
            _ = pulse.tick() => {
                slow.write_all(b"x").await.unwrap();
                assert_eq!(at_slow.read_u8().await.unwrap(), b'x');
            }
            read = still.read(&mut byte) => {
                assert_eq!(read.unwrap(), 0);
                break;
            }
        }
    }
    slow.write_all(b"y").await.unwrap();
    assert_eq!(at_slow.read_u8().await.unwrap(), b'y');
}

/// FIL-17: a tunnel that is open keeps no policy and no list that is out of force.
#[tokio::test]
async fn fil_17_an_open_tunnel_keeps_nothing_that_is_out_of_force() {
    let (listener, at) = listen().await;
    let school = school(at, |_| {});
    let old = Arc::downgrade(&school.filter.snapshot().unwrap());
    let mut client = open(&school).await;
    let (mut origin, _) = listener.accept().await.unwrap();
    assert_eq!(origin.read_u8().await.unwrap(), 1);
    school.filter.install(snapshot());
    wait_for(|| old.upgrade().is_none().then_some(())).await;
    client.write_all(b"2").await.unwrap();
    assert_eq!(origin.read_u8().await.unwrap(), b'2');
}
